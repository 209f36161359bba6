/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector without sockets: who is let in, what is refused and counted, what ends up in which file. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "block/file.h"
#include "collectord/collector.h"
#include "collectord/control.h"
#include "collectord/loss.h"
#include "collectord/records.h"
#include "collectord/settings.h"

#define TCP 38u
#define UDP 37u

struct fixture {
	char dir[64], root[96], list[96];
	struct nc_keypair *collector, *sensor, *stranger;
	struct nc_datagram *d;
	struct nc_collector *c;
	struct nc_collector_options options;
	struct nc_instant now;
	struct nc_peer peer;
	struct nc_buf data, out, err;
};

/* --- the stage ----------------------------------------------------------------------------------------------------- */

static void put_file(const char *dir, const char *name, const void *p, size_t n)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static void authorise(const struct fixture *f, const char *name, const struct nc_keypair *k)
{
	char hex[65], file[80];

	nc_text_hex(hex, k->pub, 32);
	snprintf(file, sizeof(file), "%s.pub", name);
	put_file(f->list, file, hex, 64);
}

static void begin(struct fixture *f)
{
	assert_int_equal(nc_collector_new(&f->options, f->collector, f->root, f->now, &f->c, &f->err), 0);
	assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
}

/* Ends the collector; nothing may be left over. */
static void end(struct fixture *f)
{
	assert_int_equal(nc_collector_free(f->c), 0);
	f->c = NULL;
}

static struct nc_keypair *new_keys(void)
{
	struct nc_keypair *k = nc_keypair_new();

	assert_non_null(k);
	nc_keypair_generate(k);
	return k;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/test-collector-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->root, sizeof(f->root), "%s/deep/records", f->dir);
	snprintf(f->list, sizeof(f->list), "%s/sensors", f->dir);
	assert_int_equal(mkdir(f->list, 0755), 0);
	f->collector = new_keys();
	f->sensor = new_keys();
	f->stranger = new_keys();
	f->d = nc_datagram_new();
	f->options = (struct nc_collector_options){
		.replay_max = 10000,
		.store = { .level = 1, .pending_max = 8u << 20, .open_files = 8, .sync_interval = NC_NS_PER_S },
	};
	f->now = (struct nc_instant){ .mono = 1000 * NC_NS_PER_S, .real = 1700000000 * NC_NS_PER_S };
	f->peer = (struct nc_peer){ .host = "192.0.2.7", .address = "192.0.2.7:4711" };
	authorise(f, "alpha", f->sensor);
	begin(f);
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	nc_collector_free(f->c);
	nc_keypair_free(f->collector);
	nc_keypair_free(f->sensor);
	nc_keypair_free(f->stranger);
	nc_datagram_free(f->d);
	nc_buf_free(&f->data);
	nc_buf_free(&f->out);
	nc_buf_free(&f->err);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static void add(struct fixture *f, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);

	nc_buf_varint(&f->data, n);
	uint8_t *to = nc_buf_reserve(&f->data, n ? n : 1);
	assert_non_null(to);
	f->data.len += protobuf_c_message_pack(m, to);
}

/* Adds a TCP record of that second; the ports tell records apart. */
static void add_tcp(struct fixture *f, int64_t second, int32_t port)
{
	char stamp[NC_TIME_TEXT];
	Types__TCP m = TYPES__TCP__INIT;

	nc_time_stamp(stamp, second * NC_NS_PER_S + 5000);
	m.timestamp = stamp;
	m.srcport = port;
	m.dstport = 443;
	m.seqnum = 0x12345678;
	m.acknum = 0x87654321;
	add(f, &m.base);
}

static void add_header(struct fixture *f, uint32_t type, const char *created, const char *source, const char *version)
{
	Types__Header m = TYPES__HEADER__INIT;

	m.created = (char *)(uintptr_t)created;
	m.inputsource = (char *)(uintptr_t)source;
	m.version = (char *)(uintptr_t)version;
	m.type = (Types__Type)type;
	add(f, &m.base);
}

static struct nc_batch batch(const struct fixture *f, unsigned type)
{
	return (struct nc_batch){ .client_id = "client", .type = type, .data = f->data.data, .len = f->data.len };
}

/* Hands over what was sealed last. */
static enum nc_datagram_reason hand(struct fixture *f)
{
	return nc_collector_datagram(f->c, f->out.data, f->out.len, &f->peer, f->now);
}

static enum nc_datagram_reason send_as(struct fixture *f, const struct nc_keypair *k, const struct nc_batch *b)
{
	assert_int_equal(nc_datagram_seal(f->d, b, k, f->collector->pub, &f->out), 0);
	return hand(f);
}

/* Sends what was added as a batch of the listed sensor, and starts anew. */
static enum nc_datagram_reason send_data(struct fixture *f, unsigned type)
{
	struct nc_batch b = batch(f, type);
	enum nc_datagram_reason r = send_as(f, f->sensor, &b);

	nc_buf_reset(&f->data);
	return r;
}

static enum nc_datagram_reason send_tcp(struct fixture *f, int32_t port)
{
	add_tcp(f, 1600000000 + port, port);
	return send_data(f, TCP);
}

/* --- looking ------------------------------------------------------------------------------------------------------- */

static int open_file(const struct fixture *f, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", f->root, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool exists(const struct fixture *f, const char *name)
{
	int fd = open_file(f, name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The number of records in a file, all of them whole and, for TCP, their ports as bits of a sum. */
static size_t count_file(const struct fixture *f, const char *name, uint64_t *ports)
{
	struct nc_file_reader *r;
	const uint8_t *p;
	size_t n, count = 0;
	int fd = open_file(f, name);

	if (fd < 0)
		fail_msg("%s is not there", name);
	assert_int_equal(nc_file_reader_open(fd, &r), 0);
	uint64_t sum = 0;
	int code;
	while ((code = nc_file_reader_next(r, &p, &n)) == 1) {
		Types__TCP *m = ports ? types__tcp__unpack(NULL, n, p) : NULL;
		count++;
		sum += m ? (uint64_t)m->srcport : 0;
		if (m)
			types__tcp__free_unpacked(m, NULL);
	}
	assert_int_equal(code, 0);
	nc_file_reader_close(r);
	if (ports)
		*ports = sum;
	return count;
}

static struct nc_file_header header_of(const struct fixture *f, const char *name)
{
	struct nc_file_reader *r;

	assert_int_equal(nc_file_reader_open(open_file(f, name), &r), 0);
	struct nc_file_header h = *nc_file_reader_header(r);
	nc_file_reader_close(r);
	return h;
}

static uint64_t size_of(const struct fixture *f, const char *name)
{
	struct stat st;
	int fd = open_file(f, name);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	return (uint64_t)st.st_size;
}

static const struct nc_sensor *only_sensor(const struct fixture *f)
{
	const struct nc_sensor *s = TAILQ_FIRST(&f->c->sensors.all);

	assert_non_null(s);
	assert_null(TAILQ_NEXT(s, all));
	return s;
}

/* Records taken in are written, waiting, or dropped: never anything else. */
static void adds_up(const struct fixture *f, uint64_t waiting)
{
	const struct nc_store_counters *n = nc_store_counters(f->c->store);

	assert_int_equal(f->c->records, n->written_records + n->dropped_records + waiting);
}

/* --- storing ------------------------------------------------------------------------------------------------------- */

static void stores_records(void **state)
{
	struct fixture *f = *state;
	uint64_t ports;

	for (int32_t i = 1; i <= 10; i++)
		add_tcp(f, 1600000000 + i, i);
	assert_int_equal(send_data(f, TCP), NC_DG_OK);
	assert_false(exists(f, "alpha/TCP.ncap.gz"));
	adds_up(f, 10);
	nc_collector_flush(f->c, f->now);
	adds_up(f, 0);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", &ports), 10);
	assert_int_equal(ports, 55);
	assert_int_equal(f->c->types[nc_type_slot(nc_type_by_number(TCP))], 10);
	const struct nc_sensor *s = only_sensor(f);
	assert_string_equal(s->name, "alpha");
	assert_int_equal(s->records, 10);
	assert_int_equal(s->batches, 1);
	assert_int_equal(s->last_seen, f->now.real);
	assert_string_equal(s->address, "192.0.2.7:4711");
	end(f);
}

static void blocks_say_what_is_in_them(void **state)
{
	struct fixture *f = *state;
	struct nc_block_info info;
	uint8_t head[NC_BLOCK_HEADER_LEN];
	uint64_t epoch = 0;

	add_tcp(f, 1600000005, 1);
	add_tcp(f, 1600000003, 2);
	add_tcp(f, 1600000009, 3);
	assert_int_equal(send_data(f, TCP), NC_DG_OK);
	nc_collector_flush(f->c, f->now);
	assert_int_equal(send_tcp(f, 4), NC_DG_OK);
	end(f);
	int fd = open_file(f, "alpha/TCP.ncap.gz");
	off_t at = 0;
	for (unsigned i = 0; i < 3; i++, at += info.size) {
		assert_int_equal(pread(fd, head, sizeof(head), at), sizeof(head));
		assert_int_equal(nc_block_info(head, sizeof(head), &info), 0);
		assert_int_equal(info.type, TCP);
		assert_int_equal(info.kind, i == 0 ? NC_BLOCK_HEADER : NC_BLOCK_RECORDS);
		assert_int_equal(info.seq, i);
		if (i == 1) {
			assert_int_equal(info.count, 3);
			assert_int_equal(info.first_ns, 1600000003 * NC_NS_PER_S + 5000);
			assert_int_equal(info.last_ns, 1600000009 * NC_NS_PER_S + 5000);
			epoch = info.epoch;
			assert_int_not_equal(epoch, 0);
		}
	}
	assert_true(info.epoch == epoch);
	assert_int_equal(at, size_of(f, "alpha/TCP.ncap.gz"));
	close(fd);
}

static void large_gatherings_are_cut(void **state)
{
	struct fixture *f = *state;
	uint64_t records = 0;

	while (records * 50 < 3u * NC_STORE_BLOCK) {
		for (int32_t i = 0; i < 180; i++, records++)
			add_tcp(f, 1600000000, 1);
		assert_int_equal(send_data(f, TCP), NC_DG_OK);
	}
	/* written before the flush */
	assert_true(nc_store_counters(f->c->store)->written_blocks >= 1);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), records);
}

static void restarts_append(void **state)
{
	struct fixture *f = *state;
	uint64_t ports;

	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	end(f);
	begin(f);
	assert_int_equal(send_tcp(f, 2), NC_DG_OK);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", &ports), 2);
	assert_int_equal(ports, 3);
}

static void a_torn_file_is_mended(void **state)
{
	struct fixture *f = *state;
	uint64_t ports;
	char path[256];

	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	nc_collector_flush(f->c, f->now);
	uint64_t whole = size_of(f, "alpha/TCP.ncap.gz");
	assert_int_equal(send_tcp(f, 2), NC_DG_OK);
	end(f);
	uint64_t size = size_of(f, "alpha/TCP.ncap.gz");
	assert_true(size > whole + 7);
	snprintf(path, sizeof(path), "%s/alpha/TCP.ncap.gz", f->root);
	assert_int_equal(truncate(path, (off_t)size - 7), 0);
	begin(f);
	assert_int_equal(send_tcp(f, 4), NC_DG_OK);
	nc_collector_flush(f->c, f->now);
	assert_int_equal(nc_store_counters(f->c->store)->torn_bytes, size - 7 - whole);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", &ports), 2);
	assert_int_equal(ports, 5);
}

static void a_foreign_file_is_left_alone(void **state)
{
	static const char foreign[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
				      "something else";
	struct fixture *f = *state;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/alpha", f->root);
	assert_int_equal(mkdir(dir, 0755), 0);
	put_file(dir, "TCP.ncap.gz", foreign, sizeof(foreign));
	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	end(f);
	assert_int_equal(size_of(f, "alpha/TCP.ncap.gz"), sizeof(foreign));
	assert_int_equal(count_file(f, "alpha/TCP.2.ncap.gz", NULL), 1);
}

static void few_open_files(void **state)
{
	static const unsigned types[] = { TCP, UDP, 7, 8, 29, 31 };
	struct fixture *f = *state;

	f->options.store.open_files = 2;
	assert_int_equal(nc_collector_set(f->c, &f->options), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			nc_buf_add(&f->data,
			           "\x03\x0a\x01"
			           "1",
			           4); /* Timestamp = "1" */
			assert_int_equal(send_data(f, types[i]), NC_DG_OK);
		}
		nc_collector_flush(f->c, f->now);
	}
	end(f);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char name[64];
		snprintf(name, sizeof(name), "alpha/%s.ncap.gz", nc_type_by_number(types[i])->name);
		assert_int_equal(count_file(f, name, NULL), 3);
	}
}

/* --- headers ------------------------------------------------------------------------------------------------------- */

static void the_header_describes_the_file(void **state)
{
	struct fixture *f = *state;

	add_header(f, TCP, "1795218220.83122", "eth7", "v9.9");
	add_tcp(f, 1600000001, 1);
	assert_int_equal(send_data(f, TCP), NC_DG_OK);
	/* one that comes again is no record */
	add_header(f, TCP, "1795218221.0", "eth8", "v9.9");
	assert_int_equal(send_data(f, TCP), NC_DG_OK);
	assert_int_equal(f->c->headers, 2);
	assert_int_equal(f->c->records, 1);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), 1);
	struct nc_file_header h = header_of(f, "alpha/TCP.ncap.gz");
	assert_int_equal(h.type, TCP);
	assert_string_equal(h.version, "v9.9");
	assert_string_equal(h.source, "eth8");
	assert_false(h.contains_payloads);
}

static void without_a_header(void **state)
{
	struct fixture *f = *state;

	add_tcp(f, 1600000001, 1);
	struct nc_batch b = batch(f, TCP);
	b.contains_payloads = true;
	assert_int_equal(send_as(f, f->sensor, &b), NC_DG_OK);
	end(f);
	struct nc_file_header h = header_of(f, "alpha/TCP.ncap.gz");
	assert_string_equal(h.source, "alpha");
	assert_true(h.contains_payloads);
	assert_int_equal(h.version[0], 'v');
}

static void what_is_a_header(void **state)
{
	struct fixture *f = *state;
	const struct nc_type *tcp = nc_type_by_number(TCP);
	struct nc_file_header h;
	static const struct {
		uint32_t type;
		const char *created, *version;
		bool is;
	} cases[] = {
		{ TCP, "1795218220.83122", "v0.3.9", true },
		{ UDP, "1795218220.83122", "v0.3.9", false },
		{ TCP, "1795218220", "v0.3.9", false },
		{ TCP, "1795218220.", "v0.3.9", false },
		{ TCP, ".5", "v0.3.9", false },
		{ TCP, "", "v0.3.9", false },
		{ TCP, "1795218220.83122x", "v0.3.9", false },
		{ TCP, "1795218220.83122", "0.3.9", false },
		{ TCP, "1795218220.83122", "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		nc_buf_reset(&f->data);
		add_header(f, cases[i].type, cases[i].created, "en0", cases[i].version);
		assert_int_equal(nc_record_header(f->data.data + 1, f->data.len - 1, tcp, &h), cases[i].is);
	}
	/* a field that headers do not have */
	nc_buf_reset(&f->data);
	add_header(f, TCP, "1795218220.83122", "en0", "v0.3.9");
	nc_buf_add(&f->data, "\x30\x01", 2);
	assert_false(nc_record_header(f->data.data + 1, f->data.len - 1, tcp, &h));
	/* every cut */
	for (size_t n = 0; n < f->data.len - 3; n++)
		(void)nc_record_header(f->data.data + 1, n, tcp, &h);
	assert_false(nc_record_header(f->data.data + 1, 0, tcp, &h));
	/* as the second record it is one that is not valid for the type */
	nc_buf_reset(&f->data);
	add_tcp(f, 1600000001, 1);
	add_header(f, TCP, "1795218220.83122", "en0", "v0.3.9");
	assert_int_equal(send_data(f, TCP), NC_DG_RECORD);
}

/* --- refusing ------------------------------------------------------------------------------------------------------ */

static void unknown_keys_wait(void **state)
{
	struct fixture *f = *state;

	add_tcp(f, 1600000001, 1);
	struct nc_batch b = batch(f, TCP);
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_UNKNOWN_KEY);
	assert_int_equal(hand(f), NC_DG_UNKNOWN_KEY);
	assert_int_equal(f->c->rejects[NC_DG_UNKNOWN_KEY], 2);
	assert_int_equal(f->c->sensors.pending_count, 1);
	assert_memory_equal(f->c->sensors.pending[0].key, f->stranger->pub, 32);
	assert_int_equal(f->c->sensors.pending[0].count, 2);
	assert_true(TAILQ_EMPTY(&f->c->sensors.all));
	/* authorised: it is in, and no longer waits */
	authorise(f, "beta", f->stranger);
	assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
	assert_int_equal(f->c->sensors.pending_count, 0);
	assert_int_equal(hand(f), NC_DG_OK);
	end(f);
	assert_int_equal(count_file(f, "beta/TCP.ncap.gz", NULL), 1);
	assert_false(exists(f, "alpha"));
}

static void pending_is_bounded(void **state)
{
	struct fixture *f = *state;
	uint8_t junk[100] = { 0 };
	struct nc_peer peer = f->peer;

	/* one host can fill only its share */
	for (uint32_t i = 1; i <= 1000; i++) {
		memcpy(junk, &i, sizeof(i));
		assert_int_equal(nc_collector_datagram(f->c, junk, sizeof(junk), &peer, f->now), NC_DG_UNKNOWN_KEY);
	}
	assert_int_equal(f->c->sensors.pending_count, NC_PENDING_ADDRESS_MAX);
	for (uint32_t i = 1001; i <= 5000; i++) {
		memcpy(junk, &i, sizeof(i));
		snprintf(peer.address, sizeof(peer.address), "10.0.%u.%u:9", i / 256, i % 256);
		assert_int_equal(nc_collector_datagram(f->c, junk, sizeof(junk), &peer, f->now), NC_DG_UNKNOWN_KEY);
	}
	assert_int_equal(f->c->sensors.pending_count, NC_PENDING_MAX);
	assert_int_equal(f->c->rejects[NC_DG_UNKNOWN_KEY], 5000);
	assert_true(TAILQ_EMPTY(&f->c->sensors.all));
}

static void a_persistent_key_stays_pending(void **state)
{
	struct fixture *f = *state;
	uint8_t junk[100] = { 0xff }, patient[100] = { 0xee };
	struct nc_peer peer = f->peer;
	bool there = false;

	for (int i = 0; i < 5; i++)
		nc_collector_datagram(f->c, patient, sizeof(patient), &f->peer, f->now);
	for (uint32_t i = 1; i <= 3000; i++) {
		memcpy(junk + 1, &i, sizeof(i));
		snprintf(peer.address, sizeof(peer.address), "10.0.%u.%u:9", i / 256, i % 256);
		nc_collector_datagram(f->c, junk, sizeof(junk), &peer, f->now);
	}
	for (size_t i = 0; i < f->c->sensors.pending_count; i++)
		there |= memcmp(f->c->sensors.pending[i].key, patient, 32) == 0;
	assert_true(there);
}

static void unknown_keys_let_in(void **state)
{
	struct fixture *f = *state;

	f->options.allow_unknown = true;
	assert_int_equal(nc_collector_set(f->c, &f->options), 0);
	add_tcp(f, 1600000001, 1);
	struct nc_batch b = batch(f, TCP);
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_OK);
	f->peer = (struct nc_peer){ .host = "2001:db8::1", .address = "[2001:db8::1]:9" };
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_OK);
	/* hosts that are none make no folder */
	static const char *const hosts[] = { "..", "", ".", "../x", "a/b", "fe80::1%../../x", "?" };
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		snprintf(f->peer.host, sizeof(f->peer.host), "%s", hosts[i]);
		assert_int_equal(send_as(f, f->stranger, &b), NC_DG_UNKNOWN_KEY);
	}
	/* what does not open makes no sensor, so that the places are not filled by anybody */
	f->out.data[60] ^= 1;
	snprintf(f->peer.host, sizeof(f->peer.host), "192.0.2.99");
	assert_int_equal(hand(f), NC_DG_BOX);
	assert_int_equal(f->c->sensors.unknown_count, 2);
	for (unsigned i = 0; i < NC_UNKNOWN_MAX + 10; i++) {
		snprintf(f->peer.host, sizeof(f->peer.host), "10.1.%u.%u", i / 256, i % 256);
		assert_int_equal(send_as(f, f->stranger, &b), i < NC_UNKNOWN_MAX - 2 ? NC_DG_OK : NC_DG_UNKNOWN_KEY);
	}
	end(f);
	assert_int_equal(count_file(f, "unauthenticated/192.0.2.7/TCP.ncap.gz", NULL), 1);
	assert_int_equal(count_file(f, "unauthenticated/2001:db8::1/TCP.ncap.gz", NULL), 1);
}

static void wrong_boxes(void **state)
{
	struct fixture *f = *state;

	add_tcp(f, 1600000001, 1);
	struct nc_batch b = batch(f, TCP);
	/* meant for another collector */
	assert_int_equal(nc_datagram_seal(f->d, &b, f->sensor, f->stranger->pub, &f->out), 0);
	assert_int_equal(hand(f), NC_DG_BOX);
	/* somebody who names the sensor's key without having it */
	assert_int_equal(nc_datagram_seal(f->d, &b, f->stranger, f->collector->pub, &f->out), 0);
	memcpy(f->out.data, f->sensor->pub, 32);
	assert_int_equal(hand(f), NC_DG_BOX);
	assert_int_equal(only_sensor(f)->rejects[NC_DG_BOX], 2);
	assert_int_equal(only_sensor(f)->last_seen, 0);
	/* such datagrams do not use up nonces */
	assert_int_equal(nc_datagram_seal(f->d, &b, f->sensor, f->collector->pub, &f->out), 0);
	f->out.data[70] ^= 1;
	assert_int_equal(hand(f), NC_DG_BOX);
	f->out.data[70] ^= 1;
	assert_int_equal(hand(f), NC_DG_OK);
}

static void repeated_datagrams(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hand(f), NC_DG_REPEATED);
	assert_int_equal(f->c->records, 1);
	assert_int_equal(only_sensor(f)->rejects[NC_DG_REPEATED], 3);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), 1);
}

static void bad_datagrams(void **state)
{
	struct fixture *f = *state;
	uint8_t junk[2000];

	for (size_t n = 0; n < sizeof(junk); n += n < 80 ? 1 : 333) {
		randombytes_buf(junk, n);
		assert_int_equal(nc_collector_datagram(f->c, junk, n, &f->peer, f->now),
		                 n < 72 ? NC_DG_SHORT : NC_DG_UNKNOWN_KEY);
	}
	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
}

static void bad_records(void **state)
{
	struct fixture *f = *state;
	static const struct {
		unsigned type;
		const char *data;
		size_t n;
		enum nc_datagram_reason why;
	} cases[] = {
		{ 0, "\x00", 1, NC_DG_TYPE }, /* Header */
		{ 1, "\x00", 1, NC_DG_TYPE }, /* Batch */
		{ 999, "\x00", 1, NC_DG_TYPE },
		{ UINT32_MAX, "\x00", 1, NC_DG_TYPE },
		{ 65536 + TCP, "\x00", 1, NC_DG_TYPE },
		{ TCP, "\x02\x08\x01", 3, NC_DG_RECORD },   /* Timestamp as a number */
		{ TCP, "\x03\x0a\x01", 3, NC_DG_RECORD },   /* cut */
		{ TCP, "\x03\x0a\x05xx", 4, NC_DG_RECORD }, /* a field beyond its record */
		{ TCP, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, NC_DG_RECORD },
		{ TCP, "\x00\x02\x08\x01", 4, NC_DG_RECORD }, /* a good one does not save a bad one */
		{ TCP, "\x80", 1, NC_DG_RECORD },
		{ TCP, "", 0, NC_DG_OK },
		{ TCP, "\x00\x00", 2, NC_DG_OK }, /* empty messages are messages */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		nc_buf_add(&f->data, cases[i].data, cases[i].n);
		assert_int_equal(send_data(f, cases[i].type), cases[i].why);
	}
	assert_int_equal(f->c->records, 2);
	assert_int_equal(f->c->rejects[NC_DG_TYPE], 5);
	assert_int_equal(f->c->rejects[NC_DG_RECORD], 6);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), 2);
}

static void names_never_become_paths(void **state)
{
	struct fixture *f = *state;
	char outside[128];

	add_header(f, TCP, "1.5", "../../../header", "v1/../..");
	add_tcp(f, 1600000001, 1);
	struct nc_batch b = batch(f, TCP);
	snprintf(b.client_id, sizeof(b.client_id), "../../\x1b[31mescaped");
	assert_int_equal(send_as(f, f->sensor, &b), NC_DG_OK);
	assert_string_equal(only_sensor(f)->client_id, "../../\\x1b[31mescaped");
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), 1);
	snprintf(outside, sizeof(outside), "%s/deep", f->dir);
	struct stat st;
	assert_int_equal(stat(outside, &st), 0);
	assert_int_equal(st.st_nlink, 3); /* nothing beside records/ */
	assert_int_equal(stat(f->root, &st), 0);
	assert_int_equal(st.st_nlink, 3);
}

static void links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	char at[128];

	snprintf(at, sizeof(at), "%s/alpha", f->root);
	assert_int_equal(symlink(f->list, at), 0);
	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	nc_collector_flush(f->c, f->now);
	assert_true(nc_store_failing(f->c->store));
	adds_up(f, 1);
	/* put right: what waited is written */
	assert_int_equal(unlink(at), 0);
	nc_collector_flush(f->c, f->now);
	assert_false(nc_store_failing(f->c->store));
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), 1);
	snprintf(at, sizeof(at), "%s/TCP.ncap.gz", f->list);
	assert_int_equal(access(at, F_OK), -1);
}

static void taken_off_the_list(void **state)
{
	struct fixture *f = *state;
	char path[128];

	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	snprintf(path, sizeof(path), "%s/alpha.pub", f->list);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
	assert_int_equal(send_tcp(f, 2), NC_DG_UNKNOWN_KEY);
	assert_false(only_sensor(f)->listed);
	/* back, with another key: the same sensor */
	authorise(f, "alpha", f->stranger);
	assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
	add_tcp(f, 1600000001, 3);
	struct nc_batch b = batch(f, TCP);
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_OK);
	assert_int_equal(send_as(f, f->sensor, &b), NC_DG_UNKNOWN_KEY);
	assert_int_equal(only_sensor(f)->records, 2);
	assert_memory_equal(only_sensor(f)->key, f->stranger->pub, 32);
	/* a list that can't be read changes nothing */
	assert_int_equal(nc_collector_read_sensors(f->c, "/nonexistent", NULL, &f->err), -ENOENT);
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_OK);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", NULL), 3);
}

/* --- full disks ---------------------------------------------------------------------------------------------------- */

static void limit_file_size(rlim_t max)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void send_noise(struct fixture *f, uint64_t *records)
{
	uint8_t noise[60];

	for (int i = 0; i < 100; i++, ++*records) {
		Types__TCP m = TYPES__TCP__INIT;
		randombytes_buf(noise, sizeof(noise));
		m.payload = (ProtobufCBinaryData){ .len = sizeof(noise), .data = noise };
		m.srcport = 1;
		add(f, &m.base);
	}
	assert_int_equal(send_data(f, TCP), NC_DG_OK);
}

/* A file that may not grow: the daemon lives, memory is bounded, what was dropped is counted, and it goes on afterwards. */
static void a_full_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t records = 0, ports;

	signal(SIGXFSZ, SIG_IGN);
	f->options.store.pending_max = 1u << 20;
	assert_int_equal(nc_collector_set(f->c, &f->options), 0);
	send_noise(f, &records);
	nc_collector_flush(f->c, f->now);
	limit_file_size(100 * 1024);
	for (int i = 0; i < 500; i++) {
		send_noise(f, &records);
		if (i % 10 == 0)
			nc_collector_flush(f->c, f->now);
		assert_true(nc_store_counters(f->c->store)->pending_bytes <= (1u << 20) + 2 * NC_STORE_BLOCK);
	}
	nc_collector_flush(f->c, f->now);
	const struct nc_store_counters *n = nc_store_counters(f->c->store);
	assert_true(nc_store_failing(f->c->store));
	assert_true(n->failures > 10);
	assert_true(n->dropped_records > 0);
	assert_non_null(strstr(f->c->last_error, "File too large"));
	limit_file_size(RLIM_INFINITY);
	nc_collector_flush(f->c, f->now);
	assert_false(nc_store_failing(f->c->store));
	assert_int_equal(n->pending_bytes, 0);
	adds_up(f, 0);
	assert_int_equal(f->c->records, records);
	uint64_t kept = n->written_records;
	send_noise(f, &records);
	end(f);
	assert_int_equal(count_file(f, "alpha/TCP.ncap.gz", &ports), kept + 100);
	assert_int_equal(ports, kept + 100);
}

/* One sensor's broken folder does not hold up the others. */
static void one_bad_folder(void **state)
{
	struct fixture *f = *state;

	authorise(f, "beta", f->stranger);
	assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
	put_file(f->root, "alpha", "in the way", 10);
	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	nc_collector_flush(f->c, f->now);
	add_tcp(f, 1600000001, 2);
	struct nc_batch b = batch(f, TCP);
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_OK);
	nc_collector_flush(f->c, f->now);
	adds_up(f, 1);
	assert_int_equal(count_file(f, "beta/TCP.ncap.gz", NULL), 1);
	assert_int_equal(nc_collector_free(f->c), 1);
	f->c = NULL;
}

/* --- losses -------------------------------------------------------------------------------------------------------- */

static enum nc_datagram_reason send_numbered(struct fixture *f, uint64_t epoch, uint64_t sequence, uint64_t before,
                                             unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		add_tcp(f, 1600000000, 1);
	struct nc_batch b = batch(f, TCP);
	b.has_sequence = true;
	b.epoch = epoch;
	b.sequence = sequence;
	b.records_before = before;
	enum nc_datagram_reason r = send_as(f, f->sensor, &b);
	nc_buf_reset(&f->data);
	return r;
}

static void expect_losses(const struct fixture *f, uint64_t batches, uint64_t records)
{
	assert_int_equal(nc_loss_batches(&only_sensor(f)->loss), batches);
	assert_int_equal(nc_loss_records_lost(&only_sensor(f)->loss), records);
}

static void counts_losses(void **state)
{
	struct fixture *f = *state;

	/* the sensor was there before us: what it sent then is no loss */
	assert_int_equal(send_numbered(f, 77, 100, 5000, 10), NC_DG_OK);
	expect_losses(f, 0, 0);
	assert_int_equal(send_numbered(f, 77, 101, 5010, 10), NC_DG_OK);
	expect_losses(f, 0, 0);
	assert_int_equal(send_numbered(f, 77, 104, 5035, 5), NC_DG_OK);
	expect_losses(f, 2, 15);
	/* one of the two comes late, and twice */
	assert_int_equal(send_numbered(f, 77, 103, 5030, 5), NC_DG_OK);
	expect_losses(f, 1, 10);
	assert_int_equal(send_numbered(f, 77, 103, 5030, 5), NC_DG_REPEATED);
	assert_int_equal(send_numbered(f, 77, 100, 5000, 10), NC_DG_REPEATED);
	expect_losses(f, 1, 10);
	/* and one from before the first that we saw */
	assert_int_equal(send_numbered(f, 77, 99, 4990, 10), NC_DG_OK);
	expect_losses(f, 1, 10);
	/* the sensor starts anew: from now on everything from 1 on counts */
	assert_int_equal(send_numbered(f, 78, 3, 20, 5), NC_DG_OK);
	expect_losses(f, 3, 30);
	assert_int_equal(send_numbered(f, 77, 102, 5020, 10), NC_DG_OK);
	expect_losses(f, 2, 20);
	assert_int_equal(send_numbered(f, 78, 1, 0, 12), NC_DG_OK);
	expect_losses(f, 1, 8);
	assert_int_equal(only_sensor(f)->rejects[NC_DG_REPEATED], 2);
}

static void the_window_of_batches(void **state)
{
	struct nc_loss l = { .past_batches = 0 };

	(void)state;
	for (uint64_t i = 1; i <= 5000; i++)
		if (i % 7)
			assert_true(nc_loss_batch(&l, 1, i));
	assert_int_equal(nc_loss_batches(&l), 5000 / 7);
	/* within it each is taken once, beyond it none */
	for (uint64_t i = 1; i <= 5000; i++)
		assert_int_equal(nc_loss_batch(&l, 1, i), i % 7 == 0 && i > 5000 - NC_LOSS_WINDOW);
	for (uint64_t i = 1; i <= 5000; i++)
		assert_false(nc_loss_batch(&l, 1, i));
	/* a leap over the whole window */
	assert_true(nc_loss_batch(&l, 1, 50000));
	assert_true(nc_loss_batch(&l, 1, 49500));
	assert_false(nc_loss_batch(&l, 1, 5000));
	nc_loss_free(&l);
}

static void hostile_numbers(void **state)
{
	struct nc_loss l = { .past_batches = 0 };

	(void)state;
	assert_true(nc_loss_batch(&l, 0, 0));
	assert_false(nc_loss_batch(&l, 0, 0));
	assert_true(nc_loss_batch(&l, 0, UINT64_MAX));
	assert_false(nc_loss_batch(&l, 0, UINT64_MAX));
	assert_int_equal(nc_loss_batches(&l), UINT64_MAX - 1);
	nc_loss_records(&l, 0, 3, UINT64_MAX, 5);
	nc_loss_records(&l, 0, 3, 0, UINT64_MAX);
	nc_loss_records(&l, 0, NC_TYPES_MAX, 1, 1);
	nc_loss_records(&l, 99, 3, 1, 1);
	assert_int_equal(nc_loss_records_lost(&l), 0);
	for (uint64_t e = 1; e < 1000; e++)
		assert_true(nc_loss_batch(&l, e, e));
	nc_loss_free(&l);
}

/* --- what is shown ------------------------------------------------------------------------------------------------- */

static void status_tells(void **state)
{
	struct fixture *f = *state;
	struct nc_collector_control control = { .collector = f->c };
	struct nc_instant later = { .mono = f->now.mono + 90 * NC_NS_PER_S, .real = f->now.real };

	authorise(f, "silent", f->collector);
	assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
	assert_int_equal(send_tcp(f, 1), NC_DG_OK);
	assert_int_equal(hand(f), NC_DG_REPEATED);
	add_tcp(f, 1600000001, 3);
	struct nc_batch b = batch(f, TCP);
	assert_int_equal(send_as(f, f->stranger, &b), NC_DG_UNKNOWN_KEY);
	nc_collector_flush(f->c, f->now);
	json_t *s = nc_collector_status(&control, later);
	const char *name, *reason, *address, *seen;
	json_int_t uptime, records, repeated, count, tcp, written, unknown;
	assert_int_equal(json_unpack(s, "{s:I, s:{s:I}, s:{s:I}, s:{s:I}}", "uptime_seconds", &uptime, "types", "TCP", &tcp,
	                             "store", "written_bytes", &written, "rejects", "unknown-key", &unknown),
	                 0);
	assert_int_equal(uptime, 90);
	assert_int_equal(tcp, 1);
	assert_true(written > 0);
	assert_int_equal(unknown, 1);
	assert_int_equal(json_unpack(s, "{s:[{s:s, s:s, s:s, s:I, s:I, s:{s:I}}, {s:s, s:n}]}", "sensors", "name", &name,
	                             "address", &address, "last_seen", &seen, "records", &records, "duplicates", &count,
	                             "rejects", "repeated", &repeated, "name", &reason, "last_seen"),
	                 0);
	assert_string_equal(name, "alpha");
	assert_string_equal(reason, "silent");
	assert_string_equal(address, "192.0.2.7:4711");
	assert_string_equal(seen, "2023-11-14T22:13:20Z");
	assert_int_equal(records, 1);
	assert_int_equal(repeated, 1);
	assert_int_equal(count, 1);
	char fingerprint[NC_KEY_FINGERPRINT];
	nc_key_fingerprint(fingerprint, f->stranger->pub);
	assert_int_equal(
		json_unpack(s, "{s:[{s:s, s:I}], s:s}", "pending", "fingerprint", &name, "count", &count, "last_error", &reason),
		0);
	assert_string_equal(name, fingerprint);
	assert_int_equal(count, 1);
	json_decref(s);
}

static void the_sample_file_is_the_defaults(void **state)
{
	const char *src = getenv("NC_SRC");
	struct nc_collector_settings s;
	struct nc_buf err = { .max = 0 }, out = { .max = 0 };
	char path[512], *text;

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/collectord.conf", src ? src : ".");
	/* the sample is for /etc; this build may be for elsewhere */
	if (strcmp(NC_SYSCONFDIR, "/etc/netcap") != 0)
		skip();
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text = calloc(1, 100000);
	assert_true(fread(text, 1, 99999, file) > 1000);
	fclose(file);
	assert_int_equal(nc_collector_settings_read(&s, "/dev/null", false, &err), 0);
	nc_conf_dump(nc_collector_options, nc_collector_options_count, &s, true, &out);
	assert_string_equal(nc_buf_cstr(&out), text);
	nc_collector_settings_free(&s);
	/* and it can be read */
	assert_int_equal(nc_collector_settings_read(&s, path, false, &err), 0);
	nc_collector_settings_free(&s);
	nc_buf_free(&out);
	free(text);
}

static void the_manual_has_every_option(void **state)
{
	const char *src = getenv("NC_SRC");
	char path[512], item[128], *text = calloc(1, 100000);

	(void)state;
	snprintf(path, sizeof(path), "%s/man/netcap-collectord.conf.5", src ? src : ".");
	FILE *file = fopen(path, "r");
	if (!file) {
		free(text);
		skip();
	}
	assert_true(fread(text, 1, 99999, file) > 1000);
	fclose(file);
	for (size_t i = 0; i < nc_collector_options_count; i++) {
		const struct nc_conf_option *o = &nc_collector_options[i];
		snprintf(item, sizeof(item), ".It Va %s No = ", o->key);
		const char *at = strstr(text, item);
		if (!at)
			fail_msg("%s is not in the manual", o->key);
		const char *end_of_line = strchr(at, '\n');
		const char *dflt = strstr(at, o->dflt), *restart = strstr(at, "Em restart");
		/* folders depend on how it was built */
		if (o->dflt[0] != '/' && (!dflt || dflt > end_of_line))
			fail_msg("the manual has another default for %s than %s", o->key, o->dflt);
		assert_int_equal(restart && restart < end_of_line, o->restart);
	}
	free(text);
}

static void wrong_listen_addresses(void **state)
{
	static const char *const right[] = { "0.0.0.0:1335", "127.0.0.1:0", "[::]:1335", "[2001:db8::1]:65535",
		                             "[fe80::1%lo]:9" };
	static const char *const wrong[] = { "",
		                             ":",
		                             ":1335",
		                             "1335",
		                             "127.0.0.1",
		                             "127.0.0.1:",
		                             "127.0.0.1:65536",
		                             "127.0.0.1:x",
		                             "127.0.0.1:-1",
		                             "::1:1335",
		                             "[::1]",
		                             "[::1:5",
		                             "[]:5",
		                             "localhost:5",
		                             "[127.0.0.1]:5",
		                             "127.0.0.1:5 ",
		                             "[::1]x:5",
		                             "127.0.0.1:domain" };
	struct nc_listen_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (nc_listen_parse(right[i], &a) != 0)
			fail_msg("%s is refused", right[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (nc_listen_parse(wrong[i], &a) == 0)
			fail_msg("%s is accepted", wrong[i]);
}

/* --- the 2019 sensor's datagrams ----------------------------------------------------------------------------------- */

/* Runs the script that takes them out of the capture; a reader of its output. */
static FILE *extract(const char *shared, pid_t *pid)
{
	const char *src = getenv("NC_SRC");
	char script[512], capture[600];
	int fds[2];

	snprintf(script, sizeof(script), "%s/tests/e2e/extract-datagrams", src ? src : ".");
	snprintf(capture, sizeof(capture), "%s/datagrams.pcap", shared);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	*pid = fork();
	if (*pid == 0) {
		dup2(fds[1], 1);
		execlp("python3", "python3", script, capture, "1335", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	return fdopen(fds[0], "r");
}

static bool next_datagram(FILE *from, uint8_t to[static NC_DATAGRAM_MAX], size_t *n)
{
	uint8_t head[4];

	if (fread(head, 1, 4, from) != 4)
		return false;
	*n = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
	assert_true(*n <= NC_DATAGRAM_MAX);
	assert_int_equal(fread(to, 1, *n, from), *n);
	return true;
}

static void server_keys(struct fixture *f, const char *shared)
{
	char path[600], hex[65] = "";

	snprintf(path, sizeof(path), "%s/server-pub.key", shared);
	assert_int_equal(nc_key_read_public(f->collector->pub, path, &f->err), 0);
	/* that file may be read by all, so it is no private key to nc_keypair_read */
	snprintf(path, sizeof(path), "%s/server-priv.key", shared);
	FILE *k = fopen(path, "r");
	assert_non_null(k);
	assert_int_equal(fread(hex, 1, 64, k), 64);
	fclose(k);
	assert_true(nc_text_unhex(f->collector->priv, 32, hex));
}

static void vectors_of_2019(void **state)
{
	/* counted with another program: libsodium from Python, and a loop over varints */
	static const struct {
		const char *type;
		size_t records;
	} expected[] = { { "IPv4", 5404 }, { "TCP", 4063 }, { "Ethernet", 5660 },    { "UDP", 1164 },
		         { "ARP", 172 },   { "DNS", 162 },  { "TLSClientHello", 31 } };
	struct fixture *f = *state;
	const char *base = getenv("NC_SHARED"), *src = getenv("NC_SRC");
	char shared[512], name[64], hex[65];
	uint8_t *datagram = malloc(NC_DATAGRAM_MAX);
	size_t n, count = 0;
	pid_t pid;
	int status;

	if (base)
		snprintf(shared, sizeof(shared), "%s/vectors/datagram-2019", base);
	else
		snprintf(shared, sizeof(shared), "%s/../shared/vectors/datagram-2019", src ? src : ".");
	if (access(shared, R_OK) < 0) {
		free(datagram);
		skip();
	}
	server_keys(f, shared);
	FILE *from = extract(shared, &pid);
	while (next_datagram(from, datagram, &n)) {
		if (count++ == 0) {
			assert_int_equal(nc_collector_datagram(f->c, datagram, n, &f->peer, f->now), NC_DG_UNKNOWN_KEY);
			nc_text_hex(hex, datagram, 32);
			put_file(f->list, "old.pub", hex, 64);
			assert_int_equal(nc_collector_read_sensors(f->c, f->list, NULL, &f->err), 0);
		}
		assert_int_equal(nc_collector_datagram(f->c, datagram, n, &f->peer, f->now), NC_DG_OK);
		assert_int_equal(nc_collector_datagram(f->c, datagram, n, &f->peer, f->now), NC_DG_REPEATED);
	}
	fclose(from);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(count, 127);
	assert_int_equal(f->c->headers, 7);
	assert_int_equal(f->c->records, 16656);
	assert_string_equal(only_sensor(f)->client_id, "sensorA");
	end(f);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		snprintf(name, sizeof(name), "old/%s.ncap.gz", expected[i].type);
		assert_int_equal(count_file(f, name, NULL), expected[i].records);
		struct nc_file_header h = header_of(f, name);
		assert_string_equal(h.source, "peer1");
		assert_string_equal(h.version, "v0.3.9");
	}
	free(datagram);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stores_records),
		TEST(blocks_say_what_is_in_them),
		TEST(large_gatherings_are_cut),
		TEST(restarts_append),
		TEST(a_torn_file_is_mended),
		TEST(a_foreign_file_is_left_alone),
		TEST(few_open_files),
		TEST(the_header_describes_the_file),
		TEST(without_a_header),
		TEST(what_is_a_header),
		TEST(unknown_keys_wait),
		TEST(pending_is_bounded),
		TEST(a_persistent_key_stays_pending),
		TEST(unknown_keys_let_in),
		TEST(wrong_boxes),
		TEST(repeated_datagrams),
		TEST(bad_datagrams),
		TEST(bad_records),
		TEST(names_never_become_paths),
		TEST(links_are_not_followed),
		TEST(taken_off_the_list),
		TEST(a_full_disk),
		TEST(one_bad_folder),
		TEST(counts_losses),
		TEST(vectors_of_2019),
		TEST(status_tells),
		cmocka_unit_test(the_window_of_batches),
		cmocka_unit_test(hostile_numbers),
		cmocka_unit_test(the_sample_file_is_the_defaults),
		cmocka_unit_test(wrong_listen_addresses),
		cmocka_unit_test(the_manual_has_every_option),
	};

	nc_log_open("test_collector");
	nc_log_level(LOG_CRIT);
	return nc_keys_init() < 0 ? 1 : cmocka_run_group_tests_name("collector", tests, NULL, NULL);
}
