/*
 * temp_dash.c - the dashboard's page and JSON from values (appliances/temp-monitor/web/dash.h).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "dash.h"

#include <jansson.h>
#include <math.h>

#include "test.h"

static struct dash_view good(void)
{
	struct dash_view v = {
		.location = "LINEHAUL-HQ · RACK_01",
		.interval_s = 60,
		.any = true,
		.temperature_c = -0.8,
		.temperature_f = 30.6,
		.humidity = 44,
		.pressure_hpa = NAN,
		.compensated = true,
		.timestamp = "2026-11-21 01:09:47",
		.age_s = 2.44,
		.at_ms = 1795223387000,
		.sensor = DASH_SENSOR_OK,
		.limits = {true, 15, 32, 20, 70},
		.alerts = true,
	};
	return v;
}

static bool page_has(const struct dash_view *v, const char *text)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, DASH_PAGE_MAX);
	dash_page(v, &b);
	CHECK_INT(b.err, 0);
	CHECK(!strstr(b.data, "{{") && !strstr(b.data, "}}"));
	CHECK(strstr(b.data, "</html>"));
	return strstr(b.data, text) != NULL;
}

static json_t *data_of(const struct dash_view *v)
{
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, DASH_DATA_MAX);
	dash_data(v, &b);
	CHECK_INT(b.err, 0);
	json_t *o = json_loadb(b.data, b.len, 0, NULL);
	CHECK(o);
	return o;
}

TEST(page_shows_what_was_read)
{
	struct dash_view v = good();
	static const char *const texts[] = {
		"<title>Server Room Environmental Monitor</title>",
		"<noscript><meta http-equiv=\"refresh\" content=\"60\"></noscript>",
		"name=\"viewport\"",
		"href=\"/static/favicon.ico\"",
		"src=\"/static/My-img8bit-1com-Effect.gif\" width=\"80\" height=\"80\" "
		"alt=\"Company "
		"Logo\"",
		"SERVER ROOM<br>ENVIRONMENTAL<br>MONITOR",
		">LINEHAUL-HQ · RACK_01<",
		">-0.8°C<",
		">(30.6°F)<",
		">44.0%<",
		">RELATIVE<",
		">2026-11-21 01:09:47<",
		"RASPBERRY PI 4<br>WITH SENSE HAT",
		">REFRESH: 60S<",
		"data-live=\"yes\">LIVE<",
		">LIMITS: 15.0 TO 32.0°C<",
		">LIMITS: 20.0 TO 70.0%<",
		"id=\"sensor\">OK<",
		"id=\"alert-state\">NONE<",
		"id=\"raw\" data-on=\"no\"",
		"id=\"alerts\" role=\"alert\" data-on=\"no\"",
		"id=\"notice\" data-on=\"no\"",
		"id=\"since\" data-on=\"no\"",
		">LAST: NONE SINCE THE START<",
	};
	for (size_t i = 0; i < OP_ARRAY_SIZE(texts); i++)
		if (!page_has(&v, texts[i]))
			op_test_fail(__FILE__, __LINE__, "not on the page: %s", texts[i]);
}

TEST(page_before_the_first_reading)
{
	struct dash_view v = good();
	v.any = false;
	v.stale = true;
	v.alerts = v.limits.known = false;
	v.sensor = DASH_SENSOR_UNKNOWN;
	CHECK(page_has(&v, "data-on=\"yes\">NO READING YET<"));
	CHECK(page_has(&v, "id=\"updated\">Never<"));
	CHECK(page_has(&v, "data-live=\"no\">NO READING<"));
	CHECK(page_has(&v, "id=\"temp\">--<") && page_has(&v, "id=\"humidity\">--<"));
	CHECK(page_has(&v, "id=\"sensor\">NOT HEARD OF YET<"));
	CHECK(page_has(&v, "id=\"alert-state\">NOT KNOWN<"));
	CHECK(!page_has(&v, ">LIVE<") && !page_has(&v, "°C"));
}

TEST(page_tells_age_of_a_stale_reading)
{
	static const struct {
		double age_s;
		const char *text;
	} list[] = {
		{95.9, ">READING IS 95 S OLD<"},
		{181, ">READING IS 3 MIN OLD<"},
		{7200, ">READING IS 2 H OLD<"},
		{400000, ">READING IS 4 DAYS OLD<"},
	};
	struct dash_view v = good();
	v.stale = true;
	for (size_t i = 0; i < OP_ARRAY_SIZE(list); i++) {
		v.age_s = list[i].age_s;
		if (!page_has(&v, list[i].text))
			op_test_fail(__FILE__, __LINE__, "not on the page: %s", list[i].text);
	}
	CHECK(page_has(&v, ">STALE<") && !page_has(&v, ">LIVE<"));
	CHECK(page_has(&v, ">-0.8°C<")); /* the last one is still shown */
}

TEST(page_marks_what_is_not_compensated)
{
	struct dash_view v = good();
	v.compensated = false;
	CHECK(page_has(&v, "id=\"raw\" data-on=\"yes\""));
}

TEST(page_names_alerts)
{
	struct dash_view v = good();
	snprintf(v.raised, sizeof(v.raised), "temp_low humidity_high fan-broken");
	CHECK(page_has(&v, "data-on=\"yes\">ALERT: TEMPERATURE LOW, HUMIDITY HIGH, FAN BROKEN<"));
	snprintf(v.last_rule, sizeof(v.last_rule), "temp_low");
	snprintf(v.last_time, sizeof(v.last_time), "2026-11-21 01:00:00");
	CHECK(page_has(&v, ">LAST: TEMPERATURE LOW CLEARED 2026-11-21 01:00:00<"));
	v.last_raised = true;
	CHECK(page_has(&v, ">LAST: TEMPERATURE LOW RAISED 2026-11-21 01:00:00<"));
	CHECK(page_has(&v, "id=\"since\" data-on=\"yes\">NEWEST RAISED 2026-11-21 01:00:00<"));
	CHECK(page_has(&v, "id=\"well\" data-on=\"no\""));
	snprintf(v.last_rule, sizeof(v.last_rule), "temp"); /* which is the beginning of another */
	CHECK(page_has(&v, "id=\"since\" data-on=\"no\""));
	snprintf(v.last_rule, sizeof(v.last_rule), "fan-broken");
	snprintf(v.raised, sizeof(v.raised), "fan-broken");
	CHECK(page_has(&v, "id=\"since\" data-on=\"yes\">RAISED 2026-11-21 01:00:00<"));
	v.alerts = false; /* nobody knows now */
	CHECK(page_has(&v, "id=\"since\" data-on=\"no\"><"));
	v.alerts = true;
	memset(v.raised, ' ', sizeof(v.raised) - 1);
	CHECK(page_has(&v, "id=\"alert-state\">NONE<"));
	for (size_t i = 0; i + 9 < sizeof(v.raised); i += 10)
		memcpy(v.raised + i, "temp_high ", 10); /* the most that the topic can hold */
	CHECK(page_has(&v, "TEMPERATURE HIGH, TEMPERATURE HIGH"));
}

TEST(page_limits)
{
	struct dash_view v = good();
	CHECK(page_has(&v, "temp\" aria-labelledby=\"temp-head\" data-over=\"yes\""));
	v.limits.temp_min = NAN;
	CHECK(page_has(&v, ">LIMITS: AT MOST 32.0°C<"));
	CHECK(page_has(&v, "temp\" aria-labelledby=\"temp-head\" data-over=\"no\""));
	v.limits.humidity_max = NAN;
	CHECK(page_has(&v, ">LIMITS: AT LEAST 20.0%<"));
	v.limits.temp_max = NAN;
	CHECK(page_has(&v, ">NO LIMITS<"));
	v.humidity = 70; /* the limit itself is no alert */
	v.limits.humidity_max = 70;
	CHECK(page_has(&v, "humidity\" aria-labelledby=\"humidity-head\" data-over=\"no\""));
}

TEST(page_says_which_limit_is_passed)
{
	struct dash_view v = good();
	CHECK(page_has(&v, "id=\"temp-beyond\">BELOW 15.0°C<"));
	CHECK(page_has(&v, "id=\"humidity-beyond\"><"));
	CHECK(page_has(&v, "id=\"well\" data-on=\"no\"")); /* whatever the alerts say */
	v.temperature_c = 32.1;
	v.humidity = 100;
	CHECK(page_has(&v, "id=\"temp-beyond\">ABOVE 32.0°C<"));
	CHECK(page_has(&v, "id=\"humidity-beyond\">ABOVE 70.0%<"));
}

static bool notice_is(const struct dash_view *v, const char *text)
{
	char page[1200];
	snprintf(page, sizeof(page), "id=\"notice\" data-on=\"yes\">%s</p>", text);
	return page_has(v, page);
}

TEST(page_says_what_to_see_to)
{
	struct dash_view v = good();
	v.temperature_c = 20;
	CHECK(page_has(&v, "id=\"notice\" data-on=\"no\"><"));
	CHECK(page_has(&v, "id=\"well\" data-on=\"yes\">ALL WITHIN LIMITS<"));
	v.limits.known = false;
	CHECK(page_has(&v, "id=\"well\" data-on=\"yes\">NO ALERTS<"));
	v.sensor = DASH_SENSOR_FAILING; /* the reading is not too old yet */
	snprintf(v.reason, sizeof(v.reason), "no chip answers");
	CHECK(notice_is(&v, "SENSOR FAILING: no chip answers"));
	CHECK(page_has(&v, "id=\"well\" data-on=\"no\"") && page_has(&v, ">LIVE<"));
	v.stale = true;
	v.age_s = 200;
	CHECK(notice_is(&v, "READING IS 3 MIN OLD\nSENSOR FAILING: no chip answers"));
	v = good();
	v.mock = true;
	v.compensated = false;
	CHECK(notice_is(
		&v, "READINGS ARE FABRICATED: a mock plays the sensor\n"
		    "NOT CORRECTED FOR CPU HEAT: the processor&#39;s temperature cannot be read"));
	v = good();
	v.alerts = false;
	CHECK(notice_is(&v, "NOBODY WATCHES THE LIMITS: the alerts service does not run"));
	v = good();
	v.undelivered = v.muted = true;
	CHECK(notice_is(&v, "ALERTS ARE MUTED: of some nobody is told\n"
			    "ALERTS DO NOT ARRIVE: see to the network and the webhook"));
	v.muted = false;
	CHECK(notice_is(&v, "ALERTS DO NOT ARRIVE: see to the network and the webhook"));
	v = good();
	v.recorder = DASH_SENSOR_FAILING;
	snprintf(v.recorder_reason, sizeof(v.recorder_reason), "disk full: make room");
	CHECK(notice_is(&v, "THE HISTORY IS IN DANGER: disk full: make room"));
	v.temperature_c = 20;
	CHECK(page_has(&v, "id=\"well\" data-on=\"no\""));
	v.recorder = DASH_SENSOR_DOWN;
	v.recorder_reason[0] = '\0';
	CHECK(notice_is(&v, "THE HISTORY IS NOT KEPT: the recorder does not run"));
	v.undelivered = true;
	memset(v.recorder_reason, '<', sizeof(v.recorder_reason) - 1);
	memset(v.reason, '<', sizeof(v.reason) - 1); /* all of it, and as long as it gets */
	v.sensor = DASH_SENSOR_DOWN;
	v.alerts = false;
	v.stale = v.clock_unset = true;
	CHECK(page_has(&v, "&lt;\nNOBODY WATCHES"));
	CHECK(page_has(&v, "THE CLOCK WAS NEVER SET: see to the monitor&#39;s network</p>"));
	json_t *o = data_of(&v);
	CHECK_INT(json_array_size(json_object_get(o, "notices")), 5);
	json_decref(o);
}

TEST(page_escapes_everything)
{
	static const char evil[] = "</p><script>alert('\"&{{temp}}')</script>";
	struct dash_view v = good();
	OP_AUTO_BUF struct op_buf b;
	v.location = evil;
	v.sensor = DASH_SENSOR_FAILING;
	snprintf(v.reason, sizeof(v.reason), "%s", evil);
	snprintf(v.raised, sizeof(v.raised), "%s", evil);
	snprintf(v.timestamp, sizeof(v.timestamp), "%.31s", evil);
	op_buf_init(&b, DASH_PAGE_MAX);
	dash_page(&v, &b);
	CHECK_INT(b.err, 0);
	CHECK(!strstr(b.data, "<script>") && !strstr(b.data, "<SCRIPT>"));
	CHECK(strstr(b.data, "&lt;/p&gt;&lt;script&gt;alert(&#39;&quot;&amp;{{temp}}&#39;)"));
}

TEST(data_says_the_same)
{
	struct dash_view v = good();
	OP_AUTO_BUF struct op_buf b;
	op_buf_init(&b, DASH_DATA_MAX);
	snprintf(v.raised, sizeof(v.raised), "temp_low");
	memset(v.led, 'a', DASH_LED_TEXT);
	dash_data(&v, &b);
	CHECK(strstr(b.data, "\"humidity\":44.0,")); /* as /api/temp writes it */
	CHECK(strstr(b.data, "\"temperature_c\":-0.8,\"temperature_f\":30.6,"));
	CHECK(strstr(b.data, "\"pressure_hpa\":null,\"compensated\":true,"));
	CHECK(strstr(b.data, "\"age_s\":2.4,\"time_ms\":1795223387000}"));
	CHECK(strstr(b.data, "\"stale\":false,\"interval_s\":60,"));
	CHECK(strstr(b.data, "\"sensor\":{\"state\":\"ok\",\"reason\":\"\"}"));
	CHECK(strstr(b.data, "},\"notices\":[],"));
	CHECK(strstr(b.data, "\"thresholds\":{\"temp_min_c\":15.0,\"temp_max_c\":32.0,"
			     "\"humidity_min\":20.0,\"humidity_max\":70.0}"));
	CHECK(strstr(b.data, "\"alerts\":[{\"rule\":\"temp_low\",\"text\":\"TEMPERATURE LOW\"}]"));
	CHECK(strstr(b.data, "],\"last_alert\":null,\"webhook\":\"\","));
	CHECK(page_has(&v, ">RAISED BEFORE THE LAST START<"));
	snprintf(v.last_rule, sizeof(v.last_rule), "humidity_high");
	snprintf(v.last_time, sizeof(v.last_time), "2026-11-21 01:00:00");
	op_buf_reset(&b);
	dash_data(&v, &b);
	CHECK(strstr(b.data,
		     "\"last_alert\":{\"rule\":\"humidity_high\",\"text\":\"HUMIDITY HIGH\","
		     "\"state\":\"cleared\",\"timestamp\":\"2026-11-21 01:00:00\"}"));
	json_t *o = data_of(&v);
	CHECK_INT(json_string_length(json_object_get(o, "led")), DASH_LED_TEXT);
	json_decref(o);
}

TEST(data_of_nothing)
{
	struct dash_view v = {.location = "", .interval_s = 60, .stale = true};
	json_t *o = data_of(&v);
	CHECK(json_is_null(json_object_get(o, "reading")));
	CHECK(json_is_null(json_object_get(o, "thresholds")));
	CHECK(json_is_null(json_object_get(o, "alerts")));
	CHECK(json_is_null(json_object_get(o, "led")));
	CHECK(json_is_true(json_object_get(o, "stale")));
	json_decref(o);
}

static struct dash_limits limits_of(const char *text)
{
	struct dash_limits l = {.known = true};
	json_t *config = json_loads(text, JSON_DECODE_ANY, NULL);
	CHECK(config);
	dash_limits_read(config, &l);
	json_decref(config);
	return l;
}

TEST(limits_from_the_alerts_service)
{
	struct dash_limits l = limits_of(
		"{\"channels\":{},\"rules\":{\"temp_high\":{\"above\":\"27.25\",\"below\":null},"
		"\"temp_low\":{\"above\":null,\"below\":\"-5\"},"
		"\"humidity_high\":{\"above\":null,\"below\":null},\"other\":{\"above\":\"1\"}}}");
	CHECK(l.known && l.temp_max == 27.25 && l.temp_min == -5);
	CHECK(isnan(l.humidity_max) && isnan(l.humidity_min)); /* off, or there is no such rule */
}

TEST(whether_alerts_are_sent)
{
	static const struct {
		const char *channels, *is;
	} list[] = {
		{"null", ""},
		{"{}", "unset"},
		{"{\"slack\":{\"url\":null,\"enabled\":true}}", "unset"},
		{"{\"slack\":{\"url\":\"https://a\",\"enabled\":false}}", "off"},
		{"{\"slack\":{\"url\":\"https://a\",\"enabled\":true}}", "on"},
		{"{\"a\":{\"url\":\"https://a\",\"enabled\":true},\"b\":{\"url\":null}}", "on"},
	};
	struct dash_view v = good();
	char text[200];
	for (size_t i = 0; i < OP_ARRAY_SIZE(list); i++) {
		snprintf(text, sizeof(text), "{\"channels\":%s,\"rules\":{}}", list[i].channels);
		v.limits = limits_of(text);
		CHECK_STR(dash_webhook_name(&v), list[i].is);
	}
	v.limits.webhook = DASH_WEBHOOK_OFF;
	CHECK(page_has(&v, "id=\"told\">NOT SENT ANYWHERE: THE WEBHOOK IS OFF<"));
	v.limits.known = false; /* nor is that, then */
	CHECK(page_has(&v, "id=\"told\"><"));
}

TEST(limits_from_what_is_none)
{
	static const char *const list[] = {"null",
					   "[]",
					   "{}",
					   "{\"rules\":[]}",
					   "{\"rules\":{\"temp_high\":{\"above\":27}}}",
					   "{\"rules\":{\"temp_high\":{\"above\":\"warm\"}}}",
					   "{\"rules\":{\"temp_high\":3}}",
					   "{\"rules\":{\"temp_high\":{\"above\":\"nan\"}}}"};
	for (size_t i = 0; i < 4; i++)
		CHECK(!limits_of(list[i]).known);
	for (size_t i = 4; i < OP_ARRAY_SIZE(list); i++)
		CHECK(limits_of(list[i]).known && isnan(limits_of(list[i]).temp_max));
}
