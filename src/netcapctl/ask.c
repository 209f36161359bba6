/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking a daemon, and saying in words why it did not answer. */
#include "config.h"

#include "netcapctl/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "netcapctl/ctl.h"

#define SERVICE "org.varlink.service"

int nc_ctl_target(enum nc_control_daemon d, const char *path, struct nc_ctl_target *t)
{
	t->service = nc_control_service(d);
	if (!path)
		path = getenv(t->service->env);
	int n = path && *path ? snprintf(t->socket, sizeof(t->socket), "%s", path)
	                      : snprintf(t->socket, sizeof(t->socket), NC_RUNDIR "/%s", t->service->socket);
	return n < 0 || (size_t)n >= sizeof(t->socket) ? -ENAMETOOLONG : 0;
}

static bool lists(json_t *array, const char *word)
{
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item) {
		const char *s = json_string_value(item);
		if (s && strcmp(s, word) == 0)
			return true;
	}
	return false;
}

int nc_ctl_identify(const char *path, enum nc_control_daemon *ret)
{
	json_t *reply = NULL;
	int rc = nc_control_call(path, SERVICE, "GetInfo", NULL, NC_CTL_TIMEOUT_MS, &reply);

	if (rc == 0) {
		json_t *interfaces = json_object_get(reply, "interfaces");
		if (lists(interfaces, NC_CONTROL_SENSOR))
			*ret = NC_CONTROL_SENSORD;
		else if (lists(interfaces, NC_CONTROL_COLLECTOR))
			*ret = NC_CONTROL_COLLECTORD;
		else
			rc = -EPROTO;
	}
	json_decref(reply);
	return rc;
}

int nc_ctl_ask(const struct nc_ctl_target *t, const struct nc_control_command *c, json_t *parameters, json_t **reply)
{
	int rc = nc_control_call(t->socket, t->service->interface, c->method, parameters, NC_CTL_TIMEOUT_MS, reply);

	json_decref(parameters);
	return rc;
}

int nc_ctl_runs(const struct nc_ctl_target *t)
{
	json_t *reply = NULL;
	int rc = nc_control_call(t->socket, SERVICE, "GetInfo", NULL, NC_CTL_TIMEOUT_MS, &reply);

	json_decref(reply);
	return rc != -ENOENT && rc != -ECONNREFUSED;
}

/* "NotPossible: the disk is full" out of {"error": "org.netcap.Sensor.NotPossible", "parameters": {"reason": …}}. */
static void print_error(FILE *err, const char *product, json_t *reply)
{
	const char *name = json_string_value(json_object_get(reply, "error"));
	const char *dot = name ? strrchr(name, '.') : NULL;
	const char *key;
	json_t *value;
	char shown[512];

	if (dot)
		name = dot + 1;
	fprintf(err, "netcapctl: %s: %s", product, name ? nc_text_escape(shown, sizeof(shown), name, strlen(name)) : "error");
	json_object_foreach(json_object_get(reply, "parameters"), key, value) {
		char *text = json_is_string(value) ? strdup(json_string_value(value))
		                                   : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		if (text)
			fprintf(err, ": %s", nc_text_escape(shown, sizeof(shown), text, strlen(text)));
		free(text);
	}
	fputc('\n', err);
}

static bool is_not_known(json_t *reply)
{
	const char *name = json_string_value(json_object_get(reply, "error")), *dot = name ? strrchr(name, '.') : NULL;

	return dot && strcmp(dot, ".NotKnown") == 0;
}

static int denied(FILE *err, const struct nc_ctl_target *t, const struct nc_control_command *c)
{
	fprintf(err, "netcapctl: permission denied: %s of %s is for root and the user it runs as%s\n", c->name,
	        t->service->product, c->right == NC_CONTROL_LOOK ? ", and members of group " NC_CONTROL_GROUP : "");
	return NC_CTL_DENIED;
}

int nc_ctl_explain(FILE *err, const struct nc_ctl_target *t, const struct nc_control_command *c, int rc, json_t *reply)
{
	const char *product = t->service->product;
	char path[4 * sizeof(t->socket)];

	nc_text_escape(path, sizeof(path), t->socket, strlen(t->socket));
	switch (rc) {
	case -ENOENT:
	case -ECONNREFUSED:
		fprintf(err, "netcapctl: %s is not running (nobody answers on %s)\n", product, path);
		return NC_CTL_NOT_RUNNING;
	case -EACCES:
		fprintf(err, "netcapctl: permission denied on %s: be root, the user of %s, or a member of group %s\n", path,
		        product, NC_CONTROL_GROUP);
		return NC_CTL_DENIED;
	case -EPERM:
		return denied(err, t, c);
	case -ENOSYS:
		fprintf(err, "netcapctl: %s does not know %s.%s: another version?\n", product, t->service->interface,
		        c->method);
		return NC_CTL_USAGE;
	case -ETIMEDOUT:
		fprintf(err, "netcapctl: %s did not answer within %d s\n", product, NC_CTL_TIMEOUT_MS / 1000);
		return NC_CTL_FAILED;
	case -EPROTO:
		fprintf(err, "netcapctl: what answers on %s is not %s\n", path, product);
		return NC_CTL_FAILED;
	case -EREMOTEIO:
		print_error(err, product, reply);
		return is_not_known(reply) ? NC_CTL_USAGE : NC_CTL_FAILED;
	default:
		fprintf(err, "netcapctl: %s: %s\n", path, strerror(-rc));
		return NC_CTL_FAILED;
	}
}
