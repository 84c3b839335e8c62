/* SPDX-License-Identifier: MIT */
/* CUSTOM: a treap, its priorities hashed from node addresses; same interface, same order */
#ifndef ML_SHIM_RBTREE_H
#define ML_SHIM_RBTREE_H

#include <linux/container_of.h>
#include <linux/types.h>

struct rb_node {
	struct rb_node *up;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT			((struct rb_root){ NULL })
#define RB_EMPTY_ROOT(r)	((r)->rb_node == NULL)
#define rb_entry(p, type, member)	container_of(p, type, member)

static inline u64 ml_shim_rank(const struct rb_node *n)
{
	u64 x = (unsigned long)n * 0x9e3779b97f4a7c15ULL;

	return (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
}

/* Put @n where @old hangs; the children of both are the caller's affair. */
static inline void ml_shim_hang(struct rb_root *r, struct rb_node *old, struct rb_node *n)
{
	struct rb_node *up = old->up;

	*(!up ? &r->rb_node : up->rb_left == old ? &up->rb_left : &up->rb_right) = n;
	if (n)
		n->up = up;
}

/* Rotate @n above its parent. */
static inline void ml_shim_rise(struct rb_root *r, struct rb_node *n)
{
	struct rb_node *p = n->up;
	bool left = p->rb_left == n;
	struct rb_node **in = left ? &n->rb_right : &n->rb_left;

	ml_shim_hang(r, p, n);
	*(left ? &p->rb_left : &p->rb_right) = *in;
	if (*in)
		(*in)->up = p;
	*in = p;
	p->up = n;
}

static inline void rb_link_node(struct rb_node *n, struct rb_node *parent,
				struct rb_node **link)
{
	n->up = parent;
	n->rb_left = n->rb_right = NULL;
	*link = n;
}

static inline void rb_insert_color(struct rb_node *n, struct rb_root *r)
{
	while (n->up && ml_shim_rank(n) > ml_shim_rank(n->up))
		ml_shim_rise(r, n);
}

static inline void rb_erase(struct rb_node *n, struct rb_root *r)
{
	while (n->rb_left && n->rb_right)
		ml_shim_rise(r, ml_shim_rank(n->rb_left) > ml_shim_rank(n->rb_right) ?
			     n->rb_left : n->rb_right);
	ml_shim_hang(r, n, n->rb_left ? n->rb_left : n->rb_right);
}

/* From @n as far as it goes to one side. */
static inline struct rb_node *ml_shim_far(struct rb_node *n, bool right)
{
	struct rb_node *last = NULL;

	for (; n; n = right ? n->rb_right : n->rb_left)
		last = n;
	return last;
}

/* The neighbour of @n in the tree's order. */
static inline struct rb_node *ml_shim_beside(const struct rb_node *n, bool right)
{
	struct rb_node *in = right ? n->rb_right : n->rb_left;

	if (in)
		return ml_shim_far(in, !right);
	while (n->up && (right ? n->up->rb_right : n->up->rb_left) == n)
		n = n->up;
	return n->up;
}

#define rb_first(r)	ml_shim_far((r)->rb_node, false)
#define rb_last(r)	ml_shim_far((r)->rb_node, true)
#define rb_next(n)	ml_shim_beside(n, true)
#define rb_prev(n)	ml_shim_beside(n, false)

static inline void rb_add(struct rb_node *n, struct rb_root *r,
			  bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &r->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = less(n, parent) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(n, parent, link);
	rb_insert_color(n, r);
}

#endif
