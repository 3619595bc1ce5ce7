# web_history.py - the past over HTTP (outpost-http(7)): what is asked for wrongly, and what is not there.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import contextlib

import outpost_test as ot


@contextlib.contextmanager
def web(*sets, services=("web",)):
    base = ot.directory()
    rows = "".join(f"  {s}:\n    program: outpost-{s}\n" for s in services)
    (base / "box.yaml").write_text(f"appliance: box\nservices:\n{rows}")
    port = ot.free_port()
    with ot.Process(ot.BUILD / "outpost-web", "--appliance", base / "box.yaml", "--service", "web", "--runtime",
                    base / "r", "--state", base / "s", "--set", f"services.web.listen=127.0.0.1:{port}",
                    *[a for s in sets for a in ("--set", f"services.web.{s}")]) as p:
        p.wait_line("listening on")
        p.port, p.url, p.bus = port, f"http://127.0.0.1:{port}/", base / "r/bus"
        p.fast, p.slow = p.url + "api/topics/fast/", p.url + "api/topics/slow/"
        yield p
        assert p.stop() == 0, p.output()


def message(answer):
    return answer.json()["error"]["message"]


# ---- what is answered ----------------------------------------------------------------------


@ot.test()
def without_a_database_the_answer_says_why():
    with web() as p:
        kept = ot.get(p.url + "api/history")
        assert kept.status == 200 and kept.json() == {"recorder": None, "topics": []}
        for path in ("history", "export"):
            a = ot.get(p.fast + path)
            assert a.status == 404 and "recorder is not part of this appliance" in message(a), a.body
    with web(services=("web", "recorder")) as p:
        assert ot.get(p.url + "api/history").json()["recorder"]["state"] == "absent"
        assert "stored nothing yet" in message(ot.get(p.fast + "history"))
        assert ot.get(p.url + "health").json()["services"]["recorder"]["state"] == "absent"


@ot.test()
def mistakes_are_named():
    wrong = [
        ("history?from=yesterday", "from=yesterday: expected a time"), ("history?to=1x", "to=1x: expected a time"),
        ("history?from=now&to=-1h", "from: expected a time before"),
        ("history?points=0", "points=0: expected an integer from 1"),
        ("history?points=10001", "to 10000"), ("history?points=-1", "points=-1: expected"),
        ("history?form=-1h", 'form: unknown parameter (did you mean "from"?)'), ("history?level=1", "level: unknown"),
        ("export?format=xml", "format=xml: expected csv or jsonl"),
        ("export?order=up", "order=up: expected asc or desc"), ("export?level=4", "level=4: expected an integer"),
        ("export?limit=many", "limit=many: expected"), ("export?fields=" + "n," * 1000, "fields: longer than"),
    ]
    with web() as p:
        for query, said in wrong:
            a = ot.get(p.fast + query)
            assert a.status == 400 and said in message(a), (query, a.body)
        assert ot.get(p.url + "api/topics/" + "a" * 100 + "/export").status == 404
        assert ot.get(p.url + "api/history?x=1").status == 400
        assert ot.get(p.fast + "history?from=&to=&points=&fields=").status == 404  # nothing is kept
        assert ot.request(p.fast + "history", "POST", b"x").status == 405


ot.main()
