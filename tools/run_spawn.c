/*
 * run_spawn.c - fork and exec of one supervised process.
 *
 * Own code instead of uv_spawn for three things it does not have: the death signal is set before
 * exec, so that it holds for every program from its first instruction; the process leads a group
 * of its own, so that what it started goes with it; and signals are back to their defaults. The
 * parent returns when exec has happened or failed, which also means that no copy of our own
 * descriptors (the lock of a status topic) is left in a half-started child.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "tools/run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int set_environment(const struct unit *u)
{
	char number[32];
	(void)snprintf(number, sizeof(number), "%d", (int)getppid()); /* fits */
	int r = setenv("OUTPOST_SUPERVISOR", number, 1);
	if (r == 0)
		r = setenv("OUTPOST_LOG", "prefix", 1);
	if (r == 0)
		r = setenv("NOTIFY_SOCKET", u->run->notify.path, 1);
	if (r == 0 && u->common.watchdog_s > 0) {
		(void)snprintf(number, sizeof(number), "%lld",
			       (long long)u->common.watchdog_s * 1000000); /* fits */
		r = setenv("WATCHDOG_USEC", number, 1);
	}
	if (r == 0 && !u->simulator)
		r = op_config_hand_on(u->run->config);
	if (r == 0)
		r = op_config_withhold(u->run->config, u->simulator ? NULL : u->name);
	return r;
}

static int set_signals(void)
{
	sigset_t none;
	struct sigaction def = {.sa_handler = SIG_DFL};
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &def, NULL); /* SIGKILL, SIGSTOP and the C library's refuse */
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_descriptors(int log_fd)
{
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -1;
	if (null > STDERR_FILENO)
		(void)close(null); /* its copy is in place */
	return dup2(log_fd, STDOUT_FILENO) < 0 ? -1 : dup2(log_fd, STDERR_FILENO);
}

/* In the child: ends in the program, or writes errno to report_fd. */
static _Noreturn void become(const struct unit *u, pid_t parent, int log_fd, int report_fd)
{
	int ok = setpgid(0, 0);
	if (ok == 0)
		ok = prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ok == 0 && getppid() != parent)
		_exit(1); /* the supervisor died before the line above */
	if (ok == 0)
		ok = set_signals();
	if (ok == 0)
		ok = set_environment(u);
	if (ok == 0 && set_descriptors(log_fd) >= 0)
		(void)execv(u->program,
			    (char *const *)u->argv); /* returns only with an error in errno */
	int err = errno;
	ssize_t n = write(report_fd, &err, sizeof(err));
	(void)n; /* the parent then sees a process that left with 127 */
	_exit(127);
}

static int await_exec(int report_fd)
{
	int err = 0;
	ssize_t n;
	do
		n = read(report_fd, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(err) ? -err : 0; /* exec closed the pipe */
}

int unit_spawn(struct unit *u)
{
	int log_pipe[2], report_pipe[2];
	if (pipe2(log_pipe, O_CLOEXEC) < 0)
		return -errno;
	OP_AUTO_CLOSE int log_read = log_pipe[0], log_write = log_pipe[1];
	if (pipe2(report_pipe, O_CLOEXEC) < 0)
		return -errno;
	OP_AUTO_CLOSE int report_read = report_pipe[0], report_write = report_pipe[1];
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(u, parent, log_write, report_write);
	(void)close(op_steal_fd(&report_write)); /* the child's copy is the one that counts */
	int r = await_exec(report_read);
	if (r == 0)
		r = run_lines_open(u, op_steal_fd(&log_read));
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0); /* ours, and dead: cannot fail */
		return r;
	}
	u->pid = pid;
	return 0;
}
