/*
 * life.c - the start and the end of a simulator: readiness told, signals taken while it waits.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "common.h"
#include "lib/service/notify.h"

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
	stopping = 1;
}

bool sim_is_stopping(void)
{
	return stopping;
}

void sim_catch_signals(sigset_t *ret_waiting)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++)
		sigaddset(&blocked, numbers[i]);
	(void)sigprocmask(SIG_BLOCK, &blocked, ret_waiting); /* cannot fail with these */
	for (size_t i = 0; i < OP_ARRAY_SIZE(numbers); i++) {
		sigdelset(ret_waiting, numbers[i]);
		(void)sigaction(numbers[i], &sa, NULL); /* nor this */
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

void sim_tell_ready(void)
{
	struct op_notify up;
	int r = op_notify_open(&up);
	if (r == 0)
		r = op_notify_send(&up, "READY=1");
	if (r < 0)
		op_log(OP_WARNING, "NOTIFY_SOCKET: %s", op_strerror(r));
	op_notify_close(&up);
}
