/*
 * temp_webhook.c - fuzz target of what strangers may send to the webhook routes of the temperature
 * monitor: a mask (the first line), a body of PUT (the rest).
 *
 * A body without mistakes can be asked for, in numbers within their ranges; a mask keeps nothing
 * that was not there.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "appliances/temp-monitor/web/mask.h"
#include "appliances/temp-monitor/web/webhook_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(json_t *part, json_t *whole)
{
	const char *key;
	json_t *v;
	json_object_foreach(part, key, v)
	{
		json_t *from = json_object_get(whole, key);
		assert(from);
		if (json_is_object(v))
			check_part(v, from);
		else
			assert(json_equal(v, from));
	}
}

static void mask(const char *text)
{
	json_t *whole = json_pack("{s:{s:s, s:{s:i}}, s:b}", "webhook", "url", "u", "more", "n", 1,
				  "enabled", 1);
	json_t *part = NULL;
	int r = mask_apply(text, whole, &part);
	assert(r == 0 || r == -EINVAL);
	assert((r == 0) == (part != NULL));
	check_part(part, whole);
	json_decref(part);
	json_decref(whole);
}

static void check_limits(json_t *body)
{
	json_t *limits = webhook_part(body, "thresholds");
	for (size_t i = 0; i < WEBHOOK_LIMITS; i++) {
		json_t *v = json_object_get(limits, webhook_limits[i].key);
		assert(!json_is_number(v) || (json_number_value(v) >= webhook_limits[i].lo &&
					      json_number_value(v) <= webhook_limits[i].hi));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct webhook_now now = {true, {15, 32, 20, 70}};
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size;
	char *first = strndup((const char *)data, n), mem[96];
	assert(first);
	mask(first);
	(void)webhook_type_is_json(first);
	free(first);
	json_t *body = end ? webhook_parse(end + 1, size - n - 1) : NULL;
	const char *wrong = body ? webhook_check(body, &now, mem) : NULL;
	assert(!wrong || *wrong);
	if (body && !wrong) {
		json_t *wish = webhook_wish(body);
		assert(json_is_object(wish));
		check_limits(body);
		json_decref(wish);
	}
	json_decref(body);
	return 0;
}
