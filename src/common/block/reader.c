/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads record files: blocks, gzip members of other tools, plain delimited records, and mixtures of the former two. */
#include "config.h"

#include "block/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/rd.h"
#include "block/scan.h"

enum {
	IN_MIN = 64 * 1024,  /* bytes asked from the file at once */
	OUT_STEP = 64 * 1024, /* room given to zlib at once */
	VARINT_MAX = 10,
	OUT_MAX = NC_RECORD_MAX + VARINT_MAX + 2 * OUT_STEP,
};

/* Where the decoded bytes come from at present. */
enum source {
	SOURCE_BORDER,  /* a member may begin */
	SOURCE_BLOCK,   /* all of a block is in `out` */
	SOURCE_FOREIGN, /* inside of a gzip member without subfield */
	SOURCE_PLAIN,
};

/* Read-ahead of the file: data[pos..len) are the next bytes, data[0] stands at file offset base. */
struct input {
	int fd;
	bool eof;
	uint8_t *data;
	size_t pos, len, cap;
	uint64_t base;
};

struct nc_file_reader {
	struct input in;
	bool seekable;
	uint64_t start; /* file offset of the first byte */
	struct nc_inflater *inflater;
	z_stream z;
	bool z_ready;
	enum source source;
	struct nc_buf out; /* decoded; records before out_pos are consumed */
	size_t out_pos;
	bool first_record; /* the next record is the first of a gzip member that is not the file's first */
	struct nc_file_header header;
	bool have_header;
	uint64_t member;     /* offset of the current block */
	const char *pending; /* damage found behind records that are still to be given */
	bool damaged;
	const char *reason;
	uint64_t damage;
	uint64_t resume, hop; /* where nc_file_reader_resync looks */
};

/* --- input ------------------------------------------------------------------------------------------------------ */

static uint64_t in_offset(const struct input *in)
{
	return in->base + in->pos;
}

static size_t in_left(const struct input *in)
{
	return in->len - in->pos;
}

/* Room for n unread bytes in all, and more to read on. */
static int in_room(struct input *in, size_t n)
{
	if (in->pos > 0) {
		memmove(in->data, in->data + in->pos, in_left(in));
		in->base += in->pos;
		in->len -= in->pos;
		in->pos = 0;
	}
	size_t cap = n < IN_MIN ? IN_MIN : n;
	if (cap <= in->cap)
		return 0;
	uint8_t *p = realloc(in->data, cap);
	if (!p)
		return -ENOMEM;
	in->data = p;
	in->cap = cap;
	return 0;
}

/* Reads until n bytes (or the end) are there; 0 or negative errno. */
static int in_need(struct input *in, size_t n)
{
	while (in_left(in) < n && !in->eof) {
		if (in->cap - in->pos < n || in->len == in->cap) {
			int rc = in_room(in, n);
			if (rc)
				return rc;
		}
		ssize_t k = read(in->fd, in->data + in->len, in->cap - in->len);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		in->eof = k == 0;
		in->len += (size_t)k;
	}
	return 0;
}

static int in_seek(struct input *in, uint64_t off)
{
	if (lseek(in->fd, (off_t)off, SEEK_SET) < 0)
		return -errno;
	in->base = off;
	in->pos = in->len = 0;
	in->eof = false;
	return 0;
}

/* --- damage ----------------------------------------------------------------------------------------------------- */

static int damage_at(struct nc_file_reader *r, uint64_t off, const char *reason, uint64_t resume, uint64_t hop)
{
	r->damaged = true;
	r->damage = off;
	r->reason = reason;
	r->resume = resume;
	r->hop = hop;
	return -EBADMSG;
}

/* The bytes where a member should begin, or an unopened block there, are damaged. */
static int damaged_member(struct nc_file_reader *r, const char *reason, size_t size)
{
	uint64_t off = in_offset(&r->in);

	return damage_at(r, off, reason, off + 1, size ? off + size : 0);
}

/* What a block holds, which is behind us already, is damaged. */
static int damaged_content(struct nc_file_reader *r, const char *reason)
{
	uint64_t next = in_offset(&r->in);

	return damage_at(r, r->member, reason, next, next);
}

/* What zlib or the plain file gave is damaged. */
static int damaged_stream(struct nc_file_reader *r, const char *reason)
{
	uint64_t off = in_offset(&r->in);

	if (r->source == SOURCE_PLAIN)
		off -= r->out.len - r->out_pos;
	return damage_at(r, off, reason, off, 0);
}

static int damaged_here(struct nc_file_reader *r, const char *reason)
{
	return r->source == SOURCE_BLOCK ? damaged_content(r, reason) : damaged_stream(r, reason);
}

/* --- members ---------------------------------------------------------------------------------------------------- */

/* The one record of a header block. */
static int parse_header_block(const struct nc_buf *b, struct nc_file_header *ret)
{
	struct nc_rd rd = nc_rd_over(b->data, b->len);
	uint64_t len = nc_rd_varint(&rd);

	if (rd.failed || len != rd.left)
		return -EBADMSG;
	return nc_file_header_parse(rd.p, rd.left, ret);
}

/* A block was opened and its bytes are behind us: does it belong here? */
static int accept_block(struct nc_file_reader *r, const struct nc_block_info *info)
{
	struct nc_file_header h;

	r->source = SOURCE_BLOCK;
	if (info->kind == NC_BLOCK_RECORDS)
		return info->type == r->header.type ? 0 : damaged_content(r, "type");
	if (info->kind != NC_BLOCK_HEADER)
		return damaged_content(r, "kind");
	if (parse_header_block(&r->out, &h))
		return damaged_content(r, "header");
	r->out_pos = r->out.len;
	if (!r->have_header)
		r->header = h;
	r->have_header = true;
	return h.type == r->header.type ? 0 : damaged_content(r, "type");
}

static int open_block(struct nc_file_reader *r, const struct nc_block_info *info)
{
	int rc = in_need(&r->in, info->size);

	if (rc)
		return rc;
	if (in_left(&r->in) < info->size)
		return damaged_member(r, "truncated", info->size);
	rc = nc_block_open(r->inflater, r->in.data + r->in.pos, info->size, &r->out);
	r->out_pos = 0;
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return damaged_member(r, rc == -E2BIG ? "oversized" : "checksum", info->size);
	r->member = in_offset(&r->in);
	r->in.pos += info->size;
	return accept_block(r, info);
}

static int start_foreign(struct nc_file_reader *r)
{
	int rc = r->z_ready ? inflateReset(&r->z) : inflateInit2(&r->z, 15 + 16);

	if (rc != Z_OK)
		return -ENOMEM;
	r->z_ready = true;
	r->source = SOURCE_FOREIGN;
	r->first_record = r->have_header && r->out_pos == r->out.len;
	return 0;
}

/* Begins the next member. 1; 0 at the end of the file; -EBADMSG; negative errno. */
static int next_member(struct nc_file_reader *r)
{
	struct nc_block_info info;
	int rc = in_need(&r->in, NC_BLOCK_HEADER_LEN);

	if (rc)
		return rc;
	size_t left = in_left(&r->in), rest = r->out.len - r->out_pos;
	if (rest > 0 && r->source == SOURCE_BLOCK)
		return damaged_content(r, "framing");
	if (left == 0)
		return rest > 0 ? damaged_stream(r, "truncated") : 0;
	rc = nc_block_info(r->in.data + r->in.pos, left, &info);
	if (rc == -ENOMSG) {
		rc = start_foreign(r);
		return rc ? rc : 1;
	}
	if (rest > 0)
		return damaged_stream(r, "framing");
	if (rc == -EAGAIN)
		return damaged_member(r, "truncated", 0);
	if (rc)
		return damaged_member(r, nc_block_newer(r->in.data + r->in.pos, left) ? "version" : "header", 0);
	rc = open_block(r, &info);
	return rc ? rc : 1;
}

/* --- streams ---------------------------------------------------------------------------------------------------- */

/* Room for OUT_STEP more decoded bytes; drops what was consumed. */
static uint8_t *out_room(struct nc_file_reader *r)
{
	if (r->out_pos > 0)
		nc_buf_consume(&r->out, r->out_pos);
	r->out_pos = 0;
	return nc_buf_reserve(&r->out, OUT_STEP);
}

static const char *zlib_reason(const z_stream *z)
{
	return z->msg && strstr(z->msg, "check") && !strstr(z->msg, "header") ? "checksum" : "deflate";
}

/* Inflates more of a foreign member; damage is noted as pending, since records before it may be whole. 0 or negative errno. */
static int inflate_more(struct nc_file_reader *r)
{
	int rc = in_need(&r->in, 1);
	uint8_t *to = rc ? NULL : out_room(r);

	if (!to)
		return rc ? rc : -ENOMEM;
	z_stream *z = &r->z;
	z->next_in = r->in.data + r->in.pos;
	z->avail_in = (unsigned)in_left(&r->in);
	z->next_out = to;
	z->avail_out = OUT_STEP;
	int res = inflate(z, Z_NO_FLUSH);
	r->in.pos = r->in.len - z->avail_in;
	r->out.len += OUT_STEP - z->avail_out;
	if (res == Z_STREAM_END)
		r->source = SOURCE_BORDER;
	else if (res == Z_MEM_ERROR)
		return -ENOMEM;
	else if (res == Z_BUF_ERROR)
		r->pending = "truncated";
	else if (res != Z_OK)
		r->pending = zlib_reason(z);
	return 0;
}

static int read_more(struct nc_file_reader *r)
{
	int rc = in_need(&r->in, 1);

	if (rc)
		return rc;
	size_t n = in_left(&r->in) < OUT_STEP ? in_left(&r->in) : OUT_STEP;
	if (n == 0 && r->out_pos < r->out.len)
		r->pending = "truncated";
	uint8_t *to = out_room(r);
	if (!to)
		return -ENOMEM;
	memcpy(to, r->in.data + r->in.pos, n);
	r->out.len += n;
	r->in.pos += n;
	return 0;
}

/* --- records ---------------------------------------------------------------------------------------------------- */

/* The next whole record in `out`. 1; 0: more bytes are needed; -EBADMSG: its length can't be. */
static int take_record(struct nc_file_reader *r, const uint8_t **p, size_t *n)
{
	size_t left = r->out.len - r->out_pos;

	if (left == 0)
		return 0;
	struct nc_rd rd = nc_rd_over(r->out.data + r->out_pos, left);
	uint64_t len = nc_rd_varint(&rd);
	if (rd.failed)
		return left < VARINT_MAX ? 0 : -EBADMSG;
	if (len > NC_RECORD_MAX)
		return -EBADMSG;
	if (len > rd.left)
		return 0;
	*p = rd.p;
	*n = (size_t)len;
	r->out_pos = r->out.len - rd.left + *n;
	return 1;
}

/* Brings more decoded bytes. 1; 0 at the end; -EBADMSG; negative errno. */
static int more(struct nc_file_reader *r)
{
	int rc;

	if (r->pending)
		return damaged_stream(r, r->pending);
	switch (r->source) {
	case SOURCE_FOREIGN:
		rc = inflate_more(r);
		return rc ? rc : 1;
	case SOURCE_PLAIN:
		if (r->in.eof && in_left(&r->in) == 0 && r->out_pos == r->out.len)
			return 0;
		rc = read_more(r);
		return rc ? rc : 1;
	default:
		return next_member(r);
	}
}

/* The next record, a repeated Header not being told from others. */
static int next_raw(struct nc_file_reader *r, const uint8_t **p, size_t *n)
{
	if (r->damaged)
		return -EBADMSG;
	for (;;) {
		int rc = take_record(r, p, n);
		if (rc > 0)
			return 1;
		if (rc < 0)
			return damaged_here(r, "length");
		rc = more(r);
		if (rc <= 0)
			return rc;
	}
}

/* "v0.3.9", "0.1.0-12" */
static bool is_version(const char *s)
{
	s += *s == 'v';
	size_t n = strspn(s, "0123456789");
	return n > 0 && s[n] == '.' && s[n + 1] >= '0' && s[n + 1] <= '9';
}

/* Whether a record that may be a Header coming again is one: 1; 0 it is a record; -EBADMSG: a Header of another type. No record
 * of the schema has these fields with these wire types, all of them filled. */
static int repeated_header(struct nc_file_reader *r, const uint8_t *p, size_t n)
{
	struct nc_file_header h;
	bool border = r->first_record;

	r->first_record = false;
	if (!border && r->source != SOURCE_PLAIN)
		return 0;
	if (nc_file_header_parse(p, n, &h) || !h.source[0] || !h.version[0])
		return 0;
	if (h.type == r->header.type)
		return 1;
	return border && is_version(h.version) ? damaged_stream(r, "type") : 0;
}

int nc_file_reader_next(struct nc_file_reader *r, const uint8_t **p, size_t *n)
{
	for (;;) {
		int rc = next_raw(r, p, n);
		if (rc <= 0)
			return rc;
		rc = repeated_header(r, *p, *n);
		if (rc <= 0)
			return rc < 0 ? rc : 1;
	}
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

/* The Header of a file that begins with a block. When that one is damaged or missing, the type is known all the same and
 * reading can start, with the damage as first news. */
static int open_blocks(struct nc_file_reader *r, const struct nc_block_info *info)
{
	r->header.type = info->type;
	r->have_header = info->kind != NC_BLOCK_HEADER;
	int rc = next_member(r);
	r->have_header = true;
	return rc < 0 && rc != -EBADMSG ? rc : 0;
}

static int open_stream(struct nc_file_reader *r)
{
	const uint8_t *p;
	size_t n;
	int rc = next_raw(r, &p, &n);

	if (rc < 0 && rc != -EBADMSG)
		return rc;
	if (rc <= 0 || nc_file_header_parse(p, n, &r->header))
		return -EBADMSG;
	r->have_header = true;
	return 0;
}

static int read_start(struct nc_file_reader *r)
{
	struct nc_block_info info;
	int rc = in_need(&r->in, NC_BLOCK_HEADER_LEN);

	if (rc)
		return rc;
	const uint8_t *p = r->in.data + r->in.pos;
	size_t n = in_left(&r->in);
	if (n < 2)
		return -EBADMSG;
	if (p[0] != 0x1f || p[1] != 0x8b) {
		r->source = SOURCE_PLAIN;
		return open_stream(r);
	}
	rc = nc_block_info(p, n, &info);
	if (rc == -ENOMSG)
		return open_stream(r);
	return rc ? -EBADMSG : open_blocks(r, &info);
}

int nc_file_reader_open_head(int fd, const void *head, size_t n, struct nc_file_reader **ret)
{
	struct nc_file_reader *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	if (!r) {
		close(fd);
		return rc;
	}
	r->in.fd = fd;
	nc_buf_init(&r->out, OUT_MAX);
	r->inflater = nc_inflater_new();
	if (!r->inflater)
		goto out;
	off_t at = lseek(fd, 0, SEEK_CUR);
	r->seekable = at >= 0 && n == 0;
	r->start = r->in.base = r->seekable ? (uint64_t)at : 0;
	if (n > 0) {
		rc = in_room(&r->in, n);
		if (rc)
			goto out;
		memcpy(r->in.data, head, n);
		r->in.len = n;
	}
	rc = read_start(r);
out:
	if (rc)
		nc_file_reader_close(r);
	else
		*ret = r;
	return rc;
}

int nc_file_reader_open(int fd, struct nc_file_reader **ret)
{
	return nc_file_reader_open_head(fd, NULL, 0, ret);
}

void nc_file_reader_close(struct nc_file_reader *r)
{
	if (!r)
		return;
	close(r->in.fd);
	free(r->in.data);
	if (r->z_ready)
		inflateEnd(&r->z);
	nc_inflater_free(r->inflater);
	nc_buf_free(&r->out);
	free(r);
}

const struct nc_file_header *nc_file_reader_header(const struct nc_file_reader *r)
{
	return &r->header;
}

uint64_t nc_file_reader_damage(const struct nc_file_reader *r, const char **reason)
{
	if (reason)
		*reason = r->reason ? r->reason : "none";
	return r->damage;
}

/* --- resync and summary ----------------------------------------------------------------------------------------- */

/* Goes to a border of members at off. */
static int restart(struct nc_file_reader *r, uint64_t off)
{
	int rc = in_seek(&r->in, off);

	if (rc)
		return rc;
	nc_buf_reset(&r->out);
	r->out_pos = 0;
	r->source = SOURCE_BORDER;
	r->pending = NULL;
	r->damaged = r->first_record = false;
	return 0;
}

int nc_file_reader_resync(struct nc_file_reader *r)
{
	if (!r->damaged)
		return 1;
	if (!r->seekable || r->source == SOURCE_PLAIN)
		return 0;
	struct nc_scan s = { .fd = r->in.fd, .inflater = r->inflater };
	uint64_t at;
	int rc = nc_scan_find(&s, r->resume, r->hop, &at);
	nc_scan_free(&s);
	if (rc <= 0)
		return rc;
	rc = restart(r, at);
	return rc ? rc : 1;
}

/* Adds a block to the summary. */
static void sum_block(struct nc_file_summary *sum, const struct nc_block_info *info, uint32_t type)
{
	if (info->kind == NC_BLOCK_HEADER)
		return;
	if (info->kind != NC_BLOCK_RECORDS || info->type != type) {
		sum->damaged = true;
		return;
	}
	sum->blocks++;
	sum->records += info->count;
	if (info->first_ns == 0 && info->last_ns == 0)
		return;
	bool none = sum->first_ns == 0 && sum->last_ns == 0;
	if (none || info->first_ns < sum->first_ns)
		sum->first_ns = info->first_ns;
	if (none || info->last_ns > sum->last_ns)
		sum->last_ns = info->last_ns;
}

/* Hops over the blocks. 0; -ENOMSG when something foreign is among them; negative errno. */
static int sum_hops(struct nc_file_reader *r, struct nc_scan *s, struct nc_file_summary *sum)
{
	struct nc_block_info info;
	uint64_t off = r->start;

	while (off < sum->bytes) {
		int rc = nc_scan_info(s, off, &info, NULL);
		if (rc == 0 && info.size <= sum->bytes - off) {
			sum_block(sum, &info, r->header.type);
			off += info.size;
			continue;
		}
		if (rc == -ENODATA)
			break;
		if (rc && rc != -EBADMSG && rc != -EAGAIN)
			return rc;
		sum->damaged = true;
		rc = nc_scan_find(s, off + 1, rc ? 0 : off + info.size, &off);
		if (rc <= 0)
			return rc;
	}
	return 0;
}

static int sum_all(struct nc_file_reader *r, struct nc_file_summary *sum)
{
	const uint8_t *p;
	size_t n;
	int rc;

	do {
		while ((rc = nc_file_reader_next(r, &p, &n)) > 0)
			sum->records++;
		if (rc != -EBADMSG)
			break;
		sum->damaged = true;
		rc = nc_file_reader_resync(r);
	} while (rc > 0);
	if (sum->bytes == 0)
		sum->bytes = in_offset(&r->in);
	return rc;
}

int nc_file_summarise(struct nc_file_reader *r, struct nc_file_summary *ret)
{
	struct nc_file_summary sum = { 0 };
	struct nc_scan s = { .fd = r->in.fd, .inflater = r->inflater };
	struct stat st;
	int rc = -ENOMSG;

	if (fstat(r->in.fd, &st) == 0 && S_ISREG(st.st_mode))
		sum.bytes = (uint64_t)st.st_size;
	uint64_t bytes = sum.bytes;
	if (r->seekable && r->source != SOURCE_PLAIN && bytes > 0) {
		rc = sum_hops(r, &s, &sum);
		nc_scan_free(&s);
	}
	if (rc == -ENOMSG) {
		sum = (struct nc_file_summary){ .bytes = bytes };
		rc = sum_all(r, &sum);
	}
	if (rc == 0)
		*ret = sum;
	return rc;
}
