/*
 * store_peers.h - what people keep samples in today, for bench-store_ingest.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_BENCH_STORE_PEERS_H
#define OUTPOST_BENCH_STORE_PEERS_H

#include "pbt_signal.h"

/* A row per sample in a database in dir, synchronous=NORMAL, a transaction a second: rows/s, and
 * bytes of the file a row. */
void peer_rows(const char *dir, const struct pbt_slot *slots, size_t n, double *ret_rate,
	       double *ret_bytes);
/* Bytes a sample of line protocol, its raw counts or all fields, gzipped if gz. */
double peer_line_protocol(const struct pbt_slot *slots, size_t n, bool all, bool gz);

#endif
