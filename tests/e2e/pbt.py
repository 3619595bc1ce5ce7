# pbt.py - the acquisition service against the simulated board: real processes, a real pty.
#
# What the service publishes is compared with the board's truth file, with the golden files, and with
# the filter of contract 2.4 and 2.5 written down here once more, over the raw samples of the topic.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import resource
import signal
import socket
import subprocess

import outpost_test as ot

GOLDEN = ot.SOURCE / "tests" / "golden" / "data"
PERIOD_NS = 1_250_000
QUICK = ("silence_ms=600", "first_ms=900", "retry_ms=200")


class Rig:
    """A board and the service that reads it."""

    def __init__(self, *board, sets=(), plugged=True):
        self.dir = ot.directory()
        (self.dir / "run").mkdir(exist_ok=True)
        self.runtime, self.by_id = self.dir / "run", self.dir / "by-id"
        self.yaml = self.dir / "rig.yaml"
        self.yaml.write_text("appliance: rig\nservices:\n  pbt:\n    program: outpost-pbt\n"
                             f"    device: serial:{self.dir}/port\n    by_id_dir: {self.by_id}\n")
        self.board_args, self.sets, self.board, self.service = board, sets, None, None
        if plugged:
            self.plug()
        self.start()

    def plug(self):
        self.board = ot.Process(ot.BUILD / "outpost-sim-pbt", "--link", self.dir / "port", "--by-id",
                                self.by_id / "usb-Arduino_Uno_4711-if00", "--control", self.dir / "control",
                                "--truth", self.dir / "truth", *self.board_args)
        ot.wait_until(lambda: (self.dir / "control").exists(), what="the board is there")

    def start(self):
        self.service = ot.Process(ot.BUILD / "outpost-pbt", "--appliance", self.yaml, "--service", "pbt",
                                  "--runtime", self.runtime, "--state", self.dir,
                                  *[a for s in self.sets for a in ("--set", f"services.pbt.{s}")])

    def say(self, command):
        with open(self.dir / "control", "w", encoding="ascii") as fifo:
            fifo.write(command + "\n")

    def truth(self):
        return [json.loads(line) for line in (self.dir / "truth").read_text().splitlines()]

    def tap(self, topic, last):
        """Up to `last` records that are there already."""
        done = ot.run(ot.OUTPOST, "tap", topic, "--json", "--last", last, "--timeout", 0.3,
                      "--runtime", self.runtime)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stats(self):
        return self.call("stats")

    def call(self, method, *args):
        done = ot.run(ot.OUTPOST, "call", "pbt", method, *args, "--json", "--runtime", self.runtime)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait_stats(self, condition, what, timeout=15):
        return ot.wait_until(lambda: (lambda s: condition(s) and s)(self.stats()), timeout, what, every=0.1)

    def wait_live(self, timeout=15):
        return self.wait_stats(lambda s: s["link"] == "live", "live", timeout)

    def wait_samples(self, n, timeout=60):
        return self.wait_stats(lambda s: s["samples"] >= n, f"{n} samples", timeout)

    def wait_degraded(self, part, timeout=10):
        return self.service.wait_line(f"degraded: .*{part}", timeout)

    def __enter__(self):
        self.service.wait_line(r"\b(ready|degraded)\b", 10)
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None and self.service.proc.poll() is None:
                assert self.service.stop() == 0
            if kind is None and self.board and self.board.proc.poll() is None:
                assert self.board.stop() == 0
                assert not os.path.lexists(self.dir / "port"), "the simulator leaves its link"
        finally:
            self.service.__exit__(kind, value, tb)
            if self.board:
                self.board.__exit__(kind, value, tb)


def model(samples, alpha_e=0.12, alpha_b=0.001, threshold=60.0, capture=0.25, refractory=0.2):
    """Contract 2.3 to 2.6, profile `default`, over raw values: [(trigger, fire, peak, width)]."""
    baseline, envelope, state, hits, due = sum(samples[:160]) / 160, 0.0, "armed", [], 0.0
    for n in range(160, len(samples)):
        baseline = (1 - alpha_b) * baseline + alpha_b * samples[n]
        envelope = (1 - alpha_e) * envelope + alpha_e * abs(samples[n] - baseline)
        now = n / 800
        if state == "armed" and envelope > threshold:
            state, trigger, peak, due = "capture", n, envelope, now + capture
        elif state == "capture":
            peak = max(peak, envelope)
            if now >= due or envelope < threshold / 2:
                width = 100 - (min(max(peak, 60), 95) - 60) / 35 * 90
                hits.append((trigger, n, peak, width))
                state, due = "hold", now + width / 1000 + 0.1 + refractory
        if state == "hold" and now >= due:
            state = "wait"
        if state == "wait" and envelope < 0.4 * threshold:
            state = "armed"
    return hits


def check_times(records, longest_ns=3 * PERIOD_NS):
    """Times never go back, and no gap or burst shows in them."""
    times = [r["boot_ns"] for r in records]
    steps = [b - a for a, b in zip(times, times[1:])]
    assert min(steps) >= 0, "time goes backwards"
    assert max(steps) <= longest_ns, f"a step of {max(steps) / 1e6} ms"


def golden(profile):
    expected = json.loads((GOLDEN / "pbt_dev.json").read_text())["expected"][profile]
    with Rig("--play", GOLDEN / "pbt_dev.ser", sets=[f"profile={profile}"]) as rig:
        rig.wait_samples(16000, 40)
        hits = rig.tap("pbt.hit", 100)
        assert len(hits) == len(expected["events"]), hits
        for hit, want in zip(hits, expected["events"]):
            assert hit["trigger_seq"] == want["trigger_sample"], (hit, want)
            assert hit["fire_seq"] == want["fire_sample"], (hit, want)
            assert abs(hit["peak"] - want["peak"]) < 1e-4 and abs(hit["width_ms"] - want["width_ms"]) < 1e-3
            assert hit["end"] == want["end"]
        stats = rig.stats()
        assert stats["samples"] == 16000 and stats["lost_board"] == stats["rejected"] == 0, stats
        last = rig.tap("pbt.sample", 1)[0]
        assert last["seq"] == 15999 and last["phase"] == expected["final_state"], last
        assert abs(last["baseline"] - expected["final_baseline"]) < 1e-3, last
        for n, want in enumerate(expected["events"], 1):
            rig.service.wait_line(rf"Pulse #{n}: Peak={want['peak']:.1f} → {want['width_ms']:.0f} ms "
                                  r"\(INVERTED\)", 2)
        assert not [line for line in rig.service.output() if "drop" in line or "miss" in line.lower()]


@ot.test(timeout=60)
def the_golden_trace_in_real_time_gives_every_hit():
    golden("default")


@ot.test(timeout=60)
def the_golden_trace_with_the_other_profile():
    golden("sick10bar")


@ot.test(timeout=60)
def hits_are_those_of_the_truth_and_of_the_contracts_filter():
    board = ["--no-hits", "--split", "--seed", 7]
    for at, peak, ms in ((2, 250, 150), (4.5, 880, 130), (7.5, 130, 300), (9.5, 320, 200), (12, 640, 319)):
        board += ["--at", f"{at}:hit {peak} {ms}"]
    with Rig(*board) as rig:
        rig.wait_samples(12000, 30)
        samples, hits, truth = rig.tap("pbt.sample", 16384), rig.tap("pbt.hit", 100), rig.truth()
        assert samples[0]["seq"] == 0 and len(samples) >= 12000
        check_times(samples)
        want = model([s["raw"] for s in samples])
        assert len(hits) == len(want) == len(truth) == 5, (hits, want, truth)
        for hit, (trigger, fire, peak, width), real in zip(hits, want, truth):
            assert (hit["trigger_seq"], hit["fire_seq"]) == (trigger, fire), (hit, trigger, fire)
            assert abs(hit["peak"] - peak) <= 0.01 * peak and abs(hit["width_ms"] - width) < 0.5
            assert 0 < trigger - real["start_sample"] < 0.1 * 800, (trigger, real)
            taken = samples[real["start_sample"]]["boot_ns"]  # its time against the board's own
            assert abs(taken - real["boot_ns"]) < 5_000_000, (taken - real["boot_ns"])
            phases = {s["phase"] for s in samples[trigger:fire + 400]}
            assert {"capture", "pulse", "refractory"} <= phases


@ot.test()
def a_board_that_is_missing_at_start_is_found_when_it_comes():
    with Rig(plugged=False, sets=QUICK) as rig:
        rig.service.wait_line(r"ERROR: Could not open serial port .*/port: no such device", 5)
        rig.wait_degraded("is missing: plug in the board")
        ot.wait_until(lambda: rig.stats()["link"] == "missing", 5, "missing in pbt.stats")
        rig.plug()
        rig.wait_live()
        rig.service.wait_line(r"Baseline calibrated: (39|40)\.\d ADC counts", 5)
        assert len([x for x in rig.service.output() if "Could not open" in x]) == 1, "logged more than once"


@ot.test(timeout=40)
def unplugged_and_back_under_another_name():
    with Rig("--no-hits", sets=QUICK) as rig:
        rig.wait_live()
        before = rig.stats()["device"]
        rig.say(f"unplug 1 {rig.dir}/another")
        rig.wait_degraded("is missing")
        after = rig.wait_stats(lambda s: s["link"] == "live" and s["opens"] == 2, "live again")
        assert not os.path.lexists(rig.dir / "port") and after["device"] != before, after
        rig.wait_samples(after["samples"] + 800)
        samples = rig.tap("pbt.sample", 16000)
        assert [s["seq"] for s in samples] == list(range(len(samples))), "the sequence is broken"
        assert rig.stats()["hits"] == 0


@ot.test(timeout=40)
def each_change_is_logged_once_and_the_error_first():
    with Rig("--no-hits", sets=QUICK) as rig:
        rig.wait_live()
        rig.say("silence 3")
        rig.wait_degraded("is silent")
        opens = rig.stats()["opens"]
        rig.wait_stats(lambda s: s["opens"] >= opens + 2, "opened again in silence")
        rig.wait_live()
        assert len([x for x in rig.service.output() if "is silent" in x]) == 1, rig.service.output()
        rig.say("unplug 2")
        rig.wait_degraded("is missing")
        lines = [x for x in rig.service.output() if "Could not open" in x or "is missing" in x]
        assert len(lines) == 2 and "Could not open" in lines[0], lines
        rig.wait_live()


@ot.test()
def what_is_no_serial_port_is_called_so():
    for path in ("/tmp", "/dev/null"):
        with Rig(plugged=False, sets=[f"device=serial:{path}"]) as rig:
            rig.wait_degraded("is not a serial port: set services.pbt.device")
            assert not [x for x in rig.service.output() if "is missing" in x]


@ot.test(timeout=40)
def silent_then_noisy_then_well_again():
    with Rig("--no-hits", sets=QUICK) as rig:
        rig.wait_live()
        rig.say("silence 2.5")
        rig.wait_stats(lambda s: s["link"] == "silent", "silent")
        rig.wait_degraded("is silent")
        rig.wait_live()
        rig.say("garbage 3")
        rig.wait_stats(lambda s: s["link"] == "noise", "noise")
        rig.wait_degraded("sends no samples")
        stats = rig.wait_live()
        assert stats["rejected"] > 100 and stats["hits"] == 0 and stats["opens"] >= 3, stats


@ot.test()
def a_line_of_a_mebibyte_costs_one_count():
    with Rig("--no-hits") as rig:
        rig.wait_live()
        memory = rss_kib(rig.service.pid)
        rig.say("line 1048576")
        stats = rig.wait_stats(lambda s: s["overlong"] == 1, "overlong")
        assert ot.sanitized("outpost-pbt") or rss_kib(rig.service.pid) - memory < 512
        after = rig.wait_samples(stats["samples"] + 800)
        assert after["link"] == "live" and after["hits"] == 0 and after["overlong"] == 1, after


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


@ot.test(timeout=40)
def bursts_lose_nothing_and_do_not_compress_time():
    with Rig("--no-hits", "--at", "3:burst", "--at", "5:burst 0.6") as rig:
        rig.wait_samples(6400, 30)
        samples, stats = rig.tap("pbt.sample", 6400), rig.stats()
        check_times(samples)
        span = samples[-1]["boot_ns"] - samples[0]["boot_ns"]
        assert abs(span / (len(samples) - 1) - PERIOD_NS) < 0.005 * PERIOD_NS
        assert stats["rejected"] == stats["lost_board"] == stats["hits"] == 0 and stats["opens"] == 1


@ot.test(timeout=60)
def a_board_that_was_held_makes_no_hit_of_its_backlog():
    with Rig("--seed", 5) as rig:
        rig.wait_live()
        rig.wait_samples(1600)
        rig.board.signal(signal.SIGSTOP)
        rig.wait_degraded("is silent")
        opens = rig.stats()["opens"]
        held = ot.Deadline(3)
        ot.wait_until(held.over, 5, "3 s have passed")
        rig.board.signal(signal.SIGCONT)
        rig.wait_stats(lambda s: s["link"] == "live" and s["opens"] >= opens, "live again", 25)
        rig.wait_stats(lambda s: abs(s["baseline"] - 40) < 4, "the true level", 20)
        rig.wait_samples(rig.stats()["samples"] + 4000)
        baselines = [float(re.search(r"calibrated: ([\d.]+)", x)[1]) for x in rig.service.output()
                     if "Baseline calibrated" in x]
        assert len(baselines) >= 2 and all(abs(b - 40) < 3 for b in baselines), baselines
        real = [t["boot_ns"] for t in rig.truth()]
        for hit in rig.tap("pbt.hit", 100):
            assert any(-10_000_000 < hit["boot_ns"] - t < 700_000_000 for t in real), (hit, real)
        times = [h["boot_ns"] for h in rig.tap("pbt.hit", 100)]
        assert all(b - a > 400_000_000 for a, b in zip(times, times[1:])), times


@ot.test(timeout=60)
def a_board_that_resets_at_another_level_makes_no_hit():
    with Rig("--no-hits", "--board", "--baseline", 512, sets=("silence_ms=600",)) as rig:
        stats = rig.wait_live()
        assert abs(stats["baseline"] - 512) < 3 and stats["comments"] >= 6, stats
        rig.say("level 40")
        rig.say("reset")  # within the stream, silent for 2 s: closed, opened, reset again
        rig.wait_stats(lambda s: s["link"] == "silent", "silent")
        rig.wait_live()
        assert abs(rig.wait_samples(rig.stats()["samples"] + 800)["baseline"] - 40) < 3
        opens = rig.stats()["opens"]
        rig.say("level 512")
        rig.say("unplug 0.5")
        rig.wait_stats(lambda s: s["link"] == "live" and s["opens"] > opens, "live again")
        stats = rig.wait_samples(rig.stats()["samples"] + 800)
        assert stats["hits"] == 0 and abs(stats["baseline"] - 512) < 3, stats


@ot.test(timeout=40)
def a_killed_service_goes_on_with_the_sequence():
    with Rig() as rig:
        for _ in range(3):
            rig.wait_live()
            rig.wait_samples(rig.stats()["samples"] + 400)
            before = rig.tap("pbt.sample", 1)[0]["seq"]
            rig.service.signal(signal.SIGKILL)
            assert rig.service.wait() == -signal.SIGKILL
            rig.start()
            rig.service.wait_line(r"\bready\b", 10)
            samples = ot.wait_until(lambda: (s := rig.tap("pbt.sample", 16000))[-1]["seq"] > before and s, 10,
                                    "samples of its next life")
            assert [s["seq"] for s in samples] == list(range(len(samples)))


@ot.test(timeout=40)
def what_the_board_counted_and_we_did_not_get_is_lost():
    with Rig("--no-hits", "--at", "6:skip 123") as rig:
        stats = rig.wait_stats(lambda s: s["lost_board"], "a loss by the board's count", 25)
        assert stats["lost_board"] == 123, stats
        rig.service.wait_line(r"dropped samples: 123 more", 15)


@ot.test()
def calls_recalibrate_and_change_the_profile():
    with Rig("--no-hits") as rig:
        rig.wait_live()
        assert rig.call("profile")["profile"] == "default"
        assert rig.call("profile", "name=later")["profile"] == "later"
        rig.wait_stats(lambda s: s["threshold"] == 24 and s["link"] == "live", "threshold of the profile")
        rig.call("recalibrate")
        ot.wait_until(lambda: len([x for x in rig.service.output() if "Baseline calibrated" in x]) >= 3, 5,
                      "measured anew")
        done = ot.run(ot.OUTPOST, "call", "pbt", "profile", "name=nobody", "--runtime", rig.runtime)
        assert done.returncode == 1 and "expected one of the profiles" in done.stderr, done


def pbt_yaml(device="serial:/nowhere/port"):
    yaml = ot.directory() / "x.yaml"
    yaml.write_text(f"appliance: x\nservices:\n  pbt:\n    device: {device}\n")
    return yaml


WRONG_DEVICES = (("tcp:1", "serial"), ("serial:/dev/ttyUSB0?bauds=9600", "parameters baud and id"),
                 ("serial:/dev/null?baud=fast", "baud is a number"), ("serial:ttyUSB0", "begins with /"),
                 ("serial:?id=x", "PATH"))


@ot.test()
def a_wrong_device_never_starts_and_is_named_by_check():
    for device, want in WRONG_DEVICES:
        for sets, where in (([], r"x\.yaml:4:13: services\.pbt\.device: "),
                            (["--set", f"services.pbt.device={device}"], r"--set services\.pbt\.device=[^ ]*: ")):
            yaml = pbt_yaml() if sets else pbt_yaml(device)
            for program, status in ((["outpost-pbt", "--appliance", yaml, "--check"], 78),
                                    (["outpost-pbt", "--appliance", yaml, "--runtime", ot.directory() / "r"], 78),
                                    (["outpost", "config", "check", yaml], None),
                                    (["outpost", "run", yaml, "--runtime", ot.directory() / "r"], 2)):
                done = ot.run(ot.BUILD / program[0], *program[1:], *sets)
                assert done.returncode == status or (status is None and done.returncode > 0), (program, done)
                lines = [x for x in done.stderr.splitlines() if want in x]
                assert len(lines) == 1 and re.search(where, lines[0]), (device, program, done)


def try_to_start(yaml, prepare=None, wrap=()):
    """Exit status and lines of a service that must end by itself or be stopped by us once it is up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = str(ot.directory() / "notify")
        notify.bind(path)
        try:
            env = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
            command = [*wrap, ot.BUILD / "outpost-pbt", "--appliance", yaml, "--runtime", ot.directory() / "r",
                       "--state", ot.directory()]
            with subprocess.Popen([str(c) for c in command], env=env, stderr=subprocess.PIPE, text=True,
                                  preexec_fn=prepare) as child:
                notify.settimeout(0.05)
                asked = False
                while child.poll() is None:
                    try:
                        if b"READY=1" in notify.recv(4096) and not asked:
                            asked = True
                            child.terminate()
                    except TimeoutError:
                        pass
                return child.wait(), child.stderr.read()
        finally:
            os.unlink(path)


@ot.test(timeout=60)
def a_start_that_fails_at_any_step_is_taken_down_cleanly():
    yaml, statuses = pbt_yaml(), []  # with fewer files libuv itself aborts
    for files in range(8, 24):
        status, text = try_to_start(yaml, lambda n=files: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)))
        assert status in (0, 1) and "Sanitizer" not in text, (files, status, text)
        statuses.append(status)
    assert 0 in statuses and statuses.count(1) > 6, statuses


@ot.test(timeout=60)
def a_full_runtime_is_one_clear_line():
    if ot.run("unshare", "-rm", "true").returncode != 0:
        raise ot.Skip("needs user namespaces")
    run, yaml, failed = ot.directory() / "r", pbt_yaml(), 0
    run.mkdir()
    for kib in (4, 16, 28, 64, 128, 256, 512):
        status, text = try_to_start(yaml, wrap=("unshare", "-rm", "sh", "-c",
                                                f'mount -t tmpfs -o size={kib}k none "{run}" && exec "$@"', "sh"))
        lines = [x for x in text.splitlines() if "No space left" in x or "room" in x]
        assert status in (0, 1), (kib, status, text)
        if status == 1:
            failed += 1
            assert len(lines) == 1 and str(run) in lines[0], (kib, text)
    assert failed >= 3, failed


@ot.test()
def the_simulated_board_answers_commands():
    board = ot.Process(ot.BUILD / "outpost-sim-pbt", "--link", ot.directory() / "port", "--no-hits",
                       "--samples", 1)
    with board:
        ot.wait_until(lambda: os.path.lexists(ot.directory() / "port"), what="a link")
        port = os.open(ot.directory() / "port", os.O_RDWR | os.O_NOCTTY)
        os.write(port, b"STATUS\nPIN6_HIGH\r\nPIN5_LOW\nSTATUS\nRESET_GPIO\nPBT_HIT\nADD_CREDITS:3\nBOO\n")
        text = b""
        deadline = ot.Deadline(5)
        while b"Unknown command: BOO\r\n" not in text and not deadline.over():
            text += os.read(port, 4096)
        os.close(port)
        for want in ("# GPIO STATUS: Pin6=LOW Pin5=HIGH", "# GPIO: Pin 6 → HIGH (5V)",
                     "# GPIO: Pin 5 → LOW (0V)", "# GPIO STATUS: Pin6=HIGH Pin5=LOW",
                     "# GPIO: Reset to idle state", "# CREDIT_PROGRESS:1/2", "CREDITS:3"):
            assert want.encode() in text, (want, text)
        assert board.stop() == 0


if __name__ == "__main__":
    ot.main()
