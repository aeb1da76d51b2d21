#!/usr/bin/env python3
"""Make a capture as an office's router has it: a few percent Remote Desktop, the rest web, names and QUIC.

usage: office_capture.py SHARED OUT.pcap MEGABYTES [PERCENT]        default: 3 percent of the bytes

The Remote Desktop part is that of SHARED/tools/make_capture.py: real connections out of SHARED/samples, copied with shifted
addresses. Around each of its packets stand packets of other connections, many open at a time: TCP on port 443 with a
handshake, a TLS hello, full segments with acknowledgements and an orderly end; DNS; QUIC. Their checksums are zero.
"""
import os
import random
import struct
import sys

OPEN = 200  # other connections at a time


def ipv4(protocol, source, destination, body):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), random.getrandbits(16), 0x4000, 64, protocol, 0,
                       source, destination)
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + head + body


def tcp(source, destination, sport, dport, seq, ack, flags, payload=b"", options=b"\1\1\x08\x0a" + bytes(8)):
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) << 2, flags,
                       501, 0, 0)
    return ipv4(6, source, destination, head + options + payload)


def web(dice):
    """One connection to a web server, packet by packet."""
    client, server = bytes([10, 20, dice.randrange(256), dice.randrange(1, 255)]), bytes(dice.randbytes(4))
    port, c, s = dice.randrange(49152, 65536), dice.getrandbits(32), dice.getrandbits(32)
    syn = b"\2\4\5\xb4\4\2\1\3\3\7" + b"\0" * 2
    yield tcp(client, server, port, 443, c, 0, 2, options=syn)
    yield tcp(server, client, 443, port, s, c + 1, 18, options=syn)
    yield tcp(client, server, port, 443, c + 1, s + 1, 16)
    hello = b"\x16\3\1\2\0\1\0\1\xfc\3\3" + dice.randbytes(506)
    yield tcp(client, server, port, 443, c + 1, s + 1, 24, hello)
    at_c, at_s = c + 1 + len(hello), s + 1
    segment = b"\x17\3\3\x40\0" + dice.randbytes(1443)
    for n in range(dice.choice((4, 12, 40, 300))):
        yield tcp(server, client, 443, port, at_s, at_c, 16, segment)
        at_s += len(segment)
        if n % 2:
            yield tcp(client, server, port, 443, at_c, at_s, 16)
    yield tcp(server, client, 443, port, at_s, at_c, 17)
    yield tcp(client, server, port, 443, at_c, at_s + 1, 17)
    yield tcp(server, client, 443, port, at_s + 1, at_c + 1, 16)


def quic(dice):
    """One UDP conversation: mostly QUIC, sometimes a name."""
    client, server = bytes([10, 20, dice.randrange(256), dice.randrange(1, 255)]), bytes(dice.randbytes(4))
    port = dice.randrange(49152, 65536)
    to, sizes = (53, (40, 120)) if dice.random() < 0.5 else (443, (1252, 1252, *[1252] * dice.choice((10, 60))))
    for n, size in enumerate(sizes):
        forth = n % 4 == 0
        ends = (client, server, port, to) if forth else (server, client, to, port)
        body = struct.pack(">HHHH", ends[2], ends[3], 8 + size, 0) + dice.randbytes(size)
        yield ipv4(17, ends[0], ends[1], body)


def main(shared, out, megabytes, percent):
    sys.path.insert(0, os.path.join(shared, "tools"))
    from make_capture import packets, shifted
    dice = random.Random(3389)
    random.seed(3389)
    base = []
    for folder, _, names in sorted(os.walk(os.path.join(shared, "samples"))):
        for name in sorted(n for n in names if n.lower().endswith((".pcap", ".cap"))):
            found = packets(os.path.join(folder, name))
            start = min((p[0] for p in found), default=0)
            base += [((p[0] - start) % 590_000_000, p[1], p[2]) for p in found]
    base.sort(key=lambda p: p[0])
    others = [(web if dice.random() < 0.8 else quic)(dice) for _ in range(OPEN)]
    rdp = rest = copy = 0
    with open(out, "wb", buffering=1 << 22) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

        def put(stamp, frame, original):
            file.write(struct.pack("<IIII", stamp // 1_000_000, stamp % 1_000_000, len(frame), original) + frame)
            return 16 + len(frame)

        while rdp + rest < megabytes * 1_000_000:
            for time, original, frame in base:
                stamp = (1_760_000_000 + copy * 600) * 1_000_000 + time
                rdp += put(stamp, bytes(shifted(frame, copy)), original)
                while rest * percent < rdp * (100 - percent):
                    n = dice.randrange(OPEN)
                    frame = next(others[n], None)
                    if frame is None:
                        others[n] = (web if dice.random() < 0.8 else quic)(dice)
                    else:
                        rest += put(stamp, frame, len(frame))
                if rdp + rest >= megabytes * 1_000_000:
                    break
            copy += 1
    print(f"{copy} copies, {rdp / 1e6:.0f} MB of Remote Desktop in {(rdp + rest) / 1e6:.0f} MB: {out}")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else 3.0)
