#!/usr/bin/env python3
"""Make a Security log as a server has it that strangers guess passwords at.

usage: logon_flood.py OUT.evtx RECORDS [SAMPLES]        default: the samples beside the repository (../shared/samples)

The chunk of the logs below SAMPLES with the most failed logons (4625) is repeated until there are as many records; each
has a number and a time of its own, three a second. The same arguments give the same bytes. Two million records are 2.2 GB,
1.3 million of them failed logons.
"""
import os
import struct
import sys
import zlib

CHUNK = 65536
FIRST_RECORD = 512
FAILED = struct.pack("<H", 4625)
# In units of 100 ns, as FILETIME has it.
PAUSE = 3_000_000


def records(chunk):
    """Place, size and number of each record of a chunk."""
    at, free = FIRST_RECORD, struct.unpack_from("<I", chunk, 48)[0]
    while at < free and chunk[at:at + 4] == b"**\0\0":
        size, number = struct.unpack_from("<IQ", chunk, at + 4)
        yield at, size, number
        at += size


def failures(chunk):
    # The id is one of the first values of a record.
    return sum(chunk.find(FAILED, at + 24, at + min(size, 400)) > 0 for at, size, _ in records(chunk))


def fullest(samples):
    """The header of a log and the chunk of it that holds more failed logons than any other chunk."""
    most, found = 0, None
    for folder, _, names in sorted(os.walk(samples)):
        for name in sorted(n for n in names if n.lower().endswith(".evtx")):
            data = open(os.path.join(folder, name), "rb").read()
            for at in range(4096, len(data) - CHUNK + 1, CHUNK):
                chunk = data[at:at + CHUNK]
                # Counting the bytes is quick, and never less than the records.
                if chunk[:8] == b"ElfChnk\0" and chunk.count(FAILED) > most and failures(chunk) > most:
                    most, found = failures(chunk), (data[:4096], chunk)
    return found


def places(chunk, at, size, eight):
    """Where in a record these eight bytes stand: in its head, and again among its values."""
    body = chunk[at:at + size]
    found = body.find(eight, 24)
    while found >= 0:
        yield at + found
        found = body.find(eight, found + 1)


def main(out, total, samples):
    found = fullest(samples)
    if not found:
        sys.exit("no log with a failed logon below " + samples)
    header, chunk = bytearray(found[0]), bytearray(found[1])
    spots, clock = [], None
    for at, size, number in records(found[1]):
        time = struct.unpack_from("<Q", chunk, at + 16)[0]
        clock = clock or time
        numbers = [at + 8, *places(found[1], at, size, struct.pack("<Q", number))]
        spots.append((numbers, [at + 16, *places(found[1], at, size, struct.pack("<Q", time))]))
    chunks = -(-total // len(spots))
    struct.pack_into("<H", header, 42, chunks & 0xFFFF)
    struct.pack_into("<QQQ", header, 8, 0, chunks - 1, chunks * len(spots) + 1)
    struct.pack_into("<I", header, 120, 0)
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    free = struct.unpack_from("<I", chunk, 48)[0]
    number = 1
    with open(out, "wb") as file:
        file.write(header)
        for _ in range(chunks):
            first = number
            for numbers, times in spots:
                for at in numbers:
                    struct.pack_into("<Q", chunk, at, number)
                for at in times:
                    struct.pack_into("<Q", chunk, at, clock)
                number, clock = number + 1, clock + PAUSE
            struct.pack_into("<QQQQ", chunk, 8, first, number - 1, first, number - 1)
            struct.pack_into("<I", chunk, 52, zlib.crc32(chunk[FIRST_RECORD:free]))
            struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[:120] + chunk[128:FIRST_RECORD]))
            file.write(chunk)
    print(f"{number - 1} records, {failures(found[1]) * chunks} of them failed logons, in {out}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared", "samples")
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) == 4 else beside)
