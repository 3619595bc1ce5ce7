/*
 * web_clients.c - many WebSocket clients in one process: `bench-web-clients PORT TOPIC RATE N
 * SECONDS`.
 *
 * All connect and subscribe; once each has had its first frame the measurement begins. Every frame
 * is looked at: sequence numbers must follow each other, `missed` must stay 0. Prints one JSON
 * object: frames, records, gaps, missed, seconds, and the age of the newest record of a frame on
 * arrival (p50, p99, max, in ms).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <outpost/base.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define AGES (1 << 22)
#define IN_MAX 65536 /* the largest frame is half as long */

struct client {
	int fd;
	bool upgraded, started;
	uint64_t next_seq, missed;
	size_t len;
	uint8_t in[IN_MAX];
};

static struct {
	uint64_t frames, records, gaps, bytes, lost;
} sum;
static float *ages;
static size_t n_ages, n_started;
static bool measuring;

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void say(int fd, const char *text, size_t n)
{
	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		fail("send");
}

static void subscribe(int fd, const char *topic, const char *rate)
{
	char body[160], frame[200] = {(char)0x81};
	int n = snprintf(body, sizeof(body), "{\"subscribe\":[{\"topic\":\"%s\",\"rate\":%s}]}",
			 topic, rate);
	frame[1] = (char)(0x80 | n); /* mask 0: the text as it is */
	memcpy(frame + 6, body, (size_t)n);
	say(fd, frame, (size_t)n + 6);
}

static void open_client(struct client *c, int epoll, uint16_t port)
{
	static const char request[] =
		"GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)))
		fail("connect");
	say(c->fd, request, sizeof(request) - 1);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e))
		fail("epoll_ctl");
}

static void take_frame(struct client *c, const uint8_t *p, size_t n, uint64_t now)
{
	uint32_t count, stride;
	uint64_t first, missed, newest;
	memcpy(&count, p + 4, 4);
	memcpy(&first, p + 8, 8);
	memcpy(&missed, p + 16, 8);
	memcpy(&stride, p + 40, 4);
	if (n < 48 || count == 0 || n != 48 + (size_t)count * stride) {
		fprintf(stderr, "bad frame of %zu bytes\n", n);
		exit(1);
	}
	memcpy(&newest, p + 48 + (size_t)(count - 1) * stride, 8);
	if (!c->started)
		n_started++;
	else if (measuring)
		sum.gaps += first != c->next_seq;
	c->started = true;
	c->next_seq = first + count;
	if (!measuring)
		return;
	sum.frames++;
	sum.records += count;
	sum.lost += missed - c->missed;
	c->missed = missed;
	if (n_ages < AGES)
		ages[n_ages++] = (float)(now - newest) / 1e6f;
}

/* Bytes of the first message in the buffer, 0 if it is not whole. */
static size_t take_message(struct client *c, const uint8_t *p, size_t n, uint64_t now)
{
	size_t head = 2, len = n >= 2 ? p[1] & 0x7f : 0;
	if (n >= 4 && len == 126) {
		len = (size_t)p[2] << 8 | p[3];
		head = 4;
	} else if (len >= 126) {
		return 0;
	}
	if (n < 2 || n < head + len)
		return 0;
	if ((p[0] & 15) == 2)
		take_frame(c, p + head, len, now);
	if ((p[0] & 15) == 8)
		fail("closed by the server");
	return head + len;
}

static void receive(struct client *c, const char *topic, const char *rate)
{
	ssize_t r = recv(c->fd, c->in + c->len, IN_MAX - c->len, MSG_DONTWAIT);
	if (r <= 0)
		fail("recv");
	c->len += (size_t)r;
	sum.bytes += (size_t)r;
	size_t at = 0, n;
	uint64_t now = op_now_ns();
	if (!c->upgraded) {
		uint8_t *end = memmem(c->in, c->len, "\r\n\r\n", 4);
		if (!end)
			return;
		if (memcmp(c->in, "HTTP/1.1 101", 12))
			fail("refused");
		c->upgraded = true;
		at = (size_t)(end + 4 - c->in);
		subscribe(c->fd, topic, rate);
	}
	while ((n = take_message(c, c->in + at, c->len - at, now)))
		at += n;
	memmove(c->in, c->in + at, c->len - at);
	c->len -= at;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static void report(double seconds)
{
	qsort(ages, n_ages, sizeof(*ages), by_size);
	if (!n_ages)
		fail("no frame");
	printf("{\"frames\":%llu,\"records\":%llu,\"gaps\":%llu,\"missed\":%llu,\"seconds\":%.3f,"
	       "\"age_p50_ms\":%.2f,\"age_p99_ms\":%.2f,\"age_max_ms\":%.2f}\n",
	       (unsigned long long)sum.frames, (unsigned long long)sum.records,
	       (unsigned long long)sum.gaps, (unsigned long long)sum.lost, seconds,
	       ages[n_ages / 2], ages[n_ages * 99 / 100], ages[n_ages - 1]);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	size_t n = strtoul(argv[4], NULL, 10);
	double seconds = strtod(argv[5], NULL);
	struct rlimit files = {n + 64, n + 64};
	(void)setrlimit(RLIMIT_NOFILE, &files); /* if it is refused, connect will say so */
	struct client *clients = calloc(n, sizeof(*clients));
	ages = malloc(AGES * sizeof(*ages));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!clients || !ages || epoll < 0)
		fail("start");
	uint64_t begin = 0, end = UINT64_MAX;
	size_t opened = 0;
	while (op_now_ns() < end) {
		struct epoll_event events[256];
		for (int i = 0; i < 32 && opened < n; i++)
			open_client(&clients[opened++], epoll, (uint16_t)atoi(argv[1]));
		int k = epoll_wait(epoll, events, 256, opened < n ? 0 : 1000);
		for (int i = 0; i < k; i++)
			receive(events[i].data.ptr, argv[2], argv[3]);
		if (!measuring && n_started == n) {
			measuring = true;
			begin = op_now_ns();
			end = begin + (uint64_t)(seconds * 1e9);
			puts("measuring");
			fflush(stdout);
		}
	}
	report((double)(op_now_ns() - begin) / 1e9);
	return 0;
}
