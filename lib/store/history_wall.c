/*
 * history_wall.c - the newest wall time the history is sure of.
 *
 * A clock that says less has gone back. Looked at are all clock segments of known quality, and the
 * newest records of the last boots that have one: older boots only if the clock went back since.
 * Any thread, one at a time.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/history_internal.h"

#define BOOTS 16

/* Boot time of the newest record of a boot; stays as it is if there is none. */
static int newest_record(struct op_db *db, const struct history_topic *t, int64_t boot,
			 int64_t *ret_ns)
{
	static const char chunk[] = "SELECT t1 FROM chunks WHERE topic = ? AND level = ? AND"
				    " boot = ? ORDER BY t0 DESC LIMIT 1";
	int err = 0;
	for (int64_t level = 0; level < OP_TIER_LEVELS && !err; level++) {
		int64_t ns = INT64_MIN;
		err = history_number(db, chunk, &ns, 3, t->id, level, boot);
		*ret_ns = ns > *ret_ns ? ns : *ret_ns;
	}
	if (err || t->kind != OP_HISTORY_ROWS)
		return err;
	OP_AUTO_BUF struct op_buf sql = {0};
	int64_t ns = INT64_MIN;
	op_buf_init(&sql, 256);
	op_buf_printf(&sql, "SELECT max(t) FROM rows_%lld WHERE boot = %lld", (long long)t->id,
		      (long long)boot);
	err = sql.err ? sql.err : history_number_once(db, sql.data, &ns);
	*ret_ns = ns > *ret_ns ? ns : *ret_ns;
	return err;
}

/* The last of the boots below `boot` whose time became known; 0: none. */
static int boot_before(struct op_db *db, int64_t boot, int64_t *ret)
{
	static const char find[] = "SELECT max(boot) FROM clocks WHERE quality > 0 AND boot < ?";
	*ret = 0;
	return history_number(db, find, ret, 1, boot);
}

/* Wall time of ns, if it was known then. */
static int add_wall(struct op_db *db, int64_t boot, int64_t ns, int64_t *newest)
{
	static const char find[] = "SELECT offset_ns FROM clocks WHERE quality > 0 AND boot = ? AND"
				   " from_ns <= ? ORDER BY from_ns DESC LIMIT 1";
	int64_t offset = INT64_MIN;
	int err = history_number(db, find, &offset, 2, boot, ns);
	if (!err && offset != INT64_MIN && ns + offset > *newest)
		*newest = ns + offset;
	return err;
}

int op_history_newest_wall(struct op_db *db, int64_t *ret_wall_ns)
{
	static const char segments[] =
		"SELECT max(from_ns + offset_ns) FROM clocks WHERE quality > 0";
	struct history_topic *topics = NULL;
	size_t n = 0;
	int64_t newest = 0, boot = INT64_MAX;
	int err = history_number(db, segments, &newest, 0);
	if (!err)
		err = history_load_topics(db, &topics, &n);
	for (int i = 0; i < BOOTS && !err; i++) {
		int64_t ns = INT64_MIN;
		err = boot_before(db, boot, &boot);
		if (err || boot == 0)
			break;
		for (size_t k = 0; k < n && !err; k++)
			err = newest_record(db, &topics[k], boot, &ns);
		if (!err && ns != INT64_MIN)
			err = add_wall(db, boot, ns, &newest);
	}
	history_free_topics(topics, n);
	if (!err)
		*ret_wall_ns = newest;
	return err;
}
