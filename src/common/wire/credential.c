/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets that systemd hands over (LoadCredential= in systemd.exec(5)). */
#include "config.h"

#include "wire/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

int nc_credential_read(const char *name, uint8_t key[static NC_KEY_LEN], struct nc_buf *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *why = "";
	char shown[512];

	memset(key, 0, NC_KEY_LEN);
	if (!folder || !*folder)
		return 0;
	nc_text_escape(shown, sizeof(shown), folder, strlen(folder));
	int dir = *folder == '/' ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0) {
		int rc = *folder == '/' ? -errno : -EINVAL;
		nc_buf_printf(err, "CREDENTIALS_DIRECTORY: %s: %s", shown,
		              rc == -EINVAL ? "not an absolute path" : strerrordesc_np(-rc));
		return rc;
	}
	int rc = nc_key_read_credential(dir, name, key, &why);
	close(dir);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		nc_buf_printf(err, "credential %s in %s: %s", name, shown, why);
	return rc ? rc : 1;
}
