// SPDX-License-Identifier: MIT
/*
 * test-heap.c - descriptors of an arena in the process: nobody has another's bytes, and pages go back
 *
 * lib/local_heap.c by itself, with addresses from here. The seed is printed; HEAP_SEED takes it back.
 */
#include "../harness.h"
#include "local.h"

enum { SLAB = 2 << 20, MOST = 6000 };

static struct local l;
static unsigned int slabs;	/* that were mapped */
static bool none;	/* no more addresses are to be had */

int refused(const char *call, uint64_t bytes, const char *fields, int err, int as)
{
	return -as;
}

/* As the library's. */
int region_reserve_at(size_t length, int prot, void **p)
{
	char *all, *at;

	*p = NULL;
	if (none)
		return -ENOMEM;
	all = mmap(NULL, length + SLAB, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	expect(all != MAP_FAILED);
	at = (char *)(((uintptr_t)all + SLAB - 1) & ~(uintptr_t)(SLAB - 1));
	if (at > all)
		munmap(all, at - all);
	munmap(at + length, all + SLAB - at);
	*p = at;
	slabs++;
	return 0;
}

static struct descriptor {
	unsigned char *p;
	size_t size;
	unsigned char is;
} had[MOST];

static uint64_t rng;

static uint64_t next(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng >> 8;
}

static void begin(void)
{
	const char *seed = getenv("HEAP_SEED");

	rng = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761U + getpid();
	rng |= 1;
	printf("# HEAP_SEED=%llu\n", (unsigned long long)rng);
	local_heap_init(&l.heap);
}

static bool is_all(const struct descriptor *n, unsigned char is)
{
	size_t i;

	for (i = 0; i < n->size; i++)
		if (n->p[i] != is)
			return false;
	return true;
}

static void take(struct descriptor *n, size_t size)
{
	n->size = size;
	n->p = local_heap_take(&l, size);
	expect(n->p);
	expect(is_all(n, 0));
	n->is = next() | 1;
	memset(n->p, n->is, size);
}

static void give(struct descriptor *n)
{
	expect(is_all(n, n->is));
	local_heap_give(&l, n->p, n->size);
	n->p = NULL;
}

/* Runs, spans, pages, and what malloc() has. */
static size_t any_size(void)
{
	switch (next() % 8) {
	case 0:
		return 4096;
	case 1:
		return 1 + next() % 10000;
	case 2:
	case 3:
		return 80;
	default:
		return 130 + next() % 1600;
	}
}

TEST(nobody_has_what_is_anothers)
{
	unsigned int i;

	begin();
	for (i = 0; i < 200000; i++) {
		struct descriptor *n = &had[next() % MOST];

		if (n->p)
			give(n);
		else
			take(n, any_size());
	}
	for (i = 0; i < MOST; i++)
		if (had[i].p)
			give(&had[i]);
	expect(l.heap.idle <= 16);
	local_heap_exit(&l.heap);
}

TEST(a_page_has_a_page)
{
	struct descriptor run = { }, page = { };

	begin();
	take(&run, 80);
	take(&page, 4096);
	expect_eq((uintptr_t)page.p % 4096, 0);
	give(&page);
	give(&run);
	local_heap_exit(&l.heap);
}

/* Of those from @first on, which are one slab's. */
static unsigned int resident(void *slab)
{
	unsigned char there[SLAB / 4096];
	unsigned int i, nr = 0;

	expect_eq(mincore(slab, SLAB, there), 0);
	for (i = 0; i < sizeof(there); i++)
		nr += there[i] & 1;
	return nr;
}

/* Each of those that are left holds two pages at the most; the header has two. */
TEST(pages_that_have_nothing_left_go_back)
{
	enum { NODES = 1000, EACH = 50 };
	unsigned int i;

	begin();
	for (i = 0; i < NODES; i++)
		take(&had[i], 1500);
	expect_eq(slabs, 1);
	expect(resident(l.heap.slabs) >= NODES * 1500 / 4096);
	for (i = 0; i < NODES; i++)
		if (i % EACH)
			give(&had[i]);
	expect(resident(l.heap.slabs) <= 2 * NODES / EACH + 2 + 16);
	for (i = 0; i < NODES; i += EACH)
		give(&had[i]);
	local_heap_exit(&l.heap);
}

TEST(a_slab_that_is_empty_goes_and_the_lowest_is_next)
{
	enum { NODES = 3000 };	/* two slabs and a half */
	unsigned char *low;
	unsigned int i;

	begin();
	for (i = 0; i < NODES; i++)
		take(&had[i], 1500);
	expect_eq(slabs, 3);
	low = had[10].p;
	give(&had[10]);
	for (i = NODES / 3; i < NODES; i++)
		give(&had[i]);
	expect(l.heap.slabs);
	expect(!*(void **)l.heap.slabs);	/* the next one */
	take(&had[10], 1500);
	expect(had[10].p == low);
	for (i = 0; i < NODES / 3; i++)
		give(&had[i]);
	expect(!l.heap.slabs);
	expect_eq(l.heap.idle, 0);
	local_heap_exit(&l.heap);
}

TEST(no_addresses_are_no_memory)
{
	unsigned int i;

	begin();
	for (i = 0; i < 1000; i++)
		take(&had[i], 1500);
	none = true;
	while (local_heap_take(&l, 1500))
		expect(i++ < MOST);
	expect_eq(slabs, 1);
	take(&had[i], 80);
	none = false;
	take(&had[i + 1], 1500);
	expect_eq(slabs, 2);
	local_heap_exit(&l.heap);
}

/* Ten thousand arenas have a slab each otherwise. */
TEST(a_small_arena_has_no_slab)
{
	begin();
	l.is_small = true;
	take(&had[0], 1500);
	give(&had[0]);
	expect_eq(slabs, 0);
	local_heap_exit(&l.heap);
}
