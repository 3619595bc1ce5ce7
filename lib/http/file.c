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
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

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
	{"ico", "image/x-icon"},
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

int op_http_static(struct op_http *h, const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (h->root_fd >= 0)
		close(h->root_fd);
	h->root_fd = fd;
	return 0;
}

/* A regular file below the root, or a negative errno. */
static int open_below(const struct op_http *h, const char *path, struct stat *ret)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, h->root_fd, path, &how, sizeof(how));
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

static void add_cache_fields(struct op_http_request *rq, const char *path, const struct stat *st,
			     bool gzip, bool both, char tag[64])
{
	char when[40];
	struct tm tm;
	gmtime_r(&st->st_mtim.tv_sec, &tm);
	strftime(when, sizeof(when), "%a, %d %b %Y %H:%M:%S GMT", &tm);
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

/* The pre-compressed variant if the client takes it; *both tells whether there are two. */
static int open_variant(struct op_http_request *rq, const char *path, struct stat *st, bool *gzip,
			bool *both)
{
	char zipped[OP_HTTP_HEAD_MAX + 32];
	struct stat z;
	const char *accept = op_http_field_get(rq, "accept-encoding");
	int plain = open_below(rq->server, path, st);
	if (plain < 0)
		return plain;
	snprintf(zipped, sizeof(zipped), "%s.gz", path);
	int fd = open_below(rq->server, zipped, &z);
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

void http_file_serve(struct op_http_request *rq)
{
	const char *path = rq->path + 1;
	char index[OP_HTTP_HEAD_MAX + 16], tag[64];
	size_t n = strlen(path);
	if (!n || path[n - 1] == '/') {
		snprintf(index, sizeof(index), "%sindex.html", path);
		path = index;
	}
	struct stat st;
	bool gzip = false, both = false;
	int fd = strstr(rq->path, "/.") ? -ENOENT : open_variant(rq, path, &st, &gzip, &both);
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
	http_answer_file(rq, fd, st.st_size, type);
}
