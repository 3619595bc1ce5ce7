/*
 * link.c - the table of link.h.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/dev/link.h"

const char *const op_link_state_names[] = {"missing", "settling", "live", "silent", "noise", NULL};

typedef enum op_link_action (*action_fn)(struct op_link *l, uint64_t now_ns);

struct row {
	action_fn action; /* NULL: the event changes nothing */
	int next;         /* state to enter before the action; STAY */
};
#define STAY (-1)

static void due_in(struct op_link *l, uint64_t now_ns, unsigned ms)
{
	l->due_ns = now_ns + ms * OP_NS_PER_MS;
}

static void enter(struct op_link *l, enum op_link_state state, uint64_t now_ns)
{
	if (l->state != state)
		l->since_ns = now_ns;
	l->state = state;
}

static enum op_link_action opened(struct op_link *l, uint64_t now_ns)
{
	l->open = true;
	l->heard = false;
	l->opens++;
	due_in(l, now_ns, l->params.first_ms);
	return OP_LINK_NOTHING;
}

static enum op_link_action refused(struct op_link *l, uint64_t now_ns)
{
	due_in(l, now_ns, l->params.retry_ms);
	return OP_LINK_NOTHING;
}

static enum op_link_action heard(struct op_link *l, uint64_t now_ns)
{
	l->heard = true;
	return OP_LINK_NOTHING;
}

static enum op_link_action alive(struct op_link *l, uint64_t now_ns)
{
	l->heard = false;
	due_in(l, now_ns, l->params.silence_ms);
	return OP_LINK_NOTHING;
}

static enum op_link_action steady(struct op_link *l, uint64_t now_ns)
{
	return OP_LINK_NOTHING;
}

static enum op_link_action gone(struct op_link *l, uint64_t now_ns)
{
	l->losses += l->open;
	l->open = false;
	due_in(l, now_ns, l->params.retry_first_ms);
	return OP_LINK_CLOSE;
}

static enum op_link_action quiet(struct op_link *l, uint64_t now_ns)
{
	enter(l, l->heard ? OP_LINK_NOISE : OP_LINK_SILENT, now_ns);
	return gone(l, now_ns);
}

static enum op_link_action reopen(struct op_link *l, uint64_t now_ns)
{
	if (l->open)
		return quiet(l, now_ns);
	due_in(l, now_ns, l->params.retry_ms); /* in case the owner reports nothing */
	return OP_LINK_OPEN;
}

#define UNHEARD                                                                                    \
	{                                                                                          \
		[OP_LINK_OPENED] = {opened, STAY}, [OP_LINK_REFUSED] = {refused, OP_LINK_MISSING}, \
		[OP_LINK_BYTES] = {heard, STAY}, [OP_LINK_SAMPLE] = {alive, OP_LINK_SETTLING},     \
		[OP_LINK_HANGUP] = {gone, OP_LINK_MISSING}, [OP_LINK_DUE] = {reopen, STAY},        \
	}

static const struct row table[OP_LINK_STATES][OP_LINK_EVENTS] = {
	[OP_LINK_MISSING] = {[OP_LINK_OPENED] = {opened, OP_LINK_SETTLING},
			     [OP_LINK_REFUSED] = {refused, STAY},
			     [OP_LINK_DUE] = {reopen, STAY}},
	[OP_LINK_SETTLING] = {[OP_LINK_BYTES] = {heard, STAY},
			      [OP_LINK_SAMPLE] = {alive, STAY},
			      [OP_LINK_STABLE] = {steady, OP_LINK_LIVE},
			      [OP_LINK_HANGUP] = {gone, OP_LINK_MISSING},
			      [OP_LINK_DUE] = {quiet, STAY}},
	[OP_LINK_LIVE] = {[OP_LINK_BYTES] = {heard, STAY},
			  [OP_LINK_SAMPLE] = {alive, STAY},
			  [OP_LINK_UNSTABLE] = {steady, OP_LINK_SETTLING},
			  [OP_LINK_HANGUP] = {gone, OP_LINK_MISSING},
			  [OP_LINK_DUE] = {quiet, STAY}},
	[OP_LINK_SILENT] = UNHEARD,
	[OP_LINK_NOISE] = UNHEARD,
};

void op_link_init(struct op_link *l, const struct op_link_params *params, uint64_t now_ns)
{
	*l = (struct op_link){.params = *params, .since_ns = now_ns, .due_ns = now_ns};
}

enum op_link_action op_link_event(struct op_link *l, enum op_link_event e, uint64_t now_ns)
{
	const struct row *r = &table[l->state][e];
	if (!r->action || (e == OP_LINK_DUE && now_ns < l->due_ns))
		return OP_LINK_NOTHING;
	if (r->next != STAY)
		enter(l, (enum op_link_state)r->next, now_ns);
	return r->action(l, now_ns);
}
