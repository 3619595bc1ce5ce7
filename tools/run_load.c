/*
 * run_load.c - the appliance as a list of units, checked before anything starts.
 *
 * Before the loop. The supervisor knows what every service has in common; each program knows its
 * own settings and is asked (programs.c). Nothing starts unless all agree, and all mistakes are
 * shown at once.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <stdio.h>
#include <string.h>

#include "tools/programs.h"

/* Simulators have no settings of their own. */
static const struct op_service_common simulator_common = {
	.start_timeout_s = 3600, /* only the short settle time in run.c waits for them */
	.stop_timeout_s = 2,
	.restart_limit = 5,
	.cooldown_s = 10,
	.backoff_ms = 200,
	.backoff_max_ms = 4000,
	.enabled = true,
};

static void say_lines(struct run *run, enum op_level level, struct op_buf *text)
{
	char *rest = NULL;
	if (text->len == 0)
		return;
	for (char *line = strtok_r(text->data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		run_say(run, level, "%s", line);
}

/* ---- the file ------------------------------------------------------------------------------- */

static int load_once(struct run *run, const char *runtime_dir, const char *state_dir,
		     struct op_buf *errors)
{
	const struct run_args *a = &run->args;
	struct op_config_source src = {
		.file = run->file,
		.env_file = a->env,
		.environ = environ,
		.sets = a->sets,
		.n_sets = a->n_sets,
		.sim = a->sim,
		.runtime_dir = runtime_dir,
		.state_dir = state_dir,
	};
	return op_config_load(&src, &run->config, errors);
}

/* Twice, because the appliance's name decides what ${RUNTIME} and ${STATE} mean. */
static int load_file(struct run *run, struct op_buf *errors)
{
	const struct run_args *a = &run->args;
	int r = load_once(run, "/", "/", errors);
	if (r < 0)
		return r;
	const char *name = op_config_appliance(run->config);
	r = op_runtime_dir(a->runtime, name, run->runtime_dir, sizeof(run->runtime_dir));
	if (r == 0)
		r = op_state_dir(a->state, name, run->state_dir, sizeof(run->state_dir));
	if (r < 0) {
		op_buf_printf(errors, "no place for %s: %s; use --runtime and --state\n", name,
			      op_strerror(r));
		return r;
	}
	op_config_free(OP_STEAL(run->config));
	return load_once(run, run->runtime_dir, run->state_dir, errors);
}

/* ---- units ---------------------------------------------------------------------------------- */

/* The argument vector has room for everything from the start; -ENOMEM is sticky in *r. */
static void append(struct unit *u, size_t *n, const char *text, int *r)
{
	if (*r == 0 && text) {
		u->argv[*n] = strdup(text);
		*r = u->argv[*n] ? 0 : -ENOMEM;
		(*n)++;
	}
}

static void append_pair(struct unit *u, size_t *n, const char *option, const char *value, int *r)
{
	append(u, n, value ? option : NULL, r);
	append(u, n, value, r);
}

static int make_service_argv(struct unit *u)
{
	const struct run_args *a = &u->run->args;
	size_t n = 0;
	u->argv = calloc(16 + 2 * a->n_sets, sizeof(*u->argv));
	int r = u->argv ? 0 : -ENOMEM;
	append(u, &n, u->program, &r);
	append_pair(u, &n, "--appliance", u->run->file, &r);
	append_pair(u, &n, "--service", u->name, &r);
	append_pair(u, &n, "--runtime", u->run->runtime_dir, &r);
	append_pair(u, &n, "--state", u->run->state_dir, &r);
	append_pair(u, &n, "--env", a->env, &r);
	append(u, &n, a->sim ? "--sim" : NULL, &r);
	for (size_t i = 0; i < a->n_sets; i++)
		append_pair(u, &n, "--set", a->sets[i], &r);
	return r;
}

static int make_simulator_argv(struct unit *u, const struct op_config_simulator *sim)
{
	size_t n = 0;
	u->argv = calloc(sim->n_args + 2, sizeof(*u->argv));
	int r = u->argv ? 0 : -ENOMEM;
	append(u, &n, u->program, &r);
	for (size_t i = 0; i < sim->n_args; i++)
		append(u, &n, sim->args[i], &r);
	return r;
}

static int find_program(struct unit *u, const char *name)
{
	char path[PATH_MAX];
	int r = op_program_find(name, path, sizeof(path));
	if (r < 0) {
		run_say(u->run, OP_ERR, "%s: program %s: %s; install it or correct \"program\"",
			u->name, name, op_strerror(r));
		return r;
	}
	u->program = strdup(path);
	return u->program ? 0 : -ENOMEM;
}

static int add_service(struct run *run, const char *name, struct op_buf *errors)
{
	struct unit *u = &run->units[run->n_units];
	*u = (struct unit){.run = run, .name = name, .lines.fd = -1};
	int r = op_config_service(run->config, name, NULL, 0, NULL, &u->common, errors);
	if (r < 0 || !u->common.enabled)
		return r;
	r = find_program(u, u->common.program);
	if (r < 0)
		return r;
	run->n_units++;
	return make_service_argv(u);
}

static int add_simulator(struct run *run, size_t i)
{
	struct op_config_simulator sim;
	struct unit *u = &run->units[run->n_units];
	op_config_simulator(run->config, i, &sim);
	*u = (struct unit){.run = run,
			   .name = sim.name,
			   .lines.fd = -1,
			   .simulator = true,
			   .common = simulator_common};
	int r = find_program(u, sim.program);
	if (r < 0)
		return r;
	run->n_units++;
	return make_simulator_argv(u, &sim);
}

static int add_units(struct run *run, struct op_buf *errors)
{
	size_t services = op_config_service_count(run->config);
	size_t simulators = run->args.sim ? op_config_simulator_count(run->config) : 0;
	int result = 0;
	run->units = calloc(services + simulators + 1, sizeof(*run->units));
	if (!run->units)
		return -ENOMEM;
	for (size_t i = 0; i < services; i++) {
		int r = add_service(run, op_config_service_name(run->config, i), errors);
		result = r < 0 ? r : result;
	}
	run->n_services = run->n_units;
	for (size_t i = 0; i < simulators; i++) {
		int r = add_simulator(run, i);
		result = r < 0 ? r : result;
	}
	return result;
}

/* Asks all programs, also when one is missing: all mistakes at once. */
static int check(struct run *run, struct op_buf *errors)
{
	const struct run_args *a = &run->args;
	const struct op_program_args args = {
		.file = run->file,
		.runtime_dir = run->runtime_dir,
		.state_dir = run->state_dir,
		.env_file = a->env,
		.sim = a->sim,
		.sets = a->sets,
		.n_sets = a->n_sets,
	};
	OP_AUTO_BUF struct op_buf notes;
	op_buf_init(&notes, 256 * 1024);
	op_config_notes(run->config, NULL, NULL, 0, &notes);
	int r = op_programs_check(run->config, &args, errors, &notes);
	say_lines(run, OP_WARNING, &notes);
	return r;
}

int run_load(struct run *run)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 256 * 1024);
	int r = op_appliance_find(run->args.appliance, run->file, sizeof(run->file), &errors);
	if (r == 0)
		r = load_file(run, &errors);
	if (r == 0)
		r = check(run, &errors);
	if (r == 0)
		r = add_units(run, &errors);
	say_lines(run, OP_ERR, &errors);
	if (r == 0 && run->n_services == 0) {
		run_say(run, OP_ERR, "%s: no service is enabled: nothing to run", run->file);
		r = -EINVAL;
	}
	if (r < 0)
		run_say(run, OP_ERR, "nothing was started");
	return r < 0 ? OP_EXIT_USAGE : 0;
}

void run_unload(struct run *run)
{
	for (size_t i = 0; i < run->n_units; i++)
		unit_free(&run->units[i]);
	free(run->units);
	op_config_free(run->config);
}
