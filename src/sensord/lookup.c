/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking up a name without sleeping: a child of our own asks. */
#include "config.h"

#include "sensord/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 60u /* s */

_Static_assert(sizeof(struct nc_lookup_answer) <= PIPE_BUF, "an answer comes in one piece");

static void ask(const char *host, const char *port, int flags, struct nc_lookup_answer *ret)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = flags }, *list = NULL;

	memset(ret, 0, sizeof(*ret));
	ret->error = getaddrinfo(host, port, &hints, &list);
	if (ret->error)
		return;
	for (const struct addrinfo *a = list; a && ret->count < NC_LOOKUP_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(ret->list[0].address))
			continue;
		memcpy(&ret->list[ret->count].address, a->ai_addr, a->ai_addrlen);
		ret->list[ret->count++].len = a->ai_addrlen;
	}
	freeaddrinfo(list);
}

bool nc_lookup_numeric(const char *host, const char *port, struct nc_lookup_answer *ret)
{
	ask(host, port, AI_NUMERICHOST, ret);
	return ret->error == 0;
}

static _Noreturn void child(int fd, const char *host, const char *port)
{
	struct nc_lookup_answer answer;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PATIENCE);
	ask(host, port, 0, &answer);
	_exit(write(fd, &answer, sizeof(answer)) != (ssize_t)sizeof(answer));
}

int nc_lookup_start(struct nc_lookup *l, const char *host, const char *port)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		child(fds[1], host, port);
	int rc = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (rc)
		close(fds[0]);
	else
		*l = (struct nc_lookup){ .pid = pid, .fd = fds[0] };
	return rc;
}

void nc_lookup_cancel(struct nc_lookup *l)
{
	if (l->pid <= 0)
		return;
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	close(l->fd);
	l->pid = 0;
}

int nc_lookup_poll(struct nc_lookup *l, struct nc_lookup_answer *ret)
{
	ssize_t n = read(l->fd, ret, sizeof(*ret));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n != (ssize_t)sizeof(*ret))
		*ret = (struct nc_lookup_answer){ .error = EAI_AGAIN };
	nc_lookup_cancel(l);
	return 0;
}
