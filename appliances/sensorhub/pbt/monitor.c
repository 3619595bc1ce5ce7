/*
 * monitor.c - what the service says about itself: state with reason, log lines, pbt.stats.
 *
 * Faults are logged once per change, and counters that run at most every ten seconds: a broken
 * cable must not fill the disk. The words drop, miss and error stand only in lines about real
 * faults; the runbook greps for them (contract 2.7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "monitor.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HITS_PERIOD_MS 100
#define GRACE_MS 600 /* a board that is there is live by then, and the service starts as ready */
#define FAULT_LOG_NS (10 * OP_NS_PER_S)

/* ---- state ----------------------------------------------------------------------------- */

#define ATTEMPT_SOON_MS 500

/* Who may open it is said by its group: dialout on Debian, uucp elsewhere. */
static void deny(struct monitor *m, const char *device)
{
	struct stat st;
	bool known = stat(m->settings->device.path, &st) == 0;
	bool open = !known ||
		    (st.st_gid != 0 && (st.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP));
	const struct group *g = known && open ? getgrgid(st.st_gid) : NULL;
	if (open)
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.40s: permission denied: add the service's user to the "
				     "group %.24s",
				     device, g ? g->gr_name : "dialout");
	else
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.40s: permission denied: let its group read and write it",
				     device);
}

static void set_missing(struct monitor *m, const char *device, int error)
{
	const char *name = op_service_name(m->service);
	switch (error) {
	case -EACCES:
	case -EPERM:
		deny(m, device);
		break;
	case -EBUSY:
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.60s is in use: end the other program that has it open",
				     device);
		break;
	case -ENOTTY:
	case -EISDIR:
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.60s is not a serial port: set services.%.24s.device",
				     device, name);
		break;
	default:
		op_service_set_state(
			m->service, OP_STATE_DEGRADED,
			"%.40s is missing: plug in the board or set services.%.24s.device", device,
			name);
	}
}

/* A device that is opened again and again is one to whoever reads: its name is that of the moment
 * it came into this state. */
static const char *device_said(struct monitor *m, const struct acquire_report *r)
{
	if (r->link != m->link_said || !*m->device_said)
		memcpy(m->device_said, r->device, sizeof(m->device_said));
	m->link_said = r->link;
	return m->device_said;
}

static void set_state(struct monitor *m, const struct acquire_report *r)
{
	const char *device = device_said(m, r);
	switch (r->link) {
	case OP_LINK_LIVE:
		op_service_set_state(m->service, OP_STATE_READY, NULL);
		break;
	case OP_LINK_MISSING:
		set_missing(m, device, r->error);
		break;
	case OP_LINK_SETTLING:
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.60s is open: waiting for a steady signal", device);
		break;
	case OP_LINK_SILENT:
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.60s is silent: check the board's power and cable", device);
		break;
	default:
		op_service_set_state(m->service, OP_STATE_DEGRADED,
				     "%.60s sends no samples: check baud rate and firmware",
				     device);
	}
}

static const char *reason_of(int error)
{
	return error == -ENODEV ? "no such device" : op_strerror(error);
}

/* The line the runbook knows. Once per change of the reason. */
static void log_open(struct monitor *m, const struct acquire_report *r)
{
	if (r->error == m->error_logged)
		return;
	m->error_logged = r->error;
	if (r->error)
		op_log(OP_ERR, "ERROR: Could not open serial port %s: %s", m->settings->device.path,
		       reason_of(r->error));
}

static void log_baseline(struct monitor *m)
{
	const struct acquire_view *v = acquire_view(m->acquire);
	uint64_t settled = v->settled;
	if (settled == m->settled)
		return;
	m->settled = settled;
	op_log(OP_INFO, "Baseline calibrated: %.1f ADC counts", (double)v->baseline);
}

static void look(struct monitor *m)
{
	struct acquire_report r;
	acquire_report(m->acquire, &r);
	log_open(m, &r);
	log_baseline(m);
	/* Just lost: the attempt that tells why comes at once, and its line goes first. */
	if (r.link == OP_LINK_MISSING && !r.error && m->settings->retry_first_ms <= ATTEMPT_SOON_MS)
		return;
	if (m->graced || r.link == OP_LINK_LIVE)
		set_state(m, &r);
}

static void on_changed(uv_async_t *async)
{
	look(async->data);
}

static void on_grace(uv_timer_t *timer)
{
	struct monitor *m = timer->data;
	m->graced = true;
	look(m);
}

void monitor_changed(void *arg)
{
	struct monitor *m = arg;
	(void)uv_async_send(&m->changed); /* cannot fail on an open handle */
}

/* ---- hits ------------------------------------------------------------------------------ */

static void log_hit(const struct op_width_map *w, const struct pbt_hit *h)
{
	op_log(OP_INFO, "Pulse #%u: Peak=%.1f → %.0f ms (%s)", h->number, h->peak, h->width_ms,
	       op_width_inverse(w) ? "INVERTED" : "DIRECT");
	op_log(OP_INFO, "  Mapping: Peak %.1f → Pulse %.0fms (Range: %.0f-%.0f → %.0f-%.0fms)",
	       h->peak, h->width_ms, w->peak_min, w->peak_max, w->width_min_ms, w->width_max_ms);
}

static void on_hits(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		    const void *slots, size_t n, size_t stride)
{
	struct monitor *m = arg;
	for (size_t i = 0; type && i < n; i++) {
		struct pbt_hit h;
		memcpy(&h, (const char *)slots + i * stride + OP_SLOT_RECORD, sizeof(h));
		log_hit(&m->chain.profile.width, &h);
	}
}

/* ---- once a second --------------------------------------------------------------------- */

/* The driver counts since it was loaded; we since the service started, over any number of devices.
 */
static void poll_driver(struct monitor *m, uint64_t opens)
{
	struct op_serial_counters c;
	if (acquire_counters(m->acquire, &c) < 0)
		return;
	if (m->driver_opens == opens) {
		m->overruns += c.overrun - m->driver_base.overrun;
		m->framing += c.framing - m->driver_base.framing;
	}
	m->driver_opens = opens;
	m->driver_base = c;
}

static double measure_rate(struct monitor *m, uint64_t samples)
{
	size_t oldest = m->ring % MONITOR_RATE_WINDOW;
	uint64_t now = op_now_ns(), then = m->samples_ns[oldest];
	uint64_t before = m->samples_at[oldest];
	if (m->ring < MONITOR_RATE_WINDOW) {
		then = m->samples_ns[0];
		before = m->samples_at[0];
	}
	double rate = m->ring == 0 || now == then
			      ? 0
			      : (double)(samples - before) * OP_NS_PER_S / (double)(now - then);
	m->samples_ns[oldest] = now;
	m->samples_at[oldest] = samples;
	m->ring++;
	return rate;
}

static void fill_levels(const struct op_hit_profile *p, struct pbt_stats *s)
{
	s->threshold = (float)p->threshold;
	s->end_level = (float)(p->threshold * p->end_ratio);
	s->rearm_level = (float)(p->threshold * p->rearm_ratio);
}

static void fill(struct monitor *m, const struct acquire_report *r, struct pbt_stats *s)
{
	const struct acquire_view *v = acquire_view(m->acquire);
	*s = (struct pbt_stats){
		.bytes = v->bytes,
		.samples = v->samples,
		.comments = v->comments,
		.texts = v->texts,
		.rejected = v->rejected,
		.overlong = v->overlong,
		.lost_rate = v->lost_rate,
		.lost_board = v->lost_board,
		.overruns = m->overruns,
		.framing = m->framing,
		.hits = v->hits,
		.opens = r->opens,
		.rate_hz = measure_rate(m, v->samples),
		.baseline = v->baseline,
		.link = (uint8_t)r->link,
	};
	s->lines = s->samples + s->comments + s->texts + v->empty + s->rejected + s->overlong;
	fill_levels(&m->chain.profile, s);
	memcpy(s->device, r->device, sizeof(s->device)); /* record text need not end with NUL */
}

static uint64_t lost(const struct pbt_stats *s)
{
	return s->lost_rate > s->lost_board ? s->lost_rate : s->lost_board;
}

/* Two witnesses of the same loss: the higher count is what was lost. */
static void log_faults(struct monitor *m, uint64_t now_ns)
{
	const struct pbt_stats *s = &m->last;
	if (now_ns - m->fault_log_ns < FAULT_LOG_NS)
		return;
	uint64_t bad = s->rejected + s->overlong, over = s->overruns + s->framing;
	if (lost(s) == m->lost_logged && bad == m->rejected_logged && over == m->overruns_logged)
		return;
	if (lost(s) > m->lost_logged)
		op_log(OP_WARNING, "dropped samples: %llu more (board %llu, rate %llu in all)",
		       (unsigned long long)(lost(s) - m->lost_logged),
		       (unsigned long long)s->lost_board, (unsigned long long)s->lost_rate);
	if (bad > m->rejected_logged)
		op_log(OP_WARNING, "rejected lines: %llu more (%llu in all)",
		       (unsigned long long)(bad - m->rejected_logged), (unsigned long long)bad);
	if (over > m->overruns_logged)
		op_log(OP_WARNING, "serial errors: %llu overruns, %llu bad characters in all",
		       (unsigned long long)s->overruns, (unsigned long long)s->framing);
	m->lost_logged = lost(s);
	m->rejected_logged = bad;
	m->overruns_logged = over;
	m->fault_log_ns = now_ns;
}

static void on_second(uv_timer_t *timer)
{
	struct monitor *m = timer->data;
	struct acquire_report r;
	uint64_t now = op_now_ns();
	acquire_report(m->acquire, &r);
	poll_driver(m, r.opens);
	fill(m, &r, &m->last);
	(void)op_writer_publish(m->stats, now, &m->last); /* the sequence number is of no use */
	log_faults(m, now);
}

void monitor_count(struct monitor *m)
{
	const struct pbt_stats *s = &m->last;
	struct acquire_report r;
	acquire_report(m->acquire, &r);
	op_service_count(m->service, acquire_view(m->acquire)->samples, lost(s),
			 s->rejected + s->overlong + s->overruns + s->framing + r.losses);
}

/* ---- start and stop -------------------------------------------------------------------- */

int monitor_open(struct monitor *m)
{
	uv_loop_t *loop = op_service_loop(m->service);
	int err = op_writer_open(op_service_bus_dir(m->service), NULL, &pbt_stats_topic, &m->stats,
				 NULL);
	m->second.data = m->grace.data = m->changed.data = m;
	if (err == 0)
		err = uv_async_init(loop, &m->changed, on_changed);
	if (err < 0)
		return err;
	(void)uv_timer_init(loop, &m->second); /* these cannot fail */
	(void)uv_timer_init(loop, &m->grace);
	m->handles = 3;
	return 0;
}

int monitor_watch(struct monitor *m)
{
	int err =
		op_subscribe(m->service, pbt_hit_topic.name, HITS_PERIOD_MS, on_hits, m, &m->hits);
	if (err == 0)
		err = uv_timer_start(&m->second, on_second, 0, 1000);
	return err < 0 ? err : uv_timer_start(&m->grace, on_grace, GRACE_MS, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct monitor *m = handle->data;
	if (--m->handles == 0)
		m->closed(m->closed_arg);
}

void monitor_stop(struct monitor *m, void (*closed)(void *arg), void *arg)
{
	op_subscription_close(OP_STEAL(m->hits));
	op_writer_close(OP_STEAL(m->stats));
	m->closed = closed;
	m->closed_arg = arg;
	if (m->handles == 0) {
		closed(arg);
		return;
	}
	uv_close((uv_handle_t *)&m->changed, on_closed);
	uv_close((uv_handle_t *)&m->second, on_closed);
	uv_close((uv_handle_t *)&m->grace, on_closed);
}
