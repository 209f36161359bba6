/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packet socket options of live capture, and the program that spreads packets over the handles. */
#include "config.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "capture/fanout.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

#define TAGS_MAX 4 /* VLAN tags that are looked behind, as in balance.c */
#define CODE_MAX 160

/* Offsets of the program's loads are relative to the link layer header plus index register, which stands at the network
 * header. The start of the packet's data can't be used: for packets sent it is the link layer header, for those received the
 * network header. */
#define AT(off)  ((uint32_t)(SKF_LL_OFF + (off)))
#define NET_X    ((uint32_t)(SKF_NET_OFF - SKF_LL_OFF))
#define META(ad) ((uint32_t)(SKF_AD_OFF + (ad)))

#define M_SUM 0 /* scratch: sum of the address words */
#define M_NET 1 /* scratch: index of the network header */

struct code {
	struct sock_filter insn[CODE_MAX];
	unsigned short n;
};

static void add(struct code *c, unsigned code, uint32_t k)
{
	c->insn[c->n++] = (struct sock_filter){ .code = (unsigned short)code, .k = k };
}

static void add_jeq(struct code *c, uint32_t k, unsigned yes, unsigned no)
{
	c->insn[c->n++] = (struct sock_filter){
		.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = (unsigned char)yes, .jf = (unsigned char)no, .k = k,
	};
}

/* Leaves the Ethernet type (or what the kernel has in its place) in A, the network header's index in X. */
static void add_type(struct code *c)
{
	add(c, BPF_LD | BPF_W | BPF_ABS, META(SKF_AD_HATYPE));
	add_jeq(c, ARPHRD_ETHER, 4, 0);
	add_jeq(c, ARPHRD_LOOPBACK, 3, 0);
	add(c, BPF_LDX | BPF_IMM, NET_X);
	add(c, BPF_LD | BPF_W | BPF_ABS, META(SKF_AD_PROTOCOL));
	add(c, BPF_JMP | BPF_JA, 2);
	add(c, BPF_LDX | BPF_IMM, ETH_HLEN);
	/* not the kernel's protocol: behind a packet socket's own tags the network header is further on than that says */
	add(c, BPF_LD | BPF_H | BPF_ABS, AT(12));
}

/* When A is a tag's type: moves X behind it, and the type found there to A. */
static void add_untag(struct code *c)
{
	add_jeq(c, ETH_P_8021Q, 4, 0);
	add_jeq(c, ETH_P_8021AD, 3, 0);
	add_jeq(c, ETH_P_QINQ1, 2, 0);
	add_jeq(c, ETH_P_QINQ2, 1, 0);
	add(c, BPF_JMP | BPF_JA, 4);
	add(c, BPF_MISC | BPF_TXA, 0);
	add(c, BPF_ALU | BPF_ADD | BPF_K, 4);
	add(c, BPF_MISC | BPF_TAX, 0);
	add(c, BPF_LD | BPF_H | BPF_IND, AT(-2));
}

/* The kernel takes the answer modulo the number of members: this one is the last of members + 1, and `slot` of members. */
static uint32_t moved(unsigned slot, unsigned members)
{
	return members + slot * (members + 1);
}

/* The answer when it is always the same slot. */
static void add_constant(struct code *c, unsigned members, unsigned away)
{
	add(c, BPF_RET | BPF_K, away == 0 ? moved(0, members) : 0);
}

/* The member: the sum of `words` words from the network header's byte `off` on, mixed. */
static void add_sum(struct code *c, int off, int words, unsigned members, unsigned away)
{
	add(c, BPF_STX, M_NET);
	add(c, BPF_LD | BPF_W | BPF_IND, AT(off));
	add(c, BPF_ST, M_SUM);
	for (int i = 1; i < words; i++) {
		add(c, BPF_LD | BPF_W | BPF_IND, AT(off + 4 * i));
		add(c, BPF_LDX | BPF_MEM, M_SUM);
		add(c, BPF_ALU | BPF_ADD | BPF_X, 0);
		add(c, BPF_ST, M_SUM);
		add(c, BPF_LDX | BPF_MEM, M_NET);
	}
	add(c, BPF_LD | BPF_MEM, M_SUM);
	add(c, BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1);
	add(c, BPF_ALU | BPF_RSH | BPF_K, 15);
	add(c, BPF_ALU | BPF_MOD | BPF_K, members);
	if (away != NC_FANOUT_NONE) {
		add_jeq(c, away, 0, 1);
		add(c, BPF_RET | BPF_K, moved(away, members));
	}
	add(c, BPF_RET | BPF_A, 0);
}

/* Loads beyond a packet's end make the program answer 0. */
static void build(struct code *c, unsigned members, unsigned away)
{
	c->n = 0;
	if (members <= 1) {
		add_constant(c, 1, away);
		return;
	}
	add_type(c);
	for (int i = 0; i < TAGS_MAX; i++)
		add_untag(c);
	add_jeq(c, ETH_P_IP, 2, 0);
	unsigned ipv6 = c->n;
	add_jeq(c, ETH_P_IPV6, 0, 0);
	add_constant(c, members, away);
	add_sum(c, 12, 2, members, away);
	c->insn[ipv6].jt = (unsigned char)(c->n - ipv6 - 1);
	add_sum(c, 8, 8, members, away);
}

static int set(int fd, int option, const void *value, size_t n)
{
	return setsockopt(fd, SOL_PACKET, option, value, (socklen_t)n) < 0 ? -errno : 0;
}

int nc_fanout_spread(int fd, unsigned members, unsigned away)
{
	struct code c;

	build(&c, members, away);
	struct sock_fprog program = { .len = c.n, .filter = c.insn };
	return set(fd, PACKET_FANOUT_DATA, &program, sizeof(program));
}

int nc_fanout_join(int fd, uint16_t id, unsigned members, bool incoming_only)
{
	uint32_t flags = PACKET_FANOUT_CBPF | (incoming_only ? PACKET_FANOUT_FLAG_IGNORE_OUTGOING : 0);
	uint32_t group = id | flags << 16;
	int r = set(fd, PACKET_FANOUT, &group, sizeof(group));

	return r < 0 ? r : nc_fanout_spread(fd, members, NC_FANOUT_NONE);
}

int nc_fanout_filter(int fd, struct sock_filter *insn, unsigned short n)
{
	struct sock_fprog program = { .len = n, .filter = insn };
	int none = 0;
	int r = n ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
	          : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));

	/* there was none */
	return r < 0 && !(n == 0 && errno == ENOENT) ? -errno : 0;
}

int nc_fanout_block(int fd)
{
	struct sock_filter none = { .code = BPF_RET | BPF_K };

	return nc_fanout_filter(fd, &none, 1);
}

int nc_fanout_incoming_only(int fd)
{
	int value = 1;

	return set(fd, PACKET_IGNORE_OUTGOING, &value, sizeof(value));
}

int nc_fanout_counters(int fd, uint32_t *packets, uint32_t *drops)
{
	struct tpacket_stats_v3 s = { 0 };
	socklen_t n = sizeof(s);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &n) < 0)
		return -errno;
	*packets = s.tp_packets;
	*drops = s.tp_drops;
	return 0;
}
