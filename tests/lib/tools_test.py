# tools_test.py - for tests of the tools: a steered writer of real topics, and a terminal.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import outpost_test as ot

WRITER = ot.BUILD / "tests" / "e2e" / "test-writer"


def bus():
    """A runtime directory of this test's own, with a bus in it."""
    runtime = ot.directory() / "hub"
    (runtime / "bus").mkdir(parents=True, exist_ok=True)
    return runtime


class Writer:
    """tests/e2e/writer: each command has been carried out when the call returns."""

    def __init__(self, runtime, *commands):
        self.proc = subprocess.Popen([str(WRITER), str(runtime / "bus")], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self(*commands)

    def __call__(self, *commands):
        for command in commands:
            self.proc.stdin.write(command + "\n")
            self.proc.stdin.flush()
            answer = self.proc.stdout.readline().strip()
            assert answer == "ok", f"{command}: {answer}"

    @property
    def pid(self):
        return self.proc.pid

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.proc.stdin.close()
        if self.proc.poll() is None and kind:
            self.proc.kill()
        self.proc.wait(ot.patient(10))
        self.proc.stdout.close()


class Terminal:
    """A program on a pseudo-terminal, and what the screen would show of it.

    Understands what ECMA-48 calls CUP, ED, EL and SGR and the private modes 25, 7, 1049 and 2026;
    anything else fails the test."""

    CONTROL = re.compile(rb"\x1b\[([?0-9;]*)([@-~])")

    def __init__(self, *command, columns=80, rows=24, env=None):
        self.columns, self.rows = columns, rows
        self.sent, self.rest = 0, b""
        self.modes, self.styles = set(), set()
        self._blank()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                self._size(0)
                os.execve(str(command[0]), [str(c) for c in command], {**os.environ, **(env or {})})
            finally:
                os._exit(127)
        self.before = termios.tcgetattr(self.master)

    def _blank(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.row = self.column = 0

    def _size(self, descriptor):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self._blank()
        self._size(self.master)

    def _control(self, arguments, final):
        if final == b"H":
            row, column = arguments.split(b";")
            self.row, self.column = int(row) - 1, int(column) - 1
        elif final == b"J" and arguments == b"2":
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
        elif final == b"K" and arguments == b"":
            if self.row < self.rows:
                self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif final == b"m":
            self.styles.update(int(n or 0) for n in arguments.split(b";"))
        elif final in b"hl" and arguments[:1] == b"?":
            mode = int(arguments[1:])
            assert mode in (7, 25, 1049, 2026), f"mode {mode}"
            (self.modes.add if final == b"h" else self.modes.discard)(mode)
        else:
            raise AssertionError(f"unknown control sequence {arguments!r} {final!r}")

    def _feed(self, data):
        self.sent += len(data)
        data = self.rest + data
        while data:
            match = self.CONTROL.match(data)
            if match:
                self._control(*match.groups())
                data = data[match.end():]
                continue
            if data[:1] == b"\x1b":
                break  # the rest of it comes later
            n = 1 if data[0] < 0x80 else 2 if data[0] < 0xE0 else 3 if data[0] < 0xF0 else 4
            if len(data) < n:
                break
            character, data = data[:n].decode(), data[n:]
            if character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
            else:
                if self.row < self.rows and self.column < self.columns:
                    self.cells[self.row][self.column] = character
                self.column += 1
        self.rest = data

    def read(self, timeout):
        """Takes in what is there; False at the end of the program."""
        try:
            if select.select([self.master], [], [], timeout)[0]:
                self._feed(os.read(self.master, 65536))
            return True
        except OSError:
            return False

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def wait(self, condition, timeout=10):
        """Waits until condition(text) is true; the text. A string: until it is there."""
        deadline = ot.Deadline(ot.patient(timeout))
        true = (lambda text: condition in text) if isinstance(condition, str) else condition
        while not true(self.text()):
            if deadline.over() or not self.read(deadline.left()):
                raise AssertionError(f"not shown: {condition}\n{self.text()}")
        return self.text()

    def line(self, start):
        """The screen's line that begins so."""
        return next((line for line in self.text().splitlines() if line.startswith(start)), "")

    def type(self, keys):
        os.write(self.master, keys.encode())

    def signal(self, number):
        os.kill(self.pid, number)

    def ended(self, timeout=10):
        """Exit status (negative: signal), after reading everything; fails if it does not end."""
        deadline = ot.Deadline(ot.patient(timeout))
        while True:
            self.read(0.02)
            pid, status, self.usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                while select.select([self.master], [], [], 0)[0] and self.read(0):
                    pass
                self.pid = None
                return os.waitstatus_to_exitcode(status)
            assert not deadline.over(), f"does not end\n{self.text()}"

    def restored(self):
        """The cursor is there, the normal buffer is shown, lines wrap, and keys are echoed as before."""
        return {25, 7} <= self.modes and 1049 not in self.modes and \
            termios.tcgetattr(self.master) == self.before

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
