/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "appliances/temp-monitor/web/fault.h"
#include "appliances/temp-monitor/web/system.h"
#include "test.h"

TEST(ticks_are_those_of_the_first_line)
{
	struct system_ticks t;
	CHECK_INT(
		system_ticks_parse("cpu  100 20 30 800 50 1 2 3 40 0\ncpu0 1 1 1 1 1 1 1 1\n", &t),
		0);
	CHECK_INT(t.busy, 156); /* the guest's 40 are in the user's 100 */
	CHECK_INT(t.all, 1006);
	CHECK_INT(system_ticks_parse("cpu0 1 1 1 1 1 1 1 1\n", &t), -EINVAL);
	CHECK_INT(system_ticks_parse("cpu 1 2 3\n", &t), -EINVAL);
	CHECK_INT(t.busy, 156);
}

TEST(the_share_is_of_the_time_between_rounded)
{
	const struct system_ticks a = {100, 1000}, b = {133, 1100}, past = {90, 1200};
	CHECK(system_percent(&a, &b) == 33.0);
	CHECK(system_percent(&(struct system_ticks){0, 0}, &(struct system_ticks){1, 3}) == 33.3);
	CHECK(system_percent(&a, &a) == 0);
	CHECK(system_percent(&b, &a) == 0);
	CHECK(system_percent(&a, &past) == 0); /* counters that went back are no share */
}

TEST(this_machine_has_both)
{
	struct system_ticks t;
	CHECK_INT(system_ticks_read(&t), 0);
	CHECK(t.all >= t.busy && t.all > 0);
	int before = system_files(getpid()), fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_INT(system_files(getpid()), before + 1);
	close(fd);
	CHECK_INT(system_files(999999999), -ENOENT);
}

static void check_fault(const char *path, const char *want)
{
	char mem[200];
	struct op_buf b;
	op_buf_init_fixed(&b, mem, sizeof(mem));
	temp_fault_write(&b, path, "1795223389701_3fa9");
	CHECK_STR(mem, want);
}

TEST(a_fault_has_the_words_of_its_route)
{
	check_fault("/health", "{\"error_id\":\"1795223389701_3fa9\",\"status\":\"error\"}\n");
	check_fault("/metrics", "{\"error\":\"Unable to retrieve metrics\","
				"\"error_id\":\"1795223389701_3fa9\"}\n");
	check_fault("/api/temp", "{\"error\":\"Internal Server Error\","
				 "\"error_id\":\"1795223389701_3fa9\"}\n");
}
