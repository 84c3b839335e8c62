/* SPDX-License-Identifier: MIT */
/* TRUE: circular, doubly linked; a removed node is poisoned */
#ifndef ML_SHIM_LIST_H
#define ML_SHIM_LIST_H

#include <linux/container_of.h>
#include <linux/compiler.h>

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h->prev = h;
}

static inline void ml_shim_chain(struct list_head *a, struct list_head *b)
{
	a->next = b;
	b->prev = a;
}

static inline void list_add(struct list_head *n, struct list_head *h)
{
	ml_shim_chain(n, h->next);
	ml_shim_chain(h, n);
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	list_add(n, h->prev);
}

static inline void list_del(struct list_head *n)
{
	ml_shim_chain(n->prev, n->next);
	n->next = n->prev = NULL;
}

static inline void list_move(struct list_head *n, struct list_head *h)
{
	list_del(n);
	list_add(n, h);
}

static inline void list_move_tail(struct list_head *n, struct list_head *h)
{
	list_del(n);
	list_add_tail(n, h);
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline int list_is_singular(const struct list_head *head)
{
	return head->next != head && head->next == head->prev;
}

#define list_entry(p, type, member)		container_of(p, type, member)
#define list_first_entry(h, type, member)	list_entry((h)->next, type, member)
#define list_last_entry(h, type, member)	list_entry((h)->prev, type, member)
#define list_next_entry(p, member)	list_entry((p)->member.next, __typeof__(*(p)), member)
#define list_entry_is_head(p, h, member)	(&(p)->member == (h))
#define list_for_each_entry(p, h, member)				\
	for (p = list_first_entry(h, __typeof__(*p), member);		\
	     !list_entry_is_head(p, h, member); p = list_next_entry(p, member))

#endif
