/*
 * table.h - services and topics as rows of text that fit a width.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_TABLE_H
#define OUTPOST_TOOLS_TABLE_H

#include "view.h"

#define OP_TABLE_COLUMNS 13
#define OP_TABLE_CELL 100

struct op_table_column {
	const char *title;
	bool left;     /* aligned */
	unsigned drop; /* the column with the highest number goes first when it is narrow; 0: stays
			*/
	size_t width;  /* 0: hidden */
};

struct op_table_row {
	enum op_health mood; /* colour: plain, warning, error */
	char cell[OP_TABLE_COLUMNS][OP_TABLE_CELL];
	char tail[300]; /* text of the last column, as long as there is room */
};

struct op_table {
	struct op_table_column column[OP_TABLE_COLUMNS]; /* the last one shows the tail */
	size_t n_columns;
	struct op_table_row *rows; /* heap; op_table_finish */
	size_t n_rows, cap;
};

enum op_spark { OP_SPARK_NONE, OP_SPARK_ASCII, OP_SPARK_UTF8 };

/* An empty table; columns are copied, at most OP_TABLE_COLUMNS. */
void op_table_begin(struct op_table *t, const struct op_table_column *columns, size_t n);
/* A row of empty cells, valid until the next; NULL without memory. */
struct op_table_row *op_table_add(struct op_table *t, enum op_health mood);

/* Fill the table anew, rows in the order given. Without memory rows are left out. */
void op_table_services(struct op_table *t, const struct op_view_service *const *list, size_t n,
		       uint64_t now_ns);
void op_table_topics(struct op_table *t, const struct op_view_topic *const *list, size_t n,
		     enum op_spark spark);
void op_table_finish(struct op_table *t);

/* Chooses columns and their widths for so many terminal columns; 0: all of them. */
void op_table_layout(struct op_table *t, size_t columns);
/* One line without a newline, trailing blanks or a limit on the tail: the caller cuts. */
void op_table_put_header(const struct op_table *t, struct op_buf *b);
void op_table_put_row(const struct op_table *t, size_t row, struct op_buf *b);

#endif
