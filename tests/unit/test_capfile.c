/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Capture files: every format in both byte orders, times, damage of all kinds, and each cut at every byte. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/time.h"
#include "capture/capfile.h"

#define PACKETS 5u
#define SHB     0x0a0d0d0au
#define BOM     0x1a2b3c4du

struct fixture {
	void *mem;
	struct nc_buf file;
	bool big;
	struct nc_capfile *c;
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->mem = mmap(NULL, nc_capfile_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	f->fd = -1;
	*state = f;
	return f->mem == MAP_FAILED;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->fd >= 0)
		close(f->fd);
	munmap(f->mem, nc_capfile_size());
	nc_buf_free(&f->file);
	free(f);
	return 0;
}

static void put16(struct fixture *f, uint32_t v)
{
	nc_buf_le16(&f->file, (uint16_t)(f->big ? __builtin_bswap16((uint16_t)v) : v));
}

static void put32(struct fixture *f, uint32_t v)
{
	nc_buf_le32(&f->file, f->big ? __builtin_bswap32(v) : v);
}

static void fill(struct fixture *f, size_t n, unsigned seed)
{
	uint8_t *p = nc_buf_reserve(&f->file, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(seed + i);
	f->file.len += n;
}

static void pcap_header(struct fixture *f, uint32_t magic, uint32_t minor, uint32_t linktype)
{
	put32(f, magic);
	put16(f, 2);
	put16(f, minor);
	put32(f, 0);
	put32(f, 0);
	put32(f, 65535);
	put32(f, linktype);
}

static void pcap_packet(struct fixture *f, uint32_t sec, uint32_t frac, uint32_t caplen, uint32_t len, unsigned seed)
{
	put32(f, sec);
	put32(f, frac);
	put32(f, caplen);
	put32(f, len);
	fill(f, caplen, seed);
}

/* Begins a block; returns where, for block_end. */
static size_t block(struct fixture *f, uint32_t type)
{
	size_t at = f->file.len;

	put32(f, type);
	put32(f, 0);
	return at;
}

static void block_end(struct fixture *f, size_t at)
{
	while ((f->file.len - at) % 4)
		nc_buf_u8(&f->file, 0);
	uint32_t len = (uint32_t)(f->file.len - at) + 4;
	put32(f, len);
	memcpy(f->file.data + at + 4, f->file.data + f->file.len - 4, 4);
}

static void section(struct fixture *f)
{
	size_t at = block(f, SHB);

	put32(f, BOM);
	put16(f, 1);
	put16(f, 0);
	put32(f, UINT32_MAX);
	put32(f, UINT32_MAX);
	block_end(f, at);
}

static void interface_begin(struct fixture *f, size_t *at, uint32_t linktype, uint32_t snaplen)
{
	*at = block(f, 1);
	put16(f, linktype);
	put16(f, 0);
	put32(f, snaplen);
}

static void interface(struct fixture *f, uint32_t linktype, uint32_t snaplen)
{
	size_t at;

	interface_begin(f, &at, linktype, snaplen);
	block_end(f, at);
}

/* With if_tsresol and if_tsoffset, and an option before and one that is not known. */
static void interface_with(struct fixture *f, uint8_t resol, int64_t offset)
{
	uint64_t o = (uint64_t)offset;
	size_t at;

	interface_begin(f, &at, 1, 0);
	put16(f, 2);
	put16(f, 3);
	nc_buf_add(&f->file, "eth\0", 4);
	put16(f, 9);
	put16(f, 1);
	nc_buf_add(&f->file, (uint8_t[]){ resol, 0, 0, 0 }, 4);
	put16(f, 14);
	put16(f, 8);
	put32(f, (uint32_t)(f->big ? o >> 32 : o));
	put32(f, (uint32_t)(f->big ? o : o >> 32));
	put16(f, 0);
	put16(f, 0);
	block_end(f, at);
}

static void enhanced(struct fixture *f, uint32_t i, uint64_t ts, uint32_t caplen, uint32_t len, unsigned seed)
{
	size_t at = block(f, 6);

	put32(f, i);
	put32(f, (uint32_t)(ts >> 32));
	put32(f, (uint32_t)ts);
	put32(f, caplen);
	put32(f, len);
	fill(f, caplen, seed);
	block_end(f, at);
}

static void obsolete(struct fixture *f, uint32_t i, uint64_t ts, uint32_t n, unsigned seed)
{
	size_t at = block(f, 2);

	put16(f, i);
	put16(f, 7);
	put32(f, (uint32_t)(ts >> 32));
	put32(f, (uint32_t)ts);
	put32(f, n);
	put32(f, n);
	fill(f, n, seed);
	block_end(f, at);
}

static void simple(struct fixture *f, uint32_t len, uint32_t caplen, unsigned seed)
{
	size_t at = block(f, 3);

	put32(f, len);
	fill(f, caplen, seed);
	block_end(f, at);
}

static void other(struct fixture *f, uint32_t type, size_t n)
{
	size_t at = block(f, type);

	fill(f, n, 0);
	block_end(f, at);
}

static void open_bytes(struct fixture *f, const void *p, size_t n)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(write(f->fd, p, n), n);
	assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
	f->c = nc_capfile_init(f->mem, f->fd);
}

static void open_file(struct fixture *f)
{
	assert_false(f->file.failed);
	open_bytes(f, f->file.data, f->file.len);
}

static void expect(struct fixture *f, int64_t ts, uint32_t caplen, uint32_t len, uint32_t datalink, unsigned seed)
{
	struct nc_capture_packet p;

	assert_int_equal(nc_capfile_next(f->c, &p), 1);
	assert_int_equal(p.ts_ns, ts);
	assert_int_equal(p.caplen, caplen);
	assert_int_equal(p.len, len);
	assert_int_equal(p.datalink, datalink);
	for (uint32_t i = 0; i < caplen; i++)
		assert_int_equal(p.data[i], (uint8_t)(seed + i));
}

/* The end, twice; problem: a part of the text, or NULL. */
static void expect_end(struct fixture *f, int r, const char *problem)
{
	struct nc_capture_packet p;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(nc_capfile_next(f->c, &p), r);
		const char *s = nc_capfile_problem(f->c);
		if (problem) {
			assert_non_null(s);
			assert_non_null(strstr(s, problem));
		} else {
			assert_null(s);
		}
	}
}

static void gzip(struct fixture *f, size_t from, size_t to, struct nc_buf *out)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t room = deflateBound(&z, to - from);
	z.next_in = f->file.data + from;
	z.avail_in = (uInt)(to - from);
	z.next_out = nc_buf_reserve(out, room);
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += room - z.avail_out;
	deflateEnd(&z);
}

static void all_magics(void **state)
{
	static const struct {
		uint32_t magic, unit;
		bool kuznetzov;
	} kinds[] = { { 0xa1b2c3d4, 1000, false }, { 0xa1b23c4d, 1, false }, { 0xa1b2cd34, 1000, true } };
	struct fixture *f = *state;

	for (unsigned k = 0; k < 6; k++) {
		uint32_t unit = kinds[k / 2].unit;
		f->big = k % 2;
		nc_buf_reset(&f->file);
		pcap_header(f, kinds[k / 2].magic, 4, 1);
		for (unsigned i = 0; i < PACKETS; i++) {
			put32(f, 0xfffffff0 + i);
			put32(f, 999999);
			put32(f, 10 + i);
			put32(f, 100 + i);
			if (kinds[k / 2].kuznetzov)
				nc_buf_le64(&f->file, 0x1122334455667788);
			fill(f, 10 + i, i);
		}
		open_file(f);
		for (unsigned i = 0; i < PACKETS; i++)
			expect(f, (0xfffffff0 + i) * NC_NS_PER_S + 999999 * (int64_t)unit, 10 + i, 100 + i, 1, i);
		expect_end(f, 0, NULL);
		assert_int_equal(nc_capfile_offset(f->c), f->file.len);
	}
}

static void lengths_and_link_types(void **state)
{
	struct fixture *f = *state;

	/* the original length is smaller; frame check sequence bits above the link type; DLT_RAW */
	pcap_header(f, 0xa1b2c3d4, 4, 0xf4000000 | 12);
	pcap_packet(f, 1, 0xffffffff, 60, 0, 1);
	pcap_packet(f, 2, 0, 0, 0, 1);
	pcap_packet(f, 3, 0, NC_CAPTURE_SNAPLEN_MAX, NC_CAPTURE_SNAPLEN_MAX, 2);
	pcap_packet(f, 4, 0, NC_CAPTURE_SNAPLEN_MAX + 1, NC_CAPTURE_SNAPLEN_MAX + 1, 3);
	open_file(f);
	expect(f, NC_NS_PER_S + INT64_C(0xffffffff) * 1000, 60, 60, 101, 1);
	expect(f, 2 * NC_NS_PER_S, 0, 0, 101, 1);
	expect(f, 3 * NC_NS_PER_S, NC_CAPTURE_SNAPLEN_MAX, NC_CAPTURE_SNAPLEN_MAX, 101, 2);
	expect_end(f, -EBADMSG, "a packet of 262145 bytes");
}

static void old_versions_swap_lengths(void **state)
{
	struct fixture *f = *state;

	/* before 2.3: the original length, then the captured one */
	pcap_header(f, 0xa1b2c3d4, 2, 14);
	put32(f, 1);
	put32(f, 0);
	put32(f, 90);
	put32(f, 7);
	fill(f, 7, 5);
	open_file(f);
	expect(f, NC_NS_PER_S, 7, 90, 101, 5);
	expect_end(f, 0, NULL);
	nc_buf_reset(&f->file);
	pcap_header(f, 0xa1b2c3d4, 3, 1);
	pcap_packet(f, 1, 0, 7, 90, 5);
	put32(f, 2);
	put32(f, 0);
	put32(f, 90);
	put32(f, 7);
	fill(f, 7, 6);
	open_file(f);
	expect(f, NC_NS_PER_S, 7, 90, 1, 5);
	expect(f, 2 * NC_NS_PER_S, 7, 90, 1, 6);
	expect_end(f, 0, NULL);
}

static void not_a_capture(void **state)
{
	static const char *const texts[] = { "", "a", "\xa1\xb2\xc3", "GIF89a and more that is no capture", "\n\r\r\nabcdefgh0123456789012345" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		open_bytes(f, texts[i], strlen(texts[i]));
		expect_end(f, -ENOMSG, NULL);
	}
	nc_buf_str(&f->file, "some text, well packed");
	struct nc_buf packed = { 0 };
	gzip(f, 0, f->file.len, &packed);
	open_bytes(f, packed.data, packed.len);
	expect_end(f, -ENOMSG, NULL);
	nc_buf_free(&packed);
	nc_buf_reset(&f->file);
	put32(f, 0xa1b2c3d4);
	put32(f, 0x00040003);
	fill(f, 16, 0);
	open_file(f);
	expect_end(f, -EBADMSG, "version 3.4");
	int fd = open("/", O_RDONLY | O_CLOEXEC);
	f->c = nc_capfile_init(f->mem, fd);
	expect_end(f, -EISDIR, NULL);
	close(fd);
}

/* One section with everything; returns how many packets it has. */
static unsigned whole_section(struct fixture *f)
{
	section(f);
	interface(f, 1, 40);
	other(f, 5, 30); /* interface statistics */
	interface_with(f, 9, 0);
	enhanced(f, 1, 5000000001, 33, 34, 1);
	other(f, 0x0bad, 7);
	enhanced(f, 0, 7, 8, 9, 2);
	simple(f, 100, 40, 3);
	simple(f, 11, 11, 4);
	obsolete(f, 1, 12, 13, 5);
	return 5;
}

static void expect_section(struct fixture *f)
{
	expect(f, 5000000001, 33, 34, 1, 1);
	expect(f, 7000, 8, 9, 1, 2);
	expect(f, 0, 40, 100, 1, 3);
	expect(f, 0, 11, 11, 1, 4);
	expect(f, 12, 13, 13, 1, 5);
}

static void sections_of_both_orders(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		f->big = i == 1 || i == 3;
		whole_section(f);
	}
	open_file(f);
	for (unsigned i = 0; i < 4; i++)
		expect_section(f);
	expect_end(f, 0, NULL);
	/* interfaces end with their section */
	section(f);
	enhanced(f, 0, 0, 1, 1, 0);
	open_file(f);
	for (unsigned i = 0; i < 4; i++)
		expect_section(f);
	expect_end(f, -EBADMSG, "interface 0, which is not described");
}

static void resolutions(void **state)
{
	static const struct {
		uint8_t resol;
		int64_t offset;
		uint64_t units;
		int64_t ns;
	} cases[] = {
		{ 0, 0, 3, 3 * NC_NS_PER_S },
		{ 3, 0, 1001, 1001000000 },
		{ 6, 0, 1700000000123456, 1700000000123456000 },
		{ 9, 0, INT64_MAX, INT64_MAX },
		{ 9, 0, UINT64_MAX, INT64_MAX },
		{ 6, 0, UINT64_MAX, INT64_MAX },
		{ 12, 0, 1234567, 1234 },
		{ 19, 0, UINT64_MAX, 1844674407 },
		{ 127, 0, UINT64_MAX, 0 },
		{ 128, 0, 3, 3 * NC_NS_PER_S },
		{ 128 | 10, 0, 1024 + 512, 1500000000 },
		{ 128 | 32, 0, (UINT64_C(7) << 32) + (UINT64_C(1) << 31), 7500000000 },
		{ 128 | 63, 0, UINT64_MAX, 1999999999 },
		{ 128 | 64, 0, UINT64_C(1) << 63, 500000000 },
		{ 255, 0, UINT64_MAX, 0 },
		{ 6, 10, 1, 10 * NC_NS_PER_S + 1000 },
		{ 6, -10, 1, -10 * NC_NS_PER_S + 1000 },
		{ 6, INT64_MAX, 1, INT64_MAX },
		{ 6, INT64_MIN, 1, INT64_MIN },
	};
	struct fixture *f = *state;
	size_t n = sizeof(cases) / sizeof(cases[0]);

	for (int big = 0; big < 2; big++) {
		f->big = big;
		nc_buf_reset(&f->file);
		section(f);
		for (size_t i = 0; i < n; i++)
			interface_with(f, cases[i].resol, cases[i].offset);
		for (size_t i = 0; i < n; i++)
			enhanced(f, (uint32_t)i, cases[i].units, 4, 4, 9);
		open_file(f);
		for (size_t i = 0; i < n; i++) {
			struct nc_capture_packet p;
			assert_int_equal(nc_capfile_next(f->c, &p), 1);
			assert_int_equal(p.interface, i);
			assert_int_equal(p.ts_ns, cases[i].ns);
		}
		expect_end(f, 0, NULL);
	}
}

static void damaged_blocks(void **state)
{
	struct fixture *f = *state;
	size_t at;

	/* how it is made, and the words about it */
	for (int i = 0; i < 10; i++) {
		const char *text = NULL;
		nc_buf_reset(&f->file);
		section(f);
		interface(f, 1, 0);
		enhanced(f, 0, 7, 8, 8, 1);
		size_t begin = f->file.len;
		enhanced(f, 0, 7, 8, 8, 1);
		uint8_t *p = f->file.data + begin;
		switch (i) {
		case 0: p[4]++; text = "a block of 41 bytes"; break;
		case 1: p[4] = 8; text = "a block of 8 bytes"; break;
		case 2: p[7] = 0x7f; text = "a block of "; break;
		case 3: f->file.data[f->file.len - 4] ^= 4; text = "lengths differ: 40 and 44"; break;
		case 4: p[20] = 200; text = "a packet of 200 bytes in a block of 40"; break;
		case 5: p[22] = 0xff; text = "a packet of 16711688 bytes"; break;
		case 6: p[8] = 1; text = "interface 1, which is not described"; break;
		case 7: p[6] = 9; text = "a block of 589864 bytes"; break;
		case 8:
			f->file.len = begin;
			at = block(f, 6);
			put32(f, 0);
			block_end(f, at);
			text = "a packet block of 16 bytes";
			break;
		default:
			f->file.len = begin;
			at = block(f, 1);
			put32(f, 1);
			block_end(f, at);
			text = "an interface description of 16 bytes";
		}
		open_file(f);
		expect(f, 7000, 8, 8, 1, 1);
		expect_end(f, -EBADMSG, text);
	}
}

static void options_beyond_their_block(void **state)
{
	struct fixture *f = *state;
	size_t at;

	section(f);
	interface_begin(f, &at, 1, 0);
	put16(f, 9);
	put16(f, 100);
	put32(f, 0);
	block_end(f, at);
	open_file(f);
	expect_end(f, -EBADMSG, "an option of 100 bytes");
	/* without end of options, the last one without padding's value: fine */
	nc_buf_reset(&f->file);
	section(f);
	interface_begin(f, &at, 1, 0);
	put16(f, 9);
	put16(f, 1);
	nc_buf_add(&f->file, "\x03\0\0\0", 4);
	block_end(f, at);
	enhanced(f, 0, 1, 0, 0, 0);
	open_file(f);
	expect(f, 1000000, 0, 0, 1, 0);
	expect_end(f, 0, NULL);
}

static void many_interfaces(void **state)
{
	struct fixture *f = *state;

	section(f);
	for (unsigned i = 0; i < NC_CAPFILE_INTERFACES; i++)
		interface(f, i, 0);
	enhanced(f, NC_CAPFILE_INTERFACES - 1, 1, 4, 4, 1);
	size_t n = f->file.len;
	interface(f, 1, 0);
	open_file(f);
	expect(f, 1000, 4, 4, NC_CAPFILE_INTERFACES - 1, 1);
	expect_end(f, -EBADMSG, "more than 1024 interfaces");
	open_bytes(f, f->file.data, n);
	expect(f, 1000, 4, 4, NC_CAPFILE_INTERFACES - 1, 1);
	expect_end(f, 0, NULL);
}

/* Large blocks of other kinds are passed over, very large ones are damage. */
static void large_blocks(void **state)
{
	struct fixture *f = *state;

	section(f);
	interface(f, 1, 0);
	other(f, 10, (16u << 20) - 12);
	enhanced(f, 0, 1, NC_CAPTURE_SNAPLEN_MAX, NC_CAPTURE_SNAPLEN_MAX, 1);
	other(f, 10, 16u << 20);
	open_file(f);
	expect(f, 1000, NC_CAPTURE_SNAPLEN_MAX, NC_CAPTURE_SNAPLEN_MAX, 1, 1);
	expect_end(f, -EBADMSG, "a block of 16777228 bytes");
}

/* Reads a file that is cut: whole packets that were in it, never an error other than the end. ends: where each packet ends. */
static void read_cut(struct fixture *f, const uint8_t *p, size_t n, const size_t *ends, unsigned packets, bool clean)
{
	struct nc_capture_packet got;
	unsigned count = 0, want = 0;
	int r;

	while (want < packets && ends[want] <= n)
		want++;
	open_bytes(f, p, n);
	while ((r = nc_capfile_next(f->c, &got)) == 1)
		count++;
	assert_int_equal(count, want);
	if (n < 4)
		assert_int_equal(r, -ENOMSG);
	else
		assert_int_equal(r, 0);
	if (n >= 4)
		assert_int_equal(nc_capfile_problem(f->c) == NULL, clean);
}

static void pcap_cut_at_every_byte(void **state)
{
	struct fixture *f = *state;
	size_t ends[PACKETS];

	pcap_header(f, 0xa1b23c4d, 4, 1);
	for (unsigned i = 0; i < PACKETS; i++) {
		pcap_packet(f, i, 0, i * 11, i * 11, i);
		ends[i] = f->file.len;
	}
	for (size_t n = 0; n <= f->file.len; n++) {
		bool clean = n == 24;
		for (unsigned i = 0; i < PACKETS; i++)
			clean |= ends[i] == n;
		read_cut(f, f->file.data, n, ends, PACKETS, clean);
	}
}

static void pcapng_cut_at_every_byte(void **state)
{
	struct fixture *f = *state;
	size_t ends[64], blocks[64];
	unsigned packets = 0, all = 0;

	whole_section(f);
	f->big = true;
	whole_section(f);
	/* the ends of blocks and of packets, from the lengths at the blocks' ends */
	for (size_t at = 0; at < f->file.len;) {
		uint32_t type, len;
		memcpy(&type, f->file.data + at, 4);
		memcpy(&len, f->file.data + at + 4, 4);
		if (len > 0xffff) {
			len = __builtin_bswap32(len);
			type = __builtin_bswap32(type);
		}
		at += len;
		blocks[all++] = at;
		if (type == 2 || type == 3 || type == 6)
			ends[packets++] = at;
	}
	assert_int_equal(packets, 10);
	for (size_t n = 0; n <= f->file.len; n++) {
		bool clean = false;
		for (unsigned i = 0; i < all; i++)
			clean |= blocks[i] == n;
		read_cut(f, f->file.data, n, ends, packets, clean);
	}
}

static void every_byte_changed(void **state)
{
	struct fixture *f = *state;
	struct nc_capture_packet p;

	for (int kind = 0; kind < 2; kind++) {
		nc_buf_reset(&f->file);
		if (kind) {
			whole_section(f);
		} else {
			pcap_header(f, 0xa1b2c3d4, 4, 1);
			for (unsigned i = 0; i < PACKETS; i++)
				pcap_packet(f, i, 0, 20, 20, i);
		}
		for (size_t i = 0; i < f->file.len; i++)
			for (unsigned v = 0; v < 256; v += 51) {
				uint8_t old = f->file.data[i];
				unsigned n = 0;
				int r;
				f->file.data[i] = (uint8_t)v;
				open_file(f);
				while ((r = nc_capfile_next(f->c, &p)) == 1) {
					assert_true(p.len >= p.caplen && p.caplen <= f->file.len);
					n++;
				}
				assert_true(r == 0 || r == -EBADMSG || r == -ENOMSG);
				assert_true(n <= f->file.len / 16);
				assert_true((r == -EBADMSG) <= (nc_capfile_problem(f->c) != NULL));
				f->file.data[i] = old;
			}
	}
}

/* Large packets in odd places: the window moves, and each one lies in it as a whole. */
static void window_moves(void **state)
{
	struct fixture *f = *state;
	unsigned n = 400;

	pcap_header(f, 0xa1b2c3d4, 4, 1);
	for (unsigned i = 0; i < n; i++)
		pcap_packet(f, i, 0, i * 7919 % 70000, 70000, i);
	pcap_packet(f, n, 0, NC_CAPTURE_SNAPLEN_MAX, NC_CAPTURE_SNAPLEN_MAX, 1);
	open_file(f);
	for (unsigned i = 0; i < n; i++)
		expect(f, (int64_t)i * NC_NS_PER_S, i * 7919 % 70000, 70000, 1, i);
	expect(f, (int64_t)n * NC_NS_PER_S, NC_CAPTURE_SNAPLEN_MAX, NC_CAPTURE_SNAPLEN_MAX, 1, 1);
	expect_end(f, 0, NULL);
}

static void from_a_pipe(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	for (unsigned i = 0; i < 3; i++)
		whole_section(f);
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < f->file.len; i++)
			if (write(fds[1], f->file.data + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	f->c = nc_capfile_init(f->mem, fds[0]);
	for (unsigned i = 0; i < 3; i++)
		expect_section(f);
	expect_end(f, 0, NULL);
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

static void gzip_of_several_members(void **state)
{
	struct fixture *f = *state;
	struct nc_buf packed = { 0 };

	whole_section(f);
	whole_section(f);
	size_t half = f->file.len / 2 - 5;
	gzip(f, 0, half, &packed);
	gzip(f, half, half, &packed);
	gzip(f, half, f->file.len, &packed);
	open_bytes(f, packed.data, packed.len);
	expect_section(f);
	expect_section(f);
	expect_end(f, 0, NULL);
	assert_int_equal(nc_capfile_offset(f->c), packed.len);
	/* zeros behind are padding, other bytes are mentioned */
	size_t n = packed.len;
	for (unsigned i = 0; i < 600; i++)
		nc_buf_u8(&packed, 0);
	open_bytes(f, packed.data, packed.len);
	expect_section(f);
	expect_section(f);
	expect_end(f, 0, NULL);
	packed.data[n] = 'x';
	open_bytes(f, packed.data, packed.len);
	expect_section(f);
	expect_section(f);
	expect_end(f, 0, "bytes behind the gzip data");
	nc_buf_free(&packed);
}

static void gzip_cut_and_damaged(void **state)
{
	struct fixture *f = *state;
	struct nc_capture_packet p;
	struct nc_buf packed = { 0 };

	pcap_header(f, 0xa1b2c3d4, 4, 1);
	for (unsigned i = 0; i < 40; i++)
		pcap_packet(f, i, 0, i * 5, i * 5, i * 77);
	gzip(f, 0, f->file.len, &packed);
	unsigned before = 0;
	for (size_t n = 2; n < packed.len; n++) {
		unsigned count = 0;
		int r;
		open_bytes(f, packed.data, n);
		while ((r = nc_capfile_next(f->c, &p)) == 1) {
			assert_int_equal(p.caplen, count * 5);
			for (uint32_t i = 0; i < p.caplen; i++)
				assert_int_equal(p.data[i], (uint8_t)(count * 77 + i));
			count++;
		}
		assert_true(count >= before);
		assert_true(r == 0 ? nc_capfile_problem(f->c) != NULL : r == -ENOMSG && count == 0);
		before = count;
	}
	assert_int_equal(before, 40);
	/* the checksum is wrong */
	packed.data[packed.len - 8] ^= 1;
	open_bytes(f, packed.data, packed.len);
	for (unsigned i = 0; i < 40; i++)
		expect(f, (int64_t)i * NC_NS_PER_S, i * 5, i * 5, 1, i * 77);
	expect_end(f, -EBADMSG, "gzip data are damaged");
	for (size_t i = 2; i < packed.len; i++) {
		uint8_t old = packed.data[i];
		int r;
		packed.data[i] ^= 0x55;
		open_bytes(f, packed.data, packed.len);
		while ((r = nc_capfile_next(f->c, &p)) == 1)
			assert_true(p.caplen <= NC_CAPTURE_SNAPLEN_MAX);
		assert_true(r == 0 || r == -EBADMSG || r == -ENOMSG);
		packed.data[i] = old;
	}
	nc_buf_free(&packed);
}

/* Whether the packets number from up to to come next. */
static bool read_part(struct nc_capfile *c, unsigned from, unsigned to)
{
	struct nc_capture_packet p;

	for (unsigned i = from; i < to; i++) {
		if (nc_capfile_next(c, &p) != 1 || p.ts_ns != i * NC_NS_PER_S || p.caplen != i % 1500)
			return false;
		if (p.caplen && p.data[p.caplen - 1] != (uint8_t)(i * 77 + p.caplen - 1))
			return false;
	}
	return true;
}

/* A process reads some packets and dies, the next one goes on, with gzip's state too. */
static void another_process_goes_on(void **state)
{
	struct fixture *f = *state;
	struct nc_buf packed = { 0 };
	unsigned n = 3000, turns = 6;

	pcap_header(f, 0xa1b2c3d4, 4, 1);
	for (unsigned i = 0; i < n; i++)
		pcap_packet(f, i, 0, i % 1500, i % 1500, i * 77);
	gzip(f, 0, f->file.len, &packed);
	for (int kind = 0; kind < 2; kind++) {
		if (kind)
			open_bytes(f, packed.data, packed.len);
		else
			open_file(f);
		for (unsigned t = 0; t < turns; t++) {
			int status;
			pid_t pid = fork();
			if (pid == 0)
				_exit(!read_part(f->c, t * n / turns, (t + 1) * n / turns));
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_int_equal(status, 0);
		}
		expect_end(f, 0, NULL);
	}
	nc_buf_free(&packed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_magics),
		TEST(lengths_and_link_types),
		TEST(old_versions_swap_lengths),
		TEST(not_a_capture),
		TEST(sections_of_both_orders),
		TEST(resolutions),
		TEST(damaged_blocks),
		TEST(options_beyond_their_block),
		TEST(many_interfaces),
		TEST(large_blocks),
		TEST(pcap_cut_at_every_byte),
		TEST(pcapng_cut_at_every_byte),
		TEST(every_byte_changed),
		TEST(window_moves),
		TEST(from_a_pipe),
		TEST(gzip_of_several_members),
		TEST(gzip_cut_and_damaged),
		TEST(another_process_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
