/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of packets that failed: pcap records, the entries of errors.log, counts by error text. */
#include "config.h"

#include "pipeline/report.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"

#define DUMP_COLUMNS 16u
#define DUMP_LINE    (6 + DUMP_COLUMNS * 3 + 2 + DUMP_COLUMNS + 1)
#define PCAP_MAGIC_NS UINT32_C(0xa1b23c4d)

void nc_report_pcap_header(uint8_t to[static 24], uint32_t datalink)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, sigfigs, snaplen, datalink;
	} h = { .magic = PCAP_MAGIC_NS, .major = 2, .minor = 4, .snaplen = NC_CAPTURE_SNAPLEN_MAX, .datalink = datalink };

	_Static_assert(sizeof(h) == 24, "pcap file header");
	memcpy(to, &h, sizeof(h));
}

size_t nc_report_pcap(uint8_t *to, size_t room, const struct nc_capture_packet *pkt)
{
	int64_t sec = pkt->ts_ns / NC_NS_PER_S, ns = pkt->ts_ns % NC_NS_PER_S;

	if (ns < 0) {
		ns += NC_NS_PER_S;
		sec--;
	}
	uint32_t h[4] = { (uint32_t)sec, (uint32_t)ns, pkt->caplen, pkt->len };
	if (room < sizeof(h) || room - sizeof(h) < pkt->caplen)
		return 0;
	memcpy(to, h, sizeof(h));
	memcpy(to + sizeof(h), pkt->data, pkt->caplen);
	return sizeof(h) + pkt->caplen;
}

static size_t dump_line(char *to, size_t offset, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *w = to;

	w += snprintf(to, 12, "%04zx  ", offset);
	for (size_t i = 0; i < DUMP_COLUMNS; i++) {
		*w++ = i < n ? digits[p[i] >> 4] : ' ';
		*w++ = i < n ? digits[p[i] & 15] : ' ';
		*w++ = ' ';
	}
	*w++ = ' ';
	for (size_t i = 0; i < n; i++)
		*w++ = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '.';
	*w++ = '\n';
	return (size_t)(w - to);
}

static int head(char *to, size_t room, const char *error, const struct nc_capture_packet *pkt, const struct nc_engine *engine,
                const struct nc_engine_result *res)
{
	char utc[NC_TIME_TEXT], layers[NC_LAYERS_MAX * 24] = "";
	size_t used = 0;

	for (unsigned i = 0; res && i < res->depth; i++) {
		const struct nc_decoder *d = nc_engine_decoder(engine, res->layers[i]);
		int n = snprintf(layers + used, sizeof(layers) - used, "%s%s", i ? " " : "", d ? d->name : "?");
		if (n < 0 || (size_t)n >= sizeof(layers) - used)
			break;
		used += (size_t)n;
	}
	nc_time_utc(utc, pkt->ts_ns);
	return snprintf(to, room, "%s\nError: %s\nPacket: %u of %u bytes, link type %u, layers: %s\n", utc, error, pkt->caplen,
	                pkt->len, pkt->datalink, *layers ? layers : "none");
}

size_t nc_report_log(uint8_t *to, size_t room, const char *error, const struct nc_capture_packet *pkt,
                     const struct nc_engine *engine, const struct nc_engine_result *res)
{
	char line[DUMP_LINE + 32];
	int n = head((char *)to, room, error, pkt, engine, res);
	size_t shown = pkt->caplen < NC_REPORT_DUMP_MAX ? pkt->caplen : NC_REPORT_DUMP_MAX;

	if (n < 0 || (size_t)n >= room)
		return 0;
	size_t used = (size_t)n;
	for (size_t at = 0; at < shown; at += DUMP_COLUMNS) {
		size_t left = shown - at, len = dump_line(line, at, pkt->data + at, left < DUMP_COLUMNS ? left : DUMP_COLUMNS);
		if (room - used < len + 1)
			break;
		memcpy(to + used, line, len);
		used += len;
	}
	if (room - used > 0)
		to[used++] = '\n';
	return used;
}

void nc_report_count(struct nc_reason table[static NC_REASONS_MAX], const char *text)
{
	size_t i = 0;

	for (; i < NC_REASONS_MAX - 1 && table[i].count > 0; i++)
		if (strcmp(table[i].text, text) == 0)
			break;
	if (table[i].count == 0)
		snprintf(table[i].text, sizeof(table[i].text), "%s", i < NC_REASONS_MAX - 1 ? text : "other");
	table[i].count++;
}
