# health.py - `outpost health` against servers that answer well, badly, slowly or not at all.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import socket
import threading

import outpost_test as ot


@contextlib.contextmanager
def server(*pieces, family=socket.AF_INET, host="127.0.0.1", stay=False):
    """Answers one connection with these pieces; its port, and the requests that came."""
    listener = socket.socket(family)
    listener.bind((host, 0))
    listener.listen()
    requests, over = [], threading.Event()

    def serve():
        with contextlib.suppress(OSError):
            conn = listener.accept()[0]
            with conn:
                requests.append(conn.recv(65536))
                for piece in pieces:
                    conn.sendall(piece)
                if stay:
                    over.wait(30)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], requests
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def health(url, *args):
    return ot.run(ot.OUTPOST, "health", url, *args)


@ot.test()
def good_answers():
    with server(b"HTTP/1.1 200 OK\r\n\r\n", b'{"status":"healthy"}\nmore') as (port, requests):
        done = health(f"http://127.0.0.1:{port}/health?x=1")
    assert (done.returncode, done.stdout) == (0, '200 {"status":"healthy"}\n'), done
    assert requests[0].startswith(f"GET /health?x=1 HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n".encode())
    with server(b"HTTP/1.0 204 No Content\r\n\r\n") as (port, _):
        assert health(f"HTTP://localhost:{port}").returncode == 0


@ot.test()
def ipv6_addresses():
    try:
        with server(b"HTTP/1.1 200 OK\r\n\r\n", family=socket.AF_INET6, host="::1") as (port, requests):
            assert health(f"http://[::1]:{port}/").returncode == 0
            assert f"Host: [::1]:{port}\r\n".encode() in requests[0]
    except OSError as e:
        raise ot.Skip(f"no IPv6 here: {e}") from None


@ot.test()
def bad_answers():
    for answer, said in ((b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}\n", "503 {}\n"),
                         (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "302 \n"),
                         (b"HTTP/1.1 500 x\r\n\r\n\x1b[31mred", "500 ?[31mred\n")):
        with server(answer) as (port, _):
            done = health(f"http://127.0.0.1:{port}/")
        assert (done.returncode, done.stdout) == (1, said), done
    with server(b"220 mail ready\r\n") as (port, _):
        assert "not HTTP" in health(f"http://127.0.0.1:{port}/").stderr


@ot.test()
def no_answer():
    done = health(f"http://127.0.0.1:{ot.free_port()}/")
    assert done.returncode == 1 and "Connection refused" in done.stderr, done
    with server(stay=True) as (port, _):
        done = health(f"http://127.0.0.1:{port}/", "--timeout", "0.2")
    assert done.returncode == 1 and "timed out" in done.stderr, done
    with server(b"HTTP/1.1 200 OK\r\n", b"x" * 200000, stay=True) as (port, _):
        assert health(f"http://127.0.0.1:{port}/").returncode == 0, "the rest does not matter"


@ot.test()
def wrong_usage():
    for url in ("https://h/", "h:80", "http://", "http://h:x/", "http://h:/", "http://h:123456/", "http://[::1/"):
        assert health(url).returncode == 2, url
    assert ot.run(ot.OUTPOST, "health").returncode == 2
    assert health("http://h/", "--timeout", "0").returncode == 2
    assert health("--help").returncode == 0


ot.main()
