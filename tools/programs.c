/*
 * programs.c - asks the programs of an appliance about its settings, all at once.
 *
 * One poll over two pipes and a pidfd per program until the last has ended or the time is over.
 * Nothing is inherited but the pipes, and a program that leaves a child behind with our pipe open
 * does not hold us: its own end counts.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "tools/lines.h"

#define CHECK_TIMEOUT_MS 10000
#define REMEDY "install it, or correct the name"

enum { OUT, ERR, END, N_FDS };

/* A program that is being asked: its pipes, and the descriptor that tells of its end. */
struct asked {
	struct op_answer *answer;
	struct pollfd fds[N_FDS];
	pid_t pid; /* 0: not running */
};

/* ---- starting -------------------------------------------------------------------------- */

static int spawn(const char *program, const char **argv, int out, int err, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return -rc;
	rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawn(ret_pid, program, &actions, NULL, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions); /* always 0 */
	return -rc;
}

static int start(struct asked *a, const struct op_config_source *src, const char *option)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	OP_AUTO_CLOSE int out_read = out[0], out_write = out[1];
	if (pipe2(err, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	OP_AUTO_CLOSE int err_read = err[0], err_write = err[1];
	/* Only our ends must not block; these are other open files than those of the readers. */
	(void)fcntl(out_write, F_SETFL, 0); /* cannot fail for a pipe */
	(void)fcntl(err_write, F_SETFL, 0);
	OP_AUTO_FREE const char **argv =
		op_config_argv(src, a->answer->program, a->answer->service, option);
	int rc = argv ? spawn(a->answer->program, argv, out_write, err_write, &a->pid) : -ENOMEM;
	if (rc)
		return rc;
	a->fds[END].fd = pidfd_open(a->pid, 0);
	a->fds[OUT].fd = op_steal_fd(&out_read);
	a->fds[ERR].fd = op_steal_fd(&err_read);
	return a->fds[END].fd < 0 ? -errno : 0;
}

/* ---- hearing --------------------------------------------------------------------------- */

static void close_fd(struct pollfd *p)
{
	if (p->fd >= 0)
		(void)close(p->fd); /* was only read */
	p->fd = -1;
}

/* Text beyond the limit is read and dropped, so that the program is not held up by us. */
static void drain(struct pollfd *p, struct op_buf *to)
{
	char chunk[4096];
	ssize_t n = 0;
	while (p->fd >= 0 && (n = read(p->fd, chunk, sizeof(chunk))) > 0)
		op_buf_put(to, chunk, (size_t)n);
	if (n == 0)
		close_fd(p);
}

static void reap(struct asked *a)
{
	int status = 0;
	if (waitpid(a->pid, &status, 0) == a->pid)
		a->answer->status =
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	a->pid = 0;
	drain(&a->fds[OUT], &a->answer->out);
	drain(&a->fds[ERR], &a->answer->err);
	for (size_t i = 0; i < N_FDS; i++)
		close_fd(&a->fds[i]);
}

static size_t collect(struct asked *all, size_t n, struct pollfd *fds)
{
	size_t running = 0;
	for (size_t i = 0; i < n; i++) {
		running += all[i].pid > 0;
		for (size_t k = 0; k < N_FDS; k++)
			fds[i * N_FDS + k] =
				(struct pollfd){.fd = all[i].fds[k].fd, .events = POLLIN};
	}
	return running;
}

static void hear_all(struct asked *all, size_t n, struct pollfd *fds, uint64_t deadline_ns)
{
	while (collect(all, n, fds) > 0) {
		uint64_t now = op_now_ns();
		if (now >= deadline_ns)
			break;
		if (poll(fds, n * N_FDS, (int)((deadline_ns - now) / OP_NS_PER_MS) + 1) < 0 &&
		    errno != EINTR)
			break;
		for (size_t i = 0; i < n; i++) {
			struct asked *a = &all[i];
			drain(&a->fds[OUT], &a->answer->out);
			drain(&a->fds[ERR], &a->answer->err);
			if (a->pid > 0 && fds[i * N_FDS + END].revents)
				reap(a);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].pid <= 0)
			continue;
		all[i].answer->error = -ETIMEDOUT;
		(void)kill(all[i].pid, SIGKILL); /* it is ours and not yet waited for */
		reap(&all[i]);
	}
}

/* "<3>text" to "text": what journald would do. */
static void strip_prefixes(struct op_buf *text)
{
	size_t to = 0;
	bool at_start = true;
	for (size_t i = 0; i < text->len; i++) {
		const char *c = text->data + i;
		if (at_start && c[0] == '<' && i + 2 < text->len && c[1] >= '0' && c[1] <= '7' &&
		    c[2] == '>') {
			i += 2;
			at_start = false;
			continue;
		}
		at_start = *c == '\n';
		text->data[to++] = *c;
	}
	if (text->len)
		text->data[text->len = to] = '\0';
}

static void ask_one(const struct op_config *c, size_t i, const struct op_config_source *src,
		    const char *option, struct asked *a)
{
	char name[128];
	op_config_program(c, op_config_service_name(c, i), name, sizeof(name));
	int rc = op_program_find(name, a->answer->program, sizeof(a->answer->program));
	if (rc == 0)
		rc = start(a, src, option);
	else
		(void)snprintf(a->answer->program, sizeof(a->answer->program), "%s", name);
	a->answer->error = rc;
}

int op_programs_ask(const struct op_config *c, const struct op_config_source *src,
		    const char *option, unsigned timeout_ms, struct op_answer **ret_answers)
{
	size_t n = op_config_service_count(c);
	struct op_answer *answers = calloc(n, sizeof(*answers));
	OP_AUTO_FREE struct asked *asked = calloc(n, sizeof(*asked));
	OP_AUTO_FREE struct pollfd *fds = calloc(n * N_FDS, sizeof(*fds));
	if (!answers || !asked || !fds) {
		free(answers);
		return -ENOMEM;
	}
	(void)setenv("OUTPOST_LOG", "prefix", 1); /* without it the lines have a time stamp */
	for (size_t i = 0; i < n; i++) {
		answers[i].service = op_config_service_name(c, i);
		answers[i].status = -1;
		op_buf_init(&answers[i].out, OP_ANSWER_MAX_BYTES);
		op_buf_init(&answers[i].err, OP_ANSWER_MAX_BYTES);
		asked[i].answer = &answers[i];
		for (size_t k = 0; k < N_FDS; k++)
			asked[i].fds[k].fd = -1;
		ask_one(c, i, src, option, &asked[i]);
	}
	hear_all(asked, n, fds, op_now_ns() + timeout_ms * OP_NS_PER_MS);
	for (size_t i = 0; i < n; i++)
		strip_prefixes(&answers[i].err);
	*ret_answers = answers;
	return 0;
}

void op_answers_free(struct op_answer *answers, size_t n)
{
	for (size_t i = 0; answers && i < n; i++) {
		op_buf_finish(&answers[i].out);
		op_buf_finish(&answers[i].err);
	}
	free(answers);
}

/* ---- checking -------------------------------------------------------------------------- */

/* A program that could not be asked: at least the common settings are checked here. */
static int not_asked(const struct op_config *c, const struct op_answer *a, struct op_buf *errors)
{
	struct op_service_common common = {.enabled = true};
	int rc = op_config_service(c, a->service, NULL, 0, NULL, &common, errors);
	if (!common.enabled && a->error == -ENOENT)
		return rc;
	if (a->error == -ETIMEDOUT)
		op_config_wrong(c, a->service, "program", errors,
				"%s --check does not answer (run it by hand)", a->program);
	else
		op_config_wrong(c, a->service, "program", errors, "%s: %s (" REMEDY ")", a->program,
				op_strerror(a->error));
	return -EINVAL;
}

static int judge(const struct op_config *c, const struct op_answer *a, struct op_buf *errors,
		 struct op_buf *notes)
{
	if (a->error)
		return not_asked(c, a, errors);
	op_lines_add(a->status ? errors : notes, a->err.data);
	if (a->err.err)
		op_config_wrong(c, a->service, "program", a->status ? errors : notes,
				"%s --check says more than there is room for (run it by hand)",
				a->program);
	if (a->status == 0)
		return 0;
	if (!a->err.len)
		op_config_wrong(c, a->service, "program", errors,
				"%s --check fails with status %d and says nothing (run it by hand)",
				a->program, a->status);
	return -EINVAL;
}

/* Simulators have no settings to be asked about, but they must be there. */
static int check_simulators(const struct op_config *c, struct op_buf *errors)
{
	int result = 0;
	for (size_t i = 0; i < op_config_simulator_count(c); i++) {
		struct op_config_simulator sim;
		char path[PATH_MAX], key[128];
		op_config_simulator(c, i, &sim);
		int rc = sim.program ? op_program_find(sim.program, path, sizeof(path)) : 0;
		if (rc == 0)
			continue;
		(void)snprintf(key, sizeof(key), "simulators.%s.program", sim.name); /* fits */
		op_config_wrong_path(c, key, errors, "%s: %s (" REMEDY ")", sim.program,
				     op_strerror(rc));
		result = -EINVAL;
	}
	return result;
}

int op_programs_check(const struct op_config *c, const struct op_config_source *src,
		      struct op_buf *errors, struct op_buf *notes)
{
	struct op_answer *answers = NULL;
	size_t n = op_config_service_count(c);
	int rc = op_programs_ask(c, src, "--check", CHECK_TIMEOUT_MS, &answers);
	for (size_t i = 0; i < n && answers; i++)
		if (judge(c, &answers[i], errors, notes))
			rc = -EINVAL;
	op_answers_free(answers, n);
	if (src->sim && check_simulators(c, errors) < 0)
		rc = -EINVAL;
	op_lines_sort(errors, op_config_file(c));
	return rc;
}
