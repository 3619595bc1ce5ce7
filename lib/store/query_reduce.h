/*
 * query_reduce.h - some records of one field, raw or summed up already, as one value.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_QUERY_REDUCE_H
#define OUTPOST_STORE_QUERY_REDUCE_H

#include "lib/store/query_internal.h"

/* Where the fields asked for stand in the records of one declaration and of its tier. */
struct query_columns {
	struct {
		int raw; /* index of the field, -1: this declaration does not have it */
		enum op_type type;
		int min, max, mean; /* in the tier */
	} field[OP_TOPIC_FIELDS_MAX];
	int n_field; /* "n" of the tier */
	op_field_set want, tier_want;
};
/* field: indices into newest->fields; they are found by name. */
void query_columns_map(struct query_columns *c, const struct query_source *source,
		       const struct op_topic_type *newest, const unsigned *field,
		       unsigned n_fields);

/* Records that those of the run stand for. */
uint64_t query_count(const struct query_columns *c, const struct query_run *run, uint32_t first,
		     uint32_t end);
/* Adds field f of them: minimum, maximum, the sum (in mean) and how many were numbers. */
void query_reduce(const struct query_columns *c, unsigned f, const struct query_run *run,
		  uint32_t first, uint32_t end, struct op_query_value *value, double *weight);

#endif
