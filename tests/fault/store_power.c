/*
 * store_power.c - the power is cut at random syncs; what was acknowledged is there, nothing is
 * half.
 *
 * Each life is a process that opens what the last one left, goes on writing, and ends at a sync
 * that does not happen (tests/lib/power.h). Its files are then judged in a copy, so that the next
 * life has to recover them itself and may be cut while it does. Now and then everything begins
 * anew: making a database, and bringing it to a new version, are cut as well.
 *
 * 300 cuts per test; 10,000 of the history and 3,000 of the others if OUTPOST_FAULT_FULL is set,
 * OUTPOST_CUTS if that is. The printed seed repeats them (OUTPOST_SEED).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/db.h"

#include "power.h"
#include "store_power.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LIVES_PER_FILE 25

static struct {
	struct power_harm harm;
	struct power_acks acks;
} * shared;

static uint64_t seed, random_state;

uint64_t power_chance(uint64_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % n;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);
	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void begin(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED);
	power_count(&shared->harm);
	seed = number_from("OUTPOST_SEED", 20261121);
	random_state = seed;
}

/* ---- files --------------------------------------------------------------------------------- */

static void path_in(char out[300], const char *dir, const char *name)
{
	snprintf(out, 300, "%s/%s/%s", op_test_dir(), dir, name);
}

static void make_directory(const char *dir)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", op_test_dir(), dir);
	CHECK_INT(mkdir(path, 0755), 0);
}

static void empty_directory(const char *dir)
{
	char path[300];
	path_in(path, dir, ".");
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.') {
			path_in(path, dir, e->d_name);
			CHECK_INT(unlink(path), 0);
		}
	if (d)
		closedir(d);
}

static void copy_file(const char *from, const char *to)
{
	static char bytes[8 * 1024 * 1024];
	OP_AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return;
	OP_AUTO_CLOSE int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n = read(in, bytes, sizeof(bytes));
	CHECK(out >= 0 && n >= 0 && n < (ssize_t)sizeof(bytes));
	CHECK_INT(write(out, bytes, (size_t)n), n);
}

/* The index stays behind, as after a boot from an image: recovery is done anew. */
static void copy_files(void)
{
	static const char *const names[] = {"x.db", "x.db-wal", "x.db-journal"};
	char from[300], to[300];
	empty_directory("copy");
	for (size_t i = 0; i < OP_ARRAY_SIZE(names); i++) {
		path_in(from, "life", names[i]);
		path_in(to, "copy", names[i]);
		copy_file(from, to);
	}
}

/* ---- lives --------------------------------------------------------------------------------- */

static int live(const struct power_work *work, uint64_t life)
{
	char path[300];
	path_in(path, "life", "x.db");
	fflush(NULL);
	pid_t pid = fork();
	CHECK(pid >= 0);
	/* The first few syncs are those of making it, and of recovering it. */
	bool young = life % LIVES_PER_FILE == 0 || power_chance(4) == 0;
	uint64_t cut = 1 + power_chance(young ? 10 : 100);
	uint64_t cut_seed = seed * 1000003 + life;
	if (pid == 0) {
		power_begin(cut_seed, work->synchronous ? 0 : cut);
		work->live(path, life % LIVES_PER_FILE, &shared->acks, work->synchronous, cut);
		_exit(1);
	}
	int status;
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return status;
}

static void judge(const struct power_work *work, uint64_t life, struct power_verdict *v)
{
	char path[300], text[2000];
	struct op_buf note;
	path_in(path, "copy", "x.db");
	copy_files();
	op_buf_init_fixed(&note, text, sizeof(text));
	int before = v->lost + v->half + v->damaged;
	work->judge(path, &shared->acks, &note, v);
	if (strstr(text, "its log"))
		v->logs_kept++;
	else if (text[0])
		v->damaged++;
	if (v->lost + v->half + v->damaged > before && !work->synchronous)
		op_test_fail(__FILE__, __LINE__,
			     "seed %llu, life %llu: %d lost, %d half, %d damaged; %s",
			     (unsigned long long)seed, (unsigned long long)life, v->lost, v->half,
			     v->damaged, text);
}

static struct power_verdict cut_power(const struct power_work *work, uint64_t cuts)
{
	struct power_verdict v = {0};
	begin();
	make_directory("life");
	make_directory("copy");
	for (uint64_t life = 0; life < cuts; life++) {
		if (life % LIVES_PER_FILE == 0 || v.lost + v.half + v.damaged) {
			empty_directory("life");
			shared->acks = (struct power_acks){.total = shared->acks.total};
		}
		int status = live(work, life);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != POWER_CUT)
			op_test_fail(__FILE__, __LINE__, "seed %llu, life %llu: status %#x",
				     (unsigned long long)seed, (unsigned long long)life, status);
		judge(work, life, &v);
	}
	printf("%s, seed %llu: %llu cuts, %llu transactions; unsynced writes: %llu kept, %llu "
	       "lost, %llu torn, %llu garbled, %llu names undone; found: %d lost, %d half, %d "
	       "damaged, %d logs kept\n",
	       work->name, (unsigned long long)seed, (unsigned long long)shared->harm.cuts,
	       (unsigned long long)shared->acks.total, (unsigned long long)shared->harm.kept,
	       (unsigned long long)shared->harm.lost, (unsigned long long)shared->harm.torn,
	       (unsigned long long)shared->harm.garbled,
	       (unsigned long long)shared->harm.names_undone, v.lost, v.half, v.damaged,
	       v.logs_kept);
	return v;
}

static uint64_t cuts(uint64_t full)
{
	return number_from("OUTPOST_CUTS", getenv("OUTPOST_FAULT_FULL") ? full : 300);
}

TEST_WITHIN(history_survives_every_cut, 1800)
{
	uint64_t n = cuts(10000);
	(void)cut_power(&power_history, n); /* fails by itself */
	CHECK(shared->harm.lost > n && shared->harm.torn > n / 3 && shared->harm.garbled > n / 10);
	CHECK(shared->harm.names_undone >= n / 100);
}

TEST_WITHIN(the_recorders_history_survives_every_cut, 1800)
{
	uint64_t n = cuts(3000);
	(void)cut_power(&power_recorder, n);
	CHECK(shared->harm.lost > n);
}

TEST_WITHIN(settings_survive_every_cut, 1800)
{
	uint64_t n = cuts(3000);
	(void)cut_power(&power_settings, n);
	CHECK(shared->harm.lost > n);
}

TEST_WITHIN(the_outbox_survives_every_cut, 1800)
{
	uint64_t n = cuts(3000);
	struct power_verdict v = cut_power(&power_outbox, n);
	CHECK(shared->harm.lost > n);
	/* What an attempt came to is not synced, and that is no damage. */
	CHECK_INT(v.logs_kept, 0);
}

/* Without the sync of each commit the last ones are lost, but nothing else. */
TEST_WITHIN(the_bed_finds_commits_that_were_not_synced, 600)
{
	struct power_work work = power_history;
	work.synchronous = "NORMAL";
	struct power_verdict v = cut_power(&work, 100);
	CHECK(v.lost > 20);
	CHECK_INT(v.half, 0);
}

/* Without any sync the database itself goes. */
TEST_WITHIN(the_bed_finds_databases_that_were_not_synced, 600)
{
	struct power_work work = power_history;
	work.synchronous = "OFF";
	struct power_verdict v = cut_power(&work, 200);
	CHECK(v.lost > 40);
	CHECK(v.damaged > 2);
}
