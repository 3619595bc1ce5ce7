/*
 * settings.c - the table of settings; --help, --check and the reference come from it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "web.h"

#define AT(member) .offset = offsetof(struct web_settings, member)
#define TEXT(member) AT(member), .size = sizeof(((struct web_settings *)0)->member)

const struct op_setting web_settings_table[] = {
	{"listen", OP_SET_LISTEN, AT(listen), .def = "0.0.0.0:5000",
	 .help = "address and port of the web server; port 0 takes any free one"},
	{"max_clients", OP_SET_INT, AT(max_clients), .def = "40", .min = 1, .max = 10000,
	 .help = "live clients (WebSocket) at a time; the next one is refused"},
	{"max_connections", OP_SET_INT, AT(max_connections), .def = "512", .min = 8, .max = 10000,
	 .help = "other connections at a time; the oldest that asked for nothing makes room"},
	{"full_waits", OP_SET_BOOL, AT(full_waits), .def = "false",
	 .help = "over max_connections the next one waits for its turn, until one that rests makes "
		 "room"},
	{"max_head", OP_SET_INT, AT(max_head), .def = "8192", .min = 1024, .max = 1048576,
	 .unit = "bytes", .help = "longest head of a request: its line and its fields"},
	{"host_optional", OP_SET_BOOL, AT(host_optional), .def = "false",
	 .help = "requests of HTTP/1.1 without Host are answered too"},
	{"max_rate_hz", OP_SET_FLOAT, AT(max_rate_hz), .def = "60", .min = 0.1, .max = 60,
	 .unit = "Hz",
	 .help = "most frames per second of one subscription, whatever the client asks for"},
	{"request_timeout_s", OP_SET_INT, AT(request_timeout_s), .def = "10", .min = 1, .max = 300,
	 .unit = "s", .help = "time a request may take to arrive"},
	{"idle_timeout_s", OP_SET_INT, AT(idle_timeout_s), .def = "60", .min = 1, .max = 3600,
	 .unit = "s", .help = "time a connection may rest between two requests"},
	{"stall_timeout_s", OP_SET_INT, AT(stall_timeout_s), .def = "30", .min = 1, .max = 600,
	 .unit = "s", .help = "time a client may take nothing of what it is sent"},
	{"root", OP_SET_STRING, TEXT(root), .def = "",
	 .help = "folder of the page; empty: web beside the program, else /usr/share/outpost/web"},
	{"history", OP_SET_STRING, TEXT(history), .def = "",
	 .help = "history database; empty: history.db in the state directory"},
	{"origins", OP_SET_STRING, TEXT(origins), .def = "*",
	 .help = "pages that may connect to /ws: *, same, or a list of origins with commas"},
	{"token", OP_SET_STRING, TEXT(token), .def = "", .flags = OP_SET_SECRET,
	 .help = "access token asked for on every address but the page and /health; empty: none"},
};
const size_t web_settings_count = OP_ARRAY_SIZE(web_settings_table);
