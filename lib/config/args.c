/*
 * args.c - the options of every program that reads an appliance, from a command line and back.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <outpost/config.h>

int op_config_args_take(struct op_config_args *a, int option, const char *value)
{
	switch (option) {
	case OP_ARG_RUNTIME:
		a->src.runtime_dir = value;
		return 1;
	case OP_ARG_STATE:
		a->src.state_dir = value;
		return 1;
	case OP_ARG_ENV:
		a->src.env_file = value;
		return 1;
	case OP_ARG_SIM:
		a->src.sim = true;
		return 1;
	case OP_ARG_SET:
		if (a->src.n_sets == OP_CONFIG_SETS_MAX)
			return -E2BIG;
		a->src.sets = a->sets;
		a->sets[a->src.n_sets++] = value;
		return 1;
	}
	return 0;
}

static const char **pair(const char **at, const char *option, const char *value)
{
	if (!value)
		return at;
	*at++ = option;
	*at++ = value;
	return at;
}

const char **op_config_argv(const struct op_config_source *src, const char *program,
			    const char *service, const char *action)
{
	const char **argv = calloc(16 + 2 * src->n_sets, sizeof(*argv)), **at = argv;
	if (!argv)
		return NULL;
	*at++ = program;
	at = pair(at, "--appliance", src->file);
	at = pair(at, "--service", service);
	at = pair(at, "--runtime", src->runtime_dir);
	at = pair(at, "--state", src->state_dir);
	at = pair(at, "--env", src->env_file);
	for (size_t i = 0; i < src->n_sets; i++)
		at = pair(at, "--set", src->sets[i]);
	if (src->sim)
		*at++ = "--sim";
	*at = action;
	return argv;
}
