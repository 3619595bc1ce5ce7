/*
 * keep.c - one topic that is kept: from its records on the bus to items in the queue; see keep.h.
 *
 * The topic may come late, go, and come back with another schema: each schema is a stream of its
 * own. Whatever is in the ring and was not seen is read, so that nothing is lost between two looks.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "keep.h"

#include <stdio.h>
#include <string.h>

#define PERIOD_MS 250
#define ROWS_MHZ 2000 /* auto: up to this rate a topic is rows */
#define FIRST_COMMIT_NS (5 * OP_NS_PER_S)
#define BETWEEN ", \t"  /* names of fields */
#define CUTS_COUNTED 12 /* doubled so often it is longer than any interval */

/* ---- a schema ---------------------------------------------------------------------------- */

static uint32_t kept_mhz(const struct keep *k, const struct op_topic_type *type)
{
	double wanted = (k->set->per_s > 0 ? k->set->per_s : 1) * 1000;
	bool fewer = k->set->policy == KEEP_RATE && wanted < type->rate_mhz;
	return fewer ? (uint32_t)(wanted < 1 ? 1 : wanted) : type->rate_mhz;
}

static enum op_history_kind kind_of(const struct keep *k, const struct op_topic_type *type)
{
	uint32_t mhz = kept_mhz(k, type);
	if (k->set->as == KEEP_AS_AUTO)
		return mhz <= ROWS_MHZ ? OP_HISTORY_ROWS : OP_HISTORY_CHUNKS;
	return k->set->as == KEEP_AS_ROWS ? OP_HISTORY_ROWS : OP_HISTORY_CHUNKS;
}

static void complain(struct keep *k, const struct op_topic_type *type, const char *key,
		     const char *bad)
{
	const char *names[OP_TOPIC_FIELDS_MAX];
	char word[40], text[160];
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(bad, BETWEEN),
		       bad); /* cut is fine */
	for (uint32_t i = 0; i < type->n_fields; i++)
		names[i] = type->fields[i].name;
	const char *near = op_nearest(word, names, type->n_fields);
	bool there = op_topic_field(type, word) != NULL;
	(void)snprintf(text, sizeof(text), "keep.%zu.%s: %.40s has no %s \"%s\"%s%s%s", k->index,
		       key, k->set->topic, there ? "number" : "field", word,
		       near && !there ? " (did you mean \"" : "", near && !there ? near : "",
		       near && !there ? "\"?)" : ""); /* cut is fine */
	op_log(OP_WARNING, "%s", text);
	size_t n = strlen(k->problem);
	(void)snprintf(k->problem + n, sizeof(k->problem) - n, "%s%s", n ? "; " : "",
		       text); /* cut is fine: the log has all */
	k->problems++;
}

/* What is named wrongly must not cost data: all fields are kept then. */
static op_field_set fields_of(struct keep *k, const struct op_topic_type *type, const char *key,
			      const char *text, op_field_set otherwise)
{
	op_field_set fields = otherwise;
	unsigned before = k->problems;
	while (op_chunk_fields_parse(type, text, &fields, &text) < 0) {
		complain(k, type, key, text);
		text += strcspn(text, BETWEEN);
	}
	return k->problems == before ? fields : otherwise;
}

static void on_taken(void *arg, uint64_t first_seq, const void *slots, size_t n)
{
	struct keep *k = arg;
	sink_add(k->sink, first_seq, slots, n);
}

static int begin_schema(struct keep *k, const struct op_topic_type *type, size_t stride)
{
	k->problem[0] = '\0';
	k->problems = 0;
	k->stride = stride;
	op_field_set all = op_chunk_fields(type);
	op_field_set fields = fields_of(k, type, "fields", k->set->fields, all);
	const struct sink_settings sink = {
		.recompute = *k->set->recompute
				     ? fields_of(k, type, "recompute", k->set->recompute, 0)
				     : 0,
		.tiers = k->set->tiers,
		.commit_s = (uint64_t)k->set->commit_s,
		.rate_hz = kept_mhz(k, type) / 1000.0,
	};
	int err = stream_create(k->set->topic, type, kind_of(k, type), fields, &k->stream);
	if (err == 0) /* of texts, which chunks cannot keep, changes count as well */
		err = policy_create(k->set, k->stream->type, stride,
				    *k->set->fields ? fields : UINT64_MAX, on_taken, k, &k->policy);
	if (err == 0)
		err = sink_create(k->stream, stride, &sink, k->queue, &k->sink);
	if (err == 0 && k->events)
		op_subscription_read(k->events); /* those that are on the bus, before the data */
	return err;
}

static void end_schema(struct keep *k)
{
	if (k->sink) {
		sink_cut(k->sink, true);
		k->records += sink_records(k->sink);
	}
	if (k->policy)
		k->short_before += policy_short(k->policy);
	sink_destroy(OP_STEAL(k->sink));
	policy_destroy(OP_STEAL(k->policy));
	if (k->stream) { /* what is in the queue now is counted no more, but in all */
		k->stored += atomic_load_explicit(&k->stream->stored, memory_order_relaxed);
		k->dropped += atomic_load_explicit(&k->stream->dropped, memory_order_relaxed);
	}
	stream_unref(OP_STEAL(k->stream));
}

/* ---- records ----------------------------------------------------------------------------- */

/* How many of the run were seen already. */
static size_t seen_before(const struct keep *k, uint64_t first_seq, const unsigned char *slots,
			  size_t n)
{
	size_t i = 0;
	for (; k->seen_any && i < n; i++) {
		uint64_t boot_ns;
		memcpy(&boot_ns, slots + i * k->stride, sizeof(boot_ns));
		if (!resume_has(&k->seen, first_seq + i, boot_ns))
			break;
	}
	return i;
}

static void on_records(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		       const void *slots, size_t n, size_t stride)
{
	struct keep *k = arg;
	if (!type) {
		end_schema(k);
		return;
	}
	if (!k->sink && begin_schema(k, type, stride) < 0) {
		end_schema(k); /* no memory: the next run tries again */
		return;
	}
	const unsigned char *from = slots;
	size_t skip = seen_before(k, first_seq, from, n);
	if (skip == n)
		return;
	policy_add(k->policy, first_seq + skip, from + skip * stride, n - skip);
	k->seen_any = true;
	k->seen.seq = first_seq + n - 1;
	memcpy(&k->seen.boot_ns, from + (n - 1) * stride, sizeof(k->seen.boot_ns));
}

/* An event so old that all it could ask for was stored, or has gone by. */
static bool is_past(const struct keep *k, uint64_t boot_ns)
{
	double reach_s = k->set->before_s + k->set->after_s;
	uint64_t reach = (uint64_t)(reach_s * (double)OP_NS_PER_S) + 2 * POLICY_SLACK_NS;
	return boot_ns + reach < k->seen.boot_ns;
}

static void on_events(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		      const void *slots, size_t n, size_t stride)
{
	struct keep *k = arg;
	const unsigned char *slot = slots;
	for (size_t i = 0; type && k->policy && i < n; i++, slot += stride) {
		uint64_t boot_ns;
		memcpy(&boot_ns, slot, sizeof(boot_ns));
		if (!is_past(k, boot_ns))
			policy_event(k->policy, boot_ns);
	}
}

/* ---- life -------------------------------------------------------------------------------- */

/* All there is: what was seen is passed over by its time. */
static void on_opened(void *arg, struct op_reader *reader)
{
	op_reader_rewind(reader, op_reader_capacity(reader));
}

int keep_open(struct keep *k, const struct resume *seen, uint64_t since_ns)
{
	k->seen_any = true;
	k->seen = (struct resume){.boot_ns = since_ns};
	if (seen)
		k->seen = *seen;
	int err = op_subscribe(k->service, k->set->topic, PERIOD_MS, on_records, k, &k->sub);
	if (err < 0)
		return err;
	op_subscription_on_open(k->sub, on_opened);
	if (k->set->policy != KEEP_AROUND)
		return 0;
	err = op_subscribe(k->service, k->set->event, PERIOD_MS, on_events, k, &k->events);
	if (err == 0)
		op_subscription_on_open(k->events, on_opened);
	return err;
}

void keep_read(struct keep *k)
{
	if (k->sub)
		op_subscription_read(k->sub);
	if (k->events)
		op_subscription_read(k->events);
}

/* Once in each interval, so that topics with the same one share a commit. Somebody who has just
 * started it wants to see something: the first intervals are short, each twice the one before. */
static uint64_t cut_due_ns(const struct keep *k, uint64_t since_ns)
{
	uint64_t each = (uint64_t)k->set->commit_s * OP_NS_PER_S;
	uint64_t first = FIRST_COMMIT_NS << k->cuts;
	return first < each ? since_ns + first : (since_ns / each + 1) * each;
}

bool keep_cut_due(struct keep *k, uint64_t now_ns, bool now)
{
	uint64_t since = k->sink ? sink_since_ns(k->sink) : 0;
	if (!since || (!now && now_ns < cut_due_ns(k, since)))
		return false;
	sink_cut(k->sink, false);
	k->cuts += k->cuts < CUTS_COUNTED;
	return true;
}

void keep_close(struct keep *k)
{
	keep_read(k);
	op_subscription_close(OP_STEAL(k->events));
	op_subscription_close(OP_STEAL(k->sub));
	end_schema(k);
}

void keep_look(const struct keep *k, struct keep_look *ret)
{
	*ret = (struct keep_look){
		.records = k->records + (k->sink ? sink_records(k->sink) : 0),
		.stored = k->stored,
		.dropped = k->dropped,
		.missed = k->sub ? op_subscription_missed(k->sub) : k->missed_told,
		.cut_short = k->short_before + (k->policy ? policy_short(k->policy) : 0),
		.since_ns = k->sink ? sink_since_ns(k->sink) : 0,
		.open = k->sink != NULL,
		.rows = k->stream && k->stream->kind == OP_HISTORY_ROWS,
	};
	if (!k->stream)
		return;
	ret->stored += atomic_load_explicit(&k->stream->stored, memory_order_relaxed);
	ret->dropped += atomic_load_explicit(&k->stream->dropped, memory_order_relaxed);
}
