/*
 * text.c - numbers, spans of time and foreign text in the few characters of a table cell.
 *
 * Text in records comes from outside the tools (a device's name, a reason with a path in it). It is
 * made harmless here before it reaches a terminal.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

char *op_text_span(uint64_t ns, char out[OP_TEXT_CELL])
{
	uint64_t s = ns / OP_NS_PER_S;
	unsigned days = (unsigned)(s / 86400 % 1000000), hours = (unsigned)(s / 3600 % 24);
	unsigned minutes = (unsigned)(s / 60 % 60), seconds = (unsigned)(s % 60);
	if (ns < OP_NS_PER_MS)
		(void)snprintf(out, OP_TEXT_CELL, "%uus", (unsigned)(ns / OP_NS_PER_US));
	else if (ns < OP_NS_PER_S)
		(void)snprintf(out, OP_TEXT_CELL, "%ums", (unsigned)(ns / OP_NS_PER_MS));
	else if (s < 60)
		(void)snprintf(out, OP_TEXT_CELL, "%u.%us", seconds,
			       (unsigned)(ns / (100 * OP_NS_PER_MS) % 10));
	else if (s < 3600)
		(void)snprintf(out, OP_TEXT_CELL, "%um%02us", minutes, seconds);
	else if (s < 86400)
		(void)snprintf(out, OP_TEXT_CELL, "%uh%02um", hours, minutes);
	else
		(void)snprintf(out, OP_TEXT_CELL, "%ud%02uh", days, hours);
	return out;
}

/* Three significant digits with the prefix that fits; divisor 1000 or 1024. */
static char *scaled(double v, double divisor, const char *prefixes, char out[OP_TEXT_CELL])
{
	while (v >= 999.5 && prefixes[1]) {
		v /= divisor;
		prefixes++;
	}
	char prefix[2] = {*prefixes == ' ' ? '\0' : *prefixes, '\0'};
	int decimals = v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
	(void)snprintf(out, OP_TEXT_CELL, "%.*f%s", decimals, v, prefix);
	return out;
}

char *op_text_count(uint64_t n, char out[OP_TEXT_CELL])
{
	if (n >= 100000)
		return scaled((double)n, 1000, " kMGTPE", out);
	(void)snprintf(out, OP_TEXT_CELL, "%u", (unsigned)n);
	return out;
}

char *op_text_rate(double hz, char out[OP_TEXT_CELL])
{
	if (hz >= 10000)
		return scaled(hz, 1000, " kMG", out);
	(void)snprintf(out, OP_TEXT_CELL, "%.*f", hz <= 0 ? 0 : hz < 10 ? 2 : 1, hz);
	return out;
}

char *op_text_kib(uint64_t kib, char out[OP_TEXT_CELL])
{
	if (kib < 1000) {
		(void)snprintf(out, OP_TEXT_CELL, "%uK", (unsigned)kib);
		return out;
	}
	return scaled((double)kib, 1024, "KMGT", out);
}

size_t op_text_decode(const char *text, size_t n, uint32_t *ret_code)
{
	const unsigned char *s = (const unsigned char *)text;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len == 0 || len > n || s[0] > 0xf4)
		return 0;
	uint32_t code = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}
	bool surrogate = code >= 0xd800 && code <= 0xdfff;
	if (code < least[len] || code > 0x10ffff || surrogate)
		return 0;
	*ret_code = code;
	return len;
}

void op_text_safe(const char *from, size_t n, char *out, size_t size)
{
	size_t at = 0, used = 0;
	while (at < n && from[at] && used + 1 < size) {
		uint32_t code = 0;
		size_t len = op_text_decode(from + at, n - at, &code);
		bool steers = code < 0x20 || (code >= 0x7f && code < 0xa0);
		if (len == 0 || steers) {
			out[used++] = '?';
			at += len ? len : 1;
			continue;
		}
		if (used + len >= size)
			break;
		memcpy(out + used, from + at, len);
		used += len;
		at += len;
	}
	out[used] = '\0';
}

size_t op_text_width(const char *text)
{
	size_t width = 0, n = strlen(text);
	for (size_t at = 0; at < n;) {
		uint32_t code = 0;
		size_t len = op_text_decode(text + at, n - at, &code);
		int columns = len ? wcwidth((wchar_t)code) : 1;
		width += columns < 0 ? 1 : (size_t)columns;
		at += len ? len : 1;
	}
	return width;
}

void op_text_field(const struct op_field *f, const void *record, char *out, size_t size)
{
	const char *at = (const char *)record + f->offset;
	char label[128];
	uint64_t u;
	int64_t i;
	switch (f->type) {
	case OP_TEXT:
		op_text_safe(at, f->bytes, out, size);
		if (!*out)
			(void)snprintf(out, size, "-");
		break;
	case OP_ENUM:
		op_field_label(f, record, label, sizeof(label));
		op_text_safe(label, sizeof(label), out, size);
		break;
	case OP_U64:
		memcpy(&u, at, sizeof(u));
		(void)snprintf(out, size, "%" PRIu64, u);
		break;
	case OP_I64:
		memcpy(&i, at, sizeof(i));
		(void)snprintf(out, size, "%" PRId64, i);
		break;
	case OP_F64:
		(void)snprintf(out, size, "%.9g", op_field_f64(f, record));
		break;
	default: /* an integer up to 32 bits is exact in a double; a float has no more digits */
		(void)snprintf(out, size, f->type == OP_F32 ? "%.6g" : "%.0f",
			       op_field_f64(f, record));
	}
}
