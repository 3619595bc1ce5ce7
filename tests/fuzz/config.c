/*
 * config.c - fuzz target of everything that reads settings: YAML, .env, --set, device URIs.
 *
 * The first byte chooses the source. Whatever comes in: a failure says why, a success says nothing,
 * what `show` prints can be read again and gives the same settings, and a device written from its
 * parts has the same parts.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <outpost/config.h>
#include <string.h>

#include "lib/config/internal.h"
#include "tests/unit/config_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char fixed_yaml[] = "appliance: a\n"
				 "environment: {PORT: services.s.listen.port}\n"
				 "services: {s: {count: 20}, t: }\n"
				 "simulators: {x: {program: y}}\n";

/* The settings of service s, or false. A failure must have said why. */
static bool settings_of(const struct op_config *c, struct sample_settings *ret,
			struct op_buf *shown)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 1 << 20);
	memset(ret, 0, sizeof(*ret));
	int rc = op_config_service(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), ret, NULL,
				   &errors);
	assert((rc == 0) == (errors.len == 0));
	if (rc)
		return false;
	op_buf_puts(shown, "appliance: a\nservices:\n");
	rc = op_config_show(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), shown, &errors);
	assert(rc == 0 && errors.len == 0);
	op_config_notes(c, "s", sample_table, OP_ARRAY_SIZE(sample_table), &errors);
	return true;
}

/* What is wrong is looked through for further mistakes, whatever it is. */
static void look_further(const struct op_config *c)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 1 << 20);
	for (size_t i = 0; i < op_config_service_count(c); i++) {
		struct sample_settings s;
		char program[64];
		const char *name = op_config_service_name(c, i);
		int rc = op_config_service(c, name, sample_table, OP_ARRAY_SIZE(sample_table), &s,
					   NULL, &errors);
		assert(rc <= 0);
		op_config_program(c, name, program, sizeof(program));
		op_config_wrong(c, name, "program", &errors, "%s", program);
	}
	for (size_t i = 0; i < op_config_simulator_count(c); i++) {
		struct op_config_simulator sim;
		op_config_simulator(c, i, &sim);
		if (sim.program)
			op_config_wrong_path(c, "simulators.x.program", &errors, "%s", sim.program);
	}
}

static struct op_config *load(const char *yaml, size_t len, const char *const *sets, size_t n_sets)
{
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 1 << 20);
	struct op_config_source src = {.file = "a.yaml",
				       .text = yaml,
				       .text_len = len,
				       .env_file = "/dev/null",
				       .sim = true,
				       .sets = sets,
				       .n_sets = n_sets};
	struct op_config *c = NULL;
	int rc = op_config_read(&src, &c, &errors);
	assert((rc == 0) == (errors.len == 0) && (rc >= 0) == (c != NULL));
	if (rc <= 0)
		return c;
	look_further(c);
	op_config_free(c);
	return NULL;
}

/* Lists lie outside the struct: they are compared and then left out. */
static void check_lists(struct sample_settings *a, struct sample_settings *b)
{
	assert(a->routes.n == b->routes.n);
	for (size_t i = 0; i < a->routes.n; i++) {
		struct sample_route *x = (struct sample_route *)a->routes.v + i;
		struct sample_route *y = (struct sample_route *)b->routes.v + i;
		assert(x->steps.n == y->steps.n);
		if (x->steps.n)
			assert(!memcmp(x->steps.v, y->steps.v,
				       x->steps.n * sizeof(struct sample_step)));
		x->steps = y->steps = (struct op_setting_list){.n = 0};
		memset(x->key, 0, sizeof(x->key)); /* masked */
		memset(y->key, 0, sizeof(y->key));
		assert(!memcmp(x, y, sizeof(*x)));
	}
	a->routes = b->routes = (struct op_setting_list){.n = 0};
}

static void check_settings(struct op_config *c)
{
	struct sample_settings once, again;
	OP_AUTO_BUF struct op_buf shown, shown_again;
	op_buf_init(&shown, 1 << 20);
	op_buf_init(&shown_again, 1 << 20);
	if (c && settings_of(c, &once, &shown) && !strstr(shown.data, "${")) {
		struct op_config *second = load(shown.data, shown.len, NULL, 0);
		assert(second && settings_of(second, &again, &shown_again));
		memset(once.token, 0, sizeof(once.token)); /* masked */
		memset(again.token, 0, sizeof(again.token));
		check_lists(&once, &again);
		assert(!memcmp(&once, &again, sizeof(once)));
		op_config_free(second);
	}
	op_config_free(c);
}

static void env_text(const char *text, size_t len)
{
	struct op_config *c = load(fixed_yaml, sizeof(fixed_yaml) - 1, NULL, 0);
	struct problems *p = calloc(1, sizeof(*p));
	struct env_lines lines = {.n = 0};
	OP_AUTO_BUF struct op_buf errors;
	op_buf_init(&errors, 1 << 20);
	assert(c && p && dotenv_parse(c, text, len, ".env", NULL, p, &lines) <= 0);
	for (size_t i = 0; i < lines.n; i++)
		assert(lines.v[i].line > 0 && *lines.v[i].name);
	int rc = problems_write(p, &errors);
	assert((rc == 0) == (errors.len == 0));
	free(p);
	op_config_free(c);
}

static void device_text(const char *text)
{
	struct op_device_uri u, again;
	memset(&u, 0, sizeof(u));
	memset(&again, 0, sizeof(again));
	if (op_device_uri_parse(text, &u))
		return;
	OP_AUTO_BUF struct op_buf written;
	op_buf_init(&written, 8192);
	op_device_uri_write(&u, &written);
	assert(op_device_uri_parse(written.data, &again) == 0 && !memcmp(&u, &again, sizeof(u)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	OP_AUTO_FREE char *text = strndup((const char *)data + 1, size - 1);
	const char *sets[] = {text};
	switch (data[0]) {
	case 'e':
		env_text((const char *)data + 1, size - 1);
		break;
	case 's':
		check_settings(load(fixed_yaml, sizeof(fixed_yaml) - 1, sets, 1));
		break;
	case 'd':
		device_text(text);
		break;
	default:
		check_settings(load((const char *)data + 1, size - 1, NULL, 0));
	}
	return 0;
}
