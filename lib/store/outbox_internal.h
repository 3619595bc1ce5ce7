/*
 * outbox_internal.h - what the files of the outbox share; and its time, which tests bring along.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_OUTBOX_INTERNAL_H
#define OUTPOST_STORE_OUTBOX_INTERNAL_H

#include <outpost/outbox.h>

#include "lib/store/clock.h"
#include "lib/store/db.h"

extern const struct op_db_schema outbox_schema;

/* items.dead */
enum outbox_dead { OUTBOX_WAITS, OUTBOX_DIED, OUTBOX_EXPIRED };

/* Where time comes from. */
struct outbox_source {
	char boot_id[64];
	void (*look)(struct op_clock_sight *ret);
};

struct op_outbox {
	struct op_db *db;
	struct op_outbox_limits limits;
	struct outbox_source source;
	struct op_clock clock;
	struct op_clock_sight now;
	int64_t boot;      /* number of this boot in boots; 0: it has no row yet */
	uint64_t sweep_ns; /* when expired items were last looked for */
	bool read_only;
	bool durable;       /* commits wait for the medium (PRAGMA synchronous) */
	void *body;         /* of the item last given */
	struct op_buf note; /* of a database set aside */
};

/* outbox.c: as op_outbox_open, with a time of one's own. */
int op_outbox_open_with(const char *path, const struct op_outbox_limits *limits,
			const struct outbox_source *source, struct op_outbox **ret,
			struct op_buf *note) OP_MUST_CHECK;

/* A change: begun, then committed or rolled back. Without durable the commit is there after a crash
 * of the program, but may not be after a power cut. */
int outbox_begin(struct op_outbox *o, bool durable) OP_MUST_CHECK;
/* Commits if r is 0, else rolls back; the error, if any. */
int outbox_end(struct op_outbox *o, int r) OP_MUST_CHECK;
/* True if r says that the database is damaged and a new one could be begun: do it again. */
bool outbox_renewed(struct op_outbox *o, int r);

/* A statement with its parameters: 'i' int64_t, 't' text or NULL. NULL: see outbox_error. */
sqlite3_stmt *outbox_bind(struct op_outbox *o, const char *sql, const char *types, ...);
int outbox_error(struct op_outbox *o);
/* Runs it to its end; *ret_changed (may be NULL): rows. */
int outbox_run(struct op_outbox *o, sqlite3_stmt *s, int64_t *ret_changed) OP_MUST_CHECK;
/* The first column of the first row; 1, 0 (no row) or an error. */
int outbox_get(struct op_outbox *o, sqlite3_stmt *s, int64_t *ret) OP_MUST_CHECK;

/* outbox_time.c */
int outbox_source_system(struct outbox_source *ret) OP_MUST_CHECK;
/* Looks at the clocks and stores what became known of them. */
int outbox_time_look(struct op_outbox *o) OP_MUST_CHECK;
/* o->boot is the number of this boot, whose row is made if need be; inside a change. */
int outbox_time_boot(struct op_outbox *o) OP_MUST_CHECK;
/* Declares dead what has certainly expired; at most once a second unless now. */
int outbox_time_sweep(struct op_outbox *o, bool now) OP_MUST_CHECK;
/* Boot time in a column, which is signed. */
int64_t outbox_ns(uint64_t ns);

/* outbox_send.c: columns of OUTBOX_ITEM_COLUMNS, from the first. */
#define OUTBOX_ITEM_COLUMNS                                                                 \
	" items.id, queues.name, items.key, items.content_type, items.about, items.bytes,"  \
	" items.priority, items.tried, items.attempts, items.created_ns + boots.offset_ns," \
	" items.due_boot, items.due_ns, items.error, items.dead, items.life_boot,"          \
	" items.expires_ns"
#define OUTBOX_ITEM_FROM \
	" FROM items JOIN queues ON queues.id = items.queue JOIN boots ON boots.id = items.boot"
void outbox_item_read(struct op_outbox *o, sqlite3_stmt *s, struct op_outbox_item *ret);

#endif
