# arrows.py - dependencies point down: no file includes a header from above its own line.
#
# The house, lowest first. Within lib/ a line may use its own line and those below; a service may
# not use another service's folder, nor an appliance another appliance's: what two share belongs
# into lib/.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import re

import outpost_test as ot
import tree

LINES = [
    ["lib/base"],
    ["lib/proto", "lib/dsp", "lib/vision"],
    ["lib/bus", "lib/config"],
    ["lib/http", "lib/store", "lib/net", "lib/dev"],
    ["lib/service"],
    ["services"],
    ["appliances"],
    ["tools"],
]
# Public headers named otherwise than the library that implements them.
PUBLIC = {"buf": "lib/base", "health": "lib/service", "hub": "lib/http", "kv": "lib/store",
          "outbox": "lib/store", "topic": "lib/bus"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def line_of(path):
    """Number of the line that a path (relative to the root) stands on; None for files outside."""
    for number, folders in enumerate(LINES):
        if any(path.startswith(folder + "/") for folder in folders):
            return number
    return None


def home(path, root):
    """A path with public headers put where they are implemented."""
    if not path.startswith("include/outpost/"):
        return path
    name = path.removeprefix("include/outpost/").removesuffix(".h").split("/")[0]
    folder = PUBLIC.get(name, f"lib/{name}")
    return f"{folder}/{name}.h" if (root / folder).is_dir() else path


def target(root, source, quoted, name):
    """What an #include in source means, relative to the root; None for headers of the system."""
    places = ([source.parent] if quoted else []) + [root / "include", root]
    for place in places:
        candidate = (place / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return str(candidate.relative_to(root))
    return None


def sealed(path):
    """The folder that only its own files may use: services/x, appliances/x."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("services", "appliances") else None


def violations(root):
    """One line of text per upward, sideways or homeless include under root."""
    root, found = root.resolve(), []
    for source in tree.files(root, ("include/", "lib/", "services/", "appliances/", "tools/")):
        if source.suffix not in (".c", ".h"):
            continue
        path = str(source.relative_to(root))
        here = line_of(home(path, root))
        if here is None:
            found.append(f"{path}: belongs to no library; name its folder in PUBLIC of this test")
            continue
        for match in INCLUDE.finditer(tree.text(source) or ""):
            name = target(root, source, match[1] == '"', match[2])
            there = name and line_of(home(name, root))
            if there is None:
                continue
            where = f"{path} includes {match[2]}"
            if there > here:
                found.append(f"{where}: up, from {LINES[here][0]}'s line to {LINES[there][0]}'s")
            elif sealed(name) and sealed(name) != sealed(path) and here < len(LINES) - 1:
                if there == here:
                    found.append(f"{where}: another folder's; what two share belongs into lib/")
    return found


@ot.test()
def no_include_points_up():
    tree.complain(violations(ot.SOURCE), "Dependencies point down; move the code or turn it round.")


@ot.test()
def the_tree_is_really_read():
    read = [p for p in tree.files(under=("lib/", "services/", "appliances/", "tools/")) if p.suffix == ".c"]
    includes = sum(len(INCLUDE.findall(tree.text(p))) for p in read)
    assert len(read) >= 10 and includes >= 2 * len(read), f"{includes} includes in {len(read)} files"


@ot.test()
def a_planted_arrow_is_found():
    root = ot.directory()
    planted = {
        "include/outpost/base.h": "",
        "include/outpost/topic.h": "#include <outpost/base.h>\n",
        "include/outpost/stray.h": "",
        "lib/base/log.c": "#include <stdio.h>\n#include <outpost/base.h>\n",
        "lib/base/up.c": "  # include <outpost/topic.h>\n",
        "lib/bus/layout.h": "",
        "lib/bus/writer.c": '#include "layout.h"\n#include <outpost/topic.h>\n',
        "lib/proto/up.c": '#include "lib/bus/layout.h"\n',
        "services/a/a.h": "",
        "services/a/a.c": '#include "a.h"\n',
        "services/b/b.c": '#include "../a/a.h"\n',
        "appliances/x/x.c": '#include "services/a/a.h"\n',
        "lib/service/up.c": '#include "services/a/a.h"\n',
    }
    for path, content in planted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    found = violations(root)
    culprits = sorted(line.split(":")[0].split(" ")[0] for line in found)
    assert culprits == ["include/outpost/stray.h", "lib/base/up.c", "lib/proto/up.c", "lib/service/up.c",
                        "services/b/b.c"], found


ot.main()
