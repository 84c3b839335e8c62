// SPDX-License-Identifier: MIT
/*
 * cache.c - magazines: what a thread has in stock, so that alloc.c and free.c need no system call
 *
 * A magazine lists indices that are bound to free places. They are taken and
 * given inside an implicit section, so that the mover, which may rebind them
 * meanwhile, waits as it does for any reader.
 *
 * The kernel fills and empties magazines itself (REFILL, FLUSH), and takes back
 * what a thread has that was killed between any two instructions. For that
 *   - an object is made live before its index leaves the list, and its handle is
 *     told to nobody before that;
 *   - index[nr] is written before an object is ended, and nr is raised after it;
 *   - in_hand stands for a magazine where there is none: blobs, purged objects,
 *     and indices whose generations are used up.
 *
 * While its thread sleeps the engine may take the places of stock back. The indices stay
 * in the list, EMPTY: who meets one gives them back, and buys anew.
 */
#include <errno.h>

#include "backend.h"
#include "cache.h"
#include "refusal.h"

#define STOCK_BYTES 65536U /* one refill holds at most so many */
#define STOCK_MAX   63U	   /* and so many indices; a magazine has room for two refills */
#define QUOTA_FIRST 8U
#define LINE	    8U /* entries of a line of the cache */
#define ASK_AGAIN   64 /* objects of a class that do without a FastLane that was full */

static uint32_t stock_most(const struct memlane *m)
{
	uint32_t half = m->info.out_mag_size / 2;

	return half < STOCK_MAX ? half : STOCK_MAX;
}

static uint32_t stock_cap(const struct memlane *m, uint32_t cls)
{
	uint32_t n = STOCK_BYTES / m->classes->size[cls], most = stock_most(m);

	return n < most ? n : most;
}

/* The arena has its layout, and no object. */
void cache_open(struct memlane *m)
{
	m->quick_size = m->is_small ? 0 : MEMLANE_BLOCK_MAX;
	m->quick_limit = m->hot.limit;
	m->quick_slow = MEMLANE_ENTRY_CLEAN | m->fast_end;
	m->quick_top = memlane_entry_to(0, MEMLANE_ENTRY_USED, m->cookie);
}

/* Between calls a magazine holds at most @last: there is room for one more. */
void cache_init(const struct memlane *m, struct thread *t)
{
	unsigned char *first = (unsigned char *)t->slot + m->info.out_mag_offset;
	uint32_t cls;

	t->mag[MEMLANE_FAST] = first;
	t->mag[MEMLANE_SLOW] = first + m->nr_classes * m->mag_stride;
	for (cls = 0; cls < m->nr_classes; cls++)
		t->last[cls] = 2 * stock_cap(m, cls) - 1;
}

/* -------------------------------------------------- back to the arena ---- */

/* Cannot fail: the slot is this thread's. */
void cache_flush(struct memlane *m, uint32_t lane, uint32_t cls, uint32_t keep)
{
	struct memlane_flush req = {
		.slot = this_thread()->number,
		.lane = lane,
		.cls = cls,
		.keep = keep,
	};

	backend_flush(m, &req);
}

/*
 * What stays of a full magazine: half; of a thread that has made nothing since one was full last, an
 * eighth, as it will not soon.
 */
static uint32_t keep_of(struct thread *t, uint32_t cls)
{
	const uint64_t allocs = t->slot->allocs;
	const uint32_t full = t->last[cls] + 1;
	const bool only_frees = allocs == t->allocs_when_full && full >= 8;

	t->allocs_when_full = allocs;
	return only_frees ? full / 8 : full / 2;
}

/* Objects that are freed in a row: the entries of those that are likely next. */
static void fetch_ahead(const struct memlane *m, const struct memlane_mag *mag, uint32_t nr)
{
	const uint32_t last = mag->nr ? mag->index[mag->nr - 1] : 0;
	const uint32_t by = mag->nr > 1 ? last - mag->index[mag->nr - 2] : 0;
	uint32_t i;

	if (by != 1 && by != (uint32_t)-1)
		return;
	for (i = LINE; i <= nr; i += LINE)
		__builtin_prefetch(&m->hot.table[last + by * i], 1);
}

/* The oldest go when a magazine is full. */
void cache_trim(struct memlane *m, uint32_t lane, uint32_t cls)
{
	struct thread *t = this_thread();
	const struct memlane_mag *mag = mag_of(m, t, lane, cls);
	const uint32_t nr = mag->nr;

	if (likely(nr <= t->last[cls]))
		return;
	cache_flush(m, lane, cls, keep_of(t, cls));
	fetch_ahead(m, mag, nr - mag->nr);
}

/* All stock of this thread. Return: whether there was any. */
static bool flush_all(struct memlane *m)
{
	bool any = false;
	uint32_t lane, cls;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; cls < m->nr_classes; cls++)
			if (mag_of(m, this_thread(), lane, cls)->nr) {
				cache_flush(m, lane, cls, 0);
				any = true;
			}
	return any;
}

/* What the caller itself has, if anything. */
void cache_flush_own(struct memlane *m)
{
	if (thread_is_in(m))
		flush_all(m);
}

int memlane_thread_flush(struct memlane *m)
{
	int err = memlane_thread_join(m);

	/* What the engine has put by goes with any. */
	if (!err && !flush_all(m))
		cache_flush(m, MEMLANE_FAST, 0, 0);
	return err;
}

/* ------------------------------------------------------------- stock ---- */

static uint32_t next_quota(const struct memlane *m, struct memlane_mag *mag, uint32_t cls)
{
	uint32_t cap = stock_cap(m, cls), quota = mag->quota ? mag->quota : QUOTA_FIRST;

	if (quota > cap)
		quota = cap;
	mag->quota = 2 * quota;
	return quota;
}

/* The next refill for objects like this is to be enough for so many, if it may. */
void cache_expect(struct memlane *m, struct thread *t, uint64_t size, uint32_t nr)
{
	struct memlane_mag *mag = mag_of(m, t, lane_for(m, size), class_of(m->classes, size));

	if (nr > stock_most(m))
		nr = stock_most(m);
	if (mag->quota < nr)
		mag->quota = nr;
}

/* Pages of the FastLane that nothing fills, as the engine last said. */
static uint32_t fast_room(const struct memlane *m)
{
	const struct memlane_lane_stat *l = &m->stat->counts.lane[MEMLANE_FAST];
	uint64_t limit = __atomic_load_n(&l->limit, __ATOMIC_RELAXED);
	uint64_t bound = __atomic_load_n(&l->bound, __ATOMIC_RELAXED);

	return bound < limit ? (limit - bound) >> 12 : 0;
}

static void note_spill(const struct memlane *m, struct thread *t, uint32_t cls)
{
	t->spilled[cls] = ASK_AGAIN;
	t->room[cls] = fast_room(m);
}

/* Each so many objects: is there more room in the FastLane than when it was full? */
static bool ask_again(const struct memlane *m, struct thread *t, uint32_t cls)
{
	if (--t->spilled[cls])
		return false;
	if (fast_room(m) > t->room[cls]) {
		t->spilled[cls] = 1;
		return true;
	}
	t->spilled[cls] = ASK_AGAIN;
	return false;
}

/* The SlowLane's magazine for an order of the FastLane, which was full last; or NULL. */
static struct memlane_mag *spare(const struct memlane *m, struct thread *t, const struct order *o)
{
	struct memlane_mag *mag;

	if (o->cls == MEMLANE_CLASS_BLOB || o->lane != MEMLANE_FAST || !t->spilled[o->cls] ||
	    o->flags & MEMLANE_NO_SPILL)
		return NULL;
	mag = mag_of(m, t, MEMLANE_SLOW, o->cls);
	return mag->nr ? mag : NULL;
}

/*
 * What a full lane may do about it: moves wait for sections, also for the caller's. They
 * are not worth it where the other lane has stock.
 */
static uint32_t refill_flags(const struct memlane *m, const struct order *o)
{
	uint32_t flags = 0;

	if (o->flags & MEMLANE_NO_SPILL)
		flags |= MEMLANE_ALLOC_NO_SPILL;
	if (o->flags & MEMLANE_ZERO && o->cls == MEMLANE_CLASS_BLOB)
		flags |= MEMLANE_ALLOC_FRESH;
	if (!memlane_self->depth && !spare(m, this_thread(), o))
		flags |= MEMLANE_ALLOC_MAY_MOVE;
	return flags;
}

static void refill_request(const struct memlane *m, const struct order *o, uint32_t nr,
			   struct memlane_refill *req)
{
	*req = (struct memlane_refill){
		.flags = refill_flags(m, o),
		.length = o->cls == MEMLANE_CLASS_BLOB ? o->size + o->pad : m->classes->size[o->cls],
		.lane = o->lane,
		.align = o->cls == MEMLANE_CLASS_BLOB ? o->align : 0,
		.slot = this_thread()->number,
		.count = nr,
	};
}

/* What is bound and what is used up are all indices that there are. */
static bool names_are_used_up(const struct memlane *m)
{
	const struct memlane_counts *c = &m->stat->counts;

	return indices_given(m) == m->info.out_handles - 1 &&
	       __atomic_load_n(&c->handles, __ATOMIC_RELAXED) +
			       __atomic_load_n(&c->retired, __ATOMIC_RELAXED) ==
		       indices_given(m);
}

/*
 * A refill of @nr places. What this thread has in stock itself is no reason to be refused: it
 * goes back first. If the arena's life is over, that can be told.
 */
int cache_ask(struct memlane *m, const struct order *o, uint32_t nr, struct memlane_refill *req)
{
	int err;

	refill_request(m, o, nr, req);
	err = backend_refill(m, req);
	if (unlikely(err == -ENOSPC) && flush_all(m))
		err = backend_refill(m, req);
	if (unlikely(err == -ENOSPC && names_are_used_up(m)))
		return refused("memlane_alloc", 0, NULL, ENOSPC, ENOSPC);
	return err;
}

/* Buy stock for an empty magazine; *mag becomes the one that has it. */
static int refill(struct memlane *m, const struct order *o, struct memlane_mag **mag)
{
	struct thread *t = this_thread();
	struct memlane_refill req;
	int err;

	err = cache_ask(m, o, next_quota(m, *mag, o->cls), &req);
	if (err)
		return err;
	if (o->lane == MEMLANE_FAST && req.out_lane == MEMLANE_SLOW)
		note_spill(m, t, o->cls);
	else if (o->lane == MEMLANE_FAST)
		t->spilled[o->cls] = 0;
	*mag = mag_of(m, t, req.out_lane, o->cls);
	cache_trim(m, req.out_lane, o->cls);
	return 0;
}

/* The magazine to take from, with something in it. */
int cache_stock(struct memlane *m, const struct order *o, struct memlane_mag **mag)
{
	struct thread *t = this_thread();
	struct memlane_mag *slow;
	int err;

	*mag = mag_of(m, t, o->lane, o->cls);
	if (likely((*mag)->nr))
		return 0;
	slow = spare(m, t, o);
	if (slow && !ask_again(m, t, o->cls)) {
		*mag = slow;
		return 0;
	}
	err = refill(m, o, mag);
	if (!err || !slow || !slow->nr)
		return err;
	note_spill(m, t, o->cls);
	*mag = slow;
	return 0;
}
