#!/usr/bin/env python3
"""Print the records of a live topic as JSON lines.

    read_topic.py BUS_DIRECTORY TOPIC [--last N] [--count N]

Written from outpost-bus(7) alone and from nothing but Python's standard library, as an example of
how a program in another language reads a topic. Each line has the record's sequence number, its
boot-clock stamp and its fields, and `missed`, the records lost so far because this program was too slow.

SPDX-FileCopyrightText: The Outpost authors
SPDX-License-Identifier: MIT
"""
import argparse
import json
import mmap
import os
import struct
import sys
import threading
import time

HEADER = struct.Struct("=8sIIQIIQIIQQQQQQ64s")
HEADER_NAMES = ("magic version schema_bytes schema_hash record_bytes stride capacity rate_mhz max_age_ms "
                "writer_offset reader_offset data_offset file_bytes first_seq created_boot_ns name").split()
SCHEMA_OFFSET = 256
BEGIN, PUBLISHED, RETIRED = 0, 8, 72  # from writer_offset
CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q",
         "f32": "f", "f64": "d", "enum": "B"}
LOOK_S = 0.005  # between two looks when there is nothing new

_held = threading.Lock()
_held.acquire()


def fence():
    """Loads before stay before, loads after stay after: giving a lock back and taking it again
    orders both, on machines that reorder loads too."""
    _held.release()
    _held.acquire()


class Topic:
    """One topic file, open for reading. Raises FileNotFoundError if there is none, ValueError if
    the file is not a topic."""

    def __init__(self, directory, name):
        with open(os.path.join(directory, name), "rb") as f:
            size = os.fstat(f.fileno()).st_size
            if size < SCHEMA_OFFSET:
                raise ValueError(f"{name}: too short for a topic")
            self.map = mmap.mmap(f.fileno(), size, prot=mmap.PROT_READ)
        self.__dict__.update(zip(HEADER_NAMES, HEADER.unpack_from(self.map)))
        if self.magic != b"OPTOPIC1" or self.version != 1 or self.file_bytes != size \
                or self.data_offset + self.capacity * self.stride != size \
                or self.capacity & (self.capacity - 1) or self.stride < 8 + self.record_bytes:
            raise ValueError(f"{name}: not a topic of version 1")
        schema = json.loads(self.map[SCHEMA_OFFSET:SCHEMA_OFFSET + self.schema_bytes])
        self.fields = [self._field(f) for f in schema["fields"]]
        self.missed = 0
        self.cursor = self.published()

    @staticmethod
    def _field(f):
        code = f"{f['bytes']}s" if f["type"] == "text" else CODES[f["type"]]
        return f["name"], f["type"], f["offset"], struct.Struct("=" + code), f.get("labels")

    def _counter(self, offset):
        """Eight bytes; a machine of 32 bits may load them in halves, so look until two looks agree."""
        at, value = self.writer_offset + offset, None
        while True:
            again, = struct.unpack_from("=Q", self.map, at)
            if again == value:
                fence()
                return value
            value = again

    def published(self):
        return self._counter(PUBLISHED)

    def retired(self):
        value, = struct.unpack_from("=I", self.map, self.writer_offset + RETIRED)
        fence()
        return value != 0

    def oldest(self):
        return max(self._counter(BEGIN) - self.capacity, self.first_seq)

    def rewind(self, n):
        """Place the cursor back by up to n records, as far as the ring goes."""
        end = self.published()
        self.cursor = min(max(end - n, self.oldest()), end)

    def _skip_to(self, seq):
        if seq > self.cursor:
            self.missed += seq - self.cursor
            self.cursor = seq

    def read(self):
        """The records not read yet: [(seq, boot_ns, record bytes)]; missed says what was lost."""
        end = self.published()
        self._skip_to(min(self.oldest(), end))
        first, records = self.cursor, []
        for seq in range(first, min(end, first + 1024)):
            at = self.data_offset + seq % self.capacity * self.stride
            records.append((seq, self.map[at:at + 8 + self.record_bytes]))
        fence()
        self._skip_to(min(self.oldest(), first + len(records)))
        whole = records[self.cursor - first:]
        self.cursor = first + len(records)
        return [(seq, struct.unpack_from("=Q", slot)[0], slot[8:]) for seq, slot in whole]

    def values(self, record):
        """A record's fields by name."""
        result = {}
        for name, kind, offset, code, labels in self.fields:
            value, = code.unpack_from(record, offset)
            if kind == "text":
                value = value.split(b"\0")[0].decode(errors="replace")
            elif kind == "enum" and value < len(labels):
                value = labels[value]
            elif isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
                value = None  # JSON knows no others
            result[name] = value
        return result


def follow(directory, name, last):
    """Every record from now on, and up to `last` before: (topic, seq, boot_ns, record). Goes on through
    restarts of the writer, and through new files when the schema changes."""
    topic, at, missed = None, None, 0
    while True:
        if topic is None:
            try:
                topic = Topic(directory, name)
            except FileNotFoundError:
                time.sleep(LOOK_S)
                continue
            if topic.retired():  # its successor is not there yet
                topic = None
                time.sleep(LOOK_S)
                continue
            topic.missed = missed
            if at is None:
                topic.rewind(last)
            else:
                topic.cursor = at  # where the old file ended
        records = topic.read()
        for seq, boot_ns, record in records:
            yield topic, seq, boot_ns, record
        if records:
            continue
        if topic.retired() and topic.published() == topic.cursor:
            topic, at, missed = None, topic.cursor, topic.missed
        else:
            time.sleep(LOOK_S)


def main():
    parser = argparse.ArgumentParser(description="Print the records of a topic as JSON lines.")
    parser.add_argument("directory", help="/run/outpost/APPLIANCE/bus")
    parser.add_argument("topic")
    parser.add_argument("--last", type=int, default=0, help="begin with up to this many older records")
    parser.add_argument("--count", type=int, default=0, help="end after this many records")
    args = parser.parse_args()
    if not os.path.isdir(args.directory):
        raise ValueError(f"{args.directory} is no directory: no appliance runs there (see `outpost status`)")
    if not os.path.exists(os.path.join(args.directory, args.topic)):
        print(f"read_topic.py: {args.topic} is not there yet, waiting; there are: "
              + " ".join(sorted(n for n in os.listdir(args.directory) if n[0] != ".")), file=sys.stderr)
    for number, (topic, seq, boot_ns, record) in enumerate(follow(args.directory, args.topic, args.last), 1):
        line = {"topic": args.topic, "seq": seq, "boot_ns": boot_ns, "missed": topic.missed}
        print(json.dumps(line | topic.values(record)), flush=True)
        if number == args.count:
            return


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    except (OSError, ValueError) as error:
        sys.exit(f"read_topic.py: {error}")
