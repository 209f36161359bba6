/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: control messages of a peer with either right; replies must be what Varlink allows. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *echo(void *user, json_t *parameters, json_t **reply)
{
	(void)user;
	*reply = json_incref(parameters);
	return NULL;
}

static const char *act(void *user, json_t *parameters, json_t **reply)
{
	int *acted = user;

	(void)parameters;
	(void)reply;
	++*acted;
	return "NotPossible";
}

static const struct nc_control_command table[] = {
	{ .name = "echo", .method = "Echo", .right = NC_CONTROL_LOOK, .help = "h", .signature = "(a: string, b: ?int) -> (a: string)", .fn = echo },
	{ .name = "act", .method = "Act", .right = NC_CONTROL_ACT, .help = "h", .signature = "() -> ()", .fn = act },
	{ .name = "none", .method = "None", .right = NC_CONTROL_LOOK, .help = "h", .signature = "() -> ()", .fn = NULL },
};

static const struct nc_control_info info = { "product", "1", "org.netcap.Sensor", NULL };

static void check(json_t *reply)
{
	json_t *error = json_object_get(reply, "error");
	char *text = json_dumps(reply, JSON_COMPACT);

	if (!text || !json_is_object(json_object_get(reply, "parameters")))
		abort();
	if (error && (!json_is_string(error) || !strchr(json_string_value(error), '.')))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int right = NC_CONTROL_LOOK; right <= NC_CONTROL_ACT; right++) {
		int acted = 0;
		bool fatal = false;
		json_t *reply = nc_control_answer(&info, table, sizeof(table) / sizeof(table[0]), &acted,
		                                  (enum nc_control_right)right, (const char *)data, size, &fatal, NULL);
		if ((fatal && reply) || (acted && right != NC_CONTROL_ACT))
			abort();
		if (reply)
			check(reply);
		json_decref(reply);
	}
	return 0;
}
