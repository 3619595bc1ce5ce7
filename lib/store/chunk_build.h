/*
 * chunk_build.h - what chunk_build.c (collecting) and chunk_cut.c (encoding) share.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_CHUNK_BUILD_H
#define OUTPOST_STORE_CHUNK_BUILD_H

#include "lib/store/chunk_format.h"
#include "lib/store/column.h"
#include "lib/store/column_mean.h"

struct chunk_column {
	uint8_t field;
	enum op_type type;
	uint32_t offset; /* in the record */
	unsigned bytes;
	void *values;
	bool recompute;
	bool stored; /* cut: is in the chunk, and values are what a reader will see */
	bool guessed;
	struct op_mean_rule guess; /* what held last time */
	unsigned fails, rest;      /* searches in vain; cuts until the next one */
};

struct op_chunk_builder {
	struct chunk_column columns[OP_TOPIC_FIELDS_MAX];
	unsigned n_columns;
	int divisor; /* column "n" of a tier, which its means are quotients by; -1 */
	double tolerance;
	int zstd_level;
	size_t n, max;
	uint64_t *times; /* in OP_CHUNK_TIME_NS */
	uint64_t *seqs;
	struct op_buf out;
};

#endif
