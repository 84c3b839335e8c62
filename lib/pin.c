// SPDX-License-Identifier: MIT
/* pin.c - addresses: for a section, and for as long as a pin is held */
#include <errno.h>

#include "backend.h"
#include "probe.h"
#include "watch.h"

/*
 * Keep the object where it is; @use: that is a use of it. False: the entry has changed,
 * look again.
 */
static bool claim(struct memlane *m, uint32_t index, uint64_t e, bool use)
{
	unsigned int state = memlane_entry_unmarked(memlane_entry_state(e));
	uint64_t want;

	if (use && state == MEMLANE_ENTRY_IDLE)
		state = MEMLANE_ENTRY_USED;
	if (state == memlane_entry_state(e))
		return true;
	want = memlane_entry_to(e, state, m->cookie);
	if (!entry_swap(m, index, &e, want))
		return false;
	if (!memlane_entry_is_marked(e))
		return true;
	probe(veto, m->cookie, index);
	if (__atomic_load_n(&memlane_self->arena, __ATOMIC_RELAXED) == m)
		count(&this_thread()->slot->vetoes, 1);
	return true;
}

/*
 * What an entry that is good gives: a planned move is stopped, a copy under way is
 * waited for. False: look again.
 */
static bool settle(struct memlane *m, uint32_t index, uint64_t e, bool use, void **p)
{
	if (memlane_entry_is_busy(e)) {
		wait_copy(m, index);
		return false;
	}
	*p = entry_data(m, index, e);
	return claim(m, index, e, use);
}

/* The address of an object, for a thread in a section. 0, -ESTALE, -EXDEV, -EBADF. */
static int resolve(struct memlane *m, memlane_handle h, bool use, void **p)
{
	uint64_t e;
	int err = handle_check(m, h);

	while (!err) {
		err = entry_find(m, h, &e);
		if (!err && settle(m, memlane_handle_index(h), e, use, p))
			return 0;
	}
	*p = NULL;
	return err;
}

/* The same behind pin_add(), for a handle that was good: a free is not waited for. */
static __always_inline int resolve_pinned(struct memlane *m, memlane_handle h,
					  const uint64_t *entry, bool use, void **p)
{
	uint64_t e;
	int err;

	do {
		e = __atomic_load_n(entry, __ATOMIC_SEQ_CST);
		err = entry_check(e, h);
	} while (!err && !settle(m, memlane_handle_index(h), e, use, p));
	return err;
}

/* What memlane_get() does when its one test fails; in the child of a fork too. */
void *memlane_get_slow(struct memlane *m, memlane_handle h)
{
	void *p;

	if (!m->buried && watch_may_get(m, h))
		resolve(m, h, true, &p);
	else
		p = NULL;
	if (p && unlikely(m->watch))
		moves_given(m, h);
	return p;
}

int memlane_try_get(struct memlane *m, memlane_handle h, uint64_t size, void **p)
{
	int err = -EOWNERDEAD;

	*p = NULL;
	if (!m->buried)
		err = unlikely(m->watch) && !watch_may_get(m, h) ?
			      -ENOLCK :
			      resolve(m, h, true, p);
	if (err)
		return err;
	if (unlikely(m->watch))
		moves_given(m, h);
	if (size <= size_load(m, memlane_handle_index(h)))
		return 0;
	*p = NULL;
	return -ERANGE;
}

static int pin_add(uint64_t *pin)
{
	uint64_t w = __atomic_load_n(pin, __ATOMIC_RELAXED);

	do {
		if ((w & MEMLANE_PIN_COUNT_MASK) == MEMLANE_PIN_COUNT_MASK)
			return -EOVERFLOW;
	} while (!__atomic_compare_exchange_n(pin, &w, w + MEMLANE_PIN_ONE, true,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return 0;
}

/* Pairs with the mover's and free's look at the count: what the pin was for is done. */
static int pin_sub(uint64_t *pin)
{
	uint64_t w = __atomic_load_n(pin, __ATOMIC_RELAXED);

	do {
		if (!(w & MEMLANE_PIN_COUNT_MASK))
			return -EINVAL;
	} while (!__atomic_compare_exchange_n(pin, &w, w - MEMLANE_PIN_ONE, true,
					      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return 0;
}

/* Nobody ends the object by a plain store when this is through. */
static __always_inline int resolve_shared(struct memlane *m, memlane_handle h, bool use, void **p,
					  const bool small)
{
	int err = resolve(m, h, use, p);

	if (!err && maker_is_biased(m, memlane_handle_index(h), small)) {
		revoke_maker(m, memlane_handle_index(h));
		err = resolve(m, h, use, p);
	}
	return err;
}

/*
 * Inside a section. The second look finds a free or a move that had looked at
 * the count before it was raised. Such a free may have seen somebody else's pin, and
 * takes itself back: then the object is there, and is tried again.
 */
static __always_inline int pin_resolved(struct memlane *m, memlane_handle h, bool use, void **p,
					const bool small)
{
	const uint32_t index = memlane_handle_index(h);
	int err;

	do {
		err = resolve_shared(m, h, use, p, small);
		if (!err)
			err = pin_add(pin_of(m, index, small));
		if (err)
			return err;
		err = resolve_pinned(m, h, entry_of(m, index, small), use, p);
		if (err)
			pin_sub(pin_of(m, index, small));
	} while (err == -ESTALE);
	return err;
}

static __always_inline int pin_in(struct memlane *m, memlane_handle h, bool use, void **p,
				  const bool small)
{
	int err;

	*p = NULL;
	err = memlane_enter(m);
	if (err)
		return err;
	err = pin_resolved(m, h, use, p, small);
	if (err)
		*p = NULL;
	memlane_exit(m);
	return err;
}

static __attribute__((noinline)) int pin_in_small(struct memlane *m, memlane_handle h, bool use,
						  void **p)
{
	return pin_in(m, h, use, p, true);
}

static int try_pin(struct memlane *m, memlane_handle h, bool use, void **p)
{
	return unlikely(m->is_small) ? pin_in_small(m, h, use, p) : pin_in(m, h, use, p, false);
}

int memlane_try_pin(struct memlane *m, memlane_handle h, void **p)
{
	return try_pin(m, h, true, p);
}

/* A pin that does not count as a use of the object; errors of memlane_try_pin(). */
int pin_unused(struct memlane *m, memlane_handle h)
{
	void *p;

	return try_pin(m, h, false, &p);
}

void *memlane_pin(struct memlane *m, memlane_handle h)
{
	void *p;

	memlane_try_pin(m, h, &p);
	return p;
}

/* Needs no answer of a free that is under way, and so does not wait for one. */
static __always_inline int unpin_in(struct memlane *m, memlane_handle h, const bool small)
{
	uint32_t index = memlane_handle_index(h);
	uint64_t e;
	int err = arena_here(m);

	if (!err)
		err = handle_check(m, h);
	if (err)
		return err;
	e = __atomic_load_n(entry_of(m, index, small), __ATOMIC_SEQ_CST);
	err = entry_check(e, h);
	if (err != -ESTALE || !entry_is_ended(e, h))
		return err ? err : pin_sub(pin_of(m, index, small));
	err = pin_sub(pin_of(m, index, small));
	return err == -EINVAL ? -ESTALE : err;
}

static __attribute__((noinline)) int unpin_in_small(struct memlane *m, memlane_handle h)
{
	return unpin_in(m, h, true);
}

static int unpin(struct memlane *m, memlane_handle h)
{
	return unlikely(m->is_small) ? unpin_in_small(m, h) : unpin_in(m, h, false);
}

int memlane_unpin(struct memlane *m, memlane_handle h)
{
	int err = unpin(m, h);

	if (unlikely(err == -EINVAL))
		watch_wrong(m, MEMLANE_REPORT_UNPIN, h, 0);
	if (!err && unlikely(m->watch))
		moves_unpinned(m, h);
	return err;
}
