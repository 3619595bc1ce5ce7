/*
 * policy.c - which records of a topic are kept: every one, some per second, changes.
 *
 * One thread. Runs of records that are kept go on as runs.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "policy_internal.h"

#include <math.h>
#include <string.h>

/* ---- rate -------------------------------------------------------------------------------- */

/* The first record of each period, so that a clock of the sensor that runs a little slow or early
 * neither doubles nor halves what is kept. */
static bool takes_rate(struct policy *p, uint64_t boot_ns)
{
	uint64_t period = boot_ns / p->period_ns;
	if (p->any && period == p->period)
		return false;
	p->any = true;
	p->period = period;
	return true;
}

/* ---- change ------------------------------------------------------------------------------ */

static bool differs(const struct policy *p, const struct op_field *f, const void *record)
{
	const unsigned char *now = (const unsigned char *)record + f->offset;
	const unsigned char *then = p->last + f->offset;
	if (!memcmp(now, then, f->bytes))
		return false;
	if (f->type == OP_TEXT || f->type == OP_ENUM || p->set->deadband == 0)
		return true;
	double a = op_field_f64(f, record), b = op_field_f64(f, p->last);
	return isnan(a) != isnan(b) || fabs(a - b) > p->set->deadband;
}

static bool changed(const struct policy *p, const void *record)
{
	for (uint32_t i = 0; i < p->type->n_fields; i++)
		if ((p->fields >> i & 1) && differs(p, &p->type->fields[i], record))
			return true;
	return false;
}

static bool takes_change(struct policy *p, uint64_t boot_ns, const void *record)
{
	bool gap = p->gap_ns && boot_ns - p->last_ns >= p->gap_ns;
	if (p->any && !gap && !changed(p, record))
		return false;
	p->any = true;
	p->last_ns = boot_ns;
	memcpy(p->last, record, p->type->record_bytes);
	return true;
}

/* ---- all --------------------------------------------------------------------------------- */

static bool takes(struct policy *p, const unsigned char *slot)
{
	uint64_t boot_ns;
	memcpy(&boot_ns, slot, sizeof(boot_ns));
	if (p->set->policy == KEEP_RATE)
		return takes_rate(p, boot_ns);
	return takes_change(p, boot_ns, slot + OP_SLOT_RECORD);
}

static void add_some(struct policy *p, uint64_t first_seq, const unsigned char *slots, size_t n)
{
	size_t from = 0, i = 0;
	for (; i < n; i++) {
		if (takes(p, slots + i * p->stride))
			continue;
		if (i > from)
			p->take(p->arg, first_seq + from, slots + from * p->stride, i - from);
		from = i + 1;
	}
	if (i > from)
		p->take(p->arg, first_seq + from, slots + from * p->stride, i - from);
}

void policy_add(struct policy *p, uint64_t first_seq, const void *slots, size_t n)
{
	if (p->set->policy == KEEP_EVERY)
		p->take(p->arg, first_seq, slots, n);
	else if (p->set->policy == KEEP_AROUND)
		policy_around_add(p, first_seq, slots, n);
	else
		add_some(p, first_seq, slots, n);
}

void policy_event(struct policy *p, uint64_t boot_ns)
{
	if (p->set->policy == KEEP_AROUND)
		policy_around_event(p, boot_ns);
}

uint64_t policy_short(const struct policy *p)
{
	return p->cut_short;
}

static uint64_t to_ns(double s)
{
	return (uint64_t)(s * (double)OP_NS_PER_S);
}

int policy_create(const struct keep_settings *set, const struct op_topic_type *type, size_t stride,
		  op_field_set fields, policy_take_fn take, void *arg, struct policy **ret)
{
	struct policy *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->set = set;
	p->type = type;
	p->stride = stride;
	p->fields = fields;
	p->take = take;
	p->arg = arg;
	p->period_ns = to_ns(1 / (set->per_s > 0 ? set->per_s : 1));
	p->gap_ns = to_ns(set->max_gap_s);
	p->last = calloc(1, type->record_bytes);
	int err = p->last ? 0 : -ENOMEM;
	if (err == 0 && set->policy == KEEP_AROUND)
		err = policy_around_open(p);
	if (err < 0)
		policy_destroy(p);
	else
		*ret = p;
	return err;
}

void policy_destroy(struct policy *p)
{
	if (!p)
		return;
	free(p->held);
	free(p->last);
	free(p);
}
