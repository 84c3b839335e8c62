// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vacancy.c - free indices: which of them are given out next
 *
 * Those of one block, one after the other, and then of the block that has the fewest:
 * so names are dense where there are many, and blocks that have few become empty. A
 * block with less than FEW waits until it has more, or none has: else the indices of one
 * refill would be all over the table.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "table.h"
#include "vacancy.h"
#include "vec.h"

#define FEW	32U	/* free indices, in a row or not */
#define SHIFT	8	/* log2 of vacancies a page */
#define STEP	(ML_INDEX_BLOCK / (ML_DENSITIES - 1))

/**
 * ml_vacancy_init - no index is free
 * @a: arena
 * @nr: indices that it may come to
 *
 * Return: 0 or -ENOMEM.
 */
int ml_vacancy_init(struct ml_arena *a, u64 nr)
{
	return ml_vec_init(a, &a->table.vacancy, (nr + ML_INDEX_BLOCK - 1) / ML_INDEX_BLOCK, SHIFT,
			   ML_PRIVATE);
}

static u32 vacancy_block(const struct ml_arena *a, u32 index)
{
	return (index - a->table.first) / ML_INDEX_BLOCK;
}

/* Before the first index of a block is used. False: there is no memory. */
bool ml_vacancy_make(struct ml_arena *a, u32 index)
{
	return ml_vec_make(a, &a->table.vacancy, vacancy_block(a, index));
}

/* Of a block that has been used. */
struct ml_vacancy *ml_vacancy_of(const struct ml_arena *a, u32 block)
{
	return ml_vec_known(&a->table.vacancy, block, SHIFT);
}

static unsigned int list_of(u32 nr)
{
	return nr < FEW ? 0 : 1 + (nr - 1) / STEP;
}

/* On which list is a block with @nr free indices, 1 to ML_INDEX_BLOCK? */
unsigned int ml_vacancy_list(u32 nr)
{
	return list_of(nr);
}

static void list_add_block(struct ml_arena *a, u32 block, struct ml_vacancy *v)
{
	u32 *head = &a->table.dense[list_of(v->nr)];

	v->prev = 0;
	v->next = *head;
	if (*head)
		ml_vacancy_of(a, *head - 1)->prev = block + 1;
	*head = block + 1;
}

static void list_del_block(struct ml_arena *a, const struct ml_vacancy *v)
{
	if (v->prev)
		ml_vacancy_of(a, v->prev - 1)->next = v->next;
	else
		a->table.dense[list_of(v->nr)] = v->next;
	if (v->next)
		ml_vacancy_of(a, v->next - 1)->prev = v->prev;
}

/* The same for another list, or none. */
static void change_list(struct ml_arena *a, u32 block, struct ml_vacancy *v, u32 nr)
{
	if (v->nr)
		list_del_block(a, v);
	v->nr = nr;
	if (nr)
		list_add_block(a, block, v);
}

/* So many of a block's indices are free now. */
static __always_inline void set_nr(struct ml_arena *a, u32 block, struct ml_vacancy *v, u32 nr)
{
	if (likely(v->nr && nr && list_of(v->nr) == list_of(nr)))
		v->nr = nr;
	else
		change_list(a, block, v, nr);
}

/* The block to take from, as one has a free index. */
static u32 densest(const struct ml_arena *a)
{
	unsigned int list;

	for (list = 1; list < ML_DENSITIES; list++)
		if (a->table.dense[list])
			return a->table.dense[list];
	return a->table.dense[0];
}

/* The first byte that is 0 from @i on, of eight by eight. There is one. */
static u32 first_none(const u8 *state, u32 i)
{
	const u64 ones = 0x0101010101010101ULL;
	u64 eight;

	if (likely(!state[i]))
		return i;
	for (; i & 7; i++)
		if (!state[i])
			return i;
	for (;; i += 8) {
		memcpy(&eight, &state[i], sizeof(eight));
		if ((eight - ones) & ~eight & ones << 7)
			break;
	}
	while (state[i])
		i++;
	return i;
}

/**
 * ml_vacancy_take - the free index to give out next
 * @a: arena; arena.lock; an index is free
 * @state: out: its state, which the caller changes
 */
u32 ml_vacancy_take(struct ml_arena *a, u8 **state)
{
	struct ml_table *t = &a->table;
	struct ml_vacancy *v;
	u32 block, i;
	u8 *page;

	lockdep_assert_held(&a->lock);
	if (!t->taking)
		t->taking = densest(a);
	block = t->taking - 1;
	v = ml_vacancy_of(a, block);
	page = ml_vec_known(&t->state, (u64)block * ML_INDEX_BLOCK, ML_STATE_SHIFT);
	i = first_none(page, v->hint);
	*state = &page[i];
	v->hint = i + 1;
	set_nr(a, block, v, v->nr - 1);
	if (!v->nr)
		t->taking = 0;
	t->free--;
	return t->first + block * ML_INDEX_BLOCK + i;
}

/**
 * ml_vacancy_give - indices are free
 * @a: arena; arena.lock
 * @index: the first of them
 * @nr: how many, of one block; the state of each is ML_NONE
 */
void ml_vacancy_give(struct ml_arena *a, u32 index, u32 nr)
{
	u32 block = vacancy_block(a, index), i = (index - a->table.first) % ML_INDEX_BLOCK;
	struct ml_vacancy *v = ml_vacancy_of(a, block);

	lockdep_assert_held(&a->lock);
	v->hint = v->nr ? min_t(u32, v->hint, i) : i;
	set_nr(a, block, v, v->nr + nr);
	a->table.free += nr;
}
