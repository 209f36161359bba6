/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netcapctl tail: records as they arrive at the collector; and keys from the command line. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "netcapctl/ctl.h"
#include "netcapctl/own.h"
#include "wire/keys.h"

struct follow {
	const struct nc_ctl *c;
	bool csv;
	char header[65536]; /* of the lines before */
};

static void told_lost(const struct follow *f, json_t *reply)
{
	json_int_t lost = json_integer_value(json_object_get(reply, "lost"));

	if (lost > 0)
		fprintf(f->c->err, "netcapctl: %" JSON_INTEGER_FORMAT " records are not shown, since they came too fast\n", lost);
}

/* Lines of JSON get sensor and type around them. What comes from the daemon has no control bytes in it but those that a table of
 * values may have. */
static void line(struct follow *f, json_t *reply, const char *text)
{
	if (f->csv) {
		fprintf(f->c->out, "%s\n", text);
		return;
	}
	fputs("{\"sensor\":", f->c->out);
	json_dumpf(json_object_get(reply, "sensor"), f->c->out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	fputs(",\"type\":", f->c->out);
	json_dumpf(json_object_get(reply, "type"), f->c->out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	fprintf(f->c->out, ",\"record\":%s}\n", text);
}

static int on_reply(void *user, json_t *reply)
{
	struct follow *f = user;
	const char *header = json_string_value(json_object_get(reply, "header"));
	size_t i;
	json_t *v;

	told_lost(f, reply);
	if (f->csv && header && strcmp(header, f->header) != 0) {
		snprintf(f->header, sizeof(f->header), "%s", header);
		fprintf(f->c->out, "%s\n", header);
	}
	json_array_foreach(json_object_get(reply, "records"), i, v) if (json_is_string(v)) line(f, reply, json_string_value(v));
	return fflush(f->c->out) != 0 || ferror(f->c->out) ? -EPIPE : 0;
}

int nc_ctl_run_tail(const struct nc_ctl *c, const struct nc_ctl_target *t, const struct nc_control_command *cmd)
{
	struct follow f = { .c = c, .csv = !c->json && c->type };
	json_t *error = NULL;

	json_t *parameters =
		json_pack("{s:s*, s:s*, s:s}", "type", c->type, "sensor", c->sensor, "format", f.csv ? "csv" : "json");
	int rc = parameters ? nc_control_call_more(t->socket, t->service->interface, cmd->method, parameters, NC_CTL_TIMEOUT_MS,
	                                           on_reply, &f, &error)
	                    : -EINVAL;
	int code = rc == 0 ? NC_CTL_OK : rc == -EPIPE ? NC_CTL_FAILED : nc_ctl_explain(c->err, t, cmd, rc, error);
	json_decref(error);
	json_decref(parameters);
	return code;
}

/* --- keys ------------------------------------------------------------------------------------------------------------ */

static bool read_key(uint8_t key[static NC_KEY_LEN], const char *name)
{
	char text[512];
	int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got = fd < 0 ? -1 : 1;

	while (got > 0 && n < (ssize_t)sizeof(text) - 1) {
		got = read(fd, text + n, sizeof(text) - 1 - (size_t)n);
		n += got > 0 ? got : 0;
	}
	if (fd >= 0)
		close(fd);
	if (got < 0)
		return false;
	if (n == NC_KEY_LEN) {
		memcpy(key, text, NC_KEY_LEN);
		return true;
	}
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		n--;
	text[n] = '\0';
	return nc_key_parse(key, text);
}

bool nc_ctl_key(char out[static 65], const char *text)
{
	uint8_t key[NC_KEY_LEN];

	if (!nc_key_parse(key, text) && !read_key(key, text))
		return false;
	nc_text_hex(out, key, NC_KEY_LEN);
	return true;
}
