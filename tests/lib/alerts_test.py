# alerts_test.py - a box with outpost-alerts and a topic to be steered, for its tests.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import outpost_test as ot
from boxes import Box

FEED = ot.BUILD / "tests/e2e/alert_feed"
SECRET = "T0SECRET/B0SECRET"
QUICK = {"backoff_ms": 50, "backoff_max_ms": 200}
HOT = {"name": "hot", "topic": "test.gauge", "field": "value", "above": "30", "hysteresis": 1}


class Feed(ot.Process):
    """The writer of test.gauge; each command is done when it returns."""

    def __init__(self, box, env=None):
        super().__init__(FEED, box.runtime / "bus", stdin=subprocess.PIPE, env=env)
        self.done = 0
        self("open")

    def __call__(self, *words):
        self.proc.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.proc.stdin.flush()
        self.wait_line(r"^ok$", after=self.done)
        self.done += 1


def settings(rules, channels=(), **more):
    return {"alerts": {"program": str(ot.BUILD / "outpost-alerts"), "watchdog_s": 30, "start_timeout_s": 30,
                       "stop_timeout_s": 20, "period_ms": 20, "rules": list(rules),
                       "channels": list(channels), **more}}


@contextlib.contextmanager
def running(rules, channels=(), env=None, **more):
    """A box with the service, and the feed of its topic."""
    with Box(settings(rules, channels, **more), env=env) as box:
        with Feed(box, env) as feed:
            yield box, feed


def bodies(receiver, path):
    return [json.loads(g.body) for g in receiver.got if g.path == path]


def keys(receiver, path):
    return [g.headers["Idempotency-Key"] for g in receiver.got if g.path == path]


def wait_bodies(receiver, path, n, timeout=15):
    return ot.wait_until(lambda: len(bodies(receiver, path)) >= n and bodies(receiver, path), timeout,
                         f"{n} messages at {path}")


def rule(box, name="hot"):
    return next(r for r in box.call("alerts", "list")["rules"] if r["rule"] == name)


def channel(box, name):
    return next(c for c in box.call("alerts", "list")["channels"] if c["channel"] == name)


def wait_state(box, state, name="hot", timeout=10):
    ot.wait_until(lambda: rule(box, name)["state"] == state, timeout, f"{name} is {state}")


def kill(box):
    """kill -9 of the service; returns when another process answers."""
    pid = box.pid("alerts")
    os.kill(pid, signal.SIGKILL)
    box.wait_new_life("alerts", pid, 10)
