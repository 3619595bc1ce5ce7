/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <outpost/buf.h>

#include "test.h"

TEST(grows_to_its_limit_and_no_further)
{
	struct op_buf b;
	op_buf_init(&b, 100);
	for (int i = 0; i < 99; i++)
		op_buf_putc(&b, 'x');
	CHECK_INT(b.err, 0);
	CHECK_INT(strlen(b.data), 99);
	op_buf_puts(&b, "yy");
	CHECK_INT(b.err, -ENOBUFS);
	CHECK_INT(strlen(b.data), 99);
	op_buf_reset(&b);
	op_buf_printf(&b, "%d", 42);
	CHECK_STR(b.data, "42");
	op_buf_finish(&b);
	CHECK_STR(b.data, "");
}

TEST(fixed_memory_is_never_passed)
{
	char mem[8];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_buf_puts(&b, "1234567");
	CHECK_INT(b.err, 0);
	op_buf_putc(&b, '8');
	CHECK_INT(b.err, -ENOBUFS);
	CHECK_STR(mem, "1234567");
	CHECK(op_buf_steal(&b) == NULL);
	op_buf_finish(&b);
}

TEST(steal_hands_over_the_text)
{
	struct op_buf b;
	op_buf_init(&b, 1000);
	op_buf_puts(&b, "mine");
	OP_AUTO_FREE char *text = op_buf_steal(&b);
	CHECK_STR(text, "mine");
	CHECK_STR(b.data, "");
	op_buf_finish(&b);
}

TEST(csv_quotes_only_where_needed)
{
	char mem[64];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	op_csv_strn(&b, "plain", 5);
	op_csv_strn(&b, "a,\"b\"\n", 6);
	CHECK_STR(mem, "plain\"a,\"\"b\"\"\n\"");
}
