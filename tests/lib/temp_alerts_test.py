# temp_alerts_test.py - the temperature monitor's alerts service with its own settings, and readings to be steered.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import re
import subprocess

import outpost_test as ot
import receivers

APPLIANCE = ot.SOURCE / "appliances/temp-monitor/temp-monitor.yaml"
PATH = "/services/T0CANARY/B0CANARY/canary"
TOKEN = "canary" * 8
# As quick as a test wants it; what the appliance says itself is judged by `the_settings_are_the_contract`.
QUICK = {"period_ms": 20, "channels.1.backoff_s": 0, "channels.1.backoff_ms": 20}


class Feed(ot.Process):
    """The writer of climate.reading; each reading is judged when it returns (or only written)."""

    def __init__(self, box):
        super().__init__(ot.BUILD / "tests/e2e/temp_feed", box.runtime / "bus", stdin=subprocess.PIPE)
        self.done, self.box = 0, box

    def first(self):
        """Until the topic is open only the newest record counts."""
        self(judged=False)
        ot.wait_until(self.judged, 20, "the first is judged")

    def judged(self):
        return self.box.call("list")["records"]

    def __call__(self, celsius=20, humidity=50, cpu="nan", judged=True):
        before = judged and self.judged()
        self.proc.stdin.write(f"read {celsius} {humidity} {cpu}\n".encode())
        self.proc.stdin.flush()
        self.wait_line(r"^ok$", after=self.done)
        self.done += 1
        if judged:
            ot.wait_until(lambda: self.judged() > before, 20, "it is judged")


class Alerts(ot.Process):
    """outpost-alerts as temp-monitor.yaml has it. sets: below services.alerts. As a context manager: ready when
    entered, stopped at the end; feed(...) is a reading, the first of which (begin) nobody is told of."""

    def __init__(self, url="", env=None, begin=True, **sets):
        self.runtime, self.state = ot.directory() / "rt", ot.directory() / "state"
        (self.runtime / "bus").mkdir(parents=True, exist_ok=True)
        (self.runtime / "call").mkdir(exist_ok=True)
        self.state.mkdir(exist_ok=True)
        sets = {**QUICK, **sets}
        args = [w for k, v in sets.items() for w in ("--set", f"services.alerts.{k}={json.dumps(v)}")]
        nothing = ot.directory() / "none.env"
        nothing.touch()
        super().__init__(ot.BUILD / "outpost-alerts", "--appliance", APPLIANCE, "--runtime", self.runtime, "--state",
                         self.state, "--env", nothing, *args,
                         env={"SLACK_WEBHOOK_URL": url, "BEARER_TOKEN": TOKEN, "TZ": "UTC-1", **(env or {})})
        self.feed, self.begin = None, begin

    def __enter__(self):
        ot.wait_until(lambda: self.call("ping", check=False).returncode == 0, 15, "it answers")
        self.feed = Feed(self)
        self.feed.__enter__()
        if self.begin:
            self.feed.first()
        return self

    def __exit__(self, kind, value, tb):
        self.feed.__exit__(kind, value, tb)
        try:
            if kind is None and self.proc.poll() is None:
                assert self.stop() == 0
        finally:
            super().__exit__(kind, value, tb)

    def call(self, method, *args, check=True, timeout=30):
        """The answer of the call; with check=False the finished process."""
        done = ot.run(ot.OUTPOST, "call", "alerts", method, *args, "--json", "--runtime", self.runtime,
                      timeout=ot.patient(timeout))
        if not check:
            return done
        assert done.returncode == 0, f"call {method}: {done.stderr}"
        return json.loads(done.stdout)

    def configure(self, channel=None, **rules):
        """Changes of the channel slack, and thresholds: temp_high={"above": "27.0"}."""
        args = ["channels=" + json.dumps({"slack": channel})] if channel else []
        return self.call("configure", *args, *(["rules=" + json.dumps(rules)] if rules else []))

    def settle(self):
        """What is raised was taken; a clear that comes before that waits for it, and so comes later."""
        def told():
            now = self.call("list")
            return all(r["told"] for r in now["rules"] if r["state"] == "raised") and \
                all(c["waiting"] == 0 for c in now["channels"])
        ot.wait_until(told, 20, "it is taken")

    def rule(self, name):
        return next(r for r in self.call("list")["rules"] if r["rule"] == name)

    def slack(self):
        return next(c for c in self.call("list")["channels"] if c["channel"] == "slack")

    def topic(self):
        """The newest record of alerts.state."""
        return ot.tap(self.runtime, "alerts.state", 1, "--last", 1)[0]

    def log(self, pattern):
        return [line for line in self.output() if re.search(pattern, line)]


def attachments(to, path=PATH):
    """What was posted there: the one attachment of each message."""
    found = []
    for got in list(to.got):
        if got.path != path:
            continue
        body = json.loads(got.body)
        assert got.method == "POST" and got.headers["Content-Type"] == "application/json", got
        assert list(body) == ["attachments"] and len(body["attachments"]) == 1, body
        found.append(body["attachments"][0])
    return found


def texts(to, path=PATH):
    return [a["text"].split("*")[1] for a in attachments(to, path)]


def wait_texts(to, want, path=PATH):
    """Waits until so many came; compares them."""
    ot.wait_until(lambda: len(texts(to, path)) >= len(want), 20, f"{len(want)} messages")
    assert texts(to, path) == want, texts(to, path)


def posts(to, **more):
    """A running service that posts to the receiver."""
    return Alerts(to.url(PATH), **more)


Receiver = receivers.Receiver
