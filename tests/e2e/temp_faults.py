# temp_faults.py - the temperature monitor as a whole, as its users see it while the Sense HAT fails.
#
# Whatever the board does: the last good reading stays to be had and is said to be old, nothing else is ever
# published, kept or told to anybody, and it goes on by itself.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import signal

import outpost_test as ot
import receivers

TOKEN = "token-of-the-tests"
GOOD = {"temperature_c": 22.4, "temperature_f": 72.3}
FAULTS = {  # commands of the simulator: what the log, the status and the dashboard say
    ("nak hts221",): "no chip answers at 0x5f",
    ("nak lps25h",): "no chip answers at 0x5c",
    ("unplug",): "no chip answers at 0x5f",
    ("absent",): "i2c is not there",
    ("hang",): "Connection timed out",
    ("zeros both",): "gives values that it cannot measure",
    ("garbage both",): ("gives values that it cannot measure", "values of the chip at 0x5"),
    ("stick both",): "gives no new values",
    ("halve hts221",): "gives no new values",
    ("freeze both",): "frozen: no count of either chip changed over 3 readings",
    ("wrong hts221", "reset hts221"): "says that it is 0x33",
    ("blank hts221", "reset hts221"): "the calibration of the chip at 0x5f makes no sense",
}


class Monitor(ot.Outpost):
    def __init__(self, url, sets=(), **env):
        sets = [*sets, "log.repeat_s=0", "services.climate.round_ms=1", "services.climate.retry_s=0.2", "services.climate.frozen_after=3"]
        super().__init__("temp-monitor", sets=sets, timeout=30,
                         env={"BEARER_TOKEN": TOKEN, "SAMPLING_INTERVAL": "0.7", "SLACK_WEBHOOK_URL": url,
                              "ALERT_TEMP_MAX_C": "27", **env})

    def say(self, *commands):
        """To the simulated board; each is obeyed when this returns."""
        for command in commands:
            after = len(self.output())
            with open(self.runtime / "sim/hat.control", "w", encoding="ascii") as fifo:
                fifo.write(command + "\n")
            self.wait_line(f"done: {command}$", 20, after)

    def ask(self, path):
        answer = ot.get(self.url + path, headers={"Authorization": "Bearer " + TOKEN})
        assert answer.status == (200 if path != "health" else answer.status), (path, answer.status, answer.body)
        return answer.json()

    def healthy(self):
        return ot.get(self.url + "health").status == 200

    def good(self):
        """The room is set; the number of the first reading that is all of that room."""
        self.say("set temperature 38.65", "set humidity 40", "set pressure 1000", "set cpu 51.121")
        last = self.tap("climate.reading", 1, "--last", 1)[0]["seq"]
        ot.wait_until(lambda: self.tap("climate.reading", 1, "--last", 1)[0]["seq"] >= last + 2, 20, "a reading of it")
        return last + 2

    def kept(self):
        done = ot.run(ot.OUTPOST, "export", "climate.reading", "--state", self.state, "--format", "jsonl")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def good(value):
    return {k: value[k] for k in GOOD} == GOOD and abs(value["humidity"] - 44) <= 0.4


def told(text, part):
    return any(p in text for p in ((part,) if isinstance(part, str) else part))


def while_it_fails(box, part, before):
    """Everything that can be asked, when the last reading is stale."""
    ot.wait_until(lambda: not box.healthy(), 20, "it is stale")
    health, temp, raw = box.ask("health"), box.ask("api/temp"), box.ask("api/raw")
    assert health["status"] == "unhealthy" and health["reading_stale"] and health["sensor_thread_alive"], health
    assert health["last_reading_age_seconds"] > 2, health
    assert good(temp) and temp["timestamp"] >= before, temp
    assert raw["raw_temperature"] is None, raw
    assert (raw["cpu_temperature"], raw["compensated_temperature"]) == (51.1, 22.4), raw
    metrics = box.ask("metrics")
    app = metrics["application"]
    assert (app["current_temp_c"], app["last_sensor_update"]) == (22.4, temp["timestamp"]), app
    assert app["sensor_thread_alive"] is True and metrics["hardware"]["cpu_temp_c"] == 51.121, metrics
    page = box.ask("dashboard/data")
    assert page["stale"] is True and page["sensor"]["state"] == "failing" and good(page["reading"]), page
    assert told(page["sensor"]["reason"], part), page["sensor"]
    status = box.status()["services"]["climate"]
    assert status["state"] == "degraded" and told(status["reason"], part), status


@ot.test(timeout=240)
def whatever_the_board_does_only_what_it_measured_is_told():
    with receivers.Receiver() as to:
        with Monitor(to.url("/services/hook")) as box:
            first = box.good()
            for commands, part in FAULTS.items():
                print(*commands, flush=True)
                before, after = box.ask("api/temp")["timestamp"], len(box.output())
                box.say(*commands)
                while_it_fails(box, part, before)
                lines = [x for x in box.output()[after:] if "Error updating sensor data: " in x]
                assert any(told(x, part) for x in lines) and all(" error " in x for x in lines), lines
                box.say(commands[0] + " 0")
                ot.wait_until(box.healthy, 20, "readings come again")
                assert good(box.ask("api/temp")) and abs(box.ask("api/raw")["raw_temperature"] - 38.65) < 0.1
                assert box.ask("dashboard/data")["sensor"] == {"state": "ok", "reason": ""}
                box.wait_line(r"readings come again after \d+ that failed", 5, after)
            assert box.ask("metrics")["application"]["webhook_alerts_sent"] == 0
        assert not to.got, "somebody was told of a reading that was none"
        kept = box.kept()
        wrong = [r for r in kept[first:] if not good(r) or abs(r["raw_c"] - 38.65) > 0.02]
        assert len(kept) > first + len(FAULTS) and not wrong, (first, wrong)


@ot.test(timeout=60)
def the_last_alert_outlives_the_service_that_told_it():
    with Monitor("") as box:
        box.good()
        assert box.ask("dashboard/data")["last_alert"] is None
        box.say("set temperature 48")
        last = ot.wait_until(lambda: box.ask("dashboard/data")["last_alert"], 20, "an alert")
        assert (last["rule"], last["state"]) == ("temp_high", "raised"), last
        for name in ("alerts", "web"):  # one after the other: each has it from the other
            pid = box.status()["services"][name]["pid"]
            os.kill(pid, signal.SIGKILL)

            def back():
                now = box.status()["services"][name]
                return now["state"] == "ready" and now["pid"] not in (pid, 0, None)
            ot.wait_until(back, 20, "it is back")
            if name == "alerts":
                assert box.ask("dashboard/data")["last_alert"] == last
                box.say("set temperature 38.65")
                last = ot.wait_until(lambda: (lambda a: a["state"] == "cleared" and a)(box.ask("dashboard/data")["last_alert"]),
                                     20, "its end")
        assert ot.wait_until(lambda: box.ask("dashboard/data")["last_alert"], 20, "known again") == last


@ot.test(timeout=90)
def who_is_to_be_told_that_readings_stop_is():
    with receivers.Receiver() as to, Monitor(to.url("/hook"), ALERT_SILENT_CHANNELS="log,slack") as box:
        box.good()
        box.say("unplug")
        ot.wait_until(lambda: to.got, 40, "it is told")
        box.say("unplug 0")
        ot.wait_until(lambda: len(to.got) == 2, 20, "and that it is over")
        first, last = (json.loads(g.body)["attachments"][0] for g in to.got)
        assert (first["text"], first["color"]) == ("\u26a0\ufe0f *No Readings*: see to the Sense HAT", "danger"), first
        assert [f["title"] for f in first["fields"]] == ["Since"] and first["fields"][0]["value"][:2] == "20", first
        assert (last["text"], last["color"]) == ("\u2705 *Readings Again*", "good"), last
        box.wait_line("alert: critical climate-silent raised: no reading", 5)


def start_anew(box, name):
    """The service is killed; it is back when this returns."""
    before = box.status()["services"][name]["pid"]
    os.kill(before, signal.SIGKILL)

    def back():
        now = box.status()["services"][name]
        return now["state"] == "ready" and now["pid"] not in (before, 0, None)
    ot.wait_until(back, 20, f"{name} is back")


def put(box, path, method="PUT", **change):
    done = ot.request(box.url + "api/webhook/" + path, method, json.dumps(change).encode(),
                      {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})
    assert done.status == 200, done.body
    return box.ask("api/webhook/config")


@ot.test(timeout=90)
def what_the_api_changed_outlives_the_service_that_was_told():
    with receivers.Receiver() as to, Monitor(to.url("/services/first")) as box:
        box.good()
        begun = box.ask("api/webhook/config")
        put(box, "config", webhook={"retry_count": 7, "retry_delay": 9, "timeout": 11},
            thresholds={"temp_max_c": 44.5, "temp_min_c": None, "humidity_min": 1})
        changed = put(box, "disable", "POST")
        assert changed["webhook"] == {**begun["webhook"], "enabled": False, "retry_count": 7, "retry_delay": 9, "timeout": 11}
        kept = box.runtime / "call/alerts.changes"
        assert kept.stat().st_mode & 0o777 == 0o600
        start_anew(box, "alerts")
        assert box.ask("api/webhook/config") == changed
        box.say("set temperature 70")  # beyond either limit: nobody is sent anything
        box.wait_line("alert: critical temp_high raised", 20)
        assert not to.got
        # An address may hold a secret and is not kept: who gave another is told that it is the old one again.
        put(box, "config", webhook={"url": to.url("/services/sEcOnD")})
        assert "sEcOnD" not in kept.read_text()
        after = len(box.output())
        start_anew(box, "alerts")
        box.wait_line("alerts +warning +channel slack: its address is that of the settings again", 20, after)
        assert box.ask("api/webhook/config") == changed
        # As it was begun there is nothing to be kept.
        put(box, "config", webhook={k: v for k, v in begun["webhook"].items() if k != "url"}, thresholds=begun["thresholds"])
        assert not kept.exists()


@ot.test(timeout=60)
def the_mock_prints_what_it_would_show():
    with ot.Outpost("temp-monitor", sim=False, timeout=30, env={"USE_MOCK_SENSOR": "1", "CPU_TEMP_PATH": "/nonexistent"},
                    cwd=ot.directory()) as box:
        ot.wait_until(lambda: "Mock SenseHat displaying: Temp: 63.5F" in box.output("out"), 20, "it is printed")
        assert box.output("out").count("Using mock SenseHat") == 1, box.output("out")
        box.wait_line("climate +info +Mock SenseHat displaying: Temp: 63.5F$", 20)  # and in the log


@ot.test(timeout=60)
def a_board_that_ends_is_waited_for():
    with Monitor("") as box:
        box.good()
        box.say("quit")
        box.wait_line("Error updating sensor data: ", 20)
        after = len(box.output())
        box.wait_line("readings come again after", 30, after)
        ot.wait_until(box.healthy, 20, "readings come again")


@ot.test(timeout=60)
def a_service_that_starts_anew_is_no_silence():
    # Gone for long enough that it is seen; what was measured before it went is young.
    with Monitor("", sets=["services.climate.restart.backoff_ms=2500"], SAMPLING_INTERVAL="20") as box:
        ot.wait_until(box.healthy, 20, "a reading")
        box.tap("status.alerts", 3)  # with each it looks
        before = box.status()["services"]["climate"]["pid"]
        os.kill(before, signal.SIGABRT)

        def anew():
            now = box.status()["services"]["climate"]
            return now["state"] == "ready" and now["pid"] not in (before, 0, None)
        ot.wait_until(anew, 20, "it is back")
        silent = [x for x in box.output() if "climate-silent" in x]
        assert not silent, silent


ot.main()
