/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets that systemd hands over (LoadCredential= in systemd.exec(5)). */
#include "config.h"

#include "wire/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/save.h"
#include "base/text.h"

#define HEX (2u * NC_KEY_LEN)

/* All zeros pass for "no pre-shared key" elsewhere, and are nobody's key pair. */
static int parse(char *text, size_t n, uint8_t key[static NC_KEY_LEN])
{
	if (n == HEX + 1 && text[HEX] == '\n')
		n = HEX;
	if (n != HEX)
		return -EINVAL;
	text[HEX] = '\0';
	return nc_text_unhex(key, NC_KEY_LEN, text) && !sodium_is_zero(key, NC_KEY_LEN) ? 0 : -EINVAL;
}

/* systemd lets the daemon's user read them by an access control list where it can, which st_mode shows as the group's right. */
static int read_at(int dir, const char *name, uint8_t key[static NC_KEY_LEN], const char **why)
{
	char *text = sodium_malloc(HEX + 2);
	mode_t mode = 0;
	ssize_t n = text ? nc_save_read(dir, name, text, HEX + 1, &mode) : -ENOMEM;
	int rc = n == -EFBIG ? -EINVAL : n < 0 ? (int)n : 0;

	*why = rc == -ENOMEM ? "no locked memory for the key" : rc ? strerrordesc_np(-rc) : "";
	if (rc == 0 && (mode & S_IRWXO)) {
		rc = -EPERM;
		*why = "may be read by everybody";
	} else if (rc == 0) {
		rc = parse(text, (size_t)n, key);
	}
	if (rc == -EINVAL)
		*why = "not a key of 64 hex digits";
	sodium_free(text);
	return rc;
}

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
	int rc = read_at(dir, name, key, &why);
	close(dir);
	if (rc == -ENOENT)
		return 0;
	if (rc) {
		sodium_memzero(key, NC_KEY_LEN);
		nc_buf_printf(err, "credential %s in %s: %s", name, shown, why);
	}
	return rc ? rc : 1;
}
