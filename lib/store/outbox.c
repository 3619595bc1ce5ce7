/*
 * outbox.c - an outbox as a database: opened, changed, begun anew when it is damaged.
 *
 * Whose thread it is, it belongs to. What an attempt came to is committed with synchronous=NORMAL
 * (no fsync), what must not be lost with FULL: the next FULL commit takes all before it along.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "lib/store/outbox_internal.h"

#define DEFAULT_ITEMS 1000
#define DEFAULT_BYTES (16ULL << 20)

/* ---- statements ------------------------------------------------------------------------ */

int outbox_error(struct op_outbox *o)
{
	int r = op_db_run(o->db, NULL);
	return r < 0 ? r : -EIO;
}

static bool bind_all(sqlite3_stmt *s, const char *types, va_list args)
{
	bool fine = true;
	for (int i = 0; fine && types[i]; i++) {
		if (types[i] == 'i') {
			fine = sqlite3_bind_int64(s, i + 1, va_arg(args, int64_t)) == SQLITE_OK;
		} else {
			const char *text = va_arg(args, const char *);
			fine = sqlite3_bind_text(s, i + 1, text, -1, SQLITE_STATIC) == SQLITE_OK;
		}
	}
	return fine;
}

sqlite3_stmt *outbox_bind(struct op_outbox *o, const char *sql, const char *types, ...)
{
	va_list args;
	sqlite3_stmt *s = op_db_statement(o->db, sql);
	va_start(args, types);
	bool fine = s && bind_all(s, types, args);
	va_end(args);
	return fine ? s : NULL;
}

int outbox_run(struct op_outbox *o, sqlite3_stmt *s, int64_t *ret_changed)
{
	int r = s ? op_db_run(o->db, s) : outbox_error(o);
	if (r == 0 && ret_changed)
		*ret_changed = sqlite3_changes64(op_db_handle(o->db));
	return r;
}

int outbox_get(struct op_outbox *o, sqlite3_stmt *s, int64_t *ret)
{
	int rc = s ? sqlite3_step(s) : SQLITE_ERROR;
	int r = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : outbox_error(o);
	if (r == 1)
		*ret = sqlite3_column_int64(s, 0);
	if (s)
		(void)sqlite3_reset(s); /* repeats the error of the step */
	return r;
}

/* ---- changes --------------------------------------------------------------------------- */

static int set_durable(struct op_outbox *o, bool durable)
{
	if (o->durable == durable)
		return 0;
	int r = op_db_exec(o->db,
			   durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
	if (r == 0)
		o->durable = durable;
	return r;
}

int outbox_begin(struct op_outbox *o, bool durable)
{
	if (o->read_only)
		return -EROFS;
	int r = set_durable(o, durable);
	return r == 0 ? op_db_begin(o->db) : r;
}

int outbox_end(struct op_outbox *o, int r)
{
	if (r == 0)
		r = op_db_commit(o->db);
	else
		op_db_rollback(o->db);
	if (r < 0)
		o->boot = 0; /* its row may be gone again: the next look finds out */
	return r;
}

bool outbox_renewed(struct op_outbox *o, int r)
{
	if (r != -OP_EDAMAGED || o->read_only)
		return false;
	if (op_db_renew(o->db, &o->note) < 0)
		return false;
	o->durable = true;
	o->boot = 0;
	return true;
}

int op_outbox_note(struct op_outbox *o, struct op_buf *note)
{
	if (o->note.len)
		op_buf_puts(note, o->note.data);
	op_buf_reset(&o->note);
	return note->err;
}

/* ---- opening --------------------------------------------------------------------------- */

static int open_db(struct op_outbox *o, const char *path, struct op_buf *note)
{
	struct op_db_settings settings = {.path = path,
					  .read_only = o->read_only,
					  .cache_kib = 256,
					  .wal_kib = 512,
					  .relaxed = true};
	int r = op_db_open(&settings, &outbox_schema, &o->db, note);
	o->durable = true;
	return r;
}

static int newest_wall(struct op_outbox *o, int64_t *ret)
{
	static const char sql[] = "SELECT coalesce(max(created_ns + offset_ns), 0)"
				  " FROM items JOIN boots ON boots.id = items.boot";
	int r = outbox_get(o, outbox_bind(o, sql, ""), ret);
	return r < 0 ? r : 0;
}

static int begin_time(struct op_outbox *o)
{
	int64_t floor_ns = 0;
	int r = newest_wall(o, &floor_ns);
	if (r < 0)
		return r;
	op_clock_init(&o->clock, floor_ns);
	return outbox_time_look(o);
}

static int open_with(const char *path, const struct op_outbox_limits *limits,
		     const struct outbox_source *source, bool read_only, struct op_outbox **ret,
		     struct op_buf *note)
{
	struct op_outbox *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	if (limits)
		o->limits = *limits;
	o->limits.max_items = o->limits.max_items ? o->limits.max_items : DEFAULT_ITEMS;
	o->limits.max_bytes = o->limits.max_bytes ? o->limits.max_bytes : DEFAULT_BYTES;
	o->source = *source;
	o->read_only = read_only;
	op_buf_init(&o->note, 1024);
	int r = open_db(o, path, note);
	if (r == 0)
		r = begin_time(o);
	if (r == 0)
		*ret = o;
	else
		op_outbox_close(o);
	return r;
}

int op_outbox_open_with(const char *path, const struct op_outbox_limits *limits,
			const struct outbox_source *source, struct op_outbox **ret,
			struct op_buf *note)
{
	return open_with(path, limits, source, false, ret, note);
}

int op_outbox_open(const char *path, const struct op_outbox_limits *limits, struct op_outbox **ret,
		   struct op_buf *note)
{
	struct outbox_source source;
	int r = outbox_source_system(&source);
	return r == 0 ? open_with(path, limits, &source, false, ret, note) : r;
}

int op_outbox_open_read(const char *path, struct op_outbox **ret)
{
	struct outbox_source source;
	char text[512]; /* readers mend nothing, so there is nothing to say */
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	int r = outbox_source_system(&source);
	return r == 0 ? open_with(path, NULL, &source, true, ret, &note) : r;
}

void op_outbox_close(struct op_outbox *o)
{
	if (!o)
		return;
	if (o->db)
		op_db_close(o->db);
	op_buf_finish(&o->note);
	free(o->body);
	free(o);
}
