/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints what the engine makes of each packet of a capture: layers, verdict, records as protobuf text. No counters, no times of
 * its own. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/capfile.h"
#include "decode/engine.h"
#include "flow/defrag.h"
#include "record/format.h"

struct dump {
	struct nc_engine *engine;
	struct nc_format *formats[NC_TYPES_MAX];
	struct nc_defrag_counters fragments;
	struct nc_buf out;
};

static int setup(struct dump *d, bool payloads)
{
	static const uint8_t seed[16];
	size_t size = nc_defrag_min();
	void *mem = NULL;
	struct nc_engine_options o = { .payloads = payloads, .fragment = nc_defrag_fragment };
	struct nc_format_options style = nc_format_default;
	char *bad = NULL;

	style.kind = NC_FORMAT_STRUC;
	for (size_t i = 0; i < nc_types_count; i++) {
		o.wanted[i] = true;
		d->formats[i] = nc_format_new(&nc_types[i], &style, NULL, &bad);
		if (!d->formats[i])
			return -ENOMEM;
	}
	if (posix_memalign(&mem, 4096, size) != 0)
		return -ENOMEM;
	o.fragment_user = nc_defrag_init(mem, size, seed, &d->fragments);
	d->engine = nc_engine_new(&o, &d->out);
	return d->engine ? 0 : -EINVAL;
}

/* To six digits: the last ones of a sum of logarithms differ between compilers. */
static void round_entropy(ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "PayloadEntropy");

	if (f) {
		double *v = (double *)(void *)((uint8_t *)m + f->offset);
		*v = round(*v * 1e6) / 1e6;
	}
}

static void print(struct dump *d, unsigned number, const struct nc_engine_result *r)
{
	nc_buf_printf(&d->out, "packet %u:", number);
	for (unsigned i = 0; i < r->depth; i++)
		nc_buf_printf(&d->out, "%s%s", i ? "/" : " ", nc_engine_decoder(d->engine, r->layers[i])->name);
	if (r->error)
		nc_buf_printf(&d->out, "; error in %s: %s", nc_engine_decoder(d->engine, r->error_decoder)->name, r->error);
	if (r->unknown)
		nc_buf_str(&d->out, "; unknown");
	nc_buf_str(&d->out, "\n");
	for (unsigned i = 0; i < r->count; i++) {
		round_entropy(r->records[i].m);
		nc_format_record(d->formats[r->records[i].slot], r->records[i].m, &d->out);
	}
}

static int run(struct dump *d, int fd)
{
	struct nc_capture_packet p;
	void *mem = NULL;
	unsigned number = 0;
	int r;

	if (posix_memalign(&mem, 4096, nc_capfile_size()) != 0)
		return -ENOMEM;
	struct nc_capfile *c = nc_capfile_init(mem, fd);
	while ((r = nc_capfile_next(c, &p)) > 0) {
		print(d, ++number, nc_engine_packet(d->engine, p.datalink, p.ts_ns, p.data, p.caplen));
		fwrite(d->out.data, 1, d->out.len, stdout);
		nc_buf_reset(&d->out);
	}
	if (nc_capfile_problem(c))
		printf("capture: %s\n", nc_capfile_problem(c));
	free(mem);
	return r;
}

int main(int argc, char **argv)
{
	static struct dump d;
	bool payloads = argc > 1 && strcmp(argv[1], "-payload") == 0;
	int fd = argc == 2 + payloads ? open(argv[argc - 1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0) {
		fprintf(stderr, "usage: decode-dump [-payload] FILE\n");
		return 2;
	}
	int r = setup(&d, payloads);
	if (r < 0)
		fprintf(stderr, "decode-dump: %s\n", d.out.len ? nc_buf_cstr(&d.out) : strerror(-r));
	else
		r = run(&d, fd);
	close(fd);
	return r < 0;
}
