# alerts_faults.py - alerts while the disk fails and the clocks lie: what is wrong is still told, once,
# and nothing that is not wrong is told.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import signal
import time

import outpost_test as ot
import receivers
from alerts_test import HOT, QUICK, bodies, channel, keys, kill, rule, running, wait_bodies, wait_state

FAULTS = {"full": {"full": True}, "full to the last byte": {"full": "all"}, "read-only": {"read_only": True},
          "failing": {"io_error": True}}
YEAR = 365 * 86400


@contextlib.contextmanager
def faulty(rules, to, hook=None, **clocks):
    """A box whose state directory and clocks are the shim's, with a webhook at /hook (hook: its settings)."""
    state = ot.directory() / "state"
    state.mkdir(exist_ok=True)
    shim = ot.Shim(state)
    shim.set(**clocks)
    hook = {"name": "hook", "url": to.url("/hook"), **(hook or QUICK)}
    with running(rules, [hook], env=shim.env()) as (box, feed):
        yield box, feed, shim
        shim.clear()


def said(to):
    """(rule, state) of every message, each key once, in the order they came first."""
    seen = {}
    for body in bodies(to, "/hook"):
        seen.setdefault(body["key"], (body["rule"], body["state"]))
    return list(seen.values())


def pair(box, feed, to, low, high):
    """One raise and one clear, each of which must arrive; the seconds the slower took."""
    worst = 0
    for value in (high, low):
        n, began = len(said(to)), time.monotonic()
        feed("set", value)
        ot.wait_until(lambda: len(said(to)) > n, 15, f"the alert at {value}")
        worst = max(worst, time.monotonic() - began)
    return worst


@ot.test(timeout=120)
def alerts_go_out_past_a_disk_that_takes_nothing():
    with receivers.Receiver() as to:
        with faulty([HOT], to) as (box, feed, shim):
            pair(box, feed, to, 20, 31)
            for name, fault in FAULTS.items():
                before = len(said(to))
                shim.set(**fault)
                worst = pair(box, feed, to, 20, 31)
                assert worst < ot.patient(5), (name, worst)
                ot.wait_until(lambda: box.states("alerts")["state"] == "degraded", 10, f"{name} is told")
                assert "from memory" in box.states("alerts")["reason"], box.states("alerts")["reason"]
                feed("set", 32)  # raised while the disk fails, and still so after
                ot.wait_until(lambda: len(said(to)) == before + 3, 10, "three messages")
                shim.clear()
                ot.wait_until(lambda: box.states("alerts")["state"] == "ready", 10, f"well after {name}")
                ot.wait_until(lambda: channel(box, "hook")["in_memory"] == channel(box, "hook")["waiting"] == 0, 10,
                              "nothing waits")
                kill(box)  # what was learned in memory is on disk now: not raised again
                wait_state(box, "raised")
                feed("set", 20)
                ot.wait_until(lambda: len(said(to)) == before + 4, 10, "its clear")
                assert [s for _, s in said(to)[before:]] == ["raised", "cleared"] * 2, (name, said(to)[before:])
                assert channel(box, "hook")["dropped"] == 0


@ot.test(timeout=120)
def what_is_in_memory_goes_behind_what_waits():
    with receivers.Receiver({"/hook": 500}) as to:
        with faulty([HOT], to) as (box, feed, shim):
            feed("set", 31)
            ot.wait_until(lambda: channel(box, "hook")["waiting"] == 1 and keys(to, "/hook"), 15, "the raise waits")
            first = keys(to, "/hook")[0]
            shim.set(full="all")
            feed("set", 20)
            ot.wait_until(lambda: channel(box, "hook")["in_memory"] == 1, 15, "the clear is in memory")
            n = len(keys(to, "/hook"))
            ot.wait_until(lambda: len(keys(to, "/hook")) >= n + 3, 60, "the raise is tried again and again")
            assert set(keys(to, "/hook")) == {first}, keys(to, "/hook")
            to.answers["/hook"] = 200
            ot.wait_until(lambda: len(set(keys(to, "/hook"))) == 2, 30, "the clear goes out, still past the disk")
            assert said(to) == [("hot", "raised"), ("hot", "cleared")]
            shim.clear()
            ot.wait_until(lambda: channel(box, "hook")["waiting"] == 0, 60, "the disk has taken what became of it")
            assert len(set(keys(to, "/hook"))) == 2 and channel(box, "hook")["dropped"] == 0


@ot.test(timeout=120)
def what_was_given_up_while_the_disk_fails_holds_nobody_up():
    with receivers.Receiver({"/hook": 500}) as to:
        with faulty([HOT], to, {"attempts": 6, "backoff_ms": 1000, "backoff_max_ms": 1000, "jitter": False}) as \
                (box, feed, shim):
            feed("set", 31)
            ot.wait_until(lambda: channel(box, "hook")["waiting"] == 1 and keys(to, "/hook"), 15, "the raise waits")
            shim.set(full="all")
            feed("set", 20)
            ot.wait_until(lambda: len(set(keys(to, "/hook"))) == 2, 60, "the clear goes out")
            raised = keys(to, "/hook")[0]
            assert keys(to, "/hook").count(raised) == 6, keys(to, "/hook")
            shim.clear()
            ot.wait_until(lambda: channel(box, "hook")["waiting"] == 0 < channel(box, "hook")["dead"], 60,
                          "the disk knows what was given up")
            assert keys(to, "/hook").count(raised) == 6, keys(to, "/hook")


@ot.test(timeout=90)
def memory_is_bounded_and_what_it_cannot_hold_is_counted():
    with receivers.Receiver({"/hook": 500}) as to:
        with faulty([HOT], to) as (box, feed, shim):
            shim.set(full="all")
            for _ in range(25):  # 50 messages where 32 have room
                feed("set", 31)
                feed("set", 20)
            ot.wait_until(lambda: channel(box, "hook")["dropped"] == 18, 20, "18 are dropped")
            assert channel(box, "hook")["in_memory"] == 32
            state = ot.tap(box.runtime, "alerts.state", 1, "--last", 1)[0]
            ot.wait_until(lambda: ot.tap(box.runtime, "alerts.state", 1, "--last", 1)[0]["dropped"] == 18, 15, "told")
            to.answers["/hook"] = 200
            n = len(to.got)
            ot.wait_until(lambda: channel(box, "hook")["in_memory"] == 0, 20, "the rest goes out")
            left = [b["state"] for b in bodies(to, "/hook")[n:]]
            assert len(set(keys(to, "/hook")[n:])) >= 31 and left[-1] == "cleared", left
            assert all(a != b for a, b in zip(left[1:], left[2:])), left  # in order
            assert state["rules"] == 1


@ot.test(timeout=60)
def a_damaged_store_is_set_aside_and_alerts_go_on():
    with receivers.Receiver() as to:
        with faulty([HOT], to) as (box, feed, shim):
            feed("set", 31)
            wait_bodies(to, "/hook", 1)
            for damage in ("garbage", "directory"):
                n = len(to.got)
                path = box.state / "alerts.db"
                pid = box.pid("alerts")
                os.kill(pid, signal.SIGSTOP)
                for file in (path, box.state / "alerts.db-wal", box.state / "alerts.db-shm"):
                    file.unlink(missing_ok=True)  # with its log it would be mended
                if damage == "garbage":
                    path.write_bytes(os.urandom(20000))
                else:
                    path.mkdir()
                os.kill(pid, signal.SIGKILL)
                box.wait_new_life("alerts", pid, 10)
                feed("set", 31)
                ot.wait_until(lambda: len(to.got) > n, 10, "raised again: nobody knows that it was told")
                assert list(box.state.glob("alerts.db.damaged-*")), list(box.state.iterdir())
                ot.wait_until(lambda: box.states("alerts")["state"] == "ready", 10, "ready")


@ot.test(timeout=60)
def a_start_without_a_disk():
    with receivers.Receiver() as to:
        with faulty([HOT], to) as (box, feed, shim):
            shim.set(full="all")
            kill(box)
            feed("set", 31)
            wait_bodies(to, "/hook", 1)
            shim.clear()
            ot.wait_until(lambda: box.states("alerts")["state"] == "ready", 10, "well again")
            feed("set", 20)
            ot.wait_until(lambda: said(to) == [("hot", "raised"), ("hot", "cleared")], 10, "and the clear")


def timed(function, *args):
    """Seconds that it takes."""
    began = time.monotonic()
    function(*args)
    return time.monotonic() - began


@ot.test(timeout=120)
def a_slow_fsync_stops_nobody():
    """5 s each: records are judged, calls answered, silence heard meanwhile; messages come late."""
    dead = {"name": "dead", "topic": "test.other", "silent_s": 1}
    with receivers.Receiver() as to:
        with faulty([HOT, dead], to) as (box, feed, shim):
            wait_bodies(to, "/hook", 1)
            calm = max(timed(rule, box) for _ in range(20))  # what a call takes on this machine
            shim.set(fsync_ms=5000)
            feed("hold", 100)
            began, slowest = time.monotonic(), 0
            for value in (31, 20, 31, 20):
                feed("set", value)
            ot.wait_until(lambda: len(ot.tap(box.runtime, "alerts.event", 5, "--last", 5)) == 5, 5, "events")
            judged = time.monotonic() - began
            assert judged < 2 + 3 * calm, f"judged after {judged:.1f} s, a call takes {calm:.1f} s"
            deadline = ot.Deadline(12)
            while not deadline.over():
                slowest = max(slowest, timed(rule, box))
            assert slowest < 2 + 3 * calm, f"a call took {slowest:.1f} s, before {calm:.1f} s"
            events = ot.tap(box.runtime, "alerts.event", 4, "--last", 4)
            assert [e["state"] for e in events] == ["raised", "cleared"] * 2, events
            status = ot.wait_until(lambda: (s := box.call("alerts", "status"))["records"] >= 900 and s, 15, "900 records")
            assert status["missed"] == 0, status
            ot.wait_until(lambda: len(said(to)) == 5, 60, "all of them arrive")
            assert [s for r, s in said(to) if r == "hot"] == ["raised", "cleared"] * 2
            shim.set(fsync_ms=0)
            print(f"slowest call {slowest * 1e3:.0f} ms, all judged within {judged * 1e3:.0f} ms")


# (name, clocks before the start, clocks after, whether it is known before, and after)
BOOT_1970 = {"wall_offset_s": -int(time.time()) + 300, "synced": False, "chip": False}
CLOCKS = [
    ("1970 at boot, then set", BOOT_1970, {"wall_offset_s": 0, "synced": True}, False, True),
    ("1970 for good", BOOT_1970, {}, False, False),
    ("three years ahead", {"synced": True}, {"wall_offset_s": 3 * YEAR, "synced": False}, True, None),
    ("three years ahead, synchronised", {"synced": True}, {"wall_offset_s": 3 * YEAR}, True, None),
    ("an hour back", {"synced": True}, {"wall_offset_s": -3600}, True, None),
    ("a leap second", {"synced": True}, {"wall_offset_s": -1}, True, True),
    ("flapping", {"synced": True}, {"synced": False}, True, None),
    ("suspended for an hour", {"synced": True}, {"suspended_s": 3600}, True, None),
]


@ot.test(timeout=240)
def clocks_raise_nothing_and_false_dates_are_not_told():
    rules = [{**HOT, "for_s": 1, "clear_for_s": 0},
             {"name": "dead", "topic": "test.gauge", "silent_s": 2}]
    for name, before, after, known_before, known_after in CLOCKS if ot.full() else CLOCKS[::2] + CLOCKS[7:]:
        with receivers.Receiver() as to:
            with faulty(rules, to, wall_offset_s=0, suspended_s=0) as (box, feed, shim):
                shim.set(**before)
                kill(box)
                feed("set", 31)
                feed("hold", 20)
                first = wait_bodies(to, "/hook", 1)[0]
                assert first["rule"] == "hot" and (first["time"] is not None) == known_before, (name, first)
                if known_before:
                    assert first["clock"] != "unknown"
                shim.set(**after)
                seen = ot.Deadline(4)  # longer than both rules need
                ot.wait_until(seen.over, 10, "it was watched")
                assert said(to) == [("hot", "raised")], (name, said(to))
                feed("set", 20)
                last = wait_bodies(to, "/hook", 2)[1]
                assert last["state"] == "cleared" and last["alert"] == first["alert"], (name, last)
                if known_after is not None:
                    assert (last["time"] is not None) == known_after, (name, last)
                if last["time"]:
                    assert last["time"] >= (last["since"] or ""), (name, last)
                assert "1970" not in json.dumps([first, last]), (name, first, last)
                assert len(set(keys(to, "/hook"))) == 2, name


ot.main()
