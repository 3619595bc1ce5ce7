/*
 * kv.h - settings that change at run time, and other small things a service must not forget.
 *
 * Durable when op_kv_set returns. Text by key; both bounded. One thread at a time, blocks as long
 * as the medium takes.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_KV_H
#define OUTPOST_KV_H

#include <outpost/base.h>
#include <outpost/buf.h>

#define OP_KV_KEY_MAX 127
#define OP_KV_VALUE_MAX 65536

struct op_kv;
/* See op_db_open for errors and note. */
int op_kv_open(const char *path, struct op_kv **ret, struct op_buf *note) OP_MUST_CHECK;
void op_kv_close(struct op_kv *kv);
/* value NULL: forget the key. -EINVAL: a bad key; -E2BIG. */
int op_kv_set(struct op_kv *kv, const char *key, const char *value) OP_MUST_CHECK;
/* Appends to out. -ENOENT. */
int op_kv_get(struct op_kv *kv, const char *key, struct op_buf *out) OP_MUST_CHECK;
int op_kv_each(struct op_kv *kv, const char *prefix,
	       int (*fn)(const char *key, const char *value, void *arg), void *arg) OP_MUST_CHECK;

#endif
