/*
 * pbt.c - outpost-pbt: the pressure sensor of the sensor hub, from its board to topics.
 *
 * The loop thread starts and stops, answers calls and, through the monitor, tells how things
 * are; the work thread (acquire.c) does the work. A board that is missing is no reason not to be
 * up: the service is then degraded and goes on looking.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "monitor.h"

#define ALIVE_NS (2 * OP_NS_PER_S) /* the work thread goes round at least each 500 ms */

struct pbt {
	struct op_service *service;
	const struct pbt_settings *settings;
	int profile; /* in force */
	struct acquire *acquire;
	struct monitor monitor;
};

/* ---- calls ----------------------------------------------------------------------------- */

static int call_recalibrate(struct op_service *s, json_t *args, json_t **ret_result,
			    struct op_buf *error)
{
	struct pbt *p = op_service_self(s);
	acquire_recalibrate(p->acquire);
	op_log(OP_NOTICE, "baseline is measured anew on request");
	return 0;
}

static int call_stats(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	struct pbt *p = op_service_self(s);
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 8192);
	op_json_begin(&text, '{');
	op_record_json(&pbt_stats_topic, &p->monitor.last, &text);
	op_json_end(&text, '}');
	*ret_result = text.err ? NULL : json_loads(text.data, 0, NULL);
	return *ret_result ? 0 : -ENOMEM;
}

static json_t *profile_json(const struct pbt *p)
{
	json_t *names = json_array();
	for (size_t i = 0; names && op_hit_profile_names[i]; i++)
		(void)json_array_append_new(names,
					    json_string(op_hit_profile_names[i])); /* or short */
	return json_pack("{s:s, s:o}", "profile", op_hit_profile_names[p->profile], "profiles",
			 names);
}

static int set_profile(struct pbt *p, const char *name, struct op_buf *error)
{
	int i = 0;
	while (name && op_hit_profile_names[i] && strcmp(name, op_hit_profile_names[i]))
		i++;
	if (!name || !op_hit_profile_names[i]) {
		op_buf_puts(error,
			    "name: expected one of the profiles that the call lists without it");
		return -EINVAL;
	}
	struct op_hit_chain_params chain = pbt_settings_chain(p->settings, (size_t)i);
	int err = acquire_set_chain(p->acquire, &chain);
	if (err < 0) {
		op_buf_puts(error, "the change before this one is still being made: try again");
		return err;
	}
	op_log(OP_NOTICE, "profile changed from %s to %s until the next start",
	       op_hit_profile_names[p->profile], name);
	p->profile = i;
	p->monitor.chain = chain;
	return 0;
}

static int call_profile(struct op_service *s, json_t *args, json_t **ret_result,
			struct op_buf *error)
{
	struct pbt *p = op_service_self(s);
	json_t *name = json_object_get(args, "name");
	int err = name ? set_profile(p, json_string_value(name), error) : 0;
	if (err == 0)
		*ret_result = profile_json(p);
	return err;
}

static const struct op_call calls[] = {
	{"recalibrate", "measure the baseline anew; the detector is off meanwhile",
	 call_recalibrate},
	{"stats", "counters and health of the line, as in the topic pbt.stats", call_stats},
	{"profile", "the profile in force; with name=... change it until the next start",
	 call_profile, "name"},
};

/* ---- life ------------------------------------------------------------------------------ */

static int start_work(struct pbt *p)
{
	const struct pbt_settings *set = p->settings;
	OP_AUTO_BUF struct op_buf wrong;
	op_buf_init(&wrong, 1024);
	struct acquire_params params = {
		.service = p->service,
		.link = pbt_settings_link(set),
		.chain = p->monitor.chain,
		.settle_gap_ns = (uint64_t)set->settle_gap_ms * OP_NS_PER_MS,
		.changed = monitor_changed,
		.arg = &p->monitor,
	};
	int err = op_serial_params(&set->device, set->by_id_dir, &params.serial, &wrong);
	if (err < 0) {
		op_log(OP_ERR, "services.%s.device: %s", op_service_name(p->service), wrong.data);
		op_service_quit(p->service, OP_EXIT_CONFIG);
		return err;
	}
	err = acquire_start(&params, &p->acquire);
	p->monitor.acquire = p->acquire;
	return err;
}

static int start(struct op_service *s, const void *settings, void **ret_self)
{
	struct pbt *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*ret_self = p;
	p->service = s;
	p->settings = settings;
	p->profile = p->settings->profile;
	p->monitor.service = s;
	p->monitor.settings = p->settings;
	p->monitor.chain = pbt_settings_chain(p->settings, (size_t)p->profile);
	int err = monitor_open(&p->monitor);
	if (err == 0)
		err = start_work(p);
	return err < 0 ? err : monitor_watch(&p->monitor);
}

static void stop(struct op_service *s, void *self)
{
	struct pbt *p = self;
	if (!p)
		return;
	acquire_stop(OP_STEAL(p->acquire));
	monitor_stop(&p->monitor, free, p);
}

static bool alive(struct op_service *s, void *self)
{
	const struct pbt *p = self;
	return op_now_ns() - acquire_view(p->acquire)->beat_ns < ALIVE_NS;
}

static void status(struct op_service *s, void *self)
{
	struct pbt *p = self;
	if (p && p->acquire)
		monitor_count(&p->monitor);
}

int main(int argc, char **argv)
{
	struct op_service_desc desc = {
		.program = "outpost-pbt",
		.help = "reads the pressure sensor's board and finds the hits",
		OP_SERVICE_CALLS(calls),
		OP_SERVICE_SETTINGS(pbt_settings),
		.start = start,
		.stop = stop,
		.alive = alive,
		.status = status,
	};
	return op_service_main(argc, argv, &desc);
}
