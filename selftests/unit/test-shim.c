// SPDX-License-Identifier: MIT
/* test-shim.c - the stand-ins for the kernel's headers do what those promise */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>

#include "ktap.h"

#define NODES 2000

struct item {
	struct rb_node node;
	struct list_head list;
	int key;
	bool in;
};

static struct item item[NODES];

static bool less(struct rb_node *x, const struct rb_node *y)
{
	return rb_entry(x, struct item, node)->key <
	       container_of((struct rb_node *)y, struct item, node)->key;
}

/* In order both ways, every node once, children and parents agree. */
static void compare(struct rb_root *root, int nr)
{
	struct rb_node *n;
	int last = -1, i = 0;

	for (n = rb_first(root); n; n = rb_next(n), i++) {
		expect(rb_entry(n, struct item, node)->in);
		expect(rb_entry(n, struct item, node)->key > last);
		last = rb_entry(n, struct item, node)->key;
		expect(n->up ? n->up->rb_left == n || n->up->rb_right == n : root->rb_node == n);
	}
	expect_eq(i, nr);
	for (n = rb_last(root); n; n = rb_prev(n), i--)
		expect(rb_entry(n, struct item, node)->in);
	expect_eq(i, 0);
	expect_eq(RB_EMPTY_ROOT(root), nr == 0);
}

static void tree(void)
{
	struct rb_root root = RB_ROOT;
	struct rng r = rng_new();
	u64 ops = ktap_ops(100000);
	int nr = 0;

	for (; ops; ops--) {
		struct item *it = &item[rng_below(&r, NODES)];

		it->key = it - item;
		if (it->in)
			rb_erase(&it->node, &root);
		it->in = !it->in;
		nr += it->in ? 1 : -1;
		if (it->in)
			rb_add(&it->node, &root, less);
		if (ops % 512 == 0)
			compare(&root, nr);
	}
}

/* Sorted keys are the worst case of a tree without balance. */
static void balance(void)
{
	struct rb_root root = RB_ROOT;
	struct rb_node *n;
	int i, depth, deepest = 0;

	for (i = 0; i < NODES; i++) {
		item[i].key = i;
		rb_add(&item[i].node, &root, less);
	}
	for (i = 0; i < NODES; i++) {
		for (depth = 0, n = &item[i].node; n; n = n->up)
			depth++;
		deepest = max(deepest, depth);
	}
	expect(deepest < 60);
}

static void list(void)
{
	struct list_head head, *h = &head;
	struct item *it;
	int i, n = 0;

	INIT_LIST_HEAD(h);
	expect(list_empty(h) && !list_is_singular(h));
	for (i = 0; i < 3; i++) {
		item[i].key = i;
		list_add(&item[i].list, h);		/* 2 1 0 */
	}
	list_move_tail(&item[2].list, h);		/* 1 0 2 */
	list_move(&item[0].list, h);			/* 0 1 2 */
	list_for_each_entry(it, h, list)
		expect_eq(it->key, n++);
	expect_eq(n, 3);
	expect(list_last_entry(h, struct item, list) == &item[2]);
	list_del(&item[0].list);
	list_del(&item[2].list);
	expect(list_is_singular(h) && list_first_entry(h, struct item, list) == &item[1]);
}

static void words(void)
{
	u64 w = 5, was = 5;

	expect(try_cmpxchg(&w, &was, 6ULL) && w == 6);
	was = 5;
	expect(!try_cmpxchg(&w, &was, 7ULL) && was == 6 && w == 6);
	expect_eq(cmpxchg(&w, 6ULL, 8ULL), 6);
	expect_eq(cmpxchg(&w, 6ULL, 9ULL), 8);
	expect_eq(xchg(&w, 1ULL), 8);
	expect_eq(READ_ONCE(w), 1);
}

static void numbers(void)
{
	int i;

	for (i = 0; i < 64; i++) {
		expect_eq(ilog2(1ULL << i), i);
		expect(is_power_of_2(1ULL << i));
		expect(i < 2 || !is_power_of_2((1ULL << i) - 1));
	}
	expect(!is_power_of_2(0));
	expect_eq(mul_u64_u64_div_u64(~0ULL, 1000, 1000), ~0ULL);
	expect_eq(div_u64(~0ULL, 10), ~0ULL / 10);
	expect_eq(min(3, 4), 3);
	expect_eq(max(3, 4), 4);
	expect_eq(max_t(u64, -1, 1), -1);
	expect_eq(ENOSPC, 28);
}

static void locks(void)
{
	struct mutex m;

	mutex_init(&m);
	lockdep_assert_not_held(&m);
	mutex_lock(&m);
	lockdep_assert_held(&m);
	expect(!mutex_trylock(&m));
	mutex_unlock(&m);
	expect(mutex_trylock(&m));
	mutex_unlock(&m);
	expect_eq(mutex_lock_killable(&m), 0);
	mutex_unlock(&m);
	mutex_destroy(&m);
}

static const struct test tests[] = {
	{ "shim_tree", tree },
	{ "shim_balance", balance },
	{ "shim_list", list },
	{ "shim_words", words },
	{ "shim_numbers", numbers },
	{ "shim_locks", locks },
};

KTAP_MAIN(tests);
