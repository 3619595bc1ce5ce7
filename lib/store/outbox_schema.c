/*
 * outbox_schema.c - the tables of an outbox, as SQL. Described in outpost-store(7).
 *
 * Bodies stand apart, so that a failed attempt does not write them again. Triggers count, so that
 * the sums hold whoever changes the tables.
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
	/* dead: 0 waits, 1 died, 2 expired; life_ns NULL: for ever. Numbers of items are never
	 * used again, for an attempt may outlive its item. */
	"CREATE TABLE items(id INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL,"
	" dead INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL, key TEXT NOT NULL,"
	" boot INTEGER NOT NULL, created_ns INTEGER NOT NULL,"
	" life_boot INTEGER NOT NULL, life_ns INTEGER, expires_ns INTEGER,"
	" due_boot INTEGER NOT NULL DEFAULT 0, due_ns INTEGER NOT NULL DEFAULT 0,"
	" tried INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, content_type TEXT NOT NULL, about TEXT NOT NULL,"
	" error TEXT NOT NULL DEFAULT '');"
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
	" WHERE id = NEW.queue; END;",
};

const struct op_db_schema outbox_schema = {
	.name = "outbox",
	.id = 0x4F70534F, /* "OpSO" */
	.steps = steps,
	.n_steps = OP_ARRAY_SIZE(steps),
};
