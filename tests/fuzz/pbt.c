/*
 * pbt.c - fuzz target of the board's line parser and the detector behind it.
 *
 * The first byte chooses where the input is cut in two; both ways must give the same lines. No
 * sample may pass 1023, and every byte is accounted for by one of the counts.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>

#include "lib/dsp/hit_chain.h"
#include "lib/proto/pbt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct op_hit_chain chain;

static void parse(struct op_pbt *p, const char *at, const char *end, bool detect)
{
	struct op_pbt_record r;
	while (op_pbt_next(p, &at, end, &r) != OP_PBT_NONE) {
		if (r.class == OP_PBT_SAMPLE) {
			assert(r.value <= OP_PBT_SAMPLE_MAX);
			if (detect && op_hit_chain_step(&chain, (unsigned)r.value))
				assert(chain.detector.hit.width_ms >= 10);
		} else if (r.class == OP_PBT_COMMENT || r.class == OP_PBT_TEXT) {
			assert(r.len > 0 && r.len <= OP_PBT_LINE_MAX);
		}
	}
	assert(at == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	const char *bytes = (const char *)data + 1, *end = (const char *)data + size;
	size_t cut = (size - 1) * data[0] / 255;
	struct op_hit_chain_params params = {
		.profile = *op_hit_profile_at(data[0] % 9),
		.settle = {.window = 16, .band = 20, .max_samples = 64},
		.rate_hz = 800,
	};
	struct op_pbt whole, halves;
	op_hit_chain_init(&chain, &params, 0);
	op_pbt_init(&whole);
	op_pbt_init(&halves);
	parse(&whole, bytes, end, true);
	parse(&halves, bytes, bytes + cut, false);
	parse(&halves, bytes + cut, end, false);
	for (int i = 0; i < OP_PBT_CLASSES; i++)
		assert(whole.count[i] == halves.count[i]);
	assert(whole.len == halves.len);
	return 0;
}
