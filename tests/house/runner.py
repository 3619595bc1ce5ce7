# runner.py - the test runners tell the truth: tests/check, tests/lib/outpost_test.py, tests/bench/run.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import importlib.machinery
import importlib.util
import io
import contextlib
import json
import os
import sys

import outpost_test as ot


def script(path):
    """A script without .py as a module."""
    loader = importlib.machinery.SourceFileLoader(path.replace("/", "_"), str(ot.SOURCE / path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def judged(shell, timeout=10):
    """What tests/check makes of a test program: (passed, [failed], [skipped])."""
    check = script("tests/check")
    check.LOGS = ot.directory()
    results = check.Results()
    stage = check.Stage("gcc", str(ot.directory()), ["unit"], [])
    test = {"name": "planted", "cmd": ["sh", "-c", shell], "timeout": timeout, "workdir": None}
    with contextlib.redirect_stdout(io.StringIO()):
        check.Program(stage, "unit", test, results).run()
    return results.passed, [what for what, _, _ in results.failed], results.skipped


@ot.test()
def cases_are_counted_not_programs():
    passed, failed, skipped = judged("echo ok a; echo ok b; echo skipped c: no board; "
                                     "echo '2 passed, 0 failed, 1 skipped'")
    assert (passed, failed) == (2, []) and skipped == ["unit/planted: c: no board"]


@ot.test()
def a_failed_case_is_one_failure():
    passed, failed, _ = judged("echo ok a; echo FAILED b; echo '1 passed, 1 failed'; exit 1")
    assert passed == 1 and failed == ["unit/planted: b"]


@ot.test()
def a_program_that_dies_half_way_fails():
    passed, failed, _ = judged("echo ok a; kill -SEGV $$")
    assert passed == 1 and len(failed) == 1 and "before its last line" in failed[0], failed


@ot.test()
def a_program_that_contradicts_itself_fails():
    for shell in ("echo ok a; echo '2 passed, 0 failed'", "echo ok a; echo '1 passed, 0 failed'; exit 3",
                  "echo FAILED a; echo '0 passed, 1 failed'", "echo '0 passed, 0 failed'"):
        assert judged(shell)[1], shell


@ot.test()
def a_program_without_cases_counts_by_its_status():
    assert judged("true") == (1, [], [])
    assert judged("exit 9")[1] == ["unit/planted: ended with status 9"]
    assert len(judged("exit 77")[2]) == 1


@ot.test()
def tap_is_understood():
    tap = "TAP version 13; ok 1 - a; ok 2 - b # SKIP no browser; not ok 3 - c;     ok 1 - nested; 1..3"
    shell = "".join(f"echo '{line}'\n" for line in tap.split("; "))
    assert judged(shell + "exit 1") == (1, ["unit/planted: c"], ["unit/planted: b: no browser"])
    assert judged("echo ok 1 - a; echo 1..2")[1], "one of two did not run"
    assert judged("echo ok 1 - a")[1], "no plan"


@ot.test()
def a_program_that_hangs_is_killed():
    passed, failed, _ = judged("echo ok a; while :; do read x </dev/zero; done", timeout=0.3)
    assert passed == 1 and len(failed) == 1 and "timed out" in failed[0], failed


@ot.test()
def what_waits_runs_beside_others_and_what_measures_alone():
    check, here = script("tests/check"), ot.directory()
    check.LOGS = here
    meet = f"cd {here}; touch $0; while [ ! -e $1 ]; do sleep 0.02; done; echo $0 >>order; rm $0; "
    shells = {"a": (meet, ["a", "b"], True), "alone": (f"cd {here}; [ ! -e a ] && [ ! -e b ] && echo alone >>order",
                                                       [], False), "b": (meet, ["b", "order"], True)}
    check.tests_of = lambda stage, patterns: [
        ("e2e", {"name": name, "cmd": ["sh", "-c", shell, *args], "is_parallel": beside, "suite": ["e2e"], "workdir": None})
        for name, (shell, args, beside) in shells.items()]
    results = check.Results()
    stage = check.Stage("gcc", str(here), ["e2e"], [])
    with contextlib.redirect_stdout(io.StringIO()):
        check.run_tests(stage, [], results, check.Builds([stage], results))
    assert results.passed == 3 and not results.failed, results.failed
    assert (here / "order").read_text().split() == ["a", "b", "alone"]


PLANTED = """
import subprocess
import outpost_test as ot
@ot.test()
def passes(): pass
@ot.test()
def fails(): assert False
@ot.test()
def cannot(): raise ot.Skip("no board")
@ot.test(timeout=1)
def hangs():
    while True: pass
@ot.test()
def leaves_a_process(): subprocess.Popen(["setsid", "tail", "-f", "/dev/null"])
ot.main()
"""


@ot.test(timeout=60)
def end_to_end_tests_fail_when_they_should():
    path = ot.directory() / "planted.py"
    path.write_text(PLANTED)
    done = ot.run(sys.executable, path)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done
    assert lines == ["ok passes", "FAILED fails", "skipped cannot: no board", "FAILED hangs",
                     "FAILED leaves_a_process", "1 passed, 3 failed, 1 skipped"], lines
    assert "tail -f /dev/null" in done.stderr


@ot.test()
def a_missed_budget_fails_the_bench():
    bench = script("tests/bench/run")
    table = bench.budgets()
    assert table[("start", "ready_median")] == ("<=", 1.0, "s"), table
    figure = {"bench": "start", "metric": "ready_median", "value": 1.5, "unit": "s", "peer": {}}
    command = ["sh", "-c", f"echo '{json.dumps(figure)}'; exit 2"]
    with contextlib.redirect_stdout(io.StringIO()) as shown, open(os.devnull, "w") as out:
        said, problems = bench.run({"name": "start", "cmd": command}, out, table)
    assert said == {("start", "ready_median")} and len(problems) == 2, problems
    assert "MISSED start.ready_median" in shown.getvalue(), shown.getvalue()


@ot.test()
def every_budget_has_a_bench():
    bench = script("tests/bench/run")
    rows = [line for line in (ot.SOURCE / "docs/budgets.md").read_text().splitlines()
            if line.startswith("| `")]
    assert len(rows) == len(bench.budgets()) > 0, "a line of the first table in docs/budgets.md is not understood"
    missing = {b for b, _ in bench.budgets()} - set(bench.benches()) - {"bus"}  # bus needs the peers' libraries
    assert not missing, f"no benchmark() in tests/bench/meson.build: {missing}"


ot.main()
