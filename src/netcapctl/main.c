/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcapctl: asks the daemons. */
#include "netcapctl/ctl.h"

int main(int argc, char **argv)
{
	return nc_ctl_main(argc, argv, stdout, stderr);
}
