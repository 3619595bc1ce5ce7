/*
 * look.c - what a topic looks like at one moment, for everyone who judges or shows it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/topic.h>

const char *op_topic_state_name(enum op_topic_state state)
{
	static const char *const names[] = {"live", "idle", "stale", "dead"};
	return names[state];
}

static enum op_topic_state state_of(const struct op_topic_look *l, uint32_t max_age_ms)
{
	if (!l->writer_pid)
		return OP_TOPIC_DEAD;
	if (!l->any)
		return OP_TOPIC_IDLE;
	return max_age_ms && l->age_ns > max_age_ms * OP_NS_PER_MS ? OP_TOPIC_STALE : OP_TOPIC_LIVE;
}

void op_reader_look(const struct op_reader *r, struct op_topic_look *ret, void *ret_record)
{
	*ret = (struct op_topic_look){.writer_pid = op_reader_writer_pid(r)};
	ret->published = op_reader_published(r);
	ret->any = op_reader_last(r, &ret->seq, &ret->boot_ns, ret_record) == 1;
	uint64_t now = op_now_ns();
	ret->age_ns = ret->any && now > ret->boot_ns ? now - ret->boot_ns : 0;
	ret->state = state_of(ret, op_reader_type(r)->max_age_ms);
}
