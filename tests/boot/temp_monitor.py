# temp_monitor.py - the temperature monitor as a unit of a real systemd: a small Debian booted in a container.
#
# A target of its own (`make check-systemd`): it needs root, namespaces and control groups, and a Debian of 300 MB,
# which is made once in build/boot. The memory controller is not there, so limits are read, not felt.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import os
import pathlib
import re
import shutil
import subprocess

import outpost_test as ot

PROGRAM = ot.SOURCE / "appliances/temp-monitor"
ROOT = ot.BUILD / "boot/root"
HOME = ROOT / "home/pi/outpost/appliances/temp-monitor"  # temp_monitor is a link to it, as in its README
ENV = "BEARER_TOKEN=0123456789abcdef0123456789abcdef\nUSE_MOCK_SENSOR=1\nSAMPLING_INTERVAL=1\n" \
    "CPU_TEMP_PATH=/home/pi/temp_monitor/cpu\n"
LOG = "/var/log/temp-monitor/temp_monitor.log"

# A mount namespace of our own, with what systemd-nspawn looks for and control groups of version 2 only.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/nspawn /run/lock /run/dbus
dbus-daemon --system --fork --print-pid=3 3>"$1/dbus.pid" >/dev/null
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec systemd-nspawn --quiet -D "$2" --boot --register=no --keep-unit --console=pipe --private-network
"""


def packages():
    """What Outpost needs to run, by the first name this Debian knows."""
    lines = (ot.SOURCE / "packaging/deps/run").read_text().splitlines()
    names = [line.split()[0].split("|") for line in lines if line and not line.startswith("#")]
    known = [[n for n in alternatives if ot.run("apt-cache", "show", n).returncode == 0] for alternatives in names]
    return [k[0] for k in known if k] + ["systemd", "systemd-sysv", "dbus", "logrotate", "procps"]


def make_root():
    if (ROOT / "made").exists():
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.parent.mkdir(exist_ok=True)
    sites = ot.run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)").stdout.splitlines()
    site, codename = next(line.split() for line in sites if "security" not in line and "-" not in line.split()[-1])
    done = subprocess.run(["debootstrap", "--variant=minbase", "--include=" + ",".join(packages()), codename, ROOT,
                           site], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("groupadd -r i2c", "groupadd -rf input", "useradd -m pi"):
        subprocess.run(["chroot", ROOT, *command.split()], check=True)
    (ROOT / "made").write_text("")


def install(env):
    """Outpost and the program directory as they are in this tree."""
    for leftover in (HOME, ROOT / "var/log/temp-monitor", ROOT / "var/lib/temp-monitor"):
        shutil.rmtree(leftover, ignore_errors=True)
    for unit in (ROOT / "etc/systemd/system").rglob("temp-monitor*"):
        shutil.rmtree(unit) if unit.is_dir() else unit.unlink()
    subprocess.run(["meson", "install", "-C", ot.BUILD, "--no-rebuild", "--quiet"], check=True,
                   env={**os.environ, "DESTDIR": str(ROOT)}, stdout=subprocess.DEVNULL)
    shutil.copytree(PROGRAM, HOME, ignore=shutil.ignore_patterns("climate", "web", "tree", "*.log*", ".env"))
    (HOME / ".env").write_text(env)
    (HOME / ".env").chmod(0o600)
    (HOME / "cpu").write_text("51121\n")  # a container has none
    shutil.rmtree(HOME / "logs")  # the start makes it, so the unit must let it write there
    link = ROOT / "home/pi/temp_monitor"
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to("outpost/appliances/temp-monitor")
    subprocess.run(["chroot", ROOT, "chown", "-R", "pi:pi", "/home/pi"], check=True)


class Machine(ot.Process):
    """The booted container."""

    def __init__(self):
        self.pids = ot.directory()
        super().__init__("unshare", "-m", "sh", "-c", BOOT, "boot", self.pids, ROOT)
        self.init = ot.wait_until(self._init, 30, "the container's process 1")
        ot.wait_until(lambda: self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), 60,
                      "the container is up", every=0.2)

    def _init(self):
        """The process of the container that is number 1 within, below systemd-nspawn."""
        for pid in ot._below(self.proc.pid):
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            if re.search(r"^NSpid:\s+\d+\s+1$", status, re.M) and "Name:\tsystemd\n" in status:
                return pid
        return None

    def run(self, *command, check=False):
        done = ot.run("nsenter", "-t", self.init, "-a", *command, timeout=60)
        assert not check or done.returncode == 0, (command, done)
        return done

    def show(self, *names):
        text = self.run("systemctl", "show", "temp-monitor", "-p", ",".join(names), check=True).stdout
        return dict(line.split("=", 1) for line in text.splitlines())

    def active(self):
        return self.show("ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}

    def journal(self, *options):
        return self.run("journalctl", "-b", "-u", "temp-monitor", "-o", "cat", "--no-pager", *options).stdout

    def restarted(self, old):
        """Waits until another process is ready; its number."""
        def look():
            now = self.show("MainPID", "SubState")
            return now["MainPID"] if now["SubState"] == "running" and now["MainPID"] not in ("0", old) else None
        return ot.wait_until(look, 60, "it is started again", every=0.2)

    def __exit__(self, kind, value, tb):
        self.run("systemctl", "poweroff")
        try:
            self.proc.wait(30)
        except subprocess.TimeoutExpired:
            self.proc.kill()
        dbus = self.pids / "dbus.pid"
        if dbus.exists():
            ot.run("kill", dbus.read_text().strip())
        super().__exit__(kind, value, tb)


@ot.test(timeout=900)
def the_unit_does_what_the_runbook_says():
    if os.geteuid() != 0:
        raise ot.Skip("needs root")
    make_root()
    install(ENV)
    with Machine() as m:
        m.run("cp", "/home/pi/temp_monitor/deployment/systemd/temp-monitor.service", "/etc/systemd/system/", check=True)
        for command in (("daemon-reload",), ("enable", "temp-monitor"), ("start", "temp-monitor")):
            done = m.run("systemctl", *command)
            assert done.returncode == 0, (done, m.journal())
        assert m.active(), m.journal()
        assert m.run("systemctl", "is-enabled", "temp-monitor").stdout == "enabled\n"
        shown = m.show("Type", "WatchdogUSec", "MemoryMax", "MemoryHigh", "User", "StatusText")
        assert shown == {"Type": "notify", "WatchdogUSec": "1min", "MemoryMax": str(512 << 20), "User": "pi",
                         "MemoryHigh": str(400 << 20), "StatusText": "all services are ready"}, shown
        asked = m.run("outpost", "health", "http://127.0.0.1:8080/health")
        assert asked.returncode == 0, asked
        assert (HOME / "logs").is_dir()
        owner = m.run("stat", "-c", "%U %a", LOG, check=True).stdout
        assert owner.startswith("pi 6"), owner

        # what the runbook reads: status with its newest lines, the journal, the memory limit
        status = m.run("systemctl", "status", "--no-pager", "temp-monitor.service").stdout
        assert "active (running)" in status and "Temperature: " in status, status
        assert "Temperature: " in m.run("journalctl", "-u", "temp-monitor.service", "-n", "50", "--no-pager").stdout

        # journald has levels: errors alone can be read
        assert "climate: ready" in m.journal() or "climate: " in m.journal(), m.journal()
        assert m.journal("-p", "err") in ("", "-- No entries --\n"), m.journal("-p", "err")

        rules = "/etc/logrotate.d/temp-monitor"
        m.run("cp", "/home/pi/temp_monitor/deployment/logrotate", rules, check=True)
        m.run("logrotate", "--force", rules, check=True)
        ot.wait_until(lambda: m.run("grep", "-c", " - INFO - ", LOG).stdout.strip() not in ("", "0"), 20,
                      "it writes into the new file", every=0.2)
        assert m.run("test", "-s", LOG + ".1").returncode == 0

        first = m.show("MainPID")["MainPID"]
        m.run("kill", "-9", first, check=True)
        second = m.restarted(first)

        # .env is read at each start: changed, and restored from its copy
        m.run("cp", "/home/pi/temp_monitor/.env", "/home/pi/temp_monitor/.env.backup", check=True)
        (HOME / ".env").write_text(ENV + "PORT=8081\n")
        m.run("systemctl", "restart", "temp-monitor", check=True)
        assert m.run("outpost", "health", "http://127.0.0.1:8081/health").returncode == 0
        m.run("cp", "/home/pi/temp_monitor/.env.backup", "/home/pi/temp_monitor/.env", check=True)
        m.run("systemctl", "restart", "temp-monitor", check=True)
        assert m.run("outpost", "health", "http://127.0.0.1:8080/health").returncode == 0
        m.run("tar", "-czf", "/tmp/logs.tar.gz", "/var/log/temp-monitor/", check=True)
        third = m.show("MainPID")["MainPID"]
        assert third not in (first, second)

        # hung, it is killed and started again
        m.run("mkdir", "-p", "/etc/systemd/system/temp-monitor.service.d", check=True)
        m.run("sh", "-c", "printf '[Service]\\nWatchdogSec=3\\nRestartSec=1\\n' "
              ">/etc/systemd/system/temp-monitor.service.d/quick.conf", check=True)
        m.run("systemctl", "daemon-reload", check=True)
        m.run("systemctl", "restart", "temp-monitor", check=True)
        hung = m.show("MainPID")["MainPID"]
        m.run("kill", "-STOP", hung, check=True)
        m.restarted(hung)
        assert "atchdog" in m.run("journalctl", "-u", "temp-monitor", "--no-pager").stdout

        # a wrong value is an error in the journal
        (HOME / ".env").write_text(ENV + "WEBHOOK_ENABLED=maybe\n")
        m.run("systemctl", "restart", "temp-monitor")
        ot.wait_until(lambda: "variable WEBHOOK_ENABLED='maybe'" in m.journal("-p", "err"), 20)
        (HOME / ".env").write_text(ENV)
        m.run("systemctl", "reset-failed", "temp-monitor")
        m.run("systemctl", "restart", "temp-monitor", check=True)
        assert m.active(), m.journal("-n", "50")

        # within the unit's walls a message gets as far as the network, and what sends it ends with the unit
        (HOME / ".env").write_text(ENV + "SLACK_WEBHOOK_URL=http://127.0.0.1:9/canary\nWEBHOOK_RETRY_COUNT=1\n")
        m.run("systemctl", "restart", "temp-monitor", check=True)
        m.run("outpost", "call", "alerts", "test", "--runtime", "/run/temp-monitor")
        ot.wait_until(lambda: "no connection: Connection refused" in m.journal(), 20, "it was tried")
        assert m.run("pgrep", "-x", "outpost-post").returncode == 0, m.journal("-n", "50")

        m.run("systemctl", "stop", "temp-monitor", check=True)
        assert m.run("pgrep", "-x", "outpost-post").returncode == 1
        assert m.show("ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
        assert m.run("test", "-e", "/run/temp-monitor").returncode != 0
        level = m.run("systemd-analyze", "security", "--no-pager", "temp-monitor").stdout
        exposed = re.search(r"exposure level for \S+: ([0-9.]+)", level)
        assert exposed and float(exposed[1]) < 5, level[-200:]
        print(f"exposure level {exposed[1]} of 10")


ot.main()
