/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs beside it share: an engine with reassembly, run over capture files. */
#include "config.h"

#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void nc_session_forget_fragments(struct nc_session *s)
{
	static const uint8_t seed[16];

	(void)nc_defrag_init(s->defrag, s->defrag_size, seed, &s->fragments);
}

int nc_session_open(struct nc_session *s)
{
	struct nc_buf err = { 0 };
	struct nc_engine_options o = { .payloads = true, .counters = &s->counters, .fragment = nc_defrag_fragment };

	for (size_t i = 0; i < nc_types_count; i++)
		o.wanted[i] = true;
	s->defrag_size = nc_defrag_min();
	if (posix_memalign(&s->defrag, 4096, s->defrag_size) != 0)
		s->defrag = NULL;
	o.fragment_user = s->defrag;
	if (s->defrag) {
		nc_session_forget_fragments(s);
		s->engine = nc_engine_new(&o, &err);
		s->packer = nc_packer_new();
	}
	if (!s->engine || !s->packer)
		fprintf(stderr, "no engine: %s\n", err.len ? nc_buf_cstr(&err) : "out of memory");
	nc_buf_free(&err);
	return s->engine && s->packer ? 0 : -1;
}

void nc_session_close(struct nc_session *s)
{
	nc_packer_free(s->packer);
	nc_engine_free(s->engine);
	free(s->defrag);
}

uint64_t nc_session_verdicts(const struct nc_session *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NC_DECODERS_MAX; i++)
		for (unsigned v = 0; v < NC_VERDICTS; v++)
			if (v != NC_SKIP)
				sum += s->counters.verdicts[i][v];
	return sum;
}

long nc_session_file(const char *file, void (*fn)(void *user, const struct nc_capture_packet *p, unsigned number), void *user)
{
	struct nc_capture_packet p;
	unsigned number = 0;
	void *mem = NULL;
	int fd = open(file, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0) {
		perror(file);
		return -1;
	}
	if (posix_memalign(&mem, 4096, nc_capfile_size()) != 0) {
		fprintf(stderr, "%s: out of memory\n", file);
		close(fd);
		return -1;
	}
	struct nc_capfile *c = nc_capfile_init(mem, fd);
	while ((r = nc_capfile_next(c, &p)) > 0)
		fn(user, &p, ++number);
	free(mem);
	close(fd);
	if (r == 0 || r == -EBADMSG || r == -ENOMSG)
		return number;
	fprintf(stderr, "%s: can't be read\n", file);
	return -1;
}
