/*
 * mock.c - a sensor made of a file.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "mock.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define VALUE_MAX 1e9 /* of either sign: sums over a cycle stay numbers */

static const struct {
	const char *key;
	double fixed;
} values[MOCK_VALUES] = {
	[MOCK_TEMP_HUMIDITY] = {"temp_humidity", 25},
	[MOCK_TEMP_PRESSURE] = {"temp_pressure", 25},
	[MOCK_HUMIDITY] = {"humidity", 40},
};

static int fail(struct mock *m, const char *what)
{
	(void)snprintf(m->why, sizeof(m->why), "mock sensor file %.120s: %.70s", m->file, what);
	return -EIO;
}

void mock_finish(struct mock *m)
{
	json_decref(m->root);
	m->root = NULL;
}

/* Never waits: a FIFO or a device in its place is no file. */
static ssize_t read_file(const char *path, char *text, size_t size)
{
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t n = 0;
	if (fd < 0)
		return -errno;
	while (n < size) {
		ssize_t got = read(fd, text + n, size - n);
		if (got < 0)
			return -errno;
		if (got == 0)
			return (ssize_t)n;
		n += (size_t)got;
	}
	return -EFBIG;
}

int mock_begin(struct mock *m)
{
	mock_finish(m);
	memset(m->used, 0, sizeof(m->used));
	if (!m->file[0])
		return 0;
	OP_AUTO_FREE char *text = malloc(MOCK_FILE_BYTES);
	ssize_t n = text ? read_file(m->file, text, MOCK_FILE_BYTES) : -ENOMEM;
	if (n < 0)
		return fail(m, op_strerror((int)n));
	json_error_t error;
	m->root = json_loadb(text, (size_t)n, 0, &error);
	if (!json_is_object(m->root))
		return fail(m, m->root ? "not a JSON object" : "not JSON");
	if (json_is_true(json_object_get(m->root, "fail")))
		return fail(m, "it says \"fail\"");
	return 0;
}

int mock_next(struct mock *m, enum mock_value which, double *ret)
{
	const char *key = values[which].key;
	if (!m->file[0]) {
		*ret = values[which].fixed;
		return 0;
	}
	const json_t *v = json_object_get(m->root, key);
	if (json_is_array(v)) {
		size_t n = json_array_size(v);
		size_t i = m->used[which] < n ? m->used[which]++ : n ? n - 1 : 0;
		v = json_array_get(v, i);
	}
	bool number = json_is_number(v);
	if (number && fabs(json_number_value(v)) <= VALUE_MAX) {
		*ret = json_number_value(v);
		return 0;
	}
	char what[64];
	(void)snprintf(what, sizeof(what), "%s in \"%s\"",
		       number ? "a number without measure" : "no number", key); /* fits */
	return fail(m, what);
}
