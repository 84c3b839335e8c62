// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* table.c - handles: indices, entries */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "class.h"
#include "table.h"
#include "vacancy.h"
#include "vec.h"

#define AGED_GENERATIONS	8	/* left to each index of an aged arena */

static int vecs_init(struct ml_arena *a, u64 nr)
{
	struct ml_table *t = &a->table;
	int err;

	err = ml_vec_init(a, &t->entry, nr, ML_ENTRY_SHIFT, MEMLANE_REGION_TABLE);
	if (!err)
		err = ml_vec_init(a, &t->cls, nr, 12, MEMLANE_REGION_CLASS);
	if (!err)
		err = ml_vec_init(a, &t->note, nr, 11, MEMLANE_REGION_NOTE);
	if (!err)
		err = ml_vec_init(a, &t->pin, nr, ML_PIN_SHIFT, MEMLANE_REGION_PIN);
	if (!err)
		err = ml_vec_init(a, &t->size, nr, 9, MEMLANE_REGION_SIZE);
	if (!err)
		err = ml_vec_init(a, &t->state, nr, ML_STATE_SHIFT, ML_PRIVATE);
	if (!err)
		err = ml_vacancy_init(a, nr);
	t->entry.first = t->cls.first = t->note.first = t->pin.first = t->size.first = t->first;
	t->state.first = t->first;
	return err;
}

/**
 * ml_table_init - an empty table
 * @a: arena
 * @handles: one more than may be bound at a time; 2 to 2^30
 * @nr: number of indices, of which the first is never used
 * @aged: MEMLANE_CREATE_AGED
 *
 * Return: 0 or -ENOMEM; ml_table_exit() in either case.
 */
int ml_table_init(struct ml_arena *a, u64 handles, u64 nr, bool aged)
{
	a->table.first_gen = aged ? MEMLANE_GEN_MAX - AGED_GENERATIONS + 1 : 1;
	a->table.top = a->table.first + 1;
	a->table.end = a->table.first + nr;
	a->table.most = handles - 1;
	return vecs_init(a, nr);
}

void ml_table_exit(struct ml_arena *a)
{
	struct ml_table *t = &a->table;

	ml_vec_exit(a, &t->entry);
	ml_vec_exit(a, &t->cls);
	ml_vec_exit(a, &t->note);
	ml_vec_exit(a, &t->pin);
	ml_vec_exit(a, &t->size);
	ml_vec_exit(a, &t->state);
	ml_vec_exit(a, &t->vacancy);
}

/* Of a bound index. */
static void set_state(struct ml_arena *a, u32 index, u32 state)
{
	*(u8 *)ml_vec_made(&a->table.state, index) = state;
}

/* It is in no batch any more. */
static void lose_place(const struct ml_words *w)
{
	*w->state = (*w->state & ~(ML_STATE_MASK | ML_IN_BATCH)) | ML_PLACELESS;
}

/* Was it ever given out? Any value; some ask without the lock. */
static bool is_known(const struct ml_arena *a, u32 index)
{
	return index > a->table.first && index < READ_ONCE(a->table.top);
}

/**
 * ml_index_state - private state byte of an index
 * @a: arena
 * @index: any value
 *
 * Of a block that was given back there is no byte left: its indices are used up.
 */
unsigned int ml_index_state(const struct ml_arena *a, u32 index)
{
	const u8 *state;

	if (!is_known(a, index))
		return ML_NONE;
	state = ml_vec_at(&a->table.state, index);
	return state ? *state : ML_RETIRED;
}

/**
 * ml_index_gone - how many indices from this one on were given back with their pages
 * @a: arena
 * @index: any value
 *
 * For walks, which need not look at them: there is nothing. Context: any; no lock.
 */
u32 ml_index_gone(const struct ml_arena *a, u32 index)
{
	if (!is_known(a, index) || ml_vec_at(&a->table.state, index))
		return 0;
	return ML_INDEX_BLOCK - ((index - a->table.first) & (ML_INDEX_BLOCK - 1));
}

bool ml_index_bound(const struct ml_arena *a, u32 index)
{
	return ml_index_state(a, index) & ML_BOUND;
}

bool ml_index_in_batch(const struct ml_arena *a, u32 index)
{
	return ml_index_state(a, index) & ML_IN_BATCH;
}

/* A bound index is in doubt until it is unbound: see mag.c. */
void ml_index_suspect(struct ml_arena *a, u32 index)
{
	/* It may have been unbound since it was found, and used up. */
	if (ml_index_bound(a, index))
		set_state(a, index, ml_index_state(a, index) | ML_SUSPECT);
}

bool ml_index_suspected(const struct ml_arena *a, u32 index)
{
	return ml_index_state(a, index) & ML_SUSPECT;
}

/* Bound, and to a place: not purged. */
bool ml_index_placed(const struct ml_arena *a, u32 index)
{
	return (ml_index_state(a, index) & ML_STATE_MASK) == ML_BOUND;
}

/**
 * ml_index_block - the states of an index and of those behind it
 * @a: arena; arena.lock
 * @index: below top, and not the first of all
 * @nr: out: how many, up to the end of its block
 *
 * For walks. Return: their bytes in table.state, or NULL if they were given back.
 */
const u8 *ml_index_block(const struct ml_arena *a, u32 index, u32 *nr)
{
	const u32 in_block = (index - a->table.first) & (ML_INDEX_BLOCK - 1);
	const u8 *state = ml_vec_page(&a->table.state, index - a->table.first);

	lockdep_assert_held(&a->lock);
	*nr = min(ML_INDEX_BLOCK - in_block, a->table.top - index);
	return state ? state + in_block : NULL;
}

/* The program's note: any value may be read here. */
static u16 note_read(const struct ml_arena *a, u32 index)
{
	const u16 *note = ml_vec_at(&a->table.note, index);

	return note ? READ_ONCE(*note) : 0;
}

static u64 size_read(const struct ml_arena *a, u32 index)
{
	const u64 *size = ml_vec_at(&a->table.size, index);

	return size ? READ_ONCE(*size) & MEMLANE_SIZE_MASK : 0;
}

/* Bytes of a place of the class that the program's word says; 0: of a blob. */
static u32 room_told(const struct ml_arena *a, u32 index)
{
	const u8 *word = ml_vec_at(&a->table.cls, index), cls = word ? READ_ONCE(*word) : 0;

	return cls < ML_CLASSES ? ml_class_size(cls) : 0;
}

/**
 * ml_index_size - bytes that were asked for, as the program's words say
 * @a: arena
 * @index: any value
 *
 * Any value up to MEMLANE_SIZE_MASK: what a place has room for is the engine's to know.
 */
u64 ml_index_size(const struct ml_arena *a, u32 index)
{
	u16 note = note_read(a, index);
	u32 room;

	if (memlane_note_is_far(note))
		return size_read(a, index);
	room = room_told(a, index);
	return room - min(room, note & MEMLANE_SLACK_MASK);
}

/* ml_index_size() > @bytes: of most the class says that it is not. */
bool ml_index_larger(const struct ml_arena *a, u32 index, u64 bytes)
{
	const u8 *cls = ml_vec_at(&a->table.cls, index);
	u32 is = cls ? READ_ONCE(*cls) : MEMLANE_CLASS_BLOB;

	if (is < ML_CLASSES && ml_class_size(is) <= bytes)
		return false;
	return ml_index_size(a, index) > bytes;
}

/**
 * ml_index_describe - write what tells the class and the size of a new object
 * @a: arena; arena.lock
 * @index: bound, and not live
 * @cls: of its place
 * @bytes: asked for
 *
 * It has no maker: every thread frees it by compare-exchange. Return: 0 or -ENOMEM.
 */
int ml_index_describe(struct ml_arena *a, u32 index, unsigned int cls, u64 bytes)
{
	u8 *class_word = ml_vec_make(a, &a->table.cls, index);
	u16 *note = ml_vec_make(a, &a->table.note, index), is;
	u64 *size = NULL;

	lockdep_assert_held(&a->lock);
	is = memlane_note_with(0, cls < ML_CLASSES ? ml_class_size(cls) - bytes : MEMLANE_SLACK_FAR);
	if (memlane_note_is_far(is))
		size = ml_vec_make(a, &a->table.size, index);
	if (!class_word || !note || (memlane_note_is_far(is) && !size))
		return -ENOMEM;
	if (size)
		WRITE_ONCE(*size, memlane_size_word(cls, bytes));
	WRITE_ONCE(*note, is);
	WRITE_ONCE(*class_word, cls);
	return 0;
}

/* So that ml_index_resize() has where to write. Return: 0 or -ENOMEM. */
int ml_index_resize_prepare(struct ml_arena *a, u32 index)
{
	return ml_vec_make(a, &a->table.size, index) ? 0 : -ENOMEM;
}

/*
 * Nobody ends the object meanwhile: it is BUSY. Who looks at it finds the size of before or
 * this one, each with its class: so the size word tells both, and is there before the note
 * says so, which is before the class. What the program writes there is its harm.
 */
void ml_index_resize(struct ml_arena *a, u32 index, unsigned int cls, u64 bytes)
{
	u64 *size = ml_vec_at(&a->table.size, index);
	u16 *note = ml_vec_at(&a->table.note, index), is;
	u8 *class_word = ml_vec_at(&a->table.cls, index);

	if (!size || !note || !class_word)
		return;
	/* A blob has no maker. */
	is = memlane_note_with(cls == MEMLANE_CLASS_BLOB ? 0 : READ_ONCE(*note), MEMLANE_SLACK_FAR);
	WRITE_ONCE(*size, memlane_size_word(cls, bytes));
	smp_store_release(note, is);	/* pairs with extent_load() of the library */
	smp_store_release(class_word, cls);	/* see above */
}

/* How much it matters to the program: 0 to MEMLANE_PRIORITIES - 1. */
u32 ml_index_priority(const struct ml_arena *a, u32 index)
{
	return (ml_index_notes(a, index) & MEMLANE_PIN_PRIORITY_MASK) >> MEMLANE_PIN_PRIORITY_SHIFT;
}

/* The last four ageing periods, newest in bit 0: in which was it used? */
unsigned int ml_index_heat(const struct ml_arena *a, u32 index)
{
	return ml_index_state(a, index) >> ML_HEAT_SHIFT;
}

/**
 * ml_index_age - an ageing period ends for an index
 * @a: arena; arena.lock
 * @index: a bound index
 *
 * A used entry becomes an idle one, which the next use makes used again.
 */
void ml_index_age(struct ml_arena *a, u32 index)
{
	unsigned int state = ml_index_state(a, index);
	u64 *e = ml_entry(a, index), word = READ_ONCE(*e);
	bool used = memlane_entry_state(word) == MEMLANE_ENTRY_USED;
	unsigned int heat = (state >> ML_HEAT_SHIFT) << 1 | used;

	lockdep_assert_held(&a->lock);
	if (used)
		cmpxchg(e, word, memlane_entry_to(word, MEMLANE_ENTRY_IDLE, 0));
	set_state(a, index, (state & ((1U << ML_HEAT_SHIFT) - 1)) | (heat & 0xf) << ML_HEAT_SHIFT);
}

/* Address of the published word; NULL if the index never was used. */
u64 *ml_entry(const struct ml_arena *a, u32 index)
{
	return index < READ_ONCE(a->table.top) ? ml_vec_at(&a->table.entry, index) : NULL;
}

u64 ml_entry_read(const struct ml_arena *a, u32 index)
{
	u64 *e = ml_entry(a, index);

	/* Pairs with the release by which the word was last published. */
	return e ? smp_load_acquire(e) : 0;
}

/**
 * ml_entry_peek - the published word, for who does not hold arena.lock
 * @a: arena
 * @index: any value
 *
 * Takes arena.grow, under which the word's page is not given back.
 */
u64 ml_entry_peek(struct ml_arena *a, u32 index)
{
	u64 word;

	mutex_lock(&a->grow);
	word = ml_entry_read(a, index);
	mutex_unlock(&a->grow);
	return word;
}

/* The same for the note. */
u16 ml_note_peek(struct ml_arena *a, u32 index)
{
	u16 note;

	mutex_lock(&a->grow);
	note = note_read(a, index);
	mutex_unlock(&a->grow);
	return note;
}

static bool index_pages(struct ml_arena *a, u32 index)
{
	struct ml_table *t = &a->table;

	return ml_vec_make(a, &t->entry, index) && ml_vec_make(a, &t->state, index) &&
	       ml_vacancy_make(a, index);
}

static int take_index(struct ml_arena *a, u32 *index, struct ml_words *w)
{
	struct ml_table *t = &a->table;

	if (t->bound - t->emptied >= t->most)
		return -ENOSPC;
	if (t->free) {
		*index = ml_vacancy_take(a, &w->state);
		w->entry = ml_vec_known(&t->entry, *index - t->first, ML_ENTRY_SHIFT);
		return 0;
	}
	if (t->top >= t->end)
		return -ENOSPC;
	if (!index_pages(a, t->top))
		return -ENOMEM;
	*index = t->top;
	*w = ml_words_of(a, *index);
	WRITE_ONCE(t->top, t->top + 1);
	return 0;
}

/**
 * ml_index_bind - give a place a name
 * @a: arena; arena.lock
 * @loc: the place
 * @index: out
 *
 * Publishes a word that is not live. Return: 0, -ENOSPC (all indices in use)
 * or -ENOMEM.
 */
int ml_index_bind(struct ml_arena *a, u64 loc, u32 *index)
{
	struct ml_words w;
	u32 gen;
	int err;

	lockdep_assert_held(&a->lock);
	err = take_index(a, index, &w);
	if (err)
		return err;
	gen = memlane_entry_gen(READ_ONCE(*w.entry));
	*w.state = ML_BOUND | 0xfU << ML_HEAT_SHIFT;
	a->table.bound++;
	/* Pairs with the acquire of the thread that takes the index from stock. */
	smp_store_release(w.entry, memlane_entry_free(gen ? gen : a->table.first_gen, *index, loc));
	return 0;
}

/* Are all indices of a block used up? The first one of all is never used. */
static bool block_is_over(const struct ml_arena *a, u32 from)
{
	const struct ml_table *t = &a->table;
	u32 end = min(from + ML_INDEX_BLOCK, t->end), index;

	if (t->top < end)
		return false;
	for (index = from; index < end; index++)
		if (index != t->first && ml_index_state(a, index) != ML_RETIRED)
			return false;
	return true;
}

/*
 * Its words go back to the system, and read as 0 from now on: that is no handle's. The
 * private ones go first: who finds those gone makes no page in place of a shared one.
 */
static void block_end(struct ml_arena *a, u32 from)
{
	struct ml_table *t = &a->table;

	t->over++;
	ml_vec_drop(a, &t->state, from, ML_INDEX_BLOCK);
	ml_vec_drop(a, &t->size, from, ML_INDEX_BLOCK);
	ml_vec_drop(a, &t->pin, from, ML_INDEX_BLOCK);
	ml_vec_drop(a, &t->note, from, ML_INDEX_BLOCK);
	ml_vec_drop(a, &t->cls, from, ML_INDEX_BLOCK);
	ml_vec_drop(a, &t->entry, from, ML_INDEX_BLOCK);
}

/* Its generations are used up. What @w names may be gone afterwards. */
static void retire(struct ml_arena *a, u32 index, const struct ml_words *w)
{
	u32 from = index - ((index - a->table.first) & (ML_INDEX_BLOCK - 1));

	*w->state = ML_RETIRED;
	a->table.retired++;
	/* Pairs with ml_entry_read(), which is also called without the lock. */
	smp_store_release(w->entry, memlane_entry_free(0, index, 0));
	if (block_is_over(a, from))
		block_end(a, from);
}

/* An index that has no place is unbound. There are as many as both say together. */
static void forget_placeless(struct ml_arena *a, u64 word)
{
	bool stock = memlane_entry_state(word) == MEMLANE_ENTRY_EMPTY;

	if (a->table.emptied && (stock || !a->table.purged))
		a->table.emptied--;
	else
		a->table.purged--;
}

/**
 * ml_index_stock - whether nobody lives in an index, so that it may be unbound
 * @a: arena; arena.lock
 * @index: any value
 * @w: out: its words
 * @word: out: what its entry says
 *
 * A dropped object is not stock before it was ended: its handle is still held.
 * Return: 0; -EBADF not bound; -EBUSY live, or dropped.
 */
int ml_index_stock(const struct ml_arena *a, u32 index, struct ml_words *w, u64 *word)
{
	u8 *states;

	lockdep_assert_held(&a->lock);
	if (!is_known(a, index))
		return -EBADF;
	index = array_index_nospec(index, a->table.top) - a->table.first;
	states = ml_vec_known(&a->table.state, index & ~(u64)(ML_INDEX_BLOCK - 1), ML_STATE_SHIFT);
	if (!states)
		return -EBADF;	/* its block was given back */
	w->state = &states[index & (ML_INDEX_BLOCK - 1)];
	if (!(*w->state & ML_BOUND))
		return -EBADF;
	w->entry = ml_vec_known(&a->table.entry, index, ML_ENTRY_SHIFT);
	/* Pairs with the release by which it became stock. */
	*word = smp_load_acquire(w->entry);
	return ml_is_stock(*word) ? 0 : -EBUSY;
}

/**
 * ml_index_unbind - take a place's name away
 * @a: arena; arena.lock, held since ml_index_stock()
 * @index: which
 * @w: from there
 * @word: from there
 *
 * The generation was raised when the object ended. A batch that holds a destination for
 * the index finds out by ML_IN_BATCH being gone.
 *
 * A plain store is enough: users leave stock that is in no magazine of theirs alone, and
 * movers, whose mark may be in the word, need the lock.
 */
void ml_index_unbind(struct ml_arena *a, u32 index, const struct ml_words *w, u64 word)
{
	u32 gen = memlane_entry_gen(word);

	lockdep_assert_held(&a->lock);
	a->table.bound--;
	if (unlikely(!ml_words_placed(w)))
		forget_placeless(a, word);
	if (!gen) {
		retire(a, index, w);
		return;
	}
	*w->state = ML_NONE;
	ml_vacancy_give(a, index, 1);
	/* Pairs with ml_entry_read(), which is also called without the lock. */
	smp_store_release(w->entry, memlane_entry_free(gen, index, 0));
}

/**
 * ml_indices_unbound - indices of one block have lost their names
 * @a: arena; arena.lock
 * @first: the lowest
 * @nr: how many in a row; each was bound to a place, its state is ML_NONE now
 */
void ml_indices_unbound(struct ml_arena *a, u32 first, u32 nr)
{
	lockdep_assert_held(&a->lock);
	a->table.bound -= nr;
	ml_vacancy_give(a, first, nr);
}

/* A bound index loses its place but stays bound until it is freed. */
void ml_index_purge(struct ml_arena *a, const struct ml_words *w)
{
	lose_place(w);
	a->table.purged++;
}

/* The same for stock. */
void ml_index_empty(struct ml_arena *a, const struct ml_words *w)
{
	lose_place(w);
	a->table.emptied++;
}

/**
 * ml_handle - the handle of a bound index
 * @a: arena
 * @index: a bound index
 */
u64 ml_handle(const struct ml_arena *a, u32 index)
{
	return memlane_handle_make(a->cookie, memlane_entry_gen(ml_entry_read(a, index)), index);
}

/* Is this of the arena, and an index's that was used at all? 0, -EXDEV, -EBADF. */
static int check_shape(const struct ml_arena *a, u64 handle)
{
	u32 cookie = memlane_handle_cookie(handle);

	if (!cookie || handle & MEMLANE_HANDLE_ZEROS)
		return -EBADF;
	if (cookie != a->cookie)
		return -EXDEV;
	if (!memlane_handle_gen(handle) || !is_known(a, memlane_handle_index(handle)))
		return -EBADF;
	return 0;
}

/**
 * ml_handle_check - whether a handle names a live object
 * @a: arena; arena.lock
 * @handle: any value
 *
 * Return: 0; -EXDEV foreign; -EBADF wild; -ESTALE freed; -ENODATA purged.
 */
int ml_handle_check(const struct ml_arena *a, u64 handle)
{
	u32 index = memlane_handle_index(handle), gen = memlane_handle_gen(handle);
	u64 word = ml_entry_read(a, index);
	int err = check_shape(a, handle);

	lockdep_assert_held(&a->lock);
	if (err)
		return err;
	if (memlane_entry_gen(word) && gen > memlane_entry_gen(word))
		return -EBADF;
	if (!ml_index_bound(a, index) || gen != memlane_entry_gen(word))
		return -ESTALE;
	if (!ml_index_placed(a, index))
		return ml_is_stock(word) ? -ESTALE : -ENODATA;
	return memlane_entry_is_live(word) ? 0 : -ESTALE;
}
