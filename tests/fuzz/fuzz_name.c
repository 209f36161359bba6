/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is the name of a file in a sensor's folder: one that is taken is printed just so. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "collectord/name.h"
#include "files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = nc_fuzz_text(nc_rd_over(data, n)), again[NC_NAME_TEXT];
	struct nc_name name;

	if (nc_name_parse(text, &name)) {
		nc_fuzz_expect(name.type && name.k <= NC_NAME_K && name.suffix <= NC_NAME_SUFFIX);
		nc_name_print(&name, again);
		nc_fuzz_expect(strcmp(text, again) == 0);
	}
	free(text);
	return 0;
}
