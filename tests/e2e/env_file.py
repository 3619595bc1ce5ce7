# env_file.py - the same environment files through Outpost and through python-dotenv, the judge; and
# `outpost run` of an appliance whose environment is declared.
#
# Left out is what Outpost means to read otherwise: ${NAME} in single quotes stays as it is here, a line
# that begins with ";" is a comment, and white space is that of ASCII.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import io
import json
import logging
import os
import random
import signal

import boxes
import outpost_test as ot

logging.getLogger("dotenv").addHandler(logging.NullHandler())  # what it passes over is in its result


def judge(text):
    try:
        import dotenv
    except ImportError:
        raise ot.Skip("python-dotenv (python3-dotenv) is not installed") from None
    # As from a file: every end of a line is a newline.
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return dict(dotenv.main.DotEnv(None, stream=io.StringIO(plain), override=False).dict())


def ours(text, env=None):
    file = ot.directory() / "env"
    file.write_bytes(text.encode())
    done = ot.run(ot.BUILD / "tests" / "e2e" / "env-file-print", file, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CASES = [
    "A=1", " A = 1 ", "export A=1", "export\tA=1", "export A", "export=1", "A=b=c", "A=", "A", "A\nB=2",
    "A=1\nA=2", "A=1\nA", "A=x # c", "A=x#c", "A=#c", "A= # c", "A='x' # c", "A='x'y", "A=\"x\"#c",
    "A=\"a\\nb\\t\\\"c\\\" \\q \\\\\"", "A='a\\nb \\' \\\\'", "A=\"two\nlines\"\nB=1", "A='two\nlines'",
    "A=\"open\nB=1", "A=\"open\nB=\"x\"", "A=\"C:\\\"", "A=\"C:\\\"\nB=\"x\"", "'A B'=1", "''=1", "=1", "A B=1",
    "A.b-c=1", "1A=2", "# A=1", "A=1\r\nB=2\rC=3", "A=\"x\r\ny\"", "\ufeffA=1"[1:], "A=1\nB=${A}", "B=${A}\nA=1",
    "A=${B:-x}", "A=${B:-}", "A=${B}", "A=$B", "A=${B", "A=${B:x}", "A=${}", "A=1\nA=${A}2\nA=${A}3",
    "A=\"${B:-x y}\"", "A=\\${B}", "B=\nA=${B:-x}", "A=${HOST_TEST_VARIABLE}x", "A=ü", "A=\"\\u00fc\"",
]


@ot.test()
def cases_are_read_as_the_judge_does():
    for text in CASES:
        assert ours(text) == judge(text), (text, ours(text), judge(text))


@ot.test()
def what_was_read_at_the_start_stays_in_force():
    extra = "environment: {A_URL: services.a.url, A_SECRET: {set: services.a.secret, secret: true}}\n"
    file = ot.directory() / ".env"
    file.write_text("A_URL=http://first\nA_SECRET=hidden\n")
    file.chmod(0o600)

    def said(box):
        return [line for line in box.call("a", "settings").splitlines() if ".env:" in line]
    with boxes.Box({"a": {}}, extra=extra) as box:
        first = said(box)
        assert len(first) == 2 and "http://first" in first[0] and "hidden" not in str(first), first
        for text in ("A_URL=http://second\n", "A_URL=\"open\n", None):
            file.write_text(text) if text else file.unlink()
            pid = box.pid("a")
            os.kill(pid, signal.SIGKILL)
            box.wait_new_life("a", pid)
            assert said(box) == first, text
        environ = open(f"/proc/{box.pid('a')}/environ").read()
        assert "http://first" not in environ and "hidden" not in environ
    with boxes.Box({"a": {}}, extra=extra) as box:  # nor is a file that comes later read
        file.write_text("A_URL=http://third\n")
        pid = box.pid("a")
        os.kill(pid, signal.SIGKILL)
        box.wait_new_life("a", pid)
        assert said(box) == []


@ot.test()
def the_environment_comes_before_the_file():
    env = {"B": "outer", "E": ""}
    os.environ.update(env)
    for text in ("B=1\nA=${B}", "A=${B:-x}", "A=${E:-x}", "E=1\nA=${E}"):
        assert ours(text) == judge(text), text


@ot.test(timeout=120)
def random_files_are_read_as_the_judge_does():
    seeds = random.Random(1)
    for alphabet in ("AB=\"'\\n \n#xe\t", "AB=\"\\ \n${}:-#r", "export A='\"\n\\\r#"):
        for _ in range(1000 if ot.full() else 150):
            text = "".join(seeds.choices(alphabet, k=seeds.randrange(1, 24)))
            assert ours(text) == judge(text), (text, ours(text), judge(text))


@ot.test()
def what_is_meant_otherwise():
    assert ours("A=1\nB='${A}'") == {"A": "1", "B": "${A}"}
    assert ours("; A=1\nB=2") == {"B": "2"}


# ---- outpost run ---------------------------------------------------------------------------

DECLARED = """
env_file: dotenv
start_failure: 1
environment:
  TOKEN:
    set: services.a.secret
    type: word
    secret: yes
    required: |
      ERROR: TOKEN is required.
      Make one with: openssl rand -hex 32
      Then: TOKEN=<your_token>
  WORK: {set: services.a.work_thread, type: bool}
  HOW: {set: services.a.at_start, type: choice, choices: [ready, config]}
"""


def start(env=None, text=""):
    """`outpost run` that is to fail."""
    path = boxes.write({"a": {}}, extra=DECLARED)
    (path.parent / ".env").write_text(text)
    return ot.run(ot.OUTPOST, "run", path, "--runtime", ot.directory() / "rt", "--state", ot.directory() / "s",
                  env={"OUTPOST_LOG": "prefix", **(env or {})}, cwd="/")


@ot.test()
def what_is_required_is_told_on_both_outputs_and_leaves_with_1():
    for env, text in (({}, ""), ({"TOKEN": ""}, "TOKEN=x"), ({}, "TOKEN='  '")):
        done = start(env, text)
        assert done.returncode == 1, done
        assert done.stdout.splitlines() == ["ERROR: TOKEN is required.", "Make one with: openssl rand -hex 32",
                                            "Then: TOKEN=<your_token>"]
        for line in done.stdout.splitlines():
            assert f"TOKEN: {line}\n" in done.stderr, done.stderr
        assert [line[:3] for line in done.stderr.splitlines()] == ["<2>", "<2>", "<2>", "<3>"], done.stderr


@ot.test()
def a_wrong_value_names_its_variable():
    done = start({"WORK": "maybe"}, "TOKEN=hunter2\n")
    assert done.returncode == 1 and done.stdout == "" and "hunter2" not in done.stderr
    assert "Invalid value for environment variable WORK='maybe': expected one of ('1', 'true', 'yes', 'on', " \
        "'0', 'false', 'no', 'off')\n" in done.stderr
    done = start({}, "TOKEN='hunter 2'\n")
    assert done.returncode == 1 and "environment variable TOKEN='***': expected" in done.stderr


@ot.test()
def a_service_that_cannot_work_here_ends_the_start_with_its_status():
    done = start({"TOKEN": "x"}, "HOW=config\n")
    assert done.returncode == 1 and "the port is taken by process 1" in done.stderr, done


@ot.test()
def the_file_beside_the_appliance_is_read_from_anywhere():
    path = boxes.write({"a": {}}, extra=DECLARED)
    (path.parent / ".env").write_text("export TOKEN = ${OTHER:-x} # c\nWORK=ON\nnonsense here\n")
    done = ot.run(ot.OUTPOST, "config", "show", path, "a", cwd="/")
    assert "work_thread: true  # from " in done.stdout, done
    assert ".env:3: expected NAME=value: passed over" in ot.run(ot.OUTPOST, "config", "check", path).stderr


ot.main()
