/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcap-collectord: authenticates sensors and stores what they send. */
#include "collectord/daemon.h"

int main(int argc, char **argv)
{
	return nc_collectord_main(argc, argv);
}
