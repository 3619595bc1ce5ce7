/*
 * restore.c - `outpost restore`: puts a backup back, on the same machine or on a blank one.
 *
 * Everything is unpacked and checked beside its place first; only then is anything touched, by
 * renaming. What was there is set aside, never deleted. One thread. Status 0: done; 1: not, and
 * nothing was changed unless it says so; 2: wrong usage. Described in outpost-backup(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <outpost/service.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

static const char help[] =
	"usage: outpost restore FILE [options]\n\n"
	"Puts a backup back: the state of the appliance, and its settings.\n\n"
	"  --list             say what is in it, and change nothing\n"
	"  --state DIR        where the state goes, if not to its usual place\n"
	"  --settings DIR     where the settings go (default /etc/outpost)\n"
	"  --runtime DIR      where to look whether the appliance runs\n"
	"  --force            although there is something already: it is set aside\n"
	"  --help\n\n"
	"Status: 0 done, 1 not done, 2 wrong usage. See outpost-backup(1).\n";

struct restore {
	const char *file, *state_given, *settings, *runtime_given;
	bool list, force;
	char state[PATH_MAX], stage[PATH_MAX], aside[64];
	struct backup_manifest manifest;
};

static int wrong(const char *what)
{
	if (what)
		backup_tell("%s", what);
	fputs("Try 'outpost restore --help'.\n", stderr);
	return 2;
}

/* -1: go on; else the exit status. */
static int parse(struct restore *r, int argc, char **argv)
{
	static const struct option options[] = {
		{"list", no_argument, NULL, 'l'},
		{"state", required_argument, NULL, 's'},
		{"settings", required_argument, NULL, 'c'},
		{"runtime", required_argument, NULL, 'r'},
		{"force", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
		switch (c) {
		case 'h':
			return fputs(help, stdout) == EOF;
		case '?':
			return wrong(NULL);
		case 's':
			r->state_given = optarg;
			break;
		case 'c':
			r->settings = optarg;
			break;
		case 'r':
			r->runtime_given = optarg;
			break;
		default:
			*(c == 'l' ? &r->list : &r->force) = true;
		}
	}
	if (argc - optind != 1)
		return wrong(argc == optind ? "which backup? FILE is missing"
					    : "one backup at a time");
	r->file = argv[optind];
	return -1;
}

static int list(struct restore *r)
{
	int e = backup_archive_read(r->file, NULL, &r->manifest);
	backup_tell_last(r->file, e);
	if (e < 0)
		return 1;
	printf("%s of %s, by Outpost %s%s\n", r->manifest.appliance, r->manifest.time,
	       r->manifest.version,
	       r->manifest.secrets  ? ", with its secrets"
	       : r->manifest.masked ? ", without its secrets"
				    : "");
	for (size_t i = 0; i < r->manifest.n; i++)
		printf("%12llu  %s\n", (unsigned long long)r->manifest.files[i].bytes,
		       r->manifest.files[i].path);
	return fflush(stdout) ? 1 : 0;
}

/* ---- does it run? -------------------------------------------------------------------------- */

static bool is_locked(const char *path)
{
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Writers of databases hold NAME.lock. */
static bool has_writers(const char *state)
{
	bool found = false;
	DIR *d = opendir(state);
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		char path[PATH_MAX];
		size_t n = strlen(e->d_name);
		found = n > 5 && !strcmp(e->d_name + n - 5, ".lock") &&
			backup_join(path, state, e->d_name) == 0 && is_locked(path);
	}
	if (d)
		(void)closedir(d); /* was only read */
	return found;
}

/* `outpost run` holds a record lock on RUNTIME/lock. */
static bool is_supervised(const char *runtime)
{
	char path[PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (backup_join(path, runtime, "lock") < 0)
		return false;
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int check_stopped(const struct restore *r)
{
	char runtime[PATH_MAX];
	bool runs = op_runtime_dir(r->runtime_given, r->manifest.appliance, runtime,
				   sizeof(runtime)) == 0 &&
		    is_supervised(runtime);
	if (!runs && !has_writers(r->state))
		return 0;
	backup_tell("%s runs; stop it first. Nothing was changed", r->manifest.appliance);
	return -EBUSY;
}

/* ---- putting it back ----------------------------------------------------------------------- */

static int make_stage(struct restore *r)
{
	char parent[PATH_MAX];
	(void)snprintf(parent, sizeof(parent), "%s", r->state); /* the same size */
	int e = op_dir_make(dirname(parent), 0755);
	if (e == 0 &&
	    snprintf(r->stage, sizeof(r->stage), "%s.restore-XXXXXX", r->state) >= PATH_MAX)
		e = -ENAMETOOLONG;
	if (e == 0 && !mkdtemp(r->stage))
		e = -errno;
	if (e < 0) {
		r->stage[0] = '\0';
		backup_tell("%s: %s", r->state, op_strerror(e));
	}
	return e;
}

/* "path.before-restore-STAMP" */
static int set_aside(const struct restore *r, const char *path)
{
	char name[PATH_MAX];
	if (snprintf(name, sizeof(name), "%s.%s", path, r->aside) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) < 0)
		return -errno;
	printf("set aside: %s\n", name);
	return 0;
}

static int own_as(const char *path, const struct stat *st)
{
	/* Only root can, and only then it matters. */
	return geteuid() == 0 && lchown(path, st->st_uid, st->st_gid) < 0 ? -errno : 0;
}

static int own_tree(const struct restore *r, const char *dir)
{
	struct stat st;
	int e = 0;
	if (stat(r->state, &st) < 0)
		return chmod(dir, 0755) < 0 ? -errno : 0;
	for (size_t i = 0; e == 0 && i < r->manifest.n; i++) {
		char path[PATH_MAX];
		if (!strncmp(r->manifest.files[i].path, "state/", 6) &&
		    (e = backup_join(path, r->stage, r->manifest.files[i].path)) == 0)
			e = own_as(path, &st);
	}
	if (e == 0)
		e = own_as(dir, &st);
	return e == 0 && chmod(dir, st.st_mode & 07777) < 0 ? -errno : e;
}

static int put_state(struct restore *r)
{
	char from[PATH_MAX];
	struct stat st;
	int e = backup_join(from, r->stage, "state");
	if (e == 0 && mkdir(from, 0700) < 0 && errno != EEXIST)
		e = -errno;
	if (e == 0)
		e = own_tree(r, from);
	if (e == 0)
		e = backup_sync_tree(from);
	if (e == 0 && lstat(r->state, &st) == 0)
		e = backup_is_empty(r->state) && rmdir(r->state) == 0 ? 0 : set_aside(r, r->state);
	if (e == 0 && rename(from, r->state) < 0)
		e = -errno;
	if (e == 0)
		e = backup_sync_parent(r->state);
	if (e < 0)
		backup_tell("%s: %s", r->state, op_strerror(e));
	else
		printf("state: %s\n", r->state);
	return e;
}

static bool same(const char *a, const char *b)
{
	char hash_a[BACKUP_HASH_BYTES], hash_b[BACKUP_HASH_BYTES];
	uint64_t bytes;
	return backup_hash(a, hash_a, &bytes) == 0 && backup_hash(b, hash_b, &bytes) == 0 &&
	       !strcmp(hash_a, hash_b);
}

/* Where a file of settings/ goes: the environment beside the appliance's file, named after it. */
static int settings_place(const struct restore *r, const char *path, char out[PATH_MAX])
{
	char name[300];
	const char *base = path + strlen("settings/");
	if (!strcmp(base, "environment"))
		(void)snprintf(name, sizeof(name), "%s.env", r->manifest.appliance); /* fits */
	else if (snprintf(name, sizeof(name), "%s", base) >= (int)sizeof(name) || strchr(base, '/'))
		return -ENAMETOOLONG;
	return backup_join(out, r->settings, name);
}

static int put_setting(struct restore *r, const struct backup_file *f)
{
	char from[PATH_MAX], to[PATH_MAX] = "", part[PATH_MAX];
	struct stat st;
	int e = backup_join(from, r->stage, f->path);
	if (e == 0)
		e = settings_place(r, f->path, to);
	if (e == 0 && same(from, to))
		return 0;
	if (e == 0)
		e = op_dir_make(r->settings, 0755);
	if (e == 0 && snprintf(part, sizeof(part), "%s.part", to) >= PATH_MAX)
		e = -ENAMETOOLONG;
	if (e == 0)
		e = backup_copy(from, part);
	if (e == 0 && !r->manifest.secrets && chmod(part, 0644) < 0)
		e = -errno;
	if (e == 0 && lstat(to, &st) == 0)
		e = set_aside(r, to);
	if (e == 0 && rename(part, to) < 0)
		e = -errno;
	if (e == 0)
		e = backup_sync_tree(r->settings);
	if (e < 0)
		backup_tell("%s: %s", to, op_strerror(e));
	else
		printf("settings: %s\n", to);
	return e;
}

static int put_settings(struct restore *r)
{
	int e = 0;
	for (size_t i = 0; e == 0 && i < r->manifest.n; i++)
		if (!strncmp(r->manifest.files[i].path, "settings/", 9))
			e = put_setting(r, &r->manifest.files[i]);
	return e;
}

/* ---- in order ------------------------------------------------------------------------------ */

static int check_free(const struct restore *r)
{
	char from[PATH_MAX], to[PATH_MAX];
	const char *taken = backup_is_empty(r->state) ? NULL : r->state;
	for (size_t i = 0; !taken && i < r->manifest.n; i++) {
		const char *path = r->manifest.files[i].path;
		if (strncmp(path, "settings/", 9))
			continue;
		int e = settings_place(r, path, to);
		if (e == 0)
			e = backup_join(from, r->stage, path);
		if (e < 0)
			return e;
		if (access(to, F_OK) == 0 && !same(from, to))
			taken = to;
	}
	if (!taken || r->force)
		return 0;
	backup_tell("%s is there already; --force sets it aside. Nothing was changed", taken);
	return -EEXIST;
}

static int find_place(struct restore *r)
{
	time_t now = time(NULL);
	struct tm tm;
	(void)strftime(r->aside, sizeof(r->aside), "before-restore-%Y%m%dT%H%M%SZ",
		       gmtime_r(&now, &tm)); /* fits */
	int e = op_state_dir(r->state_given, r->manifest.appliance, r->state, sizeof(r->state));
	for (size_t n = strlen(r->state); n > 1 && r->state[n - 1] == '/'; n--)
		r->state[n - 1] = '\0';
	if (e < 0)
		backup_tell("--state: %s", op_strerror(e));
	return e;
}

/* The manifest alone says where to unpack; everything is then read once more, and checked. */
static int unpack(struct restore *r)
{
	int e = backup_archive_read(r->file, NULL, &r->manifest);
	if (e == 0)
		e = find_place(r);
	if (e == 0)
		e = check_stopped(r);
	if (e == 0)
		e = make_stage(r);
	if (e < 0)
		return e;
	backup_manifest_finish(&r->manifest);
	return backup_archive_read(r->file, r->stage, &r->manifest);
}

int restore_main(int argc, char **argv)
{
	struct restore r = {.settings = "/etc/outpost"};
	int status = parse(&r, argc, argv);
	if (status >= 0)
		return status;
	backup_catch_signals();
	if (r.list) {
		status = list(&r);
		backup_manifest_finish(&r.manifest);
		return status;
	}
	int e = unpack(&r);
	if (e == 0)
		e = check_free(&r);
	if (e == 0)
		e = put_settings(&r);
	if (e == 0)
		e = put_state(&r);
	if (r.stage[0])
		backup_remove_tree(r.stage);
	backup_progress_end();
	backup_tell_last(r.file, e);
	if (e == 0 && r.manifest.masked)
		backup_tell(
			"note: secrets are not in this backup; give them anew where the settings "
			"say \"***\", or by the environment");
	backup_manifest_finish(&r.manifest);
	return e < 0 || fflush(stdout) ? 1 : 0;
}
