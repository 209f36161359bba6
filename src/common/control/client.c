/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client of the control socket: one call, one reply, within a time. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "control/control.h"

#define REPLY_MAX (16 * 1024 * 1024)
#define READ_SIZE (64 * 1024)
#define RETRY_MS  10

static int left_ms(int64_t deadline)
{
	int64_t left = (deadline - nc_time_mono()) / 1000000;

	return left < 0 ? 0 : (int)left;
}

static int await(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, deadline ? left_ms(deadline) : -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* A UNIX socket whose queue is full says EAGAIN, and poll can't tell when that is over. */
static int connect_by(int fd, const struct sockaddr_un *addr, int64_t deadline)
{
	while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (left_ms(deadline) == 0)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = RETRY_MS * 1000000 }, NULL);
	}
	return 0;
}

static int open_socket(const char *path, int64_t deadline)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	size_t len = strlen(path);
	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc = connect_by(fd, &addr, deadline);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int send_all(int fd, const struct nc_buf *out, int64_t deadline)
{
	for (size_t sent = 0; sent < out->len;) {
		ssize_t n = send(fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);
		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPIPE || errno == ECONNRESET ? -EPROTO : -errno;
		int rc = await(fd, POLLOUT, deadline);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Reads until a NUL is among the bytes behind `from`; *ret is where. deadline 0: as long as it takes. */
static int receive(int fd, struct nc_buf *in, int64_t deadline, size_t *ret)
{
	const uint8_t *nul = in->len ? memchr(in->data, 0, in->len) : NULL;

	while (!nul) {
		int rc = await(fd, POLLIN, deadline);
		if (rc < 0)
			return rc;
		uint8_t *to = nc_buf_reserve(in, READ_SIZE);
		if (!to)
			return -EPROTO;
		ssize_t n = recv(fd, to, READ_SIZE, 0);
		if (n == 0)
			return -EPROTO;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno == ECONNRESET ? -EPROTO : -errno;
		nul = n > 0 ? memchr(to, 0, (size_t)n) : NULL;
		in->len += n > 0 ? (size_t)n : 0;
	}
	*ret = (size_t)(nul - in->data);
	return 0;
}

static int append_json(const char *p, size_t n, void *out)
{
	nc_buf_add(out, p, n);
	return 0;
}

static int encode(const char *interface, const char *method, json_t *parameters, bool more, struct nc_buf *out)
{
	struct nc_buf name = { 0 };
	json_t *call;

	nc_buf_printf(&name, "%s.%s", interface, method);
	if (parameters)
		call = json_pack("{s:s, s:O}", "method", nc_buf_cstr(&name), "parameters", parameters);
	else
		call = json_pack("{s:s, s:{}}", "method", nc_buf_cstr(&name), "parameters");
	nc_buf_free(&name);
	if (!call || (more && json_object_set_new(call, "more", json_true()) < 0)) {
		json_decref(call);
		return -EINVAL;
	}
	json_dump_callback(call, append_json, out, JSON_COMPACT);
	nc_buf_u8(out, 0);
	json_decref(call);
	return out->failed ? -ENOMEM : 0;
}

static int error_code(const char *error)
{
	static const struct {
		const char *error;
		int rc;
	} codes[] = {
		{ "org.varlink.service.PermissionDenied", -EPERM },
		{ "org.varlink.service.MethodNotFound", -ENOSYS },
		{ "org.varlink.service.MethodNotImplemented", -ENOSYS },
		{ "org.varlink.service.InterfaceNotFound", -ENOSYS },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(error, codes[i].error) == 0)
			return codes[i].rc;
	return -EREMOTEIO;
}

static int decode(const struct nc_buf *in, size_t len, json_t **reply, bool *continues)
{
	json_t *m = json_loadb((const char *)in->data, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *error = json_object_get(m, "error");
	json_t *parameters = json_object_get(m, "parameters");
	int rc = -EPROTO;

	if (!json_is_object(m) || (error && !json_is_string(error)) || (parameters && !json_is_object(parameters)))
		goto out;
	rc = error ? error_code(json_string_value(error)) : 0;
	*continues = json_is_true(json_object_get(m, "continues"));
	if (rc == -EREMOTEIO)
		*reply = json_incref(m);
	else if (rc == 0)
		*reply = parameters ? json_incref(parameters) : json_object();
out:
	json_decref(m);
	return rc;
}

/* Connects and sends the call; the socket or negative errno. */
static int begin(const char *path, const char *interface, const char *method, json_t *parameters, bool more, int64_t deadline)
{
	struct nc_buf out = { 0 };
	int fd = -1, rc = encode(interface, method, parameters, more, &out);

	if (rc == 0)
		rc = fd = open_socket(path, deadline);
	if (rc >= 0)
		rc = send_all(fd, &out, deadline);
	nc_buf_free(&out);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int nc_control_call(const char *path, const char *interface, const char *method, json_t *parameters, int timeout_ms,
                    json_t **reply)
{
	int64_t deadline = nc_time_mono() + (int64_t)timeout_ms * 1000000;
	int fd = begin(path, interface, method, parameters, false, deadline), rc = fd;
	bool continues;
	struct nc_buf in;
	size_t len = 0;

	nc_buf_init(&in, REPLY_MAX + READ_SIZE);
	if (fd >= 0) {
		rc = receive(fd, &in, deadline, &len);
		close(fd);
	}
	if (rc == 0)
		rc = decode(&in, len, reply, &continues);
	nc_buf_free(&in);
	return rc;
}

int nc_control_call_more(const char *path, const char *interface, const char *method, json_t *parameters, int timeout_ms,
                         nc_control_reply_fn fn, void *user, json_t **error)
{
	int64_t deadline = nc_time_mono() + (int64_t)timeout_ms * 1000000;
	int fd = begin(path, interface, method, parameters, true, deadline), rc = fd < 0 ? fd : 0;
	bool continues = fd >= 0;
	struct nc_buf in;
	size_t len = 0;

	nc_buf_init(&in, REPLY_MAX + READ_SIZE);
	while (rc == 0 && continues) {
		json_t *reply = NULL;
		rc = receive(fd, &in, 0, &len);
		if (rc == 0)
			rc = decode(&in, len, &reply, &continues);
		if (rc == -EREMOTEIO)
			*error = json_incref(reply);
		if (rc == 0)
			rc = fn(user, reply);
		json_decref(reply);
		nc_buf_consume(&in, rc == 0 ? len + 1 : 0);
	}
	if (fd >= 0)
		close(fd);
	nc_buf_free(&in);
	return rc;
}
