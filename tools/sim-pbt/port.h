/*
 * port.h - the end a program opens: a pty with links to it, as a USB adapter has.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SIM_PBT_PORT_H
#define OUTPOST_SIM_PBT_PORT_H

#include <limits.h>
#include <outpost/base.h>

#define PORT_BUFFER 65536

struct port {
	int master; /* -1: unplugged */
	int spare;  /* -1, or the pty to come back as, so that it is another one */
	char device[64];
	char link[PATH_MAX], by_id[PATH_MAX]; /* "" : none */
	size_t pending;                       /* bytes not taken yet */
	uint64_t dropped;                     /* bytes nobody took in time */
	char buffer[PORT_BUFFER];
};

void port_init(struct port *p);
/* Makes a pty and the links that are set, with the directories they need. */
int port_plug(struct port *p) OP_MUST_CHECK;
/* Takes pty and links away: who has it open reads end of file. */
void port_unplug(struct port *p);
/* Whether a program has it open. */
bool port_is_open(const struct port *p);
/* Bytes that still fit. */
size_t port_room(const struct port *p);
/* Queues and sends as much as is taken. What does not fit is dropped and counted. */
void port_send(struct port *p, const char *bytes, size_t n);
void port_flush(struct port *p);
/* Waits up to 100 ms until something is taken. */
void port_wait(struct port *p);

#endif
