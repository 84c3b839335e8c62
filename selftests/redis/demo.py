#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Two Redis servers side by side: plain, and with its values in an arena.

    demo.py [--backend module|local] [--values N] [--rounds N]

Values of 300 to 500 bytes, of which 70 % are deleted at random; no restart. Throughput and
latency are redis-benchmark's, taken in turns, so that what else the machine does meets both;
the last column is the median of what one is to the other in each pair.
"""
import argparse
import random
import re
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
from server import Server, wait_for  # noqa: E402

DELETED = 0.7
CLIENTS = 20
MIB = 1 << 20


def benchmark(server, test, requests, keys):
    """
    Requests a second, the time in which 99.9 % were answered, in ms, and what a request
    took of the server's CPU time, in us, which other programs change least.
    """
    before = server.cpu_seconds()
    out = subprocess.run(["redis-benchmark", "-s", server.path, "-t", test, "-n", str(requests),
                          "-r", str(keys), "-d", "400", "-c", str(CLIENTS), "--precision", "3"],
                         capture_output=True, text=True, check=True).stdout
    rate = float(re.findall(r"throughput summary: ([0-9.]+)", out)[-1])
    slow = [float(ms) for part, ms in re.findall(r"([0-9.]+)% <= ([0-9.]+) milliseconds \(", out)
            if float(part) >= 99.9]
    return rate, slow[0], (server.cpu_seconds() - before) / requests * 1e6


def load(server, nr):
    r = random.Random(nr)
    for first in range(0, nr, 5000):
        server.client.pipeline(("SET", "key:%012d" % i, r.randbytes(r.randrange(300, 501)))
                               for i in range(first, min(first + 5000, nr)))


def delete(server, nr):
    gone = random.Random(1).sample(range(nr), int(nr * DELETED))
    server.client.pipeline(("DEL", "key:%012d" % i) for i in gone)


def rests(info):
    return info["memlane_compactions"] != "0" and info["memlane_compacting"] == "0" \
        and info["memlane_packing"] == "0"


def resident(server, file):
    """
    Pages of the process and of its arena. The local backend's are the process's own. The
    module's count as a file's while they are mapped, so file, what it had of files when it
    began, is taken instead.
    """
    arena = 0
    if server.module:
        info = server.client.info("memlane")
        if info["memlane_backend"] == "module":
            arena = int(info["memlane_resident_bytes"]) + int(info["memlane_metadata_bytes"])
    return server.status("RssAnon") + file + arena


def ratio(pairs):
    """Ours to plain, or busy to idle: of pairs that were measured one right after the other."""
    return statistics.median(b / a for a, b in pairs)


def throughput(plain, ours, nr, rounds, requests):
    """In turns: {test: (rates, CPU times)}, pairs of plain and ours"""
    out = {}
    for test in ("get", "set"):
        rates, times = [], []
        for i in range(rounds):
            pair = [benchmark(s, test, requests, nr) for s in ((plain, ours), (ours, plain))[i % 2]]
            if i % 2:
                pair.reverse()
            rates.append([p[0] for p in pair])
            times.append([p[2] for p in pair])
        out[test] = rates, times
    return out


def pauses(ours, nr, rounds, requests):
    """99.9 % of GET after a deletion, and then while the server compacts; pairs."""
    pairs = []
    for _ in range(rounds):
        load(ours, nr)
        delete(ours, nr)
        idle = benchmark(ours, "get", requests, nr)[1]
        ours.client("ml.compact", "BACKGROUND")
        wait_for(lambda: ours.client.info("memlane")["memlane_compacting"] == "1", every=0.001)
        pairs.append((idle, benchmark(ours, "get", requests, nr)[1]))
        wait_for(lambda: rests(ours.client.info("memlane")))
    return pairs


def row(name, plain, ours, note=""):
    print(f"{name:<36} {plain:>12} {ours:>12}  {note}", flush=True)


def mib(n):
    return f"{n / MIB:.1f} MiB"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("module", "local"), default="local")
    parser.add_argument("--values", type=int, default=200000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=20000)
    a = parser.parse_args()
    with Server() as plain, Server(("redirect", "idle", "backend", a.backend)) as ours:
        print(f"{a.values} values of 300 to 500 bytes, {DELETED:.0%} of the keys deleted at random")
        row("", "plain Redis", "memlane")
        file = plain.status("RssFile"), ours.status("RssFile")

        def sizes(name):
            row(name, mib(resident(plain, file[0])), mib(resident(ours, file[1])))

        sizes("empty")
        for server in (plain, ours):
            load(server, a.values)
        sizes("loaded")
        rates = throughput(plain, ours, a.values, 3 * a.rounds, a.requests)
        load(plain, a.values)
        waits = pauses(ours, a.values, a.rounds, a.requests)
        delete(plain, a.values)
        plain.client("MEMORY", "PURGE")
        ours.client("MEMORY", "PURGE")
        info = ours.client.info("memlane")
        live = int(info["memlane_value_bytes"])
        sizes("deleted, some seconds later")
        row("  bytes of the values", mib(live), mib(live))
        row("  pages of the arena", "", mib(int(info["memlane_used_bytes"])),
            f"{int(info['memlane_used_bytes']) / live:.2f} times the values")
        for test, (rate, cpu) in rates.items():
            row(f"{test.upper()}, requests a second",
                *(f"{statistics.median(r):.0f}" for r in zip(*rate)), f"{ratio(rate):.2f}")
            spent = [statistics.mean(c) for c in zip(*cpu)]
            row(f"{test.upper()}, CPU time of a request", *(f"{c:.2f} us" for c in spent),
                f"{spent[1] / spent[0]:.2f}")
        idle, busy = (statistics.median(w) for w in zip(*waits))
        row("GET, 99.9 %, idle", "", f"{idle:.3f} ms")
        row("GET, 99.9 %, while it compacts", "", f"{busy:.3f} ms", f"{ratio(waits):.2f}")
        left = ours.client("DBSIZE")
        if left != plain.client("DBSIZE"):
            print("the servers do not have the same keys", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
