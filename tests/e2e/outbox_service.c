/*
 * outbox_service.c - a small service that sends what it is told to, for the tests of `outpost
 * outbox`.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <limits.h>
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/outbox_calls.h"

struct settings {
	char url[256];
};

static const struct op_setting settings[] = {
	{.key = "url",
	 .type = OP_SET_STRING,
	 .offset = offsetof(struct settings, url),
	 .size = 256,
	 .flags = OP_SET_SECRET,
	 .help = "where to send"},
};

struct self {
	struct op_outbox *outbox;
	struct op_post_client *client;
	struct op_pump *pump;
};
static struct self self;

static int start(struct op_service *s, const void *settings_, void **ret_self)
{
	const struct settings *set = settings_;
	struct op_pump_target target = {.queue = "hook", .url = set->url, .backoff_ms = 50};
	char path[PATH_MAX], text[512];
	struct op_buf note;
	op_buf_init_fixed(&note, text, sizeof(text));
	*ret_self = &self;
	(void)snprintf(path, sizeof(path), "%s/outbox-%s.db", op_service_state_dir(s),
		       op_service_name(s)); /* fits */
	int r = op_outbox_open(path, NULL, &self.outbox, &note);
	if (r == 0)
		r = op_post_client_create(op_service_loop(s), &self.client);
	if (r == 0)
		r = op_pump_create(op_service_loop(s), self.outbox, self.client, NULL, NULL,
				   &self.pump);
	if (r == 0)
		r = op_pump_add(self.pump, &target);
	if (r == 0)
		op_service_set_state(s, OP_STATE_READY, NULL);
	return r;
}

static void stop(struct op_service *s, void *self_)
{
	op_pump_close(self.pump);
	op_post_client_close(self.client);
	op_outbox_close(self.outbox);
}

static int call_put(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	const char *key = json_string_value(json_object_get(args, "key"));
	struct op_outbox_put put = {
		.queue = "hook",
		.key = key,
		.content_type = "text/plain",
		.body = key,
		.body_bytes = key ? strlen(key) : 0,
		.about = key,
		.attempts = (unsigned)json_integer_value(json_object_get(args, "attempts")),
	};
	int r = op_outbox_put(self.outbox, &put, NULL);
	op_pump_kick(self.pump);
	return r;
}

static int call_retry(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	return op_outbox_call_retry(self.outbox, self.pump, args, ret, error);
}

static int call_drop(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	return op_outbox_call_drop(self.outbox, self.pump, args, ret, error);
}

static const struct op_call calls[] = {
	{"put", "send key=TEXT, attempts=N", call_put, "key attempts"},
	{"outbox_retry", OP_OUTBOX_RETRY_HELP, call_retry, OP_OUTBOX_RETRY_ARGS},
	{"outbox_drop", OP_OUTBOX_DROP_HELP, call_drop, OP_OUTBOX_DROP_ARGS},
};

int main(int argc, char **argv)
{
	static const struct op_service_desc desc = {
		.program = "outpost-test-outbox",
		.help = "Sends what it is told to.",
		.settings = settings,
		.n_settings = OP_ARRAY_SIZE(settings),
		.settings_bytes = sizeof(struct settings),
		.calls = calls,
		.n_calls = OP_ARRAY_SIZE(calls),
		.start = start,
		.stop = stop,
	};
	return op_service_main(argc, argv, &desc);
}
