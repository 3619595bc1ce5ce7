/* SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT */
#include "lib/service/internal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "test.h"

/* ---- notify ------------------------------------------------------------------------------- */

static int listen_to(const char *name, size_t n)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	memcpy(addr.sun_path, name, n);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CHECK_INT(bind(fd, (void *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
		  0);
	return fd;
}

static void check_receives(int fd, const char *want)
{
	char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	CHECK(n >= 0);
	text[n] = '\0';
	CHECK_STR(text, want);
}

TEST(notify_speaks_to_a_path)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/n", op_test_dir());
	int fd = listen_to(path, strlen(path) + 1);
	struct op_notify n;
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "5000000", 1);
	CHECK_INT(op_notify_open(&n), 0);
	CHECK(!getenv("NOTIFY_SOCKET") && !getenv("WATCHDOG_USEC"));
	CHECK_INT(n.watchdog_us, 5000000);
	CHECK_INT(op_notify_send(&n, "READY=%d\nSTATUS=%s", 1, "x"), 0);
	check_receives(fd, "READY=1\nSTATUS=x");
	op_notify_close(&n);
	op_notify_close(&n);
	close(fd);
}

TEST(notify_speaks_to_an_abstract_name)
{
	char name[64];
	snprintf(name, sizeof(name), "@outpost-unit-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	int fd = listen_to(name, strlen(name + 1) + 1);
	struct op_notify n;
	CHECK_INT(op_notify_open(&n), 0);
	CHECK_INT(op_notify_send(&n, "STOPPING=1"), 0);
	check_receives(fd, "STOPPING=1");
	op_notify_close(&n);
	close(fd);
}

TEST(notify_without_a_supervisor_does_nothing)
{
	struct op_notify n;
	unsetenv("NOTIFY_SOCKET");
	CHECK_INT(op_notify_open(&n), 0);
	CHECK_INT(n.watchdog_us, 0);
	CHECK_INT(op_notify_send(&n, "READY=1"), 0);
	op_notify_close(&n);
}

TEST(notify_refuses_what_it_cannot_reach)
{
	static const char *const bad[] = {"vsock:2:1234", "relative", "@", "/"};
	struct op_notify n;
	for (size_t i = 0; i < OP_ARRAY_SIZE(bad); i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		CHECK_INT(op_notify_open(&n), -EINVAL);
		CHECK_INT(n.fd, -1);
	}
	char longer[300];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	CHECK_INT(op_notify_open(&n), -EINVAL);
}

TEST(notify_never_blocks)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/n", op_test_dir());
	int fd = listen_to(path, strlen(path) + 1), r = 0;
	struct op_notify n;
	setenv("NOTIFY_SOCKET", path, 1);
	CHECK_INT(op_notify_open(&n), 0);
	for (int i = 0; r == 0 && i < 100000; i++)
		r = op_notify_send(&n, "WATCHDOG=1");
	CHECK_INT(r, -EAGAIN);
	char big[2000];
	memset(big, 'x', sizeof(big));
	CHECK_INT(op_notify_send(&n, "%.*s", (int)sizeof(big), big), -EMSGSIZE);
	op_notify_close(&n);
	close(fd);
}

TEST(the_watchdog_of_another_process_is_not_ours)
{
	struct op_notify n;
	setenv("WATCHDOG_USEC", "5000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	CHECK_INT(op_notify_open(&n), 0);
	CHECK_INT(n.watchdog_us, 0);
}

/* ---- directories -------------------------------------------------------------------------- */

TEST(directories_follow_what_is_given)
{
	char dir[4096], here[4096], want[8192];
	CHECK_INT(op_runtime_dir("/a/b", "box", dir, sizeof(dir)), 0);
	CHECK_STR(dir, "/a/b");
	CHECK(getcwd(here, sizeof(here)));
	snprintf(want, sizeof(want), "%s/x", here);
	CHECK_INT(op_state_dir("x", "box", dir, sizeof(dir)), 0);
	CHECK_STR(dir, want);
	CHECK_INT(op_runtime_dir("/a/b", "box", dir, 4), -ENAMETOOLONG);
}

static void become_nobody(void)
{
	if (geteuid() == 0)
		CHECK_INT(seteuid(65534), 0);
}

/* Back, and dumpable again, or the leak checker may not look at this process. */
static void become_again(void)
{
	if (getuid() == 0)
		CHECK_INT(seteuid(0), 0);
	CHECK_INT(prctl(PR_SET_DUMPABLE, 1), 0);
}

TEST(directories_of_a_user_follow_the_environment)
{
	char dir[4096], want[128];
	become_nobody();
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	setenv("HOME", "/users/u", 1);
	unsetenv("XDG_STATE_HOME");
	CHECK_INT(op_runtime_dir(NULL, "box", dir, sizeof(dir)), 0);
	CHECK_STR(dir, "/run/user/7/outpost/box");
	CHECK_INT(op_state_dir(NULL, "box", dir, sizeof(dir)), 0);
	CHECK_STR(dir, "/users/u/.local/state/outpost/box");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("HOME");
	snprintf(want, sizeof(want), "/tmp/outpost-%u/box", (unsigned)geteuid());
	CHECK_INT(op_runtime_dir(NULL, "box", dir, sizeof(dir)), 0);
	CHECK_STR(dir, want);
	CHECK_INT(op_state_dir(NULL, "box", dir, sizeof(dir)), -ENOENT);
	become_again();
}

static void check_state_end(bool sim, const char *given, const char *end)
{
	static const char text[] = "appliance: box\nservices: {a: {program: \"true\"}}\n";
	struct op_config_source src = {.file = "box.yaml",
				       .env_file = "/dev/null",
				       .state_dir = given,
				       .text = text,
				       .text_len = sizeof(text) - 1,
				       .sim = sim};
	struct op_place place;
	struct op_config *c = NULL;
	struct op_buf errors;
	op_buf_init(&errors, 4096);
	setenv("HOME", "/users/u", 1);
	CHECK_INT(op_place_load(&src, &place, &c, &errors), 0);
	CHECK_STR(strrchr(place.state, '/'), end);
	CHECK_STR(strrchr(place.runtime, '/'), "/box");
	op_config_free(c);
	op_buf_finish(&errors);
}

TEST(what_is_simulated_is_kept_apart)
{
	check_state_end(false, NULL, "/box");
	check_state_end(true, NULL, "/box-sim");
	check_state_end(true, "/here/we/are", "/are");
}

TEST(a_runtime_directory_is_made_with_its_rooms)
{
	char dir[300], path[400];
	struct stat st;
	snprintf(dir, sizeof(dir), "%s/deep/er", op_test_dir());
	CHECK_INT(op_runtime_make(dir), 0);
	CHECK_INT(op_runtime_make(dir), 0);
	snprintf(path, sizeof(path), "%s/bus", dir);
	CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	snprintf(path, sizeof(path), "%s/call", dir);
	CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

TEST(a_file_in_the_way_is_an_error)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/file", op_test_dir());
	close(open(path, O_CREAT | O_WRONLY, 0600));
	CHECK_INT(op_dir_make(path, 0700), -ENOTDIR);
}

/* A directory that somebody else made first under /tmp. */
TEST(a_stranger_in_the_fallback_is_refused)
{
	char base[64], dir[128];
	if (geteuid() != 0) {
		puts("skipped: only root can play somebody else");
		return;
	}
	CHECK_INT(seteuid(54321), 0);
	snprintf(base, sizeof(base), "/tmp/outpost-%u", (unsigned)geteuid());
	snprintf(dir, sizeof(dir), "%s/box", base);
	CHECK_INT(seteuid(0), 0);
	CHECK_INT(mkdir(base, 0777), 0);
	CHECK_INT(seteuid(54321), 0);
	int r = op_runtime_make(dir);
	become_again();
	CHECK_INT(rmdir(base), 0);
	CHECK_INT(r, -EPERM);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *report(void *arg)
{
	char name[32] = "";
	pthread_attr_t attr;
	size_t *stack = arg;
	sigset_t set;
	CHECK_INT(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
	CHECK_STR(name, "a name of fifte"); /* 15 bytes: the kernel's limit */
	CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
	CHECK(sigismember(&set, SIGTERM) && sigismember(&set, SIGCHLD));
	CHECK_INT(pthread_getattr_np(pthread_self(), &attr), 0);
	CHECK_INT(pthread_attr_getstacksize(&attr, stack), 0);
	pthread_attr_destroy(&attr);
	return arg;
}

TEST(a_thread_has_its_name_a_small_stack_and_no_signals)
{
	pthread_t thread;
	size_t small = 0, large = 0;
	sigset_t set;
	CHECK_INT(op_thread_create(&thread, "a name of fifteen", 0, report, &small), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(op_thread_create(&thread, "a name of fifteen", 2 << 20, report, &large), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(small >= 64 * 1024 && small <= 1024 * 1024 && large >= 2 << 20);
	CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
	CHECK(!sigismember(&set, SIGTERM));
}

/* ---- subscriptions ------------------------------------------------------------------------ */

#define DOT_FIELDS(F, E, T) F(u64, n, "", "count")
OP_TOPIC_DECLARE(dot, DOT_FIELDS);
OP_TOPIC_DEFINE(dot, DOT_FIELDS, .name = "dot", .help = "one number", .capacity = 64);

static const struct op_field dash_fields[] = {
	{.name = "x", .type = OP_F64, .unit = "m", .help = "length", .offset = 0, .bytes = 8},
	{.name = "n", .type = OP_U64, .unit = "", .help = "count", .offset = 8, .bytes = 8},
};
static const struct op_topic_type dash_type = {
	.name = "dot", .help = "two", .fields = dash_fields, .n_fields = 2, .record_bytes = 16};

static struct heard {
	uint64_t records, next_seq, closed;
	uint32_t record_bytes;
	struct op_subscription *sub;
	uint64_t close_after;
} heard;

static void on_records(void *arg, const struct op_topic_type *type, uint64_t first_seq,
		       const void *slots, size_t n, size_t stride)
{
	heard.closed += type == NULL;
	if (!type)
		return;
	CHECK(first_seq >= heard.next_seq || heard.record_bytes != type->record_bytes);
	heard.record_bytes = type->record_bytes;
	heard.records += n;
	heard.next_seq = first_seq + n;
	if (heard.close_after && heard.records >= heard.close_after)
		op_subscription_close(OP_STEAL(heard.sub));
}

static struct op_service *make_service(void)
{
	struct op_service *s = calloc(1, sizeof(*s));
	snprintf(s->bus_dir, sizeof(s->bus_dir), "%s", op_test_dir());
	snprintf(s->name, sizeof(s->name), "unit");
	CHECK_INT(uv_loop_init(&s->loop), 0);
	return s;
}

static void free_service(struct op_service *s)
{
	while (uv_run(&s->loop, UV_RUN_NOWAIT))
		;
	CHECK_INT(uv_loop_close(&s->loop), 0);
	uv_library_shutdown(); /* closes the pipe that libuv keeps for signals */
	free(s);
}

static void turn_until(struct op_service *s, const uint64_t *count, uint64_t want)
{
	uint64_t deadline = op_now_ns() + 30 * OP_NS_PER_S;
	while (*count < want) {
		CHECK(op_now_ns() < deadline);
		uv_run(&s->loop, UV_RUN_ONCE);
	}
}

static void publish(struct op_writer *w, unsigned n)
{
	struct {
		uint64_t words[2];
	} record = {{1, 2}};
	for (unsigned i = 0; i < n; i++)
		op_writer_publish(w, op_now_ns(), &record);
}

TEST(a_subscription_waits_for_its_topic_and_follows_its_schema)
{
	struct op_service *s = make_service();
	struct op_writer *w;
	heard = (struct heard){0};
	CHECK_INT(op_subscribe(s, "dot", 5, on_records, NULL, &heard.sub), 0);
	uv_run(&s->loop, UV_RUN_ONCE);
	CHECK_INT(heard.records, 0);
	CHECK_INT(op_writer_open(s->bus_dir, NULL, &dot_topic, &w, NULL), 0);
	uint64_t seen = 0;
	while (heard.records == 0) { /* it begins after the newest record, some time from now */
		publish(w, 1);
		CHECK(seen++ < 100000);
		uv_run(&s->loop, UV_RUN_ONCE);
	}
	uint64_t before = heard.records;
	publish(w, 10);
	turn_until(s, &heard.records, before + 10);
	CHECK_INT(op_subscription_missed(heard.sub), 0);
	publish(w, 200); /* the ring keeps 64 */
	before = heard.records;
	turn_until(s, &heard.records, before + 1);
	CHECK_INT(heard.records - before + op_subscription_missed(heard.sub), 200);
	op_writer_close(w);
	CHECK_INT(op_writer_open(s->bus_dir, NULL, &dash_type, &w, NULL), 0);
	turn_until(s, &heard.closed, 1);
	while (heard.record_bytes != 16) {
		publish(w, 1);
		uv_run(&s->loop, UV_RUN_ONCE);
	}
	CHECK(op_subscription_missed(heard.sub) > 0);
	op_writer_close(w);
	op_subscription_close(heard.sub);
	free_service(s);
}

TEST(a_subscription_may_be_closed_from_its_own_callback)
{
	struct op_service *s = make_service();
	struct op_writer *w;
	CHECK_INT(op_writer_open(s->bus_dir, NULL, &dot_topic, &w, NULL), 0);
	heard = (struct heard){.close_after = 1};
	CHECK_INT(op_subscribe(s, "dot", 1, on_records, NULL, &heard.sub), 0);
	while (heard.records == 0) {
		publish(w, 2);
		uv_run(&s->loop, UV_RUN_ONCE);
	}
	CHECK(!heard.sub);
	op_subscription_close(NULL);
	op_writer_close(w);
	free_service(s);
}

TEST(a_subscription_refuses_nonsense)
{
	struct op_service *s = make_service();
	char name[200];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_INT(op_subscribe(s, name, 5, on_records, NULL, &heard.sub), -EINVAL);
	CHECK_INT(op_subscribe(s, "dot", 0, on_records, NULL, &heard.sub), -EINVAL);
	free_service(s);
}

/* ---- requests ----------------------------------------------------------------------------- */

static int call_echo(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	*ret = json_incref(args);
	return 0;
}

static int call_nothing(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	return 0;
}

static int call_gone(struct op_service *s, json_t *args, json_t **ret, struct op_buf *error)
{
	return -OP_EGONE;
}

static const struct op_call calls[] = {
	{"echo", "", call_echo, "a list"},
	{"nothing", "", call_nothing},
	{"gone", "", call_gone},
	{"ping", "", call_nothing},
};
static const struct op_service_desc desc = {.calls = calls, .n_calls = OP_ARRAY_SIZE(calls)};

static void check_answer(const char *request, const char *want)
{
	struct op_service s = {.desc = &desc};
	OP_AUTO_BUF struct op_buf out;
	op_buf_init(&out, CALL_ANSWER_MAX);
	service_call_answer(&s, request, strlen(request), &out);
	CHECK_STR(out.data, want);
}

TEST(requests_are_answered_in_one_line)
{
	check_answer("{\"method\":\"echo\",\"args\":{\"a\":[1,\"\\n\"]}}",
		     "{\"ok\":true,\"result\":{\"a\":[1,\"\\n\"]}}\n");
	check_answer("{\"method\":\"echo\"}", "{\"ok\":true,\"result\":{}}\n");
	check_answer("{\"method\":\"echo\",\"args\":{\"a\":6.7619899,\"list\":[0.1,1e3]}}",
		     "{\"ok\":true,\"result\":{\"a\":6.7619899,\"list\":[0.1,1000]}}\n");
	check_answer("{\"method\":\"nothing\"}", "{\"ok\":true,\"result\":null}\n");
	check_answer("{\"method\":\"ping\"}", "{\"ok\":true,\"result\":null}\n"); /* its own wins */
	check_answer("{\"method\":\"gone\"}",
		     "{\"ok\":false,\"code\":\"4096\",\"error\":\"the device is gone\"}\n");
	check_answer("{\"method\":\"x\"}", "{\"ok\":false,\"code\":\"ENOSYS\",\"error\":\"no such "
					   "method; ask for \\\"methods\\\"\"}\n");
	check_answer("{\"method\":\"echo\",\"args\":1}",
		     "{\"ok\":false,\"code\":\"EINVAL\",\"error\":\"args: expected an object\"}\n");
}

TEST(unknown_arguments_are_refused)
{
	check_answer("{\"method\":\"echo\",\"args\":{\"a\":1,\"lis\":2}}",
		     "{\"ok\":false,\"code\":\"EINVAL\",\"error\":\"unknown argument "
		     "\\\"lis\\\"; echo takes: a list\"}\n");
	check_answer("{\"method\":\"echo\",\"args\":{\"a list\":1}}",
		     "{\"ok\":false,\"code\":\"EINVAL\",\"error\":\"unknown argument "
		     "\\\"a list\\\"; echo takes: a list\"}\n");
	check_answer("{\"method\":\"nothing\",\"args\":{\"\":1}}",
		     "{\"ok\":false,\"code\":\"EINVAL\",\"error\":\"unknown argument \\\"\\\"; "
		     "nothing takes none\"}\n");
}

/* ---- scheduling --------------------------------------------------------------------------- */

TEST(scheduling_text_says_what_holds_and_what_was_refused)
{
	struct op_service s = {0};
	char text[96];
	CHECK_INT(pthread_mutex_init(&s.sched.lock, NULL), 0);
	service_sched_text(&s, text, sizeof(text));
	CHECK_STR(text, "default");
	s.common.sched.cores = (struct op_int_list){.v = {4000}, .n = 1};
	s.common.sched.nice = 1;
	service_sched_process(&s);
	op_service_sched_thread(&s); /* policy "other": nothing to do */
	service_sched_text(&s, text, sizeof(text));
	CHECK_STR(text, "nice 1; refused: cores 4000");
}
