/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the TLS reader, from pieces of both directions to its records. The input is that of nc_drive_fuzz. */
#include "config.h"

#include "../unit/stream_driver.h"

extern const struct nc_stream_reader nc_reader_tls;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (size_t k = 1; k <= n && k <= NC_STREAM_PROBE; k++)
		(void)nc_drive_probe(&nc_reader_tls, 0, data + n - k, k);
	(void)nc_drive_fuzz(&nc_reader_tls, data, n);
	return 0;
}
