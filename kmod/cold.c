// SPDX-License-Identifier: GPL-2.0-only
/*
 * cold.c - bytes of pages that are not used: put away compressed, and brought back
 *
 * The cooler takes up to BATCH pages at a time:
 *
 *   take     unmap them, and make COOLING what nobody else holds    invalidate_lock, write
 *   squeeze  compress each, and find a place for that               no lock but core.mover
 *   commit   COOLING -> SAME, COMP, or back to PAGE                 invalidate_lock, read
 *
 * A thread that needs a page meanwhile takes it back by a compare-exchange; then the one of
 * the commit fails. A page stays if it did not become smaller, or if there was no memory for
 * its bytes. An arena has one cooler: see word.h.
 *
 * PG_dirty tells whether a page was written to: unmapping sets it, and the cooler clears it.
 * So a page that did not become smaller is left alone until PG_dirty is set again.
 *
 * Compressed bytes are charged to the memory cgroup of the page that they were in. When
 * the kernel moves a page of zsmalloc's, to make room for a huge page, that charge is lost;
 * no exported function can keep it.
 */
#include <linux/highmem.h>
#include <linux/local_lock.h>
#include <linux/lz4.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/zsmalloc.h>

#include "cold.h"
#include "compat.h"
#include "leaf.h"
#include "pages.h"
#include "word.h"

#define BATCH		32U	/* pages; more gain nothing from being unmapped at once */
#define WORTH		(PAGE_SIZE * 13 / 16)	/* bytes; a page that takes more is not worth a fault */

/* The length comes before the compressed bytes. */
#define HEAD		sizeof(u16)

/* Reclaim is waited for, the OOM killer is not called. */
#define GFP_COLD	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/* A page that is being put away. */
struct taken {
	u64 nr;
	struct page *page;	/* with a reference of the cooler's */
	unsigned long word;	/* what is to take its place; 0: nothing can */
	bool stiff;
};

struct cooler {
	struct taken taken[BATCH];
	unsigned int nr;
	u8 squeezed[HEAD + PAGE_SIZE];
	u8 work[LZ4_MEM_COMPRESS] __aligned(8);
};

/*
 * An object of zsmalloc's that crosses a page is put together here: see compat.h. All arenas
 * share it, so nobody sleeps, or is throttled, while he has it.
 */
struct bounce {
	local_lock_t lock;
	u8 *page;
};

static DEFINE_PER_CPU(struct bounce, bounces) = { .lock = INIT_LOCAL_LOCK(lock) };

/* ---------------------------------------------------------- compressed */

/* The memory cgroup of the page pays for its compressed bytes. */
static unsigned long pool_malloc(struct zs_pool *pool, size_t size, struct page *owner)
{
	struct mem_cgroup *memcg = memlane_memcg_get(owner), *old = NULL;
	unsigned long handle;

	if (memcg)
		old = set_active_memcg(memcg);
	handle = memlane_zs_malloc(pool, size, GFP_COLD);
	if (memcg) {
		set_active_memcg(old);
		mem_cgroup_put(memcg);
	}
	return IS_ERR_VALUE(handle) ? 0 : handle;
}

/* Return: bytes at cooler->squeezed, with their head; 0: not worth it. */
static size_t squeeze(struct cooler *cooler, const void *bytes)
{
	u16 len = LZ4_compress_default(bytes, cooler->squeezed + HEAD, PAGE_SIZE, WORTH,
				       cooler->work);

	memcpy(cooler->squeezed, &len, HEAD);
	return len ? HEAD + len : 0;
}

/* Return: bytes with their head before them, to be ended; NULL: not one, or more than @most. */
static const u8 *squeezed_begin(struct zs_pool *pool, unsigned long handle, size_t most, u16 *len,
				void *bounce)
{
	const u8 *from = memlane_zs_begin(pool, handle, HEAD, bounce);

	memcpy(len, from, HEAD);
	if (*len && *len <= most)
		return memlane_zs_more(pool, handle, from, HEAD, HEAD + *len, bounce);
	memlane_zs_end(pool, handle, HEAD, from);
	return NULL;
}

/* Nobody else writes to what is in the pool; what is read there is checked nevertheless. */
static int unsqueeze(struct zs_pool *pool, unsigned long handle, void *to, void *bounce)
{
	u16 len;
	const u8 *from = squeezed_begin(pool, handle, WORTH, &len, bounce);
	int got;

	if (!from)
		return -EIO;
	got = LZ4_decompress_safe(from + HEAD, to, len, PAGE_SIZE);
	memlane_zs_end(pool, handle, HEAD + len, from);
	return got == PAGE_SIZE ? 0 : -EIO;
}

static int restore_bytes(struct zs_pool *pool, unsigned long handle, struct page *to)
{
	int err;

	local_lock(&bounces.lock);
	err = unsqueeze(pool, handle, page_address(to), this_cpu_read(bounces.page));
	local_unlock(&bounces.lock);
	return err;
}

/**
 * memlane_cold_free - free compressed bytes
 * @c: of an arena
 * @handle: of a word that led to them, and does not any more
 */
void memlane_cold_free(struct memlane_cold *c, unsigned long handle)
{
	zs_free(c->pool, handle);
	atomic64_dec(&c->compressed);
}

/* Replace a BUSY word, and wake the threads that wait for it. */
static void word_settle(unsigned long *at, unsigned long to)
{
	/* The bytes come before the page; pairs with the acquire in memlane_page_fill(). */
	smp_store_release(at, to);
	smp_mb();	/* pairs with the barrier before the wait in fill_word() */
	wake_up_var(at);
}

/**
 * memlane_cold_restore - bring a compressed page back, if nobody else does
 * @p: pages of an arena
 * @leaf: of these
 * @nr: number of the page in the data area
 * @word: COMP
 * @spare: a page; NULL once it was used
 *
 * Bytes that do not unpack to a page are LOST.
 *
 * Context: invalidate_lock for reading.
 */
void memlane_cold_restore(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
			  unsigned long word, struct page **spare)
{
	unsigned long *at = &leaf->word[in_leaf(nr)], handle = word_handle(word), to = WORD_LOST;
	struct page *page = *spare;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	if (cmpxchg(at, word, handle | WORD_BUSY) != word)
		return;
	if (!WARN_ON_ONCE(restore_bytes(p->cold.pool, handle, page))) {
		memlane_page_name(p, page, nr);
		to = word_make(page, WORD_PAGE);
		*spare = NULL;
	}
	memlane_leaf_count(p, leaf, nr, word, to);
	word_settle(at, to);
	memlane_cold_free(&p->cold, handle);
	atomic64_inc(&p->cold.warmed);
}

/* Return: how many bytes; -ENOSPC: more than there is room for. */
static int copy_squeezed(struct zs_pool *pool, unsigned long handle, void *to, size_t room)
{
	const u8 *from;
	u16 len;

	local_lock(&bounces.lock);
	from = squeezed_begin(pool, handle, room, &len, this_cpu_read(bounces.page));
	if (from) {
		memcpy(to, from + HEAD, len);
		memlane_zs_end(pool, handle, HEAD + len, from);
	}
	local_unlock(&bounces.lock);
	return from ? len : -ENOSPC;
}

/**
 * memlane_cold_copy - copy the compressed bytes of a page
 * @p: pages of an arena
 * @leaf: of these
 * @nr: number of the page in the data area
 * @word: COMP, and it is again
 * @to: where to
 * @room: bytes there
 *
 * The word is BUSY meanwhile: nobody frees the bytes, and a thread that needs the page waits.
 *
 * Context: invalidate_lock for reading.
 * Return: bytes copied; -ENOSPC: they do not fit; -EAGAIN: the word is another one.
 */
int memlane_cold_copy(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
		      unsigned long word, void *to, size_t room)
{
	unsigned long *at = &leaf->word[in_leaf(nr)];
	int len;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	if (cmpxchg(at, word, word_handle(word) | WORD_BUSY) != word)
		return -EAGAIN;
	len = copy_squeezed(p->cold.pool, word_handle(word), to, room);
	word_settle(at, word);
	return len;
}

/* ------------------------------------------------------------- cooling */

/* Is a page filled with one word of 32 bits? */
static bool is_same(const void *bytes, u32 *pattern)
{
	const u64 *word = bytes;
	unsigned int i;

	if ((u32)word[0] != word[0] >> 32)
		return false;
	for (i = 1; i < PAGE_SIZE / sizeof(*word); i++)
		if (word[i] != word[0])
			return false;
	*pattern = word[0];
	return true;
}

/*
 * The page is unmapped, so a count of 1 is the word's own reference: nobody else holds the
 * page. Fast GUP takes no lock, and looks at the page table again after it took a reference.
 */
static bool may_take(struct page *page)
{
	return page_ref_count(page) == 1 && !PageHWPoison(page);
}

/* Compressing the page gained nothing, and nobody has written to it since. */
static bool is_stiff(struct page *page)
{
	return page_private(page) == MEMLANE_PAGE_STIFF && !PageDirty(page);
}

static void take_page(struct cooler *cooler, struct memlane_leaf *leaf, u64 nr)
{
	unsigned long *at = &leaf->word[in_leaf(nr)];
	unsigned long word = READ_ONCE(*at);	/* a load may end now */
	struct page *page = word_page(word);

	if (!word_is_page(word) || memlane_page_is_kept(leaf, nr) || !may_take(page) || is_stiff(page))
		return;
	get_page(page);
	ClearPageDirty(page);
	set_page_private(page, 0);
	WRITE_ONCE(*at, word_make(page, WORD_COOLING));
	cooler->taken[cooler->nr++] = (struct taken){ .nr = nr, .page = page };
}

/* The pages are of one leaf. core.lock is not needed: see word.h. */
static void cool_take(struct memlane_pages *p, struct cooler *cooler, u64 page, u64 nr)
{
	struct memlane_leaf *leaf;
	u64 at;

	cooler->nr = 0;
	filemap_invalidate_lock(p->mapping);
	leaf = leaf_at(p, page);
	if (leaf) {
		memlane_pages_unmap(p, page, nr);
		for (at = page; at < page + nr; at++)
			take_page(cooler, leaf, at);
	}
	filemap_invalidate_unlock(p->mapping);
}

/**
 * memlane_cold_take - take a page that was found not to become smaller
 * @p: pages of an arena
 * @leaf: of these
 * @nr: number of the page in the data area; unmapped
 *
 * Context: as for the cooler: invalidate_lock for writing, core.mover.
 * Return: the page, COOLING, with a reference of the caller's; NULL: it stays.
 */
struct page *memlane_cold_take(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr)
{
	unsigned long *at = &leaf->word[in_leaf(nr)], word = READ_ONCE(*at);
	struct page *page = word_page(word);

	assert_core_mover(p);
	lockdep_assert_held_write(&p->mapping->invalidate_lock);
	if (!word_is_page(word) || !may_take(page) || !is_stiff(page))
		return NULL;
	get_page(page);
	WRITE_ONCE(*at, word_make(page, WORD_COOLING));
	return page;
}

/**
 * memlane_cold_give_back - a page stays after all
 * @p: pages of an arena
 * @leaf: of these
 * @nr: number of the page in the data area
 * @page: from memlane_cold_take(); its reference is the caller's still
 *
 * Context: invalidate_lock for reading.
 */
void memlane_cold_give_back(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
			    struct page *page)
{
	lockdep_assert_held(&p->mapping->invalidate_lock);
	cmpxchg(&leaf->word[in_leaf(nr)], word_make(page, WORD_COOLING),
		word_make(page, WORD_PAGE));
}

static void cool_squeeze(struct memlane_cold *c, struct cooler *cooler, struct taken *t)
{
	void *bytes = page_address(t->page);
	unsigned long handle;
	u32 pattern;
	size_t size;

	if (is_same(bytes, &pattern)) {
		t->word = word_same(pattern);
		return;
	}
	size = squeeze(cooler, bytes);
	t->stiff = !size;
	handle = size ? pool_malloc(c->pool, size, t->page) : 0;
	if (!handle)
		return;
	memlane_zs_write(c->pool, handle, cooler->squeezed, size);
	atomic64_inc(&c->compressed);
	t->word = handle | WORD_COMP;
}

/* The page stays. It is stiff as long as PG_dirty stays clear. */
static void page_stays(struct memlane_pages *p, struct memlane_leaf *leaf, const struct taken *t)
{
	if (t->stiff)
		set_page_private(t->page, MEMLANE_PAGE_STIFF);
	memlane_cold_give_back(p, leaf, t->nr, t->page);
}

/* Return: whether the page has gone: nobody took it back, and the word leads to its bytes. */
static bool commit_page(struct memlane_pages *p, const struct taken *t)
{
	unsigned long cooling = word_make(t->page, WORD_COOLING);
	struct memlane_leaf *leaf = leaf_at(p, t->nr);
	unsigned long *at;

	if (!leaf)
		return false;
	if (!t->word) {
		page_stays(p, leaf, t);
		return false;
	}
	at = &leaf->word[in_leaf(t->nr)];
	/* What was written to the pool comes before the word that leads there. */
	if (cmpxchg(at, cooling, t->word) != cooling)
		return false;
	memlane_leaf_count(p, leaf, t->nr, cooling, t->word);
	return true;
}

static void cool_count(struct memlane_cold *c, const struct taken *t)
{
	atomic64_inc(&c->cooled);
	if (word_tag(t->word) == WORD_SAME)
		atomic64_inc(&c->same);
}

/* Return: pages that have gone. The cooler's references are dropped after the lock. */
static u64 cool_commit(struct memlane_pages *p, struct cooler *cooler)
{
	struct taken *t, *end = cooler->taken + cooler->nr;
	u64 gone = 0;

	filemap_invalidate_lock_shared(p->mapping);
	for (t = cooler->taken; t < end; t++) {
		if (commit_page(p, t)) {
			cool_count(&p->cold, t);
			memlane_page_drop(t->page);	/* the word's */
			gone++;
		} else if (word_tag(t->word) == WORD_COMP) {
			memlane_cold_free(&p->cold, word_handle(t->word));
		}
		if (t->stiff)
			atomic64_inc(&p->cold.refused);
	}
	filemap_invalidate_unlock_shared(p->mapping);
	for (t = cooler->taken; t < end; t++)
		put_page(t->page);
	return gone;
}

static u64 cool_batch(struct memlane_pages *p, u64 page, u64 nr)
{
	struct cooler *cooler = p->cold.cooler;
	unsigned int i;

	cool_take(p, cooler, page, nr);
	for (i = 0; i < cooler->nr; i++) {
		cool_squeeze(&p->cold, cooler, &cooler->taken[i]);
		cond_resched();
	}
	return cooler->nr ? cool_commit(p, cooler) : 0;
}

static int cooler_make(struct memlane_pages *p)
{
	struct cooler *cooler;

	if (memlane_pages_charge(p, sizeof(*cooler)))
		return -ENOMEM;
	cooler = kvmalloc(sizeof(*cooler), GFP_KERNEL_ACCOUNT | GFP_CALL);
	if (!cooler) {
		memlane_pages_uncharge(p, sizeof(*cooler));
		return -ENOMEM;
	}
	p->cold.cooler = cooler;
	return 0;
}

/* Zsmalloc wants a name that no other pool has. */
static int pool_make(struct memlane_pages *p, u32 id)
{
	char name[16];

	snprintf(name, sizeof(name), "memlane-%u", id);
	p->cold.pool = zs_create_pool(name);
	return p->cold.pool ? 0 : -ENOMEM;
}

static int cold_make(struct memlane_pages *p, u32 id)
{
	int err = 0;

	if (!p->cold.cooler)
		err = cooler_make(p);
	if (!err && !p->cold.pool)
		err = pool_make(p, id);
	return err;
}

/**
 * memlane_pages_cool - put away the bytes of pages that are not used
 * @p: pages of an arena
 * @page: first
 * @nr: how many
 * @id: of the arena
 *
 * A page stays if somebody else holds it, or if it does not become smaller. A touch brings
 * a page back.
 *
 * Context: core.mover, not core.lock: allocations go on, and a fault takes its page back.
 * Return: pages that have gone; -ENOMEM: for the cooler or the pool; -EINTR.
 */
s64 memlane_pages_cool(struct memlane_pages *p, u64 page, u64 nr, u32 id)
{
	u64 end = page + nr, n, gone = 0;
	int err;

	assert_core_mover(p);
	lockdep_assert_not_held(&core_of(p)->lock);
	err = cold_make(p, id);
	if (err)
		return err;
	for (page = memlane_leaf_next(p, page, end); page < end;
	     page = memlane_leaf_next(p, page + n, end)) {
		n = min_t(u64, leaf_span(page, end), BATCH);
		gone += cool_batch(p, page, n);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return gone;
}

/**
 * memlane_cold_bytes - memory that compressed bytes take
 * @p: pages of an arena
 *
 * Context: core.lock.
 */
u64 memlane_cold_bytes(const struct memlane_pages *p)
{
	struct zs_pool *pool = READ_ONCE(p->cold.pool);

	assert_core_lock(p);
	return pool ? (u64)zs_get_total_pages(pool) << PAGE_SHIFT : 0;
}

/* No word leads to the pool any more. */
void memlane_cold_exit(struct memlane_pages *p)
{
	if (p->cold.pool)
		zs_destroy_pool(p->cold.pool);
	if (!p->cold.cooler)
		return;
	kvfree(p->cold.cooler);
	memlane_pages_uncharge(p, sizeof(*p->cold.cooler));
}

/* -------------------------------------------------------- init, fini */

int memlane_cold_init(void)
{
	struct bounce *bounce;
	int cpu;

	for_each_possible_cpu(cpu) {
		bounce = per_cpu_ptr(&bounces, cpu);
		bounce->page = kmalloc_node(PAGE_SIZE, GFP_KERNEL, cpu_to_node(cpu));
		if (!bounce->page) {
			memlane_cold_fini();
			return -ENOMEM;
		}
	}
	return 0;
}

void memlane_cold_fini(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu_ptr(&bounces, cpu)->page);
}
