/*
 * web.c - the web service: the page, the live data and the state of an appliance over HTTP.
 *
 * Everything is taken from the bus and from the list of services in the appliance file. Routes:
 * outpost-http(7); live data: outpost-ws(7).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "alerts.h"
#include "call.h"
#include "extra.h"
#include "history.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_NS (100 * OP_NS_PER_MS)
#define ANSWER_MAX (4 * 1024 * 1024)
#define SCAN_MS 1000
#define BODY_MAX (64 * 1024)
#define SETTINGS_MAX 64

/* ---- answers ----------------------------------------------------------------------------- */

typedef int (*write_fn)(struct web *w, struct op_buf *b);

static void answer_cached(struct op_http_request *rq, struct web *w, struct web_cached *c,
			  write_fn fn, const char *type)
{
	uint64_t now = op_now_ns();
	if (!c->made_ns || now - c->made_ns > CACHE_NS) {
		op_buf_reset(&c->text);
		c->status = fn(w, &c->text);
		c->made_ns = now;
	}
	if (c->text.err) {
		op_http_error(rq, 500, "the answer is too large");
		return;
	}
	op_http_field_add(rq, "Cache-Control", "no-store");
	op_http_answer(rq, c->status, type, c->text.data, c->text.len);
}

static void init_cached(struct web_cached *c)
{
	op_buf_init(&c->text, ANSWER_MAX);
}

static void finish_cached(struct web_cached *c)
{
	op_buf_finish(&c->text);
}

static void for_cached(struct web *w, void (*fn)(struct web_cached *c))
{
	fn(&w->health);
	fn(&w->metrics);
	fn(&w->status);
	fn(&w->list);
}

void web_health_get(struct op_http_request *rq, void *arg)
{
	struct web *w = arg;
	answer_cached(rq, w, &w->health, web_health_write, "application/json");
}

void web_metrics_get(struct op_http_request *rq, void *arg)
{
	struct web *w = arg;
	answer_cached(rq, w, &w->metrics, web_metrics_write, OP_PROM_TYPE);
}

static void on_status(struct op_http_request *rq, void *arg)
{
	struct web *w = arg;
	answer_cached(rq, w, &w->status, web_status_write, "application/json");
}

static void on_topics(struct op_http_request *rq, void *arg)
{
	struct web *w = arg;
	answer_cached(rq, w, &w->list, web_topics_write, "application/json");
}

/* ---- start ------------------------------------------------------------------------------- */

static void read_services(struct web *w)
{
	const struct op_config *config = op_service_config(w->service);
	for (size_t i = 0; i < op_config_service_count(config); i++) {
		const char *name = op_config_service_name(config, i);
		struct op_service_common common;
		OP_AUTO_BUF struct op_buf errors;
		op_buf_init(&errors, 4096);
		bool off = op_config_service(config, name, NULL, 0, NULL, &common, &errors) == 0 &&
			   !common.enabled;
		if (!off && w->n_services < WEB_SERVICES_MAX)
			snprintf(w->services[w->n_services++], sizeof(w->services[0]), "%.*s",
				 OP_TOPIC_NAME_MAX, name);
	}
}

const char *web_find_service(const struct web *w, const char *program)
{
	const struct op_config *config = op_service_config(w->service);
	char path[512];
	for (size_t i = 0; i < w->n_services; i++) {
		op_config_program(config, w->services[i], path, sizeof(path));
		const char *slash = strrchr(path, '/');
		if (!strcmp(slash ? slash + 1 : path, program))
			return w->services[i];
	}
	return NULL;
}

static void read_history(struct web *w)
{
	w->recorder = web_find_service(w, "outpost-recorder");
	snprintf(w->history_path, sizeof(w->history_path), "%s%s",
		 w->set->history[0] ? w->set->history : op_service_state_dir(w->service),
		 w->set->history[0] ? "" : "/history.db");
}

static bool is_dir(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

const char *web_find_folder(const char *const *places, const char *file, char *mem, size_t size)
{
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (; slash && *places; places++) {
		char path[1024];
		snprintf(mem, size, "%s/%s", exe, *places);
		snprintf(path, sizeof(path), "%s/%s", mem, file);
		if (!access(path, R_OK))
			return mem;
	}
	return NULL;
}

/* The page as it is installed, or as it lies in the tree beside the program. */
static const char *find_root(const struct web *w, char *mem, size_t size)
{
	static const char *const places[] = {"web", "web/dist", "../../share/outpost/web", NULL};
	const char *found = NULL;
	if (w->set->root[0])
		return w->set->root;
	found = web_find_folder(places, "index.html", mem, size);
	return found ? found : "/usr/share/outpost/web";
}

/* For everybody: it holds nothing of the appliance, and has a field for the token. */
static void mount_page(struct web *w)
{
	char mem[600];
	const char *root = find_root(w, mem, sizeof(mem));
	bool moved = w->extra && w->extra->page;
	int r = op_http_static_at(w->http, moved ? w->extra->page : "/", root, OP_HTTP_OPEN);
	if (r < 0)
		op_log(OP_WARNING, "page %s: %s; only data is served, set services.%s.root", root,
		       is_dir(root) ? op_strerror(r) : "no such folder",
		       op_service_name(w->service));
}

/* The pattern below the page's folder; NULL: that is "/". */
static const char *below_page(struct web *w, const char *pattern)
{
	const char *page = w->extra ? w->extra->page : NULL;
	if (!page)
		return NULL;
	assert(w->n_below < WEB_ROUTES_MAX); /* the standard routes are ours to count */
	char *to = w->below[w->n_below++];
	(void)snprintf(to, sizeof(w->below[0]), "%.*s%s", (int)strlen(page) - 1, page, pattern);
	return to;
}

int web_route(struct web *w, unsigned methods, const char *pattern, op_http_fn fn)
{
	const char *below = below_page(w, pattern);
	int r = op_http_route(w->http, methods, pattern, fn, w);
	return r || !below ? r : op_http_route(w->http, methods, below, fn, w);
}

static int mount_live(struct web *w)
{
	const char *below = below_page(w, "/ws");
	int r = op_hub_mount(w->hub, w->http, "/ws");
	return r || !below ? r : op_hub_mount(w->hub, w->http, below);
}

/* Open; at a page elsewhere it is behind the token, like the rest. */
static int mount_health(struct web *w)
{
	const char *below = below_page(w, "/health");
	int r = op_http_route(w->http, OP_HTTP_GET, "/health", web_health_get, w);
	op_http_require_token(w->http, w->token ? w->token : w->set->token);
	return r || !below ? r : op_http_route(w->http, OP_HTTP_GET, below, web_health_get, w);
}

static int mount(struct web *w)
{
	const struct {
		unsigned methods;
		const char *pattern;
		op_http_fn fn;
	} routes[] = {
		{OP_HTTP_GET, "/metrics", web_metrics_get},
		{OP_HTTP_GET, "/status", on_status},
		{OP_HTTP_GET, "/api/topics", on_topics},
		{OP_HTTP_GET, "/api/history", web_kept_get},
		{OP_HTTP_POST, "/api/history/flush", web_flush_post},
		{OP_HTTP_GET, "/api/topics/{topic}/history", web_points_get},
		{OP_HTTP_GET, "/api/topics/{topic}/export", web_export_get},
	};
	int r = w->extra ? w->extra->mount(w, w->set, &w->extra_self) : 0;
	if (!r)
		r = mount_health(w);
	for (size_t i = 0; !r && i < OP_ARRAY_SIZE(routes); i++)
		r = web_route(w, routes[i].methods, routes[i].pattern, routes[i].fn);
	if (!r)
		r = mount_live(w);
	mount_page(w);
	return r;
}

/* The variable that sets the host or the port; NULL: none does. */
static const char *listen_variable(const struct web *w, const char *part)
{
	char path[96]; /* names are short */
	(void)snprintf(path, sizeof(path), "services.%s.listen.%s", op_service_name(w->service),
		       part);
	return op_config_variable(op_service_config(w->service), path);
}

/* How to choose another port, in the words of who set this one. */
static void put_remedy(const struct web *w, uint16_t port, struct op_buf *out)
{
	const char *name = op_service_name(w->service), *variable = listen_variable(w, "port");
	if (variable)
		op_buf_printf(out, "%s=%u in the environment file, or ", variable, port);
	op_buf_printf(out, "--set services.%s.listen=%s:%u", name, w->set->listen.host, port);
}

/* The port is taken or the address is not ours: no restart mends that. */
static int explain_listen(struct web *w, int err)
{
	const struct op_listen *l = &w->set->listen;
	const char *name = op_service_name(w->service);
	OP_AUTO_BUF struct op_buf owner, remedy;
	op_buf_init(&owner, 512);
	op_buf_init(&remedy, 512);
	if (err == -EADDRINUSE) {
		op_http_port_owner(l->port, &owner);
		put_remedy(w, l->port < 65535 ? l->port + 1 : 8080, &remedy);
		op_log(OP_ERR, "%s:%u is in use by %s; stop it, or choose another port: %s",
		       l->host, l->port, owner.data, remedy.data);
	} else if (err == -EACCES && l->port < 1024) {
		put_remedy(w, (uint16_t)(l->port + 8000), &remedy);
		op_log(OP_ERR,
		       "cannot listen on %s:%u: ports below 1024 need root or CAP_NET_BIND_SERVICE "
		       "(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE); or choose a higher "
		       "one: %s",
		       l->host, l->port, remedy.data);
	} else {
		const char *variable = listen_variable(w, "host");
		op_log(OP_ERR, "cannot listen on %s:%u: %s; set %s%sservices.%s.listen", l->host,
		       l->port, err == -EINVAL ? "no address has this name" : op_strerror(err),
		       variable ? variable : "", variable ? " or " : "", name);
	}
	op_service_quit(w->service, OP_EXIT_CONFIG);
	return err;
}

static int listen_http(struct web *w)
{
	const struct web_settings *set = w->set;
	struct op_http_settings http = {
		.host = set->listen.host,
		.port = set->listen.port,
		.max_connections = (unsigned)set->max_connections,
		.full_waits = set->full_waits,
		.host_optional = set->host_optional,
		.max_head = (size_t)set->max_head,
		.max_body = BODY_MAX,
		.request_timeout_ms = (unsigned)set->request_timeout_s * 1000,
		.idle_timeout_ms = (unsigned)set->idle_timeout_s * 1000,
		.write_timeout_ms = (unsigned)set->stall_timeout_s * 1000,
	};
	return op_http_create(op_service_loop(w->service), &http, &w->http);
}

static int start_hub(struct web *w)
{
	const struct web_settings *set = w->set;
	struct op_hub_settings hub = {
		.bus_dir = op_service_bus_dir(w->service),
		.who = op_service_name(w->service),
		.origins = set->origins,
		.max_clients = (unsigned)set->max_clients,
		.max_rate_hz = set->max_rate_hz,
		.stall_timeout_ms = (unsigned)set->stall_timeout_s * 1000,
	};
	int r = op_hub_create(op_service_loop(w->service), &hub, &w->hub);
	if (r == -ENOSYS)
		op_log(OP_ERR, "libwebsockets cannot use libuv: install libwebsockets-evlib-uv");
	return r;
}

static void check_files(const struct web *w)
{
	unsigned need = (unsigned)(w->set->max_clients + w->set->max_connections) + 512;
	unsigned have = op_http_raise_files(need);
	if (have < need)
		op_log(OP_WARNING,
		       "only %u files may be open, %u clients and %u connections need %u; raise "
		       "LimitNOFILE",
		       have, (unsigned)w->set->max_clients, (unsigned)w->set->max_connections,
		       need);
}

static void on_scan(uv_timer_t *timer)
{
	web_board_scan(timer->data);
}

static int start_scan(struct web *w)
{
	int r = uv_timer_init(op_service_loop(w->service), &w->timer);
	w->timer.data = w;
	w->timing = r == 0;
	web_board_scan(w);
	return r ? r : uv_timer_start(&w->timer, on_scan, SCAN_MS, SCAN_MS);
}

static void tell_url(struct web *w)
{
	const char *host = w->set->listen.host;
	char url[320];
	bool any = !*host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::") || !strcmp(host, "*");
	bool six = strchr(host, ':') != NULL && !any;
	snprintf(url, sizeof(url), "http://%s%s%s:%u/", six ? "[" : "", any ? "127.0.0.1" : host,
		 six ? "]" : "", op_http_port(w->http));
	op_service_set_url(w->service, url);
	op_log(OP_INFO, "listening on %s", url);
}

/* ---- settings ---------------------------------------------------------------------------- */

static const struct web_extra
	*extra; /* of this program; service.h has no other way to hand it on */

static bool is_name(const char *host)
{
	for (const char *at = host; *at;) {
		size_t n = strcspn(at, ".");
		if (n == 0 || n > 63 || at[0] == '-' || at[n - 1] == '-' || strpbrk(host, ":%"))
			return false;
		at += n + (at[n] == '.');
	}
	return strlen(host) <= 253;
}

/* An address or what may be a name; whether the name leads anywhere is seen when it is used. */
static bool is_host(const char *host)
{
	char address[sizeof(((struct op_listen *)0)->host)];
	struct in6_addr six;
	struct in_addr four;
	if (!host[strspn(host, "0123456789.")])
		return !*host || inet_aton(host, &four);
	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(host, "%"), host); /* fits */
	return inet_pton(AF_INET6, address, &six) == 1 || is_name(host);
}

static void check(const struct op_config *c, const char *service, const void *settings,
		  struct op_buf *errors)
{
	const struct web_settings *set = settings;
	if (!is_host(set->listen.host))
		op_config_wrong(c, service, "listen.host", errors,
				"\"%s\" is neither an address nor a name of a host",
				set->listen.host);
	if (extra && extra->check)
		extra->check(c, service, settings, errors);
}

/* ---- life -------------------------------------------------------------------------------- */

static int start(struct op_service *s, const void *settings, void **ret_self)
{
	static struct web self; /* one per process; status() may still be asked after stop() */
	struct web *w = &self;
	*ret_self = w;
	w->service = s;
	w->set = settings;
	w->extra = extra;
	for_cached(w, init_cached);
	check_files(w);
	read_services(w);
	read_history(w);
	int r = listen_http(w);
	if (r < 0)
		return explain_listen(w, r);
	r = web_jobs_start(w);
	if (!r)
		r = start_hub(w);
	if (!r)
		r = mount(w);
	if (!r)
		r = web_alerts_mount(w);
	if (!r)
		r = start_scan(w);
	if (r < 0)
		return r;
	tell_url(w);
	op_service_set_state(s, OP_STATE_READY, NULL);
	return 0;
}

/* ---- stop -------------------------------------------------------------------------------- */

static void stop(struct op_service *s, void *self)
{
	struct web *w = self;
	if (!w)
		return;
	if (w->timing)
		uv_close((uv_handle_t *)&w->timer, NULL);
	if (w->extra && w->extra->stop)
		w->extra->stop(w->extra_self);
	op_hub_close(w->hub);
	op_http_close(w->http);
	web_calls_stop(w);
	web_jobs_stop(w);
	web_board_close(w);
	for_cached(w, finish_cached);
	w->hub = NULL;
	w->http = NULL;
}

static void status(struct op_service *s, void *self)
{
	struct web *w = self;
	if (!w || !w->hub)
		return;
	const struct op_hub_counters *c = op_hub_counters(w->hub);
	const struct op_http_counters *h = op_http_counters(w->http);
	op_service_count(s, c->records, c->missed, h->failed + c->failed);
}

static void add_extra(struct op_service_desc *desc)
{
	static struct op_setting table[SETTINGS_MAX];
	assert(web_settings_count + extra->n_settings <= SETTINGS_MAX);
	assert(extra->settings_bytes >= sizeof(struct web_settings));
	for (size_t i = 0; i < web_settings_count; i++)
		table[i] = web_settings_table[i];
	for (size_t i = 0; i < extra->n_settings; i++)
		table[web_settings_count + i] = extra->settings[i];
	desc->program = extra->program;
	desc->help = extra->help;
	desc->settings = table;
	desc->n_settings += extra->n_settings;
	desc->settings_bytes = extra->settings_bytes;
}

int web_main(int argc, char **argv, const struct web_extra *given)
{
	struct op_service_desc desc = {
		.program = "outpost-web",
		.help = "serves the page, live data and the state of the appliance",
		.settings = web_settings_table,
		.n_settings = web_settings_count,
		.settings_bytes = sizeof(struct web_settings),
		.check = check,
		.start = start,
		.stop = stop,
		.status = status,
	};
	extra = given;
	if (extra)
		add_extra(&desc);
	return op_service_main(argc, argv, &desc);
}
