// SPDX-License-Identifier: MIT
/* watch.c - the long way through alloc and free, and reports of what is wrong */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memtool.h"
#include "refusal.h"
#include "watch.h"

#define NOTES_A_TIME 65536U

/* -------------------------------------------------------- open, close ---- */

static size_t notes_length(const struct memlane *m)
{
	return m->info.out_handles * sizeof(struct note);
}

/* Sparse: a page is there once an index of it was used. Opened as the regions are: see note_look(). */
static int notes_new(struct memlane *m, struct watch *w)
{
	void *p = mmap(NULL, notes_length(m), PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return refused("mmap", notes_length(m), "max_handles", errno, ENOMEM);
	w->note = (struct note *)p - m->first;
	w->notes = m->first;
	w->cursor = m->first + 1;
	/* The child of a fork frees them too: they are there. */
	sparse_advise(p, notes_length(m));
	w->tally = memory_new(m->info.out_threads * sizeof(*w->tally));
	return w->tally ? 0 : -ENOMEM;
}

/* Notes up to that of @index may be written from now on. 0 or -ENOMEM. */
static int notes_open(struct memlane *m, uint32_t index)
{
	struct watch *w = m->watch;
	uint64_t was = __atomic_load_n(&w->notes, __ATOMIC_ACQUIRE), nr;
	int saved = errno;

	nr = (index | (NOTES_A_TIME - 1)) + 1ULL;
	if (nr > m->first + m->info.out_handles)
		nr = m->first + m->info.out_handles;
	if (mprotect(w->note + m->first, (nr - m->first) * sizeof(*w->note), PROT_READ | PROT_WRITE)) {
		errno = saved;
		return -ENOMEM;
	}
	while (was < nr && !__atomic_compare_exchange_n(&w->notes, &was, nr, true, __ATOMIC_RELEASE,
							__ATOMIC_ACQUIRE))
		;
	return 0;
}

static void watch_end(struct memlane *m)
{
	struct watch *w = m->watch;
	unsigned int i;

	if (w->note)
		munmap(w->note + m->first, notes_length(m));
	for (i = 0; w->tally && i < m->info.out_threads; i++)
		free(w->tally[i]);
	free(w->tally);
	pthread_mutex_destroy(&w->lock);
	free(w);
	m->watch = NULL;
}

static struct watch *watch_new(const struct memlane *m, const struct memlane_config *c)
{
	struct watch *w = memory_new(sizeof(*w));

	if (!w)
		return NULL;
	w->guard = c->guard;
	w->leaks = c->report_leaks;
	w->tracking = c->tracking;
	w->moves = c->guard_moves;
	w->pad = c->guard ? GUARD_FRONT + GUARD_BACK : 0;
	if (m->tool)
		w->pad = MEMTOOL_PAD;
	w->report = c->report;
	w->arg = c->report_arg;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

/* The arena has its layout; no object was made yet. 0 or -ENOMEM. */
int watch_open(struct memlane *m, const struct memlane_config *c)
{
	m->easy_size = MEMLANE_SIZE_MAX;
	m->hard_free = 0;
	if (!c->guard && !c->guard_moves && !c->report_leaks && !c->tracking && !m->tool)
		return 0;
	m->watch = watch_new(m, c);
	if (!m->watch)
		return -ENOMEM;
	if (notes_new(m, m->watch)) {
		watch_end(m);
		return -ENOMEM;
	}
	m->easy_size = 0;
	m->hard_free = ~0ULL;
	m->quick_size = 0;
	m->quick_limit = INT64_MIN;
	if (c->guard)
		m->hot.data += GUARD_FRONT;
	if (c->guard || c->guard_moves)
		m->hot.limit = INT64_MIN;
	return 0;
}

/* -------------------------------------------------------------- reports ---- */

static const char *what(const struct memlane_report *r)
{
	static const char *const texts[] = {
		[MEMLANE_REPORT_UNDERRUN] = "bytes before an object were overwritten",
		[MEMLANE_REPORT_OVERRUN] = "bytes behind an object were overwritten",
		[MEMLANE_REPORT_GET] = "memlane_get() outside a section",
		[MEMLANE_REPORT_EXIT] = "memlane_exit() without memlane_enter()",
		[MEMLANE_REPORT_UNPIN] = "memlane_unpin() of an object that is not pinned",
		[MEMLANE_REPORT_FRAME] = "frame scratch was written after the end of its frame",
		[MEMLANE_REPORT_LEAK] = "an object was not freed",
		[MEMLANE_REPORT_MARK] = "memlane_frame_end() of a frame that is not open",
	};

	return texts[r->kind];
}

static void to_stderr(void *arg, const struct memlane_report *r)
{
	(void)arg;
	fprintf(stderr, "memlane: %s\n", r->text);
}

/**
 * watch_tell - hand a report over
 * @m: arena
 * @r: its text and name are filled in
 * @report: NULL: the arena's
 * @arg: for @report
 */
void watch_tell(struct memlane *m, struct memlane_report *r, memlane_report_fn report, void *arg)
{
	int saved = errno, was = cancel_hold();
	char text[512];

	r->tag_name = memlane_name_of_tag(m, r->tag);
	r->text = text;
	if (r->handle)
		snprintf(text, sizeof(text),
			 "%s: handle 0x%016" PRIx64 ", tag %u (%.64s), group %u, %" PRIu64
			 " bytes, offset %" PRId64,
			 what(r), r->handle, r->tag, r->tag_name, r->group, r->bytes, r->offset);
	else if (r->bytes || r->offset)
		snprintf(text, sizeof(text),
			 "%s: tag %u (%.64s), %" PRIu64 " bytes, offset %" PRId64, what(r), r->tag,
			 r->tag_name, r->bytes, r->offset);
	else
		snprintf(text, sizeof(text), "%s", what(r));
	if (!report) {
		report = m->watch->report ? m->watch->report : to_stderr;
		arg = m->watch->arg;
	}
	report(arg, r);
	cancel_release(was);
	errno = saved;
}

/* The program did something wrong with @h; in checking mode it is told. */
void watch_wrong(struct memlane *m, uint32_t kind, memlane_handle h, int64_t offset)
{
	struct memlane_report r = { .kind = kind, .handle = h, .offset = offset };

	if (!is_guarded(m))
		return;
	if (h && memlane_is_valid(m, h)) {
		r.tag = memlane_tag(m, h);
		r.group = memlane_group(m, h);
		r.bytes = memlane_size(m, h);
	}
	watch_tell(m, &r, NULL, NULL);
}

/* In checking mode memlane_get() asks whether it is where it may be. */
bool watch_may_get(struct memlane *m, memlane_handle h)
{
	if (!is_guarded(m) || in_section(m))
		return true;
	watch_wrong(m, MEMLANE_REPORT_GET, h, 0);
	return false;
}

/* -------------------------------------------------------- alloc, free ---- */

/*
 * The thread takes part before it takes the lock, which a thread that leaves takes
 * inside the registry's: that one has no entry in its table any more, and must not join anew.
 */
int watch_join(struct memlane *m)
{
	return likely(is_part(this_thread(), m)) ? 0 : memlane_thread_join(m);
}

static __always_inline int make(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
				memlane_handle *out)
{
	struct watch *w = m->watch;
	int err = alloc_unwatched(m, size, moves_pad(w, size), opts, out);

	if (unlikely(err))
		return err;
	if (unlikely(memlane_handle_index(*out) >= __atomic_load_n(&m->watch->notes, __ATOMIC_ACQUIRE)))
		err = notes_open(m, memlane_handle_index(*out));
	if (err) {
		free_unwatched(m, *out);
		*out = 0;
		return err;
	}
	track_begin(m, *out);
	return 0;
}

static int make_guarded(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
			memlane_handle *out)
{
	struct watch *w = m->watch;
	int err;

	if (opts && opts->align > GUARD_ALIGN && !(opts->align & (opts->align - 1)))
		return -EOPNOTSUPP;
	err = watch_join(m);
	if (err)
		return err;
	pthread_mutex_lock(&w->lock);
	err = make(m, size, opts, out);
	if (!err)
		guard_put(m, *out, size);
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* For memtool.c, which has the rest of both in its own order. */
int watch_make(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
	       memlane_handle *out)
{
	return make(m, size, opts, out);
}

/* Every size in a watched arena; in others the sizes that are out of range. */
int watch_alloc(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
		memlane_handle *out)
{
	const struct watch *w = m->watch;

	if (!w || size - 1 >= MEMLANE_SIZE_MAX - w->pad)
		return -EINVAL;
	if (unlikely(m->tool))
		return memtool_alloc(m, size, opts, out);
	return unlikely(w->guard) ? make_guarded(m, size, opts, out) : make(m, size, opts, out);
}

static void check_before_free(struct memlane *m, memlane_handle h)
{
	struct memlane_object o = { .handle = h };

	if (!memlane_is_valid(m, h))
		return;
	o.bytes = memlane_size(m, h);
	o.tag = memlane_tag(m, h);
	o.group = memlane_group(m, h);
	guard_look(m, &o, NULL, NULL);
}

static __always_inline int end_object(struct memlane *m, memlane_handle h)
{
	struct watch *w = m->watch;
	uint32_t index = memlane_handle_index(h), born, cls;
	int err;

	if (!w->tracking || unlikely(index - m->first >= m->info.out_handles || arena_here(m)))
		return free_unwatched(m, h);
	born = __atomic_load_n(&note_look(w, index)->born, __ATOMIC_RELAXED);
	cls = class_load(m, index);
	err = free_unwatched(m, h);
	if (!err)
		track_end(m, born, cls);
	return err;
}

int watch_end_object(struct memlane *m, memlane_handle h)
{
	return end_object(m, h);
}

static int end_guarded(struct memlane *m, memlane_handle h)
{
	int err = watch_join(m);

	if (err)
		return err;
	pthread_mutex_lock(&m->watch->lock);
	check_before_free(m, h);
	err = end_object(m, h);
	pthread_mutex_unlock(&m->watch->lock);
	return err;
}

/* Every handle in a watched arena; in others 0, which is nobody's. */
int watch_free(struct memlane *m, memlane_handle h)
{
	if (!h)
		return 0;
	if (unlikely(m->tool))
		return memtool_free(m, h);
	return unlikely(m->watch->guard) ? end_guarded(m, h) : end_object(m, h);
}

/* --------------------------------------------------------------- leaks ---- */

static int tell_leak(void *arg, const struct memlane_object *o)
{
	struct memlane *m = arg;
	struct memlane_report r = {
		.kind = MEMLANE_REPORT_LEAK,
		.handle = o->handle,
		.tag = o->tag,
		.group = o->group,
		.bytes = o->bytes,
	};

	if (o->tag != MEMLANE_TAG_FRAME)
		watch_tell(m, &r, NULL, NULL);
	return 0;
}

/* The arena is about to end: what is left in it? */
void watch_leaks(struct memlane *m)
{
	if (m->watch && m->watch->leaks)
		memlane_each(m, tell_leak, m);
}

/* No thread takes part any more: one that left has freed its scratch by this. */
void watch_close(struct memlane *m)
{
	if (m->watch)
		watch_end(m);
}
