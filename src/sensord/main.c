/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcap-sensord: captures packets, decodes them, ships the records. */
#include "sensord/daemon.h"

int main(int argc, char **argv)
{
	return nc_sensord_main(argc, argv);
}
