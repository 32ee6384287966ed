/* SPDX-License-Identifier: MIT */
/*
 * memcached_load - a fixed number of pipelined requests to memcached
 *
 * usage: memcached_load SOCKET OPS SEED
 * Four connections to a Unix socket, one thread each; every request in four is
 * a set of 1 to 4000 bytes, the others are gets of random keys.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NR_CLIENTS 4
#define NR_KEYS	   50000
#define VALUE_MAX  4000
#define PIPELINE   16

struct client {
	pthread_t thread;
	const char *path;
	long ops;
	uint64_t random;
	FILE *in, *out;
	char line[VALUE_MAX + 64];
	long hits;
	bool ok;
};

static uint32_t next(struct client *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (uint32_t)(c->random >> 32);
}

static bool dial(struct client *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return false;
	c->in = fdopen(fd, "r");
	c->out = fdopen(dup(fd), "w");
	return c->in && c->out;
}

static void ask(struct client *c)
{
	static const char value[VALUE_MAX];
	uint32_t key = next(c) % NR_KEYS;
	unsigned size = 1 + next(c) % VALUE_MAX;

	if (next(c) % 4) {
		fprintf(c->out, "get key:%u\r\n", key);
		return;
	}
	fprintf(c->out, "set key:%u 0 0 %u\r\n", key, size);
	fwrite(value, 1, size, c->out);
	fputs("\r\n", c->out);
}

/* One whole answer: STORED, or END with a value before it or without. */
static bool answer(struct client *c)
{
	unsigned size;

	if (!fgets(c->line, sizeof(c->line), c->in))
		return false;
	if (sscanf(c->line, "VALUE %*s %*u %u", &size) == 1) {
		if (size > VALUE_MAX ||
		    fread(c->line, 1, size + 2, c->in) != size + 2)
			return false;
		c->hits++;
		if (!fgets(c->line, sizeof(c->line), c->in))
			return false;
	}
	return !strcmp(c->line, "STORED\r\n") || !strcmp(c->line, "END\r\n");
}

static void *run(void *arg)
{
	struct client *c = arg;

	if (!dial(c))
		return NULL;
	for (long done = 0; done < c->ops; done += PIPELINE) {
		for (int i = 0; i < PIPELINE; i++)
			ask(c);
		if (fflush(c->out))
			return NULL;
		for (int i = 0; i < PIPELINE; i++)
			if (!answer(c))
				return NULL;
	}
	c->ok = true;
	return NULL;
}

int main(int argc, char **argv)
{
	static struct client clients[NR_CLIENTS];
	long hits = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: %s SOCKET OPS SEED\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < NR_CLIENTS; i++) {
		struct client *c = &clients[i];

		c->path = argv[1];
		c->ops = atol(argv[2]) / NR_CLIENTS;
		c->random = strtoull(argv[3], NULL, 10) * NR_CLIENTS +
			    (uint64_t)i + 88172645463325252ULL;
		if (pthread_create(&c->thread, NULL, run, c))
			return 1;
	}
	for (int i = 0; i < NR_CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		if (!clients[i].ok) {
			fprintf(stderr, "a client failed\n");
			return 1;
		}
		hits += clients[i].hits;
	}
	printf("%ld hits\n", hits);
	return 0;
}
