# tools.py - what the tools cost: records per second of CPU that `outpost tap` prints, CPU per look of
# `outpost top`.
#
# CPU time and not the clock on the wall, because the writer takes a core of its own and others run
# beside. The topic is written without a pause, so tap never waits.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import resource
import subprocess
import threading

import outpost_test as ot
from tools_test import Terminal, Writer, bus

RECORDS = 2_000_000
LOOKS = 30


def say(metric, value, unit, bar):
    print(json.dumps({"bench": "tools", "metric": metric, "value": round(value, 3), "unit": unit, "bar": bar,
                      "peer": {}}), flush=True)


def tap_rate(runtime, option):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open("/dev/null", "w") as null:
        subprocess.run([str(ot.OUTPOST), "tap", "test.point", option, "--count", str(RECORDS), "--runtime",
                        str(runtime)], stdout=null, stderr=null, check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return RECORDS / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def tap_under_load(runtime, option):
    """With a writer that goes on until tap has had enough."""
    over = threading.Event()
    with Writer(runtime, "open point test.point") as w:
        def write():
            while not over.is_set():
                w("pub test.point 1000000")
        thread = threading.Thread(target=write)
        thread.start()
        try:
            return tap_rate(runtime, option)
        finally:
            over.set()
            thread.join()


def top_look(runtime):
    topics = [f"open event topic.{i:02}" for i in range(18)]
    with Writer(runtime, "open status status.a", "state status.a ready", *topics), \
            Terminal(ot.OUTPOST, "top", "--interval", "0.1", "--runtime", runtime) as t:
        t.wait("q quit")
        for _ in range(LOOKS):
            t.wait(lambda text, before=t.sent: t.sent > before)
        t.type("q")
        assert t.ended() == 0
        return (t.usage.ru_utime + t.usage.ru_stime) / LOOKS * 1e3


@ot.test(timeout=300)
def tools():
    runtime = bus()
    say("tap_csv", tap_under_load(runtime, "--csv"), "1/s", 1e6)
    say("tap_json", tap_under_load(runtime, "--json"), "1/s", 5e5)
    say("top_look", top_look(runtime), "ms", 10)


ot.bench(tools)
