/*
 * temp_feed.c - readings of a room that a test steers line by line, for temp_alerts.py.
 *
 *     temp_feed BUS_DIRECTORY    commands on stdin, one per line, each answered by "ok":
 *     read C HUMIDITY CPU        one record of climate.reading (CPU may be nan)
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stdio.h>

#include "appliances/temp-monitor/climate/topics.h"

static int obey(struct op_writer *writer, const char *line)
{
	struct climate_reading r = {.pressure_hpa = NAN, .compensated = 1};
	if (sscanf(line, "read %lf %lf %lf", &r.temperature_c, &r.humidity, &r.cpu_c) != 3)
		return -EINVAL;
	r.raw_c = r.temperature_c;
	r.temperature_f = round((r.temperature_c * 9 / 5 + 32) * 10) / 10;
	(void)op_writer_publish(writer, op_now_ns(), &r); /* the number is of no use */
	return 0;
}

int main(int argc, char **argv)
{
	char line[256];
	struct op_writer *writer;
	if (argc != 2 || op_writer_open(argv[1], NULL, &climate_reading_topic, &writer, NULL) < 0)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		int r = obey(writer, line);
		puts(r < 0 ? op_strerror(r) : "ok");
		fflush(stdout);
	}
	op_writer_close(writer);
	return 0;
}
