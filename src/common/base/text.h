/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text forms of addresses, bytes and numbers, and the search for the nearest name. */
#ifndef NC_BASE_TEXT_H
#define NC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NC_TEXT_MAC  18
#define NC_TEXT_IPV4 16
#define NC_TEXT_IPV6 46

/* Writes "aa:bb:cc:dd:ee:ff" and a NUL; returns the length without it. */
size_t nc_text_mac(char out[static NC_TEXT_MAC], const uint8_t mac[static 6]);
/* Dotted decimal and a NUL; returns the length. */
size_t nc_text_ipv4(char out[static NC_TEXT_IPV4], const uint8_t ip[static 4]);
/* RFC 5952 section 4 (lower case, longest run of zeros as "::"; the 2019 program prints IPv4-mapped addresses
 * dotted: ::ffff:a.b.c.d is written a.b.c.d) and a NUL; returns the length. */
size_t nc_text_ipv6(char out[static NC_TEXT_IPV6], const uint8_t ip[static 16]);
/* Decimal and a NUL into 21 bytes; returns the length. */
size_t nc_text_u64(char out[static 21], uint64_t v);
/* 2n lower-case hex digits and a NUL into 2n + 1 bytes; returns 2n. */
size_t nc_text_hex(char *out, const uint8_t *p, size_t n);
/* The reverse: exactly n bytes from 2n hex digits of either case; false when s is anything else. */
bool nc_text_unhex(uint8_t *out, size_t n, const char *s);
/* The length (1 to 4) of the valid UTF-8 character that the n bytes at p begin with (RFC 3629); 0 when there is none. */
size_t nc_text_utf8(const uint8_t *p, size_t n);
/* Printable copy of n untrusted bytes: control bytes, backslash and bytes that are not valid UTF-8 as \xNN.
 * Cuts so that it fits size bytes with the NUL; returns out. */
char *nc_text_escape(char *out, size_t size, const void *p, size_t n);
/* The entry of names (count of them) with the smallest edit distance to word, case ignored; NULL when none is
 * nearer than half of word's length plus one. */
const char *nc_text_nearest(const char *word, const char *const *names, size_t count);
/* A number with an optional suffix K, M, G (powers of 1024, optionally followed by iB or B) into *ret;
 * 0, -EINVAL or -ERANGE. */
int nc_text_size(const char *s, uint64_t *ret);
/* Seconds from "500ms", "30s", "5m", "2h", "1d" or a bare number of seconds, as nanoseconds into *ret;
 * 0, -EINVAL or -ERANGE. */
int nc_text_duration(const char *s, int64_t *ret);

#endif
