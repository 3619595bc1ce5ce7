# machine.py - a whole machine under QEMU, made of a Debian kernel and the programs of this build.
#
# The kernel comes from the machine's own package sources as a file, once (tests/lib/packages.py); nothing is
# installed. What the machine does is a plan for tests/vm/init.c; what it says is the text of its console.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import pathlib
import re
import shutil
import stat
import subprocess

import outpost_test as ot
import packages

QEMU = "qemu-system-x86_64"


def need():
    """Skips where no such machine can be made."""
    if os.uname().machine != "x86_64":
        raise ot.Skip("the machine is an x86-64 one with our own programs")
    if not shutil.which(QEMU):
        raise ot.Skip(f"{QEMU} is not installed (packaging/deps/vm)")


def kernel():
    """(image, folder of its modules)."""
    found = sorted(packages.KEPT.glob("linux-image-*/boot/vmlinuz-*"))
    if not found:
        depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True,
                                 check=False).stdout
        name = re.search(r"Depends: (linux-image-\S+)", depends)
        if not name:
            raise ot.Skip("the package sources know no linux-image-amd64")
        found = sorted(packages.unpacked(name[1]).glob("boot/vmlinuz-*"))
    return found[-1], found[-1].parents[1] / "lib/modules" / found[-1].name.removeprefix("vmlinuz-")


class Image:
    """An initial file system, as the kernel wants it (cpio, newc)."""

    def __init__(self):
        self.data, self.inode, self.folders = bytearray(), 0, set()

    def _entry(self, name, mode, body=b""):
        self.inode += 1
        head = [self.inode, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0]
        self.data += b"070701" + b"".join(b"%08X" % n for n in head) + name.encode() + b"\0"
        self.data += bytes(-len(self.data) % 4) + body
        self.data += bytes(-len(self.data) % 4)

    def folder(self, path):
        for parent in reversed([path, *path.parents]):
            if str(parent) not in (".", "/") and parent not in self.folders:
                self.folders.add(parent)
                self._entry(str(parent).lstrip("/"), stat.S_IFDIR | 0o755)

    def add(self, path, body, mode=0o755):
        path = pathlib.PurePosixPath(path)
        self.folder(path.parent)
        self._entry(str(path).lstrip("/"), stat.S_IFREG | mode, body)

    def program(self, name):
        """A program of the build in /bin, with the libraries it needs."""
        self.add(f"/bin/{name}", (ot.BUILD / name).read_bytes())
        for library in re.findall(r"(/\S+) \(0x", ot.run("ldd", ot.BUILD / name).stdout):
            if pathlib.PurePosixPath(library) not in self.folders:
                self.folders.add(pathlib.PurePosixPath(library))
                self.add(library, pathlib.Path(library).read_bytes())

    def close(self):
        self._entry("TRAILER!!!", 0)
        return bytes(self.data)


def module(folder, name):
    found = list(folder.rglob(f"{name}.ko"))
    assert len(found) == 1, (name, found)
    return found[0].read_bytes()


def boot(image, plan, modules, timeout=120):
    """What the machine says from its start until it is off. Lines of the plan are lists of words."""
    vmlinuz, folder = kernel()
    for name in modules:
        image.add(f"/{name}.ko", module(folder, name), 0o644)
    image.add("/init", (ot.BUILD / "tests/vm/test-vm-init").read_bytes())
    image.add("/plan", "".join("\t".join(str(w) for w in line) + "\n" for line in plan).encode())
    initrd = ot.directory() / "initrd"
    initrd.write_bytes(image.close())
    with ot.Process(QEMU, "-M", "pc", "-cpu", "max", "-m", 512, "-smp", 2, "-kernel", vmlinuz, "-initrd", initrd,
                    "-append", "console=ttyS0 quiet panic=-1", "-display", "none", "-serial", "stdio", "-monitor",
                    "none", "-nic", "none", "-no-reboot") as machine:
        machine.wait(timeout)
        return machine.output("out")
