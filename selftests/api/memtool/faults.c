// SPDX-License-Identifier: MIT
/* faults.c - one wrong use of an object, by name, for tools that check memory to find */
#include <memlane.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 48, OBJECTS = 2000 };

static struct memlane *m;
static volatile unsigned char sink;

__attribute__((noinline)) static memlane_handle make_it(void)
{
	memlane_handle h = memlane_alloc(m, SIZE);

	if (!h)
		abort();
	memlane_enter(m);
	memset(memlane_get(m, h), 7, SIZE);
	memlane_exit(m);
	return h;
}

static unsigned char *address(memlane_handle h)
{
	unsigned char *p;

	memlane_enter(m);
	p = memlane_get(m, h);
	memlane_exit(m);
	return p;
}

static void move_it(memlane_handle h)
{
	if (memlane_migrate(m, h, memlane_lane(m, h) == MEMLANE_FAST ? MEMLANE_SLOW : MEMLANE_FAST))
		abort();
}

static void overrun(memlane_handle h)
{
	address(h)[SIZE] = 1;
}

static void overrun_after_move(memlane_handle h)
{
	move_it(h);
	address(h)[SIZE] = 1;
}

static void use_after_free(memlane_handle h)
{
	unsigned char *p = address(h);

	memlane_free(m, h);
	sink = *p;
}

static void use_after_move_and_free(memlane_handle h)
{
	unsigned char *p;

	move_it(h);
	p = address(h);
	memlane_free(m, h);
	sink = *p;
}

static void use_of_the_old_place(memlane_handle h)
{
	unsigned char *p = address(h);

	move_it(h);
	sink = *p;
}

/* What may be dropped is, before an allocation fails. */
static void use_after_purge(memlane_handle h)
{
	struct memlane_alloc_opts opts = { .group = 5, .lane = MEMLANE_IN_SLOW };
	memlane_handle droppable, large;
	unsigned char *p;
	int err;

	(void)h;
	memlane_set_purgeable(m, 5, true);
	if (memlane_alloc_with(m, SIZE, &opts, &droppable))
		abort();
	p = address(droppable);
	opts.group = 0;
	do {
		err = memlane_alloc_with(m, 1 << 20, &opts, &large);
	} while (!err && memlane_is_valid(m, droppable));
	sink = *p;
}

static void leak(memlane_handle h)
{
	(void)h;
	memlane_close(m);
	exit(0);
}

static void open_at_the_end(memlane_handle h)
{
	(void)h;
	exit(0);
}

/* Reads what nobody has written; after a move too. */
static void undefined(memlane_handle h)
{
	memlane_handle fresh = memlane_alloc(m, SIZE);

	(void)h;
	move_it(fresh);
	if (address(fresh)[5])
		sink = 1;
	memlane_free(m, fresh);
}

/* Everything that is right: blocks and large objects, zeroed ones, moves, compaction. */
/* Who leaves gives scratch back, which is objects, too. */
static void *use_scratch(void *unused)
{
	struct memlane_mark mark = memlane_frame_begin(m);
	unsigned char *p = memlane_frame_alloc(m, SIZE);

	if (!p)
		abort();
	memset(p, 1, SIZE);
	if (memlane_frame_end(m, mark))
		abort();
	return unused;
}

static void leave(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, use_scratch, NULL) || pthread_join(t, NULL))
		abort();
	use_scratch(NULL);
	if (memlane_thread_leave(m))
		abort();
}

static void none(memlane_handle h)
{
	static memlane_handle o[OBJECTS];
	struct memlane_alloc_opts zero = { .flags = MEMLANE_ZERO };
	size_t i, size;
	unsigned char *p;

	(void)h;
	leave();
	for (i = 0; i < OBJECTS; i++) {
		size = i % 100 ? 16 + i % 700 : 40000 + i;
		if (memlane_alloc_with(m, size, &zero, &o[i]))
			abort();
		p = address(o[i]);
		if (p[0] || p[size / 2] || p[size - 1])
			abort();
		p[0] = p[size - 1] = 1;
	}
	for (i = 0; i < OBJECTS; i += 1 + i % 3) {
		memlane_free(m, o[i]);
		o[i] = 0;
	}
	if (memlane_compact(m, 0, 0, NULL))
		abort();
	for (i = 0; i < OBJECTS; i++) {
		if (!o[i])
			continue;
		size = memlane_size(m, o[i]);
		p = address(o[i]);
		if (p[0] != 1 || p[size / 2] || p[size - 1] != 1 || memlane_free(m, o[i]))
			abort();
	}
}

/* What was queued is under way when an arena ends; nothing is wrong with that. */
static void closed_early(memlane_handle h)
{
	enum { QUEUED = 500 };
	static memlane_handle o[QUEUED];
	struct memlane *other;
	unsigned int i, k;

	(void)h;
	for (k = 0; k < 200; k++) {
		if (memlane_open(&other, NULL))
			abort();
		for (i = 0; i < QUEUED; i++)
			o[i] = memlane_alloc(other, 1000);
		for (i = 0; i < 20; i++)
			if (memlane_queue_migrate(other, i % 2 ? MEMLANE_FAST : MEMLANE_SLOW, o, QUEUED, i))
				abort();
		memlane_close(other);
	}
}

static const struct {
	const char *name;
	void (*run)(memlane_handle h);
} fault[] = {
	{ "none", none },
	{ "closed-early", closed_early },
	{ "overrun", overrun },
	{ "overrun-after-move", overrun_after_move },
	{ "use-after-free", use_after_free },
	{ "use-after-move-and-free", use_after_move_and_free },
	{ "use-of-the-old-place", use_of_the_old_place },
	{ "use-after-purge", use_after_purge },
	{ "undefined", undefined },
	{ "leak", leak },
	{ "open-at-the-end", open_at_the_end },
};

int main(int argc, char **argv)
{
	struct memlane_config config;
	memlane_handle h;
	size_t i;

	memlane_config_init(&config);
	config.slow_lane_max = 64 << 20;
	if (argc != 2 || memlane_open(&m, &config))
		return 2;
	h = make_it();
	for (i = 0; i < sizeof(fault) / sizeof(fault[0]); i++) {
		if (strcmp(argv[1], fault[i].name))
			continue;
		fault[i].run(h);
		memlane_free(m, h);
		memlane_close(m);
		return 0;
	}
	return 2;
}
