/*
 * power_medium.c - the medium behind power_vfs.c: what is certain, and one of the states it can be
 * in when the power is gone.
 *
 * Only memory and the files named; a test bed that cannot do its work aborts. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "power_medium.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define NAME_MAX_BYTES 512

struct bytes {
	unsigned char *data;
	size_t n;
};

struct write {
	struct bytes bytes; /* data NULL: cut to or extended to `at` */
	size_t at;
};

struct medium_file {
	struct medium_file *next;
	dev_t dev;
	ino_t ino;
	int fd;               /* holds the inode */
	struct bytes durable; /* its content on the medium */
	struct write *writes; /* since */
	size_t n_writes, writes_cap;
	bool gone; /* deleted, or was never there after all */
};

/* Changes of names since they were last durable, in their order. */
enum name_change { MADE, DELETED, RENAMED };
struct name {
	enum name_change change;
	struct medium_file *file;
	char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
};

static struct medium_file *files;
static struct name names[64];
static size_t n_names;
static uint64_t state, syncs, cut_sync;
static struct power_harm nowhere, *harm = &nowhere;

static uint64_t chance(uint64_t n)
{
	/* splitmix64 */
	uint64_t z = state += 0x9E3779B97F4A7C15ULL;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return (z ^ z >> 31) % n;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* ---- contents ----------------------------------------------------------------------------- */

/* What appears between the old end and a write beyond it: zeroes, or what was in those sectors. */
static void set_size(struct bytes *b, size_t n, bool garbage)
{
	if (n > b->n) {
		b->data = realloc(b->data, n);
		must(b->data, "realloc");
		memset(b->data + b->n, garbage ? 0xA5 : 0, n - b->n);
	}
	b->n = n;
}

static void put(struct bytes *b, const void *data, size_t n, size_t at, bool garbage)
{
	if (at + n > b->n)
		set_size(b, at + n, garbage);
	memcpy(b->data + at, data, n);
}

static void apply(struct bytes *b, const struct write *w)
{
	if (w->bytes.data)
		put(b, w->bytes.data, w->bytes.n, w->at, false);
	else
		set_size(b, w->at, false);
}

static void read_all(int fd, struct bytes *ret)
{
	struct stat st;
	must(fstat(fd, &st) == 0, "fstat");
	*ret = (struct bytes){malloc((size_t)st.st_size + 1), (size_t)st.st_size};
	must(ret->data && pread(fd, ret->data, ret->n, 0) == (ssize_t)ret->n, "pread");
}

static void write_all(int fd, const struct bytes *b)
{
	must(ftruncate(fd, 0) == 0 && pwrite(fd, b->data, b->n, 0) == (ssize_t)b->n, "pwrite");
}

static void forget_writes(struct medium_file *f)
{
	for (size_t i = 0; i < f->n_writes; i++)
		free(f->writes[i].bytes.data);
	f->n_writes = 0;
}

/* ---- following what happens ---------------------------------------------------------------- */

static struct medium_file *find(const char *name)
{
	struct stat st;
	if (stat(name, &st) < 0)
		return NULL;
	for (struct medium_file *f = files; f; f = f->next)
		if (f->dev == st.st_dev && f->ino == st.st_ino)
			return f;
	return NULL;
}

static void add_name(enum name_change change, struct medium_file *f, const char *from,
		     const char *to)
{
	must(n_names < sizeof(names) / sizeof(names[0]), "too many names");
	struct name *n = &names[n_names++];
	*n = (struct name){.change = change, .file = f};
	snprintf(n->from, sizeof(n->from), "%s", from);
	snprintf(n->to, sizeof(n->to), "%s", to);
}

struct medium_file *medium_open(const char *name, bool made)
{
	struct stat st;
	struct medium_file *f = find(name);
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	must(f, "calloc");
	f->fd = open(name, O_RDWR | O_CLOEXEC);
	if (f->fd < 0) { /* read-only */
		free(f);
		return NULL;
	}
	must(fstat(f->fd, &st) == 0, "fstat");
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	read_all(f->fd, &f->durable);
	f->next = files;
	files = f;
	if (made)
		add_name(MADE, f, "", name);
	return f;
}

static void add_write(struct medium_file *f, const struct write *w)
{
	if (f->n_writes == f->writes_cap) {
		f->writes_cap = f->writes_cap ? 2 * f->writes_cap : 64;
		f->writes = realloc(f->writes, f->writes_cap * sizeof(*f->writes));
		must(f->writes, "realloc");
	}
	f->writes[f->n_writes++] = *w;
}

void medium_write(struct medium_file *f, const void *bytes, size_t n, size_t at)
{
	struct write w = {{malloc(n), n}, at};
	must(w.bytes.data, "malloc");
	memcpy(w.bytes.data, bytes, n);
	add_write(f, &w);
}

void medium_truncate(struct medium_file *f, size_t size)
{
	struct write w = {.at = size};
	add_write(f, &w);
}

static void count_sync(void)
{
	if (++syncs == cut_sync)
		power_cut();
}

static bool is_new(const struct medium_file *f)
{
	for (size_t i = 0; i < n_names; i++)
		if (names[i].change == MADE && names[i].file == f)
			return true;
	return false;
}

void medium_sync(struct medium_file *f)
{
	count_sync();
	for (size_t i = 0; i < f->n_writes; i++)
		apply(&f->durable, &f->writes[i]);
	forget_writes(f);
	if (is_new(f))
		n_names = 0;
}

void medium_sync_names(void)
{
	count_sync();
	n_names = 0;
}

void medium_delete(const char *name)
{
	struct medium_file *f = find(name);
	if (!f)
		return;
	f->gone = true;
	add_name(DELETED, f, name, "");
}

void medium_rename(const char *from, const char *to)
{
	add_name(RENAMED, find(to), from, to);
}

void medium_begin(uint64_t seed, uint64_t cut_at)
{
	while (files) {
		struct medium_file *f = files;
		files = f->next;
		forget_writes(f);
		free(f->writes);
		free(f->durable.data);
		close(f->fd);
		free(f);
	}
	n_names = 0;
	syncs = 0;
	state = seed;
	cut_sync = cut_at;
}

uint64_t power_syncs(void)
{
	return syncs;
}

void power_count(struct power_harm *h)
{
	harm = h;
}

/* ---- the cut ------------------------------------------------------------------------------- */

enum fate { KEPT, LOST, TORN, GARBLED, FATES };

/* How one cut treats writes: the share of each fate, in percent. */
static const unsigned char moods[][FATES] = {
	{100, 0, 0, 0},   /* everything had just reached the medium */
	{0, 100, 0, 0},   /* nothing had */
	{50, 50, 0, 0},   /* some, in any order */
	{40, 20, 40, 0},  /* sectors of some */
	{40, 20, 20, 20}, /* and some were being written */
	{90, 10, 0, 0},   /* nearly everything */
};

static enum fate draw(const unsigned char *mood)
{
	unsigned at = (unsigned)chance(100), fate = 0;
	while (at >= mood[fate])
		at -= mood[fate++];
	return (enum fate)fate;
}

/* Sector by sector, as they lie on the medium: each is as before, as after, or anything. Bytes
 * beside the write are never touched: SQLite and the file systems rely on that. */
static void put_sectors(struct bytes *b, const struct write *w, bool garble)
{
	for (size_t done = 0; done < w->bytes.n;) {
		size_t at = w->at + done, n = SECTOR - at % SECTOR;
		n = n < w->bytes.n - done ? n : w->bytes.n - done;
		switch (chance(garble ? 3 : 2)) {
		case 0:
			put(b, w->bytes.data + done, n, at, chance(2));
			break;
		case 2: {
			unsigned char noise[SECTOR];
			for (size_t i = 0; i < n; i++)
				noise[i] = (unsigned char)chance(256);
			put(b, noise, n, at, true);
		}
		}
		done += n;
	}
}

static void decide(struct bytes *b, const struct write *w, const unsigned char *mood)
{
	enum fate fate = draw(mood);
	if (!w->bytes.data && fate > LOST)
		fate = KEPT; /* a length is old or new */
	switch (fate) {
	case KEPT:
		harm->kept++;
		apply(b, w);
		break;
	case TORN:
	case GARBLED:
		*(fate == TORN ? &harm->torn : &harm->garbled) += 1;
		put_sectors(b, w, fate == GARBLED);
		break;
	default:
		harm->lost++;
	}
}

static void cut_file(struct medium_file *f, const unsigned char *mood)
{
	if (!f->n_writes)
		return;
	for (size_t i = 0; i < f->n_writes; i++)
		decide(&f->durable, &f->writes[i], mood);
	forget_writes(f);
	if (!f->gone)
		write_all(f->fd, &f->durable);
}

static void undo(const struct name *n)
{
	int fd;
	harm->names_undone++;
	switch (n->change) {
	case MADE:
		must(unlink(n->to) == 0 || n->file->gone, n->to);
		break;
	case RENAMED: /* by the system's call: the wrapped one would remember it */
		must(renameat(AT_FDCWD, n->to, AT_FDCWD, n->from) == 0, n->from);
		break;
	case DELETED:
		fd = open(n->from, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
		must(fd >= 0, n->from);
		write_all(fd, &n->file->durable);
		close(fd);
	}
}

/* The index is not synced by anybody: it may hold anything, or not be there. */
static void cut_index(const char *name)
{
	char path[NAME_MAX_BYTES + 8];
	struct stat st;
	snprintf(path, sizeof(path), "%s-shm", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	must(fstat(fd, &st) == 0, path);
	for (off_t at = 0; at < st.st_size && at < 512; at += 8) {
		uint64_t noise = chance(UINT64_MAX);
		must(pwrite(fd, &noise, 8, at) == 8, path);
	}
	close(fd);
	if (chance(3) == 0)
		must(unlink(path) == 0, path);
}

static void path_of(const struct medium_file *f, char out[NAME_MAX_BYTES])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", f->fd);
	ssize_t n = readlink(link, out, NAME_MAX_BYTES - 1);
	must(n > 0, link);
	out[n] = '\0';
}

_Noreturn void power_cut(void)
{
	const unsigned char *mood = moods[chance(sizeof(moods) / sizeof(moods[0]))];
	char name[NAME_MAX_BYTES];
	harm->cuts++;
	for (struct medium_file *f = files; f; f = f->next)
		cut_file(f, mood);
	size_t durable = chance(n_names + 1);
	for (size_t i = n_names; i > durable; i--)
		undo(&names[i - 1]);
	for (struct medium_file *f = files; f; f = f->next) {
		path_of(f, name);
		if (chance(2))
			cut_index(name);
	}
	_exit(POWER_CUT);
}
