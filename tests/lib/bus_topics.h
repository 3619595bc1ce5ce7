/*
 * bus_topics.h - topics that the tests and benches of the bus publish.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_BUS_TOPICS_H
#define OUTPOST_TEST_BUS_TOPICS_H

#include <outpost/topic.h>
#include <string.h>

/* 16 bytes: what the benches send. */
#define TICK_FIELDS(F, E, T)                   \
	F(u64, number, "", "counts up from 0") \
	F(u64, sent_ns, "ns", "clock of the sender")
OP_TOPIC_DECLARE(tick, TICK_FIELDS);

/* A record that knows whether it is whole: every word follows from the number. */
#define MARK_FIELDS(F, E, T)                                                \
	F(u64, number, "", "counts up from 0 over all lives of the writer") \
	F(u64, check, "", "follows from number")                            \
	T(body, 112, "words that follow from number")
OP_TOPIC_DECLARE(mark, MARK_FIELDS);

/* One field of each type, padding between them, text that needs quoting. */
#define EVERY_FIELDS(F, E, T)                                    \
	F(u8, a_u8, "", "smallest")                              \
	F(i64, b_i64, "ns", "after seven bytes of padding")      \
	F(u64, c_u64, "", "all of 64 bit")                       \
	F(f64, d_f64, "degC", "a \"quoted\" help, with a comma") \
	F(f32, e_f32, "counts", "")                              \
	F(u32, f_u32, "Hz", "help with \\ and \xc3\xa9")         \
	F(i32, g_i32, "", "")                                    \
	F(u16, h_u16, "%", "")                                   \
	F(i16, i_i16, "", "")                                    \
	F(i8, j_i8, "", "")                                      \
	E(k_enum, "idle|armed|fired", "three labels")            \
	T(l_text, 13, "ends where it is full")
OP_TOPIC_DECLARE(every, EVERY_FIELDS);

/* The finaliser of splitmix64: neighbouring numbers give unrelated words. */
static inline uint64_t mark_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline void mark_fill(struct mark *m, uint64_t number)
{
	m->number = number;
	m->check = mark_mix(number);
	for (size_t i = 0; i < sizeof(m->body); i += 8) {
		uint64_t word = mark_mix(m->check + i);
		memcpy(m->body + i, &word, 8);
	}
}

/* True if every byte of m belongs to the same record. */
static inline bool mark_whole(const struct mark *m)
{
	struct mark want;
	mark_fill(&want, m->number);
	return memcmp(&want, m, sizeof(want)) == 0;
}

#endif
