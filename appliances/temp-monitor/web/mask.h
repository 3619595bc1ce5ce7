/*
 * mask.h - X-Fields: which members of an answer a client wants ("webhook{url},message"). Pure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_TEMP_MONITOR_MASK_H
#define OUTPOST_TEMP_MONITOR_MASK_H

#include <jansson.h>
#include <outpost/base.h>

/* The members of value that mask names, in its order; * stands for all others; those that are not
 * there are passed over. Blanks and a pair of braces around the whole are allowed. *ret_value is a
 * new reference. -EINVAL: it is no mask (or nested over 8 levels); -ENOMEM. */
int mask_apply(const char *mask, json_t *value, json_t **ret_value) OP_MUST_CHECK;
/* It is one, whatever it is applied to. */
bool mask_is_valid(const char *mask);

#endif
