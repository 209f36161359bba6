/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor's half of the ledger: what its interfaces, workers and queue say. */
#include "config.h"

#include "sensord/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "base/time.h"
#include "sensord/sensor.h"

/* What is seen is what the kernel took in for us, and what the interface lost before that. */
static void add_interface(Types__LossLedger *m, const struct nc_pipeline_stats *st)
{
	m->packetsseen += st->received + st->if_drop;
	m->packetsfiltered += st->filtered + st->cannot_filter;
	m->packetsdecoded += st->packets;
	m->packetsdroppedkernel += st->kernel_drop;
	m->packetsdroppedinterface += st->if_drop;
	m->packetsdroppedcrash += st->crash_drop;
	m->packetsdroppedstop += st->stop_drop;
	for (size_t i = 0; i < nc_types_count; i++)
		m->recordsmade += st->records[i];
}

static void add_dropped(struct nc_ledger *l, const struct nc_ship_state *q)
{
	Types__LossLedger *m = &l->m;
	uint64_t *const fields[NC_SHIP_REASONS] = {
		[NC_SHIP_MEMORY] = &m->recordsdroppedmemory,     [NC_SHIP_FLIGHT] = &m->recordsdroppedflight,
		[NC_SHIP_SPOOL] = &m->recordsdroppedspool,       [NC_SHIP_DAMAGE] = &m->recordsdroppeddamage,
		[NC_SHIP_REJECTED] = &m->recordsdroppedrejected, [NC_SHIP_UNSENDABLE] = &m->recordsdroppedunsendable,
		[NC_SHIP_STOP] = &m->recordsdroppedstop,
	};

	for (unsigned r = 0; r < NC_SHIP_REASONS; r++) {
		const char *name = nc_ship_reason_name((enum nc_ship_reason)r);
		*fields[r] = q->dropped[r].records;
		m->blocksdropped += q->dropped[r].blocks;
		for (size_t i = 0; i <= NC_TYPES_MAX; i++)
			nc_ledger_drop(l, i < nc_types_count ? nc_types[i].name : "unknown", name, q->dropped_types[r][i]);
	}
}

static void add_queue(struct nc_ledger *l, const struct nc_ship_state *q)
{
	Types__LossLedger *m = &l->m;

	m->blocksbuilt = q->built.blocks;
	m->blocksrecovered = q->recovered.blocks;
	m->blockssent = q->sent.blocks;
	m->blocksacknowledged = q->acknowledged.blocks;
	m->blockswaiting = q->waiting.blocks;
	m->recordsbuilt = q->built.records;
	m->recordsrecovered = q->recovered.records;
	m->recordssent = q->sent.records;
	m->recordsacknowledged = q->acknowledged.records;
	m->recordswaiting = q->waiting.records;
	m->recordsspooled = q->spooled.records;
	add_dropped(l, q);
}

void nc_sensor_ledger(const struct nc_sensor *s, struct nc_ledger *ret)
{
	struct nc_ship_state q;
	struct nc_transport_state t;

	nc_ledger_init(ret, nc_time_real(), s->name, s->epoch);
	for (unsigned k = 0; k < s->count; k++) {
		struct nc_pipeline_stats st;
		nc_pipeline_stats(s->interfaces[k].pipeline, &st);
		add_interface(&ret->m, &st);
	}
	nc_ship_get_state(s->ship, &q, &t);
	add_queue(ret, &q);
	ret->m.recordsmade += s->ledgers;
}

/* As any other record, in a block of its own. */
static int send_record(struct nc_sensor *s, const struct nc_ledger *l)
{
	int64_t now = nc_time_real();
	struct nc_block_info info = {
		.kind = NC_BLOCK_RECORDS, .type = TYPES__TYPE__NC_LossLedger, .count = 1, .first_ns = now, .last_ns = now,
	};
	struct nc_buf record = { 0 }, block = { 0 };
	struct nc_deflater *d = nc_deflater_new(1);
	int rc = -ENOMEM;

	nc_ledger_pack(l, &record);
	uint8_t *p = record.failed || !d ? NULL : nc_buf_reserve(&block, nc_block_bound(record.len));
	size_t n = p ? nc_block_build(d, &info, record.data, record.len, p, nc_block_bound(record.len)) : 0;
	if (n > 0) {
		nc_block_stamp(p, s->epoch, ++s->seq);
		s->ledgers++;
		nc_ship_block(s->ship, p, n, 1);
		rc = 0;
	}
	nc_deflater_free(d);
	nc_buf_free(&record);
	nc_buf_free(&block);
	return rc;
}

static int send_counters(struct nc_sensor *s, const struct nc_ledger *l, int64_t now)
{
	struct nc_ledger_counter list[NC_LEDGER_COUNTERS_MAX];
	struct nc_transport_counter out[NC_LEDGER_COUNTERS_MAX];
	size_t n = nc_ledger_counters(l, list);

	for (size_t i = 0; i < n; i++)
		out[i] = (struct nc_transport_counter){ .name = list[i].name, .value = list[i].value };
	return nc_ship_ledger(s->ship, s->epoch, now, out, n);
}

int nc_sensor_send_ledger(struct nc_sensor *s)
{
	struct nc_ledger *l = malloc(sizeof(*l));

	if (!l)
		return -ENOMEM;
	nc_sensor_ledger(s, l);
	int rc = send_counters(s, l, nc_time_real());
	if (rc == -ENOTSUP && s->settings->collector_peer != NC_PEER_NETCAP_2019)
		rc = send_record(s, l);
	free(l);
	return rc;
}
