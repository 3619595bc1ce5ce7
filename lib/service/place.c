/*
 * place.c - an appliance read with its directories in place.
 *
 * Before the loop. Its name decides the standard directories, and they decide what ${RUNTIME} and
 * ${STATE} mean in it. What simulators make up is kept apart from what was measured.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/service.h>
#include <stdio.h>
#include <string.h>

static int find_places(const struct op_config_source *src, const char *name, struct op_place *ret,
		       struct op_buf *errors)
{
	char kept[256];
	int r = op_runtime_dir(src->runtime_dir, name, ret->runtime, sizeof(ret->runtime));
	int n = snprintf(kept, sizeof(kept), "%s%s", name, src->sim ? OP_STATE_SIM : "");
	if (r == 0 && n >= (int)sizeof(kept))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = op_state_dir(src->state_dir, kept, ret->state, sizeof(ret->state));
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
	int mistakes = op_config_read(&first, &config, errors);
	if (mistakes < 0)
		return mistakes;
	const char *name = op_config_appliance(config);
	if (!name || find_places(src, name, ret_place, errors) < 0) {
		*ret_config = config;
		return 1;
	}
	src->runtime_dir = ret_place->runtime;
	src->state_dir = ret_place->state;
	bool same = !strcmp(first.runtime_dir, ret_place->runtime) &&
		    !strcmp(first.state_dir, ret_place->state);
	if (mistakes || same) { /* a second time they would be told twice */
		*ret_config = config;
		return mistakes;
	}
	op_config_free(config);
	return op_config_read(src, ret_config, errors);
}
