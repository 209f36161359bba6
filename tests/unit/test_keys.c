/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Key files and the list of sensors: what is read, what is refused, and what is said about it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "wire/keys.h"

/* Bob's key pair of RFC 7748 section 6.1, and another's public key */
static const char bob_priv[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
static const char bob_pub[] = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
static const char other_pub[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
/* sha256 of Bob's public key, computed elsewhere */
static const char bob_fingerprint[] = "SHA256:815WFhYKML88bnn6c8V21AIF6Pw7pOHG3Pk+a5joV7Q";

struct fixture {
	char dir[64];
	struct nc_buf err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/test-keys-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(nc_keys_init(), 0);
	*state = f;
	return 0;
}

static void path_in(const struct fixture *f, const char *name, char out[static 256])
{
	snprintf(out, 256, "%s/%s", f->dir, name);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[256], *const argv[] = { (char[]){ "rm" }, (char[]){ "-rf" }, command, NULL };

	snprintf(command, sizeof(command), "%s", f->dir);
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	nc_buf_free(&f->err);
	free(f);
	return 0;
}

static void put(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	char path[256];

	path_in(f, name, path);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int read_pair(struct fixture *f)
{
	struct nc_keypair *k = nc_keypair_new();

	assert_non_null(k);
	nc_buf_reset(&f->err);
	int r = nc_keypair_read(k, f->dir, &f->err);
	nc_keypair_free(k);
	return r;
}

static void expect_err(struct fixture *f, const char *part)
{
	const char *text = nc_buf_cstr(&f->err);

	if (!strstr(text, part))
		fail_msg("'%s' does not say '%s'", text, part);
	assert_null(strchr(text, '\n'));
}

/* --- pairs --------------------------------------------------------------------------------------------------------- */

static void reads_a_pair(void **state)
{
	struct fixture *f = *state;
	struct nc_keypair *k = nc_keypair_new();
	char hex[65], text[66];

	snprintf(text, sizeof(text), "%s\n", bob_priv);
	put(f, "pub.key", bob_pub, 0644);
	put(f, "priv.key", text, 0600);
	assert_int_equal(nc_keypair_read(k, f->dir, &f->err), 0);
	assert_int_equal(f->err.len, 0);
	nc_text_hex(hex, k->pub, 32);
	assert_string_equal(hex, bob_pub);
	nc_text_hex(hex, k->priv, 32);
	assert_string_equal(hex, bob_priv);
	nc_keypair_free(k);
}

static void refuses_bad_pairs(void **state)
{
	struct fixture *f = *state;
	char text[200];

	assert_int_equal(read_pair(f), -ENOENT);
	expect_err(f, "pub.key: No such file");
	put(f, "pub.key", bob_pub, 0644);
	assert_int_equal(read_pair(f), -ENOENT);
	expect_err(f, "priv.key: No such file");
	put(f, "priv.key", bob_priv, 0640);
	assert_int_equal(read_pair(f), -EPERM);
	expect_err(f, "0600");
	put(f, "priv.key", bob_priv, 0604);
	assert_int_equal(read_pair(f), -EPERM);
	put(f, "priv.key", bob_priv, 0600);
	assert_int_equal(read_pair(f), 0);
	put(f, "pub.key", other_pub, 0644);
	assert_int_equal(read_pair(f), -EINVAL);
	expect_err(f, "not the public key");
	put(f, "pub.key", bob_pub, 0644);

	static const char *const wrong[] = { "", "\n", "zz", "%.63s", "%s0", "%s\n\n", "%s ", " %s", "%.63sg" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *at = strchr(wrong[i], '%');
		size_t keep = at && at[1] == '.' ? 63 : 64;
		int before = at ? (int)(at - wrong[i]) : (int)strlen(wrong[i]);
		snprintf(text, sizeof(text), "%.*s%.*s%s", before, wrong[i], at ? (int)keep : 0, bob_priv,
		         at ? strchr(at, 's') + 1 : "");
		put(f, "priv.key", text, 0600);
		assert_int_equal(read_pair(f), -EINVAL);
		expect_err(f, "priv.key");
		put(f, "priv.key", bob_priv, 0600);
		put(f, "pub.key", text, 0644);
		assert_int_equal(read_pair(f), -EINVAL);
		put(f, "pub.key", bob_pub, 0644);
	}
	assert_int_equal(read_pair(f), 0);
}

static void a_fifo_is_no_key(void **state)
{
	struct fixture *f = *state;
	char path[256];

	path_in(f, "pub.key", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_pair(f), -EINVAL);
	expect_err(f, "regular");
}

static void writes_a_pair_once(void **state)
{
	struct fixture *f = *state;
	struct nc_keypair *k = nc_keypair_new(), *again = nc_keypair_new();
	char path[256];
	struct stat st;

	mode_t old = umask(0);
	nc_keypair_generate(k);
	assert_int_equal(nc_keypair_write(k, f->dir, &f->err), 0);
	umask(old);
	path_in(f, "priv.key", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 64); /* the 2019 program chokes on a newline */
	path_in(f, "pub.key", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_size, 64);
	assert_int_equal(nc_keypair_read(again, f->dir, &f->err), 0);
	assert_memory_equal(again, k, sizeof(*k));

	nc_keypair_generate(k);
	assert_int_equal(nc_keypair_write(k, f->dir, &f->err), -EEXIST);
	assert_int_equal(nc_keypair_read(k, f->dir, &f->err), 0);
	assert_memory_equal(again, k, sizeof(*k));

	/* one half there: nothing is written, nothing is lost */
	path_in(f, "priv.key", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(nc_keypair_write(k, f->dir, &f->err), -EEXIST);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(nc_keypair_write(k, "/nonexistent", &f->err), -ENOENT);
	nc_keypair_free(k);
	nc_keypair_free(again);
}

static void fingerprints(void **state)
{
	uint8_t key[32];
	char text[NC_KEY_FINGERPRINT];

	(void)state;
	assert_true(nc_text_unhex(key, 32, bob_pub));
	nc_key_fingerprint(text, key);
	assert_string_equal(text, bob_fingerprint);
}

/* --- lists --------------------------------------------------------------------------------------------------------- */

static void empty_list(void **state)
{
	struct fixture *f = *state;
	struct nc_keylist *l;
	uint8_t key[32] = { 0 };

	assert_int_equal(nc_keylist_read(f->dir, &l, &f->err), 0);
	assert_int_equal(nc_keylist_count(l), 0);
	assert_null(nc_keylist_find(l, key));
	nc_keylist_free(l);
	assert_int_equal(nc_keylist_read("/nonexistent", &l, &f->err), -ENOENT);
	expect_err(f, "/nonexistent: No such file");
}

static void reads_a_list(void **state)
{
	struct fixture *f = *state;
	struct nc_keylist *l;
	uint8_t bob[32], other[32], nobody[32] = { 1 };
	char longest[80];

	memset(longest, 'n', sizeof(longest));
	memcpy(longest + 64, ".pub", 5);
	assert_true(nc_text_unhex(bob, 32, bob_pub));
	assert_true(nc_text_unhex(other, 32, other_pub));
	put(f, "web-1.pub", bob_pub, 0644);
	put(f, longest, other_pub, 0644);
	put(f, "README", "no key", 0644);
	put(f, ".hidden.pub", "no key", 0644);
	put(f, ".pub", "no key", 0644);
	assert_int_equal(nc_keylist_read(f->dir, &l, &f->err), 0);
	assert_int_equal(f->err.len, 0);
	assert_int_equal(nc_keylist_count(l), 2);
	assert_string_equal(nc_keylist_find(l, bob), "web-1");
	assert_int_equal(strlen(nc_keylist_find(l, other)), 64);
	assert_null(nc_keylist_find(l, nobody));
	assert_string_equal(nc_keylist_name(l, 1), "web-1");
	assert_memory_equal(nc_keylist_key(l, 1), bob, 32);
	assert_int_equal(nc_keylist_index(l, bob), 1);
	nc_keylist_free(l);
}

static void skips_bad_entries(void **state)
{
	struct fixture *f = *state;
	struct nc_keylist *l;
	uint8_t bob[32];
	char longer[80];

	memset(longer, 'n', sizeof(longer));
	memcpy(longer + 65, ".pub", 5);
	assert_true(nc_text_unhex(bob, 32, bob_pub));
	put(f, "good.pub", bob_pub, 0644);
	put(f, "short.pub", "1234", 0644);
	put(f, "sp ace.pub", other_pub, 0644);
	put(f, "new\nline.pub", other_pub, 0644);
	put(f, "unauthenticated.pub", other_pub, 0644);
	put(f, "zz.pub", bob_pub, 0644); /* the same key again */
	put(f, longer, other_pub, 0644);
	assert_int_equal(nc_keylist_read(f->dir, &l, &f->err), 0);
	assert_int_equal(nc_keylist_count(l), 1);
	assert_string_equal(nc_keylist_find(l, bob), "good");
	const char *err = nc_buf_cstr(&f->err);
	static const char *const named[] = {
		"short.pub", "sp ace.pub", "new\\x0aline.pub", "unauthenticated.pub", "zz", "nnn.pub"
	};
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (!strstr(err, named[i]))
			fail_msg("'%s' does not name %s", err, named[i]);
	size_t lines = 0;
	for (const char *p = err; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 6);
	nc_keylist_free(l);
}

static void finds_among_many(void **state)
{
	struct fixture *f = *state;
	struct nc_keylist *l;
	enum { N = 300 };
	uint8_t keys[N][32];
	char name[32], hex[65];

	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 32; k++)
			keys[i][k] = (uint8_t)(i * 167 + k * (i >> 3) + (i >> 8));
		nc_text_hex(hex, keys[i], 32);
		snprintf(name, sizeof(name), "s%d.pub", i);
		put(f, name, hex, 0644);
	}
	assert_int_equal(nc_keylist_read(f->dir, &l, &f->err), 0);
	assert_int_equal(nc_keylist_count(l), N);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_string_equal(nc_keylist_find(l, keys[i]), name);
		keys[i][31] ^= 0x80;
	}
	nc_keylist_free(l);
}

static void a_huge_heap_of_rubbish(void **state)
{
	struct fixture *f = *state;
	struct nc_keylist *l;
	char name[64];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "bad-%d.pub", i);
		put(f, name, "x", 0644);
	}
	assert_int_equal(nc_keylist_read(f->dir, &l, &f->err), 0);
	assert_int_equal(nc_keylist_count(l), 0);
	assert_true(f->err.len > 0 && f->err.len < 20000);
	nc_keylist_free(l);
}

static void folders_together(void **state)
{
	struct fixture *f = *state;
	char second[sizeof(f->dir) + 8];
	uint8_t a[NC_KEY_LEN] = { 1 }, b[NC_KEY_LEN] = { 2 }, c[NC_KEY_LEN] = { 3 };
	const char *const dirs[] = { f->dir, second };
	struct nc_keylist *l;

	snprintf(second, sizeof(second), "%s/more", f->dir);
	assert_int_equal(nc_keylist_read_all(dirs, 2, &l, &f->err), 0);
	assert_int_equal(nc_keylist_count(l), 0);
	nc_keylist_free(l);
	/* the folder is made, and a key takes the place of another one */
	assert_int_equal(nc_keylist_put(second, "two", a, &f->err), 0);
	assert_int_equal(nc_keylist_put(second, "two", b, &f->err), 0);
	assert_int_equal(nc_keylist_put(second, "one", c, &f->err), 0);
	assert_int_equal(nc_keylist_put(f->dir, "one", a, &f->err), 0);
	assert_int_equal(nc_keylist_read_all(dirs, 2, &l, &f->err), 0);
	assert_int_equal(nc_keylist_count(l), 2);
	assert_string_equal(nc_keylist_find(l, a), "one");
	assert_string_equal(nc_keylist_find(l, b), "two");
	assert_null(nc_keylist_find(l, c));
	assert_non_null(strstr(nc_buf_cstr(&f->err), "another key stands under this name"));
	nc_keylist_free(l);
	assert_int_equal(nc_keylist_put(second, "../x", a, &f->err), -EINVAL);
	assert_int_equal(nc_keylist_put("/nonexistent/x", "x", a, &f->err), -ENOENT);
	for (size_t i = 0; i < 2; i++) {
		char path[sizeof(second) + 16];
		snprintf(path, sizeof(path), "%s/%s.pub", second, i ? "one" : "two");
		unlink(path);
	}
	rmdir(second);
}

static void key_texts(void **state)
{
	static const char *const good[] = {
		"0001020304050607ffffffffffffffffffffffffffffffffffffffffffffffff",
		"AAECAwQFBgf///////////////////////////////8=",
		"AAECAwQFBgf///////////////////////////////8",
		"AAECAwQFBgf_______________________________8=",
		"AAECAwQFBgf_______________________________8",
	};
	static const char *const bad[] = { "", "00", "AAEC", "/etc/passwd", "0001020304050607fffffffffffffffffffffffffffffffffffffffffffffffg",
		                           "AAECAwQFBgf///////////////////////////////8= " };
	uint8_t key[NC_KEY_LEN], first[NC_KEY_LEN];

	(void)state;
	assert_true(nc_key_parse(first, good[0]));
	assert_int_equal(first[7], 7);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(nc_key_parse(key, good[i]));
		assert_memory_equal(key, first, NC_KEY_LEN);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(nc_key_parse(key, bad[i]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* A forked worker must not have the keys. */
static void no_key_in_children(void **state)
{
	struct nc_keypair *k = nc_keypair_new();

	(void)state;
	assert_non_null(k);
	nc_keypair_generate(k);
	pid_t child = fork();
	if (child == 0) {
		/* the kernel reads the bytes, so that no report of a sanitizer hides the answer */
		int pipes[2];
		_exit(pipe(pipes) == 0 && write(pipes[1], k->priv, sizeof(k->priv)) < 0 && errno == EFAULT ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	nc_keypair_free(k);
}

static void proofs_are_for_one_session(void **state)
{
	struct nc_keypair *k = nc_keypair_new(), *to = nc_keypair_new(), *other = nc_keypair_new();
	uint8_t proof[NC_KEY_PROOF], session[32] = { 1 }, low[NC_KEY_LEN] = { 0 };

	(void)state;
	nc_keypair_generate(k);
	nc_keypair_generate(to);
	nc_keypair_generate(other);
	assert_int_equal(nc_key_prove(proof, k, to->pub, session), 0);
	assert_true(nc_key_proved(proof, k->pub, to, session));
	assert_false(nc_key_proved(proof, other->pub, to, session));
	assert_false(nc_key_proved(proof, k->pub, other, session));
	session[0]++;
	assert_false(nc_key_proved(proof, k->pub, to, session));
	session[0]--;
	for (size_t i = 0; i < sizeof(proof); i++) {
		proof[i] ^= 1;
		assert_false(nc_key_proved(proof, k->pub, to, session));
		proof[i] ^= 1;
	}
	assert_int_equal(nc_key_prove(proof, k, low, session), -EINVAL);
	assert_false(nc_key_proved(proof, low, to, session));
	nc_keypair_free(k);
	nc_keypair_free(to);
	nc_keypair_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_a_pair),           TEST(refuses_bad_pairs), TEST(a_fifo_is_no_key),
		TEST(writes_a_pair_once),     TEST(fingerprints),      TEST(empty_list),
		TEST(reads_a_list),           TEST(skips_bad_entries), TEST(finds_among_many),
		TEST(proofs_are_for_one_session), TEST(a_huge_heap_of_rubbish), TEST(no_key_in_children),
		cmocka_unit_test_setup_teardown(folders_together, set_up, tear_down),
		cmocka_unit_test(key_texts),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
