// SPDX-License-Identifier: MIT
/* test-table.c - indices, generations, retirement, against a plain array */
#include <linux/atomic.h>
#include <stdlib.h>

#include "class.h"
#include "ktap.h"
#include "table.h"
#include "vec.h"
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

/* As ml_stock_free() does, of a place that nobody has looked for. */
static int unbind(struct ml_arena *a, u32 index, u64 *loc)
{
	struct ml_words words;
	u64 word;
	int err = ml_index_stock(a, index, &words, &word);

	if (err)
		return err;
	*loc = ml_words_placed(&words) ? memlane_entry_loc(word, index) : 0;
	ml_index_unbind(a, index, &words, word);
	return 0;
}

static u64 says(struct ml_arena *a, u32 index)
{
	return memlane_entry_loc(ml_entry_read(a, index), index);
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
	expect_eq(unbind(a, 9, &loc), 0);
	expect_eq(loc, 9);
	expect_eq(unbind(a, 9, &loc), -EBADF);
	expect_eq(unbind(a, 0, &loc), -EBADF);
	expect_eq(unbind(a, END, &loc), -EBADF);
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
	expect_eq(unbind(a, index, &loc), -EBUSY);
	end_life(a, index);
	expect_eq(ml_handle_check(a, first), -ESTALE);
	expect_eq(unbind(a, index, &loc), 0);
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
		expect_eq(unbind(a, 1, &loc), 0);
	}
	expect_eq(a->table.retired, 1);
	expect_eq(ml_index_state(a, 1), ML_RETIRED);
	expect_eq(ml_handle_check(a, memlane_handle_make(a->cookie, MEMLANE_GEN_MAX, 1)), -ESTALE);
	expect_eq(ml_handle_check(a, memlane_handle_make(a->cookie, 1, 1)), -ESTALE);
	expect_eq(ml_index_bind(a, 5, &index), 0);
	expect_eq(index, 2);
	end(w);
}

static void give_back(struct ml_arena *a, u32 index)
{
	u64 loc;

	expect_eq(unbind(a, index, &loc), 0);
}

/* Indices are taken of the block that has the fewest, but for those that have hardly any. */
static void dense_first(void)
{
	enum { BLOCKS = 4 };
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	struct world *w = calloc(1, sizeof(*w));
	struct ml_arena *a = &w->arena;
	u32 index, i;

	expect_eq(world_try(w, &req, true), 0);
	mutex_lock(&a->lock);
	for (i = 1; i < BLOCKS * ML_INDEX_BLOCK; i++)
		expect_eq(ml_index_bind(a, i, &index), 0);
	for (i = 0; i < 3000; i++)		/* from the last one down */
		give_back(a, 2 * ML_INDEX_BLOCK - 1 - i);
	for (i = 0; i < 10; i++)
		give_back(a, 2 * ML_INDEX_BLOCK + 7 * i);
	for (i = 0; i < 100; i++)
		give_back(a, 3 * ML_INDEX_BLOCK + 3 * i);
	expect_eq(a->table.free, 3110);
	for (i = 0; i < 100; i++)
		expect(!ml_index_bind(a, 5, &index) && index == 3 * ML_INDEX_BLOCK + 3 * i);
	for (i = 0; i < 3000; i++)
		expect(!ml_index_bind(a, 5, &index) && index == 2 * ML_INDEX_BLOCK - 3000 + i);
	for (i = 0; i < 10; i++)
		expect(!ml_index_bind(a, 5, &index) && index == 2 * ML_INDEX_BLOCK + 7 * i);
	expect(!ml_index_bind(a, 5, &index) && index == BLOCKS * ML_INDEX_BLOCK);
	end(w);
}

#define AGED	(3 * ML_INDEX_BLOCK)	/* indices of an aged arena */
#define LIVES	8			/* of each */
#define BLOCK_PAGES (8 + 1 + 2 + 8 + 8)	/* entries, classes, notes, pin and size words */

static struct world *begin_aged(u64 handles)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	struct world *w = calloc(1, sizeof(*w));

	req.handles = handles;
	req.flags = MEMLANE_CREATE_AGED;
	w->first = 5 * ML_INDEX_BLOCK;
	expect_eq(world_try(w, &req, true), 0);
	mutex_lock(&w->arena.lock);
	return w;
}

/* An object comes and goes. Return: its index, or 0. */
static u32 live_once(struct ml_arena *a)
{
	u32 index;
	u64 loc;

	if (ml_index_bind(a, 5, &index))
		return 0;
	go_live(a, index);
	end_life(a, index);
	expect_eq(unbind(a, index, &loc), 0);
	return index;
}

/* What faults make: all words by index, of all that were given out. */
static void show_all(struct ml_arena *a)
{
	u32 index;

	for (index = a->table.first; index < a->table.top; index += 512) {
		expect(ml_vec_make(a, &a->table.cls, index));
		expect(ml_vec_make(a, &a->table.note, index));
		expect(ml_vec_make(a, &a->table.pin, index));
		expect(ml_vec_make(a, &a->table.size, index));
	}
}

/* Nothing is there, and whoever asks is told what he would be otherwise. */
static void expect_gone(struct world *w, u32 from)
{
	struct ml_arena *a = &w->arena;
	u32 page = (from - a->table.first) / 512, i;
	u64 loc;

	for (i = 0; i < 8; i++) {
		expect(ml_shared_is_over(a, MEMLANE_REGION_TABLE, page + i));
		expect(!ml_shared_look(a, MEMLANE_REGION_TABLE, page + i));
		expect(ml_shared_is_over(a, MEMLANE_REGION_CLASS, (page + i) / 8));
		expect(ml_shared_is_over(a, MEMLANE_REGION_NOTE, (page + i) / 4));
		expect(ml_shared_is_over(a, MEMLANE_REGION_PIN, page + i));
		expect(ml_shared_is_over(a, MEMLANE_REGION_SIZE, page + i));
	}
	for (i = from + 1; i < from + ML_INDEX_BLOCK; i++) {
		expect_eq(ml_index_state(a, i), ML_RETIRED);
		expect_eq(ml_entry_read(a, i), 0);
		expect_eq(ml_handle_check(a, memlane_handle_make(a->cookie, MEMLANE_GEN_MAX, i)), -ESTALE);
		expect_eq(ml_index_gone(a, i), from + ML_INDEX_BLOCK - i);
		expect_eq(unbind(a, i, &loc), -EBADF);	/* as a magazine may say */
	}
}

/* All indices of a block are used up: its pages go back, with one that is left they stay. */
static void blocks_go_back(void)
{
	struct world *w = begin_aged(3);
	struct ml_arena *a = &w->arena;
	u32 first = a->table.first, kept, i;
	u64 bytes, loc;

	expect_eq(ml_index_bind(a, 7, &kept), 0);
	for (i = 0; i < (ML_INDEX_BLOCK - 2) * LIVES; i++)
		expect(live_once(a) < first + ML_INDEX_BLOCK);
	show_all(a);
	expect_eq(live_once(a), first + ML_INDEX_BLOCK);
	expect_eq(a->table.retired, ML_INDEX_BLOCK - 2);
	expect_eq(w->unshared, 0);
	expect_eq(ml_index_gone(a, first + 2), 0);
	expect(!ml_shared_is_over(a, MEMLANE_REGION_TABLE, 1));
	bytes = w->bytes;
	expect_eq(unbind(a, kept, &loc), 0);
	for (i = 0; i < LIVES; i++)
		expect_eq(live_once(a), kept);
	expect_eq(w->unshared, BLOCK_PAGES);
	expect_eq(bytes - w->bytes, ML_PAGE_SIZE);	/* the states */
	expect_gone(w, first);
	expect_eq(ml_entry_peek(a, kept), 0);
	expect_eq(ml_note_peek(a, kept), 0);
	expect_eq(live_once(a), first + ML_INDEX_BLOCK);
	expect(!ml_index_gone(a, first + ML_INDEX_BLOCK));
	expect(!ml_shared_is_over(a, MEMLANE_REGION_SLOTS, 0));
	end(w);
}

/* In any order of alloc and free: each index has all its lives, and then nothing is left. */
static void every_name_is_given(void)
{
	enum { MOST = 300 };
	static u32 live[MOST];
	struct rng r = rng_new();
	struct world *w = begin_aged(MOST + 1);
	struct ml_arena *a = &w->arena;
	u32 nr = 0, given = 0, i, most = 1;
	u64 loc;

	do {
		if (rng_below(&r, 500) == 0)
			most = 1 + rng_below(&r, MOST);
		for (; nr < most && !ml_index_bind(a, 5, &live[nr]); nr++, given++)
			go_live(a, live[nr]);
		if (!nr)
			break;
		i = rng_below(&r, nr);
		end_life(a, live[i]);
		expect_eq(unbind(a, live[i], &loc), 0);
		live[i] = live[--nr];
	} while (1);
	expect_eq(given, (AGED - 1) * LIVES);
	expect_eq(a->table.retired, AGED - 1);
	expect_eq(ml_indices(a), AGED - 1);
	for (i = 0; i < AGED; i += ML_INDEX_BLOCK)
		expect_gone(w, a->table.first + i);
	expect_eq(live_once(a), 0);
	end(w);
}

/* A long one has indices for 3 x 10^15 objects, wherever it begins, and few bytes before it needs them. */
static void long_tables(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	struct world *w = calloc(1, sizeof(*w));
	struct ml_arena *a = &w->arena;
	u32 low, high;
	u64 loc;

	req.flags = MEMLANE_CREATE_LONG;
	w->first = ((1ULL << 32) - ml_arena_reach(&req) - 32768) & ~4095ULL;
	expect_eq(world_try(w, &req, true), 0);
	mutex_lock(&a->lock);
	expect((u64)(a->table.end - a->table.first - 1) * MEMLANE_GEN_MAX >= 3000000000000000ULL);
	expect_eq(a->table.own_end, w->first + (16U << 20));
	expect_eq(ml_index_bind(a, 7, &low), 0);
	a->table.top = a->table.end - 2;	/* as if all of these had been given out */
	expect_eq(ml_index_bind(a, 9, &high), 0);
	expect_eq(high, a->table.end - 2);
	go_live(a, high);
	expect_eq(ml_handle_check(a, ml_handle(a, high)), 0);
	expect_eq(says(a, low), 7);
	expect_eq(says(a, high), 9);
	end_life(a, high);
	expect_eq(unbind(a, high, &loc), 0);
	expect_eq(unbind(a, low, &loc), 0);
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
	struct ml_words words;
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
			expect_eq(unbind(a, i, &loc), 0);
			expect_eq(loc, model[i].loc);
			model[i].bound = model[i].batch = false;
			model[i].gen++;
			bound--;
		} else if (model[i].bound && rng_below(&r, 2)) {
			words = ml_words_of(a, i);
			ml_words_set_batch(&words, false);
			WRITE_ONCE(*words.entry, memlane_entry_at(*words.entry, i, loc));
			model[i].loc = loc;
			model[i].batch = false;
		} else if (model[i].bound) {
			model[i].batch = !model[i].batch;
			words = ml_words_of(a, i);
			ml_words_set_batch(&words, model[i].batch);
		}
		expect_eq(ml_index_bound(a, i), model[i].bound);
		expect_eq(ml_index_in_batch(a, i), model[i].batch);
		if (model[i].bound) {
			expect_eq(says(a, i), model[i].loc);
			expect_eq(memlane_entry_gen(ml_entry_read(a, i)), model[i].gen);
		}
		expect_eq(a->table.bound, bound);
	}
	end(w);
}

/* ----------------------------------------------------------------- sizes */

/* As the words tell it that the engine writes: whatever a place has left over. */
static void sizes_are_told(void)
{
	static const u64 blob[] = { 32769, 40960, 1 << 20, MEMLANE_SIZE_MAX };
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u32 index, i;
	u64 loc;

	expect_eq(ml_index_bind(a, 5, &index), 0);
	for (i = 1; i <= MEMLANE_BLOCK_MAX; i++) {
		expect_eq(ml_index_describe(a, index, ml_class_of(i), i), 0);
		expect_eq(ml_index_size(a, index), i);
		expect(ml_index_larger(a, index, i - 1) && !ml_index_larger(a, index, i));
		/* Up to here each class has less room left over than the note can say. */
		expect(i > 512 || !ml_vec_at(&a->table.size, index));
	}
	for (i = 0; i < sizeof(blob) / sizeof(*blob); i++) {
		expect_eq(ml_index_describe(a, index, MEMLANE_CLASS_BLOB, blob[i]), 0);
		expect_eq(ml_index_size(a, index), blob[i]);
		expect(ml_index_larger(a, index, blob[i] - 1) && !ml_index_larger(a, index, blob[i]));
	}
	expect_eq(unbind(a, index, &loc), 0);
	end(w);
}

/* Whatever the program says, no block is larger than its class, nor a blob than any may be. */
static void sizes_of_a_liar(void)
{
	struct world *w = begin();
	struct ml_arena *a = &w->arena;
	u32 index, note, cls;
	u64 loc;

	expect_eq(ml_index_bind(a, 5, &index), 0);
	*world_size(w, index) = ~0ULL;
	for (cls = 0; cls < 256; cls++) {
		*world_class(w, index) = cls;
		for (note = 0; note < 65536; note += 7) {
			*world_note(w, index) = note;
			if (memlane_note_is_far(note))
				expect_eq(ml_index_size(a, index), MEMLANE_SIZE_MASK);
			else
				expect(ml_index_size(a, index) <=
				       (cls < ML_CLASSES ? ml_class_size(cls) : 0));
			expect(cls >= ML_CLASSES || !ml_index_larger(a, index, ml_class_size(cls)));
		}
	}
	expect_eq(unbind(a, index, &loc), 0);
	end(w);
}

static const struct test tests[] = {
	{ "table_misses", misses },
	{ "table_full", full },
	{ "table_generations", generations },
	{ "table_retirement", retirement },
	{ "table_dense_first", dense_first },
	{ "table_blocks_go_back", blocks_go_back },
	{ "table_every_name_is_given", every_name_is_given },
	{ "table_long_tables", long_tables },
	{ "table_no_memory", no_memory },
	{ "table_random_indices", random_indices },
	{ "table_sizes_are_told", sizes_are_told },
	{ "table_sizes_of_a_liar", sizes_of_a_liar },
};

KTAP_MAIN(tests);
