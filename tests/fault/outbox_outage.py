# outbox_outage.py - destinations that are dead for days, while the sender is killed again and again.
#
# A real sender (tests/lib/sender.c) puts an item into each of its queues every few minutes. One
# destination refuses connections, one hangs, one answers 503, one resets. Time leaps over what nobody
# needs to wait for, so that 72 hours pass in a minute or two; the process is killed at random instants and
# the next one goes on from there. Then the destinations come back. What was taken must then have
# arrived, once by key and in order, or have been counted as evicted by the cap.
#
# SPDX-FileCopyrightText: The Outpost authors
# SPDX-License-Identifier: MIT
import json
import random
import signal
import socket
import struct
import time

import outpost_test as ot
import receivers as rx

HOURS, RESTARTS = (72, 20) if ot.full() else (6, 5)
EVERY_S = 600
CAP = HOURS * 3600 // EVERY_S // 2  # half of what is put is too much for the queues that are dead


class Clock:
    """The file by which the sender's clocks are ahead (see sender.c)."""

    def __init__(self):
        self.path = ot.directory() / "clock"
        self.path.write_bytes(struct.pack("<q", 0))

    def now_s(self):
        return time.clock_gettime(time.CLOCK_BOOTTIME) + struct.unpack("<q", self.path.read_bytes())[0] / 1e9


class Refused:
    """A port where nobody listens and that nobody else gets."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]


def collect(sender, taken, sizes):
    """What this process has said, whole lines only: keys taken per queue, memory by the hour."""
    for line in sender.p.output("out"):
        try:
            said = json.loads(line)
        except ValueError:
            continue  # killed while it wrote
        if said.get("error") == 0 and "put" in said:
            taken[said["queue"]].append(said["put"])
        elif "counts" in said:
            sizes.append(said["rss_kib"])


def outage(targets, config, clock, until_s, taken, sizes):
    """Runs the sender until until_s of its time, killing it RESTARTS times on the way."""
    begin = clock.now_s()
    last = begin + 0.9 * (until_s - begin)  # not while it ends by itself
    kills = sorted(random.uniform(begin, last) for _ in range(RESTARTS))
    for at in kills + [None]:
        with rx.Sender(*targets, clock=clock.path, until_s=until_s, every_s=EVERY_S, **config) as s:
            if at is None:
                assert s.p.wait(300) == 0, s.p.output()[-20:]
            else:
                ot.wait_until(lambda: clock.now_s() >= at or s.p.proc.poll() is not None, 300, "time passes")
                assert s.p.proc.poll() is None, s.p.output()[-20:]
                s.p.signal(signal.SIGKILL)
                s.p.wait()
            collect(s, taken, sizes)


def recovery(targets, config, clock, queues):
    """The destinations are back: everything is carried out."""
    with rx.Sender(*targets, clock=clock.path, **config) as s:
        for queue in queues:
            s.wait_counts(queue, timeout=120, waiting=0)
        return s.counts()


def check(queue, taken, got, counts, restarts):
    firsts = list(dict.fromkeys(key for key in got))
    missing = [key for key in taken if key not in set(firsts)]
    assert len(missing) <= counts["evicted"], f"{queue}: {len(missing)} lost, {counts}"
    assert missing == taken[:len(missing)], f"{queue}: others than the oldest are missing"
    assert counts["taken"] == counts["delivered"] + counts["evicted"], f"{queue}: {counts}"
    assert counts["died"] == counts["expired"] == counts["waiting"] == 0, f"{queue}: {counts}"
    # Put, but killed before it could say so: those may arrive on top.
    assert len(set(firsts) - set(taken)) <= restarts, f"{queue}: {set(firsts) - set(taken)}"
    assert firsts == sorted(firsts, key=lambda key: int(key.split("-")[1])), f"{queue}: out of order"
    return len(firsts), len(missing)


def delivered_keys(receiver, path, since):
    return [g.headers["Idempotency-Key"] for g in receiver.got[since:] if g.path == path]


@ot.test(timeout=2400 if ot.full() else 240)
def nothing_is_lost_in_a_long_outage():
    random.seed(72)
    clock, refused = Clock(), Refused()
    taken, sizes = {q: [] for q in ("refused", "hangs", "503", "resets", "up")}, []
    with rx.Receiver({"/hangs": rx.hangs, "/503": 503, "/resets": rx.resets()}) as r:
        ports = {"refused": refused.port}
        targets = [{"queue": q, "url": f"http://127.0.0.1:{ports.get(q, r.port)}/{q}", "read_timeout_ms": 40 if q == "hangs" else 2000} for q in taken]
        config = {"max_items": CAP, "boot_id": "the-only-boot"}
        outage(targets, config, clock, clock.now_s() + HOURS * 3600, taken, sizes)
        during, back = len(r.got), len(r.got)
        assert set(delivered_keys(r, "/up", 0)) >= set(taken["up"][:-1]), "the live queue waited"
        r.over.set()  # those who hang may go
        refused.sock.close()
        with rx.Receiver(port=refused.port) as late:
            r.answers.clear()
            counts = recovery([{**t, "read_timeout_ms": 10000} for t in targets], config, clock, taken)
            for queue, keys in taken.items():
                got = delivered_keys(late, "/refused", 0) if queue == "refused" else \
                    delivered_keys(r, f"/{queue}", 0 if queue == "up" else back)
                if queue == "up":  # what a kill made it send twice carries the same key
                    assert len(got) - len(set(got)) <= RESTARTS, "too many sent twice"
                arrived, missing = check(queue, keys, got, counts[queue], RESTARTS)
                print(f"{queue}: {len(keys)} taken, {arrived} arrived, {missing} evicted, "
                      f"{counts[queue]['failed']} attempts failed")
            if not ot.sanitized("tests/test-sender"):
                assert max(sizes[len(sizes) // 2:]) <= max(sizes[:len(sizes) // 2]) + 1024, sizes
            print(f"{HOURS} h, {RESTARTS} restarts, {during} requests while dead, memory {min(sizes)} to "
                  f"{max(sizes)} KiB")


ot.main()
