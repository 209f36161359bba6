/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a packet costs in the flow table, with the table's lines on their way into the cache before it comes, as a worker does it
 * between two records, and without. Prints nanoseconds. usage: flowbench [FLOWS [PACKETS]] */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "flow/flows.h"

#define FLOWS   100000u
#define PACKETS 10000000u
#define ROUNDS  3
#define AHEAD   4u /* packets of which the addresses are known */

static void nothing(void *user, const ProtobufCMessage *m, int64_t ts_ns)
{
	(void)user;
	(void)m;
	(void)ts_ns;
}

static uint32_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

/* The addresses of one direction of flow i lie in bytes. */
static void address(uint8_t bytes[static 20], struct nc_outer *o, uint32_t i)
{
	uint32_t a = 0x0a000000u + i % 50021, b = 0xc0a80000u + i % 811;

	memset(bytes, 2, 12);
	bytes[5] = (uint8_t)(i % 7);
	memcpy(bytes + 12, &a, 4);
	memcpy(bytes + 16, &b, 4);
	*o = (struct nc_outer){
		.link = "Ethernet", .network = "IPv4", .transport = "TCP", .link_src = bytes, .link_dst = bytes + 6,
		.net_src = bytes + 12,
		.net_dst = bytes + 16, .net_size = 4, .sport = (uint16_t)(1024 + i % 60000), .dport = 443, .app_size = 100,
	};
}

/* CPU time, ns. */
static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

enum what { NOTHING, COUNT, COUNT_AHEAD };

static double measure(struct nc_flows *f, uint32_t flows, uint32_t packets, enum what what)
{
	const struct nc_sink sink = { .record = nothing };
	uint64_t random = 88172645463325252u;
	uint8_t bytes[AHEAD][20], parts[sizeof(struct nc_flow_part) * 64];
	struct nc_outer o[AHEAD];
	volatile uint32_t sum = 0;

	for (uint32_t k = 0; k < AHEAD; k++)
		address(bytes[k], &o[k], draw(&random) % flows);
	int64_t start = now();
	for (uint32_t k = 0; k < packets; k++) {
		struct nc_outer *this = &o[k % AHEAD];
		struct nc_flow_packet p = { .outer = this, .ts_ns = k, .caplen = 154, .order = k, .seq = k };
		for (unsigned step = 0; what == COUNT_AHEAD && step < AHEAD - 1; step++)
			nc_flows_ahead(f, &o[(k + AHEAD - 1 - step) % AHEAD], step);
		if (what != NOTHING)
			nc_flows_packet(f, &p, &sink);
		else
			sum += this->sport;
		address(bytes[k % AHEAD], this, draw(&random) % flows);
		while (nc_flows_parts_tight(f)) {
			nc_flows_parts(f, 0, (struct nc_flow_part *)(void *)parts, 64);
			nc_flows_settle(f, 0);
		}
	}
	(void)sum;
	return (double)(now() - start) / packets;
}

static bool run(const char *name, unsigned kinds, uint32_t flows, uint32_t packets)
{
	struct nc_flow_options o = { .max = 1000000 };
	struct nc_flow_counters c = { 0 };
	static const uint8_t seed[16] = { 7 };
	double best[2] = { 1e9, 1e9 };

	for (int i = NC_FLOW_FLOW; i < NC_FLOW_KINDS; i++)
		o.wanted[i] = kinds >> i & 1;
	size_t size = nc_flows_size(o.max);
	int fd = memfd_create("flows", 0);
	if (ftruncate(fd, (off_t)size) != 0)
		return false;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (getenv("HUGE") && madvise(mem, size, MADV_HUGEPAGE) != 0)
		perror("madvise");
	struct nc_flows *f = mem == MAP_FAILED || flows == 0 ? NULL : nc_flows_init(mem, size, seed, &o, &c);
	if (!f)
		return false;
	double before = measure(f, flows, packets, NOTHING);
	(void)measure(f, flows, packets / 4, COUNT);
	for (int i = 0; i < 2 * ROUNDS; i++) {
		double ns = measure(f, flows, packets, i % 2 ? COUNT_AHEAD : COUNT) - before;
		best[i % 2] = ns < best[i % 2] ? ns : best[i % 2];
	}
	printf("%-10s %8u flows, %8llu entries: %6.1f ns a packet, %6.1f ns when it is announced\n", name, flows,
	       (unsigned long long)c.live, best[0], best[1]);
	return munmap(mem, size) == 0;
}

int main(int argc, char **argv)
{
	uint32_t flows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : FLOWS;
	uint32_t packets = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : PACKETS;
	return run("Flow", 1u << NC_FLOW_FLOW, flows, packets) && run("all kinds", ~0u, flows, packets) ? 0 : 1;
}
