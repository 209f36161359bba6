/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MD5: the vectors of RFC 1321, and that it does not matter in which pieces the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/md5.h"

/* RFC 1321 appendix A.5. */
static const char *const vectors[][2] = {
	{ "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ "a", "0cc175b9c0f1b6a831c399e269772661" },
	{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
	{ "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f" },
	{ "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
	  "57edf4a22be3c955ac49da2e2107b67a" },
};

static void rfc(void **state)
{
	char out[NC_MD5_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		nc_md5_hex(vectors[i][0], strlen(vectors[i][0]), out);
		assert_string_equal(out, vectors[i][1]);
	}
}

static void pieces(void **state)
{
	uint8_t data[300], whole[NC_MD5], split[NC_MD5];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof(data); n++) {
		nc_md5(data, n, whole);
		for (size_t step = 1; step <= 130; step += 3) {
			struct nc_md5_state s;
			nc_md5_init(&s);
			for (size_t at = 0; at < n; at += step)
				nc_md5_update(&s, data + at, n - at < step ? n - at : step);
			nc_md5_final(&s, split);
			assert_memory_equal(split, whole, sizeof(whole));
		}
	}
}

static void lengths_around_the_block(void **state)
{
	/* 55, 56 and 64 bytes of "a": the last that pads within its block, the first that needs another, a full one */
	static const struct {
		size_t n;
		const char *hex;
	} known[] = {
		{ 55, "ef1772b6dff9a122358552954ad0df65" },
		{ 56, "3b0c8ac703f828b04c6c197006d17218" },
		{ 64, "014842d480b571495a4a0363793f7367" },
	};
	char data[64], out[NC_MD5_TEXT];

	(void)state;
	memset(data, 'a', sizeof(data));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		nc_md5_hex(data, known[i].n, out);
		assert_string_equal(out, known[i].hex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc),
		cmocka_unit_test(pieces),
		cmocka_unit_test(lengths_around_the_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
