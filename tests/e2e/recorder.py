# recorder.py - outpost-recorder end to end: what was said is in the database, under every policy,
# after a kill, beside a reader, and after a clean stop.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import pathlib
import random
import re
import signal
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import outpost_test as ot
import recorder_test as rt
import tools_test as tt


@ot.test()
def rows_hold_what_was_said():
    place = rt.Place(["topic: test.point, as: rows"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 500")
        seen = ot.tap(place.runtime, "test.point", 500, "--last", 500)
        recorder.flush()
        kept = place.sql('SELECT seq, boot_ns, x, level, n, raw, mode, note FROM "test.point" ORDER BY seq')
        assert len(kept) == 500
        for tapped, row in zip(seen, kept):
            names = ("seq", "boot_ns", "x", "level", "n", "raw", "mode", "note")
            for name, value in zip(names, row):
                assert tapped[name] == value or abs(tapped[name] - value) < 1e-3 * abs(value), (name, tapped, row)
        assert recorder.stop() == 0
    place.check()


@ot.test()
def times_of_rows_are_wall_times():
    place = rt.Place(["topic: test.point, as: rows"])
    before = time.time_ns()
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 10")
        recorder.flush()
        assert recorder.stop() == 0
    for ns, text in place.sql('SELECT time_ns, time FROM "test.point"'):
        assert before - 1e9 < ns < time.time_ns() + 1e9, (before, ns)
        assert text.startswith(time.strftime("%Y-%m-%dT%H", time.gmtime(ns // 10**9)))


@ot.test(timeout=40)
def a_history_begun_anew_knows_the_time():
    """Taken away while the recorder runs: the segments of the clock were in the old one."""
    place = rt.Place(["topic: test.point, as: rows"])
    before = time.time_ns()
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 10")
        recorder.flush()
        for file in place.state.glob("history.db*"):
            if file.suffix != ".lock":
                file.unlink()
        writer("pub test.point 10")
        flush = (ot.OUTPOST, "call", "recorder", "flush", "--runtime", place.runtime)
        ot.wait_until(lambda: ot.run(*flush).returncode == 0 and place.db.exists(), 15, "a new history", 0.2)
        assert recorder.stop() == 0
    times = place.column('SELECT time_ns FROM "test.point"')
    assert times and all(before - 1e9 < ns < time.time_ns() + 1e9 for ns in times), times
    place.check()


@ot.test(timeout=40)
def an_opening_that_takes_a_moment_is_no_fault():
    if ot.sanitized("outpost-recorder"):
        raise ot.Skip("a sanitizer must be the first library of a process, before the faults")
    place = rt.Place(["topic: test.point, as: rows"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 5000")
        recorder.flush()
        recorder.proc.kill()
        recorder.proc.wait()
    shim = ot.Shim(place.state)
    shim.set(fsync_ms=50)
    began = time.monotonic()
    with place.start(env=shim.env()) as recorder:
        recorder.wait_line("ready")
        told = [line for line in recorder.output("err") if "degraded" in line]
        assert not told or time.monotonic() - began > 1, told
        assert recorder.stop() == 0


@ot.test(timeout=60)
def chunks_hold_what_was_said():
    place = rt.Place(["topic: test.point, fields: \"n, x, level\""])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 3000")
        recorder.flush()
        assert recorder.stop() == 0
    records = place.export("test.point")
    assert [r["n"] for r in records] == list(range(3000))
    for r in records:
        assert r["x"] == r["n"] * 0.5 and abs(r["level"] - r["n"] * 0.1) < 1e-3, r
    assert place.column("SELECT DISTINCT level FROM chunks ORDER BY level") == [0, 1, 2, 3]
    place.check()


@ot.test(timeout=40)
def there_is_something_to_see_soon_after_a_start():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 3600"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start():
        writer("pub test.point 10")
        ot.wait_until(lambda: place.sql("SELECT 1 FROM topics") and
                      place.sql('SELECT count(*) FROM "test.point"')[0][0] == 10, 15, "ten rows", 0.2)


@ot.test()
def rows_are_summed_up_in_all_fields():
    """`fields` says of rows which changes count; what is summed up is what readers expect: all."""
    place = rt.Place(["topic: test.point, as: rows, fields: level"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 100")
        recorder.flush()
        assert recorder.stop() == 0
    assert place.column("SELECT DISTINCT level FROM chunks ORDER BY level") == [2, 3]
    for level in ("1min", "1h"):
        buckets = place.export("test.point", "--level", level)
        assert sum(b["n"] for b in buckets) == 100, buckets
        assert min(b["n.min"] for b in buckets) == 0 and max(b["n.max"] for b in buckets) == 99, buckets
    place.check()


@ot.test(timeout=60)
def nothing_is_lost_or_twice_over_kills():
    chance, place = random.Random(5), rt.Place(["topic: test.point, as: rows, commit_s: 1"])
    with tt.Writer(place.runtime, "open point test.point") as writer:
        for _ in range(8):
            with place.start() as recorder:
                for _ in range(chance.randrange(1, 8)):
                    writer(f"pub test.point {chance.randrange(1, 100)}")
                    ot.wait_until(lambda: recorder.stats()["records"] > 0, 5)
                if chance.random() < 0.5:
                    recorder.flush()
                writer("pub test.point 7")
                recorder.kill()
                writer("pub test.point 5")
        with place.start() as recorder:
            recorder.flush()
            assert recorder.stop() == 0
    assert rt.rows_of(place.column("SELECT n FROM \"test.point\" ORDER BY seq")) == ([], 0)
    place.check()


@ot.test(timeout=60)
def chunks_go_on_where_they_stopped():
    place = rt.Place(["topic: test.point, fields: n"])
    with tt.Writer(place.runtime, "open point test.point") as writer:
        for _ in range(5):
            with place.start() as recorder:
                writer("pub test.point 300")
                recorder.flush()
                writer("pub test.point 200")
                recorder.kill()
        with place.start() as recorder:
            assert recorder.stop() == 0
    assert rt.rows_of(r["n"] for r in place.export("test.point")) == ([], 0)


@ot.test()
def a_clean_stop_loses_nothing():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 3600", "topic: test.event, commit_s: 3600"])
    with tt.Writer(place.runtime, "open point test.point", "open event test.event") as writer, \
            place.start() as recorder:
        ot.wait_until(lambda: all(k["open"] or writer("pub test.point 1", "pub test.event 1")
                                  for k in recorder.stats()["keep"]), 5)
        for _ in range(20):
            writer("pub test.point 50", "pub test.event 1")
        assert recorder.stop() == 0
    for topic, least in (("test.point", 1000), ("test.event", 20)):
        numbers = place.column(f'SELECT n FROM "{topic}" ORDER BY seq')
        assert len(numbers) >= least and rt.rows_of(numbers) == ([], 0), (topic, len(numbers))


@ot.test()
def policies_keep_what_they_say():
    place = rt.Place(["topic: a, as: rows, policy: rate, per_s: 10",
                      "topic: b, as: rows, policy: change, fields: mode",
                      "topic: c, as: rows, policy: change, fields: raw, deadband: 99"])
    with tt.Writer(place.runtime, *(f"open point {t}" for t in "abc")) as writer, place.start() as recorder:
        for topic in "abc":
            writer(f"pub {topic} 2000 500")  # four seconds
        recorder.flush()
        assert recorder.stop() == 0
    assert 40 <= len(place.column("SELECT n FROM a")) <= 41
    assert place.column("SELECT n FROM b ORDER BY seq") == list(range(2000))  # off, on, off, ...
    assert place.column("SELECT raw FROM c ORDER BY seq") == list(range(0, 2000, 100))


@ot.test()
def raw_data_around_events():
    place = rt.Place(["topic: raw, as: rows, policy: around, event: hit, before_s: 0.5, after_s: 0.25"])
    with tt.Writer(place.runtime, "open point raw", "open event hit") as writer, place.start() as recorder:
        # Stamps end at the same instant: the only event lies a second before the end of the data.
        writer("pub raw 3000 1000", "pub hit 2 1")
        ot.wait_until(lambda: recorder.stats()["keep"][0]["records"] >= 1000, 10)
        recorder.flush()
        assert recorder.stop() == 0
    first = place.column("SELECT boot_ns FROM raw ORDER BY seq LIMIT 1")[0]
    times = [(t - first) / 1e9 for t in place.column("SELECT boot_ns FROM raw ORDER BY seq")]
    # One window of 0.75 s, a pause, and the half second before the event at the very end.
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert sum(g > 0.1 for g in gaps) == 1, [g for g in gaps if g > 0.1]
    assert 1200 <= len(times) <= 1300, len(times)


@ot.test()
def a_new_schema_is_another_table():
    place = rt.Place(["topic: test.point, as: rows"])
    with place.start() as recorder:
        with tt.Writer(place.runtime, "open point test.point", "pub test.point 10"):
            recorder.flush()
        with tt.Writer(place.runtime, "open point2 test.point", "pub test.point 10"):
            ot.wait_until(lambda: recorder.stats()["records"] >= 20, 5)
            recorder.flush()
        assert recorder.stop() == 0
    assert len(place.sql("SELECT id FROM topics WHERE name = 'test.point'")) == 2
    assert place.column('SELECT y FROM "test.point" ORDER BY seq') == [2.0 * n for n in range(10, 20)]
    place.check()


@ot.test()
def what_came_before_the_recorder_is_kept():
    place = rt.Place(["topic: test.point, as: rows"])
    with tt.Writer(place.runtime, "open point test.point", "pub test.point 100"), place.start() as recorder:
        ot.wait_until(lambda: recorder.stats()["records"] == 100, 5)
        assert recorder.stop() == 0
    assert len(place.column('SELECT n FROM "test.point"')) == 100


@ot.test(timeout=60)
def the_stock_tool_reads_while_it_writes():
    place = rt.Place(["topic: test.point, as: rows, commit_s: 1"])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        counts = []
        for _ in range(6):
            writer("pub test.point 500")
            recorder.flush()
            done = ot.run("sqlite3", "-readonly", place.db,
                          'SELECT count(*), max(n) FROM "test.point"; PRAGMA integrity_check;')
            assert done.returncode == 0 and done.stdout.endswith("ok\n"), done
            counts.append(int(done.stdout.split("|")[0]))
        assert counts == [500 * (i + 1) for i in range(6)], counts
        with sqlite3.connect(f"file:{place.db}?mode=ro", uri=True) as db:
            cursor = db.execute('SELECT n FROM "test.point"')
            cursor.fetchone()  # a reader in the middle of its work holds nothing up
            writer("pub test.point 500")
            recorder.flush()
            cursor.close()
        assert recorder.stop() == 0


@ot.test()
def a_misspelt_field_or_topic_is_told_and_costs_nothing():
    place = rt.Place(["topic: test.point, as: rows, fields: \"x, levl\""])
    with tt.Writer(place.runtime, "open point test.point") as writer, place.start() as recorder:
        writer("pub test.point 10")
        reason = recorder.wait_state("degraded", "keep.0.fields")[1]
        assert 'test.point has no field "levl" (did you mean "level"?)' in reason, reason
        recorder.flush()
        assert len(place.column('SELECT n FROM "test.point"')) == 10
        assert recorder.stop() == 0
    other = rt.Place(["topic: test.poin"], name="other")
    with tt.Writer(other.runtime, "open point test.point"), other.start() as recorder:
        reason = recorder.wait_state("degraded", "test.poin", 20)[1]
        assert 'did you mean "test.point"?' in reason, reason
        assert recorder.stop() == 0


@ot.test()
def every_misspelt_field_is_told_with_its_place():
    place = rt.Place(['topic: one, as: rows, fields: "levl, x, rwa"', 'topic: two, fields: "n, noise", recompute: m'])
    opened = ("open point one", "open point two", "pub one 1", "pub two 1")
    with tt.Writer(place.runtime, *opened), place.start() as recorder:
        for text in ('keep.0.fields: one has no field "levl" (did you mean "level"?)',
                     'keep.0.fields: one has no field "rwa" (did you mean "raw"?)',
                     'keep.1.fields: two has no field "noise"', 'keep.1.recompute: two has no field "m"'):
            recorder.wait_line("warning.*" + re.escape(text))
        reason = recorder.wait_state("degraded", "3 more in the log")[1]
        assert re.match(r"keep\.[01]\.fields: ", reason), reason
        problems = [k["problem"].split("; ") for k in recorder.stats()["keep"]]
        assert [len(p) for p in problems] == [2, 2], problems
        assert recorder.stop() == 0


@ot.test()
def settings_are_checked():
    place = rt.Place(["topic: a, policy: around", "topic: a"], more="    max_age: {raw: 30}\n")
    done = ot.run(rt.PROGRAM, "--appliance", place.yaml, "--check")
    assert done.returncode == 78, done
    for part in ("keep.0: policy around needs the topic", "keep.1.topic: is kept already", "max_age.raw: expected"):
        assert part in done.stderr, done.stderr


@ot.test(timeout=60)
def the_sensor_hub_keeps_samples_and_hits():
    with ot.Outpost() as box:
        hits = ot.Process(ot.OUTPOST, "tap", "pbt.hit", "--json", "--last", 256, "--count", 3, "--runtime",
                          box.runtime)
        assert hits.wait(40) == 0
        seen = [json.loads(line) for line in hits.output("out")]
        published = box.tap("pbt.sample", 1, "--last", 1)[0]["seq"]
    db = box.state / "history.db"
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as history:
        rows = {r[0]: r[1:] for r in history.execute('SELECT seq, boot_ns, peak, "end" FROM "pbt.hit"')}
        for hit in seen:
            assert rows[hit["seq"]] == (hit["boot_ns"], hit["peak"], hit["end"]), (hit, rows)
        kept = history.execute("SELECT sum(n) FROM chunks JOIN topics ON topics.id = topic "
                               "WHERE name = 'pbt.sample' AND level = 0").fetchone()[0]
        assert kept > published, (kept, published)
        assert history.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


ot.main()
