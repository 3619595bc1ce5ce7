/*
 * base.h - the ground everything stands on: errors, time, log, cleanup.
 *
 * Errors. Everything that can fail returns 0 (or a count) or a negative number: a negated
 * errno, or one of the domain codes below where the caller must react differently.
 * op_strerror() knows both. Outputs are named ret_* and are untouched on failure.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BASE_H
#define OUTPOST_BASE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define OP_MUST_CHECK __attribute__((warn_unused_result))
#define OP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define OP_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Domain codes, returned negated; they start above every errno of Linux. */
enum {
	OP_EGONE = 4096, /* the device or peer went away: reopen it */
	OP_ESCHEMA,      /* the topic has another schema now: reopen it */
	OP_EDAMAGED,     /* a file is not what it should be: set it aside */
	OP_ENEWER,       /* a file was made by a newer version: leave it alone */
};

/* Text for a returned error (either sign). Static storage or thread-local buffer; any thread. */
const char *op_strerror(int err);

/* ---- time ------------------------------------------------------------------------------ */

#define OP_NS_PER_S 1000000000ULL
#define OP_NS_PER_MS 1000000ULL
#define OP_NS_PER_US 1000ULL

/* Nanoseconds since boot, suspend included (CLOCK_BOOTTIME). The only clock for durations,
 * deadlines and record stamps: it never steps. Any thread, no system call where the vDSO has it. */
uint64_t op_now_ns(void);

/* Wall-clock nanoseconds since 1970 of a boot-clock stamp, by the offset between both clocks
 * now. For display and storage at the edges only; steps when somebody sets the clock. */
int64_t op_wall_ns(uint64_t boot_ns);

/* RFC 3339 in UTC with milliseconds, "2026-11-21T10:00:00.123Z", into out (>= 32 bytes). */
#define OP_RFC3339_BYTES 32
void op_time_rfc3339(int64_t wall_ns, char out[OP_RFC3339_BYTES]);

/* ---- log ------------------------------------------------------------------------------- */

/* Numbers are those of syslog(3) and sd-daemon(3). */
enum op_level {
	OP_CRIT = 2, /* nothing works until somebody comes */
	OP_ERR = 3,
	OP_WARNING = 4,
	OP_NOTICE = 5,
	OP_INFO = 6,
	OP_DEBUG = 7,
};

enum op_log_format {
	OP_LOG_PLAIN,  /* "time level text", for a file */
	OP_LOG_COLOUR, /* the same with ANSI colours, for a terminal */
	OP_LOG_PREFIX, /* "<6>text": journald and `outpost run` add the rest */
};

/* Only services and tools log; libraries return errors. One write(2) per line to stderr, lines
 * over 1 KiB are cut and marked, control characters are escaped so that a line stays a line.
 * Any thread, but never on a sample path. The format is chosen by op_log_open from the
 * environment (JOURNAL_STREAM, OUTPOST_LOG=prefix|plain|colour) and isatty. */
void op_log_open(void);
void op_log_set_level(enum op_level most);
void op_log(enum op_level level, const char *fmt, ...) OP_PRINTF(2, 3);

/* ---- cleanup --------------------------------------------------------------------------- */

static inline void op_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void op_cleanup_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing can be done about a failed close of a local */
}

#define OP_AUTO_FREE __attribute__((cleanup(op_cleanup_free)))
#define OP_AUTO_CLOSE __attribute__((cleanup(op_cleanup_close)))

/* All n bytes, however many writes it takes. 0 or a negative errno, some may be written then; a
 * descriptor that does not block is not for this. Any thread. */
int op_write_all(int fd, const void *bytes, size_t n) OP_MUST_CHECK;

/* Hand over a local that has a cleanup attribute. */
static inline int op_steal_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#define OP_STEAL(p)                            \
	({                                     \
		__typeof__(p) op_taken_ = (p); \
		(p) = NULL;                    \
		op_taken_;                     \
	})

#endif
