/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Live filters: from the user's words to a program for the socket. */
#include "config.h"

#include "capture/program.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "capture/live.h"

#define LOOPBACK 1 /* index of lo in every network namespace (LOOPBACK_IFINDEX of the kernel) */

/* A field of a cooked header (pcap/sll.h) that the kernel has by another name. */
struct field {
	uint32_t at, ad;
};

static const struct field sll_fields[] = { { 0, SKF_AD_PKTTYPE }, { 14, SKF_AD_PROTOCOL } };
static const struct field sll2_fields[] = { { 0, SKF_AD_PROTOCOL }, { 4, SKF_AD_IFINDEX }, { 10, SKF_AD_PKTTYPE } };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SLL_LEN  16u
#define SLL2_LEN 20u

static bool loads_from_packet(const struct sock_filter *i)
{
	unsigned class = BPF_CLASS(i->code), mode = BPF_MODE(i->code);

	return (class == BPF_LD || class == BPF_LDX) && (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH);
}

static bool uncook_load(struct sock_filter *i, const struct field *fields, size_t n, uint32_t header)
{
	/* the kernel's own data, behind negative offsets */
	if (i->k >= (uint32_t)SKF_AD_OFF)
		return true;
	if (i->k >= header) {
		i->k -= header;
		return true;
	}
	for (size_t k = 0; k < n; k++) {
		if (fields[k].at == i->k) {
			i->k = (uint32_t)SKF_AD_OFF + fields[k].ad;
			return true;
		}
	}
	return false;
}

bool nc_program_uncook(struct sock_filter *insn, size_t n, int datalink)
{
	bool two = datalink == DLT_LINUX_SLL2;

	for (size_t i = 0; i < n; i++)
		if (loads_from_packet(&insn[i]) &&
		    !uncook_load(&insn[i], two ? sll2_fields : sll_fields, two ? COUNT(sll2_fields) : COUNT(sll_fields),
		                 two ? SLL2_LEN : SLL_LEN))
			return false;
	return true;
}

/* The filter that is meant, as text into b; empty when all packets are wanted. On `any` the packets of loopback would come twice,
 * sent and received; libpcap hides the former, but only after the kernel has counted them. */
static const char *meant(const struct nc_program *c, const char *interface, struct nc_buf *b)
{
	if (strcmp(interface, "any") != 0 || c->datalink != DLT_LINUX_SLL2)
		return c->text;
	nc_buf_printf(b, c->text[0] ? "(%s) and " : "%s", c->text);
	nc_buf_printf(b, "not (ifindex %d and outbound)", LOOPBACK);
	return nc_buf_cstr(b);
}

static int compile(struct nc_program *c, pcap_t *p, const char *interface, struct nc_buf *err)
{
	struct nc_buf text = { 0 };
	struct bpf_program more;
	int r = 0;

	/* by itself first, so that the message is about the user's words, and brackets in it can't meet ours */
	if (c->text[0] && pcap_compile(p, &c->code, c->text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		nc_buf_printf(err, "%s: filter \"%s\": %s", interface, c->text, pcap_geterr(p));
		return -EINVAL;
	}
	const char *s = meant(c, interface, &text);
	if (text.failed) {
		r = -ENOMEM;
	} else if (s != c->text && s[0] && pcap_compile(p, &more, s, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		if (c->text[0])
			pcap_freecode(&c->code);
		c->code = more;
	}
	nc_buf_free(&text);
	return r;
}

/* Leaves out what the socket can't take; that is no error. */
static int for_socket(struct nc_program *c)
{
	size_t n = c->code.bf_len;

	if (n > BPF_MAXINSNS)
		return 0;
	c->insn = calloc(n + 1, sizeof(*c->insn));
	if (!c->insn)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct bpf_insn *b = &c->code.bf_insns[i];
		c->insn[i] = (struct sock_filter){ .code = b->code, .jt = b->jt, .jf = b->jf, .k = b->k };
	}
	c->n = (unsigned short)n;
	if ((c->datalink == DLT_LINUX_SLL || c->datalink == DLT_LINUX_SLL2) && !nc_program_uncook(c->insn, n, c->datalink)) {
		free(c->insn);
		c->insn = NULL;
	}
	return 0;
}

int nc_program_compile(pcap_t *p, const char *interface, const char *text, struct nc_program **ret, struct nc_buf *err)
{
	struct nc_program *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (!c)
		return r;
	c->datalink = pcap_datalink(p);
	c->text = strdup(text ? text : "");
	if (c->text)
		r = compile(c, p, interface, err);
	if (r == 0)
		r = for_socket(c);
	if (r == 0)
		*ret = c;
	else
		nc_program_free(c);
	return r;
}

void nc_program_free(struct nc_program *c)
{
	if (!c)
		return;
	pcap_freecode(&c->code);
	free(c->insn);
	free(c->text);
	free(c);
}

const char *nc_program_text(const struct nc_program *c)
{
	return c->text;
}
