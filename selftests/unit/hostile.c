// SPDX-License-Identifier: MIT
/*
 * hostile.c - a program that scribbles on everything it shares with the engine
 *
 * Whatever it writes, the engine's private state stays whole, no page outlives
 * its place, no two places are one index's, and in the end everything can be freed by who
 * writes true entries again.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "hostile.h"
#include "ktap.h"
#include "slot.h"
#include "table.h"

#define MOST 256

struct hostile {
	struct world *w;
	struct ml_arena *a;
	const u8 *at, *end;
	u64 handle[MOST];
	u32 nr;
};

static u64 number(struct hostile *h, unsigned int bytes)
{
	u64 n = 0;

	while (bytes--)
		n = n << 8 | (h->at < h->end ? *h->at++ : 0);
	return n;
}

static u64 some_handle(struct hostile *h)
{
	u64 n = number(h, 1);

	if (n % 8 == 0 || !h->nr)
		return number(h, 8);
	return h->handle[n % h->nr];
}

/* A word that the program might have had reason to write, or anything. */
static u64 some_word(struct hostile *h, u64 was)
{
	u64 *e, kind = number(h, 1) % 8;

	if (kind == 0)
		return number(h, 8);
	if (kind == 1)
		return was ^ 1ULL << number(h, 1) % 64;
	if (kind == 2 && h->nr) {
		e = world_entry(h->w, h->handle[number(h, 1) % h->nr]);
		return *e;
	}
	if (kind == 3)
		return was + (1ULL << MEMLANE_GEN_SHIFT);
	return world_in_state(was, number(h, 1) % (MEMLANE_ENTRY_USED + 1));
}

static void scribble(struct hostile *h)
{
	u64 handle = h->nr ? h->handle[number(h, 1) % h->nr] : 1;
	u32 slot = number(h, 1) % h->a->slots.nr;
	u64 *e = world_entry(h->w, handle);
	struct memlane_mag *mag;

	switch (number(h, 1) % 8) {
	case 0 ... 3:
		WRITE_ONCE(*e, some_word(h, *e));
		break;
	case 4:
		WRITE_ONCE(*world_class(h->w, handle), number(h, 1));
		WRITE_ONCE(*world_note(h->w, handle), number(h, 2));
		WRITE_ONCE(*world_size(h->w, handle), number(h, 8));
		break;
	case 5:
		WRITE_ONCE(*world_pin(h->w, handle), number(h, 6));
		break;
	case 6:
		WRITE_ONCE(world_slot(h->w, slot)->section, number(h, 1));
		WRITE_ONCE(world_slot(h->w, slot)->in_hand, (u32)some_handle(h));
		WRITE_ONCE(world_slot(h->w, slot)->allocs, number(h, 8));
		break;
	case 7:
		mag = world_mag(h->w, slot, number(h, 1) % 2, number(h, 1) % ML_CLASSES);
		WRITE_ONCE(mag->nr, number(h, 1) % 2 ? number(h, 4) : number(h, 1) % 4);
		WRITE_ONCE(mag->index[number(h, 1) % ML_MAG_SIZE], (u32)some_handle(h));
		WRITE_ONCE(mag->index[number(h, 1) % 4], (u32)some_handle(h));
		break;
	}
}

static void do_alloc(struct hostile *h)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = number(h, 1) % 4, .lane = number(h, 1) % 3,
		.length = 1 + number(h, 2) % (number(h, 1) % 4 ? 600 : 40000),
		.count = 1 + number(h, 1) % 4,
	};

	if (h->nr + req.count > MOST)
		return;
	if (!ml_alloc(h->a, &req, h->handle + h->nr))
		h->nr += req.out_count;
}

static void do_free(struct hostile *h)
{
	u64 handles[8];
	struct memlane_free req = { .size = sizeof(req), .flags = number(h, 1) % 2 };

	for (req.count = 0; req.count < 1 + number(h, 1) % 8; )
		handles[req.count++] = some_handle(h);
	ml_free(h->a, &req, handles);
}

static void do_migrate(struct hostile *h)
{
	u64 handles[16];
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = number(h, 1) % 2, .flags = number(h, 1) % 2,
	};
	u32 want = 1 + number(h, 1) % 16;

	while (req.count < want)
		handles[req.count++] = some_handle(h);
	ml_migrate(h->a, &req, handles, NULL);
}

static void do_thread(struct hostile *h)
{
	struct memlane_register reg = { .size = sizeof(reg), .slot = number(h, 1) % 16 };
	struct memlane_refill fill = {
		.size = sizeof(fill), .slot = number(h, 1) % 16, .lane = number(h, 1) % 2,
		.count = number(h, 1), .length = 1 + number(h, 2),
	};
	struct memlane_flush flush = {
		.size = sizeof(flush), .slot = number(h, 1) % 16, .lane = number(h, 1) % 2,
		.cls = number(h, 1), .keep = number(h, 1),
	};

	switch (number(h, 1) % 5) {
	case 0:
		ml_unregister(h->a, &reg);
		break;
	case 1:
		ml_register(h->a, &reg);
		break;
	case 2:
		ml_refill(h->a, &fill);
		break;
	case 3:
		ml_flush(h->a, &flush);
		break;
	case 4:
		h->w->gone[number(h, 1) % h->a->slots.nr] = true;
		break;
	}
}

static void do_ask(struct hostile *h)
{
	struct memlane_query q = { .size = sizeof(q), .handle = some_handle(h) };
	struct memlane_cost c = { .size = sizeof(c), .handle = q.handle, .lane = number(h, 1) % 2 };
	struct memlane_wait w = { .size = sizeof(w), .handle = q.handle };
	struct memlane_blockers b = { .size = sizeof(b), .count = MEMLANE_BLOCKERS };
	struct memlane_blocker who[MEMLANE_BLOCKERS];

	ml_query(h->a, &q);
	expect(q.out_state < MEMLANE_STATES);
	ml_cost(h->a, &c);
	ml_wait(h->a, &w);
	ml_blockers(h->a, &b, who);
}

static void do_option(struct hostile *h)
{
	struct memlane_set set = {
		.size = sizeof(set), .option = number(h, 1) % (MEMLANE_OPTIONS + 1),
		.value = number(h, number(h, 1) % 9),
	};

	if (set.option == MEMLANE_OPT_GRACE)
		set.value = 1000;
	ml_set(h->a, &set);
	ml_get(h->a, &set);
}

static void do_compact(struct hostile *h)
{
	struct memlane_compact req = { .size = sizeof(req) };

	ml_compact(h->a, &req);
}

static void do_maintain(struct hostile *h)
{
	struct memlane_maintain req = { .size = sizeof(req) };

	ml_maintain(h->a, &req);
}

static void (*const while_waiting[])(struct hostile *h) = {
	scribble, scribble, do_free, do_thread,
};

static void in_grace(struct world *w, void *arg)
{
	struct hostile *h = arg;
	u32 n = number(h, 1) % 4;

	for (; n; n--)
		while_waiting[number(h, 1) % 4](h);
}

static void (*const operation[16])(struct hostile *h) = {
	[0 ... 3] = do_alloc, [4 ... 8] = scribble, [9] = do_free, [10] = do_migrate,
	[11] = do_thread, [12] = do_ask, [13] = do_option, [14] = do_compact,
	[15] = do_maintain,
};

/* Every bound index is freed, whatever its words say. */
/* An index is free, by its entry, and at @loc; it has not been there before. */
static void be_true(struct hostile *h, u32 index, u64 loc)
{
	u64 *e = world_entry(h->w, memlane_handle_make(h->a->cookie, 0, index));

	expect(!memlane_entry_loc(*e, index));
	*e = memlane_entry_free(1, index, loc);
}

static void true_span(struct hostile *h, struct ml_span *span)
{
	u32 slot;

	for (slot = 0; slot < span->places; slot++)
		if (ml_slot_owner(span, slot))
			be_true(h, ml_slot_owner(span, slot), ml_slot_loc(span, slot));
}

/* By the reverse map, which nobody has scribbled on. */
static void true_lane(struct hostile *h, struct ml_lane *lane)
{
	struct ml_run *run = ml_run_last(h->a, lane);

	for (; run; run = ml_run_before(h->a, run))
		if (run->kind == ML_SPAN)
			true_span(h, ml_span_of(run));
		else if (run->kind == ML_BLOB)
			be_true(h, run->index, ml_page_loc(run->page));
}

static void true_entries(struct hostile *h)
{
	u32 i;

	for (i = 1; i < h->a->table.top; i++)
		*world_entry(h->w, memlane_handle_make(h->a->cookie, 0, i)) = memlane_entry_free(1, i, 0);
	mutex_lock(&h->a->lock);
	true_lane(h, &h->a->lane[MEMLANE_FAST]);
	true_lane(h, &h->a->lane[MEMLANE_SLOW]);
	mutex_unlock(&h->a->lock);
}

static void free_all(struct hostile *h)
{
	struct memlane_free req = { .size = sizeof(req), .count = 1 };
	u32 i, top = h->a->table.top;

	true_entries(h);
	for (i = 1; i < top; i++) {
		u64 handle = memlane_handle_make(h->a->cookie, 0, i);

		*world_pin(h->w, handle) = 0;
		if (ml_index_bound(h->a, i))
			expect_eq(ml_free(h->a, &req, &handle), 0);
	}
}

void hostile_run(const u8 *bytes, size_t len)
{
	struct hostile h = { .at = bytes, .end = bytes + len };
	struct memlane_set grace = {
		.size = sizeof(grace), .option = MEMLANE_OPT_GRACE, .value = 1000,
	};
	u32 i;

	h.w = world_new(256 << 10, 1 << 20);
	h.a = &h.w->arena;
	h.a->count.spoiled = 1ULL << 40;	/* I10 does not hold for such a program */
	h.w->in_grace = in_grace;
	h.w->grace_arg = &h;
	expect_eq(ml_set(h.a, &grace), 0);
	while (h.at < h.end) {
		operation[number(&h, 1) % 16](&h);
		world_check(h.w);
	}
	h.w->in_grace = NULL;
	for (i = 0; i < h.a->slots.nr; i++)
		h.w->gone[i] = true;
	mutex_lock(&h.a->lock);
	ml_slots_reap(h.a, ~0U);
	mutex_unlock(&h.a->lock);
	free_all(&h);
	world_compact(h.w);
	world_check(h.w);
	expect_eq(h.a->table.bound, 0);
	expect_eq(h.w->committed, 0);
	world_end(h.w);
}
