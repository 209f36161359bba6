/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The datagram transport: what a collector on loopback gets of the blocks, with refusals and blocks that lie in between. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rd.h"
#include "base/time.h"
#include "block/file.h"
#include "fixture.h"
#include "record/type.h"
#include "sensord/datagram.h"
#include "wire/datagram.h"

#define BATCHES_MAX 64u
#define WAIT_MS     5000

/* A batch as the collector sees it. */
struct got {
	uint32_t type, records;
	uint64_t sequence, before;
	bool header;
	size_t size, data;
};

struct fixture {
	struct nc_keypair *sensor, *collector;
	struct nc_transport *t;
	struct nc_datagram *opener;
	struct nc_deflater *deflater;
	struct nc_buf records;
	uint8_t *block;
	struct nc_block_info info;
	int fd; /* the collector's socket */
	in_port_t port;
	struct got got[BATCHES_MAX];
	unsigned count;
	unsigned durable;
	uint64_t left_out;
	uint32_t seed;
};

static void on_durable(void *user, uint64_t epoch, uint64_t from, uint64_t to)
{
	(void)epoch;
	(void)from;
	(void)to;
	((struct fixture *)user)->durable++;
}

static void on_left_out(void *user, uint64_t epoch, uint64_t seq, uint32_t records)
{
	(void)epoch;
	(void)seq;
	((struct fixture *)user)->left_out += records;
}

static const struct nc_transport_events events = { .durable = on_durable, .left_out = on_left_out };

static void listen_again(struct fixture *f)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = f->port, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(a);

	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &len), 0);
	f->port = a.sin_port;
}

static void start(struct fixture *f, bool peer_2019)
{
	char address[64];
	struct nc_datagram_options o = {
		.address = address, .own = f->sensor, .client_id = "test", .source = "test", .peer_2019 = peer_2019,
	};
	struct nc_buf err = { 0 };

	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(f->port));
	memcpy(o.peer_key, f->collector->pub, NC_KEY_LEN);
	assert_int_equal(nc_datagram_transport(&o, &f->t, &err), 0);
	f->t->events = &events;
	f->t->user = f;
	nc_buf_free(&err);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->sensor = nc_test_keys();
	f->collector = nc_test_keys();
	f->opener = nc_datagram_new();
	f->deflater = nc_deflater_new(1);
	f->block = malloc(NC_BLOCK_SIZE_MAX);
	f->seed = 1;
	listen_again(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->t)
		f->t->close(f->t);
	if (f->fd >= 0)
		close(f->fd);
	nc_keypair_free(f->sensor);
	nc_keypair_free(f->collector);
	nc_datagram_free(f->opener);
	nc_deflater_free(f->deflater);
	nc_buf_free(&f->records);
	free(f->block);
	free(f);
	return 0;
}

/* A record of n bytes that don't compress. */
static void add_record(struct fixture *f, size_t n)
{
	nc_buf_varint(&f->records, n);
	for (size_t i = 0; i < n; i++) {
		f->seed = f->seed * 1664525u + 1013904223u;
		nc_buf_u8(&f->records, (uint8_t)(f->seed >> 24));
	}
	f->info.count++;
}

static void add_records(struct fixture *f, unsigned count, size_t n)
{
	while (count-- > 0)
		add_record(f, n);
}

/* The block in hand, once more. */
static int submit_again(struct fixture *f)
{
	struct nc_transport_block b = { .info = f->info, .data = f->block, .len = f->info.size };

	return f->t->submit(f->t, &b);
}

/* Hands over what was added as one block. */
static int submit(struct fixture *f, unsigned slot)
{
	f->info.kind = NC_BLOCK_RECORDS;
	f->info.type = nc_types[slot].number;
	assert_true(nc_block_build(f->deflater, &f->info, f->records.data, f->records.len, f->block, NC_BLOCK_SIZE_MAX) > 0);
	nc_buf_reset(&f->records);
	return submit_again(f);
}

static int submit_and_forget(struct fixture *f, unsigned slot)
{
	int rc = submit(f, slot);

	f->info.count = 0;
	return rc;
}

static void note(struct fixture *f, const struct nc_batch *b, size_t size)
{
	struct got *g = &f->got[f->count++];
	struct nc_rd r = nc_rd_over(b->data, b->len);

	*g = (struct got){ .type = b->type, .sequence = b->sequence, .before = b->records_before, .size = size, .data = b->len };
	assert_true(b->has_sequence);
	while (r.left > 0) {
		struct nc_file_header h;
		struct nc_rd one = nc_rd_sub(&r, (size_t)nc_rd_varint(&r));
		bool first = g->records == 0 && !g->header;
		if (first && nc_file_header_parse(one.p, one.left, &h) == 0 && h.type == b->type)
			g->header = true;
		else
			g->records++;
	}
	assert_false(r.failed);
}

/* Receives until n datagrams have come in all. */
static void receive(struct fixture *f, unsigned n)
{
	static uint8_t bytes[NC_DATAGRAM_MAX];

	while (f->count < n) {
		struct pollfd p = { .fd = f->fd, .events = POLLIN };
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		ssize_t size = recv(f->fd, bytes, sizeof(bytes), 0);
		struct nc_batch b;
		assert_true(size > 0);
		assert_int_equal(nc_datagram_open(f->opener, f->collector, bytes, (size_t)size, &b), NC_DG_OK);
		note(f, &b, (size_t)size);
	}
}

static void expect_silence(const struct fixture *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 0), 0);
}

/* Sequence without gaps, sizes within limits, records of a type counted before each batch, the Header first and once. */
static void check_batches(const struct fixture *f, uint64_t records)
{
	uint64_t before[65536] = { 0 }, sum = 0;
	bool seen[65536] = { false };

	for (unsigned i = 0; i < f->count; i++) {
		const struct got *g = &f->got[i];
		assert_int_equal(g->sequence, i + 1);
		assert_true(g->size <= NC_DATAGRAM_SEND_MAX);
		assert_int_equal(g->header, !seen[g->type]);
		assert_int_equal(g->before, before[g->type]);
		seen[g->type] = true;
		before[g->type] += g->records;
		sum += g->records;
	}
	assert_int_equal(sum, records);
}

static void blocks_become_batches(void **state)
{
	struct fixture *f = *state;

	start(f, false);
	add_records(f, 100, 300);
	assert_int_equal(submit_and_forget(f, 0), 0);
	add_records(f, 3, 50);
	assert_int_equal(submit_and_forget(f, 1), 0);
	add_records(f, 10, 50);
	assert_int_equal(submit_and_forget(f, 0), 0);
	receive(f, (unsigned)f->t->state.batches);
	expect_silence(f);
	check_batches(f, 113);
	for (unsigned i = 0; i < f->count; i++)
		assert_true(f->got[i].data <= NC_DATAGRAM_BATCH_DATA);
	assert_int_equal(f->t->state.records, 113);
	assert_int_equal(f->t->state.records_dropped, 0);
	assert_int_equal(f->t->state.sequence, f->count);
}

static void a_2019_peer_gets_the_header_alone(void **state)
{
	struct fixture *f = *state;

	start(f, true);
	add_records(f, 5, 100);
	assert_int_equal(submit_and_forget(f, 0), 0);
	add_records(f, 5, 100);
	assert_int_equal(submit_and_forget(f, 0), 0);
	receive(f, 3);
	expect_silence(f);
	check_batches(f, 10);
	assert_true(f->got[0].header);
	assert_int_equal(f->got[0].records, 0);
	assert_int_equal(f->got[1].records, 5);
}

static void a_record_too_large_is_skipped(void **state)
{
	struct fixture *f = *state;

	start(f, false);
	add_records(f, 2, 100);
	add_record(f, 12000);
	add_records(f, 2, 100);
	add_record(f, 12000);
	assert_int_equal(submit_and_forget(f, 0), 0);
	receive(f, (unsigned)f->t->state.batches);
	check_batches(f, 4);
	assert_int_equal(f->t->state.records, 4);
	assert_int_equal(f->t->state.records_dropped, 2);
}

/* The Header must not cost the record that it has no room beside. */
static void the_header_costs_no_record(void **state)
{
	struct fixture *f = *state;

	start(f, false);
	add_record(f, 10100);
	assert_int_equal(submit_and_forget(f, 0), 0);
	receive(f, 2);
	check_batches(f, 1);
	assert_int_equal(f->t->state.records_dropped, 0);
}

/* Submits the block in hand until all of it has gone; the sender first finds out whether somebody is there again. */
static void insist(struct fixture *f)
{
	int64_t until = nc_time_mono() + WAIT_MS * INT64_C(1000000);
	int rc;

	while ((rc = submit_again(f)) == -EAGAIN && nc_time_mono() < until)
		(void)poll(NULL, 0, 10);
	assert_int_equal(rc, 0);
}

/* Nobody there: what was refused comes again, what was not sent follows, nothing twice. */
static void goes_on_after_a_refusal(void **state)
{
	struct fixture *f = *state;

	start(f, false);
	close(f->fd);
	add_records(f, 90, 300);
	assert_int_equal(submit(f, 0), -EAGAIN);
	assert_true(f->t->state.last_error[0] != '\0');
	assert_int_equal(submit_again(f), -EAGAIN);
	listen_again(f);
	insist(f);
	receive(f, (unsigned)f->t->state.batches);
	expect_silence(f);
	check_batches(f, 90);
	assert_int_equal(f->t->state.records, 90);
}

static void what_is_abandoned_is_told(void **state)
{
	struct fixture *f = *state;

	start(f, false);
	close(f->fd);
	add_records(f, 90, 300);
	assert_int_equal(submit_and_forget(f, 0), -EAGAIN);
	uint64_t sent = f->t->state.records;
	assert_true(sent > 0 && sent < 90);
	assert_int_equal(f->t->abandon(f->t, &(struct nc_transport_block){ .info = f->info }), 90 - sent);
	listen_again(f);
	add_records(f, 7, 30);
	(void)submit(f, 0);
	insist(f);
	receive(f, (unsigned)f->t->state.batches);
	check_batches(f, sent + 7);
}

/* Blocks come from workers, which may have been taken over. */
static void a_block_that_lies_ends(void **state)
{
	struct fixture *f = *state;

	start(f, false);
	add_records(f, 3, 20);
	nc_buf_u8(&f->records, 200); /* a record that is not there */
	nc_buf_u8(&f->records, 1);
	f->info.count++;
	assert_int_equal(submit_and_forget(f, 0), 0);
	assert_int_equal(f->durable, 1);
	assert_int_equal(f->left_out, 1);
	assert_int_equal(f->t->state.records, 3);
	assert_int_equal(f->t->state.records_dropped, 1);
	/* a wrong number of records */
	add_records(f, 60, 300);
	f->info.count = 1;
	assert_int_equal(submit_and_forget(f, 0), 0);
	receive(f, (unsigned)f->t->state.batches);
	check_batches(f, 63);
	/* bytes that don't inflate */
	add_records(f, 5, 100);
	(void)nc_block_build(f->deflater, &f->info, f->records.data, f->records.len, f->block, NC_BLOCK_SIZE_MAX);
	f->block[NC_BLOCK_HEADER_LEN + 20] ^= 1;
	assert_int_equal(submit_again(f), -EBADMSG);
	assert_int_equal(f->t->state.records_dropped, 6);
	/* a type that nobody knows */
	f->info.type = 60000;
	assert_true(submit_again(f) < 0);
	assert_int_equal(f->t->state.records_dropped, 11);
	expect_silence(f);
}

/* A name is looked up by somebody else: whoever asks is not kept waiting. */
static void names(void **state)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	struct fixture *f = *state;
	char address[64];
	struct nc_datagram_options o = { .address = address, .own = f->sensor, .client_id = "t", .source = "t" };
	struct nc_buf err = { 0 };
	int off = 0, rc = -EAGAIN;
	socklen_t len = sizeof(a);
	struct addrinfo *list = NULL;

	/* a bare container knows no names at all */
	if (getaddrinfo("localhost", NULL, NULL, &list) != 0)
		skip();
	freeaddrinfo(list);
	close(f->fd);
	f->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0 || setsockopt(f->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0 ||
	    bind(f->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		skip();
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(address, sizeof(address), "localhost:%u", ntohs(a.sin6_port));
	memcpy(o.peer_key, f->collector->pub, NC_KEY_LEN);
	assert_int_equal(nc_datagram_transport(&o, &f->t, &err), 0);
	f->t->events = &events;
	f->t->user = f;
	add_records(f, 5, 100);
	(void)submit(f, 0);
	for (int64_t until = nc_time_mono() + 20 * NC_NS_PER_S; f->t->state.batches == 0 && nc_time_mono() < until;) {
		struct pollfd p = { .fd = f->fd, .events = POLLIN };
		poll(&p, 1, 10);
		rc = submit_again(f);
	}
	assert_true(f->t->state.batches > 0);
	assert_true(rc == 0 || rc == -EAGAIN);
	receive(f, 1);
	check_batches(f, 5);
}

/* Ends while the question is under way, and is not waited for. */
static void a_name_that_nobody_knows(void **state)
{
	struct fixture *f = *state;
	struct nc_datagram_options o = { .address = "nobody.invalid:1", .own = f->sensor, .client_id = "t", .source = "t" };
	struct nc_buf err = { 0 };

	memcpy(o.peer_key, f->collector->pub, NC_KEY_LEN);
	assert_int_equal(nc_datagram_transport(&o, &f->t, &err), 0);
	f->t->events = &events;
	f->t->user = f;
	add_records(f, 5, 100);
	assert_int_equal(submit(f, 0), -EAGAIN);
}

static void addresses(void **state)
{
	static const char *const wrong[] = { "", "host", ":1", "host:", "::1:1335", "[::1:1335" };
	struct fixture *f = *state;
	struct nc_datagram_options o = { .own = f->sensor, .client_id = "t", .source = "t" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct nc_transport *t = NULL;
		struct nc_buf err = { 0 };
		o.address = wrong[i];
		assert_int_equal(nc_datagram_transport(&o, &t, &err), -EINVAL);
		assert_true(err.len > 0);
		nc_buf_free(&err);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blocks_become_batches),
		TEST(a_2019_peer_gets_the_header_alone),
		TEST(a_record_too_large_is_skipped),
		TEST(the_header_costs_no_record),
		TEST(goes_on_after_a_refusal),
		TEST(what_is_abandoned_is_told),
		TEST(a_block_that_lies_ends),
		TEST(names),
		TEST(a_name_that_nobody_knows),
		TEST(addresses),
	};
	return nc_keys_init() < 0 ? 1 : cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
