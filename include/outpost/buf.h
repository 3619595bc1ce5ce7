/*
 * buf.h - a bounded text buffer, and JSON and CSV written into it.
 *
 * A buffer either grows up to a limit or works in the caller's memory. Appending past the limit
 * sets err to -ENOBUFS once and appends nothing more, so that a chain of appends needs one check
 * at its end. data is always NUL-terminated. One thread per buffer.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BUF_H
#define OUTPOST_BUF_H

#include <outpost/base.h>

struct op_buf {
	char *data;
	size_t len;      /* bytes used, without the closing NUL */
	size_t cap;      /* bytes there are */
	size_t limit;    /* growth stops here; 0 for the caller's memory */
	int err;         /* 0, -ENOBUFS or -ENOMEM: sticky */
	bool need_comma; /* JSON: the next value is not the first of its container */
	bool spaced;     /* JSON: a blank after each comma and colon; for the caller to set */
	bool ascii;      /* JSON: what is not ASCII is written as \uXXXX; for the caller to set */
};

/* Grows up to limit bytes (rounded up to at least 64). Nothing is allocated before the first
 * append. */
void op_buf_init(struct op_buf *b, size_t limit);
/* Borrows mem for as long as the buffer is used; cap >= 1. */
void op_buf_init_fixed(struct op_buf *b, char *mem, size_t cap);
void op_buf_finish(struct op_buf *b);
/* Forget the content, the error and how JSON is written; keep the memory. */
void op_buf_reset(struct op_buf *b);
/* Give the text to the caller, who frees it. NULL if nothing was written or memory was borrowed. */
char *op_buf_steal(struct op_buf *b);

void op_buf_put(struct op_buf *b, const void *bytes, size_t n);
void op_buf_puts(struct op_buf *b, const char *text);
void op_buf_putc(struct op_buf *b, char c);
void op_buf_printf(struct op_buf *b, const char *fmt, ...) OP_PRINTF(2, 3);

/* Bytes of the UTF-8 sequence that text begins with (RFC 3629), of n bytes that are there, at least
 * one; 0: it begins with none. Any thread. */
size_t op_utf8_length(const char *text, size_t n);

#define OP_AUTO_BUF __attribute__((cleanup(op_buf_finish)))

/* JSON (RFC 8259). Keys and values in turn; commas are put in by themselves. Text is passed
 * as UTF-8; bytes that are not UTF-8 become U+FFFD. NaN and infinities become null. */
void op_json_begin(struct op_buf *b, char open); /* '{' or '[' */
void op_json_end(struct op_buf *b, char close);  /* '}' or ']' */
void op_json_key(struct op_buf *b, const char *key);
void op_json_str(struct op_buf *b, const char *text);
void op_json_strn(struct op_buf *b, const char *text, size_t n);
void op_json_u64(struct op_buf *b, uint64_t v);
void op_json_i64(struct op_buf *b, int64_t v);
void op_json_f64(struct op_buf *b, double v); /* shortest text that reads back the same double */
/* The same, but that it is seen to be no integer: 44.0, as Python writes it (repr of a float). */
void op_json_float(struct op_buf *b, double v);
void op_json_f32(struct op_buf *b, float v); /* shortest text that reads back the same float */
void op_json_bool(struct op_buf *b, bool v);
void op_json_null(struct op_buf *b);
void op_json_raw(struct op_buf *b, const char *json); /* a value already encoded */

/* Key and value in one. */
void op_json_kv_str(struct op_buf *b, const char *key, const char *text);
void op_json_kv_u64(struct op_buf *b, const char *key, uint64_t v);
void op_json_kv_i64(struct op_buf *b, const char *key, int64_t v);
void op_json_kv_f64(struct op_buf *b, const char *key, double v);
void op_json_kv_bool(struct op_buf *b, const char *key, bool v);

/* One CSV field (RFC 4180), quoted only where needed; the caller writes the commas. */
void op_csv_strn(struct op_buf *b, const char *text, size_t n);

#endif
