// SPDX-License-Identifier: MIT
/*
 * frame.c - scratch memory of frames, and frames as a clock
 *
 * A thread has a stack of chunks, each a pinned object of the arena:
 *
 *	chunk 0 [########]  chunk 1 [#####.....]  chunk 2 [..........]
 *	         full                ^ at          ^ end   kept for later
 *
 * The inline functions see the chunk in use. In checking mode they see none, so
 * that every call comes here; what a frame leaves behind is then filled with
 * POISON, which must still be there when it is given out again.
 */
#include <errno.h>
#include <string.h>

#include "backend.h"
#include "watch.h"

#define CHUNK_FIRST 65536ULL
#define CHUNK_LAST  (16ULL << 20) /* larger only for larger requests */
#define POISON	    0xf5
#define CYCLE_NS    1000000 /* of a maintenance cycle between frames */

/* Show the inline functions where they may work. */
static void show(struct thread *t)
{
	const struct frames *f = &t->frames;
	bool hide = is_guarded(t->self.arena) || !f->nr;

	t->self.chunk = f->nr;
	t->self.scratch = hide ? NULL : f->at;
	t->self.scratch_base = hide ? NULL : f->chunk[f->nr - 1].base;
	t->self.scratch_end = hide ? NULL : f->chunk[f->nr - 1].end;
}

/* Learn where the inline functions have got to. */
static void see(struct thread *t)
{
	if (!is_guarded(t->self.arena))
		t->frames.at = t->self.scratch;
}

/* -------------------------------------------------------------- chunks ---- */

static int chunk_new(struct memlane *m, struct chunk *c, uint64_t size)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_FAST, .tag = MEMLANE_TAG_FRAME };
	void *p;
	int err = object_new(m, size, &opts, &c->handle);

	if (err)
		return err;
	err = memlane_try_pin(m, c->handle, &p);
	if (err) {
		memlane_free(m, c->handle);
		return err;
	}
	c->base = p;
	c->end = c->base + size;
	if (is_guarded(m))
		memset(c->base, POISON, size);
	return 0;
}

static void chunk_end(struct memlane *m, struct chunk *c)
{
	memlane_unpin(m, c->handle);
	memlane_free(m, c->handle);
}

static uint64_t chunk_size(const struct frames *f, uint64_t want)
{
	uint64_t size = CHUNK_FIRST << f->nr;

	if (size > CHUNK_LAST)
		size = CHUNK_LAST;
	return want > size ? (want + 4095) & ~4095ULL : size;
}

static bool fits(const struct chunk *c, uint64_t size)
{
	return size <= (uint64_t)(c->end - c->base);
}

/* Go on in the next chunk, with room for @size. */
static int next_chunk(struct memlane *m, struct frames *f, uint64_t size)
{
	int err = 0;

	if (f->nr == FRAME_CHUNKS)
		return -ENOMEM;
	if (f->nr < f->have && !fits(&f->chunk[f->nr], size))
		while (f->have > f->nr)
			chunk_end(m, &f->chunk[--f->have]);
	if (f->nr == f->have) {
		err = chunk_new(m, &f->chunk[f->nr], chunk_size(f, size));
		f->have += !err;
	}
	if (!err)
		f->at = f->chunk[f->nr++].base;
	return err;
}

/* In the name of this thread, which takes part. */
void frames_free(struct memlane *m, struct frames *f)
{
	while (f->have)
		chunk_end(m, &f->chunk[--f->have]);
}

/* The thread leaves; it is in the arena still. */
void frames_end(struct thread *t)
{
	struct memlane_self *was = memlane_self;

	memlane_self = &t->self;
	frames_free(t->self.arena, &t->frames);
	memlane_self = was;
}

/* Where this thread has no part: the engine frees it. */
static void chunk_drop(struct memlane *m, struct thread *t, const struct chunk *c)
{
	memlane_handle h = c->handle;
	struct memlane_free req = {
		.flags = MEMLANE_FREE_LIVE,
		.count = 1,
		.handles = (uintptr_t)&h,
	};

	memlane_unpin(m, h);
	if (backend_free(m, &req) || !has_slot(t))
		return;
	count(&t->slot->frees, 1);
	count(&t->slot->free_bytes, c->end - c->base);
}

/**
 * frames_drop - another thread's scratch goes back to the arena, which goes on
 * @m: arena of a backend that others may attach to
 * @t: its part; that thread is in no call
 */
void frames_drop(struct memlane *m, struct thread *t)
{
	while (t->frames.have)
		chunk_drop(m, t, &t->frames.chunk[--t->frames.have]);
}

/* -------------------------------------------------------------- frames ---- */

struct memlane_mark memlane_frame_first(struct memlane *m)
{
	struct memlane_mark mark = { .at = NULL };
	struct frames *f;

	if (memlane_thread_join(m))
		return mark;
	f = &this_thread()->frames;
	see(this_thread());
	if (!f->nr && next_chunk(m, f, 0))
		return mark;
	mark.at = f->at;
	mark.chunk = f->nr;
	show(this_thread());
	return mark;
}

static void check_poison(struct memlane *m, const unsigned char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (p[i] != POISON) {
			watch_wrong(m, MEMLANE_REPORT_FRAME, 0, i);
			return;
		}
	}
}

/* Another chunk is needed; or the arena is not the last used; or checking mode. */
void *memlane_frame_more(struct memlane *m, size_t size)
{
	struct frames *f;
	unsigned char *p;

	if (memlane_thread_join(m) || size > MEMLANE_SIZE_MAX)
		return NULL;
	f = &this_thread()->frames;
	see(this_thread());
	if (!f->nr)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	if (size > (size_t)(f->chunk[f->nr - 1].end - f->at) && next_chunk(m, f, size))
		return NULL;
	p = f->at;
	f->at += size;
	show(this_thread());
	if (is_guarded(m))
		check_poison(m, p, size);
	return p;
}

static bool good_mark(const struct frames *f, struct memlane_mark mark)
{
	const struct chunk *c;

	if (!mark.at || !mark.chunk || mark.chunk > f->nr)
		return false;
	c = &f->chunk[mark.chunk - 1];
	return mark.at >= c->base && mark.at <= (mark.chunk == f->nr ? f->at : c->end);
}

static void poison(const struct frames *f, struct memlane_mark mark)
{
	uint32_t i;

	memset(mark.at, POISON, f->chunk[mark.chunk - 1].end - mark.at);
	for (i = mark.chunk; i < f->nr; i++)
		memset(f->chunk[i].base, POISON, f->chunk[i].end - f->chunk[i].base);
}

int memlane_frame_rewind(struct memlane *m, struct memlane_mark mark)
{
	struct frames *f;
	int err = memlane_thread_join(m);

	if (err)
		return err;
	f = &this_thread()->frames;
	see(this_thread());
	if (!good_mark(f, mark)) {
		watch_wrong(m, MEMLANE_REPORT_FRAME, 0, -1);
		return -EINVAL;
	}
	if (is_guarded(m))
		poison(f, mark);
	f->nr = mark.chunk;
	f->at = mark.at;
	show(this_thread());
	return 0;
}

/* -------------------------------------------------------------- clock ---- */

int64_t memlane_tick_frame(struct memlane *m)
{
	struct memlane_step step = { .max_ns = CYCLE_NS };
	uint64_t n;
	int err = arena_here(m);

	if (err)
		return err;
	if (in_section(m))
		return -EDEADLK;
	n = __atomic_add_fetch(&m->ticks, 1, __ATOMIC_RELAXED);
	if (m->frames_per_cycle && n % m->frames_per_cycle == 0)
		err = memlane_maintain(m, &step);
	return err ? err : (int64_t)n;
}
