/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox of a worker: no privileges, no file system, an allow-list of system calls, limits. */
#include "config.h"

#include "pipeline/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#endif

static int close_others(const struct nc_sandbox *s)
{
	unsigned from = 0;

	for (size_t i = 0; i <= s->keep_count; i++) {
		unsigned to = i < s->keep_count ? (unsigned)s->keep[i] : ~0u;
		bool last = i == s->keep_count;
		if ((last || to > from) && syscall(SYS_close_range, from, last ? to : to - 1, 0) != 0)
			return -errno;
		from = to + 1;
	}
	return 0;
}

static bool belongs_to_kept(const struct nc_sandbox *s, uint64_t inode)
{
	struct stat st;

	for (size_t i = 0; i < s->keep_count; i++)
		if (fstat(s->keep[i], &st) == 0 && st.st_ino == inode)
			return true;
	return false;
}

/* One line of /proc/self/maps (proc(5)): "from-to perms offset device inode path"; perms end with s when it is shared. */
static int unshare_line(const struct nc_sandbox *s, const char *line)
{
	uintptr_t own = (uintptr_t)s->own;
	char *at;
	uintptr_t from = strtoul(line, &at, 16), to = *at == '-' ? strtoul(at + 1, &at, 16) : 0;

	if (to <= from || strlen(at) < 5)
		return -EIO;
	if (at[4] != 's' || (from >= own && to - own <= s->own_size))
		return 0;
	(void)strtoul(at + 5, &at, 16);
	at += strspn(at, " ");
	at += strcspn(at, " ");
	if (belongs_to_kept(s, strtoull(at, NULL, 10)))
		return 0;
	return munmap((void *)from, to - from) == 0 ? 0 : -errno;
}

/* Rings and pieces of the other workers, of other interfaces too, came over fork. */
static int unshare_memory(const struct nc_sandbox *s)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t size = 0;
	int rc = f ? 0 : -errno;

	while (rc == 0 && getline(&line, &size, f) > 0)
		rc = unshare_line(s, line);
	if (rc == 0 && ferror(f))
		rc = -EIO;
	free(line);
	if (f)
		fclose(f);
	return rc;
}

/* Address space in use, from /proc/self/statm (first number: pages). */
static int address_space(size_t *ret)
{
	char text[64];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	*ret = strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int limit_one(int what, rlim_t to)
{
	struct rlimit l = { .rlim_cur = to, .rlim_max = to };
	return setrlimit((__rlimit_resource_t)what, &l) == 0 ? 0 : -errno;
}

#if !defined(NC_SANITIZERS) && !defined(NC_GCOV)
/* All the memory that the worker may add becomes its heap at once, untouched, and stays there when it is freed. */
static int reserve_heap(size_t n)
{
	if (mallopt(M_MMAP_MAX, 0) != 1 || mallopt(M_TRIM_THRESHOLD, INT_MAX) != 1)
		return -EINVAL;
	void *p = malloc(n);
	if (!p)
		return -ENOMEM;
	free(p);
	return 0;
}
#endif

/* A service manager may refuse setrlimit (systemd's @resources): *fixed then says that no call may add memory any more. What the
 * other limits forbid, the list of calls forbids as well. */
static int limits(const struct nc_sandbox *s, bool *fixed)
{
	size_t now = 0;
	int rc = address_space(&now);

	*fixed = false;
	if (rc == 0)
		rc = limit_one(RLIMIT_AS, (rlim_t)now + s->memory);
#if !defined(NC_SANITIZERS) && !defined(NC_GCOV)
	if (rc == -EPERM) {
		*fixed = true;
		return reserve_heap(s->memory);
	}
#endif
	if (rc == 0)
		rc = limit_one(RLIMIT_CORE, 0);
	/* reports and coverage data of instrumented builds go to files */
#if !defined(NC_SANITIZERS) && !defined(NC_GCOV)
	if (rc == 0)
		rc = limit_one(RLIMIT_FSIZE, 0);
	if (rc == 0)
		rc = limit_one(RLIMIT_NPROC, 0);
#endif
	return rc;
}

/* Landlock with every access right handled and none granted: no path can be opened, ever. */
static int landlock(void)
{
#if defined(HAVE_LINUX_LANDLOCK_H) && !defined(NC_GCOV)
	struct landlock_ruleset_attr a = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
			LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
			LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof(a), 0);
	if (fd < 0)
		/* EPERM: making a rule set takes no privilege, so it is a container's own filter that does not know the
		 * call; ours forbids all that opens a path anyway */
		return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
	int rc = syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? 0 : -errno;
	close(fd);
	return rc;
#else
	return 0;
#endif
}

/* A service manager may refuse capset (systemd's @privileged). The list of calls has none that a capability would make a
 * difference to: no socket, no bind, no setsockopt. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 }, { 0 } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &h, d) == 0 || errno == EPERM ? 0 : -errno;
}

static const int calls_always[] = {
	SCMP_SYS(read), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime), SCMP_SYS(sched_yield),
};

static const int calls_memory[] = { SCMP_SYS(brk), SCMP_SYS(mremap) };

/* libpcap on a packet socket: statistics, and what it asks after an error. */
static const int calls_live[] = {
	SCMP_SYS(getsockopt), SCMP_SYS(pread64), SCMP_SYS(getsockname),
};

#if defined(NC_SANITIZERS) || defined(NC_GCOV)
/* What the run-time libraries of instrumented builds do on their own, reports included. */
static const int calls_instrumented[] = {
	SCMP_SYS(open),           SCMP_SYS(openat),
	SCMP_SYS(write),
	SCMP_SYS(close),          SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),     SCMP_SYS(lseek),
	SCMP_SYS(getpid),         SCMP_SYS(gettid),
	SCMP_SYS(sigaltstack),    SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(readlink),
	SCMP_SYS(prctl),          SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrlimit),      SCMP_SYS(prlimit64),
	SCMP_SYS(mprotect),       SCMP_SYS(clone),
	SCMP_SYS(clone3),         SCMP_SYS(wait4),
	SCMP_SYS(ptrace),         SCMP_SYS(pipe),
	SCMP_SYS(pipe2),          SCMP_SYS(dup2),
	SCMP_SYS(fcntl),          SCMP_SYS(access),
	SCMP_SYS(faccessat),      SCMP_SYS(getdents64),
	SCMP_SYS(tgkill),         SCMP_SYS(process_vm_readv),
	SCMP_SYS(stat),           SCMP_SYS(readlinkat),
	SCMP_SYS(uname),          SCMP_SYS(mkdir),
	SCMP_SYS(ftruncate),      SCMP_SYS(ioctl),
	SCMP_SYS(geteuid),        SCMP_SYS(getuid),
	SCMP_SYS(umask),          SCMP_SYS(mmap),
};
#endif

static int rules(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc = seccomp_rule_add(ctx, action, calls[i], 0);
		if (rc != 0 && rc != -EEXIST)
			return rc;
	}
	return 0;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Memory, but nothing that can be executed; when it is fixed, the answer is that there is no more. */
static int memory_calls(scmp_filter_ctx ctx, bool fixed)
{
	uint32_t action = fixed ? SCMP_ACT_ERRNO(ENOMEM) : SCMP_ACT_ALLOW;
	int rc = rules(ctx, action, calls_memory, COUNT(calls_memory));

#if !defined(NC_SANITIZERS) && !defined(NC_GCOV)
	if (rc == 0)
		rc = seccomp_rule_add(ctx, action, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (rc == 0)
		rc = seccomp_rule_add(ctx, action, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#endif
	return rc;
}

static int system_calls(const struct nc_sandbox *s, bool fixed)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return -ENOMEM;
	int rc = rules(ctx, SCMP_ACT_ALLOW, calls_always, COUNT(calls_always));
	if (rc == 0)
		rc = memory_calls(ctx, fixed);
	if (rc == 0 && s->live)
		rc = rules(ctx, SCMP_ACT_ALLOW, calls_live, COUNT(calls_live));
	/* is the interface still up? */
	if (rc == 0 && s->live)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, SIOCGIFFLAGS, 0));
#if defined(NC_SANITIZERS) || defined(NC_GCOV)
	if (rc == 0)
		rc = rules(ctx, SCMP_ACT_ALLOW, calls_instrumented, COUNT(calls_instrumented));
#else
	/* what is written to a packet socket goes out on the network */
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)s->signal, 0));
#endif
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

int nc_sandbox_enter(const struct nc_sandbox *s, const char **step)
{
	bool fixed;
	int rc;

	*step = "closing descriptors";
	rc = close_others(s);
	if (rc)
		return rc;
	*step = "unmapping what others share";
	rc = unshare_memory(s);
	if (rc)
		return rc;
	*step = "setting limits";
	rc = limits(s, &fixed);
	if (rc)
		return rc;
	*step = "giving up privileges";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	rc = landlock();
	if (rc)
		return rc;
	rc = drop_capabilities();
	if (rc)
		return rc;
	*step = "loading the list of system calls";
	return system_calls(s, fixed);
}
