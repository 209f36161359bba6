/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzes the reader of capture files, with the balance hash over each packet. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capfile.h"
#include "capture/live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool right)
{
	if (!right)
		abort();
}

/* Each byte of a packet is looked at, in a copy of its size so that a hash that goes beyond it is seen. */
static void use(const struct nc_capture_packet *p)
{
	uint8_t *copy = malloc(p->caplen ? p->caplen : 1);
	volatile uint32_t sum = 0;

	check(copy && p->caplen <= NC_CAPTURE_SNAPLEN_MAX && p->len >= p->caplen);
	for (uint32_t i = 0; i < p->caplen; i++)
		copy[i] = p->data[i];
	sum = nc_balance_hash(p->datalink, copy, p->caplen);
	(void)sum;
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	void *mem = malloc(nc_capfile_size());
	struct nc_capture_packet p;
	int r;

	check(mem && fd >= 0 && write(fd, data, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	struct nc_capfile *c = nc_capfile_init(mem, fd);
	while ((r = nc_capfile_next(c, &p)) == 1)
		use(&p);
	check(r == 0 || r == -EBADMSG || r == -ENOMSG);
	check(r != -EBADMSG || nc_capfile_problem(c));
	check(nc_capfile_next(c, &p) == r);
	check(nc_capfile_offset(c) <= n);
	free(mem);
	close(fd);
	return 0;
}
