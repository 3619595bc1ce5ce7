# alerts.py - what rules cost: records one rule judges per second of a core, and the share of a core
# and the memory that outpost-alerts takes with ten rules on an 800 Hz topic.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import pathlib
import subprocess

import outpost_test as ot

RULES = 10
SECONDS = float(os.environ.get("SECONDS") or 10)


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "alerts", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": {}}), flush=True)


def cpu_s(pid):
    """CPU time of all threads, to the nanosecond (schedstat)."""
    return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def pss_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def engine():
    done = ot.run(ot.BUILD / "tests/bench/bench-alerts-rule", timeout=60)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        name, rate, _events = line.split()
        say(f"rule_{name}", float(rate), "1/s", 20e6)


def write_box():
    """An appliance of ten rules, none of which ever holds, and a webhook that is never asked."""
    rules = [{"name": f"r{i}", "topic": "test.tick", "field": "number", "above": "1e300", "for_s": 1}
             for i in range(RULES)]
    alerts = {"program": str(ot.BUILD / "outpost-alerts"), "rules": rules,
              "channels": [{"name": "hook", "url": "http://127.0.0.1:9/"}, {"name": "log", "type": "log"}]}
    path = ot.directory() / "box.yaml"
    path.write_text("appliance: box\nservices:\n  alerts: " + json.dumps(alerts) + "\n")
    path.chmod(0o600)
    return path


@ot.test(timeout=SECONDS * 2 + 90)
def alerts():
    engine()
    runtime = ot.directory() / "rt"
    with ot.Process(ot.OUTPOST, "run", write_box(), "--runtime", runtime, "--state", ot.directory() / "state") as box:
        box.wait_line(r"^ready")
        pid = json.loads(ot.run(ot.OUTPOST, "call", "alerts", "ping", "--runtime", runtime).stdout)["pid"]
        with ot.Process(ot.BUILD / "tests/test-web-feed", runtime / "bus", "test.tick", "800",
                        stdin=subprocess.PIPE) as feed:
            feed.wait_line("^ok$")

            def status():
                return json.loads(ot.run(ot.OUTPOST, "call", "alerts", "status", "--runtime", runtime).stdout)

            ot.wait_until(lambda: status()["records"] > 800, 20, "records are judged")
            before, records, over = cpu_s(pid), status()["records"], ot.Deadline(SECONDS)
            ot.wait_until(over.over, SECONDS + 10, "the time is over", every=0.5)
            share, judged = (cpu_s(pid) - before) / SECONDS * 100, status()["records"] - records
            assert judged >= 0.9 * 800 * SECONDS, f"only {judged} records"
            assert status()["missed"] == 0
            say("cpu_at_800", round(share, 2), "%", 1)
            say("pss", round(pss_mb(pid), 2), "MB", 4)
            feed.proc.stdin.close()
            feed.wait()
        assert box.stop() == 0


ot.bench(alerts)
