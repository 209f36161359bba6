/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One control message answered: dispatch, rights, errors and introspection as varlink.org describes them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "control/control.h"

#define SERVICE "org.varlink.service"

struct call {
	const struct nc_control_info *info;
	const struct nc_control_command *table;
	size_t n;
	void *user;
	enum nc_control_right right;
	const char *method; /* with its interface */
	json_t *parameters; /* borrowed; NULL: none given */
	bool oneway, more;
};

static json_t *error_reply(const char *error, json_t *parameters)
{
	return json_pack("{s:s, s:o}", "error", error, "parameters", parameters ? parameters : json_object());
}

static json_t *service_error(const char *name, const char *key, const char *value)
{
	char error[64];

	snprintf(error, sizeof(error), SERVICE ".%s", name);
	return error_reply(error, key ? json_pack("{s:s}", key, value) : NULL);
}

/* Whether the signature's input, "(name: type, …) -> …", has a parameter of this name. */
static bool takes(const char *signature, const char *name)
{
	size_t len = strlen(name);
	const char *end = strstr(signature, "->");

	if (len == 0 || !end)
		return false;
	for (const char *p = strstr(signature, name); p && p < end; p = strstr(p + 1, name)) {
		bool begins = p > signature && (p[-1] == '(' || p[-1] == ' ' || p[-1] == ',');
		if (begins && p[len] == ':')
			return true;
	}
	return false;
}

static const char *stray_parameter(const char *signature, json_t *parameters)
{
	const char *key;
	json_t *value;

	json_object_foreach(parameters, key, value)
		if (!takes(signature, key))
			return key;
	return NULL;
}

static const char *get_info(void *user, json_t *parameters, json_t **reply)
{
	const struct call *c = user;

	(void)parameters;
	*reply = json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "netcap", "product", c->info->product, "version",
	                   c->info->version, "url", "https://github.com/netcap/netcap", "interfaces", SERVICE,
	                   c->info->interface);
	return NULL;
}

static const char *get_description(void *user, json_t *parameters, json_t **reply);

static const struct nc_control_command service_commands[] = {
	{
		.method = "GetInfo",
		.right = NC_CONTROL_LOOK,
		.help = "what this service is",
		.signature = "() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)",
		.fn = get_info,
	},
	{
		.method = "GetInterfaceDescription",
		.right = NC_CONTROL_LOOK,
		.help = "the text of an interface",
		.signature = "(interface: string) -> (description: string)",
		.fn = get_description,
	},
};

#define SERVICE_COUNT (sizeof(service_commands) / sizeof(service_commands[0]))

static const char service_errors[] = "\nerror InterfaceNotFound (interface: string)\n"
				     "\nerror MethodNotFound (method: string)\n"
				     "\nerror MethodNotImplemented (method: string)\n"
				     "\nerror InvalidParameter (parameter: string)\n"
				     "\nerror PermissionDenied ()\n";
static const char own_errors[] = "\n# What was asked for can't be done now.\nerror NotPossible (reason: ?string)\n"
				 "\n# There is nothing of that name.\nerror NotKnown (reason: ?string)\n";

static json_t *describe(const char *interface, const struct nc_control_command *table, size_t n, const char *errors)
{
	struct nc_buf text = { 0 };

	nc_buf_printf(&text, "interface %s\n", interface);
	for (size_t i = 0; i < n; i++)
		nc_buf_printf(&text, "\n# %s%s\nmethod %s%s\n", table[i].help,
		              table[i].right == NC_CONTROL_ACT ? " (root and the daemon's own user only)" : "", table[i].method,
		              table[i].signature);
	nc_buf_str(&text, errors);
	json_t *reply = json_pack("{s:s}", "description", nc_buf_cstr(&text));
	nc_buf_free(&text);
	return reply;
}

static const char *get_description(void *user, json_t *parameters, json_t **reply)
{
	const struct call *c = user;
	json_t *interface = json_object_get(parameters, "interface");
	const char *name = json_string_value(interface);

	if (!name) {
		*reply = json_pack("{s:s}", "parameter", "interface");
		return SERVICE ".InvalidParameter";
	}
	if (strcmp(name, SERVICE) == 0) {
		*reply = describe(SERVICE, service_commands, SERVICE_COUNT, service_errors);
		return NULL;
	}
	if (strcmp(name, c->info->interface) == 0) {
		*reply = describe(name, c->table, c->n, own_errors);
		return NULL;
	}
	*reply = json_pack("{s:O}", "interface", interface);
	return SERVICE ".InterfaceNotFound";
}

/* The name of an error, with the interface in front unless it has one. */
static json_t *command_error(const struct call *c, const char *name, json_t *parameters)
{
	char error[128];

	if (strchr(name, '.'))
		return error_reply(name, parameters);
	snprintf(error, sizeof(error), "%s.%s", c->info->interface, name);
	return error_reply(error, parameters);
}

static json_t *run(struct call *c, const struct nc_control_command *cmd, void *user)
{
	json_t *none = NULL;
	json_t *reply = NULL;

	if (c->right < cmd->right)
		return service_error("PermissionDenied", NULL, NULL);
	if (!cmd->fn)
		return service_error("MethodNotImplemented", "method", c->method);
	const char *stray = stray_parameter(cmd->signature, c->parameters);
	if (stray)
		return service_error("InvalidParameter", "parameter", stray);
	if (!c->parameters)
		none = json_object();
	const char *error = cmd->fn(user, c->parameters ? c->parameters : none, &reply);
	json_decref(none);
	if (error)
		return command_error(c, error, reply);
	return json_pack("{s:o}", "parameters", reply ? reply : json_object());
}

static const struct nc_control_command *find(const struct nc_control_command *table, size_t n, const char *method)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i].method, method) == 0)
			return &table[i];
	return NULL;
}

static bool same(const char *name, const char *p, size_t len)
{
	return strlen(name) == len && memcmp(name, p, len) == 0;
}

static json_t *dispatch(struct call *c)
{
	const char *dot = strrchr(c->method, '.');
	size_t len = dot ? (size_t)(dot - c->method) : 0;
	const struct nc_control_command *cmd;
	void *user = c->user;

	if (dot && same(SERVICE, c->method, len)) {
		cmd = find(service_commands, SERVICE_COUNT, dot + 1);
		user = c;
	} else if (dot && same(c->info->interface, c->method, len)) {
		cmd = find(c->table, c->n, dot + 1);
	} else {
		return error_reply(SERVICE ".InterfaceNotFound",
		                   json_pack("{s:s%}", "interface", c->method, dot ? len : strlen(c->method)));
	}
	return cmd ? run(c, cmd, user) : service_error("MethodNotFound", "method", c->method);
}

/* Reads a flag of the message; false when it is there and no boolean. */
static bool flag(json_t *message, const char *name, bool *on)
{
	json_t *v = json_object_get(message, name);

	*on = json_is_true(v);
	return !v || json_is_boolean(v);
}

/* A message that is no call ends the connection, since nothing tells what the peer expects. */
static bool read_call(json_t *message, struct call *c, json_t **refusal)
{
	bool upgrade;

	c->method = json_string_value(json_object_get(message, "method"));
	c->parameters = json_object_get(message, "parameters");
	if (!c->method)
		return false;
	if (!flag(message, "oneway", &c->oneway) || !flag(message, "more", &c->more) || !flag(message, "upgrade", &upgrade))
		return false;
	if (json_is_null(c->parameters))
		c->parameters = NULL;
	if (c->parameters && !json_is_object(c->parameters))
		*refusal = service_error("InvalidParameter", "parameter", "parameters");
	else if (upgrade)
		*refusal = service_error("InvalidParameter", "parameter", "upgrade");
	return true;
}

json_t *nc_control_answer(const struct nc_control_info *info, const struct nc_control_command *table, size_t n, void *user,
                          enum nc_control_right right, const char *message, size_t len, bool *fatal, bool *more)
{
	struct call c = { .info = info, .table = table, .n = n, .user = user, .right = right };
	json_t *reply = NULL;
	json_t *m = json_loadb(message, len, JSON_REJECT_DUPLICATES, NULL);

	*fatal = !m || !read_call(m, &c, &reply);
	if (more)
		*more = c.more && !c.oneway;
	if (!*fatal && !reply)
		reply = dispatch(&c);
	if (!*fatal && !reply)
		*fatal = true; /* out of memory */
	if (*fatal || c.oneway) {
		json_decref(reply);
		reply = NULL;
	}
	json_decref(m);
	return reply;
}
