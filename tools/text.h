/*
 * text.h - numbers, spans of time and foreign text in the few characters of a table cell.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_TEXT_H
#define OUTPOST_TOOLS_TEXT_H

#include <outpost/topic.h>

/* Every function below writes at most OP_TEXT_CELL bytes with the NUL and returns out. */
#define OP_TEXT_CELL 16

/* "850us" "12ms" "3.4s" "2m05s" "3h12m" "4d03h" */
char *op_text_span(uint64_t ns, char out[OP_TEXT_CELL]);
/* Exact below 100000, then "123k" "1.23M" "45.6G" */
char *op_text_count(uint64_t n, char out[OP_TEXT_CELL]);
/* Records per second: "0" "0.05" "1.00" "800.0" "1.23M" */
char *op_text_rate(double hz, char out[OP_TEXT_CELL]);
/* KiB as "640K" "1.9M" "2.1G" */
char *op_text_kib(uint64_t kib, char out[OP_TEXT_CELL]);

/* Copies n bytes of outside text up to the first NUL, with everything that could steer a terminal
 * (control characters, C1 in UTF-8, bytes that are not UTF-8) replaced by '?'. Cuts at a
 * character's edge so that size holds it with the NUL. */
void op_text_safe(const char *from, size_t n, char *out, size_t size);
/* Decodes one character of well-formed UTF-8 (RFC 3629); its bytes, or 0. n >= 1. */
size_t op_text_decode(const char *text, size_t n, uint32_t *ret_code);
/* A field's value for people, harmless on a terminal, without its unit; "-" for empty text. */
void op_text_field(const struct op_field *f, const void *record, char *out, size_t size);
/* Terminal columns of UTF-8 text; needs setlocale(3), counts code points without it. */
size_t op_text_width(const char *text);

#endif
