/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is the collector's list of revoked keys, and the time of a hello: none of them gets in, nor after another start. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "collectord/state.h"
#include "files.h"

#define HEX (2u * NC_KEY_LEN)

static const uint8_t ours[NC_KEY_LEN] = { 1, 2, 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int open_state(const struct nc_fuzz_folder *f, struct nc_state **s)
{
	struct nc_buf err = { .max = 4096 };
	int rc = nc_state_open(f->path, s, &err);

	nc_fuzz_expect((rc == 0) == (err.len == 0));
	nc_buf_free(&err);
	return rc;
}

/* Each line that begins with a key is of one that stays out. */
static void check_revoked(const struct nc_state *s, struct nc_rd list)
{
	char *text = nc_fuzz_text(list), *rest = text, *line;
	uint8_t key[NC_KEY_LEN];

	while ((line = strsep(&rest, "\n"))) {
		if (strlen(line) > HEX)
			line[HEX] = '\0';
		nc_fuzz_expect(!nc_text_unhex(key, sizeof(key), line) || nc_state_revoked(s, key));
	}
	free(text);
}

static void hello(const struct nc_fuzz_folder *f, struct nc_state **s, uint64_t when)
{
	uint64_t ticket;
	int rc = nc_state_hello(*s, ours, when, &ticket);

	nc_fuzz_expect(ticket == 0);
	if (rc)
		return;
	nc_fuzz_expect(nc_state_hello(*s, ours, when, &ticket) == -ESTALE);
	nc_state_close(*s);
	nc_fuzz_expect(open_state(f, s) == 0);
	nc_fuzz_expect(nc_state_hello(*s, ours, when, &ticket) == -ESTALE);
}

static void use(const struct nc_fuzz_folder *f, struct nc_state *s, struct nc_rd list, struct nc_rd input)
{
	check_revoked(s, list);
	for (unsigned i = 0; i < 4 && input.left; i++)
		hello(f, &s, nc_rd_le64(&input));
	nc_fuzz_expect(nc_state_revoke(s, ours, "ours") == 0);
	nc_state_close(s);
	nc_fuzz_expect(open_state(f, &s) == 0 && nc_state_revoked(s, ours));
	check_revoked(s, list);
	nc_state_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nc_rd input = nc_rd_over(data, n);
	struct nc_rd list = nc_fuzz_part(&input), time = nc_fuzz_part(&input);
	char name[sizeof("hello/") + HEX] = "hello/";
	struct nc_fuzz_folder f;
	struct nc_state *s = NULL;

	nc_text_hex(name + strlen(name), ours, sizeof(ours));
	nc_fuzz_open(&f);
	nc_fuzz_put(f.fd, "revoked", list, 0640);
	nc_fuzz_expect(mkdirat(f.fd, "hello", 0750) == 0);
	if (time.left)
		nc_fuzz_put(f.fd, name, time, 0640);
	if (open_state(&f, &s) == 0)
		use(&f, s, list, input);
	else
		nc_fuzz_expect(!s && nc_fuzz_holds(f.fd, "revoked", list));
	nc_fuzz_close(&f);
	return 0;
}
