# SPDX-License-Identifier: GPL-3.0-or-later
# Test programs; what runs, and how, says tests/table. A new unit test or fuzz target is one line below.
EXTRA_DIST += tests/run tests/table tests/checks tests/decode tests/e2e tests/fuzz tests/interop tests/system tests/unit

# replay.c has a main for the fuzz targets; from a library it comes in only where nobody else has one
check_LIBRARIES += tests/libreplay.a
tests_libreplay_a_SOURCES = tests/fuzz/replay.c

# what fuzz targets of files in a folder share
check_LIBRARIES += tests/libfuzzfiles.a
tests_libfuzzfiles_a_SOURCES = tests/fuzz/files.c tests/fuzz/files.h

# what the programs in tests/decode share
check_LIBRARIES += tests/libsession.a
tests_libsession_a_SOURCES = tests/decode/session.c tests/decode/session.h

# what the tests of stream readers share; where a program calls it, it stands in for the reassembly
check_LIBRARIES += tests/libdrive.a
tests_libdrive_a_SOURCES = tests/unit/stream_driver.c tests/unit/stream_driver.h
# what unit tests share
if HAVE_CMOCKA
check_LIBRARIES += tests/libfixture.a
tests_libfixture_a_SOURCES = tests/unit/fixture.c tests/unit/fixture.h
FIXTURE_LIBS = tests/libfixture.a
endif

FUZZ_TARGETS = \
	tests/fuzz/fuzz_block \
	tests/fuzz/fuzz_capfile \
	tests/fuzz/fuzz_chain \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_control \
	tests/fuzz/fuzz_datagram \
	tests/fuzz/fuzz_frame \
	tests/fuzz/fuzz_handshake \
	tests/fuzz/fuzz_http \
	tests/fuzz/fuzz_keyring \
	tests/fuzz/fuzz_keys \
	tests/fuzz/fuzz_learned \
	tests/fuzz/fuzz_name \
	tests/fuzz/fuzz_packet \
	tests/fuzz/fuzz_recfile \
	tests/fuzz/fuzz_spool \
	tests/fuzz/fuzz_ssh \
	tests/fuzz/fuzz_state \
	tests/fuzz/fuzz_store \
	tests/fuzz/fuzz_tcp \
	tests/fuzz/fuzz_tls \
	tests/fuzz/fuzz_watermark

UNIT_TESTS = \
	tests/unit/test_balance \
	tests/unit/test_capfile \
	tests/unit/test_fault \
	tests/unit/test_filter \
	tests/unit/test_block \
	tests/unit/test_collector \
	tests/unit/test_conf \
	tests/unit/test_control \
	tests/unit/test_ctl \
	tests/unit/test_datagram \
	tests/unit/test_defrag \
	tests/unit/test_engine \
	tests/unit/test_entropy \
	tests/unit/test_file \
	tests/unit/test_file_property \
	tests/unit/test_flows \
	tests/unit/test_format \
	tests/unit/test_frame \
	tests/unit/test_have \
	tests/unit/test_http \
	tests/unit/test_gate \
	tests/unit/test_keep \
	tests/unit/test_keyring \
	tests/unit/test_keys \
	tests/unit/test_ledger \
	tests/unit/test_log \
	tests/unit/test_md5 \
	tests/unit/test_metrics \
	tests/unit/test_loop \
	tests/unit/test_noise \
	tests/unit/test_options \
	tests/unit/test_pack \
	tests/unit/test_pipeline \
	tests/unit/test_rd \
	tests/unit/test_replay \
	tests/unit/test_ring \
	tests/unit/test_rotation \
	tests/unit/test_sender \
	tests/unit/test_session \
	tests/unit/test_settings \
	tests/unit/test_ship \
	tests/unit/test_ssh \
	tests/unit/test_tcp \
	tests/unit/test_tcp_property \
	tests/unit/test_spool \
	tests/unit/test_store \
	tests/unit/test_state \
	tests/unit/test_text \
	tests/unit/test_time \
	tests/unit/test_tls \
	tests/unit/test_type \
	tests/unit/test_valid \
	tests/unit/test_worker

# a TCP reassembly and segments for it
check_LIBRARIES += tests/libtape.a
tests_libtape_a_SOURCES = tests/unit/tape.c tests/unit/tape.h

# programs that tests in decode and e2e call
TEST_TOOLS = \
	tests/decode/cut \
	tests/decode/decode-dump \
	tests/decode/snap \
	tests/decode/worst \
	tests/unit/flowbench \
	tests/e2e/badline \
	tests/e2e/livecount \
	tests/e2e/reccount \
	tests/e2e/sessionload \
	tests/e2e/storeload \
	tests/interop/peer \
	tests/unit/capcount

# What a test may link; of the programs' libraries only what it calls comes in.
PROGRAM_LIBS = libnetcaptool.a libnetcapctl.a libsensord.a libcollectord.a
# of both daemons
DAEMON_LIBS = $(COMMON_LIBS) $(MICROHTTPD_LIBS)

# The whole reassembly, not what plays its part for the readers' own tests.
STREAM_LIBS = tests/libreplay.a tests/libtape.a $(PROGRAM_LIBS) $(CMOCKA_LIBS) $(DAEMON_LIBS)
if FUZZERS
tests_fuzz_fuzz_tcp_LDADD = $(FUZZER_LIBS) tests/libtape.a $(PROGRAM_LIBS) $(DAEMON_LIBS)
else
tests_fuzz_fuzz_tcp_LDADD = $(STREAM_LIBS)
endif
tests_unit_test_tcp_LDADD = $(STREAM_LIBS)
tests_unit_test_tcp_property_LDADD = $(STREAM_LIBS)

# Every test program is made of the .c file of its name.
if FUZZERS
# libFuzzer brings the main: nothing else is built here
LDADD = $(FUZZER_LIBS) tests/libfuzzfiles.a tests/libdrive.a $(PROGRAM_LIBS) $(DAEMON_LIBS)
check_PROGRAMS += $(FUZZ_TARGETS)
else
LDADD = tests/libreplay.a tests/libfuzzfiles.a tests/libsession.a tests/libdrive.a $(FIXTURE_LIBS) $(PROGRAM_LIBS) $(CMOCKA_LIBS) $(DAEMON_LIBS)
check_PROGRAMS += $(FUZZ_TARGETS) $(TEST_TOOLS)
if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
endif
endif

# preloaded by tests/e2e/store-disk; not for builds with sanitizers
if !SANITIZERS
check_DATA = tests/e2e/failcalls.so
CLEANFILES += tests/e2e/failcalls.so
tests/e2e/failcalls.so: tests/e2e/failcalls.c
	$(AM_V_CC)$(MKDIR_P) tests/e2e && $(CC) $(WARN_CFLAGS) -O1 -shared -fPIC -o $@ $(top_srcdir)/tests/e2e/failcalls.c -ldl
endif

programs-check: all $(check_PROGRAMS) $(check_DATA)
if FUZZERS
check-local:
	@echo "built with libFuzzer: scripts/fuzz runs the targets"
else
# all but what needs root and time
check-local: all $(check_PROGRAMS)
	NC_SRC="$(abs_top_srcdir)" NC_BUILD="$(abs_top_builddir)" CC="$(CC)" $(top_srcdir)/tests/run --skip e2e
endif
check-e2e: all $(check_PROGRAMS)
	NC_SRC="$(abs_top_srcdir)" NC_BUILD="$(abs_top_builddir)" CC="$(CC)" $(top_srcdir)/tests/run --only e2e
.PHONY: check-e2e programs-check
