# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += \
	src/common/block/block.c src/common/block/block.h src/common/block/deflate.c src/common/block/deflate.h \
	src/common/block/file.h \
	src/common/block/header.c \
	src/common/block/probe.c \
	src/common/block/reader.c \
	src/common/block/recover.c src/common/block/recover.h \
	src/common/block/scan.c src/common/block/scan.h \
	src/common/block/writer.c
