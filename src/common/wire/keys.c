/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Curve25519 key pairs in files of 64 hex digits, and the list of authorised keys. */
#include "config.h"

#include "wire/keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define KEY_HEX   (2u * NC_KEY_LEN)
#define PROVED    32u /* bytes in a proof */
#define NAME_LEN  64u
#define ERR_LINES (16u * 1024u) /* of a list's complaints; a folder full of rubbish shall not fill the log */

static const char pub_name[] = "pub.key";
static const char priv_name[] = "priv.key";
static const char suffix[] = ".pub";
/* the collector stores senders that are on no list below this name */
static const char reserved[] = "unauthenticated";

int nc_keys_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

/* Workers are forked, restarted ones too, while the keys are in memory: they get no copy of these pages (madvise(2)). */
void *nc_keys_memory(size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *p = sodium_malloc(n);
	uintptr_t from = (uintptr_t)p & ~(page - 1);

	if (p && madvise((void *)from, (uintptr_t)p + n - from, MADV_DONTFORK) != 0) {
		sodium_free(p);
		return NULL;
	}
	return p;
}

struct nc_keypair *nc_keypair_new(void)
{
	return nc_keys_memory(sizeof(struct nc_keypair));
}

void nc_keypair_free(struct nc_keypair *k)
{
	sodium_free(k);
}

void nc_keypair_generate(struct nc_keypair *k)
{
	crypto_box_keypair(k->pub, k->priv);
}

void nc_key_fingerprint(char out[static NC_KEY_FINGERPRINT], const uint8_t key[static NC_KEY_LEN])
{
	static const char prefix[] = "SHA256:";
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, key, NC_KEY_LEN);
	memcpy(out, prefix, sizeof(prefix));
	sodium_bin2base64(out + sizeof(prefix) - 1, NC_KEY_FINGERPRINT - (sizeof(prefix) - 1), hash, sizeof(hash),
	                  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/* One line about a file whose name came from a folder or a configuration: "dir/name: text". */
static void complain(struct nc_buf *err, const char *dir, const char *name, const char *text)
{
	char shown[512], file[256];

	nc_text_escape(shown, sizeof(shown), dir, strlen(dir));
	nc_text_escape(file, sizeof(file), name, strlen(name));
	if (err->len < ERR_LINES)
		nc_buf_printf(err, "%s%s%s: %s\n", shown, *file ? "/" : "", file, text);
}

/* Error lines of single failures carry no line end. */
static int fail(struct nc_buf *err, const char *dir, const char *name, const char *text, int code)
{
	complain(err, dir, name, text);
	if (err->len && err->data[err->len - 1] == '\n')
		err->len--;
	return code;
}

static ssize_t read_all(int fd, char *to, size_t room)
{
	size_t have = 0;

	while (have < room) {
		ssize_t n = read(fd, to + have, room - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* The key in an open file; text (KEY_HEX + 2 bytes) is the caller's so that it can be memory for secrets. */
static int parse_key(int fd, uint8_t key[static NC_KEY_LEN], char text[static KEY_HEX + 2])
{
	ssize_t n = read_all(fd, text, KEY_HEX + 2);

	if (n < 0)
		return (int)n;
	if (n == KEY_HEX + 1 && text[KEY_HEX] == '\n')
		n = KEY_HEX;
	if (n != KEY_HEX)
		return -EINVAL;
	text[KEY_HEX] = '\0';
	return nc_text_unhex(key, NC_KEY_LEN, text) ? 0 : -EINVAL;
}

static const char no_key[] = "not a key of 64 hex digits";

/* O_NONBLOCK: a FIFO in the folder must not hold us up. */
static int open_key(int dirfd, const char *name, int flags, struct stat *st, const char **why)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);

	if (fd < 0) {
		int code = -errno;
		*why = strerrordesc_np(-code);
		return code;
	}
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		close(fd);
		*why = "not a regular file";
		return -EINVAL;
	}
	return fd;
}

static int read_public(int dirfd, const char *name, uint8_t key[static NC_KEY_LEN], const char **why)
{
	char text[KEY_HEX + 2];
	struct stat st;
	int fd = open_key(dirfd, name, 0, &st, why);

	if (fd < 0)
		return fd;
	int r = parse_key(fd, key, text);
	close(fd);
	if (r < 0)
		*why = r == -EINVAL ? no_key : strerrordesc_np(-r);
	return r;
}

/* How a secret lies: flags of its opening, mode bits that it must not have, and what is wrong then. */
struct lying {
	int flags;
	mode_t refused;
	const char *open_to_all;
};

static int read_secret(int dirfd, const char *name, const struct lying *how, uint8_t key[static NC_KEY_LEN], const char **why)
{
	struct stat st;
	int fd = open_key(dirfd, name, how->flags, &st, why);

	memset(key, 0, NC_KEY_LEN);
	if (fd < 0)
		return fd;
	int r = -EPERM;
	char *text = NULL;
	*why = how->open_to_all;
	if (st.st_mode & how->refused)
		goto out;
	r = -ENOMEM;
	*why = "no locked memory for the key";
	text = sodium_malloc(KEY_HEX + 2);
	if (!text)
		goto out;
	r = parse_key(fd, key, text);
	if (r < 0)
		*why = r == -EINVAL ? no_key : strerrordesc_np(-r);
out:
	if (r < 0)
		sodium_memzero(key, NC_KEY_LEN);
	sodium_free(text);
	close(fd);
	return r;
}

int nc_key_read_secret(int dirfd, const char *name, uint8_t key[static NC_KEY_LEN], const char **why)
{
	static const struct lying own = { 0, 0077, "may be read by others than its owner: set its mode to 0600" };

	return read_secret(dirfd, name, &own, key, why);
}

/* systemd lets the daemon's user read them by an access control list where it can, which st_mode shows as the group's right. All
 * zeros pass for "no pre-shared key" elsewhere, and are nobody's key pair. */
int nc_key_read_credential(int dirfd, const char *name, uint8_t key[static NC_KEY_LEN], const char **why)
{
	static const struct lying credential = { O_NOFOLLOW, S_IRWXO, "may be read by everybody" };
	int r = read_secret(dirfd, name, &credential, key, why);

	if (r == 0 && sodium_is_zero(key, NC_KEY_LEN)) {
		*why = no_key;
		r = -EINVAL;
	}
	return r;
}

int nc_key_read_public(uint8_t key[static NC_KEY_LEN], const char *path, struct nc_buf *err)
{
	const char *why = "";
	int r = read_public(AT_FDCWD, path, key, &why);

	return r < 0 ? fail(err, path, "", why, r) : 0;
}

int nc_keypair_read(struct nc_keypair *k, const char *dir, struct nc_buf *err)
{
	const char *why = "", *name = pub_name;
	uint8_t own[NC_KEY_LEN];
	int r;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return fail(err, dir, "", strerrordesc_np(errno), -errno);
	r = read_public(dirfd, pub_name, k->pub, &why);
	if (r < 0)
		goto out;
	name = priv_name;
	r = nc_key_read_secret(dirfd, priv_name, k->priv, &why);
	if (r < 0)
		goto out;
	crypto_scalarmult_base(own, k->priv);
	if (sodium_memcmp(own, k->pub, NC_KEY_LEN) != 0) {
		name = pub_name;
		why = "is not the public key of the private key beside it";
		r = -EINVAL;
	}
out:
	close(dirfd);
	if (r < 0)
		sodium_memzero(k->priv, sizeof(k->priv));
	return r < 0 ? fail(err, dir, name, why, r) : 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_key(int dirfd, const char *name, mode_t mode, const uint8_t key[static NC_KEY_LEN])
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	int r = -ENOMEM;
	char *text = sodium_malloc(KEY_HEX + 1);
	if (!text)
		goto out;
	sodium_bin2hex(text, KEY_HEX + 1, key, NC_KEY_LEN);
	r = write_all(fd, text, KEY_HEX);
	/* whatever the umask took away */
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
out:
	sodium_free(text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, name, 0);
	return r;
}

int nc_keypair_write(const struct nc_keypair *k, const char *dir, struct nc_buf *err)
{
	const char *name = priv_name;
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dirfd < 0)
		return fail(err, dir, "", strerrordesc_np(errno), -errno);
	r = write_key(dirfd, priv_name, 0600, k->priv);
	if (r < 0)
		goto out;
	name = pub_name;
	r = write_key(dirfd, pub_name, 0644, k->pub);
	if (r < 0)
		unlinkat(dirfd, priv_name, 0);
	else
		fsync(dirfd);
out:
	close(dirfd);
	return r < 0 ? fail(err, dir, name, strerrordesc_np(-r), r) : 0;
}

_Static_assert(NC_KEY_PROOF == crypto_box_NONCEBYTES + crypto_box_MACBYTES + PROVED, "NC_KEY_PROOF");

int nc_key_prove(uint8_t out[static NC_KEY_PROOF], const struct nc_keypair *k, const uint8_t to[static NC_KEY_LEN],
                 const uint8_t session[static 32])
{
	randombytes_buf(out, crypto_box_NONCEBYTES);
	return crypto_box_easy(out + crypto_box_NONCEBYTES, session, PROVED, out, to, k->priv) == 0 ? 0 : -EINVAL;
}

bool nc_key_proved(const uint8_t proof[static NC_KEY_PROOF], const uint8_t key[static NC_KEY_LEN], const struct nc_keypair *own,
                   const uint8_t session[static 32])
{
	uint8_t said[PROVED];

	return crypto_box_open_easy(said, proof + crypto_box_NONCEBYTES, crypto_box_MACBYTES + PROVED, proof, key, own->priv) ==
	               0 &&
	       sodium_memcmp(said, session, PROVED) == 0;
}

/* --- the list ------------------------------------------------------------------------------------------------------ */

struct entry {
	uint8_t key[NC_KEY_LEN];
	char name[NAME_LEN + 1];
	uint8_t folder; /* which one it stands in */
};

struct nc_keylist {
	struct entry *entries; /* by name */
	uint32_t *by_key;      /* indices into entries, by key */
	size_t count, room;
	const char *const *dirs; /* while it is read */
};

static int compare_names(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : x->folder - y->folder;
}

static int compare_keys(const void *a, const void *b, void *entries)
{
	const struct entry *e = entries;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int c = memcmp(e[i].key, e[j].key, NC_KEY_LEN);

	return c ? c : (i > j) - (i < j);
}

bool nc_key_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strlen(name);

	return n > 0 && n <= NAME_LEN && name[0] != '.' && strspn(name, allowed) == n && strcmp(name, reserved) != 0;
}

static struct entry *list_room(struct nc_keylist *l)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct entry *e = reallocarray(l->entries, room, sizeof(*e));
		if (!e)
			return NULL;
		l->entries = e;
		l->room = room;
	}
	return &l->entries[l->count];
}

/* Adds dir/file to the list when it is a key; -ENOMEM or -E2BIG end the reading, anything else is one line in err. */
static int list_file(struct nc_keylist *l, int dirfd, uint8_t folder, const char *file, struct nc_buf *err)
{
	const char *why = "", *dir = l->dirs[folder];
	size_t n = strlen(file);

	if (file[0] == '.' || n < sizeof(suffix) || strcmp(file + n - (sizeof(suffix) - 1), suffix) != 0)
		return 0;
	if (l->count == NC_KEYS_MAX)
		return fail(err, dir, "", "more keys than can be held", -E2BIG);
	struct entry *e = list_room(l);
	if (!e)
		return fail(err, dir, "", "out of memory", -ENOMEM);
	n -= sizeof(suffix) - 1;
	if (n <= NAME_LEN) {
		memcpy(e->name, file, n);
		e->name[n] = '\0';
	}
	if (n > NAME_LEN || !nc_key_name_valid(e->name)) {
		complain(err, dir, file, "not a name for a sensor (letters, digits, '.', '_', '-', at most 64), skipped");
		return 0;
	}
	if (read_public(dirfd, file, e->key, &why) < 0) {
		complain(err, dir, file, why);
		return 0;
	}
	e->folder = folder;
	l->count++;
	return 0;
}

static int list_index(struct nc_keylist *l)
{
	uint32_t *by_key = reallocarray(l->by_key, l->count + 1, sizeof(*by_key));

	if (!by_key)
		return -ENOMEM;
	l->by_key = by_key;
	for (size_t i = 0; i < l->count; i++)
		by_key[i] = (uint32_t)i;
	if (l->count)
		qsort_r(by_key, l->count, sizeof(*by_key), compare_keys, l->entries);
	return 0;
}

/* Drops what stands behind the same name of an earlier folder. */
static void list_names(struct nc_keylist *l, struct nc_buf *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct entry *e = &l->entries[i];
		if (kept && strcmp(l->entries[kept - 1].name, e->name) == 0) {
			if (memcmp(l->entries[kept - 1].key, e->key, NC_KEY_LEN) != 0)
				complain(err, l->dirs[e->folder], e->name, "another key stands under this name in the folder of the configuration, skipped");
			continue;
		}
		l->entries[kept++] = *e;
	}
	l->count = kept;
}

/* Drops all but the first name of a key that stands there twice: whose records were they? */
static void list_unique(struct nc_keylist *l, struct nc_buf *err)
{
	size_t kept = 0;

	for (size_t i = 1; i < l->count; i++) {
		struct entry *e = &l->entries[l->by_key[i]];
		if (memcmp(l->entries[l->by_key[i - 1]].key, e->key, NC_KEY_LEN) != 0)
			continue;
		complain(err, l->dirs[e->folder], e->name, "its key stands under another name already, skipped");
		e->name[0] = '\0';
	}
	for (size_t i = 0; i < l->count; i++)
		if (l->entries[i].name[0] != '\0')
			l->entries[kept++] = l->entries[i];
	l->count = kept;
}

static int list_finish(struct nc_keylist *l, struct nc_buf *err)
{
	if (l->count)
		qsort(l->entries, l->count, sizeof(*l->entries), compare_names);
	list_names(l, err);
	int r = list_index(l);
	if (r < 0)
		return r;
	list_unique(l, err);
	return list_index(l);
}

/* -ENOENT without a line in err. */
static int list_folder(struct nc_keylist *l, uint8_t i, struct nc_buf *err)
{
	DIR *folder = opendir(l->dirs[i]);
	struct dirent *d;
	int r = 0;

	if (!folder)
		return errno == ENOENT ? -ENOENT : fail(err, l->dirs[i], "", strerrordesc_np(errno), -errno);
	while (r == 0 && (errno = 0, d = readdir(folder)))
		r = list_file(l, dirfd(folder), i, d->d_name, err);
	if (r == 0 && errno)
		r = -errno;
	closedir(folder);
	return r;
}

int nc_keylist_read_all(const char *const *dirs, size_t n, struct nc_keylist **ret, struct nc_buf *err)
{
	struct nc_keylist *l = calloc(1, sizeof(*l));
	size_t missing = 0;
	int r = l ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++) {
		l->dirs = dirs;
		r = list_folder(l, (uint8_t)i, err);
		missing += r == -ENOENT;
		if (r == -ENOENT && missing < n)
			r = 0;
	}
	if (r == -ENOENT)
		return nc_keylist_free(l), fail(err, dirs[0], "", strerrordesc_np(ENOENT), -ENOENT);
	if (r == 0)
		r = list_finish(l, err);
	if (r < 0) {
		nc_keylist_free(l);
		return r;
	}
	l->dirs = NULL;
	*ret = l;
	return 0;
}

int nc_keylist_read(const char *dir, struct nc_keylist **ret, struct nc_buf *err)
{
	return nc_keylist_read_all(&dir, 1, ret, err);
}

int nc_keylist_put(const char *dir, const char *name, const uint8_t key[static NC_KEY_LEN], struct nc_buf *err)
{
	char file[NAME_LEN + sizeof(suffix)], next[sizeof(file) + 8];
	int r = nc_key_name_valid(name) ? 0 : -EINVAL;

	if (r == 0 && mkdir(dir, 0750) < 0 && errno != EEXIST)
		r = -errno;
	int dirfd = r == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (r == 0 && dirfd < 0)
		r = -errno;
	if (r < 0)
		return fail(err, dir, "", strerrordesc_np(-r), r);
	snprintf(file, sizeof(file), "%s%s", name, suffix);
	snprintf(next, sizeof(next), ".%s.new", file);
	unlinkat(dirfd, next, 0);
	r = write_key(dirfd, next, 0644, key);
	if (r == 0 && (renameat(dirfd, next, dirfd, file) < 0 || fsync(dirfd) < 0))
		r = -errno;
	close(dirfd);
	return r < 0 ? fail(err, dir, file, strerrordesc_np(-r), r) : 0;
}

bool nc_key_parse(uint8_t key[static NC_KEY_LEN], const char *text)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
		                        sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING };
	size_t n = strlen(text), len;

	if (n == KEY_HEX)
		return nc_text_unhex(key, NC_KEY_LEN, text);
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
		if (sodium_base642bin(key, NC_KEY_LEN, text, n, NULL, &len, NULL, variants[i]) == 0 && len == NC_KEY_LEN)
			return true;
	return false;
}

void nc_keylist_free(struct nc_keylist *l)
{
	if (!l)
		return;
	free(l->entries);
	free(l->by_key);
	free(l);
}

size_t nc_keylist_count(const struct nc_keylist *l)
{
	return l->count;
}

const char *nc_keylist_name(const struct nc_keylist *l, size_t i)
{
	return l->entries[i].name;
}

const uint8_t *nc_keylist_key(const struct nc_keylist *l, size_t i)
{
	return l->entries[i].key;
}

ssize_t nc_keylist_index(const struct nc_keylist *l, const uint8_t key[static NC_KEY_LEN])
{
	size_t from = 0, to = l->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = memcmp(key, l->entries[l->by_key[mid]].key, NC_KEY_LEN);
		if (c == 0)
			return (ssize_t)l->by_key[mid];
		if (c < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return -1;
}

ssize_t nc_keylist_named(const struct nc_keylist *l, const char *name)
{
	size_t from = 0, to = l->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = strcmp(name, l->entries[mid].name);
		if (c == 0)
			return (ssize_t)mid;
		if (c < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return -1;
}

const char *nc_keylist_find(const struct nc_keylist *l, const uint8_t key[static NC_KEY_LEN])
{
	ssize_t i = nc_keylist_index(l, key);

	return i < 0 ? NULL : l->entries[i].name;
}
