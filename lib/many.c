// SPDX-License-Identifier: MIT
/*
 * many.c - many objects in one call
 *
 * In a window, which is one section of the library's or a part of one of the program's, stock
 * becomes objects, or objects that this thread has made become stock, one after the other by the
 * steps of quick.h. A kill, or a look, between two of them finds what is there between two calls;
 * and FREEING, once it was answered by a flag that is 0, is good until it is gone, however many
 * it covers (own-window in selftests/model). Movers wait for a window, and so does a thread that
 * revokes this one: it is short. What does not go straight through is a call of its own.
 */
#include <errno.h>
#include <string.h>

#include "quick.h"

#define BATCH_MAX (1U << 20)
#define WINDOW	  32U

/* The caller takes part afterwards. */
static int many_begin(struct memlane *m, uint32_t nr)
{
	if (nr > BATCH_MAX)
		return -EINVAL;
	return likely(is_part(this_thread(), m)) ? 0 : memlane_thread_join(m);
}

static uint32_t window_of(uint32_t nr)
{
	return nr < WINDOW ? nr : WINDOW;
}

/* ------------------------------------------------------------- alloc ---- */

/* Return: how many there are now of @nr; the next one does not go straight through. */
static uint32_t take_window(struct memlane *m, struct thread *t, uint64_t size,
			    memlane_handle *out, uint32_t nr)
{
	const struct block b = block_for(m, t, size);
	struct memlane_mag *mag = mag_of(m, t, lane_for(m, size), b.cls);
	uint32_t left = mag->nr, i;
	bool open = t->self.depth;

	take_begin(m, t->slot, open);
	for (i = 0; i < nr && left; i++, left--)
		if (!take_last(m, t->slot, mag, left, &b, &out[i]))
			break;
	take_end(t->slot, open);
	return i;
}

static uint32_t take_many(struct memlane *m, uint64_t size, memlane_handle *out, uint32_t nr)
{
	struct thread *t = this_thread();
	uint32_t done = 0, window, got;

	do {
		window = window_of(nr - done);
		got = take_window(m, t, size, out + done, window);
		done += got;
	} while (got == window && done < nr);
	if (done < nr)
		cache_expect(m, t, size, nr - done);
	return done;
}

/* Until one is refused: *err. */
static uint32_t alloc_many(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
			   memlane_handle *handles, uint32_t nr, int *err)
{
	const bool quick = !opts && size - 1 < m->quick_size;
	uint32_t done = 0;

	*err = 0;
	while (done < nr && !*err) {
		if (quick)
			done += take_many(m, size, handles + done, nr - done);
		if (done == nr)
			break;
		*err = memlane_alloc_with(m, size, opts, &handles[done]);
		done += !*err;
	}
	return done;
}

int memlane_alloc_many(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		       memlane_handle *handles, uint32_t nr)
{
	int err = many_begin(m, nr);
	uint32_t done = 0;

	if (err == -EINVAL)
		return err;
	if (likely(!err))
		done = alloc_many(m, size, opts, handles, nr, &err);
	memset(handles + done, 0, (nr - done) * sizeof(*handles));
	return done ? (int)done : err;
}

/* -------------------------------------------------------------- free ---- */

/* Return: how many of @nr are freed; the next one does not go straight through. */
static uint32_t free_window(struct memlane *m, struct thread *t, const memlane_handle *handles,
			    uint32_t nr)
{
	struct memlane_slot *slot = t->slot;
	uint64_t section;
	uint32_t i = 0;

	if (unlikely(__atomic_load_n(&slot->shared, __ATOMIC_RELAXED) != MEMLANE_SHARED_BIASED))
		return 0;
	if (likely(freeing_begin(m, slot, t->self.depth, &section)))
		while (i < nr && !(handles[i] & MEMLANE_HANDLE_ZEROS) &&
		       end_plainly(m, t, slot, handles[i], m->quick_limit))
			i++;
	freeing_end(slot, section);
	return i;
}

/* What this thread has not made goes by one compare-exchange each; *err: as free_shared_many(). */
static uint32_t give_many(struct memlane *m, struct thread *t, const memlane_handle *handles,
			  uint32_t nr, int *err)
{
	uint32_t done = 0, window, got;

	do {
		window = window_of(nr - done);
		got = free_window(m, t, handles + done, window);
		if (got < window)
			got += free_shared_many(m, t, handles + done + got, window - got, err);
		done += got;
	} while (got == window && done < nr);
	return done;
}

int memlane_free_many(struct memlane *m, const memlane_handle *handles, uint32_t nr,
		      int32_t *results)
{
	int err = many_begin(m, nr), failed = 0;
	struct thread *t = this_thread();
	uint32_t done = 0;

	if (unlikely(err))
		return err;
	if (results)
		memset(results, 0, nr * sizeof(*results));
	while (done < nr) {
		err = 0;
		done += give_many(m, t, handles + done, nr - done, &err);
		if (done == nr)
			break;
		if (likely(!err))
			err = object_end(m, handles[done]);
		failed += err != 0;
		if (results)
			results[done] = err;
		done++;
	}
	return failed;
}
