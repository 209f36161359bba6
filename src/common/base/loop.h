/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event loop over epoll: descriptors, timers and signals of one daemon or tool. */
#ifndef NC_BASE_LOOP_H
#define NC_BASE_LOOP_H

#include <stdint.h>
#include <signal.h>
#include <sys/epoll.h>

struct nc_loop;
struct nc_loop_fd;
struct nc_loop_timer;

typedef void (*nc_loop_fd_fn)(void *user, uint32_t events);
typedef void (*nc_loop_timer_fn)(void *user);
typedef void (*nc_loop_signal_fn)(void *user, int signo);

/* A new loop into *ret; 0 or negative errno. */
int nc_loop_new(struct nc_loop **ret);
/* Frees the loop and all watches (descriptors stay open); nc_loop_free(NULL) does nothing. */
void nc_loop_free(struct nc_loop *l);
/* Watches fd (not owned) for epoll events; *ret is owned by the loop. 0 or negative errno. A watch may be removed
 * from inside any callback, and must be before fd is closed (a forked child may hold fd open, and epoll with it). */
int nc_loop_add_fd(struct nc_loop *l, int fd, uint32_t events, nc_loop_fd_fn fn, void *user, struct nc_loop_fd **ret);
int nc_loop_mod_fd(struct nc_loop_fd *w, uint32_t events);
void nc_loop_del_fd(struct nc_loop_fd *w);
/* Calls fn once in `after` nanoseconds, and then every `period` nanoseconds unless that is 0 (the timer is then
 * freed after the call). ret may be NULL. */
int nc_loop_add_timer(struct nc_loop *l, int64_t after, int64_t period, nc_loop_timer_fn fn, void *user,
                      struct nc_loop_timer **ret);
void nc_loop_del_timer(struct nc_loop_timer *t);
/* Blocks the signals of the set and delivers them to fn through a signalfd (one set per loop). They stay
 * blocked when the loop is freed; a forked child inherits that and unblocks what it wants. */
int nc_loop_signals(struct nc_loop *l, const sigset_t *set, nc_loop_signal_fn fn, void *user);
/* Runs until nc_loop_stop; returns the code given there, or negative errno. */
int nc_loop_run(struct nc_loop *l);
/* One round: waits at most timeout_ms (-1: until something happens), runs the callbacks; 0 or negative errno. */
int nc_loop_once(struct nc_loop *l, int timeout_ms);
void nc_loop_stop(struct nc_loop *l, int code);

#endif
