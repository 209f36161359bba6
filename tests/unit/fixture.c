/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several unit tests need: a folder of their own, key pairs. */
#include "config.h"

#include "fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void nc_test_folder(char path[static NC_TEST_FOLDER])
{
	snprintf(path, NC_TEST_FOLDER, "/tmp/nc-test-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void nc_test_remove(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct nc_keypair *nc_test_keys(void)
{
	struct nc_keypair *k = nc_keypair_new();

	assert_non_null(k);
	nc_keypair_generate(k);
	return k;
}
