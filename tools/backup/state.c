/*
 * state.c - the state directory, copied while it is in use.
 *
 * Databases are copied as they were at one instant each; logs, indices and locks belong to them and
 * stay behind, and so does what was set aside as damaged. Other files are taken as they are. One
 * thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backup.h"
#include "lib/store/db.h"

#define DEPTH_MAX 16

struct work {
	const char *state, *stage;
	struct backup_manifest *m;
	struct backup_counts *counts;
	unsigned depth;
};

static bool is_database(const char *real)
{
	char head[16];
	OP_AUTO_CLOSE int fd = open(real, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) &&
	       !memcmp(head, "SQLite format 3", sizeof(head));
}

/* NAME-wal and the like, where NAME is there. */
static bool belongs_to_another(const char *real)
{
	static const char *const endings[] = {"-wal", "-shm",  "-journal", ".lock",
					      ".new", ".part", ".probe"};
	size_t n = strlen(real);
	for (size_t i = 0; i < OP_ARRAY_SIZE(endings); i++) {
		size_t k = strlen(endings[i]);
		char base[PATH_MAX];
		if (n <= k || strcmp(real + n - k, endings[i]))
			continue;
		(void)snprintf(base, sizeof(base), "%.*s", (int)(n - k), real); /* fits */
		if (access(base, F_OK) == 0 || i == 0 || i == 1)
			return true;
	}
	return false;
}

static bool hear(double done, void *what)
{
	return backup_progress(what, done) == 0;
}

static int take_file(struct work *w, const char *path, const char *real, const char *to)
{
	bool database = is_database(real);
	*(database ? &w->counts->databases : &w->counts->files) += 1;
	int r = database ? op_db_copy(real, to, hear, (char *)path) : backup_copy(real, to);
	if (r == 0 && database && chmod(to, 0640) < 0)
		r = -errno;
	if (r == -ENOENT) { /* deleted just now */
		*(database ? &w->counts->databases : &w->counts->files) -= 1;
		return 0;
	}
	if (r < 0) {
		backup_tell("%s: %s", real, op_strerror(r));
		return r;
	}
	return backup_manifest_add(w->m, path, to);
}

static int take_directory(struct work *w, const char *path);

/* path: within the archive, "state/...". */
static int take(struct work *w, const char *path)
{
	char real[PATH_MAX], to[PATH_MAX];
	struct stat st;
	int r = backup_join(real, w->state, path + strlen("state/"));
	if (r == 0)
		r = backup_join(to, w->stage, path);
	if (r < 0)
		return r;
	if (lstat(real, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (strstr(path, ".damaged-")) {
		w->counts->damaged++;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return mkdir(to, 0700) < 0 ? -errno : take_directory(w, path);
	if (!S_ISREG(st.st_mode)) {
		w->counts->strange++;
		return 0;
	}
	return belongs_to_another(real) ? 0 : take_file(w, path, real, to);
}

static int take_entry(struct work *w, const char *path, const char *name)
{
	char inner[BACKUP_PATH_MAX];
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (snprintf(inner, sizeof(inner), "%s/%s", path, name) >= (int)sizeof(inner)) {
		backup_tell("%s/%s: the name is too long", path, name);
		return -ENAMETOOLONG;
	}
	int r = backup_progress(inner, 0);
	return r < 0 ? r : take(w, inner);
}

static int take_directory(struct work *w, const char *path)
{
	char real[PATH_MAX];
	int r = backup_join(real, w->state, path + strlen("state"));
	if (r < 0)
		return r;
	DIR *d = opendir(real);
	if (!d || w->depth == DEPTH_MAX) {
		r = d ? -ELOOP : -errno;
		backup_tell("%s: %s", real, op_strerror(r));
	}
	w->depth++;
	for (struct dirent *e; r == 0 && d && (e = readdir(d));)
		r = take_entry(w, path, e->d_name);
	w->depth--;
	if (d)
		(void)closedir(d); /* was only read */
	return r;
}

int backup_state(const char *state, const char *stage, struct backup_manifest *m,
		 struct backup_counts *counts)
{
	char to[PATH_MAX];
	struct work w = {state, stage, m, counts, 0};
	int r = backup_join(to, stage, "state");
	if (r < 0)
		return r;
	return mkdir(to, 0700) < 0 ? -errno : take_directory(&w, "state");
}
