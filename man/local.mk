# SPDX-License-Identifier: GPL-3.0-or-later
dist_man_MANS += \
	man/netcap.1 \
	man/netcapctl.1 \
	man/netcap-sensord.8 \
	man/netcap-collectord.8 \
	man/netcap-sensord.conf.5 \
	man/netcap-collectord.conf.5 \
	man/netcap-files.5 \
	man/netcap-records.5
