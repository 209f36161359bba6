/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event loop over epoll: descriptors, timers and signals of one daemon or tool. */
#include "config.h"

#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/time.h"

#define ROUND_EVENTS  64
#define ROUND_SIGNALS 16

/* A removed watch waits in `dead` until the round ends, since events of the round may still point to it. */
struct nc_loop_fd {
	struct nc_loop *loop;
	struct nc_loop_fd *prev, *next;
	int fd;
	nc_loop_fd_fn fn; /* NULL: removed */
	void *user;
};

struct nc_loop_timer {
	struct nc_loop *loop;
	struct nc_loop_timer *next; /* the earliest is first */
	int64_t due, period;
	nc_loop_timer_fn fn; /* NULL: removed while its own callback ran */
	void *user;
};

struct nc_loop {
	int epoll;
	struct nc_loop_fd *watches;
	struct nc_loop_fd *dead;
	struct nc_loop_timer *timers;
	struct nc_loop_timer *running; /* not in `timers` */
	int signals;
	struct nc_loop_fd *signals_watch;
	nc_loop_signal_fn signal_fn;
	void *signal_user;
	bool stop;
	int code;
};

int nc_loop_new(struct nc_loop **ret)
{
	struct nc_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->signals = -1;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		int rc = -errno;
		free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

static void free_watches(struct nc_loop_fd **list)
{
	while (*list) {
		struct nc_loop_fd *w = *list;
		*list = w->next;
		free(w);
	}
}

void nc_loop_free(struct nc_loop *l)
{
	if (!l)
		return;
	free_watches(&l->watches);
	free_watches(&l->dead);
	while (l->timers) {
		struct nc_loop_timer *t = l->timers;
		l->timers = t->next;
		free(t);
	}
	if (l->signals >= 0)
		close(l->signals);
	close(l->epoll);
	free(l);
}

int nc_loop_add_fd(struct nc_loop *l, int fd, uint32_t events, nc_loop_fd_fn fn, void *user, struct nc_loop_fd **ret)
{
	struct nc_loop_fd *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct nc_loop_fd){ .loop = l, .next = l->watches, .fd = fd, .fn = fn, .user = user };
	struct epoll_event ev = { .events = events, .data.ptr = w };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int rc = -errno;
		free(w);
		return rc;
	}
	if (l->watches)
		l->watches->prev = w;
	l->watches = w;
	if (ret)
		*ret = w;
	return 0;
}

int nc_loop_mod_fd(struct nc_loop_fd *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	return epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &ev) < 0 ? -errno : 0;
}

void nc_loop_del_fd(struct nc_loop_fd *w)
{
	if (!w || !w->fn)
		return;
	struct nc_loop *l = w->loop;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	if (w->prev)
		w->prev->next = w->next;
	else
		l->watches = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->fn = NULL;
	w->next = l->dead;
	l->dead = w;
}

static void schedule(struct nc_loop *l, struct nc_loop_timer *t)
{
	struct nc_loop_timer **at = &l->timers;

	while (*at && (*at)->due <= t->due)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

static int64_t later(int64_t now, int64_t ns)
{
	return ns > INT64_MAX - now ? INT64_MAX : now + (ns < 0 ? 0 : ns);
}

int nc_loop_add_timer(struct nc_loop *l, int64_t after, int64_t period, nc_loop_timer_fn fn, void *user,
                      struct nc_loop_timer **ret)
{
	struct nc_loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (struct nc_loop_timer){ .loop = l, .due = later(nc_time_mono(), after), .period = period, .fn = fn, .user = user };
	schedule(l, t);
	if (ret)
		*ret = t;
	return 0;
}

void nc_loop_del_timer(struct nc_loop_timer *t)
{
	if (!t)
		return;
	if (t == t->loop->running) {
		t->fn = NULL;
		return;
	}
	for (struct nc_loop_timer **at = &t->loop->timers; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	free(t);
}

static void on_signals(void *user, uint32_t events)
{
	struct nc_loop *l = user;
	struct signalfd_siginfo info[ROUND_SIGNALS];

	(void)events;
	ssize_t n = read(l->signals, info, sizeof(info));
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(info[0]); i++)
		l->signal_fn(l->signal_user, (int)info[i].ssi_signo);
}

int nc_loop_signals(struct nc_loop *l, const sigset_t *set, nc_loop_signal_fn fn, void *user)
{
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	int fd = signalfd(l->signals, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	l->signals = fd;
	l->signal_fn = fn;
	l->signal_user = user;
	return l->signals_watch ? 0 : nc_loop_add_fd(l, fd, EPOLLIN, on_signals, l, &l->signals_watch);
}

/* Calls it and puts it back, or frees it. Periods that passed meanwhile are left out. */
static void run_timer(struct nc_loop *l, struct nc_loop_timer *t, int64_t now)
{
	l->running = t;
	t->fn(t->user);
	l->running = NULL;
	if (!t->fn || t->period <= 0) {
		free(t);
		return;
	}
	int64_t missed = (now - t->due) / t->period;
	t->due = later(t->due + missed * t->period, t->period);
	schedule(l, t);
}

/* Timers that the callbacks add wait for the next round, so that a round ends. */
static void run_timers(struct nc_loop *l)
{
	int64_t now = nc_time_mono();

	while (l->timers && l->timers->due <= now && !l->stop) {
		struct nc_loop_timer *t = l->timers;
		l->timers = t->next;
		run_timer(l, t, now);
	}
}

/* Milliseconds until the next timer, rounded up, at most timeout_ms (-1: no limit). */
static int wait_ms(const struct nc_loop *l, int timeout_ms)
{
	if (!l->timers)
		return timeout_ms;
	int64_t left = l->timers->due - nc_time_mono();
	int64_t ms = left <= 0 ? 0 : left / 1000000 + (left % 1000000 != 0);
	if (ms > INT_MAX)
		ms = INT_MAX;
	return timeout_ms >= 0 && timeout_ms < ms ? timeout_ms : (int)ms;
}

int nc_loop_once(struct nc_loop *l, int timeout_ms)
{
	struct epoll_event ev[ROUND_EVENTS];
	int n = epoll_wait(l->epoll, ev, ROUND_EVENTS, wait_ms(l, timeout_ms));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n && !l->stop; i++) {
		struct nc_loop_fd *w = ev[i].data.ptr;
		if (w->fn)
			w->fn(w->user, ev[i].events);
	}
	run_timers(l);
	free_watches(&l->dead);
	return 0;
}

int nc_loop_run(struct nc_loop *l)
{
	while (!l->stop) {
		int rc = nc_loop_once(l, -1);
		if (rc < 0)
			return rc;
	}
	l->stop = false;
	return l->code;
}

void nc_loop_stop(struct nc_loop *l, int code)
{
	l->stop = true;
	l->code = code;
}
