# alerts.py - alerts end to end: rules on a real topic, real HTTP servers, kills in between.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3

import boxes
import outpost_test as ot
import receivers
from alerts_test import (HOT, QUICK, SECRET, Feed, bodies, channel, keys, kill, rule, running, settings, wait_bodies,
                         wait_state)
from boxes import Box


@ot.test(timeout=60)
def slack_and_webhook_through_failures_and_a_restart():
    state = {"/slack/" + SECRET: [500, 503], "/hook": [500, 429]}

    def moody(handler, got):
        left = state[got.path]
        receivers.answer(handler, left.pop(0) if left else 200)

    with receivers.Receiver({"*": moody}) as to:
        slack = {"name": "ops", "type": "slack", "url": to.url("/slack/" + SECRET), **QUICK}
        hook = {"name": "hook", "type": "webhook", "url": to.url("/hook"), **QUICK}
        with running([{**HOT, "severity": "critical"}], [slack, hook]) as (box, feed):
            feed("set", 31.25)
            raised = wait_bodies(to, "/hook", 3)[-1]
            told = wait_bodies(to, "/slack/" + SECRET, 3)[-1]
            for path in state:  # two failures, then taken: the same message under the same key
                assert len(set(keys(to, path)[:3])) == 1, keys(to, path)
                assert len({json.dumps(b) for b in bodies(to, path)[:3]}) == 1
            assert raised["rule"] == "hot" and raised["state"] == "raised" and raised["value"] == 31.25
            assert raised["threshold"] == 30 and raised["unit"] == "degC" and raised["topic"] == "test.gauge"
            assert raised["severity"] == "critical" and raised["appliance"] == "box"
            assert raised["key"] == keys(to, "/hook")[0] and raised["clock"] in ("unknown", "set", "synchronised")
            assert (raised["time"] is None) == (raised["clock"] == "unknown")
            one = told["attachments"][0]
            assert list(told) == ["attachments"] and len(told["attachments"]) == 1
            assert one["color"] == "danger" and one["mrkdwn_in"] == ["text"] and one["fallback"] == one["text"]
            assert "hot" in one["text"] and "31.25" in one["text"]
            assert {"title": "Value", "value": "31.25 degC", "short": True} in one["fields"]
            assert ("ts" in one) == (raised["clock"] != "unknown")
            # Now nothing is taken, the alert clears and is raised again, and the process is killed.
            for path in state:
                state[path] = [500] * 1000
            n = {path: len(keys(to, path)) for path in state}
            feed("set", 20)
            feed("set", 33)
            feed("set", 21)
            ot.wait_until(lambda: channel(box, "hook")["waiting"] == 3, 10, "three wait")
            kill(box)
            assert channel(box, "hook")["waiting"] == 3 or ot.wait_until(
                lambda: channel(box, "hook")["waiting"] == 3, 10, "they are still there")
            kill(box)
            for path in state:
                state[path] = []
            for path in state:
                ot.wait_until(lambda p=path: len(set(keys(to, p)[n[p]:])) == 3, 15, f"all arrive at {path}")
            after = list(dict.fromkeys(keys(to, "/hook")[n["/hook"]:]))
            states = {b["key"]: (b["state"], b["value"], b["alert"]) for b in bodies(to, "/hook")}
            assert [states[k][:2] for k in after] == [("cleared", 20.0), ("raised", 33.0), ("cleared", 21.0)]
            assert states[after[0]][2] == raised["alert"] and states[after[1]][2] == states[after[2]][2]
            assert after == list(dict.fromkeys(keys(to, "/slack/" + SECRET)[n["/slack/" + SECRET]:]))
            ot.wait_until(lambda: channel(box, "ops")["waiting"] == 0, 10, "nothing waits")


@ot.test(timeout=60)
def a_restart_does_not_raise_twice_and_the_clear_is_sent():
    with receivers.Receiver() as to:
        hook = {"name": "hook", "url": to.url("/hook"), **QUICK}
        with running([HOT], [hook]) as (box, feed):
            feed("set", 40)
            feed("hold", 20)
            first = wait_bodies(to, "/hook", 1)[0]
            kill(box)
            wait_state(box, "raised")
            feed("set", 41)  # seen by the new process
            assert rule(box)["alert"] == first["alert"]
            kill(box)
            wait_state(box, "raised")
            feed("set", 25)
            last = wait_bodies(to, "/hook", 2)[1]
            assert last["state"] == "cleared" and last["alert"] == first["alert"]
            assert last["since"] == first["since"]
            assert len(set(keys(to, "/hook"))) == 2
            events = ot.tap(box.runtime, "alerts.event", 1, "--last", 1)
            assert events[0]["state"] == "cleared" and events[0]["rule"] == "hot"


@ot.test(timeout=40)
def noise_on_the_threshold_raises_once():
    with receivers.Receiver() as to:
        hook = {"name": "hook", "url": to.url("/hook"), **QUICK}
        slow = {**HOT, "name": "slow", "for_s": 0.5}
        with running([HOT, slow], [hook]) as (box, feed):
            for i in range(200):
                feed("set", 30 + 0.9 * (1 if i % 3 else -1))
                if i % 50 == 0:
                    feed("set", "nan")
            wait_state(box, "raised")
            feed("hold", 20)
            wait_state(box, "raised", "slow")
            feed("set", 20)
            wait_state(box, "ok", "slow")
            wait_state(box, "ok")
            wait_bodies(to, "/hook", 4)
            said = [(b["rule"], b["state"]) for b in bodies(to, "/hook")]
            assert sorted(said) == [("hot", "cleared"), ("hot", "raised"), ("slow", "cleared"),
                                    ("slow", "raised")], said


@ot.test(timeout=60)
def silence_is_heard():
    dead = {"name": "dead", "topic": "test.gauge", "silent_s": 2}
    never = {"name": "never", "topic": "test.nonesuch", "silent_s": 2, "severity": "info"}
    with receivers.Receiver() as to:
        hook = {"name": "hook", "url": to.url("/hook"), **QUICK}
        with running([dead, never], [hook]) as (box, feed):
            feed("set", 1)
            feed("hold", 10)
            wait_state(box, "raised", "never")  # nobody ever wrote it
            assert rule(box, "dead")["state"] == "ok"
            feed("hold", 0)
            wait_state(box, "raised", "dead")
            assert "no record for" in rule(box, "dead")["message"]
            feed("set", 1)
            wait_state(box, "ok", "dead")
            feed("hold", 10)
            feed("close")
            wait_state(box, "raised", "dead")
            assert "nobody writes it" in rule(box, "dead")["message"]
            feed("open")
            wait_state(box, "ok", "dead")
            said = [(b["rule"], b["state"]) for b in wait_bodies(to, "/hook", 5)]
            assert said == [("never", "raised")] + [("dead", "raised"), ("dead", "cleared")] * 2, said
            # A process that was held saw nothing: that is not the topic's silence.
            pid = box.pid("alerts")
            os.kill(pid, signal.SIGSTOP)
            seen = ot.Deadline(5)
            ot.wait_until(seen.over, 10, "it was held")
            os.kill(pid, signal.SIGCONT)
            feed("set", 2)
            assert rule(box, "dead")["state"] == "ok"
            kill(box)  # nor is a start a sign of life
            seen = ot.Deadline(3)
            ot.wait_until(seen.over, 10, "it has looked")
            assert rule(box, "never")["state"] == "raised"
            assert len(bodies(to, "/hook")) == 5


@ot.test(timeout=40)
def labels_and_texts_are_compared():
    rules = [{"name": "fault", "topic": "test.gauge", "field": "mode", "equals": "fault"},
             {"name": "not-on", "topic": "test.gauge", "field": "mode", "differs": "on"},
             {"name": "text", "topic": "test.gauge", "field": "note", "equals": "smoke"},
             {"name": "wrong", "topic": "test.gauge", "field": "mode", "above": "1"},
             {"name": "gone", "topic": "test.gauge", "field": "nonesuch", "above": "1"}]
    with running(rules, [{"name": "log", "type": "log"}]) as (box, feed):
        feed("set", 1, 1, "fine")
        ot.wait_until(lambda: "no number" in rule(box, "wrong")["problem"], 10, "it is told")
        assert "no field nonesuch" in rule(box, "gone")["problem"]
        ot.wait_until(lambda: box.states("alerts")["state"] == "degraded", 10, "degraded")
        feed("set", 1, 2, "smoke")
        for name in ("fault", "not-on", "text"):
            wait_state(box, "raised", name)
        feed("set", 1, 1, "none")
        for name in ("fault", "not-on", "text"):
            wait_state(box, "ok", name)
        assert box.log(r"alert: warning fault raised: test.gauge mode is fault")
        assert box.log(r"alert: warning text cleared: test.gauge note is none again")


@ot.test(timeout=60)
def a_digest_collects_and_survives_a_kill():
    with receivers.Receiver() as to:
        channels = [{"name": "hook", "url": to.url("/hook"), **QUICK},
                    {"name": "ops", "type": "slack", "url": to.url("/slack"), **QUICK}]
        with running([{**HOT, "digest": "hourly"}], channels,
                     digests=[{"name": "hourly", "minutes": 0.2}]) as (box, feed):
            feed("set", 31)
            wait_state(box, "raised")
            feed("set", 20)
            wait_state(box, "ok")
            feed("set", 35)
            wait_state(box, "raised")
            assert not to.got
            kill(box)
            one = wait_bodies(to, "/hook", 1, 30)[0]
            assert one["digest"] == "hourly" and one["key"] == keys(to, "/hook")[0] and one["more"] == 0
            assert [(a["state"], a["value"]) for a in one["alerts"]] == [("raised", 31), ("cleared", 20),
                                                                         ("raised", 35)]
            text = wait_bodies(to, "/slack", 1)[0]["attachments"][0]["text"]
            assert "3 changes" in text and "hot raised" in text, text
            wait_state(box, "raised")  # and it was told: nothing more comes
            assert len(to.got) == 2


def is_kept(box, name):
    """True if a rule with this among its numbers, other than 0, is on disk: a call does not wait for that."""
    with contextlib.closing(sqlite3.connect(f"file:{box.state / 'alerts.db'}?mode=ro", uri=True)) as db:
        values = [json.loads(text) for text, in db.execute("SELECT value FROM settings")]
    return any(isinstance(v, dict) and int(v.get(name, 0)) for v in values)


@ot.test(timeout=60)
def a_muted_rule_is_quiet_and_told_after():
    with receivers.Receiver() as to:
        hook = {"name": "hook", "url": to.url("/hook"), **QUICK}
        with running([HOT], [hook]) as (box, feed):
            box.call("alerts", "mute", "rule=hot", "minutes=60")
            feed("set", 31)
            wait_state(box, "raised")
            assert 3500 < rule(box)["muted_s"] <= 3600
            ot.wait_until(lambda: is_kept(box, "muted_until_ns"), 10, "it is on disk")
            kill(box)
            wait_state(box, "raised")
            assert 3500 < rule(box)["muted_s"] <= 3600 and not to.got
            box.call("alerts", "unmute", "rule=all")
            assert wait_bodies(to, "/hook", 1)[0]["state"] == "raised"
            box.call("alerts", "mute", "rule=hot", "minutes=0.05")
            feed("set", 20)
            wait_state(box, "ok")
            assert wait_bodies(to, "/hook", 2)[1]["state"] == "cleared"  # when the mute is over
            done = box.call("alerts", "mute", "rule=hot", "minutes=0", check=False)
            assert "above 0" in done.stderr and "unmute" in done.stderr, done
            for wrong in (["rule=cold", "minutes=1"], ["rule=hot"], ["rule=hot", "minutes=99999"], []):
                assert box.call("alerts", "mute", *wrong, check=False).returncode == 1, wrong


@ot.test(timeout=60)
def the_test_call_tells_what_became_of_it():
    with receivers.Receiver({"/bad": 500, "/gone": 404}) as to:
        channels = [{"name": n, "url": to.url("/" + n), **QUICK} for n in ("good", "bad", "gone")]
        channels += [{"name": "log", "type": "log"}, {"name": "off", "type": "slack"}]
        with running([HOT], channels) as (box, feed):
            one = box.call("alerts", "test", "channel=good")["channels"]
            assert [(c["channel"], c["delivered"], c["status"]) for c in one] == [("good", True, 204)]
            assert bodies(to, "/good")[0]["test"] is True

            def test(*args):  # one at a time, a second apart
                done = box.call("alerts", "test", *args, check=False)
                return None if "wait a moment" in done.stderr else done

            done = ot.wait_until(lambda: test("channel=bad"), 10, "a test")
            assert done.returncode == 1 and "bad" in done.stderr and "500" in done.stderr, done
            done = ot.wait_until(lambda: test("channel=log"), 10, "a test")
            assert done.returncode == 0 and box.log("alert: test")
            done = ot.wait_until(lambda: test("channel=off"), 10, "a test")
            assert done.returncode == 1 and "no address" in done.stderr
            done = ot.wait_until(test, 10, "a test")
            assert done.returncode == 1 and "gone" in done.stderr and "good" not in done.stderr
            assert len(bodies(to, "/bad")) == 2  # one attempt each
            assert not any(c["failing"] for c in box.call("alerts", "list")["channels"])
            assert box.states("alerts")["state"] == "ready", box.states("alerts")  # the answer said it


@ot.test(timeout=60)
def a_reason_hides_no_other():
    rules = [{**HOT, "name": n, "field": f} for n, f in (("one", "nonesuch"), ("two", "neither"), ("three", "value"))]
    with receivers.Receiver({"*": 500}) as to:
        with running(rules, [{"name": "ops", "url": to.url("/x"), **QUICK}]) as (box, feed):
            feed("set", 20)
            ot.wait_until(lambda: "rule one (and 1 more): " in box.states("alerts")["reason"], 10, "two bad rules")
            feed("set", 31)
            reason = ot.wait_until(lambda: (r := box.states("alerts")["reason"]).startswith("channel ops") and r, 10)
            assert "rule one (and 1 more)" in reason, reason


@ot.test(timeout=60)
def two_on_one_state_name_the_other_process():
    with receivers.Receiver() as to:
        with running([HOT], [{"name": "ops", "url": to.url("/x"), **QUICK}]) as (box, feed):
            other = ot.directory()
            with ot.Process(ot.BUILD / "outpost-alerts", "--appliance", box.file, "--service", "alerts",
                            "--runtime", other, "--state", box.state):
                def status():
                    done = ot.run(ot.OUTPOST, "call", "alerts", "status", "--json", "--runtime", other)
                    return done.returncode == 0 and json.loads(done.stdout)

                said = ot.wait_until(lambda: (s := status()) and s["state"] == "degraded" and s, 15, "degraded")
                assert "another process writes" in said["reason"] and "disk" not in said["reason"], said


@ot.test(timeout=60)
def secrets_appear_nowhere():
    with receivers.Receiver({"*": 500}) as to:
        url = to.url("/services/" + SECRET)
        ops = {"name": "ops", "type": "slack", "url": url, **QUICK}
        with running([HOT], [ops]) as (box, feed):
            feed("set", 31)
            wait_bodies(to, "/services/" + SECRET, 3)
            ot.wait_until(lambda: box.states("alerts")["state"] == "degraded", 10, "degraded")
            box.call("alerts", "test", check=False)
            answers = [json.dumps(box.call("alerts", m)) for m in ("list", "settings", "status")]
            status = json.dumps(box.states("alerts"))
            for pid in (box.proc.pid, box.pid("alerts")):
                answers.append(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode())
            everything = "\n".join(box.output() + answers + [status])
            assert "SECRET" not in everything, [l for l in everything.splitlines() if "SECRET" in l]
            assert "http://localhost" in json.dumps(box.call("alerts", "list"))
            assert "ops" in box.states("alerts")["reason"]


@ot.test(timeout=60)
def what_was_given_up_can_be_retried():
    with receivers.Receiver({"/hook": 404}) as to:
        hook = {"name": "hook", "url": to.url("/hook"), **QUICK}
        with running([HOT], [hook]) as (box, feed):
            feed("set", 31)
            ot.wait_until(lambda: channel(box, "hook")["dead"] == 1, 10, "it is given up")
            where = ("--runtime", box.runtime, "--state", box.state)
            listed = ot.run(ot.OUTPOST, "outbox", "list", *where)
            assert "alert hot raised" in listed.stdout and to.url("/hook") not in listed.stdout, listed
            to.answers["/hook"] = 200
            done = ot.run(ot.OUTPOST, "outbox", "retry", "alerts", "--dead", *where)
            assert done.returncode == 0, done
            ot.wait_until(lambda: channel(box, "hook")["delivered"] == 1, 10, "it arrives")
            assert len(set(keys(to, "/hook"))) == 1


@ot.test(timeout=40)
def the_page_asks_over_http():
    port = ot.free_port()
    web = {"web": {"program": str(ot.BUILD / "outpost-web"), "listen": f"127.0.0.1:{port}", "watchdog_s": 30}}
    at, kind = f"http://127.0.0.1:{port}/api/alerts", {"Content-Type": "application/json"}
    with receivers.Receiver({"/bad": 500}) as to:
        channels = [{"name": n, "url": to.url("/" + n), **QUICK} for n in ("good", "bad")]
        with Box({**settings([HOT], channels), **web}) as box, Feed(box) as feed:
            feed("set", 31)
            listed = ot.wait_until(lambda: (l := ot.get(at).json())["rules"][0]["state"] == "raised" and l, 10, "raised")
            assert listed["rules"][0]["value"] == 31 and listed["rules"][0]["message"]
            assert [c["url"] for c in listed["channels"]] == [f"http://localhost:{to.port}/<redacted-path>"] * 2

            def post(act, body=b"{}", headers=kind):
                done = ot.request(f"{at}/{act}", "POST", body, headers)
                return None if done.status == 429 else done

            def act(*args, **kw):
                return ot.wait_until(lambda: post(*args, **kw), 10, "not too soon")

            done = act("test", b'{"channel":"good"}')
            assert done.status == 200 and done.json()["channels"][0]["delivered"], done.text
            done = act("test")
            assert done.status == 502 and "bad" in done.json()["error"]["message"], done.text
            assert act("test", b'{"channel":"x"}').status == 404
            assert act("test", headers={}).status == 415
            assert act("test", b"[]").status == 400 and act("test", b"{").status == 400
            assert act("stop").status == 404 and ot.get(at + "/test").status == 405
            assert act("mute", b'{"rule":"hot","minutes":5}').json() == {"rules": 1, "minutes": 5.0}
            assert act("mute", b'{"rule":"cold","minutes":5}').status == 400
            assert act("unmute", b'{"rule":"hot"}').status == 200
            assert box.call("alerts", "ping")["service"] == "alerts"
            os.kill(box.pid("alerts"), signal.SIGSTOP)
            pids = box.states("alerts")["pid"]
            done = ot.request(at, timeout=15)  # it is held: nobody else waits
            assert done.status == 504 and ot.get(at.replace("api/alerts", "health")).status in (200, 503)
            os.kill(pids, signal.SIGCONT)
            ot.wait_until(lambda: ot.get(at).status == 200, 10, "it answers again, or its successor")


def recorded(path):
    """What the recorder has kept of alerts.event: [(state, rule)]."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        try:
            return db.execute('SELECT state, rule FROM "alerts.event" ORDER BY boot_ns').fetchall()
        except sqlite3.OperationalError:
            return []  # not yet


@ot.test(timeout=60)
def the_sensor_hub_raises_and_records():
    sets = ["services.alerts.rules.0.silent_s=1", "services.alerts.rules.0.for_s=0"]
    with ot.Outpost("sensorhub", sets=sets) as box:
        with open(f"/proc/{box.pid}/task/{box.pid}/children") as f:
            board = next(int(p) for p in f.read().split() if "sim-pbt" in os.readlink(f"/proc/{p}/exe"))
        os.kill(board, signal.SIGSTOP)
        box.wait_line("alert: critical pressure-silent raised: no pressure samples", 15)
        ot.wait_until(lambda: 'field="raised",unit=""} 1' in ot.get(box.url + "metrics").text, 10, "it is in the metrics")
        os.kill(board, signal.SIGCONT)
        box.wait_line("alert: critical pressure-silent cleared", 15)
        want = [("raised", "pressure-silent"), ("cleared", "pressure-silent")]
        ot.wait_until(lambda: recorded(box.state / "history.db") == want, 15, "both are recorded")


@ot.test()
def mistakes_are_named():
    rules = [{"name": "a b", "topic": "t", "field": "f", "above": "1"},
             {"name": "two", "topic": "t", "field": "f", "above": "1", "below": "0"},
             {"name": "none", "topic": "t", "field": "f"},
             {"name": "none", "topic": "t", "field": "f", "above": "hot"},
             {"name": "range", "topic": "t", "field": "f", "outside": {"low": "1", "high": "2"}, "hysteresis": 1},
             {"name": "lost", "topic": "t", "above": "1", "channels": "nobody", "digest": "never"},
             {"name": "all", "topic": "t", "field": "f", "above": "1"}]
    channels = [{"name": "x", "url": "ftp://" + SECRET}, {"name": "x", "type": "log"},
                {"name": "two-hosts", "url": "http://a@b@c/" + SECRET}]
    file = boxes.write(settings(rules, channels))
    done = ot.run(ot.BUILD / "outpost-alerts", "--appliance", file, "--check")
    assert done.returncode == 78, done
    for part in ("rules.0.name", "more than one condition", "has no condition", 'a rule "none" already',
                 'a number, not "hot"', "ever be back", "needs a field", 'no channel "nobody"',
                 'no digest "never"', "channels.0.url", "channels.2.url", '"all" means every rule', 'a channel "x" already'):
        assert part in done.stderr, (part, done.stderr)
    assert "SECRET" not in done.stderr


@ot.test()
def without_what_sends_nothing_starts():
    """Only where something is to be sent; told at once, by --check as well."""
    alone = ot.directory() / "bin"
    alone.mkdir()
    shutil.copy(ot.BUILD / "outpost-alerts", alone)
    hook = {"name": "hook", "url": "https://hooks.example/" + SECRET}
    for channels, status in (([hook], 78), ([{"name": "log", "type": "log"}], 0), ([{**hook, "url": ""}], 0)):
        for program, want in (((alone / "outpost-alerts"), status), (ot.BUILD / "outpost-alerts", 0)):
            file = boxes.write(settings([HOT], channels))
            done = ot.run(program, "--appliance", file, "--check", env={"OUTPOST_PROGRAMS": ""})
            assert done.returncode == want, (channels, done)
            assert want == 0 or "channels.0.url: outpost-post cannot be started: " in done.stderr, done
            assert SECRET not in done.stderr


@ot.test(timeout=60)
def what_sends_is_killed_again_and_again():
    """The service lives on, says what happened, and every message arrives, in order."""
    with receivers.Receiver({"/hook": receivers.hangs}) as to:
        hook = {"name": "hook", "type": "webhook", "url": to.url("/hook"), **QUICK}
        with running([HOT], [hook]) as (box, feed):
            pid = box.pid("alerts")
            feed("set", 31)
            for n in range(1, 6):
                to.wait(n)
                program, = [p for p, command in ot._below(pid).items() if command == "outpost-post"]
                os.kill(program, signal.SIGKILL)
                box.wait_line(r"channel hook: outpost-post ended by signal 9 \(Killed\)", 10)
            assert channel(box, "hook")["waiting"] == 1
            feed("set", 20)
            to.answers["/hook"] = 200
            ot.wait_until(lambda: bodies(to, "/hook")[-1].get("state") == "cleared", 20, "both have arrived")
            ot.wait_until(lambda: channel(box, "hook")["waiting"] == 0, 10, "both were taken")
            assert len(set(keys(to, "/hook"))) == 2 and box.pid("alerts") == pid


@ot.test(timeout=40)
def a_number_is_told_as_it_was_written():
    with receivers.Receiver() as to:
        hook = {"name": "hook", "type": "webhook", "url": to.url("/hook"), **QUICK}
        with running([{**HOT, "field": "coarse", "above": "29.9"}], [hook]) as (box, feed):
            feed("set", 31.1)  # a float32 knows it as 31.100000381469727
            raised, = wait_bodies(to, "/hook", 1)
            assert raised["value"] == 31.1 and raised["threshold"] == 29.9, raised
            said = ot.run(ot.OUTPOST, "call", "alerts", "list", "--runtime", box.runtime).stdout
            assert '"value":31.1,' in said and '"threshold":29.9,' in said, said


@ot.test(timeout=40)
def texts_and_lines_are_templates():
    hot = {**HOT, "text": "\u2744\ufe0f *Temperature Alert: HIGH*",
           "text_cleared": "*Resolved* {rule} <{field}> {nonsense}",
           "fields": [{"title": "Current", "value": "{value:1}\u00b0C", "short": True},
                      {"title": "Threshold", "value": "{threshold:1}\u00b0C"},
                      {"title": "Timestamp", "value": "{time}", "short": False}]}
    with receivers.Receiver() as to:
        ops = {"name": "ops", "type": "slack", "url": to.url("/s"), **QUICK}
        with running([hot], [ops]) as (box, feed):
            feed("set", 30.04)
            feed("set", 20)
            raised, cleared = (b["attachments"][0] for b in wait_bodies(to, "/s", 2))
            assert raised["text"] == "\u2744\ufe0f *Temperature Alert: HIGH*" and raised["color"] == "warning"
            assert [(f["title"], f["short"]) for f in raised["fields"]] == [
                ("Current", True), ("Threshold", True), ("Timestamp", False)]
            assert raised["fields"][0]["value"] == "30.0\u00b0C" and raised["fields"][1]["value"] == "30.0\u00b0C"
            assert cleared["text"] == "*Resolved* hot <value> {nonsense}" and cleared["color"] == "good"


ot.main()
