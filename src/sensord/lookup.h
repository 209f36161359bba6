/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking up a name without sleeping: a child of our own asks. */
#ifndef NC_SENSORD_LOOKUP_H
#define NC_SENSORD_LOOKUP_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define NC_LOOKUP_MAX 8u

struct nc_lookup_answer {
	int error; /* of getaddrinfo(3), 0: none */
	unsigned count;
	struct { struct sockaddr_storage address; socklen_t len; } list[NC_LOOKUP_MAX];
};

struct nc_lookup {
	pid_t pid; /* 0: nothing is being looked up */
	int fd;
};

/* Numeric hosts and ports are answered at once: true. False: not numeric. */
bool nc_lookup_numeric(const char *host, const char *port, struct nc_lookup_answer *ret);
/* Begins to look up; nothing else is under way. 0 or negative errno. */
int nc_lookup_start(struct nc_lookup *l, const char *host, const char *port);
/* 0: *ret is the answer, and the look-up is over; -EAGAIN: not yet. */
int nc_lookup_poll(struct nc_lookup *l, struct nc_lookup_answer *ret);
/* Ends one that is under way, if any. */
void nc_lookup_cancel(struct nc_lookup *l);

#endif
