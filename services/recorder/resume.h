/*
 * resume.h - where the last writer of this boot stopped, topic by topic.
 *
 * The rings of the bus outlive a recorder: one that was killed and started again goes back in them
 * to here and so loses nothing, if it was not away for too long.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_RECORDER_RESUME_H
#define OUTPOST_RECORDER_RESUME_H

#include "lib/store/db.h"

#include <outpost/topic.h>

struct resume {
	char topic[OP_TOPIC_NAME_MAX + 1];
	uint64_t boot_ns; /* to OP_CHUNK_TIME_NS */
	uint64_t seq;     /* at least */
};

/* The newest level 0 of each topic of this boot, most of them at most. */
int resume_read(struct op_db *db, const char *boot_id, struct resume *ret, size_t most,
		size_t *ret_n) OP_MUST_CHECK;
/* True if a record was stored before. */
bool resume_has(const struct resume *r, uint64_t seq, uint64_t boot_ns);

#endif
