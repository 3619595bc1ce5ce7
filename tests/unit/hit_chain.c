/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/dsp/hit_chain.h"

#include "test.h"

static struct op_hit_chain c;
static unsigned noise_seed;

static struct op_hit_chain_params params(const char *profile)
{
	return (struct op_hit_chain_params){
		.profile = *op_hit_profile_find(profile),
		.settle = {.window = 160, .band = 20, .max_samples = 8000},
		.rate_hz = 800,
	};
}

static void start(const char *profile)
{
	struct op_hit_chain_params p = params(profile);
	noise_seed = 1;
	op_hit_chain_init(&c, &p, 0);
}

/* n samples about level, +-6 counts; returns hits. */
static unsigned noisy(unsigned n, int level)
{
	unsigned hits = 0;
	while (n--) {
		noise_seed = noise_seed * 1664525u + 1013904223u;
		hits += op_hit_chain_step(&c,
					  (unsigned)(level - 6 + (int)((noise_seed >> 16) % 13)));
	}
	return hits;
}

/* n samples of exactly value; returns hits. */
static unsigned flat(unsigned n, unsigned value)
{
	unsigned hits = 0;
	while (n--)
		hits += op_hit_chain_step(&c, value);
	return hits;
}

/* Samples from now on until the detector is in state; fails after a minute of them. */
static uint64_t until(enum op_detector_state state, unsigned value)
{
	uint64_t n = 0;
	while (c.detector.state != state) {
		CHECK(n < 48000);
		(void)op_hit_chain_step(&c, value);
		n++;
	}
	return n;
}

TEST(settling_takes_one_window_of_rest_and_its_mean)
{
	start("default");
	for (unsigned i = 0; i < 159; i++)
		(void)op_hit_chain_step(&c, 512 + i % 2);
	CHECK_INT(c.detector.state, OP_DETECTOR_SETTLING);
	CHECK_NEAR(op_hit_chain_baseline(&c), 512.5, 0.01);
	(void)op_hit_chain_step(&c, 513);
	CHECK_INT(c.detector.state, OP_DETECTOR_ARMED);
	CHECK_NEAR(c.filter.baseline, 512.5, 1e-12);
	CHECK_NEAR(c.filter.envelope, 0, 0);
}

/* B7: a board that was reset comes back at 512; the level of before must not make a hit. */
TEST(another_level_after_a_restart_is_no_hit)
{
	start("default");
	CHECK_INT(noisy(8000, 40), 0);
	op_hit_chain_settle(&c);
	CHECK_INT(noisy(8000, 512), 0);
	CHECK_NEAR(c.filter.baseline, 512, 2);
	op_hit_chain_settle(&c);
	CHECK_INT(noisy(8000, 40), 0);
}

TEST(settling_outlasts_a_hit_and_a_step_within_it)
{
	start("default");
	CHECK_INT(noisy(100, 40), 0);
	CHECK_INT(noisy(150, 500), 0); /* a hit while the window fills */
	CHECK_INT(c.detector.state, OP_DETECTOR_SETTLING);
	CHECK_INT(noisy(400, 40), 0);
	CHECK_INT(c.detector.state, OP_DETECTOR_ARMED);
	CHECK_NEAR(c.filter.baseline, 40, 2);
}

/* The end of a hit lies within the band about its own median. */
TEST(settling_waits_for_the_end_of_a_decay)
{
	start("default");
	CHECK_INT(flat(20, 400), 0);
	for (int i = 0; i < 400; i++)
		CHECK_INT(noisy(1, 40 + 60 * (400 - i) / 400), 0);
	CHECK_INT(noisy(400, 40), 0);
	CHECK_INT(c.detector.state, OP_DETECTOR_ARMED);
	CHECK_NEAR(c.filter.baseline, 40, 2.5);
}

/* A weak and long hit: its top spans less than the band. */
TEST(settling_is_not_done_on_the_top_of_a_bump)
{
	start("default");
	for (int i = -130; i <= 130; i++)
		CHECK_INT(noisy(1, 40 + 90 * (130 * 130 - i * i) / (130 * 130)), 0);
	CHECK_INT(c.detector.state, OP_DETECTOR_SETTLING);
	CHECK_INT(noisy(400, 40), 0);
	CHECK_NEAR(c.filter.baseline, 40, 2);
}

TEST(settling_passes_over_single_outliers)
{
	start("default");
	for (unsigned i = 0; i < 160; i++)
		(void)op_hit_chain_step(&c, i == 3 || i == 90 ? 0 : 512);
	CHECK_INT(c.detector.state, OP_DETECTOR_ARMED);
	CHECK_NEAR(c.filter.baseline, 512, 1e-12);
}

TEST(a_signal_that_never_rests_gets_its_median_in_the_end)
{
	start("default");
	unsigned n = 0;
	while (c.detector.state == OP_DETECTOR_SETTLING && n < 20000) {
		(void)op_hit_chain_step(&c, 300 + n * 37 % 200);
		n++;
	}
	CHECK(n >= 8000 && n < 8020);
	CHECK(c.settle.forced);
	CHECK_NEAR(c.filter.baseline, 400, 10);
}

/* The filter of 2.4: with alpha 0.12 a step reaches 95 % in 24 samples. */
TEST(envelope_reaches_95_percent_of_a_step_in_24_samples)
{
	struct op_envelope e;
	op_envelope_init(&e, 0, 0.12, 100);
	for (int i = 0; i < 24; i++)
		(void)op_envelope_step(&e, 200, false);
	CHECK_NEAR(e.envelope, 95, 0.5);
	op_envelope_init(&e, 0, 0.12, 200);
	for (int i = 0; i < 24; i++)
		(void)op_envelope_step(&e, 100, false); /* downward counts too */
	CHECK_NEAR(e.envelope, 95, 0.5);
	e.one_sided = true;
	for (int i = 0; i < 100; i++)
		(void)op_envelope_step(&e, 100, false);
	CHECK_NEAR(e.envelope, 0, 0.01);
}

/* Every row of the detector's table, with the durations of 2.5. */
TEST(a_plateau_walks_through_every_state)
{
	start("default");
	flat(160, 40);
	uint64_t trigger = until(OP_DETECTOR_CAPTURE, 500) + 160 - 1;
	CHECK_INT(c.detector.hit.trigger, trigger);
	CHECK_NEAR((double)until(OP_DETECTOR_PULSE, 500), 200, 1); /* window of 250 ms */
	CHECK_INT(c.detector.hits, 1);
	CHECK_INT(c.detector.hit.fire, c.next - 1);
	CHECK_INT(c.detector.hit.end, OP_DETECTOR_WINDOW);
	CHECK_NEAR(c.detector.hit.width_ms, 10, 0);
	CHECK_NEAR((double)until(OP_DETECTOR_REFRACTORY, 500), 88, 1); /* 10 + 100 ms */
	CHECK_NEAR((double)until(OP_DETECTOR_WAIT, 500), 160, 1);      /* 200 ms */
	CHECK_INT(flat(400, 500), 0);
	CHECK_INT(c.detector.state, OP_DETECTOR_WAIT);
	(void)until(OP_DETECTOR_ARMED, (unsigned)c.filter.baseline);
	CHECK(c.filter.envelope < 24);
}

TEST(a_short_hit_ends_when_the_envelope_halves)
{
	start("default");
	flat(160, 40);
	(void)until(OP_DETECTOR_CAPTURE, 200);
	(void)until(OP_DETECTOR_PULSE, 40);
	CHECK_INT(c.detector.hit.end, OP_DETECTOR_DROPPED);
	CHECK(c.filter.envelope < 30 && c.filter.envelope > 25);
	CHECK(c.detector.hit.peak > 60 && c.detector.hit.peak < 100);
}

TEST(a_capture_in_progress_is_forgotten_by_a_restart)
{
	start("default");
	flat(160, 40);
	(void)until(OP_DETECTOR_CAPTURE, 500);
	op_hit_chain_settle(&c);
	CHECK_INT(flat(2000, 500), 0);
	CHECK_INT(c.detector.hits, 0);
}

/* B8: in the default profile the end of a long plateau fires; a frozen baseline does not move. */
TEST(a_frozen_baseline_has_no_second_hit_at_the_end_of_a_plateau)
{
	struct op_hit_chain_params p = params("default");
	for (int frozen = 0; frozen < 2; frozen++) {
		p.freeze_baseline = frozen;
		op_hit_chain_init(&c, &p, 0);
		flat(160, 40);
		unsigned hits = flat(2400, 240); /* 3 s */
		hits += flat(2400, 40);
		CHECK_INT(hits, frozen ? 1 : 2);
	}
}

TEST(a_wait_that_is_too_long_measures_the_baseline_anew)
{
	struct op_hit_chain_params p = params("default");
	p.freeze_baseline = true;
	p.max_wait_ms = 1000;
	op_hit_chain_init(&c, &p, 0);
	flat(160, 40);
	CHECK_INT(flat(8000, 600), 1);
	CHECK_INT(c.detector.lost, 1);
	CHECK_INT(c.settled, 2);
	CHECK_INT(c.detector.state, OP_DETECTOR_ARMED);
	CHECK_NEAR(c.filter.baseline, 600, 0.01);
}

TEST(the_later_profile_passes_over_dropouts_and_low_peaks)
{
	start("later");
	flat(160, 512);
	CHECK_INT(flat(100, 0), 0); /* under min_sample: neither filtered nor detected */
	CHECK_NEAR(c.filter.envelope, 0, 0);
	CHECK_INT(c.next, 260);
	while (c.filter.envelope <= 24) /* just over the threshold, under min_peak 25 */
		(void)op_hit_chain_step(&c, (unsigned)c.filter.baseline + 26);
	CHECK_INT(c.detector.state, OP_DETECTOR_CAPTURE);
	unsigned n = 0;
	while (c.detector.state == OP_DETECTOR_CAPTURE) {
		CHECK_INT(flat(1, (unsigned)c.filter.baseline + 1), 0);
		CHECK(n++ < 200);
	}
	CHECK_INT(c.detector.state, OP_DETECTOR_ARMED);
	CHECK_INT(c.detector.too_low, 1);
	CHECK_INT(flat(100, 712), 0);
	CHECK_INT(flat(101, 712), 1);
}

TEST(widths_are_those_of_the_contract)
{
	static const struct {
		const char *profile;
		double peak, width;
	} rows[] = {
		{"default", 60, 100},     {"default", 70, 74.29},  {"combined", 77.5, 55},
		{"combined", 80, 48.57},  {"combined", 90, 22.86}, {"combined", 95, 10},
		{"combined", 899, 10},    {"combined", 3, 100},    {"sick10bar", 53, 100},
		{"gpio18", 80, 60},       {"gpio18", 700, 1500},   {"gpio18", 1023, 1500},
		{"guide", 80, 1500},      {"guide", 400, 756.77},  {"guide", 700, 60},
		{"history100", 60, 1500}, {"history100", 100, 10}, {"history85", 85, 10},
		{"later", 30, 40},        {"later", 100, 10},      {"later", 53.1935, 30.06},
		{"later", 25, 42.14},     {"tester", 30, 55},      {"tester", 80, 10},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(rows); i++) {
		const struct op_hit_profile *p = op_hit_profile_find(rows[i].profile);
		CHECK(p != NULL);
		CHECK_NEAR(op_width_of(&p->width, rows[i].peak), rows[i].width, 0.006);
	}
	CHECK(op_hit_profile_find("nobody") == NULL);
	CHECK(!op_width_inverse(&op_hit_profile_find("gpio18")->width));
	CHECK(op_width_inverse(&op_hit_profile_find("default")->width));
	for (size_t i = 0; op_hit_profile_names[i]; i++)
		CHECK_STR(op_hit_profile_at(i)->name, op_hit_profile_names[i]);
}
