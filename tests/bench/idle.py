# idle.py - how often the services of the sensor hub wake up when nobody asks them for anything.
#
# Voluntary context switches per second (/proc/PID/task/*/status: a thread that slept was woken) of
# `outpost run` and every service below it over SECONDS (20), the simulated board not counted: its
# samples come at 800 Hz, the recorder keeps them, the rules of the appliance judge them, and no
# browser is there. Each wake of a cold core costs 0.1 to 1 ms, whatever there is to do.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import pathlib
import re

import outpost_test as ot
from memory import family

SECONDS = int(os.environ.get("SECONDS") or 20)


def wakes(pid):
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", p.read_text(), re.M)[1])
               for p in pathlib.Path(f"/proc/{pid}/task").glob("*/status"))


@ot.test(timeout=SECONDS + 60)
def idle():
    with ot.Outpost("sensorhub") as box:
        names = {pid: name for pid, name in family(box.pid).items() if "-sim-" not in name}
        before, over = {pid: wakes(pid) for pid in names}, ot.Deadline(SECONDS)
        ot.wait_until(over.over, SECONDS + 10, "the time is over", every=0.5)
        counts = {pid: wakes(pid) - before[pid] for pid in names}
    for pid, n in sorted(counts.items()):
        print(json.dumps({"bench": "idle", "metric": f"wakes_{names[pid].replace('outpost-', '')}",
                          "value": round(n / SECONDS, 2), "unit": "1/s", "bar": None, "peer": {}}), flush=True)


ot.bench(idle)
