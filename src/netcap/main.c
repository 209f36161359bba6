/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The netcap program. */
#include "netcap/tool.h"

int main(int argc, char **argv)
{
	return nc_tool_main(argc, argv);
}
