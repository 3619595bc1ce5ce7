# calls.py - calls good, bad, huge, many; over the tool and over the bare socket. outpost-call(7)
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import signal
import stat

import boxes
import outpost_test as ot
from boxes import Box, Socket

LIMIT = 65536


@ot.test()
def the_built_in_methods_answer():
    with Box({"a": {"secret": "hunter2"}}) as box:
        assert box.call("a", "ping")["service"] == "a"
        assert box.call("a", "status")["state"] == "ready"
        names = [m["method"] for m in box.call("a", "methods")]
        assert {"ping", "status", "methods", "log_level", "settings", "stop", "crash"} <= set(names)
        assert box.call("a", "log_level") == {"level": "info"}
        assert box.call("a", "log_level", "level=debug") == {"level": "debug"}
        assert box.call("a", "log_level") == {"level": "debug"}
        settings = box.call("a", "settings")
        assert "hunter2" not in settings and 'secret: "***"' in settings and "watchdog_s: 20" in settings


@ot.test()
def the_tool_says_what_went_wrong():
    with Box({"a": {}, "b": {"stop_timeout_s": 1}}) as box:
        for args, part in ((("a", "nonesuch"), "no such method"), (("nobody", "ping"), '"nobody"'),
                           (("a", "fail"), "the moon is in the way"), (("a", "ping", "x"), "KEY=VALUE"),
                           (("a", "log_level", "level=loud"), "expected error, warning")):
            done = box.call(*args, check=False)
            assert done.returncode in (1, 2) and part in done.stderr, (args, done)
        done = box.call("b", "block", "--timeout", "0.2", check=False)
        assert done.returncode == 1 and "did not answer in 0.2 s" in done.stderr
        done = box.call("a", "crash", check=False)
        assert done.returncode == 1 and "ended before it answered" in done.stderr


@ot.test()
def malformed_requests_get_an_error_and_the_next_one_works():
    bad = [(b"nonsense", "EBADMSG"), (b"", "EBADMSG"), (b"[]", "EBADMSG"), (b"{}", "EBADMSG"),
           (b'{"method":7}', "EBADMSG"), (b'{"method":"ping","args":[]}', "EINVAL"),
           (b'{"method":"ping","method":"stop"}', "EBADMSG"), (b"\xff\xfe\x00", "EBADMSG"),
           (b"[" * 60000, "EBADMSG"), (b'{"method":"' + b"x" * 60000 + b'"}', "ENOSYS")]
    with Box({"a": {}}) as box:
        client = Socket(box.runtime, "a")
        for request, code in bad:
            client.send(request + b"\n")
            answer = client.line()
            assert answer["ok"] is False and answer["code"] == code, (request[:40], answer)
            assert answer["error"]
        client.send(b'{"method":"ping"}\n')
        assert client.line()["ok"] is True
        client.close()
        assert box.call("a", "status")["restarts"] == 0


@ot.test()
def a_line_may_come_in_pieces_and_several_at_once():
    with Box({"a": {}}) as box:
        client = Socket(box.runtime, "a")
        for byte in b'{"method":"ping"}\n':
            client.send(bytes([byte]))
        assert client.line()["ok"] is True
        client.send(b'{"method":"ping"}\n' * 50)
        assert all(client.line()["ok"] for _ in range(50))
        client.close()


@ot.test()
def lines_are_bounded_both_ways():
    with Box({"a": {}}) as box:
        client = Socket(box.runtime, "a")
        full = b'{"method":"ping","note":"' + b"y" * (LIMIT - 27) + b'"}'
        assert len(full) == LIMIT
        client.send(full + b"\n")
        assert client.line()["ok"] is True
        try:
            client.send(b"z" * (4 * LIMIT))
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        answer = client.line()
        assert answer is None or answer["code"] == "EMSGSIZE", answer
        client.close()
        small = Socket(box.runtime, "a")
        small.send(b"z" * (LIMIT + 2))
        assert small.line()["code"] == "EMSGSIZE" and small.line() is None
        small.close()
        assert len(box.call("a", "big", "bytes=1000000")) == 1000000
        done = box.call("a", "big", "bytes=1100000", check=False)
        assert done.returncode == 1 and "longer than 1 MiB" in done.stderr


@ot.test()
def clients_are_bounded_and_the_others_unharmed():
    with Box({"a": {}}) as box:
        first = [Socket(box.runtime, "a") for _ in range(16)]
        for client in first:
            client.send(b'{"method":"ping"}\n')
            assert client.line()["ok"] is True
        one_more = Socket(box.runtime, "a")
        assert one_more.line()["code"] == "EBUSY" and one_more.line() is None
        one_more.close()
        first[0].send(b'{"method":"ping"}\n')
        assert first[0].line()["ok"] is True
        for client in first:
            client.close()
        assert ot.wait_until(lambda: box.call("a", "ping", check=False).returncode == 0)


@ot.test()
def who_does_not_read_harms_nobody():
    with Box({"a": {}}) as box:
        deaf = Socket(box.runtime, "a")
        deaf.sock.settimeout(0.2)
        try:
            while True:
                deaf.send(b'{"method":"big","args":{"bytes":1000000}}\n')
        except TimeoutError:
            pass
        before = box.call("a", "status")["rss_kib"]
        assert box.call("a", "ping")["service"] == "a" and before < 20000, before
        deaf.close()


@ot.test()
def an_answer_may_come_later():
    with Box({"a": {}}) as box:
        client = Socket(box.runtime, "a")
        client.send(b'{"method":"later","args":{"ms":300}}\n{"method":"ping"}\n')
        assert box.call("a", "ping")["service"] == "a"  # others do not wait for it
        assert client.line() == {"ok": True, "result": "at last"}
        assert client.line()["result"]["service"] == "a"
        client.send(b'{"method":"later","args":{"ms":200}}\n')
        client.close()  # nobody is there when the answer comes
        ot.wait_until(lambda: box.call("a", "later", "ms=1", check=False).returncode == 0, 5, "the next one")
        last = Socket(box.runtime, "a")
        last.send(b'{"method":"later","args":{"ms":60000}}\n')
        ot.wait_until(lambda: box.call("a", "later", "ms=1", check=False).returncode == 1, 5, "it is asked")
        assert box.stop() == 0
        assert last.line() in (None, {"ok": False, "code": "ECANCELED", "error": "the service stops"})
        last.close()


@ot.test()
def the_socket_of_a_killed_predecessor_is_replaced():
    with Box({"a": {}}) as box:
        path = box.runtime / "call/a.sock"
        made, pid = path.stat().st_ctime_ns, box.pid("a")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        os.kill(pid, signal.SIGKILL)
        box.wait_new_life("a", pid)
        assert path.stat().st_ctime_ns != made and box.pid("a") != pid


@ot.test()
def a_service_explains_itself():
    file = boxes.write({"a": {"secret": "hunter2"}})
    for args, part in ((["--help"], "--appliance FILE"), (["--version"], "outpost-test-service "),
                       (["--reference"], "at_start"), (["--appliance", file, "--check"], ""),
                       (["--appliance", file, "--show-config"], 'secret: "***"')):
        done = ot.run(boxes.PROGRAM, *args)
        assert done.returncode == 0 and part in done.stdout and not done.stderr, (args, done)
    for args, status, part in (([], 2, "--appliance FILE is missing"), (["--nonesuch"], 2, "--help"),
                               (["--appliance", "/nonesuch.yaml"], 78, "/nonesuch.yaml"),
                               (["--appliance", file, "--service", "z", "--check"], 78, 'no service "z"'),
                               (["--appliance", file, "--set", "services.a.at_start=x", "--check"], 78,
                                "services.a.at_start")):
        done = ot.run(boxes.PROGRAM, *args)
        assert done.returncode == status and part in done.stderr, (args, done)


@ot.test()
def a_runtime_directory_with_a_long_name_is_refused_clearly():
    file = boxes.write({"a": {}})
    runtime = ot.directory() / ("x" * 100)
    done = ot.run(boxes.PROGRAM, "--appliance", file, "--runtime", runtime, "--state", ot.directory() / "s")
    assert done.returncode == 78 and "shorter --runtime" in done.stderr, done
    done = ot.run(ot.OUTPOST, "run", file, "--runtime", runtime, "--state", ot.directory() / "s")
    assert done.returncode != 0 and "name too long" in done.stderr.lower(), done


ot.main()
