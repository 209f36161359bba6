/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts each packet of the captures at every byte: no crash, the verdicts add up, and a record of a cut packet is one of the whole
 * packet, apart from what tells or depends on how much of the payload is there. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define RECORD_MAX 131072u

/* Fields that follow the payload; those without a type in every type. */
static const struct {
	const char *type, *field;
} payload_fields[] = {
	{ NULL, "PayloadEntropy" }, { NULL, "PayloadSize" }, { NULL, "Payload" },
	{ "Dot11", "Checksum" }, { "EthernetCTPReply", "Data" }, { "IPSecESP", "LenEncrypted" },
	{ "IPv6", "HopByHop" }, /* of the header behind it */
};

struct packed {
	uint16_t slot;
	size_t n;
	uint8_t *bytes;
};

struct run {
	struct nc_session session;
	const char *file;
	/* records of the whole packet at hand */
	struct packed whole[NC_RECORDS_MAX];
	unsigned whole_count;
	uint8_t scratch[RECORD_MAX];
	unsigned failures;
	unsigned long cuts;
};

static void clear_field(ProtobufCMessage *m, const char *name)
{
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	if (!f)
		return;
	size_t size = f->type == PROTOBUF_C_TYPE_DOUBLE ? sizeof(double)
	            : f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData)
	            : f->type == PROTOBUF_C_TYPE_MESSAGE ? sizeof(void *) : sizeof(int32_t);
	memset((uint8_t *)m + f->offset, 0, size);
}

static size_t pack(struct run *t, ProtobufCMessage *m)
{
	for (size_t i = 0; i < sizeof(payload_fields) / sizeof(payload_fields[0]); i++)
		if (!payload_fields[i].type || strcmp(payload_fields[i].type, m->descriptor->short_name) == 0)
			clear_field(m, payload_fields[i].field);
	size_t n = protobuf_c_message_get_packed_size(m);
	if (n > RECORD_MAX)
		abort();
	return protobuf_c_message_pack(m, t->scratch);
}

/* Packing by our own tables must agree with the library about every record, cut or not. */
static bool packs_alike(struct run *t, size_t slot, const ProtobufCMessage *m)
{
	static uint8_t ours[RECORD_MAX + 10], theirs[RECORD_MAX];
	size_t n = protobuf_c_message_pack(m, theirs);
	size_t with = nc_pack_delimited(t->session.packer, slot, m, ours, sizeof(ours));

	return with > n && memcmp(ours + (with - n), theirs, n) == 0 && nc_record_valid(m->descriptor, theirs, n, true);
}

static void keep(struct run *t, const struct nc_engine_result *r)
{
	for (unsigned i = 0; i < t->whole_count; i++)
		free(t->whole[i].bytes);
	t->whole_count = r->count;
	for (unsigned i = 0; i < r->count; i++) {
		size_t n = pack(t, r->records[i].m);
		t->whole[i] = (struct packed){ .slot = r->records[i].slot, .n = n, .bytes = malloc(n + 1) };
		if (!t->whole[i].bytes)
			abort();
		memcpy(t->whole[i].bytes, t->scratch, n);
	}
}

static bool belongs(struct run *t, const struct nc_engine_record *rec)
{
	size_t n = pack(t, rec->m);

	for (unsigned i = 0; i < t->whole_count; i++) {
		const struct packed *w = &t->whole[i];
		if (w->slot == rec->slot && w->n == n && memcmp(w->bytes, t->scratch, n) == 0)
			return true;
	}
	return false;
}

/* One cut, in a buffer of exactly its size, so that a sanitizer sees a read of the byte behind it. */
static void cut_at(struct run *t, const struct nc_capture_packet *p, size_t n, unsigned number)
{
	uint8_t *bytes = malloc(n ? n : 1);
	uint64_t before = nc_session_verdicts(&t->session);

	if (!bytes)
		abort();
	if (n)
		memcpy(bytes, p->data, n);
	nc_session_forget_fragments(&t->session);
	const struct nc_engine_result *r = nc_engine_packet(t->session.engine, p->datalink, p->ts_ns, bytes, n);
	if (nc_session_verdicts(&t->session) - before != r->depth) {
		printf("%s: packet %u cut to %zu: %u layers, but the counters differ\n", t->file, number, n, r->depth);
		t->failures++;
	}
	for (unsigned i = 0; i < r->count; i++) {
		const char *type = nc_types[r->records[i].slot].name;
		if (!packs_alike(t, r->records[i].slot, r->records[i].m)) {
			printf("%s: packet %u cut to %zu: %s packs wrongly\n", t->file, number, n, type);
			t->failures++;
		}
		if (!belongs(t, &r->records[i])) {
			printf("%s: packet %u cut to %zu: %s is none of the whole packet's\n", t->file, number, n, type);
			t->failures++;
		}
	}
	free(bytes);
	t->cuts++;
}

static void cut_packet(void *user, const struct nc_capture_packet *p, unsigned number)
{
	struct run *t = user;

	nc_session_forget_fragments(&t->session);
	keep(t, nc_engine_packet(t->session.engine, p->datalink, p->ts_ns, p->data, p->caplen));
	for (size_t n = 0; n <= p->caplen; n++)
		cut_at(t, p, n, number);
}

int main(int argc, char **argv)
{
	static struct run t;
	int bad = nc_session_open(&t.session) < 0;

	for (int i = 1; i < argc && !bad; i++) {
		t.file = argv[i];
		bad = nc_session_file(argv[i], cut_packet, &t) < 0;
	}
	keep(&t, &(const struct nc_engine_result){ .count = 0 });
	nc_session_close(&t.session);
	printf("%d captures, %lu cuts, %u failures\n", argc - 1, t.cuts, t.failures);
	return bad || t.failures > 0 || t.cuts == 0;
}
