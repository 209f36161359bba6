/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the files in a sensor's folder. */
#ifndef NC_COLLECTORD_NAME_H
#define NC_COLLECTORD_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "record/type.h"

#define NC_NAME_TEXT 112 /* room for a name and its NUL */
#define NC_NAME_K    9u  /* Type.ncap.gz, Type.2.ncap.gz, …, when a foreign file has the name */
#define NC_NAME_SUFFIX 9999u

enum nc_name_kind {
	NC_NAME_LIVE,     /* Type.ncap.gz: appended to */
	NC_NAME_CLOSING,  /* Type.20261103T060000Z.ncap.gz.closing: on its way to be finished */
	NC_NAME_FINISHED, /* Type.20261103T060000Z.ncap.gz */
};

struct nc_name {
	enum nc_name_kind kind;
	const struct nc_type *type;
	unsigned k;      /* of live files: 1 to NC_NAME_K */
	int64_t start;   /* of the others: seconds since 1970 */
	unsigned suffix; /* of the others: "-1" and so on behind the time, 0 for none */
};

/* Writes the name. */
void nc_name_print(const struct nc_name *n, char out[static NC_NAME_TEXT]);
/* The reverse, strictly: exactly what nc_name_print writes. */
bool nc_name_parse(const char *s, struct nc_name *ret);

#endif
