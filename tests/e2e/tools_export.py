# `outpost export` on real databases: what it prints to the letter, and what it survives.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import csv
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile

import outpost_test as ot
from tools_test import Terminal

FEED = ot.BUILD / "tests" / "e2e" / "test-history-feed"
NOON = 1795262400  # 2026-11-21T12:00Z


def state(records, name="state"):
    """A state directory with so many records of feed.wave."""
    path = ot.directory() / name
    path.mkdir()
    subprocess.run([str(FEED), str(path / "history.db"), str(records)], check=True, timeout=ot.patient(60))
    return path


def export(*args, **kw):
    return ot.run(ot.OUTPOST, "export", *args, **kw)


def rows(text):
    return list(csv.DictReader(text.splitlines()))


@ot.test()
def csv_is_exact():
    done = export("feed.wave", "--state", state(3))
    assert done.returncode == 0 and done.stderr == "", done
    raw = subprocess.run([str(ot.OUTPOST), "export", "feed.wave", "--state", str(ot.directory() / "state")],
                         capture_output=True, timeout=ot.patient(10)).stdout
    assert raw == (b"seq,boot_ns,time,half,n\r\n"
                   b"0,0,2026-11-21T12:00:00.000Z,0,0\r\n"
                   b"1,1250000,2026-11-21T12:00:00.001Z,0.5,1\r\n"
                   b"2,2500000,2026-11-21T12:00:00.002Z,1,2\r\n"), raw


@ot.test()
def json_lines_and_rows_are_exact():
    where = state(1601)
    done = export("feed.event", "--format", "jsonl", "--fields", "note,end", "--state", where)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["note"] for line in lines] == ["event, 0", "event, 1", "event, 2"], lines
    assert lines[1] == {"topic": "feed.event", "seq": 1, "boot_ns": 1000000000,
                        "time": "2026-11-21T12:00:01.000Z", "note": "event, 1", "end": "window"}, lines
    done = export("feed.event", "--state", where)
    assert rows(done.stdout)[2]["third"] == "0.6666666666666666", done


@ot.test()
def spans_and_levels():
    where = state(20000)
    done = export("feed.wave", "--from", "2026-11-21T12:00:10Z", "--to", str(NOON + 11.5), "--state", where)
    got = [int(r["n"]) for r in rows(done.stdout)]
    assert got == list(range(8000, 9200)), (got[:1], got[-1:], done.stderr)
    done = export("feed.wave", "--level", "1s", "--fields", "n", "--state", where)
    got = rows(done.stdout)
    assert len(got) == 25 and got[3]["n.max"] == "3199" and got[3]["n.mean"] == "2799.5", got[3]
    assert got[24]["time"] == "2026-11-21T12:00:24.000Z"


@ot.test()
def what_is_not_on_disk_yet_is_told():
    where = state(20000)
    done = export("feed.wave", "--from", str(NOON + 60), "--state", where)
    assert done.returncode == 0 and done.stdout == "seq,boot_ns,time,half,n\n", done
    assert "feed.wave is on disk up to 2026-11-21T12:00:24" in done.stderr and "flush" in done.stderr, done
    done = export("feed.wave", "--to", str(NOON - 60), "--state", where)  # older than all: nothing to wait for
    assert done.returncode == 0 and done.stderr == "", done


@ot.test()
def the_list_says_what_is_kept():
    done = export("--list", "--state", state(8800))
    lines = [re.split(r"  +", line.strip()) for line in done.stdout.splitlines()]
    assert lines[0] == ["TOPIC", "KIND", "FROM", "TO", "RECORDS FROM", "RECORDS", "SIZE", "CLOCK"], lines
    begin = "2026-11-21T12:00:00.000Z"
    assert lines[1][:6] == ["feed.event", "rows", begin, "2026-11-21T12:00:10.000Z", begin, "11"], lines
    assert lines[2][:6] == ["feed.wave", "chunks", begin, "2026-11-21T12:00:10.998Z", begin, "8800"], lines
    assert lines[2][7] == "synchronised" and lines[2][6].endswith("K"), lines


@ot.test()
def mistakes_are_told_with_a_remedy():
    where = state(1)
    cases = [
        (["feed.wav", "--state", where], 1, 'nothing is kept of a topic "feed.wav" (did you mean "feed.wave"?)'),
        (["feed.wave", "--fields", "hlf", "--state", where], 1, 'no field "hlf"'),
        (["feed.event", "--level", "1s", "--state", where], 1, "not kept at level 1s"),
        (["feed.wave", "--from", "yesterday", "--state", where], 2, "--from yesterday: expected a time like"),
        (["feed.wave", "--from", "now", "--to", "-1h", "--state", where], 2, "--from is not before --to"),
        (["feed.wave", "--level", "2s", "--state", where], 2, "expected raw, 1s, 1min or 1h"),
        (["feed.wave", "--format", "xml", "--state", where], 2, "expected csv or jsonl"),
        (["--state", where], 2, "usage: outpost export"),
        (["feed.wave", "--database", where / "none.db"], 1, "none.db: No such file or directory; nothing was"),
        (["feed.wave", "--database", where], 1, "outpost export: "),
        (["feed.wave", "--state", where, "--output", where], 1, "Is a directory"),
    ]
    for args, status, text in cases:
        done = export(*args)
        assert done.returncode == status and text in done.stderr, (args, done)
        assert "\n" not in done.stderr.strip() or status == 2, done
    (where / "history.db").write_bytes(os.urandom(8192))
    done = export("feed.wave", "--state", where)
    assert done.returncode == 1 and "damaged" in done.stderr, done


def as_user(*args, env):
    """As somebody who is not root: root's state is that of the system."""
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        return subprocess.run([str(ot.OUTPOST), "export", *args], capture_output=True, text=True, timeout=30,
                              env={**os.environ, **env}, **user)
    except PermissionError as e:
        raise ot.Skip(f"another user cannot run {ot.OUTPOST}") from e


@ot.test()
def the_appliance_is_found_by_its_state():
    with tempfile.TemporaryDirectory() as home:
        env, base = {"XDG_STATE_HOME": home}, pathlib.Path(home) / "outpost"
        os.chmod(home, 0o755)
        done = as_user("feed.wave", env=env)
        assert done.returncode == 1 and "no appliance has a history.db here; say which" in done.stderr, done
        for name in ("one", "two"):
            (base / name).mkdir(parents=True)
            subprocess.run([str(FEED), str(base / name / "history.db"), "5"], check=True, timeout=ot.patient(60))
            subprocess.run(["chmod", "-R", "a+rwX", home], check=True)
            done = as_user("feed.wave", env=env)
            if name == "one":
                assert len(rows(done.stdout)) == 5, done
            if name == "one":  # what was simulated does not stand in its way, but is found alone
                (base / "one").rename(base / "one-sim")
                assert len(rows(as_user("feed.wave", env=env).stdout)) == 5
                shutil.copytree(base / "one-sim", base / "one")
                subprocess.run(["chmod", "-R", "a+rwX", home], check=True)
                assert len(rows(as_user("feed.wave", env=env).stdout)) == 5
        assert done.returncode == 1 and f"  --state {base}/two" in done.stderr and "-sim" not in done.stderr, done
        assert len(rows(as_user("feed.wave", "two", env=env).stdout)) == 5


@ot.test()
def a_file_has_its_name_only_when_it_is_whole():
    where = state(100000)
    out = ot.directory() / "out"
    out.mkdir()
    (out / "wave.csv").write_text("the old one")
    done = export("feed.wave", "--state", where, "--output", out / "wave.csv")
    assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done
    assert os.listdir(out) == ["wave.csv"] and len(rows((out / "wave.csv").read_text())) == 100000
    (out / "wave.csv").write_text("the old one")

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    done = subprocess.run([str(ot.OUTPOST), "export", "feed.wave", "--state", str(where), "--output",
                           str(out / "wave.csv")], capture_output=True, text=True, preexec_fn=small, timeout=ot.patient(30))
    assert done.returncode == 1 and "wave.csv: File too large" in done.stderr, done
    assert os.listdir(out) == ["wave.csv"] and (out / "wave.csv").read_text() == "the old one"


@ot.test()
def a_full_disk_and_a_closed_pipe():
    where = state(100000)
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(ot.OUTPOST), "export", "feed.wave", "--state", str(where)], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=ot.patient(30))
    assert done.returncode == 1 and "No space left on device after" in done.stderr, done
    done = export("feed.wave", "--state", where, "--output", "/dev/full")
    assert done.returncode == 1 and "make room" in done.stderr, done
    assert os.path.exists("/dev/full") and not os.path.isfile("/dev/full")
    with subprocess.Popen([str(ot.OUTPOST), "export", "feed.wave", "--state", str(where)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as proc:
        assert proc.stdout.readline().startswith(b"seq,")
        proc.stdout.close()
        assert proc.wait(ot.patient(10)) == 0 and proc.stderr.read() == b""


@ot.test(timeout=90)
def a_signal_leaves_no_file_behind():
    where, out = state(1_000_000), ot.directory() / "out"
    out.mkdir()
    with subprocess.Popen([str(ot.OUTPOST), "export", "feed.wave", "--state", str(where), "--output",
                           str(out / "wave.csv")], stderr=subprocess.PIPE, text=True) as proc:
        ot.wait_until(lambda: any(f.stat().st_size > 100000 for f in out.iterdir()), what="a part of the file")
        proc.send_signal(signal.SIGINT)
        assert proc.wait(ot.patient(10)) == 128 + signal.SIGINT
        assert "stopped; nothing was written" in proc.stderr.read()
    assert os.listdir(out) == []


@ot.test()
def a_terminal_shows_how_far_it_is():
    """The other side of the pipe does not read until the bar was seen."""
    where, fifo = state(20000), ot.directory() / "fifo"
    os.mkfifo(fifo)
    with Terminal(ot.OUTPOST, "export", "feed.wave", "--state", where, "--output", fifo) as t, \
            open(fifo, "rb", buffering=0) as other:
        t.wait(lambda text: re.search(r"\d+ % \[#*\.+\] \d+ records", text))
        text = b""
        while more := other.read(65536):
            text += more
        assert t.ended() == 0 and len(rows(text.decode())) == 20000
        assert "records" not in t.text(), "the bar is still there"


@ot.test()
def what_is_no_history_is_told_and_no_word_is_ignored():
    where = state(3)
    other = ot.directory() / "notes.txt"
    other.write_text("nothing of the kind\n" * 100)
    done = export("feed.wave", "--database", other)
    assert done.returncode == 1 and "is not a history database" in done.stderr, done
    done = export("feed.wave", "more", "--database", where / "history.db")
    assert done.returncode == 2 and "more: --database says already" in done.stderr, done
    done = export("--list", "more", "--state", where)
    assert done.returncode == 2 and "more: --state says already" in done.stderr, done


@ot.test(timeout=90)
def it_reads_while_the_recorder_writes():
    where = ot.directory() / "state"
    where.mkdir()
    with subprocess.Popen([str(FEED), str(where / "history.db"), "8000", "--go-on"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as feed:
        assert feed.stdout.readline() == "ready\n"
        for i in range(5):
            feed.stdin.write("more\n")
            feed.stdin.flush()
            done = export("feed.wave", "--state", where)
            assert feed.stdout.readline() == "ok\n"
            got = [int(r["n"]) for r in rows(done.stdout)]
            assert got == list(range(len(got))) and len(got) in ((i + 1) * 8000, (i + 2) * 8000), len(got)
        feed.stdin.close()
        assert feed.wait(ot.patient(10)) == 0


@ot.test(timeout=90)
def memory_does_not_grow_with_the_export():
    """The largest size of two exports, one twenty times as long."""
    def largest(records, name):
        where = state(records, name)
        script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, "
                  "check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = ot.run("python3", "-c", script, ot.OUTPOST, "export", "feed.wave", "--state", where)
        return int(done.stdout)
    small, large = largest(100_000, "small"), largest(1_000_000, "large")
    assert ot.sanitized("outpost") or (large < small * 1.2 + 500 and large < 16_000), (small, large)


ot.main()
