/*
 * dash_notice.c - what somebody should see to, in the words of the dashboard: a line each, with
 * what to do where it is known.
 *
 * What depends on the age of the reading is not here: the page goes on telling it by itself.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "dash.h"

static bool is_mock(const struct dash_view *v)
{
	return v->mock;
}

static bool sensor_ails(const struct dash_view *v)
{
	return v->sensor == DASH_SENSOR_FAILING || v->sensor == DASH_SENSOR_DOWN;
}

/* Before the first reading everything is still starting. */
static bool alerts_unknown(const struct dash_view *v)
{
	return !v->alerts && v->any;
}

static bool muted(const struct dash_view *v)
{
	return v->muted;
}

static bool uncorrected(const struct dash_view *v)
{
	return v->any && !v->compensated;
}

static bool undelivered(const struct dash_view *v)
{
	return v->undelivered;
}

static bool recorder_ails(const struct dash_view *v)
{
	return v->recorder == DASH_SENSOR_FAILING || v->recorder == DASH_SENSOR_DOWN;
}

static void put_recorder(const struct dash_view *v, struct op_buf *b)
{
	bool down = v->recorder == DASH_SENSOR_DOWN;
	op_buf_puts(b, down ? "NOT KEPT" : "IN DANGER");
	if (down || v->recorder_reason[0])
		op_buf_printf(b, ": %s",
			      v->recorder_reason[0] ? v->recorder_reason
						    : "the recorder does not run");
}

static bool clock_unset(const struct dash_view *v)
{
	return v->clock_unset;
}

static const struct {
	bool (*applies)(const struct dash_view *v);
	const char *words;
	void (*put)(const struct dash_view *v, struct op_buf *b); /* more of it, or NULL */
} lines[] = {
	{is_mock, "READINGS ARE FABRICATED: a mock plays the sensor", NULL},
	{sensor_ails, "SENSOR ", dash_sensor},
	{uncorrected, "NOT CORRECTED FOR CPU HEAT: the processor's temperature cannot be read",
	 NULL},
	{alerts_unknown, "NOBODY WATCHES THE LIMITS: the alerts service does not run", NULL},
	{muted, "ALERTS ARE MUTED: of some nobody is told", NULL},
	{undelivered, "ALERTS DO NOT ARRIVE: see to the network and the webhook", NULL},
	{recorder_ails, "THE HISTORY IS ", put_recorder},
	{clock_unset, "THE CLOCK WAS NEVER SET: see to the monitor's network", NULL},
};

bool dash_notice(const struct dash_view *v, size_t i, struct op_buf *out)
{
	for (size_t n = 0; n < OP_ARRAY_SIZE(lines); n++) {
		if (!lines[n].applies(v) || i-- > 0)
			continue;
		op_buf_puts(out, lines[n].words);
		if (lines[n].put)
			lines[n].put(v, out);
		return true;
	}
	return false;
}
