/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server of the control socket: clients, their rights and their limits. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "control/control.h"

#define READ_SIZE  (64 * 1024)
#define OUT_HIGH   (256 * 1024)       /* above this no more requests of the client are answered until it reads */
#define MORE_HIGH  (4 * 1024 * 1024)  /* above this no more answers of a stream are taken */
#define OUT_MAX    (16 * 1024 * 1024) /* one reply may be large; a client that has so much to read is closed */
#define STALL      (10 * NC_NS_PER_S) /* a client that reads nothing of a waiting reply for so long is closed */
#define PAUSE      (NC_NS_PER_S / 2)  /* without descriptors, before accept is tried again */
#define GROUPS_MAX 1024

#define RIGHT_NONE (-1)

struct client {
	struct nc_control_server *server;
	struct client *prev, *next; /* who was active longest ago is first */
	int fd;
	int right; /* enum nc_control_right or RIGHT_NONE */
	struct nc_loop_fd *watch;
	struct nc_loop_timer *stall; /* while something waits in out */
	struct nc_buf in, out;
	size_t checked; /* bytes of `in` known to hold no NUL */
	uint64_t token; /* of an answer that comes later; 0: none */
	bool more;      /* it asked for several of them */
	bool ending;    /* nothing more is read; closed when out is empty */
};

struct nc_control_server {
	struct nc_loop *loop;
	struct nc_loop_fd *watch;
	struct nc_loop_timer *pause;
	int fd;
	char *path; /* the socket file, when this server made it */
	struct nc_control_info info;
	const struct nc_control_command *table;
	size_t n;
	void *user;
	struct client *first, *last;
	size_t count;
	uint64_t tokens, deferred; /* how many there were; the one that the command in hand took */
	bool more;                 /* what the caller of that command wants */
};

static void unlink_client(struct client *c)
{
	struct nc_control_server *s = c->server;

	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
	s->count--;
}

static void append_client(struct client *c)
{
	struct nc_control_server *s = c->server;

	c->prev = s->last;
	c->next = NULL;
	*(s->last ? &s->last->next : &s->first) = c;
	s->last = c;
	s->count++;
}

static void close_client(struct client *c)
{
	unlink_client(c);
	nc_loop_del_fd(c->watch);
	nc_loop_del_timer(c->stall);
	close(c->fd);
	nc_buf_free(&c->in);
	nc_buf_free(&c->out);
	free(c);
}

static bool has_group(const gid_t *groups, size_t n, gid_t gid)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* The groups the peer's process had when it connected; the user database where the kernel does not tell. */
static bool peer_in_group(int fd, const struct ucred *peer, const char *group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	const struct group *g = getgrnam(group);

	if (!g)
		return false;
	gid_t gid = g->gr_gid;
	if (peer->gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0)
		return has_group(groups, len / sizeof(groups[0]), gid);
	const struct passwd *pw = getpwuid(peer->uid);
	int n = GROUPS_MAX;
	return pw && getgrouplist(pw->pw_name, peer->gid, groups, &n) >= 0 && has_group(groups, (size_t)n, gid);
}

static int peer_right(int fd, const char *group)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return RIGHT_NONE;
	if (peer.uid == 0 || peer.uid == geteuid())
		return NC_CONTROL_ACT;
	return group && peer_in_group(fd, &peer, group) ? (int)NC_CONTROL_LOOK : RIGHT_NONE;
}

static int append_json(const char *p, size_t n, void *out)
{
	nc_buf_add(out, p, n);
	return 0;
}

static void append_reply(struct client *c, const json_t *reply)
{
	json_dump_callback(reply, append_json, &c->out, JSON_COMPACT);
	nc_buf_u8(&c->out, 0);
}

/* Answers one message; false when the client is to be closed at once. */
static bool answer(struct client *c, const char *message, size_t len)
{
	struct nc_control_server *s = c->server;
	bool fatal = false;
	json_t *reply;

	if (len > NC_CONTROL_MESSAGE_MAX)
		return false;
	if (c->right == RIGHT_NONE) {
		reply = json_pack("{s:s, s:{}}", "error", "org.varlink.service.PermissionDenied", "parameters");
		c->ending = true;
	} else {
		s->deferred = 0;
		reply = nc_control_answer(&s->info, s->table, s->n, s->user, (enum nc_control_right)c->right, message, len,
		                          &fatal, &s->more);
		/* who wanted no reply gets none later, either */
		c->token = reply ? s->deferred : 0;
		c->more = c->token && s->more;
	}
	if (reply && !c->token)
		append_reply(c, reply);
	json_decref(reply);
	return !fatal && !c->out.failed;
}

/* Whether answer_all stopped early, because of what waits in out. */
static bool unanswered(const struct client *c)
{
	return c->checked < c->in.len;
}

static bool wants_input(const struct client *c)
{
	return !c->ending && c->out.len < OUT_HIGH && !c->token && !unanswered(c);
}

/* Answers the whole messages in `in`, as long as the client reads the replies. */
static bool answer_all(struct client *c)
{
	size_t done = 0;
	bool ok = true;

	while (ok && !c->ending && !c->token && c->out.len < OUT_HIGH) {
		size_t from = c->checked > done ? c->checked : done;
		const uint8_t *nul = c->in.len > from ? memchr(c->in.data + from, 0, c->in.len - from) : NULL;
		if (!nul) {
			c->checked = c->in.len;
			break;
		}
		size_t end = (size_t)(nul - c->in.data);
		ok = answer(c, (const char *)c->in.data + done, end - done);
		done = end + 1;
	}
	if (done) {
		nc_buf_consume(&c->in, done);
		c->checked = c->checked > done ? c->checked - done : 0;
	}
	return ok && (unanswered(c) || c->in.len <= NC_CONTROL_MESSAGE_MAX);
}

static void on_stall(void *user)
{
	struct client *c = user;

	c->stall = NULL;
	close_client(c);
}

static bool restart_stall(struct client *c)
{
	nc_loop_del_timer(c->stall);
	c->stall = NULL;
	/* who follows a stream may read as slowly as it likes: what waits for it is bounded */
	return c->out.len == 0 || c->more || nc_loop_add_timer(c->server->loop, STALL, 0, on_stall, c, &c->stall) == 0;
}

/* Sends what the socket takes. */
static bool flush_out(struct client *c)
{
	size_t sent = 0;

	while (sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return false;
		sent += (size_t)n;
	}
	if (sent)
		nc_buf_consume(&c->out, sent);
	return (sent == 0 && (c->stall || c->more)) || restart_stall(c);
}

/* Up to READ_SIZE bytes; false when the connection is broken or a message too long. */
static bool read_in(struct client *c)
{
	uint8_t *to = nc_buf_reserve(&c->in, READ_SIZE);

	if (!to)
		return false;
	ssize_t n = recv(c->fd, to, READ_SIZE, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		c->ending = true;
	c->in.len += (size_t)n;
	return true;
}

/* One round of a client; false when it is to be closed. A client may shut down its side and still read the replies to
 * what it sent before. */
static bool serve(struct client *c, uint32_t events)
{
	if ((events & EPOLLIN) && wants_input(c) && !read_in(c))
		return false;
	bool eof = c->ending && c->right != RIGHT_NONE;
	size_t before;
	c->ending = c->ending && !eof;
	do {
		before = c->in.len;
		if (!answer_all(c) || !flush_out(c))
			return false;
	} while (c->out.len == 0 && !c->token && c->in.len < before);
	c->ending = c->ending || eof;
	if (c->ending && c->out.len == 0 && !c->token)
		return false;
	uint32_t want = (c->out.len ? EPOLLOUT : 0u) | (wants_input(c) ? EPOLLIN : 0u);
	return nc_loop_mod_fd(c->watch, want) == 0;
}

uint64_t nc_control_defer(struct nc_control_server *s)
{
	s->deferred = ++s->tokens;
	return s->deferred;
}

void nc_control_undefer(struct nc_control_server *s)
{
	s->deferred = 0;
}

static json_t *later_reply(const struct nc_control_server *s, const char *error, json_t *parameters)
{
	char name[128];

	if (!parameters)
		parameters = json_object();
	if (!error)
		return json_pack("{s:o}", "parameters", parameters);
	snprintf(name, sizeof(name), "%s.%s", s->info.interface, error);
	return json_pack("{s:s, s:o}", "error", name, "parameters", parameters);
}

static struct client *by_token(const struct nc_control_server *s, uint64_t token)
{
	struct client *c = s->first;

	while (c && c->token != token)
		c = c->next;
	return c;
}

bool nc_control_wants_more(const struct nc_control_server *s)
{
	return s->more;
}

int nc_control_more(struct nc_control_server *s, uint64_t token, json_t *parameters)
{
	struct client *c = by_token(s, token);
	int rc = c ? 0 : -ENOENT;

	if (!parameters)
		return c && c->more && c->out.len >= MORE_HIGH ? -EAGAIN : rc;
	if (c && !c->more) {
		nc_control_complete(s, token, NULL, json_incref(parameters));
		rc = -ENOENT;
	} else if (c && c->out.len >= MORE_HIGH) {
		return -EAGAIN;
	} else if (c) {
		json_t *reply = json_pack("{s:O, s:b}", "parameters", parameters, "continues", 1);
		if (reply)
			append_reply(c, reply);
		json_decref(reply);
		if (!reply || c->out.failed || !serve(c, 0)) {
			close_client(c);
			rc = -ENOENT;
		}
	}
	json_decref(parameters);
	return rc;
}

void nc_control_complete(struct nc_control_server *s, uint64_t token, const char *error, json_t *parameters)
{
	struct client *c = by_token(s, token);

	if (!c) {
		json_decref(parameters);
		return;
	}
	json_t *reply = later_reply(s, error, parameters);
	c->token = 0;
	c->more = false;
	if (reply)
		append_reply(c, reply);
	json_decref(reply);
	if (!reply || c->out.failed || !serve(c, 0))
		close_client(c);
}

static void on_client(void *user, uint32_t events)
{
	struct client *c = user;

	if ((events & EPOLLERR) || ((events & EPOLLHUP) && !(events & EPOLLIN)) || !serve(c, events)) {
		close_client(c);
		return;
	}
	unlink_client(c);
	append_client(c);
}

static void add_client(struct nc_control_server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		goto fail;
	*c = (struct client){ .server = s, .fd = fd, .right = peer_right(fd, s->info.group) };
	nc_buf_init(&c->in, NC_CONTROL_MESSAGE_MAX + 2 * READ_SIZE);
	nc_buf_init(&c->out, OUT_MAX);
	if (nc_loop_add_fd(s->loop, fd, EPOLLIN, on_client, c, &c->watch) < 0)
		goto fail;
	if (s->count >= NC_CONTROL_CLIENTS_MAX)
		close_client(s->first);
	append_client(c);
	return;
fail:
	free(c);
	close(fd);
}

static void on_pause_over(void *user)
{
	struct nc_control_server *s = user;

	s->pause = NULL;
	nc_loop_mod_fd(s->watch, EPOLLIN);
}

static void on_listener(void *user, uint32_t events)
{
	struct nc_control_server *s = user;

	(void)events;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		add_client(s, fd);
		return;
	}
	/* No descriptors left: the connection stays in the queue, so wait instead of spinning. */
	bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
	if (full && !s->pause && nc_loop_add_timer(s->loop, PAUSE, 0, on_pause_over, s, &s->pause) == 0)
		nc_loop_mod_fd(s->watch, 0);
}

/* 0 when nothing listens there and the name is free now. */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
	close(fd);
	if (rc != -ECONNREFUSED)
		return rc == 0 || rc == -EAGAIN ? -EADDRINUSE : rc;
	return unlink(addr->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Group members may connect; that the group can't be given is no failure, since root and the user still may. */
static int open_to_group(const char *path, const char *group)
{
	const struct group *g = group ? getgrnam(group) : NULL;

	if (g && lchown(path, (uid_t)-1, g->gr_gid) < 0 && errno != EPERM)
		return -errno;
	return chmod(path, 0660) < 0 ? -errno : 0;
}

static int make_socket(struct nc_control_server *s, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	size_t len = strlen(path);
	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len + 1);
	int rc = remove_stale(&addr);
	if (rc < 0)
		return rc;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	/* Nobody but the owner until the mode is set below. */
	mode_t mask = umask(0177);
	rc = bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (rc < 0)
		return rc;
	s->path = strdup(path);
	if (!s->path) {
		unlink(path);
		return -ENOMEM;
	}
	rc = open_to_group(path, s->info.group);
	if (rc < 0)
		return rc;
	return listen(s->fd, NC_CONTROL_CLIENTS_MAX) < 0 ? -errno : 0;
}

static int take_socket(struct nc_control_server *s, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	s->fd = fd;
	return 0;
}

int nc_control_listen(struct nc_loop *loop, const char *path, int fd, const struct nc_control_info *info,
                      const struct nc_control_command *table, size_t n, void *user, struct nc_control_server **ret)
{
	struct nc_control_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct nc_control_server){ .loop = loop, .fd = -1, .info = *info, .table = table, .n = n, .user = user };
	int rc = fd >= 0 ? take_socket(s, fd) : make_socket(s, path);
	if (rc == 0)
		rc = nc_loop_add_fd(loop, s->fd, EPOLLIN, on_listener, s, &s->watch);
	if (rc < 0) {
		if (fd >= 0)
			s->fd = -1;
		nc_control_close(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void nc_control_close(struct nc_control_server *s)
{
	if (!s)
		return;
	while (s->first)
		close_client(s->first);
	nc_loop_del_timer(s->pause);
	nc_loop_del_fd(s->watch);
	if (s->path)
		unlink(s->path);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}
