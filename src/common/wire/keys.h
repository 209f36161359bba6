/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Curve25519 key pairs in files of 64 hex digits, and the list of authorised keys. */
#ifndef NC_WIRE_KEYS_H
#define NC_WIRE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define NC_KEY_LEN         32u
#define NC_KEY_FINGERPRINT 72 /* "SHA256:" and base64 without padding, with NUL */
#define NC_KEYS_MAX        65536u
#define NC_KEY_PROOF       72u /* bytes of a proof: nonce, tag, 32 bytes */

/* A key pair; lives in memory from nc_keypair_new (sodium_malloc: locked, guarded, wiped when freed). */
struct nc_keypair {
	uint8_t pub[NC_KEY_LEN];
	uint8_t priv[NC_KEY_LEN];
};
/* sodium_init once per process; 0 or -EIO. */
int nc_keys_init(void);
/* n bytes for secrets: locked, guarded, not there in forked children; sodium_free wipes them. NULL when memory is short. */
void *nc_keys_memory(size_t n);
struct nc_keypair *nc_keypair_new(void); /* uninitialised; NULL when memory is short */
void nc_keypair_free(struct nc_keypair *k);
void nc_keypair_generate(struct nc_keypair *k);
/* Reads <dir>/pub.key and <dir>/priv.key; a newline at the end is accepted. err gets one line (without its end). -EINVAL when
 * the public key is not that of the private one, -EPERM when the private key file may be read by others than its owner. */
int nc_keypair_read(struct nc_keypair *k, const char *dir, struct nc_buf *err);
/* Writes pub.key (0644) and priv.key (0600) into dir; existing files are never overwritten (-EEXIST). */
int nc_keypair_write(const struct nc_keypair *k, const char *dir, struct nc_buf *err);
/* One public key from a file of 64 hex digits (and a newline). */
int nc_key_read_public(uint8_t key[static NC_KEY_LEN], const char *path, struct nc_buf *err);
/* 32 secret bytes from a file of 64 hex digits (and a newline) in the folder dirfd, or AT_FDCWD; -EPERM when others than its
 * owner may read it. On failure *why is a few words, and key is zeros. */
int nc_key_read_secret(int dirfd, const char *name, uint8_t key[static NC_KEY_LEN], const char **why);
/* The same of a credential in the folder that systemd hands over: its group may read it; links and zeros are refused. */
int nc_key_read_credential(int dirfd, const char *name, uint8_t key[static NC_KEY_LEN], const char **why);
/* "SHA256:…" over the 32 bytes of a public key. */
void nc_key_fingerprint(char out[static NC_KEY_FINGERPRINT], const uint8_t key[static NC_KEY_LEN]);

/* The proof, to the owner of `to`, that the private half of k is at hand: a crypto_box of 32 bytes that name the session. 0,
 * or -EINVAL when `to` is no key. */
int nc_key_prove(uint8_t out[static NC_KEY_PROOF], const struct nc_keypair *k, const uint8_t to[static NC_KEY_LEN],
                 const uint8_t session[static 32]);
bool nc_key_proved(const uint8_t proof[static NC_KEY_PROOF], const uint8_t key[static NC_KEY_LEN], const struct nc_keypair *own,
                   const uint8_t session[static 32]);

/* The collector's list: a folder of <name>.pub files. Names are [A-Za-z0-9._-], at most 64, not starting with a dot;
 * "unauthenticated" is taken (the collector's folder of unknown senders). Entries stand in the order of their names. */
struct nc_keylist;
bool nc_key_name_valid(const char *name);
/* Reads the folder; a bad file or name, or a key that comes twice, is skipped with a line (with its end) in err. Files that do
 * not end in .pub are none of ours. 0 or negative errno. */
int nc_keylist_read(const char *dir, struct nc_keylist **ret, struct nc_buf *err);
/* The same of several folders in one list; one that is missing is empty, but -ENOENT when all are. Of a name that stands in two
 * of them the first folder's is taken. */
int nc_keylist_read_all(const char *const *dirs, size_t n, struct nc_keylist **ret, struct nc_buf *err);
/* Puts the public key of a valid name (nc_key_name_valid) into the folder, as <name>.pub, in the place of one that is there; the
 * folder is made when it is missing. On the disk when it returns 0; negative errno with a line in err. */
int nc_keylist_put(const char *dir, const char *name, const uint8_t key[static NC_KEY_LEN], struct nc_buf *err);
/* A public key from its text: 64 hexadecimal digits, or base64 with or without padding. False for anything else. */
bool nc_key_parse(uint8_t key[static NC_KEY_LEN], const char *text);
void nc_keylist_free(struct nc_keylist *l);
size_t nc_keylist_count(const struct nc_keylist *l);
const char *nc_keylist_name(const struct nc_keylist *l, size_t i);
const uint8_t *nc_keylist_key(const struct nc_keylist *l, size_t i);
/* The index of a key, -1 when it is not on the list. */
ssize_t nc_keylist_index(const struct nc_keylist *l, const uint8_t key[static NC_KEY_LEN]);
/* The index of a name, -1 when it is not on the list. */
ssize_t nc_keylist_named(const struct nc_keylist *l, const char *name);
/* The sensor's name for a key, or NULL. */
const char *nc_keylist_find(const struct nc_keylist *l, const uint8_t key[static NC_KEY_LEN]);

#endif
