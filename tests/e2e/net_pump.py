# net_pump.py - an outbox carried to real servers: order, back-off, retries, dead letters, restarts.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import signal

import outpost_test as ot
import receivers as rx
from receivers import Sender


def attempts(sender, key):
    return [a for a in sender.said("attempt") if a["attempt"] == key]


@ot.test()
def items_arrive_once_in_order():
    with rx.Receiver() as r, Sender({"queue": "q", "url": r.url("/hook")}) as s:
        for i in range(50):
            s.put("q", f"k{i}", body=f'{{"n":{i}}}')
        got = r.wait(50)
        s.wait_counts("q", delivered=50, waiting=0)
        assert r.keys() == [f"k{i}" for i in range(50)]
        assert got[7].body == b'{"n":7}' and got[7].headers["Content-Type"] == "application/json"


@ot.test()
def an_urgent_one_goes_first():
    with rx.Receiver({"*": 503}) as r, Sender({"queue": "q", "url": r.url("/x"), "backoff_ms": 1500, "backoff_max_ms": 1500}) as s:
        s.put("q", "a")
        s.put("q", "b")
        r.wait(1)
        s.put("q", "urgent", priority=9)
        r.wait(3)
        assert r.keys()[1] == "urgent", r.keys()
        r.answers["*"] = 200
        s.wait_counts("q", delivered=3)
        assert r.keys()[-3:] == ["urgent", "a", "b"], r.keys()


@ot.test()
def failures_are_tried_again_with_growing_pauses():
    answers = iter([500, 429, 301, 404, 200])
    with rx.Receiver({"*": lambda h, g: rx.answer(h, next(answers))}) as r, \
            Sender({"queue": "q", "url": r.url("/x"), "backoff_ms": 100, "backoff_max_ms": 300}) as s:
        s.put("q", "a")
        got = r.wait(5)
        s.wait_counts("q", delivered=1, failed=4)
        pauses = [b.at - a.at for a, b in zip(got, got[1:])]
        # How long at most: tests/unit/net_pump.c, which no busy machine disturbs.
        assert all(pause >= least for pause, least in zip(pauses, (.05, .1, .15, .15))), pauses


@ot.test()
def the_contract_of_the_temperature_monitor():
    """4.1: any non-2xx is tried again, attempts are a total, pauses exact, Retry-After ignored, redirects
    followed as GET."""
    with rx.Receiver() as r:
        r.answers |= {"/404": rx.says(404, Retry_After="30"), "/302": rx.says(302, Location="/end")}
        target = {"backoff_ms": 200, "backoff_max_ms": 300, "exact": True, "max_redirects": 30,
                  "connect_timeout_ms": 10000, "read_timeout_ms": 10000}
        with Sender({"queue": "q", "url": r.url("/404"), **target},
                    {"queue": "moved", "url": r.url("/302"), **target}) as s:
            s.put("moved", "m", attempts=3)
            s.wait_counts("moved", delivered=1)
            assert [g.method for g in r.got] == ["POST", "GET"] and r.got[1].path == "/end"
            del r.got[:]
            s.put("q", "a", attempts=4)
            got = r.wait(4)
            s.wait_counts("q", died=1, failed=4, waiting=0)
            pauses = [b.at - a.at for a, b in zip(got, got[1:])]
            assert all(want <= pause < want + 20 for pause, want in zip(pauses, (.2, .3, .3))), pauses
            assert [a["final"] for a in attempts(s, "a")] == [False, False, False, True]


@ot.test()
def retry_after_is_kept_to():
    answers = iter([rx.says(429, Retry_After="1"), rx.says(200)])
    with rx.Receiver({"*": lambda h, g: next(answers)(h, g)}) as r, \
            Sender({"queue": "q", "url": r.url("/x"), "backoff_ms": 10}) as s:
        s.put("q", "a")
        got = r.wait(2)
        assert 1.0 <= got[1].at - got[0].at < 30


@ot.test()
def what_will_never_be_taken_is_given_up():
    with rx.Receiver({"/400": 400, "/408": 408, "/429": 429}) as r:
        names = ("400", "408", "429")
        with Sender(*[{"queue": n, "url": r.url(f"/{n}"), "give_up_4xx": True, "backoff_ms": 20}
                      for n in names]) as s:
            for name in names:
                s.put(name, "a")
                s.put(name, "b")
            s.wait_counts("400", died=2, failed=2, waiting=0, dead=2)
            ot.wait_until(lambda: all(s.counts()[n]["failed"] >= 3 for n in names[1:]))
            assert all(s.counts()[n]["died"] == 0 for n in names[1:])
            # and again, once the receiver is mended
            r.answers["/400"] = 200
            s.command({"retry": "400", "id": 0})
            s.wait_counts("400", delivered=2, retried=2, dead=0)


@ot.test()
def a_dead_queue_holds_nobody_up():
    with rx.Receiver({"/hang": rx.hangs}) as r, \
            Sender({"queue": "dead", "url": f"http://127.0.0.1:{ot.free_port()}/", "backoff_ms": 50},
                   {"queue": "hangs", "url": r.url("/hang")}, {"queue": "up", "url": r.url("/x")}) as s:
        for i in range(20):
            for queue in ("dead", "hangs", "up"):
                s.put(queue, f"{queue}{i}")
        s.wait_counts("up", delivered=20)
        counts = s.counts()
        assert counts["dead"]["waiting"] == 20 and counts["hangs"]["waiting"] == 20
        ot.wait_until(lambda: s.counts()["dead"]["failed"] >= 2)


@ot.test()
def a_url_that_is_none_is_told():
    with Sender({"queue": "q", "url": "hooks.example/secret", "backoff_ms": 20}) as s:
        s.put("q", "a", attempts=2)
        s.wait_counts("q", died=1)
        first = attempts(s, "a")[0]
        assert first["error"] < 0 and "secret" not in first["message"], first


@ot.test()
def an_evicted_one_on_its_way_is_no_trouble():
    with rx.Receiver({"*": rx.hangs}) as r, \
            Sender({"queue": "q", "url": r.url("/x"), "read_timeout_ms": 300, "backoff_ms": 20},
                   max_items=1) as s:
        s.put("q", "a")
        r.wait(1)
        s.put("q", "b")
        r.answers["*"] = 200
        s.wait_counts("q", delivered=1, evicted=1, waiting=0)
        assert r.keys() == ["a", "b"], r.keys()


@ot.test()
def a_restart_goes_on_where_it_was():
    with rx.Receiver({"*": 503}) as r:
        target = {"queue": "q", "url": r.url("/x"), "backoff_ms": 3000, "backoff_max_ms": 3000, "exact": True}
        with Sender(target) as s:
            for key in "abc":
                s.put("q", key)
            r.wait(1)
            s.wait_counts("q", failed=1)
            database = s.database
            s.p.signal(signal.SIGKILL)
            s.p.wait()
        r.answers["*"] = 200
        with Sender(target, database=database) as s:
            got = r.wait(4)
            s.wait_counts("q", delivered=3, failed=1)
            assert r.keys() == ["a", "a", "b", "c"]
            assert got[1].at - got[0].at >= 3  # a restart is not a reason to try


@ot.test()
def a_disk_that_fails_sends_nothing_twice():
    with rx.Receiver() as r, Sender({"queue": "q", "url": r.url("/x")}) as s:
        s.put("q", "a")
        s.wait_counts("q", delivered=1)
        os.rename(s.database, str(s.database) + ".away")  # found out by the next change
        s.put("q", "b")
        s.wait_counts("q", delivered=1, taken=1)
        assert r.keys() == ["a", "b"]


ot.main()
