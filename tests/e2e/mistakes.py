# mistakes.py - what people get wrong, and what they are told: every mistake, once, with its place.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import re

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


ot.main()
