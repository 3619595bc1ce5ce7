# temp_alerts_net.py - the temperature monitor's alerts and receivers that fail, change, or must not know each other.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import calendar
import json
import os
import shutil
import signal
import time

import outpost_test as ot
import receivers
from temp_alerts_test import PATH, Alerts, Feed, Receiver, attachments, posts, texts, wait_texts

HIGH, RESOLVED = "Temperature Alert: HIGH", "Temperature Alert Resolved: HIGH"
STATUS = "Server Room Status Update"


def kill(box):
    """kill -9, and another process with the same settings and state: itself, entered anew."""
    os.kill(box.pid, signal.SIGKILL)
    box.wait()
    box.feed.__exit__(None, None, None)


@ot.test(timeout=40)
def pauses_double_and_a_test_waits_for_all_attempts():
    with Receiver({"*": 503}) as to, posts(to, **{"channels.1.backoff_ms": 200}) as box:
        answer = box.call("test", "report=status", "attempts=3")
        assert answer["delivered"] is False and "HTTP 503" in answer["message"], answer
        at = [g.at for g in to.got]
        assert len(at) == 3 and at[1] - at[0] >= 0.2 and at[2] - at[1] >= 0.4, at
        to.answers["*"] = 200
        assert box.call("test", "report=status", "attempts=1")["delivered"] is True
        assert box.call("test", "report=none", check=False).returncode != 0


@ot.test(timeout=40)
def rubbish_is_called_no_http():
    def rubbish(handler, _):
        handler.wfile.write(b"220 mail.example ESMTP\r\n")
        handler.close_connection = True
    with Receiver({"*": rubbish}) as to, posts(to) as box:
        answer = box.call("test", "report=status", "attempts=1")
        assert answer["delivered"] is False and answer["message"].endswith(": the answer is not HTTP"), answer


@ot.test(timeout=60)
def a_state_directory_that_is_gone_is_named():
    with Receiver() as to, posts(to) as box:
        box.feed(33)
        wait_texts(to, ["Temperature Alert: HIGH"])
        shutil.rmtree(box.state)
        box.configure(temp_high={"above": "30"})
        box.feed(20)
        want = f"No such file or directory: alerts go on from memory, make anew {box.state}"
        ot.wait_until(lambda: ot.tap(box.runtime, "status.alerts", 1, "--last", 1)[0]["reason"] == want, 20, want)
        box.state.mkdir()
        ot.wait_until(lambda: ot.tap(box.runtime, "status.alerts", 1, "--last", 1)[0]["state"] == "ready", 20, "well again")


@ot.test(timeout=60)
def a_slow_receiver_holds_up_nobody():
    with Receiver({"*": receivers.hangs}) as to, posts(to) as box:
        box.configure({"timeout_ms": 300})
        box.feed(33)
        to.wait(1)
        for i in range(20):  # readings are judged and calls answered meanwhile
            box.feed(33 + i, 75)
        assert box.rule("humidity_high")["state"] == "raised"
        ot.wait_until(lambda: box.log("failed after 3 attempts"), 20, "given up")
        assert box.log(r"silent for 0.3 s \(attempt 1/3\)")
        to.answers["*"] = 200

        def told():
            box.feed(40, 75)
            return box.rule("temp_high")["told"] and box.rule("humidity_high")["told"]
        ot.wait_until(told, 20, "both are told", every=0.1)


@ot.test(timeout=60)
def redirects_lead_nowhere():
    with Receiver() as other, Receiver({"*": receivers.says(302, Location=other.url("/canary"))}) as to, \
            posts(to) as box:
        box.feed(33)
        ot.wait_until(lambda: box.log("failed after 3 attempts"), 15, "not a success")
        assert len(to.got) == 3 and not other.got
        assert not box.call("test", "report=status")["delivered"] and not other.got


@ot.test(timeout=90)
def dead_for_a_day_and_back():
    port = ot.free_port()
    with Alerts(f"http://localhost:{port}{PATH}", **{"channels.1.backoff_ms": 10}) as box:
        for hour in range(24):
            for minute in range(60):
                box.feed(33 + hour / 10, 50, judged=minute == 59)
            n = len(box.log("failed after 3 attempts"))
            ot.wait_until(lambda: len(box.log("failed after 3 attempts")) > n or box.feed(33 + hour / 10), 20,
                          "another one is given up", every=0.05)
        assert box.slack()["waiting"] <= 1 and box.slack()["in_memory"] == 0
        with Receiver(port=port) as to:
            def told():
                box.feed(36.5)
                return box.slack()["delivered"] >= 1
            ot.wait_until(told, 20, "told", every=0.05)
            box.feed(36.5)
            box.feed(20)
            ot.wait_until(lambda: RESOLVED in texts(to), 15, "and over")
            assert texts(to) == [HIGH, RESOLVED], texts(to)  # one, of the end of the day; nothing of before
            assert attachments(to)[0]["fields"][0]["value"] in ("36.5\u00b0C (97.7\u00b0F)", "35.3\u00b0C (95.5\u00b0F)")
            ot.wait_until(lambda: box.topic()["cycles_told"] == 2, 10, "counted")


@ot.test(timeout=40)
def the_address_changes_while_an_attempt_runs():
    with Receiver({"*": receivers.hangs}) as old, Receiver() as new, posts(old) as box:
        box.configure({"timeout_ms": 1000})
        box.feed(33)
        old.wait(1)
        config = box.configure({"url": new.url("/services/other/canary")})
        assert config["channels"]["slack"]["url"] == f"http://localhost:{new.port}"
        new.wait(1)  # its second attempt
        assert new.got[0].path == "/services/other/canary" and new.keys() == old.keys()
        box.feed(20)
        wait_texts(new, [HIGH, RESOLVED], "/services/other/canary")
        assert len(old.got) == 1
        box.configure({"url": None})
        box.feed(34)
        ot.wait_until(lambda: box.rule("temp_high")["state"] == "raised", 10, "nobody can be told")
        assert not box.call("test", "report=status")["delivered"] and len(new.got) == 2


@ot.test(timeout=40)
def off_and_on():
    with Receiver() as to, posts(to) as box:
        assert box.configure({"enabled": False})["channels"]["slack"]["enabled"] is False
        box.feed(33)
        ot.wait_until(lambda: box.rule("temp_high")["state"] == "raised", 10, "seen")
        answer = box.call("test", "report=status")
        assert answer["delivered"] is False and "enabled" in answer["message"], answer
        assert not to.got
        box.configure({"enabled": True})
        box.feed(34)
        wait_texts(to, [HIGH])
        assert attachments(to)[0]["fields"][0]["value"].startswith("34.0")
        box.configure({"enabled": False})
        box.feed(20)  # not told, and not later either
        ot.wait_until(lambda: box.rule("temp_high")["state"] == "ok", 10, "over")
        box.configure({"enabled": True})
        box.feed(21)
        box.feed(35)
        wait_texts(to, [HIGH, HIGH])


@ot.test(timeout=40)
def an_address_that_comes_later():
    with Receiver() as to, Alerts("", **{"reports.0.enabled": True, "reports.0.on_start": True,
                                         "reports.0.every_s": 2, "reports.0.least_s": 0}) as box:
        box.feed(33)
        ot.wait_until(lambda: box.rule("temp_high")["state"] == "raised", 10, "seen")
        assert not box.call("test", "report=status")["delivered"]
        box.configure({"url": to.url(PATH)})
        box.feed(33.5)
        ot.wait_until(lambda: texts(to)[:1] == [HIGH], 15, "told")

        def status():
            box.feed(33.5)
            return STATUS in texts(to)
        ot.wait_until(status, 20, "the timer began with the address", every=0.2)
        assert to.got[texts(to).index(STATUS)].at - to.got[0].at > 1


@ot.test(timeout=60)
def a_restart_in_between_loses_and_doubles_nothing():
    state = {"status": 500}
    with Receiver({"*": lambda h, g: receivers.answer(h, state["status"])}) as to:
        slow = {"channels.1.backoff_ms": 1000}
        with posts(to, **slow) as box:
            box.feed(33)
            to.wait(1)
            ot.wait_until(lambda: box.slack()["waiting"] == 1, 10, "it waits")
            kill(box)
        state["status"] = 200
        with posts(to, begin=False, **slow) as box:
            to.wait(2)  # the same one, under the same key
            assert len(set(to.keys())) == 1
            ot.wait_until(lambda: box.slack()["waiting"] == 0 and box.rule("temp_high")["told"], 10, "told")
            for _ in range(3):
                box.feed(34)
            kill(box)
        with posts(to, begin=False, **slow) as box:
            box.feed(34)  # within its cooldown
            box.feed(20)
            wait_texts(to, [HIGH, HIGH, RESOLVED])
            box.feed(35)
            wait_texts(to, [HIGH, HIGH, RESOLVED, HIGH])


@ot.test(timeout=90)
def an_end_that_nobody_took_is_told_with_the_next_reading():
    state = {"status": 200}

    def gave_up(box, n):
        ot.wait_until(lambda: len(box.log("failed after 3 attempts: .*-(cleared|again-)")) >= n, 15, "given up")
    with Receiver({"*": lambda h, g: receivers.answer(h, state["status"])}) as to:
        def told():
            return [a["text"].split("*")[1] for a, ok in zip(attachments(to), taken) if ok]
        taken = []
        to.answers["*"] = lambda h, g: (taken.append(state["status"] == 200), receivers.answer(h, state["status"]))
        with posts(to) as box:
            box.feed(33)
            box.settle()
            state["status"] = 503
            box.feed(20)
            gave_up(box, 1)
            over = attachments(to)[-1]["fields"]
            box.feed(21)
            gave_up(box, 2)
            state["status"] = 200
            box.feed(22)
            ot.wait_until(lambda: told() == [HIGH, RESOLVED], 15, "told in the end")
            assert attachments(to)[-1]["fields"] == over  # when it was over, not when it was told
            for _ in range(3):
                box.feed(22)
            # Raised anew before the end was taken: that is what counts.
            box.feed(34)
            box.settle()
            state["status"] = 503
            box.feed(20)
            gave_up(box, 3)
            box.feed(35)
            ot.wait_until(lambda: box.rule("temp_high")["state"] == "raised", 10, "raised")
            state["status"] = 200
            ot.wait_until(lambda: box.feed(35) or len(told()) >= 4, 15, "told", every=0.05)
            box.settle()
            box.feed(20)
            ot.wait_until(lambda: told() == [HIGH, RESOLVED, HIGH, HIGH, RESOLVED], 15, "and over")
            # Nor is it forgotten by a restart.
            box.feed(36)
            box.settle()
            state["status"] = 503
            n = len(box.log("failed after 3 attempts"))
            box.feed(20)
            ot.wait_until(lambda: len(box.log("failed after 3 attempts")) > n, 15, "given up")
            counts = [q for o in json.loads(ot.run(ot.OUTPOST, "outbox", "list", "--json", "--state", box.state,
                                                   "--runtime", box.runtime).stdout)["outboxes"] for q in o["queues"]]
            assert counts and all(q["waiting"] == q["dead"] == 0 and q["died"] > 0 for q in counts), counts
            kill(box)
        state["status"] = 200
        with posts(to) as box:
            ot.wait_until(lambda: told()[5:] == [HIGH, RESOLVED], 15, "told after the restart")
            for _ in range(3):
                box.feed(22)
            assert len(told()) == 7


@ot.test(timeout=60)
def over_before_it_was_told_and_a_restart():
    """The raise waits, the reading is back, the service is killed: both are told, the end with a date of today."""
    state = {"status": 500}
    with Receiver({"*": lambda h, g: receivers.answer(h, state["status"])}) as to:
        slow = {"channels.1.backoff_ms": 1000}
        with posts(to, **slow) as box:
            box.feed(33)
            to.wait(1)
            box.feed(20)
            ot.wait_until(lambda: box.slack()["waiting"] == 1 and box.rule("temp_high")["state"] == "ok", 10, "it waits")
            assert set(texts(to)) == {HIGH}
            kill(box)
        state["status"] = 200
        with posts(to, begin=False, **slow):
            ot.wait_until(lambda: RESOLVED in texts(to), 20, "both")
            assert texts(to)[-2:] == [HIGH, RESOLVED]
            stamp = attachments(to)[-1]["fields"][0]["value"]
            assert abs(calendar.timegm(time.strptime(stamp, "%Y-%m-%d %H:%M:%S")) - 3600 - time.time()) < \
                ot.patient(60), stamp


@ot.test(timeout=60)
def secrets_are_shown_nowhere():
    state = {"status": 500}

    def echo(handler, got):
        said = f"{got.path} {json.dumps(got.path)} {got.headers['Authorization']} canaryuser canarypass".encode()
        receivers.answer(handler, state["status"], said)
    with Receiver({"*": echo}) as to:
        url = f"http://canaryuser:canarypass@localhost:{to.port}{PATH}?token=canaryquery"
        with Alerts(url, **{"reports.0.enabled": True, "reports.0.on_start": True}) as box:
            seen = []
            box.feed(33)
            ot.wait_until(lambda: box.log("failed after 3 attempts"), 15, "given up")
            seen.append(box.call("test", "report=status"))
            seen.append(box.call("test", check=False).stderr)
            seen += [box.call(method) for method in ("config", "list", "status")]
            seen.append(box.configure({"url": url + "2"}))
            seen.append(box.call("configure", 'channels={"slack":{"url":"ftp://canary/canary"}}', check=False).stderr)
            state["status"] = 200
            box.feed(34)
            ot.wait_until(lambda: box.slack()["delivered"], 15, "told")
            seen.append(ot.run(ot.OUTPOST, "outbox", "list", "--state", box.state, "--runtime", box.runtime).stdout)
            for topic in ("alerts.state", "alerts.event", "status.alerts"):
                seen.append(ot.tap(box.runtime, topic, 1, "--last", 1))
            with open(f"/proc/{box.pid}/cmdline", encoding="utf-8") as f:
                seen.append(f.read())
            assert to.got[0].headers["Authorization"].startswith("Basic ")
            for one in seen + box.output():
                assert "canary" not in str(one).lower().replace("canarytemp", ""), one
            assert "<redacted-path>" in "\n".join(box.log("HTTP 500"))


ot.main()
