/*
 * mask.c - X-Fields: which members of an answer a client wants (mask.h).
 *
 *     mask = "{" list "}" | list
 *     list = item *("," item)
 *     item = name [ "{" list "}" ] | "*"
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "mask.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 8
#define NAME_MAX_BYTES 64

static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* The end of the text is no character to go past. */
static int take_brace(const char **at)
{
	if (**at != '}')
		return -EINVAL;
	++*at;
	return 0;
}

static int take_list(const char **at, json_t *from, json_t *to, int depth);

/* Below `name`; an object of which nothing is there becomes nothing. */
static int take_part(const char **at, const char *name, json_t *from, json_t *to, int depth)
{
	json_t *part = json_object(), *below = json_object_get(from, name);
	++*at;
	int r = part ? take_list(at, below, part, depth + 1) : -ENOMEM;
	if (!r)
		r = take_brace(at);
	if (!r && json_is_object(below))
		r = json_object_set(to, name, part) ? -ENOMEM : 0;
	json_decref(part);
	return r;
}

static int take_others(json_t *from, json_t *to)
{
	const char *key;
	json_t *v;
	int bad = 0;
	json_object_foreach(from, key, v) if (!json_object_get(to, key)) bad |=
		json_object_set(to, key, v);
	return bad ? -ENOMEM : 0;
}

static int take_item(const char **at, json_t *from, json_t *to, int depth, bool *others)
{
	char name[NAME_MAX_BYTES];
	skip_blanks(at);
	if (**at == '*') {
		*others = true;
		++*at;
		return 0;
	}
	size_t n = strspn(*at, names);
	if (!n || n >= sizeof(name))
		return -EINVAL;
	memcpy(name, *at, n);
	name[n] = '\0';
	*at += n;
	skip_blanks(at);
	if (**at == '{')
		return take_part(at, name, from, to, depth);
	json_t *v = json_object_get(from, name);
	return v && json_object_set(to, name, v) ? -ENOMEM : 0;
}

static int take_list(const char **at, json_t *from, json_t *to, int depth)
{
	bool others = false;
	int r = depth > DEPTH_MAX ? -EINVAL : take_item(at, from, to, depth, &others);
	skip_blanks(at);
	while (!r && **at == ',') {
		++*at;
		r = take_item(at, from, to, depth, &others);
		skip_blanks(at);
	}
	return !r && others ? take_others(from, to) : r;
}

int mask_apply(const char *mask, json_t *value, json_t **ret_value)
{
	json_t *to = json_object();
	const char *at = mask;
	skip_blanks(&at);
	bool braces = *at == '{';
	at += braces;
	int r = to ? take_list(&at, value, to, 0) : -ENOMEM;
	if (!r && braces)
		r = take_brace(&at);
	skip_blanks(&at);
	if (!r && *at)
		r = -EINVAL;
	if (r)
		json_decref(to);
	else
		*ret_value = to;
	return r;
}

bool mask_is_valid(const char *mask)
{
	json_t *nothing = json_object(), *part = NULL;
	int r = nothing ? mask_apply(mask, nothing, &part) : -ENOMEM;
	json_decref(part);
	json_decref(nothing);
	return r != -EINVAL;
}
