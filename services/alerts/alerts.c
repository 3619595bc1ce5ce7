/*
 * alerts.c - outpost-alerts: watches topics by rules and tells people when something is wrong.
 *
 * The loop thread watches, judges and tells; the courier's thread keeps and carries. The loop never
 * waits for a disk or a network. What an earlier process left behind is read first, so that nothing
 * is raised twice; a disk that does not answer for five seconds is not waited for.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "alerts.h"
#include "lib/base/shorten.h"

#define PATIENCE_NS (5 * OP_NS_PER_S)
#define STATE_NS (10 * OP_NS_PER_S)
#define REASON_MAX 120 /* bytes of the state's reason */
#define ROOM_LEAST 20  /* of them for a path */

static struct alerts self; /* one per process; status() may still be asked after stop() */

/* ---- how the service is ----------------------------------------------------------------- */

/* "; " between two causes. */
static void next_cause(struct op_buf *out)
{
	if (out->len)
		op_buf_puts(out, "; ");
}

/* The first one's cause, and how many more there are. */
static void say_channels(const struct alerts *a, bool brief, struct op_buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		if (!a->channel[i].failing || n++ > 0)
			continue;
		next_cause(out);
		op_buf_printf(out, "channel %.30s fails", alerts_channel_at(a->set, i)->name);
		op_buf_printf(out, ": %.*s", brief ? 30 : 70, a->channel[i].error);
	}
	if (n > 1)
		op_buf_printf(out, " (%zu more)", n - 1);
}

/* What is to be done, and where: as much of the path as there is room for. */
static void say_place(const struct alerts *a, int err, struct op_buf *out)
{
	char path[REASON_MAX + 1];
	const char *what = err == -ENOENT ? "make anew " : "see to the disk below ";
	size_t used = out->len + strlen(", ") + strlen(what);
	size_t room = used + ROOM_LEAST < REASON_MAX ? REASON_MAX - used : ROOM_LEAST;
	op_shorten(op_service_state_dir(a->service), room, path);
	op_buf_printf(out, ", %s%s", what, path);
}

static void say_disk(const struct alerts *a, int err, bool brief, struct op_buf *out)
{
	next_cause(out);
	if (err == -EBUSY)
		op_buf_puts(out, "another process writes the state: ");
	else
		op_buf_printf(out, "%s: ", op_strerror(err));
	op_buf_puts(out, brief ? "alerts from memory" : "alerts go on from memory");
	if (!brief && err == -EBUSY)
		op_buf_printf(out, ", stop it or use another --state");
	else if (!brief)
		say_place(a, err, out);
}

static void say_rules(const struct alerts *a, struct op_buf *out)
{
	size_t n = 0;
	const struct alert *first = NULL;
	for (size_t i = 0; i < a->n_alerts; i++)
		if (*a->alert[i].problem && n++ == 0)
			first = &a->alert[i];
	if (!first)
		return;
	next_cause(out);
	op_buf_printf(out, "rule %.30s", first->set->name);
	if (n > 1) /* before the problem, which may be cut */
		op_buf_printf(out, " (and %zu more)", n - 1);
	op_buf_printf(out, ": %.80s", first->problem);
}

static bool any_failing(const struct alerts *a)
{
	for (size_t i = 0; i < a->set->channels.n; i++)
		if (a->channel[i].failing)
			return true;
	return false;
}

/* The worst first, what keeps alerts from going out; none hides another. */
static void set_state(struct alerts *a)
{
	char text[512] = "";
	struct op_buf why;
	struct courier_view v;
	courier_view(a->courier, &v);
	int err = v.outbox_error ? v.outbox_error : v.keep_error ? v.keep_error : v.pump_error;
	if (err == -OP_EDAMAGED && v.keep_error) /* the one that is looked at again and again */
		err = v.keep_error;
	op_buf_init_fixed(&why, text, sizeof(text));
	say_channels(a, err != 0, &why);
	if (err)
		say_disk(a, err, any_failing(a), &why);
	say_rules(a, &why);
	if (why.len)
		op_service_set_state(a->service, OP_STATE_DEGRADED, "%.*s", REASON_MAX, why.data);
	else if (!a->watching)
		return; /* starting */
	else
		op_service_set_state(a->service, OP_STATE_READY, NULL);
}

/* ---- what the courier tells ------------------------------------------------------------- */

static void begin(struct alerts *a)
{
	if (a->watching)
		return;
	a->watching = true;
	int r = watch_start(a);
	if (r < 0) {
		op_log(OP_ERR, "topics cannot be watched: %s", op_strerror(r));
		op_service_quit(a->service, OP_EXIT_FAULT);
		return;
	}
	tell_state(a);
	set_state(a);
}

static void on_entry(void *arg, const char *key, const char *value)
{
	keep_entry(arg, key, value);
}

/* A store that was opened late, or anew because it was damaged, knows nothing of now. */
static void keep_all(struct alerts *a)
{
	for (size_t i = 0; i < a->n_alerts; i++) {
		struct alert *al = &a->alert[i];
		if (rule_is_raised(&al->rule) || al->told || al->muted_until_ns)
			keep_rule_now(al);
	}
}

static void on_loaded(void *arg, int err)
{
	struct alerts *a = arg;
	if (a->watching && err == 0)
		keep_all(a);
	begin(a); /* an error is in the view, and in the log */
}

static void on_attempt(void *arg, const struct courier_attempt *at)
{
	struct alerts *a = arg;
	struct channel *ch = &a->channel[at->channel];
	const struct alerts_channel *now = &a->live.channel[at->channel];
	bool was = ch->failing;
	ch->attempts++;
	ch->failures += !at->delivered;
	if (at->delivered || !tell_is_test(at->key)) { /* a test's failure is its answer */
		ch->failing = !at->delivered;
		(void)snprintf(ch->error, sizeof(ch->error), "%s",
			       at->delivered ? "" : at->message); /* cut at worst */
	}
	log_attempt(now, at, was, ch->failing);
	uint64_t told = a->cycles_told;
	ask_attempt(a, at);
	calls_attempt(a, at);
	if (told != a->cycles_told || was != ch->failing)
		tell_state(a);
	set_state(a);
}

/* ---- once a second ---------------------------------------------------------------------- */

/* A mute that has run out: what changed meanwhile is told now. */
static void end_mutes(struct alerts *a, uint64_t now_ns)
{
	for (size_t i = 0; i < a->n_alerts; i++) {
		struct alert *al = &a->alert[i];
		if (!al->muted_until_ns || tell_muted(al))
			continue;
		al->muted_until_ns = 0;
		al->muted_until_wall_ns = 0;
		op_log(OP_NOTICE, "rule %s is not muted any more", al->set->name);
		tell_now(al, now_ns);
		tell_state(a);
	}
}

static void on_second(uv_timer_t *timer)
{
	struct alerts *a = timer->data;
	uint64_t now = op_now_ns();
	(void)op_service_beat(a->service, timer, on_second, 1000); /* an open handle */
	tell_clock(a);
	if (!a->watching && now - a->started_ns > PATIENCE_NS) {
		op_log(OP_WARNING, "%s is not read yet: rules begin without it", a->keep_path);
		begin(a);
	}
	if (a->watching) {
		watch_silence(a, now);
		end_mutes(a, now);
		tell_digests(a, now);
		ask_look(a, now);
		report_look(a, now);
	}
	calls_look(a, now);
	if (now - a->stated_ns >= STATE_NS)
		tell_state(a);
	set_state(a);
}

/* ---- start ------------------------------------------------------------------------------ */

static void read_line(const char *path, char *out, size_t size)
{
	OP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static void name_things(struct alerts *a)
{
	const char *state = op_service_state_dir(a->service);
	read_line("/proc/sys/kernel/random/boot_id", a->boot_id, sizeof(a->boot_id));
	(void)snprintf(a->host, sizeof(a->host), "%s", a->set->host); /* of that size */
	if (!*a->host)
		read_line("/proc/sys/kernel/hostname", a->host, sizeof(a->host));
	(void)snprintf(a->keep_path, sizeof(a->keep_path), "%.*s/%.63s.db", PATH_MAX - 128, state,
		       op_service_name(a->service)); /* both bounded */
	(void)snprintf(a->outbox_path, sizeof(a->outbox_path), "%.*s/outbox-%.63s.db",
		       PATH_MAX - 128, state, op_service_name(a->service));
}

static void make_rules(struct alerts *a)
{
	for (size_t i = 0; i < a->set->rules.n; i++) {
		struct alert *al = &a->alert[a->n_alerts++];
		al->alerts = a;
		al->set = alerts_rule_at(a->set, i);
		struct rule_params p = live_params(&a->live, i);
		rule_init(&al->rule, &p);
		watch_add(a, al);
	}
	for (size_t i = 0; i < a->set->digests.n; i++)
		a->digest[i] = (struct digest){.alerts = a, .set = alerts_digest_at(a->set, i)};
}

static int make_topics(struct alerts *a)
{
	const char *dir = op_service_bus_dir(a->service);
	int r = op_writer_open(dir, NULL, &alert_event_topic, &a->events, NULL);
	return r < 0 ? r : op_writer_open(dir, NULL, &alert_state_topic, &a->state, NULL);
}

static int start_courier(struct alerts *a)
{
	struct courier_params params = {
		.service = a->service,
		.set = a->set,
		.live = &a->live,
		.keep_path = a->keep_path,
		.outbox_path = a->outbox_path,
		.entry = on_entry,
		.loaded = on_loaded,
		.attempt = on_attempt,
		.arg = a,
	};
	return courier_start(&params, &a->courier);
}

static int start(struct op_service *s, const void *settings, void **ret_self)
{
	struct alerts *a = &self;
	*ret_self = a;
	a->service = s;
	a->set = settings;
	a->started_ns = op_now_ns();
	live_init(&a->live, a->set);
	changes_restore(a);
	log_channels(a);
	report_start(a);
	name_things(a);
	op_clock_init(&a->clock, 0);
	tell_clock(a);
	make_rules(a);
	int r = make_topics(a);
	if (r == 0)
		r = start_courier(a);
	if (r == 0)
		r = uv_timer_init(op_service_loop(s), &a->second);
	if (r < 0)
		return r;
	a->second.data = a;
	a->handles = 1;
	return op_service_beat(s, &a->second, on_second, 1000);
}

/* ---- stop ------------------------------------------------------------------------------- */

static void on_courier_closed(void *arg)
{
	struct alerts *a = arg;
	for (size_t i = 0; i < ALERTS_DIGESTS_MAX; i++)
		json_decref(OP_STEAL(a->digest[i].entries));
}

static void stop(struct op_service *s, void *arg)
{
	struct alerts *a = arg;
	if (!a)
		return;
	a->stopped = true;
	calls_stop(a);
	watch_stop(a);
	report_stop(a);
	if (a->handles)
		uv_close((uv_handle_t *)&a->second, NULL);
	op_writer_close(OP_STEAL(a->events));
	op_writer_close(OP_STEAL(a->state));
	courier_stop(OP_STEAL(a->courier), on_courier_closed, a);
}

static void status(struct op_service *s, void *arg)
{
	struct alerts *a = arg;
	struct courier_view v = {0};
	uint64_t missed = 0, errors = 0;
	if (!a || !a->courier)
		return;
	courier_view(a->courier, &v);
	for (size_t i = 0; i < a->n_watches; i++)
		if (a->watch[i].sub)
			missed += op_subscription_missed(a->watch[i].sub);
	for (size_t i = 0; i < a->set->channels.n; i++)
		errors += a->channel[i].failures + v.channel[i].dropped;
	op_service_count(s, a->records, missed, errors + v.jobs_dropped);
}

int main(int argc, char **argv)
{
	struct op_service_desc desc = {
		.program = "outpost-alerts",
		.help = "watches topics by rules and tells people",
		OP_SERVICE_SETTINGS(alerts_settings),
		.calls = alerts_calls,
		.n_calls = alerts_calls_count,
		.start = start,
		.stop = stop,
		.status = status,
	};
	self.supervised = getenv("OUTPOST_SUPERVISOR") != NULL; /* not there any more later */
	return op_service_main(argc, argv, &desc);
}
