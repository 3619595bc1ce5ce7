/*
 * tools_view.c - what status and top conclude from real topics.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"
#include "view.h"

#define STATE_LABELS "starting|ready|degraded|stopping|stopped|restarting|failed"
enum { STARTING, READY, DEGRADED, STOPPING, STOPPED, RESTARTING, FAILED };

/* Not struct op_status: a view reads fields by name, so fewer and others will do. */
#define STATE_FIELDS(F, E, T)                     \
	F(u32, pid, "", "process")                \
	F(u32, novelty, "", "of a later version") \
	E(state, STATE_LABELS, "state")           \
	T(reason, 40, "why")
OP_TOPIC_DECLARE(state, STATE_FIELDS);
OP_TOPIC_DEFINE(state, STATE_FIELDS, .name = "status", .rate_mhz = 1000, .max_age_ms = 3000);

static char bus_dir[256];
static struct op_view *view;

static void make_bus(void)
{
	snprintf(bus_dir, sizeof(bus_dir), "%s/bus", op_test_dir());
	CHECK_INT(mkdir(bus_dir, 0700), 0);
	view = op_view_create(op_test_dir());
	CHECK(view);
}

static struct op_writer *writer(const char *name, uint32_t rate_mhz, uint32_t max_age_ms,
				uint32_t capacity)
{
	struct op_topic_type type = state_topic;
	struct op_writer *w;
	type.rate_mhz = rate_mhz;
	type.max_age_ms = max_age_ms;
	type.capacity = capacity;
	CHECK_INT(op_writer_open(bus_dir, name, &type, &w, NULL), 0);
	return w;
}

static void publish_of(int pid, struct op_writer *w, unsigned state, const char *reason,
		       uint64_t age_ns)
{
	struct state s = {.pid = (uint32_t)pid, .state = (uint8_t)state};
	snprintf(s.reason, sizeof(s.reason), "%s", reason);
	op_writer_publish(w, op_now_ns() - age_ns, &s);
}

static void publish(struct op_writer *w, unsigned state, const char *reason, uint64_t age_ns)
{
	publish_of(getpid(), w, state, reason, age_ns);
}

/* n records whose stamps are period_ns apart, the newest one newest_age_ns old. */
static void publish_run(struct op_writer *w, unsigned n, uint64_t period_ns, uint64_t newest_age_ns)
{
	struct state s = {.pid = 1};
	uint64_t newest = op_now_ns() - newest_age_ns;
	for (unsigned i = n; i-- > 0;)
		op_writer_publish(w, newest - i * period_ns, &s);
}

static const struct op_view_topic *topic(const char *name)
{
	CHECK_INT(op_view_take(view), 0);
	for (size_t i = 0; i < view->n_topics; i++)
		if (!strcmp(view->topics[i]->name, name))
			return view->topics[i];
	op_test_fail(__FILE__, __LINE__, "no topic %s", name);
}

static const struct op_view_service *service(const char *name)
{
	CHECK_INT(op_view_take(view), 0);
	for (size_t i = 0; i < view->n_services; i++)
		if (!strcmp(view->services[i].name, name))
			return &view->services[i];
	op_test_fail(__FILE__, __LINE__, "no service %s", name);
}

TEST(a_missing_bus_is_an_empty_failed_view)
{
	view = op_view_create(op_test_dir());
	CHECK_INT(op_view_take(view), -ENOENT);
	CHECK_INT(view->n_topics, 0);
	CHECK_INT(view->health, OP_HEALTH_FAILED);
	op_view_destroy(view);
	op_view_destroy(NULL);
}

TEST(rates_come_from_the_stamps)
{
	make_bus();
	struct op_writer *w = writer("fast", 800000, 1000, 4096);
	publish_run(w, 3000, 1250000, 0);
	CHECK_NEAR(topic("fast")->measured_hz, 800, 0.01);
	op_writer_close(w);

	w = writer("short", 800000, 1000, 64); /* the ring holds less than two seconds */
	publish_run(w, 1000, 1250000, 0);
	CHECK_NEAR(topic("short")->measured_hz, 800, 0.01);
	op_writer_close(w);

	w = writer("slow", 100, 0, 64); /* one in ten seconds */
	publish_run(w, 20, 10 * OP_NS_PER_S, OP_NS_PER_S);
	CHECK_NEAR(topic("slow")->measured_hz, 0.1, 0.0001);
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(a_gap_and_a_silence_show_in_the_rate)
{
	make_bus();
	struct op_writer *w = writer("gap", 800000, 1000, 4096);
	publish_run(w, 100, 1250000, 60 * OP_NS_PER_S); /* long ago, and not counted */
	publish_run(w, 401, 2500000, 0);
	CHECK_NEAR(topic("gap")->measured_hz, 400, 0.01);
	op_writer_close(w);

	w = writer("silent", 800000, 1000, 4096);
	publish_run(w, 1000, 1250000, 2 * OP_NS_PER_S);
	const struct op_view_topic *t = topic("silent");
	CHECK_NEAR(t->measured_hz, 0, 0);
	CHECK_INT(t->at.state, OP_TOPIC_STALE);
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(events_count_by_the_minute)
{
	make_bus();
	struct op_writer *w = writer("event", 0, 0, 64);
	CHECK_INT(topic("event")->at.state, OP_TOPIC_IDLE);   /* nothing published yet */
	publish_run(w, 3, 50 * OP_NS_PER_S, 5 * OP_NS_PER_S); /* 105, 55 and 5 s ago */
	const struct op_view_topic *t = topic("event");
	CHECK_NEAR(t->measured_hz, 2.0 / 60, 1e-9);
	CHECK_INT(t->at.state, OP_TOPIC_LIVE);
	op_writer_close(w);
	CHECK_INT(topic("event")->at.state, OP_TOPIC_DEAD);

	w = writer("old", 0, 0, 64);
	publish_run(w, 3, OP_NS_PER_S, 61 * OP_NS_PER_S);
	CHECK_NEAR(topic("old")->measured_hz, 0, 0);
	CHECK_INT(topic("old")->at.state, OP_TOPIC_LIVE); /* events may be rare */
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(health_follows_the_state)
{
	static const enum op_health want[] = {
		[STARTING] = OP_HEALTH_DEGRADED, [READY] = OP_HEALTH_OK,
		[DEGRADED] = OP_HEALTH_DEGRADED, [STOPPING] = OP_HEALTH_DEGRADED,
		[STOPPED] = OP_HEALTH_FAILED,    [RESTARTING] = OP_HEALTH_FAILED,
		[FAILED] = OP_HEALTH_FAILED,
	};
	make_bus();
	struct op_writer *w = writer("status.pbt", 1000, 3000, 64);
	CHECK_STR(service("pbt")->is.state, "starting"); /* holds the topic, said nothing yet */
	for (unsigned state = 0; state < OP_ARRAY_SIZE(want); state++) {
		publish(w, state, "because", 0);
		CHECK_INT(service("pbt")->is.health, want[state]);
		CHECK_STR(service("pbt")->is.reason, "because");
		CHECK_INT(view->health, want[state]);
	}
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(a_service_that_lives_but_says_nothing_is_silent)
{
	make_bus();
	struct op_writer *w = writer("status.pbt", 1000, 3000, 64);
	publish(w, READY, "", 12 * OP_NS_PER_S);
	const struct op_view_service *s = service("pbt");
	CHECK_INT(s->is.health, OP_HEALTH_FAILED);
	CHECK_STR(s->is.state, "silent");
	CHECK_STR(s->is.reason, "no sign of life for 12.0 s");
	CHECK_INT(s->is.pid, getpid());
	publish(w, READY, "", 0);
	CHECK_STR(service("pbt")->is.state, "ready");
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(a_dead_service_has_failed_a_stopped_one_has_stopped)
{
	make_bus();
	struct op_writer *w = writer("status.pbt", 1000, 3000, 64);
	publish(w, READY, "fine", 0);
	op_writer_close(w);
	const struct op_view_service *s = service("pbt");
	CHECK_INT(s->is.health, OP_HEALTH_FAILED);
	CHECK_STR(s->is.state, "dead");
	CHECK_STR(s->is.reason, "the process is gone and nobody has restarted it yet");
	CHECK_INT(s->is.pid, 0);
	w = writer("status.pbt", 1000, 3000, 64);
	publish(w, STOPPED, "", 0);
	op_writer_close(w);
	CHECK_STR(service("pbt")->is.state, "stopped");
	w = writer("status.pbt", 1000, 3000, 64);
	publish(w, FAILED, "gave up after 5 starts", 0);
	op_writer_close(w);
	CHECK_STR(service("pbt")->is.reason, "gave up after 5 starts");
	op_view_destroy(view);
}

TEST(what_a_supervisor_said_counts_while_it_lives)
{
	make_bus();
	struct op_writer *w = writer("status.pbt", 1000, 3000, 64);
	publish_of(0, w, RESTARTING, "killed by signal 11", 12 * OP_NS_PER_S); /* it hangs itself */
	CHECK_STR(service("pbt")->is.state, "restarting");
	CHECK_STR(service("pbt")->is.reason, "killed by signal 11");
	op_writer_close(w);
	CHECK_STR(service("pbt")->is.state, "dead");
	CHECK_STR(service("pbt")->is.reason, "its supervisor is gone and nobody restarts it");
	op_view_destroy(view);
}

TEST(a_state_of_a_later_version_is_unknown)
{
	make_bus();
	struct op_writer *w = writer("status.pbt", 1000, 3000, 64);
	publish(w, FAILED + 1, "resting", 0);
	CHECK_STR(service("pbt")->is.state, "unknown");
	CHECK_INT(view->health, OP_HEALTH_FAILED);
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(a_service_that_is_to_run_and_has_no_topic_is_absent)
{
	make_bus();
	char path[300];
	snprintf(path, sizeof(path), "%s/services", op_test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fputs("pbt\nalerts\033[2J\n", f) >= 0 && fclose(f) == 0);
	struct op_writer *w = writer("status.pbt", 1000, 3000, 64);
	publish(w, READY, "", 0);
	const struct op_view_service *s = service("alerts?[2J");
	CHECK_INT(view->n_services, 2);
	CHECK(s == &view->services[0]); /* by name */
	CHECK_STR(s->is.state, "absent");
	CHECK_STR(s->is.reason, "it has not started yet");
	CHECK_INT(view->health, OP_HEALTH_FAILED);
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(topics_come_go_and_are_made_anew_between_looks)
{
	make_bus();
	struct op_writer *w = writer("a", 0, 0, 64);
	publish_run(w, 5, 1, 0);
	CHECK_INT(topic("a")->at.published, 5);
	op_writer_close(w);
	char path[300];
	snprintf(path, sizeof(path), "%s/a", bus_dir);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(op_view_take(view), 0);
	CHECK_INT(view->n_topics, 0);
	w = writer("a", 0, 0, 64);
	publish_run(w, 1, 1, 0);
	CHECK_INT(topic("a")->at.published, 1);
	op_writer_close(w);
	op_view_destroy(view);
}

TEST(looking_is_not_listed_and_foreign_files_are_passed_over)
{
	make_bus();
	char path[300];
	snprintf(path, sizeof(path), "%s/garbage", bus_dir);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs("this is no topic", f) >= 0 && fclose(f) == 0);
	struct op_writer *w = writer("a", 0, 0, 64);
	struct op_reader *r;
	CHECK_INT(op_reader_open(bus_dir, "a", "evil\033[2J", &r), 0);
	const struct op_view_topic *t = topic("a");
	CHECK_INT(view->n_topics, 1);
	CHECK_INT(t->n_readers, 1);
	CHECK_STR(t->readers[0].who, "evil?[2J");
	CHECK_INT(t->at.writer_pid, getpid());
	op_reader_close(r);
	CHECK_INT(topic("a")->n_readers, 0);
	op_writer_close(w);
	op_view_destroy(view);
}
