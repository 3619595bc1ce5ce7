/*
 * placeholder.c - ${RUNTIME} and ${STATE} in the texts of an appliance file, and nothing else.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <string.h>

/* The directory for the placeholder at text ("${..."), or NULL if it is unknown. */
static const char *directory(const struct op_config *c, const char *text, size_t *ret_len)
{
	static const char runtime[] = "${RUNTIME}", state[] = "${STATE}";
	if (!strncmp(text, runtime, sizeof(runtime) - 1)) {
		*ret_len = sizeof(runtime) - 1;
		return c->runtime_dir ? c->runtime_dir : runtime;
	}
	if (!strncmp(text, state, sizeof(state) - 1)) {
		*ret_len = sizeof(state) - 1;
		return c->state_dir ? c->state_dir : state;
	}
	return NULL;
}

int placeholder_expand(struct op_config *c, const char *text, const char **ret)
{
	if (!strstr(text, "${"))
		return 0;
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, FILE_MAX_BYTES);
	for (const char *at = text; *at;) {
		size_t plain = strcspn(at, "$");
		op_buf_put(&out, at, plain);
		at += plain;
		if (at[0] == '$' && at[1] == '{') {
			size_t len = 0;
			const char *dir = directory(c, at, &len);
			if (!dir)
				return -EINVAL;
			op_buf_puts(&out, dir);
			at += len;
		} else if (*at) {
			op_buf_putc(&out, *at++);
		}
	}
	c->text_bytes += out.len;
	if (out.err || c->text_bytes > TEXT_MAX_BYTES)
		return -ENOMEM;
	const char *copy = pool_text(&c->pool, out.data, out.len);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}
