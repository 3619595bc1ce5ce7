/*
 * tier.h - the five figures of a field in a tier record, shared by tier_type.c and tier.c.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_STORE_TIER_H
#define OUTPOST_STORE_TIER_H

#include "lib/store/chunk.h"

/* Field 1 + 5 * i + figure of a tier type is that figure of the i-th field summed up. */
enum tier_figure { TIER_MIN, TIER_MAX, TIER_MEAN, TIER_FIRST, TIER_LAST, TIER_FIGURES };

#endif
