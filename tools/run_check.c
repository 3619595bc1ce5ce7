/*
 * run_check.c - finds the programs of an appliance and asks each whether its settings are good.
 *
 * Before the loop. All programs are asked at once and then heard one after the other, since a
 * start has one second in all. Each hearing is bounded in time and text.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define CHECK_NS (10 * OP_NS_PER_S)

/* ---- finding -------------------------------------------------------------------------------- */

static int own_directory(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	*strrchr(ret, '/') = '\0'; /* the kernel gives an absolute path */
	return 0;
}

int run_find_program(const char *name, char *ret, size_t size)
{
	/* Beside us in a build tree; behind us when installed. */
	static const char *const places[] = {"", "/../libexec/outpost"};
	char dir[PATH_MAX];
	if (strchr(name, '/')) {
		int n = snprintf(ret, size, "%s", name);
		return n >= (int)size ? -ENAMETOOLONG : access(ret, X_OK) == 0 ? 0 : -errno;
	}
	int r = own_directory(dir, sizeof(dir));
	for (size_t i = 0; r == 0 && i < OP_ARRAY_SIZE(places); i++) {
		int n = snprintf(ret, size, "%s%s/%s", dir, places[i], name);
		if (n >= (int)size)
			return -ENAMETOOLONG;
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return r < 0 ? r : -ENOENT;
}

/* ---- asking --------------------------------------------------------------------------------- */

static int spawn_check(const struct unit *u, int write_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	char *argv[RUN_SETS_MAX * 2 + 32];
	size_t n = 0;
	for (; u->argv[n] && n < OP_ARRAY_SIZE(argv) - 2; n++)
		argv[n] = u->argv[n];
	argv[n++] = (char[]){"--check"};
	argv[n] = NULL;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, write_fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, write_fd, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(ret_pid, u->program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions); /* always 0 */
	return -r;
}

static int start_check(struct unit *u)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	OP_AUTO_CLOSE int read_fd = fds[0], write_fd = fds[1];
	int r = spawn_check(u, write_fd, &u->pid);
	if (r == 0)
		u->lines.fd = op_steal_fd(&read_fd);
	return r;
}

static void hear(struct unit *u, struct op_buf *text)
{
	uint64_t deadline = op_now_ns() + CHECK_NS;
	char chunk[4096];
	for (;;) {
		struct pollfd p = {.fd = u->lines.fd, .events = POLLIN};
		uint64_t now = op_now_ns();
		int ms = now < deadline ? (int)((deadline - now) / OP_NS_PER_MS) : 0;
		int r = poll(&p, 1, ms);
		ssize_t n = r > 0 ? read(u->lines.fd, chunk, sizeof(chunk)) : 0;
		if (r == 0)
			(void)kill(u->pid, SIGKILL); /* its exit is awaited next */
		if (n <= 0 && !(r < 0 && errno == EINTR))
			return;
		if (n > 0)
			op_buf_put(text, chunk, (size_t)n);
	}
}

/* Shows each line once: services of one program find the same mistakes in the common parts. */
static void show(struct run *run, struct op_buf *seen, struct op_buf *text)
{
	char *rest = NULL;
	for (char *line = strtok_r(text->data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		bool prefixed = line[0] == '<' && line[1] && line[2] == '>';
		const char *at = prefixed ? line + 3 : line;
		if (strstr(seen->data, at))
			continue;
		op_buf_printf(seen, "%s\n", at);
		run_say(run, OP_ERR, "%s", at);
	}
}

static int end_check(struct unit *u, struct op_buf *seen)
{
	OP_AUTO_BUF struct op_buf text;
	int status = 0;
	op_buf_init(&text, 64 * 1024);
	hear(u, &text);
	(void)close(u->lines.fd); /* read end */
	u->lines.fd = -1;
	if (waitpid(u->pid, &status, 0) < 0)
		status = -1;
	u->pid = 0;
	if (status == 0)
		return 0;
	if (text.len > 0)
		show(u->run, seen, &text);
	else
		run_say(u->run, OP_ERR, "%s: %s --check fails and does not say why", u->name,
			u->program);
	return -EINVAL;
}

int run_check(struct run *run)
{
	OP_AUTO_BUF struct op_buf seen;
	int result = 0;
	op_buf_init(&seen, 256 * 1024);
	(void)setenv("OUTPOST_LOG", "prefix", 1); /* no memory: the lines get a second stamp */
	for (size_t i = 0; i < run->n_services; i++) {
		struct unit *u = &run->units[i];
		int r = start_check(u);
		if (r < 0) {
			run_say(run, OP_ERR, "%s: cannot run %s: %s", u->name, u->program,
				op_strerror(r));
			result = r;
		}
	}
	for (size_t i = 0; i < run->n_services; i++)
		if (run->units[i].pid > 0 && end_check(&run->units[i], &seen) < 0)
			result = -EINVAL;
	return result;
}
