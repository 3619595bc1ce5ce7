# front.py - what a newcomer meets first is true: README, Makefile, package lists, documents.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re

import outpost_test as ot
import tree

PURPOSES = ["run", "build", "test", "bench", "boot", "image", "vm"]


def read(name):
    return (ot.SOURCE / name).read_text()


def targets():
    return set(re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.M))


def documents():
    return [p for p in tree.files() if p.suffix == ".md"]


@ot.test()
def make_help_lists_every_target():
    listed = re.findall(r"^  make ([a-z-]+) +\S", ot.run("make", "help", cwd=ot.SOURCE).stdout, re.M)
    assert set(listed) == targets() and len(listed) == len(set(listed)), (listed, targets())


@ot.test()
def make_run_builds_all_that_is_installed_and_no_test():
    build = ot.BUILD.resolve()
    intro = ot.run("meson", "introspect", "--targets", build)
    targets_ = json.loads(intro.stdout)
    inputs = ot.run("ninja", "-C", build, "-t", "query", "installed").stdout.splitlines()
    built = {str(build / line.strip().lstrip("| ")) for line in inputs if line.startswith("    ")}
    for target in targets_:
        names = set(target["filename"])
        if target["installed"]:
            assert names <= built, f"{target['name']} is installed, but `make run` does not build all of it"
        elif target["type"] in ("executable", "shared library"):
            assert not names & built, f"{target['name']} is not installed, but `make run` builds it"
    assert "installed" in re.findall(r"^TARGET = (\S+)", read("Makefile"), re.M)


@ot.test()
def documents_name_only_targets_that_exist():
    problems = []
    for path in documents():
        for n, line in enumerate(path.read_text().splitlines(), 1):
            for name in re.findall(r"(?:`|^ {4}|^\$ )(?:sudo )?make ([a-z][a-z-]*)", line):
                if name not in targets():
                    problems.append(f"{path.relative_to(ot.SOURCE)}:{n}: make {name}")
    tree.complain(problems, "The Makefile has no such target.")


@ot.test()
def links_in_documents_lead_somewhere():
    problems = []
    for path in documents():
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            if not re.match(r"[a-z]+:", link) and not (path.parent / link).exists():
                problems.append(f"{path.relative_to(ot.SOURCE)}: {link}")
    tree.complain(problems, "No such file.")


@ot.test()
def every_decision_is_listed():
    folder = ot.SOURCE / "docs/decisions"
    index = (folder / "README.md").read_text()
    there = {p.name for p in folder.glob("[0-9]*.md")}
    listed = set(re.findall(r"\(([0-9][^)]*\.md)\)", index))
    assert there == listed and there, f"not listed: {there - listed}; not there: {listed - there}"
    numbers = sorted(name[:3] for name in there)
    assert len(numbers) == len(set(numbers)), f"two decisions have one number: {numbers}"


@ot.test()
def ci_runs_what_developers_run():
    assert "make check" in read(".ci/run") and os.access(ot.SOURCE / ".ci/run", os.X_OK)


@ot.test()
def every_test_file_is_registered():
    """A test that no meson.build names never runs. (Modules that tests import have no main.)"""
    problems = []
    for path in tree.files(under=("tests/",)):
        folder = path.parent / "meson.build"
        if path.suffix in (".c", ".py") and folder.exists():
            module = path.suffix == ".py" and "ot.main()" not in path.read_text()
            if not module and not re.search(rf"'{re.escape(path.stem)}(\{path.suffix})?'", folder.read_text()):
                problems.append(str(path.relative_to(ot.SOURCE)))
    tree.complain(problems, "Name it in the meson.build of its folder.")


@ot.test()
def package_lists_are_well_formed():
    problems = []
    for purpose in PURPOSES:
        entries = [x for x in read(f"packaging/deps/{purpose}").splitlines() if x and x[0] != "#"]
        assert entries, f"packaging/deps/{purpose} is empty"
        for line in entries:
            if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+(\|[a-z0-9][a-z0-9.+-]+)* +(-|[\w.-]+) +\S.*", line):
                problems.append(f"{purpose}: {line}")
    assert {p.name for p in (ot.SOURCE / "packaging/deps").iterdir()} == set(PURPOSES)
    tree.complain(problems, "Wanted: PACKAGE[|PACKAGE...]  COMMAND|-  why")


def machine(**programs):
    """A PATH with this system's plain tools and the given scripts instead of its package manager."""
    bin_ = ot.directory() / "bin"
    bin_.mkdir()
    for name in ["env", "bash", "dirname", "readlink", "sed", "tr", "cat", "tail", "echo", "rm", "id", "mktemp", "sh"]:
        (bin_ / name).symlink_to(ot.run("which", name).stdout.strip())
    for name, script in programs.items():
        path = bin_ / name.replace("_", "-")
        path.unlink(missing_ok=True)
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
    # The installer adds the system's own folders for root's tools at the end of PATH.
    return {"PATH": str(bin_), "TMPDIR": str(ot.directory())}


def install(*purposes, env):
    return ot.run(ot.SOURCE / "packaging/install-deps", *purposes, env=env)


@ot.test()
def the_installer_is_silent_when_nothing_is_missing():
    done = install("run", env=machine(dpkg_query='shift 3; for p; do echo "$p installed"; done\n',
                                      apt_get="echo apt was called; exit 1\n"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


@ot.test()
def the_installer_without_root_names_the_command():
    done = install("run", env=machine(dpkg_query="exit 1\n", id="echo 1000\n"))
    assert done.returncode == 1, done
    assert "apt-get install --no-install-recommends libuv1 libwebsockets17 " in done.stderr, done.stderr


@ot.test()
def the_installer_elsewhere_than_debian_names_the_packages():
    done = install("run", env=machine())
    assert done.returncode == 1 and "no Debian" in done.stderr and "libuv1" in done.stderr, done


@ot.test()
def the_installer_shows_what_it_installs_and_why():
    state = ot.directory() / "installed"
    state.write_text("")
    apt = f"""case "$*" in
*update*) exit 0 ;;
*install*) printf 'dlstatus:1:50.0:x\\n' >&3
	for p in libuv1 libyaml-0-2; do
		echo "$p installed" >>{state}
		printf 'pmstatus:%s:amd64:50.0:Installed %s\\n' $p $p >&3
	done ;;
esac
"""
    lines = (ot.SOURCE / "packaging/deps/run").read_text().splitlines()
    listed = [line.split("|")[0].split()[0] for line in lines if line and line[0] != "#"]
    there = [f"{name} installed" for name in listed if name not in ("libuv1", "libyaml-0-2")]
    query = f"cat {state}\necho '" + "\n".join(there) + "'\n"
    done = install("run", env=machine(dpkg_query=query, apt_get=apt, apt_cache="echo yes\n", id="echo 0\n"))
    assert done.returncode == 0, done
    assert re.search(r"\[1/2\] libuv1 +the event loop", done.stdout), done.stdout
    assert re.search(r"\[2/2\] libyaml-0-2 +appliance files", done.stdout), done.stdout


@ot.test()
def the_installer_shows_why_apt_failed():
    apt = 'case "$*" in *install*) echo "E: disk full"; exit 100 ;; esac\n'
    done = install("run", env=machine(dpkg_query="exit 1\n", apt_get=apt, apt_cache="echo yes\n",
                                      id="echo 0\n"))
    assert done.returncode == 1 and "E: disk full" in done.stderr, done


ot.main()
