/*
 * expand.h - templates: texts with placeholders {NAME} and {NAME:FORMAT}.
 *
 * Pure; any thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_EXPAND_H
#define OUTPOST_ALERTS_EXPAND_H

#include <outpost/buf.h>

/* What a name was: none, text to be escaped, or text that is so already. */
enum expanded { EXPAND_NONE, EXPAND_TEXT, EXPAND_DONE };
/* Appends the text of one placeholder; format: what follows a colon, or NULL. */
typedef enum expanded (*expand_fn)(const void *of, const char *name, const char *format, bool slack,
				   struct op_buf *out);
/* What is no placeholder stays as it is. slack: what is put in is escaped as Slack asks for (&, <
 * and > as entities), the template is not. */
void expand(const char *template, bool slack, expand_fn fn, const void *of, struct op_buf *out);
void expand_escaped(const char *text, bool slack, struct op_buf *out);
/* format: "0" to "9" decimals; "shortest" what reads back the same, with ".0" if it is whole; else
 * six digits. NaN: "none". */
void expand_number(double v, const char *format, struct op_buf *out);

#endif
