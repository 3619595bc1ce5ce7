/*
 * sender.c - a small real program that sends: an outbox, its pump, and a time that can leap.
 *
 *     test-sender DATABASE JSON
 *
 * JSON: {"targets":[{"queue","url",...}], "max_items", "max_bytes", "boot_id", "every_s",
 * "until_s"}. Commands come as JSON lines on stdin: {"put":{...}}, {"retry":QUEUE,"id":N},
 * {"drop":...}, {"counts":true}; it ends with stdin. Every put, attempt and answer is a JSON line
 * on stdout.
 *
 * With OUTPOST_TEST_CLOCK=FILE all clocks of the process, and of its libraries, are ahead by the
 * nanoseconds in that file. While nothing is on its way the time to the next timer is not waited
 * for but added there, so that days pass in seconds and the next process goes on from there. Then
 * it puts an item into each queue every every_s seconds itself and ends at until_s.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/net/internal.h"
#include "lib/net/pump.h"
#include "lib/store/outbox_internal.h"

#define TARGETS_MAX 8

static uv_loop_t loop;
static uv_pipe_t input;
static uv_timer_t every, hourly;
static struct op_outbox *outbox;
static struct op_post_client *client;
static struct op_pump *pump;
static struct op_pump_target targets[TARGETS_MAX];
static size_t n_targets;
static uint64_t until_ns, every_ms;
static char line[1 << 21];
static size_t line_len;
static _Atomic int64_t *ahead_ns; /* mapped */

/* ---- time ------------------------------------------------------------------------------ */

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(id, ts);
	bool leaps = id == CLOCK_BOOTTIME || id == CLOCK_REALTIME || id == CLOCK_MONOTONIC ||
		     id == CLOCK_MONOTONIC_COARSE || id == CLOCK_MONOTONIC_RAW;
	if (r == 0 && ahead_ns && leaps) {
		int64_t ns = ts->tv_nsec + atomic_load(ahead_ns) % (int64_t)OP_NS_PER_S;
		ts->tv_sec +=
			atomic_load(ahead_ns) / (int64_t)OP_NS_PER_S + ns / (int64_t)OP_NS_PER_S;
		ts->tv_nsec = ns % (int64_t)OP_NS_PER_S;
	}
	return r;
}

static void map_clock(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *map = mmap(NULL, sizeof(*ahead_ns), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED)
		abort();
	(void)close(fd);
	ahead_ns = map;
}

/* Waits for sockets, but not for time. */
static void run_leaping(void)
{
	while (uv_loop_alive(&loop)) {
		(void)uv_run(&loop, client && client->posts ? UV_RUN_ONCE : UV_RUN_NOWAIT);
		int ms = uv_backend_timeout(&loop);
		if (client && !client->posts && ms > 0)
			atomic_fetch_add(ahead_ns, ms * (int64_t)OP_NS_PER_MS);
		uv_update_time(&loop);
	}
}

/* ---- saying ---------------------------------------------------------------------------- */

static void say(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	puts(text);
	(void)fflush(stdout);
	free(text);
	json_decref(value);
}

static long rss_kib(void)
{
	long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (f)
		(void)fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void say_counts(void)
{
	struct op_outbox_counts c[TARGETS_MAX];
	size_t n = 0;
	json_t *all = json_object();
	int r = op_outbox_counts(outbox, c, TARGETS_MAX, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		(void)json_object_set_new(
			all, c[i].queue,
			json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "waiting",
				  (json_int_t)c[i].waiting, "dead", (json_int_t)c[i].dead, "taken",
				  (json_int_t)c[i].taken, "delivered", (json_int_t)c[i].delivered,
				  "failed", (json_int_t)c[i].failed_attempts, "died",
				  (json_int_t)c[i].died, "expired", (json_int_t)c[i].expired,
				  "evicted", (json_int_t)c[i].evicted, "retried",
				  (json_int_t)c[i].retried));
	say(json_pack("{s:o,s:i,s:i,s:i}", "counts", all, "error", r, "rss_kib", (int)rss_kib(),
		      "trouble", op_pump_error(pump)));
}

static void on_attempt(void *arg, const struct op_outbox_item *item,
		       const struct op_post_result *result, bool delivered, bool final)
{
	say(json_pack("{s:s,s:s,s:b,s:b,s:i,s:i,s:s,s:f}", "attempt", item->key, "queue",
		      item->queue, "delivered", delivered, "final", final, "error", result->error,
		      "status", result->status, "message", result->message, "at",
		      (double)op_now_ns() / 1e9));
}

/* ---- doing ----------------------------------------------------------------------------- */

static unsigned number(const json_t *o, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(o, key));
}

static void put(const json_t *p)
{
	const json_t *body = json_object_get(p, "body");
	struct op_outbox_put item = {
		.queue = json_string_value(json_object_get(p, "queue")),
		.key = json_string_value(json_object_get(p, "key")),
		.content_type = "application/json",
		.body = json_string_value(body),
		.body_bytes = json_string_length(body),
		.about = json_string_value(json_object_get(p, "about")),
		.priority = (int)json_integer_value(json_object_get(p, "priority")),
		.expires_s = number(p, "expires_s"),
		.attempts = number(p, "attempts"),
	};
	int64_t id = 0;
	int r = op_outbox_put(outbox, &item, &id);
	say(json_pack("{s:s?,s:s?,s:i,s:I}", "put", item.key, "queue", item.queue, "error", r, "id",
		      (json_int_t)id));
}

static void change(const json_t *command, const char *what)
{
	uint64_t n = 0;
	const char *queue = json_string_value(json_object_get(command, what));
	int64_t id = json_integer_value(json_object_get(command, "id"));
	int r = !strcmp(what, "retry") ? op_outbox_retry(outbox, queue, id, &n)
				       : op_outbox_drop(outbox, queue, id, &n);
	say(json_pack("{s:s,s:i,s:I}", "done", what, "error", r, "n", (json_int_t)n));
}

static void take(const char *text)
{
	json_t *command = json_loads(text, 0, NULL);
	if (json_object_get(command, "put"))
		put(json_object_get(command, "put"));
	else if (json_object_get(command, "counts"))
		say_counts();
	else
		change(command, json_object_get(command, "retry") ? "retry" : "drop");
	json_decref(command);
	op_pump_kick(pump);
}

static void finish(void)
{
	if (!pump)
		return;
	say_counts();
	op_pump_close(pump);
	op_post_client_close(client);
	pump = NULL;
	client = NULL;
	uv_close((uv_handle_t *)&every, NULL);
	uv_close((uv_handle_t *)&hourly, NULL);
	if (!uv_is_closing((uv_handle_t *)&input))
		uv_close((uv_handle_t *)&input, NULL);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	*ret = uv_buf_init(line + line_len, (unsigned)(sizeof(line) - line_len - 1));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0) {
		finish();
		return;
	}
	line_len += (size_t)n;
	line[line_len] = 0;
	for (char *end; (end = strchr(line, '\n'));) {
		*end = 0;
		take(line);
		line_len -= (size_t)(end + 1 - line);
		memmove(line, end + 1, line_len + 1);
	}
}

static void on_every(uv_timer_t *timer)
{
	uint64_t now = op_now_ns();
	if (now >= until_ns) {
		finish();
		return;
	}
	for (size_t i = 0; i < n_targets; i++) {
		char key[64], body[256];
		(void)snprintf(key, sizeof(key), "%s-%llu", targets[i].queue,
			       (unsigned long long)(now / OP_NS_PER_MS)); /* fits */
		(void)snprintf(body, sizeof(body), "{\"key\":\"%s\"}", key);
		struct op_outbox_put item = {.queue = targets[i].queue,
					     .key = key,
					     .content_type = "application/json",
					     .body = body,
					     .body_bytes = strlen(body)};
		int r = op_outbox_put(outbox, &item, NULL);
		say(json_pack("{s:s,s:s,s:i}", "put", key, "queue", targets[i].queue, "error", r));
	}
	op_pump_kick(pump);
}

static void on_hour(uv_timer_t *timer)
{
	say_counts();
}

/* ---- beginning ------------------------------------------------------------------------- */

static void add_target(const json_t *t)
{
	struct op_pump_target *target = &targets[n_targets++];
	*target = (struct op_pump_target){
		.queue = json_string_value(json_object_get(t, "queue")),
		.url = json_string_value(json_object_get(t, "url")),
		.connect_timeout_ms = number(t, "connect_timeout_ms"),
		.read_timeout_ms = number(t, "read_timeout_ms"),
		.max_redirects = number(t, "max_redirects"),
		.backoff_ms = number(t, "backoff_ms"),
		.backoff_max_ms = number(t, "backoff_max_ms"),
		.exact = json_is_true(json_object_get(t, "exact")),
		.give_up_4xx = json_is_true(json_object_get(t, "give_up_4xx")),
	};
	if (op_pump_add(pump, target) < 0)
		abort();
}

static int open_outbox(const char *path, const json_t *config)
{
	struct op_outbox_limits limits = {.max_items = number(config, "max_items"),
					  .max_bytes = number(config, "max_bytes")};
	struct outbox_source source;
	const char *boot_id = json_string_value(json_object_get(config, "boot_id"));
	char text[512];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	int r = outbox_source_system(&source);
	if (boot_id)
		(void)snprintf(source.boot_id, sizeof(source.boot_id), "%s", boot_id);
	if (r == 0)
		r = op_outbox_open_with(path, &limits, &source, &outbox, &note);
	if (r < 0 || note.len)
		say(json_pack("{s:i,s:s}", "open", r, "note", note.data));
	return r;
}

static void begin_by_itself(const json_t *config)
{
	every_ms = number(config, "every_s") * 1000ULL;
	until_ns = (uint64_t)json_number_value(json_object_get(config, "until_s")) * OP_NS_PER_S;
	(void)uv_timer_start(&every, on_every, 0, every_ms);
	(void)uv_timer_start(&hourly, on_hour, 3600000, 3600000);
}

int main(int argc, char **argv)
{
	const char *clock = getenv("OUTPOST_TEST_CLOCK");
	json_t *config = argc == 3 ? json_loads(argv[2], 0, NULL) : NULL;
	size_t i;
	json_t *t;
	(void)signal(SIGPIPE, SIG_IGN);
	if (clock)
		map_clock(clock);
	if (!config || open_outbox(argv[1], config) < 0 || uv_loop_init(&loop) < 0 ||
	    op_post_client_create(&loop, &client) < 0 ||
	    op_pump_create(&loop, outbox, client, on_attempt, NULL, &pump) < 0 ||
	    uv_pipe_init(&loop, &input, 0) < 0 || uv_pipe_open(&input, 0) < 0 ||
	    uv_timer_init(&loop, &every) < 0 || uv_timer_init(&loop, &hourly) < 0)
		return 1;
	json_array_foreach(json_object_get(config, "targets"), i, t) add_target(t);
	(void)uv_read_start((uv_stream_t *)&input, on_alloc, on_read);
	if (json_object_get(config, "every_s"))
		begin_by_itself(config);
	if (clock)
		run_leaping();
	else
		(void)uv_run(&loop, UV_RUN_DEFAULT);
	op_outbox_close(outbox);
	json_decref(config);
	return uv_loop_close(&loop) < 0 ? 2 : 0;
}
