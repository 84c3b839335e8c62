// SPDX-License-Identifier: MIT
/* sequence.c - bytes become operations on an arena, compared with a model */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "lane.h"
#include "names.h"
#include "sequence.h"
#include "slot.h"
#include "table.h"

#define MOST	400
#define MEDDLED	100	/* of these are left for one operation's meddling */
#define HEAD	48	/* bytes of an object that are watched, and its last 8 */

struct object {
	u64 handle;
	u64 length;
	u64 place;	/* where it must stay while pinned or held */
	u32 seed;
	bool live;	/* else stock */
	bool pinned;
	bool held;
	bool purgeable;	/* in a group that maintenance may drop */
	bool purged;
};

struct sequence {
	struct world *w;
	struct ml_arena *a;
	const u8 *at, *end;
	unsigned int flags;
	bool in_grace;
	bool section;		/* ours is open: nothing may move */
	bool killed;		/* a fatal signal waits */
	u32 slot;
	u32 seed;
	u32 nr;
	struct object object[MOST];
	u64 dead[64];		/* handles of objects that ended */
	u32 dead_nr;
};

static u32 byte(struct sequence *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static u32 word(struct sequence *s)
{
	u32 low = byte(s);

	return low | byte(s) << 8;
}

/* --------------------------------------------------------------- the model */

static u64 word_of(struct sequence *s, const struct object *o)
{
	/* Pairs with the mover's release: the bytes are at the new place. */
	return smp_load_acquire(world_entry(s->w, o->handle));
}

static u64 loc_of(struct sequence *s, const struct object *o)
{
	return world_loc(s->w, o->handle);
}

static bool is_purged(struct sequence *s, const struct object *o)
{
	return memlane_entry_state(word_of(s, o)) == MEMLANE_ENTRY_PURGED;
}

/* Calls @each with the watched bytes of an object. */
static void watch(struct sequence *s, struct object *o, bool fill)
{
	u64 head = min_t(u64, o->length, HEAD), tail = o->length - min_t(u64, o->length, 8), i;
	u8 *p = world_at(s->w, loc_of(s, o), head);
	u8 *q = (u8 *)world_at(s->w, loc_of(s, o) + tail / 8, o->length - tail / 8 * 8) -
		tail / 8 * 8;

	for (i = 0; i < head; i++) {
		if (fill)
			p[i] = (u8)(o->seed + i * 7);
		else
			expect_eq(p[i], (u8)(o->seed + i * 7));
	}
	for (i = max_t(u64, tail, head); i < o->length; i++) {
		if (fill)
			q[i] = (u8)(o->seed + i * 7);
		else
			expect_eq(q[i], (u8)(o->seed + i * 7));
	}
}

static void verify_one(struct sequence *s, struct object *o)
{
	u64 e = word_of(s, o);

	expect_eq(is_purged(s, o), o->purged);
	if (o->purged)
		return;
	expect_eq(memlane_entry_gen(e), memlane_handle_gen(o->handle));
	expect_eq(memlane_entry_is_live(e), o->live);
	expect(ml_index_bound(s->a, (u32)o->handle));
	expect_eq(world_place(s->w, (u32)o->handle), loc_of(s, o));
	if (!s->in_grace)
		expect(!world_moving(s->w, o->handle));
	if (o->pinned || o->held)
		expect_eq(loc_of(s, o), o->place);
	expect(world_locked(s->a, ml_place_room(s->a, loc_of(s, o))) >= o->length);
	if (o->live)
		watch(s, o, false);
}

/* Every object has its bytes, and there are no others. */
void sequence_verify(struct sequence *s)
{
	u32 i, purged = 0;

	for (i = 0; i < s->nr; i++) {
		verify_one(s, &s->object[i]);
		purged += s->object[i].purged;
	}
	expect_eq(s->a->table.bound, s->nr);
	expect_eq(s->a->table.purged, purged);
	expect_eq(s->a->lane[0].objects + s->a->lane[1].objects, s->nr - purged);
}

static struct object *pick(struct sequence *s)
{
	u32 i = word(s);

	return s->nr ? &s->object[i % s->nr] : NULL;
}

/* Stock that was never used may be given out again under the same handle. */
static void forget(struct sequence *s, struct object *o)
{
	if (o->live)
		s->dead[s->dead_nr++ % 64] = o->handle;
	*o = s->object[--s->nr];
}

/* ------------------------------------------------------------ the operations */

struct totals {
	u64 bound, objects, used, limit;
};

static struct totals totals_of(struct sequence *s)
{
	const struct ml_lane *f = &s->a->lane[0], *l = &s->a->lane[1];

	return (struct totals){
		s->a->table.bound, f->objects + l->objects,
		ml_lane_used(f) + ml_lane_used(l), f->limit + l->limit,
	};
}

/* Empty spans may come or go; nothing else may be different after a failure. */
static void unchanged(struct sequence *s, const struct totals *was)
{
	struct totals is = totals_of(s);

	expect_eq(is.bound, was->bound);
	expect_eq(is.objects, was->objects);
	expect_eq(is.limit, was->limit);
}

static u64 some_length(struct sequence *s)
{
	u32 kind = byte(s);

	switch (kind % 8) {
	case 0: return 1 + word(s) % 70000;
	case 1: return 1 + word(s) % MEMLANE_BLOCK_MAX;
	case 2: return 1 + word(s) % 4096;
	default: return 1 + byte(s) * 2 % 300;
	}
}

/* What was dropped: only what may be dropped, and nothing that is pinned. */
static void see_purged(struct sequence *s)
{
	struct object *o;

	for (o = s->object; o < s->object + s->nr; o++) {
		if (o->purged || !is_purged(s, o))
			continue;
		expect(o->purgeable && o->live && !o->pinned && !o->held);
		o->purged = true;
		o->live = false;
	}
}

static bool may_fail(struct sequence *s, int err)
{
	return err == -ENOSPC || (err == -ENOMEM && s->w->fail.hits);
}

static void do_alloc(struct sequence *s)
{
	u32 how = byte(s), i;
	struct memlane_alloc req = {
		.size = sizeof(req),
		.flags = (how & 1 ? MEMLANE_ALLOC_LIVE : 0) | (how & 2 ? MEMLANE_ALLOC_NO_SPILL : 0),
		.lane = how >> 2 & 1,
		.count = how & 8 ? 1 + (how >> 4) : 1,
		.align = how & 128 ? 16 << byte(s) % 18 : 0,
		.length = some_length(s),
	};
	struct totals was = totals_of(s);
	u64 handles[16];
	int err;

	if (!s->in_grace && byte(s) % 8 == 0)
		req.flags |= MEMLANE_ALLOC_MAY_MOVE;
	if (s->nr + req.count > MOST - (s->in_grace ? 0 : MEDDLED))
		return;
	err = ml_alloc(s->a, &req, handles);
	see_purged(s);
	if (err == -EINVAL && req.count > 1) {
		expect(req.length > MEMLANE_BLOCK_MAX || req.align > ML_PAGE_SIZE);
		return;
	}
	if (err) {
		expect(may_fail(s, err));
		expect_eq(req.out_count, 0);
		if (!(req.flags & MEMLANE_ALLOC_MAY_MOVE))
			unchanged(s, &was);
		return;
	}
	expect(req.out_count >= 1 && req.out_count <= req.count);
	for (i = 0; i < req.out_count; i++) {
		struct object *o = &s->object[s->nr++];

		*o = (struct object){ .handle = handles[i], .length = req.length,
				      .seed = s->seed++, .live = how & 1 };
		expect(!req.align || (loc_of(s, o) << MEMLANE_GRANULE_SHIFT) % req.align == 0);
		expect_eq(ml_lane_of(s->a, loc_of(s, o)), req.out_lane);
		if (o->live)
			watch(s, o, true);
	}
}

static void do_free(struct sequence *s)
{
	struct memlane_free req = { .size = sizeof(req), .count = 1 };
	struct object *o = pick(s);
	int err;

	if (!o)
		return;
	req.flags = o->live || o->purged ? MEMLANE_FREE_LIVE : 0;
	err = ml_free(s->a, &req, &o->handle);
	expect_eq(err, o->pinned ? -EBUSY : 0);
	expect_eq(req.out_count, !err);
	if (!err)
		forget(s, o);
}

/* Handles that name nothing are answered with an error, and nothing changes. */
static void do_bad_handle(struct sequence *s)
{
	struct memlane_free req = { .size = sizeof(req), .flags = MEMLANE_FREE_LIVE, .count = 1 };
	struct totals was = totals_of(s);
	u64 handle = s->dead_nr ? s->dead[byte(s) % min_t(u32, s->dead_nr, 64)] : 0;
	int want = -ESTALE, err;

	switch (byte(s) % 4) {
	case 0:
		handle ^= 1ULL << (MEMLANE_COOKIE_SHIFT + byte(s) % 6);
		break;
	case 1:
		handle = memlane_handle_make(WORLD_COOKIE, MEMLANE_GEN_MAX, word(s));
		break;
	}
	if (memlane_handle_cookie(handle) != WORLD_COOKIE)
		want = memlane_handle_cookie(handle) ? -EXDEV : -EBADF;
	else if (memlane_handle_gen(handle) == MEMLANE_GEN_MAX)
		want = -EBADF;
	err = ml_free(s->a, &req, &handle);
	expect_eq(err, want);
	unchanged(s, &was);
}

static void veto(struct sequence *s, struct object *o)
{
	u64 *e = world_entry(s->w, o->handle), was = READ_ONCE(*e);

	if (memlane_entry_is_marked(was))
		cmpxchg(e, was, world_unmarked(was));
}

static void do_pin(struct sequence *s)
{
	struct object *o = pick(s);
	u64 *pin = o ? world_pin(s->w, o->handle) : NULL;

	if (!pin || !o->live)
		return;
	if (o->pinned)
		__atomic_sub_fetch(pin, MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
	else
		__atomic_add_fetch(pin, MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
	o->pinned = !o->pinned;
	if (o->pinned && byte(s) & 1)
		veto(s, o);
	o->place = loc_of(s, o);
}

static void do_hold(struct sequence *s)
{
	struct object *o = pick(s);
	u32 i;

	if (byte(s) & 1) {
		for (i = 0; i < s->nr; i++)
			if (s->object[i].held)
				world_hold(s->w, s->object[i].place, s->object[i].held = false);
	} else if (o && o->live && !o->held) {
		o->held = true;
		o->place = loc_of(s, o);
		world_hold(s->w, o->place, true);
	}
}

/* The program's alloc and free of stock, as the library does them. */
static void do_stock(struct sequence *s)
{
	struct object *o = pick(s);
	u64 *e = o ? world_entry(s->w, o->handle) : NULL;

	if (!o || o->pinned || o->purged)
		return;
	veto(s, o);
	if (o->live) {
		/* As memlane_free() does: what was written is before the end. */
		smp_store_release(e, memlane_entry_ended(*e));
		o->purgeable = false;
		s->dead[s->dead_nr++ % 64] = o->handle;
		o->handle += 1ULL << MEMLANE_GEN_SHIFT;
	} else {
		world_describe(s->w, o->handle, o->length);
		world_join(s->w, o->handle, 0);
		/* As memlane_alloc() does: these words are there first. */
		smp_store_release(e, world_in_state(*e, MEMLANE_ENTRY_USED));
		watch(s, o, true);
	}
	o->live = !o->live;
}

static void do_query(struct sequence *s)
{
	struct object *o = pick(s);
	struct memlane_query q;

	if (s->dead_nr) {
		q = world_query(s->w, s->dead[byte(s) % min_t(u32, s->dead_nr, 64)]);
		expect(q.out_state == MEMLANE_STATE_FREED || q.out_state == MEMLANE_STATE_STALE);
		expect_eq(q.out_room, 0);
	}
	if (!o)
		return;
	q = world_query(s->w, o->handle);
	if (o->purged) {
		expect_eq(q.out_state, MEMLANE_STATE_PURGED);
		return;
	}
	if (!o->live) {
		expect_eq(q.out_state, MEMLANE_STATE_CACHED);
		return;
	}
	if (!s->in_grace)
		expect_eq(q.out_state, o->pinned ? MEMLANE_STATE_PINNED : MEMLANE_STATE_LIVE);
	expect_eq(q.out_location, loc_of(s, o));
	expect(q.out_room >= o->length);
	expect_eq(q.out_lane, ml_lane_of(s->a, q.out_location));
}

static void do_section(struct sequence *s)
{
	s->section = byte(s) & 1;
	/* Pairs with the mover's look at the sections. */
	smp_store_release(&world_slot(s->w, s->slot)->section,
			  s->section ? READ_ONCE(s->a->stat_page->epoch) : 0);
}

/* A thread dies: its slot, and the stock in its magazines, come back. */
static void do_death(struct sequence *s)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_mag *mag;
	u32 i, nr = 0, used = s->a->slots.used;
	u64 done = s->w->done;

	if (ml_register(s->a, &reg)) {
		expect(s->w->fail.hits);
		return;
	}
	mag = world_mag(s->w, reg.slot, byte(s) % 2, byte(s) % ML_CLASSES);
	mag->index[nr++] = 0;
	mag->index[nr++] = word(s) << 16 | 0xffff;
	for (i = 0; i < s->nr && nr < ML_MAG_SIZE; i++)
		if (!s->object[i].live && !s->object[i].purged && byte(s) & 1) {
			mag->index[nr++] = (u32)s->object[i].handle;
			forget(s, &s->object[i--]);
		}
	mag->nr = byte(s) & 1 ? nr : nr | 0xff00;
	while (nr < ML_MAG_SIZE)
		mag->index[nr++] = 0;
	s->w->gone[reg.slot] = true;
	mutex_lock(&s->a->lock);
	ml_slots_reap(s->a, ~0U);
	mutex_unlock(&s->a->lock);
	expect_eq(s->w->done, done + 1);
	expect_eq(s->a->slots.used, used);
}

static void do_option(struct sequence *s)
{
	static const u32 options[] = {
		MEMLANE_OPT_FAST_LIMIT, MEMLANE_OPT_SLOW_LIMIT, MEMLANE_OPT_COMPACTION_THRESHOLD,
		MEMLANE_OPT_SLOW_SAFETY_MARGIN, MEMLANE_OPT_AUTO_COMPACTION, MEMLANE_OPT_GRACE,
		MEMLANE_OPT_SLOW_USAGE_THRESHOLD, MEMLANE_OPT_AGE_INTERVAL, MEMLANE_OPT_THRESHOLD,
	};
	struct memlane_set req = { .size = sizeof(req), .option = options[byte(s) % 9] };
	struct memlane_set get = req;
	int err;

	req.value = req.option <= MEMLANE_OPT_SLOW_LIMIT ? (u64)word(s) << 10 : word(s) % 1100;
	err = ml_set(s->a, &req);
	expect(err == 0 || err == -EINVAL);
	expect_eq(ml_get(s->a, &get), 0);
	if (!err)
		expect_eq(get.value, req.option <= MEMLANE_OPT_SLOW_LIMIT ?
			  (req.value + 4095) & ~4095ULL : req.value);
}

/* The object's group may be dropped from now on. */
static void do_purgeable(struct sequence *s)
{
	struct memlane_set req = {
		.size = sizeof(req), .option = MEMLANE_OPT_PURGEABLE, .value = 7 | 1 << 16,
	};
	struct object *o = pick(s);
	int err = ml_set(s->a, &req);

	expect(!err || s->w->fail.hits);
	if (!o || !o->live)
		return;
	o->purgeable = true;
	world_join(s->w, o->handle, 7);
}

/* A magazine is filled, used, and given back. */
static void do_magazine(struct sequence *s)
{
	struct memlane_refill fill = {
		.size = sizeof(fill), .slot = s->slot, .lane = byte(s) % 2,
		.count = 1 + byte(s) % 150, .length = some_length(s),
	};
	struct memlane_flush flush = { .size = sizeof(flush), .slot = s->slot };
	u32 bound = s->a->table.bound;
	int err = ml_refill(s->a, &fill);

	if (err) {
		expect(may_fail(s, err));
		expect_eq(s->a->table.bound, bound);
		return;
	}
	expect_eq(s->a->table.bound, bound + fill.out_count);
	flush.lane = fill.out_lane;
	flush.cls = fill.out_class;
	if (fill.out_class == MEMLANE_CLASS_BLOB) {
		expect_eq(world_slot(s->w, s->slot)->in_hand, (u32)fill.out_handle);
	} else {
		struct memlane_mag *mag = world_mag(s->w, s->slot, flush.lane, flush.cls);

		expect_eq(mag->nr, fill.out_count);
		expect_eq(mag->index[mag->nr - 1], (u32)fill.out_handle);
	}
	expect_eq(ml_flush(s->a, &flush), 0);
	expect_eq(flush.out_count, fill.out_count);
	expect_eq(s->a->table.bound, bound);
}

/* Questions change nothing. */
static void do_ask(struct sequence *s)
{
	struct memlane_cost cost = { .size = sizeof(cost), .lane = byte(s) % 2 };
	struct memlane_blockers list = { .size = sizeof(list), .count = MEMLANE_BLOCKERS };
	struct memlane_blocker who[MEMLANE_BLOCKERS];
	struct object *o = pick(s);

	expect_eq(ml_blockers(s->a, &list, who), 0);
	if (!o)
		return;
	cost.handle = o->handle;
	expect_eq(ml_cost(s->a, &cost), o->purged ? -ENODATA : o->live ? 0 : -ESTALE);
	if (o->live) {
		expect_eq(!!(cost.out_reasons & MEMLANE_REASON_PINNED), o->pinned);
		expect_eq(!!(cost.out_reasons & MEMLANE_REASON_THERE),
			  ml_lane_of(s->a, loc_of(s, o)) == cost.lane);
	}
}

static void do_veto(struct sequence *s)
{
	struct object *o = pick(s);

	if (o)
		veto(s, o);
}

static void (*const while_waiting[])(struct sequence *s) = {
	do_free, do_alloc, do_pin, do_stock, do_query, do_hold, do_death, do_veto,
};

/* What the program does while a batch waits for its sections. */
static void meddle(struct world *w, void *arg)
{
	struct sequence *s = arg;
	u32 n = byte(s) % 4;

	s->in_grace = true;
	see_purged(s);
	for (; n; n--) {
		while_waiting[byte(s) % 8](s);
		if (s->flags & SEQ_THOROUGH)
			world_check(w);
	}
	s->in_grace = false;
}

static void check_step(struct sequence *s, const struct memlane_step *step, int err)
{
	expect(err == 0 || (err == -EINTR && s->killed) || (err == -ENOMEM && s->w->fail.hits));
	if (s->section)
		expect(!step->out_moved && !step->out_remapped);
}

static void do_compact(struct sequence *s)
{
	struct memlane_compact req = {
		.size = sizeof(req), .lanes = byte(s) % 4, .hole = byte(s) & 1 ? word(s) * 64 : 0,
		.step = { .max_bytes = byte(s) & 1 ? word(s) : 0,
			  .max_ns = byte(s) & 1 ? word(s) : 0 },
	};
	int err = ml_compact(s->a, &req);

	check_step(s, &req.step, err);
}

static void do_maintain(struct sequence *s)
{
	struct memlane_maintain req = { .size = sizeof(req) };
	int err = ml_maintain(s->a, &req);

	see_purged(s);
	check_step(s, &req.step, err);
}

static void check_arrival(struct sequence *s, u64 handle, u32 lane, int result)
{
	u32 i;

	expect(result == 0 || result == -EBUSY || result == -EAGAIN || result == -ENOSPC ||
	       result == -ESTALE || result == -ENODATA || (result == -ENOMEM && s->w->fail.hits));
	for (i = 0; i < s->nr && !result; i++)
		if (s->object[i].handle == handle && s->object[i].live)
			expect_eq(ml_lane_of(s->a, loc_of(s, &s->object[i])), lane);
}

static void do_migrate(struct sequence *s)
{
	struct memlane_migrate req = {
		.size = sizeof(req), .lane = byte(s) % 2, .count = 1 + byte(s) % 32,
		.step = { .max_bytes = byte(s) & 1 ? 1 + word(s) : 0 },
		.flags = byte(s) % 8 ? 0 : 1U << byte(s) % 2,	/* SETTLE, AWAY */
	};
	u32 i, failed = 0;
	u64 handles[32];
	s32 results[32];
	int err;

	if (!s->nr)
		return;
	for (i = 0; i < req.count; i++)
		handles[i] = pick(s)->handle;
	err = ml_migrate(s->a, &req, handles, results);
	check_step(s, &req.step, err);
	expect(err || req.step.out_more || req.out_count == req.count);
	for (i = 0; i < req.out_count; i++) {
		if (!req.flags)
			check_arrival(s, handles[i], req.lane, results[i]);
		failed += results[i] != 0;
	}
	expect_eq(req.out_failed, failed);
}

static void do_failure(struct sequence *s)
{
	if (!(s->flags & SEQ_NO_FAILURES))
		s->w->fail = (struct failure){ .doors = 1 << byte(s) % 4,
					       .nth = 1 + byte(s) % 8, .forever = byte(s) & 1 };
}

static void do_signal(struct sequence *s)
{
	s->killed = byte(s) % 4 == 0;
	s->w->pause_result = s->killed ? -EINTR : 0;
}

/* ---------------------------------------------------------- begin, run, end */

struct sequence *sequence_new(struct world *w, unsigned int flags)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct sequence *s = calloc(1, sizeof(*s));

	s->w = w;
	s->a = &w->arena;
	s->flags = flags;
	w->in_grace = meddle;
	w->grace_arg = s;
	expect_eq(ml_register(s->a, &reg), 0);
	s->slot = reg.slot;
	return s;
}

static void (*const operation[36])(struct sequence *s) = {
	[0 ... 8] = do_alloc, [9 ... 13] = do_free, [14] = do_bad_handle, [15] = do_pin,
	[16] = do_hold, [17 ... 18] = do_stock, [19] = do_query, [20] = do_section,
	[21] = do_death, [22] = do_option, [23 ... 24] = do_compact, [25] = do_maintain,
	[26 ... 28] = do_migrate, [29] = do_signal, [30] = do_purgeable,
	[31 ... 32] = do_magazine, [33] = do_ask, [34 ... 35] = do_failure,
};

/* One operation; an injected failure lasts for the one that follows it. */
void sequence_step(struct sequence *s, const u8 **at, const u8 *end)
{
	bool failing = s->w->fail.doors && !(s->flags & SEQ_NO_FAILURES);

	s->at = *at;
	s->end = end;
	operation[byte(s) % 36](s);
	*at = s->at;
	if (failing)
		s->w->fail = (struct failure){ };
	if (s->flags & SEQ_THOROUGH) {
		world_check(s->w);
		sequence_verify(s);
	}
}

/* All objects end; then no page may be committed and no chunk lent. */
void sequence_end(struct sequence *s)
{
	struct ml_arena *a = s->a;
	unsigned int lane;

	s->w->fail = (struct failure){ };
	s->w->in_grace = NULL;
	s->w->pause_result = 0;
	WRITE_ONCE(world_slot(s->w, s->slot)->section, 0);
	world_check(s->w);
	sequence_verify(s);
	world_compact(s->w);
	sequence_verify(s);
	for (; s->nr; s->nr--) {
		struct object *o = &s->object[s->nr - 1];

		if (o->pinned)
			*world_pin(s->w, o->handle) -= MEMLANE_PIN_ONE;
		if (o->live || o->purged) {
			world_free(s->w, o->handle);
		} else {
			struct memlane_free req = { .size = sizeof(req), .count = 1 };

			expect_eq(ml_free(a, &req, &o->handle), 0);
		}
	}
	world_compact(s->w);
	world_check(s->w);
	expect_eq(s->w->committed, 0);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		if (!a->kept_chunks)
			expect_eq(a->lane[lane].area[0].chunks + a->lane[lane].area[1].chunks, 0);
	free(s);
}

u64 sequence_run(const u8 *bytes, size_t len, unsigned int flags)
{
	const u8 *end = bytes + len;
	struct memlane_create req = world_request(128 << 10, 512 << 10);
	struct world *w = calloc(1, sizeof(*w));
	struct sequence *s;
	u8 how = len ? *bytes++ : 0;
	u64 steps;

	req.fast_max = how & 1 ? 512 << 10 : 0;
	req.slow_max = how & 2 ? 2 << 20 : 0;
	req.handles = how & 4 ? 64 : 65536;
	w->first = how & 16 ? ML_INDEX_END - (16 << 20) : 0;	/* its indices are the last ones of all */
	expect_eq(world_try(w, &req, how & 8), 0);
	s = sequence_new(w, flags);
	for (steps = 0; bytes < end; steps++)
		sequence_step(s, &bytes, end);
	sequence_end(s);
	world_end(w);
	return steps;
}
