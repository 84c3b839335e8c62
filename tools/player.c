// SPDX-License-Identifier: MIT
/* player.c - replays a trace on one allocator, and measures */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "pattern.h"
#include "player.h"
#include "resident.h"

#define SAMPLES (PLAY_SAMPLES - 2) /* of resident memory, over the whole trace */

/*
 * @ref has one word for each object of the trace; its pages exist before the
 * first measurement, so that they never count as the allocator's.
 */
struct player {
	const struct replay_ops *ops;
	void *heap;
	struct trace *trace;
	struct play_result *res;
	uint64_t *ref;
	uint64_t base; /* resident before the heap was opened */
	uint64_t maintain_every;
	uint64_t calls;
};

__attribute__((format(printf, 2, 3))) static int broken(struct player *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->res->error, sizeof(p->res->error), format, args);
	va_end(args);
	return -1;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t clock_cost(void)
{
	uint64_t least = ~0ULL, t;
	int i;

	for (i = 0; i < 1000; i++) {
		t = now();
		t = now() - t;
		if (t < least)
			least = t;
	}
	return least;
}

static void took(struct player *p, enum play_call call, uint64_t began)
{
	uint64_t ns = now() - began;

	histogram_add(&p->res->call[call],
		      ns > p->res->clock_ns ? ns - p->res->clock_ns : 0);
}

static uint64_t number(const struct player *p)
{
	return p->trace->record - 1;
}

static int refused(struct player *p, const char *what, uint64_t size, int ret)
{
	return broken(p, "record %" PRIu64 ": %s of %" PRIu64 " bytes was refused: %s",
		      number(p), what, size, strerror(-ret));
}

static int spoiled(struct player *p, uint64_t object, uint64_t at)
{
	return broken(p, "record %" PRIu64 ": object %" PRIu64 " does not have the bytes it was given, from byte %" PRIu64 " on",
		      number(p), object, at);
}

static int lost(struct player *p, uint64_t object)
{
	return broken(p, "record %" PRIu64 ": object %" PRIu64 " is lost: its handle is bad",
		      number(p), object);
}

static int check(struct player *p, uint64_t object, uint64_t size)
{
	const void *at = p->ops->begin(p->heap, p->ref[object]);
	uint64_t wrong;

	if (!at)
		return lost(p, object);
	wrong = pattern_check(at, size, object);
	p->ops->end(p->heap);
	if (wrong != PATTERN_GOOD)
		return spoiled(p, object, wrong);
	p->res->checked++;
	return 0;
}

/* Fills what @r has added to its object, from byte @from on. */
static int fill(struct player *p, const struct trace_record *r, uint64_t from)
{
	char *at = p->ops->begin(p->heap, p->ref[r->object]);
	uint64_t dirty = PATTERN_GOOD;

	if (!at)
		return lost(p, r->object);
	if (r->op == TRACE_CALLOC)
		dirty = pattern_check_zero(at, r->size);
	pattern_fill(at, from, r->size, r->object);
	p->ops->end(p->heap);
	if (r->align && (uintptr_t)at & (r->align - 1))
		return broken(p, "record %" PRIu64 ": object %" PRIu64 " is not aligned to %" PRIu64,
			      number(p), r->object, r->align);
	if (dirty != PATTERN_GOOD)
		return broken(p, "record %" PRIu64 ": object %" PRIu64 " should have been cleared, and is not from byte %" PRIu64 " on",
			      number(p), r->object, dirty);
	return 0;
}

static int play_alloc(struct player *p, const struct trace_record *r)
{
	bool zero = r->op == TRACE_CALLOC;
	uint64_t began = now();
	int ret = p->ops->alloc(p->heap, r->size, r->align, zero, &p->ref[r->object]);

	took(p, PLAY_ALLOC, began);
	if (ret)
		return refused(p, "an allocation", r->size, ret);
	return fill(p, r, 0);
}

static int play_resize(struct player *p, const struct trace_record *r)
{
	uint64_t common = r->old_size < r->size ? r->old_size : r->size;
	uint64_t began = now();
	int ret = p->ops->resize(p->heap, &p->ref[r->object], r->old_size, r->size);

	took(p, PLAY_RESIZE, began);
	if (ret)
		return refused(p, "a reallocation", r->size, ret);
	return check(p, r->object, common) ? -1 : fill(p, r, common);
}

static int play_free(struct player *p, const struct trace_record *r)
{
	uint64_t began;
	int ret;

	if (check(p, r->object, r->size))
		return -1;
	began = now();
	ret = p->ops->free(p->heap, p->ref[r->object]);
	took(p, PLAY_FREE, began);
	return ret ? refused(p, "the free", r->size, ret) : 0;
}

static int play_record(struct player *p, const struct trace_record *r)
{
	if (r->op == TRACE_FREE)
		return play_free(p, r);
	if (r->op == TRACE_REALLOC)
		return play_resize(p, r);
	return play_alloc(p, r);
}

static int timed(struct player *p, enum play_call call, int (*fn)(void *heap),
		 const char *what)
{
	uint64_t began = now();
	int ret = fn(p->heap);

	took(p, call, began);
	return ret ? broken(p, "after record %" PRIu64 ": %s failed: %s",
			    number(p), what, strerror(-ret)) :
		     0;
}

static int measure(struct player *p, struct play_moment *m)
{
	uint64_t resident;
	int ret = resident_now(&resident);

	if (ret)
		return broken(p, "resident memory cannot be read from /proc/self/smaps_rollup: %s",
			      strerror(-ret));
	if (p->ops->hidden)
		resident += p->ops->hidden(p->heap);
	m->resident = resident > p->base ? resident - p->base : 0;
	m->live = p->trace->live_bytes;
	if (m->resident > p->res->highest.resident)
		p->res->highest = *m;
	return 0;
}

/* One more of the run's looks at memory. */
static int sample(struct player *p, struct play_moment *m)
{
	struct play_result *res = p->res;

	if (measure(p, m))
		return -1;
	if (res->samples < PLAY_SAMPLES)
		res->sample[res->samples++] = (struct play_sample){ p->calls, *m };
	return 0;
}

static int after_record(struct player *p, const struct trace_summary *sum)
{
	uint64_t every = sum->total / SAMPLES + 1;
	struct play_moment now;

	p->calls++;
	__atomic_store_n(&p->res->done, p->trace->record, __ATOMIC_RELAXED);
	if (p->ops->maintain && p->maintain_every && !(p->calls % p->maintain_every) &&
	    timed(p, PLAY_MAINTAIN, p->ops->maintain, "maintenance"))
		return -1;
	if (number(p) == sum->peak_record && measure(p, &p->res->peak))
		return -1;
	return p->calls % every ? 0 : sample(p, &now);
}

static int check_all(struct player *p)
{
	uint64_t object, size;

	for (object = 0; object < p->trace->born; object++)
		if (trace_live(p->trace, object, &size) && check(p, object, size))
			return -1;
	return 0;
}

static int free_all(struct player *p)
{
	uint64_t object, size;
	int ret;

	for (object = 0; object < p->trace->born; object++) {
		if (!trace_live(p->trace, object, &size))
			continue;
		ret = p->ops->free(p->heap, p->ref[object]);
		if (ret)
			return refused(p, "the last free", size, ret);
	}
	return 0;
}

static int play_all(struct player *p, const struct trace_summary *sum)
{
	struct trace_record r;
	struct trace_error err;
	int ret;

	while ((ret = trace_next(p->trace, &r, &err)) > 0)
		if (play_record(p, &r) || after_record(p, sum))
			return -1;
	return ret ? broken(p, "%s", err.text) : 0;
}

/* Nobody looks at anything for long. What was put away then is verified like the rest. */
static int play_idle(struct player *p)
{
	int ret = p->ops->idle ? p->ops->idle(p->heap) : 0;

	if (ret < 0)
		return broken(p, "putting away what nobody uses failed: %s", strerror(-ret));
	return ret ? measure(p, &p->res->idle) : 0;
}

static int play_heap(struct player *p, const struct trace_summary *sum)
{
	uint64_t began = now();

	if (play_all(p, sum))
		return -1;
	p->res->wall_ns = now() - began;
	if (sample(p, &p->res->end) ||
	    timed(p, PLAY_SETTLE, p->ops->settle, "giving memory back") ||
	    sample(p, &p->res->settled))
		return -1;
	if (p->ops->parts)
		p->ops->parts(p->heap, &p->res->parts);
	return play_idle(p) || check_all(p) || free_all(p) ? -1 : 0;
}

static int play_open(struct player *p, const struct trace_summary *sum,
		     const struct replay_config *config)
{
	const char *why = NULL;
	int ret;

	resident_code();
	ret = resident_now(&p->base);

	if (ret)
		return broken(p, "/proc/self/smaps_rollup cannot be read: %s", strerror(-ret));
	ret = p->ops->open(&p->heap, config, &why);
	if (ret)
		return broken(p, "no heap: %s", why ? why : strerror(-ret));
	snprintf(p->res->title, sizeof(p->res->title), "%s", p->ops->title(p->heap));
	ret = play_heap(p, sum);
	p->ops->close(p->heap);
	return ret;
}

int play(const struct replay_ops *ops, struct trace *trace,
	 const struct trace_summary *sum, const struct replay_config *config,
	 uint64_t maintain_every, struct play_result *res)
{
	struct player p = {
		.ops = ops,
		.trace = trace,
		.res = res,
		.maintain_every = maintain_every,
	};
	uint64_t bytes = (trace->header.objects + 1) * sizeof(*p.ref);
	int ret;

	p.ref = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p.ref == MAP_FAILED)
		return broken(&p, "no memory for the numbers of %" PRIu64 " objects",
			      trace->header.objects);
	memset(res->call, 0, sizeof(res->call)); /* their pages, too */
	res->clock_ns = clock_cost();
	ret = play_open(&p, sum, config);
	munmap(p.ref, bytes);
	res->finished = !ret;
	return ret;
}
