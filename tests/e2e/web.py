# web.py - outpost-web as its clients see it: HTTP with good and bad manners, limits, the port in use.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import email.utils
import gzip
import http.client
import json
import os
import re
import resource
import socket
import subprocess
import time

import outpost_test as ot

PAGE = b"<!doctype html><title>page</title>" + b"x" * 4000


@contextlib.contextmanager
def web(*sets, services=("web",), base=None):
    """outpost-web alone, of an appliance with these services: its Process with .port and .bus."""
    base = base or ot.directory()
    file, root = base / "box.yaml", base / "root"
    rows = "".join(f"  {s}:\n    program: outpost-{s}\n" for s in services)
    file.write_text(f"appliance: box\nservices:\n{rows}")
    root.mkdir(exist_ok=True)
    (root / "index.html").write_bytes(PAGE)
    (root / "index.html.gz").write_bytes(gzip.compress(PAGE))
    (root / "app-3f2a9c1b.js").write_text("1;")
    (root / ".secret").write_text("hidden")
    (base / "outside.txt").write_text("outside")
    if not (root / "link.txt").is_symlink():
        (root / "link.txt").symlink_to("../outside.txt")
    port = ot.free_port()
    p = ot.Process(ot.BUILD / "outpost-web", "--appliance", file, "--service", "web", "--runtime",
                   base / "r", "--state", base / "s", "--set", f"services.web.listen=127.0.0.1:{port}",
                   "--set", f"services.web.root={root}",
                   *[a for s in sets for a in ("--set", f"services.web.{s}")])
    with p:
        p.wait_line("listening on")
        p.port, p.url, p.bus = port, f"http://127.0.0.1:{port}/", base / "r/bus"
        yield p
        assert p.stop() == 0, p.output()


def raw(port, data, timeout=10):
    """Everything the server answers to these bytes until it closes."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), ot.patient(timeout)) as s:
        with contextlib.suppress(OSError):
            s.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while chunk := s.recv(65536):
                got += chunk
    return got


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def metric(p, name, **labels):
    want = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
    for line in ot.get(p.url + "metrics").text.splitlines():
        if line.startswith(f"{name}{want} "):
            return float(line.rsplit(" ", 1)[1])
    return None


@ot.test()
def pages_have_types_tags_and_variants():
    with web() as p:
        a = ot.get(p.url)
        assert a.status == 200 and a.body == PAGE
        assert a.headers["Content-Type"] == "text/html; charset=utf-8"
        assert a.headers["Cache-Control"] == "no-cache" and "Accept-Encoding" in a.headers["Vary"]
        assert email.utils.parsedate(a.headers["Last-Modified"])
        z = ot.get(p.url, headers={"Accept-Encoding": "gzip, br"})
        assert z.headers["Content-Encoding"] == "gzip" and gzip.decompress(z.body) == PAGE
        assert z.headers["ETag"] != a.headers["ETag"]
        assert ot.get(p.url, headers={"Accept-Encoding": "gzip;q=0"}).body == PAGE
        same = ot.get(p.url, headers={"If-None-Match": f'"x", {a.headers["ETag"]}'})
        assert same.status == 304 and not same.body and same.headers["ETag"] == a.headers["ETag"]
        assert ot.get(p.url, headers={"If-None-Match": z.headers["ETag"]}).status == 200
        assert ot.get(p.url, headers={"If-Modified-Since": a.headers["Last-Modified"]}).status == 304
        head = ot.request(p.url, "HEAD")
        assert head.status == 200 and not head.body and int(head.headers["Content-Length"]) == len(PAGE)
        js = ot.get(p.url + "app-3f2a9c1b.js")
        assert js.headers["Content-Type"].startswith("text/javascript")
        assert "immutable" in js.headers["Cache-Control"]


@ot.test()
def nothing_outside_the_root_is_served():
    with web() as p:
        for path in ("/../outside.txt", "/%2e%2e/outside.txt", "/a/..%2f..%2foutside.txt", "//../outside.txt",
                     "/link.txt", "/.secret", "/%2esecret", "/etc/passwd", "//etc/passwd", "/index.html/",
                     "/index.html%2f..%2f..%2foutside.txt"):
            answer = raw(p.port, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            assert status_of(answer) == 404, (path, answer)
            assert b"outside" not in answer and b"hidden" not in answer


@ot.test()
def errors_are_json_or_a_page():
    with web() as p:
        a = ot.get(p.url + "nothing")
        assert a.status == 404 and a.json()["error"]["status"] == 404
        page = ot.get(p.url + "nothing", headers={"Accept": "text/html,*/*"})
        assert page.status == 404 and page.headers["Content-Type"].startswith("text/html")
        assert ot.get(p.url + "api/x", headers={"Accept": "text/html"}).json()["error"]["status"] == 404
        for path in ("health", ""):
            a = ot.request(p.url + path, "POST", b"x")
            assert a.status == 405, path
            assert {m.strip() for m in a.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
        a = ot.request(p.url + "health", "OPTIONS")
        assert a.status == 200 and not a.body and "GET" in a.headers["Allow"]
        a = ot.get(p.url + "ws")
        assert a.status == 426 and a.headers["Sec-WebSocket-Version"] == "13"


@ot.test()
def bad_requests_are_answered_and_closed():
    cases = [
        (b"\x16\x03\x01\x02\x00\x01", 400), (b"GET /\r\n\r\n", 400), (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505), (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000, 431), (b"GET /" + b"a" * 9000, 414),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000, 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501),
    ]
    with web() as p:
        for request, status in cases:
            answer = raw(p.port, request)
            assert status_of(answer) == status, (request[:60], answer[:200])
            head, body = answer.split(b"\r\n\r\n", 1)
            assert json.loads(body)["error"]["status"] == status and b"Connection: close" in head
        ot.wait_until(lambda: metric(p, "outpost_http_closed_total", cause="malformed") == len(cases),
                      what="the count of malformed requests")


@ot.test()
def over_the_limit_they_wait_where_that_is_set():
    with web("full_waits=true", "max_connections=8") as p:
        held = [http.client.HTTPConnection("127.0.0.1", p.port, timeout=10) for _ in range(8)]

        def metrics(c):
            c.request("GET", "/metrics")
            return c.getresponse().read()
        assert all(b"outpost_http_full_total 0\n" in metrics(c) for c in held)
        with socket.create_connection(("127.0.0.1", p.port), 30) as late:
            late.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            ot.wait_until(lambda: b"outpost_http_full_total 1\n" in metrics(held[0]), what="somebody to wait")
            held[1].close()
            answer = b"".join(iter(lambda: late.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        answer = metrics(held[0])
        assert b'cause="refused"} 0\n' in answer
        for c in held:
            c.close()


@ot.test()
def requests_may_come_in_pieces_or_many_at_once():
    one = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /health HTTP/1.0\r\n\r\n"
    with web() as p:
        answer = raw(p.port, one * 50 + last)
        assert answer.count(b'"appliance":"box"') == 51
        with socket.create_connection(("127.0.0.1", p.port), ot.patient(10)) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(one)):
                s.sendall(one[i:i + 1])
            assert s.recv(4096).startswith(b"HTTP/1.1 ")
            s.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 100 Continue\r\n")
            s.sendall(b"ab")
            assert s.recv(4096).startswith(b"HTTP/1.1 ")


@ot.test()
def slow_requests_time_out():
    with web("request_timeout_s=1") as p:
        answer = raw(p.port, b"GET / HTTP/1.1\r\nHo")
        assert status_of(answer) == 408, answer
        assert raw(p.port, b"") == b""  # never a byte: closed without a word


@ot.test(timeout=60)
def half_open_connections_lock_nobody_out():
    need = 10300
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < need:
        raise ot.Skip(f"needs {need} open files, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    with web("request_timeout_s=120") as p:  # so it is not by a time-out that they make room
        held = []
        try:
            for i in range(10000):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", p.port))
                held.append(s)
                if i % 1000 == 999:
                    began = time.monotonic()
                    assert ot.get(p.url + "health").status in (200, 503)
                    assert time.monotonic() - began < ot.patient(2)
            assert metric(p, "outpost_http_closed_total", cause="evicted") >= 9000
            assert metric(p, "outpost_http_connections") <= 512
            assert metric(p, "outpost_http_closed_total", cause="refused") == 0
        finally:
            for s in held:
                s.close()


@ot.test()
def a_port_in_use_names_who_holds_it():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port, base = s.getsockname()[1], ot.directory()
        (base / "box.yaml").write_text("appliance: box\nservices:\n  web:\n    program: outpost-web\n")
        done = ot.run(ot.BUILD / "outpost-web", "--appliance", base / "box.yaml", "--service", "web",
                      "--runtime", base / "r", "--state", base / "s", "--set",
                      f"services.web.listen=127.0.0.1:{port}")
        assert done.returncode == 78, done
        assert re.search(rf"127.0.0.1:{port} is in use by process {os.getpid()} \(python", done.stderr), done.stderr
        assert "--set services.web.listen=127.0.0.1:" in done.stderr


@ot.test()
def a_listen_host_that_cannot_be_one_is_refused_at_the_check():
    base = ot.directory()
    (base / "box.yaml").write_text("appliance: box\nservices:\n  web:\n    program: outpost-web\n")

    def check(host):
        return ot.run(ot.BUILD / "outpost-web", "--appliance", base / "box.yaml", "--check", "--runtime", base / "r",
                      "--state", base / "s", "--set", f"services.web.listen={host}:5000")
    for host in ("1.2.3.4.5", "1.2.3.256", "a..b", "-a.b", "a" * 64):
        done = check(host)
        assert done.returncode == 78, (host, done)
        said = f'"{host}" is neither an address nor a name of a host'
        assert "services.web.listen" in done.stderr and said in done.stderr, (host, done)
    for host in ("1.2.3.4", "[::1]", "[fe80::1%eth0]", "pi.local", "0.0.0.0", ""):
        done = check(host)
        assert done.returncode == 0 and not done.stderr, (host, done)


@ot.test()
def a_service_that_has_just_come_is_not_absent():
    names = [f"late{i}" for i in range(5)]
    with web(services=["web", *names]) as p:
        with ot.Process(ot.BUILD / "tests/e2e/test-writer", p.bus, stdin=subprocess.PIPE) as w:
            for i, name in enumerate(names):
                w.proc.stdin.write(f"open status status.{name}\nstate status.{name} ready\n".encode())
                w.proc.stdin.flush()
                ot.wait_until(lambda: len(w.output()) == 2 * (i + 1), 10, "it is written")
                asked = ot.Deadline(0.15)  # an answer is kept for 0.1 s
                ot.wait_until(asked.over, 5, "a new answer")
                assert ot.get(p.url + "health").json()["services"][name]["state"] == "ready", name
            w.proc.stdin.close()
            w.wait()


@ot.test()
def health_follows_the_services():
    with web(services=("web", "pbt")) as p:
        a = ot.get(p.url + "health")
        assert a.status == 503 and a.json()["status"] == "failed"
        assert a.json()["services"]["pbt"]["state"] == "absent"
        with ot.Process(ot.BUILD / "tests/e2e/test-writer", p.bus, stdin=subprocess.PIPE) as w:
            def tell(line):
                n = len(w.output())
                w.proc.stdin.write((line + "\n").encode())
                w.proc.stdin.flush()
                w.wait_line("^ok", after=n)

            def becomes(status, word):
                ot.wait_until(lambda: (a := ot.get(p.url + "health")).status == status and
                              a.json()["status"] == word, what=f"{status} {word}", timeout=5)
            tell("open status status.pbt")
            tell("state status.pbt ready")
            becomes(200, "ok")
            tell("state status.pbt degraded board is missing")
            becomes(200, "degraded")
            assert ot.get(p.url + "health").json()["services"]["pbt"]["reason"] == "board is missing"
            tell("state status.pbt restarting died")
            becomes(503, "failed")
            tell("state status.pbt ready")
            becomes(200, "ok")
            tell("silent status.pbt ready")
            becomes(503, "failed")  # three seconds without a sign of life
            assert ot.get(p.url + "health").json()["services"]["pbt"]["state"] == "silent"
            tell("state status.pbt ready")
            becomes(200, "ok")
        becomes(503, "failed")  # the writer is gone
        assert ot.get(p.url + "health").json()["services"]["pbt"]["state"] == "dead"


@ot.test()
def metrics_and_topics_tell_what_is_there():
    with web() as p:
        topics = {t["topic"]: t for t in ot.get(p.url + "api/topics").json()["topics"]}
        own = topics["status.web"]
        assert own["writer"] == p.pid and own["state"] == "live" and own["max_age_ms"] == 3000
        assert [f["name"] for f in own["schema"]["fields"]][:2] == ["since_boot_ns", "records"]
        assert ot.get(p.url + "status").json()["services"]["web"]["pid"] == p.pid
        sample = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\.)*",?)*\})? \S+$')
        seen = set()
        for line in ot.get(p.url + "metrics").text.splitlines():
            if line.startswith("# TYPE "):
                name = line.split()[2]
                assert name not in seen, f"{name} comes twice"
                seen.add(name)
            elif not line.startswith("#"):
                assert sample.match(line), line
                float(line.rsplit(" ", 1)[1])
                assert re.split(r"[{ ]", line)[0] in seen, line
        assert metric(p, "outpost_service_up", service="web") == 1
        assert metric(p, "outpost_service_pid", service="web") == p.pid
        assert metric(p, "outpost_topic_live", topic="status.web") == 1


@ot.test()
def a_token_guards_all_but_health():
    with web("token=open sesame") as p:
        assert ot.get(p.url + "health").status in (200, 503)
        assert ot.get(p.url + "nothing").status == 404
        assert ot.get(p.url).status == 200  # the page, which asks for it
        for path in ("status", "metrics", "api/topics", "ws"):
            a = ot.get(p.url + path)
            assert a.status == 401 and a.headers["WWW-Authenticate"] == "Bearer", path
        for wrong in ("open sesam", "open sesame2", "", "xpen sesame"):
            assert ot.get(p.url + "status", headers={"Authorization": "Bearer " + wrong}).status == 401
        assert ot.get(p.url + "status", headers={"Authorization": "Bearer open sesame"}).status == 200
        for cookie, status in (("outpost-token=open%20sesame", 200), ("a=b; outpost-token=open%20sesame; c", 200),
                               ("outpost-token=open sesame", 401), ("outpost-token=open%2", 401), ("outpost-token", 401),
                               ("outpost-token=" + "x" * 4000, 401), ("xoutpost-token=open%20sesame", 401), ("", 401)):
            assert ot.get(p.url + "status", headers={"Cookie": cookie}).status == status, cookie
        both = {"Cookie": "outpost-token=open%20sesame", "Authorization": "Bearer no"}
        assert ot.get(p.url + "status", headers=both).status == 401


ot.main()
