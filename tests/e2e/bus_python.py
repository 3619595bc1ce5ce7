# bus_python.py - docs/examples/read_topic.py, written from outpost-bus(7) alone, gets what op_reader
# gets: every type, laps with exact losses, restarts of the writer, retired files.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import signal
import struct
import subprocess
import sys

import outpost_test as ot

FEED = ot.BUILD / "tests" / "e2e" / "bus_feed"
EXAMPLE = ot.SOURCE / "docs" / "examples" / "read_topic.py"


class Feed:
    """A writer of test.every with an op_reader beside it."""

    def __init__(self):
        self.process = subprocess.Popen([FEED, ot.directory()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self._answer()

    def _answer(self):
        lines = []
        for line in self.process.stdout:
            if line == ".\n":
                return lines
            lines.append(json.loads(line))
        raise AssertionError("bus_feed ended")

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


class Example:
    def __init__(self, *options):
        self.process = subprocess.Popen([sys.executable, EXAMPLE, ot.directory(), "test.every", *options],
                                        stdout=subprocess.PIPE, text=True)

    def lines(self, n):
        got = [json.loads(self.process.stdout.readline()) for _ in range(n)]
        return got

    def until(self, seq):
        """All records up to the one with this number."""
        got = self.lines(1)
        while got[-1]["seq"] < seq:
            got += self.lines(1)
        assert got[-1]["seq"] == seq
        return got

    def close(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait() == 0
        self.process.stdout.close()


def comparable(record):
    """Without what only one of both prints; floats of 32 bits as such: one prints them short."""
    same = {key: value for key, value in record.items() if key not in ("time", "missed")}
    same["e_f32"] = struct.pack("f", same["e_f32"])
    return same


def check_same(got, want):
    assert len(got) == len(want), f"{len(got)} records, want {len(want)}"
    for one, other in zip(got, want):
        assert comparable(one) == comparable(other), f"{one}\nis not\n{other}"


@ot.test(timeout=60)
def the_example_reads_every_type_as_op_reader_does():
    feed = Feed()
    feed("publish 10")
    example = Example("--last", "4")
    first = example.lines(4)
    assert [r["seq"] for r in first] == [6, 7, 8, 9]
    feed("publish 6")
    want = feed("read")
    check_same(first + example.lines(6), want[6:])
    assert {r["k_enum"] for r in want} == {"idle", "armed", "fired", 3, 4}
    assert any(r["d_f64"] is None for r in want) and want[1]["l_text"] == "1 ä\"\\,x"
    example.close()
    feed.close()


@ot.test(timeout=60)
def the_example_ends_after_the_count_it_was_given():
    feed = Feed()
    feed("publish 9")
    example = Example("--last", "9", "--count", "5")
    assert [r["seq"] for r in example.lines(5)] == [0, 1, 2, 3, 4]
    assert example.process.wait() == 0 and example.process.stdout.read() == ""
    example.process.stdout.close()
    feed.close()


@ot.test(timeout=60)
def the_example_knows_exactly_what_it_missed():
    feed = Feed()
    feed("publish 1")
    example = Example("--last", "1")
    seen = example.lines(1)
    for laps in (100, 1000, 7, 5000):
        os.kill(example.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, example.process.pid, os.WSTOPPED)
        feed(f"publish {laps}")
        end = seen[-1]["seq"] + laps
        os.kill(example.process.pid, signal.SIGCONT)
        seen += example.until(end)
    for before, after in zip(seen, seen[1:]):
        gap = after["seq"] - before["seq"] - 1
        # A record read in one go with others carries the losses of that go.
        assert after["missed"] - before["missed"] == gap, (before, after)
    assert seen[-1]["missed"] + len(seen) == seen[-1]["seq"] + 1
    assert seen[-1]["missed"] > 5000
    example.close()
    feed.close()


@ot.test(timeout=60)
def the_example_goes_on_through_restarts_and_retired_files():
    feed = Feed()
    feed("publish 2")
    example = Example("--last", "2")
    got = example.lines(2)
    want = feed("read")
    for command in ("restart", "capacity 32", "restart", "capacity 8", "capacity 64"):
        feed(command)
        feed("publish 3")
        got += example.lines(3)
        want += feed("read")
    check_same(got, want)
    assert [r["seq"] for r in got] == list(range(17))
    assert got[-1]["missed"] == 0
    example.close()
    feed.close()


@ot.test(timeout=60)
def the_example_waits_for_a_topic_and_refuses_what_is_none():
    example = Example()
    (ot.directory() / "other").write_bytes(b"no topic" * 100)
    done = subprocess.run([sys.executable, EXAMPLE, ot.directory(), "other"], capture_output=True, text=True)
    assert done.returncode == 1 and "not a topic" in done.stderr
    feed = Feed()
    seen = []
    while not seen:  # it may open the file before or after a record
        feed("publish 1")
        ready = ot.select.select([example.process.stdout], [], [], 0.05)[0]
        seen = example.lines(1) if ready else []
    want = {r["seq"]: r for r in feed("read")}
    check_same(seen, [want[seen[0]["seq"]]])
    example.close()
    feed.close()


@ot.test(timeout=60)
def the_example_says_what_is_wrong_with_where_it_is_to_look():
    def ends(directory, topic, said):
        done = subprocess.run([sys.executable, EXAMPLE, directory, topic], capture_output=True, text=True, timeout=ot.patient(10))
        assert done.returncode == 1 and not done.stdout, done
        assert done.stderr.startswith("read_topic.py: ") and said in done.stderr, done
        assert done.stderr.count("\n") == 1, done.stderr
    (ot.directory() / "bus").mkdir()
    (ot.directory() / "file").write_text("")
    for path in ("nowhere", "file"):
        ends(ot.directory() / path, "test.every", f"/{path} is no directory: no appliance runs there")
    ends(ot.directory(), "bus", "Is a directory")  # DIR and "bus" instead of DIR/bus
    feed = Feed()
    other = subprocess.Popen([sys.executable, EXAMPLE, ot.directory(), "test.evrey"], stderr=subprocess.PIPE, text=True)
    assert other.stderr.readline() == "read_topic.py: test.evrey is not there yet, waiting; there are: bus file test.every\n"
    other.send_signal(signal.SIGINT)
    assert other.wait() == 0
    other.stderr.close()
    feed.close()


ot.main()
