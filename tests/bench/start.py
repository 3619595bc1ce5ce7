# start.py - how long `outpost run sensorhub --sim` takes until every service is ready.
#
# From starting the process to reading its line "ready:", RUNS (11) times; median and slowest.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import statistics
import time

import outpost_test as ot

RUNS = int(os.environ.get("RUNS") or 11)
BAR_S = 1.0


@ot.test(timeout=30 * RUNS)
def start():
    seconds = []
    for _ in range(RUNS):
        before = time.monotonic()
        with ot.Outpost("sensorhub"):
            seconds.append(time.monotonic() - before)
    for metric, value in (("ready_median", statistics.median(seconds)), ("ready_slowest", max(seconds))):
        print(json.dumps({"bench": "start", "metric": metric, "value": round(value, 4), "unit": "s",
                          "bar": BAR_S, "peer": {}}), flush=True)


ot.bench(start)
