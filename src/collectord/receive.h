/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's UDP sockets. */
#ifndef NC_COLLECTORD_RECEIVE_H
#define NC_COLLECTORD_RECEIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/loop.h"
#include "collectord/collector.h"
#include "conf/conf.h"

#define NC_LISTEN_MAX  64u
#define NC_LISTEN_TEXT 80u

/* An address to receive on. */
struct nc_listen_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* Reads "192.0.2.1:1335" or "[2001:db8::1%eth0]:1335"; 0 or -EINVAL. */
int nc_listen_parse(const char *text, struct nc_listen_address *ret);
/* The text forms of a peer's address; IPv4-mapped ones are shown as IPv4. */
void nc_peer_of(const struct sockaddr_storage *addr, struct nc_peer *ret);

struct nc_receiver;

/* Sockets on the addresses of `list`, or, when fds holds any, those (bound UDP sockets, owned from here on). What they get
 * goes to the collector. buffer: bytes asked of the kernel. err gets a line. 0 or negative errno. */
int nc_receiver_new(struct nc_loop *loop, struct nc_collector *c, const struct nc_conf_list *list, const int *fds, size_t nfds,
                    uint64_t buffer, struct nc_receiver **ret, struct nc_buf *err);
/* Closes them; nc_receiver_free(NULL) does nothing. */
void nc_receiver_free(struct nc_receiver *r);
/* Takes what still waits in the sockets, within a limit; before the end. */
void nc_receiver_drain(struct nc_receiver *r);
/* Number of sockets, and the address of each as text. */
size_t nc_receiver_count(const struct nc_receiver *r);
void nc_receiver_address(const struct nc_receiver *r, size_t i, char out[static NC_LISTEN_TEXT]);
/* Datagrams that the kernel dropped because we were too slow. */
uint64_t nc_receiver_drops(const struct nc_receiver *r);

#endif
