/*
 * error.c - text for errno and Outpost's domain codes.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/base.h>
#include <string.h>

const char *op_strerror(int err)
{
	if (err < 0)
		err = -err;
	switch (err) {
	case OP_EGONE:
		return "the device is gone";
	case OP_ESCHEMA:
		return "the topic has another schema now";
	case OP_EDAMAGED:
		return "damaged";
	case OP_ENEWER:
		return "made by a newer version of Outpost";
	}
	const char *name = strerrordesc_np(err);
	return name ? name : "unknown error";
}
