# `outpost status`: its JSON, its tables, and what a monitoring system asks.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import signal
import subprocess

import outpost_test as ot
from tools_test import Writer, bus

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def status(runtime, *args):
    return ot.run(ot.OUTPOST, "status", *args, "--runtime", runtime)


def as_json(runtime):
    done = status(runtime, "--json")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("\n") == 1, done
    return json.loads(done.stdout)


def check(runtime):
    done = status(runtime, "--check")
    return done.returncode, done.stdout.rstrip("\n")


def hub(runtime, *more):
    return Writer(runtime, "open status status.pbt", "state status.pbt ready", "open status status.web",
                  "state status.web ready", *more)


@ot.test()
def json_has_every_key_with_its_type():
    runtime = bus()
    with hub(runtime, "open point test.point", "pub test.point 1000 800") as w:
        got = as_json(runtime)
        assert list(got) == ["appliance", "status", "time", "runtime", "services", "topics"]
        assert (got["appliance"], got["status"], got["runtime"]) == ("hub", "ok", str(runtime))
        assert re.fullmatch(TIME, got["time"])
        assert list(got["services"]) == ["pbt", "web"]
        service = got["services"]["pbt"]
        assert re.fullmatch(TIME, service.pop("since"))
        assert 0 < service.pop("pss_kib") < 20000
        assert service == {"status": "ok", "state": "ready", "reason": "", "pid": w.pid, "uptime_s": 3725.0,
                           "cpu_percent": 1.5, "rss_kib": 2048, "threads": 2, "restarts": 3, "records": 1234567,
                           "missed": 8, "errors": 2, "sched": "fifo 50, cores 0"}
        assert list(got["topics"]) == ["status.pbt", "status.web", "test.point"]
        topic = got["topics"]["test.point"]
        assert abs(topic.pop("measured_hz") - 800) < 0.1
        assert 0 <= topic.pop("age_ms") < 1000
        assert topic == {"help": "Points for tests", "state": "live", "rate_hz": 1000.0, "max_age_ms": 1000,
                         "published": 1000, "capacity": 4096, "writer": w.pid, "missed": 0, "readers": []}


@ot.test()
def readers_are_listed_with_what_they_missed():
    runtime = bus()
    with hub(runtime, "open point test.point") as w, \
            ot.Process(ot.OUTPOST, "tap", "test.point", "--json", "--runtime", runtime) as p:
        readers = lambda: as_json(runtime)["topics"]["test.point"]["readers"]
        ot.wait_until(readers)
        assert readers() == [{"who": "tap", "pid": p.pid, "missed": 0}]
        p.signal(signal.SIGSTOP)
        w("pub test.point 10000")
        p.signal(signal.SIGCONT)
        p.wait_line('"seq":9999,')
        missed = as_json(runtime)["topics"]["test.point"]["missed"]
        assert missed == 10000 - len(p.output("out")) >= 10000 - 4096, missed
        assert p.stop() == 0
        assert readers() == []


@ot.test()
def a_service_that_was_killed_has_failed():
    runtime = bus()
    with hub(runtime) as w:
        w.kill()
    got = as_json(runtime)
    assert got["status"] == "failed"
    service = got["services"]["pbt"]
    assert (service["status"], service["state"], service["reason"]) == ("failed", "dead", "the process is gone and nobody has restarted it yet")
    assert service["pid"] is None and service["pss_kib"] is None
    assert got["topics"]["status.pbt"]["state"] == "dead" and got["topics"]["status.pbt"]["writer"] is None
    assert re.search(r"^pbt +dead .* nobody has restarted it yet$", status(runtime).stdout, re.M)


@ot.test()
def check_speaks_as_monitoring_plugins_do():
    runtime = bus()
    assert check(runtime) == (2, "hub failed: no service runs")
    with hub(runtime) as w:
        assert check(runtime) == (0, "hub ok")
        w("state status.pbt degraded no board at /dev/ttyUSB0")
        assert check(runtime) == (1, "hub degraded: pbt degraded (no board at /dev/ttyUSB0)")
        w("state status.web restarting exited with 1")
        assert check(runtime) == (2, "hub failed: pbt degraded (no board at /dev/ttyUSB0), "
                                     "web restarting (exited with 1)")
        w("state status.pbt ready", "state status.web ready")
        assert check(runtime) == (0, "hub ok")
    assert check(ot.directory() / "nowhere")[0] == 3


@ot.test()
def the_tables_show_the_same():
    runtime = bus()
    with hub(runtime, "open point test.point", "pub test.point 1000 800", "open event test.event",
             "state status.pbt degraded no board") as w:
        done = status(runtime)
    assert done.returncode == 0
    title, blank, *lines = done.stdout.splitlines()
    assert re.fullmatch(rf"hub: degraded, {TIME}, {runtime}", title) and blank == ""
    assert lines[0].split() == ["SERVICE", "STATE", "SINCE", "CPU%", "MEMORY", "RESTARTS", "RECORDS", "MISSED",
                                "ERRORS", "UPTIME", "PID", "SCHED", "REASON"]
    assert re.fullmatch(rf"pbt +degraded +\S+s +1\.5 +\S+ +3 +1\.23M +8 +2 +1h02m +{w.pid} +fifo 50, cores 0 +"
                        "no board", lines[1]), lines[1]
    assert lines[4].split() == ["TOPIC", "STATE", "RATE/s", "NOMINAL", "AGE", "RECORDS", "MISSED", "WRITER",
                                "READERS"]
    topics = {line.split()[0]: line.split()[1:4] for line in lines[5:]}
    assert topics["test.point"] == ["live", "800.0", "1000.0"] and topics["test.event"] == ["idle", "0", "-"]


@ot.test()
def who_may_not_read_is_told_so_and_sees_no_failure():
    if os.getuid() != 0:
        raise ot.Skip("not root: cannot be somebody else")
    runtime = bus()
    os.chmod(ot.directory(), 0o755)
    with hub(runtime):
        for topic in (runtime / "bus").iterdir():
            os.chmod(topic, 0o600)
        done = subprocess.run([ot.OUTPOST, "status", "--check", "--runtime", runtime], user=65534, group=65534,
                              extra_groups=[], capture_output=True, text=True)
        assert done.returncode == 3 and done.stdout == "" and "Permission denied" in done.stderr, done
        assert "as root" in done.stderr and "failed" not in done.stderr, done


@ot.test()
def a_service_that_may_not_be_read_is_unknown():
    if os.getuid() != 0:
        raise ot.Skip("not root: cannot be somebody else")
    runtime = bus()
    os.chmod(ot.directory(), 0o755)

    def by_nobody(*args):
        done = subprocess.run([ot.OUTPOST, "status", *args, "--runtime", runtime], user=65534, group=65534,
                              extra_groups=[], capture_output=True, text=True)
        assert done.stderr == "", done
        return done

    (runtime / "services").write_text("pbt\nweb\n")  # as `outpost run` notes them
    with hub(runtime) as w:
        for topic in (runtime / "bus").iterdir():
            os.chmod(topic, 0o644)
        assert (lambda d: (d.returncode, d.stdout))(by_nobody("--check")) == (0, "hub ok\n")
        os.chmod(runtime / "bus" / "status.pbt", 0o600)
        unknown = ("pbt unknown (the topic status.pbt may not be read: run this as root, or as the user or group "
                   "that owns it)")
        done = by_nobody("--check")
        assert (done.returncode, done.stdout) == (3, f"hub unknown: {unknown}\n"), done
        got = json.loads(by_nobody("--json").stdout)
        assert got["status"] == got["services"]["pbt"]["status"] == "unknown" and list(got["services"]) == ["pbt", "web"]
        assert got["services"]["web"]["status"] == "ok" and "status.pbt" not in got["topics"]
        assert re.search(r"^pbt +unknown .*run this as root", by_nobody().stdout, re.M)
        w("state status.web degraded no network")  # worse than that is only a failure that is seen
        done = by_nobody("--check")
        assert (done.returncode, done.stdout) == (3, f"hub unknown: {unknown}, web degraded (no network)\n"), done
        w("state status.web failed gave up")
        done = by_nobody("--check")
        assert (done.returncode, done.stdout) == (2, f"hub failed: {unknown}, web failed (gave up)\n"), done


@ot.test()
def no_appliance_is_an_error():
    done = status(ot.directory() / "nowhere")
    assert done.returncode == 1 and "no appliance runs there" in done.stderr and not done.stdout
    assert status(bus(), "--sideways").returncode == 2
    assert status(bus(), "extra").returncode == 2


ot.main()
