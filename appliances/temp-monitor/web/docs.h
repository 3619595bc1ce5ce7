/*
 * docs.h - the files of the description of the API, which are part of the program.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_DOCS_H
#define OUTPOST_TEMP_MONITOR_DOCS_H

#include <stddef.h>

struct temp_doc {
	const char *name;
	const unsigned char *bytes;
	size_t n;
};
extern const struct temp_doc temp_docs[]; /* made by docs/embed */
extern const size_t temp_docs_count;

#endif
