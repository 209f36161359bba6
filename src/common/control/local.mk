# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += src/common/control/control.h src/common/control/commands.h src/common/control/commands.c \
	src/common/control/answer.c src/common/control/server.c src/common/control/client.c \
	src/common/control/metrics.c src/common/control/metrics.h src/common/control/metrics.inc \
	src/common/control/http.c src/common/control/http.h
