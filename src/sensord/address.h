/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a collector is: host and port as they stand in the configuration. */
#ifndef NC_SENSORD_ADDRESS_H
#define NC_SENSORD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct nc_address {
	char host[128], port[16];
};

/* Reads "host:port" or "[v6]:port"; false when text is neither. */
bool nc_address_parse(const char *text, struct nc_address *ret);
/* The same form again, cut to size. */
void nc_address_text(const struct nc_address *a, char *out, size_t size);

#endif
