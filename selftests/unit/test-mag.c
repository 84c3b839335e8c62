// SPDX-License-Identifier: MIT
/*
 * test-mag.c - magazines over time, against lists of what is in each of them
 *
 * Threads take from their magazines and free into them as the library does, store by
 * store, and may die between any two stores. Of every index the model knows whether
 * it is nobody's, somebody's stock, or live, and in which list it stands where. Threads
 * that did nothing between two looks lose the places of their stock.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <stdio.h>
#include <string.h>

#include "block.h"
#include "depot.h"
#include "ktap.h"
#include "lane.h"
#include "slot.h"
#include "table.h"
#include "world.h"

#define THREADS	5
#define MOST	300
#define KINDS	5
#define BLOB	(KINDS - 1)

static const u64 length_of[KINDS] = { 16, 100, 1000, 4096, 40000 };

enum owner {
	NOBODY,
	STOCK,
	LIVE,
	LOST,	/* a thread died with it, and one in a section has it behind its list: whose? */
	RETIRED,
};

/* Where a thread is killed. */
enum death {
	NOT_YET,
	TAKEN,		/* made live, not yet out of the list */
	NAMED,		/* about to be ended: its index stands behind the list */
	ENDED,		/* and it is ended, but not counted */
	REVIVED,	/* ended, but somebody pinned it at that moment */
	LATER,		/* stands between ending and counting for a while */
};

struct list {
	u32 nr;
	u32 index[ML_MAG_SIZE];
};

struct thread {
	bool there;
	u32 slot;
	u32 in_hand;
	u32 ended;		/* index that is ended, but not counted */
	struct list *ended_to;
	struct memlane_mag *ended_in;
	struct list mag[MEMLANE_LANES][BLOB];
};

struct object {
	u64 handle;
	u64 seed;
	unsigned int kind;
};

static struct {
	struct world *w;
	struct ml_arena *a;
	struct rng r;
	struct thread thread[THREADS];
	struct object object[MOST];
	u32 nr;
	u32 lost;
	u64 seed;
	u8 owner[65536];
	u64 done[12];
	u64 deaths[LATER + 1];
} t;

static u32 below(u32 n)
{
	return rng_below(&t.r, n);
}

static u64 *entry(u32 index)
{
	return world_entry(t.w, index);
}

static struct memlane_mag *mag_of(const struct thread *th, unsigned int lane, unsigned int kind)
{
	return world_mag(t.w, th->slot, lane, ml_class_of(length_of[kind]));
}

static void set_owner(u32 index, enum owner from, enum owner to)
{
	expect_eq(t.owner[index], from);
	t.owner[index] = to;
}

static unsigned int lane_of(u32 index)
{
	return ml_lane_of(t.a, world_place(t.w, index));
}

static u64 *bytes_of(u32 index)
{
	return world_at(t.w, world_place(t.w, index), 8);
}

/* ------------------------------------------------------------------- verify */

static bool is_empty(u32 index)
{
	return memlane_entry_state(*entry(index)) == MEMLANE_ENTRY_EMPTY;
}

static void verify_stock(u32 index, unsigned int lane, unsigned int kind)
{
	struct ml_need need;
	u64 loc;

	expect_eq(t.owner[index], STOCK);
	expect(ml_index_bound(t.a, index));
	expect(!memlane_entry_is_live(*entry(index)));
	expect_eq(ml_index_placed(t.a, index), !is_empty(index));
	if (is_empty(index))
		return;
	loc = world_place(t.w, index);
	expect_eq(world_locked(t.a, ml_need_of(t.a, loc, &need)), 0);
	expect_eq(lane_of(index), lane);
	expect_eq(need.cls, ml_class_of(length_of[kind]));
}

static u32 verify_thread(const struct thread *th)
{
	unsigned int lane, kind;
	u32 i, nr = (th->in_hand != 0) + (th->ended != 0);

	expect_eq(world_slot(t.w, th->slot)->in_hand, th->in_hand);
	if (th->ended)
		expect(t.owner[th->ended] == STOCK && ml_index_bound(t.a, th->ended));
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (kind = 0; kind < BLOB; kind++) {
			const struct memlane_mag *mag = mag_of(th, lane, kind);
			const struct list *list = &th->mag[lane][kind];

			expect_eq(mag->nr, list->nr);
			expect(!memcmp(mag->index, list->index, list->nr * sizeof(u32)));
			for (i = 0; i < list->nr; i++)
				verify_stock(list->index[i], lane, kind);
			nr += list->nr;
		}
	return nr;
}

/* What is nobody's, and bound. */
static u32 verify_depot(void)
{
	const struct ml_depot_stock *s;
	u32 m, i, nr = 0;

	for (m = 0; m < ML_MAGS; m++)
		for (s = t.a->depot.stock[m]; s; s = s->next)
			for (i = 0; i < s->nr; i++, nr++) {
				expect_eq(t.owner[s->index[i]], NOBODY);
				expect(ml_index_bound(t.a, s->index[i]));
				expect(!memlane_entry_is_live(*entry(s->index[i])));
			}
	t.done[10] += nr;
	return nr;
}

/* Stock and live objects are all there is. */
static void verify(void)
{
	u32 i, stock = verify_depot();

	for (i = 0; i < THREADS; i++)
		if (t.thread[i].there)
			stock += verify_thread(&t.thread[i]);
	for (i = 0; i < t.nr; i++) {
		u32 index = (u32)t.object[i].handle;

		expect_eq(t.owner[index], LIVE);
		expect_eq(world_locked(t.a, ml_handle_check(t.a, t.object[i].handle)), 0);
		expect_eq(*bytes_of(index), t.object[i].seed);
	}
	expect_eq(t.a->table.bound, stock + t.nr + t.lost);
}

/* ------------------------------------------------------------ refill, flush */

static bool no_room(unsigned int lane, unsigned int kind)
{
	struct ml_need need;

	expect_eq(ml_need_for(&need, length_of[kind], 0), 0);
	return !world_locked(t.a, ml_lane_room(t.a, lane, ml_need_pages(&need), false));
}

static void refill_failed(const struct memlane_refill *req, const struct list *list, int err,
			  unsigned int kind)
{
	expect_eq(err, -ENOSPC);
	expect_eq(req->out_count, 0);
	expect((list && list->nr == ML_MAG_SIZE) || no_room(req->lane, kind));
}

static void refill(struct thread *th)
{
	unsigned int kind = below(KINDS);
	struct memlane_refill req = {
		.size = sizeof(req), .slot = th->slot, .lane = below(2), .count = 1 + below(160),
		.length = length_of[kind], .flags = below(2) ? MEMLANE_ALLOC_NO_SPILL : 0,
	};
	struct memlane_mag *mag;
	struct list *list;
	bool given;
	int err;

	if (kind == BLOB && th->in_hand)
		return;
	given = kind < BLOB && t.a->depot.stock[req.lane * ML_CLASSES + ml_class_of(length_of[kind])];
	err = ml_refill(t.a, &req);
	list = kind == BLOB ? NULL : &th->mag[req.out_lane][kind];
	if (err) {
		refill_failed(&req, list, err, kind);
		return;
	}
	t.done[0]++;
	expect(req.out_count && req.out_count <= req.count);
	expect(req.lane == req.out_lane || (!req.lane && !req.flags));
	if (kind == BLOB) {
		th->in_hand = (u32)req.out_handle;
		set_owner(th->in_hand, NOBODY, STOCK);
		return;
	}
	mag = mag_of(th, req.out_lane, kind);
	expect(list->nr + req.out_count <= ML_MAG_SIZE);
	t.done[11] += given;
	if (req.out_count < req.count && !given)
		expect(list->nr + req.out_count == ML_MAG_SIZE || no_room(req.out_lane, kind));
	for (; req.out_count; req.out_count--) {
		list->index[list->nr] = mag->index[list->nr];
		set_owner(list->index[list->nr++], NOBODY, STOCK);
	}
	expect_eq(list->index[list->nr - 1], (u32)req.out_handle);
}

/* The oldest go, the newest stay in their order. */
static void flush(struct thread *th, unsigned int lane, unsigned int kind, u32 keep)
{
	struct memlane_flush req = {
		.size = sizeof(req), .slot = th->slot, .lane = lane, .keep = keep,
		.cls = ml_class_of(length_of[kind]),
	};
	struct list *list = &th->mag[lane][kind];
	u32 i, go = list->nr - min(keep, list->nr);

	expect_eq(ml_flush(t.a, &req), 0);
	expect_eq(req.out_count, go);
	for (i = 0; i < go; i++)
		set_owner(list->index[i], STOCK, NOBODY);
	list->nr -= go;
	memmove(list->index, list->index + go, list->nr * sizeof(u32));
	t.done[1]++;
}

static void flush_in_hand(struct thread *th, enum owner then)
{
	struct memlane_flush req = {
		.size = sizeof(req), .slot = th->slot, .cls = MEMLANE_CLASS_BLOB,
	};

	expect_eq(ml_flush(t.a, &req), 0);
	expect_eq(req.out_count, 1);
	set_owner(th->in_hand, STOCK, then);
	th->in_hand = 0;
	t.done[2]++;
}

/* -------------------------------------------------------------------- death */

static bool in_depot(u32 index)
{
	const struct ml_depot_stock *s;
	u32 m, i;

	for (m = 0; m < ML_MAGS; m++)
		for (s = t.a->depot.stock[m]; s; s = s->next)
			for (i = 0; i < s->nr; i++)
				if (s->index[i] == index)
					return true;
	return false;
}

/* Is it in a list of another thread, or in a section behind one, or in a hand? */
static bool elsewhere(const struct thread *but, u32 index)
{
	const struct thread *th;
	unsigned int m;
	u32 i;

	for (th = t.thread; th < t.thread + THREADS; th++) {
		if (th == but || !th->there)
			continue;
		if (world_slot(t.w, th->slot)->in_hand == index)
			return true;
		for (m = 0; m < MEMLANE_LANES * BLOB; m++) {
			const struct memlane_mag *mag = mag_of(th, m / BLOB, m % BLOB);

			for (i = 0; i < mag->nr + (th->ended != 0) && i < ML_MAG_SIZE; i++)
				if (mag->index[i] == index)
					return true;
		}
	}
	return false;
}

static void lose(u32 index, enum owner from)
{
	set_owner(index, from, LOST);
	t.lost++;
}

/* What stands behind a list or in a hand comes back if it is nobody else's. */
static void settle(const struct thread *th, u32 index)
{
	if (!index || t.owner[index] != LOST || in_depot(index) || elsewhere(th, index))
		return;
	set_owner(index, LOST, NOBODY);
	t.lost--;
}

static void end_list(struct thread *th, unsigned int lane, unsigned int kind)
{
	const struct memlane_mag *mag = mag_of(th, lane, kind);
	struct list *list = &th->mag[lane][kind];

	if (mag->nr < ML_MAG_SIZE)
		settle(th, mag->index[mag->nr]);
	for (; list->nr; list->nr--)
		set_owner(list->index[list->nr - 1], STOCK, NOBODY);
}

/* All its stock comes back. */
static void end(struct thread *th, bool killed)
{
	struct memlane_register req = { .size = sizeof(req), .slot = th->slot };
	unsigned int m;

	if (th->in_hand)
		lose(th->in_hand, STOCK);
	if (th->ended)
		lose(th->ended, STOCK);
	settle(th, world_slot(t.w, th->slot)->in_hand);
	for (m = 0; m < MEMLANE_LANES * BLOB; m++)
		end_list(th, m / BLOB, m % BLOB);
	th->in_hand = 0;
	th->ended = 0;
	th->there = false;
	if (!killed) {
		expect_eq(ml_unregister(t.a, &req), 0);
		return;
	}
	t.w->gone[th->slot] = true;
	mutex_lock(&t.a->lock);
	ml_slots_reap(t.a, ~0U);
	mutex_unlock(&t.a->lock);
}

static void kill_at(struct thread *th, enum death when)
{
	end(th, true);
	t.deaths[when]++;
}

/* --------------------------------------------------------------- take, free */

static void born(u32 index, unsigned int kind)
{
	struct object *o = &t.object[t.nr++];
	u64 *e = entry(index), word = *e;

	/* One in many is at its last generation: freed once more it is retired. */
	if (!below(64))
		word |= MEMLANE_GEN_MASK;
	world_describe(t.w, index, length_of[kind]);
	/* As memlane_alloc() does: a planned move is stopped by it. */
	smp_store_release(e, world_in_state(word, MEMLANE_ENTRY_USED));
	*o = (struct object){
		.handle = ml_handle(t.a, index), .kind = kind, .seed = ++t.seed,
	};
	*bytes_of(index) = o->seed;
	set_owner(index, STOCK, LIVE);
}

static void take_in_hand(struct thread *th, enum death when)
{
	born(th->in_hand, BLOB);
	th->in_hand = 0;
	if (when == TAKEN)
		kill_at(th, when);
	else
		world_slot(t.w, th->slot)->in_hand = 0;
}

/* Made or freed: a thread that does neither sleeps. */
static void count(u64 *calls)
{
	WRITE_ONCE(*calls, *calls + 1);
}

static void take(struct thread *th, enum death when)
{
	unsigned int kind = below(KINDS), lane = below(2);
	struct list *list = &th->mag[lane][kind % BLOB];

	if (t.nr == MOST || !(kind == BLOB ? th->in_hand : list->nr))
		return;
	t.done[3]++;
	if (kind == BLOB) {
		take_in_hand(th, when);
		return;
	}
	if (is_empty(list->index[list->nr - 1])) {
		flush(th, lane, kind, 0);
		t.done[9]++;
		return;
	}
	count(&world_slot(t.w, th->slot)->allocs);
	born(list->index[--list->nr], kind);
	if (when == TAKEN)
		kill_at(th, when);
	else
		mag_of(th, lane, kind)->nr--;
}

static u32 generation(const struct object *o)
{
	return memlane_handle_gen(o->handle);
}

static void forget(struct object *o)
{
	*o = t.object[--t.nr];
}

/* The object's word after its end, as memlane_free() writes it. */
static void end_entry(u32 index)
{
	u64 *e = entry(index);

	/* As memlane_free() does: what was written is before the end. */
	smp_store_release(e, memlane_entry_ended(*e));
}

/* Killed on the way. What was not ended stays, and what was pinned comes back. */
static void free_and_die(struct thread *th, struct object *o, enum death when)
{
	u32 index = (u32)o->handle;
	bool last = generation(o) == MEMLANE_GEN_MAX;
	struct object was = *o;

	if (when == NAMED) {
		kill_at(th, NAMED);
		return;
	}
	end_entry(index);
	lose(index, LIVE);
	forget(o);
	if (when == REVIVED)
		*world_pin(t.w, index) += MEMLANE_PIN_ONE;
	kill_at(th, when);
	if (when == REVIVED)
		*world_pin(t.w, index) -= MEMLANE_PIN_ONE;
	if (t.owner[index] == LOST)
		return;
	if (when == REVIVED) {
		set_owner(index, NOBODY, LIVE);
		t.object[t.nr++] = was;
	} else if (last) {
		set_owner(index, NOBODY, RETIRED);
	}
}

static void free_by_hand(struct thread *th, struct object *o, enum death when)
{
	u32 index = (u32)o->handle;
	bool last = generation(o) == MEMLANE_GEN_MAX;

	world_slot(t.w, th->slot)->in_hand = index;
	if (when > TAKEN && when < LATER) {
		free_and_die(th, o, when);
		return;
	}
	end_entry(index);
	th->in_hand = index;
	set_owner(index, LIVE, STOCK);
	forget(o);
	flush_in_hand(th, last ? RETIRED : NOBODY);
}

static void count_ended(struct thread *th)
{
	th->ended_to->index[th->ended_to->nr++] = th->ended;
	th->ended = 0;
	th->ended_in->nr++;
	count(&world_slot(t.w, th->slot)->frees);
	world_slot(t.w, th->slot)->section = 0;
	t.done[4]++;
}

/* Often what was taken last, which still stands behind the list that it came from. */
static struct object *some_object(void)
{
	return &t.object[below(4) ? below(t.nr) : t.nr - 1];
}

static void give(struct thread *th, enum death when)
{
	struct object *o = t.nr ? some_object() : NULL;
	bool last = o && generation(o) == MEMLANE_GEN_MAX;
	struct memlane_mag *mag;
	struct list *list;
	unsigned int lane;

	if (!o)
		return;
	if (o->kind == BLOB || last) {
		if (!th->in_hand)
			free_by_hand(th, o, when);
		return;
	}
	lane = lane_of((u32)o->handle);
	list = &th->mag[lane][o->kind];
	if (list->nr == ML_MAG_SIZE)
		flush(th, lane, o->kind, ML_MAG_SIZE / 2);
	mag = mag_of(th, lane, o->kind);
	mag->index[mag->nr] = (u32)o->handle;
	if (when > TAKEN && when < LATER) {
		free_and_die(th, o, when);
		return;
	}
	end_entry((u32)o->handle);
	set_owner((u32)o->handle, LIVE, STOCK);
	th->ended = (u32)o->handle;
	th->ended_in = mag;
	th->ended_to = list;
	forget(o);
	if (when == LATER)
		world_slot(t.w, th->slot)->section = t.a->epoch;
	else
		count_ended(th);
}

/* --------------------------------------------------------------- everything */

static void join(struct thread *th)
{
	struct memlane_register req = { .size = sizeof(req) };

	expect_eq(ml_register(t.a, &req), 0);
	memset(th, 0, sizeof(*th));
	th->there = true;
	th->slot = req.slot;
}

static void migrate(void)
{
	if (t.nr) {
		struct object *o = &t.object[below(t.nr)];
		int err = world_migrate(t.w, o->handle, below(2));

		expect(!err || err == -ENOSPC || err == -EAGAIN || err == -ESTALE);
		t.done[5] += !err;
	}
}

static void maintain(void)
{
	struct memlane_maintain req = { .size = sizeof(req) };

	expect_eq(ml_maintain(t.a, &req), 0);
	t.done[6]++;
}

static void compact(void)
{
	struct memlane_step step = world_compact(t.w);

	t.done[7] += step.out_moved + step.out_remapped;
}

static void some_call(struct thread *th, unsigned int what)
{
	enum death when = below(8) ? NOT_YET : TAKEN + below(LATER);

	if (th->ended && below(4))
		count_ended(th);
	else if (th->ended)
		kill_at(th, LATER);
	if (!th->there)
		return;
	switch (what) {
	case 0 ... 1:
		refill(th);
		break;
	case 2 ... 5:
		take(th, when);
		break;
	case 6 ... 8:
		give(th, when);
		break;
	case 9:
		flush(th, below(2), below(BLOB), below(ML_MAG_SIZE + 10));
		break;
	default:
		if (!below(4))
			end(th, below(2));
		break;
	}
}

static struct thread *some_thread(void)
{
	struct thread *th = &t.thread[below(THREADS)];

	if (!th->there)
		join(th);
	return th;
}

/* While a batch waits, what it moves is taken, freed, flushed and left behind. */
static void in_grace(struct world *w, void *arg)
{
	u32 n = below(8);

	for (; n; n--, t.done[8]++)
		some_call(some_thread(), below(11));
	verify();
}

static void step(void)
{
	u32 what = below(32);

	switch (what) {
	case 29:
		migrate();
		break;
	case 30:
		maintain();
		break;
	case 31:
		compact();
		break;
	default:
		some_call(some_thread(), what % 11);
		break;
	}
}

/* What nobody knows of any more can be given back all the same. */
static void free_lost(void)
{
	struct memlane_free req = { .size = sizeof(req), .count = 1 };
	u64 handle = 1;

	for (; t.lost; handle++)
		if (t.owner[handle] == LOST) {
			handle |= (u64)t.a->cookie << MEMLANE_COOKIE_SHIFT;
			expect_eq(ml_free(t.a, &req, &handle), 0);
			handle = (u32)handle;
			t.lost--;
		}
}

static void over(void)
{
	u32 i;

	t.w->in_grace = NULL;
	for (i = 0; i < THREADS; i++)
		if (t.thread[i].there)
			end(&t.thread[i], i % 2);
	verify();
	free_lost();
	for (; t.nr; t.nr--)
		world_free(t.w, t.object[t.nr - 1].handle);
	world_compact(t.w);
	world_check(t.w);
	expect_eq(t.a->table.bound, 0);
	expect_eq(t.w->committed, 0);
	world_end(t.w);
}

/* Has a thread died at each of the points? One of them is rare. */
static bool died_everywhere(void)
{
	u32 i;

	for (i = TAKEN; i <= LATER; i++)
		if (!t.deaths[i])
			return false;
	return true;
}

/* What must have happened for this to mean something. */
static void enough(u64 ops, u32 lost)
{
	u32 i;

	printf("# refills %llu, flushes %llu and %llu, takes %llu, frees %llu, migrations %llu, cycles %llu, moves %llu, in graces %llu, taken back %llu, in the depot %llu, taken from there %llu\n",
	       t.done[0], t.done[1], t.done[2], t.done[3], t.done[4], t.done[5], t.done[6],
	       t.done[7], t.done[8], t.done[9], t.done[10], t.done[11]);
	printf("# killed: taken %llu, named %llu, ended %llu and %llu, pinned %llu; lost %u\n",
	       t.deaths[TAKEN], t.deaths[NAMED], t.deaths[ENDED], t.deaths[LATER],
	       t.deaths[REVIVED], lost);
	for (i = 0; i < 12 && ops >= 10000; i++)
		expect(t.done[i] > ops / 2000);
	expect(died_everywhere() || ops < 10000);
}

static void random_calls(void)
{
	u64 ops = ktap_ops(10000), i;
	u32 lost;

	memset(&t, 0, sizeof(t));
	t.r = rng_new();
	t.w = world_new(512 << 10, 2 << 20);
	t.a = &t.w->arena;
	t.w->in_grace = in_grace;
	for (i = 0; i < ops || (!died_everywhere() && i < 10 * ops); i++) {
		step();
		verify();
		world_check(t.w);
	}
	lost = t.lost;
	over();
	enough(ops, lost);
}

static const struct test tests[] = {
	{ "mag_random_calls", random_calls },
};

KTAP_MAIN(tests);
