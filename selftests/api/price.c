// SPDX-License-Identifier: MIT
/*
 * price.c - one call again and again, for tools that count instructions: test-price.sh
 *
 * price WHAT ROUNDS. What a round does beside the call is a loop, of a few instructions.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memlane.h>

static struct memlane *m;

static void check(bool good)
{
	if (good)
		return;
	fprintf(stderr, "price: a call was refused\n");
	exit(1);
}

/* What was freed last is given out next. */
static void pair(unsigned long rounds)
{
	while (rounds--)
		check(memlane_free(m, memlane_alloc(m, 64)) == 0);
}

/* Of an object of a batch, which is made and freed. */
static void batches(unsigned long rounds, uint32_t nr)
{
	static memlane_handle h[1024];

	for (; rounds >= nr; rounds -= nr) {
		check(memlane_alloc_many(m, 64, NULL, h, nr) == (int)nr);
		check(memlane_free_many(m, h, nr, NULL) == 0);
	}
}

/* They come from the thread's stock. */
static void many(unsigned long rounds)
{
	batches(rounds, 40);
}

static memlane_handle of_another[1000];

static void *make_many(void *arg)
{
	check(memlane_alloc_many(m, 64, NULL, of_another, 1000) == 1000);
	return arg;
}

/* Another thread has made them. */
static void free_many_foreign(unsigned long rounds)
{
	pthread_t other;

	for (; rounds >= 1000; rounds -= 1000) {
		check(pthread_create(&other, NULL, make_many, NULL) == 0 && pthread_join(other, NULL) == 0);
		check(memlane_free_many(m, of_another, 1000, NULL) == 0);
	}
}

/* They are more than a thread's stock. */
static void many_more(unsigned long rounds)
{
	batches(rounds, 1000);
}

/* As a container does that is used in a section. */
static void pair_in_section(unsigned long rounds)
{
	check(memlane_enter(m) == 0);
	pair(rounds);
	check(memlane_exit(m) == 0);
}

static void *free_one(void *h)
{
	check(memlane_free(m, *(memlane_handle *)h) == 0);
	return NULL;
}

/* Another thread has freed one of this thread's: from then on each free is a compare-exchange. */
static void pair_shared(unsigned long rounds)
{
	memlane_handle h = memlane_alloc(m, 64);
	pthread_t other;

	check(pthread_create(&other, NULL, free_one, &h) == 0 && pthread_join(other, NULL) == 0);
	pair(rounds);
}

/* Of any class, so that nothing is known beforehand. */
static void sizes(unsigned long rounds)
{
	unsigned long i;

	for (i = 0; i < rounds; i++)
		check(memlane_free(m, memlane_alloc(m, 1 + i * 37 % 2000)) == 0);
}

/* With a wish that changes nothing of how an object is made. */
static void pair_in_lane(unsigned long rounds)
{
	const struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW, .group = 3 };
	memlane_handle h;

	while (rounds--)
		check(memlane_alloc_with(m, 64, &opts, &h) == 0 && memlane_free(m, h) == 0);
}

static uint32_t below(uint32_t most)
{
	static uint64_t rng = 88172645463325252ULL;

	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 32) % most;
}

/*
 * An object of 16 B to 64 KiB is made, or one of those that live is freed: about 1000 live. Half
 * of them have pages of their own, so that each of these calls is one of the engine's.
 */
static void any_size(unsigned long rounds)
{
	static memlane_handle h[2000];
	uint32_t i;

	while (rounds--) {
		i = below(2000);
		if (h[i])
			check(memlane_free(m, h[i]) == 0);
		h[i] = h[i] ? 0 : memlane_alloc(m, 16 + below((64 << 10) - 15));
	}
}

static void section(unsigned long rounds)
{
	while (rounds--)
		check(memlane_enter(m) == 0 && memlane_exit(m) == 0);
}

static void get(unsigned long rounds)
{
	memlane_handle h = memlane_alloc(m, 64);

	check(memlane_enter(m) == 0);
	while (rounds--)
		check(memlane_get(m, h) != NULL);
	check(memlane_exit(m) == 0);
}

static void pin(unsigned long rounds)
{
	memlane_handle h = memlane_alloc(m, 64);

	while (rounds--)
		check(memlane_pin(m, h) && memlane_unpin(m, h) == 0);
}

static void scratch(unsigned long rounds)
{
	struct memlane_mark mark = memlane_frame_begin(m);

	while (rounds--)
		check(memlane_frame_alloc(m, 64) != NULL);
	check(memlane_frame_end(m, mark) == 0);
}

/* Counted is what this does. */
__attribute__((noinline))
static void measured(void (*run)(unsigned long rounds), unsigned long rounds)
{
	run(rounds);
	__asm__ volatile("" ::: "memory");
}

/* Objects that are freed in the order they were made, of which many more live. */
__attribute__((noinline)) static void free_row(const memlane_handle *h, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		check(memlane_free(m, h[i]) == 0);
}

static void in_a_row(unsigned long rounds)
{
	memlane_handle *h = calloc(rounds, sizeof(*h));
	unsigned long i;

	check(h);
	for (i = 0; i < rounds; i++)
		check((h[i] = memlane_alloc(m, 48)));
	free_row(h, rounds);
	free(h);
}

/* Objects are moved together: three of four were freed. Says how many moved. */
static void move_together(unsigned long rounds)
{
	struct memlane_step step = { 0 };
	memlane_handle *h = calloc(4 * rounds, sizeof(*h));
	unsigned long i, rng = 88172645463325252UL;

	check(h);
	for (i = 0; i < 4 * rounds; i++)
		check((h[i] = memlane_alloc(m, 64)));
	for (i = 0; i < 4 * rounds; i++) {
		rng = rng * 6364136223846793005UL + 1442695040888963407UL;
		if (rng >> 33 & 3)
			check(memlane_free(m, h[i]) == 0);
	}
	memlane_thread_flush(m);
	/* What the depot has is freed, and not counted. */
	check(memlane_migrate(m, memlane_alloc(m, 64), MEMLANE_SLOW) == 0);
	check(memlane_compact(m, 0, 0, &step) == 0);
	printf("moved %llu\n", (unsigned long long)step.out_moved);
	free(h);
}

static const struct {
	const char *name;
	void (*run)(unsigned long rounds);
	bool tracking;
} prices[] = {
	{ "pair", pair, false },
	{ "pair-in-section", pair_in_section, false },
	{ "many", many, false },
	{ "many-more", many_more, false },
	{ "many-foreign", free_many_foreign, false },
	{ "pair-shared", pair_shared, false },
	{ "sizes", sizes, false },
	{ "pair-in-lane", pair_in_lane, false },
	{ "any-size", any_size, false },
	{ "section", section, false },
	{ "get", get, false },
	{ "pin", pin, false },
	{ "scratch", scratch, false },
	{ "get-tracked", get, true },
	{ "pair-tracked", pair, true },
	{ "in-a-row", in_a_row, false },
	{ "moved", move_together, false },
};

int main(int argc, char **argv)
{
	struct memlane_config c;
	size_t i;

	memlane_config_init(&c);
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0;
	c.fast_lane_size = 16 << 20;
	c.decay = 3600;	/* no page goes because the machine is slow */
	for (i = 0; argc == 3 && i < sizeof(prices) / sizeof(prices[0]); i++) {
		if (strcmp(argv[1], prices[i].name))
			continue;
		c.tracking = prices[i].tracking;
		check(memlane_open(&m, &c) == 0);
		prices[i].run(20000);
		measured(prices[i].run, strtoul(argv[2], NULL, 10));
		memlane_close(m);
		return 0;
	}
	fprintf(stderr, "usage: price WHAT ROUNDS\n");
	return 2;
}
