/*
 * settings.c - the table of settings; --help, --check and the reference come from it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "settings.h"

#include <string.h>

#include "lib/dev/i2c.h"

static const char *const schemes[] = {"i2c", NULL};
static const char *const filters[] = {"pooled", "median", NULL};

#define AT(member) .offset = offsetof(struct climate_settings, member)
#define TEXT(member) AT(member), .size = sizeof(((struct climate_settings *)0)->member)

const struct op_setting climate_settings_table[] = {
	{"device", OP_SET_DEVICE, AT(device), .def = "i2c:/dev/i2c-1", .choices = schemes,
	 .help = "bus of the Sense HAT: i2c:PATH"},
	{"interval_s", OP_SET_FLOAT, AT(interval_s), .def = "60", .min = 0.01, .max = 86400,
	 .unit = "s", .help = "from one reading to the next"},
	{"round_ms", OP_SET_INT, AT(round_ms), .def = "100", .min = 0, .max = 10000, .unit = "ms",
	 .help = "from one round of a reading to the next"},
	{"cpu_temp_path", OP_SET_STRING, TEXT(cpu_temp_path),
	 .def = "/sys/class/thermal/thermal_zone0/temp",
	 .help = "file with the processor's temperature in 1/1000 degC; without it nothing is "
		 "compensated"},
	{"cpu_factor", OP_SET_FLOAT, AT(cpu_factor), .def = "0.7", .min = -10, .max = 10,
	 .help = "share of the distance to the processor's temperature that is its heat"},
	{"offset_f", OP_SET_FLOAT, AT(offset_f), .def = "-13.5", .min = -200, .max = 200,
	 .unit = "degF", .help = "added to the temperature, in Fahrenheit degrees"},
	{"humidity_offset", OP_SET_FLOAT, AT(humidity_offset), .def = "4", .min = -100, .max = 100,
	 .unit = "%RH", .help = "added to the humidity"},
	{"filter", OP_SET_CHOICE, AT(filter), .def = "pooled", .choices = filters,
	 .help = "of the temperatures of a reading: trimmed mean over both chips, or the mean of "
		 "both chips' medians"},
	{"mock", OP_SET_BOOL, AT(mock), .def = "false",
	 .help = "touch no hardware: readings are made up"},
	{"mock_file", OP_SET_STRING, TEXT(mock_file), .def = "",
	 .help = "with mock: JSON file of the readings; empty: always the same"},
	{"led", OP_SET_STRING, TEXT(led), .def = "auto",
	 .help = "framebuffer of the light matrix: auto, off or a path"},
	{"joystick", OP_SET_STRING, TEXT(joystick), .def = "auto",
	 .help = "input device of the joystick: auto, off or a path"},
	{"retry_s", OP_SET_FLOAT, AT(retry_s), .def = "5", .min = 0.01, .max = 3600, .unit = "s",
	 .help = "pause after a reading that failed"},
	{"frozen_after", OP_SET_INT, AT(frozen_after), .def = "30", .min = 0, .max = 1000000,
	 .help = "readings in a row, every count of both chips the same, that are a fault; 0: "
		 "none"},
};
const size_t climate_settings_count = OP_ARRAY_SIZE(climate_settings_table);

static void check_place(const struct op_config *c, const char *service, const char *key,
			const char *text, struct op_buf *errors)
{
	if (strcmp(text, "auto") && strcmp(text, "off") && text[0] != '/')
		op_config_wrong(c, service, key, errors,
				"expected auto, off or a path that begins with /, not \"%s\"",
				text);
}

void climate_settings_check(const struct op_config *c, const char *service, const void *settings,
			    struct op_buf *errors)
{
	const struct climate_settings *s = settings;
	OP_AUTO_BUF struct op_buf wrong;
	op_buf_init(&wrong, 1024);
	if (op_i2c_params(&s->device, &wrong) < 0)
		op_config_wrong(c, service, "device", errors, "%s", wrong.data);
	check_place(c, service, "led", s->led, errors);
	check_place(c, service, "joystick", s->joystick, errors);
}

struct sample_params climate_settings_sample(const struct climate_settings *s)
{
	return (struct sample_params){
		.filter = (enum sample_filter)s->filter,
		.cpu_factor = s->cpu_factor,
		.offset_f = s->offset_f,
		.humidity_offset = s->humidity_offset,
	};
}
