// SPDX-License-Identifier: MIT
/*
 * frame.c - scratch memory of frames, and frames as a clock
 *
 * A thread has a stack of chunks, each a pinned object of the arena:
 *
 *	chunk 0 [########]  chunk 1 [#####.....]  chunk 2 [..........]
 *	         full                ^ at          ^ end   kept for later
 *
 * The inline functions see the chunk in use, while the thread is in a frame: outside
 * they see none, and nor do they in checking mode, so that those calls come here.
 *
 * In checking mode each frame and each piece of scratch begins with a record, and all
 * that is not given out is filled with POISON:
 *
 *	[record: frame 0][record: piece, 20 bytes][20 bytes][POISON 12 + 16][record: ...
 *
 * When a frame ends, its records and the POISON behind its pieces must still be there;
 * what it leaves behind is POISON, which must be there when it is given out again.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "watch.h"

#define CHUNK_FIRST 65536ULL
#define CHUNK_LAST  (256ULL << 20) /* larger only for larger requests */
#define CHUNK_CHECK (16ULL << 20)  /* the same where it is filled with POISON */
#define POISON	    0xf5
#define CYCLE_NS    1000000	 /* of a maintenance cycle between frames */
#define FEW	    (1ULL << 20) /* bytes of chunks that are not worth a look */
#define RECENT	    500000000ULL /* ns that a large chunk serves before frames ask anew */

#define SEAL_FRAME 0x656d617266656c61ULL /* @value: number of the frame */
#define SEAL_PIECE 0x6563656970656c61ULL /* @value: bytes */
#define REAR	   16			 /* POISON behind a piece, and what rounding leaves */

struct record {
	uint64_t seal;
	uint64_t value;
};
_Static_assert(sizeof(struct record) == 16, "scratch is aligned");

/* Show the inline functions where they may work. */
static void show(struct thread *t)
{
	const struct frames *f = &t->frames;
	bool hide = is_guarded(t->self.arena) || !f->nr || !t->self.frames;

	t->self.chunk = f->nr;
	t->self.scratch = hide ? NULL : f->at;
	t->self.scratch_base = hide ? NULL : f->chunk[f->nr - 1].base;
	t->self.scratch_end = hide ? NULL : f->chunk[f->nr - 1].end;
}

/* Learn where the inline functions have got to. */
static void see(struct thread *t)
{
	if (t->self.scratch)
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

/* Each one is twice as large as the one before, or as large as there is room for. */
static int chunk_for(struct memlane *m, struct frames *f, uint64_t want)
{
	uint64_t most = is_guarded(m) ? CHUNK_CHECK : CHUNK_LAST;
	uint64_t least = want ? (want + 4095) & ~4095ULL : 4096, size;
	int err;

	size = CHUNK_FIRST << f->nr;
	size = size < most ? size : most;
	do {
		size = size > least ? size : least;
		err = chunk_new(m, &f->chunk[f->nr], size);
		size /= 2;
	} while ((err == -ENOSPC || err == -ENOMEM) && size >= least);
	return err;
}

static bool fits(const struct chunk *c, uint64_t size)
{
	return size <= (uint64_t)(c->end - c->base);
}

static uint64_t coarse_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static uint64_t bytes_of(const struct frames *f)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < f->have; i++)
		sum += f->chunk[i].end - f->chunk[i].base;
	return sum;
}

/*
 * What a large frame needed once is not kept for small ones. The inline functions do not
 * tell how much frames use, so now and then all chunks go, and come again as they are
 * needed. No frame is open.
 */
static void begin_anew(struct memlane *m, struct frames *f)
{
	if (bytes_of(f) <= FEW || coarse_ns() - f->since < RECENT)
		return;
	frames_free(m, f);
	f->nr = 0;
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
	if (!f->have)
		f->since = coarse_ns();
	if (f->nr == f->have) {
		err = chunk_for(m, f, size);
		f->have += !err;
	}
	if (err)
		return err;
	if (f->nr)
		f->chunk[f->nr - 1].used = f->at;
	f->at = f->chunk[f->nr++].base;
	return 0;
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

static bool is_poison(const unsigned char *p, size_t size, size_t *wrong)
{
	for (*wrong = 0; *wrong < size; ++*wrong)
		if (p[*wrong] != POISON)
			return false;
	return true;
}

static int room_for(struct memlane *m, struct frames *f, size_t size)
{
	if (f->nr && size <= (size_t)(f->chunk[f->nr - 1].end - f->at))
		return 0;
	return next_chunk(m, f, size);
}

static void put_record(struct frames *f, uint64_t seal, uint64_t value)
{
	*(struct record *)f->at = (struct record){ .seal = seal, .value = value };
	f->at += sizeof(struct record);
}

/* The arena is not the last used, or the thread is in no frame yet; or checking mode. */
struct memlane_mark memlane_frame_first(struct memlane *m)
{
	struct memlane_mark mark = { .at = NULL };
	struct thread *t;

	if (memlane_thread_join(m))
		return mark;
	t = this_thread();
	see(t);
	if (!t->self.frames)
		begin_anew(m, &t->frames);
	if (room_for(m, &t->frames, is_guarded(m) ? sizeof(struct record) : 0))
		return mark;
	mark.at = t->frames.at;
	mark.chunk = t->frames.nr;
	mark.frame = t->self.frames++;
	mark.id = ++t->self.begun;
	if (mark.frame < MEMLANE_FRAMES)
		t->self.frame[mark.frame] = mark.id;
	if (is_guarded(m))
		put_record(&t->frames, SEAL_FRAME, mark.frame);
	show(t);
	return mark;
}

static uint64_t rounded(uint64_t size)
{
	return (size + 15) & ~15ULL;
}

static void wrong_piece(struct memlane *m, uint32_t kind, uint64_t bytes, int64_t offset)
{
	struct memlane_report r = {
		.kind = kind,
		.tag = MEMLANE_TAG_FRAME,
		.bytes = bytes,
		.offset = offset,
	};

	watch_tell(m, &r, NULL, NULL);
}

/* In checking mode; there is room. */
static unsigned char *cut_guarded(struct memlane *m, struct frames *f, uint64_t size)
{
	uint64_t all = sizeof(struct record) + rounded(size) + REAR;
	unsigned char *p = f->at + sizeof(struct record);
	size_t wrong;

	if (!is_poison(f->at, all, &wrong)) {
		wrong_piece(m, MEMLANE_REPORT_FRAME, size, (int64_t)wrong - (int64_t)sizeof(struct record));
		memset(f->at, POISON, all);
	}
	put_record(f, SEAL_PIECE, size);
	f->at = p + rounded(size) + REAR;
	return p;
}

/* Another chunk is needed; or the arena is not the last used; or checking mode. */
void *memlane_frame_more(struct memlane *m, size_t size)
{
	size_t around = is_guarded(m) ? sizeof(struct record) + REAR : 0;
	struct thread *t;
	unsigned char *p;

	if (memlane_thread_join(m) || size > MEMLANE_SIZE_MAX - 2 * REAR)
		return NULL;
	t = this_thread();
	see(t);
	if (!t->self.frames || room_for(m, &t->frames, rounded(size) + around))
		return NULL;
	p = t->frames.at;
	if (is_guarded(m))
		p = cut_guarded(m, &t->frames, size);
	else
		t->frames.at += rounded(size);
	show(t);
	return p;
}

/* Where the scratch of a chunk ends that is in use. */
static unsigned char *used(const struct frames *f, uint32_t chunk)
{
	return chunk == f->nr ? f->at : f->chunk[chunk - 1].used;
}

/* Deeper ones than are known by number began at least after the last that is. */
static bool is_open(const struct memlane_self *self, struct memlane_mark mark)
{
	if (mark.frame >= self->frames)
		return false;
	if (mark.frame < MEMLANE_FRAMES)
		return mark.id == self->frame[mark.frame];
	return mark.id > self->frame[MEMLANE_FRAMES - 1] && mark.id <= self->begun;
}

static bool good_mark(const struct thread *t, struct memlane_mark mark)
{
	const struct frames *f = &t->frames;
	const struct record *r = (const struct record *)mark.at;

	if (!mark.at || !mark.chunk || mark.chunk > f->nr || !is_open(&t->self, mark) ||
	    (uintptr_t)mark.at & 15)
		return false;
	if (mark.at < f->chunk[mark.chunk - 1].base || mark.at > used(f, mark.chunk))
		return false;
	if (!is_guarded(t->self.arena))
		return true;
	return mark.at < used(f, mark.chunk) && r->seal == SEAL_FRAME && r->value == mark.frame;
}

/* Records and pieces as they were given out? Past a broken record nothing can be found. */
static void check_pieces(struct memlane *m, unsigned char *p, const unsigned char *end)
{
	const struct record *r;
	uint64_t room;
	size_t wrong;

	while (p < end) {
		r = (const struct record *)p;
		p += sizeof(*r);
		if (r->seal == SEAL_FRAME)
			continue;
		room = rounded(r->value) + REAR;
		if (r->seal != SEAL_PIECE || r->value > MEMLANE_SIZE_MAX || room > (uint64_t)(end - p)) {
			wrong_piece(m, MEMLANE_REPORT_UNDERRUN, 0,
				    r->seal == SEAL_PIECE ? -(int64_t)sizeof(r->value) :
							    -(int64_t)sizeof(*r));
			return;
		}
		if (!is_poison(p + r->value, room - r->value, &wrong))
			wrong_piece(m, MEMLANE_REPORT_OVERRUN, r->value, r->value + wrong);
		p += room;
	}
}

static void check_frame(struct memlane *m, const struct frames *f, struct memlane_mark mark)
{
	unsigned char *from = mark.at;
	uint32_t i;

	for (i = mark.chunk; i <= f->nr; i++) {
		if (i > mark.chunk)
			from = f->chunk[i - 1].base;
		check_pieces(m, from, used(f, i));
		memset(from, POISON, used(f, i) - from);
	}
}

int memlane_frame_rewind(struct memlane *m, struct memlane_mark mark)
{
	struct thread *t;
	int err = memlane_thread_join(m);

	if (err)
		return err;
	t = this_thread();
	see(t);
	if (!good_mark(t, mark)) {
		watch_wrong(m, MEMLANE_REPORT_MARK, 0, 0);
		return -EINVAL;
	}
	if (is_guarded(m))
		check_frame(m, &t->frames, mark);
	t->frames.nr = mark.chunk;
	t->frames.at = mark.at;
	t->self.frames = mark.frame;
	show(t);
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
