/*
 * file.c - static files below one directory, sent by sendfile(2).
 *
 * Nothing is read into memory and nothing is compressed at run time: FILE.gz is made when the page
 * is built. The path has no dot segments (request.c), and openat2(2) with RESOLVE_BENEATH makes
 * the kernel refuse what a symbolic link could still lead to.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define OFFSET_MAX (INT64_MAX / 2)

static const char *const types[][2] = {
	{"html", "text/html; charset=utf-8"},
	{"js", "text/javascript; charset=utf-8"},
	{"mjs", "text/javascript; charset=utf-8"},
	{"css", "text/css; charset=utf-8"},
	{"json", "application/json"},
	{"map", "application/json"},
	{"webmanifest", "application/manifest+json"},
	{"svg", "image/svg+xml"},
	{"png", "image/png"},
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"webp", "image/webp"},
	{"gif", "image/gif"},
	{"ico", "image/vnd.microsoft.icon"},
	{"woff2", "font/woff2"},
	{"wasm", "application/wasm"},
	{"csv", "text/csv; charset=utf-8"},
	{"txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < OP_ARRAY_SIZE(types); i++)
		if (!strcmp(dot + 1, types[i][0]))
			return types[i][1];
	return "application/octet-stream";
}

int op_http_static_at(struct op_http *h, const char *prefix, const char *dir, unsigned flags)
{
	size_t n = strlen(prefix), i = 0;
	if (!n || prefix[0] != '/' || prefix[n - 1] != '/')
		return -EINVAL;
	while (i < h->n_folders && strcmp(h->folders[i].prefix, prefix) != 0)
		i++;
	if (i == OP_HTTP_FOLDERS_MAX)
		return -ENOSPC;
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (i < h->n_folders)
		close(h->folders[i].fd);
	else
		h->n_folders++;
	h->folders[i] = (struct http_folder){prefix, n, fd, flags};
	return 0;
}

int op_http_static(struct op_http *h, const char *dir)
{
	return op_http_static_at(h, "/", dir, 0);
}

const struct http_folder *http_folder_find(const struct op_http *h, const char *path)
{
	const struct http_folder *found = NULL;
	for (size_t i = 0; i < h->n_folders; i++) {
		const struct http_folder *f = &h->folders[i];
		if (!strncmp(path, f->prefix, f->n_prefix) &&
		    (!found || f->n_prefix > found->n_prefix))
			found = f;
	}
	return found;
}

void http_folders_close(struct op_http *h)
{
	for (size_t i = 0; i < h->n_folders; i++)
		close(h->folders[i].fd);
	h->n_folders = 0;
}

/* A regular file below the folder, or a negative errno. */
static int open_below(const struct http_folder *folder, const char *path, struct stat *ret)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, folder->fd, path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (!fstat(fd, ret) && S_ISREG(ret->st_mode))
		return fd;
	close(fd);
	return -EISDIR;
}

/* Vite and its like put a hash of eight or more characters before the extension. */
static bool is_hashed(const char *path)
{
	const char *dot = strrchr(path, '.'), *p = dot;
	if (!dot)
		return false;
	while (p > path && p[-1] != '-' && p[-1] != '/' && p[-1] != '.')
		p--;
	return p > path && p[-1] == '-' && dot - p == 8;
}

static bool same_tag(const char *list, const char *tag)
{
	if (!strcmp(list, "*"))
		return true;
	for (const char *p = list; (p = strstr(p, tag)); p++)
		if (strchr(", \t", p[strlen(tag)])) /* the NUL at the end is found too */
			return true;
	return false;
}

static bool not_modified(const struct op_http_request *rq, const char *tag, time_t mtime)
{
	const char *match = op_http_field_get(rq, "if-none-match"),
		   *since = op_http_field_get(rq, "if-modified-since");
	if (match)
		return same_tag(match, tag);
	struct tm tm = {0};
	return since && strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &tm) && timegm(&tm) >= mtime;
}

static void write_date(const struct stat *st, char when[40])
{
	struct tm tm;
	gmtime_r(&st->st_mtim.tv_sec, &tm);
	strftime(when, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static void add_cache_fields(struct op_http_request *rq, const char *path, const struct stat *st,
			     bool gzip, bool both, char tag[64])
{
	char when[40];
	write_date(st, when);
	snprintf(tag, 64, "\"%llx-%llx%s\"", (unsigned long long)st->st_size,
		 (unsigned long long)st->st_mtim.tv_sec * 1000000000ull +
			 (unsigned long long)st->st_mtim.tv_nsec,
		 gzip ? "-gz" : "");
	op_http_field_add(rq, "ETag", tag);
	op_http_field_add(rq, "Last-Modified", when);
	op_http_field_add(rq, "Cache-Control",
			  is_hashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
	if (both)
		op_http_field_add(rq, "Vary", "Accept-Encoding");
}

static bool name_file(const struct op_http_request *rq, const struct http_folder *folder,
		      char path[PATH_MAX])
{
	size_t n = strlen(rq->path);
	int r = snprintf(path, PATH_MAX, "%s%s", rq->path + folder->n_prefix,
			 rq->path[n - 1] == '/' ? "index.html" : "");
	return r < PATH_MAX - 8 && !strstr(rq->path, "/.");
}

/* The pre-compressed variant if the client takes it; *both tells whether there are two. */
static int open_variant(struct op_http_request *rq, const struct http_folder *folder,
			const char *path, struct stat *st, bool *gzip, bool *both)
{
	char zipped[PATH_MAX + 4];
	struct stat z;
	const char *accept = op_http_field_get(rq, "accept-encoding");
	int plain = open_below(folder, path, st);
	if (plain < 0)
		return plain;
	snprintf(zipped, sizeof(zipped), "%s.gz", path);
	int fd = open_below(folder, zipped, &z);
	*both = fd >= 0;
	*gzip = *both && accept && op_http_list_has(accept, "gzip");
	if (!*gzip) {
		if (fd >= 0)
			close(fd);
		return plain;
	}
	close(plain);
	*st = z;
	return fd;
}

static void add_page_fields(struct op_http_request *rq, const char *type, bool gzip)
{
	if (gzip)
		op_http_field_add(rq, "Content-Encoding", "gzip");
	if (!strncmp(type, "text/html", 9))
		op_http_field_add(rq, "Referrer-Policy", "no-referrer");
}

/* Names that a quoted string cannot hold as they are (RFC 6266) go without. */
static void add_disposition(struct op_http_request *rq, const char *path)
{
	char text[256];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-");
	int n = snprintf(text, sizeof(text), "inline; filename=%s", name);
	if (!name[plain] && n < (int)sizeof(text))
		op_http_field_add(rq, "Content-Disposition", text);
}

/* Digits; a number too large for any file is a very large one. */
static bool take_bytes(const char **at, off_t *ret)
{
	off_t v = 0;
	size_t n = strspn(*at, "0123456789");
	for (size_t i = 0; i < n; i++)
		v = v < OFFSET_MAX / 10 ? v * 10 + ((*at)[i] - '0') : OFFSET_MAX;
	*at += n;
	*ret = v;
	return n > 0;
}

/* RFC 9110, 14.1.2. 1: one range of a file of `size` bytes; 0: none, or one that does not count;
 * -416: it lies outside. */
static int read_range(const char *text, off_t size, struct http_part *part)
{
	off_t from, to = 0;
	if (strncasecmp(text, "bytes=", 6))
		return 0;
	const char *at = text + 6;
	bool begins = take_bytes(&at, &from);
	if (*at++ != '-')
		return 0;
	bool ends = take_bytes(&at, &to);
	if (*at || (!begins && !ends) || (begins && ends && to < from))
		return 0; /* several ranges too: the whole serves as well */
	if (!begins) {
		if (!to || !size)
			return -416;
		from = to < size ? size - to : 0;
	}
	if (from >= size)
		return -416;
	part->from = from;
	part->to = begins && ends && to < size ? to + 1 : size;
	return 1;
}

/* The range that is asked for, if it is one of this very file. */
static int judge_range(const struct op_http_request *rq, const struct stat *st, const char *tag,
		       struct http_part *part)
{
	char when[40];
	const char *range = op_http_field_get(rq, "range"),
		   *only = op_http_field_get(rq, "if-range");
	if (!range || rq->method != OP_HTTP_GET)
		return 0;
	write_date(st, when);
	if (only && strcmp(only, tag) && strcmp(only, when))
		return 0;
	return read_range(range, st->st_size, part);
}

static void refuse_range(struct op_http_request *rq, int fd, off_t size)
{
	char text[40];
	close(fd);
	snprintf(text, sizeof(text), "bytes */%lld", (long long)size);
	op_http_field_add(rq, "Content-Range", text);
	op_http_error(rq, 416, "the file has only %lld bytes", (long long)size);
}

static void send_file(struct op_http_request *rq, int fd, const struct stat *st, const char *type,
		      const char *tag)
{
	char text[80];
	struct http_part part = {fd, 0, st->st_size};
	int range = judge_range(rq, st, tag, &part);
	if (range < 0) {
		refuse_range(rq, fd, st->st_size);
		return;
	}
	if (range)
		snprintf(text, sizeof(text), "bytes %lld-%lld/%lld", (long long)part.from,
			 (long long)part.to - 1, (long long)st->st_size);
	op_http_field_add(rq, range ? "Content-Range" : "Accept-Ranges", range ? text : "bytes");
	http_answer_file(rq, range ? 206 : 200, &part, type);
}

void http_file_serve(struct op_http_request *rq, const struct http_folder *folder)
{
	char path[PATH_MAX], tag[64];
	struct stat st;
	bool gzip = false, both = false;
	int fd = name_file(rq, folder, path) ? open_variant(rq, folder, path, &st, &gzip, &both)
					     : -ENOENT;
	if (fd < 0) {
		http_answer_status(rq, fd == -EMFILE || fd == -ENFILE ? 503 : 404);
		return;
	}
	const char *type = type_of(path);
	add_cache_fields(rq, path, &st, gzip, both, tag);
	if (not_modified(rq, tag, st.st_mtim.tv_sec)) {
		close(fd);
		op_http_answer(rq, 304, NULL, NULL, 0);
		return;
	}
	add_page_fields(rq, type, gzip);
	if (folder->flags & OP_HTTP_DISPOSITION)
		add_disposition(rq, path);
	send_file(rq, fd, &st, type, tag);
}

bool http_file_is(struct op_http_request *rq, const struct http_folder *folder)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = name_file(rq, folder, path) ? open_below(folder, path, &st) : -ENOENT;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
