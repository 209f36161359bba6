/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Record files: writing, torn tails, full disks, foreign files, damage and resynchronisation, probing. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "block/file.h"

enum { TYPE = 44, PER_BLOCK = 5 };

struct fixture {
	char path[256];
	int dir;
	struct nc_deflater *deflater;
};

static const struct nc_file_header header = {
	.created = "1331904607.290000",
	.source = "in.pcap",
	.version = "0.1.0",
	.type = TYPE,
	.contains_payloads = true,
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "%s/nc-file.XXXXXX", tmp ? tmp : P_tmpdir);
	assert_non_null(mkdtemp(f->path));
	f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->deflater = nc_deflater_new(1);
	assert_true(f->dir >= 0);
	*state = f;
	return 0;
}

static unsigned entries(struct fixture *f, const char *prefix, bool delete)
{
	unsigned n = 0;
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	struct dirent *e;

	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		n++;
		if (delete && unlinkat(f->dir, e->d_name, 0) < 0)
			unlinkat(f->dir, e->d_name, AT_REMOVEDIR);
	}
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	entries(f, "", true);
	rmdir(f->path);
	close(f->dir);
	nc_deflater_free(f->deflater);
	free(f);
	return 0;
}

/* --- making and reading ----------------------------------------------------------------------------------------- */

static void add_record(struct nc_buf *b, unsigned i)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "record %u %.*s", i, (int)(i % 23), "abcdefghijklmnopqrstuvwxyz");

	nc_buf_varint(b, (uint64_t)n);
	nc_buf_add(b, text, (size_t)n);
}

static void add_records(struct nc_buf *b, unsigned from, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		add_record(b, from + i);
}

static void add_block_of(struct fixture *f, struct nc_buf *b, struct nc_block_info info, const void *data, size_t n)
{
	uint8_t *to = nc_buf_reserve(b, nc_block_bound(n));
	size_t size = nc_block_build(f->deflater, &info, data, n, to, nc_block_bound(n));

	assert_int_not_equal(size, 0);
	b->len += size;
}

static struct nc_block_info info_of(unsigned from, unsigned count)
{
	return (struct nc_block_info){
		.kind = NC_BLOCK_RECORDS,
		.type = TYPE,
		.count = count,
		.first_ns = INT64_C(1000000000) * (from + 1),
		.last_ns = INT64_C(1000000000) * (from + count),
		.epoch = 99,
		.seq = from + 1,
	};
}

/* A block of the records from, from + 1, ... */
static void add_block(struct fixture *f, struct nc_buf *b, unsigned from)
{
	struct nc_buf data = { 0 };

	add_records(&data, from, PER_BLOCK);
	add_block_of(f, b, info_of(from, PER_BLOCK), data.data, data.len);
	nc_buf_free(&data);
}

static void add_gzip(struct nc_buf *b, const void *data, size_t n)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t bound = deflateBound(&z, n);
	uint8_t *to = nc_buf_reserve(b, bound), *copy = malloc(n ? n : 1);
	memcpy(copy, data, n);
	z.next_in = copy;
	z.avail_in = (unsigned)n;
	z.next_out = to;
	z.avail_out = (unsigned)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b->len += bound - z.avail_out;
	deflateEnd(&z);
	free(copy);
}

static void put_file(struct fixture *f, const char *name, const void *p, size_t n)
{
	int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static void get_file(struct fixture *f, const char *name, struct nc_buf *b)
{
	int fd = openat(f->dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	nc_buf_reset(b);
	uint8_t *to = nc_buf_reserve(b, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, to, (size_t)st.st_size), st.st_size);
	b->len = (size_t)st.st_size;
	close(fd);
}

static struct nc_file_writer *open_writer(struct fixture *f, const char *name, bool plain, uint64_t *torn)
{
	struct nc_file_writer *w = NULL;

	assert_int_equal(nc_file_writer_open(f->dir, name, NC_FILE_APPEND, plain, &header, f->deflater, torn, &w), 0);
	return w;
}

static int try_writer(struct fixture *f, const char *name, bool plain)
{
	struct nc_file_writer *w = NULL;
	int rc = nc_file_writer_open(f->dir, name, NC_FILE_APPEND, plain, &header, f->deflater, NULL, &w);

	nc_file_writer_close(w);
	return rc;
}

static int memory_file(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static bool is_record(const uint8_t *p, size_t n, unsigned i)
{
	struct nc_buf b = { 0 };

	add_record(&b, i);
	bool same = b.len == n + 1 && memcmp(b.data + 1, p, n) == 0;
	nc_buf_free(&b);
	return same;
}

/* Reads on while the records are those from *i on; the reader's last answer. */
static int read_on(struct nc_file_reader *r, unsigned *i)
{
	const uint8_t *p;
	size_t n;
	int rc;

	while ((rc = nc_file_reader_next(r, &p, &n)) == 1) {
		assert_true(is_record(p, n, *i));
		(*i)++;
	}
	return rc;
}

struct outcome {
	int rc;
	unsigned records;
	uint64_t damage;
	const char *reason;
};

static struct outcome read_fd(int fd, unsigned from)
{
	struct nc_file_reader *r = NULL;
	struct outcome o = { .reason = "" };

	o.rc = nc_file_reader_open(fd, &r);
	if (o.rc)
		return o;
	assert_int_equal(nc_file_reader_header(r)->type, TYPE);
	unsigned i = from;
	o.rc = read_on(r, &i);
	o.records = i - from;
	o.damage = nc_file_reader_damage(r, &o.reason);
	if (o.rc == -EBADMSG)
		assert_int_equal(read_on(r, &i), -EBADMSG);
	nc_file_reader_close(r);
	return o;
}

static struct outcome read_bytes(const void *p, size_t n)
{
	return read_fd(memory_file(p, n), 0);
}

static struct outcome read_name(struct fixture *f, const char *name)
{
	return read_fd(openat(f->dir, name, O_RDONLY | O_CLOEXEC), 0);
}

static void pack_header(struct nc_buf *b)
{
	nc_file_header_pack(&header, b);
}

/* header block and n blocks; ends[i] is where the i-th of them (0: the header) ends */
static void make_blocks(struct fixture *f, struct nc_buf *b, unsigned n, size_t *ends)
{
	struct nc_buf h = { 0 };

	pack_header(&h);
	add_block_of(f, b, (struct nc_block_info){ .kind = NC_BLOCK_HEADER, .type = TYPE, .count = 1 }, h.data, h.len);
	ends[0] = b->len;
	for (unsigned i = 0; i < n; i++) {
		add_block(f, b, i * PER_BLOCK);
		ends[i + 1] = b->len;
	}
	nc_buf_free(&h);
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void test_write_and_read(void **state)
{
	struct fixture *f = *state;
	uint64_t torn = 7;
	struct nc_buf b = { 0 };
	struct stat st;
	mode_t mask = umask(0);

	for (unsigned round = 0; round < 3; round++) {
		struct nc_file_writer *w = open_writer(f, "a.ncap.gz", false, &torn);
		assert_int_equal(torn, 0);
		nc_buf_reset(&b);
		add_block(f, &b, round * 2 * PER_BLOCK);
		add_block(f, &b, (round * 2 + 1) * PER_BLOCK);
		assert_int_equal(nc_file_writer_append(w, b.data, b.len), 0);
		assert_int_equal(nc_file_writer_sync(w), 0);
		assert_int_equal(nc_file_writer_sync(w), 0);
		assert_int_equal(fstatat(f->dir, "a.ncap.gz", &st, 0), 0);
		assert_int_equal(st.st_size, nc_file_writer_size(w));
		assert_int_equal(nc_file_writer_close(w), 0);
	}
	umask(mask);
	assert_int_equal(st.st_mode & 07777, 0640);
	struct outcome o = read_name(f, "a.ncap.gz");
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 6 * PER_BLOCK);
	assert_int_equal(entries(f, "", false), 1);
	nc_buf_free(&b);
}

static void test_header_is_first(void **state)
{
	struct fixture *f = *state;
	struct nc_file_reader *r;
	struct nc_block_info info;
	struct nc_buf b = { 0 };

	assert_int_equal(nc_file_writer_close(open_writer(f, "h", false, NULL)), 0);
	get_file(f, "h", &b);
	assert_int_equal(nc_block_info(b.data, b.len, &info), 0);
	assert_int_equal(info.kind, NC_BLOCK_HEADER);
	assert_int_equal(info.type, TYPE);
	assert_int_equal(info.size, b.len);
	assert_true(info.epoch == 0 && info.seq == 0);
	assert_int_equal(nc_file_reader_open(memory_file(b.data, b.len), &r), 0);
	const struct nc_file_header *h = nc_file_reader_header(r);
	assert_string_equal(h->created, header.created);
	assert_string_equal(h->source, header.source);
	assert_string_equal(h->version, header.version);
	assert_true(h->contains_payloads);
	nc_file_reader_close(r);
	nc_buf_free(&b);
}

static void test_truncate(void **state)
{
	struct fixture *f = *state;
	struct nc_file_writer *w;

	put_file(f, "t", "something else entirely", 23);
	assert_int_equal(try_writer(f, "t", false), -EEXIST);
	assert_int_equal(nc_file_writer_open(f->dir, "t", NC_FILE_TRUNCATE, false, &header, f->deflater, NULL, &w), 0);
	assert_int_equal(nc_file_writer_close(w), 0);
	assert_int_equal(read_name(f, "t").rc, 0);
	assert_int_equal(nc_file_writer_close(NULL), 0);
}

static void test_whole_only(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	struct nc_file_writer *w = open_writer(f, "w", false, NULL), *plain = open_writer(f, "p", true, NULL);
	uint64_t size = nc_file_writer_size(w), plain_size = nc_file_writer_size(plain);

	add_block(f, &b, 0);
	for (size_t n = 1; n < b.len; n++)
		assert_int_equal(nc_file_writer_append(w, b.data, n), -EINVAL);
	b.data[18]++; /* another type */
	assert_int_equal(nc_file_writer_append(w, b.data, b.len), -EINVAL);
	nc_buf_reset(&b);
	add_record(&b, 1);
	for (size_t n = 1; n < b.len; n++)
		assert_int_equal(nc_file_writer_append(plain, b.data, n), -EINVAL);
	assert_int_equal(nc_file_writer_append(w, b.data, b.len), -EINVAL);
	assert_int_equal(nc_file_writer_size(w), size);
	assert_int_equal(nc_file_writer_size(plain), plain_size);
	nc_file_writer_close(w);
	nc_file_writer_close(plain);
	nc_buf_free(&b);
}

static void test_refuses_what_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, h = { 0 };
	struct nc_file_header other = header;
	struct nc_file_writer *w;

	pack_header(&h);
	add_gzip(&b, h.data, h.len);
	put_file(f, "foreign", b.data, b.len);
	assert_int_equal(try_writer(f, "foreign", false), -EEXIST);
	assert_int_equal(try_writer(f, "foreign", true), -EEXIST);
	put_file(f, "plain", h.data, h.len);
	assert_int_equal(try_writer(f, "plain", false), -EEXIST);
	assert_int_equal(try_writer(f, "plain", true), 0);
	other.type = TYPE + 1;
	assert_int_equal(nc_file_writer_open(f->dir, "plain", NC_FILE_APPEND, true, &other, NULL, NULL, &w), -EEXIST);
	assert_int_equal(try_writer(f, "ours", false), 0);
	assert_int_equal(nc_file_writer_open(f->dir, "ours", NC_FILE_APPEND, false, &other, f->deflater, NULL, &w), -EEXIST);
	assert_int_equal(try_writer(f, "ours", true), -EEXIST);
	/* ours, then a foreign member */
	get_file(f, "ours", &b);
	add_gzip(&b, h.data, h.len);
	put_file(f, "mixed", b.data, b.len);
	assert_int_equal(try_writer(f, "mixed", false), -EEXIST);
	/* a block of a version to come */
	get_file(f, "ours", &b);
	add_block(f, &b, 0);
	size_t first = (size_t)(b.data[20] | b.data[21] << 8);
	b.data[first + 16] = 2;
	put_file(f, "newer", b.data, b.len);
	assert_int_equal(try_writer(f, "newer", false), -EEXIST);
	b.data[16] = 2;
	put_file(f, "newer", b.data, b.len);
	assert_int_equal(try_writer(f, "newer", false), -EEXIST);
	/* records without a header */
	nc_buf_reset(&b);
	add_block(f, &b, 0);
	put_file(f, "headless", b.data, b.len);
	assert_int_equal(try_writer(f, "headless", false), -EEXIST);
	assert_int_equal(entries(f, "", false), 6);
	other = header;
	other.created[0] = '\0';
	assert_int_equal(nc_file_writer_open(f->dir, "new", NC_FILE_APPEND, true, &other, NULL, NULL, &w), -EINVAL);
	other = header;
	other.type = 65536;
	assert_int_equal(nc_file_writer_open(f->dir, "new", NC_FILE_APPEND, true, &other, NULL, NULL, &w), -EINVAL);
	assert_int_equal(entries(f, "new", false), 1);
	nc_buf_free(&b);
	nc_buf_free(&h);
}

static void test_only_regular_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlinkat("elsewhere", f->dir, "link"), 0);
	assert_int_equal(try_writer(f, "link", false), -ELOOP);
	assert_int_equal(mkfifoat(f->dir, "fifo", 0600), 0);
	assert_int_equal(try_writer(f, "fifo", false), -EINVAL);
	assert_int_equal(mkdirat(f->dir, "dir", 0700), 0);
	assert_int_equal(try_writer(f, "dir", false), -EISDIR);
	assert_int_equal(try_writer(f, "none/x", false), -ENOENT);
	assert_int_equal(try_writer(f, "dir/x", false), 0);
	assert_int_equal(entries(f, "elsewhere", false), 0);
	assert_int_equal(unlinkat(f->dir, "dir/x", 0), 0);
}

static void test_one_writer(void **state)
{
	struct fixture *f = *state;
	struct nc_file_writer *w = open_writer(f, "one", false, NULL);

	assert_int_equal(try_writer(f, "one", false), -EBUSY);
	nc_file_writer_close(w);
	assert_int_equal(try_writer(f, "one", false), 0);
}

/* --- torn tails ------------------------------------------------------------------------------------------------- */

/* Opens the file for appending: what is cut must be [end, size), kept in the torn file; then a block is added and all is read. */
static void check_recovery(struct fixture *f, const char *name, const struct nc_buf *before, size_t end, unsigned records)
{
	struct nc_buf b = { 0 };
	char torn_name[64];
	uint64_t torn = 0;

	put_file(f, name, before->data, before->len);
	struct nc_file_writer *w = open_writer(f, name, false, &torn);
	assert_int_equal(torn, before->len - end);
	add_block(f, &b, records);
	assert_int_equal(nc_file_writer_append(w, b.data, b.len), 0);
	assert_int_equal(nc_file_writer_close(w), 0);
	if (torn) {
		snprintf(torn_name, sizeof(torn_name), "%s.torn-%zu", name, end);
		get_file(f, torn_name, &b);
		assert_int_equal(b.len, torn);
		assert_memory_equal(b.data, before->data + end, b.len);
		unlinkat(f->dir, torn_name, 0);
	}
	get_file(f, name, &b);
	assert_memory_equal(b.data, before->data, end);
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, records + PER_BLOCK);
	assert_int_equal(entries(f, "", false), 1);
	nc_buf_free(&b);
}

static void test_torn_at_every_byte(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	size_t ends[4];

	make_blocks(f, &b, 3, ends);
	for (size_t cut = ends[2]; cut <= ends[3]; cut++) {
		b.len = cut;
		struct outcome o = read_bytes(b.data, cut);
		bool whole = cut == ends[2] || cut == ends[3];
		unsigned records = (cut == ends[3] ? 3 : 2) * PER_BLOCK;
		assert_int_equal(o.rc, whole ? 0 : -EBADMSG);
		assert_int_equal(o.records, records);
		if (!whole) {
			assert_int_equal(o.damage, ends[2]);
			assert_string_equal(o.reason, "truncated");
		}
		check_recovery(f, "torn", &b, cut == ends[3] ? ends[3] : ends[2], records);
	}
	nc_buf_free(&b);
}

/* Cut inside of the header block: all is moved aside, and a new header is written. */
static void test_torn_header(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, back = { 0 };
	size_t ends[1];

	make_blocks(f, &b, 0, ends);
	for (size_t cut = 1; cut < ends[0]; cut++) {
		uint64_t torn = 0;
		put_file(f, "x", b.data, cut);
		assert_int_equal(nc_file_writer_close(open_writer(f, "x", false, &torn)), 0);
		assert_int_equal(torn, cut);
		get_file(f, "x", &back);
		assert_int_equal(back.len, ends[0]);
		assert_memory_equal(back.data, b.data, ends[0]);
		get_file(f, "x.torn-0", &back);
		assert_int_equal(back.len, cut);
		assert_int_equal(unlinkat(f->dir, "x.torn-0", 0), 0);
	}
	nc_buf_free(&b);
	nc_buf_free(&back);
}

static void test_torn_files_are_kept(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	size_t ends[2];

	make_blocks(f, &b, 1, ends);
	for (unsigned i = 0; i < 4; i++) {
		put_file(f, "k", b.data, b.len - 1 - i);
		assert_int_equal(nc_file_writer_close(open_writer(f, "k", false, NULL)), 0);
	}
	assert_int_equal(entries(f, "k.torn-", false), 4);
	char name[64];
	snprintf(name, sizeof(name), "k.torn-%zu-3", ends[0]);
	get_file(f, name, &b);
	assert_int_equal(b.len, ends[1] - ends[0] - 4);
	nc_buf_free(&b);
}

static void test_crash_leftovers(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	size_t ends[6];

	/* zeros behind the last block */
	make_blocks(f, &b, 5, ends);
	memset(nc_buf_reserve(&b, 5000), 0, 5000);
	b.len += 5000;
	check_recovery(f, "z", &b, ends[5], 5 * PER_BLOCK);
	/* the last two blocks have their headers, but no data */
	b.len = ends[5];
	memset(b.data + ends[3] + NC_BLOCK_HEADER_LEN, 0, ends[4] - ends[3] - NC_BLOCK_HEADER_LEN);
	memset(b.data + ends[4] + NC_BLOCK_HEADER_LEN, 0, ends[5] - ends[4] - NC_BLOCK_HEADER_LEN);
	check_recovery(f, "z", &b, ends[3], 3 * PER_BLOCK);
	/* one is wholly gone, and so is the last */
	memset(b.data + ends[3], 0, ends[5] - ends[3]);
	check_recovery(f, "z", &b, ends[3], 3 * PER_BLOCK);
	/* only zeros */
	uint64_t torn = 0;
	memset(b.data, 0, b.len);
	put_file(f, "z", b.data, b.len);
	assert_int_equal(nc_file_writer_close(open_writer(f, "z", false, &torn)), 0);
	assert_int_equal(torn, b.len);
	nc_buf_free(&b);
}

/* More than the tail that is verified by CRC: hops lead to its end all the same. */
static void test_large(void **state)
{
	struct fixture *f = *state;
	struct nc_deflater *own = f->deflater;
	struct nc_buf b = { 0 }, data = { 0 };
	size_t ends[3];
	uint64_t torn = 0;

	f->deflater = nc_deflater_new(0);
	nc_buf_varint(&data, 500000);
	memset(nc_buf_reserve(&data, 500000), 'x', 500000);
	data.len += 500000;
	make_blocks(f, &b, 2, ends);
	for (unsigned i = 0; i < 12; i++)
		add_block_of(f, &b, info_of(i, 1), data.data, data.len);
	size_t last = b.len;
	b.data[last - 8 - 11 * (last - ends[2]) / 12] ^= 1; /* the first large block's CRC */
	add_block(f, &b, 0);
	put_file(f, "large", b.data, b.len - 1);
	assert_int_equal(nc_file_writer_close(open_writer(f, "large", false, &torn)), 0);
	assert_int_equal(torn, b.len - 1 - last);
	/* offsets far behind the read-ahead: the second last large block */
	b.data[last - 8 - 11 * (last - ends[2]) / 12] ^= 1;
	size_t at = last - 2 * (last - ends[2]) / 12;
	b.data[at + (last - ends[2]) / 12 - 8] ^= 1;
	struct nc_file_reader *r;
	const uint8_t *p;
	size_t n;
	assert_int_equal(nc_file_reader_open(memory_file(b.data, b.len), &r), 0);
	while (nc_file_reader_next(r, &p, &n) == 1)
		;
	assert_int_equal(nc_file_reader_damage(r, NULL), at);
	nc_file_reader_close(r);
	nc_deflater_free(f->deflater);
	f->deflater = own;
	nc_buf_free(&b);
	nc_buf_free(&data);
}

/* Damage with whole blocks behind it is not torn: nothing is cut, and the reader gets at all the rest. */
static void test_damage_in_the_middle_stays(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, back = { 0 };
	size_t ends[5];

	make_blocks(f, &b, 4, ends);
	static const size_t at[] = { 0, 20, 23, 30 + NC_BLOCK_HEADER_LEN };
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint64_t torn = 1;
		b.data[ends[1] + at[i]] ^= 0x55;
		put_file(f, "m", b.data, b.len);
		assert_int_equal(nc_file_writer_close(open_writer(f, "m", false, &torn)), 0);
		assert_int_equal(torn, 0);
		get_file(f, "m", &back);
		assert_int_equal(back.len, b.len);
		struct nc_file_reader *r;
		unsigned n = 0;
		assert_int_equal(nc_file_reader_open(memory_file(b.data, b.len), &r), 0);
		assert_int_equal(read_on(r, &n), -EBADMSG);
		assert_int_equal(n, PER_BLOCK);
		assert_int_equal(nc_file_reader_damage(r, NULL), ends[1]);
		assert_int_equal(nc_file_reader_resync(r), 1);
		n += PER_BLOCK;
		assert_int_equal(read_on(r, &n), 0);
		assert_int_equal(n, 4 * PER_BLOCK);
		nc_file_reader_close(r);
		b.data[ends[1] + at[i]] ^= 0x55;
	}
	nc_buf_free(&b);
	nc_buf_free(&back);
}

/* --- full disks ------------------------------------------------------------------------------------------------- */

static void limit_files(uint64_t size)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size ? (rlim_t)size : l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void test_full(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, back = { 0 };
	struct nc_file_writer *w = open_writer(f, "full", false, NULL);
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	add_block(f, &b, 0);
	uint64_t size = nc_file_writer_size(w);
	for (uint64_t room = 0; room < b.len; room++) {
		limit_files(size + room);
		assert_int_equal(nc_file_writer_append(w, b.data, b.len), -EFBIG);
		limit_files(0);
		assert_int_equal(nc_file_writer_size(w), size);
		assert_int_equal(fstatat(f->dir, "full", &st, 0), 0);
		assert_int_equal(st.st_size, size);
	}
	assert_int_equal(nc_file_writer_append(w, b.data, b.len), 0);
	assert_int_equal(nc_file_writer_close(w), 0);
	struct outcome o = read_name(f, "full");
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, PER_BLOCK);
	/* no room for the header: no file is left */
	limit_files(10);
	assert_int_equal(try_writer(f, "new", false), -EFBIG);
	limit_files(0);
	assert_int_equal(entries(f, "new", false), 0);
	/* no room for the torn tail: nothing is cut, no half copy is left */
	get_file(f, "full", &b);
	b.len--;
	put_file(f, "full", b.data, b.len);
	limit_files(5);
	assert_int_equal(try_writer(f, "full", false), -EFBIG);
	limit_files(0);
	get_file(f, "full", &back);
	assert_int_equal(back.len, b.len);
	assert_int_equal(entries(f, "", false), 1);
	nc_buf_free(&b);
	nc_buf_free(&back);
}

/* --- plain files ------------------------------------------------------------------------------------------------ */

static void test_plain(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, want = { 0 }, back = { 0 };

	pack_header(&want);
	for (unsigned round = 0; round < 3; round++) {
		struct nc_file_writer *w = open_writer(f, "p.ncap", true, NULL);
		nc_buf_reset(&b);
		add_records(&b, round * 100, 100);
		nc_buf_add(&want, b.data, b.len);
		assert_int_equal(nc_file_writer_append(w, b.data, b.len), 0);
		assert_int_equal(nc_file_writer_sync(w), 0);
		assert_int_equal(nc_file_writer_close(w), 0);
	}
	get_file(f, "p.ncap", &back);
	assert_int_equal(back.len, want.len);
	assert_memory_equal(back.data, want.data, want.len);
	struct outcome o = read_name(f, "p.ncap");
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 300);
	nc_buf_free(&b);
	nc_buf_free(&want);
	nc_buf_free(&back);
}

static void test_plain_torn(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };

	pack_header(&b);
	add_records(&b, 0, 20);
	size_t end = b.len;
	add_record(&b, 20);
	for (size_t cut = end + 1; cut < b.len; cut++) {
		uint64_t torn = 0;
		struct outcome o = read_bytes(b.data, cut);
		assert_int_equal(o.rc, -EBADMSG);
		assert_int_equal(o.records, 20);
		assert_int_equal(o.damage, end);
		assert_string_equal(o.reason, "truncated");
		put_file(f, "p", b.data, cut);
		assert_int_equal(nc_file_writer_close(open_writer(f, "p", true, &torn)), 0);
		assert_int_equal(torn, cut - end);
		assert_int_equal(read_name(f, "p").rc, 0);
	}
	/* zeros at the end, and a length that can't be */
	static const uint8_t tails[][5] = { { 0, 0, 0, 0, 0 }, { 0x81, 0x80, 0x40, 1, 2 }, { 0xff, 0xff, 0xff, 0xff, 0xff } };
	for (size_t i = 0; i < 3; i++) {
		uint64_t torn = 0;
		b.len = end;
		nc_buf_add(&b, tails[i], 5);
		put_file(f, "p", b.data, b.len);
		assert_int_equal(nc_file_writer_close(open_writer(f, "p", true, &torn)), 0);
		assert_int_equal(torn, 5);
	}
	nc_buf_free(&b);
}

/* A window's border must not matter: lengths that straddle it. */
static void test_plain_large(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	uint64_t torn = 1;

	pack_header(&b);
	for (unsigned i = 0; i < 20000; i++)
		add_record(&b, i);
	put_file(f, "p", b.data, b.len);
	assert_int_equal(nc_file_writer_close(open_writer(f, "p", true, &torn)), 0);
	assert_int_equal(torn, 0);
	assert_int_equal(read_name(f, "p").records, 20000);
	put_file(f, "p", b.data, b.len - 1);
	assert_int_equal(nc_file_writer_close(open_writer(f, "p", true, &torn)), 0);
	nc_buf_reset(&b);
	add_record(&b, 19999);
	assert_int_equal(torn, b.len - 1);
	/* the same place in the reader's words */
	nc_buf_reset(&b);
	pack_header(&b);
	for (unsigned i = 0; i < 20000; i++)
		add_record(&b, i);
	size_t end = b.len;
	nc_buf_str(&b, "\x05" "cut");
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, -EBADMSG);
	assert_int_equal(o.damage, end);
	nc_buf_free(&b);
}

/* --- foreign files ---------------------------------------------------------------------------------------------- */

static void test_foreign_cut_at_every_byte(void **state)
{
	struct nc_buf plain = { 0 }, b = { 0 };
	(void)state;

	pack_header(&plain);
	add_records(&plain, 0, 300);
	add_gzip(&b, plain.data, plain.len);
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 300);
	unsigned before = 0;
	for (size_t cut = 1; cut < b.len; cut++) {
		o = read_bytes(b.data, cut);
		assert_int_equal(o.rc, -EBADMSG);
		assert_true(o.records >= before);
		before = o.records;
		if (o.records > 0) {
			assert_int_equal(o.damage, cut);
			assert_string_equal(o.reason, "truncated");
		}
	}
	assert_int_equal(before, 300);
	/* a wrong CRC: all records, then the damage */
	b.data[b.len - 8] ^= 1;
	o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, -EBADMSG);
	assert_int_equal(o.records, 300);
	assert_string_equal(o.reason, "checksum");
	b.data[b.len - 8] ^= 1;
	/* something behind it */
	nc_buf_str(&b, "garbage");
	o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, -EBADMSG);
	assert_int_equal(o.records, 300);
	assert_int_equal(o.damage, b.len - 7);
	nc_buf_free(&plain);
	nc_buf_free(&b);
}

static void test_members(void **state)
{
	struct nc_buf plain = { 0 }, b = { 0 };
	(void)state;

	pack_header(&plain);
	add_records(&plain, 0, 40);
	/* members of every size: records lie over the borders */
	for (size_t step = 1; step < plain.len; step += 1 + step / 3) {
		nc_buf_reset(&b);
		for (size_t at = 0; at < plain.len; at += step)
			add_gzip(&b, plain.data + at, plain.len - at < step ? plain.len - at : step);
		struct outcome o = read_bytes(b.data, b.len);
		assert_int_equal(o.rc, 0);
		assert_int_equal(o.records, 40);
	}
	/* concatenated files: the Header comes again; an empty member in between */
	nc_buf_reset(&b);
	for (unsigned i = 0; i < 3; i++) {
		nc_buf_reset(&plain);
		pack_header(&plain);
		add_records(&plain, i * 10, 10);
		add_gzip(&b, plain.data, plain.len);
		add_gzip(&b, "", 0);
	}
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 30);
	/* and another type's */
	struct nc_file_header other = header;
	other.type++;
	nc_buf_reset(&plain);
	nc_file_header_pack(&other, &plain);
	add_records(&plain, 30, 1);
	add_gzip(&b, plain.data, plain.len);
	o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, -EBADMSG);
	assert_int_equal(o.records, 30);
	assert_string_equal(o.reason, "type");
	nc_buf_free(&plain);
	nc_buf_free(&b);
}

static void test_plain_concatenated(void **state)
{
	struct nc_buf b = { 0 };
	(void)state;

	for (unsigned i = 0; i < 3; i++) {
		pack_header(&b);
		add_records(&b, i * 10, 10);
	}
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 30);
	nc_buf_free(&b);
}

static void test_mixture(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, plain = { 0 };
	size_t ends[3];

	make_blocks(f, &b, 2, ends);
	pack_header(&plain);
	add_records(&plain, 10, 7);
	add_gzip(&b, plain.data, plain.len);
	add_block(f, &b, 17);
	nc_buf_reset(&plain);
	add_records(&plain, 22, 3);
	add_gzip(&b, plain.data, plain.len);
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 25);
	/* foreign first */
	nc_buf_reset(&plain);
	nc_buf_reset(&b);
	pack_header(&plain);
	add_records(&plain, 0, 7);
	add_gzip(&b, plain.data, plain.len);
	make_blocks(f, &b, 0, ends);
	add_block(f, &b, 7);
	o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, 0);
	assert_int_equal(o.records, 12);
	/* half a record before a block */
	nc_buf_reset(&b);
	add_gzip(&b, plain.data, plain.len - 1);
	size_t border = b.len;
	add_block(f, &b, 7);
	o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, -EBADMSG);
	assert_int_equal(o.records, 6);
	assert_int_equal(o.damage, border);
	assert_string_equal(o.reason, "framing");
	nc_buf_free(&b);
	nc_buf_free(&plain);
}

/* --- damage ----------------------------------------------------------------------------------------------------- */

static void test_long_records(void **state)
{
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	(void)state;

	for (int gzip = 0; gzip < 2; gzip++) {
		for (size_t extra = 0; extra < 2; extra++) {
			struct nc_buf plain = { 0 }, b = { 0 };
			pack_header(&plain);
			add_records(&plain, 0, 2);
			nc_buf_varint(&plain, NC_RECORD_MAX + extra);
			memset(nc_buf_reserve(&plain, NC_RECORD_MAX + extra), 'x', NC_RECORD_MAX + extra);
			plain.len += NC_RECORD_MAX + extra;
			add_gzip(&b, plain.data, plain.len);
			struct nc_file_reader *r;
			const uint8_t *p;
			size_t n = 0;
			int fd = gzip ? memory_file(b.data, b.len) : memory_file(plain.data, plain.len);
			assert_int_equal(nc_file_reader_open(fd, &r), 0);
			assert_int_equal(nc_file_reader_next(r, &p, &n), 1);
			assert_int_equal(nc_file_reader_next(r, &p, &n), 1);
			assert_int_equal(nc_file_reader_next(r, &p, &n), extra ? -EBADMSG : 1);
			if (!extra) {
				assert_int_equal(n, NC_RECORD_MAX);
				assert_int_equal(p[n - 1], 'x');
				assert_int_equal(nc_file_reader_next(r, &p, &n), 0);
			}
			nc_file_reader_close(r);
			nc_buf_free(&plain);
			nc_buf_free(&b);
		}
	}
	struct nc_buf b = { 0 };
	pack_header(&b);
	add_records(&b, 0, 2);
	size_t at = b.len;
	nc_buf_add(&b, endless, sizeof(endless));
	struct outcome o = read_bytes(b.data, b.len);
	assert_int_equal(o.rc, -EBADMSG);
	assert_int_equal(o.records, 2);
	assert_int_equal(o.damage, at);
	assert_string_equal(o.reason, "length");
	nc_buf_free(&b);
}

/* A block that opens but holds something else. */
static void bad_content(struct fixture *f, struct nc_block_info info, const void *data, size_t n, const char *reason)
{
	struct nc_buf b = { 0 };
	struct nc_file_reader *r;
	const char *why;
	size_t ends[2];
	unsigned i = 0;

	make_blocks(f, &b, 1, ends);
	add_block_of(f, &b, info, data, n);
	add_block(f, &b, PER_BLOCK);
	assert_int_equal(nc_file_reader_open(memory_file(b.data, b.len), &r), 0);
	assert_int_equal(read_on(r, &i), -EBADMSG);
	assert_int_equal(i, PER_BLOCK);
	assert_int_equal(nc_file_reader_damage(r, &why), ends[1]);
	assert_string_equal(why, reason);
	assert_int_equal(nc_file_reader_resync(r), 1);
	assert_int_equal(read_on(r, &i), 0);
	assert_int_equal(i, 2 * PER_BLOCK);
	nc_file_reader_close(r);
	nc_buf_free(&b);
}

static void test_bad_content(void **state)
{
	struct fixture *f = *state;
	struct nc_buf h = { 0 };
	struct nc_file_header other = header;
	struct nc_block_info info = info_of(0, 1);

	bad_content(f, info, "\x05" "abc", 4, "framing");
	bad_content(f, info, "\xff", 1, "framing");
	bad_content(f, info, "\xff\xff\xff\x7f" "abc", 7, "length");
	info.type++;
	bad_content(f, info, "\x03" "abc", 4, "type");
	info.type--;
	info.kind = NC_BLOCK_PACKETS;
	bad_content(f, info, "\x03" "abc", 4, "kind");
	info.kind = NC_BLOCK_HEADER;
	bad_content(f, info, "\x03" "abc", 4, "header");
	other.type++;
	nc_file_header_pack(&other, &h);
	bad_content(f, info, h.data, h.len, "type");
	nc_buf_free(&h);
}

/* A stored block one of whose records is a whole block itself, as a packet's payload may be. */
static void add_nest(struct fixture *f, struct nc_buf *b)
{
	struct nc_buf inner = { 0 }, record = { 0 };
	struct nc_deflater *store = nc_deflater_new(0), *own = f->deflater;
	size_t at = b->len;

	add_block(f, &inner, 777);
	nc_buf_varint(&record, inner.len + 50);
	nc_buf_add(&record, inner.data, inner.len);
	nc_buf_add(&record, "..................................................", 50);
	f->deflater = store;
	add_block_of(f, b, info_of(0, 1), record.data, record.len);
	f->deflater = own;
	assert_non_null(memmem(b->data + at, b->len - at, inner.data, inner.len));
	nc_deflater_free(store);
	nc_buf_free(&inner);
	nc_buf_free(&record);
}

/* Records that are read after damage at `damage`, with resynchronisation. */
static unsigned read_behind(const struct nc_buf *b, uint64_t damage)
{
	struct nc_file_reader *r;
	unsigned i = 0;

	assert_int_equal(nc_file_reader_open(memory_file(b->data, b->len), &r), 0);
	assert_int_equal(read_on(r, &i), -EBADMSG);
	assert_int_equal(nc_file_reader_damage(r, NULL), damage);
	unsigned before = i;
	if (nc_file_reader_resync(r) == 1)
		assert_int_equal(read_on(r, &i), 0);
	nc_file_reader_close(r);
	return i - before;
}

/* What a block holds must not pass for a block when the outer one is damaged: its size leads behind it. */
static void test_no_block_inside_of_a_block(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	size_t ends[2];

	make_blocks(f, &b, 1, ends);
	add_nest(f, &b);
	size_t end = b.len;
	b.data[end - 8] ^= 1;
	assert_int_equal(read_behind(&b, ends[1]), 0);
	check_recovery(f, "nest", &b, ends[1], PER_BLOCK);
	add_block(f, &b, PER_BLOCK);
	assert_int_equal(read_behind(&b, ends[1]), PER_BLOCK);
	/* torn */
	b.len = end - 9;
	assert_int_equal(read_behind(&b, ends[1]), 0);
	check_recovery(f, "nest", &b, ends[1], PER_BLOCK);
	/* its last page and the blocks behind it were not written, then one was */
	b.len = end;
	memset(b.data + end - 20, 0, 20);
	memset(nc_buf_reserve(&b, 100), 0, 100);
	b.len += 100;
	assert_int_equal(read_behind(&b, ends[1]), 0);
	add_block(f, &b, PER_BLOCK);
	assert_int_equal(read_behind(&b, ends[1]), PER_BLOCK);
	nc_buf_free(&b);
}

static void test_damaged_header_block(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	struct nc_file_reader *r;
	size_t ends[3];
	unsigned i = 0;

	make_blocks(f, &b, 2, ends);
	b.data[ends[0] - 8] ^= 1;
	assert_int_equal(nc_file_reader_open(memory_file(b.data, b.len), &r), 0);
	assert_int_equal(nc_file_reader_header(r)->type, TYPE);
	assert_int_equal(read_on(r, &i), -EBADMSG);
	assert_int_equal(i, 0);
	assert_int_equal(nc_file_reader_damage(r, NULL), 0);
	assert_int_equal(nc_file_reader_resync(r), 1);
	assert_int_equal(read_on(r, &i), 0);
	assert_int_equal(i, 2 * PER_BLOCK);
	nc_file_reader_close(r);
	/* no header block at all: the type is known from the first block */
	assert_int_equal(read_bytes(b.data + ends[0], b.len - ends[0]).records, 2 * PER_BLOCK);
	nc_buf_free(&b);
}

static void test_resync_finds_none(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 };
	struct nc_file_reader *r;
	uint8_t lone[NC_BLOCK_HEADER_LEN];
	size_t ends[3];
	unsigned i = 0;

	make_blocks(f, &b, 2, ends);
	memcpy(lone, b.data + ends[1], sizeof(lone));
	b.data[ends[2] - 8] ^= 1;
	for (int tail = 0; tail < 2; tail++) {
		assert_int_equal(nc_file_reader_open(memory_file(b.data, b.len), &r), 0);
		i = 0;
		assert_int_equal(read_on(r, &i), -EBADMSG);
		assert_int_equal(nc_file_reader_resync(r), 0);
		assert_int_equal(read_on(r, &i), -EBADMSG);
		nc_file_reader_close(r);
		/* then with headers without blocks behind it, more than are tried */
		for (unsigned k = 0; k < 3000; k++)
			nc_buf_add(&b, lone, sizeof(lone));
	}
	nc_buf_free(&b);
}

/* --- opening, pipes, summary ------------------------------------------------------------------------------------ */

static void test_not_record_files(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {
		"", "x", "\x1f\x8b", "hello, world\n", "\xd4\xc3\xb2\xa1\x02\x01\x04", "\x1f\x8b\x08\x04",
	};
	struct nc_file_reader *r = NULL;
	struct nc_buf b = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_bytes(bad[i], strlen(bad[i])).rc, -EBADMSG);
	add_gzip(&b, "hello, world, this is not a header", 34);
	assert_int_equal(read_bytes(b.data, b.len).rc, -EBADMSG);
	assert_int_equal(nc_file_reader_open(openat(f->dir, ".", O_RDONLY), &r), -EISDIR);
	assert_null(r);
	nc_buf_free(&b);
}

static int pipe_with(const void *p, size_t n)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], p, n), n);
	close(fds[1]);
	return fds[0];
}

static void test_pipe(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, plain = { 0 }, gzip = { 0 };
	size_t ends[5];

	make_blocks(f, &b, 4, ends);
	pack_header(&plain);
	add_records(&plain, 0, 20);
	add_gzip(&gzip, plain.data, plain.len);
	const struct nc_buf *kinds[] = { &b, &plain, &gzip };
	for (size_t k = 0; k < 3; k++) {
		struct outcome o = read_fd(pipe_with(kinds[k]->data, kinds[k]->len), 0);
		assert_int_equal(o.rc, 0);
		assert_int_equal(o.records, 20);
		for (size_t head = 0; head <= kinds[k]->len; head += 13) {
			struct nc_file_reader *r;
			unsigned i = 0;
			int fd = pipe_with(kinds[k]->data + head, kinds[k]->len - head);
			assert_int_equal(nc_file_reader_open_head(fd, kinds[k]->data, head, &r), 0);
			assert_int_equal(read_on(r, &i), 0);
			assert_int_equal(i, 20);
			nc_file_reader_close(r);
		}
	}
	/* no way back in a pipe: damage is final */
	struct nc_file_reader *r;
	unsigned i = 0;
	b.data[ends[2] - 8] ^= 1;
	assert_int_equal(nc_file_reader_open(pipe_with(b.data, b.len), &r), 0);
	assert_int_equal(read_on(r, &i), -EBADMSG);
	assert_int_equal(nc_file_reader_damage(r, NULL), ends[1]);
	assert_int_equal(nc_file_reader_resync(r), 0);
	nc_file_reader_close(r);
	nc_buf_free(&b);
	nc_buf_free(&plain);
	nc_buf_free(&gzip);
}

static struct nc_file_summary summary_of(const void *p, size_t n)
{
	struct nc_file_reader *r;
	struct nc_file_summary s;

	assert_int_equal(nc_file_reader_open(memory_file(p, n), &r), 0);
	assert_int_equal(nc_file_summarise(r, &s), 0);
	nc_file_reader_close(r);
	assert_int_equal(s.bytes, n);
	return s;
}

static void test_summary(void **state)
{
	struct fixture *f = *state;
	struct nc_buf b = { 0 }, plain = { 0 };
	size_t ends[5];

	make_blocks(f, &b, 4, ends);
	struct nc_file_summary s = summary_of(b.data, b.len);
	assert_int_equal(s.records, 4 * PER_BLOCK);
	assert_int_equal(s.blocks, 4);
	assert_true(s.first_ns == INT64_C(1000000000) && s.last_ns == INT64_C(20000000000));
	assert_false(s.damaged);
	s = summary_of(b.data, b.len - 3);
	assert_int_equal(s.records, 3 * PER_BLOCK);
	assert_true(s.damaged);
	b.data[ends[1]] ^= 1;
	s = summary_of(b.data, b.len);
	assert_int_equal(s.records, 3 * PER_BLOCK);
	assert_true(s.damaged);
	b.data[ends[1]] ^= 1;
	/* only the header */
	s = summary_of(b.data, ends[0]);
	assert_int_equal(s.records, 0);
	assert_int_equal(s.blocks, 0);
	assert_false(s.damaged);
	/* not only blocks: all is read */
	pack_header(&plain);
	add_records(&plain, 20, 9);
	add_gzip(&b, plain.data, plain.len);
	s = summary_of(b.data, b.len);
	assert_int_equal(s.records, 29);
	assert_true(s.first_ns == 0 && s.last_ns == 0);
	s = summary_of(plain.data, plain.len);
	assert_int_equal(s.records, 9);
	s = summary_of(plain.data, plain.len - 1);
	assert_int_equal(s.records, 8);
	assert_true(s.damaged);
	nc_buf_free(&b);
	nc_buf_free(&plain);
}

/* --- probing and headers ---------------------------------------------------------------------------------------- */

static enum nc_file_content probe(const void *p, size_t n)
{
	int fd = memory_file(p, n);
	enum nc_file_content c = nc_file_probe(fd, NULL, 0);

	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	assert_int_equal(nc_file_probe(-1, p, n), c);
	return c;
}

static void test_probe(void **state)
{
	struct fixture *f = *state;
	static const uint8_t captures[][12] = {
		{ 0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4 }, { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0 },
		{ 0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4 }, { 0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0 },
		{ 0xa1, 0xb2, 0xcd, 0x34, 0, 2, 0, 4 }, { 0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0 },
		{ 0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a },
		{ 0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d },
	};
	static const uint8_t not_pcapng[12] = { 0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4 };
	struct nc_buf b = { 0 }, plain = { 0 };
	size_t ends[2];

	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
		assert_int_equal(probe(captures[i], 12), NC_CONTENT_CAPTURE);
		nc_buf_reset(&b);
		add_gzip(&b, "", 0);
		add_gzip(&b, captures[i], 12);
		assert_int_equal(probe(b.data, b.len), NC_CONTENT_CAPTURE);
	}
	assert_int_equal(probe(not_pcapng, 12), NC_CONTENT_OTHER);
	nc_buf_reset(&b);
	make_blocks(f, &b, 1, ends);
	assert_int_equal(probe(b.data, b.len), NC_CONTENT_RECORDS);
	assert_int_equal(probe(b.data, 16), NC_CONTENT_RECORDS);
	assert_int_equal(probe(b.data, 15), NC_CONTENT_OTHER);
	pack_header(&plain);
	size_t header_len = plain.len;
	add_records(&plain, 0, 5000);
	assert_int_equal(probe(plain.data, plain.len), NC_CONTENT_RECORDS);
	assert_int_equal(probe(plain.data, header_len), NC_CONTENT_RECORDS);
	assert_int_equal(probe(plain.data, header_len - 1), NC_CONTENT_OTHER);
	nc_buf_reset(&b);
	add_gzip(&b, plain.data, plain.len);
	assert_int_equal(probe(b.data, b.len), NC_CONTENT_RECORDS);
	assert_int_equal(probe(b.data, 1000), NC_CONTENT_RECORDS);
	assert_int_equal(probe(b.data, 12), NC_CONTENT_OTHER);
	nc_buf_reset(&b);
	add_gzip(&b, "just text\n", 10);
	assert_int_equal(probe(b.data, b.len), NC_CONTENT_OTHER);
	assert_int_equal(probe("just text\n", 10), NC_CONTENT_OTHER);
	assert_int_equal(probe("", 0), NC_CONTENT_OTHER);
	assert_int_equal(probe("\x1f\x8b", 2), NC_CONTENT_OTHER);
	int fd = openat(f->dir, ".", O_RDONLY);
	assert_int_equal(nc_file_probe(fd, NULL, 0), NC_CONTENT_OTHER);
	close(fd);
	nc_buf_free(&b);
	nc_buf_free(&plain);
}

static int parse(const char *p, size_t n)
{
	struct nc_file_header h;

	return nc_file_header_parse((const uint8_t *)p, n, &h);
}
#define PARSE(s) parse(s, sizeof(s) - 1)

static void test_header_parse(void **state)
{
	(void)state;
	assert_int_equal(PARSE("\x0a\x03" "1.5"), 0);
	assert_int_equal(PARSE("\x0a\x01" "1" "\x12\x01" "a" "\x18\x2c" "\x22\x01" "v" "\x28\x01"), 0);
	assert_int_equal(PARSE(""), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x00"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x02" "1."), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x02" ".1"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x03" "x.1"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x05" "1.2.3"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x04" "1.5"), -EBADMSG); /* longer than there is */
	assert_int_equal(PARSE("\x0a\x01" "1" "\x0a\x01" "1"), -EBADMSG); /* twice */
	assert_int_equal(PARSE("\x18\x01\x0a\x01" "1"), -EBADMSG); /* out of order */
	assert_int_equal(PARSE("\x0a\x01" "1" "\x1a\x01" "a"), -EBADMSG); /* wire type */
	assert_int_equal(PARSE("\x0a\x01" "1" "\x10\x01"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x01" "1" "\x30\x01"), -EBADMSG); /* field 6 */
	assert_int_equal(PARSE("\x0a\x01" "1" "\x18\xff\xff\x03"), 0);
	assert_int_equal(PARSE("\x0a\x01" "1" "\x18\x80\x80\x04"), -EBADMSG); /* type 65536 */
	assert_int_equal(PARSE("\x0a\x01" "1" "\x28\x02"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\x01" "1" "\x18"), -EBADMSG);
	assert_int_equal(PARSE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "1"), -EBADMSG);
}

static void test_header_texts(void **state)
{
	struct nc_file_header h = header, back;
	struct nc_buf b = { 0 };
	(void)state;

	/* what is not UTF-8 is escaped, so that the message stays a protobuf message */
	snprintf(h.source, sizeof(h.source), "a\xff\n\xc3\xa4");
	nc_file_header_pack(&h, &b);
	assert_int_equal(nc_file_header_parse(b.data + 1, b.len - 1, &back), 0);
	assert_string_equal(back.source, "a\\xff\\x0a\xc3\xa4");
	/* too long: cut */
	nc_buf_reset(&b);
	memset(h.source, 'x', sizeof(h.source));
	nc_file_header_pack(&h, &b);
	assert_int_equal(nc_file_header_parse(b.data + 2, b.len - 2, &back), 0);
	assert_int_equal(strlen(back.source), sizeof(back.source) - 1);
	/* a foreign one that is longer is cut before a character, not inside of it */
	nc_buf_reset(&b);
	nc_buf_str(&b, "\x0a\x01" "1" "\x12");
	nc_buf_varint(&b, 300);
	nc_buf_u8(&b, 'x');
	for (unsigned i = 0; i < 149; i++)
		nc_buf_str(&b, "\xc3\xa4");
	nc_buf_u8(&b, 'x');
	assert_int_equal(nc_file_header_parse(b.data, b.len, &back), 0);
	assert_int_equal(strlen(back.source), 255);
	b.data[6] = 0xc3;
	b.data[7] = 0xa4;
	for (unsigned i = 0; i < 149; i++) {
		b.data[6 + 2 * i] = 0xc3;
		b.data[7 + 2 * i] = 0xa4;
	}
	assert_int_equal(nc_file_header_parse(b.data, b.len, &back), 0);
	assert_int_equal(strlen(back.source), 254);
	nc_buf_free(&b);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_write_and_read),
		FILE_TEST(test_header_is_first),
		FILE_TEST(test_truncate),
		FILE_TEST(test_whole_only),
		FILE_TEST(test_refuses_what_is_not_ours),
		FILE_TEST(test_only_regular_files),
		FILE_TEST(test_one_writer),
		FILE_TEST(test_torn_at_every_byte),
		FILE_TEST(test_torn_header),
		FILE_TEST(test_torn_files_are_kept),
		FILE_TEST(test_crash_leftovers),
		FILE_TEST(test_large),
		FILE_TEST(test_damage_in_the_middle_stays),
		FILE_TEST(test_full),
		FILE_TEST(test_plain),
		FILE_TEST(test_plain_torn),
		FILE_TEST(test_plain_large),
		FILE_TEST(test_foreign_cut_at_every_byte),
		FILE_TEST(test_members),
		FILE_TEST(test_plain_concatenated),
		FILE_TEST(test_mixture),
		FILE_TEST(test_long_records),
		FILE_TEST(test_bad_content),
		FILE_TEST(test_no_block_inside_of_a_block),
		FILE_TEST(test_damaged_header_block),
		FILE_TEST(test_resync_finds_none),
		FILE_TEST(test_not_record_files),
		FILE_TEST(test_pipe),
		FILE_TEST(test_summary),
		FILE_TEST(test_probe),
		FILE_TEST(test_header_parse),
		FILE_TEST(test_header_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
