/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clocks and the text forms of time stamps. All times are nanoseconds since the epoch in an int64_t. */
#ifndef NC_BASE_TIME_H
#define NC_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

#define NC_NS_PER_S  INT64_C(1000000000)
#define NC_TIME_TEXT 48

/* Wall clock and monotonic clock. */
int64_t nc_time_real(void);
int64_t nc_time_mono(void);
/* The record form "seconds.microseconds", six digits after the dot; returns the length. */
size_t nc_time_stamp(char out[static NC_TIME_TEXT], int64_t ns);
/* The reverse, digits after the dot being a count of microseconds, padded or not (2019 does not pad).
 * 0 or -EINVAL. */
int nc_time_parse(const char *s, int64_t *ret);
/* "2012-03-16 13:30:07.29 +0000 UTC", the fraction without trailing zeros; returns the length. */
size_t nc_time_utc(char out[static NC_TIME_TEXT], int64_t ns);
/* "2012-03-16T13:30:07Z", for logs and status; returns the length. */
size_t nc_time_iso(char out[static NC_TIME_TEXT], int64_t ns);

#endif
