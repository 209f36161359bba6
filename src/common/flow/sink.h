/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the flow layer's records go. */
#ifndef NC_FLOW_SINK_H
#define NC_FLOW_SINK_H

#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

struct nc_sink {
	/* Takes a record of the time ts_ns; m and all that it points to are the caller's and are not needed afterwards. */
	void (*record)(void *user, const ProtobufCMessage *m, int64_t ts_ns);
	void *user;
};

#endif
