/*
 * csv.c - one CSV field (RFC 4180).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/buf.h>
#include <string.h>

void op_csv_strn(struct op_buf *b, const char *text, size_t n)
{
	bool quote = false;
	for (size_t i = 0; i < n && !quote; i++)
		quote = strchr(",\"\r\n", text[i]) && text[i];
	if (!quote) {
		op_buf_put(b, text, n);
		return;
	}
	op_buf_putc(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"')
			op_buf_putc(b, '"');
		op_buf_putc(b, text[i]);
	}
	op_buf_putc(b, '"');
}
