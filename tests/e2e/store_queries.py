# store_queries.py - the queries of outpost-store(7), by the stock sqlite3 on a database that is being written.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import csv
import io
import re
import shutil
import threading

import outpost_test as ot

QUERY = re.compile(r'^\.\\" query (\w+)\n\.Bd [^\n]*\n(.*?)\n\.Ed\n\.\\" end$', re.M | re.S)


def queries():
    """Those of the manual page, by name."""
    found = dict(QUERY.findall((ot.SOURCE / "man/outpost-store.7").read_text()))
    assert len(found) >= 5, found.keys()
    return found


def ask(path, query):
    """Rows as dictionaries, by sqlite3(1)."""
    if not shutil.which("sqlite3"):
        raise ot.Skip("sqlite3 is not installed")
    done = ot.run("sqlite3", "-readonly", "-csv", "-header", path, query)
    assert done.returncode == 0 and not done.stderr, f"{query}\n{done.stderr}"
    return list(csv.DictReader(io.StringIO(done.stdout)))


def flush(box):
    """What was published before is on the disk."""
    done = ot.run(ot.OUTPOST, "call", "recorder", "flush", "--runtime", box.runtime)
    assert done.returncode == 0, done.stderr


def check_answers(answers):
    kept = {(r["topic"], r["level"]): r for r in answers["kept"]}
    assert int(kept["pbt.sample", "raw"]["records"]) > 800, kept
    assert int(kept["pbt.sample", "raw"]["bytes"]) > 0
    assert ("pbt.sample", "1s") in kept
    for hit in answers["hits"]:
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ", hit["time"]), hit
        assert float(hit["peak"]) > 0 and hit["end"] in ("dropped", "window")
    assert answers["hits"]
    assert sum(int(r["rows"]) for r in answers["hourly"]) >= 1
    assert [r["id"] for r in answers["boots"]] == ["1"]
    assert answers["holes"] == []


@ot.test(timeout=120)
def every_query_of_the_page_reads_a_live_database():
    with ot.Outpost("sensorhub") as box:
        path, over = box.state / "history.db", threading.Event()
        box.tap("pbt.sample", 1000)
        box.tap("pbt.hit", 1, timeout=60)
        box.tap("pbt.stats", 1)
        flush(box)

        def keep_writing():
            while not over.is_set():
                flush(box)
        writer = threading.Thread(target=keep_writing)
        writer.start()
        try:
            counts = []
            for _ in range(5):
                answers = {name: ask(path, query) for name, query in queries().items()}
                check_answers(answers)
                counts.append(sum(int(r["records"]) for r in answers["kept"]))
        finally:
            over.set()
            writer.join()
        assert counts == sorted(counts) and counts[-1] > counts[0], "nothing was written meanwhile"
        assert ask(path, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


ot.main()
