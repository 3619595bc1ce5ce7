/*
 * courier.h - what must be kept and what must go out, on a thread of its own.
 *
 * Databases block for as long as the medium takes, so the loop that watches the topics has none: it
 * hands jobs over and hears what became of them. The thread owns the key-value store of the
 * service's memory, the outbox, and the loop that requests hang on. What the outbox cannot take
 * goes out from memory; what the store cannot take is tried again. All bounded, all counted.
 *
 * Loop thread, all of it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_COURIER_H
#define OUTPOST_ALERTS_COURIER_H

#include <outpost/service.h>

#include "live.h"

#define COURIER_KEY_MAX 48    /* of a message, with its NUL */
#define COURIER_JOBS_MAX 1024 /* handed over and not begun */
#define COURIER_SPOOL_MAX 256 /* messages in memory because the outbox cannot take them */

/* One message to one channel. */
struct courier_message {
	unsigned channel; /* index into the settings */
	char key[COURIER_KEY_MAX];
	char about[160];
	char *body;         /* JSON */
	bool test;          /* before all others */
	unsigned attempts;  /* 0: those of the channel */
	uint64_t expires_s; /* 0: as the channel says */
};

/* Keeps value under key, then sends the messages, then keeps `after` in its place, so that a
 * process that is killed in between sends them again with the same keys. Any part may be missing.
 */
struct courier_job {
	char key[64];
	char *value, *after;
	bool forget; /* the key */
	struct courier_message *messages;
	size_t n;
	struct courier_job *next;
};
struct courier_job *courier_job_create(size_t n_messages);
void courier_job_free(struct courier_job *job);

/* What became of an attempt. */
struct courier_attempt {
	unsigned channel;
	char key[COURIER_KEY_MAX];
	char message[160]; /* for people, no secret in it */
	int status;        /* of HTTP, 0: there was no answer */
	bool delivered, final;
	unsigned tried, attempts; /* this one is the tried-th; attempts 0: until it expires */
	char answer[201];         /* its begin, without what is secret in the address */
	uint64_t took_ns;
};

/* Figures, as of the last change. */
struct courier_channel_view {
	uint64_t waiting, dead;                                    /* in the outbox */
	uint64_t spooled;                                          /* in memory */
	uint64_t taken, delivered, failed, died, expired, evicted; /* of the outbox, for ever */
	uint64_t from_memory; /* delivered past the outbox, since the start */
	uint64_t dropped;     /* lost: memory was full, too; since the start */
};
struct courier_view {
	struct courier_channel_view channel[ALERTS_CHANNELS_MAX];
	/* 0: well; else why the databases do not take anything; pump: why the outbox cannot be
	 * carried, or what became of its messages noted. */
	int keep_error, outbox_error, pump_error;
	uint64_t jobs_dropped; /* more than COURIER_JOBS_MAX */
	uint64_t busy_ns;      /* since when the thread is at the same job; 0: it is not */
};

struct courier_params {
	struct op_service *service;
	const struct alerts_settings *set;   /* names and numbers of things */
	const struct live *live;             /* channels as they are now: copied */
	const char *keep_path, *outbox_path; /* borrowed */
	/* Everything that was kept, an entry at a time, then loaded: also again after the store
	 * could not be opened at first. err: why it could not. */
	void (*entry)(void *arg, const char *key, const char *value);
	void (*loaded)(void *arg, int err);
	void (*attempt)(void *arg, const struct courier_attempt *a);
	void *arg;
};

struct courier;
int courier_start(const struct courier_params *params, struct courier **ret) OP_MUST_CHECK;
/* Takes the job. Over the bound it is dropped and counted. */
void courier_post(struct courier *c, struct courier_job *job);
void courier_view(struct courier *c, struct courier_view *ret);
/* From its next attempt on the channel is like this; copied. One without an address, or that is not
 * enabled, keeps what waits. */
void courier_configure(struct courier *c, unsigned channel, const struct alerts_channel *to);
/* Lets the thread finish the jobs it has, joins it and calls closed(arg) when no handle is left: on
 * a later turn of the loop. NULL: closed is called at once. */
void courier_stop(struct courier *c, void (*closed)(void *arg), void *arg);

/* The calls of that name (lib/net/outbox_calls.h), made on the courier's thread. args is copied; fn
 * is called later with what they return, and takes result (may be NULL). */
enum courier_ask { COURIER_RETRY, COURIER_DROP };
typedef void (*courier_answer_fn)(void *arg, int err, json_t *result, const char *error);
int courier_ask(struct courier *c, enum courier_ask what, const json_t *args, courier_answer_fn fn,
		void *arg) OP_MUST_CHECK;

#endif
