# temp_image.py - the image of the temperature monitor, built by buildah as its Dockerfile says and run by podman with
# the rights that docker-compose.yml gives it.
#
# A target of its own (`make check-image`): it needs root, namespaces, 2 GB in build/boot/images and a mirror of Debian.
# Where no registry can be reached, debian:bookworm-slim is made by debootstrap. IMAGE_ARGS (-Dweb=false) are settings
# for meson; with "" the image has the general page too, for which npm must reach its registry.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import os
import re
import shutil

import outpost_test as ot

PROGRAM = ot.SOURCE / "appliances/temp-monitor"
STORE = ot.BUILD / "boot/images"
BASE = "docker.io/library/debian:bookworm-slim"
PLACE = ["--root", STORE, "--runroot", STORE / "run"]
TOKEN = "0123456789abcdef0123456789abcdef"
GROUP = 998  # of the I2C device, which the image does not know
# A mount namespace of our own with control groups of version 2 only, which crun asks for.
INSIDE = ("mount --make-rprivate /; umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup; "
          'exec "$@"')


def inside(tool, *command, timeout=60):
    return ot.run("unshare", "-m", "sh", "-c", INSIDE, "sh", tool, *PLACE, *command, timeout=timeout)


def podman(*command, timeout=60):
    return inside("podman", *command, timeout=timeout)


def make_base():
    """The image that ours begins with, as its registry has it or as debootstrap makes it."""
    if podman("image", "exists", BASE).returncode == 0 or podman("pull", "-q", BASE).returncode == 0:
        return
    sites = ot.run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)").stdout.splitlines()
    site = next(line.split()[0] for line in sites if line.endswith(" bookworm"))
    root = STORE / "base"
    shutil.rmtree(root, ignore_errors=True)
    done = ot.run("debootstrap", "--variant=minbase", "bookworm", root, site, timeout=600)
    assert done.returncode == 0, done.stderr
    for name in ("sources.list", "sources.list.d", "apt.conf.d"):  # the same mirror, asked in the same way
        ot.run("cp", "-a", "--remove-destination", f"/etc/apt/{name}", root / "etc/apt/")
    ot.run("tar", "-C", root, "-cf", STORE / "base.tar", ".", timeout=120)
    done = podman("import", STORE / "base.tar", BASE, timeout=300)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(root)
    (STORE / "base.tar").unlink()


def build():
    done = inside("buildah", "build", "--layers", "--isolation", "chroot", "--pull-never", "--format", "docker",
                  "--build-arg", "MESON_ARGS=" + os.environ.get("IMAGE_ARGS", "-Dweb=false"), "-f",
                  PROGRAM / "Dockerfile", "-t", "temp-monitor", ot.SOURCE, timeout=1500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


class Container:
    """It, with the rights of docker-compose.yml; removed at the end."""

    def __init__(self, port, *options):
        self.port, at = port, ot.directory()
        (at / "logs").mkdir()
        shutil.copytree(PROGRAM / "static", at / "static")
        (at / "static/favicon.ico").write_bytes(b"ours")
        os.mknod(at / "i2c", 0o660 | 0o020000, os.makedev(1, 3))
        os.chown(at / "i2c", 0, GROUP)
        done = podman("run", "-d", "--name", "temp-monitor-test", "--network", "host", "--cgroups=disabled", "--ulimit",
                      "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--user", "0:0", "--cap-drop", "all", "--cap-add",
                      "CHOWN,SETGID,SETUID", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp",
                      "-v", f"{at}/logs:/app/logs", "-v", f"{at}/static:/app/static:ro", "--tmpfs", "/var/lib/outpost",
                      "--device", f"{at}/i2c:/dev/i2c-1", "-e", f"BEARER_TOKEN={TOKEN}", "-e", f"PORT={port}", "-e",
                      "HOST=127.0.0.1", *options, "temp-monitor")
        assert done.returncode == 0, done.stderr

    def run(self, *command):
        return podman("exec", "temp-monitor-test", *command)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if kind:
            print(podman("logs", "temp-monitor-test").stderr)
        podman("rm", "-f", "temp-monitor-test")


@ot.test(timeout=1800)
def the_image_is_built_and_runs():
    if os.geteuid() != 0:
        raise ot.Skip("needs root")
    STORE.mkdir(parents=True, exist_ok=True)
    make_base()
    build()
    image = json.loads(podman("image", "inspect", "temp-monitor").stdout)[0]
    assert image["Config"]["User"] == "outpost" and "8080/tcp" in image["Config"]["ExposedPorts"], image["Config"]
    assert image["Healthcheck"]["Interval"] == 30 * 10**9 and image["Healthcheck"]["Retries"] == 3, image
    port = ot.free_port()
    with Container(port, "-e", "USE_MOCK_SENSOR=1") as c:
        url = f"http://127.0.0.1:{port}/"

        def healthy():
            return c.run("outpost", "health", url + "health").returncode == 0
        ot.wait_until(healthy, 60, "it is healthy", every=0.5)
        assert ot.get(url).status == 200 and ot.get(url + "static/favicon.ico").body == b"ours"
        temp = ot.get(url + "api/temp", headers={"Authorization": "Bearer " + TOKEN})
        assert temp.status == 200 and temp.json()["humidity"] == 44.0

        status = c.run("cat", "/proc/1/status").stdout
        assert re.search(r"^Uid:\t1000\t1000\t1000\t1000$", status, re.M), status
        assert re.search(r"^Groups:\t%d ?$" % GROUP, status, re.M), status
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert re.search(rf"^{name}:\t0+$", status, re.M), status
        assert re.search(r"^NoNewPrivs:\t1$", status, re.M), status
        for absent in ("python3", "curl", "gcc", "node"):
            assert c.run("sh", "-c", "command -v " + absent).returncode != 0, absent
        assert c.run("sh", "-c", "ls /app/.env /src /build").returncode != 0

        said = podman("logs", "temp-monitor-test")
        assert "Temperature: 17.5" in said.stdout + said.stderr and TOKEN not in said.stdout + said.stderr
        log = ot.directory() / "logs/temp_monitor.log"
        assert " - INFO - Temperature: 17.5" in log.read_text() and log.stat().st_uid == 1000
        assert podman("stop", "-t", "20", "temp-monitor-test").returncode == 0
        ended = podman("inspect", "temp-monitor-test", "--format", "{{.State.ExitCode}}").stdout
        assert ended.strip() == "0", ended
        assert "killing" not in log.read_text()


ot.main()
