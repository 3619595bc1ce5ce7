/*
 * http_request.c - fuzz target of the HTTP request parser.
 *
 * What is taken must be within the input, hold no dot segment and no control character in a field;
 * what is taken whole must not be taken with a byte less. A body in chunks is the same whether it
 * comes at once or byte by byte.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <string.h>

#include "lib/http/internal.h"

#define BODY_MAX 256
#define ROOM 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char text[OP_HTTP_HEAD_MAX + 1], path[OP_HTTP_HEAD_MAX + 1];
static struct op_http_field fields[OP_HTTP_FIELDS_MAX];
static const struct http_rules rules = {.max_head = OP_HTTP_HEAD_MAX,
					.max_fields = OP_HTTP_FIELDS_MAX};

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

/* Chunks at p, n bytes that come `step` at a time; tells how it ended. */
static int join(const uint8_t *p, size_t n, size_t step, char *out, size_t *have, size_t *body)
{
	int r = 0;
	*have = *body = 0;
	for (size_t at = 0; at < n && !r; at += step) {
		size_t some = n - at < step ? n - at : step;
		memcpy(out + *have, p + at, some);
		*have += some;
		r = http_chunks_take(out, have, body, BODY_MAX);
		assert(*body <= *have && *body <= BODY_MAX);
	}
	return r;
}

static void check_chunks(const uint8_t *p, size_t n)
{
	static char once[ROOM], bytewise[ROOM];
	size_t have, body, have2, body2;
	if (!n || n > ROOM)
		return;
	int r = join(p, n, n, once, &have, &body), r2 = join(p, n, 1, bytewise, &have2, &body2);
	assert(r == r2);
	assert(r < 0 || (body == body2 && !memcmp(once, bytewise, body)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head h;
	int r = http_head_parse((const char *)data, size, &rules, text, path, fields, &h);
	assert(r <= (int)size);
	if (r > 0) {
		check(&h);
		check_chunks(data + r, size - (size_t)r);
		assert(http_head_parse((const char *)data, (size_t)r, &rules, text, path, fields,
				       &h) == r);
		assert(http_head_parse((const char *)data, (size_t)r - 1, &rules, text, path,
				       fields, &h) <= 0);
	}
	return 0;
}
