/*
 * fault.c - what a client is told when its answer could not be made (fault.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "fault.h"

#include <string.h>

void temp_fault_write(struct op_buf *b, const char *path, const char *id)
{
	bool health = !strcmp(path, "/health");
	op_json_begin(b, '{');
	if (!health)
		op_json_kv_str(b, "error",
			       strcmp(path, "/metrics") ? "Internal Server Error"
							: "Unable to retrieve metrics");
	op_json_kv_str(b, "error_id", id);
	if (health)
		op_json_kv_str(b, "status", "error");
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
}
