// SPDX-License-Identifier: MIT
/* test-table.c - indices, generations, retirement, against a plain array */
#include <linux/atomic.h>
#include <stdlib.h>

#include "ktap.h"
#include "table.h"
#include "world.h"

#define END 1024

/* An arena whose table is used without places: check.c is not asked. */
static struct world *begin(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	struct world *w = calloc(1, sizeof(*w));

	req.handles = END;
	expect_eq(world_try(w, &req, true), 0);
	mutex_lock(&w->arena.lock);
	return w;
}

static void end(struct world *w)
{
	mutex_unlock(&w->arena.lock);
	world_end(w);
}

/* What memlane_alloc() does to a word, and memlane_free(). */
static void go_live(struct ml_arena *a, u32 index)
{
	u64 *e = ml_entry(a, index);

	WRITE_ONCE(*e, world_in_state(*e, MEMLANE_ENTRY_USED));
}

static void end_life(struct ml_arena *a, u32 index)
{
	u64 *e = ml_entry(a, index);

	WRITE_ONCE(*e, memlane_entry_ended(*e));
}

static void misses(void)
{
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u64 cookie = memlane_handle_make(a->cookie, 0, 0), gen = 1ULL << MEMLANE_GEN_SHIFT;

	expect(!ml_entry(a, 1));
	expect(!ml_entry(a, END));
	expect(!ml_entry(a, ~0U));
	expect_eq(ml_entry_read(a, 1), 0);
	expect_eq(ml_index_state(a, 0), ML_NONE);
	expect_eq(ml_index_state(a, 1), ML_NONE);
	expect_eq(ml_index_state(a, ~0U), ML_NONE);
	expect_eq(ml_index_pins(a, ~0U), 0);
	expect_eq(ml_handle_check(a, 0), -EBADF);
	expect_eq(ml_handle_check(a, cookie), -EBADF);
	expect_eq(ml_handle_check(a, cookie | gen), -EBADF);	/* index 0 */
	expect_eq(ml_handle_check(a, cookie | gen | 1), -EBADF);	/* never used */
	expect_eq(ml_handle_check(a, cookie | gen | ~0U), -EBADF);
	end(w);
}

static void full(void)
{
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u32 index, i;
	u64 loc;

	for (i = 1; i < END; i++) {
		expect_eq(ml_index_bind(a, i, &index), 0);
		expect_eq(index, i);
	}
	expect_eq(ml_index_bind(a, 7, &index), -ENOSPC);
	expect_eq(ml_index_unbind(a, 9, &loc), 0);
	expect_eq(loc, 9);
	expect_eq(ml_index_unbind(a, 9, &loc), -EBADF);
	expect_eq(ml_index_unbind(a, 0, &loc), -EBADF);
	expect_eq(ml_index_unbind(a, END, &loc), -EBADF);
	expect_eq(ml_index_bind(a, 7, &index), 0);
	expect_eq(index, 9);
	expect_eq(ml_index_bind(a, 7, &index), -ENOSPC);
	end(w);
}

static void generations(void)
{
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u64 first, second, bit, loc;
	u32 index;

	expect_eq(ml_index_bind(a, 5, &index), 0);
	first = ml_handle(a, index);
	expect_eq(ml_handle_check(a, first), -ESTALE);	/* stock */
	expect_eq(ml_handle_check(a, first + (1ULL << MEMLANE_GEN_SHIFT)), -EBADF);
	go_live(a, index);
	expect_eq(ml_handle_check(a, first), 0);
	expect_eq(ml_handle_check(a, first ^ 1ULL << MEMLANE_COOKIE_SHIFT), -EXDEV);
	expect_eq(ml_index_unbind(a, index, &loc), -EBUSY);
	end_life(a, index);
	expect_eq(ml_handle_check(a, first), -ESTALE);
	expect_eq(ml_index_unbind(a, index, &loc), 0);
	expect_eq(ml_handle_check(a, first), -ESTALE);
	expect_eq(ml_index_bind(a, 6, &index), 0);
	second = ml_handle(a, index);
	expect_eq((u32)second, (u32)first);
	expect(second != first && (s64)second > 0 && (s64)first > 0);
	for (bit = 1ULL << 63; bit; bit >>= 1)
		if (bit & MEMLANE_HANDLE_ZEROS)
			expect_eq(ml_handle_check(a, second | bit), -EBADF);
	go_live(a, index);
	expect_eq(ml_handle_check(a, second), 0);
	expect_eq(ml_handle_check(a, first), -ESTALE);
	expect_eq(ml_handle_check(a, first & ~MEMLANE_GEN_MASK), -EBADF);
	end(w);
}

static void retirement(void)
{
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u32 index, i;
	u64 loc;

	for (i = 1; i <= MEMLANE_GEN_MAX; i++) {
		expect_eq(ml_index_bind(a, 5, &index), 0);
		expect_eq(index, 1);
		expect_eq(memlane_entry_gen(ml_entry_read(a, 1)), i);
		go_live(a, 1);
		end_life(a, 1);
		expect_eq(ml_index_unbind(a, 1, &loc), 0);
	}
	expect_eq(a->table.retired, 1);
	expect_eq(ml_index_state(a, 1), ML_RETIRED);
	expect_eq(ml_handle_check(a, memlane_handle_make(a->cookie, MEMLANE_GEN_MAX, 1)), -ESTALE);
	expect_eq(ml_handle_check(a, memlane_handle_make(a->cookie, 1, 1)), -ESTALE);
	expect_eq(ml_index_bind(a, 5, &index), 0);
	expect_eq(index, 2);
	end(w);
}

static void no_memory(void)
{
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u32 index, n;

	for (n = 1; n <= 6; n++) {
		w->fail = (struct failure){ .doors = DOOR_ALL, .nth = n };
		if (!ml_index_bind(a, 5, &index))
			break;
		expect_eq(a->table.top, 1);
		expect_eq(a->table.bound, 0);
	}
	expect_eq(index, 1);
	expect(n > 1 && n <= 6);
	end(w);
}

/* Locations of 37 bits, states, batch marks: none disturbs another. */
static void random_indices(void)
{
	static struct { bool bound, batch; u64 loc; u32 gen; } model[END];
	struct rng r = rng_new();
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u32 i, bound = 0, index;
	u64 ops = ktap_ops(100000);

	for (i = 0; i < END; i++)
		model[i].bound = model[i].batch = false, model[i].gen = 1;
	for (; ops; ops--) {
		u64 loc = rng_next(&r) & MEMLANE_LOC_MASK;

		i = 1 + rng_below(&r, END - 1);
		if (rng_below(&r, 3) == 0) {
			int err = ml_index_bind(a, loc, &index);

			expect_eq(err, bound == END - 1 ? -ENOSPC : 0);
			if (err)
				continue;
			expect(index && index < END && !model[index].bound);
			model[index].bound = true;
			model[index].loc = loc;
			bound++;
			i = index;
		} else if (model[i].bound && rng_below(&r, 3) == 0) {
			end_life(a, i);
			expect_eq(ml_index_unbind(a, i, &loc), 0);
			expect_eq(loc, model[i].loc);
			model[i].bound = model[i].batch = false;
			model[i].gen++;
			bound--;
		} else if (model[i].bound && rng_below(&r, 2)) {
			ml_index_move(a, i, loc);
			model[i].loc = loc;
		} else if (model[i].bound) {
			model[i].batch = !model[i].batch;
			ml_index_set_batch(a, i, model[i].batch);
		}
		expect_eq(ml_index_bound(a, i), model[i].bound);
		expect_eq(ml_index_in_batch(a, i), model[i].batch);
		if (model[i].bound) {
			expect_eq(ml_index_loc(a, i), model[i].loc);
			expect_eq(memlane_entry_gen(ml_entry_read(a, i)), model[i].gen);
		}
		expect_eq(a->table.bound, bound);
	}
	end(w);
}

static const struct test tests[] = {
	{ "table_misses", misses },
	{ "table_full", full },
	{ "table_generations", generations },
	{ "table_retirement", retirement },
	{ "table_no_memory", no_memory },
	{ "table_random_indices", random_indices },
};

KTAP_MAIN(tests);
