# appliance.py - the running sensor hub under kills, stopped and flooded neighbours, and clock steps.
#
# What is proved each time is the same: the pressure samples go on without a gap. A witness follows
# pbt.sample through the whole test; the line's own counters and the board's must agree that
# nothing was lost.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import datetime
import glob
import json
import os
import pathlib
import random
import resource
import signal
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import outpost_test as ot

SEED = int(os.environ.get("OUTPOST_SEED", "20261121"))
LOSSES = ("lost_rate", "lost_board", "overruns", "framing", "rejected", "overlong")
AHEAD = {"+3y": 3 * 365 * 86400, "-1h": -3600, "+0": 0}
LIB_FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


class Witness:
    """Follows pbt.sample from now on; every record's sequence number and time must continue."""

    def __init__(self, box):
        self.box, self.seen, self.first, self.last, self.wrong = box, 0, None, None, []
        self.tap = ot.Process(ot.OUTPOST, "tap", "pbt.sample", "--json", "--runtime", box.runtime)
        self.tap.wait_line("pbt.sample")

    def stop(self):
        self.tap.signal(signal.SIGINT)
        assert self.tap.wait() == 0
        missed = [line for line in self.tap.output("err") if "missed" in line]
        assert not missed, missed
        records = [json.loads(line) for line in self.tap.output("out")]
        for before, after in zip(records, records[1:]):
            assert after["seq"] == before["seq"] + 1, (before, after)
            assert after["boot_ns"] >= before["boot_ns"], (before, after)
        return records


def stats(box):
    return box.tap("pbt.stats", 1, "--last", 1)[0]


def losses(box):
    now = stats(box)
    return {k: now[k] for k in LOSSES if now[k]}


def files_of(box):
    return sorted(str(p.relative_to(box.runtime)) for p in box.runtime.rglob("*"))


def live_a_while(chance):
    """Until a random instant, late enough that a kill is not one of several failures in a row."""
    threading.Event().wait(0.5 + chance.random() * 0.5)


def wait_back(box, service, old_pid, within):
    """The service's new pid once it says it is up again."""
    def back():
        try:
            entry = box.health()["services"][service]
        except (OSError, ValueError):
            return None  # the web service itself is on its way up
        return entry["state"] == "ready" and entry["pid"] != old_pid and entry["pid"]
    return ot.wait_until(back, within, f"{service} is back")


def clock_ahead(box):
    """Seconds by which the appliance's wall clock is ahead of ours."""
    told = datetime.datetime.fromisoformat(box.health()["time"].replace("Z", "+00:00"))
    return (told - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


@ot.test(timeout=1200)
def kill_9_of_any_service_disturbs_no_other():
    chance = random.Random(SEED)
    rounds = 100 if ot.full() else 8
    with ot.Outpost() as box:
        witness, before = Witness(box), files_of(box)
        pids = {name: box.service_pid(name) for name in ("pbt", "web")}
        for _ in range(rounds):
            victim = chance.choice(("pbt", "web"))
            live_a_while(chance)
            os.kill(pids[victim], signal.SIGKILL)
            pids[victim] = wait_back(box, victim, pids[victim], 5)
            for name, pid in pids.items():
                assert box.service_pid(name) == pid, f"{name} noticed that {victim} was killed"
        records = witness.stop()
        assert len(records) > 800 * 0.2 * rounds
        ot.wait_until(lambda: files_of(box) == before, 5, "no file is left over")


@ot.test(timeout=120)
def kill_9_of_web_costs_no_sample():
    rounds, chance = 20 if ot.full() else 3, random.Random(SEED)
    with ot.Outpost() as box:
        witness = Witness(box)
        pid = box.service_pid("web")
        for _ in range(rounds):
            live_a_while(chance)
            os.kill(pid, signal.SIGKILL)
            pid = wait_back(box, "web", pid, 5)
        records = witness.stop()
        assert losses(box) == {}
        seconds = (records[-1]["boot_ns"] - records[0]["boot_ns"]) / 1e9
        assert abs(len(records) / seconds - 800) < 8, f"{len(records)} samples in {seconds} s"


@ot.test(timeout=90)
def a_stopped_web_service_is_replaced_and_costs_no_sample():
    with ot.Outpost(sets=["services.web.watchdog_s=2"]) as box:
        witness, pid = Witness(box), box.service_pid("web")
        os.kill(pid, signal.SIGSTOP)
        wait_back(box, "web", pid, 20)
        witness.stop()
        assert losses(box) == {}


@ot.test(timeout=120)
def clients_that_never_read_cost_no_sample():
    with ot.Outpost(sets=["services.web.max_clients=100"]) as box:
        witness = Witness(box)
        idle = [ot.WebSocket(box.url + "ws") for _ in range(50)]
        for client in idle:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.subscribe("pbt.sample", rate=60)
        with ot.WebSocket(box.url + "ws") as good:
            good.subscribe("pbt.sample", rate=20)
            frame = good.recv_frame()
            deadline, expected = ot.Deadline(20 if ot.full() else 6), frame.first_seq + frame.count
            while not deadline.over():
                frame = good.recv_frame(2)
                assert frame.missed == 0 and frame.first_seq == expected, frame[:8]
                expected += frame.count
        for client in idle:
            client.sock.close()
        witness.stop()
        assert losses(box) == {}


@ot.test(timeout=180)
def half_open_and_malformed_connections_cost_no_sample():
    wanted = 10000 if ot.full() else 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 500), hard))
    with ot.Outpost() as box:
        witness, open_ends = Witness(box), []
        for i in range(wanted):
            s = socket.socket()
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", box.port))
                if i % 3 == 1:
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
                elif i % 3 == 2:
                    s.sendall(b"\x16\x03\x01 nonsense \x00\xff\r\n\r\n" + b"A" * 5000)
            except OSError:
                pass  # refused or evicted: its right
            open_ends.append(s)
            if i % 200 == 0:
                assert ot.get(box.url + "health").status == 200
        for path, headers in (("x" * 100000, {}), ("health", {"X-Big": "y" * 200000})):
            try:
                assert ot.get(box.url + path, headers=headers).status in (400, 404, 414, 431)
            except OSError:
                pass  # hung up on: its right, too
        assert ot.get(box.url + "health").status == 200
        for s in open_ends:
            s.close()
        witness.stop()
        assert losses(box) == {}


@ot.test(timeout=120)
def clock_steps_leave_no_gap_and_no_false_state():
    if not LIB_FAKETIME:
        raise ot.Skip("libfaketime is not installed (package faketime)")
    offset = ot.directory() / "offset"
    offset.write_text("+0\n")
    env = {"LD_PRELOAD": LIB_FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
           "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with ot.Outpost(env=env) as box:
        witness = Witness(box)
        before = box.health()
        for step in ("+3y", "-1h", "+0"):
            offset.write_text(step + "\n")
            ot.wait_until(lambda: abs(clock_ahead(box) - AHEAD[step]) < 600, 3, f"the clock steps by {step}")
            deadline = ot.Deadline(3)
            while not deadline.over():
                health = box.health()
                assert health["status"] == "ok", health
        after = box.health()
        for name, entry in after["services"].items():
            assert entry["restarts"] == before["services"][name]["restarts"] == 0, after
            assert 0 <= entry["uptime_s"] < 1000, after
        records = witness.stop()
        seconds = (records[-1]["boot_ns"] - records[0]["boot_ns"]) / 1e9
        assert abs(len(records) / seconds - 800) < 8, f"{len(records)} samples in {seconds} s"
        assert losses(box) == {}


ot.main()
