/*
 * test.h - a unit test program is a list of TEST()s; each runs in its own process with a time-out,
 * and fails if it leaves a descriptor open or a file in its directory.
 *
 *     TEST(buf_grows) { ... CHECK(x == 1); CHECK_INT(op_f(), 0); }
 *
 * Run one: PROGRAM NAME. List: PROGRAM --list. Under a debugger or sanitizer: PROGRAM --nofork
 * NAME.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEST_H
#define OUTPOST_TEST_H

#include <outpost/base.h>
#include <stdio.h>
#include <string.h>

struct op_test {
	const char *name;
	void (*fn)(void);
	unsigned timeout_s;
	struct op_test *next;
};

void op_test_add(struct op_test *t);
_Noreturn void op_test_fail(const char *file, int line, const char *fmt, ...) OP_PRINTF(3, 4);
/* Ends the test as skipped: it cannot run on this machine, and the reason says why. */
_Noreturn void op_test_skip(const char *fmt, ...) OP_PRINTF(1, 2);
/* A directory of this test's own, empty at start; what is in it is removed after the test. */
const char *op_test_dir(void);

#define TEST(id) TEST_WITHIN(id, 10)
/* A test that may take longer than ten seconds. */
#define TEST_WITHIN(id, seconds)                                           \
	static void test_##id(void);                                       \
	__attribute__((constructor)) static void add_##id(void)            \
	{                                                                  \
		static struct op_test t = {#id, test_##id, seconds, NULL}; \
		op_test_add(&t);                                           \
	}                                                                  \
	static void test_##id(void)

#define CHECK(cond)                                                              \
	do {                                                                     \
		if (!(cond))                                                     \
			op_test_fail(__FILE__, __LINE__, "not true: %s", #cond); \
	} while (0)
#define CHECK_INT(got, want)                                                                       \
	do {                                                                                       \
		long long g_ = (long long)(got), w_ = (long long)(want);                           \
		if (g_ != w_)                                                                      \
			op_test_fail(__FILE__, __LINE__, "%s: got %lld, want %lld", #got, g_, w_); \
	} while (0)
#define CHECK_STR(got, want)                                                                  \
	do {                                                                                  \
		const char *g_ = (got), *w_ = (want);                                         \
		if (strcmp(g_, w_))                                                           \
			op_test_fail(__FILE__, __LINE__, "%s:\n  got  \"%s\"\n  want \"%s\"", \
				     #got, g_, w_);                                           \
	} while (0)
#define CHECK_HAS(text, part)                                                              \
	do {                                                                               \
		const char *t_ = (text), *p_ = (part);                                     \
		if (!strstr(t_, p_))                                                       \
			op_test_fail(__FILE__, __LINE__, "\"%s\" is not in:\n%s", p_, t_); \
	} while (0)
#define CHECK_NEAR(got, want, within)                                                              \
	do {                                                                                       \
		double g_ = (got), w_ = (want), d_ = g_ > w_ ? g_ - w_ : w_ - g_;                  \
		if (!(d_ <= (within)))                                                             \
			op_test_fail(__FILE__, __LINE__, "%s: got %.9g, want %.9g", #got, g_, w_); \
	} while (0)

#endif
