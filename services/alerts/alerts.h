/*
 * alerts.h - what the files of outpost-alerts share: the rules at work, their topics, who is told.
 *
 * Loop thread, all of it. The databases and the network are the courier's.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_ALERTS_H
#define OUTPOST_ALERTS_H

#include "courier.h"
#include "lib/store/clock.h"
#include "message.h"
#include "topics.h"

#define ALERTS_ID_BYTES 17       /* 16 digits */
#define ALERTS_DIGEST_ENTRIES 80 /* of one digest; more are only counted */
#define ALERTS_MUTE_MAX_MIN 10080

struct alerts;

/* What was sent to channels, and for which of them the outcome is not known yet. */
struct sent {
	char key[COURIER_KEY_MAX];
	char id[ALERTS_ID_BYTES]; /* of the alert */
	uint64_t ns;              /* boot time of the record */
	uint64_t until_ns;        /* after that nothing more is heard of it */
	uint64_t seen_ns;         /* boot time of the newest record then */
	unsigned open;            /* a bit for each channel */
	bool delivered;           /* to one of them */
	bool logged;              /* that it was */
};

/* One rule at work. */
struct alert {
	struct alerts *alerts;
	const struct alerts_rule *set;
	struct rule rule;
	struct watch *watch;

	/* of the topic as it is now */
	const struct op_field *field; /* NULL: none, or not usable */
	bool text;                    /* field is a text */
	double wanted;                /* number or label that equals and differs compare with */
	char problem[224];            /* why it cannot work; "": it can */

	/* of the alert */
	char id[ALERTS_ID_BYTES];      /* of the raised one */
	int64_t since_wall_ns;         /* 0: not known */
	char label[64];                /* of the value, "" for numbers */
	char unit[16], reason[192];    /* what was found */
	bool logged;                   /* the log knows it as raised */
	bool told;                     /* receivers know it as raised */
	char told_id[ALERTS_ID_BYTES]; /* under this id */
	uint64_t muted_until_ns;       /* boot time; 0: it is not */
	int64_t muted_until_wall_ns;   /* 0: not known */
	uint64_t raises;
	uint64_t event_ns; /* boot time of what was judged last */

	/* the last messages of either kind, as long as their outcome counts */
	struct sent raise, clear;
};

/* One topic that rules look at. */
struct watch {
	struct alerts *alerts;
	const char *topic;
	struct alert *alert[ALERTS_RULES_MAX];
	size_t n;
	bool values, silence; /* some rule looks at values; at silence */
	struct op_subscription *sub;
	uint64_t next_seq;        /* 0: none yet */
	uint64_t seen_ns;         /* stamp of the newest record that was judged */
	uint64_t newest_seq;      /* that is judged although it is older */
	bool opened;              /* the topic was opened, and nothing of it is judged yet */
	struct op_reader *reader; /* for silence */
	uint64_t since_ns;        /* nothing is known of the time before */
	bool written;             /* it had a writer */
};

struct digest {
	struct alerts *alerts;
	const struct alerts_digest *set;
	json_t *entries; /* array of {"line","slack","alert"}; NULL: none */
	uint64_t more;   /* that there was no room for */
	uint64_t due_ns; /* boot time; 0: nothing to send */
};

struct channel {
	bool failing;
	char error[160];
	uint64_t attempts, failures;
};

/* A report at work. */
struct report {
	const struct alerts_report *set;
	uint64_t every_ns, anchor_ns; /* anchor 0: no channel has an address */
	bool first;                   /* with the next record, whenever that is */
	struct op_reader *reader;
	uint64_t seq; /* of the newest record that was looked at */
	bool seen;
};

struct test; /* a call that waits for its messages: calls.c */

struct alerts {
	struct op_service *service;
	const struct alerts_settings *set;
	struct live live; /* channels and thresholds as they are now */
	struct courier *courier;
	struct op_writer *events, *state;
	uv_timer_t second;
	unsigned handles;
	bool watching;   /* rules are at work */
	bool supervised; /* by `outpost run` */
	bool stopped;
	uint64_t started_ns, looked_ns, stated_ns;
	struct op_clock clock;
	char boot_id[40], host[64], keep_path[PATH_MAX], outbox_path[PATH_MAX];
	struct alert alert[ALERTS_RULES_MAX];
	size_t n_alerts;
	struct watch watch[ALERTS_RULES_MAX];
	size_t n_watches;
	struct digest digest[ALERTS_DIGESTS_MAX];
	struct channel channel[ALERTS_CHANNELS_MAX];
	uint64_t n_events, records;
	struct report report[ALERTS_REPORTS_MAX];
	uint64_t cycle[ALERTS_RULES_MAX]; /* records that were counted last */
	uint64_t cycles_told;
	struct test *tests; /* under way */
	uint64_t tested_ns;
};

/* watch.c */
void watch_add(struct alerts *a, struct alert *al);
int watch_start(struct alerts *a) OP_MUST_CHECK;
void watch_silence(struct alerts *a, uint64_t now_ns); /* once a second */
void watch_stop(struct alerts *a);

/* tell.c */
/* A rule was raised or cleared by what was seen at boot_ns. */
void tell_event(struct alert *al, enum rule_event event, uint64_t boot_ns);
/* The raised rule is off now: that is no end that anybody is told of. */
void tell_off(struct alert *al);
/* Brings what receivers know up to what is, unless the rule is muted. */
void tell_now(struct alert *al, uint64_t boot_ns);
/* The end of a confirmed rule that nobody took yet: once more. */
void tell_end_again(struct alert *al);
void tell_digests(struct alerts *a, uint64_t now_ns);
bool tell_muted(const struct alert *al);
void tell_place(const struct alerts *a, uint64_t boot_ns, struct message_place *ret);
/* The same for messages: a clock that is not known may be shown, as the settings say. */
void tell_place_shown(const struct alerts *a, uint64_t boot_ns, struct message_place *ret);
/* What time it is, and what that is worth; once a second. */
void tell_clock(struct alerts *a);
/* A wall time that is certain to be past. */
void tell_floor(struct alerts *a, int64_t wall_ns);
bool tell_takes(const struct alerts *a, size_t channel, const char *list);
/* The body of a message to the channel becomes the job's next message, unless memory is short;
 * takes what is in the buffer. */
void tell_add(struct courier_job *job, size_t channel, const char *key, struct op_buf *body);
void tell_new_id(char id[ALERTS_ID_BYTES]);
const char *tell_key(char key[COURIER_KEY_MAX], const char *id, const char *what);
bool tell_is_test(const char *key);
void tell_state(struct alerts *a); /* the topic alerts.state */

/* ask.c: what became of the messages of a rule */
/* Sent is what was put into the job. */
void ask_begin(struct alert *al, struct sent *s, const char *id, const struct courier_job *job,
	       uint64_t boot_ns);
/* After a restart: the same, of the channels that the rule has now. */
void ask_resume(struct alert *al);
void ask_attempt(struct alerts *a, const struct courier_attempt *attempt);
void ask_look(struct alerts *a, uint64_t now_ns); /* what is not heard of any more */

/* log.c */
/* Who is told, and who is not, as it is now. */
void log_channels(const struct alerts *a);
/* An alert, or its end if its beginning was logged. */
void log_message(struct alert *al, const struct message *m);
/* was, failing: whether the channel did, before this and now. */
void log_attempt(const struct alerts_channel *ch, const struct courier_attempt *at, bool was,
		 bool failing);
/* Names what of the record of that boot time was taken and is not logged yet. */
void log_sent(struct alerts *a, uint64_t ns);
/* The same when nothing of it is on its way any more. */
void log_sent_if_whole(struct alerts *a, uint64_t ns);

/* report.c */
void report_start(struct alerts *a);
void report_look(struct alerts *a, uint64_t now_ns); /* once a second */
void report_stop(struct alerts *a);
/* A message for each channel that takes it; NULL: no memory. index: of the settings. */
struct courier_job *report_write(struct alerts *a, size_t index, const char *key);
/* Of the settings; their number if there is none of the name. */
size_t report_find(const struct alerts *a, const char *name);

/* calls_test.c */
int call_test(struct op_service *s, json_t *args, json_t **ret_result, struct op_buf *error);

/* keep.c */
/* What is kept of a rule or a digest, as JSON; messages that are still to be put into the outbox
 * are kept with it. NULL: no memory. */
char *keep_rule(const struct alert *al, const struct courier_job *pending);
char *keep_digest(const struct digest *d, const struct courier_job *pending);
void keep_rule_now(struct alert *al); /* a change that tells nobody */
void keep_entry(struct alerts *a, const char *key, const char *value);

/* changes.c */
void changes_keep(const struct alerts *a);
void changes_restore(struct alerts *a); /* before anything looks at what is live */

/* calls.c */
extern const struct op_call alerts_calls[];
extern const size_t alerts_calls_count;
/* calls_test.c */
void calls_attempt(struct alerts *a, const struct courier_attempt *attempt);
void calls_look(struct alerts *a, uint64_t now_ns); /* a test that takes too long */
void calls_stop(struct alerts *a);
/* "": off or a log; else what may be shown of its address. */
void calls_masked(const struct alerts_channel *ch, char *out, size_t size);

#endif
