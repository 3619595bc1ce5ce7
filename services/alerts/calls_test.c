/*
 * calls_test.c - the test message, and a report as a test.
 *
 * Loop thread. A test goes the way of every message, through the outbox, and its call is answered
 * when the receiver has. The plain one has one attempt, and is answered after a few seconds with
 * what is known until then, because who asked does not wait longer; a report has all of its
 * attempts and is answered after the last.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "alerts.h"

#define TEST_NS (4500 * OP_NS_PER_MS) /* under the time-out of `outpost call` */
#define TEST_PAUSE_NS OP_NS_PER_S
#define TEST_EXPIRES_S 60
#define REPORTS_MAX 4 /* under way: each holds a client */
#define MARGIN_S 90   /* the last attempt may begin when time is nearly up */
#define ATTEMPTS_MAX 100

struct tested {
	unsigned channel;
	bool done;
	struct courier_attempt attempt;
};

struct test {
	struct op_call_later *later;
	char key[COURIER_KEY_MAX];
	uint64_t until_ns;
	bool report;
	struct tested channel[ALERTS_CHANNELS_MAX];
	size_t n;
	struct test *next;
};

/* ---- the answer ------------------------------------------------------------------------- */

static void put_result(const struct alerts *a, const struct tested *t, json_t *list)
{
	const struct courier_attempt *at = &t->attempt;
	const char *name = a->live.channel[t->channel].name;
	const char *message = t->done ? at->message : "no answer yet";
	(void)json_array_append_new(
		list, json_pack("{s:s, s:b, s:i, s:s, s:f}", "channel", name, "delivered",
				at->delivered, "status", at->status, "message", message, "took_ms",
				(double)(at->took_ns / OP_NS_PER_US) / 1000)); /* or short */
}

/* Who did not take it, and why; "": all did. */
static void put_failures(const struct alerts *a, const struct test *t, struct op_buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tested *one = &t->channel[i];
		if (!one->attempt.delivered)
			op_buf_printf(out, "%s%s: %s", out->len ? "; " : "",
				      a->live.channel[one->channel].name,
				      *one->attempt.message ? one->attempt.message
							    : "no answer yet");
	}
}

static void finish_test(struct alerts *a, struct test *t)
{
	struct test **at = &a->tests;
	OP_AUTO_BUF struct op_buf failed;
	op_buf_init(&failed, 2048);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	put_failures(a, t, &failed);
	json_t *list = json_array();
	for (size_t i = 0; i < t->n; i++)
		put_result(a, &t->channel[i], list);
	if (t->report) {
		op_call_finish(t->later, 0,
			       json_pack("{s:b, s:s, s:o}", "delivered", !failed.len, "message",
					 failed.len ? failed.data : "delivered", "channels", list),
			       NULL);
	} else {
		op_call_finish(t->later, failed.len ? -EIO : 0,
			       json_pack("{s:o}", "channels", list), failed.data);
	}
	free(t);
}

static bool all_done(const struct test *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->channel[i].done)
			return false;
	return true;
}

void calls_attempt(struct alerts *a, const struct courier_attempt *attempt)
{
	struct test *t = a->tests;
	while (t && strcmp(t->key, attempt->key) != 0)
		t = t->next;
	for (size_t i = 0; t && i < t->n; i++) {
		if (t->channel[i].channel != attempt->channel || t->channel[i].done)
			continue;
		t->channel[i].done = attempt->final || !t->report;
		t->channel[i].attempt = *attempt;
	}
	if (t && all_done(t))
		finish_test(a, t);
}

void calls_look(struct alerts *a, uint64_t now_ns)
{
	for (struct test *next, *t = a->tests; t; t = next) {
		next = t->next;
		if (now_ns >= t->until_ns || all_done(t))
			finish_test(a, t);
	}
}

void calls_stop(struct alerts *a)
{
	while (a->tests)
		finish_test(a, a->tests);
}

/* ---- the plain one ---------------------------------------------------------------------- */

/* The log is written at once. */
static void test_log(struct tested *to)
{
	op_log(OP_NOTICE, "alert: test: alerts arrive here");
	to->done = to->attempt.delivered = true;
	(void)snprintf(to->attempt.message, sizeof(to->attempt.message), "written");
}

static void write_test(const struct alerts *a, size_t i, const char *key, struct courier_job *job)
{
	struct courier_message *m = &job->messages[job->n];
	struct message_place at;
	struct op_buf body;
	op_buf_init(&body, 4096);
	tell_place_shown(a, op_now_ns(), &at);
	if (a->live.channel[i].type == ALERTS_SLACK)
		message_test_slack(&at, &body);
	else
		message_test_webhook(&at, key, &body);
	m->test = true;
	m->attempts = 1;
	m->expires_s = TEST_EXPIRES_S;
	(void)snprintf(m->about, sizeof(m->about), "test");
	tell_add(job, i, key, &body);
}

static void fill_test(struct alerts *a, struct test *t, const char *only, struct courier_job *job)
{
	job->n = 0;
	for (size_t i = 0; i < a->set->channels.n; i++) {
		const struct alerts_channel *ch = &a->live.channel[i];
		if ((only && strcmp(only, ch->name) != 0) || !live_takes(&a->live, i))
			continue;
		struct tested *to = &t->channel[t->n++];
		to->channel = (unsigned)i;
		if (ch->type == ALERTS_LOG)
			test_log(to);
		else
			write_test(a, i, t->key, job);
	}
}

/* Under way from here on; the answer may not be given from within the method: a log alone is told
 * at the next look. */
static void begin(struct alerts *a, struct test *t, struct courier_job *job)
{
	t->next = a->tests;
	a->tests = t;
	courier_post(a->courier, job);
}

static bool is_busy(const struct alerts *a)
{
	for (const struct test *t = a->tests; t; t = t->next)
		if (!t->report)
			return true;
	return op_now_ns() - a->tested_ns < TEST_PAUSE_NS;
}

static int test_plain(struct alerts *a, const char *only, struct op_buf *error)
{
	char id[ALERTS_ID_BYTES];
	uint64_t now = op_now_ns();
	if (is_busy(a)) {
		op_buf_puts(error, "there was a test just now: wait a moment");
		return -EBUSY;
	}
	struct test *t = calloc(1, sizeof(*t));
	struct courier_job *job = courier_job_create(ALERTS_CHANNELS_MAX);
	if (t && job) {
		tell_new_id(id);
		(void)tell_key(t->key, id, "test");
		t->until_ns = now + TEST_NS;
		fill_test(a, t, only, job);
	}
	if (!t || !job || t->n == 0 || !(t->later = op_call_defer(a->service))) {
		bool none = t && job && t->n == 0;
		if (none && only)
			op_buf_printf(error, "there is no channel \"%.47s\", or it has no address",
				      only);
		else if (none)
			op_buf_puts(error, "no channel has an address, and none is a log");
		free(t);
		courier_job_free(job);
		return none ? -ENOENT : -ENOMEM;
	}
	a->tested_ns = now;
	begin(a, t, job);
	return 0;
}

/* ---- a report --------------------------------------------------------------------------- */

/* The messages of the job become those of a test; how long it may take, in seconds. */
static uint64_t make_test(const struct alerts *a, struct test *t, struct courier_job *job,
			  unsigned attempts)
{
	uint64_t most = 0;
	for (size_t i = 0; i < job->n; i++) {
		struct courier_message *m = &job->messages[i];
		unsigned n = attempts ? attempts : (unsigned)a->live.channel[m->channel].attempts;
		m->test = true;
		m->attempts = n > 0 && n < ATTEMPTS_MAX ? n : n ? ATTEMPTS_MAX : 1;
		m->expires_s = live_patience_s(&a->live, m->channel, m->attempts);
		most = m->expires_s > most ? m->expires_s : most;
		t->channel[t->n++].channel = m->channel;
	}
	return most + MARGIN_S;
}

static size_t count_reports(const struct alerts *a)
{
	size_t n = 0;
	for (const struct test *t = a->tests; t; t = t->next)
		n += t->report;
	return n;
}

static int begin_report(struct alerts *a, struct courier_job *job, const char *key,
			unsigned attempts)
{
	struct test *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	uint64_t patience_s = make_test(a, t, job, attempts);
	t->later = op_call_defer_for(a->service, (unsigned)(patience_s + MARGIN_S));
	if (!t->later) {
		free(t);
		return -ENOMEM;
	}
	t->report = true;
	t->until_ns = op_now_ns() + patience_s * OP_NS_PER_S;
	(void)snprintf(t->key, sizeof(t->key), "%s", key); /* of that size */
	begin(a, t, job);
	return 0;
}

static int test_report(struct alerts *a, const char *name, unsigned attempts, json_t **ret_result,
		       struct op_buf *error)
{
	char id[ALERTS_ID_BYTES], key[COURIER_KEY_MAX];
	size_t i = report_find(a, name);
	if (i == a->set->reports.n || count_reports(a) >= REPORTS_MAX) {
		op_buf_printf(error,
			      i == a->set->reports.n ? "there is no report \"%.47s\""
						     : "there are tests of %.47s under way",
			      name);
		return i == a->set->reports.n ? -ENOENT : -EBUSY;
	}
	tell_new_id(id);
	struct courier_job *job = report_write(a, i, tell_key(key, id, "test"));
	int r = job ? 0 : -ENOMEM;
	if (job && job->n == 0)
		*ret_result =
			json_pack("{s:b, s:s, s:[]}", "delivered", 0, "message",
				  "no channel of it has an address and is enabled", "channels");
	else if (job)
		r = begin_report(a, job, key, attempts);
	if (r < 0 || *ret_result)
		courier_job_free(job);
	return r;
}

int call_test(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	struct alerts *a = op_service_self(s);
	const char *report = json_string_value(json_object_get(args, "report"));
	json_int_t attempts = json_integer_value(json_object_get(args, "attempts"));
	if (!report)
		return test_plain(a, json_string_value(json_object_get(args, "channel")), error);
	if (attempts < 0 || attempts > ATTEMPTS_MAX) {
		op_buf_printf(error, "attempts: expected 0 to %d", ATTEMPTS_MAX);
		return -EINVAL;
	}
	return test_report(a, report, (unsigned)attempts, ret_result, error);
}
