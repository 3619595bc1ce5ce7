/*
 * test_service.c - a real service that misbehaves on request, for the tests of supervision.
 *
 * Its settings choose how it starts, its calls what goes wrong later. Nothing of it is installed.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/service.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum at_start { START_READY, START_DEGRADED, START_FAULT, START_CONFIG, START_NEVER, START_CRASH };
static const char *const at_start_names[] = {"ready", "degraded", "fault", "config",
					     "never", "crash",    NULL};

struct settings {
	int at_start;
	char url[128], secret[64];
	bool work_thread;
};

#define AT(member) offsetof(struct settings, member)
static const struct op_setting settings[] = {
	{.key = "at_start",
	 .type = OP_SET_CHOICE,
	 .offset = AT(at_start),
	 .def = "ready",
	 .choices = at_start_names,
	 .help = "how the start goes"},
	{.key = "url",
	 .type = OP_SET_STRING,
	 .offset = AT(url),
	 .size = 128,
	 .help = "address to announce"},
	{.key = "secret",
	 .type = OP_SET_STRING,
	 .offset = AT(secret),
	 .size = 64,
	 .flags = OP_SET_SECRET,
	 .help = "not to be shown"},
	{.key = "work_thread",
	 .type = OP_SET_BOOL,
	 .offset = AT(work_thread),
	 .def = "false",
	 .help = "apply the scheduling on a thread of its own"},
};

struct self {
	uv_timer_t tick;
	uint64_t ticks;
	bool stuck, deaf;
	pthread_t thread;
	bool has_thread;
	uv_timer_t pause; /* until the answer of call_later */
	struct op_call_later *later;
};
static struct self self;

/* As without a sanitizer, which would make an exit status of it. */
static void crash(void)
{
	(void)signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
}

static void on_tick(uv_timer_t *timer)
{
	self.ticks++;
}

static void *work(void *arg)
{
	op_service_sched_thread(arg);
	return NULL;
}

static void enter_state(struct op_service *s, int how)
{
	if (how == START_READY)
		op_service_set_state(s, OP_STATE_READY, NULL);
	else if (how == START_DEGRADED)
		op_service_set_state(s, OP_STATE_DEGRADED, "board %s missing", "/dev/x");
}

static int start(struct op_service *s, const void *settings_, void **ret_self)
{
	const struct settings *set = settings_;
	*ret_self = &self;
	if (set->at_start == START_CRASH)
		crash();
	if (set->at_start == START_CONFIG) {
		op_log(OP_ERR, "the port is taken by process 1: choose another");
		op_service_quit(s, OP_EXIT_CONFIG);
		return -EADDRINUSE;
	}
	if (set->at_start == START_FAULT)
		return -EIO;
	if (uv_timer_init(op_service_loop(s), &self.tick) < 0 ||
	    uv_timer_start(&self.tick, on_tick, 10, 10) < 0)
		return -EINVAL;
	if (set->work_thread) {
		self.has_thread = op_thread_create(&self.thread, "work", 0, work, s) == 0;
		if (self.has_thread)
			(void)pthread_join(self.thread,
					   NULL); /* so that the tests see the result */
	}
	if (set->url[0])
		op_service_set_url(s, set->url);
	enter_state(s, set->at_start);
	return 0;
}

static void stop(struct op_service *s, void *self_)
{
	if (!self.deaf && self.tick.loop)
		uv_close((uv_handle_t *)&self.tick, NULL);
	if (self.later)
		op_call_finish(OP_STEAL(self.later), -ECANCELED, NULL, "the service stops");
	if (!self.deaf && self.pause.loop)
		uv_close((uv_handle_t *)&self.pause, NULL);
	if (self.deaf)
		for (;;)
			(void)pause(); /* until SIGKILL */
}

static bool alive(struct op_service *s, void *self_)
{
	return !self.stuck;
}

static void status(struct op_service *s, void *self_)
{
	op_service_count(s, self.ticks, 2, 3);
}

static int call_crash(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	crash();
	return 0;
}

static int call_exit(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	op_service_quit(s, (int)json_integer_value(json_object_get(args, "status")));
	return 0;
}

static int call_stick(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	self.stuck = true;
	return 0;
}

static int call_block(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	for (;;)
		(void)pause(); /* until SIGABRT */
	return 0;
}

static int call_deaf(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	self.deaf = true;
	return 0;
}

static int call_state(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	const char *reason = json_string_value(json_object_get(args, "degraded"));
	op_service_set_state(s, reason ? OP_STATE_DEGRADED : OP_STATE_READY, reason ? "%s" : NULL,
			     reason);
	return 0;
}

static int call_log(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	json_int_t lines = json_integer_value(json_object_get(args, "lines"));
	const char *text = json_string_value(json_object_get(args, "text"));
	for (json_int_t i = 0; i < lines; i++)
		fprintf(stderr, "<4>%s %lld\n", text, (long long)i);
	return 0;
}

static int call_print(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	puts(json_string_value(json_object_get(args, "text")));
	return fflush(stdout) == EOF ? -EIO : 0;
}

/* A child that outlives its parent unless somebody looks after it. */
static int call_fork(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	pid_t pid = fork();
	while (pid == 0)
		(void)pause(); /* until killed */
	*ret = json_integer(pid);
	return pid < 0 ? -errno : 0;
}

static int call_big(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	json_int_t n = json_integer_value(json_object_get(args, "bytes"));
	char *text = malloc((size_t)n + 1);
	if (!text)
		return -ENOMEM;
	memset(text, 'x', (size_t)n);
	text[n] = '\0';
	*ret = json_string(text);
	free(text);
	return 0;
}

static int call_fail(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	op_buf_puts(error, "the moon is in the way");
	return -EAGAIN;
}

static void on_pause(uv_timer_t *timer)
{
	op_call_finish(OP_STEAL(self.later), 0, json_string("at last"), NULL);
}

static int call_later(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	if (self.later)
		return -EBUSY;
	if (!self.pause.loop && uv_timer_init(op_service_loop(s), &self.pause) < 0)
		return -ENOMEM;
	self.later = op_call_defer(s);
	uint64_t ms = (uint64_t)json_integer_value(json_object_get(args, "ms"));
	return self.later ? uv_timer_start(&self.pause, on_pause, ms, 0) : -ENOMEM;
}

static const struct op_call calls[] = {
	{"crash", "segmentation fault", call_crash},
	{"exit", "leave with this status", call_exit, "status"},
	{"stick", "say that the work does not move", call_stick},
	{"block", "block the loop", call_block},
	{"deaf", "refuse to stop", call_deaf},
	{"state", "degraded=REASON, or ready", call_state, "degraded"},
	{"log", "lines=N text=T to stderr", call_log, "lines text"},
	{"print", "text=T to stdout", call_print, "text"},
	{"fork", "start a child and forget it", call_fork},
	{"big", "an answer of this many bytes", call_big, "bytes"},
	{"fail", "fail with a reason", call_fail},
	{"later", "answer after ms=N", call_later, "ms"},
};

static const struct op_service_desc desc = {
	.program = "outpost-test-service",
	.help = "misbehaves on request",
	.settings = settings,
	.n_settings = OP_ARRAY_SIZE(settings),
	.settings_bytes = sizeof(struct settings),
	.calls = calls,
	.n_calls = OP_ARRAY_SIZE(calls),
	.start = start,
	.stop = stop,
	.alive = alive,
	.status = status,
};

int main(int argc, char **argv)
{
	return op_service_main(argc, argv, &desc);
}
