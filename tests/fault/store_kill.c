/*
 * store_kill.c - kill -9 of a process that writes, at random instants, on a real disk.
 *
 * What was acknowledged is there, nothing is half, nothing is set aside, and the next one opens
 * within a second, even where the database is large and its log full.
 *
 * 10 kills and 200 MB; 500 and 2 GB if OUTPOST_FAULT_FULL is set, OUTPOST_KILLS and OUTPOST_MB if
 * those are. The printed seed repeats the instants (OUTPOST_SEED) as far as the scheduler plays
 * along.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/store/db.h"

#include "power.h"
#include "store_power.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define OLD 100 /* an age at which files are of the newest version */

static struct power_acks *acks;
static uint64_t seed, random_state;
static char path[300];

uint64_t power_chance(uint64_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % n;
}

void power_cut(void)
{
	abort(); /* nobody has one here */
}

static uint64_t number_from(const char *variable, uint64_t otherwise, uint64_t full)
{
	const char *text = getenv(variable);
	return text ? strtoull(text, NULL, 0) : getenv("OUTPOST_FAULT_FULL") ? full : otherwise;
}

static void begin(void)
{
	acks = mmap(NULL, sizeof(*acks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(acks != MAP_FAILED);
	random_state = seed = number_from("OUTPOST_SEED", 20261121, 20261121);
	snprintf(path, sizeof(path), "%s/x.db", op_test_dir());
}

static pid_t start(const struct power_work *work)
{
	fflush(NULL);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			work->live(path, OLD, acks, NULL, 0);
	}
	return pid;
}

/* Some die while they open, most in the midst of work. */
static void let_run(void)
{
	struct timespec ts = {.tv_nsec = (long)power_chance(power_chance(4) ? 40000000 : 2000000)};
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL); /* the random instant, no more */
}

static void kill_writer(pid_t pid)
{
	int status;
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		op_test_fail(__FILE__, __LINE__, "the writer ended by itself, status %#x", status);
}

static void begin_anew(void)
{
	static const char *const endings[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < OP_ARRAY_SIZE(endings); i++) {
		char name[320];
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		(void)unlink(name); /* a clean end leaves no log */
	}
	*acks = (struct power_acks){.total = acks->total};
}

static void kill_many(const struct power_work *work, uint64_t kills)
{
	struct power_verdict v = {0};
	begin();
	for (uint64_t i = 0; i < kills; i++) {
		char text[1000];
		struct op_buf note;
		op_buf_init_fixed(&note, text, sizeof(text));
		pid_t pid = start(work);
		let_run();
		kill_writer(pid);
		work->judge(path, acks, &note, &v);
		if (acks->tried > POWER_ITEMS / 2)
			begin_anew();
		if (v.lost + v.half + v.damaged || text[0])
			op_test_fail(__FILE__, __LINE__,
				     "seed %llu, kill %llu: %d lost, %d half, %d damaged; %s",
				     (unsigned long long)seed, (unsigned long long)i, v.lost,
				     v.half, v.damaged, text);
	}
	printf("%s, seed %llu: %llu kills, %llu transactions; none lost, half or damaged\n",
	       work->name, (unsigned long long)seed, (unsigned long long)kills,
	       (unsigned long long)acks->total);
	CHECK(acks->total > kills);
}

TEST_WITHIN(history_survives_every_kill, 900)
{
	kill_many(&power_history, number_from("OUTPOST_KILLS", 10, 500));
}

TEST_WITHIN(the_recorders_history_survives_every_kill, 900)
{
	kill_many(&power_recorder, number_from("OUTPOST_KILLS", 10, 500));
}

TEST_WITHIN(settings_survive_every_kill, 900)
{
	kill_many(&power_settings, number_from("OUTPOST_KILLS", 10, 500));
}

TEST_WITHIN(the_outbox_survives_every_kill, 900)
{
	kill_many(&power_outbox, number_from("OUTPOST_KILLS", 10, 500));
}

/* ---- a large one --------------------------------------------------------------------------- */

static const char *const steps[] = {"CREATE TABLE chunks(id INTEGER PRIMARY KEY, data BLOB);"};
static const struct op_db_schema large = {"large", 0x4F70544C, steps, 1};

static struct op_db *open_large(void)
{
	struct op_db_settings s = {.path = path};
	struct op_db *db = NULL;
	CHECK_INT(op_db_open(&s, &large, &db, NULL), 0);
	return db;
}

static void sync_file(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_INT(fsync(fd), 0);
	CHECK_INT(close(fd), 0);
}

static void fill(uint64_t megabytes)
{
	struct op_db *db = open_large();
	CHECK_INT(op_db_exec(db, "PRAGMA synchronous=OFF"), 0); /* only to get there */
	for (uint64_t i = 0; i < megabytes; i += 4)
		CHECK_INT(op_db_exec(db,
				     "INSERT INTO chunks(data) VALUES(zeroblob(4 * 1024 * 1024))"),
			  0);
	sync_file(); /* else the first sync afterwards is for all of it */
	CHECK_INT(op_db_exec(db, "PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL"), 0);
	for (int i = 0; i < 250; i++) /* a log as long as it gets */
		CHECK_INT(op_db_exec(db, "INSERT INTO chunks(data) VALUES(randomblob(3900))"), 0);
	kill(getpid(), SIGKILL);
}

TEST_WITHIN(a_large_one_opens_within_a_second, 900)
{
	uint64_t megabytes = number_from("OUTPOST_MB", 200, 2048);
	struct stat st;
	begin();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		fill(megabytes);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	uint64_t before = op_now_ns();
	struct op_db *db = open_large();
	CHECK_INT(op_db_begin(db), 0);
	CHECK_INT(op_db_exec(db, "INSERT INTO chunks(data) VALUES('goes on')"), 0);
	CHECK_INT(op_db_commit(db), 0);
	uint64_t took = op_now_ns() - before;
	CHECK_INT(stat(path, &st), 0);
	CHECK(st.st_size > (off_t)megabytes << 20);
	CHECK(sqlite3_last_insert_rowid(op_db_handle(db)) > 250);
	printf("%llu MB: opened and written to within %.1f ms\n", (unsigned long long)megabytes,
	       (double)took / (double)OP_NS_PER_MS);
	CHECK(took < OP_NS_PER_S);
	op_db_close(db);
}
