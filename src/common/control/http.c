/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics over HTTP, for those who come and fetch them: GET /metrics, on the loopback or on a socket that systemd holds. */
#include "config.h"

#include "control/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef NC_MICROHTTPD

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "control/metrics.h"

#define FORMS          2
#define FRESH          (NC_NS_PER_S / 5)
#define CLIENT_SECONDS 3u
#define CLIENT_MEMORY  (16u * 1024u)
#define BACKLOG        16

struct nc_http {
	struct nc_loop *loop;
	struct nc_loop_fd *watch;
	struct nc_loop_timer *timer;
	struct MHD_Daemon *daemon;
	int fd;
	enum nc_control_daemon d;
	json_t *(*status)(void *user);
	void *user;
	struct nc_buf text[FORMS]; /* what was said last */
	int64_t when[FORMS];
};

static enum MHD_Result respond(struct MHD_Connection *c, unsigned code, const char *type, const void *p, size_t n)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)p, MHD_RESPMEM_MUST_COPY);

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	enum MHD_Result rc = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result respond_text(struct MHD_Connection *c, unsigned code, const char *text)
{
	return respond(c, code, "text/plain; charset=utf-8", text, strlen(text));
}

static const struct nc_buf *metrics(struct nc_http *h, enum nc_metrics_form form)
{
	struct nc_buf *b = &h->text[form];
	int64_t now = nc_time_mono();

	if (b->len && now - h->when[form] < FRESH)
		return b;
	json_t *status = h->status(h->user);
	nc_buf_reset(b);
	nc_metrics_write(h->d, status, form, b);
	nc_metrics_end(form, b);
	json_decref(status);
	h->when[form] = now;
	return b;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *data, size_t *size, void **state)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	(void)version;
	(void)data;
	/* the first call comes before a body, which nobody wants */
	if (!*state) {
		*state = user;
		return MHD_YES;
	}
	if (*size) {
		*size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET /metrics\n");
	if (strcmp(url, "/metrics") != 0)
		return respond_text(c, MHD_HTTP_NOT_FOUND, "there is /metrics only\n");
	bool open = accept && strstr(accept, "application/openmetrics-text");
	const struct nc_buf *b = metrics(user, open ? NC_METRICS_OPENMETRICS : NC_METRICS_PROMETHEUS);
	return respond(c, MHD_HTTP_OK, open ? NC_METRICS_OPENMETRICS_TYPE : NC_METRICS_PROMETHEUS_TYPE, b->data, b->len);
}

static void on_event(void *user, uint32_t events)
{
	const struct nc_http *h = user;

	(void)events;
	MHD_run(h->daemon);
}

static void on_timer(void *user)
{
	on_event(user, 0);
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

/* A socket that others made may block. */
static int take(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : fd;
}

static int start(struct nc_http *h)
{
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET,
	                             h->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)NC_HTTP_CLIENTS_MAX,
	                             MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                             (size_t)CLIENT_MEMORY, MHD_OPTION_END);
	if (!h->daemon)
		return -EIO;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int rc = info ? nc_loop_add_fd(h->loop, info->epoll_fd, EPOLLIN, on_event, h, &h->watch) : -EIO;
	/* connections that say nothing end by time */
	return rc ? rc : nc_loop_add_timer(h->loop, NC_NS_PER_S, NC_NS_PER_S, on_timer, h, &h->timer);
}

int nc_http_new(struct nc_loop *loop, enum nc_control_daemon d, uint16_t port, int fd, json_t *(*status)(void *user), void *user,
                struct nc_http **ret, struct nc_buf *err)
{
	struct nc_http *h = calloc(1, sizeof(*h));
	int rc = h ? 0 : -ENOMEM;

	if (h) {
		*h = (struct nc_http){ .loop = loop, .d = d, .status = status, .user = user };
		rc = h->fd = fd >= 0 ? take(fd) : listen_on(port);
	}
	if (rc >= 0)
		rc = start(h);
	if (rc < 0) {
		nc_buf_printf(err, "metrics.port: 127.0.0.1:%u: %s", port, strerrordesc_np(-rc));
		nc_http_free(h);
		return rc;
	}
	*ret = h;
	return 0;
}

void nc_http_free(struct nc_http *h)
{
	if (!h)
		return;
	if (h->watch)
		nc_loop_del_fd(h->watch);
	nc_loop_del_timer(h->timer);
	/* closes the socket, too */
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	else if (h->fd >= 0)
		close(h->fd);
	for (size_t i = 0; i < FORMS; i++)
		nc_buf_free(&h->text[i]);
	free(h);
}

#else

int nc_http_new(struct nc_loop *loop, enum nc_control_daemon d, uint16_t port, int fd, json_t *(*status)(void *user), void *user,
                struct nc_http **ret, struct nc_buf *err)
{
	(void)loop;
	(void)d;
	(void)port;
	(void)fd;
	(void)status;
	(void)user;
	(void)ret;
	nc_buf_str(err, "metrics.port: this program was built without libmicrohttpd");
	return -ENOSYS;
}

void nc_http_free(struct nc_http *h)
{
	(void)h;
}

#endif
