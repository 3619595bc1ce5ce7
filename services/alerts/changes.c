/*
 * changes.c - what `configure` changed, kept while the appliance runs.
 *
 * Loop thread. A small file among the calls' sockets, which `outpost run` removes when it starts
 * and when it stops: a service that is started anew goes on as it was told, an appliance begins
 * with its settings. An address may hold a secret and is not written down. What cannot be kept is
 * told in the log; nothing fails for it. Started by hand, nothing is kept.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "alerts.h"

static void path_of(const struct alerts *a, char *out, size_t size)
{
	const char *bus = op_service_bus_dir(a->service);
	(void)snprintf(out, size, "%.*s/call/%.63s.changes", (int)(strlen(bus) - 4), bus,
		       op_service_name(a->service)); /* without "/bus"; bounded */
}

/* ---- keep ------------------------------------------------------------------------------- */

/* Whole or not at all, and nobody else reads it. */
static int write_file(const char *path, const char *text)
{
	char beside[PATH_MAX];
	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	(void)unlink(beside); /* of a process that was killed here */
	OP_AUTO_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = op_write_all(fd, text, strlen(text));
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(beside);
	return r;
}

void changes_keep(const struct alerts *a)
{
	char path[PATH_MAX];
	path_of(a, path, sizeof(path));
	if (!a->supervised)
		return;
	json_t *o = live_changes(&a->live);
	OP_AUTO_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int r = !o ? 0 : text ? write_file(path, text) : -ENOMEM;
	if ((!o || r < 0) && unlink(path) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	json_decref(o);
	if (r < 0)
		op_log(OP_WARNING, "%s: %s: a restart of this service would undo the changes", path,
		       op_strerror(r));
}

/* ---- back ------------------------------------------------------------------------------- */

static void warn_addresses(const json_t *o)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(o, "addresses"), i, v)
	{
		if (json_is_string(v))
			op_log(OP_WARNING,
			       "channel %.47s: its address is that of the settings again: the one "
			       "that it was given since is not kept",
			       json_string_value(v));
	}
}

void changes_restore(struct alerts *a)
{
	char path[PATH_MAX], mem[256] = "";
	struct op_buf problem;
	json_error_t why;
	path_of(a, path, sizeof(path));
	OP_AUTO_CLOSE int fd = a->supervised ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd < 0 && (!a->supervised || errno == ENOENT))
		return;
	op_buf_init_fixed(&problem, mem, sizeof(mem));
	json_t *o = fd < 0 ? NULL : json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
	int r = o ? live_apply(&a->live, o, &problem) : -EINVAL;
	if (r < 0)
		op_log(OP_WARNING, "%s: %s: what was changed since the start is not any more", path,
		       *mem ? mem : "cannot be read");
	else
		op_log(OP_NOTICE, "settings are as they were changed since the start");
	warn_addresses(o);
	json_decref(o);
}
