/*
 * http_request.c - fuzz target of the HTTP request parser.
 *
 * What is taken must be within the input, hold no dot segment and no control character in a field;
 * what is taken whole must not be taken with a byte less.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <string.h>

#include "lib/http/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char text[OP_HTTP_HEAD_MAX + 1], path[OP_HTTP_HEAD_MAX + 1];
static struct op_http_field fields[OP_HTTP_FIELDS_MAX];

static void check(struct http_head *h)
{
	char out[64];
	const char *params[OP_HTTP_PARAMS_MAX] = {0};
	assert(h->rq.path[0] == '/' && !strstr(h->rq.path, "/../"));
	assert(h->rq.n_fields <= OP_HTTP_FIELDS_MAX);
	for (size_t i = 0; i < h->rq.n_fields; i++) {
		assert(h->rq.fields[i].name[0]);
		assert(!strpbrk(h->rq.fields[i].value, "\r\n"));
		(void)op_http_list_has(h->rq.fields[i].value, "gzip"); /* reads only */
	}
	int r = op_http_query(&h->rq, "a", out, sizeof(out));
	assert(r <= 1 && (r > 0 || !out[0]) && strlen(out) < sizeof(out));
	(void)http_pattern_match("/api/{a}/{b}", path, params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head h;
	int r = http_head_parse((const char *)data, size, text, path, fields, &h);
	assert(r <= (int)size);
	if (r > 0) {
		check(&h);
		assert(http_head_parse((const char *)data, (size_t)r, text, path, fields, &h) == r);
		assert(http_head_parse((const char *)data, (size_t)r - 1, text, path, fields, &h) <=
		       0);
	}
	return 0;
}
