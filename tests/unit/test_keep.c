/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of failed packets: whole ones only, also when there was no room for a while. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/keep.h"
#include "pipeline/report.h"

#define PACKET 100u

struct fixture {
	char path[32];
	int dir;
	struct nc_keep *keep;
	uint8_t bytes[PACKET];
	const char *name;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->path, "/tmp/nc-keep-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->keep = nc_keep_new(f->dir, 0, true);
	memset(f->bytes, 0xaa, sizeof(f->bytes));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "errors.pcap", "errors.linktype-7.pcap", "unknown.pcap", "errors.log" };
	struct fixture *f = *state;

	nc_keep_close(f->keep);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(f->dir, names[i], 0);
	close(f->dir);
	rmdir(f->path);
	free(f);
	return 0;
}

static int add(struct fixture *f, enum nc_chunk_kind kind, uint32_t datalink)
{
	struct nc_chunk c = { .kind = kind, .count = 1, .datalink = datalink, .data = f->bytes, .n = PACKET };

	return nc_keep_chunk(f->keep, &c, &f->name);
}

static off_t size_of(const struct fixture *f, const char *name)
{
	struct stat st;

	return fstatat(f->dir, name, &st, 0) == 0 ? st.st_size : -1;
}

/* Bytes that a file may have from now on. */
static void room(rlim_t n)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = n < l.rlim_max ? n : l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void one_file_per_kind_and_link_type(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), 0);
	assert_string_equal(f->name, "errors.pcap");
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 7), 0);
	assert_string_equal(f->name, "errors.linktype-7.pcap");
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), 0);
	assert_int_equal(add(f, NC_CHUNK_UNKNOWN, 7), 0);
	assert_int_equal(add(f, NC_CHUNK_LOG, 7), 0);
	assert_int_equal(size_of(f, "errors.pcap"), 24 + 2 * PACKET);
	assert_int_equal(size_of(f, "errors.linktype-7.pcap"), 24 + PACKET);
	assert_int_equal(size_of(f, "unknown.pcap"), 24 + PACKET);
	assert_int_equal(size_of(f, "errors.log"), PACKET);
	assert_int_equal(nc_keep_bytes(f->keep), 3 * 24 + 5 * PACKET);
}

static void half_a_packet_is_taken_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), 0);
	room(24 + PACKET + PACKET / 2);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), -EFBIG);
	assert_int_equal(size_of(f, "errors.pcap"), 24 + PACKET);
	room(RLIM_INFINITY);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), 0);
	assert_int_equal(size_of(f, "errors.pcap"), 24 + 2 * PACKET);
	assert_int_equal(nc_keep_bytes(f->keep), 24 + 2 * PACKET);
}

static void no_packets_without_a_header(void **state)
{
	struct fixture *f = *state;

	room(10);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), -EFBIG);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), -EFBIG);
	assert_int_equal(size_of(f, "errors.pcap"), 0);
	room(RLIM_INFINITY);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), 0);
	assert_int_equal(size_of(f, "errors.pcap"), 24 + PACKET);
}

static void what_is_there_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), 0);
	nc_keep_close(f->keep);
	f->keep = nc_keep_new(f->dir, 200, true);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 1), -EFBIG);
	assert_int_equal(nc_keep_bytes(f->keep), 24 + PACKET);
	/* of another link type: not ours to go on with, and its bytes are gone */
	nc_keep_close(f->keep);
	f->keep = nc_keep_new(f->dir, 0, true);
	assert_int_equal(add(f, NC_CHUNK_ERRORS, 9), 0);
	assert_int_equal(size_of(f, "errors.pcap"), 24 + PACKET);
	assert_int_equal(nc_keep_bytes(f->keep), 24 + PACKET);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_file_per_kind_and_link_type),
		TEST(half_a_packet_is_taken_back),
		TEST(no_packets_without_a_header),
		TEST(what_is_there_counts),
	};
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
