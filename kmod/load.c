// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - pages that are being read from a backing file
 *
 * Who needs a page that is STORED makes its word LOADING, and a worker reads: a fault may
 * come under any lock that lets user memory be touched, so it reads nothing itself, and
 * waits without a lock of memlane's, until it is killed. Others who need the page wait for
 * the same load.
 *
 *	STORED -> LOADING -> PAGE	read, and what was written there
 *	                  -> LOST	read, and something else; or it cannot be read
 *	                  -> STORED	there was no memory: another try is made
 *
 * Pages that are wanted soon come by the same read: the neighbours of one that was touched,
 * where touches come in order, and all that a call brings back. The read takes a stretch of
 * the file, and each of its pages is a load of its own. One that nobody waits for is never
 * LOST: an error leaves it STORED, until somebody does.
 *
 * A load outlives its word: who frees or moves the page makes the word STORED before, and
 * what is read then is nobody's. So nobody waits for I/O who holds a lock, nor does the
 * end of an arena. A load has references of its own to the file and to nothing else.
 */
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "ahead.h"
#include "backing.h"
#include "cold.h"
#include "device.h"
#include "leaf.h"
#include "load.h"
#include "pack.h"
#include "pages.h"
#include "trace.h"
#include "word.h"

/* Reads of a file at a time; others wait for their turn. */
#define MOST_LOADS	8U

/* A kernel thread cannot be killed. */
#define LOAD_PATIENCE	HZ

/* Pages of one read, and blocks that they can lie in. */
#define FETCH_PAGES	32U
#define FETCH_BLOCKS	(FETCH_PAGES + 2)

/* Blocks that a record can lie in. */
#define RECORD_BLOCKS	2U

/* Blocks that a read may have between records, and at its ends. */
#define SLACK_BLOCKS	3U

static_assert(MEMLANE_RECORD_MOST + MEMLANE_RECORD_GRAIN <= MEMLANE_BLOCK * RECORD_BLOCKS);
static_assert(FETCH_PAGES * (MEMLANE_RECORD_MOST + MEMLANE_RECORD_GRAIN) <=
	      MEMLANE_BLOCK * FETCH_BLOCKS - MEMLANE_BLOCK);

/**
 * struct memlane_load - a page that is being read
 * @fetch: the read; immutable
 * @at: the word that is LOADING; NULL: none is any more; backing.loading, as are the next
 *	eight
 * @p: pages that the word is of, as long as there is one
 * @leaf: likewise
 * @nr: number of the page in the data area
 * @stored: what the word was
 * @since: when the first of @faults began; ns
 * @faults: that wait for it
 * @ahead: nobody asked for it when the read began
 * @wanted: somebody has waited for it
 * @done: the word is not LOADING any more
 * @ticket: by which the record is asked for
 * @page: where the bytes go; NULL once a word has it
 */
struct memlane_load {
	struct memlane_fetch *fetch;
	unsigned long *at;
	struct memlane_pages *p;
	struct memlane_leaf *leaf;
	u64 nr;
	unsigned long stored;
	u64 since;
	unsigned int faults;
	bool ahead;
	bool wanted;
	struct completion done;
	struct memlane_ticket ticket;
	struct page *page;
};

static_assert(_Alignof(struct memlane_load) > WORD_TAGS);

/**
 * struct memlane_fetch - one read
 * @work: does it
 * @list: in backing.waiting, or nowhere; backing.loading
 * @refs: the worker's, and of each who waits for a page
 * @blocks: that @buffer has room for
 * @room: how many loads there may be
 * @nr: how many there are; the first is of the page that was asked for
 * @b: reads from here; a reference
 * @from: byte in the file
 * @end: behind the last byte
 * @buffer: for the bytes of the file; in pages of fetch_bv()
 * @load: by number of the page; then comes what fetch_bv() gives
 */
struct memlane_fetch {
	struct work_struct work;
	struct list_head list;
	refcount_t refs;
	unsigned int blocks;
	unsigned int room;
	unsigned int nr;
	struct memlane_backing *b;
	u64 from;
	u64 end;
	void *buffer;
	struct memlane_load load[];
};

static_assert(_Alignof(struct memlane_load) >= _Alignof(struct bio_vec));

/* One of each block. Their number is known when the fetch is made, and so is that of loads. */
static struct bio_vec *fetch_bv(struct memlane_fetch *fetch)
{
	return (struct bio_vec *)(fetch->load + fetch->room);
}

static struct memlane_load *load_of(unsigned long word)
{
	return (struct memlane_load *)(word & ~WORD_TAGS);
}

/* ------------------------------------------------------------- a buffer */

/*
 * Two pages are cheap in a row; more need not be. Two are one compound page: a file system may
 * hold each page by a reference of its own, and give that back.
 */
static void *buffer_new(unsigned int blocks, gfp_t gfp)
{
	struct page *pages;

	if (blocks > RECORD_BLOCKS)
		return __vmalloc(blocks * MEMLANE_BLOCK, gfp);
	pages = alloc_pages(gfp | __GFP_COMP,
			    get_order(RECORD_BLOCKS * MEMLANE_BLOCK));
	return pages ? page_address(pages) : NULL;
}

static void buffer_free(void *buffer)
{
	if (is_vmalloc_addr(buffer))
		vfree(buffer);
	else
		free_pages((unsigned long)buffer, get_order(RECORD_BLOCKS * MEMLANE_BLOCK));
}

static struct page *buffer_page(void *at)
{
	return is_vmalloc_addr(at) ? vmalloc_to_page(at) : virt_to_page(at);
}

/* ------------------------------------------------------------- the worker */

static u64 ticket_from(const struct memlane_ticket *ticket)
{
	return round_down(ticket->place * MEMLANE_RECORD_GRAIN, MEMLANE_BLOCK);
}

static u64 ticket_end(const struct memlane_ticket *ticket)
{
	u64 end = ticket->place * MEMLANE_RECORD_GRAIN + memlane_record_bytes(ticket->length);

	return round_up(end, MEMLANE_BLOCK);
}

static int load_unpack(struct memlane_load *load, u64 from)
{
	struct memlane_fetch *fetch = load->fetch;
	const struct memlane_record *r = fetch->buffer + load->ticket.place * MEMLANE_RECORD_GRAIN - from;
	int codec = memlane_record_check(r, &fetch->b->key, &load->ticket);
	void *to = page_address(load->page);

	if (codec < 0)
		return codec;
	return memlane_unpack(fetch->b->unpacker, codec, r->packed, load->ticket.length, to);
}

/* The record is nobody's any more. Before the word says so: who sees that may look here. */
static void load_count(struct memlane_load *load, int err)
{
	struct memlane_arena *arena = container_of(load->p, struct memlane_arena, pages);
	struct memlane_cold *c = &load->p->cold;

	memlane_backing_drop(load->fetch->b, load->ticket.place, load->ticket.length);
	atomic64_dec(&c->stored);
	atomic64_inc(err ? &c->lost : &c->loaded);
	if (!err && load->faults)
		ml_fault_add(&arena->core, MEMLANE_FAULT_STORED, ktime_get_ns() - load->since,
			     load->faults);
	if (!err && load->ahead)
		atomic64_inc(&c->ahead);
	if (!err && load->ahead && load->wanted)
		atomic64_inc(&c->ahead_hits);
}

/* After the word has changed: see memlane_pages_untold(). */
static void load_tell(struct memlane_load *load, int err)
{
	struct memlane_arena *arena = container_of(load->p, struct memlane_arena, pages);

	if (!err) {
		trace_memlane_load(arena->id, load->nr, 1, 1);
		return;
	}
	trace_memlane_lost(arena->id, load->nr, 1, err);
	WRITE_ONCE(load->p->cold.untold, true);
	memlane_worker_wake(arena);
}

static unsigned long load_result(struct memlane_load *load, int err)
{
	struct page *page = load->page;

	if (err == -ENOMEM || (err && !load->wanted))
		return load->stored;
	if (err)
		return WORD_LOST & ~WORD_TOLD;
	memlane_page_name(load->p, page, load->nr);
	if (load->ahead && !load->wanted)
		set_page_private(page, MEMLANE_PAGE_AHEAD);
	load->page = NULL;
	return word_make(page, WORD_PAGE);
}

/*
 * backing.loading, so the word is still there. It may go as soon as it is not LOADING; the
 * arena stays until the lock is free: see memlane_backing_sync().
 */
static void load_commit(struct memlane_load *load, int err)
{
	unsigned long to = load_result(load, err);
	bool ends = to != load->stored;

	lockdep_assert_held(&load->fetch->b->loading);
	memlane_leaf_count(load->p, load->leaf, load->nr, *load->at, to);
	if (ends)
		load_count(load, err);
	/* The bytes come before the page; pairs with the acquire in memlane_page_fill(). */
	smp_store_release(load->at, to);
	load->at = NULL;
	if (ends)
		load_tell(load, err);
}

/* @from: of what is in the buffer. */
static void load_end(struct memlane_load *load, u64 from, int err)
{
	if (!err)
		err = load_unpack(load, from);
	spin_lock(&load->fetch->b->loading);
	if (load->at)
		load_commit(load, err);
	spin_unlock(&load->fetch->b->loading);
	complete_all(&load->done);
}

/* One of @nr loads from @load on; what waited for its turn may have been freed. */
static bool any_lives(const struct memlane_load *load, unsigned int nr)
{
	spinlock_t *lock = &load->fetch->b->loading;
	bool any = false;

	spin_lock(lock);
	for (; nr && !any; nr--, load++)
		any = load->at;
	spin_unlock(lock);
	return any;
}

/* For the @nr loads from @load on. */
static int fetch_read(struct memlane_load *load, unsigned int nr, u64 from, u64 end)
{
	struct memlane_fetch *fetch = load->fetch;

	if (!any_lives(load, nr))
		return -ECANCELED;
	return memlane_backing_read(fetch->b, from, fetch_bv(fetch), (end - from) >> MEMLANE_BLOCK_SHIFT,
				    end - from);
}

/* What cannot be read in one piece: each page for itself, as others are none the worse. */
static void fetch_each(struct memlane_fetch *fetch)
{
	struct memlane_load *load;
	u64 from;

	for (load = fetch->load; load < fetch->load + fetch->nr; load++) {
		from = ticket_from(&load->ticket);
		load_end(load, from, fetch_read(load, 1, from, ticket_end(&load->ticket)));
	}
}

static void fetch_all(struct memlane_fetch *fetch)
{
	int err = fetch_read(fetch->load, fetch->nr, fetch->from, fetch->end);
	unsigned int i;

	if (err && fetch->nr > 1) {
		fetch_each(fetch);
		return;
	}
	for (i = 0; i < fetch->nr; i++)
		load_end(&fetch->load[i], fetch->from, err);
}

/* Whose turn it is now. */
static void fetch_next(struct memlane_backing *b)
{
	struct memlane_fetch *next;

	spin_lock(&b->loading);
	next = list_first_entry_or_null(&b->waiting, struct memlane_fetch, list);
	if (next)
		list_del(&next->list);
	else
		b->loads--;
	spin_unlock(&b->loading);
	if (next)
		memlane_backing_queue(b, &next->work);
}

static void fetch_put(struct memlane_fetch *fetch)
{
	unsigned int i;

	if (!fetch || !refcount_dec_and_test(&fetch->refs))
		return;
	for (i = 0; i < fetch->room; i++)
		memlane_page_drop(fetch->load[i].page);
	buffer_free(fetch->buffer);
	if (fetch->b)
		memlane_backing_put(fetch->b);
	kfree(fetch);
}

static void fetch_work(struct work_struct *work)
{
	struct memlane_fetch *fetch = container_of(work, struct memlane_fetch, work);

	fetch_all(fetch);
	fetch_next(fetch->b);
	fetch_put(fetch);
}

/**
 * memlane_load_put - somebody does not wait any more
 * @load: from memlane_load_get()
 */
void memlane_load_put(struct memlane_load *load)
{
	fetch_put(load->fetch);
}

/* ------------------------------------------------------------- what to read */

/* What a read is to be, before it has memory. */
struct plan {
	u64 nr;			/* the first page */
	unsigned int pages;	/* that may come, of the same leaf */
	bool ahead;		/* nobody asked for those behind the first */
	u64 since;		/* when the fault began; 0: no fault */
	gfp_t gfp;		/* for pages that nobody asked for */
	unsigned int room;	/* of these pages, those in the file */
	unsigned int blocks;	/* that they take, if they lie together */
};

static void plan_room(struct plan *plan, const struct memlane_leaf *leaf)
{
	unsigned long i = in_leaf(plan->nr), word;
	unsigned int left;
	u32 bytes = 0;

	for (left = plan->pages; left--; i++) {
		word = READ_ONCE(leaf->word[i]);
		if (!word_is_stored(word))
			continue;
		bytes += memlane_record_bytes(word_length(word));
		plan->room++;
	}
	if (plan->room > 1)
		plan->blocks = min(bytes / MEMLANE_BLOCK + SLACK_BLOCKS, FETCH_BLOCKS);
}

/* Where others wait for their turn nothing is read ahead of them. */
static bool may_read_ahead(struct memlane_pages *p)
{
	return p->cold.backing && READ_ONCE(p->cold.backing->loads) < MOST_LOADS;
}

/* The first page alone. */
static void fetch_plan_one(struct plan *plan)
{
	plan->pages = 1;
	plan->room = 1;
	plan->blocks = RECORD_BLOCKS;
}

static void fetch_plan(struct memlane_pages *p, struct plan *plan)
{
	struct memlane_leaf *leaf;

	plan->room = 0;
	plan->blocks = RECORD_BLOCKS;
	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, plan->nr);
	if (leaf && plan->since && may_read_ahead(p) &&
	    word_is_stored(READ_ONCE(leaf->word[in_leaf(plan->nr)])))
		plan->pages = memlane_ahead_window(p, leaf, plan->nr, FETCH_PAGES);
	if (leaf)
		plan_room(plan, leaf);
	filemap_invalidate_unlock_shared(p->mapping);
	plan->room = max(plan->room, 1U);
}

static void fetch_init(struct memlane_fetch *fetch, const struct plan *plan)
{
	unsigned int i;

	INIT_WORK(&fetch->work, fetch_work);
	refcount_set(&fetch->refs, 1);
	for (i = 0; i < plan->room; i++) {
		fetch->load[i].fetch = fetch;
		fetch->load[i].ahead = plan->ahead && i;
		init_completion(&fetch->load[i].done);
	}
	for (i = 0; i < plan->blocks; i++)
		fetch_bv(fetch)[i] = (struct bio_vec) {
			.bv_page = buffer_page(fetch->buffer + i * MEMLANE_BLOCK),
			.bv_len = MEMLANE_BLOCK,
		};
}

/* No memory is asked for under a lock. Without pages for others the first comes alone. */
static void fetch_pages(struct memlane_fetch *fetch, const struct plan *plan, struct page **spare)
{
	unsigned int i;

	for (i = 0; i < fetch->room; i++) {
		if (!i && spare)
			continue;
		fetch->load[i].page = memlane_page_new(plan->gfp);
		if (!fetch->load[i].page)
			return;
	}
}

/* More than a page needs is asked for as its neighbours' pages are. */
static gfp_t fetch_gfp(const struct plan *plan)
{
	return GFP_KERNEL_ACCOUNT | (plan->room > 1 ? plan->gfp : GFP_CALL);
}

/* For one page it is 256 bytes: most reads are of one. */
static size_t fetch_bytes(const struct plan *plan)
{
	return struct_size((struct memlane_fetch *)NULL, load, plan->room) +
	       plan->blocks * sizeof(struct bio_vec);
}

static struct memlane_fetch *fetch_new(const struct plan *plan, struct page **spare)
{
	struct memlane_fetch *fetch;

	fetch = kzalloc(fetch_bytes(plan), fetch_gfp(plan));
	if (!fetch)
		return NULL;
	fetch->room = plan->room;
	fetch->blocks = plan->blocks;
	fetch->buffer = buffer_new(plan->blocks, fetch_gfp(plan));
	if (!fetch->buffer) {
		kfree(fetch);
		return NULL;
	}
	fetch_init(fetch, plan);
	fetch_pages(fetch, plan, spare);
	return fetch;
}

/* ------------------------------------------------------------- who waits */

/* Does a record lie near those that are read anyway? Then they and it are one stretch. */
static bool fetch_takes(struct memlane_fetch *fetch, const struct memlane_ticket *ticket)
{
	u64 from = ticket_from(ticket), end = ticket_end(ticket);

	if (fetch->nr) {
		from = min(from, fetch->from);
		end = max(end, fetch->end);
	}
	if (end - from > (u64)fetch->blocks << MEMLANE_BLOCK_SHIFT)
		return false;
	fetch->from = from;
	fetch->end = end;
	return true;
}

/* invalidate_lock for reading, and backing.loading: a word that is STORED stays so. */
static void load_begin(struct memlane_fetch *fetch, struct memlane_pages *p, u64 nr)
{
	struct memlane_load *load = &fetch->load[fetch->nr];
	struct memlane_leaf *leaf = leaf_at(p, nr);
	unsigned long *at = &leaf->word[in_leaf(nr)], word = *at;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	lockdep_assert_held(&p->cold.backing->loading);
	if (!word_is_stored(word))
		return;
	load->ticket = (struct memlane_ticket) {
		.place = word_place(word), .length = word_length(word),
		.generation = memlane_backing_generation(p->cold.backing, word_place(word)),
	};
	if (!fetch_takes(fetch, &load->ticket))
		return;
	load->at = at;
	load->p = p;
	load->leaf = leaf;
	load->nr = nr;
	load->stored = word;
	fetch->nr++;
	WRITE_ONCE(*at, word_make(load, WORD_LOADING));
}

/* backing.loading. Somebody waits, perhaps a fault. */
static void load_await(struct memlane_load *load, u64 since)
{
	lockdep_assert_held(&load->fetch->b->loading);
	refcount_inc(&load->fetch->refs);
	load->wanted = true;
	if (since && !load->faults++)
		load->since = since;
}

/* Return: whether the turn of the read has come. */
static bool fetch_enlist(struct memlane_fetch *fetch)
{
	struct memlane_backing *b = fetch->b;

	lockdep_assert_held(&b->loading);
	if (b->loads < MOST_LOADS) {
		b->loads++;
		return true;
	}
	list_add_tail(&fetch->list, &b->waiting);
	return false;
}

/* Both locks. The pages of a plan that are in the file, as far as there are pages for them. */
static void fetch_begin(struct memlane_fetch *fetch, struct memlane_pages *p, const struct plan *plan)
{
	u64 nr = plan->nr, end = plan->nr + plan->pages;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	lockdep_assert_held(&p->cold.backing->loading);
	for (; nr < end && fetch->nr < fetch->room && fetch->load[fetch->nr].page; nr++)
		load_begin(fetch, p, nr);
	if (!fetch->nr)
		return;
	fetch->b = p->cold.backing;
	memlane_backing_get(fetch->b);
	refcount_inc(&fetch->refs);
}

/* The same. Return: a load of @fetch, begun; one that others began; NULL: look again. */
static struct memlane_load *load_join(struct memlane_fetch *fetch, struct memlane_pages *p,
				      const struct plan *plan, struct page **spare)
{
	unsigned long word = READ_ONCE(leaf_at(p, plan->nr)->word[in_leaf(plan->nr)]);
	struct memlane_load *load = fetch->load;

	if (word_tag(word) == WORD_LOADING) {
		load = load_of(word);
	} else if (word_is_stored(word)) {
		load->page = *spare;
		*spare = NULL;
		fetch_begin(fetch, p, plan);
	} else {
		return NULL;
	}
	load_await(load, plan->since);
	return load;
}

static struct memlane_load *load_join_or_begin(struct memlane_fetch *fetch, struct memlane_pages *p,
					       const struct plan *plan, struct page **spare)
{
	struct memlane_backing *b = p->cold.backing;
	struct memlane_load *got;
	bool first = false;

	if (!b || !leaf_at(p, plan->nr))
		return NULL;
	spin_lock(&b->loading);
	got = load_join(fetch, p, plan, spare);
	if (fetch->nr)
		first = fetch_enlist(fetch);
	spin_unlock(&b->loading);
	if (first)
		memlane_backing_queue(b, &fetch->work);
	return got;
}

/**
 * memlane_load_get - have a page read that is in the backing file
 * @p: pages of an arena
 * @nr: number of the page in the data area; any
 * @spare: a page to read into; NULL once it was used
 * @since: when the fault began that needs it, in ns; 0: no fault does
 *
 * Where faults come in order, neighbours that lie near it in the file come along.
 *
 * Context: may sleep, and reclaim: no lock of memlane's.
 * Return: to be given to memlane_load_wait(); NULL: the page is not there, look again;
 * -ENOMEM.
 */
struct memlane_load *memlane_load_get(struct memlane_pages *p, u64 nr, struct page **spare,
				      u64 since)
{
	struct plan plan = {
		.nr = nr, .pages = 1, .ahead = true, .since = since,
		.gfp = __GFP_NORETRY | __GFP_NOWARN,
	};
	struct memlane_fetch *fetch;
	struct memlane_load *got;

	fetch_plan(p, &plan);
	fetch = fetch_new(&plan, spare);
	if (!fetch && plan.room > 1) {
		fetch_plan_one(&plan);
		fetch = fetch_new(&plan, spare);
	}
	if (!fetch)
		return ERR_PTR(-ENOMEM);
	filemap_invalidate_lock_shared(p->mapping);
	got = load_join_or_begin(fetch, p, &plan, spare);
	filemap_invalidate_unlock_shared(p->mapping);
	fetch_put(fetch);
	return got;
}

static void fetch_start(struct memlane_fetch *fetch, struct memlane_pages *p, const struct plan *plan)
{
	struct memlane_backing *b = p->cold.backing;
	bool first = false;

	if (!b || !leaf_at(p, plan->nr))
		return;
	spin_lock(&b->loading);
	fetch_begin(fetch, p, plan);
	if (fetch->nr)
		first = fetch_enlist(fetch);
	spin_unlock(&b->loading);
	if (first)
		memlane_backing_queue(b, &fetch->work);
}

/* Return: whether there was anything to read, and memory. */
static bool load_some(struct memlane_pages *p, u64 nr, u64 end)
{
	struct plan plan = { .nr = nr, .pages = end - nr, .gfp = GFP_CALL };
	struct memlane_fetch *fetch;
	bool begun;

	fetch_plan(p, &plan);
	fetch = fetch_new(&plan, NULL);
	if (!fetch)
		return false;
	filemap_invalidate_lock_shared(p->mapping);
	fetch_start(fetch, p, &plan);
	filemap_invalidate_unlock_shared(p->mapping);
	begun = fetch->nr;
	fetch_put(fetch);
	return begun;
}

/* The first page from @nr on that is in the file; or @end. */
static u64 next_stored(struct memlane_pages *p, u64 nr, u64 end)
{
	struct memlane_leaf *leaf;

	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, nr);
	while (leaf && nr < end && !word_is_stored(READ_ONCE(leaf->word[in_leaf(nr)])))
		nr++;
	filemap_invalidate_unlock_shared(p->mapping);
	return leaf ? nr : end;
}

/**
 * memlane_load_begin - have pages read that somebody is about to wait for
 * @p: pages of an arena
 * @nr: number of the first page in the data area
 * @end: behind the last, of the same leaf
 *
 * Up to MEMLANE_LOAD_PAGES are read by few reads at a time. Without memory nothing is
 * read: who needs a page has memlane_load_get().
 *
 * Context: as for memlane_load_get().
 */
void memlane_load_begin(struct memlane_pages *p, u64 nr, u64 end)
{
	unsigned int reads = MOST_LOADS;

	for (nr = next_stored(p, nr, end); nr < end && reads; reads--) {
		if (!load_some(p, nr, min(nr + FETCH_PAGES, end)))
			return;
		nr = next_stored(p, nr, end);
	}
}

/**
 * memlane_load_wait - wait until a page was read
 * @load: from memlane_load_get(), which is let go of
 *
 * Context: no lock that a worker may need.
 * Return: 0: look again; -EINTR: a fatal signal; -EAGAIN: a kernel thread has other things
 * to do.
 */
int memlane_load_wait(struct memlane_load *load)
{
	int err = 0;

	if (!(current->flags & PF_KTHREAD))
		err = wait_for_completion_killable(&load->done) ? -EINTR : 0;
	else if (!wait_for_completion_timeout(&load->done, LOAD_PATIENCE))
		err = -EAGAIN;
	memlane_load_put(load);
	return err;
}

/**
 * memlane_load_cancel - have a word that is not LOADING
 * @p: pages of an arena
 * @at: the word
 *
 * Who waits looks again, and what is read is nobody's.
 *
 * Context: invalidate_lock for writing, or nobody else uses the arena.
 * Return: the word, which nobody changes.
 */
unsigned long memlane_load_cancel(struct memlane_pages *p, unsigned long *at)
{
	unsigned long word = READ_ONCE(*at);
	struct memlane_load *load;

	lockdep_assert(lockdep_is_held_type(&p->mapping->invalidate_lock, 0) ||
		       memlane_worker_stopping(container_of(p, struct memlane_arena, pages)));
	if (word_tag(word) != WORD_LOADING)
		return word;
	spin_lock(&p->cold.backing->loading);
	word = *at;
	if (word_tag(word) == WORD_LOADING) {
		load = load_of(word);
		load->at = NULL;
		word = load->stored;
		WRITE_ONCE(*at, word);
	}
	spin_unlock(&p->cold.backing->loading);
	return word;
}
