# temp_memory.py - what the whole temperature monitor keeps in memory: idle, with an address to send to, after a
# message was delivered and what sent it has gone; and, for once, while that is there.
#
# PSS (see memory.py) of `outpost run` and every service below it, the simulated board not counted. What else runs
# on the machine may share libraries with them and so make it less; "alone" is what it would be without.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os

import outpost_test as ot
import receivers as rx
from memory import alone_mb, family, pss_mb

SECONDS = int(os.environ.get("SECONDS") or 30)  # idle, before it is measured
BAR_MB = 15
TOKEN = {"Authorization": "Bearer token-of-the-tests"}


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "temp_memory", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": {}}), flush=True)


def programs(box):
    """{program without "outpost-": process}; each runs once."""
    return {name.removeprefix("outpost-"): pid for pid, name in family(box.pid).items() if "-sim-" not in name}


def sizes(box):
    """{program: MB}, and what they have as if alone."""
    found = programs(box)
    return {name: pss_mb(pid) for name, pid in found.items()}, alone_mb(found.values())


@ot.test(timeout=SECONDS + 120)
def temp_memory():
    with rx.Receiver() as receiver, \
            ot.Outpost("temp-monitor", env={"SLACK_WEBHOOK_URL": receiver.url("/services/x")}) as box:
        done = ot.request(box.url + "api/webhook/test", method="POST", headers=TOKEN)
        assert done.status == 200, done
        sending, sending_alone = sizes(box)
        assert "post" in sending, sending
        ot.wait_until(lambda: "post" not in programs(box), 60, "what sent it has gone")
        over = ot.Deadline(SECONDS)
        ot.wait_until(over.over, SECONDS + 10, "the time is over", every=0.5)
        idle, idle_alone = sizes(box)
        assert set(idle) == {"outpost", "recorder", "climate", "alerts", "temp-monitor"}, idle
    for name, mb in sorted(idle.items()):
        say("pss_" + name.replace("-", "_"), round(mb, 2), "MB")
    say("pss_total", round(sum(idle.values()), 2), "MB", BAR_MB)
    say("alone_total", round(idle_alone, 2), "MB", BAR_MB)
    say("pss_post", round(sending["post"], 2), "MB")
    say("pss_total_sending", round(sum(sending.values()), 2), "MB")
    say("alone_total_sending", round(sending_alone, 2), "MB", 25)


ot.bench(temp_memory)
