# temp_alerts.py - the alerts of the temperature monitor, message by message and cycle by cycle.
#
# The service, its settings and the HTTP server are real; what is compared is what the users of the program that
# this one replaces have seen.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import re
import time

import outpost_test as ot
import receivers
from temp_alerts_test import APPLIANCE, PATH, TOKEN, Alerts, Receiver, attachments, posts, texts, wait_texts

HIGH, LOW = "Temperature Alert: HIGH", "Temperature Alert: LOW"
WET, DRY = "Humidity Alert: HIGH", "Humidity Alert: LOW"
RESOLVED = "Temperature Alert Resolved: HIGH"
STATUS = "Server Room Status Update"


def field(title, value, short=True):
    return {"title": title, "value": value, "short": short}


def check(got, text, color, fields):
    """One attachment against what it is to be; the time of its reading is compared by its form and nearness."""
    assert abs(got.pop("ts") - time.time()) < ot.patient(60)
    stamp = got["fields"][-1]
    assert stamp["title"] in ("Timestamp", "Last Updated") and stamp["short"] is False
    seen = time.strptime(stamp["value"], "%Y-%m-%d %H:%M:%S")
    assert abs(time.mktime(seen) - time.mktime(time.gmtime(time.time() + 3600))) < ot.patient(60), stamp
    want = {"color": color, "text": text, "fallback": text, "mrkdwn_in": ["text"],
            "fields": fields + [field(stamp["title"], stamp["value"], False)]}
    assert got == want, (got, want)


@ot.test(timeout=40)
def every_message_is_the_contracts():
    with Receiver() as to, posts(to) as box:
        box.configure(temp_high={"above": "27.0"}, temp_low={"below": "-5"}, humidity_low={"below": "30.0"})
        for celsius, humidity in ((30.0, 50), (20, 75.0), (-10.5, 20.0), (20, 50)):
            box.feed(celsius, humidity)
            box.settle()
        wait_texts(to, [HIGH, RESOLVED, WET, LOW, "Humidity Alert Resolved: HIGH", DRY,
                        "Temperature Alert Resolved: LOW", "Humidity Alert Resolved: LOW"])
        got = attachments(to)
        assert box.log(rf"channel slack: on: {to.url('')}$")
        check(got[0], "\U0001F525 *Temperature Alert: HIGH*", "danger",
              [field("Current Temperature", "30.0\u00b0C (86.0\u00b0F)"), field("Threshold", "27.0\u00b0C (80.6\u00b0F)")])
        check(got[1], "\u2705 *Temperature Alert Resolved: HIGH*", "good", [])
        check(got[2], "\U0001F4A7 *Humidity Alert: HIGH*", "warning",
              [field("Current Humidity", "75.0%"), field("Threshold", "70.0%")])
        check(got[3], "\u2744\ufe0f *Temperature Alert: LOW*", "warning",
              [field("Current Temperature", "-10.5\u00b0C (13.1\u00b0F)"), field("Threshold", "-5\u00b0C (23.0\u00b0F)")])
        check(got[4], "\u2705 *Humidity Alert Resolved: HIGH*", "good", [])
        check(got[5], "\U0001F3DC\ufe0f *Humidity Alert: LOW*", "warning",
              [field("Current Humidity", "20.0%"), field("Threshold", "30.0%")])
        check(got[6], "\u2705 *Temperature Alert Resolved: LOW*", "good", [])
        check(got[7], "\u2705 *Humidity Alert Resolved: LOW*", "good", [])
        # Four readings, of each of which somebody was told.
        ot.wait_until(lambda: box.topic()["cycles_told"] == 4, 10, "counted by readings")
        want = ["['temp_high']", "['temp_high_resolved', 'humidity_high']",
                "['temp_low', 'humidity_high_resolved', 'humidity_low']",
                "['temp_low_resolved', 'humidity_low_resolved']"]
        ot.wait_until(lambda: [x.split("Webhook alerts sent: ")[1] for x in box.log("Webhook alerts sent: ")] == want, 10,
                      "each reading's alerts are named in the log")


@ot.test(timeout=40)
def the_status_update_is_the_contracts():
    with Receiver() as to, posts(to, begin=False) as box:
        # As a test before the first reading: nothing is known yet.
        assert box.call("test", "report=status", "attempts=3")["delivered"] is True
        first = attachments(to)[0]
        assert first["text"] == "\U0001F4CA *Server Room Status Update*" and first["color"] == "good"
        assert first["fields"] == [field("Temperature", "no reading yet"), field("Humidity", "no reading yet"),
                                   field("Last Updated", "Never", False)], first
        box.feed.first()
        box.feed(22.5, 55.0, 51.121)
        assert box.call("test", "report=status", "attempts=3")["delivered"] is True
        box.feed(22.5, 55.0, 45)
        box.call("test", "report=status")
        box.feed(22.5, 55.0)
        box.call("test", "report=status")
        got = attachments(to)[1:]
        for one, cpu in zip(got, ("51.121", "45.0", None)):
            cpu = [field("CPU Temperature", cpu + "\u00b0C")] if cpu else []
            check(one, "\U0001F4CA *Server Room Status Update*", "good",
                  [field("Temperature", "22.5\u00b0C (72.5\u00b0F)"), field("Humidity", "55.0%"), *cpu])
        assert len(got) == 3 and box.topic()["cycles_told"] == 0


@ot.test()
def the_settings_are_the_contract():
    """What the environment says arrives; the defaults are the contract's."""
    def shown(**env):
        done = ot.run(ot.BUILD / "outpost-alerts", "--appliance", APPLIANCE, "--show-config", "--env", "/dev/null",
                      env={"BEARER_TOKEN": TOKEN, **env})
        assert done.returncode == 0, done.stderr
        assert "canary" not in done.stdout + done.stderr
        return done.stdout
    with Alerts("", period_ms=250, **{"channels.1.backoff_s": 5}) as box:
        assert box.log("channel slack: off: no address$")
        assert box.call("config") == {
            "channels": {"slack": {"type": "slack", "url": None, "enabled": True, "attempts": 3, "backoff_ms": 5000,
                                   "timeout_ms": 10000}},
            "rules": {"temp_high": {"above": "32.0", "below": None}, "temp_low": {"above": None, "below": "15.0"},
                      "humidity_high": {"above": "70.0", "below": None},
                      "humidity_low": {"above": None, "below": "20.0"}}}
    env = {"SLACK_WEBHOOK_URL": "https://hooks.example" + PATH, "WEBHOOK_ENABLED": "off", "WEBHOOK_RETRY_COUNT": "7",
           "WEBHOOK_RETRY_DELAY": "60", "WEBHOOK_TIMEOUT": "120", "ALERT_TEMP_MIN_C": "1", "ALERT_TEMP_MAX_C": "27.25",
           "ALERT_HUMIDITY_MIN": "30.0", "ALERT_HUMIDITY_MAX": "71", "ALERT_COOLDOWN_SECONDS": "77"}
    with Alerts(env=env, **{"channels.1.backoff_s": 60}) as box:
        assert box.log("channel slack: off: switched off$")
        assert box.call("config") == {
            "channels": {"slack": {"type": "slack", "url": "https://hooks.example", "enabled": False, "attempts": 7,
                                   "backoff_ms": 60000, "timeout_ms": 120000}},
            "rules": {"temp_high": {"above": "27.25", "below": None}, "temp_low": {"above": None, "below": "1.0"},
                      "humidity_high": {"above": "71.0", "below": None},
                      "humidity_low": {"above": None, "below": "30.0"}}}
    text = shown(ALERT_COOLDOWN_SECONDS="77", STATUS_UPDATE_ENABLED="1", STATUS_UPDATE_INTERVAL="1800",
                 STATUS_UPDATE_ON_STARTUP="yes", SAMPLING_INTERVAL="30")
    assert len(re.findall(r"repeat_s: 77", text)) == 4, text
    for part in (r"every_s: 1800", r"least_s: 30", r"on_start: true", r"backoff_s: 5"):
        assert re.search(part, text), (part, text)


@ot.test(timeout=40)
def equality_is_none_and_the_order_is_kept():
    with Receiver() as to, posts(to) as box:
        box.feed(32.0, 70.0)
        box.feed(15.0, 20.0)
        box.feed(32.1, 19.9)
        wait_texts(to, [HIGH, DRY])
        box.settle()
        box.feed(14.9, 70.1)
        wait_texts(to, [HIGH, DRY, RESOLVED, LOW, WET, "Humidity Alert Resolved: LOW"])
        ot.wait_until(lambda: box.topic()["raised"] == 2, 10, "counted")


@ot.test(timeout=60)
def it_is_told_again_after_the_cooldown_and_at_once_after_a_recovery():
    with Receiver() as to, posts(to, **{"rules.0.repeat_s": 3600}) as box:
        for _ in range(5):
            box.feed(33)
        wait_texts(to, [HIGH])
        box.settle()
        box.feed(20)
        box.feed(34)
        wait_texts(to, [HIGH, RESOLVED, HIGH])
        assert attachments(to)[2]["fields"][0]["value"].startswith("34.0")
    with Receiver() as to, posts(to, begin=False, **{"rules.0.repeat_s": 1.5}) as box:
        def again():
            box.feed(35)
            return len(texts(to)) >= 3
        ot.wait_until(again, 20, "told three times", every=0.05)
        told = [g.at for g in to.got]
        assert all(b - a > 1.4 for a, b in zip(told, told[1:])), told
        keys = [g.headers["Idempotency-Key"] for g in to.got]
        assert len(set(keys)) == len(keys), keys
        assert set(texts(to)) == {HIGH} and box.rule("temp_high")["raises"] == 0  # the one from before goes on


@ot.test(timeout=60)
def what_was_not_delivered_is_told_by_the_next_reading():
    state = {"status": 500}
    with Receiver({"*": lambda h, g: receivers.answer(h, state["status"], b"no such " + PATH.encode())}) as to, \
            posts(to) as box:
        box.feed(33)
        ot.wait_until(lambda: box.log("Webhook failed after 3 attempts: [0-9a-f]{16}-raised$"), 15, "given up")
        assert len(to.got) == 3 and len(set(to.keys())) == 1
        box.feed(20)  # nobody heard of it: nobody hears of its end
        ot.wait_until(lambda: box.rule("temp_high")["state"] == "ok", 10, "it is over")
        ot.wait_until(lambda: box.log("alert: critical temp_high cleared"), 10, "but for the log")
        box.feed(34)
        ot.wait_until(lambda: len(box.log("failed after 3 attempts")) == 2, 15, "given up again")
        state["status"] = 200
        box.feed(35)
        ot.wait_until(lambda: len(to.got) == 7, 15, "taken")
        got = attachments(to)
        assert [a["fields"][0]["value"][:4] for a in got] == ["33.0"] * 3 + ["34.0"] * 3 + ["35.0"]
        box.feed(20)
        wait_texts(to, [HIGH] * 7 + [RESOLVED])
        ot.wait_until(lambda: box.topic()["cycles_told"] == 2, 10, "counted")
        told = box.log(r"\(attempt [123]/3\)")
        assert len(told) == 8 and "HTTP 500: no such <redacted-path>" in told[0], told
        assert "is delivered" in told[6] and "attempt 1/3" in told[6], told
        assert not box.log("CANARY|canary")
        # The log is told of each end once, whoever else was.
        assert len(box.log("alert: critical temp_high raised")) == 2 == len(box.log("temp_high cleared"))
        assert [x.split("sent: ")[1] for x in box.log("alerts sent: ")] == ["['temp_high']", "['temp_high_resolved']"]


@ot.test(timeout=40)
def a_cleared_threshold_is_no_recovery():
    with Receiver() as to, posts(to) as box:
        box.feed(33)
        wait_texts(to, [HIGH])
        box.configure(temp_high={"above": None})
        assert box.call("config")["rules"]["temp_high"] == {"above": None, "below": None}
        for celsius in (40, 20, 40):
            box.feed(celsius)
        box.feed(20, 75)
        wait_texts(to, [HIGH, WET])
        box.settle()
        assert box.rule("temp_high")["state"] == "ok"
        box.configure(temp_high={"above": "19.5"})
        box.feed(20, 50)
        wait_texts(to, [HIGH, WET, HIGH, "Humidity Alert Resolved: HIGH"])
        assert attachments(to)[2]["fields"][1]["value"] == "19.5\u00b0C (67.1\u00b0F)"
        # One mistake, and nothing of it counts.
        done = box.call("configure", 'rules={"temp_high":{"above":"1"},"temp_low":{"below":"x"}}', check=False)
        assert done.returncode != 0 and "rules.temp_low.below" in done.stderr, done
        assert box.call("config")["rules"]["temp_high"]["above"] == "19.5"


@ot.test(timeout=60)
def status_updates_come_by_the_clock():
    sets = {"reports.0.enabled": True, "reports.0.every_s": 3, "reports.0.least_s": 0}
    with Receiver() as to, posts(to, **sets) as box:
        begun = time.monotonic()

        def told(n):
            box.feed(20)
            return len(texts(to)) >= n
        ot.wait_until(lambda: told(3), 30, "three of them", every=0.1)
        at = [g.at - begun for g in to.got]
        assert at[0] > 1 and set(texts(to)) == {STATUS}, at  # not on start
        assert at[2] > 7, at
    with Receiver() as to, posts(to, begin=False, **sets | {"reports.0.on_start": True, "reports.0.every_s": 3600}) as box:
        ot.wait_until(lambda: box.call("list"), 10)
        assert not to.got  # there is no reading yet
        box.feed.first()
        wait_texts(to, [STATUS])
        for _ in range(3):
            box.feed(22)
        assert box.call("test", "report=status")["delivered"]
        wait_texts(to, [STATUS, STATUS])


@ot.test(timeout=40)
def the_alerts_of_a_reading_come_before_its_status():
    # Rules look four seconds apart, reports each second: a report that did not wait would be first.
    with Receiver() as to, posts(to, period_ms=4000, **{"reports.0.enabled": True, "reports.0.every_s": 0.01,
                                                        "reports.0.least_s": 0}) as box:
        def of_it():
            return [a["text"].split("*")[1] for a in attachments(to) if a["fields"][0]["value"].startswith("33.0")]
        box.feed(33, judged=False)
        ot.wait_until(lambda: len(of_it()) >= 2, 20, "both")
        assert of_it() == [HIGH, STATUS], of_it()


@ot.test(timeout=40)
def a_status_interval_is_never_shorter_than_the_sampling():
    with Alerts("", env={"STATUS_UPDATE_ENABLED": "true", "STATUS_UPDATE_INTERVAL": "5"}) as box:
        assert box.log("WARNING|report status: every 5 s is too often, every 60 s it is"), box.output()
        assert box.log("report status: none of its channels has an address yet"), box.output()


ot.main()
