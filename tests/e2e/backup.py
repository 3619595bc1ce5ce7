# backup.py - `outpost backup` while an appliance runs, `outpost restore` onto nothing and onto
# something; archives that are cut, foreign, newer or malicious change nothing.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import hashlib
import io
import json
import os
import pathlib
import pty
import shutil
import signal
import sqlite3
import stat
import subprocess
import tarfile
import threading

import outpost_test as ot

SECRET = "hunter2-do-not-tell"
QUICK = [f"services.recorder.keep.{i}.commit_s=1" for i in range(4)]


def outpost(*args, **kw):
    return ot.run(ot.OUTPOST, *args, **kw)


def good(*args, **kw):
    done = outpost(*args, **kw)
    assert done.returncode == 0, f"{args}: {done.returncode}: {done.stdout}{done.stderr}"
    return done


def refused(what, *args, status=1):
    done = outpost(*args)
    assert done.returncode == status and what in done.stderr, f"{args}: {done.returncode}: {done.stderr}"
    return done.stderr


def make_database(path, rows):
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, text)")
    db.executemany("INSERT INTO t(text) VALUES(?)", [("x" * 100,)] * rows)
    db.commit()
    return db


def make_state():
    """A state directory as services leave it; the database is still open, and has a log."""
    state = ot.directory() / "state" / "sensorhub"
    (state / "evidence" / "deep").mkdir(parents=True)
    db = make_database(state / "history.db", 1000)
    (state / "position").write_text("17\n")
    (state / "evidence" / "deep" / "picture.jpg").write_bytes(os.urandom(5000))
    (state / "old.db.damaged-20260101T000000Z").write_bytes(b"rubbish")
    (state / "history.db.lock").write_text("")
    (state / "link").symlink_to("/etc/hostname")
    return state, db


def contents(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*"))
            if p.is_file() and not p.is_symlink() and not p.name.endswith((".db", "-wal", "-shm", ".lock"))}


def rows(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = db.execute("SELECT count(*), sum(length(text)) FROM t").fetchone()
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    return found


def unpacked(file):
    """{name: bytes} of an archive, by other programs than ours."""
    plain = subprocess.run(["zstd", "-dc", file], stdout=subprocess.PIPE, check=True).stdout \
        if shutil.which("zstd") else None
    if plain is None:
        raise ot.Skip("zstd is not installed (package zstd)")
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}


def pack(file, members, kinds=None):
    """An archive of our own making; kinds: {name: (type, link name)} of members that are no files."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if kinds and name in kinds:
                info.type, info.linkname = kinds[name]
                info.size = 0
            tar.addfile(info, io.BytesIO(data))
    subprocess.run(["zstd", "-qc"], input=plain.getvalue(), stdout=open(file, "wb"), check=True)


def manifest_of(files, **changed):
    entries = [{"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "mode": "0600"}
               for name, data in files.items()]
    whole = {"format": 1, "outpost": "0.1.0", "appliance": "sensorhub", "time": "2026-11-21T10:00:00.000Z",
             "secrets": False, "masked": False, "files": entries}
    return json.dumps({**whole, **changed}).encode()


def back_up(state, *args):
    file = ot.directory() / "backup.tar.zst"
    said = good("backup", file, "sensorhub", "--state", state, *args)
    return file, said


def restore_args(file, place, *args):
    return ("restore", file, "--state", place / "sensorhub", "--settings", place / "etc", "--runtime",
            place / "run", *args)


@ot.test(timeout=60)
def what_was_kept_comes_back_on_a_blank_machine():
    state, db = make_state()
    file, said = back_up(state)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "1 databases" in said.stdout and "left out 1 files that were set aside" in said.stderr, said
    assert "left out 1 links" in said.stderr, said.stderr
    assert not [p for p in ot.directory().iterdir() if "stage" in p.name or "part" in p.name]
    db.execute("DELETE FROM t")
    db.commit()
    place = ot.directory() / "blank" / "machine"
    good(*restore_args(file, place))
    assert rows(place / "sensorhub" / "history.db") == (1000, 100000)
    before = contents(state)
    del before["old.db.damaged-20260101T000000Z"]
    assert contents(place / "sensorhub") == before
    assert (place / "etc" / "sensorhub.yaml").read_bytes() == \
        (ot.SOURCE / "appliances/sensorhub/sensorhub.yaml").read_bytes()
    db.close()


@ot.test(timeout=60)
def the_archive_is_plain_tar_with_a_manifest():
    state, db = make_state()
    file, _ = back_up(state)
    members = unpacked(file)
    manifest = json.loads(members.pop("manifest.json"))
    assert manifest["appliance"] == "sensorhub" and manifest["format"] == 1 and not manifest["secrets"]
    assert {f["path"]: f["sha256"] for f in manifest["files"]} == \
        {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    assert "state/history.db" in members and "state/history.db-wal" not in members
    listed = good("restore", file, "--list").stdout
    assert all(name in listed for name in members) and "sensorhub of 20" in listed, listed
    db.close()


@ot.test(timeout=60)
def what_is_there_already_is_not_overwritten():
    state, db = make_state()
    file, _ = back_up(state)
    place = ot.directory() / "place"
    good(*restore_args(file, place))
    mark = place / "sensorhub" / "mark"
    mark.write_text("newer")
    assert "--force" in refused("is there already", *restore_args(file, place))
    assert mark.read_text() == "newer"
    (place / "etc" / "sensorhub.yaml").write_text("appliance: mine\n")
    good(*restore_args(file, place, "--force"))
    aside = list(place.glob("sensorhub.before-restore-*"))
    assert len(aside) == 1 and (aside[0] / "mark").read_text() == "newer"
    assert rows(place / "sensorhub" / "history.db") == (1000, 100000) and not mark.exists()
    assert [p.read_text() for p in (place / "etc").glob("*before-restore*")] == ["appliance: mine\n"]
    db.close()


@ot.test(timeout=60)
def a_running_appliance_is_left_alone():
    state, db = make_state()
    file, _ = back_up(state)
    place = ot.directory() / "place"
    good(*restore_args(file, place))
    lock = (place / "sensorhub" / "x.db.lock")
    holder = subprocess.Popen(["flock", lock, "cat"], stdin=subprocess.PIPE)
    ot.wait_until(lambda: subprocess.run(["flock", "-n", lock, "true"]).returncode == 1, 5, "the lock is held")
    refused("runs; stop it first", *restore_args(file, place, "--force"))
    holder.stdin.close()
    holder.wait(ot.patient(10))
    good(*restore_args(file, place, "--force"))
    db.close()


def secret_appliance(text):
    """A file of an appliance whose test service has a secret; its program is found beside it."""
    file = ot.directory() / "vault.yaml"
    file.write_text(f"appliance: vault\nservices:\n  one:\n    program: {ot.BUILD}/tests/e2e/outpost-test-service\n"
                    + text)
    return file


@ot.test(timeout=60)
def secrets_stay_out_unless_they_are_asked_for():
    state, db = make_state()
    env = ot.directory() / "environment"
    env.write_text(f"TOKEN={SECRET}\n")
    file = ot.directory() / "b.tar.zst"
    for text, kept in ((f"    secret: {SECRET}\n    url: x\n", "secret: \"***\"\n    url: x\n"),
                       (f"    secret:   '{SECRET}'  # ours\n", "secret:   \"***\"  # ours\n"),
                       (f"    secret: \"{SECRET} # no comment\"\n", "secret: \"***\"\n"),
                       (f"    secret: {SECRET} # ours\n\n    url: y\n", "secret: \"***\" # ours\n"),
                       (f"    secret: >\n      {SECRET}\n", None),
                       (f"    secret: {SECRET}\n      and more\n", None),
                       (f"    secret: &x {SECRET}\n", None),
                       (f"    secret: {SECRET}\n    # was {SECRET}\n", None),
                       ("    url: harmless\n", "    url: harmless\n")):
        yaml = secret_appliance(text)
        said = good("backup", file, yaml, "--state", state, "--env", env)
        members = unpacked(file)
        assert SECRET not in said.stdout + said.stderr
        assert not any(SECRET.encode() in data for data in members.values()), text
        found = members.get("settings/vault.yaml", b"").decode()
        assert found.endswith(kept) or kept in found if kept else not found, f"{text!r}: {found!r}"
        assert ("is left out" in said.stderr) == (kept is None), said.stderr
        good("backup", file, yaml, "--state", state, "--env", env, "--secrets")
        members = unpacked(file)
        assert members["settings/vault.yaml"].decode() == yaml.read_text()
        assert members["settings/environment"].decode() == env.read_text()
    place = ot.directory() / "with-secrets"
    good(*restore_args(file, place))
    restored = place / "etc" / "vault.env"
    assert SECRET in restored.read_text() and stat.S_IMODE(restored.stat().st_mode) == 0o600
    db.close()


@ot.test(timeout=60)
def secrets_in_lists_and_below_the_environment_stay_out():
    state, db = make_state()
    yaml, file = ot.directory() / "vault.yaml", ot.directory() / "b.tar.zst"
    head = "appliance: vault\nenvironment: {URL: services.alerts.channels.0.url}\nservices:\n  alerts:\n"
    for one in (f"      - {{name: a, url: \"https://{SECRET}/1\"}}\n      - {{name: b, url: https://{SECRET}/2}}\n",
                f"      - name: a\n        url: https://{SECRET}/1 # ours\n      - {{url: 'https://{SECRET}/2', name: b}}\n",
                f"      - {{name: a, url: https://{SECRET}/1}}\n      - name: b\n        url: \"https://{SECRET}/2\"\n"):
        yaml.write_text(head + "    channels:\n" + one)
        good("backup", file, yaml, "--state", state, env={"URL": "https://other.example/"})
        found = unpacked(file)["settings/vault.yaml"].decode()
        assert SECRET not in found and found.count('url: "***"') == 2 and "name: b" in found, found
    db.close()


@ot.test(timeout=60)
def an_archive_within_the_state_is_refused():
    state, db = make_state()
    before = contents(state)
    for file in (state / "b.tar.zst", state / "evidence" / "b.tar.zst"):
        refused(f"{file} is within {state}, which it is to hold", "backup", file, "sensorhub", "--state", state)
    assert contents(state) == before
    good("backup", f"{state}.tar.zst", "sensorhub", "--state", state)  # beside it, with a name that begins alike
    db.close()


@ot.test(timeout=60)
def the_temperature_monitors_settings_are_in_it():
    state, db = make_state()
    yaml, file = ot.SOURCE / "appliances/temp-monitor/temp-monitor.yaml", ot.directory() / "b.tar.zst"
    said = good("backup", file, yaml, "--state", state, env={"BEARER_TOKEN": SECRET})
    assert "left out: it may hold" not in said.stderr and "secrets in the settings" not in said.stderr, said
    assert unpacked(file)["settings/temp-monitor.yaml"] == yaml.read_bytes()
    # As a user that has a home, not as root.
    if os.geteuid() == 0:
        os.chmod(ot.directory(), 0o755)
        place = ot.directory() / "user"
        (place / "kept").mkdir(parents=True)
        os.chown(place, 65534, 65534)
        try:
            done = subprocess.run([ot.OUTPOST, "backup", place / "b.tar.zst", "sensorhub", "--state", place / "kept"], user=65534,
                                  group=65534, extra_groups=[], capture_output=True, text=True, timeout=ot.patient(30))
        except PermissionError:
            done = None  # this user cannot reach the tree
        assert not done or (done.returncode == 0 and "left out: it may" not in done.stderr), done
    # A token in the file itself is a secret, required though it be of the environment.
    ours = ot.directory() / "ours.yaml"
    ours.write_text(yaml.read_text().replace("  web:\n", f"  web:\n    token: {SECRET}\n"))
    good("backup", file, ours, "--state", state)
    kept = unpacked(file)["settings/temp-monitor.yaml"].decode()
    assert SECRET not in kept and '    token: "***"\n' in kept, kept
    db.close()


def unchanged(place, before):
    after = {str(p): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert after == before, set(after) ^ set(before)
    left = [p for p in place.iterdir() if "restore-" in p.name]
    assert not left, left


@ot.test(timeout=120)
def a_bad_archive_changes_nothing():
    state, db = make_state()
    sound, _ = back_up(state)
    place = ot.directory() / "place"
    good(*restore_args(sound, place))
    before = {str(p): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    whole, bad = sound.read_bytes(), ot.directory() / "bad.tar.zst"

    def check(what, data=None):
        if data is not None:
            bad.write_bytes(data)
        refused(what, *restore_args(bad, place, "--force"))
        unchanged(place, before)
    for size in (0, 1, 10, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        check("", whole[:size])
    check("not a backup of Outpost", b"#!/bin/sh\necho hello\n" * 100)
    for at in range(50, len(whole), max(1, len(whole) // 40)):
        check("nothing was changed", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
    files = {"state/a": b"one", "settings/sensorhub.yaml": b"appliance: sensorhub\n"}

    def archive(manifest, members, kinds=None):
        pack(bad, {"manifest.json": manifest, **members}, kinds)
    pack(bad, files)
    check("not a backup of Outpost")
    archive(manifest_of(files, format=2), files)
    check("newer version")
    archive(manifest_of(files), {"state/a": b"two", "settings/sensorhub.yaml": files["settings/sensorhub.yaml"]})
    check("damaged")
    archive(manifest_of(files), {"state/a": b"one"})
    check("missing")
    archive(manifest_of(files), {**files, "state/b": b"extra"})
    check("not in its manifest")
    for name in ("../evil", "state/../../evil", "/tmp/evil", "state//x", "evil", "state/./x", "state/x\n"):
        archive(manifest_of({name: b"x"}), {name: b"x"})
        check("makes no sense")
        archive(manifest_of(files), {**files, name: b"x"})
        check("not in its manifest")
    for kind, link in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "state/a"), (tarfile.DIRTYPE, ""),
                       (tarfile.FIFOTYPE, "")):
        archive(manifest_of({"state/a": b""}), {"state/a": b""}, {"state/a": (kind, link)})
        check("not a file")
    archive(manifest_of(files, appliance="../../etc"), files)
    check("makes no sense")
    archive(b"{" * 100000, files)
    check("makes no sense")
    assert not pathlib.Path("/tmp/evil").exists() and not (ot.directory() / "evil").exists()
    db.close()


@ot.test(timeout=60)
def a_full_disk_leaves_nothing_half():
    if ot.sanitized("outpost-backup"):
        raise ot.Skip("nothing can be loaded before AddressSanitizer")
    state, db = make_state()
    target = ot.directory() / "target"
    target.mkdir()
    shim = ot.Shim(target)
    shim.set(full=True)
    done = outpost("backup", target / "b.tar.zst", "sensorhub", "--state", state, env=shim.env())
    assert done.returncode == 1 and "No space" in done.stderr, done
    assert not list(target.iterdir())
    shim.clear()
    good("backup", target / "b.tar.zst", "sensorhub", "--state", state, env=shim.env())
    (target / "place").mkdir()
    shim.set(full=True)
    done = outpost(*restore_args(target / "b.tar.zst", target / "place"), env=shim.env())
    assert done.returncode == 1 and "No space" in done.stderr, done
    assert not list((target / "place").iterdir())
    db.close()


@ot.test(timeout=60)
def an_interrupted_one_leaves_nothing():
    state, db = make_state()
    (state / "large").write_bytes(os.urandom(150_000_000))
    target = ot.directory() / "target"
    target.mkdir()
    with ot.Process(ot.OUTPOST, "backup", target / "b.tar.zst", "sensorhub", "--state", state) as running:
        ot.wait_until(lambda: list(target.glob("*.stage-*")), 10, "it has begun")
        running.signal(signal.SIGINT)
        assert running.wait() == 1 and "stopped" in running.output("err")[-1], running.output()
    assert not list(target.iterdir())
    db.close()


def tables(path):
    """{table: set of rows} of what the recorder stored."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    names = [n for n, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {n: set(db.execute(f'SELECT * FROM "{n}"')) for n in names if n not in ("clocks", "sqlite_sequence")}
    db.close()
    return found


def chunks_in(box):
    try:
        return len(tables(box.state / "history.db")["chunks"])
    except (sqlite3.Error, KeyError):
        return 0  # not there yet


@ot.test(timeout=120)
def the_history_of_a_running_hub_comes_back_and_goes_on():
    file, place = ot.directory() / "hub.tar.zst", ot.directory() / "blank"
    with ot.Outpost(sets=QUICK) as box:
        ot.wait_until(lambda: chunks_in(box) >= 4, 40, "the recorder has stored something")
        before = chunks_in(box)
        good("backup", file, "sensorhub", "--state", box.state)
        refused("runs; stop it first", "restore", file, "--state", box.state, "--runtime", box.runtime, "--force",
                "--settings", place / "etc")
    good("restore", file, "--state", place / "state", "--settings", place / "etc", "--runtime", place / "runtime")
    whole, kept = tables(box.state / "history.db"), tables(place / "state" / "history.db")
    assert len(kept["chunks"]) >= before and any(kept[n] for n in kept if n.startswith("rows_")), kept.keys()
    for name, found in kept.items():
        assert found <= whole[name], name
    assert kept["boots"] == whole["boots"], (kept["boots"], whole["boots"])
    with ot.Outpost(base=place, sets=QUICK) as box:
        ot.wait_until(lambda: chunks_in(box) > len(kept["chunks"]), 40, "the recorder goes on")
    assert kept["chunks"] <= tables(place / "state" / "history.db")["chunks"]


@ot.test(timeout=60)
def mistakes_are_told():
    state, db = make_state()
    refused("FILE is missing", "backup", status=2)
    refused("FILE is missing", "restore", status=2)
    refused("name or FILE.yaml is missing", "backup", ot.directory() / "x", "--state", state)
    refused("No such file", "restore", ot.directory() / "nothing.tar.zst")
    refused("no appliance", "backup", ot.directory() / "x", "nonesuch", "--state", state)
    refused("--state", "backup", ot.directory() / "x", "sensorhub", "--state", ot.directory() / "none")
    refused("No such file", "backup", ot.directory() / "no" / "x", "sensorhub", "--state", state)
    db.close()


@ot.test(timeout=60)
def progress_is_drawn_on_a_terminal_only():
    state, db = make_state()
    (state / "large").write_bytes(os.urandom(60_000_000))
    file, said = back_up(state)
    assert "%" not in said.stderr and "\r" not in said.stderr
    master, slave = pty.openpty()
    shown = []
    reader = threading.Thread(target=lambda: shown.extend(iter(lambda: read_end(master), b"")), daemon=True)
    reader.start()
    subprocess.run([ot.OUTPOST, *restore_args(file, ot.directory() / "place")], stderr=slave, check=True,
                   stdout=subprocess.DEVNULL)
    os.close(slave)
    reader.join(ot.patient(10))
    assert b"%" in b"".join(shown), shown
    db.close()


def read_end(master):
    try:
        return os.read(master, 4096)
    except OSError:
        return b""


ot.main()
