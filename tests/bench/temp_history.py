# temp_history.py - a year of the temperature monitor: how soon the dashboard has it.
#
# The database holds a reading a minute for 365 days, as the recorder writes them. What the dashboard
# asks for goes through outpost-temp-monitor and a socket on loopback; the first answer is that of a
# database that nobody has opened yet.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib
import http.client
import json
import time

import outpost_test as ot

DAYS, TIMES = 365, 20
BAR_MS = 300


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "temp_history", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": {}}), flush=True)


@contextlib.contextmanager
def monitor(end):
    base = ot.directory()
    (base / "s").mkdir()
    made = ot.run(ot.BUILD / "tests/e2e/climate_make", base / "s/history.db", end, DAYS, timeout=300)
    assert made.returncode == 0, made.stderr
    (base / "bench.yaml").write_text("appliance: bench\nservices:\n  web:\n    program: outpost-temp-monitor\n")
    port = ot.free_port()
    with ot.Process(ot.BUILD / "outpost-temp-monitor", "--appliance", base / "bench.yaml", "--service", "web",
                    "--runtime", base / "r", "--state", base / "s", "--set",
                    f"services.web.listen=127.0.0.1:{port}") as p:
        p.wait_line("listening on")
        p.port = port
        yield p


def ask(p, begin, end, points):
    """Milliseconds until the whole answer is here; it is checked to be the year that was written."""
    began = time.monotonic()
    c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=60)
    c.request("GET", f"/dashboard/history?from={begin}&to={end}&points={points}&fields=temperature_c,humidity",
              headers={"Accept-Encoding": "identity"})
    answer = c.getresponse()
    body = answer.read()
    took = (time.monotonic() - began) * 1e3
    c.close()
    assert answer.status == 200, body
    got = json.loads(body)
    assert sum(got["n"]) == (end - begin) // 60, sum(got["n"])
    assert min(got["min"]["temperature_c"]) == 18 and max(got["max"]["temperature_c"]) == 26
    return took, len(body)


@ot.test(timeout=300)
def temp_history():
    end = int(time.time()) // 86400 * 86400
    begin = end - DAYS * 86400
    with monitor(end) as p:
        first, n = ask(p, begin, end, 400)
        took = sorted(ask(p, begin, end, points)[0] for points in (365, 400, 800, 1600) for _ in range(TIMES // 4))
        say("first_ms", round(first, 1), "ms")
        say("year_ms", round(max(first, took[-1]), 1), "ms", BAR_MS)
        say("median_ms", round(took[len(took) // 2], 1), "ms")
        say("year_bytes", n, "B")
        assert p.stop() == 0, p.output()


ot.bench(temp_history)
