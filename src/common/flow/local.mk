# SPDX-License-Identifier: GPL-3.0-or-later
# stream.mk lists the stream readers; scripts/regen writes it and streams.c from the folder stream/.
libnetcap_a_SOURCES += src/common/flow/defrag.h src/common/flow/defrag.c \
	src/common/flow/fingerprint.h src/common/flow/fingerprint.c \
	src/common/flow/hello.h src/common/flow/hello.c \
	src/common/flow/assembly.h src/common/flow/feed.c src/common/flow/memory.c src/common/flow/order.c src/common/flow/pend.c \
	src/common/flow/pool.h src/common/flow/pool.c \
	src/common/flow/sink.h \
	src/common/flow/stream.h src/common/flow/stream.c src/common/flow/streams.c \
	src/common/flow/conn.c src/common/flow/tcp.h src/common/flow/tcp.c

# flow tables
libnetcap_a_SOURCES += src/common/flow/entry.c src/common/flow/flowtable.h \
	src/common/flow/flows.c src/common/flow/flows.h \
	src/common/flow/ident.c src/common/flow/ident.h \
	src/common/flow/idle.h \
	src/common/flow/merge.c src/common/flow/merge.h \
	src/common/flow/part.h \
	src/common/flow/walk.c src/common/flow/window.c

include src/common/flow/stream.mk

# of the reader stream/http.c
libnetcap_a_SOURCES += src/common/flow/http/head.h src/common/flow/http/head.c \
	src/common/flow/http/line.h src/common/flow/http/line.c \
	src/common/flow/http/pair.h src/common/flow/http/pair.c
