# store_disk.py - a disk that is full, read-only, failing or slow: an error, nothing damaged, and it
# goes on when the fault ends, in the same process.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import signal
import subprocess
import time

import outpost_test as ot

SUBJECT = ot.BUILD / "tests" / "fault" / "store_subject"
FAULTS = {
    "full": ({"full": True}, {"ENOSPC"}),
    "full to the last byte": ({"full": "all"}, {"ENOSPC"}),
    "read-only": ({"read_only": True}, {"EROFS"}),
    "failing": ({"io_error": True}, {"EIO"}),
}


class Subject:
    def __init__(self, shim):
        self.proc = subprocess.Popen([SUBJECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                     env={**os.environ, **shim.env()})

    def ask(self, *words):
        self.proc.stdin.write(" ".join(map(str, words)) + "\n")
        self.proc.stdin.flush()
        return self.proc.stdout.readline().strip()

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait(ot.patient(10))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.proc.wait(ot.patient(10))
        self.proc.stdout.close()


def begin(name):
    state = ot.directory() / name.replace(" ", "-")
    state.mkdir()
    return state, ot.Shim(state), state / "x.db"


def nothing_set_aside(state):
    assert not list(state.glob("*damaged*")), list(state.iterdir())


@ot.test(timeout=60)
def a_fault_at_making_leaves_nothing_and_ends():
    for name, (fault, errors) in FAULTS.items():
        state, shim, path = begin(name)
        with Subject(shim) as subject:
            shim.set(**fault)
            assert subject.ask("open", path, 1) in errors, name
            shim.clear()
            assert not path.exists(), name
            assert subject.ask("open", path, 1) == "ok", name
            assert subject.ask("add") == "ok", name
        nothing_set_aside(state)


@ot.test(timeout=60)
def a_fault_at_opening_is_no_damage():
    for name, (fault, errors) in FAULTS.items():
        for killed in (False, True):
            state, shim, path = begin(f"{name} {killed}")
            with Subject(shim) as subject:
                assert subject.ask("open", path, 1) == "ok"
                assert subject.ask("add") == subject.ask("add") == "ok"
                if killed:
                    subject.kill()
            with Subject(shim) as subject:
                shim.set(**fault)
                said = subject.ask("open", path, 1)
                assert said in errors or said == "ok", f"{name}: {said}"
                if said == "ok":
                    assert subject.ask("add") in errors | {"ok"}, name
                    subject.ask("close")
                shim.clear()
                assert subject.ask("open", path, 1) == "ok", name
                assert int(subject.ask("count")) >= 2 and subject.ask("sound") == "ok", name
            nothing_set_aside(state)


@ot.test(timeout=60)
def a_fault_while_writing_costs_what_was_not_acknowledged():
    for name, (fault, errors) in FAULTS.items():
        state, shim, path = begin(name)
        with Subject(shim) as subject:
            assert subject.ask("open", path, 1) == "ok"
            stored = 0
            for _ in range(3):
                refused = 0
                shim.set(**fault)
                while refused < 20:  # a full disk has room in the log for a while
                    said = subject.ask("many")
                    assert said in errors or said == "ok", f"{name}: {said}"
                    refused += said != "ok"
                    stored += 6 * (said == "ok")
                assert int(subject.ask("count")) == stored, name
                shim.clear()
                for _ in range(30):
                    assert subject.ask("many") == "ok", name
                    stored += 6
                assert int(subject.ask("count")) == stored and subject.ask("sound") == "ok", name
            subject.kill()
        with Subject(shim) as subject:
            assert subject.ask("open", path, 1) == "ok", name
            assert int(subject.ask("count")) == stored and subject.ask("sound") == "ok", name
        nothing_set_aside(state)


@ot.test(timeout=60)
def a_fault_at_the_change_of_version_leaves_the_old_one():
    for name, (fault, errors) in FAULTS.items():
        state, shim, path = begin(name)
        with Subject(shim) as subject:
            assert subject.ask("open", path, 1) == "ok"
            for _ in range(100):
                assert subject.ask("many") == "ok"
            subject.ask("close")
            shim.set(**fault)
            assert subject.ask("open", path, 2) in errors, name
            shim.clear()
            assert subject.ask("open", path, 1) == "ok", name
            assert int(subject.ask("count")) == 600, name
            subject.ask("close")
            assert subject.ask("open", path, 2) == "ok", name
            assert int(subject.ask("count")) == 600 and subject.ask("sound") == "ok", name
        nothing_set_aside(state)


@ot.test(timeout=60)
def what_is_damaged_waits_until_it_can_be_set_aside():
    state, shim, path = begin("damaged")
    path.write_bytes(b"precious " * 100)
    with Subject(shim) as subject:
        shim.set(read_only=True)
        assert subject.ask("open", path, 1) == "EROFS"
        shim.clear()
        shim.set(full=True)
        said = subject.ask("open", path, 1)
        assert said == "ENOSPC", said
        shim.clear()
        assert subject.ask("open", path, 1).startswith("ok")
        assert subject.ask("add") == "ok"
    kept = list(state.glob("x.db.damaged-*"))
    assert [p.read_bytes() for p in kept] == [b"precious " * 100], list(state.iterdir())


@ot.test(timeout=60)
def a_copy_that_does_not_fit_leaves_nothing():
    state, shim, path = begin("copy")
    with Subject(shim) as subject:
        assert subject.ask("open", path, 1) == "ok"
        for _ in range(50):
            assert subject.ask("many") == "ok"
        for fault, errors in FAULTS.values():
            shim.set(**fault)
            assert subject.ask("copy", state / "copy.db") in errors, fault
            shim.clear()
            assert not list(state.glob("copy*"))
        assert subject.ask("copy", state / "copy.db") == "ok"


@ot.test(timeout=60)
def a_slow_disk_is_waited_for():
    state, shim, path = begin("slow")
    with Subject(shim) as subject:
        assert subject.ask("open", path, 1) == "ok"
        shim.set(fsync_ms=1000)
        before = time.monotonic()
        assert subject.ask("add") == "ok"
        assert 1 <= time.monotonic() - before < 8
        shim.clear()


@ot.test(timeout=60)
def settings_are_kept_or_refused():
    for name, (fault, errors) in FAULTS.items():
        state, shim, path = begin(name)
        with Subject(shim) as subject:
            assert subject.ask("kv", path) == "ok"
            assert subject.ask("set", "a", "1") == "ok"
            shim.set(**fault)
            said = {subject.ask("set", "a", str(i)) for i in range(200)}
            assert said <= errors | {"ok"} and said & errors, f"{name}: {said}"
            shim.clear()
            assert subject.ask("set", "a", "2") == "ok", name


ot.main()
