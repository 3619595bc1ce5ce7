/*
 * env_file_print.c - what lib/config reads from an environment file, as JSON, for env_file.py.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/config/internal.h"

#include <jansson.h>
#include <stdio.h>

extern char **environ;

static int print(const struct env_lines *lines)
{
	json_t *all = json_object();
	int rc = 0;
	for (size_t i = 0; i < lines->n; i++) {
		const struct env_line *l = &lines->v[i];
		rc |= json_object_set_new(all, l->name,
					  l->value ? json_string(l->value) : json_null());
	}
	rc |= json_dumpf(all, stdout, 0);
	json_decref(all);
	return rc;
}

int main(int argc, char **argv)
{
	static char text[65536];
	static struct problems p;
	struct op_config c = {.dotenv = true};
	struct env_lines lines = {.n = 0};
	FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
	if (!f)
		return 2;
	size_t len = fread(text, 1, sizeof(text), f);
	(void)fclose(f); /* was only read */
	op_buf_init(&c.notes, 1 << 20);
	int rc = dotenv_parse(&c, text, len, argv[1], environ, &p, &lines);
	if (rc == 0)
		rc = print(&lines);
	fputs(c.notes.data, stderr);
	op_buf_finish(&c.notes);
	pool_finish(&c.pool);
	return rc != 0;
}
