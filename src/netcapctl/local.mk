# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libnetcapctl.a
libnetcapctl_a_SOURCES = src/netcapctl/ctl.h src/netcapctl/ctl.c src/netcapctl/ask.h src/netcapctl/ask.c \
	src/netcapctl/render.h src/netcapctl/render.c src/netcapctl/own.h src/netcapctl/screen.c src/netcapctl/health.c \
	src/netcapctl/follow.c
bin_PROGRAMS += netcapctl
netcapctl_SOURCES = src/netcapctl/main.c
netcapctl_LDADD = libnetcapctl.a $(COMMON_LIBS)
