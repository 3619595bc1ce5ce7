# acq.py - the acquisition: lines per second through a pty, latency, CPU, allocations.
#
# The figures count only if nothing was lost on the way, which is checked by the service's counters and
# by the sequence of the topic. The latency is measured alone and beside a program per core that takes
# all the CPU it gets, at nice 19: between the wire and read(2) stands a kernel worker of ordinary
# priority (flush_to_ldisc), which equal hogs delay by 100 ms and more for any reader, real-time or not.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import struct
import subprocess
import sys

import outpost_test as ot

LINES = 6_000_000
CLIENTS, FRAMES_PER_S = 20, 20
SECONDS = int(os.environ.get("SECONDS") or 10)
FEED, COUNTER, WATCH = (ot.BUILD / "tests" / "bench" / n
                        for n in ("bench-acq-feed", "liballoc-count.so", "bench-web-clients"))


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "acq", "metric": metric, "value": value, "unit": unit, "bar": bar, "peer": {}}),
          flush=True)


class Rig:
    """Feeder, pty and service; allocations of the work thread are counted."""

    def __init__(self, *feed):
        self.dir, self.port = ot.directory() / feed[0], ot.free_port()
        self.runtime = self.dir / "run"
        self.runtime.mkdir(parents=True)
        self.counter = self.dir / "allocations"
        self.counter.write_bytes(bytes(8))
        self.feed = subprocess.Popen([str(FEED), *[str(x) for x in feed]], text=True, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
        try:  # a feeder that waits for a core would measure itself
            os.sched_setscheduler(self.feed.pid, os.SCHED_FIFO, os.sched_param(60))
        except PermissionError:
            print("feeder without real-time priority: latencies are an upper bound", file=sys.stderr)
        device = self.feed.stdout.readline().strip()
        yaml = self.dir / "rig.yaml"
        yaml.write_text("appliance: rig\nservices:\n  pbt:\n    program: outpost-pbt\n"
                        "    sched: {policy: fifo, priority: 50, nice: -20, mlock: true}\n"
                        f"    device: serial:{device}\n    first_ms: 60000\n    silence_ms: 60000\n"
                        f"  web:\n    listen: 127.0.0.1:{self.port}\n    max_clients: 100\n")
        self.place = ["--appliance", yaml, "--runtime", self.runtime, "--state", self.dir]
        self.service = ot.Process(ot.BUILD / "outpost-pbt", *self.place,
                                  env={"LD_PRELOAD": str(COUNTER), "ALLOC_COUNT_FILE": str(self.counter),
                                       "ALLOC_COUNT_THREAD": "pbt-acquire"})
        self.service.wait_line(r"is open", 10)

    def go(self):
        self.feed.stdin.write("\n")
        self.feed.stdin.flush()

    def stats(self):
        done = ot.run(ot.OUTPOST, "call", "pbt", "stats", "--json", "--runtime", self.runtime)
        return json.loads(done.stdout)

    def allocations(self):
        return struct.unpack("<Q", self.counter.read_bytes())[0]

    def cpu_ns(self):
        total = 0
        for task in os.listdir(f"/proc/{self.service.pid}/task"):
            with open(f"/proc/{self.service.pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.service.__exit__(kind, value, tb)
        self.feed.kill()
        self.feed.wait()
        self.feed.stdin.close()
        self.feed.stdout.close()


def flood():
    with Rig("flood", LINES) as rig:
        rig.go()
        seconds = float(rig.feed.stdout.readline())
        stats = ot.wait_until(lambda: (lambda s: s["samples"] >= LINES and s)(rig.stats()), 10, "all lines",
                              every=0.2)
        last = ot.tap(rig.runtime, "pbt.sample", 1, "--last", 1)[0]["seq"]
        assert stats["samples"] == stats["lines"] == LINES == last + 1, (stats, last)
        say("lines_per_s", round(LINES / seconds), "1/s", ">= 1000000")
        say("lines_lost", LINES - stats["samples"], "lines", "<= 0")


@contextlib.contextmanager
def nobody(rig):
    yield


@contextlib.contextmanager
def hogs(n, nice):
    """Programs that take all the CPU they get."""
    processes = [subprocess.Popen(["nice", "-n", str(nice), "sh", "-c", "while :; do :; done"]) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def demo_day(rig):
    """The web service with its clients, and one hog."""
    with ot.Process(ot.BUILD / "outpost-web", *rig.place) as web:
        web.wait_line("listening", 10)
        with ot.Process(WATCH, rig.port, "pbt.sample", FRAMES_PER_S, CLIENTS, SECONDS) as clients, hogs(1, 0):
            yield
            seen = json.loads(clients.wait_line(r'^\{"frames".*', SECONDS + 30).group())
            assert seen["frames"] >= 0.9 * CLIENTS * FRAMES_PER_S * SECONDS and not seen["gaps"], seen


@contextlib.contextmanager
def saturated(rig):
    with hogs(os.cpu_count(), 19):
        yield


def pace(name, neighbours):
    """800 lines a second into the service, and a reader that sleeps on the topic."""
    with Rig("pace", SECONDS, f"{ot.directory()}/pace/run/bus") as rig, neighbours(rig):
        rig.go()
        p50, p99, most, records = (int(x) for x in rig.feed.stdout.readline().split())
        assert records == SECONDS * 800, records
        say(f"latency_{name}_p50", p50 // 1000, "us")
        say(f"latency_{name}_p99", p99 // 1000, "us", "<= 2000")
        say(f"latency_{name}_max", most // 1000, "us")
    os.rename(rig.dir, ot.directory() / f"pace-{name}")


def cost():
    """The service by itself at 800 lines a second: CPU of all its threads, allocations of the work thread."""
    with Rig("tick") as rig:
        rig.go()
        rig.service.wait_line(r"Baseline calibrated", 10)
        ended = ot.Deadline(SECONDS)
        before, cpu, samples = rig.allocations(), rig.cpu_ns(), rig.stats()["samples"]
        ot.wait_until(ended.over, SECONDS + 5, every=0.1)
        share = (rig.cpu_ns() - cpu) / 1e9 / SECONDS
        assert rig.stats()["samples"] - samples > 0.8 * 800 * SECONDS
        say("cpu_at_800", round(share * 100, 2), "%", "<= 1")
        say("allocations", rig.allocations() - before, "calls", "<= 0")


@ot.test(timeout=3 * SECONDS + 120)
def acq():
    flood()
    cost()
    pace("alone", nobody)
    pace("busy", demo_day)
    pace("saturated", saturated)


if __name__ == "__main__":
    ot.bench(acq)
