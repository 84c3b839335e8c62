// SPDX-License-Identifier: MIT
/*
 * test-thread.c - threads use objects while another one moves them
 *
 * The program's side of the protocol, written out: section, get with veto and
 * wait, pin, alloc from stock, free. Every byte that is read is compared.
 */
#include <linux/atomic.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktap.h"
#include "table.h"
#include "world.h"

#define USERS	3
#define SHARED	64	/* objects that all threads read */
#define OWN	48	/* objects of each thread */

static struct world *w;
static u64 shared[SHARED];
static bool stop;
static bool shown;	/* moves of each kind, and some that pins prevented */
static u64 vetoes, waits;

struct object {
	u64 handle;
	u64 length;
	u8 fill;
	bool pinned;
};

struct user {
	pthread_t thread;
	struct rng rng;
	u64 *section;
	struct object own[OWN];
};

static const u64 lengths[] = { 16, 64, 100, 256, 1000, 5000, 40000 };

/* ------------------------------------------------------------ the protocol */

static void enter(struct user *u)
{
	/* The epoch's acquire pairs with the mover's release of it. */
	__atomic_store_n(u->section, smp_load_acquire(&w->arena.stat_page->epoch),
			 __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void leave(struct user *u)
{
	/* Pairs with the mover's acquire: what was done in the section is over. */
	smp_store_release(u->section, 0);
}

/* The entry, clean: a planned move is vetoed, a copy is waited for. */
static u64 settled(u64 handle)
{
	struct memlane_wait wait = { .size = sizeof(wait), .handle = handle };
	u64 *e = world_entry(w, handle), word;

	for (;;) {
		/* Pairs with the mover's release of the new place. */
		word = smp_load_acquire(e);
		if (memlane_entry_is_busy(word)) {
			__atomic_add_fetch(&waits, 1, __ATOMIC_RELAXED);
			expect_eq(ml_wait(&w->arena, &wait), 0);
		} else if (memlane_entry_is_marked(word)) {
			if (try_cmpxchg(e, &word, world_unmarked(word)))
				__atomic_add_fetch(&vetoes, 1, __ATOMIC_RELAXED);
		} else {
			return word;
		}
	}
}

static u8 *get(u64 handle, u64 length)
{
	u64 word = settled(handle);

	expect(memlane_entry_is_live(word));
	expect_eq(memlane_entry_gen(word), memlane_handle_gen(handle));
	return world_at(w, memlane_entry_loc(word, (u32)handle), length);
}

static void look(const u8 *p, u64 length, u8 fill)
{
	u64 i;

	for (i = 0; i < length; i += length > 200 ? 61 : 1)
		expect_eq(p[i], fill);
}

/* -------------------------------------------------------------- the threads */

static void own_alloc(struct user *u, struct object *o)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .lane = rng_below(&u->rng, 2), .count = 1,
		.length = lengths[rng_below(&u->rng, 7)],
	};
	u64 word;

	if (ml_alloc(&w->arena, &req, &o->handle)) {
		o->handle = 0;
		return;
	}
	o->length = req.length;
	o->fill = (u8)rng_next(&u->rng);
	enter(u);
	word = settled(o->handle);
	memset(world_at(w, memlane_entry_loc(word, (u32)o->handle), o->length), o->fill, o->length);
	/* A mark set meanwhile is overwritten: the mover waits for this section. */
	smp_store_release(world_entry(w, o->handle), world_in_state(word, MEMLANE_ENTRY_USED));
	leave(u);
}

static void own_free(struct object *o)
{
	struct memlane_free req = { .size = sizeof(req), .count = 1 };
	u64 *e = world_entry(w, o->handle), word;

	do {
		word = settled(o->handle);
	} while (!try_cmpxchg(e, &word, memlane_entry_ended(word)));
	expect_eq(ml_free(&w->arena, &req, &o->handle), 0);
	o->handle = 0;
}

static void own_pin(struct user *u, struct object *o)
{
	u8 *p;

	if (o->pinned) {
		look(get(o->handle, o->length), o->length, o->fill);
		__atomic_sub_fetch(world_pin(w, o->handle), MEMLANE_PIN_ONE, __ATOMIC_RELEASE);
	} else {
		__atomic_add_fetch(world_pin(w, o->handle), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
		p = get(o->handle, o->length);
		look(p, o->length, o->fill);
		o->fill++;
		memset(p, o->fill, o->length);
	}
	o->pinned = !o->pinned;
}

static void own_use(struct user *u, struct object *o)
{
	u8 *p;

	enter(u);
	p = get(o->handle, o->length);
	look(p, o->length, o->fill);
	o->fill += 3;
	memset(p, o->fill, o->length);
	look(get(o->handle, o->length), o->length, o->fill);
	leave(u);
}

static void *use(void *arg)
{
	struct user *u = arg;
	struct object *o;
	u64 i, ops = ktap_ops(4000), most = 100 * ops, n;

	for (n = 0; n < ops || (n < most && !READ_ONCE(shown)); n++) {
		o = &u->own[rng_below(&u->rng, OWN)];
		if (!o->handle)
			own_alloc(u, o);
		else if (rng_below(&u->rng, 4) == 0)
			own_pin(u, o);
		else if (!o->pinned && rng_below(&u->rng, 4) == 0)
			own_free(o);
		else
			own_use(u, o);
		enter(u);
		i = rng_below(&u->rng, SHARED);
		look(get(shared[i], 100), 100, (u8)i);
		leave(u);
	}
	return NULL;
}

static void *move(void *arg)
{
	struct rng *r = arg;
	struct memlane_maintain maintain = { .size = sizeof(maintain) };
	struct memlane_migrate migrate = { .size = sizeof(migrate), .count = 16 };
	struct memlane_stat stat = { .size = sizeof(stat) };
	u64 some[16];
	int i;

	while (!READ_ONCE(stop)) {
		world_compact(w);
		for (i = 0; i < 16; i++)
			some[i] = shared[rng_below(r, SHARED)];
		migrate.lane = rng_below(r, 2);
		expect_eq(ml_migrate(&w->arena, &migrate, some, NULL), 0);
		expect_eq(ml_maintain(&w->arena, &maintain), 0);
		expect_eq(ml_stat(&w->arena, &stat), 0);
		WRITE_ONCE(shown, stat.out.moved && stat.out.remapped && stat.out.pinned);
	}
	return NULL;
}

static void begin(struct user *users)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	u64 i;

	w = world_new(1 << 20, 2 << 20);
	w->threaded = true;
	for (i = 0; i < SHARED; i++) {
		shared[i] = world_alloc(w, i % 2, 100);
		memset(get(shared[i], 100), (int)i, 100);
	}
	for (i = 0; i < USERS; i++) {
		users[i].rng = (struct rng){ ktap_seed() + i * 2 + 1 };
		expect_eq(ml_register(&w->arena, &reg), 0);
		users[i].section = &world_slot(w, reg.slot)->section;
	}
}

static void finish(struct user *users)
{
	u64 i, n;

	world_check(w);
	for (i = 0; i < SHARED; i++) {
		look(get(shared[i], 100), 100, (u8)i);
		world_free(w, shared[i]);
	}
	for (n = 0; n < USERS; n++)
		for (i = 0; i < OWN; i++) {
			struct object *o = &users[n].own[i];

			if (!o->handle)
				continue;
			look(get(o->handle, o->length), o->length, o->fill);
			*world_pin(w, o->handle) = 0;
			own_free(o);
		}
	world_compact(w);
	world_check(w);
	expect_eq(w->committed, 0);
	world_end(w);
}

static void threads(void)
{
	static struct user users[USERS];
	struct rng r = { ktap_seed() | 1 };
	struct memlane_counts c;
	pthread_t mover;
	int i;

	expect(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	begin(users);
	expect(!pthread_create(&mover, NULL, move, &r));
	for (i = 0; i < USERS; i++)
		expect(!pthread_create(&users[i].thread, NULL, use, &users[i]));
	for (i = 0; i < USERS; i++)
		pthread_join(users[i].thread, NULL);
	WRITE_ONCE(stop, true);
	pthread_join(mover, NULL);
	c = w->arena.count;
	printf("# moved %llu, remapped %llu, vetoed %llu, pinned %llu, given up %llu; "
	       "users: %llu vetoes, %llu waits\n", c.moved, c.remapped, c.vetoed, c.pinned,
	       c.given_up, vetoes, waits);
	expect(c.moved && c.remapped && c.pinned);
	expect_eq(c.spoiled, 0);
	finish(users);
}

/* Sees the new place by its word alone: nothing else orders its reads behind the copy. */
static void *watch(void *arg)
{
	const u64 from = *(u64 *)arg;
	u64 word;

	/* Pairs with the mover's compare-exchange. */
	do
		word = smp_load_acquire(world_entry(w, shared[0]));
	while (memlane_entry_loc(word, (u32)shared[0]) == from);
	look(world_at(w, memlane_entry_loc(word, (u32)shared[0]), 100), 100, 0x3c);
	return NULL;
}

static void new_place_has_its_bytes(void)
{
	pthread_t watcher;
	u64 from;

	expect(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	w = world_new(1 << 20, 2 << 20);
	w->threaded = true;
	shared[0] = world_alloc(w, MEMLANE_FAST, 100);
	memset(get(shared[0], 100), 0x3c, 100);
	from = memlane_entry_loc(*world_entry(w, shared[0]), (u32)shared[0]);
	expect(!pthread_create(&watcher, NULL, watch, &from));
	expect_eq(world_migrate(w, shared[0], MEMLANE_SLOW), 0);
	pthread_join(watcher, NULL);
	world_check(w);
	world_end(w);
}

static const struct test tests[] = {
	{ "thread_users_and_mover", threads },
	{ "thread_new_place_has_its_bytes", new_place_has_its_bytes },
};

KTAP_MAIN(tests);
