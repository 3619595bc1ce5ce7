/*
 * main.c - outpost-web: the web service of an appliance that has no routes of its own.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "extra.h"

int main(int argc, char **argv)
{
	return web_main(argc, argv, NULL);
}
