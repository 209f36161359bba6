/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is a file of the spool: opened, handed out, read, written to, opened again; what comes out was counted. */
#include "config.h"

#include <endian.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sensord/spool.h"

#define FILE_NAME "0000010000000001.spool"

static void expect(bool right)
{
	if (!right)
		abort();
}

static void spill(const char *dir, const uint8_t *data, size_t size)
{
	char name[128];

	snprintf(name, sizeof(name), "%s/" FILE_NAME, dir);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* Everything out; returns how many blocks that was. */
static uint64_t drain(struct nc_spool *s, struct nc_buf *sealed)
{
	struct nc_spool_state st;
	struct nc_block_info info;
	struct nc_spool_ref ref;
	uint64_t n = 0, records = 0;

	nc_spool_state(s, &st);
	uint64_t found = st.waiting.blocks, found_records = st.waiting.records;
	for (; nc_spool_next(s, &info, &ref); n++) {
		records += info.count;
		expect(info.size <= NC_BLOCK_SIZE_MAX);
		if (nc_spool_read(s, &ref, sealed) == 0)
			expect(sealed->len == info.size + 48);
		nc_spool_done(s, &ref);
	}
	nc_spool_state(s, &st);
	expect(n == found && records == found_records && st.waiting.blocks == 0 && st.waiting.records == 0);
	return n;
}

static void run(const uint8_t *data, size_t size)
{
	static const uint8_t key[NC_KEY_LEN] = { 9 };
	static const uint8_t block[80];
	const struct nc_block_info info = { .kind = NC_BLOCK_RECORDS, .size = sizeof(block), .count = 3, .epoch = 1, .seq = 1 };
	char dir[64], name[128];
	struct nc_buf err = { 0 }, sealed = { 0 };
	struct nc_spool *s = NULL;
	struct nc_spool_state st;

	/* a disk that can be synced costs milliseconds */
	snprintf(dir, sizeof(dir), "%s/nc-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	expect(nc_keys_init() >= 0 && mkdtemp(dir));
	spill(dir, data, size);
	expect(nc_spool_open(dir, NC_SPOOL_LIMIT_MIN, key, &s, &err) == 0);
	nc_spool_state(s, &st);
	expect(st.bytes <= size && st.damaged_bytes <= size);
	uint64_t found = st.found.blocks;
	expect(nc_spool_put(s, &info, block, false) == 0);
	nc_spool_close(s);
	/* nothing that was there is lost by another start */
	expect(nc_spool_open(dir, NC_SPOOL_LIMIT_MIN, key, &s, &err) == 0);
	expect(drain(s, &sealed) == found + 1);
	nc_spool_close(s);
	snprintf(name, sizeof(name), "%s/" FILE_NAME, dir);
	(void)unlink(name);
	expect(rmdir(dir) == 0);
	nc_buf_free(&err);
	nc_buf_free(&sealed);
}

/* No fuzzer guesses a CRC: it is put right behind each magic. */
static void put_right(uint8_t *p, size_t n)
{
	static const uint8_t magic[] = { 0xa5, 'N', 'C', 'S' };

	for (size_t i = 0; i + NC_SPOOL_RECORD_HEADER <= n; i++) {
		if (memcmp(p + i, magic, sizeof(magic)) != 0)
			continue;
		uint32_t crc = htole32(libdeflate_crc32(0, p + i, NC_SPOOL_RECORD_HEADER - sizeof(crc)));
		memcpy(p + i + NC_SPOOL_RECORD_HEADER - sizeof(crc), &crc, sizeof(crc));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	run(data, size);
	expect(copy);
	memcpy(copy, data, size);
	put_right(copy, size);
	run(copy, size);
	free(copy);
	return 0;
}
