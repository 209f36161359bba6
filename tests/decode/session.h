/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the programs beside it share: an engine with reassembly, run over capture files. */
#ifndef NC_TESTS_DECODE_SESSION_H
#define NC_TESTS_DECODE_SESSION_H

#include "capture/capfile.h"
#include "decode/engine.h"
#include "flow/defrag.h"
#include "record/pack.h"

struct nc_session {
	struct nc_engine *engine;
	struct nc_packer *packer;
	struct nc_decode_counters counters;
	struct nc_defrag_counters fragments;
	void *defrag;
	size_t defrag_size;
};

/* All record types, payloads, reassembly. Prints a line and returns -1 when that fails; nc_session_close is right even then. */
int nc_session_open(struct nc_session *s);
void nc_session_close(struct nc_session *s);
/* Fragments that wait must not meet those of another pass over the same packets. */
void nc_session_forget_fragments(struct nc_session *s);
/* The verdicts counted so far, those of decoders that passed a layer on left out: one for each layer seen. */
uint64_t nc_session_verdicts(const struct nc_session *s);
/* Calls fn for each packet of a capture, numbered from 1. A damaged file is read as far as it goes; -1 (and a line) when it can't
 * be read at all, else the number of packets. */
long nc_session_file(const char *file, void (*fn)(void *user, const struct nc_capture_packet *p, unsigned number), void *user);

#endif
