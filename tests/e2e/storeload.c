/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sensor and a store in one process, for the tests that kill it or fail its system calls: hands over the blocks 1 to COUNT that
 * are not acknowledged yet, and appends the number of each that is to a file. Ends when all are. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/log.h"
#include "base/time.h"
#include "collectord/store.h"
#include "record/type.h"

enum { WINDOW = 64, RETRY_MS = 20, TYPES = 3, FIRST_SLOT = 30 };

enum state { UNSENT, SENT, ACKNOWLEDGED };

struct load {
	struct nc_loop *loop;
	struct nc_store *store;
	struct nc_shelf *shelf;
	struct nc_deflater *deflater;
	uint64_t count, size, types, next, acknowledged;
	unsigned window;
	uint8_t *states;
	FILE *acks;
	bool waiting, full;
	uint8_t block[NC_BLOCK_SIZE_MAX], data[NC_BLOCK_INFLATED_MAX];
};

static const uint64_t epoch = 0x1122334455667788;

static void stop(const struct load *l, int code, const char *what)
{
	fprintf(stderr, "storeload: %s\n", what);
	(void)l;
	_exit(code);
}

static void acknowledge(struct load *l, uint64_t seq)
{
	if (l->states[seq] == ACKNOWLEDGED)
		stop(l, 4, "acknowledged twice");
	l->states[seq] = ACKNOWLEDGED;
	l->acknowledged++;
	fprintf(l->acks, "%" PRIu64 "\n", seq);
	fflush(l->acks);
	if (l->acknowledged == l->count)
		nc_loop_stop(l->loop, 0);
}

/* Incompressible records, the same each time. */
static size_t make(struct load *l, uint64_t seq, struct nc_block_info *info)
{
	uint8_t seed[randombytes_SEEDBYTES] = { (uint8_t)seq, (uint8_t)(seq >> 8), (uint8_t)(seq >> 16) };
	size_t n = 0;

	*info = (struct nc_block_info){ .kind = NC_BLOCK_RECORDS, .type = nc_types[FIRST_SLOT + seq % l->types].number };
	randombytes_buf_deterministic(l->data, l->size, seed);
	for (; n + 101 <= l->size; n += 101, info->count++)
		l->data[n] = 100;
	size_t size = nc_block_build(l->deflater, info, l->data, n, l->block, sizeof(l->block));
	nc_block_stamp(l->block, epoch, seq);
	info->epoch = epoch;
	info->seq = seq;
	return size;
}

static void send_some(struct load *l);

static void on_retry(void *user)
{
	struct load *l = user;

	l->waiting = false;
	send_some(l);
}

static void wait_a_little(struct load *l)
{
	if (l->waiting)
		return;
	l->waiting = true;
	if (nc_loop_add_timer(l->loop, RETRY_MS * (NC_NS_PER_S / 1000), 0, on_retry, l, NULL) < 0)
		stop(l, 5, "no timer");
}

/* One block; false when it has to wait. */
static bool send_one(struct load *l, uint64_t seq)
{
	struct nc_block_info info;

	make(l, seq, &info);
	int rc = nc_shelf_append(l->shelf, l->block, &info, seq);
	if (rc == 0 || rc == -EALREADY) {
		l->states[seq] = SENT;
		l->window++;
	} else if (rc == -EEXIST) {
		acknowledge(l, seq);
	} else if (nc_store_later(rc)) {
		if (rc == -ENOSPC && !l->full) {
			l->full = true;
			puts("full");
			fflush(stdout);
		}
		wait_a_little(l);
		return false;
	} else {
		stop(l, 6, strerrorname_np(-rc));
	}
	return true;
}

static void send_some(struct load *l)
{
	while (l->window < WINDOW && l->next <= l->count && !l->waiting) {
		if (l->states[l->next] == UNSENT && !send_one(l, l->next))
			return;
		l->next++;
	}
}

static void on_durable(void *user, struct nc_shelf *h, uint64_t id, uint64_t from, uint64_t to)
{
	struct load *l = user;

	(void)h;
	if (id != epoch || from < 1 || to > l->count)
		stop(l, 7, "durable: what was never sent");
	for (uint64_t seq = from; seq <= to; seq++) {
		if (l->states[seq] != SENT)
			stop(l, 8, "durable: what was not under way");
		l->window--;
		acknowledge(l, seq);
	}
	send_some(l);
}

static void on_failed(void *user, struct nc_shelf *h, uint64_t id, uint64_t seq, uint64_t ticket, int code)
{
	struct load *l = user;

	(void)h;
	(void)id;
	if (ticket != seq || code >= 0 || l->states[seq] != SENT)
		stop(l, 9, "failed: what was not under way");
	l->states[seq] = UNSENT;
	l->window--;
	l->next = seq < l->next ? seq : l->next;
	wait_a_little(l);
}

static void read_acks(struct load *l, const char *path)
{
	char line[32];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		uint64_t seq = strtoull(line, NULL, 10);
		/* the last line may be torn */
		if (strchr(line, '\n') && seq >= 1 && seq <= l->count && l->states[seq] != ACKNOWLEDGED) {
			l->states[seq] = ACKNOWLEDGED;
			l->acknowledged++;
		}
	}
	if (f)
		fclose(f);
	l->acks = fopen(path, "ae");
}

static uint64_t number(int argc, char **argv, int i)
{
	return argc > i ? strtoull(argv[i], NULL, 10) : 0;
}

/* A shelf may not be had at once when the disk gives errors. */
static void open_shelf(struct load *l)
{
	for (int i = 0; i < 500; i++) {
		if (nc_store_shelf(l->store, "alpha", &l->shelf) == 0)
			return;
		if (nc_loop_once(l->loop, RETRY_MS) < 0)
			break;
	}
	stop(l, 10, nc_store_last_error(l->store));
}

int main(int argc, char **argv)
{
	struct load *l = calloc(1, sizeof(*l));
	struct nc_buf err = { .max = 4096 };

	nc_log_open("storeload");
	if (argc < 5 || !l || sodium_init() < 0) {
		fprintf(stderr, "usage: storeload ROOT ACKS COUNT SIZE [ROTATE_SIZE [QUOTA [MIN_FREE [VERIFY [TYPES]]]]]\n");
		return 2;
	}
	const struct nc_store_options options = {
		.level = 1,
		.pending_max = 1u << 20,
		.open_files = 64,
		.rotate_size = number(argc, argv, 5),
		.quota_sensor = number(argc, argv, 6),
		.min_free = number(argc, argv, 7),
		.verify = (enum nc_store_verify)number(argc, argv, 8),
	};
	const struct nc_store_events events = { .user = l, .durable = on_durable, .failed = on_failed };
	signal(SIGXFSZ, SIG_IGN);
	l->count = number(argc, argv, 3);
	l->size = number(argc, argv, 4);
	l->types = argc > 9 ? number(argc, argv, 9) : TYPES;
	l->next = 1;
	l->states = calloc(l->count + 1, 1);
	l->deflater = nc_deflater_new(0);
	if (l->size > sizeof(l->data) || l->types < 1 || FIRST_SLOT + l->types > nc_types_count)
		return 2;
	if (!l->states || nc_loop_new(&l->loop) < 0)
		return 2;
	read_acks(l, argv[2]);
	int rc = nc_store_open(argv[1], &options, &l->store, &err);
	if (rc < 0) {
		fprintf(stderr, "storeload: %s\n", nc_buf_cstr(&err));
		return 11;
	}
	if (nc_store_attach(l->store, l->loop) < 0)
		return 2;
	nc_store_listen(l->store, &events);
	open_shelf(l);
	send_some(l);
	if (l->acknowledged < l->count && nc_loop_run(l->loop) < 0)
		return 12;
	nc_store_listen(l->store, &(struct nc_store_events){ .user = NULL });
	uint64_t lost = nc_store_close(l->store);
	nc_loop_free(l->loop);
	nc_deflater_free(l->deflater);
	nc_buf_free(&err);
	fclose(l->acks);
	free(l->states);
	free(l);
	return lost ? 13 : 0;
}
