/*
 * test.c - runs the TEST()s of one program: a process each, time-out, leak check.
 *
 * Prints "ok NAME", "FAILED NAME" or "skipped NAME: reason" and, last, "N passed, N failed" (and
 * ", N skipped" if any); status 1 if any failed.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "test.h"

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SKIPPED 77 /* exit status of a child that cannot run here, as automake has it */

enum verdict { PASS, FAIL, SKIP, VERDICTS };

static struct op_test *tests;
static const char *running;
static char dir[128];

void op_test_add(struct op_test *t)
{
	struct op_test **at = &tests;
	while (*at)
		at = &(*at)->next;
	*at = t;
}

void op_test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	fflush(NULL);
	_exit(1);
}

void op_test_skip(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("skipped %s: ", running);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	fflush(NULL);
	_exit(SKIPPED);
}

const char *op_test_dir(void)
{
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* How much longer than on a quiet machine a test may take (as in outpost_test.py). */
static unsigned patience(void)
{
	const char *told = getenv("OUTPOST_PATIENCE");
	unsigned n = told ? (unsigned)strtoul(told, NULL, 10) : 0;
	return n ? n : 4;
}

static void run_here(const struct op_test *t)
{
	running = t->name;
	alarm(t->timeout_s * patience());
	int before = open_descriptors();
	t->fn();
	int after = open_descriptors();
	if (after != before)
		op_test_fail(t->name, 0, "leaves %d descriptors open", after - before);
}

/* In a process of its own; returns its verdict and says it, but for a skip, which says it itself.
 */
static enum verdict run(const struct op_test *t)
{
	snprintf(dir, sizeof(dir), "/tmp/outpost-test-XXXXXX");
	if (!mkdtemp(dir))
		op_test_fail(__FILE__, __LINE__, "mkdtemp %s: %s", dir, strerror(errno));
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		run_here(t);
		exit(0); /* not _exit: sanitizers report leaks at exit */
	}
	int status = 0;
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL); /* whatever it started and left */
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return SKIP;
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: %s\n", t->name,
			WTERMSIG(status) == SIGALRM ? "timed out" : strsignal(WTERMSIG(status)));
	printf("%s %s\n", ok ? "ok" : "FAILED", t->name);
	return ok ? PASS : FAIL;
}

static int list(void)
{
	for (const struct op_test *t = tests; t; t = t->next)
		puts(t->name);
	return 0;
}

int main(int argc, char **argv)
{
	bool here = argc > 1 && !strcmp(argv[1], "--nofork");
	const char *only = argc > 1 + here ? argv[1 + here] : NULL;
	unsigned n[VERDICTS] = {0};
	if (only && !strcmp(only, "--list"))
		return list();
	(void)setenv("OUTPOST_PROGRAMS", BUILD_ROOT, 1); /* for what a library starts */
	for (const struct op_test *t = tests; t; t = t->next) {
		if (only && strcmp(only, t->name))
			continue;
		if (here)
			run_here(t);
		n[here ? PASS : run(t)]++;
	}
	printf("%u passed, %u failed", n[PASS], n[FAIL]);
	if (n[SKIP])
		printf(", %u skipped", n[SKIP]);
	putchar('\n');
	return n[FAIL] || n[PASS] + n[SKIP] == 0;
}
