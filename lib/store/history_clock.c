/*
 * history_clock.c - the clock of a boot as it was stored last.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/history.h"

int op_history_last_clock(struct op_db *db, const char *boot_id, struct op_clock_segment *ret)
{
	static const char sql[] = "SELECT from_ns, offset_ns, quality FROM clocks"
				  " WHERE boot = (SELECT id FROM boots WHERE boot_id = ?1)"
				  " ORDER BY from_ns DESC LIMIT 1";
	sqlite3_stmt *s = op_db_statement(db, sql);
	if (!s)
		return op_db_error(sqlite3_errcode(op_db_handle(db)));
	int rc = sqlite3_bind_text(s, 1, boot_id, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	struct op_clock_segment found = {(uint64_t)sqlite3_column_int64(s, 0),
					 sqlite3_column_int64(s, 1),
					 (enum op_clock_quality)sqlite3_column_int(s, 2)};
	(void)sqlite3_reset(s); /* says again what the step said */
	if (rc == SQLITE_ROW) {
		*ret = found;
		return 1;
	}
	return rc == SQLITE_DONE ? 0 : op_db_error(rc);
}
