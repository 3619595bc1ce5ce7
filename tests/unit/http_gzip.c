/*
 * http_gzip.c - tests of lib/http/gzip.c: what was made smaller comes back whole.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/http.h>
#include <zlib.h>

#include "test.h"

static char plain[300000], back[sizeof(plain) + 1];

static size_t unzip(const struct op_buf *zipped)
{
	z_stream z = {.next_in = (unsigned char *)zipped->data,
		      .avail_in = (unsigned)zipped->len,
		      .next_out = (unsigned char *)back,
		      .avail_out = sizeof(back)};
	CHECK_INT(inflateInit2(&z, MAX_WBITS + 16), Z_OK); /* takes gzip and nothing else */
	CHECK_INT(inflate(&z, Z_FINISH), Z_STREAM_END);
	CHECK_INT(z.avail_in, 0);
	CHECK_INT(inflateEnd(&z), Z_OK);
	return sizeof(back) - z.avail_out;
}

TEST(a_body_comes_back_whole)
{
	static const size_t sizes[] = {0, 1, 8191, 8192, sizeof(plain)};
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = "0123456789,"[(i * i / 7) % 11];
	for (size_t i = 0; i < OP_ARRAY_SIZE(sizes); i++) {
		OP_AUTO_BUF struct op_buf out;
		op_buf_init(&out, 2 * sizeof(plain));
		CHECK_INT(op_http_gzip(plain, sizes[i], &out), 0);
		CHECK_INT(unzip(&out), sizes[i]);
		CHECK(!memcmp(plain, back, sizes[i]));
		if (sizes[i] == sizeof(plain))
			CHECK(out.len < sizeof(plain) / 2);
	}
}

TEST(a_buffer_that_is_too_small_is_told)
{
	OP_AUTO_BUF struct op_buf out;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (char)((i * 2654435761u) >> 13);
	op_buf_init(&out, 1000);
	CHECK_INT(op_http_gzip(plain, sizeof(plain), &out), -ENOBUFS);
}
