# appliances.py - the lists of what operators expect (docs/appliances) are whole, and name tests that exist.
#
# A test is named as `SUITE/FILE` and then its functions: `e2e/temp_env` texts_are_trimmed, the_address_is_one_of_http.
# An item is shown by one at least, or says "not shown" and why.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import re

import outpost_test as ot
import tree

LISTS = {"temp-monitor.md": [f"R{i}" for i in range(1, 76)] + [f"D{i}" for i in range(1, 12)]}
NAMED = re.compile(r"`(unit|e2e|fault|boot|vm|bench|golden|house)/(\w+)`((?:[ ,]+[a-z]\w*_\w+|[ ,]+(?:climate|memory)\b)*)")
REASON = re.compile(r"not shown[^|]*:? \w+ \w+")


def rows(text):
    """(items, all cells) of each line of a table whose first cell begins with a number of the list."""
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and re.match(r"[RD]\d+\b", cells[0]):
            yield re.findall(r"\b[RD]\d+\b", cells[0]), cells


def cases(root, suite, name):
    """The names of the test cases of a file; None if there is no such file."""
    for ending, case in ((".py", r"^def (\w+)\(\):"), (".c", r"^TEST\((\w+)\)")):
        path = root / "tests" / suite / (name + ending)
        if path.exists():
            return set(re.findall(case, path.read_text(), re.M))
    return None


def missing_tests(root, text):
    found = []
    for suite, name, functions in NAMED.findall(text):
        there = cases(root, suite, name)
        wanted = re.findall(r"\w+", functions)
        if there is None:
            found.append(f"no tests/{suite}/{name}")
        elif not wanted:
            found.append(f"{suite}/{name}: no test of it is named")
        else:
            found += [f"{suite}/{name}: no test {w}" for w in wanted if w not in there]
    return found


def missing_items(text, items):
    seen, found = [], []
    for numbers, cells in rows(text):
        seen += numbers
        if not NAMED.search(cells[-1]) and not REASON.search(cells[-1]):
            found.append(f"{', '.join(numbers)}: neither a test nor a reason")
    found += [f"{i}: is not there" for i in items if i not in seen]
    return found + [f"{i}: is there twice" for i in sorted(set(seen)) if seen.count(i) > 1]


@ot.test()
def every_item_is_there_with_a_test_or_a_reason():
    for name, items in LISTS.items():
        text = (ot.SOURCE / "docs/appliances" / name).read_text()
        tree.complain(missing_items(text, items), f"docs/appliances/{name} is the whole list.")


@ot.test()
def every_test_that_is_named_exists():
    for name in LISTS:
        text = (ot.SOURCE / "docs/appliances" / name).read_text()
        assert len(NAMED.findall(text)) > 50, "they are really read"
        tree.complain(missing_tests(ot.SOURCE, text), f"docs/appliances/{name} names tests by what they are called.")


@ot.test()
def what_is_missing_is_found():
    root = ot.directory()
    (root / "tests/e2e").mkdir(parents=True)
    (root / "tests/e2e/a.py").write_text("def one_test():\n")
    text = ("| R1 | x | `e2e/a` one_test |\n| R2, R3 | x | `e2e/a` one_test, other_test |\n| R4 | x | it is good |\n"
            "| D1 | x | not shown: no machine here |\n| R1 | x | `e2e/b` one_test; `e2e/a` |\n")
    assert missing_items(text, ["R1", "R2", "R5", "D1"]) == [
        "R4: neither a test nor a reason", "R5: is not there", "R1: is there twice"]
    assert missing_tests(root, text) == ["e2e/a: no test other_test", "no tests/e2e/b", "e2e/a: no test of it is named"]


ot.main()
