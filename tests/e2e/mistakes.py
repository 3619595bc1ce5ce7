# mistakes.py - what people get wrong, and what they are told: every mistake, once, with its place.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import re

import boxes
import outpost_test as ot


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


ot.main()
