/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints for each capture file: packets, the answer that ended it, what is wrong. With -v also a line per packet. */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/time.h"
#include "capture/capfile.h"
#include "capture/live.h"

static void print_packet(const struct nc_capture_packet *p)
{
	int64_t ns = p->ts_ns % NC_NS_PER_S, s = p->ts_ns / NC_NS_PER_S;

	if (ns < 0) {
		ns += NC_NS_PER_S;
		s--;
	}
	printf("%" PRIi64 ".%09" PRIi64 "\t%u\t%u\t%u\t%u\n", s, ns, p->caplen, p->len, p->datalink, p->interface);
}

static int count(const char *name, void *mem, bool verbose, bool hash)
{
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror(name);
		return 1;
	}
	struct nc_capfile *c = nc_capfile_init(mem, fd);
	struct nc_capture_packet p;
	uint64_t packets = 0;
	uint32_t sum = 0;
	int r;
	while ((r = nc_capfile_next(c, &p)) == 1) {
		packets++;
		if (hash)
			sum ^= nc_balance_hash(p.datalink, p.data, p.caplen);
		if (verbose)
			print_packet(&p);
	}
	const char *problem = nc_capfile_problem(c);
	if (hash)
		printf("%08x\t", sum);
	printf("%s\t%" PRIu64 "\t%d\t%s\n", name, packets, r, problem ? problem : "");
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	bool verbose = false, hash = false;
	int o, r = 0;

	while ((o = getopt(argc, argv, "vh")) != -1) {
		verbose |= o == 'v';
		hash |= o == 'h';
	}
	void *mem = mmap(NULL, nc_capfile_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return 2;
	for (int i = optind; i < argc; i++)
		r |= count(argv[i], mem, verbose, hash);
	return r;
}
