# `outpost tap` on real topics: what it prints to the letter, and what it survives.
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


def tap(runtime, *args, **kw):
    return ot.run(ot.OUTPOST, "tap", *args, "--runtime", runtime, **kw)


def follow(runtime, *args):
    return ot.Process(ot.OUTPOST, "tap", *args, "--runtime", runtime)


def csv_numbers(process):
    """Sequence numbers of the CSV rows so far; -1 for a header."""
    return [int(line.split(",")[0]) if line[0].isdigit() else -1 for line in process.output("out")]


def wait_numbers(process, numbers):
    ot.wait_until(lambda: csv_numbers(process) == numbers, what=f"{numbers}, is {process.output()}")


@ot.test()
def csv_is_exact():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 4"):
        done = tap(runtime, "test.point", "--csv", "--last", "4", "--count", "4")
    assert done.returncode == 0 and done.stderr == "", done
    header, *rows = done.stdout.split("\n")
    assert header == "seq,boot_ns,time,x,level,n,raw,mode,note", header
    assert rows.pop() == "" and "\r" not in done.stdout
    want = ["0,0,0,off,", "0.5,0.1,1,1,on,", "1,0.2,2,2,off,", '1.5,0.3,3,3,on,"a, ""3"""']
    want[0] = "0," + want[0]
    for i, row in enumerate(rows):
        assert re.fullmatch(rf"{i},\d+,{TIME}," + re.escape(want[i]), row), row
    assert len(rows) == 4


@ot.test()
def json_is_exact():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 4"):
        done = tap(runtime, "test.point", "--json", "--last", "1", "--count", "1")
    assert re.fullmatch(r'\{"topic":"test\.point","seq":3,"boot_ns":\d+,"time":"' + TIME + r'","x":1\.5,'
                        r'"level":0\.3,"n":3,"raw":3,"mode":"on","note":"a, \\"3\\""\}\n', done.stdout), done
    assert json.loads(done.stdout)["note"] == 'a, "3"'


@ot.test()
def columns_have_units_and_line_up():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 12"):
        done = tap(runtime, "test.point", "--last", "12", "--count", "12")
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["time", "seq", "x[m]", "level[bar]", "n", "raw[counts]", "mode", "note"], header
    assert "\t" not in done.stdout and "\x1b" not in done.stdout
    ends = [header.index(name) + len(name) for name in ("seq", "x[m]", "level[bar]", " n ", "raw[counts]")]
    ends[3] -= 1
    for i, row in enumerate(rows):
        cells = [row[:end].split()[-1] for end in ends]
        assert cells == [str(i), f"{i / 2:g}", f"{i / 10:g}", str(i), str(i)], row
        assert row[header.index("mode"):].startswith("on" if i % 2 else "off"), row
    assert len(rows) == 12


@ot.test()
def fields_are_chosen_by_name():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 2"):
        done = tap(runtime, "test.point", "--csv", "--last", "2", "--count", "2", "--fields", "raw,x")
        assert done.stdout.splitlines()[0] == "seq,boot_ns,time,raw,x"
        assert done.stdout.splitlines()[2].endswith("Z,1,0.5")
        wrong = tap(runtime, "test.point", "--fields", "raww")
        assert wrong.returncode == 1 and 'no field "raww"' in wrong.stderr and "raw, mode" in wrong.stderr


@ot.test()
def a_timeout_ends_it_and_says_whether_the_count_was_reached():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 2"):
        assert tap(runtime, "test.point", "--timeout", "0.1").returncode == 0
        short = tap(runtime, "test.point", "--last", "2", "--count", "3", "--timeout", "0.1", "--csv")
        assert short.returncode == 1 and len(short.stdout.splitlines()) == 3
    assert tap(runtime, "not.there", "--count", "1", "--timeout", "0.1").returncode == 1


@ot.test()
def a_late_topic_is_waited_for_and_shown_from_its_first_record():
    runtime = bus()
    with follow(runtime, "test.point", "--csv", "--count", "3") as p:
        p.wait_line("test.point: not there yet, waiting")
        with Writer(runtime, "open point test.point", "pub test.point 3"):
            assert p.wait() == 0
        assert csv_numbers(p) == [-1, 0, 1, 2], p.output()


@ot.test()
def a_bus_that_is_made_later_is_found():
    runtime = ot.directory() / "hub"
    runtime.mkdir()
    with follow(runtime, "test.point", "--csv", "--count", "1") as p:
        p.wait_line(f"test.point: not there yet, waiting; nothing runs in {runtime}/bus yet$")
        with Writer(bus(), "open point test.point", "pub test.point 1"):
            assert p.wait() == 0


@ot.test()
def where_nothing_can_come_it_does_not_wait():
    done = tap(ot.directory() / "nowhere", "test.point", timeout=5)
    assert done.returncode == 1 and not done.stdout, done
    assert "nowhere: No such file or directory; no appliance runs there" in done.stderr, done
    assert "outpost run APPLIANCE" in done.stderr and "--runtime DIR" in done.stderr, done
    (ot.directory() / "file").write_text("")
    done = tap(ot.directory() / "file", "test.*", timeout=5)
    assert done.returncode == 1 and "file: Not a directory; no appliance runs there" in done.stderr, done


@ot.test()
def a_misspelt_topic_is_told_the_nearest_and_all_there_are():
    runtime = bus()
    with Writer(runtime, "open point test.point", "open event test.event", "open point other"):
        for topic, hint in (("test.pint", "; did you mean test.point? There are:"), ("xyzzy", "; there are:")):
            done = tap(runtime, topic, "--timeout", "0.3")
            want = f"outpost tap: {topic}: not there yet, waiting{hint} other test.event test.point\n"
            assert done.returncode == 0 and done.stderr == want, done  # once
        done = tap(runtime, "tset.*", "--timeout", "0.3")
        assert done.stderr == "outpost tap: no topic matches yet, waiting; there are: other test.event test.point\n", done


@ot.test()
def a_killed_writer_that_returns_loses_nothing():
    runtime = bus()
    with follow(runtime, "test.point", "--csv") as p:
        p.wait_line("waiting")
        with Writer(runtime, "open point test.point", "pub test.point 2") as first:
            wait_numbers(p, [-1, 0, 1])
            first.kill()
        with Writer(runtime, "open point test.point", "pub test.point 2"):
            wait_numbers(p, [-1, 0, 1, 2, 3])
        assert p.stop() == 0
        assert not [line for line in p.output("err") if "missed" in line], p.output("err")


@ot.test()
def a_new_schema_gets_a_new_header_and_goes_on():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 2") as w:
        with follow(runtime, "test.point", "--csv", "--last", "2") as p:
            wait_numbers(p, [-1, 0, 1])
            w("close test.point", "open point2 test.point", "pub test.point 2")
            wait_numbers(p, [-1, 0, 1, -1, 2, 3])
            assert p.output("out")[3] == "seq,boot_ns,time,y,n"
            assert p.output("out")[5].endswith("Z,6,3")
            p.wait_line("declared anew|made anew")  # by when it looked
            assert p.stop() == 0
            assert not [line for line in p.output("err") if "missed" in line], p.output("err")


@ot.test()
def another_run_of_the_appliance_is_followed():
    runtime = bus()
    with follow(runtime, "test.point", "--csv") as p:
        p.wait_line("waiting")
        with Writer(runtime, "open point test.point", "pub test.point 2"):
            wait_numbers(p, [-1, 0, 1])
        os.unlink(runtime / "bus" / "test.point")
        with Writer(runtime, "open point test.point", "pub test.point 1"):
            wait_numbers(p, [-1, 0, 1, -1, 0])
        assert p.stop() == 0


@ot.test()
def missed_records_are_counted_exactly():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 1") as w:
        with follow(runtime, "test.point", "--csv", "--last", "1") as p:
            wait_numbers(p, [-1, 0])
            p.signal(signal.SIGSTOP)
            w("pub test.point 20000")
            p.signal(signal.SIGCONT)
            ot.wait_until(lambda: csv_numbers(p)[-1] == 20000)
            p.wait_line(r"test.point: missed \d+ records$")
            assert p.stop() == 0
            shown = csv_numbers(p)
            told = int(p.wait_line(r"test.point: missed (\d+) records in all").group(1))
            assert shown[1] == 0 and shown[2:] == list(range(shown[2], 20001))
            assert told == 20001 - (len(shown) - 1) > 15000, (told, len(shown))


@ot.test()
def a_closed_pipe_ends_it_with_0():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 1") as w:
        for records in (5000, 0):  # found by writing, and while nothing comes
            p = subprocess.Popen([str(ot.OUTPOST), "tap", "test.point", "--last", "1", "--runtime",
                                  str(runtime)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            p.stdout.readline()
            p.stdout.close()
            w(f"pub test.point {records}")
            assert p.wait(ot.patient(5)) == 0
            assert p.stderr.read() == b""
            p.stderr.close()


@ot.test()
def signals_end_it_with_0():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 1"):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with follow(runtime, "test.point", "--last", "1") as p:
                p.wait_line("Z +0 ")
                p.signal(number)
                assert p.wait(5) == 0


@ot.test()
def a_full_disk_is_told():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 1"), open("/dev/full", "w") as full:
        done = subprocess.run([str(ot.OUTPOST), "tap", "test.point", "--last", "1", "--count", "1", "--runtime",
                               str(runtime)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=ot.patient(10))
    assert done.returncode == 1 and "cannot write: No space left" in done.stderr, done


@ot.test()
def a_pattern_shows_each_topic_by_name():
    runtime = bus()
    with Writer(runtime, "open point test.a", "open point2 test.b", "open event other", "pub test.a 1",
                "pub test.b 1", "pub other 1") as w:
        done = tap(runtime, "test.*", "--json", "--last", "1", "--count", "2")
        assert [json.loads(line)["topic"] for line in done.stdout.splitlines()] == ["test.a", "test.b"]
        done = tap(runtime, "test.*", "--csv", "--last", "1", "--count", "2", "--fields", "n,y")
        lines = done.stdout.splitlines()
        assert lines[0] == "topic,seq,boot_ns,time,n" and lines[1].startswith("test.a,0,"), lines
        assert lines[2] == "topic,seq,boot_ns,time,n,y" and lines[3].startswith("test.b,0,"), lines
        done = tap(runtime, "test.a", "other", "--last", "1", "--count", "2")
        assert re.search(r"Z  test\.a +#0 +x=0m level=0bar", done.stdout), done.stdout
        with follow(runtime, "test.*", "--json") as p:  # a topic that comes later belongs to it too
            ot.wait_until(lambda: any(r["who"] == "tap" for r in readers(runtime, "test.a")))
            w("open point test.c", "pub test.c 1")
            p.wait_line('"topic":"test.c","seq":0')
            assert p.stop() == 0


def readers(runtime, topic):
    status = ot.run(ot.OUTPOST, "status", "--json", "--runtime", runtime)
    return json.loads(status.stdout)["topics"][topic]["readers"]


@ot.test()
def a_rate_thins_out_evenly():
    runtime = bus()
    with Writer(runtime, "open point test.point", "pub test.point 1001 1000"):
        done = tap(runtime, "test.point", "--json", "--last", "1001", "--rate", "10", "--timeout", "0.1")
    stamps = [json.loads(line)["boot_ns"] for line in done.stdout.splitlines()]
    assert len(stamps) == 11, len(stamps)
    assert all(99e6 < b - a < 102e6 for a, b in zip(stamps, stamps[1:])), stamps


@ot.test()
def wrong_usage_is_status_2():
    for args, said in (((), "usage:"), (("x", "--count", "many"), "--count many: expected a whole number"),
                       (("x", "--count", "-1"), "--count -1: expected a whole number"),
                       (("x", "--count", "0"), "--count 0: expected at least 1"),
                       (("x", "--json", "--csv"), "--json or --csv, not both"),
                       (("x", "--csv", "--json"), "--json or --csv, not both"),
                       (("x", "--rate", "0"), "--rate 0: expected a positive number"), (("x", "--sideways"), "usage:")):
        done = tap(bus(), *args)
        assert done.returncode == 2 and said in done.stderr and not done.stdout, (args, done)


@ot.test()
def several_appliances_are_named():
    for name in ("one", "two"):
        (ot.directory() / "outpost" / name / "bus").mkdir(parents=True)
    env = {"XDG_RUNTIME_DIR": str(ot.directory()), "OUTPOST_RUNTIME": ""}
    done = ot.run(ot.OUTPOST, "tap", "x", env=env)
    assert done.returncode == 1 and "choose one" in done.stderr, done
    for name in ("one", "two"):
        assert f"--runtime {ot.directory()}/outpost/{name}\n" in done.stderr, done


ot.main()
