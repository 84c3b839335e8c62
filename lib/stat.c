// SPDX-License-Identifier: MIT
/* stat.c - counters: the engine's from its page, the threads' from their slots */
#include <errno.h>

#include "backend.h"

#define STATS_SIZE_MIN offsetof(struct memlane_stats, counts)

static uint64_t load(const __u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/*
 * Pairs with the engine's writes of seq, which is odd while it writes. What is
 * read in a race with them is thrown away.
 */
static void read_page(const struct memlane_stat_page *page, struct memlane_counts *out)
{
	const __u64 *from = (const __u64 *)&page->counts;
	__u64 *to = (__u64 *)out, seq;
	size_t i;

	do {
		seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
		for (i = 0; i < sizeof(*out) / sizeof(*to); i++)
			to[i] = load(from + i);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (seq & 1 || seq != load(&page->seq));
}

static int read_counts(struct memlane *m, uint32_t flags, struct memlane_counts *out)
{
	struct memlane_stat req = { .flags = 0 };
	int err;

	if (!(flags & MEMLANE_STAT_EXACT)) {
		read_page(m->stat, out);
		return 0;
	}
	err = backend_stat(m, &req);
	*out = req.out;
	return err;
}

static void add_slot(struct memlane_stats *st, const struct memlane_slot *slot)
{
	st->allocs += load(&slot->allocs);
	st->frees += load(&slot->frees);
	st->alloc_bytes += load(&slot->alloc_bytes);
	st->free_bytes += load(&slot->free_bytes);
	st->vetoes += load(&slot->vetoes);
	st->waits += load(&slot->waits);
}

/* Threads that left are in the engine's counts, the others in their slots: no one in both. */
static int add_up(struct memlane *m, struct memlane_stats *st)
{
	const struct thread *t;
	int err;

	pthread_mutex_lock(&m->reg->lock);
	err = read_counts(m, st->flags, &st->counts);
	st->allocs = st->counts.gone_allocs;
	st->frees = st->counts.gone_frees;
	st->alloc_bytes = st->counts.gone_alloc_bytes;
	st->free_bytes = st->counts.gone_free_bytes;
	st->vetoes = st->counts.gone_vetoes;
	st->waits = st->counts.gone_waits;
	for (t = m->reg->threads; t; t = t->peer)
		if (has_slot(t))
			add_slot(st, t->slot);
	pthread_mutex_unlock(&m->reg->lock);
	st->live_objects = st->allocs - st->frees;
	st->live_bytes = st->alloc_bytes - st->free_bytes;
	return err;
}

int memlane_stat(struct memlane *m, struct memlane_stats *st)
{
	struct memlane_stats own = { .flags = st->flags };
	uint32_t size = st->size;
	int err = arena_here(m);

	if (err)
		return err;
	if (size < STATS_SIZE_MIN)
		return -EINVAL;
	if (own.flags & ~MEMLANE_STAT_EXACT)
		return -EOPNOTSUPP;
	err = add_up(m, &own);
	if (err)
		return err;
	own.size = size;
	give_out(st, size, &own, sizeof(own));
	return 0;
}

int memlane_stat_faults_sized(struct memlane *m, enum memlane_fault_met met,
			      struct memlane_fault_times *times, size_t size)
{
	const char *page = (const char *)m->stat + MEMLANE_FAULTS_OFFSET;
	const __u64 *from = (const __u64 *)(page + met * sizeof(*times));
	struct memlane_fault_times own;
	__u64 *to = (__u64 *)&own;
	int err = arena_here(m);
	size_t i;

	if (err)
		return err;
	if (met >= MEMLANE_FAULTS)
		return -EINVAL;
	for (i = 0; i < sizeof(own) / sizeof(*to); i++)
		to[i] = load(from + i);
	give_out(times, size, &own, sizeof(own));
	return 0;
}
