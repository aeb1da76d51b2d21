#!/usr/bin/env bash
# Measures rdpwhy as a whole process beside other tools, on the same files, in turn.
#
# usage: benches/compare.sh [MEGABYTES [RUNS [SUBJECT]]]        default: 300 MB, 5 runs, all subjects
#
# SUBJECT is one of logs, hosts, captures. Builds folders of logs and a capture out of the samples beside the repository
# (../shared), then runs each job's tools A B C A B C … and prints the medians of CPU seconds, wall seconds and peak memory,
# and CPU as a multiple of rdpwhy's.
# Peak memory is anonymous memory, sampled. Where a job has several sizes of one thing, rdpwhy's own lines compare them.
# RDPWHY names another build of rdpwhy than this checkout's.
# A tool that is not installed is left out and said to be. evtx_dump: cargo install evtx --features evtx_dump
set -euo pipefail

megabytes=${1:-300}
runs=${2:-5}
subject=${3:-all}
about() { [ "$subject" = all ] || [ "$subject" = "$1" ]; }
here=$(cd "$(dirname "$0")/.." && pwd)
shared=$here/../shared
if [ ! -d "$shared/samples" ]; then
    echo "skipped: ../shared/samples is not there" >&2
    exit 0
fi
if [ -z "${RDPWHY:-}" ]; then
    (cd "$here" && cargo build --release --quiet --package rdpwhy)
    RDPWHY=$here/target/release/rdpwhy
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if about captures; then
    python3 "$shared/tools/make_capture.py" "$shared/samples" "$work/capture.pcap" "$megabytes"
    python3 "$here/benches/office_capture.py" "$shared" "$work/office.pcap" "$megabytes"
    python3 "$here/benches/office_capture.py" "$shared" "$work/office3.pcap" "$((megabytes * 3))"
fi
if about logs; then
    python3 "$shared/tools/make_evtx_corpus.py" "$shared/samples" "$work/logs" "$megabytes"
    # Remote Desktop channels and logons alone.
    python3 - "$shared" "$work" "$megabytes" <<'PY'
import os, struct, sys, zlib
shared, work, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, os.path.join(shared, "tools"))
from make_evtx_corpus import full_chunks
WANTED = ("RdpCore", "TerminalServices", "RDPAuth_Security", "RDP brut", "Tunnel")
logs = []
for folder, _, names in sorted(os.walk(os.path.join(shared, "samples"))):
    for name in sorted(n for n in names if n.endswith(".evtx") and any(w in n for w in WANTED)):
        data = open(os.path.join(folder, name), "rb").read()
        chunks = list(full_chunks(data))
        if chunks:
            # Logs of several hosts have the same name.
            logs.append((f"{len(logs)}-{name}", data[:4096], chunks))
total = sum(len(chunks) for _, _, chunks in logs)
os.mkdir(os.path.join(work, "rdp"))
for name, header, chunks in logs:
    count = max(1, megabytes * 16 * len(chunks) // total)
    header = bytearray(header)
    struct.pack_into("<H", header, 42, min(count, 65535))
    struct.pack_into("<QQ", header, 8, 0, count - 1)
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    with open(os.path.join(work, "rdp", name), "wb") as file:
        file.write(header)
        for i in range(count):
            file.write(chunks[i % len(chunks)])
PY
    # A record is 1.1 KB.
    python3 "$here/benches/logon_flood.py" "$work/flood.evtx" "$((megabytes * 900))" "$shared/samples"
    # One log alone: what several threads make of a single file.
    python3 - "$work" <<'PY'
import os, shutil, sys
work = sys.argv[1]
logs = [os.path.join(work, "logs", n) for n in os.listdir(os.path.join(work, "logs"))]
shutil.copy(max(logs, key=os.path.getsize), os.path.join(work, "one.evtx"))
PY
fi
if about hosts; then
    # Hosts with five logs each, hard links to the described cases' logs.
    for case in "$here"/fixtures/cases/*/; do
        (cd "$here" && cargo run --quiet --package rdpwhy-fixtures -- write "$(basename "$case")" --out "$work/cases" >/dev/null)
    done
    python3 - "$work" <<'PY'
import os, sys
work = sys.argv[1]
cases = []
for case in sorted(os.listdir(os.path.join(work, "cases"))):
    logs = [os.path.join(d, f) for d, _, names in os.walk(os.path.join(work, "cases", case)) for f in names if f.endswith(".evtx")]
    cases.append(sorted(logs)[:5])
for hosts in (1000, 10000):
    for n in range(hosts):
        host = os.path.join(work, f"hosts{hosts}", f"h{n:05}")
        os.makedirs(host)
        for k, log in enumerate(cases[n % len(cases)]):
            os.link(log, os.path.join(host, f"{k}.evtx"))
PY
fi

RDPWHY=$RDPWHY RUNS=$runs python3 - "$work" <<'PY'
import glob, os, shutil, statistics, subprocess, sys, time

work, rdpwhy, runs = sys.argv[1], os.environ["RDPWHY"], int(os.environ["RUNS"])
logs = sorted(glob.glob(os.path.join(work, "logs", "*.evtx")))
one = os.path.join(work, "one.evtx")


def run(commands):
    """CPU seconds, wall seconds and the largest anonymous memory (MiB) of commands one after the other."""
    cpu = wall = peak = 0.0
    for command in commands:
        before = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Sampled: what a process maps of files and the page cache is not its own.
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            try:
                status = open(f"/proc/{process.pid}/status").read().split("RssAnon:")
                peak = max(peak, int(status[1].split()[0]) / 1024) if len(status) > 1 else peak
            except (OSError, ValueError):
                pass
            time.sleep(0.01)
        _, _, used = os.wait4(process.pid, 0)
        wall += time.monotonic() - before
        cpu += used.ru_utime + used.ru_stime
    return cpu, wall, peak


def job(title, files, tools):
    # Only of the subject that was asked for is there anything to read.
    if not os.path.exists(tools[0][1][0][2]):
        return
    size = sum(os.path.getsize(f) for f in files) / 1e6
    there = [(n, c) for n, c in tools if os.path.exists(c[0][0]) or shutil.which(c[0][0])]
    print(f"\n{title}: {len(files)} file(s), {size:.0f} MB")
    for name, _ in tools:
        if name not in [n for n, _ in there]:
            print(f"  {name}: not installed")
    for _, commands in there:
        run(commands)
    figures = {name: [] for name, _ in there}
    for _ in range(runs):
        for name, commands in there:
            figures[name].append(run(commands))
    print("| tool | CPU s | wall s | anonymous MiB | CPU, rdpwhy = 1 |\n|---|---|---|---|---|")
    first = None
    for name, list_ in figures.items():
        cpu, wall, peak = (statistics.median(column) for column in zip(*list_))
        first = first or cpu
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {cpu / first:.2f} |")


def diagnose(path, threads):
    return [[rdpwhy, "diagnose", path, "-j", str(threads), "-o", os.devnull]]


dump = [["evtx_dump", "-t1", "-o", "jsonl", log] for log in logs]
job("Logs, one thread", logs, [
    ("rdpwhy diagnose -j1", diagnose(os.path.join(work, "logs"), 1)),
    ("evtx_dump -t1 -o jsonl", dump),
    ("cat", [["cat", *logs]]),
])
job("Logs, two threads", logs, [
    ("rdpwhy diagnose -j2", diagnose(os.path.join(work, "logs"), 2)),
    ("rdpwhy diagnose -j1", diagnose(os.path.join(work, "logs"), 1)),
])
job("One large log, two threads", [one], [
    ("rdpwhy diagnose -j2", diagnose(one, 2)),
    ("rdpwhy diagnose -j1", diagnose(one, 1)),
])
rdp = sorted(glob.glob(os.path.join(work, "rdp", "*.evtx")))
job("Remote Desktop logs alone, one thread", rdp, [
    ("rdpwhy diagnose -j1", diagnose(os.path.join(work, "rdp"), 1)),
    ("evtx_dump -t1 -o jsonl", [["evtx_dump", "-t1", "-o", "jsonl", log] for log in rdp]),
    ("cat", [["cat", *rdp]]),
])
flood = os.path.join(work, "flood.evtx")
job("A log of failed logons, one thread", [flood], [
    ("rdpwhy diagnose -j1", diagnose(flood, 1)),
    ("evtx_dump -t1 -o jsonl", [["evtx_dump", "-t1", "-o", "jsonl", flood]]),
    ("cat", [["cat", flood]]),
])
fleet = [[rdpwhy, "fleet", os.path.join(work, "hosts10000"), "-j1", "-o", os.devnull]]
job("10,000 hosts, one thread", glob.glob(os.path.join(work, "hosts10000", "*", "*")), [
    ("rdpwhy fleet -j1", fleet),
    ("with --hash sha256", [fleet[0] + ["--hash", "sha256"]]),
    ("1,000 hosts", [[rdpwhy, "fleet", os.path.join(work, "hosts1000"), "-j1", "-o", os.devnull]]),
])
job("Start-up", [], [("one small case", diagnose(os.path.join(work, "cases", "nla-required"), 1))])
# One with a few percent of Remote Desktop, one of nothing else, and the first one three times as long: memory must not grow.
for title, capture in (("Office capture", "office.pcap"), ("Remote Desktop capture", "capture.pcap")):
    capture = os.path.join(work, capture)
    job(f"{title}, two threads", [capture], [
        ("rdpwhy diagnose -j2", diagnose(capture, 2)),
        ("rdpwhy diagnose -j1", diagnose(capture, 1)),
    ])
    job(f"{title}, one thread", [capture], [
        ("rdpwhy diagnose -j1", diagnose(capture, 1)),
        ("tcpdump --count", [["tcpdump", "-r", capture, "--count", "tcp port 3389"]]),
        ("tshark fields", [["tshark", "-r", capture, "-Y", "tcp.port == 3389", "-T", "fields", "-e", "frame.number"]]),
        ("suricata", [["suricata", "-r", capture, "-l", work, "-k", "none", "--runmode", "single"]]),
        ("cat", [["cat", capture]]),
    ])
long = os.path.join(work, "office3.pcap")
job("Office capture, three times as long", [long], [("rdpwhy diagnose -j1", diagnose(long, 1))])
PY
