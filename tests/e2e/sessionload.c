/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sensors without packets, for tests and measurements: queue, spool and session of sensord, with blocks that are read from record
 * files or made up. Says in a log, line by line, what it built and what the collector said of it.
 *
 * usage: sessionload authorise STATE SENSORS FOLDER     makes the keys STATE/N, and FOLDER/load-N.pub for the collector
 *        sessionload run STATE ADDRESS KEY [OPTION=VALUE]...
 *
 * KEY is the file with the collector's public key. At the end one line of JSON; several sensors wait until all are
 * connected, and say so in one, too. Options:
 *   sensors=1        that many, each with its own key
 *   first=0          number of the first
 *   blocks=FILE      a record file with blocks to send, again and again; up to 128 files: they are mixed by their times
 *   size=6000        made up blocks of about so many bytes, without `blocks`
 *   rate=0           blocks per second of each sensor; 0: as many as find room in the window
 *   bytes=0          stop after so many bytes (of all), count=0 after so many blocks, seconds=0 after that time; 0: at SIGTERM
 *   limit=64M window=32M, in bytes: the queue's memory, and what may be on its way
 *   drain=60         seconds that may pass until all is acknowledged, at the end
 *   spool=PATH spool_limit=BYTES, with one sensor
 *   log=PATH         appended to:  S EPOCH KEPT          it starts; so many blocks were found in the spool
 *                                  B EPOCH SEQ           built
 *                                  M DROPPED MEMORY      so many blocks were given up since the start; so many are only in memory
 *                                  A EPOCH FROM TO       acknowledged
 *                                  R EPOCH SEQ PERMANENT rejected
 *                                  E DROPPED KEPT        it ended; so many blocks are in the spool */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/log.h"
#include "base/time.h"
#include "sensord/session.h"
#include "sensord/ship.h"

enum { FILES = 128, TIMES = 65536, TYPE = 36, TICK_MS = 5, MADE_UP = 64 };

struct stored {
	uint8_t *p;
	struct nc_block_info info;
};

struct load;

struct sensor {
	struct load *load;
	unsigned number;
	int state_dir;
	struct nc_keypair *keys;
	struct nc_transport *transport;
	const struct nc_transport_events *events; /* the queue's */
	void *user;
	struct nc_ship *ship;
	uint64_t epoch, seq, at, due_blocks;
	int64_t begun;
	bool ready;
	uint32_t *sent_us; /* by seq */
	uint64_t last_dropped, last_memory;
};

struct load {
	struct nc_loop *loop;
	struct sensor *sensors;
	uint64_t count, first, size, rate, bytes, blocks, seconds, limit, window, drain, spool_limit;
	const char *files[FILES], *spool, *log, *state;
	size_t file_count;
	struct nc_conf_list address;
	uint8_t key[NC_KEY_LEN];
	struct stored *stored;
	size_t stored_count;
	int log_fd;
	bool stopping, timed_out;
	int64_t begun, started, ended, drained_by; /* started: many sensors wait for each other */
	uint64_t connected;
	uint64_t built_bytes, built, acknowledged, rejected;
	uint32_t *latencies;
	size_t latency_count, latency_cap;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "sessionload: %s: %s\n", what, why);
	exit(2);
}

static void note(const struct load *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(const struct load *l, const char *format, ...)
{
	char line[128];
	va_list ap;

	if (l->log_fd < 0)
		return;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	/* one write, which a kill does not tear */
	if (write(l->log_fd, line, (size_t)n) != n)
		die("log", strerror(errno));
}

/* --- blocks ---------------------------------------------------------------------------------------------------------- */

static void add_block(struct load *l, const uint8_t *p, const struct nc_block_info *info)
{
	uint8_t *copy = malloc(info->size);

	if (l->stored_count % 256 == 0)
		l->stored = reallocarray(l->stored, l->stored_count + 256, sizeof(l->stored[0]));
	if (!copy || !l->stored)
		die("blocks", "no memory");
	memcpy(copy, p, info->size);
	l->stored[l->stored_count++] = (struct stored){ .p = copy, .info = *info };
}

static void read_blocks(struct load *l, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(path, strerror(errno));
	size_t n = (size_t)st.st_size;
	uint8_t *data = malloc(n + 1);
	if (!data || read(fd, data, n) != (ssize_t)n)
		die(path, "cannot be read");
	close(fd);
	for (size_t at = 0; at < n;) {
		struct nc_block_info info;
		if (nc_block_info(data + at, n - at, &info) != 0 || info.size > n - at)
			die(path, "no blocks");
		if (info.kind == NC_BLOCK_RECORDS)
			add_block(l, data + at, &info);
		at += info.size;
	}
	free(data);
}

static int by_time(const void *a, const void *b)
{
	const struct stored *x = a, *y = b;

	return x->info.last_ns < y->info.last_ns ? -1 : x->info.last_ns > y->info.last_ns;
}

/* Records that can't be compressed, the same each time. */
static void make_blocks(struct load *l)
{
	static uint8_t data[NC_BLOCK_INFLATED_MAX], block[NC_BLOCK_SIZE_MAX];
	struct nc_deflater *d = nc_deflater_new(0);

	if (!d || l->size > sizeof(data) || l->size < 101)
		die("size", "from 101 bytes to 1 MiB");
	for (unsigned k = 0; k < MADE_UP; k++) {
		uint8_t seed[randombytes_SEEDBYTES] = { (uint8_t)k };
		struct nc_block_info info = { .kind = NC_BLOCK_RECORDS, .type = (uint16_t)(TYPE + k % 3) };
		size_t n = 0;
		randombytes_buf_deterministic(data, l->size, seed);
		for (; n + 101 <= l->size; n += 101, info.count++)
			data[n] = 100;
		if (nc_block_build(d, &info, data, n, block, sizeof(block)) == 0)
			die("size", "does not fit");
		add_block(l, block, &info);
	}
	nc_deflater_free(d);
}

static void get_blocks(struct load *l)
{
	for (size_t i = 0; i < l->file_count; i++)
		read_blocks(l, l->files[i]);
	if (l->file_count == 0)
		make_blocks(l);
	else if (l->stored_count == 0)
		die("blocks", "the files hold none");
	else
		qsort(l->stored, l->stored_count, sizeof(l->stored[0]), by_time);
}

/* --- what the collector says ----------------------------------------------------------------------------------------- */

static void keep_latency(struct load *l, uint32_t us)
{
	if (l->latency_count == l->latency_cap) {
		l->latency_cap = l->latency_cap ? 2 * l->latency_cap : 65536;
		l->latencies = reallocarray(l->latencies, l->latency_cap, sizeof(l->latencies[0]));
		if (!l->latencies)
			die("latencies", "no memory");
	}
	l->latencies[l->latency_count++] = us;
}

static uint32_t now_us(const struct load *l)
{
	return (uint32_t)((nc_time_mono() - l->begun) / 1000);
}

static void fill(struct sensor *s);

static void on_durable(void *user, uint64_t epoch, uint64_t from, uint64_t to)
{
	struct sensor *s = user;
	struct load *l = s->load;

	note(l, "A %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", epoch, from, to);
	for (uint64_t seq = from; epoch == s->epoch && seq <= to && seq <= s->seq; seq++)
		keep_latency(l, now_us(l) - s->sent_us[seq % TIMES]);
	s->events->durable(s->user, epoch, from, to);
}

static void on_rejected(void *user, uint64_t epoch, uint64_t seq, bool permanent, const char *reason)
{
	struct sensor *s = user;

	note(s->load, "R %" PRIu64 " %" PRIu64 " %d\n", epoch, seq, permanent);
	s->load->rejected++;
	s->events->rejected(s->user, epoch, seq, permanent, reason);
}

static void on_left_out(void *user, uint64_t epoch, uint64_t seq, uint32_t records)
{
	struct sensor *s = user;

	s->events->left_out(s->user, epoch, seq, records);
}

static void on_lost(void *user)
{
	struct sensor *s = user;

	s->events->lost(s->user);
}

/* At a rate not all of them send at the same moment. */
static void start_all(struct load *l)
{
	if (l->started)
		return;
	l->started = nc_time_mono();
	for (uint64_t i = 0; i < l->count; i++)
		l->sensors[i].begun =
			l->started + (l->rate ? NC_NS_PER_S / (int64_t)l->rate * (int64_t)i / (int64_t)l->count : 0);
	if (l->count > 1) {
		printf("{\"connected\": %.3f}\n", (double)(l->started - l->begun) / 1e9);
		fflush(stdout);
	}
}

static void on_ready(void *user)
{
	struct sensor *s = user;

	if (!s->ready && ++s->load->connected == s->load->count)
		start_all(s->load);
	s->ready = true;
	s->events->ready(s->user);
}

static const struct nc_transport_events events = {
	.durable = on_durable, .rejected = on_rejected, .left_out = on_left_out, .lost = on_lost, .ready = on_ready,
};

/* --- building -------------------------------------------------------------------------------------------------------- */

static uint64_t dropped(const struct nc_ship_state *q)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NC_SHIP_REASONS; i++)
		sum += q->dropped[i].blocks;
	return sum;
}

static void note_state(struct sensor *s)
{
	struct nc_ship_state q;
	struct nc_transport_state t;

	if (s->load->log_fd < 0)
		return;
	nc_ship_get_state(s->ship, &q, &t);
	uint64_t gone = dropped(&q), memory = q.waiting.blocks - q.spooled.blocks;
	if (gone == s->last_dropped && memory == s->last_memory)
		return;
	s->last_dropped = gone;
	s->last_memory = memory;
	note(s->load, "M %" PRIu64 " %" PRIu64 "\n", gone, memory);
}

static void build_one(struct sensor *s)
{
	struct load *l = s->load;
	const struct stored *b = &l->stored[s->at++ % l->stored_count];

	nc_block_stamp(b->p, s->epoch, ++s->seq);
	s->sent_us[s->seq % TIMES] = now_us(l);
	l->built++;
	l->built_bytes += b->info.size;
	note(l, "B %" PRIu64 " %" PRIu64 "\n", s->epoch, s->seq);
	nc_ship_block(s->ship, b->p, b->info.size, b->info.count);
	note_state(s);
}

static bool all_built(const struct load *l)
{
	return (l->bytes && l->built_bytes >= l->bytes) || (l->blocks && l->built >= l->blocks) ||
	       (l->seconds && l->started && nc_time_mono() - l->started >= (int64_t)l->seconds * NC_NS_PER_S);
}

/* At a rate: what is due by now. Else so much that the window is always full, once there is a session. */
static bool wants_one(struct sensor *s)
{
	const struct load *l = s->load;
	struct nc_ship_state q;
	struct nc_transport_state t;

	if (l->rate)
		return l->started && nc_time_mono() - s->begun > (int64_t)s->due_blocks * (NC_NS_PER_S / (int64_t)l->rate);
	nc_ship_get_state(s->ship, &q, &t);
	return s->ready && q.queue_bytes + NC_BLOCK_SIZE_MAX < l->limit && q.queue_bytes < l->window + 4 * NC_BLOCK_SIZE_MAX;
}

static void fill(struct sensor *s)
{
	for (unsigned i = 0; i < 1024 && !s->load->stopping && wants_one(s); i++) {
		s->due_blocks++;
		build_one(s);
		s->load->stopping = all_built(s->load);
	}
}

static bool drained(struct load *l)
{
	struct nc_transport_state t;
	struct nc_ship_state q;
	uint64_t waiting = 0;

	l->acknowledged = 0;
	for (uint64_t i = 0; i < l->count; i++) {
		nc_ship_get_state(l->sensors[i].ship, &q, &t);
		waiting += q.waiting.blocks;
		l->acknowledged += q.acknowledged.blocks;
	}
	return waiting == 0;
}

static void on_tick(void *user)
{
	struct load *l = user;
	int64_t now = nc_time_mono();

	for (uint64_t i = 0; i < l->count; i++) {
		fill(&l->sensors[i]);
		note_state(&l->sensors[i]);
	}
	l->stopping |= all_built(l);
	if (!l->stopping)
		return;
	if (l->drained_by == 0)
		l->drained_by = now + (int64_t)l->drain * NC_NS_PER_S;
	bool done = drained(l);
	l->timed_out = !done && now >= l->drained_by;
	if (done || l->timed_out) {
		l->ended = now;
		nc_loop_stop(l->loop, 0);
	}
}

static void on_signal(void *user, int number)
{
	(void)number;
	((struct load *)user)->stopping = true;
}

/* --- keys ------------------------------------------------------------------------------------------------------------ */

static void get_keys(const struct load *l, struct sensor *s)
{
	struct nc_buf err = { .max = 1024 };
	char path[4096];

	snprintf(path, sizeof(path), "%s/%u", l->state, s->number);
	(void)mkdir(l->state, 0700);
	(void)mkdir(path, 0700);
	s->keys = nc_keypair_new();
	s->state_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!s->keys || s->state_dir < 0)
		die(path, strerror(errno));
	int rc = nc_keypair_read(s->keys, path, &err);
	if (rc == -ENOENT) {
		nc_keypair_generate(s->keys);
		rc = nc_keypair_write(s->keys, path, &err);
	}
	if (rc)
		die(path, nc_buf_cstr(&err));
	nc_buf_free(&err);
}

static int authorise(const char *state, uint64_t count, const char *folder)
{
	struct load l = { .state = state };
	char path[4096], hex[2 * NC_KEY_LEN + 1];

	for (unsigned i = 0; i < count; i++) {
		struct sensor s = { .number = i };
		get_keys(&l, &s);
		snprintf(path, sizeof(path), "%s/load-%u.pub", folder, i);
		FILE *f = fopen(path, "we");
		if (!f)
			die(path, strerror(errno));
		fprintf(f, "%s\n", sodium_bin2hex(hex, sizeof(hex), s.keys->pub, NC_KEY_LEN));
		fclose(f);
		nc_keypair_free(s.keys);
		close(s.state_dir);
	}
	return 0;
}

/* --- set-up ---------------------------------------------------------------------------------------------------------- */

static void start_sensor(struct load *l, struct sensor *s, unsigned number)
{
	struct nc_buf err = { .max = 1024 };

	*s = (struct sensor){ .load = l, .number = number };
	get_keys(l, s);
	/* each begins at another of the blocks */
	s->at = number * 7u;
	s->sent_us = calloc(TIMES, sizeof(s->sent_us[0]));
	if (!s->sent_us || getrandom(&s->epoch, sizeof(s->epoch), 0) != sizeof(s->epoch))
		die("start", "no memory");
	struct nc_session_transport_options o = {
		.loop = l->loop,
		.addresses = &l->address,
		.own = s->keys,
		.state_dir = s->state_dir,
		.epoch = s->epoch,
		.window = l->window,
		.renew_interval = 600 * NC_NS_PER_S,
		.renew_bytes = UINT64_MAX,
		.wait_max = NC_NS_PER_S,
	};
	memcpy(o.keys[0], l->key, NC_KEY_LEN);
	nc_sessions_defaults(&o.session);
	int rc = nc_session_transport(&o, &s->transport, &err);
	if (rc == 0)
		rc = nc_ship_new(l->loop, s->transport, l->limit, &s->ship);
	if (rc)
		die("start", *nc_buf_cstr(&err) ? nc_buf_cstr(&err) : strerror(-rc));
	/* hears what the queue hears */
	s->events = s->transport->events;
	s->user = s->transport->user;
	s->transport->events = &events;
	s->transport->user = s;
	nc_buf_free(&err);
}

static void start_spool(struct load *l, struct sensor *s)
{
	struct nc_buf err = { .max = 1024 };
	struct nc_spool_state st = { .files = 0 };
	struct nc_spool *spool;

	if (l->spool && nc_spool_open(l->spool, l->spool_limit, l->key, &spool, &err) != 0)
		die("spool", nc_buf_cstr(&err));
	if (l->spool) {
		nc_spool_state(spool, &st);
		nc_ship_set_spool(s->ship, spool);
	}
	note(l, "S %" PRIu64 " %" PRIu64 "\n", s->epoch, st.found.blocks);
}

static bool set_number(struct load *l, const char *name, size_t n, const char *value)
{
	const struct {
		const char *name;
		uint64_t *to;
	} numbers[] = {
		{ "sensors", &l->count }, { "first", &l->first },     { "size", &l->size },
		{ "rate", &l->rate },     { "bytes", &l->bytes },     { "count", &l->blocks },
		{ "limit", &l->limit },   { "window", &l->window },   { "seconds", &l->seconds },
		{ "drain", &l->drain },   { "spool_limit", &l->spool_limit },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strlen(numbers[i].name) != n || strncmp(numbers[i].name, name, n) != 0)
			continue;
		*numbers[i].to = strtoull(value, NULL, 10);
		return true;
	}
	return false;
}

static void set_option(struct load *l, const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t n = value ? (size_t)(value++ - arg) : 0;

	if (n == 6 && strncmp(arg, "blocks", n) == 0 && l->file_count < FILES)
		l->files[l->file_count++] = value;
	else if (n == 5 && strncmp(arg, "spool", n) == 0)
		l->spool = value;
	else if (n == 3 && strncmp(arg, "log", n) == 0)
		l->log = value;
	else if (n == 0 || !set_number(l, arg, n, value))
		die("unknown option", arg);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t percentile(const struct load *l, unsigned per_mille)
{
	return l->latency_count ? l->latencies[(l->latency_count - 1) * per_mille / 1000] : 0;
}

static int finish(struct load *l)
{
	uint64_t gone = 0, kept = 0, sessions = 0, sent = 0;
	struct rusage ru;

	for (uint64_t i = 0; i < l->count; i++) {
		struct sensor *s = &l->sensors[i];
		struct nc_ship_state q;
		struct nc_transport_state t;
		json_t *st = nc_session_transport_status(s->transport);
		sessions += (uint64_t)json_integer_value(json_object_get(st, "sessions"));
		json_decref(st);
		nc_ship_get_state(s->ship, &q, &t);
		sent += t.batches;
		gone += dropped(&q) + q.waiting.blocks - q.spooled.blocks;
		kept += q.spooled.blocks;
		note_state(s);
		(void)nc_ship_free(s->ship, NULL);
		nc_keypair_free(s->keys);
		close(s->state_dir);
		free(s->sent_us);
	}
	if (l->count == 1)
		note(l, "E %" PRIu64 " %" PRIu64 "\n", gone, kept);
	if (l->latency_count)
		qsort(l->latencies, l->latency_count, sizeof(l->latencies[0]), by_size);
	(void)getrusage(RUSAGE_SELF, &ru);
	double cpu =
		(double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	printf("{\"built\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"acknowledged\": %" PRIu64 ", \"dropped\": %" PRIu64 ", \"kept\": %" PRIu64
	       ", \"rejected\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"sessions\": %" PRIu64
	       ", \"seconds\": %.3f, \"cpu\": %.3f, \"us\": [%u, %u, %u, %u], \"drained\": %s}\n",
	       l->built, l->built_bytes, l->acknowledged, gone, kept, l->rejected, sent, sessions,
	       (double)(l->ended - l->begun) / 1e9, cpu, percentile(l, 500), percentile(l, 990), percentile(l, 999),
	       percentile(l, 1000), l->timed_out ? "false" : "true");
	for (size_t i = 0; i < l->stored_count; i++)
		free(l->stored[i].p);
	free(l->stored);
	free(l->latencies);
	free(l->sensors);
	nc_loop_free(l->loop);
	return l->timed_out ? 3 : 0;
}

static int run(struct load *l, char **argv, int argc)
{
	struct nc_buf err = { .max = 1024 };
	struct nc_loop_timer *timer;
	sigset_t set;
	char *address = argv[1];

	l->state = argv[0];
	if (nc_key_read_public(l->key, argv[2], &err) != 0)
		die("key", nc_buf_cstr(&err));
	l->address = (struct nc_conf_list){ .items = &address, .count = 1 };
	for (int i = 3; i < argc; i++)
		set_option(l, argv[i]);
	if (l->count == 0 || (l->count > 1 && l->spool))
		die("sensors", "at least one; with a spool only one");
	get_blocks(l);
	l->log_fd = l->log ? open(l->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	l->sensors = calloc(l->count, sizeof(l->sensors[0]));
	l->begun = nc_time_mono();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (!l->sensors || nc_loop_new(&l->loop) < 0 || nc_loop_signals(l->loop, &set, on_signal, l) < 0 ||
	    nc_loop_add_timer(l->loop, 1, TICK_MS * (NC_NS_PER_S / 1000), on_tick, l, &timer) < 0)
		die("start", "no memory");
	for (uint64_t i = 0; i < l->count; i++)
		start_sensor(l, &l->sensors[i], (unsigned)(l->first + i));
	start_spool(l, &l->sensors[0]);
	if (l->count == 1)
		start_all(l);
	if (nc_loop_run(l->loop) < 0)
		die("loop", "failed");
	return finish(l);
}

int main(int argc, char **argv)
{
	struct load l = {
		.count = 1, .size = 6000, .limit = 64u << 20, .window = 32u << 20, .drain = 60, .spool_limit = 64u << 20
	};

	nc_log_open("sessionload");
	if (nc_keys_init() < 0)
		return 2;
	if (argc == 5 && strcmp(argv[1], "authorise") == 0)
		return authorise(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
	if (argc >= 5 && strcmp(argv[1], "run") == 0)
		return run(&l, argv + 2, argc - 2);
	fprintf(stderr, "usage: sessionload authorise STATE SENSORS FOLDER\n"
	                "       sessionload run STATE ADDRESS KEY [OPTION=VALUE]...\n");
	return 2;
}
