# `outpost top` on a pseudo-terminal: what the screen shows, and the terminal after it.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import re
import signal
import time

import outpost_test as ot
from tools_test import Terminal, Writer, bus

HUB = ("open status status.pbt", "state status.pbt ready", "open status status.web",
       "state status.web degraded no port", "open point test.point", "pub test.point 1000 800")
UTF8 = {"LC_ALL": "C.UTF-8"}
DOWN, UP = "\x1b[B", "\x1b[A"


def top(runtime, *args, **kw):
    return Terminal(ot.OUTPOST, "top", "--runtime", runtime, "--interval", "0.1", *args, **kw)


@ot.test()
def the_lists_show_services_and_topics():
    runtime = bus()
    with Writer(runtime, *HUB) as w, top(runtime, env=UTF8) as t:
        text = t.wait("q quit")
        lines = text.splitlines()
        assert re.fullmatch(r"hub  degraded +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[0]) and len(lines[0]) == 80
        assert lines[2].startswith("SERVICE  STATE")
        assert re.match(r"pbt +ready .* 1\.5 ", t.line("pbt ")), text
        assert t.line("web ").endswith("no port"), text
        assert re.match(r"test\.point +live +800\.0 +1000\.0 ", t.line("test.point")), text
        assert "▆" in t.line("test.point"), text
        assert 33 in t.styles and 32 not in t.styles, t.styles  # yellow for web; nothing is green
        w("state status.web ready")
        t.wait(lambda text: text.startswith("hub  ok"))
        w("open event test.new")
        t.wait("\ntest.new ")
        t.type("q")
        assert t.ended() == 0 and t.restored()


@ot.test()
def a_killed_writer_turns_red():
    runtime = bus()
    with Writer(runtime, *HUB) as w, top(runtime) as t:
        t.wait("q quit")
        w.kill()
        t.wait(lambda text: text.startswith("hub  failed") and text.count("the process is gone") == 2)
        assert "dead" in t.line("test.point") and 31 in t.styles
        t.type("q")
        assert t.ended() == 0


@ot.test()
def no_colour_and_ascii_are_honoured():
    runtime = bus()
    with Writer(runtime, *HUB), top(runtime, env={"NO_COLOR": "1", "LC_ALL": "C"}) as t:
        t.wait("q quit")
        assert t.text().isascii() and "*" in t.line("test.point"), t.text()
        assert not t.styles & set(range(30, 50)), t.styles
        t.type("q")
        assert t.ended() == 0


@ot.test()
def a_topic_is_shown_in_full():
    runtime = bus()
    with Writer(runtime, *HUB) as w, top(runtime, rows=30) as t:
        t.wait("q quit")
        t.type(DOWN * 4 + "\r")
        t.wait("test.point  live")
        t.wait("newest record: #999")
        assert re.search(r"\n  level +99\.9 +bar +a tenth of it, up to 1024\n", t.text()), t.text()
        assert re.search(r"\n  raw +999 +counts ", t.text())
        assert re.search(r"\n  mode +on +whether it is odd", t.text())
        assert f"pid {w.pid}" in t.text()
        with ot.Process(ot.OUTPOST, "tap", "test.point", "--runtime", runtime) as p:
            t.wait(lambda text: re.search(rf"\n  tap +pid {p.pid} +missed 0 ", text))
            w("pub test.point 1")
            t.wait("newest record: #1000,")
            assert p.stop() == 0
        t.wait("readers: 0")
        t.type("\x1b")
        t.wait("SERVICE")
        t.type("q")
        assert t.ended() == 0


@ot.test()
def a_service_is_shown_with_its_past():
    runtime = bus()
    with Writer(runtime, *HUB, "state status.pbt degraded unplugged", "state status.pbt ready") as w, \
            top(runtime) as t:
        t.wait("q quit")
        t.type("\r")
        t.wait("pbt  ready")
        states = re.findall(r"Z  (ready|degraded) *(\w*)", t.text().split("recent states")[1])
        assert states == [("ready", ""), ("degraded", "unplugged"), ("ready", "")], t.text()
        assert f"pid {w.pid}, 2 threads, up 1h02m" in t.text() and "fifo 50, cores 0" in t.text()
        t.type("q")
        assert t.ended() == 0


@ot.test()
def keys_sort_pause_and_help():
    runtime = bus()
    order = lambda text: [line.split()[0] for line in text.splitlines() if re.match(r"(pbt|web) ", line)]
    with Writer(runtime, *HUB) as w, top(runtime) as t:
        t.wait("sort: name")
        assert order(t.text()) == ["pbt", "web"]
        t.type("s")
        t.wait("sort: load")
        t.type("s")
        t.wait("sort: trouble")
        assert order(t.text()) == ["web", "pbt"]
        t.type("?")
        t.wait("select a service or topic")
        t.type("?")
        t.wait("SERVICE")
        t.type("p")
        t.wait(" paused ")
        w("state status.pbt degraded while paused")
        t.type("\x1b[99~")  # no key of ours
        t.type("r")  # a look in spite of the pause: so the one before was not shown by itself
        t.wait("while paused")
        t.type("p")
        t.wait(lambda text: " paused " not in text)
        t.type("q")
        assert t.ended() == 0


@ot.test()
def any_size_will_do():
    runtime = bus()
    with Writer(runtime, *HUB, *(f"open event many.{i:02}" for i in range(25))), top(runtime) as t:
        t.wait("q quit")
        assert re.search(r"TOPIC .*1-16 of 28\n", t.text()), t.text()
        t.type("G")
        t.wait("\ntest.point ")
        t.resize(170, 40)
        wide = t.wait(lambda text: "SCHED" in text and text.splitlines()[-1].startswith(" q quit"))
        assert len(wide.splitlines()) == 40 and " of 28" not in wide, wide
        t.resize(30, 8)
        t.wait(lambda text: text.splitlines()[-1].startswith(" q quit"))
        for columns, rows in ((20, 3), (5, 1), (1, 1), (80, 24)):
            t.resize(columns, rows)
        t.wait("q quit")
        t.wait("SERVICE  STATE")
        t.type("q")
        assert t.ended() == 0 and t.restored()


@ot.test()
def the_terminal_is_given_back_however_it_ends():
    runtime = bus()
    with Writer(runtime, *HUB):
        for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, 0),
                               (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGABRT, -signal.SIGABRT)):
            with top(runtime) as t:
                t.wait("q quit")
                assert not t.restored()
                t.signal(number)
                got = t.ended()
                # A sanitizer takes the fault signals for itself; the terminal is ours all the same.
                assert got == status or (status < 0 and got != 0), (number, got)
                assert t.restored(), number
        with top(runtime) as t:
            t.wait("q quit")
            t.type("\x03")
            assert t.ended() == 0 and t.restored()


@ot.test()
def job_control_stops_and_goes_on():
    runtime = bus()
    with Writer(runtime, *HUB), top(runtime) as t:
        t.wait("q quit")
        t.signal(signal.SIGTSTP)
        t.wait(lambda text: 1049 not in t.modes)
        ot.wait_until(lambda: os.waitpid(t.pid, os.WNOHANG | os.WUNTRACED)[0])
        assert t.restored()
        t.signal(signal.SIGCONT)
        t.wait(lambda text: 1049 in t.modes)
        t.wait("q quit")
        t.type("q")
        assert t.ended() == 0 and t.restored()


@ot.test()
def a_look_costs_little_and_sends_only_changes():
    runtime = bus()
    with Writer(runtime, *HUB, *(f"open event many.{i:02}" for i in range(12))), top(runtime) as t:
        t.wait("q quit")
        first, looks, begin = t.sent, 0, time.monotonic()
        while looks < 20:
            t.wait(lambda text, before=t.sent: t.sent > before)
            looks += 1
        per_look = (t.sent - first) / looks
        assert per_look < first / 3, (first, per_look)
        t.type("q")
        assert t.ended() == 0
        seconds = t.usage.ru_utime + t.usage.ru_stime
        frames = (time.monotonic() - begin) / 0.1
        print(f"top: first frame {first} bytes, then {per_look:.0f}; {seconds / frames * 1e3:.2f} ms of CPU a look")
        assert seconds / frames < 0.010, "more than 1 % of a core at one look a second"


@ot.test()
def once_prints_one_plain_frame():
    runtime = bus()
    with Writer(runtime, *HUB):
        done = ot.run(ot.OUTPOST, "top", "--once", "--runtime", runtime, env={"COLUMNS": "120", **UTF8})
    assert done.returncode == 0 and "\x1b" not in done.stdout and "q quit" not in done.stdout, done
    assert max(len(line) for line in done.stdout.splitlines()) <= 120
    assert re.search(r"^web +degraded .* no port$", done.stdout, re.M), done.stdout
    assert re.search(r"^test\.point +live +800\.0 ", done.stdout, re.M), done.stdout


@ot.test()
def without_a_terminal_it_says_so():
    done = ot.run(ot.OUTPOST, "top", "--runtime", bus())
    assert done.returncode == 1 and "--once" in done.stderr
    assert ot.run(ot.OUTPOST, "top", "--interval", "0", "--runtime", bus()).returncode == 2
    nowhere = ot.run(ot.OUTPOST, "top", "--once", "--runtime", ot.directory() / "nowhere")
    assert nowhere.returncode == 1 and "no appliance runs here" in nowhere.stderr


ot.main()
