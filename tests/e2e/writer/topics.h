/*
 * topics.h - topics of the tests: a point, the same topic declared anew, and an event.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TESTS_WRITER_TOPICS_H
#define OUTPOST_TESTS_WRITER_TOPICS_H

#include <outpost/topic.h>

#define POINT_FIELDS(F, E, T)                             \
	F(f64, x, "m", "half the number")                 \
	F(f32, level, "bar", "a tenth of it, up to 1024") \
	F(u32, n, "", "number of the record")             \
	F(u16, raw, "counts", "its low bits")             \
	E(mode, "off|on", "whether it is odd")            \
	T(note, 21, "remark")
OP_TOPIC_DECLARE(point, POINT_FIELDS);

#define POINT2_FIELDS(F, E, T)              \
	F(f64, y, "mm", "twice the number") \
	F(u32, n, "", "number of the record")
OP_TOPIC_DECLARE(point2, POINT2_FIELDS);

#endif
