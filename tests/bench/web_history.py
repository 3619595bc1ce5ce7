# web_history.py - the past over HTTP: how fast, how small, and what live clients notice of it.
#
# The database holds RECORDS points at 800 Hz with all levels, as the recorder writes them. Everything
# goes through outpost-web and a socket on loopback, server and clients on the same cores.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import threading
import time

import outpost_test as ot

RECORDS = int(os.environ.get("RECORDS") or 10_000_000)
HZ, RATE, SECONDS = 800, 20, 5
BEGAN = int(time.time()) // 3600 * 3600 - 2 * 86400
WHOLE = f"from={BEGAN}&to={BEGAN + RECORDS // HZ}"


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "web_history", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": {}}), flush=True)


@contextlib.contextmanager
def web():
    base = ot.directory()
    (base / "s").mkdir()
    made = ot.run(ot.BUILD / "tests/e2e/history_make", base / "s/history.db", BEGAN, RECORDS, HZ, timeout=300)
    assert made.returncode == 0, made.stderr
    (base / "bench.yaml").write_text("appliance: bench\nservices:\n  web:\n    program: outpost-web\n")
    port = ot.free_port()
    with ot.Process(ot.BUILD / "outpost-web", "--appliance", base / "bench.yaml", "--service", "web", "--runtime",
                    base / "r", "--state", base / "s", "--set", f"services.web.listen=127.0.0.1:{port}") as p:
        p.wait_line("listening on")
        p.port, p.bus = port, base / "r/bus"
        yield p


def begin(p, query):
    """An answer whose body is still to be read."""
    c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=60)
    c.request("GET", f"/api/topics/fast/{query}")
    answer = c.getresponse()
    assert answer.status == 200, answer.read()
    return c, answer


def ask(p, query):
    """Bytes of the answer and seconds it took."""
    began = time.monotonic()
    c, answer = begin(p, query)
    n, memory = 0, memoryview(bytearray(1 << 20))
    while got := answer.readinto(memory):
        n += got
    c.close()
    return n, time.monotonic() - began


def pss_mb(p):
    for line in pathlib.Path(f"/proc/{p.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Pss")


def exports(p):
    for name, fields in (("export_two", "n,x"), ("export_all", "")):
        n, seconds = ask(p, f"export?fields={fields}")
        assert n > RECORDS * 20
        say(f"{name}_per_s", round(RECORDS / seconds), "1/s", 1_000_000)
        say(f"{name}_mb_per_s", round(n / seconds / 1e6), "MB/s")


def charts(p):
    ask(p, f"history?{WHOLE}&points=2000")
    took = sorted(ask(p, f"history?{WHOLE}&points=2000")[1] for _ in range(20))
    say("chart_ms", round(took[-1] * 1e3, 1), "ms", 300)


def size(p):
    """Four exports whose clients do not read, and four large charts at a time."""
    slow = [begin(p, "export")[0] for _ in range(4)]
    most = pss_mb(p)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, p, f"history?{WHOLE}&points=10000") for _ in range(8)]
        while not all(a.done() for a in asked):
            most = max(most, pss_mb(p))
    for a in asked:
        assert a.result()[0] > 100_000
    for c in slow:
        c.close()
    say("pss_busy", round(most, 2), "MB", 18)


def live(p):
    """Frames a live client gets while two exports and two charts are always under way."""
    stop = threading.Event()

    def load(query):
        while not stop.is_set():
            ask(p, query)
    with ot.Process(ot.BUILD / "tests/test-web-feed", p.bus, "live.tick", HZ, stdin=subprocess.PIPE) as feed, \
            ot.WebSocket(f"ws://127.0.0.1:{p.port}/ws") as c, concurrent.futures.ThreadPoolExecutor(4) as pool:
        feed.wait_line("^ok")
        c.subscribe("live.tick", rate=RATE)
        c.recv_json()
        loads = [pool.submit(load, q) for q in 2 * ["export?limit=500000", f"history?{WHOLE}&points=5000"]]
        deadline, frames, missed = ot.Deadline(SECONDS), 0, 0
        while not deadline.over():
            missed, frames = c.recv_frame(10).missed, frames + 1
        stop.set()
        for one in loads:
            one.result()
    say("live_frames", round(frames / (SECONDS * RATE), 3), "share", 0.9)
    say("live_missed", missed, "records", 0)


@ot.test(timeout=500)
def web_history():
    with web() as p:
        charts(p)
        exports(p)
        size(p)
        live(p)
        assert p.stop() == 0, p.output()


ot.bench(web_history)
