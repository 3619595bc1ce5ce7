/*
 * outbox_schema.c - the tables of an outbox, as SQL. Described in outpost-store(7).
 *
 * A change writes as many pages as tables and indexes it touches, so there are few of them: small
 * bodies stand in their item's row, and only large ones apart, so that a failed attempt does not
 * write them again. Triggers count, so that the sums hold whoever changes the tables.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/outbox_internal.h"

static const char *const steps[] = {
	/* offset_ns: wall = boot time + offset; NULL while the wall clock is not known */
	"CREATE TABLE boots(id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE,"
	" offset_ns INTEGER);"
	"CREATE TABLE queues(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" waiting INTEGER NOT NULL DEFAULT 0, waiting_bytes INTEGER NOT NULL DEFAULT 0,"
	" dead INTEGER NOT NULL DEFAULT 0, dead_bytes INTEGER NOT NULL DEFAULT 0,"
	" taken INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,"
	" failed INTEGER NOT NULL DEFAULT 0, died INTEGER NOT NULL DEFAULT 0,"
	" expired INTEGER NOT NULL DEFAULT 0, evicted INTEGER NOT NULL DEFAULT 0,"
	" retried INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,"
	" forgotten INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0);"
	/* id: how many were taken with it, by all queues, and so never used again: an attempt may
	 * outlive its item. dead: 0 waits, 1 died, 2 expired; life_ns NULL: for ever; body NULL: it
	 * is in bodies. */
	"CREATE TABLE items(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL,"
	" dead INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL, key TEXT NOT NULL,"
	" boot INTEGER NOT NULL, created_ns INTEGER NOT NULL,"
	" life_boot INTEGER NOT NULL, life_ns INTEGER, expires_ns INTEGER,"
	" due_boot INTEGER NOT NULL DEFAULT 0, due_ns INTEGER NOT NULL DEFAULT 0,"
	" tried INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, content_type TEXT NOT NULL, about TEXT NOT NULL,"
	" error TEXT NOT NULL DEFAULT '', body BLOB);"
	"CREATE TABLE bodies(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
	"CREATE UNIQUE INDEX items_key ON items(queue, key);"
	"CREATE INDEX items_turn ON items(queue, dead, priority DESC, id);"
	"CREATE INDEX items_life ON items(life_boot, expires_ns) WHERE dead = 0 AND life_ns > 0;"
	"CREATE TRIGGER item_taken AFTER INSERT ON items BEGIN"
	" UPDATE queues SET taken = taken + 1, waiting = waiting + 1,"
	" waiting_bytes = waiting_bytes + NEW.bytes WHERE id = NEW.queue; END;"
	"CREATE TRIGGER item_gone AFTER DELETE ON items BEGIN"
	" DELETE FROM bodies WHERE id = OLD.id;"
	" UPDATE queues SET waiting = waiting - (OLD.dead = 0),"
	" waiting_bytes = waiting_bytes - OLD.bytes * (OLD.dead = 0),"
	" dead = dead - (OLD.dead > 0), dead_bytes = dead_bytes - OLD.bytes * (OLD.dead > 0),"
	" forgotten = forgotten + (OLD.dead > 0) WHERE id = OLD.queue; END;"
	"CREATE TRIGGER item_died AFTER UPDATE OF dead ON items"
	" WHEN OLD.dead = 0 AND NEW.dead > 0 BEGIN"
	" UPDATE queues SET waiting = waiting - 1, waiting_bytes = waiting_bytes - NEW.bytes,"
	" dead = dead + 1, dead_bytes = dead_bytes + NEW.bytes,"
	" died = died + (NEW.dead = 1), expired = expired + (NEW.dead = 2)"
	" WHERE id = NEW.queue; END;"
	"CREATE TRIGGER item_retried AFTER UPDATE OF dead ON items"
	" WHEN OLD.dead > 0 AND NEW.dead = 0 BEGIN"
	" UPDATE queues SET waiting = waiting + 1, waiting_bytes = waiting_bytes + NEW.bytes,"
	" dead = dead - 1, dead_bytes = dead_bytes - NEW.bytes, retried = retried + 1"
	" WHERE id = NEW.queue; END;"
	"CREATE VIEW outbox AS SELECT items.id, queues.name AS queue, CASE items.dead WHEN 0 THEN"
	" 'waiting' WHEN 1 THEN 'dead' ELSE 'expired' END AS state, priority, key, about,"
	" datetime((created_ns + offset_ns) / 1000000000, 'unixepoch') AS created, tried, attempts,"
	" error, content_type, coalesce(items.body, bodies.body) AS body FROM items"
	" JOIN queues ON queues.id = queue JOIN boots ON boots.id = boot"
	" LEFT JOIN bodies ON bodies.id = items.id"
	" ORDER BY queues.name, items.dead > 0, priority DESC, items.id;",
};

const struct op_db_schema outbox_schema = {
	.name = "outbox",
	.id = 0x4F70534F, /* "OpSO" */
	.steps = steps,
	.n_steps = OP_ARRAY_SIZE(steps),
};
