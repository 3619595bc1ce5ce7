# store_shim.py - the shim does what it says: each fault is felt, by running processes, and ends.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import errno
import subprocess
import sys
import time

import outpost_test as ot

# Answers a Python expression per line; lives across the switching of faults.
SUBJECT = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
def synced():
    status = (ctypes.c_ulong * 64)()
    return libc.adjtimex(status)
def w(name, n=10, flags=os.O_RDWR | os.O_CREAT):
    fd = os.open(name, flags, 0o644)
    try:
        return os.write(fd, b"x" * n)
    finally:
        os.close(fd)
def s(name):
    fd = os.open(name, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
for line in sys.stdin:
    try:
        print(eval(line), flush=True)
    except OSError as e:
        print(f"error {e.errno}", flush=True)
"""


class Subject:
    def __init__(self, shim, cwd):
        self.proc = subprocess.Popen([sys.executable, "-c", SUBJECT], stdin=subprocess.PIPE, cwd=cwd, text=True,
                                     stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", **shim.env()})

    def ask(self, expression):
        self.proc.stdin.write(expression + "\n")
        self.proc.stdin.flush()
        return self.proc.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.proc.wait(ot.patient(10))
        self.proc.stdout.close()


def begin():
    state = ot.directory() / "state"
    state.mkdir()
    return state, ot.Shim(state)


def said(error):
    return f"error {error}"


@ot.test()
def a_full_disk_lets_nothing_grow():
    state, shim = begin()
    with Subject(shim, state) as subject:
        assert subject.ask("w('a', 100)") == "100"
        shim.set(full=True)
        assert subject.ask("w('a', 100)") == "100", "what has its place may be written again"
        assert subject.ask("w('a', 101)") == said(errno.ENOSPC)
        assert subject.ask("w('new')") == said(errno.ENOSPC)
        assert subject.ask("os.truncate('a', 50)") == "None"
        assert subject.ask("w('/dev/null')") == "10", "elsewhere there is room"
        shim.set(full="all")
        assert subject.ask("w('a', 1)") == said(errno.ENOSPC)
        shim.clear()
        assert subject.ask("w('new')") == "10"
    assert shim.counts()["refused"] == 3, shim.counts()
    assert shim.counts()["bytes"] == 210, shim.counts()


@ot.test()
def a_read_only_disk_takes_nothing_not_even_from_open_files():
    state, shim = begin()
    with Subject(shim, state) as subject:
        assert subject.ask("w('a') + os.open('a', os.O_RDWR)") != said(errno.EROFS)
        shim.set(read_only=True)
        for what in ("w('a')", "w('new')", "os.mkdir('d')", "os.unlink('a')", "os.rename('a', 'b')",
                     "[os.write(fd, b'x') for fd in range(3, 9) if os.path.exists(f'/proc/self/fd/{fd}')]"):
            assert subject.ask(what) == said(errno.EROFS), what
        assert subject.ask("os.open('a', os.O_RDONLY) > 0") == "True"
        shim.clear()
        assert subject.ask("os.rename('a', 'b')") == "None"


@ot.test()
def a_failing_disk_fails_and_a_slow_one_is_slow():
    state, shim = begin()
    with Subject(shim, state) as subject:
        assert subject.ask("w('a')") == "10"
        shim.set(io_error=True)
        assert subject.ask("w('a')") == said(errno.EIO)
        assert subject.ask("s('a')") == said(errno.EIO)
        shim.clear()
        shim.set(fsync_ms=300)
        before = time.monotonic()
        assert subject.ask("s('a')") == "None"
        assert time.monotonic() - before >= 0.3
        assert shim.counts()["syncs"] == 2, shim.counts()


@ot.test()
def clocks_step_as_they_are_told():
    state, shim = begin()
    with Subject(shim, state) as subject:
        def wall():
            return float(subject.ask("time.time()")) - time.time()

        def boot():
            return float(subject.ask("time.clock_gettime(time.CLOCK_BOOTTIME)")) - \
                time.clock_gettime(time.CLOCK_BOOTTIME)
        assert abs(wall()) < 2 and abs(boot()) < 2
        for offset in (3 * 365 * 86400, -3600, -time.time(), 0.25, 0):
            shim.set(wall_offset_s=offset)
            assert abs(wall() - offset) < 2 and abs(boot()) < 2, offset
        shim.set(suspended_s=7200)
        assert abs(wall() - 7200) < 2 and abs(boot() - 7200) < 2
        assert abs(float(subject.ask("time.monotonic()")) - time.monotonic()) < 2
        for synced, told in ((True, "0"), (False, "5")):
            shim.set(synced=synced)
            assert subject.ask("synced()") == told
        shim.set(chip=True)
        assert subject.ask("os.read(os.open('/sys/class/rtc/rtc0/hctosys', os.O_RDONLY), 9)") == "b'1\\n'"
        shim.set(chip=False)
        assert subject.ask("os.open('/sys/class/rtc/rtc0/hctosys', os.O_RDONLY)") == said(errno.ENOENT)


ot.main()
