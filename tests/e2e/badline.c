/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP proxy that is a bad line: what passes it can be delayed, held up, cut off in the middle, and reset.
 *
 * usage: badline PORT TO-PORT [DELAY-US]      both on 127.0.0.1; says "ready" once it listens
 *
 * Commands, a line each, on stdin; it ends with that:
 *   delay US      what is read from now on goes out so much later, in either direction
 *   stall MS      nothing moves for that time
 *   truncate N    after N more bytes in either direction nothing more passes, and the connections of now end
 *   cut, close    the connections end with a reset, or as if the other side had closed them
 *   count         says how many connections there are */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINES = 4096, PIECES = 65536, CHUNK = 256 * 1024 };
static const size_t room = 64u << 20; /* bytes that a direction holds at most */

struct piece {
	int64_t due;
	size_t n;
};

/* One direction: bytes that wait, and when each lot of them may go. */
struct way {
	uint8_t *data; /* a ring */
	size_t head, len;
	struct piece *pieces; /* a ring */
	size_t first, count;
	bool ended, shut;
};

struct line {
	int fd[2];
	struct way way[2]; /* from fd[i] to the other */
};

struct proxy {
	int listener;
	uint16_t to;
	struct line *lines[LINES];
	size_t count;
	int64_t delay, stalled_until; /* ns */
	int64_t allowed;              /* bytes, -1: any */
	bool cutting;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void drop(struct proxy *p, size_t i, bool reset)
{
	struct line *l = p->lines[i];
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	for (int k = 0; k < 2; k++) {
		if (reset)
			(void)setsockopt(l->fd[k], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(l->fd[k]);
		free(l->way[k].data);
		free(l->way[k].pieces);
	}
	free(l);
	p->lines[i] = p->lines[--p->count];
}

static void admit(struct proxy *p)
{
	const struct sockaddr_in to = local(p->to);
	int on = 1, near = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int far = near < 0 ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct line *l = far < 0 || p->count == LINES ? NULL : calloc(1, sizeof(*l));

	if (!l || connect(far, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		close(near);
		close(far);
		free(l);
		return;
	}
	(void)setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->fd[0] = near;
	l->fd[1] = far;
	for (int k = 0; k < 2; k++) {
		l->way[k].data = malloc(room);
		l->way[k].pieces = calloc(PIECES, sizeof(struct piece));
		if (!l->way[k].data || !l->way[k].pieces)
			die("memory");
	}
	p->lines[p->count++] = l;
}

/* Reads once; false when the line is broken. */
static bool take(struct proxy *p, struct way *w, int fd)
{
	size_t tail = (w->head + w->len) % room, n = room - w->len;

	n = n < room - tail ? n : room - tail;
	ssize_t got = recv(fd, w->data + tail, n < CHUNK ? n : CHUNK, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		w->ended = true;
	w->len += (size_t)got;
	w->pieces[(w->first + w->count++) % PIECES] = (struct piece){ .due = now() + p->delay, .n = (size_t)got };
	return true;
}

/* Sends what is due; false when the line is broken. */
static bool give(struct proxy *p, struct way *w, int fd)
{
	while (w->count > 0 && w->pieces[w->first].due <= now()) {
		struct piece *piece = &w->pieces[w->first];
		size_t n = piece->n < room - w->head ? piece->n : room - w->head;
		if (p->allowed >= 0 && n > (size_t)p->allowed)
			n = (size_t)p->allowed;
		ssize_t sent = n ? send(fd, w->data + w->head, n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		w->head = (w->head + (size_t)sent) % room;
		w->len -= (size_t)sent;
		piece->n -= (size_t)sent;
		if (p->allowed >= 0)
			p->allowed -= sent;
		p->cutting |= p->allowed == 0;
		if (piece->n > 0)
			return true;
		w->first = (w->first + 1) % PIECES;
		w->count--;
	}
	if (w->ended && w->count == 0 && !w->shut) {
		w->shut = true;
		(void)shutdown(fd, SHUT_WR);
	}
	return true;
}

static void command(struct proxy *p, const char *line)
{
	long long v = strtoll(strchr(line, ' ') ? strchr(line, ' ') : "0", NULL, 10);

	if (strncmp(line, "delay", 5) == 0)
		p->delay = v * 1000;
	else if (strncmp(line, "stall", 5) == 0)
		p->stalled_until = now() + v * 1000000;
	else if (strncmp(line, "truncate", 8) == 0)
		p->allowed = v;
	else if (strncmp(line, "count", 5) == 0)
		printf("%zu\n", p->count);
	else
		while (p->count > 0)
			drop(p, 0, strncmp(line, "cut", 3) == 0);
	fflush(stdout);
}

static void listen_on(struct proxy *p, uint16_t port)
{
	const struct sockaddr_in at = local(port);
	int on = 1;

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (p->listener < 0 || bind(p->listener, (const struct sockaddr *)&at, sizeof(at)) != 0 || listen(p->listener, 1024) != 0)
		die("listen");
}

/* What is to be waited for, and until when (ns; 0: for ever). */
static int64_t fill(const struct proxy *p, struct pollfd *f)
{
	int64_t wake = 0, time = now();
	bool moves = time >= p->stalled_until;

	f[0] = (struct pollfd){ .fd = 0, .events = POLLIN };
	f[1] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
	for (size_t i = 0; i < p->count; i++) {
		const struct line *l = p->lines[i];
		short events[2] = { 0, 0 };
		for (int k = 0; k < 2 && moves; k++) {
			const struct way *w = &l->way[k];
			if (!w->ended && w->len < room && w->count < PIECES)
				events[k] |= POLLIN;
			if (w->count == 0)
				continue;
			int64_t due = w->pieces[w->first].due;
			if (due <= time)
				events[!k] |= POLLOUT;
			else if (wake == 0 || due < wake)
				wake = due;
		}
		for (int k = 0; k < 2; k++)
			f[2 + 2 * i + (size_t)k] = (struct pollfd){ .fd = events[k] ? l->fd[k] : -1, .events = events[k] };
	}
	return moves ? wake : p->stalled_until;
}

static void move(struct proxy *p, const struct pollfd *f, size_t n)
{
	/* from the last to the first: dropping moves the last one to its place */
	for (size_t i = n; i-- > 0;) {
		struct line *l = p->lines[i];
		bool good = true;
		for (int k = 0; k < 2; k++) {
			if (f[2 + 2 * i + (size_t)k].revents & (POLLIN | POLLHUP | POLLERR))
				good &= l->way[k].ended || take(p, &l->way[k], l->fd[k]);
			good &= give(p, &l->way[k], l->fd[!k]);
		}
		if (!good || (l->way[0].shut && l->way[1].shut))
			drop(p, i, !good);
	}
	if (!p->cutting)
		return;
	p->cutting = false;
	p->allowed = -1;
	while (p->count > 0)
		drop(p, 0, false);
}

/* False at the end of stdin. */
static bool read_commands(struct proxy *p)
{
	char text[4096];
	ssize_t n = read(0, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			command(p, line);
	return true;
}

int main(int argc, char **argv)
{
	static struct pollfd f[2 + 2 * LINES];
	static struct proxy p = { .allowed = -1 };

	if (argc < 3)
		return 2;
	p.to = (uint16_t)strtoul(argv[2], NULL, 10);
	p.delay = argc > 3 ? strtoll(argv[3], NULL, 10) * 1000 : 0;
	listen_on(&p, (uint16_t)strtoul(argv[1], NULL, 10));
	puts("ready");
	fflush(stdout);
	for (;;) {
		size_t n = p.count;
		int64_t wake = fill(&p, f), time = now(), left = wake > time ? wake - time : 0;
		const struct timespec t = { .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
		if (ppoll(f, 2 + 2 * n, wake ? &t : NULL, NULL) < 0 && errno != EINTR)
			die("poll");
		if (now() >= p.stalled_until)
			move(&p, f, n);
		if (f[1].revents)
			admit(&p);
		if (f[0].revents && !read_commands(&p))
			return 0;
	}
}
