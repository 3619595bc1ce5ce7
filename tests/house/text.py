# text.py - what the files of the repository may and may not hold.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import re

import outpost_test as ot
import tree

C_LINES_MAX = 500

# Written so that this file does not find itself.
HOSTS = re.compile("|".join(a + r"\." + b for a, b in [
    ("registry", "npmjs"), ("registry", "yarnpkg"), ("deb", "debian"), ("security", "debian"),
    ("archive", "ubuntu"), ("py" + "pi", "org"), ("pythonhosted", "org"), ("npm" + "mirror", "com")]))
WORKPLACE = re.compile(r"(?<![\w.$}/-])/(?:work|root|home/(?!pi\b)\w+)/")
UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X)\b")
# In C, a wait for a guessed time; in tests also those of Python and of browser drivers.
SLEEP_C = re.compile(r"\b(?:u|nano|clock_nano|thrd_)?sleep\s*\(")
SLEEP_TEST = re.compile(r"\btime\.sleep\(|\bwaitFor" + r"Timeout\(|^\s*sleep\s+\d", re.M)
SWITCHED_OFF = re.compile(r"\b(?:it|test|describe)\.skip\b|\bXFAIL\b|\bshould_fail\s*:")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)

# What paces an output in real time, or strikes at random instants, must wait for a point in time; its
# opening comment says so.
PACED = re.compile(r"\bpac(?:es|ed|ing)\b|random\s+(?:\*\s+)?instant", re.I)


def lines_with(pattern, text):
    return [text.count("\n", 0, m.start()) + 1 for m in pattern.finditer(text)]


def scan(pattern, under=("",), suffixes=None, keep=lambda path, text: text):
    """"path:line" of each match in the text files named; keep() gives the part of the text to look at."""
    found = []
    for path in tree.files(under=under):
        content = tree.text(path)
        if content is None or suffixes and path.suffix not in suffixes:
            continue
        name = path.relative_to(ot.SOURCE)
        found += [f"{name}:{n}" for n in lines_with(pattern, keep(path, content))]
    return found


def without_comments(path, text):
    """The code alone, line numbers kept."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


OWN_BUFFER = re.compile(r"OP_AUTO_BUF struct op_buf (\w+);")


@ot.test()
def a_buffer_that_frees_itself_is_begun_before_any_return():
    """op_buf_finish would free what the stack happened to hold."""
    found = []
    for path in tree.files(under=("lib/", "services/", "appliances/", "tools/")):
        text = tree.text(path) if path.suffix == ".c" else None
        for m in OWN_BUFFER.finditer(text or ""):
            begun = re.search(rf"\bop_buf_init(?:_fixed)?\(&{m[1]}\b", text[m.end():])
            until = text[m.end():m.end() + begun.start()] if begun else "return"
            if re.search(r"\breturn\b", until):
                found.append(f"{path.relative_to(ot.SOURCE)}:{text.count(chr(10), 0, m.start()) + 1}")
    tree.complain(found, "Call op_buf_init first.")


@ot.test()
def no_package_registry_is_named():
    tree.complain(scan(HOSTS), "The machine's own settings say where packages come from.")


@ot.test()
def no_path_of_a_developers_machine():
    tree.complain(scan(WORKPLACE), "Use paths relative to the tree, or settings.")


@ot.test()
def nothing_is_left_unfinished():
    tree.complain(scan(UNFINISHED), "Do it, or open an issue.")


@ot.test()
def no_code_sleeps_to_wait():
    found = scan(SLEEP_C, ("lib/", "services/", "appliances/", "tools/", "tests/"), (".c", ".h"),
                 lambda path, text: "" if PACED.search(text[:1500]) else without_comments(path, text))
    found += scan(SLEEP_TEST, ("tests/", "web/", ".ci/"), (".py", ".js", ".mjs", ".ts", ".sh", ""))
    tree.complain(found, "Wait for the condition, with a deadline. (A file that paces its output in "
                  "real time, or acts at random instants, says so in its opening comment.)")


@ot.test()
def nothing_is_used_that_32_bits_lack():
    """Half of all Pis run a system of 32 bits, for which no compiler has integers of 128."""
    tree.complain(scan(re.compile(r"\b__int128\b"), suffixes={".c", ".h"}, keep=without_comments),
                  "Use __builtin_add_overflow and its like.")


@ot.test()
def no_test_is_switched_off():
    tree.complain(scan(SWITCHED_OFF, ("tests/", "web/")), "Mend it or remove it; skip with a reason.")


@ot.test()
def c_files_open_with_what_they_are():
    problems = []
    for path in tree.files(under=("lib/", "services/", "appliances/", "tools/", "include/")):
        if path.suffix not in (".c", ".h"):
            continue
        name, head = path.relative_to(ot.SOURCE), COMMENT.match(tree.text(path))
        if not head or not head[0].startswith(f"/*\n * {path.name} - "):
            problems.append(f'{name}: does not begin with "/*\\n * {path.name} - what it is"')
        elif head[0].count("\n") < 4:
            problems.append(f"{name}: its opening comment says too little")
    tree.complain(problems, "See CONTRIBUTING.md, Style.")


@ot.test()
def every_source_names_its_licence():
    problems = []
    for path in tree.files():
        text = tree.text(path)
        code = path.suffix in (".c", ".h", ".py", ".js", ".mjs", ".ts", ".sh") or (text or "").startswith("#!")
        if code and text and "SPDX-License-Identifier: MIT" not in text[:2500]:
            problems.append(str(path.relative_to(ot.SOURCE)))
    tree.complain(problems, "Add: SPDX-License-Identifier: MIT")


@ot.test()
def no_c_file_is_too_long():
    problems = []
    for path in tree.files():
        if path.suffix in (".c", ".h"):
            n = tree.text(path).count("\n")
            if n > C_LINES_MAX:
                problems.append(f"{path.relative_to(ot.SOURCE)}: {n} lines")
    tree.complain(problems, f"More than {C_LINES_MAX} lines ask to be two files.")


@ot.test()
def planted_words_are_found():
    assert HOSTS.search("https://registry" + ".npmjs.org/") and not HOSTS.search("registry of topics")
    assert WORKPLACE.search("see /wo" + "rk/main") and not WORKPLACE.search("network/x, ${A}/work/x")
    assert UNFINISHED.search("TO" + "DO: all")
    code = without_comments(None, "/* no sleep(1)\n */\nx();\nusl" + "eep(3);\n")
    assert lines_with(SLEEP_C, code) == [4]


ot.main()
