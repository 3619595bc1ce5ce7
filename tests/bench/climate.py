# climate.py - what the climate service costs while it does its work: a reading a minute, shown once.
#
# CPU of all its threads, PSS and wakes over whole minutes of its default settings, against the simulated
# board at the speed of a real one. The figures count only if every reading came and was shown.
#
# And how old a new value is when clients have it: it is in the air right before a cycle begins, and /api/temp of the
# whole appliance is asked until it answers it.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import http.client
import json
import pathlib
import re
import threading
import time

import outpost_test as ot

MINUTES = 1
CYCLES, INTERVAL_S = 40, 1.5
BEFORE_MS = 90  # before the cycle the value is in the air: each chip has converted it then


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "climate", "metric": metric, "value": value, "unit": unit, "bar": bar, "peer": {}}),
          flush=True)


def cpu_s(pid):
    """CPU time of all threads, to the nanosecond (schedstat)."""
    return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def wakes(pid):
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", p.read_text(), re.M)[1])
               for p in pathlib.Path(f"/proc/{pid}/task").glob("*/status"))


def pss_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def newest(runtime):
    """Sequence number of the newest record of a topic, or -1."""
    def look(topic):
        out = ot.run(ot.OUTPOST, "tap", topic, "--json", "--last", 1, "--count", 1, "--timeout", 0.3, "--runtime",
                     runtime).stdout
        return json.loads(out)["seq"] if out else -1
    return look


def until_boot(ns):
    """Waits for a moment of the boot clock."""
    left = ns / 1e9 - time.clock_gettime(time.CLOCK_BOOTTIME)
    if left > 0:
        threading.Event().wait(left)


class Asker:
    """Asks /api/temp on one connection."""

    def __init__(self, box):
        self.link = http.client.HTTPConnection("127.0.0.1", box.port, timeout=ot.patient(10))

    def celsius(self):
        self.link.request("GET", "/api/temp", headers={"Authorization": "Bearer token-of-the-tests"})
        return json.loads(self.link.getresponse().read())["temperature_c"]


def update_latency():
    """Seconds from the chips' new value to its answer, and of the cycle, for each of CYCLES."""
    took, lengths = [], []
    with ot.Outpost("temp-monitor", timeout=30, env={"SAMPLING_INTERVAL": str(INTERVAL_S)}, cwd=ot.directory()) as box, \
            open(box.runtime / "sim/hat.control", "w", encoding="ascii", buffering=1) as control:
        def stats():
            return json.loads(ot.run(ot.OUTPOST, "call", "climate", "stats", "--json", "--runtime", box.runtime).stdout)
        asker = Asker(box)
        control.write("set cpu none\n")
        ot.wait_until(lambda: stats()["cycle_ms"], 20, "a reading")
        for n in range(CYCLES):
            due_ns, raw = stats()["next_ns"], 30 + n % 2
            until_boot(due_ns - BEFORE_MS * 1_000_000)
            begun = time.monotonic()
            control.write(f"set temperature {raw}\n")
            ot.wait_until(lambda: asker.celsius() == raw - 7.5, 10, "the new value", every=0.001)
            took.append(time.monotonic() - begun)
            lengths.append(stats()["cycle_ms"] / 1000)
    return took, lengths


@ot.test(timeout=60 * MINUTES + 2 * CYCLES * INTERVAL_S + 60)
def climate():
    here = ot.directory()
    runtime = here / "run"
    runtime.mkdir()
    (here / "box.yaml").write_text(f"appliance: box\nservices:\n  climate:\n    device: i2c:{here}/i2c\n"
                                   f"    cpu_temp_path: {here}/cpu\n    led: {here}/led\n    joystick: {here}/js\n")
    with ot.Process(ot.BUILD / "outpost-sim-sense-hat", "--bus", here / "i2c", "--cpu", here / "cpu", "--led",
                    here / "led", "--joystick", here / "js"):
        ot.wait_until((here / "js").exists, what="the board is there")
        with ot.Process(ot.BUILD / "outpost-climate", "--appliance", here / "box.yaml", "--runtime", runtime,
                        "--state", here) as service:
            service.wait_line("ready", 20)
            seen, pid = newest(runtime), service.pid
            over, readings, shown = ot.Deadline(60 * MINUTES), seen("climate.reading"), seen("climate.led")
            before = cpu_s(pid), wakes(pid)
            ot.wait_until(over.over, 60 * MINUTES + 10, "the time is over", every=0.5)
            share, woken = (cpu_s(pid) - before[0]) / MINUTES / 60 * 100, (wakes(pid) - before[1]) / MINUTES / 60
            pss = pss_mb(pid)
            assert seen("climate.reading") == readings + MINUTES, "a reading is missing"
            assert seen("climate.led") >= shown + 60 * MINUTES, "a reading was not shown"
            say("cpu", round(share, 3), "%", 0.2)
            say("pss", round(pss, 2), "MB", 2)
            say("wakes", round(woken, 2), "1/s", 5)
            assert service.stop() == 0
    took, lengths = update_latency()
    say("update_latency_p99", round(sorted(took)[-1 - len(took) // 100], 3), "s", 1)
    say("update_latency_median", round(sorted(took)[len(took) // 2], 3), "s")
    say("cycle_slowest", round(max(lengths), 3), "s")


ot.bench(climate)
