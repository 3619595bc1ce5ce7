/*
 * outbox_time.c - what an outbox knows of time: boots, the wall clock, what has expired.
 *
 * Within a boot its own clock counts. Of items of earlier boots the wall clock tells, if it was
 * known then and is known now. Without it one thing is still certain: an item of an earlier boot
 * is older than this boot. Nothing is ever declared expired on less.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <string.h>

#include "lib/store/outbox_internal.h"

#define SWEEP_NS OP_NS_PER_S

static const char find_boot[] = "SELECT id FROM boots WHERE boot_id = ?";
static const char add_boot[] = "INSERT INTO boots(boot_id, offset_ns) VALUES(?, ?)";
static const char set_offset[] = "UPDATE boots SET offset_ns = ? WHERE id = ?";
static const char prune_boots[] =
	"DELETE FROM boots WHERE boot_id <> ?"
	" AND NOT EXISTS(SELECT 1 FROM items WHERE boot = boots.id OR life_boot = boots.id)";
static const char expire[] =
	"UPDATE items SET dead = 2, error = 'its time was up' ||"
	" CASE error WHEN '' THEN '' ELSE '; before: ' || error END WHERE dead = 0 AND life_ns > 0 "
	"AND ("
	"(life_boot = ?1 AND expires_ns <= ?2) OR (life_boot <> ?1 AND (life_ns <= ?2 OR expires_ns"
	" + (SELECT offset_ns FROM boots WHERE boots.id = life_boot) <= ?3)))";

int64_t outbox_ns(uint64_t ns)
{
	return ns < INT64_MAX ? (int64_t)ns : INT64_MAX;
}

int outbox_source_system(struct outbox_source *ret)
{
	char id[sizeof(ret->boot_id)];
	OP_AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, sizeof(id) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	id[n] = 0;
	id[strcspn(id, "\n")] = 0;
	memcpy(ret->boot_id, id, sizeof(id));
	ret->look = op_clock_look;
	return 0;
}

static bool known(const struct op_outbox *o)
{
	return o->clock.any && o->clock.now.quality != OP_CLOCK_UNKNOWN;
}

static sqlite3_stmt *bind_offset(struct op_outbox *o, sqlite3_stmt *s, int at)
{
	if (s && known(o) && sqlite3_bind_int64(s, at, o->clock.now.offset_ns) != SQLITE_OK)
		return NULL;
	return s;
}

/* This boot's offset, now that it is another or known at last. */
static int store_offset(struct op_outbox *o)
{
	if (o->read_only || o->boot == 0 || !known(o))
		return 0;
	int r = outbox_begin(o, false);
	if (r < 0)
		return r;
	sqlite3_stmt *s =
		outbox_bind(o, set_offset, "ii", o->clock.now.offset_ns, (int64_t)o->boot);
	return outbox_end(o, outbox_run(o, s, NULL));
}

static int find_row(struct op_outbox *o)
{
	int64_t id = 0;
	int r = outbox_get(o, outbox_bind(o, find_boot, "t", o->source.boot_id), &id);
	o->boot = r > 0 ? id : 0;
	return r < 0 ? r : 0;
}

int outbox_time_look(struct op_outbox *o)
{
	o->source.look(&o->now);
	bool changed = op_clock_see(&o->clock, &o->now) != OP_CLOCK_SAME;
	int r = o->boot ? 0 : find_row(o);
	return r == 0 && changed ? store_offset(o) : r;
}

int outbox_time_boot(struct op_outbox *o)
{
	int r = o->boot ? 0 : find_row(o);
	if (r < 0 || o->boot)
		return r;
	sqlite3_stmt *s = bind_offset(o, outbox_bind(o, add_boot, "t", o->source.boot_id), 2);
	r = outbox_run(o, s, NULL);
	if (r == 0)
		o->boot = sqlite3_last_insert_rowid(op_db_handle(o->db));
	/* A boot that nothing speaks of any more. */
	return r == 0 ? outbox_run(o, outbox_bind(o, prune_boots, "t", o->source.boot_id), NULL)
		      : r;
}

static int sweep(struct op_outbox *o)
{
	sqlite3_stmt *s = outbox_bind(o, expire, "ii", o->boot, outbox_ns(o->now.boot_ns));
	int64_t wall_ns = outbox_ns(o->now.boot_ns) + o->clock.now.offset_ns;
	if (s && known(o) && sqlite3_bind_int64(s, 3, wall_ns) != SQLITE_OK)
		s = NULL;
	return outbox_run(o, s, NULL);
}

int outbox_time_sweep(struct op_outbox *o, bool now)
{
	if (!now && o->sweep_ns && o->now.boot_ns - o->sweep_ns < SWEEP_NS)
		return 0;
	int r = outbox_begin(o, false);
	if (r == 0)
		r = outbox_end(o, sweep(o));
	if (r == 0)
		o->sweep_ns = o->now.boot_ns;
	return r;
}
