# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += \
	src/common/capture/balance.c \
	src/common/capture/capfile.c src/common/capture/capfile.h \
	src/common/capture/fanout.c src/common/capture/fanout.h \
	src/common/capture/filter.c \
	src/common/capture/input.c src/common/capture/input.h \
	src/common/capture/live.c src/common/capture/live.h \
	src/common/capture/pcap.c \
	src/common/capture/pcapng.c \
	src/common/capture/program.c src/common/capture/program.h \
	src/common/capture/reader.h
