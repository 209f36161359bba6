/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds out what kind of capture file it is, and gives its packets one by one. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "capture/reader.h"

size_t nc_capfile_size(void)
{
	return sizeof(struct nc_capfile);
}

struct nc_capfile *nc_capfile_init(void *mem, int fd)
{
	struct nc_capfile *c = mem;

	memset(c, 0, offsetof(struct nc_capfile, ng.interface));
	nc_input_init(&c->in, fd);
	return c;
}

int nc_capfile_damaged(struct nc_capfile *c, const char *fmt, ...)
{
	int n = snprintf(c->problem, sizeof(c->problem), "damaged at byte %" PRIu64 ": ", nc_input_tell(&c->in));
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < sizeof(c->problem))
		vsnprintf(c->problem + n, sizeof(c->problem) - (size_t)n, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

int nc_capfile_cut(struct nc_capfile *c, const char *what)
{
	const struct nc_input *in = &c->in;

	if (in->status == -EBADMSG)
		return nc_capfile_damaged(c, "%s", in->problem);
	if (in->status < 0)
		return in->status;
	if (in->problem)
		snprintf(c->problem, sizeof(c->problem), "%s (at byte %" PRIu64 ")", in->problem, in->read);
	else if (what)
		snprintf(c->problem, sizeof(c->problem),
		         "ends at byte %" PRIu64 " in the middle of %s, after %" PRIu64 " packets", in->base + in->end, what,
		         c->packets);
	return 0;
}

int nc_capfile_ended(struct nc_capfile *c, const char *what)
{
	return nc_capfile_cut(c, c->in.end > c->in.pos ? what : NULL);
}

uint32_t nc_capfile_datalink(uint32_t n)
{
	/* DLT_RAW is 12 or, on OpenBSD, 14 */
	return n == 12 || n == 14 ? 101 : n;
}

static int open_file(struct nc_capfile *c)
{
	int r = nc_input_detect(&c->in);

	if (r < 0)
		return r;
	const uint8_t *p = nc_input_peek(&c->in, 4);
	if (!p)
		return c->in.status < 0 ? nc_capfile_ended(c, "a file header") : -ENOMSG;
	return memcmp(p, "\n\r\r\n", 4) == 0 ? nc_pcapng_open(c) : nc_pcap_open(c);
}

/* Between two steps: whoever looks after our death finds the first one done, or neither. */
static void in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static int next_packet(struct nc_capfile *c, struct nc_capture_packet *ret)
{
	int r = c->kind == NC_CAPFILE_NEW ? open_file(c) : 1;

	if (r == 1)
		r = c->kind == NC_CAPFILE_PCAP ? nc_pcap_next(c, ret) : nc_pcapng_next(c, ret);
	(void)NC_FAULT("capture-reading");
	if (r == 1)
		return 1;
	c->kind = NC_CAPFILE_DONE;
	c->result = r;
	return r;
}

int nc_capfile_next(struct nc_capfile *c, struct nc_capture_packet *ret)
{
	if (c->kind == NC_CAPFILE_DONE)
		return c->result;
	c->reading = true;
	in_order();
	int r = next_packet(c, ret);
	in_order();
	c->packets += r == 1;
	in_order();
	c->reading = false;
	return r;
}

uint64_t nc_capfile_packets(const struct nc_capfile *c)
{
	return c->packets;
}

bool nc_capfile_torn(const struct nc_capfile *c)
{
	return c->reading;
}

const char *nc_capfile_problem(const struct nc_capfile *c)
{
	return c->problem[0] ? c->problem : NULL;
}

uint64_t nc_capfile_offset(const struct nc_capfile *c)
{
	return c->in.read;
}
