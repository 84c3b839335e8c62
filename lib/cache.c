// SPDX-License-Identifier: MIT
/*
 * cache.c - magazines: making and freeing objects without a system call
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
#include <string.h>

#include "backend.h"
#include "quick.h"
#include "refusal.h"
#include "watch.h"

#define STOCK_BYTES 65536U /* one refill holds at most so many */
#define STOCK_MAX   63U	   /* and so many indices; a magazine has room for two refills */
#define QUOTA_FIRST 8U
#define ASK_AGAIN   64 /* objects of a class that do without a FastLane that was full */
#define TAKEN_TRIES 64 /* of an alloc whose stock others take back */
#define ALIGN_MAX   (2U << 20)
#define ALIGN_BLOCK 4096U

/* What one object is to be; immutable. */
struct order {
	uint64_t size;
	uint32_t pad; /* bytes that the place has more: guards */
	uint32_t align;
	uint32_t lane;
	uint32_t flags;
	uint32_t cls;
	uint64_t side;
	uint32_t notes; /* the pin word without its count */
};

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

/* Between calls a magazine holds fewer than @full: there is room for one more. */
void cache_init(const struct memlane *m, struct thread *t)
{
	unsigned char *first = (unsigned char *)t->slot + m->info.out_mag_offset;
	uint32_t cls;

	t->mag[MEMLANE_FAST] = first;
	t->mag[MEMLANE_SLOW] = first + m->nr_classes * m->mag_stride;
	for (cls = 0; cls < m->nr_classes; cls++)
		t->full[cls] = 2 * stock_cap(m, cls);
}

static uint32_t mag_lane(const struct memlane_mag *mag)
{
	return (unsigned char *)mag >= this_thread()->mag[MEMLANE_SLOW] ? MEMLANE_SLOW : MEMLANE_FAST;
}

/* These pair with nothing but a kill: see the top. */
static void mag_set_nr(struct memlane_mag *mag, uint32_t nr)
{
	__atomic_store_n(&mag->nr, nr, __ATOMIC_RELEASE);
}

static void mag_set_next(struct memlane_mag *mag, uint32_t index)
{
	__atomic_store_n(&mag->index[mag->nr], index, __ATOMIC_RELEASE);
}

static void set_in_hand(struct thread *t, uint32_t index)
{
	__atomic_store_n(&t->slot->in_hand, index, __ATOMIC_RELEASE);
}

/* -------------------------------------------------- back to the arena ---- */

/* Cannot fail: the slot is this thread's. */
static void flush(struct memlane *m, uint32_t lane, uint32_t cls, uint32_t keep)
{
	struct memlane_flush req = {
		.slot = this_thread()->number,
		.lane = lane,
		.cls = cls,
		.keep = keep,
	};

	backend_flush(m, &req);
}

/* The oldest half goes when a magazine is full. */
static void trim(struct memlane *m, uint32_t lane, uint32_t cls)
{
	const struct thread *t = this_thread();
	uint32_t nr = mag_of(m, t, lane, cls)->nr;

	if (unlikely(nr >= t->full[cls]))
		flush(m, lane, cls, t->full[cls] / 2);
}

/* All stock of this thread. Return: whether there was any. */
static bool flush_all(struct memlane *m)
{
	bool any = false;
	uint32_t lane, cls;

	for (lane = 0; lane < MEMLANE_LANES; lane++)
		for (cls = 0; cls < m->nr_classes; cls++)
			if (mag_of(m, this_thread(), lane, cls)->nr) {
				flush(m, lane, cls, 0);
				any = true;
			}
	return any;
}

int memlane_thread_flush(struct memlane *m)
{
	int err = memlane_thread_join(m);

	if (!err)
		flush_all(m);
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
 * A refill. What this thread has in stock itself is no reason to be refused: it goes back
 * first. If the arena's life is over, that can be told.
 */
static int ask(struct memlane *m, struct memlane_refill *req)
{
	int err = backend_refill(m, req);

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

	refill_request(m, o, next_quota(m, *mag, o->cls), &req);
	err = ask(m, &req);
	if (err)
		return err;
	if (o->lane == MEMLANE_FAST && req.out_lane == MEMLANE_SLOW)
		note_spill(m, t, o->cls);
	else if (o->lane == MEMLANE_FAST)
		t->spilled[o->cls] = 0;
	*mag = mag_of(m, t, req.out_lane, o->cls);
	trim(m, req.out_lane, o->cls);
	return 0;
}

/* The magazine to take from, with something in it. */
static int stock(struct memlane *m, const struct order *o, struct memlane_mag **mag)
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

/* ------------------------------------------------------------- alloc ---- */

/*
 * The count is kept: it is not 0 while somebody whose handle has gone stale is
 * about to find that out, and takes his pin back.
 */
static void write_notes(struct memlane *m, uint32_t index, uint32_t notes)
{
	uint32_t w = __atomic_load_n(pin_at(m, index), __ATOMIC_RELAXED);

	while ((w & ~MEMLANE_PIN_COUNT_MASK) != notes &&
	       !__atomic_compare_exchange_n(pin_at(m, index), &w,
					    (w & MEMLANE_PIN_COUNT_MASK) | notes, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/*
 * Stock becomes an object. A plain store is enough where no move was planned
 * when the word was loaded: a plan made meanwhile waits for this section, and
 * then finds its mark gone. Return: the entry; 0: its place was taken back.
 */
static uint64_t publish(struct memlane *m, uint32_t index)
{
	uint64_t e = entry_load(m, index), good;

	for (;;) {
		if (unlikely(memlane_entry_state(e) == MEMLANE_ENTRY_EMPTY))
			return 0;
		good = memlane_entry_to(e, MEMLANE_ENTRY_USED, m->cookie);
		if (likely(!memlane_entry_is_marked(e))) {
			__atomic_store_n(entry_at(m, index), good, __ATOMIC_RELEASE);
			return good;
		}
		if (entry_swap(m, index, &e, good))
			return good;
	}
}

/* Blobs are nobody's: they have no magazine to go to. */
static uint64_t made_by(const struct thread *t, uint32_t cls, uint64_t side)
{
	return cls == MEMLANE_CLASS_BLOB ? side : side | t->made;
}

static memlane_handle begin(struct memlane *m, const struct order *o, uint32_t index)
{
	uint64_t e;

	__atomic_store_n(side_at(m, index), made_by(this_thread(), o->cls, o->side), __ATOMIC_RELAXED);
	write_notes(m, index, o->notes);
	e = publish(m, index);
	if (unlikely(!e))
		return 0;
	if (unlikely(o->flags & MEMLANE_ZERO) && o->cls != MEMLANE_CLASS_BLOB)
		memset(entry_data(m, index, e), 0, o->size);
	count(&this_thread()->slot->allocs, 1);
	count(&this_thread()->slot->alloc_bytes, o->size);
	return memlane_handle_make(m->cookie, memlane_entry_gen(e), index);
}

/* The last one of a magazine. Return: its handle; 0: its place was taken back. */
static memlane_handle begin_last(struct memlane *m, const struct order *o, struct memlane_mag *mag)
{
	memlane_handle h;

	memlane_enter(m);
	h = begin(m, o, mag->index[mag->nr - 1]);
	if (likely(h))
		mag_set_nr(mag, mag->nr - 1);
	memlane_exit(m);
	return h;
}

/*
 * What was taken back while this thread slept, or while others were about to be refused,
 * it buys anew. It would have to be as slow as they are many to do so in vain.
 */
static int alloc_block(struct memlane *m, const struct order *o, memlane_handle *out)
{
	struct memlane_mag *mag;
	int err, tries;

	for (tries = 0; tries < TAKEN_TRIES; tries++) {
		err = stock(m, o, &mag);
		if (unlikely(err))
			return err;
		*out = begin_last(m, o, mag);
		if (likely(*out))
			return 0;
		flush(m, mag_lane(mag), o->cls, 0);
	}
	return -ENOSPC;
}

/* Pages that become a blob are fresh from the system: zero already. */
static int alloc_blob(struct memlane *m, const struct order *o, memlane_handle *out)
{
	struct memlane_refill req;
	int err;

	refill_request(m, o, 1, &req);
	err = ask(m, &req);
	if (err)
		return err;
	memlane_enter(m);
	*out = begin(m, o, memlane_handle_index(req.out_handle));
	set_in_hand(this_thread(), 0);
	memlane_exit(m);
	return likely(*out) ? 0 : -ENOSPC; /* it is in no magazine: nobody took it back */
}

static int alloc(struct memlane *m, const struct order *o, memlane_handle *out)
{
	int err = 0;

	if (unlikely(__atomic_load_n(&memlane_self->arena, __ATOMIC_RELAXED) != m))
		err = memlane_thread_join(m);
	if (unlikely(err))
		return err;
	return o->cls == MEMLANE_CLASS_BLOB ? alloc_blob(m, o, out) : alloc_block(m, o, out);
}

/* The smallest class that holds @size and whose every place is aligned. */
static uint32_t class_for(const struct memlane *m, uint64_t size, uint32_t align)
{
	uint32_t cls;

	if (size > MEMLANE_BLOCK_MAX || align > ALIGN_BLOCK)
		return MEMLANE_CLASS_BLOB;
	cls = class_of(m->classes, size);
	while (cls < m->nr_classes && m->classes->size[cls] & (align - 1))
		cls++;
	return cls < m->nr_classes ? cls : MEMLANE_CLASS_BLOB;
}

static uint64_t side_word(uint64_t size, uint32_t cls, uint32_t group)
{
	return size | (uint64_t)cls << MEMLANE_SIDE_CLASS_SHIFT |
	       (uint64_t)group << MEMLANE_SIDE_GROUP_SHIFT;
}

/* Without wishes; the size is in range. */
static inline int alloc_plain(struct memlane *m, uint64_t size, memlane_handle *out)
{
	struct order o = { .size = size };

	o.lane = lane_for(m, size);
	o.cls = memlane_size_class(m, size);
	o.side = side_word(size, o.cls, 0);
	return alloc(m, &o, out);
}

static __attribute__((noinline, cold)) memlane_handle alloc_slowly(struct memlane *m, uint64_t size)
{
	memlane_handle h = 0;

	if (unlikely(size - 1 >= m->easy_size))
		watch_alloc(m, size, NULL, &h);
	else if (alloc_plain(m, size, &h))
		return 0;
	return h;
}

static __attribute__((noinline)) memlane_handle alloc_in_section(struct memlane *m, uint64_t size)
{
	memlane_handle h;

	return likely(take(m, this_thread(), size, true, &h)) ? h : alloc_slowly(m, size);
}

memlane_handle memlane_alloc(struct memlane *m, uint64_t size)
{
	struct thread *t = this_thread();
	memlane_handle h;

	if (unlikely(size - 1 >= m->quick_size || !is_part(t, m)))
		return alloc_slowly(m, size);
	if (unlikely(t->self.depth))
		return alloc_in_section(m, size);
	return likely(take(m, t, size, false, &h)) ? h : alloc_slowly(m, size);
}

static bool is_alloc_lane(enum memlane_alloc_lane lane)
{
	return lane == MEMLANE_BY_SIZE || lane == MEMLANE_IN_FAST || lane == MEMLANE_IN_SLOW;
}

static int check_opts(const struct memlane_alloc_opts *opts)
{
	if (opts->flags & ~(MEMLANE_ZERO | MEMLANE_NO_SPILL) || opts->hints & ~MEMLANE_HINT_MASK ||
	    opts->__reserved[0] || opts->__reserved[1])
		return -EOPNOTSUPP;
	if (opts->align & (opts->align - 1) || opts->align > ALIGN_MAX ||
	    !is_alloc_lane(opts->lane) || opts->priority > 3)
		return -EINVAL;
	return 0;
}

static void place_order(const struct memlane *m, uint64_t size, uint32_t pad,
			const struct memlane_alloc_opts *opts, struct order *o)
{
	o->size = size;
	o->pad = pad;
	o->align = opts->align > 16 ? opts->align : 16;
	o->flags = opts->flags;
	if (opts->lane == MEMLANE_BY_SIZE)
		o->lane = lane_for(m, size);
	else
		o->lane = opts->lane == MEMLANE_IN_FAST ? MEMLANE_FAST : MEMLANE_SLOW;
	o->cls = class_for(m, size + pad, o->align);
	o->side = side_word(size, o->cls, opts->group);
	o->notes = (uint32_t)opts->tag << MEMLANE_PIN_TAG_SHIFT |
		   opts->priority << MEMLANE_PIN_PRIORITY_SHIFT | opts->hints;
}

/* As memlane_alloc() does where nobody watches; the size is in range. */
static inline int alloc_watched(struct memlane *m, uint64_t size, memlane_handle *out)
{
	struct thread *t = this_thread();

	if (likely(size <= MEMLANE_BLOCK_MAX && is_part(t, m) && !m->is_small &&
		   take(m, t, size, t->self.depth != 0, out)))
		return 0;
	return alloc_plain(m, size, out);
}

/* With @pad bytes more at its place; the size is in range. */
int cache_alloc(struct memlane *m, uint64_t size, uint32_t pad,
		const struct memlane_alloc_opts *opts, memlane_handle *out)
{
	static const struct memlane_alloc_opts none;
	struct order o;
	int err;

	if (!opts && !pad)
		return alloc_watched(m, size, out);
	if (!opts)
		opts = &none;
	err = check_opts(opts);
	if (err)
		return err;
	place_order(m, size, pad, opts, &o);
	return alloc(m, &o, out);
}

/* As memlane_alloc_with(), with any tag. */
int object_new(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
	       memlane_handle *out)
{
	*out = 0;
	if (unlikely(size - 1 >= m->easy_size))
		return watch_alloc(m, size, opts, out);
	return cache_alloc(m, size, 0, opts, out);
}

int memlane_alloc_with(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		       memlane_handle *out)
{
	if (likely(!opts || opts->tag != MEMLANE_TAG_FRAME))
		return object_new(m, size, opts, out);
	*out = 0;
	return -EINVAL;
}

/* -------------------------------------------------------------- free ---- */

/* A pin came in between: undo the end of @was. entry_find() waits for that. */
static void revive(struct memlane *m, uint32_t index, uint64_t was)
{
	const uint64_t back = memlane_entry_to(was, memlane_entry_unmarked(memlane_entry_state(was)),
					       m->cookie);
	uint64_t e = entry_load(m, index);

	while (!entry_swap(m, index, &e, memlane_entry_at(back, index, memlane_entry_loc(e, index))))
		;
}

/* Where an index goes that has this entry; NULL: to the arena, by in_hand. */
static struct memlane_mag *mag_for(struct memlane *m, uint32_t index, uint64_t e, uint32_t cls)
{
	struct memlane_mag *mag;

	if (cls >= m->nr_classes || memlane_entry_gen(e) == MEMLANE_GEN_MAX ||
	    memlane_entry_state(e) == MEMLANE_ENTRY_PURGED)
		return NULL;
	mag = mag_of(m, this_thread(), entry_lane(m, index, e), cls);
	return mag->nr < m->info.out_mag_size ? mag : NULL;
}

/*
 * Inside a section. Ends the object by one compare-exchange; a planned move is
 * stopped by it. *mag is where the index is to go, or NULL; it is there already,
 * but not counted.
 */
static int kill_entry(struct memlane *m, memlane_handle h, uint32_t *cls, struct memlane_mag **mag)
{
	uint32_t index = memlane_handle_index(h);
	uint64_t e;
	int err;

	for (;;) {
		err = entry_find(m, h, &e);
		if (err && err != -ENODATA)
			return err;
		if (memlane_entry_is_busy(e)) {
			wait_copy(m, index);
			continue;
		}
		if (unlikely(maker_is_biased(m, index, m->is_small))) {
			revoke_maker(m, index);
			continue;
		}
		if (pins(m, index))
			return -EBUSY;
		/* Behind the entry, which a change of size comes before. */
		*cls = memlane_side_class(side_load(m, index));
		*mag = mag_for(m, index, e, *cls);
		if (*mag)
			mag_set_next(*mag, index);
		else
			set_in_hand(this_thread(), index);
		if (entry_swap(m, index, &e, memlane_entry_ended(e)))
			break;
	}
	if (likely(!pins(m, index)))
		return 0;
	revive(m, index, e);
	return -EBUSY;
}

static int free_entry(struct memlane *m, memlane_handle h, uint32_t *cls, struct memlane_mag **mag)
{
	struct memlane_slot *slot = this_thread()->slot;
	int err = kill_entry(m, h, cls, mag);

	if (err) {
		set_in_hand(this_thread(), 0);
		return err;
	}
	count(&slot->frees, 1);
	count(&slot->free_bytes, memlane_side_size(side_load(m, memlane_handle_index(h))));
	if (*mag)
		mag_set_nr(*mag, (*mag)->nr + 1);
	return 0;
}

/*
 * The same straight through, for a block that is clean and not pinned, and whose maker does not
 * free by plain stores, or is the caller; in a section. -EAGAIN: nothing has changed; also for
 * whatever an arena has that is small. -EBUSY: a pin came in between, and it was undone. That is
 * the answer: who looked meanwhile was told that the handle is stale, as by a free that is refused,
 * and no object may come back from a free that succeeds.
 */
static __always_inline int end_shared(struct memlane *m, struct thread *t, memlane_handle h)
{
	const uint32_t index = memlane_handle_index(h);
	uint64_t *entry = &m->hot.table[index];
	uint64_t e = __atomic_load_n(entry, __ATOMIC_SEQ_CST), side, ended;
	struct memlane_mag *mag;
	uint32_t cls, nr;

	if (unlikely((int64_t)(e ^ h) >= m->hot.limit))
		return -EAGAIN;
	/* Behind the entry, which a change of size comes before. */
	side = __atomic_load_n(&m->side[index], __ATOMIC_RELAXED);
	cls = memlane_side_class(side);
	if (unlikely(cls >= m->nr_classes || side_is_biased(m, side, false) || is_pinned(m, index)))
		return -EAGAIN;
	mag = mag_of(m, t, (e ^ h) >= m->quick_slow, cls);
	nr = mag->nr;
	ended = memlane_entry_ended(e);
	/* Its generations are used up, or others have to go first. */
	if (unlikely(nr + 1 >= t->full[cls] || ended < 1ULL << MEMLANE_GEN_SHIFT))
		return -EAGAIN;
	mag_set_next(mag, index);
	if (unlikely(!__atomic_compare_exchange_n(entry, &e, ended, false, __ATOMIC_SEQ_CST,
						  __ATOMIC_ACQUIRE)))
		return -EAGAIN;
	if (unlikely(is_pinned(m, index))) {
		revive(m, index, e);
		return -EBUSY;
	}
	mag_set_nr(mag, nr + 1);
	count(&t->slot->frees, 1);
	count(&t->slot->free_bytes, side & MEMLANE_SIDE_BLOCK_MASK);
	return 0;
}

/* What others have made, or have freed or pinned before, is freed like this; as end_shared(). */
static int free_shared(struct memlane *m, struct thread *t, memlane_handle h)
{
	const bool open = t->self.depth;
	int err;

	if (unlikely(h & MEMLANE_HANDLE_ZEROS))
		return -EAGAIN;
	take_begin(m, t->slot, open);
	err = end_shared(m, t, h);
	take_end(t->slot, open);
	return err;
}

static int end_object(struct memlane *m, memlane_handle h)
{
	struct memlane_mag *mag = NULL;
	uint32_t cls = MEMLANE_CLASS_BLOB;
	int err = -EAGAIN;

	if (likely(is_part(this_thread(), m)))
		err = free_shared(m, this_thread(), h);
	if (likely(err != -EAGAIN))
		return err;
	err = memlane_enter(m);
	if (unlikely(err))
		return err;
	err = handle_check(m, h);
	if (likely(!err))
		err = free_entry(m, h, &cls, &mag);
	memlane_exit(m);
	if (unlikely(err))
		return err;
	if (likely(mag))
		trim(m, mag_lane(mag), cls);
	else
		flush(m, 0, MEMLANE_CLASS_BLOB, 0);
	return 0;
}

int cache_free(struct memlane *m, memlane_handle h)
{
	struct thread *t = this_thread();

	if (likely(is_part(t, m) && free_quickly(m, t, h, m->hot.limit, t->self.depth != 0)))
		return 0;
	return end_object(m, h);
}

/* As memlane_free(), where it did not go straight through. */
__attribute__((noinline, cold)) int object_end(struct memlane *m, memlane_handle h)
{
	return unlikely(h <= m->hard_free) ? watch_free(m, h) : end_object(m, h);
}

static __attribute__((noinline)) int free_in_section(struct memlane *m, memlane_handle h)
{
	return free_quickly(m, this_thread(), h, m->quick_limit, true) ? 0 : object_end(m, h);
}

int memlane_free(struct memlane *m, memlane_handle h)
{
	struct thread *t = this_thread();

	if (unlikely(!is_part(t, m)))
		return object_end(m, h);
	if (unlikely(t->self.depth))
		return free_in_section(m, h);
	return likely(free_quickly(m, t, h, m->quick_limit, false)) ? 0 : object_end(m, h);
}
