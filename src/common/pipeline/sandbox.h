/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox of a worker: no privileges, no file system, an allow-list of system calls, limits. */
#ifndef NC_PIPELINE_SANDBOX_H
#define NC_PIPELINE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct nc_sandbox {
	size_t memory;   /* bytes of address space that may be added from here on */
	bool live;       /* libpcap's calls on a packet socket are needed */
	const int *keep; /* descriptors that stay open, ascending */
	size_t keep_count;
	int signal;      /* of these the only one that may be written to */
	const void *own; /* shared memory that stays, of own_size bytes; of the rest only what belongs to a descriptor kept */
	size_t own_size;
};

/* Enters the sandbox for good. 0, or negative errno: the caller must not go on then. *step names what failed. Landlock is used
 * where the kernel has it. */
int nc_sandbox_enter(const struct nc_sandbox *s, const char **step);

#endif
