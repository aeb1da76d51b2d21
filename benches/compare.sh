#!/usr/bin/env bash
# Measures rdpwhy as a whole process beside other tools, on the same files, in turn.
#
# usage: benches/compare.sh [MEGABYTES [RUNS]]        default: 300 MB, 5 runs
#
# Builds a folder of logs and a capture out of the samples beside the repository (../shared), then runs each job's tools
# A B C A B C … and prints the medians of CPU seconds, wall seconds and peak memory, and CPU as a multiple of rdpwhy's.
# A tool that is not installed is left out and said to be. evtx_dump: cargo install evtx --features evtx_dump
set -euo pipefail

megabytes=${1:-300}
runs=${2:-5}
here=$(cd "$(dirname "$0")/.." && pwd)
shared=$here/../shared
if [ ! -d "$shared/samples" ]; then
    echo "skipped: ../shared/samples is not there" >&2
    exit 0
fi
(cd "$here" && cargo build --release --quiet --package rdpwhy)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$shared/tools/make_evtx_corpus.py" "$shared/samples" "$work/logs" "$megabytes"
python3 "$shared/tools/make_capture.py" "$shared/samples" "$work/capture.pcap" "$megabytes"
# One log alone: what several threads make of a single file.
python3 - "$work" <<'PY'
import os, shutil, sys
work = sys.argv[1]
logs = [os.path.join(work, "logs", n) for n in os.listdir(os.path.join(work, "logs"))]
shutil.copy(max(logs, key=os.path.getsize), os.path.join(work, "one.evtx"))
PY

RDPWHY=$here/target/release/rdpwhy RUNS=$runs python3 - "$work" <<'PY'
import glob, os, shutil, statistics, subprocess, sys, time

work, rdpwhy, runs = sys.argv[1], os.environ["RDPWHY"], int(os.environ["RUNS"])
logs = sorted(glob.glob(os.path.join(work, "logs", "*.evtx")))
one, capture = os.path.join(work, "one.evtx"), os.path.join(work, "capture.pcap")


def run(commands):
    """CPU seconds, wall seconds and the largest peak memory (MiB) of commands one after the other."""
    cpu = wall = peak = 0.0
    for command in commands:
        before = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        wall += time.monotonic() - before
        cpu += used.ru_utime + used.ru_stime
        peak = max(peak, used.ru_maxrss / 1024)
    return cpu, wall, peak


def job(title, files, tools):
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
    print("| tool | CPU s | wall s | peak MiB | CPU, rdpwhy = 1 |\n|---|---|---|---|---|")
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
job("Capture, one thread", [capture], [
    ("rdpwhy diagnose -j1", diagnose(capture, 1)),
    ("tcpdump --count", [["tcpdump", "-r", capture, "--count", "tcp port 3389"]]),
    ("tshark fields", [["tshark", "-r", capture, "-Y", "tcp.port == 3389", "-T", "fields", "-e", "frame.number"]]),
    ("suricata", [["suricata", "-r", capture, "-l", work, "--runmode", "single"]]),
    ("cat", [["cat", capture]]),
])
PY
