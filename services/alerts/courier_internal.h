/*
 * courier_internal.h - what both sides of the courier share: courier.c, the loop that hands over;
 * courier_work.c, the thread; courier_spool.c, its way past a broken disk.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_COURIER_INTERNAL_H
#define OUTPOST_ALERTS_COURIER_INTERNAL_H

#include <outpost/kv.h>
#include <outpost/outbox.h>
#include <pthread.h>

#include "courier.h"
#include "lib/net/pump.h"

#define COURIER_TICK_MS 1000               /* while something is broken; it sleeps otherwise */
#define COURIER_RETRY_NS (2 * OP_NS_PER_S) /* between two attempts at a broken medium */

/* What the thread tells the loop. */
enum note_kind { NOTE_ENTRY, NOTE_LOADED, NOTE_ATTEMPT, NOTE_ANSWER };
struct note {
	enum note_kind kind;
	char *key, *value; /* of an entry; value: text of an error */
	json_t *result;    /* of an answer */
	int err;
	struct courier_attempt attempt;
	courier_answer_fn fn;
	void *arg;
	struct note *next;
};

/* What the store has not taken yet: the newest value of each key, NULL to forget it. */
struct unkept {
	char key[64];
	char *value;
	struct unkept *next;
};

struct spooled {
	struct courier_message message;
	uint64_t since_ns, due_ns;
	unsigned tried;
	struct spooled *next;
};

/* The way of one channel past the outbox: the head is sent, one request at a time. */
struct spool {
	struct courier *courier;
	unsigned channel;
	struct spooled *first, *last;
	size_t n;
	struct op_post *flight;
};

struct question {
	enum courier_ask what;
	json_t *args; /* our own copy */
	courier_answer_fn fn;
	void *arg;
	struct question *next;
};

struct courier {
	struct courier_params params;
	bool sends; /* a channel has had an address: there is an outbox */
	pthread_t thread;
	uv_async_t back; /* to the loop */
	bool started;
	void (*closed)(void *arg);
	void *closed_arg;

	pthread_mutex_t lock; /* of what follows, up to the next comment; held for a copy only */
	struct courier_job *jobs, **jobs_end;
	struct question *questions, **questions_end;
	size_t n_jobs;
	struct note *notes, **notes_end;
	bool stop, ended;
	struct alerts_channel wanted[ALERTS_CHANNELS_MAX];
	unsigned changed; /* a bit for each of wanted that is to be applied */
	struct courier_view view;

	/* thread only */
	struct alerts_channel channel[ALERTS_CHANNELS_MAX]; /* as they are now */
	uint64_t changed_ns[ALERTS_CHANNELS_MAX];           /* last change of the address */
	uv_loop_t loop;
	uv_async_t wake;
	uv_prepare_t before_sleep;
	uv_timer_t tick; /* runs while something is to be tried again */
	struct op_kv *kv;
	struct op_outbox *outbox;
	struct op_post_client *client;
	struct op_pump *pump;
	bool loaded, stopping;
	bool uncounted; /* the outbox could not note an attempt, and will: count then */
	int keep_error, outbox_error;
	uint64_t retry_ns; /* not before: broken media */
	struct unkept *unkept;
	struct spool spool[ALERTS_CHANNELS_MAX];
	size_t n_spooled;
};

/* courier.c */
void courier_note(struct courier *c, struct note *n); /* thread; takes it */
/* a: channel, delivered, final, tried and attempts are the caller's. */
void courier_tell_attempt(struct courier *c, const struct courier_attempt *a, const char *key,
			  const struct op_post_result *r);

/* courier_work.c */
void *courier_work(void *arg);
void courier_wake(uv_async_t *async);  /* on the thread's loop */
void courier_count(struct courier *c); /* the outbox's figures into the view */
void courier_open_outbox(struct courier *c);
int courier_put(struct courier *c, const struct courier_message *m) OP_MUST_CHECK;
#define COURIER_SET(c, member, op, value)               \
	do {                                            \
		(void)pthread_mutex_lock(&(c)->lock);   \
		(c)->view.member op(value);             \
		(void)pthread_mutex_unlock(&(c)->lock); \
	} while (0)

/* courier_channels.c */
/* Something may be sent to the channel now. */
bool courier_open(const struct courier *c, unsigned channel);
int courier_targets(struct courier *c) OP_MUST_CHECK; /* all into the pump */
void courier_change(struct courier *c);               /* what the loop wants changed */

/* courier_spool.c */
void spool_add(struct courier *c, struct courier_message *m); /* takes its body */
/* Tries the outbox again (if retry), then sends what is due. */
void spool_look(struct courier *c, bool retry);
void spool_close(struct courier *c);

#endif
