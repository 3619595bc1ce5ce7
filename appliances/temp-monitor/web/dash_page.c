/*
 * dash_page.c - the dashboard as HTML: a template, and a word for each {{slot}} of it.
 *
 * Every slot is escaped, in text and in attributes alike; no slot writes markup. What is shown or
 * not is an attribute that the style sheet knows (data-on). The page is whole without its script.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "dash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SLOT_MAX 1024

/* clang-format off */
static const char template[] =
	"<!doctype html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"theme-color\" content=\"#1a1c2c\">\n"
	"<noscript><meta http-equiv=\"refresh\" content=\"{{interval}}\"></noscript>\n"
	"<title>Server Room Environmental Monitor</title>\n"
	"<link rel=\"icon\" href=\"/static/favicon.ico\">\n"
	"<link rel=\"stylesheet\" href=\"/app/dashboard.css\">\n"
	"<script type=\"module\" src=\"/app/dashboard.js\"></script>\n"
	"</head>\n"
	"<body>\n"
	"<main class=\"window\" data-sensor=\"{{sensor}}\" data-stale=\"{{stale}}\">\n"
	"<header>\n"
	"<img src=\"/static/My-img8bit-1com-Effect.gif\" width=\"80\" height=\"80\" alt=\"Company Logo\">\n"
	"<h1>SERVER ROOM<br>ENVIRONMENTAL<br>MONITOR</h1>\n"
	"<p class=\"where\">{{location}}</p>\n"
	"</header>\n"
	"<p class=\"notice bad\" id=\"alerts\" role=\"alert\" data-on=\"{{alarm}}\">{{alarm-text}}</p>\n"
	"<p class=\"since\" id=\"since\" data-on=\"{{since-on}}\">{{since}}</p>\n"
	"<p class=\"notice warn\" id=\"notice\" data-on=\"{{noticed}}\">{{notice}}</p>\n"
	"<p class=\"notice well\" id=\"well\" data-on=\"{{well-on}}\">{{well}}</p>\n"
	"<section class=\"panel temp\" aria-labelledby=\"temp-head\" data-over=\"{{temp-over}}\">\n"
	"<h2 id=\"temp-head\">TEMPERATURE</h2>\n"
	"<p class=\"value\"><b id=\"temp\">{{temp}}</b> <small id=\"temp-small\">{{temp-small}}</small></p>\n"
	"<p class=\"dim\" id=\"temp-limits\">{{temp-limits}}</p>\n"
	"<p class=\"mark bad\" id=\"temp-beyond\">{{temp-beyond}}</p>\n"
	"<p class=\"mark\" id=\"raw\" data-on=\"{{raw}}\">NOT CORRECTED FOR CPU HEAT</p>\n"
	"</section>\n"
	"<section class=\"panel humidity\" aria-labelledby=\"humidity-head\" data-over=\"{{humidity-over}}\">\n"
	"<h2 id=\"humidity-head\">HUMIDITY</h2>\n"
	"<p class=\"value\"><b id=\"humidity\">{{humidity}}</b> <small>RELATIVE</small></p>\n"
	"<p class=\"dim\" id=\"humidity-limits\">{{humidity-limits}}</p>\n"
	"<p class=\"mark bad\" id=\"humidity-beyond\">{{humidity-beyond}}</p>\n"
	"</section>\n"
	"<div id=\"history\"></div>\n"
	"<dl class=\"facts\">\n"
	"<div><dt>LAST UPDATED</dt><dd id=\"updated\">{{timestamp}}</dd><dd class=\"dim\" id=\"age\"></dd></div>\n"
	"<div><dt>SENSOR</dt><dd id=\"sensor\">{{sensor-text}}</dd></div>\n"
	"<div><dt>ALERTS</dt><dd id=\"alert-state\">{{alerts}}</dd><dd class=\"dim\" id=\"alert-last\">{{last-alert}}</dd><dd class=\"dim\" id=\"told\">{{told}}</dd></div>\n"
	"<div><dt>MONITORING DEVICE</dt><dd>RASPBERRY PI 4<br>WITH SENSE HAT</dd></div>\n"
	"</dl>\n"
	"<div id=\"matrix\"></div>\n"
	"<footer><span>REFRESH: {{interval}}S</span>"
	"<span class=\"live\" id=\"live\" data-live=\"{{live}}\">{{live-text}}</span></footer>\n"
	"</main>\n"
	"</body>\n"
	"</html>\n";
/* clang-format on */

/* ---- what stands in the slots ------------------------------------------------------------- */

static void yes_no(struct op_buf *b, bool yes)
{
	op_buf_puts(b, yes ? "yes" : "no");
}

static void put_location(const struct dash_view *v, struct op_buf *b)
{
	op_buf_puts(b, v->location);
}

static void put_interval(const struct dash_view *v, struct op_buf *b)
{
	op_buf_printf(b, "%.0f", fmax(1, ceil(v->interval_s)));
}

static void put_sensor(const struct dash_view *v, struct op_buf *b)
{
	static const char *const names[] = {"unknown", "ok", "failing", "down"};
	op_buf_puts(b, names[v->sensor]);
}

static void put_sensor_text(const struct dash_view *v, struct op_buf *b)
{
	dash_sensor(v, b);
}

static void put_stale(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, v->stale);
}

/* What is said of the age of the reading, and what somebody should see to. */
static void put_notice(const struct dash_view *v, struct op_buf *b)
{
	if (!v->any)
		op_buf_puts(b, "NO READING YET");
	else if (v->stale) {
		op_buf_puts(b, "READING IS ");
		dash_age(b, v->age_s);
		op_buf_puts(b, " OLD");
	}
	struct op_buf line;
	char mem[SLOT_MAX];
	op_buf_init_fixed(&line, mem, sizeof(mem));
	for (size_t i = 0; dash_notice(v, i, &line); i++, op_buf_reset(&line))
		op_buf_printf(b, "%s%s", b->len ? "\n" : "", mem);
}

static bool noticed(const struct dash_view *v)
{
	char mem[SLOT_MAX];
	struct op_buf line;
	op_buf_init_fixed(&line, mem, sizeof(mem));
	return v->stale || dash_notice(v, 0, &line);
}

static void put_noticed(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, noticed(v));
}

static bool alarmed(const struct dash_view *v)
{
	return v->alerts && v->raised[strspn(v->raised, " ")];
}

static void put_alarm(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, alarmed(v));
}

static void put_alerts(const struct dash_view *v, struct op_buf *b)
{
	bool first = true;
	if (!alarmed(v))
		op_buf_puts(b, v->alerts ? "NONE" : "NOT KNOWN");
	for (const char *at = v->alerts ? v->raised : ""; *at;) {
		size_t n = strcspn(at, " ");
		if (n && !first)
			op_buf_puts(b, ", ");
		dash_rule(b, at, n);
		first &= !n;
		at += n + (at[n] == ' ');
	}
}

static void put_alarm_text(const struct dash_view *v, struct op_buf *b)
{
	if (!alarmed(v))
		return;
	op_buf_puts(b, "ALERT: ");
	put_alerts(v, b);
}

/* Whether the newest raise is of one that lasts. */
static bool newest_lasts(const struct dash_view *v)
{
	size_t n = strlen(v->last_rule), at = 0;
	if (!alarmed(v) || !v->last_raised)
		return false;
	while (v->raised[at] &&
	       (strncmp(v->raised + at, v->last_rule, n) || !strchr(" ", v->raised[at + n]))) {
		at += strcspn(v->raised + at, " ");
		at += strspn(v->raised + at, " ");
	}
	return v->raised[at] != '\0';
}

static void put_since_on(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, newest_lasts(v));
}

static void put_since(const struct dash_view *v, struct op_buf *b)
{
	if (newest_lasts(v))
		op_buf_printf(b, "%s %s", strchr(v->raised, ' ') ? "NEWEST RAISED" : "RAISED",
			      v->last_time);
}

static void put_last_alert(const struct dash_view *v, struct op_buf *b)
{
	if (!v->last_rule[0]) {
		op_buf_puts(b, !v->alerts   ? ""
			       : alarmed(v) ? "RAISED BEFORE THE LAST START"
					    : "LAST: NONE SINCE THE START");
		return;
	}
	op_buf_puts(b, "LAST: ");
	dash_rule(b, v->last_rule, strlen(v->last_rule));
	op_buf_printf(b, " %s %s", v->last_raised ? "RAISED" : "CLEARED", v->last_time);
}

static void put_told(const struct dash_view *v, struct op_buf *b)
{
	const char *webhook = dash_webhook_name(v);
	if (!strcmp(webhook, "unset"))
		op_buf_puts(b, "NOT SENT ANYWHERE: NO WEBHOOK IS SET");
	else if (!strcmp(webhook, "off"))
		op_buf_puts(b, "NOT SENT ANYWHERE: THE WEBHOOK IS OFF");
}

static void put_temp(const struct dash_view *v, struct op_buf *b)
{
	if (v->any)
		dash_number(b, v->temperature_c);
	op_buf_puts(b, v->any ? "°C" : "--");
}

static void put_temp_small(const struct dash_view *v, struct op_buf *b)
{
	if (!v->any)
		return;
	op_buf_putc(b, '(');
	dash_number(b, v->temperature_f);
	op_buf_puts(b, "°F)");
}

static void put_humidity(const struct dash_view *v, struct op_buf *b)
{
	if (v->any)
		dash_number(b, v->humidity);
	op_buf_puts(b, v->any ? "%" : "--");
}

static void put_limits(struct op_buf *b, bool known, double lo, double hi, const char *unit)
{
	if (!known)
		return;
	op_buf_puts(b, isnan(lo) && isnan(hi) ? "NO LIMITS" : "LIMITS:");
	if (!isnan(lo)) {
		op_buf_puts(b, isnan(hi) ? " AT LEAST " : " ");
		dash_number(b, lo);
	}
	if (!isnan(hi)) {
		op_buf_puts(b, isnan(lo) ? " AT MOST " : " TO ");
		dash_number(b, hi);
	}
	if (!isnan(lo) || !isnan(hi))
		op_buf_puts(b, unit);
}

static void put_temp_limits(const struct dash_view *v, struct op_buf *b)
{
	put_limits(b, v->limits.known, v->limits.temp_min, v->limits.temp_max, "°C");
}

static void put_humidity_limits(const struct dash_view *v, struct op_buf *b)
{
	put_limits(b, v->limits.known, v->limits.humidity_min, v->limits.humidity_max, "%");
}

/* Comparisons with NaN are false: a limit that is off is never passed. */
static bool is_over(const struct dash_view *v, double value, double lo, double hi)
{
	return v->any && v->limits.known && (value < lo || value > hi);
}

static void put_beyond(const struct dash_view *v, double value, double lo, double hi,
		       const char *unit, struct op_buf *b)
{
	if (!is_over(v, value, lo, hi))
		return;
	op_buf_puts(b, value < lo ? "BELOW " : "ABOVE ");
	dash_number(b, value < lo ? lo : hi);
	op_buf_puts(b, unit);
}

static bool temp_is_over(const struct dash_view *v)
{
	return is_over(v, v->temperature_c, v->limits.temp_min, v->limits.temp_max);
}

static bool humidity_is_over(const struct dash_view *v)
{
	return is_over(v, v->humidity, v->limits.humidity_min, v->limits.humidity_max);
}

static void put_temp_over(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, temp_is_over(v));
}

static void put_temp_beyond(const struct dash_view *v, struct op_buf *b)
{
	put_beyond(v, v->temperature_c, v->limits.temp_min, v->limits.temp_max, "°C", b);
}

static void put_humidity_over(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, humidity_is_over(v));
}

static void put_humidity_beyond(const struct dash_view *v, struct op_buf *b)
{
	put_beyond(v, v->humidity, v->limits.humidity_min, v->limits.humidity_max, "%", b);
}

/* One word for who has a second: nothing is wrong that anybody knows of. */
static void put_well_on(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, !alarmed(v) && !noticed(v) && !temp_is_over(v) && !humidity_is_over(v));
}

static void put_well(const struct dash_view *v, struct op_buf *b)
{
	const struct dash_limits *l = &v->limits;
	bool none = isnan(l->temp_min) && isnan(l->temp_max) && isnan(l->humidity_min) &&
		    isnan(l->humidity_max);
	op_buf_puts(b, l->known && !none ? "ALL WITHIN LIMITS" : "NO ALERTS");
}

static void put_raw(const struct dash_view *v, struct op_buf *b)
{
	yes_no(b, v->any && !v->compensated);
}

static void put_timestamp(const struct dash_view *v, struct op_buf *b)
{
	op_buf_puts(b, v->any ? v->timestamp : "Never");
}

static void put_live(const struct dash_view *v, struct op_buf *b)
{
	op_buf_puts(b, v->stale ? "no" : "yes");
}

static void put_live_text(const struct dash_view *v, struct op_buf *b)
{
	op_buf_puts(b, !v->any ? "NO READING" : v->stale ? "STALE" : "LIVE");
}

static const struct slot {
	const char *name;
	void (*put)(const struct dash_view *v, struct op_buf *b);
} slots[] = {
	{"alarm", put_alarm},
	{"alarm-text", put_alarm_text},
	{"alerts", put_alerts},
	{"humidity", put_humidity},
	{"humidity-beyond", put_humidity_beyond},
	{"humidity-limits", put_humidity_limits},
	{"humidity-over", put_humidity_over},
	{"interval", put_interval},
	{"last-alert", put_last_alert},
	{"live", put_live},
	{"live-text", put_live_text},
	{"location", put_location},
	{"notice", put_notice},
	{"noticed", put_noticed},
	{"raw", put_raw},
	{"sensor", put_sensor},
	{"sensor-text", put_sensor_text},
	{"since", put_since},
	{"since-on", put_since_on},
	{"stale", put_stale},
	{"temp", put_temp},
	{"temp-beyond", put_temp_beyond},
	{"temp-limits", put_temp_limits},
	{"temp-over", put_temp_over},
	{"temp-small", put_temp_small},
	{"timestamp", put_timestamp},
	{"told", put_told},
	{"well", put_well},
	{"well-on", put_well_on},
};

/* ---- the page ---------------------------------------------------------------------------- */

static void escape(struct op_buf *out, const char *text)
{
	for (; *text; text++) {
		const char *as = *text == '&'    ? "&amp;"
				 : *text == '<'  ? "&lt;"
				 : *text == '>'  ? "&gt;"
				 : *text == '"'  ? "&quot;"
				 : *text == '\'' ? "&#39;"
						 : NULL;
		if (as)
			op_buf_puts(out, as);
		else
			op_buf_putc(out, *text);
	}
}

static void put_slot(const struct dash_view *v, const char *name, size_t n, struct op_buf *out)
{
	char mem[SLOT_MAX];
	struct op_buf text;
	op_buf_init_fixed(&text, mem, sizeof(mem));
	for (size_t i = 0; i < OP_ARRAY_SIZE(slots); i++)
		if (strlen(slots[i].name) == n && !strncmp(slots[i].name, name, n)) {
			slots[i].put(v, &text);
			escape(out, mem);
			return;
		}
	assert(!"the template names a slot that there is not");
}

void dash_page(const struct dash_view *v, struct op_buf *out)
{
	const char *at = template, *open;
	while ((open = strstr(at, "{{"))) {
		size_t n = strcspn(open, "}");
		op_buf_put(out, at, (size_t)(open - at));
		put_slot(v, open + 2, n - 2, out);
		at = open + n + 2;
	}
	op_buf_puts(out, at);
}
