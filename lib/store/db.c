/*
 * db.c - one SQLite database: opened, made, brought to its version, renewed when it is damaged.
 *
 * A new database is made under another name and renamed when it is whole: what stands at its path
 * is either a database of ours or was damaged, and no power cut makes one look like the other.
 * Whether SQLite finds damage, and where, depends on the pages it reads; only a small database is
 * checked as a whole. One thread at a time. Document: outpost-store(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/store/db_file.h"
#include "lib/store/db_internal.h"

#define WRITER_BUSY_MS 1000 /* nobody else should write; somebody with a shell may */
#define READER_BUSY_MS 5000
#define CHECKED_BYTES_MAX (1024 * 1024) /* a few milliseconds */

static void close_handle(struct op_db *db)
{
	for (size_t i = 0; i < db->n_statements; i++)
		(void)sqlite3_finalize(db->statements[i].stmt); /* its error has been told */
	db->n_statements = 0;
	(void)sqlite3_close(db->handle); /* cannot be busy: the statements are gone */
	db->handle = NULL;
	db->mark.ino = 0;
	db->in_transaction = false;
}

/* Takes the log into the database when it is closed, and removes it. */
static void keep_no_log(struct op_db *db)
{
	if (db->handle)
		(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

/* Keeps what was found wrong, in one line. */
static void say_why(struct op_db *db, const char *why)
{
	(void)snprintf(db->why, sizeof(db->why), "%s", why);
	db->why[strcspn(db->why, "\r\n")] = '\0';
}

/* ---- opening what is there ---------------------------------------------------------------- */

static int open_handle(struct op_db *db, const char *path, int flags)
{
	int rc = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, db->settings.vfs);
	if (!db->handle)
		return -ENOMEM;
	(void)sqlite3_extended_result_codes(db->handle, 1); /* cannot fail here */
	if (rc != SQLITE_OK)
		return op_db_failed(db, rc);
	/* Closing is not the moment to write: a newer or a damaged one is to stay as it is. */
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_busy_timeout(db->handle,
				   db->settings.read_only ? READER_BUSY_MS : WRITER_BUSY_MS);
	return 0;
}

static int pragma(struct op_db *db, const char *name, sqlite3_int64 value)
{
	char sql[80];
	(void)snprintf(sql, sizeof(sql), "PRAGMA %s=%lld", name, (long long)value); /* fits */
	return op_db_exec(db, sql);
}

static int set_up(struct op_db *db)
{
	int r = pragma(db, "cache_size", -(sqlite3_int64)db->settings.cache_kib);
	if (r == 0)
		r = op_db_exec(db, "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
				   "PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL");
	return r;
}

/* Where it cannot, SQLite says so by answering with another mode. */
static int use_log(struct op_db *db)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode=WAL", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	int r = rc == SQLITE_ROW ? 0 : op_db_failed(db, rc);
	if (r == 0 && strcmp((const char *)sqlite3_column_text(s, 0), "wal"))
		r = -EBUSY;
	(void)sqlite3_finalize(s); /* the same error once more */
	return r;
}

static int set_up_log(struct op_db *db)
{
	sqlite3_int64 page = 0, bytes = (sqlite3_int64)db->settings.wal_kib * 1024;
	int r = op_db_number(db, "PRAGMA page_size", &page);
	if (r == 0)
		r = use_log(db);
	if (r == 0)
		r = pragma(db, "journal_size_limit", bytes);
	if (r == 0)
		r = pragma(db, "wal_autocheckpoint", bytes / page > 0 ? bytes / page : 1);
	return r;
}

/* Is it of the kind and of a version that we know? */
static int identify(struct op_db *db, unsigned *ret_version)
{
	sqlite3_int64 id = 0, version = 0;
	int r = op_db_number(db, "PRAGMA application_id", &id);
	if (r == 0)
		r = op_db_number(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if ((uint32_t)id != db->schema->id || version < 0) {
		say_why(db, "another kind of database");
		return -OP_EDAMAGED;
	}
	*ret_version = (unsigned)version;
	return *ret_version > db->schema->n_steps ? -OP_ENEWER : 0;
}

static int migrate_step(struct op_db *db, unsigned version)
{
	int r = op_db_begin(db);
	if (r < 0)
		return r;
	r = op_db_exec(db, db->schema->steps[version]);
	if (r == 0)
		r = pragma(db, "user_version", version + 1);
	if (r == 0)
		return op_db_commit(db);
	op_db_rollback(db);
	return r;
}

static int migrate(struct op_db *db, unsigned version)
{
	int r = 0;
	while (r == 0 && version < db->schema->n_steps)
		r = migrate_step(db, version++);
	/* The steps are right (tests see to it): then it is not the database its version says. */
	return r == -EINVAL ? -OP_EDAMAGED : r;
}

int op_db_check_small(struct op_db *db)
{
	struct stat st;
	if (stat(db->settings.path, &st) < 0 || st.st_size > CHECKED_BYTES_MAX)
		return 0;
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA integrity_check(1)", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	int r = rc == SQLITE_ROW ? 0 : op_db_failed(db, rc);
	const char *verdict = r == 0 ? (const char *)sqlite3_column_text(s, 0) : NULL;
	if (verdict && strcmp(verdict, "ok")) {
		say_why(db, verdict);
		r = -OP_EDAMAGED;
	}
	(void)sqlite3_finalize(s);
	return r;
}

static int open_writer(struct op_db *db)
{
	unsigned version = 0;
	int r = open_handle(db, db->settings.path, SQLITE_OPEN_READWRITE);
	if (r == 0)
		r = set_up(db);
	if (r == 0)
		r = identify(db, &version);
	if (r == 0)
		r = op_db_check_small(db);
	if (r == 0)
		r = set_up_log(db);
	if (r == 0)
		r = migrate(db, version);
	if (r == 0)
		r = op_db_mark(db);
	return r;
}

/* ---- making a new one --------------------------------------------------------------------- */

static int fill_new(struct op_db *db, const char *path)
{
	int r = open_handle(db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (r == 0)
		r = pragma(db, "page_size", db->settings.page_bytes);
	if (r == 0) /* no journal: half a new one is simply thrown away */
		r = op_db_exec(db, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=MEMORY");
	if (r == 0)
		r = set_up(db);
	if (r == 0)
		r = pragma(db, "application_id", (int32_t)db->schema->id);
	if (r == 0)
		r = migrate(db, 0);
	if (r == 0)
		r = use_log(db);
	keep_no_log(db);
	close_handle(db);
	return r;
}

static int make_new(struct op_db *db)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s.new", db->settings.path) >= PATH_MAX - 16)
		return -ENAMETOOLONG;
	op_db_file_discard(path); /* one that was not finished */
	int r = fill_new(db, path);
	if (r == 0 && chmod(path, 0640) < 0)
		r = -errno;
	if (r == 0 && rename(path, db->settings.path) < 0)
		r = -errno;
	if (r == 0)
		r = op_db_file_sync_dir(db->settings.path);
	if (r < 0)
		op_db_file_discard(path);
	return r;
}

/* ---- damage ------------------------------------------------------------------------------- */

static void tell(const struct op_db *db, struct op_buf *note, const char *what, const char *name)
{
	if (!note)
		return;
	op_buf_printf(note, "%s%s: %s is damaged (%s); %s %s", note->len ? "; " : "",
		      db->schema->name, db->settings.path, db->why, what, name);
}

static int set_aside(struct op_db *db, bool log_only, struct op_buf *note)
{
	char name[PATH_MAX];
	int r = op_db_file_set_aside(db->settings.path, log_only, name);
	if (r > 0)
		tell(db, note,
		     log_only ? "the log it left is kept as"
			      : "a new one is begun, and what was there kept as",
		     name);
	return r < 0 ? r : 0;
}

/* What its sound part says is used; the rest is kept for whoever can read it. */
static int judge_log(struct op_db *db, struct op_buf *note)
{
	char name[PATH_MAX];
	bool damaged = false;
	int r = op_db_file_log_damaged(db->settings.path, db->settings.relaxed, &damaged);
	if (r < 0 || !damaged)
		return r;
	r = op_db_file_keep_log(db->settings.path, name);
	say_why(db, "its log cannot be read to the end: the newest transactions may be lost");
	if (r == 0)
		tell(db, note, "what its log says up to there is used, and the log kept as", name);
	return r;
}

/* On a read-only medium there is no place for the index of the log, and no need of one. */
static bool unchanging(const char *path)
{
	struct statvfs fs;
	struct stat st;
	char log[PATH_MAX];
	return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) &&
	       snprintf(log, sizeof(log), "%s-wal", path) < PATH_MAX &&
	       (stat(log, &st) < 0 || st.st_size == 0);
}

/* As https://www.sqlite.org/uri.html has it. */
static void put_uri(struct op_buf *b, const char *path)
{
	op_buf_puts(b, "file:");
	for (; *path; path++)
		if (strchr("%?#", *path))
			op_buf_printf(b, "%%%02X", (unsigned char)*path);
		else
			op_buf_putc(b, *path);
	op_buf_puts(b, "?immutable=1");
}

static int open_unchanging(struct op_db *db)
{
	OP_AUTO_BUF struct op_buf uri;
	op_buf_init(&uri, 4 * PATH_MAX);
	put_uri(&uri, db->settings.path);
	return uri.err ? uri.err
		       : open_handle(db, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

static int open_reader(struct op_db *db)
{
	unsigned version = 0;
	int r = unchanging(db->settings.path)
			? open_unchanging(db)
			: open_handle(db, db->settings.path, SQLITE_OPEN_READONLY);
	if (r == 0)
		r = set_up(db);
	return r < 0 ? r : identify(db, &version);
}

static int open_existing(struct op_db *db, struct op_buf *note)
{
	enum op_db_look look = OP_DB_NONE;
	const char *why = "";
	int r = op_db_file_look(db->settings.path, db->schema, &look, &why);
	if (r < 0)
		return r;
	say_why(db, look == OP_DB_NONE ? "a log without its database" : why);
	if (look == OP_DB_NONE)
		return -ENOENT;
	if (look != OP_DB_THERE)
		return look == OP_DB_NEWER ? -OP_ENEWER : -OP_EDAMAGED;
	if (!db->settings.read_only)
		r = judge_log(db, note);
	return r < 0 ? r : db->settings.read_only ? open_reader(db) : open_writer(db);
}

static int begin_anew(struct op_db *db, struct op_buf *note)
{
	if (db->handle && !db->why[0])
		say_why(db, op_db_message(db));
	close_handle(db);
	int r = set_aside(db, false, note);
	if (r == 0)
		r = make_new(db);
	return r < 0 ? r : open_writer(db);
}

/* At most one is set aside: if the new one is damaged as well, the medium is. */
static int open_any(struct op_db *db, struct op_buf *note)
{
	int r = open_existing(db, note);
	if (!db->settings.read_only && (r == -OP_EDAMAGED || r == -ENOENT))
		r = begin_anew(db, note);
	if (r < 0)
		close_handle(db);
	return r;
}

/* ---- the public calls --------------------------------------------------------------------- */

static int copy_settings(struct op_db *db, const struct op_db_settings *settings)
{
	db->settings = *settings;
	db->settings.path = strdup(settings->path);
	if (!db->settings.cache_kib)
		db->settings.cache_kib = 512;
	if (!db->settings.page_bytes)
		db->settings.page_bytes = 1024;
	if (!db->settings.wal_kib)
		db->settings.wal_kib = 1024;
	return db->settings.path ? 0 : -ENOMEM;
}

int op_db_open(const struct op_db_settings *settings, const struct op_db_schema *schema,
	       struct op_db **ret, struct op_buf *note)
{
	struct op_db *db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	db->schema = schema;
	db->lock_fd = -1;
	int r = copy_settings(db, settings);
	if (r == 0 && !settings->read_only)
		r = op_db_file_lock(settings->path, &db->lock_fd);
	if (r == 0)
		r = open_any(db, note);
	if (r < 0) {
		op_db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void op_db_close(struct op_db *db)
{
	if (!db)
		return;
	op_db_rollback(db);
	if (!db->settings.read_only)
		keep_no_log(db);
	close_handle(db);
	free(db->statements);
	free((char *)db->settings.path);
	op_cleanup_close(&db->lock_fd);
	free(db);
}

/* What somebody put in its place is not what is damaged, nor does the log belong to it: SQLite
 * would play the one into the other. */
static int open_replaced(struct op_db *db, struct op_buf *note)
{
	close_handle(db);
	say_why(db, "its file was taken away");
	int r = set_aside(db, true, note);
	return r < 0 ? r : open_any(db, note);
}

int op_db_renew(struct op_db *db, struct op_buf *note)
{
	assert(!db->settings.read_only);
	db->why[0] = '\0';
	bool looked = op_db_look(db) < 0;                        /* then it has noted why */
	int r = !db->handle                 ? open_any(db, note) /* the last one ended half-way */
		: looked && op_db_moved(db) ? open_replaced(db, note)
					    : begin_anew(db, note);
	if (r < 0)
		close_handle(db);
	return r;
}

int op_db_ensure_open(struct op_db *db)
{
	return db->handle ? 0 : db->settings.read_only ? -EBADF : open_any(db, NULL);
}
