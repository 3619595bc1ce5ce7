/*
 * dash_words.c - numbers and names as the dashboard writes them, and its JSON.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "dash.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

void dash_number(struct op_buf *out, double value)
{
	char mem[48];
	struct op_buf text;
	op_buf_init_fixed(&text, mem, sizeof(mem));
	op_json_float(&text, value);
	op_buf_puts(out, mem);
}

void dash_rule(struct op_buf *out, const char *name, size_t n)
{
	static const struct {
		const char *name, *words;
	} known[] = {
		{"temp_high", "TEMPERATURE HIGH"},  {"temp_low", "TEMPERATURE LOW"},
		{"humidity_high", "HUMIDITY HIGH"}, {"humidity_low", "HUMIDITY LOW"},
		{"climate-silent", "NO READINGS"},
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == n && !strncmp(known[i].name, name, n)) {
			op_buf_puts(out, known[i].words);
			return;
		}
	for (size_t i = 0; i < n; i++)
		op_buf_putc(out,
			    strchr("-_", name[i]) ? ' ' : (char)toupper((unsigned char)name[i]));
}

void dash_age(struct op_buf *out, double s)
{
	if (s < 120)
		op_buf_printf(out, "%.0f S", floor(s));
	else if (s < 7200)
		op_buf_printf(out, "%.0f MIN", floor(s / 60));
	else if (s < 172800)
		op_buf_printf(out, "%.0f H", floor(s / 3600));
	else
		op_buf_printf(out, "%.0f DAYS", floor(s / 86400));
}

const char *dash_webhook_name(const struct dash_view *v)
{
	static const char *const names[] = {
		[DASH_WEBHOOK_UNKNOWN] = "",
		[DASH_WEBHOOK_UNSET] = "unset",
		[DASH_WEBHOOK_OFF] = "off",
		[DASH_WEBHOOK_ON] = "on",
	};
	return names[v->limits.known ? v->limits.webhook : DASH_WEBHOOK_UNKNOWN];
}

void dash_sensor(const struct dash_view *v, struct op_buf *out)
{
	static const char *const words[] = {
		[DASH_SENSOR_UNKNOWN] = "NOT HEARD OF YET",
		[DASH_SENSOR_OK] = "OK",
		[DASH_SENSOR_FAILING] = "FAILING",
		[DASH_SENSOR_DOWN] = "NOT RUNNING",
	};
	op_buf_puts(out, words[v->sensor]);
	if (v->reason[0])
		op_buf_printf(out, ": %s", v->reason);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void put_number(struct op_buf *b, const char *key, double value)
{
	op_json_key(b, key);
	op_json_float(b, value);
}

static void put_reading(struct op_buf *b, const struct dash_view *v)
{
	op_json_key(b, "reading");
	if (!v->any) {
		op_json_null(b);
		return;
	}
	op_json_begin(b, '{');
	put_number(b, "temperature_c", v->temperature_c);
	put_number(b, "temperature_f", v->temperature_f);
	put_number(b, "humidity", v->humidity);
	op_json_kv_f64(b, "pressure_hpa", v->pressure_hpa);
	op_json_kv_bool(b, "compensated", v->compensated);
	op_json_kv_str(b, "timestamp", v->timestamp);
	op_json_kv_f64(b, "age_s", round(v->age_s * 10) / 10);
	op_json_kv_i64(b, "time_ms", v->at_ms);
	op_json_end(b, '}');
}

static void put_sensor(struct op_buf *b, const struct dash_view *v)
{
	static const char *const names[] = {
		[DASH_SENSOR_UNKNOWN] = "unknown",
		[DASH_SENSOR_OK] = "ok",
		[DASH_SENSOR_FAILING] = "failing",
		[DASH_SENSOR_DOWN] = "down",
	};
	op_json_key(b, "sensor");
	op_json_begin(b, '{');
	op_json_kv_str(b, "state", names[v->sensor]);
	op_json_kv_str(b, "reason", v->reason);
	op_json_end(b, '}');
}

static void put_notices(struct op_buf *b, const struct dash_view *v)
{
	char mem[256];
	struct op_buf line;
	op_buf_init_fixed(&line, mem, sizeof(mem));
	op_json_key(b, "notices");
	op_json_begin(b, '[');
	for (size_t i = 0; dash_notice(v, i, &line); i++, op_buf_reset(&line))
		op_json_str(b, mem);
	op_json_end(b, ']');
}

static void put_limits(struct op_buf *b, const struct dash_view *v)
{
	op_json_key(b, "thresholds");
	if (!v->limits.known) {
		op_json_null(b);
		return;
	}
	op_json_begin(b, '{');
	put_number(b, "temp_min_c", v->limits.temp_min);
	put_number(b, "temp_max_c", v->limits.temp_max);
	put_number(b, "humidity_min", v->limits.humidity_min);
	put_number(b, "humidity_max", v->limits.humidity_max);
	op_json_end(b, '}');
}

/* [{"rule":"temp_high","text":"TEMPERATURE HIGH"}], or null. */
static void put_alerts(struct op_buf *b, const struct dash_view *v)
{
	op_json_key(b, "alerts");
	if (!v->alerts) {
		op_json_null(b);
		return;
	}
	op_json_begin(b, '[');
	for (const char *at = v->raised; *at;) {
		size_t n = strcspn(at, " ");
		char mem[64];
		struct op_buf words;
		op_buf_init_fixed(&words, mem, sizeof(mem));
		dash_rule(&words, at, n);
		if (n) {
			op_json_begin(b, '{');
			op_json_key(b, "rule");
			op_json_strn(b, at, n);
			op_json_kv_str(b, "text", mem);
			op_json_end(b, '}');
		}
		at += n + (at[n] == ' ');
	}
	op_json_end(b, ']');
}

static void put_last_alert(struct op_buf *b, const struct dash_view *v)
{
	char mem[80];
	struct op_buf words;
	op_json_key(b, "last_alert");
	if (!v->last_rule[0]) {
		op_json_null(b);
		return;
	}
	op_buf_init_fixed(&words, mem, sizeof(mem));
	dash_rule(&words, v->last_rule, strlen(v->last_rule));
	op_json_begin(b, '{');
	op_json_kv_str(b, "rule", v->last_rule);
	op_json_kv_str(b, "text", mem);
	op_json_kv_str(b, "state", v->last_raised ? "raised" : "cleared");
	op_json_kv_str(b, "timestamp", v->last_time);
	op_json_end(b, '}');
}

void dash_data(const struct dash_view *v, struct op_buf *b)
{
	op_json_begin(b, '{');
	put_reading(b, v);
	op_json_kv_bool(b, "stale", v->stale);
	op_json_kv_f64(b, "interval_s", v->interval_s);
	put_sensor(b, v);
	put_notices(b, v);
	put_limits(b, v);
	put_alerts(b, v);
	put_last_alert(b, v);
	op_json_kv_str(b, "webhook", dash_webhook_name(v));
	op_json_key(b, "led");
	if (v->led[0])
		op_json_str(b, v->led);
	else
		op_json_null(b);
	op_json_end(b, '}');
	op_buf_putc(b, '\n');
}
