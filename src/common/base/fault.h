/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Named points at which a test build fails or dies on request; nothing at all in other builds. */
#ifndef NC_BASE_FAULT_H
#define NC_BASE_FAULT_H

/* NC_FAULT("name") is 0, or the negative errno that the code is to act on as if the step at that point had failed. What happens
 * says the environment variable NC_FAULT, a list of POINT:NTH:ACTION with commas between: at the NTH pass of POINT the process
 * kills itself (ACTION "kill") or the point gives that error ("EIO", "ENOSPC", …); with "NTH+" at each pass from then on.
 * Only with configure --enable-fault-injection. */
#include "config.h"

#ifdef NC_FAULT_INJECTION
int nc_fault(const char *point);
#define NC_FAULT(point) nc_fault(point)
#else
#define NC_FAULT(point) 0
#endif

#endif
