/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensors that a collector knows, what each of them sent, and the keys that wait to be authorised. */
#include "config.h"

#include "collectord/sensors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nc_sensors_init(struct nc_sensors *s)
{
	*s = (struct nc_sensors){ .list = NULL };
	TAILQ_INIT(&s->all);
}

void nc_sensors_free(struct nc_sensors *s)
{
	struct nc_sensor *e;

	while ((e = TAILQ_FIRST(&s->all))) {
		TAILQ_REMOVE(&s->all, e, all);
		nc_loss_free(&e->loss);
		free(e->ledger);
		free(e);
	}
	nc_keylist_free(s->list);
	free(s->listed);
	nc_sensors_init(s);
}

static void forget_pending(struct nc_sensors *s, size_t i)
{
	s->pending[i] = s->pending[--s->pending_count];
}

int nc_sensors_list(struct nc_sensors *s, struct nc_keylist *list)
{
	struct nc_sensor *e;
	struct nc_sensor **listed = calloc(nc_keylist_count(list) + 1, sizeof(struct nc_sensor *));

	if (!listed) {
		nc_keylist_free(list);
		return -ENOMEM;
	}
	TAILQ_FOREACH(e, &s->all, all) {
		ssize_t i = e->unknown ? -1 : nc_keylist_named(list, e->name);
		e->listed = i >= 0;
		if (i < 0)
			continue;
		memcpy(e->key, nc_keylist_key(list, (size_t)i), NC_KEY_LEN);
		listed[i] = e;
	}
	for (size_t i = s->pending_count; i > 0; i--)
		if (nc_keylist_index(list, s->pending[i - 1].key) >= 0)
			forget_pending(s, i - 1);
	nc_keylist_free(s->list);
	free(s->listed);
	s->list = list;
	s->listed = listed;
	return 0;
}

static struct nc_sensor *add(struct nc_sensors *s, const char *name, const uint8_t key[static NC_KEY_LEN])
{
	struct nc_sensor *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	snprintf(e->name, sizeof(e->name), "%s", name);
	memcpy(e->key, key, NC_KEY_LEN);
	TAILQ_INSERT_TAIL(&s->all, e, all);
	return e;
}

struct nc_sensor *nc_sensors_at(struct nc_sensors *s, ssize_t i, bool *nomem)
{
	*nomem = false;
	if (i < 0)
		return NULL;
	if (!s->listed[i])
		s->listed[i] = add(s, nc_keylist_name(s->list, (size_t)i), nc_keylist_key(s->list, (size_t)i));
	if (s->listed[i])
		s->listed[i]->listed = true;
	else
		*nomem = true;
	return s->listed[i];
}

/* What stands in a folder's name: addresses have no '/', but a scope might have anything. */
static bool host_valid(const char *host)
{
	static const char allowed[] = "0123456789abcdefABCDEF.:";

	return *host && strlen(host) < 48 && host[0] != '.' && host[strspn(host, allowed)] == '\0';
}

struct nc_sensor *nc_sensors_unknown(struct nc_sensors *s, const char *host, const uint8_t key[static NC_KEY_LEN])
{
	char name[NC_SENSOR_NAME];
	struct nc_sensor *e;

	if (!host_valid(host))
		return NULL;
	snprintf(name, sizeof(name), "unauthenticated/%s", host);
	TAILQ_FOREACH(e, &s->all, all)
		if (e->unknown && strcmp(e->name, name) == 0)
			break;
	if (!e && s->unknown_count >= NC_UNKNOWN_MAX)
		return NULL;
	if (!e) {
		e = add(s, name, key);
		if (!e)
			return NULL;
		e->unknown = true;
		s->unknown_count++;
	}
	memcpy(e->key, key, NC_KEY_LEN);
	return e;
}

/* The host of "host:port" or "[host]:port". */
static size_t host_len(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon ? (size_t)(colon - address) : strlen(address);
}

static bool same_host(const char *a, const char *b)
{
	size_t n = host_len(a);

	return n == host_len(b) && memcmp(a, b, n) == 0;
}

static bool weaker(const struct nc_pending *a, const struct nc_pending *b)
{
	return a->count != b->count ? a->count < b->count : a->last_seen < b->last_seen;
}

/* Where a new key of that address may go. */
static struct nc_pending *pending_room(struct nc_sensors *s, const char *address)
{
	struct nc_pending *weakest = NULL, *of_host = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->pending_count; i++) {
		struct nc_pending *p = &s->pending[i];
		if (!weakest || weaker(p, weakest))
			weakest = p;
		if (!same_host(p->address, address))
			continue;
		n++;
		if (!of_host || weaker(p, of_host))
			of_host = p;
	}
	if (n >= NC_PENDING_ADDRESS_MAX)
		return of_host;
	return s->pending_count < NC_PENDING_MAX ? &s->pending[s->pending_count++] : weakest;
}

void nc_sensors_expire(struct nc_sensors *s, int64_t now_real)
{
	for (size_t i = s->pending_count; i > 0; i--)
		if (now_real - s->pending[i - 1].last_seen >= NC_PENDING_TIME)
			forget_pending(s, i - 1);
}

const uint8_t *nc_sensors_key(const struct nc_sensors *s, const char *name)
{
	ssize_t i = s->list ? nc_keylist_named(s->list, name) : -1;

	return i < 0 ? NULL : nc_keylist_key(s->list, (size_t)i);
}

bool nc_sensors_pend(struct nc_sensors *s, const uint8_t key[static NC_KEY_LEN], const char *address, int64_t now_real)
{
	struct nc_pending *p = NULL;

	nc_sensors_expire(s, now_real);
	for (size_t i = 0; i < s->pending_count && !p; i++)
		if (memcmp(s->pending[i].key, key, NC_KEY_LEN) == 0)
			p = &s->pending[i];
	bool fresh = !p;
	if (fresh) {
		p = pending_room(s, address);
		*p = (struct nc_pending){ .count = 0 };
		memcpy(p->key, key, NC_KEY_LEN);
	}
	snprintf(p->address, sizeof(p->address), "%s", address);
	p->count++;
	p->last_seen = now_real;
	return fresh;
}
