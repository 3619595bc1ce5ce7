/*
 * net_client.c - asks what it is told to: a JSON object per line on stdin, the result of each on
 * stdout as it comes. For tests of lib/net with real servers.
 *
 * Each answer also says the longest the loop was held up since the last ("gap_ms"), by a timer of 5
 * ms. At the end of its input it waits for what is under way (with OUTPOST_TEST_ABANDON for
 * nothing), closes everything and says how many descriptors are left beyond those of the start.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/post.h"

struct job {
	json_t *request;
	const char *fields[16];
	struct op_post *post;
	struct job *next;
};

static uv_loop_t loop;
static uv_pipe_t input;
static uv_timer_t tick;
static struct op_post_client *client;
static struct job *jobs;
static uint64_t last_tick_ns, gap_ns;
static char line[1 << 21];
static size_t line_len;
static bool ended;

static int count_descriptors(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void say(json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	puts(text);
	(void)fflush(stdout);
	free(text);
	json_decref(answer);
}

static void on_gap(uv_timer_t *timer)
{
	uint64_t now = op_now_ns();
	if (now - last_tick_ns > gap_ns)
		gap_ns = now - last_tick_ns;
	last_tick_ns = now;
}

static void close_all(void)
{
	op_post_client_close(client);
	client = NULL;
	uv_close((uv_handle_t *)&tick, NULL);
}

static void job_free(struct job *j)
{
	struct job **at = &jobs;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	json_decref(j->request);
	free(j);
}

static void on_result(void *arg, const struct op_post_result *r)
{
	struct job *j = arg;
	on_gap(&tick);
	say(json_pack("{s:O, s:i, s:s, s:i, s:i, s:s#, s:s, s:f, s:f}", "id",
		      json_object_get(j->request, "id"), "error", r->error, "error_text",
		      r->error ? strerrorname_np(-r->error) : "", "status", r->status,
		      "retry_after_s", (int)r->retry_after_s, "answer", r->answer, r->answer_bytes,
		      "message", r->message, "took_ms", (double)r->took_ns / 1e6, "gap_ms",
		      (double)gap_ns / 1e6));
	gap_ns = 0;
	bool close_now = json_is_true(json_object_get(j->request, "close_then"));
	job_free(j);
	if (close_now || (ended && !jobs))
		close_all();
}

static unsigned number(const json_t *request, const char *key)
{
	return (unsigned)json_integer_value(json_object_get(request, key));
}

static int ask(struct job *j)
{
	const json_t *rq = j->request, *body = json_object_get(rq, "body");
	const json_t *fields = json_object_get(rq, "fields");
	for (size_t i = 0; i < json_array_size(fields) && i < 15; i++)
		j->fields[i] = json_string_value(json_array_get(fields, i));
	struct op_post_request post = {
		.url = json_string_value(json_object_get(rq, "url")),
		.method = json_string_value(json_object_get(rq, "method")),
		.content_type = json_string_value(json_object_get(rq, "content_type")),
		.fields = j->fields,
		.body = json_string_value(body),
		.body_bytes = json_string_length(body),
		.connect_timeout_ms = number(rq, "connect_timeout_ms"),
		.read_timeout_ms = number(rq, "read_timeout_ms"),
		.total_timeout_ms = number(rq, "total_timeout_ms"),
		.max_redirects = number(rq, "max_redirects"),
		.ca_file = json_string_value(json_object_get(rq, "ca_file")),
	};
	return op_post(client, &post, on_result, j, &j->post);
}

static void cancel(const json_t *id)
{
	for (struct job *j = jobs; j; j = j->next)
		if (json_equal(json_object_get(j->request, "id"), id)) {
			op_post_cancel(j->post);
			job_free(j);
			say(json_pack("{s:O, s:s}", "id", id, "error_text", "cancelled"));
			return;
		}
}

static void take(const char *text)
{
	json_t *request = json_loads(text, 0, NULL);
	if (json_object_get(request, "cancel")) {
		cancel(json_object_get(request, "cancel"));
		json_decref(request);
		return;
	}
	struct job *j = calloc(1, sizeof(*j));
	j->request = request;
	j->next = jobs;
	jobs = j;
	int r = ask(j);
	if (r == 0)
		return;
	say(json_pack("{s:O, s:s}", "id", json_object_get(request, "id"), "error_text",
		      strerrorname_np(-r)));
	job_free(j);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	*ret = uv_buf_init(line + line_len, (unsigned)(sizeof(line) - line_len - 1));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0) {
		ended = true;
		uv_close((uv_handle_t *)&input, NULL);
		while (getenv("OUTPOST_TEST_ABANDON") && jobs)
			job_free(jobs); /* close_all ends their requests without a word */
		if (!jobs && client)
			close_all();
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

/* What libraries open once and for all. */
static int warm_up(void)
{
	uv_loop_t first;
	struct op_post_client *c;
	if (uv_loop_init(&first) < 0 || op_post_client_create(&first, &c) < 0)
		return -1;
	op_post_client_close(c);
	(void)uv_run(&first, UV_RUN_DEFAULT);
	return uv_loop_close(&first);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (warm_up() < 0)
		return 1;
	int before = count_descriptors();
	if (uv_loop_init(&loop) < 0 || op_post_client_create(&loop, &client) < 0 ||
	    uv_pipe_init(&loop, &input, 0) < 0 || uv_pipe_open(&input, 0) < 0 ||
	    uv_timer_init(&loop, &tick) < 0)
		return 1;
	last_tick_ns = op_now_ns();
	(void)uv_timer_start(&tick, on_gap, 5, 5);
	(void)uv_read_start((uv_stream_t *)&input, on_alloc, on_read);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	while (jobs) /* closed by a result */
		job_free(jobs);
	if (uv_loop_close(&loop) < 0)
		return 2;
	say(json_pack("{s:i}", "left_open", count_descriptors() - before));
	return 0;
}
