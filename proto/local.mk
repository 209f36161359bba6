# SPDX-License-Identifier: GPL-3.0-or-later
EXTRA_DIST += proto/netcap.proto proto/session.proto proto/gen-proto.py proto/fields.txt proto/own-records.csv proto/own-types.csv
noinst_LIBRARIES += libnetcap-proto.a
nodist_libnetcap_proto_a_SOURCES = proto/netcap.pb-c.c proto/netcap.pb-c.h proto/session.pb-c.c proto/session.pb-c.h
# generated code: our warnings are not for it
libnetcap_proto_a_CFLAGS = -std=gnu17 -w $(HARDEN_CFLAGS) $(SAN_CFLAGS) $(PROTOBUF_C_CFLAGS)
BUILT_SOURCES += proto/netcap.pb-c.h proto/session.pb-c.h
CLEANFILES += proto/netcap.pb-c.c proto/netcap.pb-c.h proto/session.pb-c.c proto/session.pb-c.h
proto/netcap.pb-c.c: proto/netcap.proto
	$(AM_V_GEN)$(MKDIR_P) proto && $(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=proto $(top_srcdir)/proto/netcap.proto
proto/netcap.pb-c.h: proto/netcap.pb-c.c
proto/session.pb-c.c: proto/session.proto
	$(AM_V_GEN)$(MKDIR_P) proto && $(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=proto $(top_srcdir)/proto/session.proto
proto/session.pb-c.h: proto/session.pb-c.c
schemadir = $(datadir)/netcap
schema_DATA = proto/netcap.proto
