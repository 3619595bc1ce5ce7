# temp_http.py - the temperature monitor's API beside the same routes in Flask under waitress.
#
# The server under test has core 0 to itself, wrk core 1, with 50 connections, as many as are allowed. The
# peer is what such monitors are made with: one thread, a counter before each request, JSON with sorted keys,
# psutil with 100 ms for /metrics. Both are asked in turn, and the best of each is compared.
#
# Last the whole appliance, on core 0 as well, while its webhook takes every connection and answers none: an
# alert is raised with each reading, and a test message hangs.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import pathlib
import re
import threading

import outpost_test as ot
import receivers

SECONDS = int(os.environ.get("SECONDS") or 3)
ROUNDS = 2
TOKEN = "token-of-the-bench"
SERVER, LOAD = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
PEER = """
import secrets, sys, time
import psutil, waitress
from flask import Flask, jsonify, request
app, started, count = Flask(__name__), time.time(), [0]
reading = dict(temperature_c=-0.8, temperature_f=30.6, humidity=44.0, compensated=True, timestamp="2026-11-21 01:09:47")

@app.before_request
def counted():
    count[0] += 1

@app.route("/health")
def health():
    return jsonify(status="healthy", uptime_seconds=time.time() - started, sensor_thread_alive=True,
                   timestamp=time.time(), reading_stale=False, last_reading_age_seconds=2.4, temperature_compensated=True)

@app.route("/api/temp")
def temp():
    given = request.headers.get("Authorization", "")
    if not secrets.compare_digest(given.removeprefix("Bearer "), sys.argv[2]):
        return jsonify(error="Invalid bearer token"), 401
    return jsonify(reading)

@app.route("/metrics")
def metrics():
    me = psutil.Process()
    return jsonify(application=dict(total_requests=count[0], current_temp_c=-0.8, current_humidity_percent=44.0),
                   hardware=dict(cpu_temp_c=51.121),
                   system=dict(cpu_percent=psutil.cpu_percent(interval=0.1), memory_mb=me.memory_info().rss / 1048576,
                               memory_percent=me.memory_percent(), threads=me.num_threads(), file_descriptors=me.num_fds()))

waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=1, connection_limit=60, channel_timeout=120)
"""


def say(metric, value, unit, bar=None, **peer):
    print(json.dumps({"bench": "temp_http", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": peer}), flush=True)


def healthy(port):
    with contextlib.suppress(OSError):
        return ot.get(f"http://127.0.0.1:{port}/health").status == 200
    return False


@contextlib.contextmanager
def ours(base):
    file, port = base / "box.yaml", ot.free_port()
    (base / "cpu").write_text("51121\n")
    file.write_text("appliance: bench\nservices:\n  climate:\n    program: outpost-climate\n    mock: true\n"
                    f"    cpu_temp_path: {base}/cpu\n  web:\n    program: outpost-temp-monitor\n"
                    f"    max_connections: 60\n    full_waits: true\n    token: {TOKEN}\n    listen: 127.0.0.1:{port}\n")
    common = ("--appliance", file, "--runtime", base / "r", "--state", base / "s", "--service")
    with ot.Process(ot.BUILD / "outpost-climate", *common, "climate"), \
            ot.Process(*SERVER, ot.BUILD / "outpost-temp-monitor", *common, "web") as p:
        ot.wait_until(lambda: healthy(port), what="outpost-temp-monitor is healthy")
        yield p.pid, port


@contextlib.contextmanager
def theirs(base):
    file, port = base / "peer.py", ot.free_port()
    file.write_text(PEER)
    # The system's Python has the system's packages.
    with ot.Process(*SERVER, "/usr/bin/python3", file, port, TOKEN) as p:
        ot.wait_until(lambda: healthy(port), 30, "Flask answers")
        yield p.pid, port


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def dead_receiver(base):
    """The appliance with a webhook that times out all the while; alerts wait for it. (Appliance, receiver)"""
    env = {"BEARER_TOKEN": TOKEN, "SAMPLING_INTERVAL": "1", "ALERT_COOLDOWN_SECONDS": "0", "ALERT_TEMP_MIN_C": "-50",
           "ALERT_TEMP_MAX_C": "-49", "WEBHOOK_TIMEOUT": "5", "WEBHOOK_RETRY_COUNT": "10", "WEBHOOK_RETRY_DELAY": "1"}
    (base / "box").mkdir()
    with receivers.Receiver({"*": receivers.hangs}) as to, \
            ot.Outpost("temp-monitor", base=base / "box", env={**env, "SLACK_WEBHOOK_URL": to.url("/x")},
                       sets=["services.web.max_connections=60"]) as box:
        for pid in [box.pid, *(s["pid"] for s in box.status()["services"].values())]:
            ot.run("taskset", "-a", "-p", "-c", "0", str(pid))
        ot.wait_until(lambda: healthy(box.port), what="the appliance is healthy")
        box.wait_line("temp_high raised", 30)
        to.wait(1, 30)
        yield box, to


@contextlib.contextmanager
def test_message(box):
    """One that hangs as long as this lasts."""
    answers = []

    def ask():
        with contextlib.suppress(OSError):  # the appliance is stopped
            answers.append(ot.request(box.url + "api/webhook/test", "POST", b"{}", {"Authorization": f"Bearer {TOKEN}"},
                                      timeout=300))
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    yield
    assert thread.is_alive() and not answers, answers


def wrk(pid, port, path):
    """(requests per second of CPU, requests/s, p99 in ms) of 50 keep-alive connections."""
    before = cpu_seconds(pid)
    out = ot.run(*LOAD, "wrk", "-t1", "-c50", f"-d{SECONDS}s", "--latency", "--timeout", "30s", "-H",
                 f"Authorization: Bearer {TOKEN}", f"http://127.0.0.1:{port}{path}", timeout=SECONDS + 60).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    spent, total = cpu_seconds(pid) - before, int(re.search(r"(\d+) requests in", out)[1])
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return total / max(spent, 0.01), float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


@ot.test(timeout=300)
def temp_http_bench():
    base = pathlib.Path(ot.directory())
    with ours(base) as mine, theirs(base) as other:
        for name, path in (("health", "/health"), ("temp", "/api/temp"), ("metrics", "/metrics")):
            a, b = [], []
            for _ in range(ROUNDS):
                a.append(wrk(*mine, path))
                b.append(wrk(*other, path))
            best, peer = max(a), max(b)
            # Of a core that it has to itself the two are the same, on a busy machine only the first counts;
            # but who sleeps in a request spends nothing.
            ahead = max(r for _, r, _ in a) / max(r for _, r, _ in b) if name == "metrics" else best[0] / peer[0]
            say(f"{name}_per_cpu_s", round(best[0]), "1/s", flask=round(peer[0]))
            say(f"{name}_per_s", round(max(r for _, r, _ in a)), "1/s", flask=round(max(r for _, r, _ in b)))
            say(f"{name}_ahead", round(ahead, 1), "x", 20)
            say(f"{name}_p99", min(p for _, _, p in a), "ms", 5, flask=min(p for _, _, p in b))
    with dead_receiver(base) as (box, to), test_message(box):
        pid = box.status()["services"]["web"]["pid"]
        for name in ("health", "metrics"):
            runs = [wrk(pid, box.port, f"/{name}") for _ in range(ROUNDS)]
            say(f"{name}_p99_dead_receiver", min(p for _, _, p in runs), "ms", 5)
        assert not ot.get(box.url + "metrics").json()["application"]["webhook_alerts_sent"] and len(to.got) > 1


ot.bench(temp_http_bench)
