/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyed hash for tables that strangers fill: SipHash-2-4 (Aumasson and Bernstein, 2012). */
#ifndef NC_BASE_SIPHASH_H
#define NC_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define NC_SIPHASH_KEY 16

/* Hash of n bytes at p under a secret key. */
uint64_t nc_siphash(const uint8_t key[static NC_SIPHASH_KEY], const void *p, size_t n);

#endif
