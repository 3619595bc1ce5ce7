/*
 * sched.c - a service's share of the machine: what it asks for, what it got, what was refused.
 *
 * The process gets cores, nice, I/O class and locked memory before it starts a thread; threads
 * inherit. Policy and priority belong to the thread that does the real-time work and are applied
 * by that thread on itself. A refusal is never fatal: it is logged once and stays readable in
 * the status topic, because a box without privileges must still do its job.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "lib/service/internal.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void append(char *to, size_t size, const char *text)
{
	size_t n = strlen(to);
	(void)snprintf(to + n, size - n, "%s%s", n ? ", " : "",
		       text); /* a cut list is still true */
}

static void in_force(struct op_service *s, const char *what)
{
	pthread_mutex_lock(&s->sched.lock);
	append(s->sched.in_force, sizeof(s->sched.in_force), what);
	pthread_mutex_unlock(&s->sched.lock);
}

static void refused(struct op_service *s, const char *what, const char *why, const char *remedy)
{
	op_log(OP_WARNING, "scheduling: %s refused (%s): %s", what, why, remedy);
	pthread_mutex_lock(&s->sched.lock);
	append(s->sched.refused, sizeof(s->sched.refused), what);
	pthread_mutex_unlock(&s->sched.lock);
}

void service_sched_text(struct op_service *s, char *ret, size_t size)
{
	pthread_mutex_lock(&s->sched.lock);
	const char *held = s->sched.in_force, *not = s->sched.refused;
	(void)snprintf(ret, size, "%s%s%s", *held ? held : "default", *not ? "; refused: " : "",
		       not ); /* cut at the field's size */
	pthread_mutex_unlock(&s->sched.lock);
}

/* The cores that are both asked for and there; counts the ones that are not. */
static unsigned wanted_cores(const struct op_int_list *list, cpu_set_t *ret, unsigned *ret_absent)
{
	cpu_set_t there;
	unsigned n = 0, absent = 0;
	CPU_ZERO(ret);
	if (sched_getaffinity(getpid(), sizeof(there), &there) < 0)
		CPU_ZERO(&there);
	for (size_t i = 0; i < list->n; i++) {
		bool ok = list->v[i] >= 0 && list->v[i] < CPU_SETSIZE &&
			  CPU_ISSET((size_t)list->v[i], &there);
		if (ok)
			CPU_SET((size_t)list->v[i], ret);
		n += ok;
		absent += !ok;
	}
	*ret_absent = absent;
	return n;
}

static void cores_text(const struct op_int_list *list, char *ret, size_t size)
{
	size_t n = (size_t)snprintf(ret, size, "cores ");
	for (size_t i = 0; i < list->n && n < size; i++)
		n += (size_t)snprintf(ret + n, size - n, "%s%lld", i ? "," : "",
				      (long long)list->v[i]);
}

static void apply_cores(struct op_service *s)
{
	const struct op_int_list *list = &s->common.sched.cores;
	cpu_set_t set;
	unsigned absent;
	char text[64];
	if (list->n == 0)
		return;
	cores_text(list, text, sizeof(text));
	unsigned n = wanted_cores(list, &set, &absent);
	if (absent)
		refused(s, text, "fewer cores here",
			n ? "runs on those that are there" : "runs on every core");
	if (n == 0)
		return;
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		refused(s, text, strerror(errno), "allow the cores in the cpuset");
	else if (!absent)
		in_force(s, text);
}

static void apply_nice(struct op_service *s)
{
	int nice = (int)s->common.sched.nice;
	char text[32];
	if (nice == 0)
		return;
	(void)snprintf(text, sizeof(text), "nice %d", nice); /* fits */
	if (setpriority(PRIO_PROCESS, 0, nice) < 0)
		refused(s, text, strerror(errno),
			"needs CAP_SYS_NICE or a nice limit (LimitNICE=)");
	else
		in_force(s, text);
}

static void apply_io(struct op_service *s)
{
	static const char *const names[] = {"none", "realtime", "best-effort", "idle"};
	const struct op_sched *want = &s->common.sched;
	char text[48];
	if (want->io_class <= 0 || want->io_class >= (int)OP_ARRAY_SIZE(names))
		return;
	(void)snprintf(text, sizeof(text), "io %s %d", names[want->io_class],
		       (int)want->io_priority); /* fits */
	long r = syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
			 IOPRIO_PRIO_VALUE(want->io_class, (int)want->io_priority));
	if (r < 0)
		refused(s, text, strerror(errno), "the realtime class needs CAP_SYS_NICE");
	else
		in_force(s, text);
}

static bool has_capability(unsigned cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	return data[cap / 32].effective & (1U << (cap % 32));
}

/* With a finite limit and no capability, locking what is there may work and a later allocation
 * then fail: that would trade a page fault for a crash, so it counts as refused. Pages are locked
 * as they are touched: locking a whole address space at once would cost memory nobody uses. */
static void apply_mlock(struct op_service *s)
{
	if (!s->common.sched.mlock)
		return;
	struct rlimit limit = {0};
	(void)getrlimit(RLIMIT_MEMLOCK, &limit); /* zero if it fails: refused below */
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit); /* raising to the hard limit is always allowed */
	if (limit.rlim_cur != RLIM_INFINITY && !has_capability(CAP_IPC_LOCK))
		refused(s, "mlock", "limited", "needs CAP_IPC_LOCK or LimitMEMLOCK=infinity");
	else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		refused(s, "mlock", strerror(errno), "needs CAP_IPC_LOCK or LimitMEMLOCK=infinity");
	else
		in_force(s, "mlock");
}

void service_sched_process(struct op_service *s)
{
	apply_cores(s);
	apply_nice(s);
	apply_io(s);
	apply_mlock(s);
}

void op_service_sched_thread(struct op_service *s)
{
	static const int policies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR};
	static const char *const names[] = {"other", "batch", "idle", "fifo", "rr"};
	const struct op_sched *want = &s->common.sched;
	if (want->policy <= 0 || want->policy >= (int)OP_ARRAY_SIZE(policies))
		return;
	bool real_time = policies[want->policy] == SCHED_FIFO || policies[want->policy] == SCHED_RR;
	struct sched_param param = {.sched_priority = real_time ? (int)want->priority : 0};
	char text[32];
	(void)snprintf(text, sizeof(text), real_time ? "%s %d" : "%s", names[want->policy],
		       param.sched_priority); /* fits */
	/* Whatever this thread starts shall not run in the real-time class by accident. */
	if (sched_setscheduler(0, policies[want->policy] | SCHED_RESET_ON_FORK, &param) < 0)
		refused(s, text, strerror(errno),
			"needs CAP_SYS_NICE or a real-time limit (LimitRTPRIO=)");
	else
		in_force(s, text);
}
