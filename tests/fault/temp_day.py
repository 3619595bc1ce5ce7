# temp_day.py - a day of the temperature monitor at a hundred times its speed, for all of which its webhook receiver
# is dead: the room swings, so that alerts come and go; the wall clock jumps; nothing may drift, grow or be lost.
#
# And a start at which nobody knows the time.
#
# A reading each 0.6 s in place of 60, an hour in 36 s; the simulated chips convert forty times as fast. At full
# length the receiver lives for two hours, refuses for twelve, takes and says nothing for twelve, and lives for two
# again: 1,680 readings.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import datetime
import json
import math
import os
import pathlib
import re
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import outpost_test as ot
import receivers

INTERVAL_S, COOLDOWN_S, HOUR_S = 0.6, 9, 36
ALIVE_S, REFUSES_S, SILENT_S = (2 * HOUR_S, 12 * HOUR_S, 12 * HOUR_S) if ot.full() else (9, 8, 8)
STEP_S = 6 * INTERVAL_S if ot.full() else 2 * INTERVAL_S
GROWTH_MB = 1.0  # by which the last eighth may be above the second
DRIFT_MS = 60  # by which the last quarter may lie off the first quarter's grid
TEMP_HIGH, TEMP_LOW, WET, DRY = RULES = "temp_high", "temp_low", "humidity_high", "humidity_low"
WORDS = {"Temperature Alert: HIGH": (TEMP_HIGH, "raised"), "Temperature Alert: LOW": (TEMP_LOW, "raised"),
         "Humidity Alert: HIGH": (WET, "raised"), "Humidity Alert: LOW": (DRY, "raised"),
         "Temperature Alert Resolved: HIGH": (TEMP_HIGH, "cleared"),
         "Temperature Alert Resolved: LOW": (TEMP_LOW, "cleared"),
         "Humidity Alert Resolved: HIGH": (WET, "cleared"), "Humidity Alert Resolved: LOW": (DRY, "cleared")}
# Both chips in degC (with the processor at 51.121 that is 22.4, 33.2 and 7.7), and %RH less 4 of calibration.
ROOMS = [(38.65, 40), (45, 40), (38.65, 40), (30, 40), (45, 80), (38.65, 40), (38.65, 5), (30, 80), (38.65, 40),
         (45, 5), (45, 80)]


class Day(ot.Outpost):
    def __init__(self, port, **clocks):
        self.dir = ot.directory()
        appliance = self.dir / "temp-monitor.yaml"
        text = (ot.SOURCE / "appliances/temp-monitor/temp-monitor.yaml").read_text(encoding="utf-8")
        quick = text.replace("args: [--bus,", 'args: [--speed, "40", --bus,')
        assert quick != text
        appliance.write_text(quick, encoding="utf-8")
        slack = "services.alerts.channels.1."
        sets = ["log.repeat_s=0", "services.climate.round_ms=1", "services.climate.retry_s=0.05", slack + "backoff_s=0", slack + "backoff_ms=50",
                slack + "timeout_s=2", "services.alerts.period_ms=50"]
        (self.dir / "state").mkdir()
        self.shim = ot.Shim(self.dir / "state")
        self.shim.set(**clocks)
        super().__init__(appliance, sets=sets, timeout=30, base=self.dir, cwd=self.dir, env={
            "SAMPLING_INTERVAL": str(INTERVAL_S), "ALERT_COOLDOWN_SECONDS": str(COOLDOWN_S), "ALERT_TEMP_MAX_C": "27",
            "SLACK_WEBHOOK_URL": f"http://localhost:{port}/services/hook", **self.shim.env()})

    def __enter__(self):
        super().__enter__()
        self.say("set cpu 51.121")
        self.over, self.weights, self.room = threading.Event(), [], threading.Lock()
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.swing, self.weigh)]
        self.taps = {topic: ot.Process(ot.OUTPOST, "tap", topic, "--json", "--runtime", self.runtime)
                     for topic in ("climate.reading", "alerts.event")}
        self.taps["climate.reading"].wait_line("temperature_c", 20)
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, tb):
        self.over.set()
        for thread in self.threads:
            thread.join()
        for tap in self.taps.values():
            tap.__exit__(None, None, None)
        super().__exit__(kind, value, tb)

    def say(self, *commands):
        with open(self.runtime / "sim/hat.control", "w", encoding="ascii") as fifo:
            fifo.write("".join(command + "\n" for command in commands))

    def swing(self):
        for n in range(10**9):
            celsius, humidity = ROOMS[n % len(ROOMS)]
            with self.room:
                if self.over.is_set():
                    return
                self.say(f"set temperature {celsius}", f"set humidity {humidity}")
            if self.over.wait(STEP_S):
                return

    def weigh(self):
        """What all services hold for themselves, MB; the program that posts comes and goes, and is not of them."""
        while not self.over.wait(HOUR_S / 18 if ot.full() else 0.5):
            total = 0
            for pid in [self.pid, *ot._below(self.pid)]:
                try:
                    if os.readlink(f"/proc/{pid}/exe").rsplit("/", 1)[-1] not in ("outpost-post", "outpost-sim-sense-hat"):
                        total += anonymous_mb(pid)
                except OSError:
                    pass  # it has just ended
            self.weights.append(total)

    def records(self, topic):
        return [json.loads(line) for line in self.taps[topic].output("out") if line.startswith("{")]

    def events(self):
        return [(r["rule"], r["state"]) for r in self.records("alerts.event") if r["rule"] in RULES]

    def alerts(self):
        done = ot.run(ot.OUTPOST, "call", "alerts", "list", "--json", "--runtime", self.runtime)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def settled(self):
        """What is raised is known to the receiver, and nothing is on its way."""
        now = self.alerts()
        return all((r["state"] == "raised") == r["told"] for r in now["rules"] if r["rule"] in RULES) and \
            not any(c["waiting"] or c["in_memory"] for c in now["channels"])

    @contextlib.contextmanager
    def still(self):
        """The room stays as it is, its readings are judged, and what there is to tell is told."""
        with self.room:
            seen = len(self.records("climate.reading"))
            ot.wait_until(lambda: len(self.records("climate.reading")) >= seen + 3, 20, "readings of the room")
            ot.wait_until(self.settled, 30, "all is told", every=0.02)
            yield

    def sent(self):
        return sum("Webhook alerts sent: [" in line for line in self.output())


def anonymous_mb(pid):
    """Heap and stacks: what can leak, whoever else on the machine shares the libraries."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Anonymous:\s+(\d+)", text, re.M)[1]) / 1024


class Taken:
    """What the receiver took: (rule, state), key, seconds of its own clock, its "ts"."""

    def __init__(self):
        self.all, self.died = [], 0

    def __call__(self, handler, got):
        attachment = json.loads(got.body)["attachments"][0]
        self.all.append((*WORDS[attachment["text"].split("*")[1]], got.headers["Idempotency-Key"], got.at, attachment["ts"]))
        receivers.answer(handler, 200, b"ok")


def wait_s(seconds):
    over = ot.Deadline(seconds)
    ot.wait_until(over.over, seconds + 10, "the time is over", every=0.1)


def changes(taken):
    """Without those told again while they last."""
    told, found = set(), []
    for rule, state, *_ in taken:
        if state == "cleared" or rule not in told:
            found.append((rule, state))
        (told.add if state == "raised" else told.discard)(rule)
    return found


def told_rightly(taken):
    keys = [key for _, _, key, _, _ in taken]
    assert len(set(keys)) == len(keys), "a message came twice"
    for rule in RULES:
        its = [(state, at, ts) for r, state, _, at, ts in taken if r == rule]
        assert [ts for _, _, ts in its] == sorted(ts for _, _, ts in its), (rule, its)
        for (before, then, _), (after, now, _) in zip([("cleared", 0, 0)] + its, its):
            assert (before, after) != ("cleared", "cleared"), (rule, its)


def each_change_was_told(events, sent):
    """While the receiver lives: what alerts.event says is what came, in that order within a rule. What follows
    the topic may be a moment behind."""
    def differ():
        return [(rule, have, want) for rule in RULES for have, want in
                (([c for c in changes(sent()) if c[0] == rule], [e for e in events() if e[0] == rule]),) if have != want]
    with contextlib.suppress(AssertionError):
        ot.wait_until(lambda: not differ(), 5)
    assert not differ(), differ()


def on_the_grid(day):
    readings = day.records("climate.reading")
    t = [r["boot_ns"] / 1e9 for r in readings]
    # A reading is never early, and late where the machine is busy: more room behind the grid than before it.
    turns = [x / INTERVAL_S % 1 * math.tau for x in t]
    grid_s = math.atan2(sum(map(math.sin, turns)), sum(map(math.cos, turns))) / math.tau * INTERVAL_S
    at = [math.floor((x - grid_s) / INTERVAL_S + 0.1) for x in t]
    at = [n - at[0] for n in at]
    stats = json.loads(ot.run(ot.OUTPOST, "call", "climate", "stats", "--json", "--runtime", day.runtime).stdout)
    assert [b["seq"] - a["seq"] for a, b in zip(readings, readings[1:])] == [1] * (len(readings) - 1)
    assert stats["failed"] <= len(t) * INTERVAL_S / STEP_S + 1, stats  # a leap within a cycle
    missing = at[-1] + 1 - len(set(at))
    assert 0 <= missing <= stats["skipped"] + stats["failed"], (missing, stats)
    assert at == sorted(at) and len(at) - len(set(at)) <= stats["failed"], "more than retries lie beside the grid"
    off = [x - t[0] - n * INTERVAL_S for x, n in zip(t, at)]
    quarter = len(off) // 4
    drift_ms = (statistics.median(off[-quarter:]) - statistics.median(off[:quarter])) * 1000
    print(f"{len(t)} readings in {t[-1] - t[0]:.0f} s, {missing} of the grid missing, drift {drift_ms:.1f} ms")
    assert abs(drift_ms) < DRIFT_MS, drift_ms


def memory_is_flat(day):
    eighth = len(day.weights) // 8
    first, last = statistics.median(day.weights[eighth:2 * eighth]), statistics.median(day.weights[-eighth:])
    print(f"all services hold {first:.2f} MB in the second eighth, {last:.2f} MB in the last, {max(day.weights):.2f} MB at most")
    assert last - first < GROWTH_MB, (first, last)


@ot.test(timeout=1400)
def a_day_at_a_hundred_times_its_speed():
    port, taken = ot.free_port(), Taken()
    with Day(port) as day:
        with receivers.Receiver({"*": taken}, port=port) as to:
            wait_s(ALIVE_S)
            with day.still():
                each_change_was_told(day.events, lambda: taken.all)
                assert len(taken.all) >= 3
                to.answers["*"] = receivers.resets()  # a connection that was kept ends, too
        before = list(taken.all)
        day.shim.set(wall_offset_s=3600)  # an hour ahead, and nothing but dates may notice
        wait_s(REFUSES_S)
        hung = []
        with receivers.Receiver({"*": lambda handler, got: (hung.append(got), receivers.hangs(handler, got))}, port=port):
            wait_s(SILENT_S)
        assert hung and taken.all == before
        with receivers.Receiver({"*": taken}, port=port):
            with day.still():
                n, events = len(taken.all), len(day.events())
                known = {r["rule"] for r in day.alerts()["rules"] if r["state"] == "raised"} & set(RULES)
            wait_s(ALIVE_S)
            with day.still():
                day.over.set()  # the room stays as it is
            told_rightly(taken.all)
            print(f"{len(taken.all)} messages taken, {len(day.events())} changes, {len(hung)} requests into the void")
            already = [(rule, "raised") for rule in RULES if rule in known]
            each_change_was_told(lambda: already + day.events()[events:],
                                 lambda: [(*one, "", 0, 0) for one in already] + taken.all[n:])
            last = {rule: state for rule, state, *_ in taken.all}
            for rule in day.alerts()["rules"]:
                if rule["rule"] in RULES:
                    assert last.get(rule["rule"], "cleared") == ("raised" if rule["state"] == "raised" else "cleared"), rule
            queues = json.loads(ot.run(ot.OUTPOST, "outbox", "list", "--json", "--state", day.state, "--runtime",
                                       day.runtime).stdout)["outboxes"]
            assert queues and all(q["waiting"] == q["dead"] == 0 for o in queues for q in o["queues"]), queues
            ot.wait_until(lambda: ot.get(day.url + "metrics").json()["application"]["webhook_alerts_sent"] == day.sent() > 0,
                          5, "the log and the metric count the same")
        memory_is_flat(day)
        on_the_grid(day)


@ot.test(timeout=90)
def a_clock_that_nobody_has_set_dates_nothing():
    """1970 at boot, without a clock chip or a server: readings and alerts go on, no message has a false date; when
    the time is known, what was kept before is dated rightly."""
    port, bodies = ot.free_port(), []

    def take(handler, got):
        bodies.append(json.loads(got.body)["attachments"][0])
        receivers.answer(handler, 200)

    def dated(celsius, humidity):
        n = len(bodies)
        day.say(f"set temperature {celsius}", f"set humidity {humidity}")
        return ot.wait_until(lambda: bodies[n:] and bodies[n], 20, "a message")
    wrong_s = int(100 - time.time())
    with receivers.Receiver({"*": take}, port=port), Day(port, wall_offset_s=wrong_s, synced=False, chip=False) as day:
        day.over.set()  # the room stays as it is set here
        day.threads[0].join()
        day.say("set temperature 38.65", "set humidity 40")
        ot.wait_until(day.settled, 20, "nothing is raised")
        bodies.clear()
        first = day.records("climate.reading")[-1]
        high = dated(45, 40)
        assert "ts" not in high and high["fields"][-1]["value"].endswith("after the start, clock not set"), high
        health = ot.get(day.url + "health").json()
        assert health["status"] == "healthy" and health["last_reading_age_seconds"] < 10, health
        page = ot.get(day.url + "dashboard/data").json()
        assert page["reading"]["time_ms"] == 0 and any("CLOCK" in notice for notice in page["notices"]), page
        day.shim.set(wall_offset_s=0, synced=True)
        ot.wait_until(lambda: not ot.get(day.url + "dashboard/data").json()["notices"], 20, "it is known")
        over = dated(38.65, 40)
        assert abs(over["ts"] - time.time()) < ot.patient(20), over
        assert time.strptime(over["fields"][-1]["value"], "%Y-%m-%d %H:%M:%S"), over
        state = day.state
    done = ot.run(ot.OUTPOST, "export", "climate.reading", "--state", state, "--format", "jsonl")
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(k["boot_ns"] == first["boot_ns"] for k in kept), "a reading of before is lost"
    now = datetime.datetime.now(datetime.timezone.utc)
    for k in kept:
        assert abs((datetime.datetime.fromisoformat(k["time"].replace("Z", "+00:00")) - now).total_seconds()) < ot.patient(120), k


ot.main()
