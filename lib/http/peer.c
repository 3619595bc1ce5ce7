/*
 * peer.c - who asks: the address at the other end of a connection.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static bool peer(const struct op_http_request *rq, struct sockaddr_storage *ret)
{
	socklen_t n = sizeof(*ret);
	return getpeername(rq->conn->fd, (struct sockaddr *)ret, &n) == 0;
}

/* 4 or 6, or 0; an IPv4 address in IPv6 (RFC 4291, 2.5.5.2) is taken out of it. */
static int take(const struct sockaddr_storage *a, struct in_addr *ret4, struct in6_addr *ret6)
{
	if (a->ss_family == AF_INET) {
		*ret4 = ((const struct sockaddr_in *)a)->sin_addr;
		return 4;
	}
	if (a->ss_family != AF_INET6)
		return 0;
	*ret6 = ((const struct sockaddr_in6 *)a)->sin6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(ret6))
		return 6;
	memcpy(ret4, ret6->s6_addr + 12, sizeof(*ret4));
	return 4;
}

void op_http_peer(const struct op_http_request *rq, char ret[OP_HTTP_PEER_BYTES])
{
	struct sockaddr_storage a;
	struct in_addr four;
	struct in6_addr six;
	int kind = peer(rq, &a) ? take(&a, &four, &six) : 0;
	*ret = '\0';
	if (kind == 4)
		(void)inet_ntop(AF_INET, &four, ret, OP_HTTP_PEER_BYTES); /* there is room */
	else if (kind == 6)
		(void)inet_ntop(AF_INET6, &six, ret, OP_HTTP_PEER_BYTES);
}

static bool is_private_v4(uint32_t a)
{
	return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
	       a >> 16 == 0xa9fe; /* 127/8, 10/8, 172.16/12, 192.168/16, 169.254/16 */
}

bool http_address_is_private(const struct sockaddr_storage *a)
{
	struct in_addr four;
	struct in6_addr six;
	int kind = take(a, &four, &six);
	if (kind == 4)
		return is_private_v4(ntohl(four.s_addr));
	return kind == 6 && (IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_LINKLOCAL(&six) ||
			     (six.s6_addr[0] & 0xfe) == 0xfc);
}

bool op_http_peer_is_private(const struct op_http_request *rq)
{
	struct sockaddr_storage a;
	return peer(rq, &a) && http_address_is_private(&a);
}
