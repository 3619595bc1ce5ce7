/*
 * reading.c - the newest reading of the climate service, how old it is, whether more will come.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <time.h>

#include "web.h"

#define PERIOD_MS                                                                       \
	1000 /* routes read by themselves; this is so that nothing is lost between them \
	      */

static bool is_reading(const struct op_topic_type *type)
{
	return type && type->record_bytes == sizeof(struct climate_reading) &&
	       type->n_fields == climate_reading_topic.n_fields;
}

static void on_records(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		       const void *slots, size_t n, size_t stride)
{
	struct temp_web *t = arg;
	if (!n || !is_reading(type))
		return;
	const char *newest = (const char *)slots + (n - 1) * stride;
	memcpy(&t->read_ns, newest, sizeof(t->read_ns));
	memcpy(&t->reading, newest + OP_SLOT_RECORD, sizeof(t->reading));
}

/* After a restart of this program the newest reading is there already. */
static void on_open(void *arg, struct op_reader *reader)
{
	op_reader_rewind(reader, 1);
}

/* Mistakes in them stop the service itself; what is right is taken all the same. */
static void read_climate(struct temp_web *t)
{
	struct op_service_common common;
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 4096);
	t->climate_name = web_find_service(t->web, "outpost-climate");
	if (!t->climate_name)
		op_log(OP_WARNING, "no service of this appliance runs outpost-climate: there will "
				   "be no readings");
	else if (op_config_service(op_service_config(t->web->service), t->climate_name,
				   climate_settings_table, climate_settings_count, &t->climate,
				   &common, &errors) < 0)
		op_log(OP_WARNING, "settings of %s: %s", t->climate_name, errors.data);
}

int temp_reading_open(struct temp_web *t)
{
	read_climate(t);
	int r = op_subscribe(t->web->service, climate_reading_topic.name, PERIOD_MS, on_records, t,
			     &t->readings);
	if (r < 0)
		return r;
	op_subscription_on_open(t->readings, on_open);
	return 0;
}

void temp_reading_close(struct temp_web *t)
{
	if (t->readings)
		op_subscription_close(OP_STEAL(t->readings));
}

void temp_reading_refresh(struct temp_web *t)
{
	op_subscription_read(t->readings);
}

double temp_reading_age_s(const struct temp_web *t)
{
	uint64_t now = op_now_ns();
	return now > t->read_ns ? (double)(now - t->read_ns) / 1e9 : 0;
}

bool temp_reading_is_stale(const struct temp_web *t)
{
	return !t->read_ns || temp_reading_age_s(t) > TEMP_STALE_INTERVALS * t->climate.interval_s;
}

void temp_reading_time(const struct temp_web *t, char ret[TEMP_TIME_BYTES])
{
	temp_time(t->read_ns, ret);
}

void temp_time(uint64_t boot_ns, char ret[TEMP_TIME_BYTES])
{
	time_t s = (time_t)(op_wall_ns(boot_ns) / (int64_t)OP_NS_PER_S);
	struct tm tm;
	if (!boot_ns || !localtime_r(&s, &tm) ||
	    !strftime(ret, TEMP_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm))
		memcpy(ret, "Never", sizeof("Never"));
}

bool temp_sampler_is_alive(struct temp_web *t)
{
	struct web_service_look look;
	if (!t->climate_name)
		return false;
	web_service_look(t->web, t->climate_name, &look);
	return look.is.health != OP_HEALTH_FAILED;
}
