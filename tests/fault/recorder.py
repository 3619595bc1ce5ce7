# recorder.py - the recorder over disks that fail, databases that are damaged, kills, and clocks that
# are wrong: nothing else notices, what is lost is counted, and it goes on by itself.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import pathlib
import random
import re
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import outpost_test as ot
import recorder_test as rt
import tools_test as tt

SEED = int(os.environ.get("OUTPOST_SEED", "20261121"))
BACK_S = 10  # a disk that is well again is used again within so long
FAULTS = {"full": "the disk is full", "read_only": "read-only", "io_error": "", "fsync_ms": "does not answer"}
SLOW_MS = 5000  # more than the watchdog of hub() allows


def begin_fault(shim, fault):
    shim.set(**{fault: SLOW_MS if fault == "fsync_ms" else True})


def wait_degraded(box, text, timeout=20):
    def told():
        entry = box.health()["services"]["recorder"]
        return entry["state"] == "degraded" and text in entry["reason"] and entry
    return ot.wait_until(told, timeout, f"the recorder says {text!r}", 0.1)


def wait_ready(box, timeout):
    ot.wait_until(lambda: box.health()["services"]["recorder"]["state"] == "ready", timeout, "the recorder is ready",
                  0.1)


def rest(seconds):
    threading.Event().wait(seconds)


class Witness:
    """Follows pbt.sample and pbt.hit; nothing may be missing in either."""

    def __init__(self, box):
        self.taps = [ot.Process(ot.OUTPOST, "tap", topic, "--json", "--runtime", box.runtime)
                     for topic in ("pbt.sample", "pbt.hit")]
        self.taps[0].wait_line("pbt.sample")

    def stop(self):
        found = []
        for tap in self.taps:
            tap.signal(signal.SIGINT)
            assert tap.wait() == 0
            assert not [line for line in tap.output("err") if "missed" in line], tap.output("err")
            records = [json.loads(line) for line in tap.output("out")]
            for before, after in zip(records, records[1:]):
                assert after["seq"] == before["seq"] + 1, (before, after)
            found.append(records)
        return found


def kept(db, topic):
    """Spans of sequence numbers in the chunks of a topic, as (first, number of records)."""
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as history:
        assert history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return history.execute("SELECT seq0, n FROM chunks JOIN topics ON topics.id = topic "
                               "WHERE name = ? AND level = 0 ORDER BY seq0", (topic,)).fetchall()


def hub(base, shim, *sets):
    return ot.Outpost(env=shim.env(), base=base, timeout=30,
                      sets=["services.recorder.keep.0.commit_s=1", "services.recorder.watchdog_s=4", *sets])


def survive(fault):
    """The fault comes while the sensor hub runs, stays, and goes; nobody else notices."""
    base = ot.directory() / fault
    (base / "state").mkdir(parents=True)
    shim = ot.Shim(base / "state")
    with hub(base, shim) as box:
        witness, long = Witness(box), 60 if ot.full() else 4
        begin_fault(shim, fault)
        wait_degraded(box, FAULTS[fault])
        rest(long)
        assert all(entry["restarts"] == 0 for entry in box.health()["services"].values())
        assert box.health()["services"]["pbt"]["state"] == "ready"
        shim.clear()
        wait_ready(box, BACK_S)
        stats = box.tap("recorder.stats", 1, "--last", 1)[0]
        assert stats["failures"] > 0 or fault == "fsync_ms", stats
        samples, hits = witness.stop()
        assert len(samples) > 800 * long and hits
    spans = kept(box.state / "history.db", "pbt.sample")
    for (first, n), (following, _) in zip(spans, spans[1:]):
        assert first + n == following, f"{fault}: a gap between {first + n} and {following}"
    assert spans[0][0] <= samples[0]["seq"] and sum(spans[-1]) > samples[-1]["seq"]
    with sqlite3.connect(f"file:{box.state / 'history.db'}?mode=ro", uri=True) as history:
        rows = {row[0] for row in history.execute('SELECT seq FROM "pbt.hit"')}
        assert {hit["seq"] for hit in hits} <= rows


@ot.test(timeout=180)
def a_full_disk_costs_nothing_if_it_ends_in_time():
    survive("full")


@ot.test(timeout=180)
def a_read_only_disk_costs_nothing_if_it_ends_in_time():
    survive("read_only")


@ot.test(timeout=180)
def a_failing_disk_costs_nothing_if_it_ends_in_time():
    survive("io_error")


@ot.test(timeout=180)
def a_slow_disk_costs_nothing_and_no_restart():
    survive("fsync_ms")


@ot.test(timeout=300)
def a_disk_that_fails_at_the_start_is_waited_for():
    for fault, text in FAULTS.items():
        base = ot.directory() / ("start-" + fault)
        (base / "state").mkdir(parents=True)
        shim = ot.Shim(base / "state")
        begin_fault(shim, fault)
        with hub(base, shim) as box:
            wait_degraded(box, "" if fault == "fsync_ms" else text)
            first = box.tap("pbt.sample", 1)[0]["seq"]
            shim.clear()
            wait_ready(box, BACK_S)
            last = box.tap("pbt.sample", 1)[0]["seq"]
            assert box.health()["services"]["recorder"]["restarts"] == 0
        spans = kept(box.state / "history.db", "pbt.sample")
        assert spans[0][0] <= first and sum(spans[-1]) > last, (fault, spans, first, last)


@ot.test(timeout=120)
def what_is_lost_is_counted_and_shown():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 1", "topic: test.event, commit_s: 1"],
                     more="    queue_mb: 1\n")
    shim = ot.Shim(place.state)
    with tt.Writer(place.runtime, "open point test.point", "open event test.event") as writer, \
            place.start(env=shim.env()) as recorder:
        writer("pub test.point 100", "pub test.event 5")
        recorder.flush()
        shim.set(full=True)
        for _ in range(40):
            before = recorder.stats()["records"]
            writer("pub test.point 1000", "pub test.event 1")
            ot.wait_until(lambda: recorder.stats()["records"] >= before + 1001, 10)
        reason = recorder.wait_state("degraded", "records lost")[1]
        assert "full" in reason, reason
        shim.clear()
        recorder.wait_state("ready", timeout=BACK_S)
        recorder.flush()
        stats = recorder.stats()
        assert stats["queue_bytes_most"] <= 1000000 and stats["dropped"] > 1000, stats
        assert recorder.stop() == 0
    numbers, events = (place.column(f'SELECT n FROM "{t}"') for t in ("test.point", "test.event"))
    assert len(numbers) + stats["dropped"] == 40100 and len(set(numbers)) == len(numbers)
    assert sorted(events) == list(range(45)), "events are worth more than what can be drawn coarser"
    place.check()


def damage(path, how, chance):
    size = path.stat().st_size
    if how == "random":
        with open(path, "r+b") as f:
            f.seek(chance.randrange(100))
            f.write(chance.randbytes(5000))
    elif how == "truncated":
        os.truncate(path, size // 2 + 100)
    elif how == "empty":
        os.truncate(path, 0)
    else:
        path.unlink()
        path.mkdir()
        (path / "kept").write_text("not ours")


@ot.test(timeout=120)
def a_damaged_database_is_set_aside_and_told():
    chance = random.Random(SEED)
    for how in ("random", "truncated", "empty", "directory"):
        place = rt.Place(["topic: test.point, as: rows"], name=how)
        with tt.Writer(place.runtime, "open point test.point") as writer:
            with place.start() as recorder:
                writer("pub test.point 2000")
                recorder.flush()
                assert recorder.stop() == 0
            damage(place.db, how, chance)
            with place.start() as recorder:
                recorder.wait_line(r"damaged.*kept as \S+/history\.db\.damaged-\d{8}T\d{6}Z\b", 10)
                writer("pub test.point 10")
                recorder.flush()
                recorder.wait_state("ready", timeout=BACK_S)
                assert recorder.stats()["set_aside"] == 1
                assert recorder.stop() == 0
        aside = [p for p in place.state.iterdir() if ".damaged-" in p.name]
        assert any(p.is_dir() == (how == "directory") and p.name.startswith("history.db.damaged-") for p in aside), \
            (how, list(place.state.iterdir()))
        assert len(place.column('SELECT n FROM "test.point"')) >= 10
        place.check()


@ot.test(timeout=60)
def a_database_damaged_while_it_is_written_is_replaced():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 1"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 2000")
        recorder.flush()
        place.db.unlink()
        for end in ("-wal", "-shm"):
            pathlib.Path(str(place.db) + end).unlink(missing_ok=True)
        writer("pub test.point 500")
        ot.wait_until(lambda: place.db.exists(), BACK_S, "a new database")
        recorder.flush()
        recorder.wait_state("ready", timeout=BACK_S)
        assert recorder.stop() == 0
    assert set(range(2000, 2500)) <= set(place.column('SELECT n FROM "test.point"'))
    place.check()


def overwrite(path, how, old):
    """In place: the recorder has the file open."""
    if how == "truncated":
        os.truncate(path, path.stat().st_size // 2 + 100)
    else:
        path.write_bytes({"text": b"not a database\n" * 20000, "empty": b"", "older": old}[how])


@ot.test(timeout=240)
def a_database_overwritten_while_it_is_written_is_set_aside():
    for how in ("text", "empty", "truncated", "older"):
        place = rt.Place(["topic: test.point, as: rows, commit_s: 1"], name="over-" + how)
        with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
            writer("pub test.point 500")
            recorder.flush()
            sql = ("sqlite3", place.db, "PRAGMA wal_checkpoint(TRUNCATE)")
            assert ot.run(*sql).returncode == 0
            old = place.db.read_bytes()
            writer("pub test.point 3000")
            recorder.flush()
            assert ot.run(*sql).returncode == 0
            writer("pub test.point 100")
            recorder.flush()
            overwrite(place.db, how, old)
            writer("pub test.point 400")
            recorder.wait_line(r"overwritten \(.*kept as \S+/history\.db\.damaged-\d{8}T\d{6}Z\b", 4 * BACK_S)
            ot.wait_until(lambda: recorder.state()[0] == "ready", 4 * BACK_S, "the recorder is ready")
            recorder.flush()
            assert recorder.stats()["set_aside"] == 1
            assert recorder.stop() == 0
        assert [p for p in place.state.iterdir() if re.fullmatch(r"history\.db\.damaged-\w+", p.name)], how
        numbers = place.column('SELECT n FROM "test.point"')
        assert set(range(3600, 4000)) <= set(numbers), (how, len(numbers))
        place.check()


@ot.test(timeout=180)
def an_idle_recorder_notices_as_well():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 3600"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 10")
        recorder.flush()
        overwrite(place.db, "text", b"")
        recorder.wait_line(r"overwritten \(not a database\)", 120)  # a minute, on a machine that is busy
        assert recorder.stop() == 0
    place.check()


@ot.test(timeout=1500)
def kill_9_costs_at_most_what_the_bus_has_forgotten():
    rounds, chance = 500 if ot.full() else 12, random.Random(SEED)
    place = rt.Place(["topic: test.point, as: rows, commit_s: 1", "topic: test.other, fields: n, commit_s: 1"])
    with tt.Writer(place.runtime, "open point test.point", "open point test.other") as writer:
        for _ in range(rounds):
            with place.start() as recorder:
                deadline = ot.Deadline(chance.random() * 0.8)
                while not deadline.over():  # the bus holds 4096 records: those of many lives
                    writer("pub test.point 3", "pub test.other 3")
                    rest(0.02)
                recorder.kill()
            place.check()
        with place.start() as recorder:
            recorder.flush()
            assert recorder.stats()["set_aside"] == 0
            assert recorder.stop() == 0
    place.check()
    missing, twice = rt.rows_of(place.column('SELECT n FROM "test.point"'))
    assert (missing, twice) == ([], 0), (missing[:9], len(missing), twice)
    spans = kept(place.db, "test.other")
    for (first, n), (following, _) in zip(spans, spans[1:]):
        assert first + n == following, (first, n, following)


# ---- clocks ---------------------------------------------------------------------------------

YEAR = 365 * 86400


def times(place):
    """(number, seconds by which its time is off)"""
    now = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return {n: (ns - boot - now) / 1e9
            for n, ns, boot in place.sql('SELECT n, time_ns, boot_ns FROM "test.point" ORDER BY n')}


def quality(place):
    return {row[0] for row in place.sql('SELECT DISTINCT clock FROM "test.point"')}


@ot.test(timeout=60)
def a_boot_in_1970_is_corrected_once_the_time_is_known():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 1"], more="    max_age: {raw: 30d}\n")
    shim = ot.Shim(place.state)
    shim.set(wall_offset_s=-time.time() + 60, synced=False, chip=False)
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start(env=shim.env()) as recorder:
        writer("pub test.point 100")
        recorder.flush()
        assert quality(place) == {"unknown"} and min(times(place).values()) < -40 * YEAR
        shim.set(wall_offset_s=0.001, synced=True)
        ot.wait_until(lambda: quality(place) == {"synchronised"}, 10, "what is in store is corrected")
        writer("pub test.point 100")
        recorder.flush()
        assert recorder.stop() == 0
    off = times(place)
    assert len(off) == 200 and max(abs(s) for s in off.values()) < 2, off
    place.check()


@ot.test(timeout=60)
def a_clock_that_leaps_deletes_nothing():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 1"], more="    max_age: {raw: 30d}\n")
    shim = ot.Shim(place.state)
    shim.set(synced=True)
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start(env=shim.env()) as recorder:
        for i, offset in enumerate((0.001, 3 * YEAR, 0.001, -3600, 0.001)):
            shim.set(wall_offset_s=offset)
            ot.wait_until(lambda o=offset: i == 0 or recorder.stats()["records"] == 100 * i, 5)
            rest(2.5)  # two looks at the clock
            writer("pub test.point 100")
            recorder.flush()
        assert recorder.stats()["deleted"] == 0
        assert recorder.stop() == 0
    off = times(place)
    assert len(off) == 500
    for n, seconds in off.items():
        if not 100 <= n < 200 and not 300 <= n < 400:
            assert abs(seconds) < 2, (n, seconds)
    assert all(abs(off[n] + 3600) < 2 or abs(off[n]) < 2 for n in range(300, 400))
    place.check()


ot.main()
