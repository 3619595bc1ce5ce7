/*
 * backup.h - what `outpost backup` and `outpost restore` share: the manifest, files, progress.
 *
 * A backup is a tar archive, compressed with zstd: manifest.json first, then settings/ and state/.
 * The program is one thread; it tells what went wrong on standard error, once, where it is known.
 * Described in outpost-backup(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TOOLS_BACKUP_H
#define OUTPOST_TOOLS_BACKUP_H

#include <limits.h>
#include <outpost/base.h>
#include <outpost/config.h>
#include <stdio.h>
#include <sys/types.h>

#define BACKUP_FORMAT 1
#define BACKUP_FILES_MAX 10000
#define BACKUP_MANIFEST_MAX (8 * 1024 * 1024) /* bytes */
#define BACKUP_PATH_MAX 512                   /* of a name within the archive */
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_HASH_BYTES 65 /* SHA-256 in hexadecimal, and a NUL */

struct backup_file {
	char *path; /* within the archive */
	uint64_t bytes;
	char sha256[BACKUP_HASH_BYTES];
	unsigned mode;
	bool seen; /* restore: it was in the archive */
};

struct backup_manifest {
	char version[32], appliance[64], time[OP_RFC3339_BYTES];
	bool secrets; /* in it as they are */
	bool masked;  /* some were taken out */
	struct backup_file *files;
	size_t n, cap;
};

void backup_manifest_finish(struct backup_manifest *m);
/* Measures the file at real and adds it. Tells. */
int backup_manifest_add(struct backup_manifest *m, const char *path,
			const char *real) OP_MUST_CHECK;
struct backup_file *backup_manifest_find(const struct backup_manifest *m, const char *path);
int backup_manifest_write(const struct backup_manifest *m, const char *real) OP_MUST_CHECK;
/* -OP_EDAMAGED, -OP_ENEWER; does not tell. */
int backup_manifest_read(struct backup_manifest *m, const char *text, size_t n) OP_MUST_CHECK;
uint64_t backup_manifest_bytes(const struct backup_manifest *m);
/* False for a name that leaves its directory, or is none of ours: "..", absolute, empty parts. */
bool backup_path_ok(const char *path);

/* ---- files and directories ------------------------------------------------------------------- */

/* "a/b", or -ENAMETOOLONG after telling. */
int backup_join(char out[PATH_MAX], const char *a, const char *b) OP_MUST_CHECK;
int backup_hash(const char *real, char ret[BACKUP_HASH_BYTES], uint64_t *ret_bytes) OP_MUST_CHECK;
/* As it is; mode 600. */
int backup_copy(const char *from, const char *to) OP_MUST_CHECK;
int backup_put(const char *real, const char *text, size_t n) OP_MUST_CHECK;
void backup_remove_tree(const char *dir);
/* Makes what is in a directory, and its name, durable. */
int backup_sync_tree(const char *dir) OP_MUST_CHECK;
int backup_sync_parent(const char *path) OP_MUST_CHECK;
bool backup_is_empty(const char *dir); /* or is not there */

/* ---- progress, and being stopped ------------------------------------------------------------- */

/* SIGINT and SIGTERM from now on only set a mark, so that what is half made can be removed. */
void backup_catch_signals(void);
/* -ECANCELED once stopped, else 0. Shows, on a terminal, what is done of which file; at most ten
 * times a second. done: 0 ... 1. */
int backup_progress(const char *what, double done) OP_MUST_CHECK;
void backup_progress_end(void);
/* "outpost backup: ..." on its own line, whatever the progress has drawn. */
void backup_tell(const char *fmt, ...) OP_PRINTF(1, 2);
/* The error of the whole, unless somebody nearer to it has told more. */
void backup_tell_last(const char *what, int error);
extern const char *backup_verb; /* "backup" or "restore" */

/* ---- the archive ------------------------------------------------------------------------------
 */

/* Everything in the manifest, from stage, as file (under another name until it is whole). */
int backup_archive_write(const char *file, const char *stage,
			 const struct backup_manifest *m) OP_MUST_CHECK;
/* Reads the manifest; with stage also every file, checked, into it. Tells. */
int backup_archive_read(const char *file, const char *stage,
			struct backup_manifest *m) OP_MUST_CHECK;

/* ---- backup ------------------------------------------------------------------------------------
 */

struct backup_counts {
	unsigned databases, files, damaged, strange;
};
/* Copies the state directory into stage/state and adds it to the manifest. Tells. */
int backup_state(const char *state, const char *stage, struct backup_manifest *m,
		 struct backup_counts *counts) OP_MUST_CHECK;
/* The appliance's file, and with secrets the environment file. Tells. */
int backup_settings(const struct op_config_source *src, const struct op_config *c,
		    const char *stage, struct backup_manifest *m) OP_MUST_CHECK;

int backup_main(int argc, char **argv);
int restore_main(int argc, char **argv);

#endif
