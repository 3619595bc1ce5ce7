/*
 * outbox_load.c - how fast an outbox takes and gives: a process of its own, so that its syncs, its
 * bytes and its memory can be told.
 *
 *     bench-outbox-load put DATABASE ITEMS BODY_BYTES
 *     bench-outbox-load deliver DATABASE URL
 *     bench-outbox-load wait DATABASE URL       until stdin ends, its items not delivered
 *
 * Prints one JSON object: items, seconds, syncs.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/pump.h"

static _Atomic unsigned long syncs;

#define COUNTED(name)                                              \
	__attribute__((visibility("default"))) int name(int fd)    \
	{                                                          \
		static int (*real)(int);                           \
		if (!real)                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		atomic_fetch_add(&syncs, 1);                       \
		return real(fd);                                   \
	}
COUNTED(fsync)
COUNTED(fdatasync)

static struct op_outbox *outbox;
static struct op_post_client *client;
static struct op_pump *pump;
static uv_pipe_t input;
static unsigned long delivered, attempts;

static int open_outbox(const char *path)
{
	struct op_outbox_limits limits = {.max_items = 1000000, .max_bytes = 1ULL << 32};
	char text[512];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	return op_outbox_open(path, &limits, &outbox, &note);
}

static void tell(unsigned long items, uint64_t since_ns)
{
	printf("{\"items\":%lu,\"seconds\":%.6f,\"syncs\":%lu,\"attempts\":%lu}\n", items,
	       (double)(op_now_ns() - since_ns) / 1e9, atomic_load(&syncs), attempts);
	(void)fflush(stdout);
}

static int put_all(unsigned long n, size_t bytes)
{
	char *body = malloc(bytes + 1);
	if (!body)
		return -ENOMEM;
	memset(body, 'x', bytes);
	atomic_store(&syncs, 0);
	uint64_t begin = op_now_ns();
	int r = 0;
	for (unsigned long i = 0; r == 0 && i < n; i++) {
		struct op_outbox_put put = {
			.queue = "bench",
			.content_type = "application/json",
			.body = body,
			.body_bytes = bytes,
			.about = "bench",
		};
		r = op_outbox_put(outbox, &put, NULL);
	}
	tell(n, begin);
	free(body);
	return r;
}

static void close_all(void)
{
	op_pump_close(pump);
	op_post_client_close(client);
	pump = NULL;
}

static void on_attempt(void *arg, const struct op_outbox_item *item,
		       const struct op_post_result *result, bool done, bool final)
{
	struct op_outbox_item next;
	attempts++;
	delivered += done;
	if (!input.loop && op_outbox_next(outbox, "bench", &next) == 0)
		close_all();
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char bytes[64];
	*ret = uv_buf_init(bytes, sizeof(bytes));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n < 0) {
		uv_close((uv_handle_t *)&input, NULL);
		close_all();
	}
}

static int send_all(const char *url, bool wait)
{
	uv_loop_t loop;
	struct op_pump_target target = {.queue = "bench", .url = url};
	int r = uv_loop_init(&loop);
	if (r == 0)
		r = op_post_client_create(&loop, &client);
	if (r == 0)
		r = op_pump_create(&loop, outbox, client, on_attempt, NULL, &pump);
	if (r == 0 && wait)
		r = uv_pipe_init(&loop, &input, 0);
	if (r == 0 && wait)
		r = uv_pipe_open(&input, 0);
	if (r == 0 && wait)
		r = uv_read_start((uv_stream_t *)&input, on_alloc, on_input);
	if (r == 0)
		r = op_pump_add(pump, &target);
	if (r < 0)
		return r;
	atomic_store(&syncs, 0);
	uint64_t begin = op_now_ns();
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	tell(delivered, begin);
	return uv_loop_close(&loop);
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 4 || open_outbox(argv[2]) < 0)
		return 1;
	int r = !strcmp(argv[1], "put") && argc == 5
			? put_all(strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10))
			: send_all(argv[3], !strcmp(argv[1], "wait"));
	op_outbox_close(outbox);
	return r < 0 ? 1 : 0;
}
