# mistakes.py - what people get wrong, and what they are told: every mistake, once, with its place.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import re
import subprocess

import boxes
import outpost_test as ot

# Line numbers and columns below count in this text.
WRONG = """\
appliance: wrong
descripton: misspelt
services:
  a:
    program: {program}
    at_strat: ready
    at_start: ready
    at_start: crash
  b:
    program: {program}
    watchdog_s: 4000
  c:
    program: outpost-nonesuch
  nonesuch:
  d: text
simulators:
  board:
    program: outpost-sim-nonesuch
"""
MISSING = r"No such file or directory \(install it, or correct the name\)"
EXPECTED = [
    r'FILE:2:1: descripton: unknown key \(did you mean "description"\?\)',
    r'FILE:6:5: services\.a\.at_strat: unknown setting \(did you mean "at_start"\?\)',
    r"FILE:8:5: services\.a\.at_start: this key is given twice, first in line 7 \(remove one\)",
    r'FILE:11:17: services\.b\.watchdog_s: expected an integer from 0 to 3600 s, not "4000"',
    r"FILE:13:14: services\.c\.program: outpost-nonesuch: " + MISSING,
    r"FILE:14:3: services\.nonesuch\.program: outpost-nonesuch: " + MISSING,
    r"FILE:15:3: services\.d\.program: outpost-d: " + MISSING,
    r"FILE:15:6: services\.d: expected a mapping of settings, not text",
    r"FILE:18:14: simulators\.board\.program: outpost-sim-nonesuch: " + MISSING,
    r'--set services\.z\.url: unknown service "z" \(expected one of a, b, c, nonesuch, d\)',
    r"--set services\.b\.work_thread=perhaps: expected true or false",
]
SETS = ["--set", "services.z.url=x", "--set", "services.b.work_thread=perhaps"]


def wrong_file(text=WRONG):
    path = ot.directory() / "wrong.yaml"
    path.write_text(text.replace("{program}", str(boxes.PROGRAM)))
    return path


def assert_told(lines, path, expected):
    """Exactly the expected lines, in their order."""
    told = "\n".join(lines)
    assert len(lines) == len(expected), f"{len(lines)} lines, not {len(expected)}:\n{told}"
    for line, pattern in zip(lines, expected):
        pattern = pattern.replace("FILE", re.escape(str(path)))
        assert re.fullmatch(pattern, line), f"{line!r} is not {pattern!r} in:\n{told}"


def run_box(path, *args, env=None):
    """`outpost run`; the finished process and what its log says, without time, name and level."""
    places = ("--runtime", ot.directory() / "rt", "--state", ot.directory() / "state")
    done = ot.run(ot.OUTPOST, "run", path, *places, *args, env={"OUTPOST_LOG": "prefix", **(env or {})},
                  cwd=ot.directory())
    return done, [re.sub(r"^<\d>outpost: ", "", line) for line in done.stderr.splitlines()]


@ot.test()
def run_names_every_mistake_at_once_and_starts_nothing():
    path = wrong_file()
    done, lines = run_box(path, "--sim", *SETS)
    assert done.returncode == 2 and done.stdout == ""
    assert lines[-1] == "nothing was started"
    assert_told(lines[:-1], path, EXPECTED)
    assert not (ot.directory() / "rt").exists() and not (ot.directory() / "state").exists()


@ot.test()
def check_names_every_mistake_at_once():
    path = wrong_file()
    done = ot.run(ot.OUTPOST, "config", "check", path, "--sim", *SETS, cwd=ot.directory())
    assert done.returncode == 1 and done.stdout == ""
    assert_told(done.stderr.splitlines(), path, EXPECTED)


@ot.test()
def without_places_of_their_own_it_is_the_same():
    path = wrong_file()
    env = {"XDG_RUNTIME_DIR": str(ot.directory()), "XDG_STATE_HOME": str(ot.directory())}
    done = ot.run(ot.OUTPOST, "run", path, "--sim", *SETS, env={"OUTPOST_LOG": "prefix", **env},
                  cwd=ot.directory())
    lines = [re.sub(r"^<\d>outpost: ", "", line) for line in done.stderr.splitlines()]
    assert done.returncode == 2
    assert_told(lines[:-1], path, EXPECTED)


@ot.test()
def only_mistakes_of_the_file_or_only_of_a_service_are_enough():
    good = "appliance: wrong\nservices: {a: {program: {program}}}\n"
    for text, expected in ((good + "servces: 1\n", [r'FILE:3:1: servces: unknown key \(did you mean "services"\?\)']),
                           (good.replace("}}}", "}, x: 1}}"), [r"FILE:2:\d+: services\.a\.x: unknown setting.*"]),
                           (good.replace("appliance: wrong", "# no name"),
                            [r'FILE:2:1: appliance: is required: .*']),
                           ("appliance: wrong\n", [r"FILE:1:1: services: is required: at least one service"]),
                           ("- a list\n", [r"FILE:1:1: expected a mapping .*"]),
                           ("a: [\n", [r"FILE:2:1: .*"])):
        path = wrong_file(text)
        done, lines = run_box(path)
        assert done.returncode == 2 and lines[-1] == "nothing was started", done
        assert_told(lines[:-1], path, expected)
        done = ot.run(ot.OUTPOST, "config", "check", path, cwd=ot.directory())
        assert done.returncode == 1, done
        assert_told(done.stderr.splitlines(), path, expected)


@ot.test()
def a_missing_environment_file_hides_nothing():
    path = wrong_file()
    done, lines = run_box(path, "--sim", *SETS, "--env", "none.env")
    assert done.returncode == 2
    gone = r"none\.env: cannot be read: No such file or directory \(check the path\)"
    assert_told(lines[:-1], path, EXPECTED[:-2] + [gone] + EXPECTED[-2:])


@ot.test()
def a_line_too_long_for_a_log_is_still_told_once():
    deep = ot.directory()
    for _ in range(7):
        deep = deep / ("d" * 150)
        deep.mkdir()
    path = wrong_file("appliance: wrong\nservces: 1\nservices: {a: {program: {program}}}\n")
    path = path.rename(deep / "wrong.yaml")
    done = ot.run(ot.OUTPOST, "config", "check", path, cwd=ot.directory())
    assert done.returncode == 1
    assert_told(done.stderr.splitlines(), path, [r'FILE:2:1: servces: unknown key .*'])


@ot.test()
def an_unknown_appliance_is_one_plain_line():
    known = ot.directory() / "appliances"
    for name in ("alpha", "beta"):
        (known / name).mkdir(parents=True)
        (known / name / f"{name}.yaml").write_text("appliance: x\n")
    env = {"OUTPOST_APPLIANCES": str(known)}
    for command, status in ((("run",), 2), (("config", "check"), 1)):
        prefix = "outpost " + command[0]
        for name, hint in (("zzzzzz", r"\(there is: alpha, beta\b.*\)"), ("alhpa", r'\(did you mean "alpha"\?\)')):
            done = ot.run(ot.OUTPOST, *command, name, env=env)
            pattern = rf'{prefix}: no appliance "{name}" in {re.escape(str(known))}, .*/etc/outpost.* {hint}\n'
            assert done.returncode == status and done.stdout == "", done
            assert re.fullmatch(pattern, done.stderr), done.stderr
        done = ot.run(ot.OUTPOST, *command, "./none.yaml", env=env)
        assert (done.returncode, done.stderr) == (status, f"{prefix}: no file ./none.yaml (check the path)\n")


@ot.test()
def a_wrong_option_is_answered_by_the_command_as_it_was_typed():
    helped = ot.run(ot.OUTPOST, "--help").stdout
    names = re.findall(r"^  (\w+) ", helped, re.M)
    assert len(names) >= 6 and "run" in names and "tap" in names, helped
    for name in names:
        done = ot.run(ot.OUTPOST, name, "--bogus")
        assert done.stderr.startswith(f"outpost {name}: unrecognized option '--bogus'\n"), (name, done.stderr)
        assert done.returncode != 0, name


@ot.test()
def a_state_directory_that_cannot_be_is_told_once():
    path = boxes.write({"a": {}, "b": {}})
    with ot.Process(ot.OUTPOST, "run", path, "--runtime", ot.directory() / "rt", "--state",
                    "/proc/none/state", cwd=ot.directory()) as process:
        process.wait_line("^ready")
        assert process.stop() == 0
        told = [line for line in process.output("err") if "/proc/none/state" in line]
        assert len(told) == 1 and "nothing will be kept there" in told[0], told


@ot.test()
def a_service_alone_tells_of_its_state_directory_itself():
    path = boxes.write({"a": {}})
    with ot.Process(boxes.PROGRAM, "--appliance", path, "--service", "a", "--runtime", ot.directory() / "rt",
                    "--state", "/proc/none/state", cwd=ot.directory()) as process:
        process.wait_line("/proc/none/state: .*nothing will be kept there")
        process.stop()


@ot.test()
def no_home_is_told_once_with_all_the_rest():
    """Only root has places without HOME, so this must be somebody else."""
    if os.geteuid() != 0:
        raise ot.Skip("needs root, to be somebody else")
    path = wrong_file()
    os.chmod(ot.directory(), 0o755)
    path.chmod(0o644)
    done = subprocess.run([ot.OUTPOST, "run", path, "--sim", *SETS], user=65534, group=65534, text=True,
                          env={"OUTPOST_LOG": "prefix"}, capture_output=True, cwd="/", timeout=ot.patient(30))
    lines = [re.sub(r"^<\d>outpost: ", "", line) for line in done.stderr.splitlines()]
    assert done.returncode == 2, done
    place = r"no place for wrong: .*set HOME \(or XDG_STATE_HOME\).*"
    told = [line for line in lines if re.fullmatch(place, line)]
    assert len(told) == 1, done.stderr
    assert_told([line for line in lines[:-1] if line not in told], path, EXPECTED)


@ot.test()
def variables_that_set_nothing_are_noted_by_check():
    path = boxes.write({"a": {}}, extra="environment: {URL: services.a.url}\n")
    env = ot.directory() / ".env"
    env.write_text("URL=x\nULR=y\n" + "".join(f"UNRELATED_{i}=secret\n" for i in range(14)))
    done = ot.run(ot.OUTPOST, "config", "check", path, cwd=ot.directory())
    notes = done.stderr.splitlines()
    assert done.returncode == 0 and "secret" not in done.stderr, done
    assert notes[0] == 'note: .env:2: ULR sets nothing (did you mean "URL"?)'
    assert notes[1] == 'note: .env:3: UNRELATED_0 sets nothing (not a name below "environment")'
    assert notes[10] == 'note: .env:12: UNRELATED_9 sets nothing (not a name below "environment")'
    assert notes[11:] == ["note: .env: 4 more variables set nothing"], notes
    env.write_text("URL=x\n")
    done = ot.run(ot.OUTPOST, "config", "check", path, cwd=ot.directory())
    assert (done.returncode, done.stderr) == (0, ""), done


ot.main()
