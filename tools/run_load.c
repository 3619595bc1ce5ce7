/*
 * run_load.c - the appliance as a list of units, checked before anything starts.
 *
 * Before the loop. The supervisor knows what every service has in common; each program knows its
 * own settings and is asked (programs.c), also when the file has mistakes of its own: nothing
 * starts unless all agree, and all mistakes are shown at once.
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

/* What is required and not given fails at every start until somebody gives it. */
static enum op_level gravity(const struct run *run, enum op_level level, const char *line)
{
	const char *missing = run->config ? op_config_missing(run->config) : "";
	const char *said = strstr(line, ": ");
	bool required = *missing && said && strstr(missing, said + 2);
	return level == OP_ERR && required ? OP_CRIT : level;
}

static void say_lines(struct run *run, enum op_level level, struct op_buf *text)
{
	char *rest = NULL;
	if (text->len == 0)
		return;
	for (char *line = strtok_r(text->data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		run_say(run, gravity(run, level, line), "%s", line);
}

/* ---- units ---------------------------------------------------------------------------------- */

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
	u->argv = op_config_argv(&run->args.src, u->program, name, NULL);
	return u->argv ? 0 : -ENOMEM;
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
	u->argv = calloc(sim.n_args + 2, sizeof(*u->argv));
	if (!u->argv)
		return -ENOMEM;
	u->argv[0] = u->program;
	if (sim.n_args)
		memcpy(u->argv + 1, sim.args, sim.n_args * sizeof(*sim.args));
	return 0;
}

static int add_units(struct run *run, struct op_buf *errors)
{
	size_t services = op_config_service_count(run->config);
	size_t simulators = run->args.src.sim ? op_config_simulator_count(run->config) : 0;
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
	OP_AUTO_BUF struct op_buf notes;
	op_buf_init(&notes, 256 * 1024);
	op_config_notes(run->config, NULL, NULL, 0, &notes);
	int r = op_programs_check(run->config, &run->args.src, errors, &notes);
	say_lines(run, OP_WARNING, &notes);
	return r;
}

int run_load(struct run *run)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 256 * 1024);
	int r = op_appliance_find(run->appliance, run->file, sizeof(run->file), &errors);
	if (r < 0) {
		fprintf(stderr, "outpost run: %s", errors.data);
		return OP_EXIT_USAGE;
	}
	run->args.src.file = run->file;
	run->args.src.hold_env = true;
	int mistakes = op_place_load(&run->args.src, &run->place, &run->config, &errors);
	int settled = run->config ? op_config_export(run->config) : 0;
	if (run->config && settled == 0)
		settled = run_log_settle(run); /* so that mistakes are in the file */
	run_zone_check(run);
	r = mistakes < 0 ? mistakes : check(run, &errors);
	if (settled < 0)
		r = settled;
	if (mistakes > 0)
		r = -EINVAL;
	if (r == 0)
		r = add_units(run, &errors);
	say_lines(run, OP_ERR, &errors);
	if (r == 0 && run->n_services == 0) {
		run_say(run, OP_ERR, "%s: no service is enabled: nothing to run", run->file);
		r = -EINVAL;
	}
	if (r == 0)
		return 0;
	if (run->config)
		(void)fputs(op_config_missing(run->config), stdout); /* it is in the log too */
	run_say(run, OP_ERR, "nothing was started");
	return OP_EXIT_USAGE;
}

void run_unload(struct run *run)
{
	for (size_t i = 0; i < run->n_units; i++)
		unit_free(&run->units[i]);
	free(run->units);
	op_config_free(run->config);
}
