/*
 * buf.c - a bounded text buffer: grows to its limit, or fills the caller's memory.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/buf.h>
#include <stdio.h>
#include <string.h>

static char empty[1] = "";

void op_buf_init(struct op_buf *b, size_t limit)
{
	*b = (struct op_buf){.data = empty, .limit = limit < 64 ? 64 : limit};
}

void op_buf_init_fixed(struct op_buf *b, char *mem, size_t cap)
{
	*b = (struct op_buf){.data = mem, .cap = cap};
	mem[0] = '\0';
}

void op_buf_finish(struct op_buf *b)
{
	if (b && b->limit && b->cap)
		free(b->data);
	if (b)
		*b = (struct op_buf){.data = empty, .limit = b->limit};
}

void op_buf_reset(struct op_buf *b)
{
	b->len = 0;
	b->err = 0;
	b->need_comma = b->spaced = b->ascii = false;
	if (b->cap)
		b->data[0] = '\0';
}

char *op_buf_steal(struct op_buf *b)
{
	if (!b->limit || !b->cap)
		return NULL;
	char *taken = b->data;
	b->data = empty;
	b->len = b->cap = 0;
	return taken;
}

/* Room for n more bytes and the NUL; false with err set if there is none. */
static bool reserve(struct op_buf *b, size_t n)
{
	if (b->err)
		return false;
	if (n < b->cap - b->len && b->cap)
		return true;
	if (n >= SIZE_MAX / 2 || !b->limit || b->len + n + 1 > b->limit) {
		b->err = -ENOBUFS;
		return false;
	}
	size_t cap = b->cap ? b->cap : 64;
	while (cap < b->len + n + 1)
		cap *= 2;
	if (cap > b->limit)
		cap = b->limit;
	char *grown = realloc(b->cap ? b->data : NULL, cap);
	if (!grown) {
		b->err = -ENOMEM;
		return false;
	}
	b->data = grown;
	b->cap = cap;
	return true;
}

void op_buf_put(struct op_buf *b, const void *bytes, size_t n)
{
	if (!reserve(b, n))
		return;
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void op_buf_puts(struct op_buf *b, const char *text)
{
	op_buf_put(b, text, strlen(text));
}

void op_buf_putc(struct op_buf *b, char c)
{
	op_buf_put(b, &c, 1);
}

void op_buf_printf(struct op_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	va_list again;
	va_copy(again, ap);
	/* It mostly fits as it is; only what does not is measured first and written then. */
	size_t room = b->err || !b->cap ? 0 : b->cap - b->len;
	int n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room) {
		b->len += (size_t)n;
	} else if (n >= 0) {
		if (room)
			b->data[b->len] = '\0'; /* take the cut text back */
		if (reserve(b, (size_t)n)) {
			(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again); /* fits */
			b->len += (size_t)n;
		}
	}
	va_end(again);
}
