// SPDX-License-Identifier: MIT
/*
 * pause.c - how long a reader waits
 *
 * Each read is timed by itself: section, get, 64 bytes, end of the section. The
 * same reads are done to plain memory, once alone and once beside a thread that
 * copies memory about as the mover does, so that the machine's own noise shows.
 *
 *	ML_READS	of each kind
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "histogram.h"

#define GROUP	"pauses of a reader (section, get, 64 bytes)"

/* What is read, and what goes on meanwhile. */
struct load {
	const char *name;
	uint64_t size;
	uint32_t objects;
	bool plain;
	bool busy;
};

struct scene {
	const struct load *load;
	struct memlane *m;
	memlane_handle *handle;
	char **pointer;
	bool over;	/* atomic */
};

static uint64_t sink;

/* ----------------------------------------------------------------- loads */

static void set_scene(struct scene *s, const struct load *load)
{
	uint32_t i;

	*s = (struct scene) { .load = load };
	s->pointer = calloc(load->objects, sizeof(*s->pointer));
	s->handle = calloc(load->objects, sizeof(*s->handle));
	if (!load->plain)
		s->m = open_bench(256 * MIB, 256 * MIB);
	for (i = 0; i < load->objects; i++) {
		if (load->plain) {
			s->pointer[i] = malloc(load->size);
			memset(s->pointer[i], 1, load->size);
			continue;
		}
		s->handle[i] = must_alloc(s->m, load->size);
		memlane_enter(s->m);
		memset(memlane_get(s->m, s->handle[i]), 1, load->size);
		memlane_exit(s->m);
	}
}

static void strike_scene(struct scene *s)
{
	uint32_t i;

	for (i = 0; s->load->plain && i < s->load->objects; i++)
		free(s->pointer[i]);
	memlane_close(s->m);
	free(s->pointer);
	free(s->handle);
}

static void move_objects(struct scene *s, int *lane)
{
	*lane = *lane == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST;
	memlane_migrate_batch(s->m, *lane, s->handle, s->load->objects, NULL, NULL);
}

static void copy_memory(struct scene *s, char *buffer)
{
	uint32_t i;

	for (i = 0; i < s->load->objects; i++)
		memcpy(buffer, s->pointer[i], s->load->size);
}

static void *be_busy(void *arg)
{
	struct scene *s = arg;
	char *buffer = malloc(s->load->size);
	int lane = MEMLANE_FAST;

	while (!__atomic_load_n(&s->over, __ATOMIC_RELAXED)) {
		if (s->load->plain)
			copy_memory(s, buffer);
		else
			move_objects(s, &lane);
	}
	free(buffer);
	return NULL;
}

static uint64_t read_plain(struct scene *s, uint32_t i)
{
	uint64_t word[8];

	memcpy(word, s->pointer[i], sizeof(word));
	return word[0] + word[7];
}

static uint64_t read_object(struct scene *s, uint32_t i)
{
	uint64_t word[8];

	memlane_enter(s->m);
	memcpy(word, memlane_get(s->m, s->handle[i]), sizeof(word));
	memlane_exit(s->m);
	return word[0] + word[7];
}

static void measure(struct scene *s, struct histogram *h, uint64_t reads)
{
	uint64_t rng = 88172645463325252ULL, start;
	uint32_t i;

	while (reads--) {
		i = (rng_next(&rng) >> 32) % s->load->objects;
		start = now_ns();
		sink += s->load->plain ? read_plain(s, i) : read_object(s, i);
		histogram_add(h, now_ns() - start);
	}
}

static void run_load(const struct load *load, struct histogram *h)
{
	struct scene s;
	pthread_t t;

	set_scene(&s, load);
	memset(h, 0, sizeof(*h));
	if (load->busy && pthread_create(&t, NULL, be_busy, &s))
		die("no thread");
	measure(&s, h, env("ML_READS", 2000000));
	__atomic_store_n(&s.over, true, __ATOMIC_RELAXED);
	if (load->busy)
		pthread_join(t, NULL);
	strike_scene(&s);
}

static void report(const struct load *load, const struct histogram *h,
		   const struct histogram *base)
{
	static const double part[] = { 0.5, 0.99, 0.999, 0.9999, 1 };
	static const char *const label[] = { "p50", "p99", "p99.9", "p99.99", "max" };
	char name[100];
	size_t i;

	for (i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		snprintf(name, sizeof(name), "%s: %s", load->name, label[i]);
		row(GROUP, name, histogram_at(h, part[i]), "ns", histogram_at(base, part[i]));
	}
}

void bench_pause(void)
{
	static const struct load load[] = {
		{ "plain memory, alone", 256, 20000, true, false },
		{ "plain memory, beside a copying thread", 256, 20000, true, true },
		{ "blocks of 256 B, mover idle", 256, 20000, false, false },
		{ "blocks of 256 B, all moving", 256, 20000, false, true },
		{ "blocks of 32 KiB, all moving", 32768, 2000, false, true },
		{ "blobs of 128 KiB, all moving", 131072, 500, false, true },
	};
	static struct histogram h, base[2];
	size_t i;

	for (i = 0; i < sizeof(load) / sizeof(load[0]); i++) {
		run_load(&load[i], load[i].plain ? &base[load[i].busy] : &h);
		report(&load[i], load[i].plain ? &base[load[i].busy] : &h,
		       &base[load[i].busy && !load[i].plain]);
	}
}
