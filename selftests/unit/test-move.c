// SPDX-License-Identifier: MIT
/* test-move.c - the move protocol, one way of going wrong after the other */
#include <linux/atomic.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "lane.h"
#include "names.h"
#include "table.h"
#include "world.h"

static struct world *w;
static u64 object, before;	/* the object to be moved, and its entry at first */

static u64 entry(void)
{
	return *world_entry(w, object);
}

static u64 place(void)
{
	return world_loc(w, object);
}

/* A world with one live object in the FastLane. */
static void begin(u64 length)
{
	w = world_new(256 << 10, 1 << 20);
	object = world_alloc(w, MEMLANE_FAST, length);
	before = entry();
	memset(world_at(w, place(), length), 0x5a, length);
}

static void end(void)
{
	world_check(w);
	w->in_grace = NULL;
	world_end(w);
}

static void stayed(void)
{
	expect_eq(entry(), before);
	expect(!ml_index_in_batch(&w->arena, (u32)object));
	expect_eq(w->arena.lane[MEMLANE_SLOW].objects, 0);
	world_check(w);
}

static void arrived(u64 length)
{
	u64 i;

	expect_eq(ml_lane_of(&w->arena, place()), MEMLANE_SLOW);
	expect_eq(entry() & ~MEMLANE_LOC_MASK, before & ~MEMLANE_LOC_MASK);
	for (i = 0; i < length; i += 7)
		expect_eq(((u8 *)world_at(w, place(), length))[i], 0x5a);
	expect_eq(w->arena.lane[MEMLANE_SLOW].objects, 1);
	expect_eq(w->arena.lane[MEMLANE_SLOW].migrated_in, 1);
	expect_eq(w->arena.lane[MEMLANE_FAST].objects, 0);
	world_check(w);
}

/* The barrier that interrupts every CPU comes once a batch, not once an object. */
static void one_barrier_a_batch(void)
{
	static u64 handle[ML_BATCH + 1];
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = ML_BATCH,
	};
	unsigned int i;

	begin(100);
	for (i = 0; i <= ML_BATCH; i++)
		handle[i] = world_alloc(w, MEMLANE_FAST, 100);
	expect_eq(ml_migrate(&w->arena, &req, handle, NULL), 0);
	expect_eq(w->arena.count.moved, ML_BATCH);
	expect_eq(w->syncs, 1);
	req.lane = MEMLANE_FAST;
	req.count = ML_BATCH + 1;
	expect_eq(ml_migrate(&w->arena, &req, handle, NULL), 0);
	expect_eq(w->arena.count.moved, 2 * ML_BATCH);	/* one was there */
	expect_eq(w->syncs, 2);
	req.lane = MEMLANE_SLOW;
	expect_eq(ml_migrate(&w->arena, &req, handle, NULL), 0);
	expect_eq(w->arena.count.moved, 3 * ML_BATCH + 1);
	expect_eq(w->syncs, 4);
	end();
}

/* Handles that need no move cost time, too. */
static void handles_are_looked_at_in_pieces(void)
{
	static u64 handle[100000];
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = 100000, .step.max_ns = 100,
	};

	begin(100);
	expect_eq(ml_migrate(&w->arena, &req, handle, NULL), 0);
	expect(req.out_count > 0 && req.out_count < req.count && req.step.out_more);
	expect_eq(req.out_failed, req.out_count);
	end();
}

static void block_moves(void)
{
	begin(100);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100);
	expect_eq(w->arena.count.moved, 1);
	expect_eq(w->arena.count.moved_bytes, 112);
	expect_eq(w->syncs, 1);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);	/* it is there */
	expect_eq(w->syncs, 1);
	end();
}

static void blob_is_handed_over(void)
{
	begin(100000);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100000);
	expect_eq(w->arena.count.moved, 0);
	expect_eq(w->arena.count.remapped, 1);
	expect_eq(w->arena.count.remapped_pages, 25);
	expect_eq(w->committed, 25);
	end();
}

static void blob_is_copied(void)
{
	struct memlane_create req = world_request(256 << 10, 1 << 20);

	w = calloc(1, sizeof(*w));
	expect_eq(world_try(w, &req, false), 0);
	object = world_alloc(w, MEMLANE_FAST, 100000);
	before = entry();
	memset(world_at(w, place(), 100000), 0x5a, 100000);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100000);
	expect_eq(w->arena.count.moved, 1);
	expect_eq(w->arena.count.remapped, 0);
	end();
}

static void pinned(void)
{
	begin(100);
	*world_pin(w, object) |= MEMLANE_PIN_ONE;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	stayed();
	expect_eq(w->syncs, 0);		/* nothing was marked */
	expect_eq(w->arena.count.pinned, 1);
	*world_pin(w, object) -= MEMLANE_PIN_ONE;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100);
	end();
}

static void pin_in_grace(struct world *world, void *arg)
{
	*world_pin(world, object) |= MEMLANE_PIN_ONE;
}

static void pinned_under_way(void)
{
	begin(100);
	w->in_grace = pin_in_grace;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	stayed();
	expect_eq(w->arena.count.pinned, 1);
	end();
}

static void veto_in_grace(struct world *world, void *arg)
{
	u64 marked = world_in_state(before, MEMLANE_ENTRY_USED_MARKED);

	expect_eq(entry(), marked);
	expect_eq(world_query(world, object).out_state, MEMLANE_STATE_MOVING);
	expect_eq(cmpxchg(world_entry(world, object), marked, before), marked);
}

static void vetoed(void)
{
	begin(100);
	w->in_grace = veto_in_grace;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	stayed();
	expect_eq(w->arena.count.vetoed, 1);
	end();
}

/* The pages of a large object do not change hands once somebody is back at it. */
static void blob_vetoed(void)
{
	begin(100000);
	w->in_grace = veto_in_grace;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	stayed();
	expect_eq(w->arena.count.vetoed, 1);
	expect_eq(w->arena.count.remapped, 0);
	end();
}

/* Nobody waits for a copy: who comes meanwhile clears the mark, and writes. */
static void veto_in_copy(struct world *world)
{
	u64 marked = world_in_state(before, MEMLANE_ENTRY_USED_MARKED);

	expect_eq(cmpxchg(world_entry(world, object), marked, before), marked);
	memset(world_at(world, place(), 100), 0x77, 100);
}

static void vetoed_while_copied(void)
{
	const u8 *p;

	begin(100);
	w->in_copy = veto_in_copy;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	stayed();
	p = world_at(w, place(), 100);
	expect(p[0] == 0x77 && p[99] == 0x77);
	expect_eq(w->arena.count.vetoed, 1);
	expect_eq(w->arena.count.moved + w->arena.count.moved_bytes, 0);
	w->in_copy = NULL;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	expect_eq(w->arena.count.moved_bytes, 112);
	end();
}

static void held(void)
{
	begin(100);
	world_hold(w, place(), true);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	stayed();
	expect_eq(w->arena.count.held, 1);
	world_hold(w, place(), false);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100);
	end();
}

/* The last page of a blob counts as much as the first. */
static void held_at_the_end(void)
{
	begin(100000);
	world_hold(w, place() + 24 * ML_PAGE_GRANULES, true);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	stayed();
	end();
}

/* The object stays, and is told of once; so is the next one that lies there. */
static void broken_page(void)
{
	begin(100000);
	world_break(w, place() + 3 * ML_PAGE_GRANULES);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	stayed();
	expect_eq(w->arena.count.held, 2);
	expect_eq(w->arena.count.lost, 1);
	expect_eq(w->events[MEMLANE_EVENT_LOST], 1);
	expect_eq(w->event_lane, MEMLANE_FAST);
	expect_eq(w->event_value, object);
	world_break(w, place() + 24 * ML_PAGE_GRANULES);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	expect_eq(w->arena.count.lost, 2);
	end();
}

/* Nothing goes where memory has failed; that there was enough of it is not denied. */
static void broken_place(void)
{
	u64 there;

	begin(100);
	there = world_alloc(w, MEMLANE_SLOW, 100);
	*(u8 *)world_at(w, world_loc(w, there), 100) = 1;
	world_break(w, world_loc(w, there));
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBUSY);
	expect_eq(world_query(w, object).out_lane, MEMLANE_FAST);
	expect(!w->arena.batch->nomem);
	expect_eq(w->arena.count.lost, 0);
	expect_eq(w->arena.count.moved, 0);
	end();
}

static u32 open_slot(u64 section)
{
	struct memlane_register reg = { .size = sizeof(reg) };

	expect_eq(ml_register(&w->arena, &reg), 0);
	world_slot(w, reg.slot)->section = section;
	return reg.slot;
}

static void given_up(void)
{
	u32 slot;

	begin(100);
	slot = open_slot(w->arena.stat_page->epoch);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	stayed();
	expect_eq(w->arena.count.given_up, 1);
	expect(w->pauses > 100 && w->pauses <= 200);	/* 10 ms at 50 us each */
	world_slot(w, slot)->section = 0;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100);
	end();
}

/* Without the barrier nobody knows who is in a section. */
static void without_barrier(void)
{
	begin(100);
	w->sync_result = -ENOMEM;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	stayed();
	expect_eq(w->arena.count.given_up, 1);
	w->sync_result = 0;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100);
	end();
}

static void enter_anew(struct world *world, void *arg)
{
	world_slot(world, *(u32 *)arg)->section = world->arena.stat_page->epoch;
}

/* A section that began after the plan does not hold it up. */
static void newer_section(void)
{
	u32 slot;

	begin(100);
	slot = open_slot(w->arena.stat_page->epoch);
	w->in_grace = enter_anew;
	w->grace_arg = &slot;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	expect_eq(w->pauses, 0);
	arrived(100);
	end();
}

static void dead_section(void)
{
	begin(100);
	w->gone[open_slot(w->arena.stat_page->epoch)] = true;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	expect_eq(w->pauses, 0);
	arrived(100);
	end();
}

static void killed(void)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = 1,
	};
	s32 result = 1;

	begin(100);
	open_slot(w->arena.stat_page->epoch);
	w->pause_result = -EINTR;
	expect_eq(ml_migrate(&w->arena, &req, &object, &result), -EINTR);
	expect_eq(result, -EAGAIN);
	expect_eq(w->pauses, 1);
	stayed();
	end();
}

static void free_in_grace(struct world *world, void *arg)
{
	world_free(world, object);
}

static void freed_under_way(void)
{
	begin(100);
	w->in_grace = free_in_grace;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	world_check(w);
	expect_eq(w->arena.table.bound, 0);
	expect_eq(w->arena.lane[MEMLANE_SLOW].objects, 0);
	end();
}

static void forge_in_grace(struct world *world, void *arg)
{
	world_free(world, object);
	*world_entry(world, object) = world_in_state(before, MEMLANE_ENTRY_USED_MARKED);
}

/* The object is gone, but its entry looks as if a move of it were planned still. */
static void forged_after_free(void)
{
	begin(100);
	w->in_grace = forge_in_grace;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	world_check(w);
	expect_eq(w->arena.table.bound, 0);
	expect_eq(w->arena.lane[MEMLANE_SLOW].objects, 0);
	end();
}

static u64 second;

/* The same index, bound again to the very same place. */
static void replace_in_grace(struct world *world, void *arg)
{
	world_free(world, object);
	second = world_alloc(world, MEMLANE_FAST, 100);
	expect_eq((u32)second, (u32)object);
	expect_eq(world_loc(world, second), memlane_entry_loc(before, (u32)second));
}

static void freed_and_bound_again(void)
{
	begin(100);
	w->in_grace = replace_in_grace;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	world_check(w);
	expect(second != object);
	expect_eq(world_query(w, second).out_state, MEMLANE_STATE_LIVE);
	expect_eq(world_query(w, second).out_lane, MEMLANE_FAST);
	expect_eq(world_query(w, object).out_state, MEMLANE_STATE_STALE);
	w->in_grace = NULL;
	expect_eq(world_migrate(w, second, MEMLANE_SLOW), 0);	/* no mark was left on it */
	end();
}

/* Stock is moved without a copy; an alloc in the meantime keeps it in place. */
static void stock_moves(void)
{
	struct ml_arena *a;
	u64 more[3000], loc;
	int i, moved = 0;

	begin(100);
	a = &w->arena;
	for (i = 0; i < 900; i++)
		more[i] = world_stock(w, MEMLANE_FAST, 100);
	for (i = 0; i < 900; i++)
		if (i % 8)
			expect_eq(ml_free(a, &(struct memlane_free){ .count = 1 }, &more[i]), 0);
	loc = world_loc(w, more[0]);
	world_compact(w);
	for (i = 0; i < 900; i += 8) {
		expect_eq(memlane_entry_state(*world_entry(w, more[i])), MEMLANE_ENTRY_FREE);
		moved += world_loc(w, more[i]) != loc;
	}
	expect(moved);
	expect(a->lane[MEMLANE_FAST].area[ML_USE_BLOCK].runs <= 2);
	end();
}

/* One index twice in a call: the second waits for another time. */
static void twice_in_a_call(void)
{
	u64 handles[2];
	s32 results[2];
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = 2,
	};

	begin(100);
	handles[0] = handles[1] = object;
	expect_eq(ml_migrate(&w->arena, &req, handles, results), 0);
	expect_eq(results[0], 0);
	expect_eq(results[1], -EAGAIN);
	expect_eq(req.out_failed, 1);
	arrived(100);
	end();
}

/* Errors of every handle, each at its own place. */
static void mixed_call(void)
{
	u64 handles[5], freed;
	s32 results[5];
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = MEMLANE_SLOW, .count = 5,
	};

	begin(100);
	freed = world_alloc(w, MEMLANE_FAST, 5000);
	world_free(w, freed);
	handles[0] = freed;
	handles[1] = object ^ 1ULL << MEMLANE_COOKIE_SHIFT;
	handles[2] = object;
	handles[3] = object | 0xffffff00;
	handles[4] = world_stock(w, MEMLANE_FAST, 16);
	expect_eq(ml_migrate(&w->arena, &req, handles, results), 0);
	expect_eq(results[0], -ESTALE);
	expect_eq(results[1], -EXDEV);
	expect_eq(results[2], 0);
	expect_eq(results[3], -EBADF);
	expect_eq(results[4], -ESTALE);
	expect_eq(req.out_failed, 4);
	world_check(w);
	end();
}

static void lane_is_full(void)
{
	begin(100);
	while (!ml_alloc(&w->arena, &(struct memlane_alloc){
			 .length = 65536, .lane = MEMLANE_SLOW, .count = 1 }, &second))
		;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);	/* the margin serves */
	before = entry();
	object = world_alloc(w, MEMLANE_FAST, 200000);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -ENOSPC);
	end();
}

static void no_memory(void)
{
	u64 n;
	int err = -1;

	begin(100);
	for (n = 1; err; n++) {
		w->fail = (struct failure){ .doors = DOOR_ALL, .nth = n };
		err = world_migrate(w, object, MEMLANE_SLOW);
		if (err) {
			expect_eq(err, -ENOMEM);
			stayed();
		}
	}
	expect(n > 4);
	w->fail.doors = 0;
	arrived(100);
	end();
}

/* At most so many bytes, but one object at least. */
static void bounded_steps(void)
{
	struct memlane_compact req = { .size = sizeof(req), .step.max_bytes = 500 };
	u64 handles[1000];
	int i, steps;

	w = world_new(1 << 20, 1 << 20);
	for (i = 0; i < 1000; i++)
		handles[i] = world_alloc(w, MEMLANE_FAST, 256);
	for (i = 0; i < 1000; i++)
		if (i % 4)
			world_free(w, handles[i]);
	for (steps = 0; steps < 1000; steps++) {
		expect_eq(ml_compact(&w->arena, &req), 0);
		expect(req.step.out_moved_bytes < 500 + 256);
		world_check(w);
		if (!req.step.out_more)
			break;
		expect(req.step.out_moved > 0);
	}
	expect(steps > 10 && steps < 1000);
	expect(w->arena.lane[0].area[ML_USE_BLOCK].runs <= 250 / 128 + 2);
	world_end(w);
}

static void wait_for_copy(void)
{
	struct memlane_wait req = { .size = sizeof(req), .handle = 0 };

	begin(100);
	expect_eq(ml_wait(&w->arena, &req), 0);
	req.handle = object;
	expect_eq(ml_wait(&w->arena, &req), 0);
	expect_eq(w->pauses, 0);
	*world_entry(w, object) = world_in_state(before, MEMLANE_ENTRY_BUSY);	/* a forged word: no hang */
	expect_eq(ml_wait(&w->arena, &req), 0);
	/* It looked at that object, and did not stand in line for the whole batch. */
	expect(w->pauses > 1 && w->pauses < 10000);
	w->pause_result = -EINTR;
	expect_eq(ml_wait(&w->arena, &req), -EINTR);
	w->pause_result = 0;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EAGAIN);
	expect_eq(w->arena.count.spoiled, 1);
	req.handle = ~0ULL;
	expect_eq(ml_wait(&w->arena, &req), 0);
	req.flags = 2;
	expect_eq(ml_wait(&w->arena, &req), -EOPNOTSUPP);
	end();
}

/* A forged location is never followed. */
static void forged_location(void)
{
	begin(100);
	*world_entry(w, object) ^= 1ULL << 20;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), -EBADF);
	expect_eq(w->arena.count.spoiled, 1);
	expect_eq(world_query(w, object).out_location, 0);
	*world_entry(w, object) = before;
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(100);
	end();
}

/* ---------------------------------------------------------- another size */

static int resize(u64 length)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .flags = MEMLANE_MIGRATE_RESIZE, .count = 1, .length = length,
	};
	s32 result = 1;

	expect_eq(ml_migrate(&w->arena, &req, &object, &result), 0);
	expect_eq(req.out_failed, result != 0);
	return result;
}

/* The size is in another word: its users wait until both have changed. */
static void busy_in_copy(struct world *world)
{
	expect(memlane_entry_is_busy(*world_entry(world, object)));
}

static void waited_for_with_its_size(void)
{
	begin(100);
	w->in_copy = busy_in_copy;
	expect_eq(resize(300), 0);
	end();
}

/* Same name and state; a place for @length, the bytes of before, its size told. */
static void has_size(u64 length, u64 kept)
{
	unsigned int cls = length > MEMLANE_BLOCK_MAX ? MEMLANE_CLASS_BLOB :
			   ml_class_of(length);
	u64 i;

	expect_eq(entry() & ~MEMLANE_LOC_MASK, before & ~MEMLANE_LOC_MASK);
	expect_eq(world_locked(&w->arena, ml_place_room(&w->arena, place())),
		  cls == MEMLANE_CLASS_BLOB ? ml_pages(length) << ML_PAGE_SHIFT :
					      ml_class_size(cls));
	expect_eq(*world_class(w, object), cls);
	expect_eq(*world_size(w, object), memlane_size_word(cls, length));
	expect(memlane_note_is_far(*world_note(w, object)));
	expect_eq(ml_index_size(&w->arena, (u32)object), length);
	for (i = 0; i < kept; i++)
		expect_eq(((u8 *)world_at(w, place(), length))[i], 0x5a);
	world_check(w);
}

static void changes_size(void)
{
	static const u64 length[] = { 200, 31000, 40000, 90000, 120000, 50000, 3000, 100, 16 };
	u64 kept = 100, syncs;
	unsigned int i, maker = 5;

	begin(100);
	world_join(w, object, 7);
	*world_note(w, object) |= 5 << MEMLANE_NOTE_MAKER_SHIFT;
	for (i = 0; i < sizeof(length) / sizeof(*length); i++) {
		expect_eq(resize(length[i]), 0);
		kept = length[i] < kept ? length[i] : kept;
		has_size(length[i], kept);
		expect_eq(memlane_pin_group(*world_pin(w, object)), 7);
		maker = length[i] > MEMLANE_BLOCK_MAX ? 0 : maker;
		expect_eq(memlane_note_maker(*world_note(w, object)), maker);	/* a blob has none */
	}
	syncs = w->syncs;
	expect_eq(resize(12), 0);	/* its place has that size */
	expect_eq(w->syncs, syncs);
	expect_eq(ml_index_size(&w->arena, (u32)object), 16);
	expect_eq(w->arena.count.remapped, 3);
	end();
}

/* A smaller place gets no more than it has room for. */
static void shrinks_between_others(void)
{
	u64 other[30];
	unsigned int i, j;

	begin(2000);
	for (i = 0; i < 30; i++) {
		other[i] = world_alloc(w, MEMLANE_FAST, 64);
		memset(world_at(w, world_loc(w, other[i]), 64), i, 64);
	}
	world_free(w, other[11]);
	expect_eq(resize(64), 0);
	has_size(64, 64);
	expect_eq(ml_lane_of(&w->arena, place()), MEMLANE_FAST);
	for (i = 0; i < 30; i++)
		for (j = 0; j < 64 && i != 11; j++)
			expect_eq(((u8 *)world_at(w, world_loc(w, other[i]), 64))[j], i);
	end();
}

static void keeps_its_size(void)
{
	u16 note;

	begin(100);
	note = *world_note(w, object);
	*world_pin(w, object) = MEMLANE_PIN_ONE;
	expect_eq(resize(200), -EBUSY);
	*world_pin(w, object) = 0;
	w->in_grace = free_in_grace;
	expect_eq(resize(200), -EAGAIN);
	w->in_grace = NULL;
	expect_eq(resize(200), -ESTALE);
	expect_eq(*world_note(w, object), note);
	expect_eq(*world_class(w, object), 6);
	expect_eq(*world_size(w, object), 0);
	world_check(w);
	end();
}

/* Also by a page that the smaller place would not have had. */
static void held_while_it_shrinks(void)
{
	begin(100000);
	world_hold(w, place() + 24 * ML_PAGE_GRANULES, true);
	expect_eq(resize(40000), -EBUSY);
	stayed();
	end();
}

static void lanes_have_no_room(void)
{
	begin(100);
	expect_eq(resize(200 << 20), -ENOSPC);
	stayed();
	expect_eq(resize(200 << 10), 0);
	world_check(w);
	end();
}

/* A word of the reverse map is an index or says that the place is free: for the last indices, too. */
static void last_indices(void)
{
	struct memlane_create req = world_request(256 << 10, 1 << 20);

	w = calloc(1, sizeof(*w));
	w->first = ML_INDEX_END - (16 << 20);
	expect_eq(world_try(w, &req, true), 0);
	object = world_alloc(w, MEMLANE_FAST, 64);
	before = entry();
	memset(world_at(w, place(), 64), 0x5a, 64);
	expect((u32)object > w->first);
	expect_eq(world_migrate(w, object, MEMLANE_SLOW), 0);
	arrived(64);
	world_free(w, object);
	expect_eq(w->arena.lane[MEMLANE_SLOW].objects, 0);
	end();
}

static const struct test tests[] = {
	{ "move_last_indices", last_indices },
	{ "move_block", block_moves },
	{ "move_one_barrier", one_barrier_a_batch },
	{ "move_in_pieces", handles_are_looked_at_in_pieces },
	{ "move_blob_is_handed_over", blob_is_handed_over },
	{ "move_blob_is_copied", blob_is_copied },
	{ "move_pinned", pinned },
	{ "move_pinned_under_way", pinned_under_way },
	{ "move_vetoed", vetoed },
	{ "move_vetoed_blob", blob_vetoed },
	{ "move_vetoed_while_copied", vetoed_while_copied },
	{ "move_waited_for_with_its_size", waited_for_with_its_size },
	{ "move_held", held },
	{ "move_held_at_the_end", held_at_the_end },
	{ "move_broken_page", broken_page },
	{ "move_broken_place", broken_place },
	{ "move_given_up", given_up },
	{ "move_without_barrier", without_barrier },
	{ "move_newer_section", newer_section },
	{ "move_dead_section", dead_section },
	{ "move_killed", killed },
	{ "move_freed_under_way", freed_under_way },
	{ "move_forged_after_free", forged_after_free },
	{ "move_freed_and_bound_again", freed_and_bound_again },
	{ "move_stock", stock_moves },
	{ "move_twice_in_a_call", twice_in_a_call },
	{ "move_mixed_call", mixed_call },
	{ "move_lane_is_full", lane_is_full },
	{ "move_no_memory", no_memory },
	{ "move_bounded_steps", bounded_steps },
	{ "move_wait_for_copy", wait_for_copy },
	{ "move_forged_location", forged_location },
	{ "move_resize", changes_size },
	{ "move_resize_between_others", shrinks_between_others },
	{ "move_resize_refused", keeps_its_size },
	{ "move_resize_held", held_while_it_shrinks },
	{ "move_resize_no_room", lanes_have_no_room },
};

KTAP_MAIN(tests);
