# boxes.py - appliances made of tests/e2e/test_service.c, for the tests of `outpost run`.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import socket

import outpost_test as ot

PROGRAM = ot.BUILD / "tests/e2e/outpost-test-service"
# Short pauses, so that what takes minutes on a box takes a second here. Time-outs are long: a test of
# one sets its own.
QUICK = {"watchdog_s": 20, "start_timeout_s": 30, "stop_timeout_s": 20,
         "restart": {"limit": 3, "cooldown_s": 1, "backoff_ms": 20, "backoff_max_ms": 100}}


def write(services, name="box", extra=""):
    """Writes an appliance with these services (name -> settings) into the test's directory."""
    lines = [f"appliance: {name}", "services:"]
    for service, settings in services.items():
        merged = {"program": str(PROGRAM), **QUICK, **settings}
        lines.append(f"  {service}: {json.dumps(merged)}")
    path = ot.directory() / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n" + extra)
    path.chmod(0o600)  # some have a secret in them
    return path


class Box(ot.Process):
    """`outpost run` of such an appliance. As a context manager: ready when entered (unless
    ready=False), stopped cleanly at the end."""

    def __init__(self, services, *args, ready=True, env=None, name="box", extra="", file=None):
        self.file = file or write(services, name, extra)
        self.runtime, self.state = ot.directory() / "rt", ot.directory() / "state"
        self.want_ready = ready
        super().__init__(ot.OUTPOST, "run", self.file, "--runtime", self.runtime, "--state", self.state,
                         *args, env=env, cwd=ot.directory())

    def __enter__(self):
        if self.want_ready:
            self.wait_line(r"^ready")
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None and self.proc.poll() is None:
                assert self.stop() == 0, "a clean stop leaves with 0"
                assert not self.runtime.exists(), [str(p) for p in self.runtime.rglob("*")]
        finally:
            super().__exit__(kind, value, tb)

    def call(self, service, method, *args, check=True):
        """The answer of `outpost call`; with check=False the finished process."""
        done = ot.run(ot.OUTPOST, "call", service, method, *args, "--json", "--runtime", self.runtime)
        if not check:
            return done
        assert done.returncode == 0, f"call {service} {method}: {done.stderr}"
        return json.loads(done.stdout)

    def pid(self, service):
        return self.call(service, "ping")["pid"]

    def states(self, service):
        """The newest record of the service's status topic."""
        done = ot.run(ot.OUTPOST, "status", "--json", "--runtime", self.runtime)
        return json.loads(done.stdout)["services"][service]

    def wait_new_life(self, service, old_pid, timeout=5):
        """Waits until another process answers for the service; its pid."""
        def look():
            done = self.call(service, "ping", check=False)
            pid = json.loads(done.stdout)["pid"] if done.returncode == 0 else old_pid
            return pid if pid != old_pid else None
        return ot.wait_until(look, timeout, f"{service} lives again")

    def log(self, pattern):
        return [line for line in self.output("err") if re.search(pattern, line)]


def alive(pid):
    """True if the process exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Socket:
    """A raw client of a call socket."""

    def __init__(self, runtime, service):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ot.patient(5))
        here = os.open(runtime / "call", os.O_PATH)  # a path of any length
        try:
            self.sock.connect(f"/proc/self/fd/{here}/{service}.sock")
        finally:
            os.close(here)
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        """The next answer; None when the service has closed."""
        while b"\n" not in self.buffer:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self.sock.close()
