# SPDX-License-Identifier: GPL-3.0-or-later
noinst_LIBRARIES += libsensord.a
libsensord_a_SOURCES = \
	src/sensord/address.c src/sensord/address.h \
	src/sensord/daemon.c src/sensord/daemon.h \
	src/sensord/datagram.c src/sensord/datagram.h \
	src/sensord/keys.c src/sensord/keys.h \
	src/sensord/learned.c src/sensord/learned.h \
	src/sensord/ledger.c src/sensord/ledger.h \
	src/sensord/lookup.c src/sensord/lookup.h \
	src/sensord/sensor.c src/sensord/sensor.h \
	src/sensord/session.c src/sensord/session.h \
	src/sensord/settings.c src/sensord/settings.h \
	src/sensord/ship.c src/sensord/ship.h \
	src/sensord/spool.c src/sensord/spool.h \
	src/sensord/status.c \
	src/sensord/transport.h
sbin_PROGRAMS += netcap-sensord
netcap_sensord_SOURCES = src/sensord/main.c
netcap_sensord_LDADD = libsensord.a $(COMMON_LIBS) $(MICROHTTPD_LIBS)
