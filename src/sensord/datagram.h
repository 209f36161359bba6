/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The datagram transport: blocks cut into batches of the 2019 format. */
#ifndef NC_SENSORD_DATAGRAM_H
#define NC_SENSORD_DATAGRAM_H

#include "sensord/transport.h"
#include "wire/keys.h"

struct nc_datagram_options {
	const char *address; /* "host:port", "[v6]:port" */
	uint8_t peer_key[NC_KEY_LEN];
	const struct nc_keypair *own; /* not owned */
	const char *client_id, *source;
	bool payloads;
	bool peer_2019; /* the first batch of a type must hold nothing but the Header */
};

/* 0 or negative errno with one line in err; the name of the address is looked up by a child, again while
 * nothing answers. */
int nc_datagram_transport(const struct nc_datagram_options *o, struct nc_transport **ret, struct nc_buf *err);

/* Records that come from now on may hold payloads; what it sends says so from now on. */
void nc_datagram_payloads(struct nc_transport *t);

#endif
