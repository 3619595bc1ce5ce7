/*
 * pbt.c - replays a recorded trace of the board through parser and detector and compares every
 * event with those expected, to the precision the file gives them in.
 *
 *     test-golden-pbt TRACE.ser EXPECTED.json
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/dsp/hit_chain.h"
#include "lib/proto/pbt.h"

struct event {
	struct op_hit hit;
	double envelope_at_trigger;
	uint64_t rearm;
};

struct replay {
	struct op_hit_chain chain;
	struct event events[1000];
	size_t n;
	double max_envelope;
};

static unsigned failures;

static void same(const char *profile, size_t event, json_t *want, const char *key, double got,
		 double within)
{
	json_t *v = json_object_get(want, key);
	if (!json_is_number(v) || !(fabs(json_number_value(v) - got) <= within)) {
		fprintf(stderr, "%s event %zu: %s is %.6f, expected %.6f\n", profile, event, key,
			got, json_number_value(v));
		failures++;
	}
}

static void take(struct replay *r, unsigned value)
{
	enum op_detector_state before = r->chain.detector.state;
	bool fired = op_hit_chain_step(&r->chain, value);
	enum op_detector_state after = r->chain.detector.state;
	struct event *e = &r->events[r->n];
	if (before == OP_DETECTOR_ARMED && after == OP_DETECTOR_CAPTURE)
		e->envelope_at_trigger = r->chain.filter.envelope;
	if (before != OP_DETECTOR_ARMED && before != OP_DETECTOR_SETTLING &&
	    after == OP_DETECTOR_ARMED && r->n > 0)
		e[-1].rearm = r->chain.next - 1;
	if (fired) {
		e->hit = r->chain.detector.hit;
		r->n++;
	}
	r->max_envelope = fmax(r->max_envelope, r->chain.filter.envelope);
}

static void replay(struct replay *r, const char *profile, const char *bytes, size_t n)
{
	struct op_hit_chain_params params = {
		.profile = *op_hit_profile_find(profile),
		.settle = {.window = 160, .band = 20, .max_samples = 8000},
		.rate_hz = 800,
	};
	struct op_pbt parser;
	struct op_pbt_record record;
	const char *at = bytes;
	op_pbt_init(&parser);
	op_hit_chain_init(&r->chain, &params, 0);
	while (op_pbt_next(&parser, &at, bytes + n, &record) != OP_PBT_NONE) {
		if (record.class == OP_PBT_SAMPLE)
			take(r, (unsigned)record.value);
	}
}

static void compare_event(const char *profile, size_t i, const struct event *e, json_t *want)
{
	static const char *const ends[] = {"dropped", "window"};
	same(profile, i, want, "trigger_sample", (double)e->hit.trigger, 0);
	same(profile, i, want, "fire_sample", (double)e->hit.fire, 0);
	if (e->rearm > 0 || json_is_number(json_object_get(want, "rearm_sample")))
		same(profile, i, want, "rearm_sample", (double)e->rearm, 0);
	same(profile, i, want, "env_at_trigger", e->envelope_at_trigger, 5.001e-5);
	same(profile, i, want, "peak", e->hit.peak, 5.001e-5);
	same(profile, i, want, "width_ms", e->hit.width_ms, 5.001e-4);
	json_t *other = json_object_get(want, "other_profiles_ms");
	same(profile, i, other, "gpio18_direct_80_700_to_60_1500",
	     op_width_of(&op_hit_profile_find("gpio18")->width, e->hit.peak), 5.001e-4);
	same(profile, i, other, "guide_inverse_80_700_to_1500_60",
	     op_width_of(&op_hit_profile_find("guide")->width, e->hit.peak), 5.001e-4);
	same(profile, i, other, "later_30_100_to_40_10",
	     op_width_of(&op_hit_profile_find("later")->width, e->hit.peak), 5.001e-4);
	const char *end = json_string_value(json_object_get(want, "end"));
	if (!end || strcmp(end, ends[e->hit.end])) {
		fprintf(stderr, "%s event %zu: ends by %s\n", profile, i, ends[e->hit.end]);
		failures++;
	}
}

static void compare(const char *profile, json_t *want, const char *bytes, size_t n)
{
	static const char *const states[] = {"settling", "armed",      "capture",
					     "pulse",    "refractory", "wait"};
	static struct replay r;
	json_t *events = json_object_get(want, "events");
	memset(&r, 0, sizeof(r));
	replay(&r, profile, bytes, n);
	if (r.n != json_array_size(events)) {
		fprintf(stderr, "%s: %zu hits, expected %zu\n", profile, r.n,
			json_array_size(events));
		failures++;
	}
	for (size_t i = 0; i < r.n && i < json_array_size(events); i++)
		compare_event(profile, i, &r.events[i], json_array_get(events, i));
	same(profile, 0, want, "final_baseline", r.chain.filter.baseline, 5.001e-5);
	same(profile, 0, want, "final_envelope", r.chain.filter.envelope, 5.001e-5);
	same(profile, 0, want, "max_envelope", r.max_envelope, 5.001e-5);
	same(profile, 0, want, "samples", (double)r.chain.next, 0);
	if (strcmp(json_string_value(json_object_get(want, "final_state")),
		   states[r.chain.detector.state])) {
		fprintf(stderr, "%s: final state %s\n", profile, states[r.chain.detector.state]);
		failures++;
	}
	printf("%s: %zu hits\n", profile, r.n);
}

static char *slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END)) {
		perror(path);
		exit(2);
	}
	size_t n = (size_t)ftell(f);
	char *bytes = malloc(n + 1);
	rewind(f);
	if (fread(bytes, 1, n, f) != n)
		exit(2);
	fclose(f);
	*ret_n = n;
	return bytes;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	size_t n;
	json_error_t error;
	char *bytes = slurp(argv[1], &n);
	json_t *root = json_load_file(argv[2], 0, &error);
	if (!root) {
		fprintf(stderr, "%s: %s\n", argv[2], error.text);
		return 2;
	}
	const char *profile;
	json_t *want;
	json_object_foreach(json_object_get(root, "expected"), profile, want)
	{
		compare(profile, want, bytes, n);
	}
	json_decref(root);
	free(bytes);
	return failures != 0;
}
