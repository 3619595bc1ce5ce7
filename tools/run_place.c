/*
 * run_place.c - the runtime directory of one running appliance: its lock, leftovers, cleaning up.
 *
 * Loop thread, before and after the loop. The lock is a record lock (fcntl(2)): it ends with the
 * process, is not inherited, and the kernel tells who holds it. Services of a killed supervisor
 * die with it (their death signal), so what is found under the lock is dead or about to die.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define ORPHAN_MS 3000

static void path_in(const struct run *run, const char *name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s/%s", run->place.runtime, name); /* runtime_dir is bounded */
}

/* ---- lock ----------------------------------------------------------------------------------- */

/* 0 with the lock in *ret_fd, -EAGAIN if the file was removed in between, -EBUSY. */
static int try_lock(const char *path, int *ret_fd, int *ret_owner)
{
	struct stat here, there;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	OP_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		if (errno != EACCES && errno != EAGAIN)
			return -errno;
		lock.l_type = F_WRLCK;
		if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
			return -EAGAIN; /* it ended this moment */
		*ret_owner = (int)lock.l_pid;
		return -EBUSY;
	}
	/* Whoever stops removes the file: a lock on a removed file protects nothing. */
	if (fstat(fd, &here) < 0 || stat(path, &there) < 0 || here.st_ino != there.st_ino)
		return -EAGAIN;
	*ret_fd = op_steal_fd(&fd);
	return 0;
}

static int take_lock(struct run *run)
{
	char path[PATH_MAX], text[PATH_MAX + 32];
	int owner = 0, r = -EAGAIN;
	path_in(run, "lock", path, sizeof(path));
	for (unsigned i = 0; r == -EAGAIN && i < 100; i++)
		r = try_lock(path, &run->lock_fd, &owner);
	if (r == -EBUSY)
		run_say(run, OP_ERR,
			"%s already runs as process %d in %s; stop it first (kill %d), or use "
			"another --runtime and --state",
			op_config_appliance(run->config), owner, run->place.runtime, owner);
	else if (r < 0)
		run_say(run, OP_ERR, "%s: %s", path, op_strerror(r));
	if (r < 0)
		return r;
	int n = snprintf(text, sizeof(text), "%d\n%s\n", (int)getpid(), run->file);
	if (ftruncate(run->lock_fd, 0) < 0 || pwrite(run->lock_fd, text, (size_t)n, 0) != n)
		run_say(run, OP_WARNING, "%s: cannot note the process: %s", path,
			op_strerror(errno)); /* for people only: the lock itself holds */
	return 0;
}

/* ---- leftovers ------------------------------------------------------------------------------ */

/* Waits until process pid is gone: it was told to die with its supervisor. */
static bool await_end(int pid)
{
	OP_AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return fd < 0 ? errno == ESRCH : poll(&p, 1, ORPHAN_MS) == 1;
}

/* Process id of the topic's live writer; 0 if it has none or is not a topic. */
static int writer_of(const char *bus_dir, const char *topic)
{
	struct op_reader *reader;
	if (op_reader_open(bus_dir, topic, NULL, &reader) < 0)
		return 0;
	int pid = op_reader_writer_pid(reader);
	op_reader_close(reader);
	return pid;
}

static int release_topic(struct run *run, const char *bus_dir, const char *name)
{
	int pid = writer_of(bus_dir, name);
	if (pid <= 0 || await_end(pid))
		return 0;
	run_say(run, OP_ERR, "process %d still writes %s/%s; stop it first", pid, bus_dir, name);
	return -EBUSY;
}

/* Removes the files of one directory; those of live writers end the start. */
static int clear_directory(struct run *run, const char *sub, bool topics)
{
	char dir[PATH_MAX];
	path_in(run, sub, dir, sizeof(dir));
	DIR *d = opendir(dir);
	int r = d ? 0 : -errno;
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (topics)
			r = release_topic(run, dir, e->d_name);
		if (r == 0 && unlinkat(dirfd(d), e->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	}
	if (d)
		(void)closedir(d); /* was only read */
	return r;
}

static int clear_leftovers(struct run *run)
{
	int r = clear_directory(run, "bus", true);
	if (r == 0)
		r = clear_directory(run, "call", false);
	if (r == 0)
		r = clear_directory(run, "sim", false);
	if (r < 0 && r != -EBUSY)
		run_say(run, OP_ERR, "%s: cannot remove what an earlier run left: %s",
			run->place.runtime, op_strerror(r));
	return r;
}

/* For tools that look at the bus: a service that never came has no topic to be found by. */
static void note_services(struct run *run)
{
	char path[PATH_MAX];
	path_in(run, "services", path, sizeof(path));
	FILE *f = fopen(path, "we");
	for (size_t i = 0; f && i < run->n_services; i++)
		(void)fprintf(f, "%s\n", run->units[i].name); /* checked by fclose */
	if (!f || fclose(f) == EOF)
		run_say(run, OP_WARNING, "%s: cannot note the services: %s", path,
			op_strerror(errno)); /* outpost status then misses some, no more */
}

/* For tools that look for what was kept: the state directory need not be called as this one. */
static void note_state(struct run *run)
{
	char path[PATH_MAX], state[PATH_MAX];
	path_in(run, "state", path, sizeof(path));
	FILE *f = realpath(run->place.state, state) ? fopen(path, "we") : NULL;
	if (f)
		(void)fprintf(f, "%s\n", state); /* checked by fclose */
	if (!f || fclose(f) == EOF)
		run_say(run, OP_WARNING, "%s: cannot note the state directory: %s", path,
			op_strerror(errno)); /* outpost outbox then needs --state, no more */
}

/* Only once it is sure that we run: who is refused leaves nothing. */
static void make_state(struct run *run)
{
	int r = op_dir_make(run->place.state, 0750);
	if (r < 0)
		run_say(run, OP_WARNING, "state directory %s: %s; nothing will be kept there",
			run->place.state, op_strerror(r));
	else
		note_state(run);
}

/* ---- the whole ------------------------------------------------------------------------------ */

int run_place_take(struct run *run)
{
	char sim[PATH_MAX];
	path_in(run, "sim", sim, sizeof(sim));
	int r = op_runtime_make(run->place.runtime);
	if (r == 0)
		r = op_dir_make(sim, 0755); /* where simulators put their ends */
	if (r < 0) {
		run_say(run, OP_ERR, "runtime directory %s: %s; make it writable or use --runtime",
			run->place.runtime, op_strerror(r));
		return r;
	}
	r = take_lock(run);
	if (r == 0)
		r = clear_leftovers(run);
	if (r < 0)
		return r;
	note_services(run);
	make_state(run);
	return 0;
}

bool run_place_is_ours(const struct run *run)
{
	char path[PATH_MAX];
	struct stat here, there;
	path_in(run, "lock", path, sizeof(path));
	if (fstat(run->lock_fd, &here) < 0 || lstat(path, &there) < 0)
		return false;
	return here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* Who tidies /tmp takes away what nobody has touched for days (tmpfiles.d(5)). */
static void keep_young(int fd)
{
	struct stat st;
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	if (fstat(fd, &st) == 0 && llabs((long long)now.tv_sec - st.st_mtim.tv_sec) > 3600)
		(void)futimens(fd, NULL); /* ours to touch; tried again in a second */
}

void run_place_tick(struct run *run)
{
	struct stat sock;
	bool heard = lstat(run->notify.path, &sock) == 0 && S_ISSOCK(sock.st_mode);
	if (run->stopping)
		return;
	if (heard && run_place_is_ours(run)) {
		keep_young(run->lock_fd);
		return;
	}
	bool session = !strncmp(run->place.runtime, "/run/user/", 10);
	run_say(run, OP_ERR,
		"runtime directory %s: it is gone or another's, so nobody hears the "
		"services any more: stopping%s",
		run->place.runtime,
		session ? "; it goes when its user logs out: run us by systemd, or allow it "
			  "to stay (loginctl enable-linger)"
			: "; start us anew");
	run_stop(run, OP_EXIT_FAULT);
}

static void remove_all(struct run *run)
{
	static const char *const subs[] = {"bus", "call", "sim", ""};
	char path[PATH_MAX];
	(void)clear_leftovers(run); /* what cannot be removed was said, and the next run tries */
	path_in(run, "services", path, sizeof(path));
	(void)unlink(path);
	path_in(run, "state", path, sizeof(path));
	(void)unlink(path);
	path_in(run, "lock", path, sizeof(path));
	(void)unlink(path);
	for (size_t i = 0; i < OP_ARRAY_SIZE(subs); i++) {
		path_in(run, subs[i], path, sizeof(path));
		(void)rmdir(path); /* stays if somebody else has put something there */
	}
}

void run_place_leave(struct run *run)
{
	if (run->lock_fd < 0)
		return; /* it is not ours */
	if (run_place_is_ours(run))
		remove_all(run);
	(void)close(run->lock_fd); /* after the unlink: see try_lock */
	run->lock_fd = -1;
}
