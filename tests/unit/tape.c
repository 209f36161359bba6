/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP reassembly for tests. */
#include "tape.h"

#include <string.h>
#include <sys/mman.h>

static void count_record(void *user, const ProtobufCMessage *m, int64_t ts_ns)
{
	struct tape *t = user;

	(void)m;
	(void)ts_ns;
	t->records++;
}

bool tape_open(struct tape *t, size_t size, int64_t timeout_ns, const struct nc_stream_reader *const *readers, size_t count)
{
	bool wanted[NC_TYPES_MAX];
	const struct nc_sink sink = { .record = count_record, .user = t };
	struct nc_tcp_options o = {
		.timeout_ns = timeout_ns, .wanted = wanted, .sink = &sink, .seed = "not so secret!!", .counters = &t->counters,
		.readers = readers, .reader_count = count,
	};

	memset(wanted, 1, sizeof(wanted));
	memset(t, 0, sizeof(*t));
	t->size = size;
	t->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->mem == MAP_FAILED)
		return false;
	t->tcp = nc_tcp_init(t->mem, size, &o);
	return t->tcp != NULL;
}

void tape_close(struct tape *t)
{
	munmap(t->mem, t->size);
}

static void address(uint8_t out[16], uint32_t number)
{
	memset(out, 0x20, 16);
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(number >> (24 - 8 * i));
}

unsigned tape_segment(struct tape *t, uint8_t version, const struct tape_end *from, const struct tape_end *to, int64_t ts_ns,
                      const struct nc_segment *s)
{
	uint8_t src[16], dst[16];
	const struct nc_packet p = { .ts_ns = ts_ns, .ip_version = version };
	struct nc_segment copy = *s;

	address(src, from->address);
	address(dst, to->address);
	copy.version = version;
	copy.src = src;
	copy.dst = dst;
	copy.sport = from->port;
	copy.dport = to->port;
	return nc_tcp_segment(t->tcp, &p, &copy);
}
