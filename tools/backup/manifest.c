/*
 * manifest.c - what a backup says of itself: version, appliance, time, and each file with its hash.
 *
 * Read from archives that anybody may have made: everything is checked. One thread.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "backup.h"

#include <jansson.h>
#include <outpost/buf.h>
#include <string.h>
#include <sys/stat.h>

void backup_manifest_finish(struct backup_manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->files[i].path);
	free(m->files);
	*m = (struct backup_manifest){.files = NULL};
}

static struct backup_file *add(struct backup_manifest *m, const char *path)
{
	if (m->n == BACKUP_FILES_MAX)
		return NULL;
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 32;
		void *grown = reallocarray(m->files, cap, sizeof(*m->files));
		if (!grown)
			return NULL;
		m->files = grown;
		m->cap = cap;
	}
	struct backup_file *f = &m->files[m->n];
	*f = (struct backup_file){.path = strdup(path)};
	m->n += f->path != NULL;
	return f->path ? f : NULL;
}

int backup_manifest_add(struct backup_manifest *m, const char *path, const char *real)
{
	struct stat st;
	struct backup_file *f = backup_path_ok(path) ? add(m, path) : NULL;
	if (!f) {
		backup_tell("%s: too many files, or a name that cannot be kept", path);
		return -E2BIG;
	}
	int r = stat(real, &st) < 0 ? -errno : backup_hash(real, f->sha256, &f->bytes);
	if (r < 0)
		backup_tell("%s: %s", real, op_strerror(r));
	else
		f->mode = st.st_mode & 0777;
	return r;
}

struct backup_file *backup_manifest_find(const struct backup_manifest *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->files[i].path, path))
			return &m->files[i];
	return NULL;
}

uint64_t backup_manifest_bytes(const struct backup_manifest *m)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < m->n; i++)
		bytes += m->files[i].bytes;
	return bytes;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void put_file(struct op_buf *b, const struct backup_file *f)
{
	char mode[8];
	(void)snprintf(mode, sizeof(mode), "%04o", f->mode); /* fits */
	op_buf_puts(b, "\n  ");
	op_json_begin(b, '{');
	op_json_kv_str(b, "path", f->path);
	op_json_kv_u64(b, "bytes", f->bytes);
	op_json_kv_str(b, "sha256", f->sha256);
	op_json_kv_str(b, "mode", mode);
	op_json_end(b, '}');
}

int backup_manifest_write(const struct backup_manifest *m, const char *real)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, BACKUP_MANIFEST_MAX);
	op_json_begin(&b, '{');
	op_json_kv_u64(&b, "format", BACKUP_FORMAT);
	op_json_kv_str(&b, "outpost", m->version);
	op_json_kv_str(&b, "appliance", m->appliance);
	op_json_kv_str(&b, "time", m->time);
	op_json_kv_bool(&b, "secrets", m->secrets);
	op_json_kv_bool(&b, "masked", m->masked);
	op_json_key(&b, "files");
	op_json_begin(&b, '[');
	for (size_t i = 0; i < m->n; i++)
		put_file(&b, &m->files[i]);
	op_json_end(&b, ']');
	op_json_end(&b, '}');
	op_buf_putc(&b, '\n');
	int r = b.err ? b.err : backup_put(real, b.data, b.len);
	if (r < 0)
		backup_tell("%s: %s", real, op_strerror(r));
	return r;
}

/* ---- reading ------------------------------------------------------------------------------- */

bool backup_path_ok(const char *path)
{
	size_t n = strlen(path);
	if (n == 0 || n >= BACKUP_PATH_MAX || path[0] == '/' || path[n - 1] == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		size_t len = strcspn(part, "/");
		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && !strncmp(part, "..", 2)))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f || path[i] == '\\')
			return false;
	return !strncmp(path, "state/", 6) || !strncmp(path, "settings/", 9);
}

static bool is_hash(const char *text)
{
	return strlen(text) == BACKUP_HASH_BYTES - 1 &&
	       strspn(text, "0123456789abcdef") == BACKUP_HASH_BYTES - 1;
}

static int read_file(struct backup_manifest *m, json_t *entry)
{
	const char *path, *hash, *mode;
	json_int_t bytes;
	char *end;
	if (json_unpack(entry, "{s:s, s:I, s:s, s:s}", "path", &path, "bytes", &bytes, "sha256",
			&hash, "mode", &mode) < 0 ||
	    !backup_path_ok(path) || bytes < 0 || !is_hash(hash) || backup_manifest_find(m, path))
		return -OP_EDAMAGED;
	struct backup_file *f = add(m, path);
	if (!f)
		return -E2BIG;
	unsigned long bits = strtoul(mode, &end, 8);
	if (end == mode || *end || bits > 0777)
		return -OP_EDAMAGED;
	f->bytes = (uint64_t)bytes;
	f->mode = (unsigned)bits;
	memcpy(f->sha256, hash, BACKUP_HASH_BYTES);
	return 0;
}

static int take_text(char *out, size_t size, const char *text)
{
	return snprintf(out, size, "%s", text) < (int)size && *text ? 0 : -OP_EDAMAGED;
}

static int read_object(struct backup_manifest *m, json_t *root)
{
	const char *version, *appliance, *time;
	int secrets, masked, r;
	json_t *files, *entry;
	size_t i;
	if (json_unpack(root, "{s:s, s:s, s:s, s:b, s:b, s:o}", "outpost", &version, "appliance",
			&appliance, "time", &time, "secrets", &secrets, "masked", &masked, "files",
			&files) < 0 ||
	    !json_is_array(files) || strchr(appliance, '/') || appliance[0] == '.')
		return -OP_EDAMAGED;
	if ((r = take_text(m->version, sizeof(m->version), version)) < 0 ||
	    (r = take_text(m->appliance, sizeof(m->appliance), appliance)) < 0 ||
	    (r = take_text(m->time, sizeof(m->time), time)) < 0)
		return r;
	m->secrets = secrets;
	m->masked = masked;
	json_array_foreach(files, i, entry)
	{
		r = read_file(m, entry);
		if (r < 0)
			return r;
	}
	return 0;
}

int backup_manifest_read(struct backup_manifest *m, const char *text, size_t n)
{
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	json_int_t format = json_integer_value(json_object_get(root, "format"));
	int r = format > BACKUP_FORMAT    ? -OP_ENEWER
		: format != BACKUP_FORMAT ? -OP_EDAMAGED
					  : read_object(m, root);
	json_decref(root);
	return r;
}
