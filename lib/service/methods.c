/*
 * methods.c - what a call line means: the built-in methods and the service's own.
 *
 * Loop thread. A request comes from outside: whatever is wrong with it becomes an error answer,
 * never a log line of its own and never a crash. A service's method of a built-in's name wins.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/json_tree.h"

static int call_ping(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	*ret_result = json_pack("{s:s, s:s, s:i}", "service", s->name, "version", OUTPOST_VERSION,
				"pid", (int)getpid());
	return 0;
}

static int call_status(struct op_service *s, json_t *args, json_t **ret_result,
		       struct op_buf *error)
{
	service_status_publish(s);
	*ret_result = service_status_json(s);
	return 0;
}

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug", NULL};

static int call_log_level(struct op_service *s, json_t *args, json_t **ret_result,
			  struct op_buf *error)
{
	const char *want = json_string_value(json_object_get(args, "level"));
	if (json_object_get(args, "level")) {
		unsigned i = 0;
		while (want && level_names[i] && strcmp(want, level_names[i]))
			i++;
		if (!want || !level_names[i]) {
			op_buf_puts(error, "level: expected error, warning, notice, info or debug");
			return -EINVAL;
		}
		s->log_level = (enum op_level)(OP_ERR + i);
		op_log_set_level(s->log_level);
	}
	*ret_result = json_pack("{s:s}", "level", level_names[s->log_level - OP_ERR]);
	return 0;
}

static int call_settings(struct op_service *s, json_t *args, json_t **ret_result,
			 struct op_buf *error)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 256 * 1024);
	int r = op_config_show(s->config, s->name, s->desc->settings, s->desc->n_settings, &text,
			       error);
	if (r == 0)
		r = text.err;
	if (r == 0)
		*ret_result = json_string(text.data);
	return r;
}

static int call_stop(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error)
{
	op_log(OP_NOTICE, "asked to stop by a call");
	op_service_quit(s, 0);
	return 0;
}

static int call_methods(struct op_service *s, json_t *args, json_t **ret_result,
			struct op_buf *error);

static const struct op_call builtins[] = {
	{"ping", "who answers here", call_ping},
	{"status", "state, counts, CPU and memory", call_status},
	{"methods", "this list", call_methods},
	{"log_level", "show or set what is logged: level=error|warning|notice|info|debug",
	 call_log_level, "level"},
	{"settings", "settings in force as YAML with their origin, secrets masked", call_settings},
	{"stop", "stop cleanly; a supervisor starts it again", call_stop},
};

static void list_methods(json_t *list, const struct op_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s}", "method", calls[i].name, "help",
					calls[i].help)); /* out of memory: a shorter list */
}

static int call_methods(struct op_service *s, json_t *args, json_t **ret_result,
			struct op_buf *error)
{
	json_t *list = json_array();
	list_methods(list, s->desc->calls, s->desc->n_calls);
	list_methods(list, builtins, OP_ARRAY_SIZE(builtins));
	*ret_result = list;
	return list ? 0 : -ENOMEM;
}

static const struct op_call *find_in(const struct op_call *calls, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

static const struct op_call *find(const struct op_service *s, const char *name)
{
	const struct op_call *c = find_in(s->desc->calls, s->desc->n_calls, name);
	return c ? c : find_in(builtins, OP_ARRAY_SIZE(builtins), name);
}

void service_call_error(struct op_buf *out, int err, const char *message)
{
	char number[16];
	const char *code = err > -OP_EGONE ? strerrorname_np(-err) : NULL;
	(void)snprintf(number, sizeof(number), "%d", -err); /* fits */
	out->need_comma = false;
	op_json_begin(out, '{');
	op_json_kv_bool(out, "ok", false);
	op_json_kv_str(out, "code", code ? code : number);
	op_json_kv_str(out, "error", message);
	op_json_end(out, '}');
	op_buf_putc(out, '\n');
}

static void answer_ok(const json_t *result, struct op_buf *out)
{
	op_buf_puts(out, "{\"ok\":true,\"result\":");
	out->need_comma = false;
	op_json_tree(out, result, 0);
	op_buf_puts(out, "}\n");
	if (out->err) {
		op_buf_reset(out);
		service_call_error(out, -EMSGSIZE, "the answer is longer than 1 MiB");
	}
}

void service_call_result(int r, const json_t *result, const char *error, struct op_buf *out)
{
	if (r < 0)
		service_call_error(out, r, error ? error : op_strerror(r));
	else
		answer_ok(result, out);
}

/* Word by word: "id" is not in "ids". */
static bool takes(const struct op_call *call, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = call->args ? call->args : ""; *at;) {
		size_t len = strcspn(at, " ");
		if (n > 0 && len == n && !strncmp(at, name, n))
			return true;
		at += len + (at[len] == ' ');
	}
	return false;
}

static void refuse_argument(const struct op_call *call, const char *name, struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf text;
	op_buf_init(&text, 4096);
	op_buf_printf(&text, "unknown argument \"%.60s\"; %s takes", name, call->name);
	op_buf_printf(&text, call->args ? ": %s" : " none", call->args);
	service_call_error(out, -EINVAL, text.data);
}

/* A misspelt argument would be passed over, and the call do more than was asked. */
static bool args_ok(const struct op_call *call, json_t *args, struct op_buf *out)
{
	const char *name;
	json_t *value;
	json_object_foreach(args, name, value)
	{
		if (takes(call, name))
			continue;
		refuse_argument(call, name, out);
		return false;
	}
	return true;
}

static void answer_call(struct op_service *s, const struct op_call *call, json_t *args,
			struct op_buf *out)
{
	OP_AUTO_BUF struct op_buf error;
	json_t *result = NULL;
	op_buf_init(&error, 4096);
	int r = call->fn(s, args, &result, &error);
	if (!s->calls.later)
		service_call_result(r, result, error.len ? error.data : NULL, out);
	json_decref(result);
}

static void answer_request(struct op_service *s, json_t *request, struct op_buf *out)
{
	const char *method = json_string_value(json_object_get(request, "method"));
	json_t *args = json_object_get(request, "args");
	const struct op_call *call = method ? find(s, method) : NULL;
	json_t *none = args ? NULL : json_object();
	if (!method)
		service_call_error(out, -EBADMSG, "expected {\"method\":\"NAME\",\"args\":{...}}");
	else if (!call)
		service_call_error(out, -ENOSYS, "no such method; ask for \"methods\"");
	else if (args && !json_is_object(args))
		service_call_error(out, -EINVAL, "args: expected an object");
	else if (args_ok(call, args ? args : none, out))
		answer_call(s, call, args ? args : none, out);
	json_decref(none);
}

void service_call_answer(struct op_service *s, const char *line, size_t n, struct op_buf *out)
{
	json_error_t e;
	json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &e);
	if (request) {
		answer_request(s, request, out);
	} else {
		char text[JSON_ERROR_TEXT_LENGTH + 64];
		(void)snprintf(text, sizeof(text), "not JSON, column %d: %s", e.column,
			       e.text); /* fits */
		service_call_error(out, -EBADMSG, text);
	}
	json_decref(request);
}
