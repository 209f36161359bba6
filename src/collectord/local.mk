# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libcollectord.a
libcollectord_a_SOURCES = \
	src/collectord/chain.c src/collectord/chain.h \
	src/collectord/commit.c \
	src/collectord/expire.c \
	src/collectord/gate.c src/collectord/gate.h \
	src/collectord/gather.c \
	src/collectord/have.c src/collectord/have.h \
	src/collectord/load.c \
	src/collectord/name.c src/collectord/name.h \
	src/collectord/rekey.c src/collectord/rekey.h \
	src/collectord/rotate.c \
	src/collectord/saver.c src/collectord/saver.h \
	src/collectord/shelf.c src/collectord/shelf.h \
	src/collectord/watermark.c src/collectord/watermark.h \
	src/collectord/collector.c src/collectord/collector.h \
	src/collectord/control.c src/collectord/control.h \
	src/collectord/daemon.c src/collectord/daemon.h \
	src/collectord/ledger.c src/collectord/ledger.h \
	src/collectord/loss.c src/collectord/loss.h \
	src/collectord/receive.c src/collectord/receive.h \
	src/collectord/records.c src/collectord/records.h \
	src/collectord/sensors.c src/collectord/sensors.h \
	src/collectord/settings.c src/collectord/settings.h \
	src/collectord/state.c src/collectord/state.h \
	src/collectord/store.c src/collectord/store.h \
	src/collectord/tail.c src/collectord/tail.h
sbin_PROGRAMS += netcap-collectord
netcap_collectord_SOURCES = src/collectord/main.c
netcap_collectord_LDADD = libcollectord.a $(COMMON_LIBS) $(MICROHTTPD_LIBS)
