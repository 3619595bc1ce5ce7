/*
 * hub_rate.c - contract R21: a client that reads too slowly gets fewer frames, and all of them
 * again when it keeps up.
 *
 * Two real WebSocket clients over TCP on a hub in this process, all driven from one loop: one reads
 * what there is, the other so much per second and no more. Each looks at every frame: what it
 * misses must be what it is told.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include <arpa/inet.h>
#include <outpost/hub.h>
#include <outpost/topic.h>
#include <sys/socket.h>

#include "bus_topics.h"
#include "test.h"

#define RATE_HZ 40
#define CHECK_MS 100
#define CALM_CHECKS 20         /* as client.c has it */
#define BUSY_RECORDS_S 40000.0 /* 5.4 MB/s */
#define QUIET_RECORDS_S 400.0
#define SLOW_BYTES_S 1e6
#define STEPS_MAX 64

struct client {
	int fd;
	bool upgraded;
	double rates[STEPS_MAX]; /* told by schemas, in order */
	uint64_t told_ns[STEPS_MAX];
	size_t n_rates;
	uint16_t id; /* of the subscription whose frames come */
	bool seq_known;
	uint64_t next_seq, gaps, records;
	size_t len;
	uint8_t in[1 << 17]; /* a frame has at most 32 KiB */
};

static uv_loop_t loop;
static struct op_http *http;
static struct op_hub *hub;
static struct op_writer *writer;
static struct client fast, slow;
static uint64_t number;

static void start(void)
{
	struct op_http_settings set = {.host = "127.0.0.1", .max_connections = 8};
	struct op_hub_settings hub_set = {.bus_dir = op_test_dir(), .check_ms = CHECK_MS};
	struct op_topic_type type = mark_topic;
	type.capacity = 32768;
	type.rate_mhz = 400000;
	CHECK_INT(op_writer_open(op_test_dir(), "m", &type, &writer, NULL), 0);
	CHECK_INT(uv_loop_init(&loop), 0);
	CHECK_INT(op_http_create(&loop, &set, &http), 0);
	CHECK_INT(op_hub_create(&loop, &hub_set, &hub), 0);
	CHECK_INT(op_hub_mount(hub, http, "/ws"), 0);
}

static void stop(void)
{
	op_hub_close(hub);
	op_http_close(http);
	CHECK_INT(uv_run(&loop, UV_RUN_DEFAULT), 0);
	CHECK_INT(uv_loop_close(&loop), 0);
	uv_library_shutdown(); /* closes its pipe for signals */
	op_writer_close(writer);
	close(fast.fd);
	close(slow.fd);
}

/* ---- a client ---------------------------------------------------------------------------- */

static void say(int fd, const void *data, size_t n)
{
	CHECK_INT(send(fd, data, n, MSG_NOSIGNAL), n);
}

/* The handshake; receive_bytes 0: as the system likes. */
static void dial(struct client *c, int receive_bytes)
{
	static const char upgrade[] =
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(op_http_port(http))};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (receive_bytes)
		CHECK_INT(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
				     sizeof(receive_bytes)),
			  0);
	CHECK(c->fd >= 0 && !connect(c->fd, (struct sockaddr *)&a, sizeof(a)));
	say(c->fd, upgrade, sizeof(upgrade) - 1);
}

static void subscribe(struct client *c, unsigned last)
{
	char body[80], frame[96] = {(char)0x81};
	int n = snprintf(body, sizeof(body),
			 "{\"subscribe\":[{\"topic\":\"m\",\"rate\":%d,\"last\":%u}]}", RATE_HZ,
			 last);
	frame[1] = (char)(0x80 | n); /* mask 0: the text as it is */
	memcpy(frame + 6, body, (size_t)n);
	say(c->fd, frame, (size_t)n + 6);
}

static void take_schema(struct client *c, const uint8_t *text, size_t n)
{
	static const char key[] = "\"rate\":";
	const uint8_t *at = memmem(text, n, key, strlen(key));
	CHECK(n > 10 && !memcmp(text, "{\"schema\":", 10) && at && c->n_rates < STEPS_MAX);
	c->rates[c->n_rates] = strtod((const char *)at + strlen(key), NULL); /* a comma follows */
	c->told_ns[c->n_rates++] = op_now_ns();
}

static void take_frame(struct client *c, const uint8_t *p, size_t n)
{
	uint32_t count, stride;
	uint64_t first, missed;
	CHECK(n > 48);
	if (memcmp(&c->id, p + 2, sizeof(c->id)) != 0) {
		memcpy(&c->id, p + 2, sizeof(c->id));
		c->seq_known = false; /* it counts for itself */
		c->gaps = c->records = 0;
	}
	memcpy(&count, p + 4, sizeof(count));
	memcpy(&first, p + 8, sizeof(first));
	memcpy(&missed, p + 16, sizeof(missed));
	memcpy(&stride, p + 40, sizeof(stride));
	CHECK_INT(n, 48 + (size_t)count * stride);
	CHECK(!c->seq_known || first >= c->next_seq);
	c->gaps += c->seq_known ? first - c->next_seq : 0;
	CHECK_INT(missed, c->gaps);
	for (uint32_t i = 0; i < count; i++) {
		struct mark m;
		memcpy(&m, p + 48 + (size_t)i * stride + OP_SLOT_RECORD, sizeof(m));
		CHECK_INT(m.number, first + i);
	}
	c->seq_known = true;
	c->next_seq = first + count;
	c->records += count;
}

/* Bytes of the first message there, 0 if it is not whole. */
static size_t take_message(struct client *c, const uint8_t *p, size_t n)
{
	size_t head = 2, len = n >= 2 ? p[1] & 0x7f : 0;
	if (n >= 4 && len == 126) {
		len = (size_t)p[2] << 8 | p[3];
		head = 4;
	}
	CHECK(len != 127); /* frames are shorter */
	if (n < 2 || (len == 126 && n < 4) || n < head + len)
		return 0;
	CHECK((p[0] & 15) == 1 || (p[0] & 15) == 2);
	if ((p[0] & 15) == 1)
		take_schema(c, p + head, len);
	else
		take_frame(c, p + head, len);
	return head + len;
}

static size_t take_answer(struct client *c)
{
	const uint8_t *end = memmem(c->in, c->len, "\r\n\r\n", 4);
	if (!end)
		return 0;
	CHECK(!memcmp(c->in, "HTTP/1.1 101", 12));
	c->upgraded = true;
	subscribe(c, 0);
	return (size_t)(end + 4 - c->in);
}

/* Reads at most max bytes of what has come; how many. */
static size_t receive(struct client *c, size_t max)
{
	size_t room = sizeof(c->in) - c->len, at = 0, n;
	ssize_t r = recv(c->fd, c->in + c->len, max < room ? max : room, MSG_DONTWAIT);
	if (r < 0 && errno == EAGAIN)
		return 0;
	CHECK(r > 0); /* the hub does not close it */
	c->len += (size_t)r;
	if (!c->upgraded)
		at = take_answer(c);
	while (c->upgraded && (n = take_message(c, c->in + at, c->len - at)))
		at += n;
	memmove(c->in, c->in + at, c->len - at);
	c->len -= at;
	return (size_t)r;
}

/* ---- both, and the topic ----------------------------------------------------------------- */

/* What flows at so much per second, without making up for time that was lost. */
struct flow {
	double due;
	uint64_t at_ns;
};

static size_t flow(struct flow *f, double per_s)
{
	uint64_t now = op_now_ns();
	double more = f->at_ns ? (double)(now - f->at_ns) / 1e9 : 0;
	f->at_ns = now;
	f->due += per_s * (more < 0.05 ? more : 0.05);
	size_t whole = (size_t)f->due;
	f->due -= (double)whole;
	return whole;
}

/* One turn: publish, let the hub work, read. slow_bytes_s 0: the slow one reads all there is. */
static void turn(double records_s, double slow_bytes_s)
{
	static struct flow records, bytes;
	struct mark m;
	for (size_t n = flow(&records, records_s); n > 0; n--) {
		mark_fill(&m, number++);
		op_writer_publish(writer, op_now_ns(), &m);
	}
	uv_run(&loop, UV_RUN_ONCE); /* at the latest until the next tick of a stream */
	while (receive(&fast, sizeof(fast.in)))
		;
	size_t budget = flow(&bytes, slow_bytes_s), got = 1;
	while (slow_bytes_s == 0 && receive(&slow, sizeof(slow.in)))
		;
	while (slow_bytes_s > 0 && budget > 0 && got) {
		got = receive(&slow, budget);
		budget -= got;
	}
}

static double rate_of(const struct client *c)
{
	return c->n_rates ? c->rates[c->n_rates - 1] : 0;
}

/* Down by half, up by twice at most (on the grid of rates), and never above what was asked for. */
static void check_steps(const struct client *c, size_t *ret_downs)
{
	*ret_downs = 0;
	CHECK_NEAR(c->rates[0], RATE_HZ, 0);
	for (size_t i = 1; i < c->n_rates; i++) {
		double before = c->rates[i - 1], after = c->rates[i];
		CHECK(after != before && after <= RATE_HZ && after <= 2 * before);
		CHECK(after > before || after <= before / 2);
		*ret_downs += after < before;
	}
}

static void check_patience(const struct client *c, size_t from)
{
	const uint64_t least = (CALM_CHECKS - 5) * CHECK_MS * OP_NS_PER_MS; /* as they arrive */
	for (size_t i = from + 1; i < c->n_rates; i++)
		CHECK(c->rates[i] < c->rates[i - 1] || c->told_ns[i] - c->told_ns[i - 1] > least);
}

TEST_WITHIN(a_client_that_lags_gets_fewer_frames_and_all_of_them_when_it_keeps_up, 60)
{
	size_t downs;
	start();
	dial(&fast, 0);
	dial(&slow, 16384);
	while (!fast.n_rates || !slow.n_rates)
		turn(QUIET_RECORDS_S, 0);

	while (rate_of(&slow) > RATE_HZ / 4) /* two steps, as the client is told */
		turn(BUSY_RECORDS_S, SLOW_BYTES_S);
	check_steps(&slow, &downs);
	CHECK_INT(downs, slow.n_rates - 1); /* only down */
	CHECK(slow.gaps > 0 && op_hub_counters(hub)->skips > 0);
	CHECK(op_hub_counters(hub)->step_downs >= downs); /* the newest may be on its way */
	CHECK_INT(op_hub_counters(hub)->streams, 2);

	size_t lowest = slow.n_rates - 1;
	while (rate_of(&slow) < RATE_HZ)
		turn(QUIET_RECORDS_S, 0);
	check_steps(&slow, &downs);
	check_patience(&slow, lowest);
	CHECK_INT(op_hub_counters(hub)->step_downs, downs);
	CHECK_INT(op_hub_counters(hub)->missed, slow.gaps);
	CHECK_INT(op_hub_counters(hub)->streams, 1); /* they share one again */

	uint64_t gaps = slow.gaps, end = slow.next_seq + 400;
	while (slow.next_seq < end || fast.next_seq < end)
		turn(QUIET_RECORDS_S, 0);
	CHECK_INT(slow.gaps, gaps);
	CHECK_INT(fast.gaps, 0); /* one slow client is nobody else's loss */
	CHECK_INT(fast.n_rates, 1);
	stop();
}

TEST_WITHIN(a_backlog_that_had_to_wait_is_followed_without_a_gap_or_a_step_back, 60)
{
	start();
	dial(&fast, 0);
	dial(&slow, 16384);
	while (!fast.n_rates || !slow.n_rates)
		turn(QUIET_RECORDS_S, 0);
	while (fast.records < 20000) /* far more than the slow one's sockets hold */
		turn(BUSY_RECORDS_S, 1);
	subscribe(&slow, 1000); /* in place of the other */
	while (fast.records < 40000)
		turn(BUSY_RECORDS_S, 1);
	CHECK_INT(op_hub_counters(hub)->messages, 3);
	while (slow.id != 2 || slow.records < 1200) /* each frame is looked at */
		turn(QUIET_RECORDS_S, 0);
	CHECK_INT(slow.gaps, 0);
	CHECK_INT(fast.gaps, 0);
	stop();
}
