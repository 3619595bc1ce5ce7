/*
 * health.c - `outpost health URL`: is the answer to an HTTP GET a good one? For the health checks
 * of containers, which have neither curl nor Python.
 *
 * One thread, sockets with one deadline for all; HTTP/1.0, so that the answer ends with the
 * connection. Without libcurl, which `outpost` does not load. Follows outpost-health(1).
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <outpost/buf.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "tools/text.h"
#include "tools/tools.h"

#define ANSWER_MAX (64 * 1024)

static const char help[] =
	"usage: outpost health URL [--timeout SECONDS]\n\n"
	"Asks an http URL and leaves with 0 if the answer is good (200 to 299), else with 1;\n"
	"prints what was answered. The time for all of it is 5 s by default.\n";

struct ask {
	char host[256], port[8];
	const char *path;
	uint64_t deadline_ns;
	char answer[ANSWER_MAX];
	size_t n;
};

/* http://HOST[:PORT][/PATH], HOST perhaps an IPv6 address in brackets. */
static bool parse_url(const char *url, struct ask *a)
{
	if (strncasecmp(url, "http://", 7))
		return false;
	const char *host = url + 7, *end = host + strcspn(host, "/?#");
	bool v6 = *host == '[';
	const char *stop = v6 ? strchr(host, ']') : memchr(host, ':', (size_t)(end - host));
	const char *rest = stop ? stop + v6 : end;
	if (v6 && (!stop || stop > end))
		return false;
	size_t n = (size_t)((stop ? stop : end) - host) - v6;
	if (n == 0 || n >= sizeof(a->host) || (rest < end && *rest != ':'))
		return false;
	memcpy(a->host, host + v6, n);
	a->host[n] = '\0';
	int digits = rest < end ? (int)(end - rest) - 1 : 0;
	if (digits > 5 || (rest < end && digits == 0))
		return false;
	(void)snprintf(a->port, sizeof(a->port), "%.*s", digits ? digits : 2,
		       digits ? rest + 1 : "80"); /* five digits at most */
	a->path = *end == '/' ? end : "/";
	return !a->port[strspn(a->port, "0123456789")];
}

/* ---- the connection ------------------------------------------------------------------------ */

static int wait_for(const struct ask *a, int fd, short events)
{
	uint64_t now = op_now_ns();
	if (now >= a->deadline_ns)
		return -ETIMEDOUT;
	struct pollfd p = {.fd = fd, .events = events};
	int r = poll(&p, 1, (int)((a->deadline_ns - now) / OP_NS_PER_MS) + 1);
	return r < 0 && errno != EINTR ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int connect_to(const struct ask *a, const struct addrinfo *to)
{
	OP_AUTO_CLOSE int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int err = connect(fd, to->ai_addr, to->ai_addrlen) < 0 ? errno : 0;
	socklen_t size = sizeof(err);
	if (err == EINPROGRESS) {
		int r = wait_for(a, fd, POLLOUT);
		if (r < 0)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
			return -errno;
	}
	return err ? -err : op_steal_fd(&fd);
}

static int send_all(const struct ask *a, int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, data, n, MSG_NOSIGNAL);
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		int r = done < 0 ? wait_for(a, fd, POLLOUT) : 0;
		if (r < 0)
			return r;
		data += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

/* To its end, or as much as there is room for: then the rest does not matter. */
static int receive(struct ask *a, int fd)
{
	while (a->n < sizeof(a->answer) - 1) {
		ssize_t n = recv(fd, a->answer + a->n, sizeof(a->answer) - 1 - a->n, 0);
		if (n == 0)
			break;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		int r = n < 0 ? wait_for(a, fd, POLLIN) : 0;
		if (r < 0)
			return r;
		a->n += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int exchange(struct ask *a, int fd)
{
	char request[2048];
	bool v6 = strchr(a->host, ':');
	int n = snprintf(request, sizeof(request),
			 "GET %s HTTP/1.0\r\nHost: %s%s%s:%s\r\nUser-Agent: outpost-health\r\n"
			 "Accept: */*\r\nConnection: close\r\n\r\n",
			 a->path, v6 ? "[" : "", a->host, v6 ? "]" : "", a->port);
	if (n >= (int)sizeof(request))
		return -ENAMETOOLONG;
	int r = send_all(a, fd, request, (size_t)n);
	return r < 0 ? r : receive(a, fd);
}

/* Each address of the name in turn. */
static int ask_all(struct ask *a)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all = NULL;
	int r = getaddrinfo(a->host, a->port, &hints, &all);
	if (r != 0) {
		fprintf(stderr, "outpost health: %s: %s\n", a->host, gai_strerror(r));
		return -ENOENT;
	}
	r = -ENOENT;
	for (const struct addrinfo *at = all; at && r < 0; at = at->ai_next) {
		OP_AUTO_CLOSE int fd = connect_to(a, at);
		r = fd < 0 ? fd : exchange(a, fd);
	}
	freeaddrinfo(all);
	if (r < 0)
		fprintf(stderr, "outpost health: %s port %s: %s\n", a->host, a->port,
			op_strerror(r));
	return r;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static int judge(struct ask *a)
{
	a->answer[a->n] = '\0';
	int status = 0;
	if (sscanf(a->answer, "HTTP/%*1d.%*1d %3d", &status) != 1) {
		fputs("outpost health: the answer is not HTTP\n", stderr);
		return 1;
	}
	const char *body = strstr(a->answer, "\r\n\r\n");
	body = body ? body + 4 : "";
	char line[1024];
	op_text_safe(body, strcspn(body, "\r\n"), line, sizeof(line));
	printf("%d %s\n", status, line);
	return status >= 200 && status < 300 ? 0 : 1;
}

static bool take_timeout(const char *text, double *ret)
{
	char *end;
	*ret = strtod(text, &end);
	return end > text && !*end && *ret > 0 && *ret <= 3600;
}

static int usage(const char *why)
{
	fprintf(stderr, "outpost health: %s\nTry 'outpost health --help'.\n", why);
	return 2;
}

int op_tool_health(int argc, char **argv)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	static struct ask a;
	double timeout_s = 5;
	optind = 0; /* the caller parsed before us */
	for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
		if (c == 'h')
			return fputs(help, stdout) == EOF;
		if (c != 't' || !take_timeout(optarg, &timeout_s))
			return usage("--timeout is from more than 0 to 3600 seconds");
	}
	if (optind + 1 != argc)
		return usage("one URL, please");
	if (!parse_url(argv[optind], &a))
		return usage("the URL is http://HOST[:PORT][/PATH]");
	a.deadline_ns = op_now_ns() + (uint64_t)(timeout_s * 1e9);
	return ask_all(&a) < 0 ? 1 : judge(&a);
}
