/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control socket: Varlink (JSON messages ended by NUL) over a UNIX stream socket, both sides. */
#ifndef NC_CONTROL_CONTROL_H
#define NC_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "base/loop.h"

#define NC_CONTROL_MESSAGE_MAX (256 * 1024) /* bytes of one request */
#define NC_CONTROL_CLIENTS_MAX 64

enum nc_control_right {
	NC_CONTROL_LOOK, /* members of group netcap, the daemon's user, root */
	NC_CONTROL_ACT,  /* the daemon's user and root */
};

/* Result of a command: parameters of the reply in *reply (a new reference, may stay NULL for none), or the name of an
 * error of the interface ("NotPossible") with optional parameters in *reply. NULL means success. */
typedef const char *(*nc_control_fn)(void *user, json_t *parameters, json_t **reply);

/* One method. The table drives dispatch, rights, netcapctl's help and completion. */
struct nc_control_command {
	const char *name;   /* netcapctl's word: "status" */
	const char *method; /* varlink method: "GetStatus" */
	enum nc_control_right right;
	const char *help;      /* one line */
	const char *signature; /* varlink: "() -> (status: object)" */
	/* netcapctl's words for string parameters, "[NAME]" when it may be left out, and which parameters these are (NULL:
	 * "name") */
	const char *argument, *parameter;
	const char *second, *second_parameter;
	bool stream; /* replies go on until the client leaves: nc_control_defer, nc_control_more */
	nc_control_fn fn;      /* NULL in netcapctl */
};

struct nc_control_server;

/* What the server is, for org.varlink.service.GetInfo and the interface description. */
struct nc_control_info {
	const char *product;   /* "netcap-sensord" */
	const char *version;
	const char *interface; /* "org.netcap.Sensor" */
	const char *group;     /* whose members may look; NULL: nobody but root and the own user */
};

/* Listens on `path` (mode 0660, an old socket file is replaced when nobody answers on it; -EADDRINUSE when somebody
 * does) or, when fd >= 0, on that listening socket, which is taken over on success. Serves `table` on the loop; table and
 * the strings of info must outlive the server. 0 or negative errno. */
int nc_control_listen(struct nc_loop *loop, const char *path, int fd, const struct nc_control_info *info,
                      const struct nc_control_command *table, size_t n, void *user, struct nc_control_server **ret);
/* Closes all clients, removes the socket file if it made it. Not from inside a command. */
void nc_control_close(struct nc_control_server *s);

/* For a command whose answer comes later: called from inside its function, whose result is not looked at then. Returns a token
 * for nc_control_complete; further requests of the client wait until that has been called. */
uint64_t nc_control_defer(struct nc_control_server *s);
/* Takes that back, from inside the same command: its result is looked at after all. */
void nc_control_undefer(struct nc_control_server *s);
/* The answer: error NULL, or the name of one of the interface; parameters (a reference that is taken over) may be NULL. Does
 * nothing when the client is gone. Not from inside a command. */
void nc_control_complete(struct nc_control_server *s, uint64_t token, const char *error, json_t *parameters);

/* One of several answers of a command that was deferred, when the client asked for more of them ("more": true); to others it is
 * the last one. parameters (a reference) are taken over but for -EAGAIN; NULL only asks what would become of them. 0; -EAGAIN:
 * the client is so far behind that it was not sent; -ENOENT: the client is gone, or has its last answer: the token is not valid
 * any more. Not from inside a command. */
int nc_control_more(struct nc_control_server *s, uint64_t token, json_t *parameters);
/* From inside a command: whether the client asked for more than one answer. */
bool nc_control_wants_more(const struct nc_control_server *s);

/* The pure part, for tests and fuzzing: answers one message (without its NUL) of a peer that has `right`. Returns the
 * reply as a new reference, NULL when the caller asked for none (oneway) ; bad JSON sets *fatal (close the client). more may be
 * NULL; it is set, before the command runs, to whether the caller asked for several answers. */
json_t *nc_control_answer(const struct nc_control_info *info, const struct nc_control_command *table, size_t n, void *user,
                          enum nc_control_right right, const char *message, size_t len, bool *fatal, bool *more);

/* Client: calls `interface.method` on the socket at `path`, waiting at most timeout_ms in all. On success *reply is a new
 * reference to the reply's parameters (an object). Otherwise: -ENOENT/-ECONNREFUSED not running, -EACCES no permission to
 * connect, -EPERM the daemon refused, -ENOSYS unknown method, -ETIMEDOUT, -EPROTO, -EREMOTEIO another error of the
 * interface (*reply then holds {"error": name, "parameters": …}). */
int nc_control_call(const char *path, const char *interface, const char *method, json_t *parameters, int timeout_ms,
                    json_t **reply);
/* The same for a command with several answers ("more": true): fn gets each (borrowed) and returns 0 to go on; anything else ends
 * it and is returned. timeout_ms is for the connection; answers may take as long as they like. 0 after the last one; for
 * -EREMOTEIO *error is as *reply above. */
typedef int (*nc_control_reply_fn)(void *user, json_t *parameters);
int nc_control_call_more(const char *path, const char *interface, const char *method, json_t *parameters, int timeout_ms,
                         nc_control_reply_fn fn, void *user, json_t **error);

#endif
