#!/usr/bin/env python3
"""Make a capture of hours or days of Remote Desktop, out of real connections: what `sniff` has to bear.

usage: days_capture.py SAMPLES CONNECTIONS HOURS [SEED] > OUT.pcap

Takes the connections of all classic captures below SAMPLES (at most 40 of each, of long ones the first and the last 200
packets, no more than ten minutes), gives each copy another client, server, port and moment, and writes them interleaved, in
the order of time. Checksums stay those of the originals.
"""
import heapq
import os
import random
import struct
import sys

START = 1_790_000_000 * 1_000_000
MOST_OF_A_FILE = 40
MOST_PACKETS = 400
LONGEST = 600_000_000  # microseconds
SERVERS, NETWORKS, CLIENTS = 250, 8, 6000


def packets(path):
    """Moment (microseconds), length on the wire and bytes of each packet of an Ethernet pcap."""
    data = open(path, "rb").read()
    if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") or struct.unpack_from("<I", data, 20)[0] & 0xFFFF != 1:
        return
    nanoseconds, at = data[:1] == b"\x4d", 24
    while at + 16 <= len(data):
        seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
        at += 16
        if at + captured > len(data):
            return
        yield seconds * 1_000_000 + (fraction // 1000 if nanoseconds else fraction), length, data[at:at + captured]
        at += captured


def of_pairs(samples):
    """Packets of port 3389 by file and pair of addresses, then by the client's port."""
    pairs = {}
    for folder, _, names in sorted(os.walk(samples)):
        for name in sorted(n for n in names if n.endswith((".pcap", ".cap"))):
            for moment, length, frame in packets(os.path.join(folder, name)):
                if len(frame) < 42 or frame[12:15] != b"\x08\0\x45" or frame[23] not in (6, 17):
                    continue
                source, destination = struct.unpack_from(">HH", frame, 34)
                if destination == 3389:
                    key, port, to_server = (name, frame[26:30], frame[30:34]), source, True
                elif source == 3389:
                    key, port, to_server = (name, frame[30:34], frame[26:30]), destination, False
                else:
                    continue
                pairs.setdefault(key, {}).setdefault(port, []).append((moment, length, frame, to_server))
    return pairs


def connections(samples):
    """Each TCP connection with the UDP that follows it, as (microseconds since its start, length, bytes, to the server)."""
    found, of_file = [], {}
    for (name, _, _), ports in of_pairs(samples).items():
        flows = sorted(ports.values(), key=lambda flow: min(p[0] for p in flow))
        current = None
        for flow in flows:
            if len(flow) > MOST_PACKETS:
                flow = flow[:MOST_PACKETS // 2] + flow[-MOST_PACKETS // 2:]
            if flow[0][2][23] == 6:
                of_file[name] = of_file.get(name, 0) + 1
                current = [] if of_file[name] <= MOST_OF_A_FILE else None
                if current is not None:
                    found.append(current)
            if current is not None:
                current.extend(flow)
    for connection in found:
        connection.sort(key=lambda p: p[0])
        start = connection[0][0]
        connection[:] = [(min(p[0] - start, LONGEST), *p[1:]) for p in connection]
    return found


def copy(number, start, templates, dice):
    """One connection elsewhere, packet by packet."""
    template = dice.choice(templates)
    who = dice.randrange(CLIENTS)
    client = bytes((10, 1 + (who >> 12), (who >> 8) & 15, who & 255))
    server = bytes((172, 16 + dice.randrange(NETWORKS), dice.randrange(SERVERS), 7))
    shift, ports = dice.randrange(1, 60000), {}
    for after, length, frame, to_server in template:
        source, destination = struct.unpack_from(">HH", frame, 34)
        old = source if to_server else destination
        port = ports.setdefault(old, 1024 + (number * 7 + len(ports) + shift) % 64000)
        frame = bytearray(frame)
        frame[26:30], frame[30:34] = (client, server) if to_server else (server, client)
        struct.pack_into(">H", frame, 34 if to_server else 36, port)
        yield start + after, number, length, bytes(frame)


def main(samples, count, hours, seed=1):
    dice = random.Random(seed)
    templates = connections(samples)
    if not templates:
        sys.exit("no capture of Remote Desktop below " + samples)
    starts = sorted(dice.randrange(int(hours * 3600 * 1e6)) for _ in range(count))
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    under_way, begun, written = [], 0, 0
    while under_way or begun < len(starts):
        if begun < len(starts) and (not under_way or starts[begun] <= under_way[0][0][0]):
            packets_of_it = copy(begun, starts[begun], templates, dice)
            begun += 1
            heapq.heappush(under_way, (next(packets_of_it), begun, packets_of_it))
            continue
        (moment, _, length, frame), key, packets_of_it = under_way[0]
        moment += START
        out.write(struct.pack("<IIII", moment // 1_000_000, moment % 1_000_000, len(frame), max(length, len(frame))))
        out.write(frame)
        written += 1
        following = next(packets_of_it, None)
        if following is None:
            heapq.heappop(under_way)
        else:
            heapq.heapreplace(under_way, (following, key, packets_of_it))
    print(f"{len(templates)} connections copied {count} times, {written} packets", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *map(int, sys.argv[4:]))
