/*
 * outbox.h - `outpost outbox`: what its files share.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_OUTBOX_H
#define OUTPOST_TOOLS_OUTBOX_H

#include <limits.h>
#include <outpost/outbox.h>

#define OUTBOX_FILES_MAX 64
#define OUTBOX_QUEUES_MAX 256

/* The outboxes of an appliance: STATE/outbox-SERVICE.db. */
struct outbox_files {
	char state[PATH_MAX - 300], runtime[PATH_MAX - 300];
	char service[OUTBOX_FILES_MAX][128];
	size_t n;
};

void outbox_file_path(const struct outbox_files *f, size_t i, char out[PATH_MAX]);

/* What to show: of queue (NULL: all), as a table or as JSON. Appends to out; 0 or a negative error.
 * Bodies are not in it. */
int outbox_print_begin(struct op_buf *out, bool json) OP_MUST_CHECK;
int outbox_print_one(const char *service, const char *path, struct op_outbox *o, const char *queue,
		     bool json, struct op_buf *out) OP_MUST_CHECK;
int outbox_print_end(struct op_buf *out, bool json) OP_MUST_CHECK;
/* One item with its body. -ENOENT. */
int outbox_print_item(struct op_outbox *o, int64_t id, bool json, struct op_buf *out) OP_MUST_CHECK;

#endif
