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
 * A load outlives its word: who frees or moves the page makes the word STORED before, and
 * what is read then is nobody's. So nobody waits for I/O who holds a lock, nor does the
 * end of an arena. A load has references of its own to the file and to nothing else.
 */
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "backing.h"
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

/* Blocks that a record can lie in. */
#define BUFFER_ORDER	1

static_assert(MEMLANE_RECORD_MOST + MEMLANE_RECORD_GRAIN <= MEMLANE_BLOCK << BUFFER_ORDER);

/**
 * struct memlane_load - one read
 * @work: does it
 * @list: in backing.waiting, or nowhere; backing.loading, as are the next six
 * @at: the word that is LOADING; NULL: none is any more
 * @p: pages that the word is of, as long as there is one
 * @leaf: likewise
 * @nr: number of the page in the data area
 * @stored: what the word was
 * @since: when the first of @faults began; ns
 * @faults: that wait for it
 * @refs: the worker's, and of each who waits
 * @done: the word is not LOADING any more
 * @b: reads from here; a reference
 * @ticket: by which the record is asked for
 * @page: where the bytes go; NULL once a word has it
 * @buffer: pages for the record
 */
struct memlane_load {
	struct work_struct work;
	struct list_head list;
	unsigned long *at;
	struct memlane_pages *p;
	struct memlane_leaf *leaf;
	u64 nr;
	unsigned long stored;
	u64 since;
	unsigned int faults;
	refcount_t refs;
	struct completion done;
	struct memlane_backing *b;
	struct memlane_ticket ticket;
	struct page *page;
	struct page *buffer;
};

static_assert(_Alignof(struct memlane_load) > WORD_TAGS);

static struct memlane_load *load_of(unsigned long word)
{
	return (struct memlane_load *)(word & ~WORD_TAGS);
}

/* ------------------------------------------------------------- the worker */

static u64 load_byte(const struct memlane_load *load)
{
	return load->ticket.place * MEMLANE_RECORD_GRAIN;
}

static int load_read(struct memlane_load *load)
{
	u64 from = round_down(load_byte(load), MEMLANE_BLOCK);
	u64 end = load_byte(load) + memlane_record_bytes(load->ticket.length);

	return memlane_backing_read(load->b, from, load->buffer,
				    round_up(end, MEMLANE_BLOCK) - from);
}

static int load_unpack(struct memlane_load *load)
{
	const struct memlane_record *r = page_address(load->buffer) +
					 offset_in_page(load_byte(load));
	int codec = memlane_record_check(r, &load->b->key, &load->ticket);
	void *to = page_address(load->page);

	if (codec < 0)
		return codec;
	return memlane_unpack(load->b->unpacker, codec, r->packed, load->ticket.length, to);
}

/* The record is nobody's any more. The arena's end comes after the word's. */
static void load_count(struct memlane_load *load, int err)
{
	struct memlane_arena *arena = container_of(load->p, struct memlane_arena, pages);
	struct memlane_cold *c = &load->p->cold;

	memlane_backing_drop(load->b, load->ticket.place, load->ticket.length);
	atomic64_dec(&c->stored);
	atomic64_inc(err ? &c->lost : &c->loaded);
	if (!err && load->faults)
		ml_fault_add(&arena->core, MEMLANE_FAULT_STORED, ktime_get_ns() - load->since,
			     load->faults);
	if (!err) {
		trace_memlane_load(arena->id, load->nr, 1, 1);
		return;
	}
	trace_memlane_lost(arena->id, load->nr, 1, err);
	WRITE_ONCE(c->untold, true);
	memlane_worker_wake(arena);
}

static unsigned long load_result(struct memlane_load *load, int err)
{
	struct page *page = load->page;

	if (err == -ENOMEM)
		return load->stored;
	if (err)
		return WORD_LOST & ~WORD_TOLD;
	memlane_page_name(load->p, page, load->nr);
	load->page = NULL;
	return word_make(page, WORD_PAGE);
}

/* backing.loading, so the word is still there. */
static void load_commit(struct memlane_load *load, int err)
{
	unsigned long to = load_result(load, err);

	memlane_leaf_count(load->p, load->leaf, load->nr, *load->at, to);
	/* The bytes come before the page; pairs with the acquire in memlane_page_fill(). */
	smp_store_release(load->at, to);
	load->at = NULL;
	if (to != load->stored)
		load_count(load, err);
}

/* Whose turn it is now. */
static void load_next(struct memlane_backing *b)
{
	struct memlane_load *next;

	spin_lock(&b->loading);
	next = list_first_entry_or_null(&b->waiting, struct memlane_load, list);
	if (next)
		list_del(&next->list);
	else
		b->loads--;
	spin_unlock(&b->loading);
	if (next)
		memlane_backing_queue(&next->work);
}

static void load_work(struct work_struct *work)
{
	struct memlane_load *load = container_of(work, struct memlane_load, work);
	struct memlane_backing *b = load->b;
	int err = load_read(load);

	if (!err)
		err = load_unpack(load);
	spin_lock(&b->loading);
	if (load->at)
		load_commit(load, err);
	spin_unlock(&b->loading);
	complete_all(&load->done);
	load_next(b);
	memlane_load_put(load);
}

/* ------------------------------------------------------------- who waits */

/*
 * No memory is asked for under a lock. The buffer is one compound page: a file system may
 * hold each page of it by a reference of its own, and give that back.
 */
static struct memlane_load *load_new(void)
{
	struct memlane_load *load = kzalloc(sizeof(*load), GFP_KERNEL_ACCOUNT | GFP_CALL);

	if (!load)
		return NULL;
	load->buffer = alloc_pages(GFP_KERNEL_ACCOUNT | GFP_CALL | __GFP_COMP, BUFFER_ORDER);
	if (!load->buffer) {
		kfree(load);
		return NULL;
	}
	INIT_WORK(&load->work, load_work);
	init_completion(&load->done);
	refcount_set(&load->refs, 1);
	return load;
}

/**
 * memlane_load_put - somebody does not wait any more
 * @load: from memlane_load_get()
 */
void memlane_load_put(struct memlane_load *load)
{
	if (!refcount_dec_and_test(&load->refs))
		return;
	memlane_page_drop(load->page);
	__free_pages(load->buffer, BUFFER_ORDER);
	if (load->b)
		memlane_backing_put(load->b);
	kfree(load);
}

/* invalidate_lock for reading, and backing.loading: a word that is STORED stays so. */
static void load_begin(struct memlane_load *load, struct memlane_pages *p, u64 nr,
		       struct page **spare)
{
	struct memlane_leaf *leaf = leaf_at(p, nr);
	unsigned long *at = &leaf->word[in_leaf(nr)], word = *at;
	struct memlane_backing *b = p->cold.backing;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	lockdep_assert_held(&b->loading);
	load->at = at;
	load->p = p;
	load->leaf = leaf;
	load->nr = nr;
	load->stored = word;
	load->b = b;
	load->ticket = (struct memlane_ticket) {
		.place = word_place(word), .length = word_length(word),
		.generation = memlane_backing_generation(b, word_place(word)),
	};
	load->page = *spare;
	*spare = NULL;
	memlane_backing_get(b);
	WRITE_ONCE(*at, word_make(load, WORD_LOADING));
}

/* backing.loading. Somebody waits, perhaps a fault. */
static void load_await(struct memlane_load *load, u64 since)
{
	refcount_inc(&load->refs);
	if (since && !load->faults++)
		load->since = since;
}

/* Return: whether the load's turn has come. */
static bool load_enlist(struct memlane_load *load)
{
	struct memlane_backing *b = load->b;

	if (b->loads < MOST_LOADS) {
		b->loads++;
		return true;
	}
	list_add_tail(&load->list, &b->waiting);
	return false;
}

/* backing.loading. Return: @load, begun; one that others began; NULL: look again. */
static struct memlane_load *load_join(struct memlane_load *load, struct memlane_pages *p, u64 nr,
				      struct page **spare, u64 since)
{
	unsigned long word = READ_ONCE(leaf_at(p, nr)->word[in_leaf(nr)]);

	if (word_tag(word) == WORD_LOADING) {
		load = load_of(word);
		load_await(load, since);
		return load;
	}
	if (!word_is_stored(word))
		return NULL;
	load_begin(load, p, nr, spare);
	load_await(load, since);
	return load;
}

static struct memlane_load *load_join_or_begin(struct memlane_load *load, struct memlane_pages *p,
					       u64 nr, struct page **spare, u64 since)
{
	struct memlane_backing *b = p->cold.backing;
	struct memlane_load *got;
	bool first = false;

	if (!b || !leaf_at(p, nr))
		return NULL;
	spin_lock(&b->loading);
	got = load_join(load, p, nr, spare, since);
	if (got == load)
		first = load_enlist(load);
	spin_unlock(&b->loading);
	if (first)
		memlane_backing_queue(&load->work);
	return got;
}

/**
 * memlane_load_get - have a page read that is in the backing file
 * @p: pages of an arena
 * @nr: number of the page in the data area; any
 * @spare: a page to read into; NULL once it was used
 * @since: when the fault began that needs it, in ns; 0: no fault does
 *
 * Context: may sleep, and reclaim: no lock of memlane's.
 * Return: to be given to memlane_load_wait(); NULL: the page is not there, look again;
 * -ENOMEM.
 */
struct memlane_load *memlane_load_get(struct memlane_pages *p, u64 nr, struct page **spare,
				      u64 since)
{
	struct memlane_load *load = load_new(), *got;

	if (!load)
		return ERR_PTR(-ENOMEM);
	filemap_invalidate_lock_shared(p->mapping);
	got = load_join_or_begin(load, p, nr, spare, since);
	filemap_invalidate_unlock_shared(p->mapping);
	if (got != load)
		memlane_load_put(load);
	return got;
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
