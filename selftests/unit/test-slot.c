// SPDX-License-Identifier: MIT
/* test-slot.c - registered threads: grace periods, death, magazines */
#include <linux/atomic.h>

#include "ktap.h"
#include "slot.h"
#include "table.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;

static void begin(void)
{
	w = world_new(256 << 10, 1 << 20);	/* 8 slots */
	a = &w->arena;
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static u32 join(void)
{
	struct memlane_register reg = { .size = sizeof(reg), .slot = ~0U };

	expect_eq(ml_register(a, &reg), 0);
	return reg.slot;
}

static int leave(u32 slot)
{
	return ml_unregister(a, &(struct memlane_register){ .size = 16, .slot = slot });
}

static void reap(void)
{
	mutex_lock(&a->lock);
	ml_slots_reap(a, ~0U);
	mutex_unlock(&a->lock);
}

static int grace(void)
{
	int err;

	mutex_lock(&a->mover);
	err = ml_grace(a, 100, 0);
	mutex_unlock(&a->mover);
	return err;
}

static void misses(void)
{
	struct memlane_register reg = { .size = sizeof(reg), .flags = 1 };

	begin();
	expect_eq(ml_register(a, &reg), -EOPNOTSUPP);
	expect_eq(ml_unregister(a, &reg), -EOPNOTSUPP);
	reg = (struct memlane_register){ .size = sizeof(reg), .__reserved = 1 };
	expect_eq(ml_register(a, &reg), -EOPNOTSUPP);
	expect_eq(ml_unregister(a, &reg), -EOPNOTSUPP);
	expect_eq(leave(0), -EINVAL);
	expect_eq(leave(7), -EINVAL);
	expect_eq(leave(8), -EINVAL);
	expect_eq(leave(~0U), -EINVAL);
	expect_eq(leave(join()), 0);
	expect_eq(leave(0), -EINVAL);
	end();
}

static void full(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	u32 i;

	begin();
	for (i = 0; i < 8; i++)
		expect_eq(join(), i);
	expect_eq(ml_register(a, &reg), -ENOSPC);
	expect_eq(a->slots.used, 8);
	w->gone[5] = true;
	expect_eq(join(), 5);		/* the dead make way */
	expect_eq(a->count.slots_reaped, 1);
	expect_eq(ml_register(a, &reg), -ENOSPC);
	end();
}

static void no_memory(void)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	u64 n;
	int err = -1;

	begin();
	for (n = 1; err; n++) {
		w->fail = (struct failure){ .doors = DOOR_ALL, .nth = n };
		err = ml_register(a, &reg);
		expect(!err || (err == -ENOMEM && !a->slots.used));
	}
	expect(n > 2);
	end();
}

static void open_sections(void)
{
	u32 x, y;

	begin();
	expect_eq(grace(), 0);
	x = join();
	y = join();
	expect_eq(grace(), 0);
	world_slot(w, x)->section = 100;	/* of the current epoch */
	expect_eq(grace(), 0);
	expect_eq(w->pauses, 0);
	world_slot(w, y)->section = 99;
	expect_eq(grace(), -EAGAIN);
	expect(w->pauses > 100);
	world_slot(w, y)->section = ~0ULL;	/* nonsense counts as open */
	expect_eq(grace(), -EAGAIN);
	w->pauses = 0;
	expect_eq(grace(), -EAGAIN);		/* it had its time */
	expect_eq(w->pauses, 0);
	world_slot(w, y)->section = 98;
	w->pause_result = -EINTR;
	expect_eq(grace(), -EINTR);
	w->gone[y] = true;
	expect_eq(grace(), 0);
	w->gone[y] = false;
	expect_eq(leave(y), 0);
	world_slot(w, y)->section = 5;		/* nobody's slot any more */
	expect_eq(grace(), 0);
	end();
}

static void put(u32 slot, unsigned int cls, u64 handle)
{
	struct memlane_mag *mag = world_mag(w, slot, MEMLANE_FAST, cls);

	mag->index[mag->nr++] = (u32)handle;
}

/* What a dead thread had in stock comes back, and only that. */
static void stock_of_the_dead(void)
{
	u32 slot, other, i;
	u64 stock[20], live, kept;

	begin();
	slot = join();
	other = join();
	live = world_alloc(w, MEMLANE_FAST, 100);
	kept = world_stock(w, MEMLANE_FAST, 100);
	put(other, 6, kept);
	for (i = 0; i < 20; i++) {
		stock[i] = world_stock(w, MEMLANE_FAST, 100);
		put(slot, i % 3 * 30, stock[i]);
	}
	put(slot, 6, live);
	put(slot, 6, 0);
	put(slot, 6, 0xffffffff);
	put(slot, 6, stock[3]);			/* twice */
	world_slot(w, slot)->allocs = 7;
	world_slot(w, slot)->frees = 5;
	reap();
	expect_eq(a->table.bound, 22);		/* everybody lives */
	w->gone[slot] = true;
	reap();
	expect_eq(a->table.bound, 2);
	expect_eq(world_query(w, live).out_state, MEMLANE_STATE_LIVE);
	expect_eq(world_query(w, kept).out_state, MEMLANE_STATE_CACHED);
	expect_eq(a->count.gone_allocs, 7);
	expect_eq(a->count.gone_frees, 5);
	expect_eq(a->slots.used, 1);
	expect_eq(w->done, 1);
	expect_eq(join(), slot);
	expect_eq(world_slot(w, slot)->allocs, 0);
	expect_eq(world_mag(w, slot, MEMLANE_FAST, 6)->nr, 0);
	end();
}

/* A thread died in free: the index behind its stock, and the one in its hand. */
static void half_done(void)
{
	u32 slot, other;
	u64 x, y, z;

	begin();
	slot = join();
	other = join();
	x = world_stock(w, MEMLANE_FAST, 100);
	y = world_stock(w, MEMLANE_FAST, 60000);
	z = world_stock(w, MEMLANE_FAST, 100);
	world_mag(w, slot, 0, 6)->index[0] = (u32)x;	/* not counted yet */
	world_slot(w, slot)->in_hand = (u32)y;
	world_mag(w, slot, 0, 7)->index[0] = (u32)z;	/* a leftover: the other has it */
	put(other, 6, z);
	w->gone[slot] = true;
	reap();
	expect_eq(a->table.bound, 1);
	expect_eq(world_query(w, z).out_state, MEMLANE_STATE_CACHED);
	end();
}

/*
 * What others left behind their lists claims nothing, unless they are in a section:
 * they may be about to count it.
 */
static void left_behind(void)
{
	u32 slot, other;
	u64 x, y;

	begin();
	slot = join();
	other = join();
	x = world_stock(w, MEMLANE_FAST, 60000);
	y = world_stock(w, MEMLANE_FAST, 100);
	world_slot(w, slot)->in_hand = (u32)x;
	world_mag(w, slot, 0, 6)->index[0] = (u32)y;
	world_mag(w, other, 0, 7)->index[0] = (u32)x;
	world_mag(w, other, 0, 6)->index[0] = (u32)y;
	world_slot(w, other)->section = a->epoch;
	w->gone[slot] = true;
	reap();
	expect_eq(a->table.bound, 2);
	world_slot(w, other)->section = 0;
	slot = join();
	world_slot(w, slot)->in_hand = (u32)x;
	world_mag(w, slot, 0, 6)->index[0] = (u32)y;
	w->gone[slot] = true;
	reap();
	expect_eq(a->table.bound, 0);
	end();
}

static void refill_and_flush(void)
{
	struct memlane_refill fill = {
		.size = sizeof(fill), .length = 100, .count = 200, .lane = MEMLANE_FAST,
	};
	struct memlane_flush flush = { .size = sizeof(flush), .cls = 6, .keep = 10 };
	struct memlane_mag *mag;
	u32 newest;

	begin();
	expect_eq(ml_refill(a, &fill), -EINVAL);	/* nobody's slot */
	expect_eq(ml_flush(a, &flush), -EINVAL);
	fill.slot = flush.slot = join();
	expect_eq(ml_refill(a, &fill), 0);
	expect_eq(fill.out_count, ML_MAG_SIZE);
	expect_eq(fill.out_class, 6);
	mag = world_mag(w, fill.slot, 0, 6);
	expect_eq(mag->nr, ML_MAG_SIZE);
	newest = mag->index[ML_MAG_SIZE - 1];
	expect_eq(newest, (u32)fill.out_handle);
	expect_eq(a->table.bound, ML_MAG_SIZE);
	expect(ml_refill(a, &fill));			/* full */
	expect_eq(a->table.bound, ML_MAG_SIZE);
	expect_eq(ml_flush(a, &flush), 0);
	expect_eq(flush.out_count, ML_MAG_SIZE - 10);
	expect_eq(mag->nr, 10);
	expect_eq(mag->index[9], newest);
	expect_eq(a->table.bound, 10);
	flush.cls = ML_CLASSES;
	expect_eq(ml_flush(a, &flush), -EINVAL);
	flush.cls = 6;
	flush.lane = 2;
	expect_eq(ml_flush(a, &flush), -EINVAL);
	flush.flags = 1;
	expect_eq(ml_flush(a, &flush), -EOPNOTSUPP);
	fill.count = 0;
	expect_eq(ml_refill(a, &fill), -EINVAL);
	fill.flags = 1U << 31;
	expect_eq(ml_refill(a, &fill), -EOPNOTSUPP);
	expect_eq(leave(fill.slot), 0);
	expect_eq(a->table.bound, 0);
	end();
}

/* ---------------------------------------------------------------- makers */

/* An object of the engine's, which the thread of @slot says it has made. */
static u64 made_by(u32 slot)
{
	u64 handle = world_alloc(w, MEMLANE_FAST, 100);

	*world_note(w, handle) |= (slot + 1) << MEMLANE_NOTE_MAKER_SHIFT;
	return handle;
}

static int revoke(u64 handle)
{
	return ml_wait(a, &(struct memlane_wait){
		.size = sizeof(struct memlane_wait), .flags = MEMLANE_WAIT_MAKER, .handle = handle,
	});
}

static void revoked_once(void)
{
	u32 slot, syncs;
	u64 handle;

	begin();
	slot = join();
	handle = made_by(slot);
	syncs = w->syncs;
	expect_eq(revoke(world_alloc(w, MEMLANE_FAST, 100)), 0);	/* nobody's */
	expect_eq(revoke(~0ULL), 0);
	expect_eq(w->syncs, syncs);
	expect_eq(revoke(handle), 0);
	expect_eq(w->syncs, syncs + 1);
	expect_eq(ml_slot_head(a, slot)->shared, MEMLANE_SHARED_REVOKED);
	expect_eq(revoke(handle), 0);
	expect_eq(w->syncs, syncs + 1);
	/* Whoever saw that may act by it after the thread has ended. */
	expect_eq(leave(slot), 0);
	expect_eq(join(), slot);
	expect_eq(ml_slot_head(a, slot)->shared, MEMLANE_SHARED_REVOKED);
	end();
}

/* The flag is there for all to see before the barrier, and REVOKED only after it. */
static void look_at_flag(struct world *world, void *slot)
{
	expect_eq(((struct memlane_slot *)slot)->shared, MEMLANE_SHARED_REVOKING);
}

static void end_free(struct world *world, void *slot)
{
	look_at_flag(world, slot);
	if (world->pauses == 3)
		((struct memlane_slot *)slot)->section = 0;
}

static void waits_for_a_free(void)
{
	struct memlane_slot *s;
	u64 handle;
	u32 slot;

	begin();
	slot = join();
	handle = made_by(slot);
	s = ml_slot_head(a, slot);
	w->grace_arg = s;
	w->in_grace = look_at_flag;
	s->section = 7;				/* a section holds up nobody who revokes */
	expect_eq(revoke(handle), 0);
	expect_eq(w->pauses, 0);
	s->shared = MEMLANE_SHARED_REVOKING;	/* nor does who came first decide */
	s->section = 7 | MEMLANE_SECTION_FREEING;
	w->in_pause = end_free;
	expect_eq(revoke(handle), 0);
	expect_eq(w->pauses, 3);
	expect_eq(s->shared, MEMLANE_SHARED_REVOKED);
	w->in_grace = w->in_pause = NULL;
	end();
}

static void does_not_get_on(void)
{
	struct memlane_free req = {
		.size = sizeof(req), .flags = MEMLANE_FREE_LIVE, .count = 1,
	};
	struct memlane_slot *s;
	u64 handle;
	u32 slot;

	begin();
	slot = join();
	handle = made_by(slot);
	s = ml_slot_head(a, slot);
	s->section = 7 | MEMLANE_SECTION_FREEING;
	expect_eq(revoke(handle), -EAGAIN);
	expect(w->pauses > 0 && w->pauses < 1000);
	expect_eq(s->shared, MEMLANE_SHARED_REVOKING);
	expect_eq(ml_free(a, &req, &handle), -EBUSY);
	expect_eq(req.out_count, 0);
	w->pause_result = -EINTR;
	expect_eq(revoke(handle), -EINTR);
	w->pause_result = 0;
	w->sync_result = -ENOMEM;
	s->section = 0;
	expect_eq(revoke(handle), -EAGAIN);
	expect_eq(s->shared, MEMLANE_SHARED_REVOKING);
	w->sync_result = 0;
	s->section = 7 | MEMLANE_SECTION_FREEING;
	w->gone[slot] = true;			/* in the middle of a free */
	expect_eq(revoke(handle), 0);
	reap();
	expect_eq(s->section, 0);
	expect_eq(ml_free(a, &req, &handle), 0);
	end();
}

/* A section with a free in it is as old as its epoch. */
static void a_free_is_a_section(void)
{
	struct memlane_slot *s;

	begin();
	s = ml_slot_head(a, join());
	s->section = 100 | MEMLANE_SECTION_FREEING;
	expect_eq(grace(), 0);
	s->section = 99 | MEMLANE_SECTION_FREEING;
	expect_eq(grace(), -EAGAIN);
	s->section = 99;			/* the same one, and not waited for again */
	w->pauses = 0;
	expect_eq(grace(), -EAGAIN);
	expect_eq(w->pauses, 0);
	end();
}

static void forged_makers(void)
{
	u64 handle;

	begin();
	handle = made_by(5);			/* never was in use */
	expect_eq(revoke(handle), 0);
	handle = made_by(0xfffffe);
	expect_eq(revoke(handle), 0);
	handle = made_by(8);
	expect_eq(revoke(handle), 0);
	end();
}

static const struct test tests[] = {
	{ "slot_revoked_once", revoked_once },
	{ "slot_waits_for_a_free", waits_for_a_free },
	{ "slot_free_does_not_get_on", does_not_get_on },
	{ "slot_free_is_a_section", a_free_is_a_section },
	{ "slot_forged_makers", forged_makers },
	{ "slot_misses", misses },
	{ "slot_full", full },
	{ "slot_no_memory", no_memory },
	{ "slot_open_sections", open_sections },
	{ "slot_stock_of_the_dead", stock_of_the_dead },
	{ "slot_half_done", half_done },
	{ "slot_left_behind", left_behind },
	{ "slot_refill_and_flush", refill_and_flush },
};

KTAP_MAIN(tests);
