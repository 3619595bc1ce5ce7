# recorder_test.py - a recorder of a test's own, over topics that the test writes, and its database.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import sqlite3

import outpost_test as ot

PROGRAM = ot.BUILD / "outpost-recorder"


class Place:
    """Directories, settings and database of one recorder; the process itself comes and goes."""

    def __init__(self, keep, more="", name="rig", runtime=None, state=None):
        self.dir = ot.directory() / name
        self.runtime, self.state = runtime or self.dir / "runtime", state or self.dir / "state"
        self.dir.mkdir()
        (self.runtime / "bus").mkdir(parents=True)
        self.state.mkdir(exist_ok=True)
        self.yaml, self.db = self.dir / "rig.yaml", self.state / "history.db"
        self.yaml.write_text("appliance: rig\nservices:\n  recorder:\n" + more +
                             "    keep:\n" + "".join(f"      - {{{k}}}\n" for k in keep))

    def start(self, *args, env=None, ready=True):
        """The process; ready once it reads the bus."""
        recorder = Recorder(self, args, env)
        if ready:
            try:
                recorder.wait_line(r"ready|degraded", 20)
            except BaseException:
                recorder.__exit__(None, None, None)
                raise
        return recorder

    def sql(self, query, *args):
        with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as db:
            return db.execute(query, args).fetchall()

    def column(self, query, *args):
        return [row[0] for row in self.sql(query, *args)]

    def check(self):
        assert self.sql("PRAGMA integrity_check") == [("ok",)]

    def export(self, topic, *args):
        """Its records, as `outpost export` says them."""
        done = ot.run(ot.OUTPOST, "export", topic, "--database", self.db, "--format", "jsonl", *args)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


class Recorder(ot.Process):
    def __init__(self, place, args, env):
        self.place = place
        super().__init__(PROGRAM, "--appliance", place.yaml, "--runtime", place.runtime, "--state", place.state,
                         *args, env=env)

    def call(self, method):
        done = ot.run(ot.OUTPOST, "call", "recorder", method, "--json", "--runtime", self.place.runtime)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def stats(self):
        return self.call("stats")

    def flush(self):
        """All that was published before is on disk when this returns."""
        self.call("flush")

    def state(self):
        """(state, reason) of its status topic."""
        status = ot.tap(self.place.runtime, "status.recorder", 1, "--last", 1)[0]
        return status["state"], status["reason"]

    def wait_state(self, state, reason="", timeout=10):
        return ot.wait_until(lambda: self.state()[0] == state and reason in self.state()[1] and self.state(),
                             timeout, f"the recorder is {state} {reason}", 0.1)

    def kill(self):
        self.signal(9)
        self.wait()

    def written(self):
        """Bytes this process caused to be sent to the disk."""
        with open(f"/proc/{self.pid}/io", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("write_bytes"))


def rows_of(numbers):
    """What is missing and what is twice among numbers that should be 0, 1, 2, ..."""
    numbers = list(numbers)
    return sorted(set(range(max(numbers, default=-1) + 1)) - set(numbers)), len(numbers) - len(set(numbers))
