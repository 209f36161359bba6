/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Named points at which a test build fails or dies on request; nothing at all in other builds. */
#include "config.h"

#include "base/fault.h"

#ifdef NC_FAULT_INJECTION
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS_MAX = 16, ERRNO_MAX = 134 };

/* The negative errno of a name of n bytes; 0 when it is none. */
static int errno_of(const char *name, size_t n)
{
	for (int e = 1; e < ERRNO_MAX; e++) {
		const char *known = strerrorname_np(e);
		if (known && strlen(known) == n && memcmp(known, name, n) == 0)
			return -e;
	}
	return 0;
}

static int act(const char *action, size_t n)
{
	if (n == 4 && memcmp(action, "kill", 4) == 0)
		raise(SIGKILL);
	return errno_of(action, n);
}

/* One POINT:NTH:ACTION of n bytes; *passes are those before this one. */
static int apply(const char *spec, size_t n, const char *point, atomic_ulong *passes)
{
	size_t name = strlen(point);
	char *rest;

	if (n <= name || memcmp(spec, point, name) != 0 || spec[name] != ':')
		return 0;
	unsigned long pass = atomic_fetch_add(passes, 1) + 1, nth = strtoul(spec + name + 1, &rest, 10);
	bool on = *rest == '+';
	rest += on;
	if (*rest != ':' || (on ? pass < nth : pass != nth))
		return 0;
	return act(rest + 1, n - (size_t)(rest + 1 - spec));
}

int nc_fault(const char *point)
{
	static atomic_ulong passes[FAULTS_MAX];
	const char *spec = getenv("NC_FAULT");
	int rc = 0;

	for (size_t i = 0; spec && *spec && i < FAULTS_MAX; i++) {
		size_t n = strcspn(spec, ",");
		int one = apply(spec, n, point, &passes[i]);
		rc = one ? one : rc;
		spec += n + (spec[n] == ',');
	}
	return rc;
}
#endif
