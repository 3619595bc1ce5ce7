# logfile.py - the log file that an appliance names: its form, whoever rotates it, a full disk, what
# repeats itself; and the memory that all processes hold.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import re
import shutil
import subprocess

import outpost_test as ot
from boxes import Box, write

LOG = "log: {file: logs/box.log, style: python, repeat_s: 1}\n"
LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (INFO|WARNING|ERROR|CRITICAL) - .*"


def file():
    return ot.directory() / "logs/box.log"


def full_disk():
    """A shim below the directory of the log, which is made."""
    if ot.sanitized("outpost"):
        raise ot.Skip("a sanitizer must be the first library of a process, before the faults")
    file().parent.mkdir()
    return ot.Shim(file().parent)


def say(box, text):
    """One line through the service, waited for on the terminal: then it is in the file as well."""
    box.call("a", "print", "text=" + text)
    box.wait_line(re.escape(text.split(">")[-1]) + "$")


@ot.test()
def its_lines_are_those_of_python():
    with Box({"a": {}}, extra=LOG, env={"TZ": "AAA-5"}) as box:
        for level in (0, 3, 4, 5, 6, 7):
            say(box, f"<{level}>level {level}: 17.5°C")
    lines = file().read_text("utf-8").splitlines()
    assert all(re.fullmatch(LINE, line) for line in lines), lines
    told = [line.split(" - ", 1)[1] for line in lines if "level" in line]
    names = {0: "CRITICAL", 3: "ERROR", 4: "WARNING", 5: "INFO", 6: "INFO"}
    assert told == [f"{name} - level {n}: 17.5°C" for n, name in names.items()], told
    utc = subprocess.run(["date", "-u", "-d", lines[0].split(",")[0] + " +0500", "+%s"], capture_output=True)
    assert abs(int(utc.stdout) - file().stat().st_mtime) < 3600, "local time"


@ot.test()
def every_line_is_utf_8_though_it_was_cut():
    with Box({"a": {}}, extra=LOG) as box:
        for begin in ("", "y"):  # one of them is cut within a character
            box.call("a", "print", "text=" + begin + "\u00fc" * 2000)
            box.wait_line(r"\[cut\]$")
        say(box, "last")
    text = file().read_bytes().decode("utf-8")
    assert text.count(" [cut]\n") == 2 and text.count("\\xc3 [cut]") == 1, text[-3000:]


@ot.test()
def it_is_beside_the_appliance_or_where_a_variable_says():
    (ot.directory() / "at").mkdir()
    for where, found in (("b.log", "b.log"), (str(ot.directory() / "at/x/y.log"), "at/x/y.log")):
        with Box({"a": {}}, extra=LOG + "environment: {LOG_FILE: log.file}\n", env={"LOG_FILE": where}):
            pass
        assert "stopping" in (ot.directory() / found).read_text()


@ot.test()
def mistakes_are_in_it_too():
    path = write({"a": {"at_start": "nonsense"}}, extra=LOG)
    done = ot.run(ot.OUTPOST, "run", path, cwd="/")
    assert done.returncode == 2
    assert re.search(r" - ERROR - .*at_start: expected one of", file().read_text())


@ot.test()
def what_cannot_be_opened_ends_the_start():
    (ot.directory() / "taken").write_text("")
    for name, text in (("taken/x.log", f"Failed to create log directory '{ot.directory()}/taken': "),
                       (".", f"Failed to configure logging with file '{ot.directory()}/.': ")):
        path = write({"a": {}}, extra=f"start_failure: 1\nlog: {{file: {name}}}\n")
        done = ot.run(ot.OUTPOST, "run", path)
        assert done.returncode == 1 and text in done.stderr, done
        assert "are counted" not in done.stderr, "of a file that will not be there nothing is counted"
        assert "nothing was started" in done.stderr


@ot.test()
def renamed_removed_or_emptied_it_goes_on():
    with Box({"a": {}}, extra=LOG) as box:
        say(box, "first")
        file().rename(file().with_suffix(".1"))
        say(box, "second")
        assert "second" in file().read_text() and "second" not in file().with_suffix(".1").read_text()
        shutil.rmtree(file().parent)
        say(box, "third")
        assert "third" in file().read_text() and "second" not in file().read_text()
        os.truncate(file(), 0)
        say(box, "fourth")
        assert file().read_text().startswith("2") and "third" not in file().read_text()


@ot.test()
def logrotate_as_systems_run_it():
    if not shutil.which("logrotate", path=os.environ["PATH"] + ":/usr/sbin"):
        raise ot.Skip("logrotate is not installed")
    rules = ot.directory() / "rules"
    rules.write_text(f"{file()} {{\ndaily\nrotate 7\ncompress\ndelaycompress\nnotifempty\n"
                     "create 0644\nsharedscripts\n}\n")
    rules.chmod(0o644)
    env = {"PATH": os.environ["PATH"] + ":/usr/sbin"}
    with Box({"a": {}}, extra=LOG) as box:
        for i in range(4):
            say(box, f"before {i}")
            done = ot.run("logrotate", "--force", "--state", ot.directory() / "state-of-it", rules, env=env)
            assert done.returncode == 0, done.stderr
            assert file().stat().st_size == 0 and file().stat().st_mode & 0o777 == 0o644
            say(box, f"after {i}")
            assert f"after {i}" in file().read_text()
    names = sorted(p.name for p in file().parent.iterdir())
    assert names == ["box.log", "box.log.1", "box.log.2.gz", "box.log.3.gz", "box.log.4.gz"], names
    text = "".join(ot.run("zcat", "-f", file().parent / name).stdout for name in names)
    assert sorted(re.findall(r"(?:before|after) \d", text)) == sorted(
        f"{w} {i}" for w in ("before", "after") for i in range(4)), "no line is lost or doubled"


@ot.test()
def five_files_of_a_size_are_kept():
    extra = "log: {file: logs/box.log, style: python, size_bytes: 4096, keep: 5}\n"
    with Box({"a": {}}, extra=extra) as box:
        box.call("a", "log", "lines=400", "text=" + "x" * 100)
        box.wait_line("x{100} 399$")
    files = sorted(p.name for p in file().parent.iterdir())
    assert files == ["box.log"] + [f"box.log.{i}" for i in range(1, 6)], files
    for p in file().parent.iterdir():
        assert p.stat().st_size <= 4096 and all(re.fullmatch(LINE, x) for x in p.read_text().splitlines())


@ot.test()
def what_is_no_file_is_not_rotated():
    file().parent.mkdir()
    os.mkfifo(file())
    extra = "log: {file: logs/box.log, style: python, size_bytes: 4096, keep: 5}\n"
    reader = subprocess.Popen(["cat", file()], stdout=subprocess.PIPE, text=True)
    with Box({"a": {}}, extra=extra) as box:
        box.call("a", "log", "lines=100", "text=" + "x" * 100)
        box.wait_line("x{100} 99$")
        assert [p.name for p in file().parent.iterdir()] == ["box.log"] and file().is_fifo()
    assert reader.communicate(timeout=ot.patient(10))[0].count("x" * 100) == 100


@ot.test()
def killed_it_has_every_line_that_was_shown():
    with Box({"a": {}}, extra=LOG) as box:
        box.call("a", "log", "lines=200", "text=mark")
        box.wait_line("mark 199$")
        box.proc.kill()
        box.proc.wait()
        assert [int(n) for n in re.findall(r"mark (\d+)$", file().read_text(), re.M)] == list(range(200))


@ot.test()
def a_full_disk_is_told_once_and_counted():
    shim = full_disk()
    with Box({"a": {}}, extra=LOG, env=shim.env()) as box:
        say(box, "before")
        shim.set(full=True)
        for i in range(5):
            say(box, f"while full {i}")
        told = [line for line in box.output("err") if "its lines are counted until there is room" in line]
        assert len(told) == 1 and "No space left on device" in told[0], told
        shim.clear()

        def room():
            box.call("a", "print", "text=room again")
            return "lines lost: no room" in file().read_text()
        ot.wait_until(room, every=0.1)
        box.wait_line(r"log file .*: written again, \d+ lines are lost")
    text = file().read_text()
    assert all(re.fullmatch(LINE, line) for line in text.splitlines()), "no torn line"
    lost = sum(int(n) for n in re.findall(r"- WARNING - (\d+) lines lost", text))
    assert lost >= 5 and "while full" not in text, (lost, text)


@ot.test()
def a_disk_that_is_full_from_the_start_stops_nothing():
    shim = full_disk()
    shim.set(full=True)
    with Box({"a": {}}, extra=LOG, env=shim.env()) as box:
        box.wait_line("its lines are counted until there is room")
        shim.clear()

        def room():
            box.call("a", "print", "text=room again")
            return file().exists() and "room again" in file().read_text()
        ot.wait_until(room, every=0.1)


@ot.test()
def errors_that_repeat_themselves_are_counted():
    with Box({"a": {}}, extra=LOG.replace("repeat_s: 1", "repeat_s: 2")) as box:
        for _ in range(20):
            box.call("a", "print", "text=<3>bus: no answer")
            box.call("a", "print", "text=<6>as usual")
        box.wait_line(r"error +bus: no answer \(\d+ more times, [0-9:]{8} to [0-9:]{8}\)$")
        said = "\n".join(box.output("err"))
        assert said.count("as usual") == 20, "only warnings and errors"
    text = file().read_text()
    shown = len(re.findall(r"ERROR - bus: no answer$", text, re.M))
    more = sum(int(n) for n in re.findall(r"bus: no answer \((\d+) more times, ", text))
    assert shown + more == 20 and shown < 20, (shown, more)


@ot.test()
def what_comes_again_after_it_was_over_is_no_repetition():
    with Box({"a": {}, "b": {}}, extra=LOG.replace("repeat_s: 1", "repeat_s: 3600")) as box:
        for _ in range(3):
            box.call("a", "print", "text=<3>alert: warm")
            box.call("a", "print", "text=<3>alert: warm")
            box.call("b", "print", "text=<5>of somebody else")
            box.call("a", "print", "text=<5>alert: cleared")
        box.wait_line("alert: cleared", after=len(box.output()) - 1)
        box.call("a", "print", "text=<3>alert: warm")
        box.wait_line(r"of somebody else")
    got = re.findall(r"- (\w+ - alert: .*)", file().read_text())
    once = ["ERROR - alert: warm", "ERROR - alert: warm (1 more times", "INFO - alert: cleared"]
    assert [line.split(", ")[0] for line in got] == once * 3 + once[:1], got


@ot.test()
def the_memory_of_all_is_told_once_when_it_passes_the_bound():
    with Box({"a": {}, "b": {}}, extra="memory: {warn_mib: 1}\n") as box:
        box.wait_line(r"warning memory: \d+ MiB are held, more than the 1 of memory.warn_mib; most by (a|b|outpost)$")
    with Box({"a": {}}, extra="memory: {warn_mib: 100000}\n", name="other") as box:
        box.wait_line("ready")
        assert not box.log("memory: ")


@ot.test()
def mistakes_in_the_sections_are_told():
    path = write({"a": {}}, extra="log: {file: x, size_bytes: 5, styel: python}\nmemory: 5\n"
                 "environment: {X: log.flie}\n")
    said = ot.run(ot.OUTPOST, "config", "check", path).stderr
    assert "log.size_bytes: expected an integer from 4096 to" in said
    assert 'log.styel: unknown setting (did you mean "style"?)' in said
    assert "memory: expected a mapping of settings, not text" in said
    assert 'X sets log.flie, which is no setting (did you mean "file"?)' in said, said


ot.main()
