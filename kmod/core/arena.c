// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* arena.c - the engine's front door: making an arena, objects, what is known of them */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "arena.h"
#include "lane.h"
#include "policy.h"
#include "run.h"
#include "slot.h"
#include "table.h"
#include "vec.h"

#define LANE_MIN	(64ULL << 10)
#define LANES_MAX	(8ULL << 40)
#define HANDLES_DEFAULT	(16ULL << 20)
#define HANDLES_MAX	(1ULL << 30)
#define THREADS_DEFAULT	1024
#define THREADS_MAX	4096
#define ML_PAGES_SPARE	(1ULL << 18)	/* 1 GiB of addresses */
#define REGION_SHIFT	44	/* regions of the file stand 16 TiB apart */

/* ------------------------------------------------------------ init, exit */

static int check_create(const struct memlane_create *req)
{
	u64 fast = max(req->fast_size, req->fast_max), slow = max(req->slow_size, req->slow_max);

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	if (req->fast_size < LANE_MIN || req->slow_size < LANE_MIN ||
	    (req->fast_max && req->fast_max < req->fast_size) ||
	    (req->slow_max && req->slow_max < req->slow_size) ||
	    fast > LANES_MAX || slow > LANES_MAX - fast)
		return -EINVAL;
	if (req->handles > HANDLES_MAX || req->handles == 1 || req->threads > THREADS_MAX)
		return -EINVAL;
	return 0;
}

/* Address space for a lane: half as much again as its maximum, for fragmentation. */
static u64 lane_span(u64 max_pages)
{
	u64 pages = max_pages + max_pages / 2 + ML_PAGES_SPARE;

	return (pages + ML_CHUNK_PAGES - 1) & ~(ML_CHUNK_PAGES - 1);
}

/* The data area's first chunk belongs to nobody: location 0 is never a place. */
static int lanes_init(struct ml_arena *a, const struct memlane_create *req)
{
	u64 fast_max = ml_pages(max(req->fast_size, req->fast_max));
	u64 slow_max = ml_pages(max(req->slow_size, req->slow_max));
	u64 fast_end = ML_CHUNK_PAGES + lane_span(fast_max);
	u64 end = fast_end + lane_span(slow_max);
	int err;

	err = ml_vec_init(a, &a->map, end, 9, ML_PRIVATE);
	if (!err)
		err = ml_lane_init(a, MEMLANE_FAST, ML_CHUNK_PAGES, fast_end,
				   ml_pages(req->fast_size), fast_max);
	if (!err)
		err = ml_lane_init(a, MEMLANE_SLOW, fast_end, end,
				   ml_pages(req->slow_size), slow_max);
	return err;
}

static int parts_init(struct ml_arena *a, const struct memlane_create *req)
{
	int err;

	a->batch = a->ops->zalloc(a, sizeof(*a->batch));
	a->stat_page = a->ops->share(a, MEMLANE_REGION_STAT, 0);
	if (!a->batch || !a->stat_page)
		return -ENOMEM;
	a->epoch = 1;
	a->stat_page->epoch = 1;
	err = ml_table_init(a, req->handles ? req->handles : HANDLES_DEFAULT);
	if (!err)
		err = ml_slots_init(a, req->threads ? req->threads : THREADS_DEFAULT);
	if (!err)
		err = lanes_init(a, req);
	return err;
}

/**
 * ml_arena_init - make an empty arena
 * @a: zeroed memory
 * @ops: where it runs
 * @cookie: 1 to 0x7fff
 * @capabilities: MEMLANE_CAP_*
 * @req: see struct memlane_create
 *
 * Return: 0; -EOPNOTSUPP, -EINVAL, -ENOMEM: nothing is left behind but pages
 * that @ops->share gave.
 */
int ml_arena_init(struct ml_arena *a, const struct ml_ops *ops, u32 cookie,
		  u64 capabilities, const struct memlane_create *req)
{
	int err = check_create(req);

	if (err)
		return err;
	a->ops = ops;
	a->cookie = cookie;
	a->capabilities = capabilities;
	mutex_init(&a->mover);
	mutex_init(&a->lock);
	mutex_init(&a->grow);
	ml_policy_init(&a->policy);
	mutex_lock(&a->lock);
	err = parts_init(a, req);
	if (!err)
		ml_publish(a);
	mutex_unlock(&a->lock);
	if (err)
		ml_arena_exit(a);
	return err;
}

/**
 * ml_arena_exit - free what describes an arena
 * @a: arena; nobody uses it any more
 *
 * Pages that @ops gave out are the owner's to free. Slots' threads are not
 * announced by slot_done.
 */
void ml_arena_exit(struct ml_arena *a)
{
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		ml_lane_exit(a, &a->lane[lane]);
	ml_vec_exit(a, &a->map);
	ml_slots_exit(a);
	ml_table_exit(a);
	if (a->batch)
		a->ops->zfree(a, a->batch, sizeof(*a->batch));
	mutex_destroy(&a->grow);
	mutex_destroy(&a->lock);
	mutex_destroy(&a->mover);
}

static u64 region_length(const struct ml_arena *a, unsigned int region)
{
	switch (region) {
	case MEMLANE_REGION_TABLE:
	case MEMLANE_REGION_SIDE:
		return ml_pages((u64)a->table.end * sizeof(u64)) << ML_PAGE_SHIFT;
	case MEMLANE_REGION_PIN:
		return ml_pages((u64)a->table.end * sizeof(u32)) << ML_PAGE_SHIFT;
	case MEMLANE_REGION_SLOTS:
		return (u64)a->slots.nr * sizeof(struct memlane_slot);
	case MEMLANE_REGION_STAT:
		return ML_PAGE_SIZE;
	default:
		return a->lane[MEMLANE_SLOW].end << ML_PAGE_SHIFT;
	}
}

/**
 * ml_info - layout and capabilities
 * @a: arena
 * @req: see struct memlane_info
 */
int ml_info(struct ml_arena *a, struct memlane_info *req)
{
	unsigned int r;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	req->out_version = MEMLANE_VERSION;
	req->out_page_size = ML_PAGE_SIZE;
	req->out_capabilities = a->capabilities;
	req->out_cookie = a->cookie;
	req->out_slot_size = sizeof(struct memlane_slot);
	req->out_handles = a->table.end;
	req->out_fast_end = ml_page_loc(a->lane[MEMLANE_SLOW].first);
	req->out_threads = a->slots.nr;
	for (r = 0; r < MEMLANE_REGIONS; r++) {
		req->out_region[r].offset = (u64)r << REGION_SHIFT;
		req->out_region[r].length = region_length(a, r);
	}
	return 0;
}

/* ----------------------------------------------------------------- alloc */

static int bind_one(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
		    u32 *index)
{
	u64 loc;
	int err;

	err = ml_place_take(a, lane, need, false, &loc);
	if (err)
		return err;
	err = ml_index_bind(a, loc, index);
	if (err)
		ml_place_give(a, loc);
	else
		ml_place_name(a, loc, *index);
	return err;
}

static bool grow(struct ml_arena *a, unsigned int lane, const struct ml_need *need)
{
	struct ml_lane *l = &a->lane[lane];
	u64 more = max(need->pages * 2 + ML_CHUNK_PAGES, l->limit / 4);

	if (l->limit == l->max)
		return false;
	l->limit += min(more, l->max - l->limit);
	return true;
}

/* The ladder of a full lane: the other lane, then growth of either. */
static int bind_first(struct ml_arena *a, struct memlane_alloc *req,
		      const struct ml_need *need, u32 *index)
{
	bool spill = req->lane == MEMLANE_FAST && !(req->flags & MEMLANE_ALLOC_NO_SPILL);
	int err;

	do {
		req->out_lane = req->lane;
		err = bind_one(a, req->lane, need, index);
		if (err == -ENOSPC && spill) {
			req->out_lane = MEMLANE_SLOW;
			err = bind_one(a, MEMLANE_SLOW, need, index);
		}
	} while (err == -ENOSPC && (grow(a, req->lane, need) ||
				    (spill && grow(a, MEMLANE_SLOW, need))));
	if (!err && req->out_lane != req->lane)
		a->count.spilled++;
	return err;
}

static void publish_live(struct ml_arena *a, u32 index, u64 length, unsigned int cls)
{
	u64 *side = ml_vec_make(a, &a->table.side, index);
	u32 *pin = ml_vec_make(a, &a->table.pin, index);
	u64 *e = ml_entry(a, index);

	if (side)
		WRITE_ONCE(*side, length | (u64)cls << MEMLANE_SIDE_CLASS_SHIFT);
	if (pin)
		WRITE_ONCE(*pin, 0);
	smp_store_release(e, READ_ONCE(*e) | MEMLANE_ENTRY_LIVE | MEMLANE_ENTRY_ACCESSED);
}

static int check_alloc(const struct memlane_alloc *req, struct ml_need *need)
{
	int err;

	if (req->flags & ~(MEMLANE_ALLOC_NO_SPILL | MEMLANE_ALLOC_LIVE))
		return -EOPNOTSUPP;
	if (req->lane >= MEMLANE_LANES || !req->count || req->count > 4096)
		return -EINVAL;
	err = ml_need_for(need, req->length, req->align);
	if (!err && need->cls == MEMLANE_CLASS_BLOB && req->count != 1)
		err = -EINVAL;
	return err;
}

static int alloc_all(struct ml_arena *a, struct memlane_alloc *req, const struct ml_need *need,
		     u64 *handles)
{
	u32 index, i;
	int err = 0;

	for (i = 0; i < req->count && !err; i++) {
		err = i ? bind_one(a, req->out_lane, need, &index) :
			  bind_first(a, req, need, &index);
		if (err)
			break;
		if (req->flags & MEMLANE_ALLOC_LIVE)
			publish_live(a, index, req->length, need->cls);
		handles[i] = ml_handle(a, index, req->out_lane);
	}
	req->out_count = i;
	return i ? 0 : err;
}

/**
 * ml_alloc - bind handles to free places
 * @a: arena
 * @req: see struct memlane_alloc
 * @handles: room for req->count
 */
int ml_alloc(struct ml_arena *a, struct memlane_alloc *req, u64 *handles)
{
	struct ml_need need;
	int err = check_alloc(req, &need);

	req->out_count = 0;
	if (err)
		return err;
	req->out_class = need.cls;
	mutex_lock(&a->lock);
	err = alloc_all(a, req, &need, handles);
	a->count.refills++;
	ml_publish(a);
	mutex_unlock(&a->lock);
	return err;
}

static void release(struct ml_arena *a, u32 index)
{
	u64 loc = ml_index_loc(a, index);

	ml_index_unbind(a, index);
	ml_place_unname(a, loc);
	ml_place_give(a, loc);
}

/**
 * ml_alloc_undo - the caller could not be told of these handles
 * @a: arena
 * @handles: from ml_alloc()
 * @nr: how many
 */
void ml_alloc_undo(struct ml_arena *a, const u64 *handles, u32 nr)
{
	u32 i;

	mutex_lock(&a->lock);
	for (i = 0; i < nr; i++)
		if (ml_index_bound(a, ml_handle_index(handles[i])))
			release(a, ml_handle_index(handles[i]));
	ml_publish(a);
	mutex_unlock(&a->lock);
}

/* ------------------------------------------------------------------ free */

/**
 * ml_stock_free - free an index that is bound but not live
 * @a: arena; arena.lock
 * @index: any value
 *
 * Return: 0; -EBADF not bound; -EBUSY live.
 */
int ml_stock_free(struct ml_arena *a, u32 index)
{
	if (!ml_index_bound(a, index))
		return -EBADF;
	if (ml_entry_read(a, index) & MEMLANE_ENTRY_LIVE)
		return -EBUSY;
	release(a, index);
	return 0;
}

/* End a live object: raise the generation, as memlane_free() does. */
static int end_live(struct ml_arena *a, u64 handle)
{
	u32 index = ml_handle_index(handle), gen;
	u64 *e, word;
	int err = ml_handle_check(a, handle);

	if (err)
		return err;
	if (ml_index_pins(a, index))
		return -EBUSY;
	e = ml_entry(a, index);
	word = READ_ONCE(*e);
	gen = ml_entry_gen(word);
	if (gen < MEMLANE_GEN_MAX)
		gen++;
	if (cmpxchg(e, word, ml_word(gen, word & MEMLANE_ENTRY_LOC_MASK)) != word)
		return -EAGAIN;
	return 0;
}

static int free_one(struct ml_arena *a, u32 flags, u64 handle)
{
	u32 cookie = (handle >> MEMLANE_HANDLE_COOKIE_SHIFT) & MEMLANE_HANDLE_COOKIE_MASK;
	int err;

	if (cookie != a->cookie)
		return -EXDEV;
	if (flags & MEMLANE_FREE_LIVE) {
		do {
			err = end_live(a, handle);
		} while (err == -EAGAIN);
		if (err)
			return err;
	}
	return ml_stock_free(a, ml_handle_index(handle));
}

/**
 * ml_free - give handles back
 * @a: arena
 * @req: see struct memlane_free
 * @handles: req->count of them
 */
int ml_free(struct ml_arena *a, struct memlane_free *req, const u64 *handles)
{
	int err = 0;
	u32 i;

	req->out_count = 0;
	if (req->flags & ~MEMLANE_FREE_LIVE)
		return -EOPNOTSUPP;
	if (!req->count || req->count > 1U << 20)
		return -EINVAL;
	mutex_lock(&a->lock);
	for (i = 0; i < req->count && !err; i++) {
		err = free_one(a, req->flags, handles[i]);
		req->out_count += !err;
	}
	a->count.flushes++;
	ml_publish(a);
	mutex_unlock(&a->lock);
	return err;
}

/* ----------------------------------------------------------------- query */

static unsigned int state_of_live(const struct ml_arena *a, u32 index, u64 word)
{
	if (word & (MEMLANE_ENTRY_MOVING | MEMLANE_ENTRY_COPYING))
		return MEMLANE_STATE_MOVING;
	return ml_index_pins(a, index) ? MEMLANE_STATE_PINNED : MEMLANE_STATE_LIVE;
}

static unsigned int state_of(const struct ml_arena *a, u64 handle)
{
	u32 index = ml_handle_index(handle);
	u32 gen = (handle >> MEMLANE_HANDLE_GEN_SHIFT) & MEMLANE_GEN_MASK;
	u64 word = ml_entry_read(a, index);
	unsigned int state = ml_index_state(a, index) & ML_STATE_MASK;

	switch (ml_handle_check(a, handle)) {
	case 0:
		return state_of_live(a, index, word);
	case -EXDEV:
		return MEMLANE_STATE_FOREIGN;
	case -EBADF:
		return MEMLANE_STATE_WILD;
	}
	if (state == ML_RETIRED)
		return MEMLANE_STATE_RETIRED;
	if (gen == ml_entry_gen(word))
		return state == ML_BOUND ? MEMLANE_STATE_CACHED : MEMLANE_STATE_NONE;
	return word & MEMLANE_ENTRY_LIVE ? MEMLANE_STATE_STALE : MEMLANE_STATE_FREED;
}

static void query_place(struct ml_arena *a, struct memlane_query *req)
{
	u64 loc = ml_index_loc(a, ml_handle_index(req->handle));
	struct ml_need need;

	if (ml_need_of(a, loc, &need))
		return;
	req->out_lane = ml_lane_of(a, loc);
	req->out_class = need.cls;
	req->out_heat = ml_index_state(a, ml_handle_index(req->handle)) >> ML_HEAT_SHIFT;
	req->out_location = loc;
	req->out_room = ml_place_room(a, loc);
	if (need.cls == MEMLANE_CLASS_BLOB)
		req->out_pages = a->ops->resident(a, ml_loc_page(loc), need.pages);
}

/**
 * ml_query - what is known of a handle
 * @a: arena
 * @req: see struct memlane_query
 */
int ml_query(struct ml_arena *a, struct memlane_query *req)
{
	struct memlane_query q = { .size = req->size, .handle = req->handle };

	if (req->flags)
		return -EOPNOTSUPP;
	mutex_lock(&a->lock);
	q.out_state = state_of(a, q.handle);
	if (!ml_handle_check(a, q.handle))
		query_place(a, &q);
	mutex_unlock(&a->lock);
	*req = q;
	return 0;
}

/* ------------------------------------------------------------------ stat */

static void collect(struct ml_arena *a)
{
	struct memlane_counts *c = &a->count;
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		ml_lane_stat(a, lane, &c->lane[lane]);
	c->handles = a->table.bound;
	c->retired = a->table.retired;
	c->slots = a->slots.used;
	c->metadata = a->ops->metadata(a);
}

/**
 * ml_publish - bring the mapped statistics up to date
 * @a: arena; arena.lock
 *
 * Readers look at seq before and after, as with a seqcount.
 */
void ml_publish(struct ml_arena *a)
{
	struct memlane_stat_page *p = a->stat_page;

	collect(a);
	WRITE_ONCE(p->seq, p->seq + 1);
	smp_wmb();
	p->counts = a->count;
	smp_wmb();
	WRITE_ONCE(p->seq, p->seq + 1);
}

/**
 * ml_stat - counters of the arena
 * @a: arena
 * @req: see struct memlane_stat
 */
int ml_stat(struct ml_arena *a, struct memlane_stat *req)
{
	if (req->flags)
		return -EOPNOTSUPP;
	mutex_lock(&a->lock);
	ml_publish(a);
	req->out = a->count;
	mutex_unlock(&a->lock);
	return 0;
}
