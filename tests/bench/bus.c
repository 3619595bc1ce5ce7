/*
 * bus.c - latency and records per second of a topic, and of what people use instead.
 *
 * All lanes do the same job under the same harness in the same run: one writer process, pinned to
 * the first core, moves 16-byte records to 1 or 8 reader processes pinned to the second. Eight
 * readers therefore share one core, which they give up when they find nothing; what is compared is
 * what they receive together and what they cost the writer. Helpers of a peer (the Redis server,
 * ZeroMQ's I/O threads) may run on either core.
 *
 * Lanes take turns, round after round, so that a disturbance of the machine meets all of them;
 * each figure is the median of its rounds, and a ratio is the median of the rounds' ratios.
 * One JSON line per figure on stdout. For trying things out: bus [--quick] [--alone] [PART], with
 * few rounds, without the peers.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "bus_bench.h"

#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS_MOST 15
#define WARM_UP 200 /* latencies of a round that do not count */

static unsigned rounds = 9;
static bool alone; /* without the peers */
static int cores[2];

void bench_die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

uint64_t bench_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * OP_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- one round ------------------------------------------------------------------------- */

/* What a round does and what came out of it. */
struct round {
	const struct lane *lane;
	unsigned readers;
	size_t batch;
	bool block;      /* readers sleep */
	uint64_t gap_ns; /* latency: time between records; 0: full speed for run_ns */
	uint64_t run_ns;
	unsigned records;                  /* latency: how many */
	double p50, p99;                   /* ns */
	double sent_per_s, received_per_s; /* received: by all readers together */
	double missed_share;
};

static void pin(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("cannot pin to core %d: %s", core, strerror(errno));
}

static void await(_Atomic uint32_t *flag, uint32_t value)
{
	while (atomic_load(flag) < value)
		sched_yield();
}

static void send_paced(struct bench *b, const struct round *r)
{
	uint64_t due = bench_now_ns() + r->gap_ns;
	for (uint64_t i = 0; i < r->records; i++, due += r->gap_ns) {
		uint64_t now;
		while ((now = bench_now_ns()) < due)
			;
		struct tick tick = {i, now};
		r->lane->send(b, &tick, 1);
	}
}

static void send_flat_out(struct bench *b, const struct round *r)
{
	struct tick ticks[BATCH_MOST];
	uint64_t start = bench_now_ns(), now = start, sent = 0;
	size_t per_look = r->batch < 16 ? 512 : 2048;
	while (now - start < r->run_ns) {
		for (size_t done = 0; done < per_look; done += r->batch) {
			for (size_t i = 0; i < r->batch; i++)
				ticks[i] = (struct tick){sent++, now};
			r->lane->send(b, ticks, r->batch);
		}
		now = bench_now_ns();
	}
	b->ctl->sent = sent;
	b->ctl->sent_ns = now - start;
	/* A reader may sleep in a receive: records until all have seen the end. */
	atomic_store(&b->ctl->stop, 1);
	while (atomic_load(&b->ctl->readers_done) < r->readers) {
		r->lane->send(b, ticks, 1);
		sched_yield();
	}
}

static void write_all(struct bench *b, const struct round *r)
{
	r->lane->open_writer(b);
	pin(cores[0]);
	atomic_store(&b->ctl->writer_ready, 1);
	if (r->lane->await_readers)
		r->lane->await_readers(b);
	await(&b->ctl->readers_ready, r->readers);
	atomic_store(&b->ctl->go_ns, bench_now_ns());
	if (r->gap_ns)
		send_paced(b, r);
	else
		send_flat_out(b, r);
	await(&b->ctl->readers_done, r->readers); /* their end goes when ours does */
}

/* Who gets several records at once was late for all but the last. */
static void read_paced(struct bench *b, const struct round *r)
{
	struct tick last = {0};
	uint64_t seen = 0;
	while (seen < r->records) {
		if (r->lane->receive(b, &last, r->block) == 0)
			continue;
		uint64_t ns = bench_now_ns() - last.sent_ns;
		for (; seen <= last.number; seen++) {
			uint64_t late = ns + (last.number - seen) * r->gap_ns;
			b->ctl->latency_ns[seen] = late < UINT32_MAX ? (uint32_t)late : UINT32_MAX;
		}
	}
}

static void read_flat_out(struct bench *b, const struct round *r)
{
	struct tick last;
	uint64_t received = 0;
	while (!atomic_load_explicit(&b->ctl->stop, memory_order_relaxed)) {
		size_t n = r->lane->receive(b, &last, r->block);
		received += n;
		if (n == 0 && r->readers > 1)
			sched_yield();
	}
	b->ctl->received[b->index] = received;
	b->ctl->missed[b->index] = b->missed;
	b->ctl->received_ns[b->index] = bench_now_ns() - atomic_load(&b->ctl->go_ns);
}

static void read_all(struct bench *b, const struct round *r)
{
	await(&b->ctl->writer_ready, 1);
	r->lane->open_reader(b);
	pin(cores[1]);
	atomic_fetch_add(&b->ctl->readers_ready, 1);
	if (r->gap_ns)
		read_paced(b, r);
	else
		read_flat_out(b, r);
	atomic_fetch_add(&b->ctl->readers_done, 1);
}

/* index -1: the writer. */
static pid_t start(struct bench *b, const struct round *r, int index)
{
	pid_t pid = fork();
	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(30);
	if (index < 0) {
		write_all(b, r);
	} else {
		b->index = (unsigned)index;
		read_all(b, r);
	}
	_exit(0);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void evaluate(struct round *r, struct control *ctl)
{
	if (r->gap_ns) {
		unsigned n = r->records - WARM_UP;
		qsort(ctl->latency_ns + WARM_UP, n, sizeof(uint32_t), compare_u32);
		r->p50 = ctl->latency_ns[WARM_UP + n / 2];
		r->p99 = ctl->latency_ns[WARM_UP + n - 1 - n / 100];
		return;
	}
	uint64_t received = 0, missed = 0;
	for (unsigned i = 0; i < r->readers; i++) {
		received += ctl->received[i];
		missed += ctl->missed[i];
		r->received_per_s += (double)ctl->received[i] * 1e9 / (double)ctl->received_ns[i];
	}
	r->sent_per_s = (double)ctl->sent * 1e9 / (double)ctl->sent_ns;
	r->missed_share = received ? (double)missed / (double)(missed + received) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void run(struct round *r)
{
	struct bench b = {.readers = r->readers, .dir = "/dev/shm/outpost-bench-XXXXXX"};
	b.ctl = mmap(NULL, sizeof(*b.ctl), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (b.ctl == MAP_FAILED || !mkdtemp(b.dir))
		bench_die("cannot set up %s: %s", b.dir, strerror(errno));
	if (r->lane->prepare)
		r->lane->prepare(&b);
	pid_t pids[1 + READERS_MOST];
	for (unsigned i = 0; i <= r->readers; i++)
		pids[i] = start(&b, r, (int)i - 1);
	for (unsigned i = 0; i <= r->readers; i++) {
		int status;
		if (waitpid(pids[i], &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
			bench_die("%s: %s failed", r->lane->name, i ? "a reader" : "the writer");
	}
	if (r->lane->finish)
		r->lane->finish(&b);
	evaluate(r, b.ctl);
	munmap(b.ctl, sizeof(*b.ctl));
	nftw(b.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- rounds and figures ---------------------------------------------------------------- */

static int compare_f64(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *values, unsigned n)
{
	double sorted[ROUNDS_MOST];
	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), compare_f64);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

#define LANES_MOST 6

/* Lanes side by side: one column per lane, the first is ours. */
struct table {
	struct round plan[LANES_MOST];
	unsigned n;
	double p50[LANES_MOST][ROUNDS_MOST], p99[LANES_MOST][ROUNDS_MOST];
	double sent[LANES_MOST][ROUNDS_MOST], received[LANES_MOST][ROUNDS_MOST];
	double missed[LANES_MOST][ROUNDS_MOST];
};

static void add(struct table *t, struct round plan)
{
	t->plan[t->n++] = plan;
}

static void measure(struct table *t)
{
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned k = 0; k < t->n; k++) {
			struct round r = t->plan[k];
			run(&r);
			t->p50[k][i] = r.p50;
			t->p99[k][i] = r.p99;
			t->sent[k][i] = r.sent_per_s;
			t->received[k][i] = r.received_per_s;
			t->missed[k][i] = r.missed_share;
		}
	}
}

/* bar < 0: none. peers: the other columns of this row, or NULL. */
static void figure(const struct table *t, const char *metric, double value, const char *unit,
		   double bar, double (*peers)[ROUNDS_MOST])
{
	printf("{\"bench\":\"bus\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"bar\":",
	       metric, value, unit);
	if (bar < 0)
		printf("null");
	else
		printf("%.6g", bar);
	printf(",\"peer\":{");
	for (unsigned k = 1; peers && k < t->n; k++)
		printf("%s\"%s\":%.6g", k > 1 ? "," : "", t->plan[k].lane->name,
		       median(peers[k], rounds));
	printf("}}\n");
	fflush(stdout);
}

/* Median over the rounds of ours to the best peer's; rate: more is better, else less is. */
static double ahead(const struct table *t, double (*row)[ROUNDS_MOST], bool rate)
{
	double ratio[ROUNDS_MOST] = {0};
	if (t->n < 2)
		return 0;
	for (unsigned i = 0; i < rounds; i++) {
		double best = row[1][i];
		for (unsigned k = 2; k < t->n; k++)
			if (rate ? row[k][i] > best : row[k][i] < best)
				best = row[k][i];
		ratio[i] = rate ? row[0][i] / best : best / row[0][i];
	}
	return median(ratio, rounds);
}

/* ---- what is measured ------------------------------------------------------------------ */

static const struct lane *const peers[] = {&lane_redis, &lane_zeromq, &lane_unix};

static void latency_polling(void)
{
	struct table t = {0};
	struct round plan = {.lane = &lane_outpost, .readers = 1, .gap_ns = 20000, .records = 1500};
	add(&t, plan);
	for (unsigned i = 0; i < OP_ARRAY_SIZE(peers) && !alone; i++) {
		plan.lane = peers[i];
		plan.gap_ns = 100000; /* no queue may build up behind a slower lane */
		plan.records = 700;
		add(&t, plan);
	}
	measure(&t);
	figure(&t, "latency_polling_p50", median(t.p50[0], rounds), "ns", 1000, t.p50);
	figure(&t, "latency_polling_p99", median(t.p99[0], rounds), "ns", -1, t.p99);
	figure(&t, "latency_polling_ahead", ahead(&t, t.p50, false), "x", 1, NULL);
}

static void latency_sleeping(void)
{
	struct table t = {0};
	struct round plan = {.readers = 1, .block = true, .gap_ns = 150000, .records = 700};
	plan.lane = &lane_outpost;
	add(&t, plan);
	for (unsigned i = 0; i < OP_ARRAY_SIZE(peers) && !alone; i++) {
		plan.lane = peers[i];
		add(&t, plan);
	}
	unsigned n_peers = t.n;
	plan.lane = &lane_futex;
	add(&t, plan);
	measure(&t);
	double to_futex[ROUNDS_MOST];
	for (unsigned i = 0; i < rounds; i++)
		to_futex[i] = t.p50[0][i] / t.p50[n_peers][i];
	figure(&t, "latency_sleeping_p50", median(t.p50[0], rounds), "ns", -1, t.p50);
	figure(&t, "latency_sleeping_p99", median(t.p99[0], rounds), "ns", -1, t.p99);
	figure(&t, "latency_sleeping_vs_futex", median(to_futex, rounds), "x", 1.3, NULL);
	t.n = n_peers;
	figure(&t, "latency_sleeping_ahead", ahead(&t, t.p50, false), "x", 1, NULL);
}

/* Records per second with nobody reading: what a publish costs. */
static void rate_alone(void)
{
	struct table single = {0}, batch = {0};
	struct round plan = {.lane = &lane_outpost, .batch = 1, .run_ns = 100 * OP_NS_PER_MS};
	add(&single, plan);
	plan.batch = 64;
	add(&batch, plan);
	measure(&single);
	measure(&batch);
	figure(&single, "records_per_s_0_readers", median(single.sent[0], rounds), "1/s", 20e6,
	       NULL);
	figure(&batch, "records_per_s_0_readers_batch", median(batch.sent[0], rounds), "1/s", 20e6,
	       NULL);
}

static void rate_with(unsigned readers, size_t batch)
{
	struct table t = {0};
	const char *tail = batch > 1 ? "_batch" : "";
	struct round plan = {.lane = &lane_outpost,
			     .readers = readers,
			     .batch = batch,
			     .run_ns = 150 * OP_NS_PER_MS};
	add(&t, plan);
	for (unsigned i = 0; i < OP_ARRAY_SIZE(peers) && !alone; i++) {
		plan.lane = peers[i];
		plan.block = true;
		plan.batch = BATCH_MOST; /* peers always at their best */
		add(&t, plan);
	}
	measure(&t);
	char metric[64];
	snprintf(metric, sizeof(metric), "records_per_s_%u_reader%s%s", readers,
		 readers > 1 ? "s" : "", tail);
	figure(&t, metric, median(t.sent[0], rounds), "1/s", 20e6, t.sent);
	snprintf(metric, sizeof(metric), "received_per_s_%u_reader%s%s", readers,
		 readers > 1 ? "s" : "", tail);
	figure(&t, metric, median(t.received[0], rounds), "1/s", -1, t.received);
	snprintf(metric, sizeof(metric), "received_ahead_%u_reader%s%s", readers,
		 readers > 1 ? "s" : "", tail);
	figure(&t, metric, ahead(&t, t.received, true), "x", 10, NULL);
	snprintf(metric, sizeof(metric), "missed_share_%u_reader%s%s", readers,
		 readers > 1 ? "s" : "", tail);
	figure(&t, metric, median(t.missed[0], rounds), "1", -1, NULL);
}

static void find_cores(void)
{
	cpu_set_t set;
	unsigned n = 0;
	if (sched_getaffinity(0, sizeof(set), &set))
		bench_die("sched_getaffinity: %s", strerror(errno));
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cores[n++] = i;
	if (n < 2)
		bench_die("needs two cores");
}

static void rate_1(void)
{
	rate_with(1, 1);
	rate_with(1, 64);
}

static void rate_8(void)
{
	rate_with(8, 1);
	rate_with(8, 64);
}

static const struct {
	const char *name;
	void (*fn)(void);
} parts[] = {
	{"polling", latency_polling},
	{"sleeping", latency_sleeping},
	{"rate0", rate_alone},
	{"rate1", rate_1},
	{"rate8", rate_8},
};

/* Against the noise of other programs; every lane and the Redis server inherit it. Nice values
 * count within a session's group only (sched(7), autogroup), so the group gets one too. Not
 * permitted to everybody, and then the medians have to do. */
static void outrank_others(void)
{
	(void)setpriority(PRIO_PROCESS, 0, -20);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* the terminal's signals do not reach another session */
	FILE *f = setsid() < 0 ? NULL : fopen("/proc/self/autogroup", "w");
	if (f) {
		(void)fputs("-20", f);
		(void)fclose(f);
	}
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			rounds = 3;
		else if (!strcmp(argv[i], "--alone"))
			alone = true;
		else
			only = argv[i];
	}
	find_cores();
	outrank_others();
	for (size_t i = 0; i < OP_ARRAY_SIZE(parts); i++)
		if (!only || !strcmp(only, parts[i].name))
			parts[i].fn();
	return 0;
}
