/*
 * settings.c - what outpost-temp-monitor adds to the settings of outpost-web.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

static const char *const metrics_auth[] = {"auto", "open", "token", NULL};

#define AT(member) .offset = offsetof(struct temp_settings, member)
#define TEXT(member) AT(member), .size = sizeof(((struct temp_settings *)0)->member)

const struct op_setting temp_settings_table[] = {
	{"location", OP_SET_STRING, TEXT(location), .def = "LINEHAUL-HQ · RACK_01",
	 .help = "what the dashboard says below its title: where the sensor hangs"},
	{"static", OP_SET_STRING, TEXT(static_dir), .def = "",
	 .help = "folder of the files below /static/; empty: \"static\" beside the appliance's "
		 "file if it is "
		 "there, else those that were installed"},
	{"metrics_auth", OP_SET_CHOICE, AT(metrics_auth), .def = "auto", .choices = metrics_auth,
	 .help = "who may read /metrics: auto (without a token from this machine and private "
		 "networks, unless through a proxy), open (everybody), token"},
};
const size_t temp_settings_count = OP_ARRAY_SIZE(temp_settings_table);
