# memory.py - what the whole sensor hub keeps in memory while 20 browsers watch it.
#
# PSS (proportional set size, /proc/PID/smaps_rollup) of `outpost run` and every service below it,
# the simulated board not counted, after SECONDS (60) with 20 WebSocket clients at 20 frames/s.
# The figures count only if the clients were really served, which is checked.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import collections
import json
import os
import pathlib
import selectors

import outpost_test as ot

CLIENTS = 20
RATE = 20  # frames/s per client
SECONDS = int(os.environ.get("SECONDS") or 60)
BAR_MB = 25


def say(metric, value, unit, bar=None):
    print(json.dumps({"bench": "memory", "metric": metric, "value": value, "unit": unit, "bar": bar,
                      "peer": {}}), flush=True)


def pss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no Pss")


def alone_mb(pids):
    """The same of several processes as if no other ran on the machine, which may share libraries with them: what is
    their own, and of each file the most that one of them has in memory, once."""
    own, files = 0, collections.Counter()
    for pid in pids:
        mapped, path = collections.Counter(), ""
        for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                path = words[5] if len(words) > 5 else ""
            elif words[0] == "Rss:":
                mapped[path] += int(words[1])
            elif words[0] == "Anonymous:":
                mapped[path] -= int(words[1])
                own += int(words[1])
        for path, kib in mapped.items():
            files[path] = max(files[path], kib)
    return (own + sum(files.values())) / 1024


def family(pid):
    """The process and all below it, whichever of its threads started them: {pid: name}."""
    found = {pid: os.path.basename(os.readlink(f"/proc/{pid}/exe"))}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= family(int(child))
    return found


def watch(clients, seconds):
    """Reads from all clients for so long; frames counted by the bytes of their headers' ids."""
    deadline, frames = ot.Deadline(seconds), 0
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.sock, selectors.EVENT_READ, client)
        while not deadline.over():
            for key, _ in selector.select(deadline.left()):
                kind, _message = key.data.recv()
                frames += kind == ot.BINARY
                while len(key.data.buffer) > 4096:  # what came together with it
                    frames += key.data.recv()[0] == ot.BINARY
    return frames


@ot.test(timeout=SECONDS + 60)
def memory():
    with ot.Outpost("sensorhub", sets=[f"services.web.max_clients={2 * CLIENTS}"]) as box:
        clients = [ot.WebSocket(box.url.replace("http", "ws") + "ws") for _ in range(CLIENTS)]
        for client in clients:
            client.subscribe("pbt.sample", rate=RATE)
        frames = watch(clients, SECONDS)
        names = family(box.pid)
        sizes = {pid: pss_mb(pid) for pid, name in names.items() if "-sim-" not in name}
        for client in clients:
            client.close()
    for pid, mb in sorted(sizes.items()):
        say(f"pss_{names[pid].replace('outpost-', '')}", round(mb, 2), "MB")
    say("pss_total", round(sum(sizes.values()), 2), "MB", BAR_MB)
    share = frames / (SECONDS * RATE * CLIENTS)
    say("frames_served", round(share, 3), "share", 0.9)


if __name__ == "__main__":
    ot.bench(memory)
