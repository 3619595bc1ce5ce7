/*
 * query_fill.h - all records of a span of one boot, each once, from whichever levels have them.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_QUERY_FILL_H
#define OUTPOST_STORE_QUERY_FILL_H

#include "lib/store/query_internal.h"

/* Records first ... end of the run, by time within a level. from is the begin of what is filled:
 * the record of a coarser level may lie before it. Negative: stops. */
typedef int (*query_fill_fn)(void *arg, const struct query_run *run, uint64_t from);

struct query_fill {
	struct op_query *q;
	struct query_source *source;
	int64_t boot;
	query_fill_fn fn;
	void *arg;
	/* wanted fields, as bits of the source's type and of its tier */
	op_field_set want, tier_want;
	/* private */
	unsigned order[OP_TIER_LEVELS], n_order;
	int n_field;                   /* "n" of the tier */
	uint64_t part_ns, part_end_ns; /* a bucket that a coarser level has counted: */
	uint64_t part_n;               /* so many records of it */
};

/* Calls fn for what there is of from <= t < to (both multiples of the level's width): what level
 * has; in its gaps what finer ones have, and where these have nothing, what coarser ones have. */
int query_fill(struct query_fill *f, unsigned level, uint64_t from, uint64_t to) OP_MUST_CHECK;

#endif
