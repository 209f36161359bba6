/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decodes captures as if they had been taken with other snap lengths: no crash, the verdicts add up, every record packs soundly.
 * Or writes them so cut into one pcapng file. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define PACKED_MAX (1u << 20)
#define WHOLE      UINT32_MAX

static const uint32_t lengths[] = { WHOLE, 14, 34, 54, 60, 64, 96, 128, 256 };

struct run {
	struct nc_session session;
	uint8_t packed[PACKED_MAX];
	const char *file;
	uint32_t length;
	unsigned long packets, failures;
};

static void complain(struct run *t, unsigned number, const char *what)
{
	printf("%s: packet %u at snap length %u: %s\n", t->file, number, t->length, what);
	t->failures++;
}

static bool packs(struct run *t, const struct nc_engine_record *rec)
{
	size_t n = nc_pack_delimited(t->session.packer, rec->slot, rec->m, t->packed, sizeof(t->packed));
	struct nc_rd r = nc_rd_over(t->packed, n);
	uint64_t len = nc_rd_varint(&r);

	return !r.failed && len == r.left && nc_record_valid(rec->m->descriptor, r.p, r.left, true);
}

/* In a buffer of exactly its size, so that a sanitizer sees a read of the byte behind it. */
static void decode(void *user, const struct nc_capture_packet *p, unsigned number)
{
	struct run *t = user;
	size_t n = p->caplen < t->length ? p->caplen : t->length;
	uint64_t before = nc_session_verdicts(&t->session);
	uint8_t *bytes = malloc(n ? n : 1);

	if (!bytes)
		abort();
	if (n)
		memcpy(bytes, p->data, n);
	const struct nc_engine_result *r = nc_engine_packet(t->session.engine, p->datalink, p->ts_ns, bytes, n);
	if (r->depth > NC_LAYERS_MAX || r->count > NC_RECORDS_MAX)
		complain(t, number, "more layers or records than there may be");
	else if (nc_session_verdicts(&t->session) - before != r->depth)
		complain(t, number, "the counters differ from the layers");
	for (unsigned i = 0; i < r->count; i++)
		if (!packs(t, &r->records[i]))
			complain(t, number, "a record packs wrongly");
	free(bytes);
	t->packets++;
}

static int decode_all(char **files, int count)
{
	static struct run t;
	int bad = nc_session_open(&t.session) < 0;

	for (int i = 0; i < count && !bad; i++) {
		t.file = files[i];
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]) && !bad; k++) {
			t.length = lengths[k];
			nc_session_forget_fragments(&t.session);
			bad = nc_session_file(files[i], decode, &t) < 0;
		}
	}
	nc_session_close(&t.session);
	printf("%d captures, %lu packets, %lu failures\n", count, t.packets, t.failures);
	return bad || t.failures > 0 || t.packets == 0;
}

struct cut {
	FILE *to;
	uint32_t length;
	uint32_t datalinks[NC_CAPFILE_INTERFACES];
	uint32_t count;
	unsigned long packets;
};

static void put(struct cut *c, const uint32_t *words, size_t n)
{
	fwrite(words, sizeof(*words), n, c->to);
}

/* The interface of a link type, made when it is the first: nanoseconds (option if_tsresol), no limit. */
static uint32_t interface_of(struct cut *c, uint32_t datalink)
{
	uint32_t i = 0;

	while (i < c->count && c->datalinks[i] != datalink)
		i++;
	if (i == c->count && i < NC_CAPFILE_INTERFACES) {
		const uint16_t type[2] = { (uint16_t)datalink, 0 }, option[2] = { 9, 1 };
		const uint8_t resolution[4] = { 9 };
		put(c, (const uint32_t[]){ 1, 32 }, 2);
		fwrite(type, sizeof(type), 1, c->to);
		put(c, (const uint32_t[]){ 0 }, 1);
		fwrite(option, sizeof(option), 1, c->to);
		fwrite(resolution, sizeof(resolution), 1, c->to);
		put(c, (const uint32_t[]){ 0, 32 }, 2);
		c->datalinks[c->count++] = datalink;
	}
	return i;
}

/* An enhanced packet block (draft-ietf-opsawg-pcapng section 4.3). */
static void write_packet(void *user, const struct nc_capture_packet *p, unsigned number)
{
	static const uint8_t zeros[4];
	struct cut *c = user;
	uint32_t interface = interface_of(c, p->datalink), n = p->caplen < c->length ? p->caplen : c->length;
	uint32_t padding = (4 - n % 4) % 4, size = 32 + n + padding;
	uint64_t ts = (uint64_t)p->ts_ns;

	(void)number;
	if (interface == NC_CAPFILE_INTERFACES || p->datalink > UINT16_MAX)
		return;
	put(c, (const uint32_t[]){ 6, size, interface, (uint32_t)(ts >> 32), (uint32_t)ts, n, p->len }, 7);
	if (n)
		fwrite(p->data, 1, n, c->to);
	fwrite(zeros, 1, padding, c->to);
	put(c, &size, 1);
	c->packets++;
}

static int write_all(const char *to, uint32_t length, char **files, int count)
{
	static struct cut c;
	int bad = 0;

	c.length = length ? length : WHOLE;
	c.to = fopen(to, "wb");
	if (!c.to) {
		perror(to);
		return 1;
	}
	put(&c, (const uint32_t[]){ 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28 }, 7);
	for (int i = 0; i < count && !bad; i++)
		bad = nc_session_file(files[i], write_packet, &c) < 0;
	if (ferror(c.to) | fclose(c.to)) {
		fprintf(stderr, "%s: not written\n", to);
		bad = 1;
	}
	printf("%lu\n", c.packets);
	return bad;
}

int main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[1], "-w") == 0)
		return write_all(argv[2], (uint32_t)strtoul(argv[3], NULL, 10), argv + 4, argc - 4);
	if (argc > 1 && argv[1][0] != '-')
		return decode_all(argv + 1, argc - 1);
	fprintf(stderr, "usage: snap CAPTURE...                    decodes them at each snap length\n"
	                "       snap -w FILE LENGTH CAPTURE...     writes them cut; 0 leaves them whole; prints the number of packets\n");
	return 2;
}
