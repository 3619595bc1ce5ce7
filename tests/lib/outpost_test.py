# outpost_test.py - for end-to-end tests in Python: test runner and the tools they need.
#
#     import outpost_test as ot
#
#     @ot.test(timeout=30)
#     def health_says_ok():
#         with ot.Outpost("sensorhub") as box:
#             assert ot.get(box.url + "health").json()["status"] == "ok"
#
#     ot.main()
#
# Each test runs in a process of its own with a time-out and a directory of its own (ot.directory());
# any process it leaves behind is found, killed and counted as a failure. The output is that of tests/lib/test.c: "ok NAME", "FAILED NAME", "skipped NAME: reason",
# last "N passed, N failed". PROGRAM NAME... runs those tests; PROGRAM --list lists them.
#
# Nothing here waits by sleeping for a guessed time: every wait is for a condition, with a deadline. The
# seconds in tests are those of a quiet machine; what is allowed is PATIENCE times as long.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import base64
import collections
import ctypes
import errno
import json
import mmap
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback
import tty
import urllib.error
import urllib.parse
import urllib.request

# A shell that starts this in the background has it ignore SIGINT, and so would every child: those that
# are to end by it could not.
signal.signal(signal.SIGINT, signal.default_int_handler)

SOURCE = pathlib.Path(os.environ.get("OUTPOST_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("OUTPOST_BUILD") or SOURCE / "build")
OUTPOST = BUILD / "outpost"
os.environ["OUTPOST_PROGRAMS"] = str(BUILD)  # for the test programs that start others, see op_program_find
PATIENCE = float(os.environ.get("OUTPOST_PATIENCE") or 4)


def patient(seconds):
    """A time-out in seconds of a quiet machine, as it is allowed on this one."""
    return seconds * PATIENCE


# ---- tests ---------------------------------------------------------------------------------

_tests = collections.OrderedDict()
_directory = None


class Skip(Exception):
    """Raised by a test that cannot run on this machine; its text says why."""


def test(timeout=30):
    """Registers a function as a test that may take this many seconds."""
    def register(function):
        assert function.__name__ not in _tests, f"two tests called {function.__name__}"
        _tests[function.__name__] = (function, timeout)
        return function
    return register


def directory():
    """This test's own directory; removed after it."""
    return pathlib.Path(_directory)


def full():
    """True in `make fault`: do all rounds, not the short selection."""
    return bool(os.environ.get("OUTPOST_FAULT_FULL"))


def _child(function, name):
    os.setsid()
    try:
        function()
        status = 0
    except Skip as reason:
        print(f"skipped {name}: {reason}")
        status = 77
    except BaseException:  # also SystemExit: a test has no business exiting
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _wait_child(pid, timeout):
    """Exit status of the child, or None if it did not end in time and was killed."""
    descriptor = os.pidfd_open(pid)
    try:
        in_time = select.select([descriptor], [], [], timeout)[0]
    finally:
        os.close(descriptor)
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    return os.waitstatus_to_exitcode(status) if in_time else None


def _reap():
    """Takes the status of every child that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _below(pid):
    """Every living process below this one: {pid: command}."""
    found = {}
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in map(int, f.read().split()):
                    with open(f"/proc/{child}/cmdline", "rb") as g:
                        found[child] = g.read().replace(b"\0", b" ").decode(errors="replace").strip()
                    found |= _below(child)
    except OSError:
        pass  # it has just ended
    return found


def _adopt_orphans():
    """What a test leaves behind becomes a child of this process (PR_SET_CHILD_SUBREAPER), however it
    detached itself, and so can be found."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(36, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())


def _end_left_behind():
    """Waits a moment for what is just ending; kills the rest and returns it."""
    deadline = Deadline(patient(1))
    while True:
        _reap()
        left = _below(os.getpid())
        if not left or deadline.over():
            break
        threading.Event().wait(0.02)
    for pid, command in left.items():
        print(f"left behind: process {pid}: {command}", file=sys.stderr)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    wait_until(lambda: _reap() or not _below(os.getpid()), 10, "killed processes end")
    return left


def _run(name, announce=True):
    """Runs one test; returns "ok", "FAILED" or "skipped" (which the test has printed itself)."""
    global _directory
    function, timeout = _tests[name]
    _adopt_orphans()
    _directory = tempfile.mkdtemp(prefix="outpost-test-")
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = os.fork()
        if pid == 0:
            _child(function, name)
        status = _wait_child(pid, patient(timeout))
        left = _end_left_behind()
    finally:
        shutil.rmtree(_directory, ignore_errors=True)
    if status == 77 and not left:
        return "skipped"
    if status is None:
        print(f"{name}: timed out after {patient(timeout):g} s", file=sys.stderr)
    elif status < 0:
        print(f"{name}: killed by {signal.Signals(-status).name}", file=sys.stderr)
    verdict = "ok" if status == 0 and not left else "FAILED"
    if announce:
        print(f"{verdict} {name}", flush=True)
    return verdict


def main():
    """Runs the tests named on the command line, or all, and exits."""
    names = sys.argv[1:]
    if names == ["--list"]:
        print("\n".join(_tests))
        sys.exit(0)
    for name in names:
        if name not in _tests:
            sys.exit(f"no test called {name}; --list lists them")
    counts = collections.Counter(_run(name) for name in names or _tests)
    text = f"{counts['ok']} passed, {counts['FAILED']} failed"
    print(text + (f", {counts['skipped']} skipped" if counts["skipped"] else ""), flush=True)
    sys.exit(1 if counts["FAILED"] or not counts else 0)


def bench(function):
    """Runs one registered function as a bench: the same care, but what it prints is its figures."""
    verdict = _run(function.__name__, announce=False)
    sys.exit(0 if verdict == "ok" else 1)


# ---- waiting -------------------------------------------------------------------------------


class Deadline:
    """An absolute time on the clock that never steps."""

    def __init__(self, seconds):
        self.at = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds

    def left(self):
        return max(0.0, self.at - time.clock_gettime(time.CLOCK_BOOTTIME))

    def over(self):
        return self.left() == 0.0


def wait_until(condition, timeout=10, what=None, every=0.01):
    """Returns the first true value of condition(), looked at each `every` seconds; fails in time."""
    deadline, ever = Deadline(patient(timeout)), threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if deadline.over():
            raise AssertionError(f"not within {patient(timeout):g} s: {what or condition}")
        ever.wait(every)


# ---- processes -----------------------------------------------------------------------------


class Process:
    """A child whose output lines are collected; a context manager that leaves nothing running."""

    def __init__(self, *command, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.command = [str(c) for c in command]
        self.lines, self.cond, self.open_ends = [], threading.Condition(), 2
        self.proc = subprocess.Popen(self.command, env={**os.environ, **(env or {})}, cwd=cwd, stdin=stdin,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self._collect, args=(s, n), daemon=True)
                        for s, n in ((self.proc.stdout, "out"), (self.proc.stderr, "err"))]
        for reader in self.readers:
            reader.start()

    def _collect(self, stream, name):
        for raw in stream:
            with self.cond:
                self.lines.append((name, raw.decode("utf-8", "replace").rstrip("\r\n")))
                self.cond.notify_all()
        with self.cond:
            self.open_ends -= 1
            self.cond.notify_all()

    @property
    def pid(self):
        return self.proc.pid

    def output(self, stream=None):
        """The lines so far, of "out", "err" or both."""
        with self.cond:
            return [text for name, text in self.lines if stream in (None, name)]

    def wait_line(self, pattern, timeout=10, after=0):
        """Waits for a line (from number `after` on) that the regular expression finds; its match."""
        deadline, at = Deadline(patient(timeout)), after
        with self.cond:
            while True:
                for at in range(at, len(self.lines)):
                    match = re.search(pattern, self.lines[at][1])
                    if match:
                        return match
                at = len(self.lines)
                ended = self.open_ends == 0
                if ended or deadline.over():
                    raise AssertionError(f"no line like {pattern!r} " +
                                         ("before it ended" if ended else f"within {patient(timeout):g} s") +
                                         f" from {' '.join(self.command)}:\n" +
                                         "\n".join(text for _, text in self.lines[-60:]))
                self.cond.wait(deadline.left())

    def signal(self, number):
        self.proc.send_signal(number)

    def wait(self, timeout=10):
        """Exit status; fails if it does not end in time."""
        try:
            status = self.proc.wait(patient(timeout))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{' '.join(self.command)} does not end within {patient(timeout):g} s:\n" +
                                 "\n".join(self.output()[-60:])) from None
        for reader in self.readers:
            reader.join(patient(timeout))
        return status

    def stop(self, timeout=10):
        """SIGTERM and the exit status."""
        if self.proc.poll() is None:
            self.proc.terminate()
        return self.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        if kind:
            print("\n".join(["output of " + " ".join(self.command) + ":"] + self.output()[-100:]),
                  file=sys.stderr)


def run(*command, timeout=30, env=None, stdin=None, cwd=None):
    """Runs a program to its end; CompletedProcess with text stdout and stderr."""
    return subprocess.run([str(c) for c in command], timeout=patient(timeout), input=stdin, cwd=cwd, text=True,
                          env={**os.environ, **(env or {})}, capture_output=True,
                          **({} if stdin else {"stdin": subprocess.DEVNULL}))


def sanitized(program):
    """True if the program holds a sanitizer of memory or threads: sizes mean nothing then."""
    text = (BUILD / program).read_bytes()
    return b"__asan_init" in text or b"__tsan_init" in text


def free_port():
    """A TCP port on loopback that nobody uses now, and that the system gives to nobody who asks for any."""
    while True:
        with socket.socket() as s:
            port = random.SystemRandom().randrange(15000, 32000)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError as e:
                assert e.errno == errno.EADDRINUSE, e


class Outpost(Process):
    """`outpost run`: its own runtime and state directory and port; ready when entered.

    As a context manager it is stopped by SIGTERM at the end and must exit 0. ready=False leaves
    the waiting (and the way it ends) to the test."""

    def __init__(self, appliance="sensorhub", *args, sim=True, sets=(), web=True, ready=True, timeout=15,
                 base=None, env=None, cwd=None):
        base = pathlib.Path(base or tempfile.mkdtemp(dir=_directory))
        self.runtime, self.state = base / "runtime", base / "state"
        self.runtime.mkdir(exist_ok=True)
        self.state.mkdir(exist_ok=True)
        self.port = free_port() if web else None
        sets = ([f"services.web.listen=127.0.0.1:{self.port}"] if web else []) + list(sets)
        self.url = f"http://127.0.0.1:{self.port}/" if web else None
        self.want_ready, self.ready_timeout = ready, timeout
        # What appliances ask of the environment; a log file of its own, not one beside the appliance.
        env = {"BEARER_TOKEN": "token-of-the-tests", "LOG_FILE": str(base / "appliance.log"), **(env or {})}
        super().__init__(OUTPOST, "run", appliance, *(["--sim"] if sim else []), "--runtime", self.runtime,
                         "--state", self.state, *[a for s in sets for a in ("--set", s)], *args,
                         env=env, cwd=cwd)

    def wait_ready(self, timeout=None):
        return self.wait_line(r"^ready:", timeout or self.ready_timeout)

    def status(self):
        """What `outpost status --json` says."""
        return json.loads(run(OUTPOST, "status", "--json", "--runtime", self.runtime).stdout)

    def service_pid(self, name):
        return self.health()["services"][name]["pid"]

    def health(self):
        return get(self.url + "health").json()

    def tap(self, topic, count, *args, timeout=15):
        return tap(self.runtime, topic, count, *args, timeout=timeout)

    def __enter__(self):
        if self.want_ready:
            try:
                self.wait_ready()
            except BaseException:
                Process.__exit__(self, None, None, None)
                raise
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None and self.proc.poll() is None:
                status = self.stop()
                assert status == 0, f"outpost run ended with {status}:\n" + "\n".join(self.output()[-60:])
            elif self.proc.poll() is None:
                self.proc.terminate()  # so that it takes its services along
                try:
                    self.proc.wait(patient(5))
                except subprocess.TimeoutExpired:
                    pass
        finally:
            Process.__exit__(self, kind, value, tb)


def tap(runtime, topic, count, *args, timeout=15):
    """The next `count` records of a topic, as dictionaries, by `outpost tap --json`."""
    done = run(OUTPOST, "tap", topic, "--json", "--count", count, "--runtime", runtime, *args, timeout=timeout)
    assert done.returncode == 0, f"outpost tap {topic}: {done.returncode}: {done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- HTTP ----------------------------------------------------------------------------------


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def request(url, method="GET", data=None, headers=None, timeout=10):
    """One HTTP request; error statuses are answers, not exceptions."""
    wanted = urllib.request.Request(url, method=method, data=data, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(wanted, timeout=patient(timeout)) as answer:
            return Response(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return Response(answer.code, answer.headers, answer.read())


def get(url, **kw):
    return request(url, **kw)


# ---- WebSocket (RFC 6455) --------------------------------------------------------------------

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FRAME = struct.Struct("<BBHIQQQqII")  # outpost-ws(7)
Frame = collections.namedtuple("Frame", "version kind id count first_seq missed boot_ns wall_ns stride slots")


class Closed(Exception):
    """The server closed the WebSocket; code and reason as it gave them."""

    def __init__(self, code=None, reason=""):
        super().__init__(f"closed: {code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    """A client for one connection; frames it sends are masked as the RFC demands."""

    def __init__(self, url, protocol=None, timeout=10, headers=None):
        at = urllib.parse.urlsplit(url)
        self.sock = socket.create_connection((at.hostname, at.port or 80), patient(timeout))
        self.buffer, self.status, self.headers = b"", None, {}
        lines = [f"GET {at.path or '/'} HTTP/1.1", f"Host: {at.netloc}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._head(Deadline(patient(timeout)))
        if self.status != 101:
            self.sock.close()
            raise ConnectionRefusedError(f"{url}: {head}")

    def _head(self, deadline):
        while b"\r\n\r\n" not in self.buffer:
            self._more(deadline)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in rest)}
        return first

    def _more(self, deadline):
        if not select.select([self.sock], [], [], deadline.left())[0]:
            raise TimeoutError("the server sends nothing")
        data = self.sock.recv(1 << 16)
        if not data:
            raise Closed(None, "connection ended")
        self.buffer += data

    def _take(self, n, deadline):
        while len(self.buffer) < n:
            self._more(deadline)
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def send(self, opcode, payload, fin=True):
        mask, n = os.urandom(4), len(payload)
        size = bytes([0x80 | n]) if n < 126 else struct.pack(">BH", 0xFE, n) if n < 65536 else \
            struct.pack(">BQ", 0xFF, n)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.sock.sendall(bytes([(0x80 if fin else 0) | opcode]) + size + mask + masked)

    def send_json(self, value):
        self.send(TEXT, json.dumps(value).encode())

    def subscribe(self, topic, **options):
        self.send_json({"subscribe": [{"topic": topic, **options}]})

    def recv(self, timeout=10):
        """The next message: (TEXT or BINARY, bytes). Pings are answered. Raises Closed, TimeoutError."""
        return self._message(Deadline(patient(timeout)))

    def _message(self, deadline):
        kind, message = None, b""
        while True:
            first, second = self._take(2, deadline)
            n = second & 0x7F
            if n >= 126:
                n = int.from_bytes(self._take(2 if n == 126 else 8, deadline), "big")
            assert not second & 0x80, "a server must not mask"
            payload, opcode = self._take(n, deadline), first & 0x0F
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                raise Closed(int.from_bytes(payload[:2], "big") or None, payload[2:].decode())
            elif opcode != PONG:
                kind, message = kind or opcode, message + payload
                if first & 0x80:
                    return kind, message

    def recv_json(self, timeout=10):
        """The next text message; binary ones before it are passed over."""
        deadline = Deadline(patient(timeout))
        while True:
            kind, message = self._message(deadline)
            if kind == TEXT:
                return json.loads(message)

    def recv_frame(self, timeout=10):
        """The next binary frame; text messages before it are passed over."""
        deadline = Deadline(patient(timeout))
        while True:
            kind, message = self._message(deadline)
            if kind == BINARY:
                return parse_frame(message)

    def close(self, code=1000):
        try:
            self.send(CLOSE, struct.pack(">H", code))
        except OSError:
            pass  # the server was first
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.close()


def parse_frame(message):
    """A binary frame of outpost-ws(7) as a Frame; its slots stay bytes."""
    version, kind, id_, count, first, missed, boot, wall, stride, _ = FRAME.unpack_from(message)
    slots = message[FRAME.size:]
    assert version == 1 and len(slots) == count * stride, f"bad frame: {message[:FRAME.size]!r}"
    return Frame(version, kind, id_, count, first, missed, boot, wall, stride, slots)


_CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q",
          "f32": "f", "f64": "d", "enum": "B"}


def records_of(frame, schema):
    """The frame's records as dictionaries with seq, boot_ns and every field of the topic's type."""
    offset, found = schema["record_offset"], []
    for i in range(frame.count):
        slot = frame.slots[i * frame.stride:(i + 1) * frame.stride]
        record = {"seq": frame.first_seq + i, "boot_ns": struct.unpack_from("<Q", slot)[0]}
        for f in schema["type"]["fields"]:
            at = offset + f["offset"]
            if f["type"] == "text":
                record[f["name"]] = slot[at:at + f["bytes"]].split(b"\0")[0].decode()
            else:
                record[f["name"]] = struct.unpack_from("<" + _CODES[f["type"]], slot, at)[0]
        found.append(record)
    return found


# ---- pseudo-terminals ----------------------------------------------------------------------


class Pty:
    """A raw pseudo-terminal: write() at the master end is what a serial port would receive.

    link: a path that points to the slave, as a by-id name does."""

    def __init__(self, link=None):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        attributes = termios.tcgetattr(slave)
        attributes[4] = attributes[5] = termios.B115200
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.slave_fd, self.path, self.link = slave, os.ttyname(slave), link and str(link)
        if self.link:
            os.symlink(self.path, self.link)

    def write(self, data, timeout=10):
        """All of it; fails if nobody makes room in time."""
        deadline, data = Deadline(patient(timeout)), memoryview(data.encode() if isinstance(data, str) else data)
        os.set_blocking(self.master, False)
        while data:
            if not select.select([], [self.master], [], deadline.left())[1]:
                raise AssertionError(f"{len(data)} bytes are not read within {patient(timeout):g} s")
            data = data[os.write(self.master, data):]

    def read(self, timeout=10):
        """What the other side wrote, as soon as there is something."""
        if not select.select([self.master], [], [], patient(timeout))[0]:
            raise AssertionError(f"nothing is written within {patient(timeout):g} s")
        return os.read(self.master, 65536)

    def unplug(self):
        """As pulling the cable: the other side reads an error, the name is gone."""
        if self.link:
            os.unlink(self.link)
            self.link = None
        for descriptor in (self.slave_fd, self.master):
            if descriptor >= 0:
                os.close(descriptor)
        self.slave_fd = self.master = -1

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.unplug()


# ---- faults of the disk and the clock --------------------------------------------------------


class Shim:
    """Faults below a directory, and clocks, for whole processes; switched while they run.

        shim = ot.Shim(box_state)
        with ot.Outpost(env=shim.env()) as box:
            shim.set(full=True)

    See tests/lib/shim.c for what it cannot do."""

    LAYOUT = struct.Struct("<8s8i2q4Q512s")  # struct shim of tests/lib/shim.h
    NAMES = ("magic", "write_error", "grow_error", "name_error", "sync_error", "sync_ms", "clock_synchronised",
             "clock_chip", "reserved", "wall_offset_ns", "boot_offset_ns", "writes", "bytes", "syncs",
             "refused", "dir")

    def __init__(self, below):
        self.library = BUILD / "tests" / "liboutpost-shim.so"
        descriptor, self.path = tempfile.mkstemp(prefix="shim-", dir=_directory)
        with os.fdopen(descriptor, "r+b") as f:
            f.write(self.LAYOUT.pack(b"OPSHIM01", *[0] * 14, os.path.realpath(below).encode()))
            f.flush()
            self.map = mmap.mmap(f.fileno(), self.LAYOUT.size)
        self.wanted = {"full": False, "read_only": False, "io_error": False}

    def env(self):
        """For the processes that are to feel it."""
        return {"LD_PRELOAD": str(self.library), "OUTPOST_SHIM": str(self.path)}

    def _put(self, name, value):
        at = self.NAMES.index(name)
        offset = struct.calcsize("<8s" + "i" * (min(at, 9) - 1) + "q" * max(0, at - 9))
        self.map[offset:offset + (4 if at < 9 else 8)] = struct.pack("<i" if at < 9 else "<q", value)

    def set(self, full=None, read_only=None, io_error=None, fsync_ms=None, wall_offset_s=None, suspended_s=None,
            synced=None, chip=None):
        """Changes what is named, leaves the rest.

        full: nothing can grow or be made; "all": nothing can be written at all. read_only: as after a
        remount. io_error: writes and syncs fail. fsync_ms: how long a sync takes. wall_offset_s: added
        to the wall clock. suspended_s: added to boot and wall clock. synced: what adjtimex(2) says;
        chip: whether a clock chip set the time at boot."""
        for name, value in (("full", full), ("read_only", read_only), ("io_error", io_error)):
            if value is not None:
                self.wanted[name] = value
        now = self.wanted
        self._put("grow_error", errno.ENOSPC if now["full"] else 0)
        self._put("name_error", errno.EROFS if now["read_only"] else 0)
        self._put("sync_error", errno.EIO if now["io_error"] else 0)
        self._put("write_error", errno.EROFS if now["read_only"] else errno.EIO if now["io_error"] else
                  errno.ENOSPC if now["full"] == "all" else 0)
        for name, value in (("sync_ms", fsync_ms), ("wall_offset_ns", wall_offset_s and wall_offset_s * 10**9),
                            ("boot_offset_ns", suspended_s and suspended_s * 10**9),
                            ("clock_synchronised", synced if synced is None else 1 if synced else 2),
                            ("clock_chip", chip if chip is None else 1 if chip else 2)):
            if value is not None:
                self._put(name, int(value))

    def clear(self):
        """No fault of the disk; clocks stay as they are set."""
        self.set(full=False, read_only=False, io_error=False, fsync_ms=0)

    def counts(self):
        """What happened below the directory since the beginning: {"writes", "bytes", "syncs", "refused"}."""
        found = dict(zip(self.NAMES, self.LAYOUT.unpack(self.map[:])))
        return {name: found[name] for name in ("writes", "bytes", "syncs", "refused")}
