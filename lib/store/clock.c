/*
 * clock.c - judges what the wall clock is worth, and cuts its time into segments.
 *
 * What is known of Linux: adjtimex(2) shows STA_UNSYNC from boot until a time service clears it,
 * again after settimeofday(2), and once nobody has disciplined the clock for so long that it may be
 * 16 s off (nine hours). Slewing turns CLOCK_BOOTTIME and CLOCK_REALTIME alike, so the offset
 * between them moves only in steps; a leap second is a step back by one second. /sys/class/rtc/
 * rtcN/hctosys is 1 if the kernel took the time from that chip, at boot or when the driver came.
 *
 * Everything but op_clock_look is pure. One thread, nothing fails.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

#define LOOKS_MAX 8                        /* tries to read both clocks at one instant */
#define LOOK_SPREAD_NS (20 * OP_NS_PER_US) /* that is near enough to one instant */

const char *op_clock_quality_name(enum op_clock_quality q)
{
	switch (q) {
	case OP_CLOCK_UNKNOWN:
		return "unknown";
	case OP_CLOCK_SET:
		return "set";
	case OP_CLOCK_SYNCHRONISED:
		return "synchronised";
	}
	return "?";
}

/* ---- looking ---------------------------------------------------------------------------- */

static int64_t realtime_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * (int64_t)OP_NS_PER_S + ts.tv_nsec;
}

/* Both clocks at one instant: a look that was interrupted in between is repeated. */
static void look_at_clocks(struct op_clock_sight *ret)
{
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < LOOKS_MAX && best > LOOK_SPREAD_NS; i++) {
		uint64_t before = op_now_ns();
		int64_t wall = realtime_ns();
		uint64_t spread = op_now_ns() - before;
		if (spread >= best)
			continue;
		best = spread;
		ret->boot_ns = before + spread / 2;
		ret->wall_ns = wall;
	}
}

static bool is_set_by(int rtc_dir, const char *name)
{
	char path[sizeof(((struct dirent *)0)->d_name) + 16], value = '0';
	(void)snprintf(path, sizeof(path), "%s/hctosys", name); /* fits */
	OP_AUTO_CLOSE int fd = openat(rtc_dir, path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &value, 1) == 1 && value == '1';
}

static bool look_for_chip(void)
{
	bool found = false;
	DIR *d = opendir("/sys/class/rtc");
	for (struct dirent *e; d && !found && (e = readdir(d));)
		found = e->d_name[0] != '.' && is_set_by(dirfd(d), e->d_name);
	if (d)
		(void)closedir(d); /* was only read */
	return found;
}

void op_clock_look(struct op_clock_sight *ret)
{
	struct timex state = {.modes = 0}; /* asks, changes nothing */
	look_at_clocks(ret);
	ret->synchronised = adjtimex(&state) >= 0 && !(state.status & (STA_UNSYNC | STA_CLOCKERR));
	ret->chip = look_for_chip();
}

/* ---- judging ---------------------------------------------------------------------------- */

void op_clock_init(struct op_clock *c, int64_t floor_wall_ns)
{
	*c = (struct op_clock){.floor_wall_ns = floor_wall_ns};
}

static void trust(struct op_clock *c)
{
	if (c->now.quality == OP_CLOCK_UNKNOWN)
		return;
	if (c->now.quality > c->trusted)
		c->trusted = c->now.quality;
	c->trusted_offset_ns = c->now.offset_ns;
}

void op_clock_resume(struct op_clock *c, const struct op_clock_segment *last)
{
	c->now = *last;
	c->any = true;
	trust(c);
}

static uint64_t distance(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* The kernel says this time is right. A clock that was known before is not believed to be years off
 * at once: so much is wrong with one of both, and history would be deleted for its age. */
static enum op_clock_quality judge_synchronised(struct op_clock *c, uint64_t boot_ns,
						int64_t offset_ns)
{
	bool leap = c->trusted == OP_CLOCK_SYNCHRONISED &&
		    distance(offset_ns, c->trusted_offset_ns) > OP_CLOCK_DOUBT_NS;
	if (!leap) {
		c->doubted = false;
		return OP_CLOCK_SYNCHRONISED;
	}
	if (!c->doubted || distance(offset_ns, c->doubted_offset_ns) > OP_CLOCK_STEP_NS) {
		c->doubted = true;
		c->doubted_since_ns = boot_ns;
		c->doubted_offset_ns = offset_ns;
	}
	return boot_ns - c->doubted_since_ns >= OP_CLOCK_TRUST_NS ? OP_CLOCK_SYNCHRONISED
								  : OP_CLOCK_UNKNOWN;
}

/* Nobody vouches for this time but a chip at boot, or a person who moved it forward since. */
static enum op_clock_quality judge_alone(struct op_clock *c, const struct op_clock_sight *sight,
					 int64_t offset_ns)
{
	c->doubted = false;
	bool near = c->trusted == OP_CLOCK_UNKNOWN ||
		    distance(offset_ns, c->trusted_offset_ns) <= OP_CLOCK_DOUBT_NS;
	bool moved = c->any && offset_ns > c->now.offset_ns &&
		     distance(offset_ns, c->now.offset_ns) > OP_CLOCK_STEP_NS;
	bool forward = sight->wall_ns >= c->floor_wall_ns;
	return near && forward && (moved || sight->chip) ? OP_CLOCK_SET : OP_CLOCK_UNKNOWN;
}

/* ---- segments --------------------------------------------------------------------------- */

/* Each segment uses up a pause; they may be saved, but not more than a burst of them. */
static bool may_step(struct op_clock *c, uint64_t boot_ns)
{
	if (c->paid_ns < boot_ns)
		c->paid_ns = boot_ns;
	if (c->paid_ns - boot_ns > (OP_CLOCK_BURST - 1) * OP_CLOCK_PAUSE_NS)
		return false;
	c->paid_ns += OP_CLOCK_PAUSE_NS;
	return true;
}

/* The first segment holds from boot on: records are older than the first look at the clock. */
static enum op_clock_change begin(struct op_clock *c, uint64_t boot_ns, int64_t offset_ns,
				  enum op_clock_quality q)
{
	c->now = (struct op_clock_segment){c->any ? boot_ns : 0, offset_ns, q};
	c->any = true;
	return OP_CLOCK_BEGUN;
}

static enum op_clock_change correct(struct op_clock *c, int64_t offset_ns, enum op_clock_quality q)
{
	c->now.offset_ns = offset_ns;
	c->now.quality = q;
	return OP_CLOCK_CORRECTED;
}

static enum op_clock_change change(struct op_clock *c, uint64_t boot_ns, int64_t offset_ns,
				   enum op_clock_quality q)
{
	bool step = distance(offset_ns, c->now.offset_ns) > OP_CLOCK_STEP_NS;
	if (!c->any)
		return begin(c, boot_ns, offset_ns, q);
	if (q > c->now.quality)
		return correct(c, offset_ns, q);
	if (!step)
		return OP_CLOCK_SAME; /* also when the kernel has lost touch: it runs on as it was
				       */
	if (c->now.quality != OP_CLOCK_UNKNOWN)
		return may_step(c, boot_ns) ? begin(c, boot_ns, offset_ns, q) : OP_CLOCK_SAME;
	/* Of two times that both lie before what was seen, the later one is nearer to the truth;
	 * a doubted one is shown as the machine shows it. */
	bool better = offset_ns > c->now.offset_ns || c->trusted != OP_CLOCK_UNKNOWN;
	if (better && may_step(c, boot_ns))
		return correct(c, offset_ns, q);
	return OP_CLOCK_SAME;
}

enum op_clock_change op_clock_see(struct op_clock *c, const struct op_clock_sight *sight)
{
	int64_t offset_ns = (int64_t)((uint64_t)sight->wall_ns - sight->boot_ns);
	enum op_clock_quality q = sight->synchronised
					  ? judge_synchronised(c, sight->boot_ns, offset_ns)
					  : judge_alone(c, sight, offset_ns);
	enum op_clock_change changed = change(c, sight->boot_ns, offset_ns, q);
	trust(c);
	if (c->now.quality == OP_CLOCK_UNKNOWN)
		return changed;
	int64_t now_ns = (int64_t)(sight->boot_ns + (uint64_t)c->now.offset_ns);
	/* Only the kernel's word can take back what a wrong clock claimed to have seen. */
	if (now_ns > c->floor_wall_ns || c->now.quality == OP_CLOCK_SYNCHRONISED)
		c->floor_wall_ns = now_ns;
	return changed;
}

const struct op_clock_segment *op_clock_at(const struct op_clock_segment *segments, size_t n,
					   uint64_t boot_ns)
{
	size_t low = 0, high = n; /* segments[low] has begun, or is the first; high has not */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (segments[middle].from_ns <= boot_ns)
			low = middle;
		else
			high = middle;
	}
	return &segments[low];
}
