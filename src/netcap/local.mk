# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libnetcaptool.a
libnetcaptool_a_SOURCES = \
	src/netcap/capture.c \
	src/netcap/grid.c \
	src/netcap/info.c \
	src/netcap/list.c \
	src/netcap/output.c src/netcap/output.h \
	src/netcap/options.c src/netcap/options.h \
	src/netcap/read.c \
	src/netcap/tool.c src/netcap/tool.h

bin_PROGRAMS += netcap
netcap_SOURCES = src/netcap/main.c
netcap_LDADD = libnetcaptool.a $(COMMON_LIBS)
