# manuals.py - every program has its manual page, and the page knows every option.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import shutil

import outpost_test as ot
import tree

MAN = ot.SOURCE / "man"


def programs():
    """Names of the programs that are installed."""
    out = ot.run("meson", "introspect", "--targets", ot.BUILD).stdout
    return sorted(t["name"] for t in json.loads(out) if t["type"] == "executable" and t["installed"])


def pages(name):
    """A program's pages: NAME.N, and NAME-*.1 for the subcommands of outpost."""
    found = sorted(MAN.glob(f"{name}.[1-8]"))
    return found + (sorted(MAN.glob("outpost-*.1")) if name == "outpost" else [])


def rendered(path):
    """What a reader sees, without overstriking."""
    return re.sub(r".\x08", "", ot.run("mandoc", "-Tascii", path).stdout)


def options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def need_mandoc():
    if not shutil.which("mandoc"):
        raise ot.Skip("mandoc is not installed")


def helps(name):
    """The help text of a program; for outpost also that of each subcommand it lists."""
    done = ot.run(ot.BUILD / name, "--help")
    assert done.returncode == 0 and done.stdout, f"{name} --help: status {done.returncode}: {done.stderr}"
    text = done.stdout
    if name == "outpost":
        for command in re.findall(r"^ +(?:outpost )?([a-z]+)\b", done.stdout, re.M):
            more = ot.run(ot.BUILD / name, command, "--help")
            text += more.stdout if more.returncode == 0 else ""
    return text


@ot.test()
def every_program_has_a_page():
    missing = [name for name in programs() if not pages(name)]
    tree.complain(missing, "Write man/NAME.1 (for people) or man/NAME.8 (services).")


@ot.test(timeout=60)
def every_option_of_help_is_in_the_page():
    need_mandoc()
    problems = []
    for name in programs():
        text = "".join(rendered(page) for page in pages(name))
        if text:
            problems += [f"{name}: {option}" for option in sorted(options(helps(name)) - options(text))]
    tree.complain(problems, "Document it in the program's manual page.")


@ot.test(timeout=60)
def pages_are_clean_mdoc():
    need_mandoc()
    assert list(MAN.glob("*.[1-8]")), "there are no pages"
    problems = []
    for page in sorted(MAN.glob("*.[1-8]")):
        out = ot.run("mandoc", "-Tlint", "-Wwarning", page).stdout
        problems += [line.removeprefix("mandoc: ") for line in out.splitlines()]
    tree.complain(problems, "mandoc -Tlint -Wwarning PAGE")


@ot.test(timeout=60)
def pages_refer_to_pages_that_exist():
    """Only among our own: outpost-x(N)."""
    need_mandoc()
    problems = []
    for page in sorted(MAN.glob("*.[1-8]")):
        for name, section in set(re.findall(r"\b(outpost(?:-[a-z0-9]+)*)\(([1-8])\)", rendered(page))):
            if not (MAN / f"{name}.{section}").exists():
                problems.append(f"{page.name}: {name}({section})")
    tree.complain(problems, "There is no such page.")


@ot.test()
def every_page_is_installed():
    plan = json.loads(ot.run("meson", "introspect", "--install-plan", ot.BUILD).stdout)
    installed = {os.path.basename(source) for source in plan.get("man", {})}
    tree.complain([p.name for p in sorted(MAN.glob("*.[1-8]")) if p.name not in installed],
                  "Add it to man/meson.build.")


ot.main()
