/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets that systemd hands over (LoadCredential= in systemd.exec(5)). */
#ifndef NC_WIRE_CREDENTIAL_H
#define NC_WIRE_CREDENTIAL_H

#include <stdint.h>

#include "base/buf.h"
#include "wire/keys.h"

/* The names that they have there. */
#define NC_CREDENTIAL_SENSOR_KEY    "netcap-sensor.key"
#define NC_CREDENTIAL_SENSOR_PSK    "netcap-sensor.psk"
#define NC_CREDENTIAL_COLLECTOR_KEY "netcap-collector.key"

/* The 32 secret bytes of a file of that name, 64 hex digits (and a newline), in the folder $CREDENTIALS_DIRECTORY. 1; 0: there
 * is no such folder or no such file in it; negative errno, with a line (without its end) in err: it is there and of no use. key
 * is zeros unless 1 is returned. */
int nc_credential_read(const char *name, uint8_t key[static NC_KEY_LEN], struct nc_buf *err);

#endif
