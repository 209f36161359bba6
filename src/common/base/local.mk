# SPDX-License-Identifier: GPL-3.0-or-later
libnetcap_a_SOURCES += \
	src/common/base/arena.c src/common/base/arena.h \
	src/common/base/buf.c src/common/base/buf.h \
	src/common/base/fault.c src/common/base/fault.h \
	src/common/base/fnv.h \
	src/common/base/log.c src/common/base/log.h \
	src/common/base/loop.c src/common/base/loop.h \
	src/common/base/md5.c src/common/base/md5.h \
	src/common/base/message.c src/common/base/message.h src/common/base/message.inc \
	src/common/base/mpls.c src/common/base/mpls.h \
	src/common/base/rd.c src/common/base/rd.h \
	src/common/base/save.c src/common/base/save.h \
	src/common/base/siphash.c src/common/base/siphash.h \
	src/common/base/text.c src/common/base/text.h \
	src/common/base/time.c src/common/base/time.h \
	src/common/base/worker.c src/common/base/worker.h
