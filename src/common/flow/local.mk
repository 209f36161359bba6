# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += src/common/flow/defrag.h src/common/flow/defrag.c \
	src/common/flow/sink.h src/common/flow/stream.h
