// SPDX-License-Identifier: GPL-2.0-only
/*
 * ahead.c - pages that come back along with one that was touched, where touches come in order
 *
 * A leaf remembers the last touch that had bytes brought back, and how many pages were to come
 * with it. A touch of the next page after these finds twice as many worth it; one of any other
 * place brings its own page alone.
 */
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "ahead.h"
#include "leaf.h"
#include "pages.h"
#include "word.h"

/* Up to the end of the run, or of the leaf: other objects are not meant. */
static unsigned int pages_of_run(const struct memlane_leaf *leaf, u64 nr, unsigned int most)
{
	u64 first = memlane_page_first(leaf, nr);
	unsigned int n = 1;

	most = leaf_span(nr, nr + most);
	while (n < most && READ_ONCE(leaf->word[in_leaf(nr + n)]) != WORD_NONE &&
	       memlane_page_first(leaf, nr + n) == first)
		n++;
	return n;
}

/**
 * memlane_ahead_window - how many pages are to come with one that is touched
 * @p: pages of an arena
 * @leaf: of these
 * @nr: number of the page in the data area; its bytes are away, or were until now
 * @most: pages
 *
 * Others may race, and spoil no more than the answer.
 *
 * Context: invalidate_lock for reading.
 * Return: pages from @nr on, of one run and of @leaf; 1: it comes alone.
 */
unsigned int memlane_ahead_window(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr,
				  unsigned int most)
{
	const struct memlane_leaf *from = in_leaf(nr) || !nr ? leaf : leaf_at(p, nr - 1);
	unsigned int wanted = 1, pages = 1;

	lockdep_assert_held(&p->mapping->invalidate_lock);
	if (from && nr > READ_ONCE(from->touched) && nr <= READ_ONCE(from->ahead))
		wanted = min(2 * READ_ONCE(from->window), most);
	if (wanted > 1)
		pages = pages_of_run(leaf, nr, wanted);
	WRITE_ONCE(leaf->touched, nr);
	WRITE_ONCE(leaf->ahead, nr + pages);
	WRITE_ONCE(leaf->window, in_leaf(nr + pages) ? pages : wanted);
	return pages;
}

/* Bytes that memory has, in a page or without one. */
static bool is_away_in_memory(unsigned long word)
{
	return word_tag(word) == WORD_COMP || (word_tag(word) == WORD_SAME && word != WORD_EMPTY);
}

/**
 * memlane_ahead_restore - bring a page back from memory that nobody asked for
 * @p: pages of an arena
 * @leaf: of these
 * @nr: number of the page in the data area
 *
 * Context: invalidate_lock for reading, as long as the page is used.
 * Return: the page; NULL: it is not away, or in the file; -ENOMEM: nothing is reclaimed for it;
 * or another error.
 */
struct page *memlane_ahead_restore(struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr)
{
	struct page *spare, *page;
	unsigned int met;

	if (!is_away_in_memory(READ_ONCE(leaf->word[in_leaf(nr)])))
		return NULL;
	spare = memlane_page_new_now();
	if (!spare)
		return ERR_PTR(-ENOMEM);
	page = memlane_page_fill(p, leaf, nr, &spare, &met);
	memlane_page_drop(spare);	/* a fault was quicker */
	return page;
}

/**
 * memlane_ahead_note - pages have come along, and the touch of one is to be seen
 * @c: of the arena
 * @last: of these pages; not mapped
 * @nr: how many, with @last
 */
void memlane_ahead_note(struct memlane_cold *c, struct page *last, unsigned int nr)
{
	atomic64_add(nr, &c->ahead);
	WRITE_ONCE(last->private, MEMLANE_PAGE_AHEAD + (nr - 1) * MEMLANE_PAGE_ANOTHER);
}

/**
 * memlane_ahead_used - a touch has found a page that came along
 * @c: of the arena
 * @page: memlane_page_is_ahead(), until somebody else was quicker
 */
void memlane_ahead_used(struct memlane_cold *c, struct page *page)
{
	unsigned long private = READ_ONCE(page->private);

	if (private & MEMLANE_PAGE_AHEAD && cmpxchg(&page->private, private, 0) == private)
		atomic64_add(1 + private / MEMLANE_PAGE_ANOTHER, &c->ahead_hits);
}
