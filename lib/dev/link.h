/*
 * link.h - the life of a device that streams: missing, silent, noisy, or live. No I/O, no clock.
 *
 * The owner of the descriptor reports what happens and does what it is told; times are passed in.
 *
 *                      OPENED    REFUSED   BYTES  SAMPLE    STABLE  UNSTABLE  HANGUP    DUE
 *     MISSING          SETTLING  MISSING   -      -         -       -         -         open
 *     SETTLING         -         -         heard  alive     LIVE    -         MISSING   quiet
 *     LIVE             -         -         heard  alive     -       SETTLING  MISSING   quiet
 *     SILENT, NOISE    (stays)   MISSING   heard  SETTLING  -       -         MISSING   quiet or
 * open
 *
 * quiet: no sample in time. The device is closed, the state is SILENT if not one byte came and
 * NOISE if some did, and it is opened again, for ever. A device that is silent stays so when it is
 * opened again, until it speaks: the state tells what is known, not what is being tried. The first
 * attempt after a loss comes soon (retry_first_ms), then one each retry_ms (B6).
 *
 * Opening resets a board that sits behind DTR; it then says nothing for 2 to 4 s. Hence first_ms is
 * longer than silence_ms: a shorter one would reset it for ever.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_DEV_LINK_H
#define OUTPOST_DEV_LINK_H

#include <outpost/base.h>

enum op_link_state {
	OP_LINK_MISSING,
	OP_LINK_SETTLING, /* samples come or are hoped for; they are not steady yet */
	OP_LINK_LIVE,
	OP_LINK_SILENT,
	OP_LINK_NOISE,
	OP_LINK_STATES
};

enum op_link_event {
	OP_LINK_OPENED,
	OP_LINK_REFUSED,  /* opening failed */
	OP_LINK_BYTES,    /* something was read, no sample in it */
	OP_LINK_SAMPLE,   /* at least one sample was read */
	OP_LINK_STABLE,   /* the samples can be used */
	OP_LINK_UNSTABLE, /* they cannot any more */
	OP_LINK_HANGUP,   /* the device is gone */
	OP_LINK_DUE,      /* op_link_due_ns has come */
	OP_LINK_EVENTS
};

enum op_link_action { OP_LINK_NOTHING, OP_LINK_OPEN, OP_LINK_CLOSE };

struct op_link_params {
	unsigned first_ms;       /* from opening to the first sample */
	unsigned silence_ms;     /* between samples */
	unsigned retry_first_ms; /* from a loss to the first attempt */
	unsigned retry_ms;       /* between attempts */
};

struct op_link {
	struct op_link_params params;
	enum op_link_state state;
	bool open;
	bool heard;        /* bytes since the last sample or since opening */
	uint64_t since_ns; /* when state was entered */
	uint64_t due_ns;
	uint64_t opens, losses; /* opened; hung up or closed for silence or noise */
};

/* MISSING, and due at once. */
void op_link_init(struct op_link *l, const struct op_link_params *params, uint64_t now_ns);

/* Reports an event; returns what to do now. OPEN: try, then report OPENED or REFUSED. CLOSE: close
 * the descriptor; nothing is reported back. After HANGUP the answer is CLOSE. */
enum op_link_action op_link_event(struct op_link *l, enum op_link_event e, uint64_t now_ns);

/* When to report DUE, if nothing else happens. */
static inline uint64_t op_link_due_ns(const struct op_link *l)
{
	return l->due_ns;
}

extern const char *const op_link_state_names[];

#endif
