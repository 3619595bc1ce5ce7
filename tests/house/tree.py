# tree.py - the files of the repository, for the checks in this folder.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import pathlib
import subprocess

import outpost_test as ot


def files(root=ot.SOURCE, under=("",)):
    """Paths, relative to the root, of the files that belong to the tree and begin with one of `under`.

    As git has them (new ones included, ignored ones not); without git, all but build directories."""
    root = pathlib.Path(root)
    if (root / ".git").exists():
        out = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z", "--cached",
                              "--others", "--exclude-standard"], check=True, capture_output=True).stdout
        found = {p.decode() for p in out.split(b"\0") if p}
    else:
        found = {os.path.relpath(os.path.join(d, f), root) for d, _, names in os.walk(root) for f in names}
        found = {p for p in found if not p.startswith("build") and "node_modules/" not in p}
    return [root / p for p in sorted(found) if p.startswith(tuple(under)) and (root / p).is_file()]


def text(path):
    """The file as text; None if it is not text."""
    data = path.read_bytes()
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def complain(problems, remedy):
    """Fails with one line per problem."""
    assert not problems, "\n  " + "\n  ".join(problems) + f"\n{remedy}"
