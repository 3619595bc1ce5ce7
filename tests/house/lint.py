# lint.py - layout of the C code, static analysis, scripts. `make lint` runs this alone.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import re
import shutil

import outpost_test as ot
import tree

CODE = ("include/", "lib/", "services/", "appliances/", "tools/")


def tool(name):
    found = shutil.which(name)
    if not found:
        raise ot.Skip(f"{name} is not installed")
    return found


def c_files(under=("",)):
    return [p for p in tree.files(under=under) if p.suffix in (".c", ".h")]


def scripts():
    """Shell scripts, by their first line."""
    found = []
    for path in tree.files():
        if re.match(r"#!.*\b(?:ba|da)?sh\b", (tree.text(path) or "")[:80]):
            found.append(path)
    return found


@ot.test(timeout=120)
def c_code_is_laid_out():
    version = ot.run(tool("clang-format"), "--version").stdout
    if not re.search(r"version 14\.", version):
        raise ot.Skip(f"layout is checked with clang-format 14, this is {version.strip()}")
    out = ot.run("clang-format", "--dry-run", *c_files(), timeout=110).stderr
    wrong = sorted(set(re.findall(r"^([^:\s]+):\d+:\d+: warning", out, re.M)))
    tree.complain([os.path.relpath(p, ot.SOURCE) for p in wrong], "make format")


@ot.test(timeout=300)
def static_analysis_finds_nothing():
    done = ot.run(tool("cppcheck"), "--enable=warning,portability", "--inline-suppr", "--quiet", "--std=c11",
                  "--error-exitcode=1", "-D_GNU_SOURCE", f"-I{ot.SOURCE}/include", f"-I{ot.SOURCE}", "-j2",
                  *[p for p in c_files(CODE) if p.suffix == ".c"], timeout=290)
    assert done.returncode == 0, done.stderr + done.stdout


@ot.test(timeout=120)
def shell_scripts_are_clean():
    done = ot.run(tool("shellcheck"), "-S", "warning", *scripts())
    assert done.returncode == 0, done.stdout


@ot.test(timeout=60)
def python_compiles_without_warnings():
    files = [p for p in tree.files() if p.suffix == ".py" or
             re.match(r"#!.*\bpython3", (tree.text(p) or "")[:80])]
    problems = []
    for path in files:
        done = ot.run("python3", "-W", "error", "-c", "import sys; compile(open(sys.argv[1]).read(), "
                      "sys.argv[1], 'exec')", path)
        problems += [done.stderr] if done.returncode else []
    tree.complain(problems, "Mend it.")


ot.main()
