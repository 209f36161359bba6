/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What several unit tests need: a folder of their own, key pairs. */
#ifndef NC_TESTS_UNIT_FIXTURE_H
#define NC_TESTS_UNIT_FIXTURE_H

#include "wire/keys.h"

#define NC_TEST_FOLDER 32

/* Makes an empty folder; the test fails when that is not possible. */
void nc_test_folder(char path[static NC_TEST_FOLDER]);
/* Removes it and all that is in it. */
void nc_test_remove(const char *path);
/* A new key pair, freed with nc_keypair_free. */
struct nc_keypair *nc_test_keys(void);

#endif
