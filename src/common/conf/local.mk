# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += \
	src/common/conf/cli.c src/common/conf/cli.h \
	src/common/conf/conf.c src/common/conf/conf.h \
	src/common/conf/daemon.h \
	src/common/conf/dump.c \
	src/common/conf/private.h \
	src/common/conf/scan.c \
	src/common/conf/value.c
