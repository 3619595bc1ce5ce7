/*
 * dashboard.c - what the dashboard shows, gathered from the bus at the time of the request.
 *
 * Loop thread. Nothing is kept between two requests: the newest reading is temp_web's, the state of
 * the sensor, the light matrix and the alerts are looked up on the board of topics. What is older
 * than its topic allows is not known any more.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "dashboard.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dash.h"
#include "lib/store/clock.h"
#include "routes.h"
#include "services/web/history.h"
#include "thresholds.h"

#define POLICY                                                                      \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* ---- what is shown ----------------------------------------------------------------------- */

/* When that was; how long ago, while the date is not known. */
static void write_time(const struct dash_view *v, uint64_t boot_ns, char ret[TEMP_TIME_BYTES])
{
	struct op_buf age;
	if (!v->clock_unset) {
		temp_time(boot_ns, ret);
		return;
	}
	uint64_t now = op_now_ns();
	op_buf_init_fixed(&age, ret, TEMP_TIME_BYTES);
	dash_age(&age, now > boot_ns ? (double)(now - boot_ns) / 1e9 : 0);
	op_buf_puts(&age, " AGO");
}

static void view_reading(struct temp_web *t, struct dash_view *v)
{
	temp_reading_refresh(t);
	v->interval_s = t->climate.interval_s;
	v->mock = t->climate.mock;
	v->any = t->read_ns != 0;
	v->stale = temp_reading_is_stale(t);
	if (!v->any)
		return;
	v->temperature_c = t->reading.temperature_c;
	v->temperature_f = t->reading.temperature_f;
	v->humidity = t->reading.humidity;
	v->pressure_hpa = t->reading.pressure_hpa;
	v->compensated = t->reading.compensated != 0;
	v->age_s = temp_reading_age_s(t);
	v->at_ms = v->clock_unset ? 0 : op_wall_ns(t->read_ns) / (int64_t)OP_NS_PER_MS;
	write_time(v, t->read_ns, v->timestamp);
}

/* How a service is, and in reason why it is not well. */
static enum dash_sensor view_service(struct temp_web *t, const char *name, char reason[128])
{
	struct web_service_look look;
	web_service_look(t->web, name, &look);
	if (!look.known || !strcmp(look.is.state, op_state_name(OP_STATE_STARTING)))
		return DASH_SENSOR_UNKNOWN;
	snprintf(reason, 128, "%.127s", look.is.reason);
	return look.is.health == OP_HEALTH_OK         ? DASH_SENSOR_OK
	       : look.is.health == OP_HEALTH_DEGRADED ? DASH_SENSOR_FAILING
						      : DASH_SENSOR_DOWN;
}

static void view_sensor(struct temp_web *t, struct dash_view *v)
{
	v->sensor =
		t->climate_name ? view_service(t, t->climate_name, v->reason) : DASH_SENSOR_DOWN;
	if (t->web->recorder)
		v->recorder = view_service(t, t->web->recorder, v->recorder_reason);
}

/* The newest record of a topic whose writer lives, or NULL. Good until the next call. */
static const struct web_look *newest(struct web *w, const char *topic)
{
	static struct web_look look;
	struct web_topic *at = web_board_open(w, topic);
	if (!at || !at->reader)
		return NULL;
	web_board_look(at, &look);
	return look.at.any && look.at.writer_pid ? &look : NULL;
}

/* A text field of it; false and "" if there is none. */
static bool text_of(const struct web_look *look, const char *field, char *ret, size_t size)
{
	const struct op_field *f = look ? op_topic_field(look->type, field) : NULL;
	ret[0] = '\0';
	if (!f || f->type != OP_TEXT)
		return false;
	snprintf(ret, size, "%.*s", (int)f->bytes, (const char *)look->record + f->offset);
	return true;
}

/* Whether a count in it is more than none. */
static bool any_of(const struct web_look *look, const char *field)
{
	const struct op_field *f = look ? op_topic_field(look->type, field) : NULL;
	return f && op_field_f64(f, look->record) > 0;
}

static void view_led(struct temp_web *t, struct dash_view *v)
{
	if (!text_of(newest(t->web, "climate.led"), "pixels", v->led, sizeof(v->led)) ||
	    strspn(v->led, "0123456789abcdefABCDEF") != DASH_LED_TEXT)
		v->led[0] = '\0';
}

static void view_alerts(struct temp_web *t, struct dash_view *v)
{
	v->limits = thresholds_now(t->thresholds);
	const struct web_look *now = newest(t->web, "alerts.state");
	v->alerts = text_of(now, "names", v->raised, sizeof(v->raised));
	v->undelivered = any_of(now, "failing");
	v->muted = any_of(now, "muted");
	last_alert_refresh(t);
	if (!t->last_alert.at_ns)
		return;
	memcpy(v->last_rule, t->last_alert.rule, sizeof(v->last_rule));
	v->last_raised = t->last_alert.raised;
	write_time(v, t->last_alert.at_ns, v->last_time);
}

static void view(struct temp_web *t, struct dash_view *v)
{
	*v = (struct dash_view){
		.location = t->set->location,
		.clock_unset = op_wall_ns(op_now_ns()) < OP_CLOCK_NEVER_BEFORE_NS,
	};
	view_reading(t, v);
	view_sensor(t, v);
	view_led(t, v);
	view_alerts(t, v);
}

/* ---- routes ------------------------------------------------------------------------------ */

static void on_page(struct op_http_request *rq, void *arg)
{
	struct dash_view v;
	struct op_buf *page = op_http_body(rq);
	view(arg, &v);
	dash_page(&v, page);
	if (page->err) {
		op_http_error(rq, 500, "the page is too large");
		return;
	}
	op_http_field_add(rq, "Content-Security-Policy", POLICY);
	op_http_field_add(rq, "Referrer-Policy", "no-referrer");
	op_http_answer(rq, 200, "text/html; charset=utf-8", page->data, page->len);
}

/* Asked again and again by every page that is open: none of them shall hold one of the connections
 * that health checks need too. */
static void on_data(struct op_http_request *rq, void *arg)
{
	struct dash_view v;
	struct op_buf *data = op_http_body(rq);
	view(arg, &v);
	dash_data(&v, data);
	if (data->err) {
		op_http_error(rq, 500, "the answer is too large");
		return;
	}
	op_http_field_add(rq, "Cache-Control", "no-store");
	op_http_close_after(rq);
	op_http_answer(rq, 200, "application/json", data->data, data->len);
}

/* Nothing is in store yet: that is no error of who asks, and nothing for a browser's error log. */
static enum web_job_next after_points(struct web_job *j)
{
	static const char nothing[] = "{\"topic\":\"climate.reading\",\"level\":\"raw\","
				      "\"bucket_ms\":0,\"clock\":\"set\",\"fields\":[],"
				      "\"t\":[],\"n\":[],\"min\":{},\"mean\":{},\"max\":{}}";
	if (j->result != -ENOENT || j->no_field)
		return web_points_after(j);
	op_http_reply_field(j->reply, "Cache-Control", "no-store");
	op_http_reply_answer(OP_STEAL(j->reply), 200, "application/json", nothing,
			     sizeof(nothing) - 1);
	return WEB_JOB_DONE;
}

/* The history of one topic only, and of that only points: files and other topics need the token. */
static void on_history(struct op_http_request *rq, void *arg)
{
	static const char *const names[] = {"from", "to", "points", "fields", NULL};
	static const struct web_job_kind kind = {.step = web_points_step, .after = after_points};
	struct temp_web *t = arg;
	struct op_http_request readings = *rq;
	readings.params[0] = climate_reading_topic.name;
	op_http_close_after(rq);
	web_job_ask(&readings, t->web, &kind, names, &t->web->asked.points);
}

/* "static" beside the appliance's file, where operators have theirs; NULL: there is none. */
static const char *static_beside(const struct temp_web *t, char *mem, size_t size)
{
	const char *file = op_config_file(op_service_config(t->web->service));
	const char *slash = strrchr(file, '/');
	int n = snprintf(mem, size, "%.*sstatic", slash ? (int)(slash - file) + 1 : 0, file);
	return n < (int)size && access(mem, R_OK | X_OK) == 0 ? mem : NULL;
}

/* Pictures, which an operator may replace: else looked for where they are installed, or built. */
static int mount_static(struct temp_web *t)
{
	static const char *const places[] = {"appliances/temp-monitor/static",
					     "../../share/outpost/temp-monitor/static", NULL};
	char mem[600];
	const char *dir =
		*t->set->static_dir ? t->set->static_dir : static_beside(t, mem, sizeof(mem));
	if (!dir)
		dir = web_find_folder(places, "favicon.ico", mem, sizeof(mem));
	int r = op_http_static_at(t->web->http, "/static/",
				  dir ? dir : "/usr/share/outpost/temp-monitor/static",
				  OP_HTTP_OPEN | OP_HTTP_DISPOSITION);
	if (r < 0)
		op_log(OP_WARNING, "pictures of the dashboard, %s: %s; set services.%s.static",
		       dir ? dir : "not found", op_strerror(r), op_service_name(t->web->service));
	return 0; /* it is of use without them */
}

int dashboard_mount(struct temp_web *t)
{
	const struct {
		const char *pattern;
		op_http_fn fn;
	} routes[] = {
		{"/", on_page},
		{"/dashboard/data", on_data},
		{"/dashboard/history", on_history},
	};
	int r = thresholds_open(t, &t->thresholds);
	if (!r)
		r = last_alert_open(t);
	for (size_t i = 0; !r && i < OP_ARRAY_SIZE(routes); i++)
		r = op_http_route_with(t->web->http, OP_HTTP_GET, routes[i].pattern, routes[i].fn,
				       t, &temp_open);
	return r ? r : mount_static(t);
}

void dashboard_close(struct temp_web *t)
{
	last_alert_close(t);
	thresholds_close(OP_STEAL(t->thresholds));
}
