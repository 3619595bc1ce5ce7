# recorder.py - what the recorder writes to the disk, and what it takes of memory.
#
# Bytes are those the kernel says were sent to the disk for the whole life of the process, the last
# checkpoint included (ru_oublock of the child, the sum behind write_bytes of /proc/PID/io). The
# database lies in the build directory, since a file system in memory counts none, and the bus in such
# a one, as it does in /run.
#
# A sensor's half hour is compressed: SPEED times the rate, with the stamps of 800 Hz, commits at the
# sensor hub's interval in the sensor's time. Commits, chunks and checkpoints are as many as they would be, and so is what
# the kernel writes back of the log's index (history.db-shm), which here is made to after each commit. The load
# of a room monitor is a day of commits with their records, one after the other without the pauses.
# Idle is real time.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import pathlib
import re
import resource
import shutil
import tempfile
import threading

import outpost_test as ot
import recorder_test as rt
import tools_test as tt

SECONDS = int(os.environ.get("SECONDS") or 60)
SPEED = 30
YAML = (ot.SOURCE / "appliances" / "sensorhub" / "sensorhub.yaml").read_text(encoding="utf-8")
COMMIT_S = int(re.search(r"topic: pbt.sample.*?commit_s: (\d+)", YAML, re.S)[1])  # as the appliance has it
FEED = ot.BUILD / "tests" / "bench" / "bench-recorder-feed"
TRACE = ot.SOURCE / "tests" / "golden" / "data" / "pbt_dev.ser"
STATE = ot.BUILD / "bench-recorder"
TEMP_TOPICS, TEMP_COMMIT_S = 5, 1200
IDLE_S = 60
MEMORY = pathlib.Path(tempfile.mkdtemp(prefix="outpost-bench-", dir="/dev/shm"))


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "recorder", "metric": metric, "value": value, "unit": unit, "bar": bar, "peer": {}}),
          flush=True)


def pss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no Pss")


def place(name, keep):
    state = STATE / name
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    return rt.Place(keep, name=name, state=state, runtime=MEMORY / name)


def ended():
    """(bytes sent to disk, seconds of CPU) of all children that have ended."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_oublock * 512, use.ru_utime + use.ru_stime


def sync(rig):
    """What the kernel does half a minute after pages were written through a mapping."""
    descriptor = os.open(f"{rig.db}-shm", os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)


def samples(name, *trace):
    """One signal; returns the recorder's memory at the end."""
    rig = place(name, ['topic: pbt.sample, fields: "raw, baseline, envelope", '
                       f'recompute: "baseline, envelope", commit_s: {COMMIT_S // SPEED}'])
    with rig.start() as recorder:
        with ot.Process(FEED, rig.runtime / "bus", SPEED, SECONDS, *trace) as feed:
            while feed.proc.poll() is None:
                sync(rig)
                threading.Event().wait(0.5)  # the pace of the bench, not a wait for anything
            assert feed.wait() == 0
            fed = int(feed.output("out")[0])
        recorder.flush()
        stats, memory = recorder.stats(), pss_mb(recorder.pid)
        before = ended()  # the feeder is one of them
        assert recorder.stop() == 0
    bytes_, cpu = (a - b for a, b in zip(ended(), before))
    stored = rig.sql("SELECT sum(n) FROM chunks WHERE level = 0")[0][0]
    assert stored == stats["records"] == fed and stats["missed"] == 0, (stored, stats, fed)
    assert abs(stats["commits"] * COMMIT_S / (SECONDS * SPEED) - 1) < 0.2, stats
    say(f"bytes_per_sample_{name}", round(bytes_ / stored, 3), "B", 2)
    say(f"database_bytes_per_sample_{name}", round(rig.db.stat().st_size / stored, 3), "B")
    say(f"cpu_us_per_sample_{name}", round(cpu / stored * 1e6, 3), "us")
    return memory


def room_monitor():
    """A day of readings, one a minute and topic."""
    rig = place("room", [f"topic: room{i}, commit_s: {TEMP_COMMIT_S}" for i in range(TEMP_TOPICS)])
    shim, commits = ot.Shim(rig.state), 86400 // TEMP_COMMIT_S
    topics = [f"room{i}" for i in range(TEMP_TOPICS)]
    with tt.Writer(rig.runtime, *(f"open event {t}" for t in topics)) as writer, \
            rig.start(env=shim.env()) as recorder:
        for _ in range(commits):
            writer(*(f"pub {t} {TEMP_COMMIT_S // 60}" for t in topics))
            recorder.flush()
            sync(rig)
        syncs, stats = shim.counts()["syncs"], recorder.stats()
        before = ended()
        assert recorder.stop() == 0
    assert stats["rows"] == commits * TEMP_TOPICS * TEMP_COMMIT_S // 60, stats
    say("room_mb_per_day", round((ended()[0] - before[0]) / 1e6, 3), "MB", 5)
    say("room_s_per_fsync", round(86400 / syncs, 1), "s", 5)


def idle():
    rig = place("idle", ["topic: test.point, as: rows", "topic: test.none"])
    with tt.Writer(rig.runtime, "open point test.point") as writer, rig.start() as recorder:
        writer("pub test.point 1000")
        recorder.flush()
        before = recorder.written()
        threading.Event().wait(IDLE_S)  # the figure is what happens in this time
        say("idle_bytes", recorder.written() - before, "B", 0)
        assert recorder.stop() == 0


@ot.test(timeout=3 * SECONDS + 300)
def recorder():
    try:
        memory = max(samples("board"), samples("trace", TRACE))
        say("pss", round(memory, 2), "MB", 8)
        room_monitor()
        idle()
    finally:
        shutil.rmtree(STATE, ignore_errors=True)
        shutil.rmtree(MEMORY, ignore_errors=True)


ot.bench(recorder)
