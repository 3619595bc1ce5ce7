# runlog.py - the merged log of `outpost run`: levels, bounds, files, rotation, a full disk.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import signal
import subprocess

import boxes
import outpost_test as ot
from boxes import Box


@ot.test()
def lines_carry_time_service_level_and_text():
    with Box({"a": {}, "b": {}}) as box:
        box.call("a", "log", "lines=1", "text=hello")
        box.call("b", "print", "text=printed")
        box.wait_line(r"^\d\d:\d\d:\d\d\.\d\d\d a +warning hello 0$")
        box.wait_line(r"^\d\d:\d\d:\d\d\.\d\d\d b +info +printed$")


@ot.test()
def the_journal_gets_prefixes_and_a_file_full_stamps():
    file = ot.directory() / "log"
    with Box({"a": {}}, "--log-file", file, env={"OUTPOST_LOG": "prefix"}) as box:
        box.call("a", "log", "lines=1", "text=hello")
        box.wait_line("^<4>a: hello 0$")
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z a warning hello 0$", file.read_text(), re.M)


@ot.test()
def what_could_steer_a_terminal_is_escaped_and_long_lines_are_cut():
    with Box({"a": {}}) as box:
        box.call("a", "print", "text=bell\x07 esc\x1b[31m")
        box.wait_line(r"bell\\x07 esc\\x1b\[31m")
        box.call("a", "print", "text=" + "y" * 10000)
        line = box.wait_line(r"y{100}").string
        assert line.endswith(" [cut]") and len(line) < 2200, len(line)
        box.call("a", "print", "text=next")
        box.wait_line("info +next")


@ot.test()
def a_flood_is_held_to_a_rate_and_counted():
    with Box({"noisy": {}, "quiet": {}}) as box:
        box.call("noisy", "log", "lines=20000", "text=flood", "--timeout", "20")
        said = box.wait_line(r"noisy: (\d+) lines of its log suppressed")
        box.call("quiet", "print", "text=still here")
        box.wait_line("quiet +info +still here")
        assert box.call("noisy", "status")["restarts"] == 0
        assert int(said[1]) > 1000 and len(box.log(r"noisy +warning flood")) < 1000
    total = sum(int(re.search(r"(\d+) lines of", line)[1]) for line in box.log("suppressed"))
    assert total + len(box.log(r"noisy +warning flood")) == 20000, "every line is shown or counted"


@ot.test()
def the_last_words_of_a_crash_are_not_lost():
    with Box({"a": {"at_start": "fault"}}, ready=False) as box:
        box.wait_line("a: exit status 1: restart in")
        lines = box.output("err")
        words = [i for i, line in enumerate(lines) if "cannot start: " in line]
        end = [i for i, line in enumerate(lines) if "exit status 1" in line]
        assert words and words[0] < end[0]
        assert box.stop() == 0


@ot.test()
def files_rotate_by_size_and_none_is_lost():
    file = ot.directory() / "log"
    with Box({"a": {}}, "--log-file", file, "--log-size", "8K", "--log-keep", "20") as box:
        box.call("a", "log", "lines=400", "text=" + "x" * 100)
        box.wait_line("x{100} 399$")
    parts = sorted(file.parent.glob("log*"), key=lambda p: int(p.suffix[1:] or 0), reverse=True)
    assert len(parts) > 5 and all(p.stat().st_size <= 8192 for p in parts)
    text = "".join(p.read_text() for p in parts)
    assert [int(n) for n in re.findall(r"x{100} (\d+)$", text, re.M)] == list(range(400))


@ot.test()
def old_files_go():
    file = ot.directory() / "log"
    with Box({"a": {}}, "--log-file", file, "--log-size", "4K", "--log-keep", "2") as box:
        box.call("a", "log", "lines=300", "text=" + "x" * 100)
        box.wait_line("x{100} 299$")
    assert sorted(p.name for p in file.parent.glob("log*")) == ["log", "log.1", "log.2"]


@ot.test()
def hangup_opens_the_file_again():
    file, moved = ot.directory() / "log", ot.directory() / "moved"
    with Box({"a": {}}, "--log-file", file) as box:
        file.rename(moved)
        box.signal(signal.SIGHUP)
        ot.wait_until(file.exists)
        box.call("a", "print", "text=after")
        box.wait_line("after")
    assert "after" in file.read_text() and "after" not in moved.read_text()


@ot.test()
def a_full_disk_stops_nothing_and_is_told_later():
    if os.geteuid() != 0:
        raise ot.Skip("needs root to mount a small file system")
    small = ot.directory() / "small"
    small.mkdir()
    done = ot.run("mount", "-t", "tmpfs", "-o", "size=64k", "outpost-test", small)
    if done.returncode != 0:
        raise ot.Skip(f"cannot mount: {done.stderr.strip()}")
    try:
        ballast = small / "ballast"
        with Box({"a": {}}, "--log-file", small / "log") as box:
            filler = os.open(ballast, os.O_WRONLY | os.O_CREAT)
            try:
                while True:
                    os.write(filler, b"x" * 1024)
            except OSError:
                os.close(filler)
            box.call("a", "log", "lines=300", "text=" + "y" * 100)
            box.wait_line("y{100} 299$")
            assert box.call("a", "status")["restarts"] == 0
            os.unlink(ballast)

            def told():
                box.call("a", "print", "text=room again")
                return "lines lost: no room" in (small / "log").read_text()
            ot.wait_until(told, 5, every=0.1)
        text = (small / "log").read_text()
        assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in text.splitlines()), "no torn line"
        kept = len(re.findall(r"y{100} \d+$", text, re.M))
        lost = sum(int(n) for n in re.findall(r"(\d+) lines lost", text))
        assert kept + lost >= 300, (kept, lost)
    finally:
        ot.run("umount", small)


@ot.test()
def a_terminal_that_takes_nothing_stops_nothing():
    reader, writer = os.pipe()  # full after 64 KiB, and nobody reads
    file = ot.directory() / "log"
    appliance = boxes.write({"a": {"watchdog_s": 2}})
    run = subprocess.Popen([ot.OUTPOST, "run", appliance, "--runtime", ot.directory() / "rt", "--state",
                            ot.directory() / "state", "--log-file", file], stderr=writer,
                           stdout=subprocess.DEVNULL)
    try:
        ot.wait_until(lambda: file.exists() and "a info ready" in file.read_text())
        call = (ot.OUTPOST, "call", "a", "--runtime", ot.directory() / "rt")
        for _ in range(3):  # more than a pipe holds
            assert ot.run(*call, "log", "lines=200", "text=" + "z" * 500).returncode == 0
        ot.wait_until(lambda: file.read_text().count("z" * 500) >= 500)
        first = ot.run(*call, "ping").stdout
        ot.wait_until(lambda: json.loads(ot.run(*call, "status").stdout)["uptime_s"] > 5,
                      what="more than two watchdog periods")
        assert ot.run(*call, "ping").stdout == first, "no watchdog has struck"
        run.terminate()
        assert run.wait(ot.patient(5)) == 0
    finally:
        run.kill()
        run.wait()
        os.close(reader)
        os.close(writer)


ot.main()
