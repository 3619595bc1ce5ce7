/*
 * history_write.c - chunks, rows and clocks into the history database.
 *
 * Thread of the writer, inside the transactions it begins and ends. Nothing is remembered of what a
 * transaction made, so that one that fails leaves nothing wrong here. Fails as the database does.
 * Tables: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/history_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/db_internal.h"

/* ---- statements ----------------------------------------------------------------------------- */

static sqlite3_stmt *bound_v(struct op_db *db, const char *sql, int *ret_err, unsigned n,
			     va_list values)
{
	sqlite3_stmt *s = op_db_statement(db, sql);
	if (!s)
		*ret_err = op_db_run(db, NULL);
	for (unsigned i = 0; s && i < n; i++) {
		int rc = sqlite3_bind_int64(s, (int)i + 1, va_arg(values, int64_t));
		if (rc != SQLITE_OK) {
			*ret_err = op_db_error(rc);
			return NULL;
		}
	}
	return s;
}

sqlite3_stmt *history_bound(struct op_db *db, const char *sql, int *ret_err, unsigned n, ...)
{
	va_list values;
	va_start(values, n);
	sqlite3_stmt *s = bound_v(db, sql, ret_err, n, values);
	va_end(values);
	return s;
}

int history_step(struct op_db *db, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return 1;
	(void)sqlite3_reset(s); /* repeats the result of the step */
	return rc == SQLITE_DONE ? 0 : op_db_failed(db, rc);
}

int history_number(struct op_db *db, const char *sql, int64_t *ret, unsigned n, ...)
{
	int err = 0;
	va_list values;
	va_start(values, n);
	sqlite3_stmt *s = bound_v(db, sql, &err, n, values);
	va_end(values);
	if (!s)
		return err;
	int r = history_step(db, s);
	if (r == 1 && sqlite3_column_type(s, 0) != SQLITE_NULL)
		*ret = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s); /* after a row there is nothing to report */
	return r < 0 ? r : 0;
}

int history_number_once(struct op_db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(op_db_handle(db), sql, -1, &s, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW &&
	    sqlite3_column_type(s, 0) != SQLITE_NULL)
		*ret = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s); /* repeats the error of the step */
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : op_db_failed(db, rc);
}

/* ---- life ----------------------------------------------------------------------------------- */

int op_history_create(struct op_db *db, const char *boot_id, struct op_history **ret)
{
	if (!boot_id[0] || strlen(boot_id) > BOOT_ID_MAX)
		return -EINVAL;
	struct op_history *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->db = db;
	(void)snprintf(h->boot_id, sizeof(h->boot_id), "%s", boot_id); /* fits, see above */
	int err = history_catch_up_begin(h);
	if (err)
		op_history_destroy(h);
	else
		*ret = h;
	return err;
}

void op_history_destroy(struct op_history *h)
{
	if (!h)
		return;
	history_catch_up_end(h);
	free(h->rows);
	free(h);
}

/* ---- boots and clocks ------------------------------------------------------------------------ */

static int with_boot_id(struct op_history *h, const char *sql, sqlite3_stmt **ret)
{
	sqlite3_stmt *s = op_db_statement(h->db, sql);
	if (!s)
		return op_db_run(h->db, NULL);
	int rc = sqlite3_bind_text(s, 1, h->boot_id, -1, SQLITE_STATIC);
	*ret = s;
	return rc == SQLITE_OK ? 0 : op_db_error(rc);
}

int history_boot(struct op_history *h, int64_t *ret)
{
	static const char find[] = "SELECT id FROM boots WHERE boot_id = ?";
	sqlite3_stmt *s = NULL;
	int err = with_boot_id(h, find, &s);
	int r = err ? err : history_step(h->db, s);
	if (r < 0)
		return r;
	*ret = r == 1 ? sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_reset(s); /* after a row there is nothing to report */
	return 0;
}

/* The same, and makes the row. */
static int need_boot(struct op_history *h, int64_t *ret)
{
	static const char add[] = "INSERT INTO boots(boot_id) VALUES(?)";
	sqlite3_stmt *s = NULL;
	int err = history_boot(h, ret);
	if (err || *ret)
		return err;
	err = with_boot_id(h, add, &s);
	if (!err)
		err = op_db_run(h->db, s);
	if (!err)
		*ret = sqlite3_last_insert_rowid(op_db_handle(h->db));
	return err;
}

int op_history_put_clock(struct op_history *h, const struct op_clock_segment *segment)
{
	static const char put[] = "INSERT OR REPLACE INTO clocks VALUES(?, ?, ?, ?)";
	int64_t boot = 0;
	int err = need_boot(h, &boot);
	if (err)
		return err;
	sqlite3_stmt *s = history_bound(h->db, put, &err, 4, boot, (int64_t)segment->from_ns,
					segment->offset_ns, (int64_t)segment->quality);
	return s ? op_db_run(h->db, s) : err;
}

/* ---- records --------------------------------------------------------------------------------- */

int history_put_chunk(struct op_history *h, int64_t topic, unsigned level, int64_t boot,
		      const struct op_chunk *chunk)
{
	static const char put[] = "INSERT INTO chunks(topic, level, boot, t0, t1, seq0, n, data)"
				  " VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
	int err = 0;
	sqlite3_stmt *s = history_bound(h->db, put, &err, 7, topic, (int64_t)level, boot,
					(int64_t)chunk->t0_ns, (int64_t)chunk->t1_ns,
					(int64_t)chunk->seq0, (int64_t)chunk->n);
	if (!s)
		return err;
	int rc = sqlite3_bind_blob64(s, 8, chunk->data, chunk->bytes, SQLITE_STATIC);
	if (rc != SQLITE_OK)
		return op_db_error(rc);
	err = op_db_run(h->db, s);
	(void)sqlite3_clear_bindings(s); /* the data are the caller's; always succeeds */
	return err;
}

int op_history_put_chunk(struct op_history *h, int64_t topic, unsigned level,
			 const struct op_chunk *chunk)
{
	int64_t boot = 0;
	int err = need_boot(h, &boot);
	return err ? err : history_put_chunk(h, topic, level, boot, chunk);
}

/* Text of a statement, for ever: op_db_statement goes by its address as long as a database is open,
 * which may be longer than this writer is. There are as many as row tables. */
static const char *keep_text(const char *text)
{
	struct kept {
		struct kept *next;
		char text[];
	};
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct kept *all;
	pthread_mutex_lock(&lock);
	struct kept *k = all;
	while (k && strcmp(k->text, text) != 0)
		k = k->next;
	size_t n = strlen(text) + 1;
	if (!k && (k = malloc(sizeof(*k) + n))) {
		memcpy(k->text, text, n);
		k->next = all;
		all = k;
	}
	pthread_mutex_unlock(&lock);
	return k ? k->text : NULL;
}

/* "INSERT OR IGNORE INTO rows_7 VALUES(?,?,?,...)" */
static const char *insert_text(int64_t topic, const struct op_topic_type *type)
{
	OP_AUTO_BUF struct op_buf text = {0};
	op_buf_init(&text, 4096);
	op_buf_printf(&text, "INSERT OR IGNORE INTO rows_%lld VALUES(?,?,?", (long long)topic);
	for (uint32_t i = 0; i < type->n_fields; i++)
		op_buf_puts(&text, ",?");
	op_buf_puts(&text, ")");
	return text.err ? NULL : keep_text(text.data);
}

static struct history_rows *rows_of(struct op_history *h, int64_t topic,
				    const struct op_topic_type *type)
{
	for (size_t i = 0; i < h->n_rows; i++)
		if (h->rows[i].topic == topic)
			return &h->rows[i];
	const char *insert = insert_text(topic, type);
	struct history_rows *grown = realloc(h->rows, (h->n_rows + 1) * sizeof(*grown));
	if (grown)
		h->rows = grown;
	if (!grown || !insert)
		return NULL;
	grown[h->n_rows] = (struct history_rows){topic, insert};
	return &grown[h->n_rows++];
}

int op_history_put_row(struct op_history *h, int64_t topic, const struct op_topic_type *type,
		       uint64_t seq, uint64_t boot_ns, const void *record)
{
	int64_t boot = 0;
	const struct history_rows *r = rows_of(h, topic, type);
	int err = r ? need_boot(h, &boot) : -ENOMEM;
	if (err)
		return err;
	sqlite3_stmt *s =
		history_bound(h->db, r->insert, &err, 3, boot, (int64_t)boot_ns, (int64_t)seq);
	if (!s)
		return err;
	err = history_bind_row(type, record, s, 4);
	if (!err)
		err = op_db_run(h->db, s);
	(void)sqlite3_clear_bindings(s); /* texts are the caller's; always succeeds */
	return err;
}

/* ---- topics ---------------------------------------------------------------------------------- */

static const char *kind_name(enum op_history_kind kind)
{
	return kind == OP_HISTORY_ROWS ? "rows" : "chunks";
}

static void put_fields(const struct op_topic_type *type, op_field_set fields, struct op_buf *out)
{
	const char *comma = "";
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (fields >> i & 1) {
			op_buf_puts(out, comma);
			op_buf_puts(out, type->fields[i].name);
			comma = ",";
		}
}

/* Name, kind, fields and schema as parameters 1 to 4. */
static int topic_statement(struct op_history *h, const char *sql, const char *const text[4],
			   sqlite3_stmt **ret)
{
	sqlite3_stmt *s = op_db_statement(h->db, sql);
	int rc = SQLITE_OK;
	if (!s)
		return op_db_run(h->db, NULL);
	for (int i = 0; i < 4 && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_text(s, i + 1, text[i], -1, SQLITE_TRANSIENT);
	*ret = s;
	return rc == SQLITE_OK ? 0 : op_db_error(rc);
}

static int find_or_add(struct op_history *h, const char *const text[4], int64_t *ret)
{
	static const char find[] = "SELECT id FROM topics WHERE name = ? AND kind = ? AND"
				   " fields = ? AND schema = ? ORDER BY id DESC";
	static const char add[] =
		"INSERT INTO topics(name, kind, fields, schema) VALUES(?, ?, ?, ?)";
	sqlite3_stmt *s = NULL;
	int err = topic_statement(h, find, text, &s);
	int r = err ? err : history_step(h->db, s);
	if (r < 0)
		return r;
	if (r == 1) {
		*ret = sqlite3_column_int64(s, 0);
		(void)sqlite3_reset(s); /* after a row there is nothing to report */
		return 0;
	}
	err = topic_statement(h, add, text, &s);
	if (!err)
		err = op_db_run(h->db, s);
	if (!err)
		*ret = sqlite3_last_insert_rowid(op_db_handle(h->db));
	return err;
}

int op_history_topic(struct op_history *h, const char *name, const struct op_topic_type *type,
		     enum op_history_kind kind, op_field_set fields, int64_t *ret_topic)
{
	OP_AUTO_BUF struct op_buf names = {0}, schema = {0};
	int64_t id = 0;
	op_buf_init(&names, OP_TOPIC_FIELDS_MAX * 256);
	op_buf_init(&schema, 1 << 20);
	fields = kind == OP_HISTORY_ROWS ? ~(op_field_set)0 : fields;
	put_fields(type, fields & op_chunk_fields(type), &names);
	op_schema_write(type, name, &schema);
	int err = names.err ? names.err : schema.err;
	const char *const text[4] = {name, kind_name(kind), names.data, schema.data};
	if (!err)
		err = find_or_add(h, text, &id);
	if (!err)
		err = history_make_tables(h, id, name, type, kind);
	if (!err)
		*ret_topic = id;
	return err;
}
