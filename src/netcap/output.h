/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of one run: record or CSV files per type, unknown.pcap, errors.pcap, errors.log. */
#ifndef NC_NETCAP_OUTPUT_H
#define NC_NETCAP_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pipeline.h"

struct nc_output_options {
	const char *folder;      /* NULL: the current one; made when missing */
	const char *source;      /* for the Header of each file */
	enum nc_output form;
	int level;
	bool payloads;
	struct nc_format_options format; /* of CSV, for the header line */
	const char *select;
};

struct nc_output_files;

/* Opens or makes the folder. 0 or negative errno with one line in err. */
int nc_output_open(const struct nc_output_options *o, struct nc_output_files **ret, struct nc_buf *err);
/* Writes a chunk into its file, which is made with the first one. A failure is said once per file and counted. */
void nc_output_chunk(struct nc_output_files *f, const struct nc_chunk *c);
/* Appends text to errors.log, when there is one. */
void nc_output_log(struct nc_output_files *f, const char *text);
uint64_t nc_output_bytes(const struct nc_output_files *f);
/* Records, packets and lines that could not be written. */
uint64_t nc_output_lost(const struct nc_output_files *f);
/* Closes all and frees; false when a file could not be closed without loss. */
bool nc_output_close(struct nc_output_files *f);

#endif
