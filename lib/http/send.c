/*
 * send.c - the way out of a connection: what the socket does not take at once is kept.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

bool http_conn_pending(const struct op_http_conn *c)
{
	return c->out_pos < c->out_len || c->file_fd >= 0 || c->reply;
}

/* Keeps the part of an answer from byte `sent` on. False if there is no memory for it. */
static bool keep_rest(struct op_http_conn *c, const struct iovec iov[2], size_t sent)
{
	size_t total = iov[0].iov_len + iov[1].iov_len, have = c->out_len - c->out_pos;
	char *out = malloc(have + total - sent);
	if (!out)
		return false;
	if (have)
		memcpy(out, c->out + c->out_pos, have);
	size_t n = have;
	for (int i = 0; i < 2; i++) {
		size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;
		if (iov[i].iov_len > skip)
			memcpy(out + n, (const char *)iov[i].iov_base + skip,
			       iov[i].iov_len - skip);
		n += iov[i].iov_len - skip;
		sent -= skip;
	}
	free(c->out);
	c->out = out;
	c->out_len = n;
	c->out_pos = 0;
	return true;
}

bool http_conn_queue(struct op_http_conn *c, const struct iovec parts[2])
{
	return keep_rest(c, parts, 0);
}

static ssize_t send_some(int fd, const struct iovec *iov, size_t n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};
	ssize_t r = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (r < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return r;
}

static int flush_file(struct op_http_conn *c)
{
	while (c->file_pos < c->file_end) {
		ssize_t r = sendfile(c->fd, c->file_fd, &c->file_pos,
				     (size_t)(c->file_end - c->file_pos));
		if (r < 0 && errno != EINTR)
			return errno == EAGAIN ? 0 : -errno;
		if (r == 0)
			return -EIO; /* the file became shorter than its Content-Length */
		if (r > 0)
			c->server->count.bytes_out += (uint64_t)r;
	}
	close(c->file_fd);
	c->file_fd = -1;
	return 1;
}

static int flush_out(struct op_http_conn *c)
{
	if (c->out_pos == c->out_len)
		return 1;
	struct iovec iov = {c->out + c->out_pos, c->out_len - c->out_pos};
	ssize_t r = send_some(c->fd, &iov, 1);
	if (r < 0)
		return (int)r;
	c->server->count.bytes_out += (uint64_t)r;
	c->out_pos += (size_t)r;
	if (c->out_pos < c->out_len)
		return 0;
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_pos = 0;
	return 1;
}

int http_conn_flush(struct op_http_conn *c)
{
	int r;
	do
		r = flush_out(c);
	while (r > 0 && c->reply && http_reply_push(c->reply));
	return r > 0 && c->file_fd >= 0 ? flush_file(c) : r;
}

void http_conn_send(struct op_http_conn *c, const void *head, size_t n_head, const void *body,
		    size_t n_body, const struct http_part *part)
{
	struct op_http *h = c->server;
	struct iovec iov[2] = {{(void *)head, n_head}, {(void *)body, n_body}};
	ssize_t r = http_conn_pending(c) ? 0 : send_some(c->fd, iov, 2);
	if (part) {
		c->file_fd = part->fd;
		c->file_pos = part->from;
		c->file_end = part->to;
	}
	if (r < 0 || ((size_t)r < n_head + n_body && !keep_rest(c, iov, (size_t)r))) {
		http_conn_close(c, &h->count.by_peer);
		return;
	}
	h->count.bytes_out += (uint64_t)r;
	if (c->file_fd >= 0 && c->out_pos == c->out_len && flush_file(c) < 0)
		http_conn_close(c, &h->count.by_peer);
}

int http_conn_unacked(const struct op_http_conn *c)
{
	int n;
	return ioctl(c->fd, SIOCOUTQ, &n) ? 0 : n;
}
