/*
 * board.c - signal, banner, statistics and commands of the simulated board.
 *
 * The signal is that of the simulator firmware: level +-6 counts of uniform noise, now and then
 * half a sine to a peak of 200 to 899 lasting 120 to 319 ms, without noise. At another level than
 * 40 everything is moved up, as a real board's re-centring does.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "board.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEVEL 40 /* of the simulator firmware */
#define NOISE 6
#define ADC_MAX 1023
#define STATS_S 5

uint64_t board_random(struct board *b, uint64_t n)
{
	b->random ^= b->random >> 12; /* xorshift64*, Vigna 2016 */
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return (b->random * 2685821657736338717ULL >> 33) % n;
}

static uint64_t samples_of(const struct board *b, double ms)
{
	return (uint64_t)(ms * b->rate_hz / 1000);
}

void board_init(struct board *b, double rate_hz, int baseline, uint64_t seed)
{
	*b = (struct board){.rate_hz = rate_hz, .baseline = baseline, .automatic = true};
	b->random = seed ? seed : 1;
	b->next_hit = samples_of(b, 3000);
	b->pin5 = true;
	board_reset(b, NULL);
}

void board_reset(struct board *b, struct op_buf *out)
{
	b->sent = 0;
	b->raw_min = ADC_MAX;
	b->raw_max = 0;
	if (!out)
		return;
	op_buf_puts(out, "# PBT Sensor Reader - SICK Sensor 6042606\r\n"
			 "# Sample rate: 800 Hz\r\n"
			 "# CALIBRATING...\r\n"
			 "# BASELINE MEASURED=385 ADC counts (1.88V)\r\n"
			 "# Baseline looks good!\r\n"
			 "# READY\r\n");
}

void board_hit(struct board *b, double peak, double ms)
{
	b->next_hit = b->made;
	b->hit = (struct hit){.start = b->made, .peak = peak, .ms = ms};
}

/* The next one, 2500 +- 800 ms after the start of this one. */
static void begin_hit(struct board *b)
{
	if (b->hit.start != b->made || b->hit.ms == 0) /* not asked for by board_hit */
		b->hit = (struct hit){b->made,
				      (double)(200 + board_random(b, 700)) + b->baseline - LEVEL,
				      (double)(120 + board_random(b, 200))};
	if (b->hit.peak > ADC_MAX)
		b->hit.peak = ADC_MAX;
	b->next_hit = b->automatic ? b->made + samples_of(b, 1700 + (double)board_random(b, 1601))
				   : UINT64_MAX;
}

static int level_now(struct board *b)
{
	uint64_t length = samples_of(b, b->hit.ms);
	if (length > 0 && b->made - b->hit.start < length) {
		double phase = M_PI * (double)(b->made - b->hit.start) / (double)length;
		return (int)(b->baseline + (b->hit.peak - b->baseline) * sin(phase));
	}
	return b->baseline - NOISE + (int)board_random(b, 2 * NOISE + 1);
}

bool board_sample(struct board *b, unsigned *ret_value)
{
	bool begins = b->made == b->next_hit;
	if (begins)
		begin_hit(b);
	int v = level_now(b);
	*ret_value = (unsigned)(v < 0 ? 0 : v > ADC_MAX ? ADC_MAX : v);
	if (*ret_value < b->raw_min)
		b->raw_min = *ret_value;
	if (*ret_value > b->raw_max)
		b->raw_max = *ret_value;
	b->made++;
	b->sent++;
	return begins;
}

void board_stats(struct board *b, struct op_buf *out)
{
	if (b->sent % samples_of(b, STATS_S * 1000.0))
		return;
	unsigned range = b->raw_max - b->raw_min;
	op_buf_printf(out, "# STATS: samples=%llu raw_min=%u raw_max=%u range=%u (%.2fV)\r\n",
		      (unsigned long long)b->sent, b->raw_min, b->raw_max, range,
		      range * 5.0 / ADC_MAX);
	if (range < 20)
		op_buf_puts(out, "# No activity detected (range < 20 counts)\r\n");
	else if (range > 200)
		op_buf_puts(out, "# High activity detected! Good signal.\r\n");
	b->raw_min = ADC_MAX;
	b->raw_max = 0;
}

/* ---- commands -------------------------------------------------------------------------- */

static void say_credits(struct board *b, struct op_buf *out)
{
	op_buf_printf(out, "CREDITS:%d\r\n", b->credits);
}

static void pbt_hit(struct board *b, struct op_buf *out)
{
	b->credit_hits++;
	op_buf_printf(out, "# CREDIT_PROGRESS:%d/2\r\n", b->credit_hits);
	if (b->credit_hits < 2)
		return;
	b->credit_hits = 0;
	b->credits -= b->credits > 0;
	say_credits(b, out);
}

static void say_status(struct board *b, struct op_buf *out)
{
	op_buf_printf(out, "# GPIO STATUS: Pin6=%s Pin5=%s\r\n", b->pin6 ? "HIGH" : "LOW",
		      b->pin5 ? "HIGH" : "LOW");
	say_credits(b, out);
}

static void reset_gpio(struct board *b, struct op_buf *out)
{
	b->pin5 = true;
	b->pin6 = false;
	op_buf_puts(out, "# GPIO: Reset to idle state\r\n");
}

static bool pin_command(struct board *b, const char *line, struct op_buf *out)
{
	int pin = 0;
	char level[5] = "";
	if (sscanf(line, "PIN%1d_%4s", &pin, level) != 2 || (pin != 5 && pin != 6) ||
	    (strcmp(level, "HIGH") && strcmp(level, "LOW")) || strlen(line) != 5 + strlen(level))
		return false;
	*(pin == 5 ? &b->pin5 : &b->pin6) = level[0] == 'H';
	op_buf_printf(out, "# GPIO: Pin %d → %s (%s)\r\n", pin, level,
		      level[0] == 'H' ? "5V" : "0V");
	return true;
}

static bool credit_command(struct board *b, const char *line, struct op_buf *out)
{
	int n;
	if (sscanf(line, "SET_CREDITS:%d", &n) == 1 && n >= 0)
		b->credits = n;
	else if (sscanf(line, "ADD_CREDITS:%d", &n) == 1 && n > 0)
		b->credits += n;
	else if (strcmp(line, "GET_CREDITS"))
		return false;
	say_credits(b, out);
	return true;
}

void board_command(struct board *b, const char *line, struct op_buf *out)
{
	static const struct {
		const char *name;
		void (*fn)(struct board *b, struct op_buf *out);
	} commands[] = {{"RESET_GPIO", reset_gpio}, {"STATUS", say_status}, {"PBT_HIT", pbt_hit}};
	for (size_t i = 0; i < OP_ARRAY_SIZE(commands); i++) {
		if (!strcmp(line, commands[i].name)) {
			commands[i].fn(b, out);
			return;
		}
	}
	if (!pin_command(b, line, out) && !credit_command(b, line, out))
		op_buf_printf(out, "# Unknown command: %s\r\n", line);
}
