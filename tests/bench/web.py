# web.py - what one core carries: live clients, and /health beside nginx.
#
# The server under test (outpost-web, then nginx) has core 0 to itself, those who load it core 1. The
# feed publishes 24-byte slots at 800 Hz, as the pressure sensor does. nginx serves a file of the size
# that /health has; both are asked in turn, several times, and the best of each is compared.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import outpost_test as ot

CLIENTS = int(os.environ.get("CLIENTS") or 2000)
RATE = 20  # frames/s per client
SECONDS = int(os.environ.get("SECONDS") or 10)
ROUNDS = 3
SERVER, LOAD = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


def say(metric, value, unit, bar=None, **peer):
    print(json.dumps({"bench": "web", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": peer}), flush=True)


@contextlib.contextmanager
def web(base):
    """outpost-web alone on core 0: (port, process id, bus directory)."""
    file = base / "bench.yaml"
    file.write_text("appliance: bench\nservices:\n  web:\n    program: outpost-web\n")
    port = ot.free_port()
    with ot.Process(*SERVER, ot.BUILD / "outpost-web", "--appliance", file, "--service", "web",
                    "--runtime", base / "r", "--state", base / "s",
                    "--set", f"services.web.listen=127.0.0.1:{port}",
                    "--set", "services.web.max_clients=10000") as p:
        ot.wait_until(lambda: answers(port), what="outpost-web")
        yield port, p.pid, base / "r/bus"


def answers(port):
    try:
        return ot.get(f"http://127.0.0.1:{port}/health").status
    except OSError:
        return False


@contextlib.contextmanager
def nginx(base, body):
    root, port = base / "www", ot.free_port()
    root.mkdir()
    (root / "health").write_bytes(body)
    conf = base / "nginx.conf"
    conf.write_text(f"""master_process off; daemon off; pid {base}/nginx.pid; error_log stderr crit;
        events {{ worker_connections 1024; }}
        http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
          open_file_cache max=10; default_type application/json;
          client_body_temp_path {base}/t1; proxy_temp_path {base}/t2; fastcgi_temp_path {base}/t3;
          uwsgi_temp_path {base}/t4; scgi_temp_path {base}/t5;
          server {{ listen 127.0.0.1:{port}; root {root}; }} }}""")
    os.chmod(base, 0o755)
    with ot.Process(*SERVER, shutil.which("nginx") or "/usr/sbin/nginx", "-e", "stderr", "-c", conf):
        ot.wait_until(lambda: answers(port), what="nginx")
        yield port


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_kb(pid):
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def wrk(port, seconds):
    """(requests/s, p99 in ms) of 50 keep-alive connections."""
    out = ot.run(*LOAD, "wrk", "-t1", "-c50", f"-d{seconds}s", "--latency",
                 f"http://127.0.0.1:{port}/health", timeout=seconds + 30).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), \
        float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def watch(port, pid, bus, n):
    """n clients watch for SECONDS; what they saw and the share of the core it took."""
    with ot.Process(*LOAD, ot.BUILD / "tests/test-web-feed", bus, "bench.tick", 800,
                    stdin=subprocess.PIPE) as feed:
        feed.wait_line("^ok")
        with ot.Process(*LOAD, ot.BUILD / "tests/bench/bench-web-clients", port, "bench.tick", RATE, n,
                        SECONDS) as clients:
            clients.wait_line("^measuring", 60)
            before = cpu_seconds(pid)
            line = clients.wait_line(r'^\{"frames"', SECONDS + 30)
            seen = json.loads(line.string)
            seen["cpu"] = (cpu_seconds(pid) - before) / SECONDS * 100
            seen["pss"] = pss_kb(pid)
    return seen


def bench_clients(port, pid, bus):
    empty = pss_kb(pid)
    few = watch(port, pid, bus, 20)
    say("pss_20_clients", round(few["pss"] / 1024, 2), "MB", 10)
    seen = watch(port, pid, bus, CLIENTS)
    full = seen["frames"] / (CLIENTS * RATE * seen["seconds"])
    say("clients", CLIENTS if full >= 0.97 and not seen["gaps"] else 0, "clients", 2000)
    say("frames_lost", seen["gaps"] + seen["missed"], "frames", 0)
    say("frames_served", round(full, 4), "share", 0.97)
    say("clients_cpu", round(seen["cpu"], 1), "%", 100)
    say("clients_age_p99", seen["age_p99_ms"], "ms")
    say("bytes_per_client", round((seen["pss"] - empty) * 1024 / CLIENTS), "B")


def bench_health(port, base):
    health = ot.get(f"http://127.0.0.1:{port}/health")
    ours, theirs = [], []
    with nginx(base, health.body) as other:
        for _ in range(ROUNDS):
            ours.append(wrk(port, 3))
            theirs.append(wrk(other, 3))
    best, peer = max(ours), max(theirs)
    say("health_per_s", round(best[0]), "1/s", nginx=round(peer[0]))
    say("health_vs_nginx", round(best[0] / peer[0], 3), "x", 0.5)
    say("health_p99", min(p for _, p in ours), "ms", 5, nginx=min(p for _, p in theirs))


@ot.test(timeout=300)
def web_bench():
    base = ot.directory()
    with web(base) as (port, pid, bus):
        bench_health(port, base)
        bench_clients(port, pid, bus)


ot.bench(web_bench)
