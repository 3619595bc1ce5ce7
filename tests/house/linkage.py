# linkage.py - which programs bring large libraries into memory: each of these only where it is wanted.
#
# A library that two programs share costs little; one that a single service loads costs it megabytes for as long
# as it runs (docs/decisions/075).
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import re

import outpost_test as ot
import tree

# Libraries, and the only installed programs that may be linked with them.
ONLY = {
    "libcurl": {"outpost-post"},
    "libarchive": {"outpost-backup"},
    "libwebsockets": {"outpost-web", "outpost-temp-monitor"},
}
TLS = re.compile(r"lib(ssl|crypto|gnutls)\b")
MAY_HAVE_TLS = {"outpost-backup"}  # hashes; the others have it by their libraries


def programs():
    out = ot.run("meson", "introspect", "--targets", ot.BUILD).stdout
    return sorted(t["name"] for t in json.loads(out) if t["type"] == "executable" and t["installed"])


def needed(program):
    """The libraries that a program is linked with itself."""
    out = ot.run("readelf", "-d", ot.BUILD / program).stdout
    return re.findall(r"\(NEEDED\).*\[([^]]+)\]", out)


@ot.test()
def large_libraries_are_where_they_are_wanted():
    found = {program: needed(program) for program in programs()}
    problems = []
    for program, libraries in found.items():
        for name in libraries:
            problems += [f"{program}: {name}" for library, may in ONLY.items()
                         if name.startswith(library + ".") or name.startswith(library + "-")
                         if program not in may]
            if TLS.match(name) and program not in MAY_HAVE_TLS:
                problems.append(f"{program}: {name}")
    tree.complain(problems, "Ask the program that has it; see docs/decisions/075.")
    assert "libcurl.so.4" in found["outpost-post"], "the test does not see what it looks for"


ot.main()
