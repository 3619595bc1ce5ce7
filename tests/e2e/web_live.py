# web_live.py - the WebSocket hub as its clients see it (outpost-ws(7)).
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import time

import outpost_test as ot


class Writer(ot.Process):
    """test-writer: topics that the test publishes to, line by line."""

    def __init__(self, bus):
        super().__init__(ot.BUILD / "tests/e2e/test-writer", bus, stdin=subprocess.PIPE)

    def tell(self, line):
        n = len(self.output())
        self.proc.stdin.write((line + "\n").encode())
        self.proc.stdin.flush()
        self.wait_line("^ok", after=n)


@contextlib.contextmanager
def web(*sets):
    base = ot.directory()
    (base / "box.yaml").write_text("appliance: box\nservices:\n  web:\n    program: outpost-web\n")
    port = ot.free_port()
    with ot.Process(ot.BUILD / "outpost-web", "--appliance", base / "box.yaml", "--service", "web",
                    "--runtime", base / "r", "--state", base / "s",
                    "--set", f"services.web.listen=127.0.0.1:{port}",
                    *[a for s in sets for a in ("--set", f"services.web.{s}")]) as p:
        p.wait_line("listening on")
        p.port, p.url, p.ws, p.bus = port, f"http://127.0.0.1:{port}/", f"ws://127.0.0.1:{port}/ws", base / "r/bus"
        yield p
        assert p.stop() == 0, p.output()


def metric(p, name, cause=None):
    want = name + (f'{{cause="{cause}"}} ' if cause else " ")
    for line in ot.get(p.url + "metrics").text.splitlines():
        if line.startswith(want):
            return float(line.rsplit(" ", 1)[1])
    return None


def collect(client, schema, n, timeout=10):
    """The next n records and the `missed` of the last frame; frames must follow each other."""
    found, missed, deadline = [], 0, ot.Deadline(ot.patient(timeout))
    while len(found) < n:
        frame = client.recv_frame(deadline.left())
        found += ot.records_of(frame, schema)
        missed = frame.missed
    return found, missed


def feed(p, topic, hz):
    f = ot.Process(ot.BUILD / "tests/test-web-feed", p.bus, topic, hz, stdin=subprocess.PIPE)
    f.wait_line("^ok")
    return f


@ot.test()
def the_schema_comes_first_then_every_record():
    with web() as p, Writer(p.bus) as w:
        w.tell("open point a.b")
        w.tell("pub a.b 10")
        with ot.WebSocket(p.ws, protocol="outpost") as c:
            assert c.headers["sec-websocket-protocol"] == "outpost"
            c.subscribe("a.b", rate=20, last=4)
            kind, first = c.recv()
            assert kind == ot.TEXT
            schema = ot.json.loads(first)["schema"]
            assert schema["topic"] == "a.b" and schema["rate"] == 20 and schema["format"] == "binary"
            assert schema["record_offset"] == 8 and schema["type"]["fields"][0]["name"] == "x"
            back = c.recv_frame()
            assert (back.kind, back.first_seq, back.count, back.missed) == (2, 6, 4, 0)
            w.tell("pub a.b 30")
            records, missed = collect(c, schema, 30)
            assert [r["seq"] for r in records] == list(range(10, 40)) and missed == 0
            assert [r["n"] for r in records] == list(range(10, 40)) and records[5]["x"] == 7.5


@ot.test()
def json_frames_carry_the_same():
    with web() as p, Writer(p.bus) as w:
        w.tell("open point a.b")
        with ot.WebSocket(p.ws) as c:
            c.subscribe("a.b", rate=10, format="json")
            assert c.recv_json()["schema"]["format"] == "json"
            w.tell("pub a.b 4")
            frame = c.recv_json()["frame"]
            assert frame["seq"][0] == 0 and frame["missed"] == 0 and frame["kind"] == "live"
            record = frame["records"][0]
            assert record["seq"] == 0 and record["mode"] == "off" and record["time"].endswith("Z")


@ot.test()
def a_topic_may_come_late_and_change():
    with web() as p, Writer(p.bus) as w:
        with ot.WebSocket(p.ws) as c:
            c.subscribe("late.topic", rate=20)
            c.send_json({"ping": 7})
            assert c.recv_json()["pong"] == 7  # nothing was said of the topic before
            w.tell("open point late.topic")
            w.tell("pub late.topic 3")
            schema = c.recv_json()["schema"]
            records, missed = collect(c, schema, 3)
            assert [r["seq"] for r in records] == [0, 1, 2] and missed == 0
            w.tell("close late.topic")
            w.tell("open point2 late.topic")
            w.tell("pub late.topic 2")
            changed = c.recv_json()["schema"]
            assert changed["type"]["fields"][0]["name"] == "y" and changed["stride"] != schema["stride"]
            records, _ = collect(c, changed, 2)
            assert records[0]["y"] == 2.0 * records[0]["n"]


@ot.test()
def every_client_gets_every_record_while_one_is_killed():
    with web("max_clients=100") as p, feed(p, "fast.tick", 800):
        clients = [ot.WebSocket(p.ws) for _ in range(30)]
        for c in clients:
            c.subscribe("fast.tick", rate=20)
        schemas = [c.recv_json()["schema"] for c in clients]
        clients[0].sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        clients[0].sock.close()  # a reset, as of a phone that loses its network
        for c, schema in zip(clients[1:], schemas[1:]):
            records, missed = collect(c, schema, 400)
            assert missed == 0
            assert [r["seq"] for r in records] == list(range(records[0]["seq"], records[0]["seq"] + len(records)))
            assert all(r["number"] == r["seq"] for r in records)
            c.close()
        ot.wait_until(lambda: metric(p, "outpost_ws_clients") == 0, what="the clients' end")
        assert metric(p, "outpost_ws_closed_total", "left") == 29
        assert metric(p, "outpost_ws_closed_total", "vanished") == 1


@ot.test(timeout=60)
def a_stalled_client_loses_exactly_what_it_is_told():
    with web() as p, feed(p, "fast.tick", 20000):
        with ot.WebSocket(p.ws) as slow, ot.WebSocket(p.ws) as good:
            slow.subscribe("fast.tick", rate=20)
            good.subscribe("fast.tick", rate=20)
            schemas = [c.recv_json()["schema"] for c in (slow, good)]
            # The slow one takes nothing until the sockets and two seconds of frames are full.
            good_records, intervals, last = 0, [], time.monotonic()
            while good_records < 200000:
                frame = good.recv_frame()
                assert frame.missed == 0, "the good client lost records"
                good_records += frame.count
                intervals.append(time.monotonic() - last)
                last = time.monotonic()
            assert sorted(intervals)[len(intervals) // 2] < 0.5  # not the seconds that the slow one is behind
            next_seq, got, lost = None, 0, 0
            while lost == 0 or got < 20000:
                kind, message = slow.recv()
                if kind == ot.TEXT:
                    continue  # the schema of its lower rate
                frame = ot.parse_frame(message)
                if next_seq is not None:
                    assert frame.first_seq >= next_seq
                    lost += frame.first_seq - next_seq
                assert frame.missed == lost, (frame.missed, lost)
                for r in ot.records_of(frame, schemas[0])[::97]:
                    assert r["number"] == r["seq"]
                next_seq, got = frame.first_seq + frame.count, got + frame.count
            assert metric(p, "outpost_ws_missed_total") >= lost > 0
            assert metric(p, "outpost_ws_skips_total") > 0


@ot.test(timeout=60)
def a_client_that_takes_nothing_is_closed():
    with web("stall_timeout_s=2") as p, feed(p, "fast.tick", 20000):
        with ot.WebSocket(p.ws) as c, ot.WebSocket(p.ws) as idle:
            c.subscribe("fast.tick", rate=20)
            idle.subscribe("quiet.topic")
            ot.wait_until(lambda: metric(p, "outpost_ws_closed_total", "stalled") == 1, timeout=30,
                          what="the stalled client's end")
            idle.send_json({"ping": 1})  # one that has nothing to take is not stalled
            assert idle.recv_json()["pong"] == 1


@ot.test()
def one_client_too_many_is_refused():
    with web("max_clients=2") as p, feed(p, "fast.tick", 800):
        a, b = ot.WebSocket(p.ws), ot.WebSocket(p.ws)
        a.subscribe("fast.tick", rate=20)
        schema = a.recv_json()["schema"]
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", p.port), ot.patient(10)) as one:
                one.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
                answer = b""
                while more := one.recv(4096):
                    answer += more
            head, body = answer.split(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 5" in head, head
            assert "live clients" in ot.json.loads(body)["error"]["message"]
        records, missed = collect(a, schema, 200)
        assert missed == 0 and len(records) >= 200
        assert metric(p, "outpost_ws_refused_total") == 3
        b.close()
        ot.wait_until(lambda: metric(p, "outpost_ws_clients") == 1, what="room")
        ot.WebSocket(p.ws).close()
        a.close()


@ot.test()
def bad_messages_are_answered_and_bad_frames_end_the_connection():
    wrong = [b"{", b"[1]", b"{}", b'{"subscribe":1}', b'{"subscribe":[{}]}', b'{"subscribe":[{"topic":"../x"}]}',
             b'{"subscribe":[{"topic":"a","rate":1000}]}', b'{"subscribe":[{"topic":"a","last":-1}]}',
             b'{"subscribe":[{"topic":"a","format":"xml"}]}', b'{"unsubscribe":["b"]}', b"[" * 4000]
    with web() as p:
        with ot.WebSocket(p.ws) as c:
            for message in wrong:
                c.send(ot.TEXT, message)
                assert c.recv_json()["error"]["message"], message
            c.send(ot.BINARY, b"{}")
            assert "text" in c.recv_json()["error"]["message"]
            half = b'{"ping":12}'
            c.send(ot.TEXT, half[:5], fin=False)
            c.send(0, half[5:])
            assert c.recv_json()["pong"] == 12
            c.send(ot.PING, b"hello")
            c.subscribe("never.comes")
            c.send_json({"unsubscribe": ["never.comes"]})
            assert c.recv_json()["closed"]["reason"] == "unsubscribed"

        def ends(send, code=None):
            with ot.WebSocket(p.ws) as bad:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    send(bad)
                try:
                    while True:
                        bad.recv()
                except (ot.Closed, ConnectionResetError) as e:
                    assert code is None or isinstance(e, ConnectionResetError) or e.code in (code, None), e
        ends(lambda c: c.send(ot.TEXT, b"x" * 5000), 1009)
        ends(lambda c: [c.send(ot.TEXT, b'{"ping":1}') for _ in range(60)], 1008)
        ends(lambda c: c.send(0x0B, b""))                      # an opcode that is not known
        ends(lambda c: c.send(0x70 | ot.TEXT, b"{}"))          # reserved bits
        ends(lambda c: c.send(ot.PING, b"x" * 126))            # a control frame too long
        ot.wait_until(lambda: metric(p, "outpost_ws_clients") == 0, what="their end")
        assert metric(p, "outpost_ws_closed_total", "too_big") == 1
        assert metric(p, "outpost_ws_closed_total", "too_many") == 1


@ot.test(timeout=60)
def memory_does_not_grow_with_clients_that_come_and_go():
    def pss():
        with open(f"/proc/{p.pid}/smaps_rollup") as f:
            return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])

    def churn(n):
        for _ in range(n):
            with ot.WebSocket(p.ws) as c:
                c.subscribe("fast.tick", rate=20, last=1000)
                c.recv_json()
                c.recv_frame()
        ot.wait_until(lambda: metric(p, "outpost_ws_clients") == 0, what="their end")
    with web() as p, feed(p, "fast.tick", 800):
        churn(100)
        before = pss()
        files = len(os.listdir(f"/proc/{p.pid}/fd"))
        churn(400)
        assert len(os.listdir(f"/proc/{p.pid}/fd")) <= files + 2
        if not ot.sanitized("outpost-web"):
            assert pss() - before < 256, "memory grows"
            assert pss() < 10 * 1024


@ot.test()
def a_writer_that_is_killed_and_comes_back_is_followed():
    with web() as p:
        first = feed(p, "fast.tick", 800)
        with first, ot.WebSocket(p.ws) as c:
            c.subscribe("fast.tick", rate=20)
            schema = c.recv_json()["schema"]
            collect(c, schema, 100)
            first.signal(signal.SIGKILL)
            first.wait()
            with feed(p, "fast.tick", 800):
                records, missed = collect(c, schema, 400)
                assert missed == 0
                assert [r["seq"] for r in records] == list(range(records[0]["seq"],
                                                                 records[0]["seq"] + len(records)))


ot.main()
