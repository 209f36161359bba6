/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of packets that failed: pcap records, the entries of errors.log, counts by error text. */
#ifndef NC_PIPELINE_REPORT_H
#define NC_PIPELINE_REPORT_H

#include "pipeline/shared.h"

#define NC_REPORT_DUMP_MAX 65536u /* bytes of a packet that the log shows */

/* One pcap record (nanoseconds, host order): bytes written, 0 when there is no room. */
size_t nc_report_pcap(uint8_t *to, size_t room, const struct nc_capture_packet *pkt);
/* The 24 bytes in front of such records. */
void nc_report_pcap_header(uint8_t to[static 24], uint32_t datalink);
/* One entry of errors.log: UTC time, error, layers, hex dump, cut to fit; engine and res may be NULL. Returns its length. */
size_t nc_report_log(uint8_t *to, size_t room, const char *error, const struct nc_capture_packet *pkt,
                     const struct nc_engine *engine, const struct nc_engine_result *res);
/* Counts an error text; the last entry takes what no longer fits under its own name. */
void nc_report_count(struct nc_reason table[static NC_REASONS_MAX], const char *text);

#endif
