# net_program.py - outpost-post as a program that comes and goes: when it starts and ends, what it inherits, what
# a request hears when it dies, hangs or is not there.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess

import outpost_test as ot
import receivers as rx

PROC = pathlib.Path("/proc")


class Client:
    """tests/e2e/net_client.c. where: a directory with the program, in place of the build's."""

    def __init__(self, where=None, **env):
        self.p = ot.Process(ot.BUILD / "tests/e2e/net_client", stdin=subprocess.PIPE,
                            env={**env, **({"OUTPOST_PROGRAMS": str(where)} if where else {})})
        self.n = 0

    def ask(self, url, **options):
        self.n += 1
        self.p.proc.stdin.write(json.dumps({"id": self.n, "url": url, **options}).encode() + b"\n")
        self.p.proc.stdin.flush()
        return self.n

    def result(self, number, timeout=15):
        return json.loads(self.p.wait_line(rf'"id":{number}\b.*', timeout).string)

    def __call__(self, url, **options):
        return self.result(self.ask(url, **options))

    def children(self):
        """Process ids of what it started and has not reaped, zombies too."""
        return [int(c) for c in (PROC / f"{self.p.pid}/task/{self.p.pid}/children").read_text().split()]

    def program(self):
        """The one that runs."""
        pid, = self.children()
        return pid

    def end(self):
        self.p.proc.stdin.close()
        assert self.p.wait() == 0, self.p.output()
        assert json.loads(self.p.output("out")[-1]) == {"left_open": 0}, self.p.output()[-3:]


@contextlib.contextmanager
def client(where=None, **env):
    c = Client(where, **env)
    with c.p:
        yield c
        c.end()


def gone(pid):
    return not (PROC / str(pid)).exists()


@ot.test(timeout=60)
def it_comes_with_a_request_and_goes_after_a_while():
    with rx.Receiver() as r, client() as c:
        ot.wait_until(lambda: os.readlink(PROC / f"{c.p.pid}/exe").endswith("net_client"), 10, "it runs")
        assert not c.children(), "nobody has asked for anything"
        assert c(r.url("/a"))["status"] == 204
        first = c.program()
        assert c(r.url("/b"))["status"] == 204 and c.program() == first, "kept for a burst"
        ot.wait_until(lambda: not c.children(), 30, "it goes by itself, and is reaped")
        assert gone(first)
        assert c(r.url("/c"))["status"] == 204 and c.program() != first, "and comes again"


@ot.test(timeout=60)
def it_stays_while_a_request_is_under_way():
    with rx.Receiver({"/hang": rx.hangs}) as r, client() as c:
        number = c.ask(r.url("/hang"), read_timeout_ms=14000)  # longer than it lingers
        r.wait(1)
        program = c.program()
        assert c.result(number, 30)["error_text"] == "ETIMEDOUT"
        assert c.program() == program


@ot.test()
def nothing_of_a_request_is_to_be_seen_from_outside():
    secrets = ("canary-path", "canary-query", "canary-user", "canary-field", "canary-body", "canary-environment")
    with rx.Receiver({"*": rx.hangs}) as r, \
            client(SLACK_WEBHOOK_URL="https://h.example/canary-environment", BEARER_TOKEN="canary-environment") as c:
        url = r.url("/canary-path?canary-query").replace("//", "//u:canary-user@")
        c.ask(url, fields=["X-Y: canary-field"], body="canary-body", total_timeout_ms=3000)
        r.wait(1)
        at = PROC / str(c.program())
        seen = b"".join((at / name).read_bytes() for name in ("cmdline", "environ", "comm"))
        assert seen.startswith(b"outpost-post\0"), seen
        assert not [s for s in secrets if s.encode() in seen], seen
        assert b"PATH=" in seen, "what it needs it gets"


@ot.test()
def it_inherits_its_socket_and_the_log_and_nothing_else():
    """Even of a service whose descriptors are not closed on exec, and whose thread blocks all signals."""
    directory = ot.directory() / "bin"
    directory.mkdir()
    seen = ot.directory() / "seen"
    (directory / "outpost-post").write_text(
        f"#!/bin/sh\nls -l /proc/$$/fd > {seen}.fds\nexec grep Sig /proc/self/status > {seen}\n")
    (directory / "outpost-post").chmod(0o755)
    leak = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(leak, True)
    program = subprocess.Popen([ot.BUILD / "tests/e2e/net_client"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               close_fds=False, env={**os.environ, "OUTPOST_PROGRAMS": str(directory)})
    program.stdin.write(b'{"id": 1, "url": "http://h/"}\n')
    program.stdin.close()
    assert program.wait(ot.patient(10)) == 0, "it waits for the program"
    os.close(leak)
    lines = pathlib.Path(f"{seen}.fds").read_text().splitlines()
    fds = {line.split(" -> ")[0].split()[-1]: line.split(" -> ")[1] for line in lines if " -> " in line}
    # Of a shell's own: the script it reads, at 10 or above, and what it was redirected to.
    ours = {n: to for n, to in fds.items() if int(n) < 10 and str(seen) not in to}
    assert ours.pop("0").startswith("socket:") and ours.pop("2"), fds
    assert ours.pop("1", "/dev/null") == "/dev/null" and not ours, fds
    assert not [to for to in fds.values() if to == "/etc/passwd"], fds
    signals = dict(line.split(":\t") for line in seen.read_text().splitlines())
    of_libc = 3 << 31  # 32 and 33
    assert int(signals["SigBlk"], 16) == 0 and int(signals["SigIgn"], 16) & ~of_libc == 0, signals


@ot.test()
def a_kill_ends_the_request_and_not_the_service():
    with rx.Receiver({"/hang": rx.hangs}) as r, client() as c:
        numbers = [c.ask(r.url("/hang")) for _ in range(3)]
        r.wait(3)
        os.kill(c.program(), signal.SIGKILL)
        for number in numbers:
            done = c.result(number)
            assert done["error_text"] == "EPIPE", done
            assert done["message"] == "outpost-post ended by signal 9 (Killed)", done
        assert c(r.url("/x"))["status"] == 204, "and is started again for the next"
        os.kill(c.program(), signal.SIGKILL)
        ot.wait_until(lambda: not c.children(), 10, "one that idles is reaped too")
        assert c(r.url("/x"))["status"] == 204


@ot.test(timeout=60)
def one_that_hangs_is_killed():
    with rx.Receiver() as r, client() as c:
        assert c(r.url("/x"))["status"] == 204
        os.kill(c.program(), signal.SIGSTOP)
        done = c.result(c.ask(r.url("/y"), total_timeout_ms=500), 40)
        assert done["error_text"] == "ETIMEDOUT", done
        assert done["message"] == "outpost-post did not answer and was killed", done
        assert c(r.url("/z"))["status"] == 204


@ot.test()
def a_hung_one_does_not_hold_up_the_end():
    with rx.Receiver() as r, client() as c:
        assert c(r.url("/x"))["status"] == 204
        os.kill(c.program(), signal.SIGSTOP)


@ot.test()
def it_ends_with_the_service_even_if_that_is_killed():
    with rx.Receiver({"/hang": rx.hangs}) as r:
        c = Client()
        with c.p:
            c.ask(r.url("/hang"), read_timeout_ms=600000)
            r.wait(1)
            program = c.program()
            c.p.signal(signal.SIGKILL)
            c.p.wait()
            # We adopt orphans, see outpost_test; zombie or gone, it is over.
            ot.wait_until(lambda: gone(program) or "\nState:\tZ" in (PROC / f"{program}/status").read_text(), 10,
                          "no orphan is left")


@ot.test()
def signals_to_all_of_a_service_lose_no_outcome():
    """systemd sends SIGTERM to every process of the unit, a terminal SIGINT and SIGHUP."""
    with rx.Receiver({"/hang": rx.hangs}) as r, client() as c:
        number = c.ask(r.url("/hang"), read_timeout_ms=2000)
        r.wait(1)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(c.program(), name)
        done = c.result(number)
        assert done["message"].endswith("silent for 2 s"), done


@ot.test()
def one_that_is_not_there_is_named():
    where = ot.directory() / "bin"
    where.mkdir()
    with rx.Receiver() as r, client(where) as c:
        done = c(r.url("/secret"))
        assert done["error_text"] == "ENOENT", done
        assert done["message"] == "outpost-post cannot be started: No such file or directory (install it)", done
        (where / "outpost-post").write_text("nothing that can be run")
        (where / "outpost-post").chmod(0o755)
        done = c(r.url("/secret"))
        assert done["error_text"] == "ENOEXEC" and done["message"].startswith("outpost-post cannot be started: "), done
        (where / "outpost-post").write_text("#!/bin/sh\nexit 3\n")
        done = c(r.url("/secret"))
        assert (done["error_text"], done["message"]) == ("EPIPE", "outpost-post ended with status 3"), done
        (where / "outpost-post").write_text("#!/bin/sh\nhead -c 9 >/dev/null\necho 'this is no answer' >&0\nexec sleep 1000\n")
        done = c(r.url("/secret"))
        assert done["error_text"] == "EPIPE", done
        (where / "outpost-post").unlink()
        (where / "outpost-post").symlink_to(ot.BUILD / "outpost-post")
        assert c(r.url("/x"))["status"] == 204, "installed meanwhile: nothing need be started anew"


@ot.test()
def what_is_no_request_ends_it():
    import socket
    for said in (b"GET / HTTP/1.1\r\n\r\n" * 10, b"\xff" * 64, b"\4\0\0\0\2\1\0\0aaaa", b"\4\0\0\0\1\1\0\0aaaa",
                 b"\4\0\0\0\1\7\0\0aaaa", b"\3\0\0\0\1\1\0\0aaaa"):
        ours, its = socket.socketpair()
        with ot.Process(ot.BUILD / "outpost-post", stdin=its) as p:
            its.close()
            ours.sendall(said)
            assert p.wait() == 1, (said, p.output())
            assert "outpost-post: " in p.output("err")[0] and len(p.output("err")) == 1, p.output()
        ours.close()


@ot.test()
def by_hand_it_says_what_it_is():
    done = ot.run(ot.BUILD / "outpost-post")
    assert done.returncode == 2 and "outpost-post(8)" in done.stderr, done
    done = ot.run(ot.BUILD / "outpost-post", "--help")
    assert done.returncode == 0 and "usage: outpost-post" in done.stdout, done
    assert ot.run(ot.BUILD / "outpost-post", "--nonsense").returncode == 2
    assert ot.run(ot.BUILD / "outpost-post", "--version").stdout.startswith("outpost-post ")


@ot.test()
def a_large_request_and_one_too_many():
    with rx.Receiver({"/hang": rx.hangs}) as r, client() as c:
        assert c(r.url("/x"), body="x" * 1500000)["status"] == 204
        assert len(r.got[0].body) == 1500000
        del r.got[:]
        hanging = [c.ask(r.url("/hang")) for _ in range(256)]
        assert c(r.url("/x"))["error_text"] == "EBUSY", "the bound of lib/net/post.h"
        for number in hanging:
            c.p.proc.stdin.write(json.dumps({"cancel": number}).encode() + b"\n")
        c.p.proc.stdin.flush()
        assert c.result(hanging[-1])["error_text"] == "cancelled"
        assert c(r.url("/x"))["status"] == 204
        assert c("http://h/", fields=["X: y"] * 15)["error_text"] == "EHOSTUNREACH"


ot.main()
