/*
 * acquire.c - one poll, one read, one parse, one store: the sample path of the sensor hub.
 *
 * Runs on its own real-time thread. Between a byte and its record there is no allocation, lock,
 * file, socket or log line; the device is searched and opened on this thread too, but only while
 * there is no stream. The thread goes round at least twice a second, which is its heartbeat. What
 * happens to the device is told to lib/dev/link, which says what to do.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "acquire_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define BACKLOG_NS (100.0 * OP_NS_PER_MS) /* so much more than the time that passed */
#define BEAT_NS (500 * OP_NS_PER_MS)

/* ---- what others see ------------------------------------------------------------------- */

static void publish_view(struct acquire *a)
{
	SET(a, samples, a->parser.count[OP_PBT_SAMPLE]);
	SET(a, comments, a->parser.count[OP_PBT_COMMENT]);
	SET(a, texts, a->parser.count[OP_PBT_TEXT]);
	SET(a, empty, a->parser.count[OP_PBT_EMPTY]);
	SET(a, rejected, a->parser.count[OP_PBT_REJECTED]);
	SET(a, overlong, a->parser.count[OP_PBT_OVERLONG]);
	SET(a, lost_rate, a->loss.lost_rate);
	SET(a, lost_board, a->loss.lost_board);
	SET(a, too_low, a->chain.detector.too_low);
	SET(a, anchors, a->clock.anchors);
	SET(a, baseline, (float)op_hit_chain_baseline(&a->chain));
	SET(a, envelope, (float)a->chain.filter.envelope);
}

/* Only when the link changes; the other side holds the lock for a copy or one ioctl. */
static void publish_report(struct acquire *a)
{
	bool known =
		a->link.open || a->link.state == OP_LINK_SILENT || a->link.state == OP_LINK_NOISE;
	const char *device = known ? a->serial.device : a->params.serial.path;
	pthread_mutex_lock(&a->lock);
	a->report.link = a->link.state;
	a->report.since_ns = a->link.since_ns;
	a->report.error = a->error;
	a->report.opens = a->link.opens;
	a->report.losses = a->link.losses;
	(void)snprintf(a->report.device, sizeof(a->report.device), "%.95s", device); /* a label */
	memcpy(a->report.identity, a->serial.identity, sizeof(a->report.identity));
	pthread_mutex_unlock(&a->lock);
	a->params.changed(a->params.arg);
}

/* ---- samples --------------------------------------------------------------------------- */

/* Where a hit leaves the detector. Its time is `boot_ns`, of the sample that ended the capture. The
 * timed pulse output takes it over from here; until then the topic is all there is. */
static void hand_on(struct acquire *a, const struct pbt_hit *hit, uint64_t boot_ns)
{
	(void)op_writer_publish(a->hits, boot_ns, hit); /* the sequence number is of no use here */
	SET(a, hits, hit->number);
}

static void note_hit(struct acquire *a, uint64_t boot_ns)
{
	const struct op_hit *h = &a->chain.detector.hit;
	uint64_t number = atomic_load_explicit(&a->view.hits, memory_order_relaxed); /* our own */
	if (a->n_hits == HITS_MAX)
		return;
	a->fired_ns[a->n_hits] = boot_ns;
	a->fired[a->n_hits] = (struct pbt_hit){
		.trigger_seq = h->trigger,
		.fire_seq = h->fire,
		.peak = h->peak,
		.width_ms = h->width_ms,
		.baseline = a->chain.filter.baseline,
		.number = (uint32_t)(number + a->n_hits + 1),
		.end = (uint8_t)h->end,
	};
	a->n_hits++;
}

static void filter(struct acquire *a, size_t i)
{
	bool fired = op_hit_chain_step(&a->chain, a->values[i]);
	a->records[i] = (struct pbt_sample){
		.baseline = (float)op_hit_chain_baseline(&a->chain),
		.envelope = (float)a->chain.filter.envelope,
		.raw = a->values[i],
		.phase = (uint8_t)a->chain.detector.state,
	};
	if (fired)
		note_hit(a, a->times[i]);
}

/* A pause may hide a reset, after which the level is another; a stall with its burst is shorter. */
static void mind_the_gap(struct acquire *a, uint64_t arrival_ns)
{
	if (a->heard_ns != 0 && arrival_ns - a->heard_ns > a->params.settle_gap_ns)
		op_hit_chain_settle(&a->chain);
	a->heard_ns = arrival_ns;
}

/* After an opening there may come at once what was sampled long before, by a board or simulator
 * that was held. Nobody can tell when, and what rests in it may not be the level of now: the
 * detector stays off, and the clock is set anew, until the samples come in pace. What never does is
 * taken as it is after the longest wait for rest. */
static bool in_backlog(struct acquire *a, uint64_t since_ns)
{
	double more = (double)a->n_values * a->clock.period_ns - 1.2 * (double)since_ns;
	double patience = a->chain.params.settle.max_samples * a->clock.period_ns;
	if (a->chain.detector.state != OP_DETECTOR_SETTLING)
		return false;
	a->owed_ns = fmin(fmax(a->owed_ns + more, 0), 2 * BACKLOG_NS);
	a->settling_ns += since_ns;
	return a->owed_ns > BACKLOG_NS && (double)a->settling_ns < patience;
}

/* Everything gathered so far goes out: the samples first, so that who sees a hit finds them. */
static void flush(struct acquire *a, uint64_t arrival_ns)
{
	if (a->n_values == 0)
		return;
	uint64_t since_ns = a->heard_ns ? arrival_ns - a->heard_ns : 0;
	mind_the_gap(a, arrival_ns);
	bool backlog = in_backlog(a, since_ns);
	if (backlog)
		op_sample_clock_restart(&a->clock);
	op_sample_clock_batch(&a->clock, arrival_ns, a->n_values, a->times);
	for (size_t i = 0; i < a->n_values; i++) {
		if (backlog && i % 8 == 0) /* shorter than any window */
			op_hit_chain_settle(&a->chain);
		filter(a, i);
	}
	(void)op_writer_publish_n(a->samples, a->times, a->records, a->n_values); /* chain.next */
	for (size_t i = 0; i < a->n_hits; i++)
		hand_on(a, &a->fired[i], a->fired_ns[i]);
	a->n_values = a->n_hits = 0;
}

/* The board has started anew: its level, its clock and its count are others. */
static void start_over(struct acquire *a)
{
	op_hit_chain_settle(&a->chain);
	op_loss_restart(&a->loss);
	op_sample_clock_restart(&a->clock);
	a->heard_ns = a->settling_ns = 0;
	a->owed_ns = 0;
}

static void note(struct acquire *a, const struct op_pbt_record *r, uint64_t arrival_ns)
{
	if (r->note == OP_PBT_NOTE_STATS)
		op_loss_board(&a->loss, r->value, a->parser.count[OP_PBT_SAMPLE]);
	if (r->note == OP_PBT_NOTE_BOOT) {
		flush(a, arrival_ns); /* what came before belongs to the old level */
		start_over(a);
	}
}

static void parse(struct acquire *a, size_t n, uint64_t arrival_ns)
{
	const char *at = a->bytes, *end = a->bytes + n;
	struct op_pbt_record r;
	enum op_pbt_class class;
	while ((class = op_pbt_next(&a->parser, &at, end, &r)) != OP_PBT_NONE) {
		if (class == OP_PBT_SAMPLE) {
			a->values[a->n_values++] = (uint16_t)r.value;
			if (a->n_values == BATCH_MAX)
				flush(a, arrival_ns);
		} else if (class == OP_PBT_COMMENT) {
			note(a, &r, arrival_ns);
		}
	}
	flush(a, arrival_ns);
}

/* ---- device ---------------------------------------------------------------------------- */

static void act(struct acquire *a, enum op_link_event e, uint64_t now_ns);

/* The tty is watched for edges: asked again whether there is more, as levels are, its driver waits
 * for the kernel's worker to finish, a context switch per line. One read takes all there is, each
 * arrival is an edge, and the timer reads too, should one ever be lost. */
int acquire_watch(struct acquire *a, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void open_device(struct acquire *a, uint64_t now_ns)
{
	pthread_mutex_lock(&a->lock);
	a->error = op_serial_open(&a->serial, &a->params.serial);
	pthread_mutex_unlock(&a->lock);
	if (a->error == 0)
		a->error = acquire_watch(a, a->serial.fd, EPOLLIN | EPOLLET);
	if (a->error == 0) {
		op_pbt_restart(&a->parser);
		start_over(a);
	}
	act(a, a->error ? OP_LINK_REFUSED : OP_LINK_OPENED, now_ns);
}

static void close_device(struct acquire *a)
{
	pthread_mutex_lock(&a->lock);
	op_serial_close(&a->serial);
	pthread_mutex_unlock(&a->lock);
	if (a->link.state == OP_LINK_SILENT || a->link.state == OP_LINK_NOISE)
		op_serial_avoid(&a->serial);
}

/* Tells the link what happened, does what it says, and reports if anything changed. */
static void act(struct acquire *a, enum op_link_event e, uint64_t now_ns)
{
	enum op_link_state state = a->link.state;
	bool open = a->link.open;
	int error = a->report.error; /* written by this thread only, so read without the lock */
	enum op_link_action action = op_link_event(&a->link, e, now_ns);
	if (action == OP_LINK_CLOSE)
		close_device(a);
	if (state != a->link.state || open != a->link.open || error != a->error)
		publish_report(a);
	if (action == OP_LINK_OPEN)
		open_device(a, now_ns);
}

/* Which of the link's events this read amounts to. */
static void judge(struct acquire *a, uint64_t samples, uint64_t now_ns)
{
	bool settling = a->chain.detector.state == OP_DETECTOR_SETTLING;
	if (samples == 0) {
		act(a, OP_LINK_BYTES, now_ns);
		return;
	}
	act(a, OP_LINK_SAMPLE, now_ns);
	if (settling == (a->link.state == OP_LINK_LIVE))
		act(a, settling ? OP_LINK_UNSTABLE : OP_LINK_STABLE, now_ns);
}

static void receive(struct acquire *a, size_t n)
{
	uint64_t now = op_now_ns(), before = a->parser.count[OP_PBT_SAMPLE];
	uint64_t settled = a->chain.settled;
	parse(a, n, now);
	uint64_t samples = a->parser.count[OP_PBT_SAMPLE] - before;
	if (samples > 0)
		op_loss_samples(&a->loss, now, samples);
	SET(a, bytes, a->view.bytes + n);
	publish_view(a);
	judge(a, samples, now);
	if (a->chain.settled != settled) {
		SET(a, settled, a->chain.settled);
		a->params.changed(a->params.arg);
	}
}

#define ROUNDS 16 /* then commands and the heartbeat have their turn; the timer reads on */

/* Until a read does not fill the buffer: only then is an edge sure to follow. */
static void read_device(struct acquire *a)
{
	ssize_t n = sizeof(a->bytes);
	for (int i = 0; i < ROUNDS && n == (ssize_t)sizeof(a->bytes); i++) {
		n = read(a->serial.fd, a->bytes, sizeof(a->bytes));
		if (n > 0)
			receive(a, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		act(a, OP_LINK_HANGUP, op_now_ns());
}

/* ---- thread ---------------------------------------------------------------------------- */

static void obey(struct acquire *a, unsigned commands)
{
	if (commands & COMMAND_CHAIN) {
		uint64_t settled = a->chain.settled;
		op_hit_chain_init(&a->chain, &a->next_chain, op_writer_next_seq(a->samples));
		a->chain.settled = settled;
		/* Pairs with the acquire in acquire_set_chain: next_chain may be written again. */
		atomic_fetch_and_explicit(&a->commands, ~(unsigned)COMMAND_CHAIN,
					  memory_order_release);
	}
	if (commands & COMMAND_SETTLE) {
		op_hit_chain_settle(&a->chain);
		atomic_fetch_and_explicit(&a->commands, ~(unsigned)COMMAND_SETTLE,
					  memory_order_relaxed); /* carries no data */
	}
}

/* One timer that runs out twice a second, sooner only when something is due: giving each wait its
 * own time-out would program the clock 800 times a second, which costs more than the read. */
static void arm(struct acquire *a, uint64_t now_ns)
{
	uint64_t due = op_link_due_ns(&a->link), until = now_ns + BEAT_NS;
	uint64_t want = due < until ? due : until;
	if (a->timer_ns > now_ns && a->timer_ns <= want)
		return;
	struct itimerspec spec = {
		.it_value = {(time_t)(want / OP_NS_PER_S), (long)(want % OP_NS_PER_S)}};
	(void)timerfd_settime(a->timer, TFD_TIMER_ABSTIME, &spec,
			      NULL); /* cannot fail with these */
	a->timer_ns = want;
}

static void drain(int fd)
{
	uint64_t count;
	(void)!read(fd, &count, sizeof(count)); /* it was only to wake us */
}

static void wait_and_read(struct acquire *a)
{
	struct epoll_event events[3];
	int n = epoll_wait(a->epoll, events, 3, -1);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == a->timer || events[i].data.fd == a->wake)
			drain(events[i].data.fd);
		if (events[i].data.fd != a->wake && a->serial.fd >= 0)
			read_device(a);
	}
}

void *acquire_run(void *arg)
{
	struct acquire *a = arg;
	op_service_sched_thread(a->params.service);
	for (;;) {
		uint64_t now = op_now_ns();
		SET(a, beat_ns, now);
		/* Pairs with the release in command() (acquire_start.c): next_chain is complete. */
		unsigned commands = atomic_load_explicit(&a->commands, memory_order_acquire);
		if (commands & COMMAND_STOP)
			return NULL;
		if (commands)
			obey(a, commands);
		if (now >= op_link_due_ns(&a->link))
			act(a, OP_LINK_DUE, now);
		arm(a, now);
		wait_and_read(a);
	}
}
