# climate.py - the climate service against the simulated Sense HAT: real processes, a real bus socket.
#
# The simulated chips convert forty times as fast and a reading comes each tenth of a second; what is
# published is compared with the contract's arithmetic over what the simulator was set to.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import signal
import socket
import struct

import outpost_test as ot

# "Temp: 72.5F" as the contract has it, blank sides trimmed, a blank column behind each letter.
TEXT = ["#####                            #####  ###     ##### ##### ",
        "  #                                  # #   #    #     #     ",
        "  #    ###  ## #  ####  ##          #      #    ####  #     ",
        "  #   #   # # # # #   # ##          #     #         # ####  ",
        "  #   ##### # # # #   #            #     #          # #     ",
        "  #   #     # # # ####  ##         #    #    ## #   # #     ",
        "  #    ###  # # # #     ##         #   ##### ##  ###  #     ",
        "                  #                                         "]
FAULTS = {  # command: what the service says
    "nak hts221": "no chip answers at 0x5f on .*: see to the board and its connector .HTS221 of the Sense HAT",
    "nak lps25h": "no chip answers at 0x5c on .*: see to the board and its connector .LPS25H of the Sense HAT",
    "unplug": "no chip answers at 0x5f",
    "zeros hts221": "the chip at 0x5f gives values that it cannot measure",
    "zeros lps25h": "the chip at 0x5c gives values that it cannot measure",
    "garbage both": "gives values that it cannot measure|values of the chip at 0x5[fc] leap by",
    "stick hts221": "chip at 0x5f gives no new values",
    "stick lps25h": "chip at 0x5c gives no new values",
    "halve hts221": "chip at 0x5f gives no new values",
    "halve lps25h": "chip at 0x5c gives no new values",
    "wrong hts221": "chip at 0x5f .*0x33",
    "wrong lps25h": "chip at 0x5c .*0x33",
    "blank hts221": "the calibration of the chip at 0x5f makes no sense",
    "freeze both": "frozen: no count of either chip changed over 3 readings",
    "absent": "i2c is not there|i2c: .*(gone|refused|No such)",
}


def near(a, b, within):
    return abs(a - b) <= within


class Rig:
    """A board and the service that reads it."""

    def __init__(self, *board, sets=(), plugged=True, env=None, quick=True):
        self.dir = ot.directory()
        self.runtime = self.dir / "run"
        self.runtime.mkdir(exist_ok=True)
        self.yaml, self.env = self.dir / "rig.yaml", env
        self.yaml.write_text("appliance: rig\nservices:\n  climate:\n    program: outpost-climate\n"
                             f"    device: i2c:{self.dir}/i2c\n    cpu_temp_path: {self.dir}/cpu\n"
                             f"    led: {self.dir}/led\n    joystick: {self.dir}/joystick\n")
        self.sets = [*(("interval_s=0.1", "round_ms=1", "retry_s=0.1", "frozen_after=3") if quick else ()), *sets]
        self.board_args, self.board, self.service = board, None, None
        if plugged:
            self.plug()
        self.start()

    def plug(self):
        self.board = ot.Process(ot.BUILD / "outpost-sim-sense-hat", "--bus", self.dir / "i2c", "--control",
                                self.dir / "control", "--cpu", self.dir / "cpu", "--led", self.dir / "led",
                                "--joystick", self.dir / "joystick", "--speed", 40, *self.board_args)
        ot.wait_until(lambda: (self.dir / "control").exists(), what="the board is there")

    def start(self):
        self.service = ot.Process(ot.BUILD / "outpost-climate", "--appliance", self.yaml, "--service", "climate",
                                  "--runtime", self.runtime, "--state", self.dir,
                                  *[a for s in self.sets for a in ("--set", f"services.climate.{s}")], env=self.env)

    def say(self, *commands):
        """Each command, until it is obeyed."""
        for command in commands:
            after = len(self.board.output())
            with open(self.dir / "control", "w", encoding="ascii") as fifo:
                fifo.write(command + "\n")
            self.board.wait_line(rf"done: {re.escape(command)}$", 20, after)

    def tap(self, topic, *args):
        done = ot.run(ot.OUTPOST, "tap", topic, "--json", *args, "--runtime", self.runtime, timeout=90)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def last(self):
        """The newest reading, or None."""
        return next(iter(self.tap("climate.reading", "--last", 1, "--count", 1, "--timeout", 0.3)), None)

    def wait_reading(self, condition, what, timeout=30):
        return ot.wait_until(lambda: (lambda r: r and condition(r) and r)(self.last()), timeout, what, every=0.05)

    def fresh(self, n=2):
        """A reading that began after this call: the n-th from now on."""
        seq = (self.last() or {"seq": -1})["seq"] + n
        return self.wait_reading(lambda r: r["seq"] >= seq, "readings go on")

    def call(self, method, *args):
        done = ot.run(ot.OUTPOST, "call", "climate", method, *args, "--json", "--runtime", self.runtime)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait_stats(self, condition, what, timeout=30):
        return ot.wait_until(lambda: (lambda s: condition(s) and s)(self.call("stats")), timeout, what, every=0.05)

    def degraded(self, part, after=0):
        return self.service.wait_line(f"degraded: .*({part})", 20, after)

    def count(self, pattern, after=0):
        return len([x for x in self.service.output()[after:] if re.search(pattern, x)])

    def __enter__(self):
        self.service.wait_line(r"\b(ready|degraded)\b", 20)
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None and self.service.proc.poll() is None:
                assert self.service.stop() == 0
            if kind is None and self.board and self.board.proc.poll() is None:
                if (self.dir / "led").exists():
                    assert (self.dir / "led").read_bytes() == bytes(128), "the matrix is not black"
                assert self.board.stop() == 0
                assert not os.path.lexists(self.dir / "i2c"), "the simulator leaves its socket"
        finally:
            self.service.__exit__(kind, value, tb)
            if self.board:
                self.board.__exit__(kind, value, tb)


def nothing_published(rig, failures=3):
    """Readings fail and leave nothing, while so many are tried."""
    before, failed = rig.last(), rig.call("stats")["failed"]
    rig.wait_stats(lambda s: s["failed"] >= failed + failures, "retries")
    after = rig.last()
    assert (after and after["seq"]) == (before and before["seq"]), (before, after)


# ---- readings ------------------------------------------------------------------------------


@ot.test(timeout=90)
def readings_are_what_the_contract_makes_of_the_chips():
    with Rig() as rig:
        for both, cpu, humidity, c, f, rh in (((38.65, 38.65), 51.121, 40, 22.4, 72.3, 44.0),
                                              ((25, 25), 51.121, 45.5, -0.8, 30.6, 49.5),
                                              ((20, 20), 30, 98, 5.5, 41.9, 100.0),
                                              ((20, 24), 22, 0, 14.5, 58.1, 4.0)):
            rig.say(f"set temperature {both[0]} {both[1]}", f"set cpu {cpu}", f"set humidity {humidity}",
                    "set pressure 987.5")
            r = rig.fresh()
            assert (r["temperature_c"], r["temperature_f"], r["humidity"]) == (c, f, rh), r
            assert near(r["raw_c"], sum(both) / 2, 0.01) and r["cpu_c"] == cpu and r["compensated"] == "yes", r
            assert near(r["pressure_hpa"], 987.5, 0.02), r
        rig.service.wait_line(r"Temperature: 22\.4°C, Humidity: 44\.0%, CPU Temp: 51\.121°C$", 5)
        rig.service.wait_line(r"Temperature: 5\.5°C, Humidity: 100\.0%, CPU Temp: 30\.0°C$", 5)
        stats = rig.call("stats")
        assert stats["resets"] == stats["led_errors"] == 0 and stats["led"], stats
        assert not rig.count("Error updating (?!.* leap by)"), rig.service.output()  # so they do when they are set


@ot.test(timeout=60)
def other_calibration_and_filter():
    with Rig(sets=("cpu_factor=0", "offset_f=-9", "humidity_offset=-3", "filter=median")) as rig:
        rig.say("set temperature 20 24", "set humidity 50")
        r = rig.fresh()
        assert (r["temperature_c"], r["humidity"]) == (17.0, 47.0), r
        assert rig.call("calibration") == {"cpu_factor": 0, "offset_f": -9, "humidity_offset": -3,
                                           "interval_s": 0.1}


@ot.test(timeout=60)
def without_the_processors_temperature_nothing_is_compensated():
    with Rig() as rig:
        rig.say("set temperature 20", "set cpu none")
        r = rig.fresh()
        assert (r["temperature_c"], r["temperature_f"], r["compensated"], r["cpu_c"]) == (12.5, 54.5, "no", None), r
        assert rig.call("raw")["cpu_temperature"] is None
        rig.service.wait_line(r"Temperature: 12\.5°C, Humidity: .*%, CPU Temp: N/A$", 5)
        rig.fresh(5)
        assert rig.count("readings are not compensated") == 1, rig.service.output()
        (rig.dir / "other").write_text("warm\n")
        rig.say("set cpu 30")
        assert rig.fresh()["temperature_c"] == 5.5
        rig.service.wait_line("readable again", 5)
    with Rig(sets=(f"cpu_temp_path={ot.directory()}/other",)) as rig:
        rig.service.wait_line(r"error +temperature of the processor: .*other: no number ", 5)
        rig.service.wait_line(r"warning +readings are not compensated", 5)
        assert rig.fresh()["compensated"] == "no"
        for absurd in ("-274000", "2147483647", "1e300", "nan", "inf", ""):
            (rig.dir / "other").write_text(absurd + "\n")
            r = rig.fresh()
            assert (r["compensated"], r["cpu_c"]) == ("no", None), (absurd, r)
        (rig.dir / "other").write_text("-40000\n")
        assert rig.fresh()["cpu_c"] == -40


@ot.test(timeout=60)
def raw_is_read_now_and_not_rounded():
    with Rig(sets=("interval_s=3600",)) as rig:  # the cycle is over
        ot.wait_until(rig.last, 20, "the only reading")
        rig.say("set temperature 25.013 99", "set cpu 51.121")
        ot.wait_until(lambda: near(rig.call("raw")["raw_temperature"] or 0, 25.013, 0.006), 20, "it is read now")
        raw = rig.call("raw")
        assert raw["cpu_temperature"] == 51.121 and raw["raw_temperature"] != 25.0, raw
        rig.say("nak hts221")
        ot.wait_until(lambda: rig.call("raw")["raw_temperature"] is None, 20, "nobody can read it")
        assert rig.last()["seq"] == 0


@ot.test(timeout=60)
def half_a_value_is_never_published():
    """The chips convert between any two bytes that are read, over a carry: half of one conversion and
    half of another are 1.3, 0.5 degC, 1 %RH or 16 hPa off."""
    with Rig(sets=("filter=median", "frozen_after=0")) as rig:
        rig.say("set temperature 25 24", "set humidity 40", "set pressure 1000", "tear both")
        first = rig.fresh()["seq"]
        rig.wait_reading(lambda r: r["seq"] >= first + 30, "30 readings")
        torn = [r for r in rig.tap("climate.reading", "--last", 30, "--count", 30, "--timeout", 5)
                if r["seq"] >= first and not (near(r["raw_c"], (24.98 + 23.832) / 2, 0.01) and
                                              near(r["humidity"], 44.6, 0.01) and
                                              near(r["pressure_hpa"], 992, 0.01))]
        assert not torn, torn


# ---- faults --------------------------------------------------------------------------------


def one_fault(rig, command, part):
    print(command, flush=True)
    after = len(rig.service.output())
    rig.say(command)
    if command.split()[0] in ("wrong", "blank"):  # it is looked at when the chip is set up
        rig.say("reset " + command.split()[1])
    rig.degraded(part, after)
    nothing_published(rig)
    lines = rig.count("Error updating sensor data", after)
    told = len({x.split("sensor data: ")[1] for x in rig.service.output()[after:] if "Error updating" in x})
    assert lines == told or "garbage" in command, "the same reason is logged again"
    seq = rig.last()["seq"]
    rig.say(f"{command} 0")
    r = rig.wait_reading(lambda r: r["seq"] >= seq + 1, "readings come again")
    assert (r["temperature_c"], r["temperature_f"]) == (22.4, 72.3), r
    rig.service.wait_line(r"readings come again after \d+ that failed", 5, after)


@ot.test(timeout=240)
def every_fault_is_told_and_comes_to_an_end():
    with Rig() as rig:
        rig.say("set temperature 38.65", "set cpu 51.121")
        rig.fresh()
        for command, part in FAULTS.items():
            one_fault(rig, command, part)


@ot.test(timeout=60)
def a_board_that_is_missing_at_start_is_found_when_it_comes():
    with Rig(plugged=False) as rig:
        rig.degraded("i2c is not there: switch I2C on")
        nothing_published(rig)
        rig.plug()
        rig.wait_reading(lambda r: r["compensated"] == "yes", "readings")
        rig.wait_stats(lambda s: s["led"], "the matrix is found, too")
        assert rig.count("Error updating sensor data") == 1, rig.service.output()


@ot.test(timeout=90)
def a_chip_that_is_reset_is_set_up_again():
    with Rig() as rig:
        rig.say("set temperature 38.65", "set cpu 51.121")
        for chip in ("hts221", "lps25h", "both"):
            before = rig.call("stats")
            rig.say(f"reset {chip}")  # within a cycle it is a failure, between two it is not even that
            rig.wait_stats(lambda s: s["resets"] + s["failed"] > before["resets"] + before["failed"], "noticed")
            assert rig.fresh()["temperature_c"] == 22.4
        told = rig.count(r"had lost its settings \(\d+ times so far\)")
        assert told == rig.call("stats")["resets"], rig.service.output()


@ot.test(timeout=90)
def a_bus_that_hangs_holds_nothing_else_up():
    with Rig() as rig:
        rig.fresh()
        after = len(rig.service.output())
        rig.say("hang")
        rig.degraded("chip at 0x5[fc] on .*: Connection timed out", after)
        failed = rig.call("stats")["failed"]
        rig.say("key left")
        ot.wait_until(lambda: [k["key"] for k in rig.tap("climate.key", "--last", 2, "--timeout", 0.3)] ==
                      ["left", "left"], 20, "keys come", every=0.1)
        beats = rig.tap("status.climate", "--count", 3, "--timeout", 30)
        assert len(beats) == 3 and all(b["state"] == "degraded" for b in beats), beats
        steps = [(b["boot_ns"] - a["boot_ns"]) / 1e9 for a, b in zip(beats, beats[1:])]
        assert max(steps) < 3, steps  # after which it would count as silent
        rig.wait_stats(lambda s: s["failed"] >= failed + 3, "it goes on trying")
        assert rig.call("raw")["raw_temperature"] is None
        seq = rig.last()["seq"]
        rig.say("hang 0")
        rig.wait_reading(lambda r: r["seq"] >= seq + 2, "readings come again")


@ot.test(timeout=60)
def the_watchdog_is_told_that_it_moves_even_when_the_board_is_gone():
    address = str(ot.directory() / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(20)
        with Rig(env={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}) as rig:
            def heard(word):
                while word not in listener.recv(4096).decode():
                    pass
            heard("READY=1")
            heard("WATCHDOG=1")
            rig.say("unplug")
            rig.degraded("no chip answers")
            for _ in range(200):  # what was said before may still be there to be read
                try:
                    listener.recv(4096, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
            heard("WATCHDOG=1")
            heard("WATCHDOG=1")


@ot.test(timeout=60)
def a_killed_service_goes_on_and_takes_nothing_old():
    with Rig() as rig:
        rig.say("set temperature 38.65", "set cpu 51.121")
        for n in range(3):
            rig.fresh()
            rig.service.signal(signal.SIGKILL)
            assert rig.service.wait() == -signal.SIGKILL
            before = rig.last()["seq"]
            rig.say(f"set temperature {20 + n}", "set cpu none")
            rig.start()
            rig.service.wait_line(r"\bready\b", 20)
            after = rig.tap("climate.reading", "--last", 64, "--timeout", 0.3)
            new = [r for r in after if r["seq"] > before]
            assert new and all(r["temperature_c"] == 12.5 + n for r in new), (before, new)
            rig.say("set temperature 38.65", "set cpu 51.121")


# ---- time ----------------------------------------------------------------------------------


@ot.test(timeout=120)
def cycles_lie_on_a_grid_that_does_not_drift():
    """A cycle takes 7 ms and more: were they waited for, 300 cycles would be 40 points late."""
    with Rig(plugged=False, sets=("mock=true", "interval_s=0.05")) as rig:
        def look():
            """Number of its point of the grid, and time, of a record about which none was passed over."""
            def skipped():
                return rig.call("stats")["skipped"]
            return ot.wait_until(lambda: (lambda a, r, b: r and a == b and (r["seq"] + a, r["boot_ns"]))(
                skipped(), rig.last(), skipped()), 30, "a moment in which nothing is passed over", every=0)
        first, first_ns = look()
        rig.wait_reading(lambda r: r["seq"] >= 300, "300 cycles", 90)
        last, last_ns = look()
        assert last - first >= 200, (first, last)
        assert near(last - first, (last_ns - first_ns) / 50e6, 4), (first, last, last_ns - first_ns)


@ot.test(timeout=60)
def points_that_a_cycle_runs_over_are_counted():
    with Rig(plugged=False, sets=("mock=true", "interval_s=0.05", "round_ms=20")) as rig:
        stats = rig.wait_stats(lambda s: s["cycles"] >= 5, "cycles")
        assert stats["skipped"] >= 2 * (stats["cycles"] - 1), stats  # seven pauses of 20 ms
        status = rig.tap("status.climate", "--count", 1, "--timeout", 10)[0]
        assert status["missed"] > 0 and status["records"] > 0, status


# ---- the mock ------------------------------------------------------------------------------


@ot.test(timeout=60)
def the_mock_is_loud_and_constant():
    with Rig(plugged=False, sets=("mock=true",)) as rig:
        r = rig.fresh()
        assert (r["temperature_c"], r["temperature_f"], r["humidity"], r["compensated"]) == (17.5, 63.5, 44.0, "no"), r
        assert r["pressure_hpa"] is None and rig.call("raw")["raw_temperature"] == 25.0
        out, err = rig.service.output("out"), rig.service.output("err")
        assert out[0] == "Using mock SenseHat" and "Mock SenseHat displaying: Temp: 63.5F" in out, out
        assert [x for x in err if "USE_MOCK_SENSOR is set -- sensor readings are FABRICATED, not from hardware." in x
                and "warning" in x], err
        assert rig.count("MOCK .* is active") == 1 and not rig.count("REAL .* is active")
        rig.fresh(10)  # more than frozen_after
        assert rig.call("stats")["failed"] == 0


@ot.test(timeout=90)
def the_mock_reads_its_file_each_cycle():
    path = ot.directory() / "mock.json"
    (ot.directory() / "cpu").write_text("30000\n")

    def write(text):
        beside = path.with_suffix(".new")
        beside.write_text(text if isinstance(text, str) else json.dumps(text))
        beside.rename(path)
    write({"temp_humidity": 20, "temp_pressure": 20, "humidity": [30, 40, 50]})
    with Rig(plugged=False, sets=("mock=true", f"mock_file={path}")) as rig:
        r = rig.fresh()
        assert (r["temperature_c"], r["humidity"]) == (5.5, 44.0), r
        (rig.dir / "cpu").unlink()
        write({"temp_humidity": [10, 20, 30, 28], "temp_pressure": 20.0, "humidity": [97, 98, 99], "fail": False})
        r = rig.fresh()  # 10 20 30 28 28 and five 20: 20 x 6, 28 x 2
        assert near(r["raw_c"], 22, 1e-9) and r["humidity"] == 100.0 and r["temperature_c"] == 14.5, r
        assert rig.call("raw") == {"cpu_temperature": None, "raw_temperature": 10.0}
        good = {"temp_humidity": 25, "temp_pressure": 25, "humidity": 40}
        for bad, part in (({"fail": True, **good}, 'it says "fail"'), ("no json", "not JSON"),
                          ("[1]", "not a JSON object"), ({"temp_humidity": 25, "humidity": 40}, 'in "temp_pressure"'),
                          ({**good, "humidity": []}, 'no number in "humidity"'),
                          ({**good, "temp_humidity": "25"}, 'no number in "temp_humidity"'),
                          ({**good, "humidity": [40, None]}, 'no number in "humidity"'),
                          ({**good, "temp_pressure": -1e308}, 'a number without measure in "temp_pressure"')):
            after = len(rig.service.output())
            write(bad)
            rig.degraded(re.escape(part), after)
            nothing_published(rig, 2)
            write(good)
            seq = (rig.last() or {"seq": -1})["seq"]
            assert rig.wait_reading(lambda r: r["seq"] > seq, "readings come again")["temperature_c"] == 17.5
        path.unlink()
        rig.degraded("No such file")
        assert rig.call("raw")["raw_temperature"] is None


# ---- light matrix and joystick -------------------------------------------------------------


def frames():
    """The 68 pictures of the text, as rows of 0 and 1."""
    blank = " " * 8
    strip = [blank + row + blank for row in TEXT]
    return [[row[i:i + 8] for row in strip] for i in range(len(strip[0]) - 8)]


def picture(pixels):
    """Hexadecimal colours to the same rows; white and black only."""
    dots = [pixels[i:i + 6] for i in range(0, 384, 6)]
    assert len(dots) == 64 and set(dots) <= {"ffffff", "000000"}, pixels
    return ["".join("#" if d == "ffffff" else " " for d in dots[y * 8:y * 8 + 8]) for y in range(8)]


def in_file(path):
    data = path.read_bytes()
    assert len(data) == 128, len(data)
    words = struct.unpack("<64H", data)
    assert set(words) <= {0, 0xFFFF}, words
    return ["".join("#" if w else " " for w in words[y * 8:y * 8 + 8]) for y in range(8)]


@ot.test(timeout=120)
def the_light_matrix_shows_the_reading():
    want = frames()
    assert len(want) == 68
    with Rig() as rig:
        rig.say("set temperature 38.24", "set cpu 50")
        assert rig.fresh()["temperature_f"] == 72.5
        seen = rig.tap("climate.led", "--count", 3 * 67, "--timeout", 60)  # the one before, and one whole
        steps = [(b["boot_ns"] - a["boot_ns"]) / 1e9 for a, b in zip(seen, seen[1:])]
        assert sum(steps) / len(steps) > 0.09, "more than ten pictures a second"
        pictures = [picture(r["pixels"]) for r in seen]
        blanks = [i for i, p in enumerate(pictures) if p == want[0]]
        shown = [pictures[a:b] for a, b in zip(blanks, blanks[1:])]  # a blank is not published twice
        assert want[:67] in shown, "\n\n".join("\n".join(p) for p in pictures)
        ot.wait_until(lambda: in_file(rig.dir / "led") in want[1:67], 20, "the framebuffer has it, too")


@ot.test(timeout=60)
def the_light_matrix_is_cleared_at_start_whatever_the_chips_do():
    with Rig("--at", "0:unplug", sets=("retry_s=3600",)) as rig:
        rig.degraded("no chip answers")
        assert in_file(rig.dir / "led") == [" " * 8] * 8
        assert picture(rig.tap("climate.led", "--last", 1, "--count", 1, "--timeout", 10)[0]["pixels"]) == [" " * 8] * 8


@ot.test(timeout=60)
def the_light_matrix_is_dark_at_the_end():
    with Rig() as rig:
        dark = [" " * 8] * 8
        ot.wait_until(lambda: (rig.dir / "led").exists() and in_file(rig.dir / "led") != dark, 20, "it shows something")
        assert rig.service.stop() == 0
        assert in_file(rig.dir / "led") == dark


@ot.test(timeout=60)
def matrix_and_joystick_may_be_missing():
    with Rig(sets=("led=/nonexistent/fb1", "joystick=/nonexistent/event0")) as rig:
        rig.fresh()
        assert rig.count("no light matrix: /nonexistent/fb1: No such file") == 1
        assert rig.count(r"REAL Sense HAT driver is active: .* \(SIMULATED: no board, a simulator\)$") == 1
        assert rig.count("no joystick: /nonexistent/event0: No such file") == 1
        assert not rig.call("stats")["led"]
        rig.service.wait_line(r"(info|notice) +ready", 5)
        (rig.dir / "led").write_bytes(bytes(128))  # nobody touched it
    with Rig(sets=("led=off", "joystick=off")) as rig:
        rig.fresh()
        assert not rig.count("light matrix|joystick")
        (rig.dir / "led").write_bytes(bytes(128))


@ot.test(timeout=60)
def keys_of_the_joystick_are_published():
    with Rig() as rig:
        names = ["up", "down", "left", "right", "push"]
        rig.say(*[f"key {name}" for name in names])
        want = [(name, action) for name in names for action in ("press", "release")]
        ot.wait_until(lambda: [(k["key"], k["action"]) for k in
                               rig.tap("climate.key", "--last", 64, "--timeout", 0.3)] == want, 20, "all keys")
        event = struct.Struct("llHHi")
        with open(rig.dir / "joystick", "wb", buffering=0) as fifo:
            fifo.write(event.pack(0, 0, 1, 30, 1) + event.pack(0, 0, 4, 4, 9) + event.pack(0, 0, 1, 28, 2))
        ot.wait_until(lambda: [(k["key"], k["action"]) for k in
                               rig.tap("climate.key", "--last", 64, "--timeout", 0.3)] == want + [("push", "hold")],
                      20, "a key that is held; others are nothing to us")


# ---- the simulator -------------------------------------------------------------------------


@ot.test(timeout=60)
def the_simulator_follows_a_script():
    script = ot.directory() / "script"
    script.write_text("# a cold room\n0 set temperature 20\n0 set humidity 30\n\n0 set cpu 30\n")
    with Rig("--script", script, "--seed", 7) as rig:
        r = rig.fresh()
        assert (r["temperature_c"], r["humidity"]) == (5.5, 34.0), r
        rig.say("set room")
        rig.wait_reading(lambda r: 20 < r["temperature_c"] < 25 and 38 < r["humidity"] < 50, "a room")


@ot.test()
def the_simulator_refuses_what_it_does_not_know():
    sim, good = ot.BUILD / "outpost-sim-sense-hat", ["--bus", ot.directory() / "i2c"]
    bad_script = ot.directory() / "bad"
    bad_script.write_text("soon unplug\n")
    for wrong in ([], [*good, "--seed", "x"], [*good, "--speed", "0"], [*good, "--at", "unplug"],
                  [*good, "--script", bad_script], [*good, "--script", "/nonexistent"], [*good, "more"]):
        done = ot.run(sim, *wrong)
        assert done.returncode == 2 and done.stderr.startswith("outpost-sim-sense-hat: "), (wrong, done)
    with Rig() as rig:
        for command in ("fly", "set", "set temperature warm", "nak lps22", "unplug soon", "key enter", "x" * 500):
            after = len(rig.board.output())
            with open(rig.dir / "control", "w", encoding="ascii") as fifo:
                fifo.write(command + "\n")
            rig.board.wait_line("no such command", 20, after)
        rig.fresh()
        assert rig.call("stats")["failed"] == 0


# ---- settings and the appliance ------------------------------------------------------------


@ot.test()
def mistakes_in_settings_are_named():
    yaml = ot.directory() / "bad.yaml"
    yaml.write_text("appliance: bad\nservices:\n  climate:\n    device: i2c:bus\n    led: blue\n    joystick: x\n"
                    "    interval_s: 0\n    filter: mean\n")
    done = ot.run(ot.BUILD / "outpost-climate", "--appliance", yaml, "--check")
    assert done.returncode == 78, done
    for part in ("interval_s: expected", "filter: expected", "pooled"):
        assert part in done.stderr, done.stderr
    yaml.write_text("appliance: bad\nservices:\n  climate:\n    device: i2c:bus\n    led: blue\n    joystick: x\n")
    done = ot.run(ot.BUILD / "outpost-climate", "--appliance", yaml, "--check")
    assert done.returncode == 78, done
    for part in ("path that begins with /", 'not "blue"', 'not "x"'):
        assert part in done.stderr, done.stderr


@ot.test(timeout=90)
def the_appliance_runs_with_its_simulated_board():
    env = {"SAMPLING_INTERVAL": "0.5", "TEMP_OFFSET_F": "-4", "HUMIDITY_OFFSET": "0"}
    with ot.Outpost("temp-monitor", timeout=30, env=env, cwd=ot.directory()) as box:
        status = box.status()
        assert status["status"] == "ok" and status["services"]["climate"]["state"] == "ready", status
        r = box.tap("climate.reading", 2, timeout=30)[1]
        assert 25 < r["temperature_c"] < 31 and 36 < r["humidity"] < 44 and r["compensated"] == "yes", r
        state = box.state
    done = ot.run(ot.OUTPOST, "export", "climate.reading", "--state", state, "--format", "jsonl")
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and any(k["temperature_c"] == r["temperature_c"] for k in kept), done.stderr


ot.main()
