/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BPF filters for packets of capture files: the expression compiled for each link type. */
#include "config.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/live.h"

#define DATALINK_MAX 280u /* above all numbers in the table */

/* Numbers of files, and what libpcap's compiler calls them when that differs. */
static const struct {
	uint16_t datalink;
	int dlt;
} types[] = {
	{ 1, DLT_EN10MB }, /* first: its error message is the one that is shown */
	{ 0, DLT_NULL },
	{ 6, DLT_IEEE802 },
	{ 9, DLT_PPP },
	{ 10, DLT_FDDI },
	{ 50, DLT_PPP_SERIAL },
	{ 51, DLT_PPP_ETHER },
	{ 101, DLT_RAW },
	{ 104, DLT_C_HDLC },
	{ 105, DLT_IEEE802_11 },
	{ 107, DLT_FRELAY },
	{ 108, DLT_LOOP },
	{ 113, DLT_LINUX_SLL },
	{ 119, DLT_PRISM_HEADER },
	{ 127, DLT_IEEE802_11_RADIO },
	{ 163, DLT_IEEE802_11_RADIO_AVS },
	{ 189, DLT_USB_LINUX },
	{ 220, DLT_USB_LINUX_MMAPPED },
	{ 228, DLT_IPV4 },
	{ 229, DLT_IPV6 },
	{ 249, DLT_USBPCAP },
	{ 276, DLT_LINUX_SLL2 },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

struct nc_filter {
	uint8_t of[DATALINK_MAX]; /* index into program plus one; 0: none */
	struct bpf_program program[TYPES];
};

/* 0, -EINVAL with the compiler's words in text, or -ENOMEM. */
static int compile(const char *expression, int dlt, struct bpf_program *ret, char text[static PCAP_ERRBUF_SIZE])
{
	pcap_t *p = pcap_open_dead_with_tstamp_precision(dlt, (int)NC_CAPTURE_SNAPLEN_MAX, PCAP_TSTAMP_PRECISION_NANO);

	if (!p)
		return -ENOMEM;
	int r = pcap_compile(p, ret, expression, 1, PCAP_NETMASK_UNKNOWN) < 0 ? -EINVAL : 0;
	if (r < 0)
		snprintf(text, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(p));
	pcap_close(p);
	return r;
}

/* What is unknown for one link type is for all, and asking the resolver again takes long. */
static bool unknown_word(const char *text)
{
	return strncmp(text, "unknown ", 8) == 0;
}

int nc_filter_compile(const char *expression, struct nc_filter **ret, struct nc_buf *err)
{
	struct nc_filter *f = calloc(1, sizeof(*f));
	char first[PCAP_ERRBUF_SIZE], text[PCAP_ERRBUF_SIZE];
	unsigned compiled = 0;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < TYPES; i++) {
		int r = compile(expression, types[i].dlt, &f->program[i], i ? text : first);
		if (r == -ENOMEM) {
			nc_filter_free(f);
			return r;
		}
		if (i == 0 && r < 0 && unknown_word(first))
			break;
		if (r < 0)
			continue;
		f->of[types[i].datalink] = (uint8_t)(i + 1);
		compiled++;
	}
	if (compiled == 0) {
		nc_buf_printf(err, "filter \"%s\": %s", expression, first);
		nc_filter_free(f);
		return -EINVAL;
	}
	*ret = f;
	return 0;
}

int nc_filter_check(const char *expression, struct nc_buf *err)
{
	char first[PCAP_ERRBUF_SIZE], text[PCAP_ERRBUF_SIZE];
	struct bpf_program program;

	for (size_t i = 0; i < TYPES; i++) {
		int r = compile(expression, types[i].dlt, &program, i ? text : first);
		if (r == 0)
			pcap_freecode(&program);
		if (r == 0 || r == -ENOMEM)
			return r;
		if (i == 0 && unknown_word(first))
			break;
	}
	nc_buf_str(err, first);
	return -EINVAL;
}

void nc_filter_free(struct nc_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < TYPES; i++)
		pcap_freecode(&f->program[i]);
	free(f);
}

bool nc_filter_match(const struct nc_filter *f, const struct nc_capture_packet *pkt, bool *cannot)
{
	unsigned i = pkt->datalink < DATALINK_MAX ? f->of[pkt->datalink] : 0;

	*cannot = i == 0;
	if (i == 0)
		return false;
	return bpf_filter(f->program[i - 1].bf_insns, pkt->data, pkt->len, pkt->caplen) != 0;
}
