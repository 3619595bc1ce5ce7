/*
 * place.c - an appliance read with its directories in place.
 *
 * Before the loop. Its name decides the standard directories, and they decide what ${RUNTIME} and
 * ${STATE} mean in it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/service.h>
#include <string.h>

static int find_places(const struct op_config_source *src, const char *name, struct op_place *ret,
		       struct op_buf *errors)
{
	int r = op_runtime_dir(src->runtime_dir, name, ret->runtime, sizeof(ret->runtime));
	if (r == 0)
		r = op_state_dir(src->state_dir, name, ret->state, sizeof(ret->state));
	if (r < 0)
		op_buf_printf(errors,
			      "no place for %s: %s; set HOME (or XDG_STATE_HOME), or use "
			      "--runtime and --state\n",
			      name, op_strerror(r));
	return r;
}

int op_place_load(struct op_config_source *src, struct op_place *ret_place,
		  struct op_config **ret_config, struct op_buf *errors)
{
	struct op_config_source first = *src;
	struct op_config *config = NULL;
	first.environ = src->environ = environ;
	first.runtime_dir = src->runtime_dir ? src->runtime_dir : "/";
	first.state_dir = src->state_dir ? src->state_dir : "/";
	int r = op_config_load(&first, &config, errors);
	if (r < 0)
		return r;
	r = find_places(src, op_config_appliance(config), ret_place, errors);
	src->runtime_dir = ret_place->runtime;
	src->state_dir = ret_place->state;
	if (r < 0) {
		op_config_free(config);
		return r;
	}
	if (!strcmp(first.runtime_dir, ret_place->runtime) &&
	    !strcmp(first.state_dir, ret_place->state)) {
		*ret_config = config;
		return 0;
	}
	op_config_free(config);
	return op_config_load(src, ret_config, errors);
}
