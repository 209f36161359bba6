/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a collector is: host and port as they stand in the configuration. */
#include "config.h"

#include "sensord/address.h"

#include <stdio.h>
#include <string.h>

bool nc_address_parse(const char *text, struct nc_address *ret)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool bracket = n >= 2 && text[0] == '[' && text[n - 1] == ']';

	if (bracket) {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(ret->host) || strlen(colon + 1) == 0 || strlen(colon + 1) >= sizeof(ret->port))
		return false;
	if (!bracket && memchr(text, ':', n))
		return false;
	memcpy(ret->host, text, n);
	ret->host[n] = '\0';
	memcpy(ret->port, colon + 1, strlen(colon + 1) + 1);
	return true;
}

void nc_address_text(const struct nc_address *a, char *out, size_t size)
{
	bool v6 = strchr(a->host, ':') != NULL;

	snprintf(out, size, "%s%s%s:%s", v6 ? "[" : "", a->host, v6 ? "]" : "", a->port);
}
