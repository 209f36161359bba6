/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of stream readers. Written by scripts/gen-decoders from the folder: run "make regen", do not edit. */
#include "flow/stream.h"

extern const struct nc_stream_reader nc_reader_http;
extern const struct nc_stream_reader nc_reader_ssh;
extern const struct nc_stream_reader nc_reader_tls;

const struct nc_stream_reader *const nc_stream_readers[] = {
	&nc_reader_http,
	&nc_reader_ssh,
	&nc_reader_tls,
	NULL,
};
const size_t nc_stream_readers_count = sizeof(nc_stream_readers) / sizeof(nc_stream_readers[0]) - 1;

_Static_assert(sizeof(nc_stream_readers) / sizeof(nc_stream_readers[0]) - 1 <= NC_STREAM_READERS_MAX, "too many readers");
