// SPDX-License-Identifier: GPL-2.0-only
/*
 * store.c - what is put away goes on to the backing file
 *
 * Pages are compressed first; see cold.c. Then the storer gathers what fits into one write:
 *
 *   gather   copy compressed bytes; make COOLING, and copy, what did not become smaller
 *   write    by a worker; the caller waits, until it is killed     no lock but core.mover
 *   commit   COMP, COOLING -> STORED, or leave it as it was        invalidate_lock, read
 *
 * Until the commit the bytes are in memory, too, and a touch is served from there: then the
 * compare-exchange of the commit fails, and the record is dropped. So a write that fails,
 * or whose caller is killed, loses nothing. A killed caller leaves the job to the worker; so does
 * the background, where the file does not answer.
 */
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/lz4.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "backing.h"
#include "cold.h"
#include "device.h"
#include "leaf.h"
#include "pack.h"
#include "pages.h"
#include "word.h"

#define MOST_ITEMS	128U	/* records in one write */
#define PIECE		32U	/* pages that are unmapped at once */
#define PAYS		(4 * MEMLANE_RECORD_GRAIN)	/* bytes: less gained is not worth the time */
#define QUICKER		4U	/* one part of so many: as much LZ4 may leave more of a page */

/*
 * A kernel thread cannot be killed, and holds core.mover: so long it waits for a file that
 * does not answer, and so often it looks whether the arena ends.
 */
#define PATIENCE	(5 * HZ)
#define LOOK		(HZ / 20 + 1)

enum { RUNS, DONE, ABANDONED };

/**
 * struct job - one write
 * @work: does it
 * @done: it has ended
 * @state: as above: who comes second frees it, if the caller was killed
 * @err: of the write
 * @b: writes there; a reference
 * @at: where; to be settled by who frees or reuses the job
 * @len: bytes
 * @bytes: what; MEMLANE_GROUP_BYTES
 * @bv: the pages of @bytes
 */
struct job {
	struct work_struct work;
	struct completion done;
	atomic_t state;
	int err;
	struct memlane_backing *b;
	struct memlane_stretch at;
	u32 len;
	u8 *bytes;
	struct bio_vec bv[MEMLANE_GROUP_BLOCKS];
};

/* A page that is being written. */
struct item {
	u64 nr;
	unsigned long word;	/* COMP or COOLING, as it was gathered */
	struct page *page;	/* of COOLING, with a reference of the storer's */
	struct memlane_ticket ticket;
};

/**
 * struct storer - work space of who stores
 * @job: the next write
 * @packer: makes pages smaller
 * @nr: how many of @item are in use
 * @item: what is being written
 * @page: bytes of a page, for a moment
 * @squeezed: as the cooler made them smaller
 */
struct storer {
	struct job *job;
	struct memlane_packer *packer;
	unsigned int nr;
	struct item item[MOST_ITEMS];
	u8 page[PAGE_SIZE];
	u8 squeezed[PAGE_SIZE];
};

/* ------------------------------------------------------------- the job */

static void job_free(struct job *job)
{
	if (!job)
		return;
	vfree(job->bytes);
	kfree(job);
}

/* What no record was added to is free again, and somebody else may write. */
static void job_settle(struct job *job)
{
	memlane_backing_settle(job->b, &job->at);
	memlane_backing_finish(job->b);
	memlane_backing_put(job->b);
}

static void job_work(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);
	u32 blocks = DIV_ROUND_UP(job->len, MEMLANE_BLOCK);

	job->err = memlane_backing_write(job->b, job->at.block << MEMLANE_BLOCK_SHIFT, job->bv,
					 blocks, blocks << MEMLANE_BLOCK_SHIFT);
	if (atomic_cmpxchg(&job->state, RUNS, DONE) == RUNS) {
		complete(&job->done);	/* the caller may free it from here on */
		return;
	}
	job_settle(job);
	job_free(job);
}

static struct job *job_new(void)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT | GFP_CALL);
	u32 i;

	if (!job)
		return NULL;
	job->bytes = __vmalloc(MEMLANE_GROUP_BYTES, GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (!job->bytes) {
		kfree(job);
		return NULL;
	}
	INIT_WORK(&job->work, job_work);
	init_completion(&job->done);
	for (i = 0; i < MEMLANE_GROUP_BLOCKS; i++)
		job->bv[i] = (struct bio_vec) {
			.bv_page = vmalloc_to_page(job->bytes + i * MEMLANE_BLOCK),
			.bv_len = MEMLANE_BLOCK,
		};
	return job;
}

/* Be the writer, and have @pages pages' worth of blocks, or as many as there are. */
static int job_begin(struct job *job, struct memlane_backing *b, u64 pages)
{
	int err = memlane_backing_begin(b);

	if (err)
		return err;
	/* A page takes a block and a little more, at most. */
	err = memlane_backing_take(b, min_t(u64, pages + 1, MEMLANE_GROUP_BLOCKS), &job->at);
	if (err) {
		memlane_backing_finish(b);
		return err;
	}
	memlane_backing_get(b);
	job->b = b;
	job->len = 0;
	return 0;
}

static int job_wait_in_background(const struct memlane_arena *arena, struct job *job)
{
	unsigned long end = jiffies + PATIENCE;

	while (!wait_for_completion_timeout(&job->done, LOOK)) {
		if (memlane_worker_stopping(arena))
			return -EINTR;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
	}
	return 0;
}

static int job_wait(struct memlane_pages *p, struct job *job)
{
	if (current->flags & PF_KTHREAD)
		return job_wait_in_background(container_of(p, struct memlane_arena, pages), job);
	return wait_for_completion_killable(&job->done) ? -EINTR : 0;
}

/* Return: 0; or the write's error; -EINTR, -ETIMEDOUT without a job: it is the worker's now. */
static int job_run(struct memlane_pages *p, struct storer *s)
{
	struct job *job = s->job;
	u32 end = round_up(job->len, MEMLANE_BLOCK);
	int err;

	memset(job->bytes + job->len, 0, end - job->len);
	atomic_set(&job->state, RUNS);
	reinit_completion(&job->done);
	memlane_backing_queue(job->b, &job->work);
	err = job_wait(p, job);
	if (!err)
		return job->err;
	if (atomic_cmpxchg(&job->state, RUNS, ABANDONED) == RUNS) {
		s->job = NULL;
		return err;
	}
	wait_for_completion(&job->done);	/* it is being completed */
	return job->err;
}

/* ------------------------------------------------------------- gather */

static struct memlane_record *record_next(struct job *job, size_t *room)
{
	size_t left = (size_t)job->at.nr * MEMLANE_BLOCK - job->len;

	*room = left > sizeof(struct memlane_record) ? left - sizeof(struct memlane_record) : 0;
	return (struct memlane_record *)(job->bytes + job->len);
}

static void item_add(struct storer *s, struct memlane_record *r, struct item item, u16 length,
		     enum memlane_codec codec)
{
	struct job *job = s->job;

	item.ticket = (struct memlane_ticket) {
		.place = ((job->at.block << MEMLANE_BLOCK_SHIFT) + job->len) / MEMLANE_RECORD_GRAIN,
		.generation = job->at.generation,
		.length = length,
	};
	memlane_record_seal(r, &job->b->key, &item.ticket, codec);
	job->len += memlane_record_bytes(length);
	s->item[s->nr++] = item;
}

/*
 * What the packer may leave of a page of which @codec leaves @len bytes. A touch waits some
 * times as long for what it has packed as for what LZ4 has: the file is to be the smaller for it.
 */
static u32 most_packed(u32 len, enum memlane_codec codec)
{
	u32 less = codec == MEMLANE_CODEC_LZ4 ? max(len / QUICKER, PAYS) : PAYS;

	return len > less ? len - less : 0;
}

/*
 * The bytes of a page, at s->page: packed if that pays, otherwise as @len bytes at @from.
 * Return: 0; -ENOSPC: the write is full.
 */
static int item_write(struct storer *s, struct item item, const void *from, u32 len,
		      enum memlane_codec codec)
{
	u32 most = most_packed(len, codec), packed;
	struct memlane_record *r;
	size_t room;

	r = record_next(s->job, &room);
	packed = most ? memlane_pack(s->packer, s->page, r->packed, min_t(size_t, room, most)) : 0;
	if (packed) {
		item_add(s, r, item, packed, MEMLANE_CODEC_ZSTD);
		return 0;
	}
	if (len > room)
		return -ENOSPC;
	memcpy(r->packed, from, len);
	item_add(s, r, item, len, codec);
	return 0;
}

/* Return: bytes at s->squeezed, or none; @word: as they were found. */
static int fetch_squeezed(struct memlane_pages *p, struct storer *s, u64 nr, unsigned long *word)
{
	struct memlane_leaf *leaf;
	int len = 0;

	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, nr);
	*word = leaf ? READ_ONCE(leaf->word[in_leaf(nr)]) : WORD_NONE;
	if (word_tag(*word) == WORD_COMP)
		len = memlane_cold_copy(p, leaf, nr, *word, s->squeezed, sizeof(s->squeezed));
	filemap_invalidate_unlock_shared(p->mapping);
	return len;
}

/* Neither a fault nor anybody else waits while it is packed another way. */
static int gather_compressed(struct memlane_pages *p, struct storer *s, u64 nr)
{
	struct item item = { .nr = nr };
	int len = fetch_squeezed(p, s, nr, &item.word);

	if (len <= 0)
		return 0;
	if (WARN_ON_ONCE(LZ4_decompress_safe(s->squeezed, s->page, len, PAGE_SIZE) != PAGE_SIZE))
		return 0;
	return item_write(s, item, s->squeezed, len, MEMLANE_CODEC_LZ4);
}

/* Its bytes may be written meanwhile: then it was taken back, and the record is dropped. */
static int gather_raw(struct storer *s, u64 nr, struct page *page)
{
	struct item item = { .nr = nr, .page = page, .word = word_make(page, WORD_COOLING) };

	memcpy(s->page, page_address(page), PAGE_SIZE);
	return item_write(s, item, s->page, PAGE_SIZE, MEMLANE_CODEC_RAW);
}

static int gather_page(struct memlane_pages *p, struct storer *s, u64 nr, struct page *stiff)
{
	if (s->nr == MOST_ITEMS)
		return -ENOSPC;
	return stiff ? gather_raw(s, nr, stiff) : gather_compressed(p, s, nr);
}

/* Of one leaf. The pages that memlane_pages_cool() could do nothing with. */
static void take_stiff(struct memlane_pages *p, u64 page, u64 nr, struct page **stiff)
{
	struct memlane_leaf *leaf;
	u64 i;

	memset(stiff, 0, nr * sizeof(*stiff));
	filemap_invalidate_lock(p->mapping);
	leaf = leaf_at(p, page);
	if (leaf) {
		memlane_pages_unmap(p, page, nr);
		for (i = 0; i < nr; i++)
			stiff[i] = memlane_cold_take(p, leaf, page + i);
	}
	filemap_invalidate_unlock(p->mapping);
}

static void give_back(struct memlane_pages *p, u64 nr, struct page *page)
{
	struct memlane_leaf *leaf;

	if (!page)
		return;
	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, nr);
	if (leaf)
		memlane_cold_give_back(p, leaf, nr, page);
	filemap_invalidate_unlock_shared(p->mapping);
	put_page(page);
}

/* Return: how many of these pages of a leaf were dealt with: all, or the write is full. */
static u64 gather_piece(struct memlane_pages *p, struct storer *s, u64 page, u64 nr)
{
	struct page *stiff[PIECE];
	u64 i, done;

	take_stiff(p, page, nr, stiff);
	for (done = 0; done < nr; done++)
		if (gather_page(p, s, page + done, stiff[done]))
			break;
	for (i = done; i < nr; i++)
		give_back(p, page + i, stiff[i]);
	return done;
}

/* Return: the page after the last that was dealt with. */
static u64 gather(struct memlane_pages *p, struct storer *s, u64 page, u64 end)
{
	u64 nr, done;

	s->nr = 0;
	for (page = memlane_leaf_next(p, page, end); page < end;
	     page = memlane_leaf_next(p, page + nr, end)) {
		nr = min_t(u64, leaf_span(page, end), PIECE);
		done = gather_piece(p, s, page, nr);
		if (done < nr)
			return page + done;
		cond_resched();
	}
	return end;
}

/* ------------------------------------------------------------- commit */

/* Return: whether the word has become STORED: the bytes in memory are the caller's. */
static bool store_word(struct memlane_pages *p, struct storer *s, const struct item *item)
{
	struct memlane_leaf *leaf = leaf_at(p, item->nr);
	unsigned long to = word_stored(item->ticket.place, item->ticket.length);

	/* Somebody may load the page as soon as the word is there. */
	memlane_backing_add(s->job->b, &item->ticket);
	atomic64_inc(&p->cold.stored);
	if (leaf && cmpxchg(&leaf->word[in_leaf(item->nr)], item->word, to) == item->word) {
		memlane_leaf_count(p, leaf, item->nr, item->word, to);
		return true;
	}
	memlane_stored_free(&p->cold, to);
	return false;
}

static u64 commit_item(struct memlane_pages *p, struct storer *s, const struct item *item)
{
	if (!store_word(p, s, item))
		return 0;
	if (item->page)
		memlane_page_drop(item->page);	/* the word's reference */
	else
		memlane_cold_free(&p->cold, word_handle(item->word));
	atomic64_inc(&p->cold.written);
	return 1;
}

/* Return: pages that are in the file now. */
static u64 store_commit(struct memlane_pages *p, struct storer *s)
{
	u64 stored = 0;
	unsigned int i;

	filemap_invalidate_lock_shared(p->mapping);
	for (i = 0; i < s->nr; i++)
		stored += commit_item(p, s, &s->item[i]);
	filemap_invalidate_unlock_shared(p->mapping);
	return stored;
}

/* Those that are not COOLING any more are left alone. */
static void release_pages_taken(struct memlane_pages *p, struct storer *s)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		give_back(p, s->item[i].nr, s->item[i].page);
	s->nr = 0;
}

/* ------------------------------------------------------------- store */

/* For the user's budget. */
static u64 storer_bytes(void)
{
	return sizeof(struct storer) + sizeof(struct job) + MEMLANE_GROUP_BYTES +
	       memlane_packer_bytes();
}

static struct storer *storer_new(void)
{
	struct storer *s = kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT | GFP_CALL);

	if (!s)
		return NULL;
	s->packer = memlane_packer_new();
	if (!s->packer) {
		kvfree(s);
		return NULL;
	}
	return s;
}

static int storer_make(struct memlane_pages *p)
{
	struct storer *s = p->cold.storer;

	if (!s) {
		if (memlane_pages_charge(p, storer_bytes()))
			return -ENOMEM;
		s = storer_new();
		if (!s) {
			memlane_pages_uncharge(p, storer_bytes());
			return -ENOMEM;
		}
		p->cold.storer = s;
	}
	if (!s->job)
		s->job = job_new();
	return s->job ? 0 : -ENOMEM;
}

/* Return: pages that are in the file now; or -errno. */
static s64 write_gathered(struct memlane_pages *p, struct storer *s)
{
	int err = s->nr ? job_run(p, s) : 0;
	s64 stored = 0;

	if (!err)
		stored = store_commit(p, s);
	else if (s->job || err == -ETIMEDOUT)
		atomic64_inc(&p->cold.failed);
	release_pages_taken(p, s);
	if (s->job)
		job_settle(s->job);
	return err ? err : stored;
}

static bool may_store(unsigned long word)
{
	return word_tag(word) == WORD_COMP || word_is_page(word);
}

/* How many of a leaf's pages may go; @most: no more are of interest. */
static u64 leaf_may_store(struct memlane_pages *p, u64 page, u64 nr, u64 most)
{
	struct memlane_leaf *leaf;
	u64 i, may = 0;

	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, page);
	for (i = in_leaf(page); leaf && i < in_leaf(page) + nr && may < most; i++)
		may += may_store(READ_ONCE(leaf->word[i]));
	filemap_invalidate_unlock_shared(p->mapping);
	return may;
}

/* Up to what a write can be. */
static u64 pages_to_store(struct memlane_pages *p, u64 page, u64 end)
{
	u64 nr, may = 0;

	for (page = memlane_leaf_next(p, page, end); page < end && may < MEMLANE_GROUP_BLOCKS;
	     page = memlane_leaf_next(p, page + nr, end)) {
		nr = leaf_span(page, end);
		may += leaf_may_store(p, page, nr, MEMLANE_GROUP_BLOCKS);
		cond_resched();
	}
	return may;
}

/* @page: the first; then the one behind those that were dealt with. */
static s64 store_some(struct memlane_pages *p, u64 *page, u64 end)
{
	u64 pages = pages_to_store(p, *page, end);
	struct storer *s;
	bool full;
	s64 stored;
	int err;

	if (!pages) {
		*page = end;
		return 0;
	}
	err = storer_make(p);
	s = p->cold.storer;
	if (!err)
		err = job_begin(s->job, p->cold.backing, pages);
	if (err)
		return err;
	*page = gather(p, s, *page, end);
	/* Not even one fits where there is room. */
	full = !s->nr && *page < end;
	stored = write_gathered(p, s);
	return full ? -ENOSPC : stored;
}

/**
 * memlane_pages_store - put away the bytes of pages, and have them in the backing file
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 * @id: of the arena
 *
 * What could not be written stays as memlane_pages_cool() left it.
 *
 * Context: core.mover, without core.lock.
 * Return: how many went to the file; -ENXIO: there is none; -ENOSPC: it is full; or what
 * writing to it said; -ENOMEM; -EINTR; -ETIMEDOUT: in the background, and no answer.
 */
s64 memlane_pages_store(struct memlane_pages *p, u64 page, u64 nr, u32 id)
{
	s64 stored = 0, ret;
	u64 end = page + nr;

	assert_core_mover(p);
	lockdep_assert_not_held(&core_of(p)->lock);
	if (!p->cold.backing)
		return -ENXIO;
	ret = memlane_pages_cool(p, page, nr, id);
	while (ret >= 0 && page < end) {
		ret = store_some(p, &page, end);
		stored += max(ret, 0);
	}
	return ret < 0 ? ret : stored;
}

/**
 * memlane_stored_free - a page in the backing file is not needed any more
 * @c: of an arena
 * @word: STORED
 */
void memlane_stored_free(struct memlane_cold *c, unsigned long word)
{
	memlane_backing_drop(c->backing, word_place(word), word_length(word));
	atomic64_dec(&c->stored);
}

/**
 * memlane_stored_bytes - bytes of the backing file that are in use
 * @p: pages of an arena
 *
 * Context: core.lock.
 */
u64 memlane_stored_bytes(const struct memlane_pages *p)
{
	assert_core_lock(p);
	return p->cold.backing ? memlane_backing_bytes(p->cold.backing) : 0;
}

/**
 * memlane_pages_set_backing - have another backing file
 * @p: pages of an arena
 * @b: backing, whose reference goes with it; NULL: none
 *
 * Context: core.mover, core.lock. Return: 0; -EBUSY: something is stored.
 */
int memlane_pages_set_backing(struct memlane_pages *p, struct memlane_backing *b)
{
	struct memlane_backing *old = NULL;
	int err = -EBUSY;

	assert_core_mover(p);
	assert_core_lock(p);
	filemap_invalidate_lock(p->mapping);
	if (!atomic64_read(&p->cold.stored)) {
		old = p->cold.backing;
		memlane_backing_sync(old);	/* the last page is counted before its word changes */
		p->cold.backing = b;
		err = 0;
	}
	filemap_invalidate_unlock(p->mapping);
	memlane_backing_end(old);
	return err;
}

/* No word leads to the file any more. */
void memlane_store_exit(struct memlane_pages *p)
{
	memlane_backing_sync(p->cold.backing);
	memlane_backing_end(p->cold.backing);
	if (!p->cold.storer)
		return;
	job_free(p->cold.storer->job);
	memlane_packer_free(p->cold.storer->packer);
	kvfree(p->cold.storer);
	memlane_pages_uncharge(p, storer_bytes());
}
