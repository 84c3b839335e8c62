// SPDX-License-Identifier: MIT
/* world.c - where the engine runs in these tests */
#include <linux/atomic.h>
#include <linux/membarrier.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/racing.h"
#include "ktap.h"
#include "lane.h"
#include "place.h"
#include "tally.h"
#include "decay.h"
#include "world.h"

struct share {
	struct share *next;
	void *p;
	unsigned int region;
	u64 page;
};

static struct world *world_of(struct ml_arena *a)
{
	return container_of(a, struct world, arena);
}

static bool fails(struct world *w, enum door door)
{
	struct failure *f = &w->fail;
	bool now;

	if (!(f->doors & door))
		return false;
	f->calls++;
	now = f->forever ? f->calls >= f->nth : f->calls == f->nth;
	f->hits += now;
	w->was_short |= now;
	return now;
}

/* ----------------------------------------------------------- descriptors */

struct header {
	size_t size;
	u64 magic;
};

#define MAGIC 0x6d656d6c616e6521ULL

static void *op_zalloc(struct ml_arena *a, size_t size)
{
	struct world *w = world_of(a);
	struct header *h;

	expect(size);
	if (fails(w, DOOR_ZALLOC))
		return NULL;
	h = calloc(1, sizeof(*h) + size);
	h->size = size;
	h->magic = MAGIC;
	__atomic_add_fetch(&w->allocs, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&w->bytes, size, __ATOMIC_RELAXED);
	return h + 1;
}

static void op_zfree(struct ml_arena *a, void *p, size_t size)
{
	struct world *w = world_of(a);
	struct header *h = (struct header *)p - 1;

	expect(h->magic == MAGIC);
	expect_eq(h->size, size);
	h->magic = 0;
	__atomic_sub_fetch(&w->allocs, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&w->bytes, size, __ATOMIC_RELAXED);
	free(h);
}

static void *op_share(struct ml_arena *a, unsigned int region, u64 page)
{
	struct world *w = world_of(a);
	struct share *s;

	if (fails(w, DOOR_SHARE))
		return NULL;
	for (s = w->shares; s; s = s->next)
		expect(s->region != region || s->page != page);
	s = calloc(1, sizeof(*s));
	s->p = aligned_alloc(ML_PAGE_SIZE, ML_PAGE_SIZE);
	memset(s->p, 0, ML_PAGE_SIZE);
	s->region = region;
	s->page = page;
	s->next = w->shares;
	w->shares = s;
	return s->p;
}

/* What is read there later is a fault of the engine's, which ASan tells. */
static void op_unshare(struct ml_arena *a, unsigned int region, u64 page, void *p)
{
	struct share **at = &world_of(a)->shares, *s;

	while (*at && (*at)->p != p)
		at = &(*at)->next;
	s = *at;
	expect(s && s->region == region && s->page == page);
	*at = s->next;
	free(s->p);
	free(s);
	world_of(a)->unshared++;
}

static void shares_end(struct world *w)
{
	struct share *s, *next;

	for (s = w->shares; s; s = next) {
		next = s->next;
		free(s->p);
		free(s);
	}
	w->shares = NULL;
}

/* ----------------------------------------------------------------- pages */

static void *page_at(struct world *w, u64 page)
{
	return w->data + (page << ML_PAGE_SHIFT);
}

static void in_range(struct world *w, u64 page, u64 nr)
{
	lockdep_assert_held(&w->arena.lock);
	expect(nr && page >= w->arena.lane[0].first && page + nr <= w->arena.lane[1].end);
}

static void set_exists(struct world *w, u64 page, bool exists)
{
	unsigned int lane = page >= w->arena.lane[MEMLANE_SLOW].first;

	if (exists == !!(w->page[page] & PAGE_EXISTS))
		return;
	w->page[page] ^= PAGE_EXISTS;
	w->existing[lane] += exists ? 1 : -1;
}

/* Pages may be touched from now on. */
static void open_pages(struct world *w, u64 page, u64 nr)
{
	bool opened = w->soft;
	u64 i;

	for (i = page; i < page + nr && opened; i++)
		opened = w->page[i] & PAGE_OPENED;
	if (!opened)
		expect(!mprotect(page_at(w, page), nr << ML_PAGE_SHIFT, PROT_READ | PROT_WRITE));
	if (!w->soft)
		return;
	for (i = page; i < page + nr; i++)
		w->page[i] |= PAGE_OPENED;
	ASAN_UNPOISON_MEMORY_REGION(page_at(w, page), nr << ML_PAGE_SHIFT);
}

/* Nobody may touch them any more. */
static void close_pages(struct world *w, u64 page, u64 nr)
{
	if (w->soft) {
		ASAN_POISON_MEMORY_REGION(page_at(w, page), nr << ML_PAGE_SHIFT);
		return;
	}
	expect(!madvise(page_at(w, page), nr << ML_PAGE_SHIFT, MADV_DONTNEED));
	expect(!mprotect(page_at(w, page), nr << ML_PAGE_SHIFT, PROT_NONE));
}

static int op_commit(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i;

	in_range(w, page, nr);
	if (fails(w, DOOR_COMMIT))
		return -ENOMEM;
	w->commits++;
	for (i = page; i < page + nr; i++) {
		expect(!(w->page[i] & PAGE_COMMITTED));
		w->page[i] |= PAGE_COMMITTED;
	}
	w->committed += nr;
	open_pages(w, page, nr);
	return 0;
}

static int op_populate(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i;

	in_range(w, page, nr);
	if (fails(w, DOOR_POPULATE))
		return -ENOMEM;
	for (i = page; i < page + nr; i++) {
		expect(w->page[i] & PAGE_COMMITTED);
		if (w->page[i] & PAGE_BROKEN)
			return -EBUSY;
		set_exists(w, i, true);
	}
	return 0;
}

static bool op_keep(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	bool whole = true;
	u64 i;

	in_range(w, page, nr);
	for (i = page; i < page + nr; i++) {
		expect((w->page[i] & (PAGE_COMMITTED | PAGE_KEPT)) == PAGE_COMMITTED);
		w->page[i] |= PAGE_KEPT;
		whole &= !(w->page[i] & PAGE_BROKEN);
	}
	return whole;
}

static void op_reuse(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i;

	in_range(w, page, nr);
	for (i = page; i < page + nr; i++) {
		expect((w->page[i] & (PAGE_COMMITTED | PAGE_KEPT)) == (PAGE_COMMITTED | PAGE_KEPT));
		w->page[i] &= ~PAGE_KEPT;
	}
}

static void op_later(struct ml_arena *a, u64 ns)
{
	lockdep_assert_held(&a->lock);
	expect(ns);
	world_of(a)->later = ns;
}

static void set_away(struct world *w, u64 page, bool away)
{
	w->away += away - !!(w->page[page] & PAGE_AWAY);
	w->page[page] = (w->page[page] & ~PAGE_AWAY) | (away ? PAGE_AWAY : 0);
}

static u64 op_decommit(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i, had = 0;

	in_range(w, page, nr);
	for (i = page; i < page + nr; i++) {
		expect(w->page[i] & PAGE_COMMITTED);
		had += !!(w->page[i] & PAGE_EXISTS);
		if (w->soft && w->page[i] & PAGE_EXISTS)
			memset(page_at(w, i), 0xe1, ML_PAGE_SIZE);
		set_exists(w, i, false);
		set_away(w, i, false);
		w->page[i] &= PAGE_OPENED;
	}
	w->committed -= nr;
	w->decommits++;
	close_pages(w, page, nr);
	return had;
}

static void op_copy(struct ml_arena *a, u64 to, u64 from, size_t len)
{
	struct world *w = world_of(a);
	u64 page;

	lockdep_assert_held(&a->lock);
	for (page = to >> ML_PAGE_SHIFT; page <= (to + len - 1) >> ML_PAGE_SHIFT; page++)
		expect(w->page[page] & PAGE_EXISTS);
	expect(to + len <= from || from + len <= to);
	copy_racing(w->data + to, w->data + from, len);
	if (w->in_copy)
		w->in_copy(w);
}

static void op_remap(struct ml_arena *a, u64 to, u64 from, u64 nr)
{
	struct world *w = world_of(a);
	u64 i;

	in_range(w, to, nr);
	in_range(w, from, nr);
	for (i = 0; i < nr; i++) {
		expect(w->page[to + i] & w->page[from + i] & PAGE_COMMITTED);
		expect(!(w->page[to + i] & PAGE_EXISTS));
		if (!w->threaded && !(w->page[from + i] & PAGE_EXISTS))
			continue;
		memcpy(page_at(w, to + i), page_at(w, from + i), ML_PAGE_SIZE);
		memset(page_at(w, from + i), 0xe1, ML_PAGE_SIZE);
		set_exists(w, to + i, true);
		set_exists(w, from + i, false);
		set_away(w, to + i, w->page[from + i] & PAGE_AWAY);
		set_away(w, from + i, false);
	}
}

/*
 * Nobody is waited for: what others hold stays. Here, and when it comes back, arena.lock protects
 * what is known of pages; the module has locks of its own.
 */
static s64 op_cool(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i, gone = 0;

	lockdep_assert_held(&a->mover);
	lockdep_assert_not_held(&a->lock);
	expect(nr && page >= a->lane[MEMLANE_SLOW].first && page + nr <= a->lane[MEMLANE_SLOW].end);
	mutex_lock(&a->lock);
	for (i = page; i < page + nr; i++) {
		if (w->page[i] & (PAGE_HELD | PAGE_BROKEN | PAGE_AWAY) || !(w->page[i] & PAGE_EXISTS))
			continue;
		set_away(w, i, true);
		if (!w->threaded)
			w->clock += 1000;
		gone++;
	}
	mutex_unlock(&a->lock);
	return gone;
}

static s64 op_store(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);

	if (!w->to_file)
		return -ENXIO;
	op_cool(a, page, nr);
	return w->to_file(w, page, nr);
}

static s64 op_warm(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i, came;

	lockdep_assert_not_held(&a->lock);
	mutex_lock(&a->lock);
	came = w->away;
	for (i = page; i < page + nr; i++)
		if (w->page[i] & PAGE_AWAY)
			set_away(w, i, false);
	came -= w->away;
	mutex_unlock(&a->lock);
	return came;
}

static bool op_at_hand(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i;

	for (i = page; i < page + nr; i++)
		if (w->page[i] & PAGE_AWAY)
			return false;
	return true;
}

static void op_residence(struct ml_arena *a, u64 page, u64 nr, struct memlane_query *to)
{
	struct world *w = world_of(a);
	u64 i;

	for (i = page; i < page + nr; i++) {
		to->out_compressed += !!(w->page[i] & PAGE_AWAY);
		to->out_resident += (w->page[i] & (PAGE_EXISTS | PAGE_AWAY)) == PAGE_EXISTS;
	}
}

static bool op_held(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	u64 i;

	in_range(w, page, nr);
	for (i = page; i < page + nr; i++)
		if (w->page[i] & PAGE_HELD)
			return true;
	return false;
}

static bool op_lost(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	bool lost = false;
	u64 i;

	in_range(w, page, nr);
	for (i = page; i < page + nr; i++) {
		if (!(w->page[i] & PAGE_BROKEN))
			continue;
		lost |= !(w->page[i] & PAGE_TOLD);
		w->page[i] |= PAGE_TOLD;
	}
	return lost;
}

static u64 op_resident(struct ml_arena *a, u64 page, u64 nr)
{
	struct world *w = world_of(a);
	const struct ml_lane *fast = &a->lane[MEMLANE_FAST], *slow = &a->lane[MEMLANE_SLOW];
	u64 i, n = 0;

	in_range(w, page, nr);
	if (page == fast->first && page + nr == fast->end)
		return w->existing[MEMLANE_FAST];
	if (page == slow->first && page + nr == slow->end)
		return w->existing[MEMLANE_SLOW];
	for (i = page; i < page + nr; i++)
		n += !!(w->page[i] & PAGE_EXISTS);
	return n;
}

/* --------------------------------------------------------------- waiting */

static u64 real_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static struct world *current_world;

static void op_moved(struct ml_arena *a, const struct ml_move *mv)
{
	world_of(a)->told[mv->cause] += !mv->result;
}

static void op_decided(struct ml_arena *a, unsigned int cause, unsigned int lane, u32 index)
{
	expect(lane < MEMLANE_LANES);
	expect_eq(!index, cause == MEMLANE_CAUSE_COMPACT);
	world_of(a)->decided[cause]++;
}

static void op_event(struct ml_arena *a, unsigned int type, unsigned int lane, u64 value)
{
	struct world *w = world_of(a);

	lockdep_assert_held(&a->lock);
	expect(type >= MEMLANE_EVENT_GROWTH && type <= MEMLANE_EVENT_BACKING);
	expect(lane < MEMLANE_LANES || (lane == MEMLANE_LANES && type == MEMLANE_EVENT_PRESSURE));
	w->events[type]++;
	w->event_lane = lane;
	w->event_value = value;
}

static bool op_hurry(struct ml_arena *a)
{
	return READ_ONCE(world_of(a)->hurry);
}

/* Without threads time passes in pauses only, and 10 ns at a look. */
static u64 op_now(void)
{
	struct world *w = current_world;

	return w && !w->threaded ? (w->clock += 10) : real_clock();
}

static int op_sync_cores(struct ml_arena *a)
{
	struct world *w = world_of(a);

	/* Under arena.mover by the mover, without by those who revoke a maker. */
	if (!a->reclaiming)
		lockdep_assert_not_held(&a->lock);
	__atomic_add_fetch(&w->syncs, 1, __ATOMIC_RELAXED);
	if (w->threaded)
		expect(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	if (w->in_grace)
		w->in_grace(w, w->grace_arg);
	return w->sync_result;
}

static int op_pause(struct ml_arena *a, u64 ns)
{
	struct world *w = world_of(a);
	struct timespec t = { .tv_nsec = ns };

	lockdep_assert_not_held(&a->lock);
	/* A user who waits for a copy pauses too, beside the mover. */
	__atomic_add_fetch(&w->pauses, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&w->clock, ns, __ATOMIC_RELAXED);
	if (w->threaded)
		nanosleep(&t, NULL);
	if (w->in_pause)
		w->in_pause(w, w->grace_arg);
	return w->pause_result;
}

static bool op_slot_gone(struct ml_arena *a, unsigned int slot)
{
	return READ_ONCE(world_of(a)->gone[slot]);
}

static void op_slot_done(struct ml_arena *a, unsigned int slot)
{
	lockdep_assert_held(&a->lock);
	WRITE_ONCE(world_of(a)->gone[slot], false);
	world_of(a)->done++;
}

static u64 op_metadata(struct ml_arena *a)
{
	a->count.away = world_of(a)->away;
	return READ_ONCE(world_of(a)->bytes);
}

#define COMMON_OPS							\
	.zalloc = op_zalloc, .zfree = op_zfree, .share = op_share,	\
	.unshare = op_unshare,						\
	.commit = op_commit, .populate = op_populate,			\
	.keep = op_keep, .reuse = op_reuse, .later = op_later,		\
	.decommit = op_decommit, .copy = op_copy, .held = op_held,	\
	.lost = op_lost, .resident = op_resident, .sync_cores = op_sync_cores,		\
	.pause = op_pause, .slot_gone = op_slot_gone,			\
	.slot_done = op_slot_done, .metadata = op_metadata, .now = op_now,	\
	.moved = op_moved, .decided = op_decided, .event = op_event,	\
	.remap = op_remap, .hurry = op_hurry,				\
	.cool = op_cool, .store = op_store, .warm = op_warm, .at_hand = op_at_hand, .residence = op_residence

static const struct ml_ops ops_copy = { COMMON_OPS, .remap_copies = true };
static const struct ml_ops ops_remap = { COMMON_OPS };

/* ---------------------------------------------------------- begin, end */

struct memlane_create world_request(u64 fast, u64 slow)
{
	return (struct memlane_create){
		.size = sizeof(struct memlane_create),
		.fast_size = fast, .slow_size = slow, .handles = 65536, .threads = 8,
	};
}

/* Make an arena in zeroed @w; on failure everything has come back. */
int world_try(struct world *w, const struct memlane_create *req, bool remap)
{
	int err;

	w->clock = 1000;
	current_world = w;
	err = ml_arena_init(&w->arena, remap ? &ops_remap : &ops_copy, WORLD_COOKIE,
			    w->first, MEMLANE_CAP_REMAP, req);
	if (err) {
		shares_end(w);
		expect_eq(w->allocs, 0);
		return err;
	}
	w->pages = w->arena.lane[MEMLANE_SLOW].end;
	w->page = mmap(NULL, w->pages, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	w->data = mmap(NULL, w->pages << ML_PAGE_SHIFT, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	expect(w->page != MAP_FAILED && w->data != MAP_FAILED);
	return 0;
}

int world_create(const struct memlane_create *req)
{
	struct world *w = calloc(1, sizeof(*w)), *outer = current_world;
	int err;

	current_world = w;
	err = ml_arena_init(&w->arena, &ops_remap, 1, 0, 0, req);
	if (!err)
		ml_arena_exit(&w->arena);
	shares_end(w);
	expect_eq(w->allocs, 0);
	current_world = outer;
	free(w);
	return err;
}

struct world *world_new(u64 fast, u64 slow)
{
	struct memlane_create req = world_request(fast, slow);
	struct world *w = calloc(1, sizeof(*w));

	expect_eq(world_try(w, &req, true), 0);
	return w;
}

/* What is unmapped may be anybody's next. */
static void unpoison(struct world *w)
{
	u64 i;

	for (i = 0; w->soft && i < w->pages; i++)
		if (w->page[i] & PAGE_OPENED)
			ASAN_UNPOISON_MEMORY_REGION(page_at(w, i), ML_PAGE_SIZE);
}

/* Moves of these tallies, and what kept objects from moving. */
static void add_tallies(struct world *w, u64 first, u64 end, struct memlane_tally *sum)
{
	const struct memlane_tally *t;
	unsigned int cause;
	u64 nr;

	for (nr = first; (t = ml_tally_from(&w->arena, &nr)) && nr < end; nr++) {
		for (cause = 0; cause < MEMLANE_CAUSES; cause++)
			sum->by_cause[cause] += t->by_cause[cause];
		sum->vetoed += t->vetoed;
		sum->pinned += t->pinned;
		sum->held += t->held;
		sum->given_up += t->given_up;
		sum->pages += t->pages;
	}
}

u64 world_kept(const struct world *w)
{
	return ml_lane_kept(&w->arena.lane[MEMLANE_FAST]) + ml_lane_kept(&w->arena.lane[MEMLANE_SLOW]);
}

/* Whatever happened is in one tally by class, in one by tag and in one by group. */
static void check_tallies(struct world *w)
{
	static const u32 bound[] = { 0, MEMLANE_TALLY_TAG, MEMLANE_TALLY_GROUP, MEMLANE_TALLIES };
	const struct memlane_counts *c = &w->arena.count;
	unsigned int kind, cause;

	for (kind = 0; kind < 3; kind++) {
		struct memlane_tally sum = { };

		add_tallies(w, bound[kind], bound[kind + 1], &sum);
		for (cause = 0; cause < MEMLANE_CAUSES; cause++)
			expect_eq(sum.by_cause[cause], c->by_cause[cause]);
		expect_eq(sum.vetoed, c->vetoed);
		expect_eq(sum.pinned, c->pinned);
		expect_eq(sum.held, c->held);
		expect_eq(sum.given_up, c->given_up);
		expect_eq(sum.pages, kind ? 0 : w->committed - world_kept(w));
	}
}

/* Every descriptor must have come back; pages are the owner's to end. */
void world_end(struct world *w)
{
	if (!w->was_short)
		check_tallies(w);
	w->fail.doors = 0;
	ml_arena_exit(&w->arena);
	shares_end(w);
	unpoison(w);
	munmap(w->data, w->pages << ML_PAGE_SHIFT);
	munmap(w->page, w->pages);
	expect_eq(w->allocs, 0);
	expect_eq(w->bytes, 0);
	current_world = NULL;
	free(w);
}

/* The engine's invariants, and that it accounts for every page it committed. */
/* Each move was told of, and what the policy moved it had decided. */
static void check_told(const struct world *w)
{
	const u64 *by_cause = w->arena.count.by_cause;
	unsigned int cause;

	for (cause = 0; cause < MEMLANE_CAUSES; cause++) {
		expect_eq(w->told[cause], by_cause[cause]);
		if (cause != MEMLANE_CAUSE_COMPACT && cause != MEMLANE_CAUSE_HAND)
			expect(w->decided[cause] >= by_cause[cause]);
	}
}

void world_check(struct world *w)
{
	char why[200];

	if (ml_check(&w->arena, why, sizeof(why)))
		ktap_fail(__FILE__, __LINE__, "invariant %s", why);
	expect_eq(ml_lane_used(&w->arena.lane[0]) + ml_lane_used(&w->arena.lane[1]) +
		  world_kept(w), w->committed);
	check_told(w);
}

/* The bytes at a place, touched by the program. */
void *world_at(struct world *w, u64 loc, u64 len)
{
	u64 byte = loc << MEMLANE_GRANULE_SHIFT, page;

	for (page = byte >> ML_PAGE_SHIFT; page <= (byte + len - 1) >> ML_PAGE_SHIFT; page++)
		if (!w->threaded) {
			expect(w->page[page] & PAGE_COMMITTED);
			set_exists(w, page, true);
		}
	return w->data + byte;
}

void world_hold(struct world *w, u64 loc, bool held)
{
	u8 *page = &w->page[ml_loc_page(loc)];

	*page = held ? *page | PAGE_HELD : *page & ~PAGE_HELD;
}

/* The page at a place is broken from now on, and whatever page comes there, too. */
void world_break(struct world *w, u64 loc)
{
	w->page[ml_loc_page(loc)] |= PAGE_HELD | PAGE_BROKEN;
}

/* ------------------------------------------------------- the program's side */

/* The program's own touch of a shared page is none of the engine's failures. */
static void *shared(struct world *w, unsigned int region, u64 byte)
{
	unsigned int doors = w->fail.doors;
	u8 *p;

	if (doors)
		w->fail.doors = 0;
	p = ml_shared_page(&w->arena, region, byte >> ML_PAGE_SHIFT);
	if (doors)
		w->fail.doors = doors;
	expect(p);
	return p + (byte & (ML_PAGE_SIZE - 1));
}

u64 *world_entry(struct world *w, u64 handle)
{
	return shared(w, MEMLANE_REGION_TABLE, (u64)((u32)handle - w->first) * sizeof(u64));
}

/* Where the entry says that the object is. */
u64 world_loc(struct world *w, u64 handle)
{
	/* Pairs with the mover's release: the bytes are at the new place. */
	return memlane_entry_loc(smp_load_acquire(world_entry(w, handle)), (u32)handle);
}

/* Where the engine finds it; 0: nowhere. No lock is held. */
u64 world_place(struct world *w, u32 index)
{
	u64 loc;

	return world_locked(&w->arena, ml_place_of(&w->arena, index, &loc)) ? loc : 0;
}

/* Is a move of it planned, or under way? */
bool world_moving(struct world *w, u64 handle)
{
	u64 word = *world_entry(w, handle);

	return memlane_entry_is_marked(word) || memlane_entry_is_busy(word);
}

/* The same word in another state. */
u64 world_in_state(u64 word, unsigned int state)
{
	return memlane_entry_to(word, state, WORLD_COOKIE);
}

u64 world_unmarked(u64 word)
{
	return world_in_state(word, memlane_entry_unmarked(memlane_entry_state(word)));
}

/* As memlane_get() does. */
void world_use(struct world *w, u64 handle)
{
	u64 *e = world_entry(w, handle);

	if (memlane_entry_is_live(*e))
		*e = world_in_state(*e, MEMLANE_ENTRY_USED);
}

u8 *world_class(struct world *w, u64 handle)
{
	return shared(w, MEMLANE_REGION_CLASS, (u32)handle - w->first);
}

u16 *world_note(struct world *w, u64 handle)
{
	return shared(w, MEMLANE_REGION_NOTE, (u64)((u32)handle - w->first) * sizeof(u16));
}

u64 *world_size(struct world *w, u64 handle)
{
	return shared(w, MEMLANE_REGION_SIZE, (u64)((u32)handle - w->first) * sizeof(u64));
}

/* As memlane_alloc() does, for an object that nobody has made. */
void world_describe(struct world *w, u64 handle, u64 bytes)
{
	bool is_block = bytes <= MEMLANE_BLOCK_MAX;
	unsigned int cls = is_block ? ml_class_of(bytes) : MEMLANE_CLASS_BLOB;
	u16 note = memlane_note_with(0, is_block ? ml_class_size(cls) - bytes : MEMLANE_SLACK_FAR);

	if (memlane_note_is_far(note))
		WRITE_ONCE(*world_size(w, handle), memlane_size_word(cls, bytes));
	WRITE_ONCE(*world_note(w, handle), note);
	WRITE_ONCE(*world_class(w, handle), cls);
}

u64 *world_pin(struct world *w, u64 handle)
{
	return shared(w, MEMLANE_REGION_PIN, (u64)((u32)handle - w->first) * sizeof(u64));
}

/* The object is in @group. */
void world_join(struct world *w, u64 handle, u32 group)
{
	u64 *pin = world_pin(w, handle);

	*pin = (u32)*pin | (u64)group << MEMLANE_PIN_GROUP_SHIFT;
}

struct memlane_slot *world_slot(struct world *w, u32 slot)
{
	return shared(w, MEMLANE_REGION_SLOTS, (u64)slot * ML_SLOT_SIZE);
}

struct memlane_mag *world_mag(struct world *w, u32 slot, unsigned int lane, unsigned int cls)
{
	return shared(w, MEMLANE_REGION_SLOTS, (u64)slot * ML_SLOT_SIZE + ML_PAGE_SIZE +
		      (lane * ML_CLASSES + cls) * ML_MAG_STRIDE);
}

static u64 alloc_one(struct world *w, unsigned int lane, u64 length, u32 flags)
{
	struct memlane_alloc req = {
		.size = sizeof(req), .flags = flags, .length = length, .lane = lane, .count = 1,
	};
	u64 handle;

	expect_eq(ml_alloc(&w->arena, &req, &handle), 0);
	expect_eq(req.out_count, 1);
	return handle;
}

u64 world_alloc(struct world *w, unsigned int lane, u64 length)
{
	return alloc_one(w, lane, length, MEMLANE_ALLOC_LIVE);
}

u64 world_stock(struct world *w, unsigned int lane, u64 length)
{
	return alloc_one(w, lane, length, 0);
}

void world_free(struct world *w, u64 handle)
{
	struct memlane_free req = { .size = sizeof(req), .flags = MEMLANE_FREE_LIVE, .count = 1 };

	expect_eq(ml_free(&w->arena, &req, &handle), 0);
}

struct memlane_query world_query(struct world *w, u64 handle)
{
	struct memlane_query q = { .size = sizeof(q), .handle = handle };

	expect_eq(ml_query(&w->arena, &q), 0);
	return q;
}

struct memlane_step world_compact(struct world *w)
{
	struct memlane_compact req = { .size = sizeof(req) };

	expect_eq(ml_compact(&w->arena, &req), 0);
	return req.step;
}

/* The result for one handle. */
int world_migrate(struct world *w, u64 handle, unsigned int lane)
{
	struct memlane_migrate req = { .size = sizeof(req), .lane = lane, .count = 1 };
	s32 result = 1;

	expect_eq(ml_migrate(&w->arena, &req, &handle, &result), 0);
	expect_eq(req.out_count, 1);
	expect_eq(req.out_failed, result != 0);
	return result;
}
