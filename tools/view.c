/*
 * view.c - gathers topics and services from a bus directory.
 *
 * Readers stay open from one look to the next; each look lists the directory, opens what is new and
 * reopens what was declared anew. A status record is read by field names, so that a tool
 * understands services of another version.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "view.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "text.h"

#define EVENT_WINDOW_NS (60 * OP_NS_PER_S) /* rate of topics of events */
#define RATE_WINDOW_NS (2 * OP_NS_PER_S)
#define STATUS_PREFIX "status."

struct op_view *op_view_create(const char *runtime)
{
	struct op_view *v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	if (!realpath(runtime, v->runtime)) /* not there yet, perhaps */
		(void)snprintf(v->runtime, sizeof(v->runtime), "%s", runtime);
	const char *slash = strrchr(v->runtime, '/'), *name = slash ? slash + 1 : v->runtime;
	op_text_safe(name, strlen(name), v->appliance, sizeof(v->appliance));
	return v;
}

static void topic_free(struct op_view_topic *t)
{
	if (t)
		op_reader_close(t->reader);
	free(t);
}

void op_view_destroy(struct op_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n_topics; i++)
		topic_free(v->topics[i]);
	free(v);
}

/* ---- one topic ------------------------------------------------------------------------- */

/* Stamp and number of the record that lies `back` before the newest; false if there is none. */
static bool probe(struct op_reader *r, uint64_t back, uint64_t *ret_seq, uint64_t *ret_boot_ns)
{
	unsigned char record[OP_TOPIC_RECORD_MAX];
	op_reader_rewind(r, back);
	return op_reader_next(r, ret_seq, ret_boot_ns, record) == 1;
}

/* Largest n such that the n-th newest record is not older than `from`, by bisection over the
 * stamps. */
static uint64_t records_since(struct op_reader *r, uint64_t published, uint64_t from)
{
	uint64_t capacity = op_reader_capacity(r), seq, stamp;
	uint64_t low = 0, high = published < capacity ? published : capacity;
	while (low < high) {
		uint64_t middle = low + (high - low + 1) / 2;
		if (probe(r, middle, &seq, &stamp) && stamp >= from)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Records per second, measured without waiting. A topic with a rate: between the newest record and
 * the oldest one within two seconds (or ten periods) before it, and 0 once two such records are
 * overdue. A topic of events: those of the last minute. */
static double rate(struct op_view_topic *t, uint64_t now)
{
	if (!t->at.any)
		return 0;
	if (t->nominal_hz <= 0) {
		uint64_t from = now > EVENT_WINDOW_NS ? now - EVENT_WINDOW_NS : 0;
		return (double)records_since(t->reader, t->at.published, from) / 60.0;
	}
	uint64_t ten = (uint64_t)(10e9 / t->nominal_hz);
	uint64_t window = ten > RATE_WINDOW_NS ? ten : RATE_WINDOW_NS;
	uint64_t from = t->at.boot_ns > window ? t->at.boot_ns - window : 0, seq, stamp;
	uint64_t n = records_since(t->reader, t->at.published, from);
	if (n < 2 || !probe(t->reader, n, &seq, &stamp) || stamp >= t->at.boot_ns ||
	    seq >= t->at.seq)
		return 0;
	double period_ns = (double)(t->at.boot_ns - stamp) / (double)(t->at.seq - seq);
	double overdue_ns = 2 * period_ns > 1e9 ? 2 * period_ns : 1e9;
	return (double)t->at.age_ns > overdue_ns ? 0 : 1e9 / period_ns;
}

static void process_name(int pid, char out[16])
{
	char path[64], line[32] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		(void)fclose(f); /* was only read */
	op_text_safe(line, sizeof(line), out, 16);
}

/* Readers that really follow the topic; a name comes from another process's memory. */
static void look_at_readers(struct op_view_topic *t)
{
	t->n_readers = op_reader_list(t->reader, t->readers, OP_TOPIC_READERS_MAX);
	t->missed = 0;
	for (size_t i = 0; i < t->n_readers; i++) {
		char who[sizeof(t->readers[i].who)];
		op_text_safe(t->readers[i].who, sizeof(who), who, sizeof(who));
		memcpy(t->readers[i].who, who, sizeof(who));
		t->missed += t->readers[i].missed;
	}
}

static void look_at_topic(struct op_view_topic *t)
{
	unsigned char record[OP_TOPIC_RECORD_MAX]; /* not wanted here */
	int before = t->at.writer_pid;
	op_reader_look(t->reader, &t->at, record);
	if (t->at.writer_pid && t->at.writer_pid != before)
		process_name(t->at.writer_pid, t->writer);
	t->nominal_hz = op_reader_type(t->reader)->rate_mhz / 1000.0;
	t->measured_hz = rate(t, op_now_ns());
	look_at_readers(t);
	t->history[t->n_history++ % OP_VIEW_HISTORY] = (float)t->measured_hz;
}

/* ---- one service ----------------------------------------------------------------------- */

static double number(const struct op_topic_type *type, const void *record, const char *field)
{
	const struct op_field *f = op_topic_field(type, field);
	return f ? op_field_f64(f, record) : 0;
}

void op_view_text(const struct op_topic_type *type, const void *record, const char *field,
		  char *out, size_t size)
{
	const struct op_field *f = op_topic_field(type, field);
	out[0] = '\0';
	if (f && f->type == OP_TEXT) {
		op_text_safe((const char *)record + f->offset, f->bytes, out, size);
	} else if (f && f->type == OP_ENUM) {
		char label[64];
		op_field_label(f, record, label, sizeof(label));
		op_text_safe(label, sizeof(label), out, size);
	}
}

static uint64_t count(const struct op_topic_type *type, const void *record, const char *field)
{
	double v = number(type, record, field);
	return v > 0 && v < 1e18 ? (uint64_t)v : 0;
}

static int64_t pss_kib(int pid)
{
	char path[64], line[128];
	long long kib = -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	FILE *f = pid > 0 ? fopen(path, "re") : NULL;
	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %lld", &kib) != 1)
			kib = -1;
	if (f)
		(void)fclose(f); /* was only read */
	return kib;
}

static void look_at_counts(struct op_view_service *s, const struct op_topic_type *type,
			   const void *record)
{
	op_view_text(type, record, "sched", s->sched, sizeof(s->sched));
	s->restarts = count(type, record, "restarts");
	s->records = count(type, record, "records");
	s->missed = count(type, record, "missed");
	s->errors = count(type, record, "errors");
	if (!s->is.pid)
		return;
	s->threads = count(type, record, "threads");
	s->uptime_s = number(type, record, "uptime_s");
	s->cpu_percent = number(type, record, "cpu_percent");
	s->rss_kib = count(type, record, "rss_kib");
	s->pss_kib = pss_kib(s->is.pid);
}

/* t NULL: it has no status topic. */
static void look_at_service(struct op_view_service *s, const char *name,
			    const struct op_view_topic *t)
{
	unsigned char record[OP_TOPIC_RECORD_MAX];
	const struct op_topic_type *type = t ? op_reader_type(t->reader) : NULL;
	struct op_service_health is;
	struct op_topic_look look = {0};
	*s = (struct op_view_service){.topic = t, .pss_kib = -1};
	(void)snprintf(s->name, sizeof(s->name), "%s", name); /* a topic's name is longer */
	if (t)
		op_reader_look(t->reader, &look, record);
	op_health_judge(type, record, &look, &is);
	s->is = is;
	op_text_safe(is.state, sizeof(is.state), s->is.state, sizeof(s->is.state));
	op_text_safe(is.reason, sizeof(is.reason), s->is.reason, sizeof(s->is.reason));
	if (look.any)
		look_at_counts(s, type, record);
}

/* One whose status topic this user may not read: it may be as well as can be. */
static void add_unknown(struct op_view *v, const char *name)
{
	struct op_view_service *s = &v->services[v->n_services++];
	*s = (struct op_view_service){.pss_kib = -1, .is.health = OP_HEALTH_UNKNOWN};
	(void)snprintf(s->name, sizeof(s->name), "%s", name); /* a topic's name is longer */
	(void)snprintf(s->is.state, sizeof(s->is.state), "unknown");
	(void)snprintf(s->is.reason, sizeof(s->is.reason),
		       "the topic %s%s may not be read: run this as root, or as the user or group "
		       "that owns it",
		       STATUS_PREFIX, name);
}

/* What is known to have failed has failed, whatever else may not be seen. */
static enum op_health worse(enum op_health a, enum op_health b)
{
	static const int rank[] = {
		[OP_HEALTH_OK] = 0,
		[OP_HEALTH_DEGRADED] = 1,
		[OP_HEALTH_UNKNOWN] = 2,
		[OP_HEALTH_FAILED] = 3,
	};
	return rank[a] > rank[b] ? a : b;
}

/* ---- the directory --------------------------------------------------------------------- */

static struct op_view_topic *find_topic(struct op_view *v, const char *name)
{
	for (size_t i = 0; i < v->n_topics; i++)
		if (!strcmp(v->topics[i]->name, name))
			return v->topics[i];
	return NULL;
}

/* 0 if there is no such file (now). */
static uint64_t inode(const struct op_view *v, const char *name)
{
	char path[sizeof(v->runtime) + OP_TOPIC_NAME_MAX + 8];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/bus/%s", v->runtime, name); /* fits */
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool is_status(const char *topic)
{
	return !strncmp(topic, STATUS_PREFIX, strlen(STATUS_PREFIX));
}

/* Opens the topic, also when its file was replaced: declared anew, or by another run. */
static bool is_open(struct op_view *v, struct op_view_topic *t)
{
	char bus_dir[sizeof(v->runtime) + 8];
	struct op_reader *reader;
	uint64_t now = inode(v, t->name);
	if (t->reader && now == t->inode)
		return true;
	(void)snprintf(bus_dir, sizeof(bus_dir), "%s/bus", v->runtime); /* fits */
	int e = op_reader_open(bus_dir, t->name, "", &reader);
	if (e == -EACCES)
		v->denied++;
	if (e == -EACCES && is_status(t->name))
		add_unknown(v, t->name + strlen(STATUS_PREFIX));
	if (e < 0)
		return false;
	op_reader_close(t->reader);
	t->reader = reader;
	t->inode = now; /* if it was replaced since, the next look sees that */
	return true;
}

static int found(const char *name, void *arg)
{
	struct op_view *v = arg;
	struct op_view_topic *t = find_topic(v, name);
	if (!t && v->n_topics == OP_VIEW_TOPICS_MAX)
		return 0;
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return -ENOMEM;
		(void)snprintf(t->name, sizeof(t->name), "%s", name); /* the bus checked it */
		v->topics[v->n_topics++] = t;
	}
	/* One that cannot be opened stays out of sight and is tried again at the next look. */
	t->seen = is_open(v, t);
	return 0;
}

static void drop_unseen(struct op_view *v)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->n_topics; i++) {
		if (v->topics[i]->seen)
			v->topics[kept++] = v->topics[i];
		else
			topic_free(v->topics[i]);
	}
	v->n_topics = kept;
}

static int by_name(const void *a, const void *b)
{
	const struct op_view_topic *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static int service_by_name(const void *a, const void *b)
{
	const struct op_view_service *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static bool has_service(const struct op_view *v, const char *name)
{
	for (size_t i = 0; i < v->n_services; i++)
		if (!strcmp(v->services[i].name, name))
			return true;
	return false;
}

/* Services that are to run, as `outpost run` notes them, one a line: those that have no topic. */
static void look_at_absent(struct op_view *v)
{
	char path[sizeof(v->runtime) + 16], name[OP_TOPIC_NAME_MAX + 2];
	(void)snprintf(path, sizeof(path), "%s/services", v->runtime); /* fits */
	FILE *f = fopen(path, "re");
	while (f && v->n_services < OP_VIEW_TOPICS_MAX && fgets(name, sizeof(name), f)) {
		char safe[OP_TOPIC_NAME_MAX + 1];
		op_text_safe(name, strcspn(name, "\n"), safe, sizeof(safe));
		if (*safe && !has_service(v, safe))
			look_at_service(&v->services[v->n_services++], safe, NULL);
	}
	if (f)
		(void)fclose(f); /* was only read */
}

static void look_at_services(struct op_view *v)
{
	const size_t prefix = strlen(STATUS_PREFIX);
	for (size_t i = 0; i < v->n_topics; i++)
		if (is_status(v->topics[i]->name))
			look_at_service(&v->services[v->n_services++], v->topics[i]->name + prefix,
					v->topics[i]);
	look_at_absent(v);
	qsort(v->services, v->n_services, sizeof(v->services[0]), service_by_name);
	v->health = v->n_services ? OP_HEALTH_OK : OP_HEALTH_FAILED;
	for (size_t i = 0; i < v->n_services; i++)
		v->health = worse(v->health, v->services[i].is.health);
}

int op_view_take(struct op_view *v)
{
	char bus_dir[sizeof(v->runtime) + 8];
	(void)snprintf(bus_dir, sizeof(bus_dir), "%s/bus", v->runtime); /* fits */
	for (size_t i = 0; i < v->n_topics; i++)
		v->topics[i]->seen = false;
	v->denied = v->n_services = 0;
	int e = op_bus_list(bus_dir, found, v);
	drop_unseen(v);
	qsort(v->topics, v->n_topics, sizeof(struct op_view_topic *), by_name);
	v->now_ns = op_now_ns();
	for (size_t i = 0; i < v->n_topics; i++)
		look_at_topic(v->topics[i]);
	look_at_services(v);
	/* Who may read nothing knows nothing: that is not a failure of the appliance. */
	return e == 0 && v->denied && !v->n_topics ? -EACCES : e;
}
