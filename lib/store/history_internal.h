/*
 * history_internal.h - what the writing side of the history shares: history_write.c,
 * history_view.c, catch_up.c, retention.c.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_HISTORY_INTERNAL_H
#define OUTPOST_STORE_HISTORY_INTERNAL_H

#include "lib/store/history.h"

#define BOOT_ID_MAX 63

/* A row table's own statement; its text lives for ever, see op_db_statement. */
struct history_rows {
	int64_t topic;
	const char *insert;
};

/* A topic as it stands in the database. */
struct history_topic {
	int64_t id;
	enum op_history_kind kind;
	op_field_set fields;
	struct op_topic_type *type;
	struct op_topic_type *tier; /* NULL: nothing to sum up */
	int64_t last_row_ns;        /* of this boot, when catching up began; -1: none */
};

/* Where catching up is: what the last writer left is put in order topic by topic. */
struct history_catch_up {
	struct history_topic *topics;
	size_t n_topics, topic;
	unsigned level;
	int64_t this_boot;  /* 0: it had left nothing yet */
	int64_t boot;       /* this one and those below are still to be done for topic and level */
	int64_t last_chunk; /* newer ones are this writer's, who sums them up itself */
	int64_t *made;      /* but for these */
	size_t n_made;
};

struct op_history {
	struct op_db *db;
	char boot_id[BOOT_ID_MAX + 1];
	struct history_rows *rows;
	size_t n_rows;
	struct history_catch_up catch_up;
};

/* Number of this boot, 0 if it has no row yet. */
int history_boot(struct op_history *h, int64_t *ret) OP_MUST_CHECK;

/* ---- small helpers on statements: history_write.c ---------------------------------------- */

/* A statement with its first n parameters bound. NULL on failure, *ret_err says which. */
sqlite3_stmt *history_bound(struct op_db *db, const char *sql, int *ret_err, unsigned n, ...);
/* Steps: 1 a row, 0 the end, or an error; resets it unless there is a row. */
int history_step(struct op_db *db, sqlite3_stmt *s) OP_MUST_CHECK;
/* The first column of the only row; otherwise leaves *ret as it is. */
int history_number(struct op_db *db, const char *sql, int64_t *ret, unsigned n, ...) OP_MUST_CHECK;

/* The same for a statement that is not asked again. */
int history_number_once(struct op_db *db, const char *sql, int64_t *ret) OP_MUST_CHECK;

/* The same as op_history_put_chunk for any boot. */
int history_put_chunk(struct op_history *h, int64_t topic, unsigned level, int64_t boot,
		      const struct op_chunk *chunk) OP_MUST_CHECK;

/* ---- tables and views of topics: history_view.c ------------------------------------------ */

/* Makes what topic id needs: the row table, the view with its name. All in the open transaction. */
int history_make_tables(struct op_history *h, int64_t id, const char *name,
			const struct op_topic_type *type, enum op_history_kind kind) OP_MUST_CHECK;

/* ---- topics: history_topics.c ------------------------------------------------------------- */

/* All topics in store. Free it with history_free_topics. */
int history_load_topics(struct op_db *db, struct history_topic **ret, size_t *ret_n) OP_MUST_CHECK;
void history_free_topics(struct history_topic *topics, size_t n);
/* Columns from the fourth on of "SELECT * FROM rows_ID" as a record. */
void history_read_row(const struct op_topic_type *type, sqlite3_stmt *s, void *record);
/* Binds the fields of a record as parameters from `first` on. */
int history_bind_row(const struct op_topic_type *type, const void *record, sqlite3_stmt *s,
		     int first) OP_MUST_CHECK;

/* catch_up.c: remembers what is there at the start. */
int history_catch_up_begin(struct op_history *h) OP_MUST_CHECK;
void history_catch_up_end(struct op_history *h);

#endif
