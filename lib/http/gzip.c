/*
 * gzip.c - a body made smaller (RFC 1952), for who makes large ones.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/http.h>
#include <zlib.h>

#define LEVEL 1      /* six times as fast as the default, for a tenth more bytes */
#define GZIP_WRAP 16 /* zlib.h: added to the window bits */
#define PIECE (8 * 1024)

static int deflate_all(z_stream *z, struct op_buf *out)
{
	unsigned char piece[PIECE];
	int r;
	do {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		r = deflate(z, Z_FINISH);
		op_buf_put(out, piece, sizeof(piece) - z->avail_out);
	} while (r == Z_OK && !out->err);
	return out->err ? out->err : r == Z_STREAM_END ? 0 : -EINVAL;
}

int op_http_gzip(const void *bytes, size_t n, struct op_buf *out)
{
	z_stream z = {.next_in = (unsigned char *)bytes, .avail_in = (uInt)n};
	if (n > UINT32_MAX)
		return -E2BIG;
	if (deflateInit2(&z, LEVEL, Z_DEFLATED, MAX_WBITS + GZIP_WRAP, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	int r = deflate_all(&z, out);
	(void)deflateEnd(&z); /* fails only when told that not all was written, and that is r */
	return r;
}
