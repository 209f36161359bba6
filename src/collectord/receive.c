/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The collector's UDP sockets. */
#include "config.h"

#include "collectord/receive.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/message.h"
#include "base/text.h"
#include "base/time.h"

#define BATCH        32u /* datagrams per call */
#define ROUNDS       16u /* calls per event, so that timers and control get their turn */
#define DRAIN_ROUNDS 4096u
#define SLOT         65536u

struct udp {
	struct nc_receiver *owner;
	int fd;
	struct nc_loop_fd *watch;
	uint32_t drops_last; /* the kernel's counter, which wraps */
	uint64_t drops;
};

struct nc_receiver {
	struct nc_collector *collector;
	struct udp sockets[NC_LISTEN_MAX];
	size_t count;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_storage peers[BATCH];
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(uint32_t))];
	} control[BATCH];
	uint8_t *bytes; /* BATCH slots */
};

/* --- addresses ----------------------------------------------------------------------------------------------------- */

int nc_listen_parse(const char *text, struct nc_listen_address *ret)
{
	char host[NC_LISTEN_TEXT];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	struct addrinfo *found, hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_family = AF_INET,
		.ai_socktype = SOCK_DGRAM,
	};

	if (n == 0 || n >= sizeof(host))
		return -EINVAL;
	if (text[0] == '[') {
		if (n < 3 || text[n - 1] != ']')
			return -EINVAL;
		hints.ai_family = AF_INET6;
		text++;
		n -= 2;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	/* the C library would take "" for port 0, names of services, and 65536 */
	size_t digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' || strtoul(colon + 1, NULL, 10) > UINT16_MAX)
		return -EINVAL;
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&ret->addr, found->ai_addr, found->ai_addrlen);
	ret->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static void peer_ipv4(const uint8_t ip[static 4], uint16_t port, struct nc_peer *ret)
{
	nc_text_ipv4(ret->host, ip);
	snprintf(ret->address, sizeof(ret->address), "%s:%u", ret->host, ntohs(port));
}

static void peer_ipv6(const struct sockaddr_in6 *in6, struct nc_peer *ret)
{
	char name[IF_NAMESIZE];

	nc_text_ipv6(ret->host, in6->sin6_addr.s6_addr);
	if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, name))
		snprintf(ret->address, sizeof(ret->address), "[%s%%%s]:%u", ret->host, name, ntohs(in6->sin6_port));
	else
		snprintf(ret->address, sizeof(ret->address), "[%s]:%u", ret->host, ntohs(in6->sin6_port));
}

void nc_peer_of(const struct sockaddr_storage *addr, struct nc_peer *ret)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (addr->ss_family) {
	case AF_INET:
		memcpy(&in, addr, sizeof(in));
		peer_ipv4((const uint8_t *)&in.sin_addr, in.sin_port, ret);
		break;
	case AF_INET6:
		memcpy(&in6, addr, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			peer_ipv4(in6.sin6_addr.s6_addr + 12, in6.sin6_port, ret);
		else
			peer_ipv6(&in6, ret);
		break;
	default:
		*ret = (struct nc_peer){ .host = "?", .address = "?" };
	}
}

/* --- sockets ------------------------------------------------------------------------------------------------------- */

static void count_drops(struct udp *u, struct msghdr *m)
{
	uint32_t now;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&now, CMSG_DATA(c), sizeof(now));
		u->drops += now - u->drops_last;
		u->drops_last = now;
	}
}

static int receive(struct udp *u)
{
	struct nc_receiver *r = u->owner;

	for (size_t i = 0; i < BATCH; i++) {
		struct msghdr *m = &r->messages[i].msg_hdr;
		r->vectors[i] = (struct iovec){ .iov_base = r->bytes + i * SLOT, .iov_len = SLOT };
		*m = (struct msghdr){
			.msg_name = &r->peers[i],
			.msg_namelen = sizeof(r->peers[i]),
			.msg_iov = &r->vectors[i],
			.msg_iovlen = 1,
			.msg_control = &r->control[i],
			.msg_controllen = sizeof(r->control[i].bytes),
		};
	}
	int n = recvmmsg(u->fd, r->messages, BATCH, MSG_DONTWAIT, NULL);
	return n < 0 ? -errno : n;
}

/* One call's worth of datagrams; false when there are no more. */
static bool take_batch(struct udp *u)
{
	struct nc_receiver *r = u->owner;
	struct nc_instant now = { .mono = nc_time_mono(), .real = nc_time_real() };
	int n = receive(u);

	for (int i = 0; i < n; i++) {
		struct nc_peer peer;
		nc_peer_of(&r->peers[i], &peer);
		count_drops(u, &r->messages[i].msg_hdr);
		(void)nc_collector_datagram(r->collector, r->bytes + (size_t)i * SLOT, r->messages[i].msg_len, &peer, now);
	}
	/* errors of UDP sockets are answers to what somebody sent, and clear themselves */
	return n == (int)BATCH;
}

static void on_readable(void *user, uint32_t events)
{
	(void)events;
	for (unsigned i = 0; i < ROUNDS && take_batch(user); i++)
		;
}

static void set_buffer(int fd, uint64_t bytes)
{
	/* the kernel doubles it for its own use */
	int want = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes, have = 0;
	socklen_t len = sizeof(have);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &have, &len) == 0 && have / 2 < want)
		nc_say(NC_SAY_RECEIVE_BUFFER, NULL, "receive_buffer: the kernel granted %d of %d bytes; net.core.rmem_max is its limit", have / 2, want);
}

static int open_socket(const char *text)
{
	struct nc_listen_address a;
	int on = 1;
	int r = nc_listen_parse(text, &a);

	if (r < 0)
		return r;
	int fd = socket(a.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* "[::]" leaves IPv4 to "0.0.0.0", so that both may stand in the list */
	if (a.addr.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a.addr, a.len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int adopt(struct nc_receiver *r, struct nc_loop *loop, int fd, uint64_t buffer)
{
	struct udp *u = &r->sockets[r->count];
	int on = 1;

	set_buffer(fd, buffer);
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	*u = (struct udp){ .owner = r, .fd = fd };
	r->count++;
	return nc_loop_add_fd(loop, fd, EPOLLIN, on_readable, u, &u->watch);
}

static int open_all(struct nc_receiver *r, struct nc_loop *loop, const struct nc_conf_list *list, uint64_t buffer,
                    struct nc_buf *err)
{
	for (size_t i = 0; i < list->count; i++) {
		int fd = i < NC_LISTEN_MAX ? open_socket(list->items[i]) : -E2BIG;
		int code = fd < 0 ? fd : adopt(r, loop, fd, buffer);
		if (code < 0) {
			nc_buf_printf(err, "cannot receive on %s: %s", list->items[i], strerrordesc_np(-code));
			return code;
		}
	}
	return 0;
}

static int adopt_all(struct nc_receiver *r, struct nc_loop *loop, const int *fds, size_t n, uint64_t buffer, struct nc_buf *err)
{
	int code = 0;

	for (size_t i = 0; i < n; i++) {
		int one = r->count < NC_LISTEN_MAX ? adopt(r, loop, fds[i], buffer) : -E2BIG;
		if (r->count == NC_LISTEN_MAX && one == -E2BIG)
			close(fds[i]);
		if (one < 0 && code == 0)
			code = one;
	}
	if (code < 0)
		nc_buf_printf(err, "cannot receive on an inherited socket: %s", strerrordesc_np(-code));
	return code;
}

int nc_receiver_new(struct nc_loop *loop, struct nc_collector *c, const struct nc_conf_list *list, const int *fds, size_t nfds,
                    uint64_t buffer, struct nc_receiver **ret, struct nc_buf *err)
{
	struct nc_receiver *r = calloc(1, sizeof(*r));
	int code = -ENOMEM;

	if (!r)
		goto out;
	r->collector = c;
	r->bytes = malloc((size_t)BATCH * SLOT);
	if (!r->bytes)
		goto out;
	code = nfds ? adopt_all(r, loop, fds, nfds, buffer, err) : open_all(r, loop, list, buffer, err);
	if (code == 0 && r->count == 0) {
		nc_buf_str(err, "listen: no address to receive on");
		code = -EINVAL;
	}
out:
	if (code < 0) {
		nc_receiver_free(r);
		return code;
	}
	*ret = r;
	return 0;
}

void nc_receiver_free(struct nc_receiver *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		if (r->sockets[i].watch)
			nc_loop_del_fd(r->sockets[i].watch);
		close(r->sockets[i].fd);
	}
	free(r->bytes);
	free(r);
}

void nc_receiver_drain(struct nc_receiver *r)
{
	for (size_t i = 0; i < r->count; i++)
		for (unsigned k = 0; k < DRAIN_ROUNDS && take_batch(&r->sockets[i]); k++)
			;
}

size_t nc_receiver_count(const struct nc_receiver *r)
{
	return r->count;
}

void nc_receiver_address(const struct nc_receiver *r, size_t i, char out[static NC_LISTEN_TEXT])
{
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(addr);
	struct nc_peer p;

	(void)getsockname(r->sockets[i].fd, (struct sockaddr *)&addr, &len);
	nc_peer_of(&addr, &p);
	snprintf(out, NC_LISTEN_TEXT, "%s", p.address);
}

uint64_t nc_receiver_drops(const struct nc_receiver *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->count; i++)
		sum += r->sockets[i].drops;
	return sum;
}
