# outbox.py - an outbox beside what boxes use to send webhooks today.
#
# Items of BODY bytes are put durably and delivered, one connection, to nginx on this machine, which takes
# everything. Beside it, in the same run and on the same disk: a Python loop with `requests` that keeps each
# item in a file (written, synced, renamed, the directory synced; deleted when it was delivered), and a Redis
# list with appendfsync always, the safe setting of what Celery and RQ use.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import outpost_test as ot

ITEMS = int(os.environ.get("ITEMS") or 2000)
BODY = 500
LOAD = ot.BUILD / "tests/bench/bench-outbox-load"
NGINX = """
daemon off; pid {dir}/nginx.pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; keepalive_requests 1000000; client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} location /no {{ return 503; }} }}
}}
"""


def say(metric, value, unit, bar=None, **peer):
    print(json.dumps({"bench": "outbox", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": peer}), flush=True)


def load(*args):
    done = ot.run(LOAD, *args, timeout=200)
    assert done.returncode == 0, (args, done)
    return json.loads(done.stdout)


def memory(pid, what):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {what}")


def write_bytes():
    """What this process has handed to the medium so far."""
    return int(pathlib.Path("/proc/self/io").read_text().split("\nwrite_bytes: ")[1].split()[0])


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Redis:
    """A list with each push on the medium before it is answered."""

    def __init__(self, directory, port):
        self.p = ot.Process("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", directory,
                            "--appendonly", "yes", "--appendfsync", "always", "--save", "")
        ot.wait_until(lambda: listening(port), 10, "Redis listens")
        self.sock = socket.create_connection(("127.0.0.1", port), 10)

    def push(self, body):
        self.sock.sendall(b"*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$%d\r\n%s\r\n" % (len(body), body))
        assert self.sock.recv(100)[:1] == b":"

    def __enter__(self):
        self.p.__enter__()
        return self

    def __exit__(self, *problem):
        self.sock.close()
        self.p.signal(signal.SIGKILL)
        self.p.wait()
        self.p.__exit__(*problem)


def redis_puts(directory):
    if not shutil.which("redis-server"):
        return {}
    (directory / "redis").mkdir()
    with Redis(directory / "redis", ot.free_port()) as redis:
        begin = time.monotonic()
        for _ in range(ITEMS):
            redis.push(b"x" * BODY)
        return {"redis": ITEMS / (time.monotonic() - begin)}


def file_put(directory, handle, number, body):
    path = directory / f"{number:08}"
    with open(f"{path}.tmp", "wb") as f:
        f.write(body)
        f.flush()
        os.fsync(f.fileno())
    os.rename(f"{path}.tmp", path)
    os.fsync(handle)


def python_loop(directory, url):
    """(put/s, delivered/s, PSS) of the loop with files, in a process of its own."""
    done = ot.run("python3", __file__, "--peer", directory / "files", url, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def peer(directory, url):
    try:
        import requests
    except ImportError:
        print("{}")
        return
    directory = pathlib.Path(directory)
    directory.mkdir()
    before = write_bytes()
    handle = os.open(directory, os.O_RDONLY)
    begin = time.monotonic()
    for i in range(ITEMS):
        file_put(directory, handle, i, b"x" * BODY)
    put = ITEMS / (time.monotonic() - begin)
    session, begin = requests.Session(), time.monotonic()
    session.trust_env = False
    for name in sorted(os.listdir(directory)):
        assert session.post(url, data=(directory / name).read_bytes(), timeout=10).ok
        os.unlink(directory / name)
    delivered = ITEMS / (time.monotonic() - begin)
    print(json.dumps({"put": put, "delivered": delivered, "pss": memory(os.getpid(), "Pss"),
                      "written": (write_bytes() - before) / ITEMS}))


def written(*action):
    """What a step says, and the bytes it hands to the medium, from /proc/PID/io of a shell around it."""
    script = '"$@" && grep ^write_bytes: /proc/$$/io'
    done = ot.run("sh", "-c", script, "sh", LOAD, *action, timeout=200)
    assert done.returncode == 0, done
    said, io = done.stdout.strip().splitlines()
    return json.loads(said), int(io.split()[1])


def waiting(database, url):
    """Memory of a process with a thousand items that cannot be delivered now."""
    with ot.Process(LOAD, "wait", database, url, stdin=subprocess.PIPE) as p:
        # It has made its first attempt when it waits for a timer again, with a connection open.
        ot.wait_until(lambda: len(os.listdir(f"/proc/{p.pid}/fd")) > 12, 10, "it is connected")
        pss = memory(p.pid, "Pss")
        own = memory(p.pid, "Private_Dirty")
        p.proc.stdin.close()
        assert p.wait() == 0
    return pss, own


@ot.test(timeout=600)
def outbox():
    directory = pathlib.Path(tempfile.mkdtemp(dir=ot.BUILD, prefix="bench-outbox-"))  # a disk, not tmpfs
    port, database = ot.free_port(), directory / "outbox.db"
    conf = ot.directory() / "nginx.conf"
    conf.write_text(NGINX.format(dir=ot.directory(), port=port))
    try:
        with ot.Process("nginx", "-e", "stderr", "-c", conf) as nginx:
            ot.wait_until(lambda: listening(port), 10, "nginx listens")
            measure(directory, database, f"http://127.0.0.1:{port}/")
            nginx.stop()
    finally:
        shutil.rmtree(directory)


def measure(directory, database, url):
    load("put", database, 10, BODY)  # makes it
    load("deliver", database, url)
    put, put_bytes = written("put", database, ITEMS, BODY)
    sent, sent_bytes = written("deliver", database, url)
    assert sent["items"] == ITEMS and sent["attempts"] == ITEMS, sent
    theirs, redis = python_loop(directory, url), redis_puts(directory)
    puts = put["items"] / put["seconds"]
    def files(figure):
        return {"requests and files": theirs[figure]} if theirs else {}
    say("put_per_s", round(puts), "1/s", None, **files("put"), **redis)
    if theirs:
        say("put_vs_files", puts / theirs["put"], "x", 1)
    say("syncs_per_item", (put["syncs"] + sent["syncs"]) / ITEMS, "1", 1.2)
    say("written_per_item", round((put_bytes + sent_bytes) / ITEMS), "bytes", None, **files("written"))
    rate = sent["items"] / sent["seconds"]
    say("delivered_per_s", round(rate), "1/s", 1000, **files("delivered"))
    if theirs:
        say("delivered_vs_requests", rate / theirs["delivered"], "x", 2)
    load("put", database, 1000, BODY)
    pss, own = waiting(database, url + "no")
    say("pss", round(pss, 2), "MB", 4, **files("pss"))
    say("private_dirty", round(own, 2), "MB", 3)


if __name__ == "__main__":
    import sys
    if sys.argv[1:2] == ["--peer"]:
        peer(*sys.argv[2:])
    else:
        ot.bench(outbox)
