#!/usr/bin/env python3
"""Make a capture of a SYN flood: as many half-open connections of as many addresses to one server.

usage: syn_flood.py SYNS > OUT.pcap

Twenty thousand a second, checksums zero. The same number gives the same bytes.
"""
import random
import struct
import sys

PER_SECOND = 20_000
START = 1_790_000_000


def main(syns):
    dice = random.Random(7)
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    held = bytearray()
    for n in range(syns):
        source, port, seq = dice.getrandbits(32), dice.randrange(1024, 65535), dice.getrandbits(32)
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, n & 0xFFFF, 0, 64, 6, 0, source, 0x0A000009)
        tcp = struct.pack(">HHIIBBHHH", port, 3389, seq, 0, 0x50, 2, 64240, 0, 0)
        frame = b"\x02\0\0\0\0\x09\x02\0\0\0\0\x05\x08\0" + ip + tcp
        micros = n % PER_SECOND * (1_000_000 // PER_SECOND)
        held += struct.pack("<IIII", START + n // PER_SECOND, micros, len(frame), len(frame)) + frame
        if len(held) > 1 << 20:
            out.write(held)
            held.clear()
    out.write(held)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(int(sys.argv[1]))
