// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* stat.c - what is known of a handle, and of the arena */
#include <linux/atomic.h>

#include "lane.h"
#include "place.h"
#include "stat.h"
#include "table.h"
#include "tally.h"
#include "turn.h"
#include "vec.h"

#define PLACES	64U	/* refills and flushes after which the whole page is new at the latest */

static unsigned int state_of_live(const struct ml_arena *a, u32 index, u64 word)
{
	if (memlane_entry_is_marked(word) || memlane_entry_is_busy(word))
		return MEMLANE_STATE_MOVING;
	return ml_index_pins(a, index) ? MEMLANE_STATE_PINNED : MEMLANE_STATE_LIVE;
}

static unsigned int state_of(const struct ml_arena *a, u64 handle)
{
	u32 index = memlane_handle_index(handle);
	u32 gen = memlane_handle_gen(handle);
	u64 word = ml_entry_read(a, index);
	unsigned int state = ml_index_state(a, index) & ML_STATE_MASK;

	switch (ml_handle_check(a, handle)) {
	case 0:
		return state_of_live(a, index, word);
	case -EXDEV:
		return MEMLANE_STATE_FOREIGN;
	case -EBADF:
		return MEMLANE_STATE_WILD;
	case -ENODATA:
		return MEMLANE_STATE_PURGED;
	}
	if (state == ML_RETIRED)
		return MEMLANE_STATE_RETIRED;
	if (gen == memlane_entry_gen(word))
		return state & ML_BOUND ? MEMLANE_STATE_CACHED : MEMLANE_STATE_NONE;
	return memlane_entry_is_live(word) ? MEMLANE_STATE_STALE : MEMLANE_STATE_FREED;
}

static void query_place(struct ml_arena *a, struct memlane_query *req)
{
	struct ml_need need;
	u64 loc;

	if (!ml_place_of(a, memlane_handle_index(req->handle), &loc) || ml_need_of(a, loc, &need))
		return;
	req->out_lane = ml_lane_of(a, loc);
	req->out_class = need.cls;
	req->out_heat = ml_index_heat(a, memlane_handle_index(req->handle));
	req->out_location = loc;
	req->out_room = ml_place_room(a, loc);
	if (need.cls == MEMLANE_CLASS_BLOB)
		req->out_pages = a->ops->resident(a, ml_loc_page(loc), need.pages);
}

/* Of a block: of the pages that it is on. */
static void query_residence(struct ml_arena *a, struct memlane_query *req)
{
	u64 byte = req->out_location << MEMLANE_GRANULE_SHIFT;
	u64 first = byte >> ML_PAGE_SHIFT, last;

	if (!req->out_room)
		return;
	last = (byte + req->out_room - 1) >> ML_PAGE_SHIFT;
	if (a->ops->residence)
		a->ops->residence(a, first, last - first + 1, req);
	else
		req->out_resident = a->ops->resident(a, first, last - first + 1);
}

/* Of a live object, where the worst of its bytes are. */
static void query_state(struct memlane_query *req)
{
	if (req->out_state != MEMLANE_STATE_LIVE)
		return;
	if (req->out_lost)
		req->out_state = MEMLANE_STATE_LOST;
	else if (req->out_stored)
		req->out_state = MEMLANE_STATE_STORED;
	else if (req->out_compressed)
		req->out_state = MEMLANE_STATE_COMPRESSED;
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
	if (ml_turn_lock(a))
		return -EINTR;
	q.out_state = state_of(a, q.handle);
	if (!ml_handle_check(a, q.handle)) {
		query_place(a, &q);
		query_residence(a, &q);
		query_state(&q);
	}
	mutex_unlock(&a->lock);
	*req = q;
	return 0;
}

/* ------------------------------------------------------------------ stat */

/* The page of statistics, and no tally yet. */
int ml_stat_init(struct ml_arena *a)
{
	u64 all = ML_TALLY_FIRST + MEMLANE_TALLIES;
	int err = ml_vec_init(a, &a->stat, all, ML_TALLY_SHIFT, MEMLANE_REGION_STAT);

	if (err)
		return err;
	a->stat_page = ml_vec_make(a, &a->stat, 0);
	return a->stat_page ? 0 : -ENOMEM;
}

static void collect_table(struct ml_arena *a)
{
	struct memlane_counts *c = &a->count;

	c->handles = a->table.bound - a->table.emptied;
	c->indices = ml_indices(a);
	c->retired = a->table.retired;
	c->purged = a->table.purged;
	c->metadata = a->ops->metadata(a);
}

static void collect(struct ml_arena *a)
{
	struct memlane_counts *c = &a->count;
	unsigned int lane;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		ml_lane_stat(a, lane, &c->lane[lane]);
	collect_table(a);
	c->slots = a->slots.used;
}

/* Word by word: readers may be under way, and throw away what they saw. */
static void copy_counts(struct memlane_counts *to, const struct memlane_counts *from)
{
	const __u64 *src = (const __u64 *)from;
	__u64 *dst = (__u64 *)to;
	size_t i;

	for (i = 0; i < sizeof(*to) / sizeof(*dst); i++)
		WRITE_ONCE(dst[i], src[i]);
}

/* The words that change as places come and go, beside those of the lanes; likewise. */
static void copy_places(struct memlane_counts *to, const struct memlane_counts *from)
{
	WRITE_ONCE(to->ioctls, from->ioctls);
	WRITE_ONCE(to->refills, from->refills);
	WRITE_ONCE(to->flushes, from->flushes);
	WRITE_ONCE(to->handles, from->handles);
	WRITE_ONCE(to->indices, from->indices);
	WRITE_ONCE(to->retired, from->retired);
	WRITE_ONCE(to->purged, from->purged);
	WRITE_ONCE(to->spilled, from->spilled);
	WRITE_ONCE(to->metadata, from->metadata);
	WRITE_ONCE(to->pages_returned, from->pages_returned);
}

/* Readers look at seq before and after, as with a seqcount. */
static struct memlane_counts *stat_begin(struct ml_arena *a)
{
	struct memlane_stat_page *p = a->stat_page;

	lockdep_assert_held(&a->lock);
	WRITE_ONCE(p->seq, p->seq + 1);
	smp_wmb();	/* pairs with the reader's, who looks at seq before */
	return &p->counts;
}

static void stat_end(struct ml_arena *a)
{
	struct memlane_stat_page *p = a->stat_page;

	smp_wmb();	/* pairs with the reader's, who looks at seq again */
	WRITE_ONCE(p->seq, p->seq + 1);
}

/**
 * ml_publish - bring the mapped statistics up to date
 * @a: arena; arena.lock
 */
void ml_publish(struct ml_arena *a)
{
	lockdep_assert_held(&a->lock);
	collect(a);
	copy_counts(stat_begin(a), &a->count);
	stat_end(a);
}

/**
 * ml_publish_places - the same where places came and went, and nothing else was counted
 * @a: arena; arena.lock
 *
 * All is copied now and then: what is counted without the lock, as faults are, or is dear to
 * know, as the largest hole, is in the page before long.
 */
void ml_publish_places(struct ml_arena *a)
{
	struct memlane_counts *to;
	unsigned int lane;

	lockdep_assert_held(&a->lock);
	if (!((a->count.refills + a->count.flushes) % PLACES)) {
		ml_publish(a);
		return;
	}
	collect_table(a);
	to = stat_begin(a);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		ml_lane_stat_places(a, lane, &to->lane[lane]);
	copy_places(to, &a->count);
	stat_end(a);
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
	if (ml_turn_lock(a))
		return -EINTR;
	ml_publish(a);
	req->out = a->count;
	mutex_unlock(&a->lock);
	return 0;
}
