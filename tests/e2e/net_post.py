# net_post.py - lib/net's requests against real servers, over real sockets: what people run and what
# goes wrong with it.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import email.utils
import json
import os
import subprocess
import time

import outpost_test as ot
import receivers as rx

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Client:
    """tests/e2e/net_client.c; every request is numbered."""

    def __init__(self, **env):
        clean = {p: "" for names in PROXIES for p in (names, names.upper())}
        for name in clean:
            os.environ.pop(name, None)
        self.p = ot.Process(ot.BUILD / "tests/e2e/net_client", env=env, stdin=subprocess.PIPE)
        self.n = 0

    def ask(self, url, **options):
        self.n += 1
        self.line({"id": self.n, "url": url, **options})
        return self.n

    def line(self, value):
        self.p.proc.stdin.write(json.dumps(value).encode() + b"\n")
        self.p.proc.stdin.flush()

    def result(self, number, timeout=15):
        return json.loads(self.p.wait_line(rf'"id":{number}\b.*', timeout).string)

    def __call__(self, url, **options):
        return self.result(self.ask(url, **options))

    def end(self):
        """Closes; nothing may be left open."""
        self.p.proc.stdin.close()
        assert self.p.wait() == 0, self.p.output()
        assert json.loads(self.p.output("out")[-1]) == {"left_open": 0}, self.p.output()[-3:]


@contextlib.contextmanager
def client(**env):
    c = Client(**env)
    with c.p:
        yield c
        c.end()


@ot.test()
def a_post_arrives_as_it_was_given():
    with rx.Receiver({"/hook": rx.says(200, b"taken")}) as r, client() as c:
        done = c(r.url("/hook?token=x"), body="grüß" * 1000, content_type="application/json",
                 fields=["Idempotency-Key: abc", "X-Two: 2"])
        assert (done["error"], done["status"], done["answer"]) == (0, 200, "taken"), done
        got, = r.got
        assert (got.method, got.path, got.body.decode()) == ("POST", "/hook?token=x", "grüß" * 1000)
        assert got.headers["Content-Type"] == "application/json" and got.headers["X-Two"] == "2"
        assert got.headers["Idempotency-Key"] == "abc" and got.headers["User-Agent"].startswith("outpost/")
        assert got.headers["Expect"] is None and got.headers["Host"] == f"localhost:{r.port}"


@ot.test()
def methods_and_empty_bodies():
    with rx.Receiver() as r, client() as c:
        for method, body in (("GET", None), ("POST", None), ("PUT", "x"), ("DELETE", None)):
            assert c(r.url("/m"), method=method, **({"body": body} if body else {}))["status"] == 204
        assert [(g.method, g.body) for g in r.got] == [("GET", b""), ("POST", b""), ("PUT", b"x"), ("DELETE", b"")]
        assert all(g.headers["Content-Type"] is None for g in r.got)


@ot.test()
def the_status_is_the_receivers():
    codes = (200, 201, 202, 299, 400, 404, 408, 410, 413, 425, 429, 500, 503)
    with rx.Receiver({f"/{s}": s for s in codes}) as r, client() as c:
        for status in codes:
            done = c(r.url(f"/{status}"))
            assert (done["error"], done["status"]) == (0, status), done
            assert done["message"] == f"http://localhost:{r.port}: HTTP {status}", done


@ot.test()
def retry_after_is_understood():
    def dated(clock, wait):
        def act(handler, got):
            handler.date_time_string = lambda timestamp=None: email.utils.formatdate(clock, usegmt=True)
            rx.answer(handler, 503, Retry_After=email.utils.formatdate(clock + wait, usegmt=True))
        return act
    now = time.time()
    cases = {"/s": ("17", 17), "/none": ("", 0), "/junk": ("soon", 0), "/minus": ("-5", 0),
             "/year": ("31536000", 86400), "/huge": ("99999999999999999999999", 86400)}
    answers = {p: rx.says(429, Retry_After=text) for p, (text, _) in cases.items()}
    answers |= {"/date": dated(now, 90), "/past": dated(now, -90), "/1970": dated(1000, 60)}
    want = {p: s for p, (_, s) in cases.items()} | {"/date": 90, "/past": 0, "/1970": 60}
    with rx.Receiver(answers) as r, client() as c:
        for path, seconds in want.items():
            assert c(r.url(path))["retry_after_s"] == seconds, path


@ot.test()
def the_answer_is_bounded():
    def endless(handler, got):
        handler.send_response(200)
        handler.end_headers()
        while not handler.server.receiver.over.is_set():
            handler.wfile.write(b"x" * 65536)
    with rx.Receiver({"/4k": rx.says(500, b"y" * 5000), "/endless": endless}) as r, client() as c:
        done = c(r.url("/4k"))
        assert done["status"] == 500 and done["answer"] == "y" * 4096
        done = c(r.url("/endless"))
        assert (done["error"], done["status"], done["answer"]) == (0, 200, "x" * 4096), done


@ot.test()
def silence_ends_by_itself():
    def dribbles(handler, got):
        """A byte each 50 ms for two seconds: slow, but not silent."""
        handler.send_response(200)
        handler.send_header("Content-Length", "40")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b".")
            handler.server.receiver.over.wait(0.05)
    with rx.Receiver({"/hang": rx.hangs, "/dribble": dribbles}) as r, client() as c:
        done = c(r.url("/hang"), read_timeout_ms=300)
        assert done["error_text"] == "ETIMEDOUT" and 290 < done["took_ms"] < 20000, done
        assert done["message"].endswith("silent for 0.3 s"), done
        done = c(r.url("/dribble"), read_timeout_ms=1800)
        assert (done["error"], done["answer"]) == (0, "." * 40), done
        done = c(r.url("/dribble"), read_timeout_ms=1800, total_timeout_ms=400)
        assert done["error_text"] == "ETIMEDOUT" and done["message"].endswith("no end within 0.4 s"), done


@ot.test()
def what_cannot_be_reached():
    with rx.Silent() as silent, client() as c:
        done = c(f"http://127.0.0.1:{ot.free_port()}/x")
        assert done["error_text"] == "ECONNREFUSED", done
        assert "no connection: Connection refused" in done["message"], done
        done = c(f"http://127.0.0.1:{silent.port}/x", connect_timeout_ms=300)
        assert done["error_text"] == "ETIMEDOUT" and "no connection within 0.3 s" in done["message"], done
        done = c("http://nobody.invalid/x")
        assert done["error_text"] == "EHOSTUNREACH" and "nobody.invalid" in done["message"], done


@ot.test()
def a_reset_is_an_error_wherever_it_comes():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    with rx.Receiver({"/head": rx.resets(), "/body": rx.resets(head + b"half"),
                      "/line": rx.resets(b"HTTP/1.1 20")}) as r, client() as c:
        for path in ("/head", "/body", "/line"):
            done = c(r.url(path))
            assert done["error_text"] == "ECONNRESET", (path, done)


@ot.test()
def a_server_that_is_none_is_an_error():
    def garbage(handler, got):
        handler.wfile.write(b"\x16\x03\x01 what is this?\r\n\r\n")
        handler.close_connection = True
    with rx.Receiver({"*": garbage}) as r, client() as c:
        done = c(r.url("/x"))
        assert done["error"] < 0 and done["status"] in (0, 200), done


@ot.test()
def redirects_are_followed_as_asked():
    with rx.Receiver() as r, client() as c:
        r.answers |= {"/302": rx.says(302, Location=r.url("/end")), "/303": rx.says(303, Location="/end"),
                      "/307": rx.says(307, Location="/end"), "/loop": rx.says(302, Location="/loop"),
                      "/ftp": rx.says(302, Location="ftp://localhost/x"),
                      "/file": rx.says(302, Location="file:///etc/passwd")}
        assert c(r.url("/302"), body="x")["status"] == 302
        for path, method, body in (("/302", "GET", b""), ("/303", "GET", b""), ("/307", "POST", b"x")):
            assert c(r.url(path), body="x", max_redirects=3)["status"] == 204
            assert (r.got[-1].method, r.got[-1].path, r.got[-1].body) == (method, "/end", body), path
        assert c(r.url("/303"), method="PUT", body="x", max_redirects=3)["status"] == 303
        seen = len(r.got)
        assert c(r.url("/loop"), max_redirects=3)["error_text"] == "ELOOP"
        assert len(r.got) == seen + 4
        for path in ("/ftp", "/file"):
            done = c(r.url(path), max_redirects=3)
            assert done["error_text"] == "EPROTO" and "passwd" not in done["message"] + done["answer"], done


@ot.test(timeout=60)
def certificates_are_verified():
    ca = rx.Authority(ot.directory())
    stranger_dir = ot.directory() / "stranger"
    stranger_dir.mkdir()
    stranger = rx.Authority(stranger_dir)
    with rx.Receiver(tls=ca.sign()) as good, rx.Receiver(tls=ca.sign("other.example")) as wrong, \
            rx.Receiver(tls=ca.sign(expired=True)) as old, rx.Receiver(tls=stranger.sign()) as foreign, \
            client() as c:
        assert c(good.url("/x"), ca_file=str(ca.file), body="x")["status"] == 204
        for server, ca_file, word in ((good, None, "certificate"), (foreign, ca.file, "certificate"),
                                      (wrong, ca.file, "host name"), (old, ca.file, "expired")):
            done = c(server.url("/x?secret"), body="x", **({"ca_file": str(ca_file)} if ca_file else {}))
            assert done["error_text"] == "EKEYREJECTED" and word in done["message"], done
            assert "secret" not in done["message"] and "/x" not in done["message"], done
        assert not wrong.got and not old.got and not foreign.got and len(good.got) == 1
        done = c(good.url("/x"), ca_file=str(ot.directory() / "none.pem"))
        assert done["error"] < 0, done


@ot.test(timeout=60)
def nothing_encrypted_goes_on_in_the_clear():
    ca = rx.Authority(ot.directory())
    with rx.Receiver() as plain, rx.Receiver(tls=ca.sign()) as tls, client() as c:
        tls.answers["/down"] = rx.says(307, Location=plain.url("/end"))
        plain.answers["/up"] = rx.says(307, Location=tls.url("/end"))
        done = c(tls.url("/down"), body="x", max_redirects=3, ca_file=str(ca.file))
        assert done["error_text"] == "EPROTO" and not plain.got, done
        assert c(plain.url("/up"), body="x", max_redirects=3, ca_file=str(ca.file))["status"] == 204


@ot.test(timeout=60)
def proxies_of_the_environment_are_used():
    ca = rx.Authority(ot.directory())
    with rx.Proxy() as proxy, rx.Receiver() as plain, rx.Receiver(tls=ca.sign()) as tls:
        for env in ({"http_proxy": proxy.url}, {"HTTP_PROXY": proxy.url}, {"ALL_PROXY": proxy.url}):
            with client(**env) as c:
                assert c(plain.url("/p"), body="x")["status"] == 204, env
            assert proxy.asked.pop().startswith(f"POST http://localhost:{plain.port}/p "), env
        with client(HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url, NO_PROXY="elsewhere.example") as c:
            done = c(tls.url("/p"), body="x", ca_file=str(ca.file), fields=["Authorization: Bearer t"])
            assert done["status"] == 204, done
        assert proxy.asked.pop().startswith(f"CONNECT localhost:{tls.port} ")
        with client(HTTP_PROXY=proxy.url, NO_PROXY="localhost") as c:
            assert c(plain.url("/p"), body="x")["status"] == 204
        assert not proxy.asked


@ot.test()
def what_is_not_a_url_is_refused_at_once():
    with client() as c:
        for url in ("ftp://localhost/x", "file:///etc/passwd", "localhost/x", "", "http://", "http:///x",
                    "http://a b/", "http://localhost:99999/", "javascript:1"):
            assert c(url)["error_text"] == "EINVAL", url
        for field in ("X: a\r\nY: b", "X: \x01"):
            assert c("http://localhost/", fields=[field])["error_text"] == "EINVAL", field
        assert c("http://localhost/", content_type="a\nb")["error_text"] == "EINVAL"


@ot.test()
def many_at_once_do_not_wait_for_each_other():
    with rx.Receiver({"/hang": rx.hangs}) as r, client() as c:
        hanging = [c.ask(r.url("/hang"), read_timeout_ms=600000) for _ in range(10)]
        r.wait(10)
        for number in [c.ask(r.url(f"/{i}"), body="x") for i in range(50)]:
            assert c.result(number)["status"] == 204
        short = [c.ask(r.url("/hang"), read_timeout_ms=500) for _ in range(10)]
        for number in short:
            assert c.result(number)["error_text"] == "ETIMEDOUT"
        for number in hanging:
            assert not [x for x in c.p.output("out") if f'"id":{number},' in x], "it hangs still"
            c.line({"cancel": number})
            assert c.result(number)["error_text"] == "cancelled"


@ot.test()
def connections_are_used_again():
    ports = set()

    def note(handler, got):
        ports.add(handler.client_address[1])
        rx.answer(handler, 204)
    with rx.Receiver({"*": note}) as r, client() as c:
        for _ in range(20):
            assert c(r.url("/x"), body="x")["status"] == 204
    assert len(ports) == 1, ports


@ot.test()
def a_silent_name_server_holds_nothing_up():
    fifo = ot.directory() / "names"
    os.mkfifo(fifo)
    with rx.Receiver() as r:
        c = Client(OUTPOST_TEST_NAMES=str(fifo), OUTPOST_PROGRAMS=str(ot.BUILD / "tests/e2e/names"))
        with c.p:
            number = c.ask("http://slow.invalid/x", connect_timeout_ms=300)
            done = c(r.url("/y"))  # the program's loop never waited for the resolver
            assert done["status"] == 204 and done["took_ms"] < 5000, done
            done = c.result(number)
            assert done["error_text"] == "ETIMEDOUT" and done["took_ms"] < 20000, done
            assert done["gap_ms"] < 5000, done  # nor did ours
            number = c.ask("http://slow.invalid/x", connect_timeout_ms=60000)
            assert c(r.url("/y"))["status"] == 204
            c.line({"cancel": number})
            assert c.result(number)["error_text"] == "cancelled"
            done = c(r.url("/y"))
            assert done["status"] == 204 and done["took_ms"] < 5000, done
            with open(fifo, "w") as f:  # let the threads of libcurl end
                f.write("..")
            c.p.proc.stdin.close()
            assert c.p.wait() == 0


@ot.test()
def a_client_can_be_closed_at_any_time():
    with rx.Receiver({"/hang": rx.hangs}) as r:
        c = Client(OUTPOST_TEST_ABANDON="1")
        with c.p:
            for _ in range(5):
                c.ask(r.url("/hang"), body="x")
            r.wait(5)
            c.ask(f"http://127.0.0.1:{ot.free_port()}/")
            c.end()
        c = Client()
        with c.p:
            c.ask(r.url("/hang"), body="x")
            c.ask(r.url("/x"), close_then=True)
            c.result(2)
            c.end()


ot.main()
