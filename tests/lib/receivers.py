# receivers.py - real HTTP(S) servers, a proxy and a certificate authority for tests that send.
#
# A Receiver answers as its test tells it, path by path, and keeps what it got. Everything is on
# loopback and on ports of the system's choice.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import collections
import http.server
import json
import select
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.parse

import outpost_test as ot

Got = collections.namedtuple("Got", "method path headers body at")


class Receiver:
    """An HTTP server. answers: {path: function(request handler, Got)} or {path: status}; others 204.

    got holds the requests in the order they came; wait(n) waits for the n-th."""

    def __init__(self, answers=None, tls=None, port=0):
        self.answers, self.got, self.cond = answers or {}, [], threading.Condition()
        self.over = threading.Event()
        self.server = _Server(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.server.receiver = self
        self.server.allow_reuse_address = True
        self.server.server_bind()
        self.server.server_activate()
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.context = context
        self.port = self.server.server_address[1]
        self.scheme = "https" if tls else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def url(self, path="/", host="localhost"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def wait(self, n, timeout=10):
        """Waits until n requests came; returns them all."""
        with self.cond:
            assert self.cond.wait_for(lambda: len(self.got) >= n, ot.patient(timeout)), \
                f"{len(self.got)} requests of {n} within {ot.patient(timeout):g} s"
            return list(self.got)

    def keys(self):
        """Idempotency keys in the order they came."""
        with self.cond:
            return [g.headers.get("Idempotency-Key") for g in self.got]

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    context = None

    def finish_request(self, request, address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return  # a client that does not trust us
        super().finish_request(request, address)

    def handle_error(self, request, address):
        pass  # clients that hang up are what is tested


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        receiver, path = self.server.receiver, urllib.parse.urlsplit(self.path).path
        got = Got(self.command, self.path, self.headers, body, time.monotonic())
        with receiver.cond:
            receiver.got.append(got)
            receiver.cond.notify_all()
        act = receiver.answers.get(path, receiver.answers.get("*", 204))
        if callable(act):
            act(self, got)
        else:
            answer(self, act)

    do_GET = do_POST = do_PUT = do_DELETE = _take

    def log_message(self, *args):
        pass


def answer(handler, status, body=b"", **fields):
    """A whole answer; fields: Retry_After="3"."""
    handler.send_response(status)
    for name, value in fields.items():
        handler.send_header(name.replace("_", "-"), value)
    if status != 204:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def says(status, body=b"", **fields):
    return lambda handler, got: answer(handler, status, body, **fields)


def hangs(handler, got):
    """Takes the request and says nothing until the client leaves or the receiver is closed."""
    while not handler.server.receiver.over.is_set() and not select.select([handler.connection], [], [], 0.1)[0]:
        pass
    handler.close_connection = True


def resets(after=b""):
    """Writes this much and then resets the connection (RST)."""
    def act(handler, got):
        handler.wfile.write(after)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        handler.connection.close()
        handler.close_connection = True
    return act


class Silent:
    """Accepts nothing: connections wait in a full backlog for ever."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(0)
        self.port = self.sock.getsockname()[1]
        self.waiting = []
        for _ in range(2):  # fill the backlog
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(s)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        for s in self.waiting + [self.sock]:
            s.close()


class Proxy:
    """An HTTP proxy: CONNECT tunnels and absolute-form requests; asked holds their first lines."""

    def __init__(self):
        self.asked = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            rbufsize = 0  # what comes after the head stays in the socket

            def handle(self):
                outer.serve(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            block_on_close = False

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def serve(self, handler):
        first = handler.rfile.readline().decode()
        head = b""
        while (line := handler.rfile.readline()) not in (b"\r\n", b""):
            head += line
        self.asked.append(first.strip())
        method, target, version = first.split()
        at = urllib.parse.urlsplit("//" + target if method == "CONNECT" else target)
        with socket.create_connection((at.hostname, at.port or 80), ot.patient(10)) as far:
            if method == "CONNECT":
                handler.wfile.write(b"HTTP/1.1 200 fine\r\n\r\n")
            else:
                far.sendall(f"{method} {at.path or '/'} {version}\r\n".encode() + head + b"\r\n")
            self.carry(handler.connection, far)

    @staticmethod
    def carry(near, far):
        while True:
            ready = select.select([near, far], [], [], ot.patient(20))[0]
            if not ready:
                return
            for s in ready:
                data = s.recv(65536)
                if not data:
                    return
                (far if s is near else near).sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class Authority:
    """A certificate authority of the test's own, and the certificates it signs (openssl)."""

    def __init__(self, directory):
        self.dir = directory / "ca"
        self.dir.mkdir()
        self.file = self.dir / "ca.pem"
        self.key = self.dir / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", "/CN=Outpost test authority", "-days", "30", "-keyout", self.key, "-out", self.file)
        self.n = 0

    def _openssl(self, *args):
        done = ot.run("openssl", *args)
        assert done.returncode == 0, done.stderr

    def sign(self, name="localhost", expired=False):
        """(certificate, key) for a server of this name."""
        self.n += 1
        base = self.dir / str(self.n)
        base.mkdir()
        cert, key, request, config = (base / n for n in ("cert.pem", "key.pem", "request", "ca.conf"))
        config.write_text(f"""
[ca]
default_ca = us
[us]
dir = {base}
database = {base}/index
new_certs_dir = {base}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = server
unique_subject = no
[any]
commonName = supplied
[server]
subjectAltName = DNS:{name}
extendedKeyUsage = serverAuth
""")
        (base / "index").write_text("")
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else ["-days", "20"]
        self._openssl("ca", "-batch", "-notext", "-config", config, "-in", request, "-out", cert, "-cert",
                      self.file, "-keyfile", self.key, *dates)
        return cert, key


class Sender:
    """tests/lib/sender.c: an outbox and its pump in a process of their own."""

    def __init__(self, *targets, database=None, clock=None, **config):
        self.database = database or ot.directory() / "outbox-test.db"
        self.p = ot.Process(ot.BUILD / "tests/test-sender", self.database,
                            json.dumps({"targets": targets, **config}), stdin=subprocess.PIPE,
                            env={"OUTPOST_TEST_CLOCK": str(clock)} if clock else None)

    def command(self, value):
        """Sends it and returns what is said to it: the next line that is not of an attempt."""
        seen = len(self.p.output("out"))
        self.p.proc.stdin.write(json.dumps(value).encode() + b"\n")
        self.p.proc.stdin.flush()
        return json.loads(self.p.wait_line(r'^\{"(put|counts|done)', after=seen).string)

    def put(self, queue, key, body="{}", want=0, **options):
        said = self.command({"put": {"queue": queue, "key": key, "body": body, **options}})
        assert said["put"] == key and said["error"] == want, said

    def counts(self):
        return self.command({"counts": True})["counts"]

    def wait_counts(self, queue, timeout=10, **want):
        def reached():
            have = self.counts().get(queue, {})
            return have if all(have.get(k) == v for k, v in want.items()) else None
        try:
            return ot.wait_until(reached, timeout)
        except AssertionError:
            raise AssertionError(f"{queue}: {self.counts()}, wanted {want}") from None

    def said(self, kind):
        return [v for v in map(json.loads, self.p.output("out")) if kind in v]

    def __enter__(self):
        self.p.__enter__()
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None and self.p.proc.poll() is None:
                self.p.proc.stdin.close()
                status = self.p.wait()
                assert status == 0, f"the sender ended with {status}: {self.p.output()[-20:]}"
        finally:
            self.p.__exit__(kind, value, tb)
