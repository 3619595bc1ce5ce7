/*
 * store_power_settings.c - settings are set, changed and forgotten while the power is cut.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/kv.h>

#include "power.h"
#include "store_power.h"
#include "test.h"

#define CHANGES_MAX 2000 /* of one life; a cut comes long before */

/* A value says when it was set; its length varies. Every seventh change forgets. */
static bool is_forgotten(uint64_t change)
{
	return change % 7 == 0;
}

static void value_of(uint64_t change, char out[2000])
{
	int n = snprintf(out, 2000, "%llu:", (unsigned long long)change);
	size_t more = change * 2654435761u % 1900;
	memset(out + n, 'v', more);
	out[(size_t)n + more] = '\0';
}

static void live(const char *path, uint64_t age, struct power_acks *acks, const char *synchronous,
		 uint64_t cut)
{
	struct op_kv *kv = NULL;
	char key[16], value[2000];
	CHECK_INT(op_kv_open(path, &kv, NULL), 0);
	for (int i = 0; i < CHANGES_MAX; i++) {
		uint64_t which = power_chance(POWER_KEYS), change = acks->tried + 1;
		acks->tried = acks->key_tried[which] = change;
		snprintf(key, sizeof(key), "key.%llu", (unsigned long long)which);
		value_of(change, value);
		CHECK_INT(op_kv_set(kv, key, is_forgotten(change) ? NULL : value), 0);
		acks->key_acked[which] = change;
		acks->total++;
		if (power_chance(20) == 0) {
			op_kv_close(kv);
			CHECK_INT(op_kv_open(path, &kv, NULL), 0);
		}
	}
}

static bool is_that_of(uint64_t change, const char *value)
{
	char want[2000] = "";
	if (change && !is_forgotten(change))
		value_of(change, want);
	return !strcmp(value, want);
}

static void judge(const char *path, struct power_acks *acks, struct op_buf *note,
		  struct power_verdict *v)
{
	struct op_kv *kv = NULL;
	char key[16], value[3000];
	int lost = 0;
	if (op_kv_open(path, &kv, note) < 0) {
		v->damaged++;
		return;
	}
	for (unsigned i = 0; i < POWER_KEYS; i++) {
		struct op_buf b;
		op_buf_init_fixed(&b, value, sizeof(value));
		snprintf(key, sizeof(key), "key.%u", i);
		int r = op_kv_get(kv, key, &b);
		CHECK(r == 0 || r == -ENOENT);
		if (is_that_of(acks->key_tried[i], value))
			acks->key_acked[i] = acks->key_tried[i];
		else if (!is_that_of(acks->key_acked[i], value))
			lost++;
	}
	v->lost += lost > 0;
	op_kv_close(kv);
}

const struct power_work power_settings = {.name = "settings", .live = live, .judge = judge};
