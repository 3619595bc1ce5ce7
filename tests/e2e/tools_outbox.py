# tools_outbox.py - `outpost outbox`: looking, retrying, dropping; with a running service and without.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import shutil

import outpost_test as ot
import receivers as rx
from boxes import Box

PROGRAM = str(ot.BUILD / "tests/e2e/outpost-test-outbox")
SECRET = "T0/B0/very-secret"


def outbox(*args, where=(), status=0):
    done = ot.run(ot.OUTPOST, "outbox", *args, *where)
    assert done.returncode == status, f"{args}: {done.returncode}: {done.stdout}{done.stderr}"
    assert SECRET not in done.stdout + done.stderr
    return done


def box(receiver, path="/" + SECRET):
    return Box({"sends": {"program": PROGRAM, "url": receiver.url(path)}})


def dirs(b):
    return "--runtime", b.runtime, "--state", b.state


def listed(b, *args):
    return json.loads(outbox("list", "--json", *args, where=dirs(b)).stdout)["outboxes"]


def queue(b):
    return listed(b)[0]["queues"][0]


@ot.test()
def a_dead_one_is_seen_and_tried_again():
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        b.call("sends", "put", "key=first", "attempts=1")
        b.call("sends", "put", "key=second", "attempts=1")
        ot.wait_until(lambda: queue(b)["dead"] == 2)
        only, = listed(b)
        assert only["service"] == "sends" and only["path"] == str(b.state / "outbox-sends.db")
        assert [(i["state"], i["key"], i["tried"], i["attempts"]) for i in only["items"]] == \
            [("dead", "first", 1, 1), ("dead", "second", 1, 1)]
        assert "HTTP 500" in only["items"][0]["error"] and "body" not in only["items"][0]
        text = outbox("list", where=dirs(b)).stdout
        assert "first" in text and "dead" in text, text
        lines = [line.split() for line in text.splitlines()]
        table = lines.index("QUEUE WAITING DEAD TAKEN DELIVERED FAILED DIED EXPIRED EVICTED REFUSED SIZE".split())
        assert lines[table + 1] == "hook 0 2 2 0 2 2 0 0 0 1K".split(), text
        r.answers["*"] = 200
        first = only["items"][0]["id"]
        assert outbox("retry", "sends", first, where=dirs(b)).stdout == "1 item to be tried again\n"
        ot.wait_until(lambda: queue(b)["delivered"] == 1)
        assert outbox("retry", "sends", "--dead", where=dirs(b)).stdout == "1 item to be tried again\n"
        ot.wait_until(lambda: queue(b)["delivered"] == 2)
        assert r.keys() == ["first", "second", "first", "second"]


@ot.test()
def an_item_is_shown_with_its_body_and_dropped():
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        b.call("sends", "put", "key=hello")
        item, = ot.wait_until(lambda: listed(b) and listed(b)[0]["items"])
        shown = json.loads(outbox("show", "sends", item["id"], "--json", where=dirs(b)).stdout)
        assert shown["body"] == "hello" and shown["state"] == "waiting" and shown["content_type"] == "text/plain"
        text = outbox("show", "sends", item["id"], where=dirs(b)).stdout
        assert text.endswith("\n\nhello\n") and "bytes         5" in text, text
        outbox("show", "sends", 999, where=dirs(b), status=1)
        assert outbox("drop", "sends", item["id"], "--queue", "hook", where=dirs(b)).stdout == "1 item dropped\n"
        assert listed(b)[0]["items"] == [] and queue(b)["dropped"] == 1
        assert "no item" in outbox("drop", "sends", item["id"], where=dirs(b), status=1).stderr


@ot.test()
def the_runtime_directory_leads_to_the_state():
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        b.call("sends", "put", "key=first", "attempts=1")
        where = ("--runtime", b.runtime)
        ot.wait_until(lambda: queue(b)["dead"] == 1)
        assert "first" in outbox("list", where=where).stdout
        assert outbox("drop", "sends", "--dead", where=where).stdout == "1 item dropped\n"
        empty = ot.directory() / "empty"
        empty.mkdir()
        done = outbox("list", where=("--runtime", empty), status=1)
        assert "--state DIR" in done.stderr and "--runtime DIR" in done.stderr, done.stderr


@ot.test()
def the_state_directory_leads_to_the_runtime():
    """Called by another name than the appliance; the runtime directory is where such are looked for."""
    base = ot.directory() / "xdg"
    env = {"XDG_RUNTIME_DIR": str(base)}
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        b.call("sends", "put", "key=first", "attempts=1")
        ot.wait_until(lambda: queue(b)["dead"] == 1)
        command = (ot.OUTPOST, "outbox", "drop", "sends", "--dead", "--state", b.state)
        stray = ot.run(*command, env=env)
        assert stray.returncode == 1 and "--runtime DIR" in stray.stderr, stray
        (base / "outpost").mkdir(parents=True)
        (base / "outpost" / "some").symlink_to(b.runtime)
        found = ot.run(*command, env=env)
        assert found.returncode == 0 and found.stdout == "1 item dropped\n", found


@ot.test()
def a_call_that_does_not_say_which_changes_nothing():
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        for key in ("first", "second"):
            b.call("sends", "put", f"key={key}", "attempts=1")
        ot.wait_until(lambda: queue(b)["dead"] == 2)
        for method in ("outbox_drop", "outbox_retry"):
            for args, part in (((), "dead=true"), (("ids=99",), 'unknown argument "ids"'), (("dead=no",), "dead"),
                               (("dead=false",), "dead=true"), (("id=1", "dead=true"), "say which"),
                               (("queue=hook",), "dead=true")):
                done = b.call("sends", method, *args, check=False)
                assert done.returncode == 1 and part in done.stderr, (method, args, done)
        assert queue(b)["dead"] == 2 and queue(b)["dropped"] == 0
        assert b.call("sends", "outbox_drop", "queue=hook", "dead=true") == {"items": 2}


@ot.test()
def a_queue_that_is_not_there_is_told():
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        none = outbox("list", "--queue", "hook", where=dirs(b), status=1)
        assert "or any other" in none.stderr and not none.stdout, none
        b.call("sends", "put", "key=first", "attempts=1")
        ot.wait_until(lambda: queue(b)["dead"] == 1)
        for words in (("list",), ("list", "--json"), ("list", "sends"), ("drop", "sends", "--dead"),
                      ("retry", "sends", 1)):
            done = outbox(*words, "--queue", "nope", where=dirs(b), status=1)
            assert '"nope"' in done.stderr and "there are:\n  hook of sends\n" in done.stderr, done
            assert not done.stdout, done
        assert len(listed(b, "--queue", "hook")[0]["items"]) == 1


@ot.test()
def without_the_service_it_is_done_directly():
    with rx.Receiver({"*": 500}) as r:
        with box(r) as b:
            for key in ("a", "b", "c"):
                b.call("sends", "put", f"key={key}", "attempts=1")
            ot.wait_until(lambda: queue(b)["dead"] == 3)
            state = b.state
        where = ("--state", state)
        items = json.loads(outbox("list", "--json", where=where).stdout)["outboxes"][0]["items"]
        outbox("drop", "sends", items[0]["id"], items[1]["id"], where=where)
        outbox("retry", "sends", "--dead", where=where)
        left = json.loads(outbox("list", "sends", "--json", where=where).stdout)["outboxes"][0]
        assert [(i["key"], i["state"]) for i in left["items"]] == [("c", "waiting")]
        assert left["queues"][0]["forgotten"] == 2 and left["queues"][0]["retried"] == 1
        r.answers["*"] = 200
        with box(r) as b:
            ot.wait_until(lambda: queue(b)["delivered"] == 1)
            # held by a service that this runtime directory does not lead to
            stray = outbox("retry", "sends", "--dead", where=("--state", b.state, "--runtime", ot.directory()),
                           status=1)
            assert "is held by" in stray.stderr, stray


@ot.test()
def the_stock_tool_reads_it_as_the_manual_says():
    if not shutil.which("sqlite3"):
        raise ot.Skip("sqlite3 is not installed")
    page = (ot.SOURCE / "man/outpost-store.7").read_text().split(".Sh OUTBOX")[1].split(".Sh ")[0]
    queries = [q.strip() for q in re.findall(r"^SELECT.*?;", page, re.M | re.S)]
    assert len(queries) == 3, page
    with rx.Receiver({"*": 500}) as r, box(r) as b:
        b.call("sends", "put", "key=dies", "attempts=1")
        b.call("sends", "put", "key=waits")
        ot.wait_until(lambda: queue(b)["dead"] == 1)
        said = [ot.run("sqlite3", "-readonly", b.state / "outbox-sends.db", q) for q in queries]
        assert not any(s.returncode or s.stderr for s in said), said
        assert said[0].stdout == "hook|1|1|2|0|0\n", said[0]
        rows = [line.split("|") for line in said[1].stdout.splitlines()]
        assert [r[:3] + [r[5]] for r in rows] == [["2", "hook", "waiting", "waits"], ["1", "hook", "dead", "dies"]]
        assert said[2].stdout == "dies\n"


@ot.test()
def mistakes_are_told():
    state = ot.directory() / "state"
    state.mkdir()
    where = ("--state", state)
    assert "no service has an outbox" in outbox("list", where=where).stderr
    assert json.loads(outbox("list", "--json", where=where).stdout) == {"outboxes": []}
    for args in ((), ("look",), ("show", "x"), ("show", "x", "y"), ("retry", "x"), ("drop",), ("drop", "x", "0"),
                 ("retry", "x", "1", "--dead"), ("list", "x", "y"), ("list", "--nonsense")):
        assert "usage:" in outbox(*args, where=where, status=2).stderr, args
    assert 'service "x"' in outbox("retry", "x", "--dead", where=where, status=1).stderr
    outbox("list", where=("--state", ot.directory() / "nowhere"), status=1)
    (state / "outbox-x.db").write_bytes(os.urandom(5000))
    assert "outbox-x.db" in outbox("list", where=where, status=1).stderr
    assert outbox("--help").stdout.startswith("usage:")


ot.main()
