# packages.py - files out of packages of the system's own sources, with nothing installed.
#
# A package is fetched once, into build/fetched, for all variants of the build.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

import outpost_test as ot

KEPT = ot.SOURCE / "build" / "fetched"
APT = ["apt-get", "-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]


def _apt(*args, cwd=None):
    return subprocess.run([*APT, *args], cwd=cwd, check=False, capture_output=True, text=True)


def _download(package, folder):
    """The package's file in folder. As root the list of packages is read anew if it does not help."""
    for tries in range(2):
        done = _apt("download", package, cwd=folder)
        found = sorted(folder.glob(f"{package}_*.deb"))
        if done.returncode == 0 and found:
            return found[-1]
        if tries == 0 and (os.geteuid() or _apt("update").returncode):
            break
    raise ot.Skip(f"the package {package} cannot be fetched: " + (done.stderr.strip().splitlines() or ["apt-get update"])[-1])


def unpacked(package, *paths):
    """The folder that holds these files and folders of a package, all of it without any."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise ot.Skip(f"no Debian system: the package {package} cannot be fetched")
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (KEPT / package).exists():
            with tempfile.TemporaryDirectory(dir=KEPT) as name:
                folder = pathlib.Path(name)
                (folder / "root").mkdir()
                tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", _download(package, folder)], stdout=subprocess.PIPE)
                subprocess.run(["tar", "-x", "-C", folder / "root", *(f"./{p}" for p in paths)], stdin=tar.stdout, check=True)
                tar.stdout.close()
                tar.wait()
                (folder / "root").rename(KEPT / package)
    return KEPT / package


def program(name, package):
    """The program's path: that of the system if it has one, else out of the package."""
    return shutil.which(name) or unpacked(package, f"usr/bin/{name}") / "usr/bin" / name
