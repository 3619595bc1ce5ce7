# reference.py - the reference of settings in docs/reference/ is what the programs' tables say.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os

import outpost_test as ot
import tree

KEPT = ot.SOURCE / "docs/reference"


def pages(folder):
    return {p.name: p.read_text() for p in folder.glob("*.md")}


@ot.test(timeout=60)
def the_reference_is_current():
    fresh = ot.directory()
    done = ot.run(KEPT / "generate", fresh, env={**os.environ, "OUTPOST_BUILD": str(ot.BUILD)})
    assert done.returncode == 0, done.stderr
    want, kept = pages(fresh), pages(KEPT)
    stale = [name for name in sorted(want.keys() | kept.keys()) if want.get(name) != kept.get(name)]
    tree.complain(stale, "Run: ninja -C build reference, and commit docs/reference/.")


@ot.test()
def every_setting_has_its_sentence():
    rows = [(name, line) for name, text in pages(KEPT).items() for line in text.splitlines()
            if line.startswith("| `")]
    assert len(rows) >= 15, f"only {len(rows)} settings"
    bare = [f"{name}: {line}" for name, line in rows if line.rstrip(" |").endswith("`")
            or not line.split(" | ")[-1].strip(" |")]
    tree.complain(bare, "Each setting needs its help in the program's table.")


ot.main()
