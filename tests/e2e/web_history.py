# web_history.py - the past over HTTP (outpost-http(7)): charts, exports, limits, and what they leave alone.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import concurrent.futures
import contextlib
import csv
import datetime
import gzip
import http.client
import io
import json
import math
import os
import pathlib
import socket
import subprocess
import threading
import time

import outpost_test as ot

BEGAN = int(time.time()) // 3600 * 3600 - 86400  # a full hour of yesterday


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds") \
        .replace("+00:00", "Z")


def make(records, hz, began=BEGAN, at=None):
    """A history database of `records` points of topic fast, and of slow one each second."""
    path = pathlib.Path(at or ot.directory() / "s/history.db")
    path.parent.mkdir(parents=True, exist_ok=True)
    done = ot.run(ot.BUILD / "tests/e2e/history_make", path, began, records, hz, timeout=60)
    assert done.returncode == 0, done.stderr
    return path


@contextlib.contextmanager
def web(*sets, services=("web",)):
    base = ot.directory()
    rows = "".join(f"  {s}:\n    program: outpost-{s}\n" for s in services)
    (base / "box.yaml").write_text(f"appliance: box\nservices:\n{rows}")
    port = ot.free_port()
    with ot.Process(ot.BUILD / "outpost-web", "--appliance", base / "box.yaml", "--service", "web", "--runtime",
                    base / "r", "--state", base / "s", "--set", f"services.web.listen=127.0.0.1:{port}",
                    *[a for s in sets for a in ("--set", f"services.web.{s}")]) as p:
        p.wait_line("listening on")
        p.port, p.url, p.bus = port, f"http://127.0.0.1:{port}/", base / "r/bus"
        p.fast, p.slow = p.url + "api/topics/fast/", p.url + "api/topics/slow/"
        yield p
        assert p.stop() == 0, p.output()


def metric(p, name, **labels):
    want = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
    for line in ot.get(p.url + "metrics").text.splitlines():
        if line.startswith(f"{name}{want} "):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no metric {name}{want}")


def message(answer):
    return answer.json()["error"]["message"]


def rests(p):
    """Nothing is worked on, waits, or is open."""
    return all(metric(p, f"outpost_history_{what}") == 0 for what in ("working", "waiting", "exports"))


# ---- what is answered ----------------------------------------------------------------------


@ot.test()
def without_a_database_the_answer_says_why():
    with web() as p:
        kept = ot.get(p.url + "api/history")
        assert kept.status == 200 and kept.json() == {"recorder": None, "topics": []}
        for path in ("history", "export"):
            a = ot.get(p.fast + path)
            assert a.status == 404 and "recorder is not part of this appliance" in message(a), a.body
    with web(services=("web", "recorder")) as p:
        assert ot.get(p.url + "api/history").json()["recorder"]["state"] == "absent"
        assert "stored nothing yet" in message(ot.get(p.fast + "history"))
        assert ot.get(p.url + "health").json()["services"]["recorder"]["state"] == "absent"


@ot.test()
def the_list_tells_what_is_kept():
    make(7200, 2)
    with web() as p:
        topics = {t["topic"]: t for t in ot.get(p.url + "api/history").json()["topics"]}
        assert sorted(topics) == ["fast", "slow"]
        fast, slow = topics["fast"], topics["slow"]
        assert (fast["kind"], slow["kind"]) == ("chunks", "rows")
        assert {"name": "x", "unit": "m", "help": "half the number"} in fast["fields"]
        assert "note" not in [f["name"] for f in fast["fields"]]  # chunks keep no text
        assert "note" in [f["name"] for f in slow["fields"]]
        assert fast["from"] == fast["raw_from"] == stamp(BEGAN) and fast["clock"] == "set"
        assert fast["to"] == stamp(BEGAN + 3599.5) and slow["to"] == stamp(BEGAN + 3599)


@ot.test()
def points_are_those_of_the_records():
    make(7200, 2)
    with web() as p:
        span = f"from={BEGAN}&to={BEGAN + 3600}"
        a = ot.get(f"{p.fast}history?{span}&points=61&fields=n,x").json()
        assert a["topic"] == "fast" and a["clock"] == "set"
        assert a["fields"] == [{"name": "n", "unit": ""}, {"name": "x", "unit": "m"}]
        assert (a["from"], a["to"]) == (BEGAN * 1000, (BEGAN + 3600) * 1000) and a["damaged"] == 0
        assert len(a["t"]) == 60 and a["n"] == [120] * 60 and (a["bucket_ms"], a["level"]) == (60000, "1min"), a
        assert a["t"] == [(BEGAN + 60 * i) * 1000 for i in range(60)]
        assert a["min"]["n"] == [120 * i for i in range(60)]
        assert a["max"]["x"] == [(120 * i + 119) / 2 for i in range(60)]
        assert all(math.isclose(m, 120 * i + 59.5) for i, m in enumerate(a["mean"]["n"]))
        each = ot.get(f"{p.fast}history?from={stamp(BEGAN + 10)}&to={stamp(BEGAN + 15)}&points=100&fields=n").json()
        assert each["bucket_ms"] == 0 and each["level"] == "raw" and each["min"]["n"] == list(range(20, 30))
        none = ot.get(f"{p.fast}history?from=1000&to=2000").json()
        assert none["t"] == [] and set(none["min"]) == {"x", "level", "n", "raw", "mode"}


@ot.test()
def what_is_past_may_be_kept_by_the_client():
    make(7200, 2)
    with web() as p:
        past = f"{p.fast}history?from={BEGAN}&to={BEGAN + 3600}&points=500"
        a = ot.get(past)
        assert "max-age=600" in a.headers["Cache-Control"] and "Accept-Encoding" in a.headers["Vary"]
        same = ot.get(past, headers={"If-None-Match": f'"x", {a.headers["ETag"]}'})
        assert same.status == 304 and not same.body and same.headers["ETag"] == a.headers["ETag"]
        z = ot.get(past, headers={"Accept-Encoding": "gzip"})
        assert z.headers["Content-Encoding"] == "gzip" and gzip.decompress(z.body) == a.body
        assert len(z.body) < len(a.body) / 3 and z.headers["ETag"] != a.headers["ETag"]
        for span in ("from=-2d&to=-20h", f"from={BEGAN}", "from=-7d", f"from={BEGAN}&to=now", ""):
            a = ot.get(f"{p.fast}history?{span}")
            assert a.status == 200 and a.headers["Cache-Control"] == "no-cache" and a.headers["ETag"], span
        head = ot.request(past, "HEAD")
        assert head.status == 200 and not head.body and int(head.headers["Content-Length"]) > 1000


@ot.test()
def exports_hold_every_record():
    make(20000, 100)
    with web() as p:
        a = ot.get(f"{p.fast}export")
        assert a.status == 200 and a.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert a.headers["Content-Disposition"].startswith('attachment; filename="fast_')
        assert a.headers["Transfer-Encoding"] == "chunked" and a.headers["Cache-Control"] == "no-store"
        rows = list(csv.DictReader(io.StringIO(a.text)))
        assert [int(r["n"]) for r in rows] == list(range(20000))
        assert rows[150]["time"].startswith(stamp(BEGAN + 1.5)[:-1]) and float(rows[150]["x"]) == 75
        lines = [json.loads(line) for line in ot.get(
            f"{p.fast}export?format=jsonl&fields=raw,n&from={BEGAN + 10}&to={BEGAN + 20}").text.splitlines()]
        assert [r["n"] for r in lines] == list(range(1000, 2000)) and "x" not in lines[0]
        newest = ot.get(f"{p.slow}export?format=jsonl&order=desc&limit=3")
        assert newest.headers["Content-Type"] == "application/x-ndjson"
        assert [json.loads(line)["n"] for line in newest.text.splitlines()] == [199, 198, 197]
        assert json.loads(newest.text.splitlines()[0])["note"] == 'a "remark"'
        seconds = list(csv.DictReader(io.StringIO(ot.get(f"{p.fast}export?level=1s&fields=n").text)))
        assert [int(r["n.max"]) for r in seconds] == list(range(99, 20000, 100))
        assert metric(p, "outpost_history_exported_records_total") == 20000 + 1000 + 3 + 200
        assert metric(p, "outpost_history_asked_total", what="export") == 4
        ot.wait_until(lambda: rests(p), what="rest")


@ot.test()
def old_clients_and_head_are_served():
    make(20000, 100)
    with web() as p:
        whole = ot.get(f"{p.fast}export").body
        with socket.create_connection(("127.0.0.1", p.port), ot.patient(10)) as s:
            s.sendall(b"GET /api/topics/fast/export HTTP/1.0\r\n\r\n")
            got = b"".join(iter(lambda: s.recv(65536), b""))
        head, body = got.split(b"\r\n\r\n", 1)
        assert body == whole and b"Connection: close" in head and b"chunked" not in head
        head = ot.request(f"{p.fast}export", "HEAD")
        assert head.status == 200 and not head.body and "attachment" in head.headers["Content-Disposition"]
        ot.wait_until(lambda: rests(p), what="what HEAD opened is let go")


@ot.test()
def mistakes_are_named():
    make(200, 2)
    wrong = [
        ("history?from=yesterday", "from=yesterday: expected a time"), ("history?to=1x", "to=1x: expected a time"),
        ("history?from=now&to=-1h", "from: expected a time before"),
        ("history?points=0", "points=0: expected an integer from 1"),
        ("history?points=10001", "to 10000"), ("history?points=-1", "points=-1: expected"),
        ("history?form=-1h", 'form: unknown parameter (did you mean "from"?)'), ("history?level=1", "level: unknown"),
        ("history?fields=n,y", "fields: "), ("export?format=xml", "format=xml: expected csv or jsonl"),
        ("export?order=up", "order=up: expected asc or desc"), ("export?level=4", "level=4: expected an integer"),
        ("export?limit=many", "limit=many: expected"), ("export?fields=y", "fields: "),
        ("export?order=desc", "order=desc: expected asc"), ("export?fields=" + "n," * 1000, "fields: longer than"),
        ("history?from=%00", "from: a % must be"), ("history?to=now%0", "to: a % must be"),
        ("history?from=-2h&from=-1h", "from: given twice"), ("export?format=csv&limit=1&format=jsonl", "format: given twice"),
        ("export?limit=&limit=2", "limit: given twice"),
    ]
    with web() as p:
        for query, said in wrong:
            a = ot.get(p.fast + query)
            assert a.status == 400 and said in message(a), (query, a.body)
        a = ot.get(p.url + "api/topics/fats/history")
        assert a.status == 404 and "fast" in message(a), a.body
        assert ot.get(p.url + "api/topics/" + "a" * 100 + "/export").status == 404
        assert ot.get(p.url + "api/history?x=1").status == 400
        assert ot.get(p.fast + "history?from=&to=&points=&fields=").status == 200
        assert ot.request(p.fast + "history", "POST", b"x").status == 405


# ---- what it leaves alone ------------------------------------------------------------------


class Reader:
    """A client of an export that reads only when told."""

    def __init__(self, p, query="export"):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(ot.patient(20))
        self.sock.connect(("127.0.0.1", p.port))
        self.sock.sendall(f"GET /api/topics/fast/{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        self.answer = http.client.HTTPResponse(self.sock)
        self.answer.begin()

    def close(self):
        self.answer.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.close()


@ot.test(timeout=90)
def slow_exports_hold_up_nobody():
    make(500000, 100)
    with web() as p, contextlib.ExitStack() as stack:
        readers = [stack.enter_context(Reader(p)) for _ in range(4)]
        assert [r.answer.status for r in readers] == [200] * 4
        ot.wait_until(lambda: metric(p, "outpost_history_working") == 0, what="all of them wait for their clients")
        assert metric(p, "outpost_history_exports") == 4
        a = ot.get(p.fast + "export")
        assert a.status == 503 and int(a.headers["Retry-After"]) > 0 and "exports" in message(a)
        for _ in range(20):
            assert ot.get(f"{p.fast}history?from={BEGAN}&to={BEGAN + 5000}").status == 200
        lines = readers[0].answer.read().count(b"\n")
        assert lines == 500001, lines
        readers[1].close()
        readers[2].close()
        ot.wait_until(lambda: metric(p, "outpost_history_exports") == 1, what="those that left are let go")
        assert metric(p, "outpost_history_ended_total", how="left") == 2
        assert ot.get(p.slow + "export").status == 200
        last = readers[3].answer.read()
        assert last.count(b"\n") == 500001 and last.endswith(b"\r\n")


@ot.test(timeout=90)
def a_client_that_takes_nothing_is_closed():
    make(500000, 100)
    with web("stall_timeout_s=1") as p, Reader(p) as r:
        ot.wait_until(lambda: metric(p, "outpost_http_closed_total", cause="timeout") == 1, what="the time-out")
        ot.wait_until(lambda: rests(p), what="rest")
        try:
            whole = r.answer.read()
        except (http.client.IncompleteRead, ConnectionResetError):
            whole = None
        assert whole is None


@ot.test(timeout=90)
def a_trickle_makes_room():
    make(500000, 100)
    stop = threading.Event()

    def trickle(r):
        with contextlib.suppress(OSError):
            while not stop.wait(0.1) and r.sock.recv(512):
                pass
    with web("stall_timeout_s=2") as p, contextlib.ExitStack() as stack, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        readers = [stack.enter_context(Reader(p)) for _ in range(4)]
        reading = [pool.submit(trickle, r) for r in readers]
        try:
            a = ot.wait_until(lambda: (a := ot.get(p.slow + "export")).status == 200 and a, 40, "a place", every=0.2)
            assert a.text.startswith("seq,boot_ns,time,")
            ot.wait_until(lambda: metric(p, "outpost_history_ended_total", how="slow") == 1, what="the count")
            assert metric(p, "outpost_http_closed_total", cause="cut") == 1
        finally:
            stop.set()
        for r in reading:
            r.result()


@ot.test(timeout=90)
def questions_beyond_the_limit_are_refused():
    make(1000000, 100)
    span = f"history?from={BEGAN}&to={BEGAN + 10000}&points=10000"
    with web() as p:
        def ask(_):
            return ot.get(p.fast + span, timeout=60).status
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            found = list(pool.map(ask, range(120)))
        assert set(found) <= {200, 503} and found.count(200) >= 18, found
        assert metric(p, "outpost_history_ended_total", how="refused") == found.count(503)
        assert metric(p, "outpost_history_ended_total", how="answered") == found.count(200)
        assert rests(p)


@ot.test(timeout=120)
def live_frames_go_on_beside_queries():
    make(2000000, 400)
    stop = threading.Event()
    with web() as p:
        feed = ot.Process(ot.BUILD / "tests/test-web-feed", p.bus, "live.tick", 800, stdin=subprocess.PIPE)

        counts = [0] * 4

        def ask(i, path):
            while not stop.is_set():
                a = ot.get(p.fast + path, timeout=60)
                counts[i] += a.status == 200 and len(a.body) > 0
        with feed, ot.WebSocket(p.url.replace("http", "ws") + "ws") as c, \
                concurrent.futures.ThreadPoolExecutor(4) as pool:
            feed.wait_line("^ok")
            c.subscribe("live.tick", rate=20)
            c.recv_json()
            paths = [f"history?from={BEGAN}&to={BEGAN + 5000}&points=2000"] * 2 + \
                [f"export?limit=200000&format={f}" for f in ("csv", "jsonl")]
            asked = [pool.submit(ask, i, path) for i, path in enumerate(paths)]
            frames, records, first, gap, last = 0, 0, None, 0, time.monotonic()
            while records < 5 * 800 * 0.8 or frames < 5 * 20 * 0.8 or min(counts) < 1:
                frame = c.recv_frame(10)
                now = time.monotonic()
                first = frame.first_seq if first is None else first
                gap, last, frames, records = max(gap, now - last), now, frames + 1, records + frame.count
                assert frame.missed == 0 and frame.first_seq == first + records - frame.count
            stop.set()
            for f in asked:
                f.result()
        assert gap < ot.patient(1), (frames, gap)


@ot.test(timeout=90)
def it_stays_small_and_lets_the_database_go():
    make(3000000, 400)
    with web() as p:
        def pss_kib():
            for line in pathlib.Path(f"/proc/{p.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1])

        def opened():
            found = 0
            for fd in os.listdir(f"/proc/{p.pid}/fd"):
                with contextlib.suppress(OSError):
                    found += "history.db" in os.readlink(f"/proc/{p.pid}/fd/{fd}")
            return found
        assert opened() == 0  # nobody has asked yet
        most, lines = 0, 0
        with Reader(p, "export?fields=n,x") as r:
            while chunk := r.answer.read(4 << 20):
                lines += chunk.count(b"\n")
                most = max(most, pss_kib())
        assert lines == 3000001 and opened() >= 1
        for _ in range(3):
            assert ot.get(f"{p.fast}history?from=0&points=10000").status == 200
            most = max(most, pss_kib())
        if not ot.sanitized("outpost-web"):
            assert most < 16 * 1024, f"{most} KiB"
        ot.wait_until(lambda: opened() == 0, timeout=30, what="the database is closed")
        assert ot.get(p.fast + "history?from=0").status == 200  # and opened again


@ot.test()
def a_database_begun_anew_is_found():
    path = make(200, 2)
    with web() as p:
        assert len(ot.get(f"{p.fast}history?from=0").json()["t"]) > 0
        path.rename(path.with_suffix(".damaged-1"))
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                pathlib.Path(f"{path}{end}").unlink()
        assert ot.get(f"{p.fast}history?from=0").status == 404
        make(400, 2, at=path)
        assert sum(ot.get(f"{p.fast}history?from=0").json()["n"]) == 400
        path.unlink()
        path.write_bytes(os.urandom(65536))
        a = ot.get(f"{p.fast}history?from=0")
        assert a.status == 503 and int(a.headers["Retry-After"]) > 0, a.body
        assert ot.get(p.url + "health").status == 200


@ot.test(timeout=60)
def it_stops_at_once_in_the_midst_of_it():
    make(1000000, 100)
    with web() as p, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(Reader(p))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            def ask(_):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    ot.get(f"{p.fast}history?from={BEGAN}&to={BEGAN + 10000}&points=10000", timeout=20)
            asked = [pool.submit(ask, i) for i in range(8)]
            began = time.monotonic()
            assert p.stop(timeout=10) == 0
            assert time.monotonic() - began < ot.patient(5)
            for a in asked:
                a.result()


# ---- with the recorder ---------------------------------------------------------------------


@ot.test(timeout=90)
def what_the_recorder_keeps_is_there():
    with ot.Outpost("sensorhub", sets=["services.recorder.keep.0.commit_s=1"]) as box:
        kept = box.url + "api/history"
        samples = ot.wait_until(lambda: {t["topic"]: t for t in ot.get(kept).json()["topics"] if t["from"]}
                                .get("pbt.sample"), 30, "samples in store", every=0.1)
        assert samples["kind"] == "chunks" and {f["name"] for f in samples["fields"]} == {"raw", "baseline", "envelope"}
        recorder = ot.wait_until(lambda: (r := ot.get(kept).json()["recorder"])["status"] == "ok" and r, 30, "a recorder")
        assert recorder["service"] == "recorder"
        assert ot.get(box.url + "health").json()["services"]["recorder"]["status"] == "ok"
        topic = box.url + "api/topics/pbt.sample/"
        chart = ot.wait_until(lambda: (a := ot.get(topic + "history?from=-1m&points=100&fields=raw").json())["n"] and
                              sum(a["n"]) > 400 and a, 30, "points")
        assert 0 <= min(chart["min"]["raw"]) <= max(chart["max"]["raw"])
        rows = list(csv.DictReader(io.StringIO(ot.get(topic + "export?fields=raw").text)))
        sequence = [int(r["seq"]) for r in rows]
        assert len(rows) >= sum(chart["n"]) and sequence == list(range(sequence[0], sequence[0] + len(rows)))
        assert "outpost_service_up{service=\"recorder\"} 1" in ot.get(box.url + "metrics").text


@ot.test()
def what_the_recorder_holds_is_written_when_asked():
    def moment(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    with ot.Outpost("sensorhub", sets=["services.recorder.keep.0.commit_s=3600"]) as box:
        def newest():
            topics = {t["topic"]: t["to"] for t in ot.get(box.url + "api/history").json()["topics"]}
            return moment(topics["pbt.sample"]) if topics.get("pbt.sample") else 0

        def now():
            return moment(ot.get(box.url + "health").json()["time"])
        flush = box.url + "api/history/flush"
        ot.wait_until(newest, 30, "the first commit")
        ot.wait_until(lambda: now() - newest() > 3, 30, "what is not on disk yet")
        asked = now()
        answer = ot.request(flush, method="POST")
        assert (answer.status, answer.json()) == (200, None), answer.text
        assert newest() > asked - 2, f"asked at {asked}, on disk to {newest()}"
        answer = ot.request(flush, method="POST")  # too soon: nothing is done
        assert (answer.status, answer.json()) == (200, None), answer.text
        assert ot.get(flush).status == 405
    with web() as p:
        answer = ot.request(p.url + "api/history/flush", method="POST")
        assert answer.status == 404 and "no recorder" in message(answer), answer.text


ot.main()
