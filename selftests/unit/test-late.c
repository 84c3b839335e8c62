// SPDX-License-Identifier: MIT
/* test-late.c - what changes between a look and the act on it */
#include <linux/atomic.h>

#include "ktap.h"
#include "move.h"
#include "step.h"
#include "table.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;

static void begin(void)
{
	w = world_new(256 << 10, 1 << 20);
	a = &w->arena;
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

/* No barrier, no move: the batch is given up and nothing has changed. */
static void no_barrier(void)
{
	u64 handle, word;

	begin();
	handle = world_alloc(w, MEMLANE_FAST, 100);
	word = *world_entry(w, handle);
	w->sync_result = -EPERM;
	expect_eq(world_migrate(w, handle, MEMLANE_SLOW), -EAGAIN);
	expect_eq(*world_entry(w, handle), word);
	w->sync_result = 0;
	expect_eq(world_migrate(w, handle, MEMLANE_SLOW), 0);
	world_free(w, handle);
	end();
}

/* Planned to be dropped while live, freed before it is marked: it stays stock. */
static void purge_of_stock(void)
{
	struct memlane_set set = {
		.size = sizeof(set), .option = MEMLANE_OPT_PURGEABLE, .value = 1U << 16 | 5,
	};
	struct memlane_step step = { };
	struct ml_step s;
	u64 handle, *e;

	begin();
	expect_eq(ml_set(a, &set), 0);
	handle = world_alloc(w, MEMLANE_SLOW, 100);
	world_join(w, handle, 5);
	e = world_entry(w, handle);
	expect_eq(ml_step_begin(a, &s, &step), 0);
	expect(ml_step_next(a, &s));
	expect_eq(ml_batch_purge(a, (u32)handle), 0);
	*e = memlane_entry_ended(*e);
	ml_step_run(a, &s);
	expect_eq(ml_step_end(a, &s), 0);
	expect_eq(a->table.purged, 0);
	expect(memlane_entry_state(*e) != MEMLANE_ENTRY_PURGED);
	expect_eq(world_loc(w, handle), world_place(w, (u32)handle));
	end();
}

/* A thread dies between ending an object and taking that back because of a pin. */
static void pinned_in_hand(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	u64 handle, word, *e;

	begin();
	handle = world_alloc(w, MEMLANE_FAST, 100);
	expect_eq(ml_register(a, &reg), 0);
	e = world_entry(w, handle);
	word = *e;
	*world_pin(w, handle) = MEMLANE_PIN_ONE;
	WRITE_ONCE(world_slot(w, reg.slot)->in_hand, (u32)handle);
	*e = memlane_entry_ended(word);
	expect_eq(ml_unregister(a, &reg), 0);
	expect_eq(a->table.bound, 1);
	expect_eq(*e, world_in_state(word, MEMLANE_ENTRY_IDLE));
	*world_pin(w, handle) = 0;
	world_free(w, handle);
	end();
}

static const struct test tests[] = {
	{ "late_no_barrier", no_barrier },
	{ "late_purge_of_stock", purge_of_stock },
	{ "late_pinned_in_hand", pinned_in_hand },
};

KTAP_MAIN(tests);
