/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics over HTTP, for those who come and fetch them: GET /metrics, on the loopback or on a socket that systemd holds. */
#ifndef NC_CONTROL_HTTP_H
#define NC_CONTROL_HTTP_H

#include <stdint.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/loop.h"
#include "control/commands.h"

#define NC_HTTP_CLIENTS_MAX 16

struct nc_http;

/* Listens on 127.0.0.1 and the port or, when fd >= 0, on that listening socket, which is taken over on success. status gives the
 * daemon's status as a new reference; it is asked at most five times a second, however many ask. err gets a line; -ENOSYS when it
 * was built without libmicrohttpd. 0 or negative errno. */
int nc_http_new(struct nc_loop *loop, enum nc_control_daemon d, uint16_t port, int fd, json_t *(*status)(void *user), void *user,
                struct nc_http **ret, struct nc_buf *err);
/* nc_http_free(NULL) does nothing. */
void nc_http_free(struct nc_http *h);

#endif
