/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger: where a sensor's packets and records went by cause, and whether the sums close. */
#include "config.h"

#include "record/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/rd.h"
#include "base/text.h"
#include "base/time.h"
#include "record/type.h"

#define DROP "Drop/"

/* A term of a sum: what comes in, what goes out, what is only told. */
enum side { IN, OUT, TOLD };

static const struct term {
	const char *sum, *name, *field;
	enum side side;
} terms[] = {
	{ "packets", "seen", "PacketsSeen", IN },
	{ "packets", "decoded", "PacketsDecoded", OUT },
	{ "packets", "filtered", "PacketsFiltered", OUT },
	{ "packets", "dropped_by_kernel", "PacketsDroppedKernel", OUT },
	{ "packets", "dropped_by_interface", "PacketsDroppedInterface", OUT },
	{ "packets", "dropped_by_crash", "PacketsDroppedCrash", OUT },
	{ "packets", "dropped_at_stop", "PacketsDroppedStop", OUT },
	{ "workers", "made", "RecordsMade", IN },
	{ "workers", "built", "RecordsBuilt", OUT },
	{ "records", "built", "RecordsBuilt", IN },
	{ "records", "recovered", "RecordsRecovered", IN },
	{ "records", "acknowledged", "RecordsAcknowledged", OUT },
	{ "records", "dropped_for_memory", "RecordsDroppedMemory", OUT },
	{ "records", "dropped_in_flight", "RecordsDroppedFlight", OUT },
	{ "records", "dropped_from_spool", "RecordsDroppedSpool", OUT },
	{ "records", "damaged", "RecordsDroppedDamage", OUT },
	{ "records", "rejected", "RecordsDroppedRejected", OUT },
	{ "records", "unsendable", "RecordsDroppedUnsendable", OUT },
	{ "records", "dropped_at_stop", "RecordsDroppedStop", OUT },
	{ "records", "waiting", "RecordsWaiting", OUT },
	{ "records", "spooled", "RecordsSpooled", TOLD },
	{ "records", "sent", "RecordsSent", TOLD },
	{ "blocks", "built", "BlocksBuilt", IN },
	{ "blocks", "recovered", "BlocksRecovered", IN },
	{ "blocks", "acknowledged", "BlocksAcknowledged", OUT },
	{ "blocks", "dropped", "BlocksDropped", OUT },
	{ "blocks", "waiting", "BlocksWaiting", OUT },
	{ "blocks", "sent", "BlocksSent", TOLD },
	{ "collector", "received", "CollectorReceived", IN },
	{ "collector", "stored", "CollectorStored", OUT },
	{ "collector", "duplicate", "CollectorDuplicate", OUT },
	{ "collector", "rejected", "CollectorRejected", OUT },
	{ "collector", "deferred", "CollectorDeferred", OUT },
	{ "collector", "waiting", "CollectorWaiting", OUT },
	{ "collector", "lost", "CollectorLost", TOLD },
	{ "collector", "expired", "CollectorExpired", TOLD },
	{ "collector", "missing_blocks", "CollectorMissing", TOLD },
	{ "delivery", "acknowledged", "SinceAcknowledged", IN },
	{ "delivery", "stored_or_lost", "SinceStored", OUT },
};
#define TERMS (sizeof(terms) / sizeof(terms[0]))

static const ProtobufCFieldDescriptor *field_of(const char *name)
{
	const ProtobufCMessageDescriptor *d = &types__loss_ledger__descriptor;
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, name);

	return f && f->type == PROTOBUF_C_TYPE_UINT64 ? f : NULL;
}

static uint64_t value_at(const struct nc_ledger *l, const ProtobufCFieldDescriptor *f)
{
	uint64_t v;

	memcpy(&v, (const char *)&l->m + f->offset, sizeof(v));
	return v;
}

static uint64_t value_of(const struct nc_ledger *l, const char *field)
{
	const ProtobufCFieldDescriptor *f = field_of(field);

	return f ? value_at(l, f) : 0;
}

void nc_ledger_init(struct nc_ledger *l, int64_t when, const char *sensor, uint64_t epoch)
{
	memset(l, 0, sizeof(*l));
	types__loss_ledger__init(&l->m);
	nc_time_stamp(l->stamp, when);
	snprintf(l->sensor, sizeof(l->sensor), "%s", sensor ? sensor : "");
	l->m.timestamp = l->stamp;
	l->m.sensor = l->sensor;
	l->m.epoch = epoch;
	l->m.drops = l->list;
}

void nc_ledger_drop(struct nc_ledger *l, const char *type, const char *reason, uint64_t records)
{
	size_t i = l->m.n_drops;

	if (records == 0 || i == NC_LEDGER_DROPS_MAX)
		return;
	types__loss_ledger_drop__init(&l->drops[i]);
	snprintf(l->reasons[i], sizeof(l->reasons[i]), "%s", reason);
	snprintf(l->names[i], sizeof(l->names[i]), DROP "%s/%s", type, reason);
	l->drops[i].type = (char *)(uintptr_t)type;
	l->drops[i].reason = l->reasons[i];
	l->drops[i].records = records;
	l->list[i] = &l->drops[i];
	l->m.n_drops++;
}

/* A word of small letters: it is printed and filed as it came. */
static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	return n > 0 && n < 32 && s[n] == '\0';
}

/* The name of a type as we write it; what is not known here has none. */
static const char *type_name(const char *name, size_t n)
{
	for (size_t i = 0; i < nc_types_count; i++)
		if (strlen(nc_types[i].name) == n && memcmp(nc_types[i].name, name, n) == 0)
			return nc_types[i].name;
	return "unknown";
}

bool nc_ledger_set(struct nc_ledger *l, const char *name, uint64_t value)
{
	const ProtobufCFieldDescriptor *f = field_of(name);
	const char *slash = strrchr(name, '/');
	size_t prefix = sizeof(DROP) - 1;

	if (f) {
		memcpy((char *)&l->m + f->offset, &value, sizeof(value));
		return true;
	}
	if (strncmp(name, DROP, prefix) != 0 || slash < name + prefix || !is_word(slash + 1))
		return false;
	if (l->m.n_drops == NC_LEDGER_DROPS_MAX)
		return false;
	nc_ledger_drop(l, type_name(name + prefix, (size_t)(slash - name) - prefix), slash + 1, value);
	return true;
}

size_t nc_ledger_counters(const struct nc_ledger *l, struct nc_ledger_counter out[static NC_LEDGER_COUNTERS_MAX])
{
	const ProtobufCMessageDescriptor *d = &types__loss_ledger__descriptor;
	size_t n = 0;

	for (unsigned i = 0; i < d->n_fields && n < NC_LEDGER_COUNTERS_MAX; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		if (f->type == PROTOBUF_C_TYPE_UINT64 && f->offset != offsetof(Types__LossLedger, epoch) && value_at(l, f))
			out[n++] = (struct nc_ledger_counter){ .name = f->name, .value = value_at(l, f) };
	}
	for (size_t i = 0; i < l->m.n_drops && n < NC_LEDGER_COUNTERS_MAX; i++)
		out[n++] = (struct nc_ledger_counter){ .name = l->names[i], .value = l->drops[i].records };
	return n;
}

void nc_ledger_pack(const struct nc_ledger *l, struct nc_buf *out)
{
	size_t n = types__loss_ledger__get_packed_size(&l->m);

	nc_buf_varint(out, n);
	uint8_t *p = nc_buf_reserve(out, n);
	if (p)
		out->len += types__loss_ledger__pack(&l->m, p);
}

int nc_ledger_parse(struct nc_ledger *l, const uint8_t *p, size_t n)
{
	Types__LossLedger *m = types__loss_ledger__unpack(NULL, n, p);
	int64_t when = 0;

	if (!m)
		return -EBADMSG;
	(void)nc_time_parse(m->timestamp, &when);
	nc_ledger_init(l, when, NULL, m->epoch);
	for (unsigned i = 0; i < types__loss_ledger__descriptor.n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &types__loss_ledger__descriptor.fields[i];
		if (f->type == PROTOBUF_C_TYPE_UINT64)
			memcpy((char *)&l->m + f->offset, (const char *)m + f->offset, sizeof(uint64_t));
	}
	for (size_t i = 0; i < m->n_drops; i++) {
		const Types__LossLedgerDrop *d = m->drops[i];
		if (is_word(d->reason))
			nc_ledger_drop(l, type_name(d->type, strlen(d->type)), d->reason, d->records);
	}
	types__loss_ledger__free_unpacked(m, NULL);
	return 0;
}

/* --- sums --------------------------------------------------------------------------------------------------------------------
 */

int64_t nc_ledger_remainder(const struct nc_ledger *l, const char *sum)
{
	uint64_t left = 0; /* modulo 2^64, as the counters are */

	for (size_t i = 0; i < TERMS; i++) {
		if (strcmp(terms[i].sum, sum) != 0 || terms[i].side == TOLD)
			continue;
		uint64_t v = value_of(l, terms[i].field);
		left += terms[i].side == IN ? v : -v;
	}
	return (int64_t)left;
}

static void side_text(const char *sum, enum side side, struct nc_buf *out)
{
	const char *sign = "";

	for (size_t i = 0; i < TERMS; i++) {
		if (strcmp(terms[i].sum, sum) != 0 || terms[i].side != side)
			continue;
		nc_buf_printf(out, "%s%s", sign, terms[i].name);
		sign = " + ";
	}
}

static json_t *number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *sum_json(const struct nc_ledger *l, const char *sum)
{
	json_t *o = json_object();
	struct nc_buf text = { .max = 1024 };

	side_text(sum, IN, &text);
	nc_buf_str(&text, " = ");
	side_text(sum, OUT, &text);
	nc_buf_str(&text, " + remainder");
	json_object_set_new(o, "sum", json_string(nc_buf_cstr(&text)));
	for (size_t i = 0; i < TERMS; i++)
		if (strcmp(terms[i].sum, sum) == 0)
			json_object_set_new(o, terms[i].name, number(value_of(l, terms[i].field)));
	json_object_set_new(o, "remainder", json_integer(nc_ledger_remainder(l, sum)));
	nc_buf_free(&text);
	return o;
}

json_t *nc_ledger_json(const struct nc_ledger *l, bool collector)
{
	static const char *const sums[] = { "packets", "workers", "records", "blocks", "collector", "delivery" };
	char epoch[17], time[NC_TIME_TEXT];
	json_t *o = json_object(), *drops = json_array();
	int64_t when = 0;

	(void)nc_time_parse(l->stamp, &when);
	nc_time_iso(time, when);
	snprintf(epoch, sizeof(epoch), "%016llx", (unsigned long long)l->m.epoch);
	json_object_set_new(o, "time", json_string(time));
	json_object_set_new(o, "epoch", json_string(epoch));
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]) - (collector ? 0 : 2); i++)
		json_object_set_new(o, sums[i], sum_json(l, sums[i]));
	for (size_t i = 0; i < l->m.n_drops; i++)
		json_array_append_new(drops, json_pack("{s:s, s:s, s:o}", "type", l->drops[i].type, "reason", l->drops[i].reason,
		                                       "records", number(l->drops[i].records)));
	json_object_set_new(o, "drops", drops);
	return o;
}
