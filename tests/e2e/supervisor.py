# supervisor.py - `outpost run` with real services that crash, hang and refuse.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import signal
import socket
import time

import boxes
import outpost_test as ot
from boxes import Box


@ot.test()
def starts_says_ready_once_and_stops_leaving_nothing():
    began = time.monotonic()
    with Box({"a": {"url": "http://127.0.0.1:18001/"}, "b": {}, "c": {"at_start": "degraded"}}) as box:
        took = time.monotonic() - began
        assert took < ot.patient(3), f"ready after {took:.2f} s"  # the budget is the bench's; this is a hang
        pids = [box.pid(s) for s in "abc"]
        assert box.output("out") == ["ready: http://127.0.0.1:18001/"]
        assert box.states("c")["state"] == "degraded"
        assert box.states("c")["reason"] == "board /dev/x missing"
    assert box.output("out") == ["ready: http://127.0.0.1:18001/"]
    assert not [p for p in pids if boxes.alive(p)]


@ot.test()
def without_an_address_it_says_ready_alone():
    with Box({"a": {}}) as box:
        assert box.output("out") == ["ready"]


@ot.test()
def a_crash_restarts_one_service_and_counts_it():
    with Box({"a": {}, "b": {}}) as box:
        a, b = box.pid("a"), box.pid("b")
        for restarts in (1, 2):
            box.call("a", "crash", check=False)
            a = box.wait_new_life("a", a)
            status = box.call("a", "status")
            assert status["restarts"] == restarts and status["state"] == "ready"
        assert box.pid("b") == b and box.call("b", "status")["restarts"] == 0
        assert box.log(r"a: killed by signal 11 \(Segmentation fault\): restart in \d+ ms \(failure 1 of 3\)")


@ot.test()
def kill_9_is_mended_and_the_sequence_goes_on():
    with Box({"a": {}}) as box:
        before = ot.tap(box.runtime, "status.a", 1)[0]["seq"]
        pid = box.pid("a")
        os.kill(pid, signal.SIGKILL)
        box.wait_new_life("a", pid)
        assert ot.tap(box.runtime, "status.a", 1)[0]["seq"] > before
        assert box.states("a")["restarts"] == 1


@ot.test()
def a_clean_end_is_no_restart():
    with Box({"a": {}}) as box:
        pid = box.pid("a")
        box.call("a", "stop")
        box.wait_new_life("a", pid)
        assert box.call("a", "status")["restarts"] == 0
        assert box.log("a: stopped by itself: starting it again")


@ot.test()
def without_its_runtime_directory_it_stops_and_says_why():
    with Box({"a": {}, "b": {}}) as box:
        pids = [box.pid(s) for s in "ab"]
        box.runtime.rename(ot.directory() / "moved")  # as it goes when its user logs out
        assert box.wait(20) == 1
        assert len(box.log(f"runtime directory {box.runtime}: it is gone or another's, .*: stopping")) == 1
        assert [line.split()[1] for line in box.log("info +stopped")] == ["b", "a"], "in good order"
        assert not [p for p in pids if boxes.alive(p)]
        assert not box.log("watchdog|not ready|cannot remove"), box.output()


@ot.test()
def a_runtime_directory_of_another_is_left_alone():
    with Box({"a": {}}) as box:
        box.runtime.rename(ot.directory() / "moved")
        for name in ("bus/status.a", "call/a", "lock", "notify.sock", "services"):
            path = box.runtime / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("of another")
        assert box.wait(20) == 1
        left = sorted(p for p in box.runtime.rglob("*") if p.is_file() and p.read_text() == "of another")
        assert len(left) == 5, left


@ot.test()
def without_its_socket_alone_it_stops_and_cleans_up():
    with Box({"a": {}}) as box:
        (box.runtime / "notify.sock").unlink()
        assert box.wait(20) == 1 and not box.runtime.exists()


@ot.test()
def gives_up_after_the_limit_and_tries_again_after_the_pause():
    with Box({"good": {}, "bad": {"at_start": "crash"}}, ready=False) as box:
        box.wait_line(r"bad: 3 failures in a row: given up for 1 s: killed by signal 11")
        # The line is written before the topic; in between nobody holds it.
        status = ot.wait_until(lambda: (s := box.states("bad"))["state"] == "failed" and s, what="its state")
        assert status["pid"] in (0, None), status
        assert "given up for 1 s" in status["reason"]
        assert box.states("good")["state"] == "ready"
        mark = len(box.output())
        box.wait_line(r"bad: .*failure 1 of 3", after=mark)
        box.wait_line(r"bad: 3 failures in a row", after=mark)
        assert box.output("out") == []
        assert box.stop() == 0


@ot.test()
def a_service_that_crashes_a_while_after_each_start_is_given_up_too():
    patient = {"restart": {"limit": 3, "cooldown_s": 60, "backoff_ms": 20, "backoff_max_ms": 20}}
    with Box({"a": patient}) as box:
        pid = box.pid("a")
        for life in range(3):
            ot.wait_until(lambda: box.call("a", "status")["uptime_s"] > 0.7)
            box.call("a", "crash", check=False)
            pid = box.wait_new_life("a", pid) if life < 2 else pid
        box.wait_line("a: 3 failures in a row: given up for 60 s")


@ot.test()
def kills_from_outside_are_no_row_of_failures():
    patient = {"restart": {"limit": 3, "cooldown_s": 60, "backoff_ms": 20, "backoff_max_ms": 20}}
    with Box({"a": patient}) as box:
        pid = box.pid("a")
        for _ in range(4):
            up = ot.wait_until(lambda: box.states("a")["state"] == "ready" and box.call("a", "status")["uptime_s"])
            ot.wait_until(lambda: box.call("a", "status")["uptime_s"] > up + 0.6, what="a life of more than 0.5 s")
            os.kill(pid, signal.SIGKILL)
            pid = box.wait_new_life("a", pid)
        assert not box.log("given up") and len(box.log("failure 1 of 3")) == 4


@ot.test()
def a_dead_service_shows_as_restarting_with_its_reason():
    slow = {"restart": {"limit": 3, "cooldown_s": 1, "backoff_ms": 60000, "backoff_max_ms": 60000}}
    with Box({"a": slow}) as box:
        box.call("a", "exit", "status=7")
        status = ot.wait_until(lambda: box.states("a")["state"] == "restarting" and box.states("a"))
        assert status["reason"] == "exit status 7"
        stamps = [r["boot_ns"] for r in ot.tap(box.runtime, "status.a", 2)]  # still speaking
        assert stamps[1] > stamps[0]
        (box.runtime / "bus/status.a").unlink()  # as if it had never come
        seen = ot.run(ot.OUTPOST, "status", "--check", "--runtime", box.runtime)
        assert seen.stdout == "rt failed: a absent (it has not started yet)\n", seen


@ot.test()
def a_service_whose_work_stands_still_is_killed():
    with Box({"a": {"watchdog_s": 2}}) as box:
        pid = box.pid("a")
        box.call("a", "stick")
        box.wait_new_life("a", pid)
        assert box.log("a: watchdog: no sign of work for 2 s: killing")
        assert box.call("a", "status")["restarts"] == 1


@ot.test()
def a_blocked_loop_and_a_stopped_process_are_killed():
    with Box({"a": {"watchdog_s": 2}}) as box:
        pid = box.pid("a")
        box.call("a", "block", "--timeout", "0.1", check=False)
        pid = box.wait_new_life("a", pid)
        os.kill(pid, signal.SIGSTOP)  # SIGABRT waits, SIGKILL does not
        box.wait_new_life("a", pid)


@ot.test()
def nobody_is_killed_for_a_stall_of_the_supervisor():
    with Box({"a": {"watchdog_s": 2}, "b": {"watchdog_s": 2}}) as box:
        pids = [box.pid("a"), box.pid("b")]
        box.signal(signal.SIGSTOP)
        first = ot.tap(box.runtime, "status.a", 1)[0]["uptime_s"]
        ot.wait_until(lambda: ot.tap(box.runtime, "status.a", 1)[0]["uptime_s"] > first + 2.5,
                      what="longer than the watchdog")
        box.signal(signal.SIGCONT)
        box.call("a", "print", "text=heard")
        box.wait_line("a +info +heard")
        assert not box.log("watchdog") and [box.pid("a"), box.pid("b")] == pids


@ot.test()
def a_service_that_never_gets_ready_is_killed_and_started_again():
    with Box({"a": {"at_start": "never", "start_timeout_s": 1}}, ready=False) as box:
        box.wait_line("a: not ready after 1 s: killing")
        box.wait_line("a: not ready after 1 s: restart in")
        assert box.stop() == 0


@ot.test()
def wrong_settings_of_the_environment_end_the_start():
    with Box({"good": {}, "bad": {"at_start": "config"}}, ready=False) as box:
        assert box.wait() == 78
        assert box.log("the port is taken by process 1: choose another")
        assert box.log("a restart will not help")
        assert box.output("out") == [] and not box.runtime.exists()


@ot.test()
def mistakes_are_all_shown_and_nothing_starts():
    services = {"a": {"at_start": "redy"}, "b": {"urll": "x"}, "c": {"watchdog_s": -1},
                "d": {"program": "outpost-nonesuch"}}
    with Box(services, ready=False) as box:
        assert box.wait() == 2
        text = "\n".join(box.output("err"))
        for part in ("services.a.at_start", "services.b.urll", 'did you mean "url"', "services.c.watchdog_s",
                     "outpost-nonesuch", "nothing was started"):
            assert part in text, f"{part} is not in:\n{text}"
        assert box.output("out") == [] and not box.runtime.exists() and not box.state.exists()


@ot.test()
def wrong_arguments_say_what_is_wrong():
    for args, part in ((["run"], "which appliance?"), (["run", "nonesuch"], "nonesuch"),
                       (["run", "a", "b"], "one appliance"), (["rum"], 'did you mean "run"'),
                       (["run", "a", "--log-size", "1"], "--log-size")):
        done = ot.run(ot.OUTPOST, *args)
        assert done.returncode == 2 and part in done.stderr, (args, done)


@ot.test()
def a_service_that_refuses_to_stop_is_killed_in_time():
    with Box({"a": {"stop_timeout_s": 1}, "b": {}}) as box:
        box.call("a", "deaf")
        pid = box.pid("a")
        assert box.stop() == 0
        assert box.log("a: not stopped after 1 s: killing") and not boxes.alive(pid)
        assert not box.runtime.exists()
        order = [line.split()[1] for line in box.log("info +stopping")]
        assert order == ["b", "a"], order  # the last one first


@ot.test()
def the_second_signal_kills():
    with Box({"a": {"stop_timeout_s": 60}}) as box:
        box.call("a", "deaf")
        box.signal(signal.SIGTERM)
        box.wait_line("a +info +stopping")
        box.signal(signal.SIGINT)
        assert box.wait(5) == 0 and box.log("second signal")


@ot.test()
def the_same_signal_at_once_is_still_the_first():
    with Box({"a": {}, "b": {}, "c": {}}) as box:
        for _ in range(3):
            box.signal(signal.SIGTERM)
        assert box.wait(5) == 0 and not box.log("second signal") and not box.log("restart")
        assert [line.split()[1] for line in box.log("info +stopping")] == ["c", "b", "a"]


@ot.test()
def nothing_is_restarted_while_all_stops():
    with Box({"a": {}, "b": {}, "dead": {"at_start": "crash", "restart": {"backoff_ms": 300, "limit": 9}},
              "last": {"stop_timeout_s": 60}}, ready=False) as box:
        box.wait_line("dead: .*restart in")
        box.wait_line("last +info +ready")
        box.call("last", "deaf")
        box.signal(signal.SIGTERM)
        box.wait_line("last +info +stopping")
        mark = len(box.output())
        os.kill(box.pid("a"), signal.SIGKILL)
        box.signal(signal.SIGINT)
        assert box.wait(5) == 0
        late = [x for x in box.output()[mark:] if "restart" in x or "starting" in x]
        assert not late, late


@ot.test()
def what_a_service_started_ends_with_it():
    with Box({"a": {}}) as box:
        pid, child = box.pid("a"), box.call("a", "fork")
        assert boxes.alive(child)
        os.kill(pid, signal.SIGKILL)
        ot.wait_until(lambda: not boxes.alive(child), what="its child is gone")


@ot.test()
def kill_9_of_the_supervisor_leaves_no_orphan_and_the_next_run_works():
    with Box({"a": {}, "b": {}}) as box:
        pids = [box.pid("a"), box.pid("b")]
        box.call("a", "crash", check=False)
        pids.append(box.wait_new_life("a", pids[0]))
        box.proc.kill()
        box.wait()
        ot.wait_until(lambda: not any(map(boxes.alive, pids)), what="no orphan")
        assert (box.runtime / "bus/status.a").exists()
    with Box({}, file=box.file) as again:
        assert again.call("a", "status")["restarts"] == 0
        assert ot.tap(again.runtime, "status.a", 1)[0]["seq"] < 10, "a new run starts from zero"


@ot.test()
def a_second_instance_is_refused_by_name():
    with Box({"a": {}}) as box:
        pid = box.pid("a")
        with Box({}, file=box.file, ready=False) as second:
            assert second.wait() == 1
            assert second.log(f"box already runs as process {box.proc.pid} in ")
        assert box.pid("a") == pid
        other = ot.directory() / "other"
        done = ot.run(ot.OUTPOST, "run", box.file, "--runtime", box.runtime, "--state", other)
        assert done.returncode == 1 and not other.exists(), "who is refused leaves nothing"


@ot.test()
def two_appliances_do_not_meet():
    with Box({"a": {}}) as box:
        done = ot.run(boxes.PROGRAM, "--appliance", box.file, "--service", "a", "--runtime", box.runtime,
                      "--state", box.state)
        assert done.returncode == 1 and f"already running as process {box.pid('a')}" in done.stderr


@ot.test()
def it_speaks_to_systemd_as_a_service():
    path = str(ot.directory() / "systemd")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(ot.patient(5))
        env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}
        with Box({"a": {}}, env=env) as box:
            seen = []
            while not ({"READY=1", "WATCHDOG=1"} <= set(seen)):
                seen += sock.recv(4096).decode().split("\n")
            with open(f"/proc/{box.pid('a')}/environ") as f:
                inner = dict(v.split("=", 1) for v in f.read().split("\0") if "=" in v)
            assert inner["NOTIFY_SOCKET"] != path and inner["WATCHDOG_USEC"] == "20000000"
            box.signal(signal.SIGTERM)
            while "STOPPING=1" not in seen:
                seen += sock.recv(4096).decode().split("\n")
            assert box.wait() == 0


@ot.test()
def a_service_alone_speaks_to_an_abstract_socket():
    name = f"outpost-test-{os.getpid()}"
    file = boxes.write({"a": {"url": "http://127.0.0.1:18002/"}})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(ot.patient(5))
        with ot.Process(boxes.PROGRAM, "--appliance", file, "--runtime", ot.directory() / "rt", "--state",
                        ot.directory() / "state", env={"NOTIFY_SOCKET": "@" + name}) as service:
            seen = sock.recv(4096).decode().split("\n")
            while "READY=1" not in seen:
                seen += sock.recv(4096).decode().split("\n")
            assert "X_OUTPOST_URL=http://127.0.0.1:18002/" in seen and "STATUS=ready" in seen
            assert service.stop() == 0
            while "STOPPING=1" not in seen:
                seen += sock.recv(4096).decode().split("\n")


@ot.test()
def the_status_topic_says_what_is_true():
    with Box({"a": {}}) as box:
        first, *_, second = ot.tap(box.runtime, "status.a", 5)
        assert 0.9e9 < (second["boot_ns"] - first["boot_ns"]) / 4 < 1.5e9, "once a second"
        assert second["records"] > first["records"] and second["missed"] == 2 and second["errors"] == 3
        assert second["pid"] == box.pid("a") and second["threads"] >= 1 and second["state"] == "ready"
        with open(f"/proc/{second['pid']}/statm") as f:
            rss = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
        assert abs(second["rss_kib"] - rss) < 512, (second["rss_kib"], rss)
        assert 0 <= second["cpu_percent"] < 50
        box.call("a", "state", "degraded=cable out")
        status = box.states("a")
        assert (status["state"], status["reason"]) == ("degraded", "cable out")
        box.call("a", "state")
        assert box.states("a")["state"] == "ready"
        assert len(box.log("degraded: cable out")) == 1


@ot.test()
def simulators_come_first_and_go_last():
    extra = f"simulators:\n  board: {{program: {boxes.PROGRAM}, args: ["
    extra += ", ".join(json.dumps(str(a)) for a in (
        "--appliance", "${RUNTIME}/../sim.yaml", "--runtime", "${RUNTIME}/../simrt", "--state",
        "${RUNTIME}/../simstate"))
    extra += "], set: {services.a.secret: simulated}}\n"
    boxes.write({"sim": {}}, name="sim")
    with Box({"a": {}}, "--sim", extra=extra) as box:
        assert "secret" in box.call("a", "settings")
        lines = box.log("info +ready")
        assert [line.split()[1] for line in lines] == ["board", "a"], lines
    lines = box.log("info +stopped")
    assert [line.split()[1] for line in lines] == ["a", "board"], lines


@ot.test()
def scheduling_is_applied_or_its_refusal_told():
    sched = {"policy": "fifo", "priority": 10, "nice": -5, "cores": [0], "mlock": True,
             "io_class": "best-effort", "io_priority": 2}
    with Box({"a": {"sched": sched, "work_thread": True}, "b": {"sched": {"cores": [0, 999]}}}) as box:
        text, pid = box.call("a", "status")["sched"], box.pid("a")
        said = box.log(r"a +warning +scheduling: ")
        for word in ("cores 0", "nice -5", "io best-effort 2", "mlock", "fifo 10"):
            assert word in text, text
        held, _, refused = text.partition("; refused: ")
        assert len(said) == (refused.count(",") + 1 if refused else 0), (text, said)
        assert os.sched_getaffinity(pid) == {0}
        if "nice -5" in held:
            assert os.getpriority(os.PRIO_PROCESS, pid) == -5
        with open(f"/proc/{pid}/status") as f:
            locked = int(f.read().split("VmLck:")[1].split()[0])
        with open(f"/proc/{pid}/maps") as f:
            maps = f.read()
        sanitized = "libasan" in maps or "libtsan" in maps  # they make mlockall(2) do nothing
        assert sanitized or (locked > 0) == ("mlock" in held), (locked, text)
        assert "refused: cores 0,999" in box.call("b", "status")["sched"]
        assert len(box.log("b +warning +scheduling: cores 0,999 refused")) == 1


@ot.test()
def without_privileges_it_runs_all_the_same():
    if os.geteuid() != 0:
        raise ot.Skip("not root: the other tests run without privileges already")
    os.chmod(ot.directory(), 0o777)
    file = boxes.write({"a": {"sched": {"policy": "fifo", "priority": 10, "nice": -5, "mlock": True},
                              "work_thread": True}})
    file.chmod(0o644)
    with ot.Process("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                    ot.OUTPOST, "run", file, "--runtime", ot.directory() / "rt", "--state",
                    ot.directory() / "state", cwd="/") as box:
        box.wait_line("^ready")
        status = json.loads(ot.run(ot.OUTPOST, "call", "a", "status", "--runtime",
                                   ot.directory() / "rt").stdout)
        for word in ("nice -5", "mlock", "fifo 10"):
            assert word in status["sched"].split("refused: ")[1], status
        assert box.stop() == 0


ot.main()
