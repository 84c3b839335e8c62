// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fault.c - what page faults met, and how long they took
 *
 * Written where users read it, on the first page of the region of statistics, by the
 * threads that have the faults: each word by itself, and no lock.
 */
#include <linux/log2.h>
#include <linux/minmax.h>

#include "tally.h"

static struct memlane_fault_times *fault_times(const struct ml_arena *a, unsigned int met)
{
	return (void *)a->stat_page + MEMLANE_FAULTS_OFFSET + met * sizeof(struct memlane_fault_times);
}

/**
 * ml_fault_add - faults have ended
 * @a: arena
 * @met: enum memlane_fault_met
 * @ns: that each took
 * @nr: how many
 *
 * Context: any; no lock.
 */
void ml_fault_add(struct ml_arena *a, unsigned int met, u64 ns, u64 nr)
{
	struct memlane_fault_times *t = fault_times(a, met);
	unsigned int bucket = ns ? ilog2(ns) : 0;

	ml_count_up(&t->ns, ns * nr);
	ml_count_up(&t->bucket[min(bucket, MEMLANE_FAULT_BUCKETS - 1U)], nr);
}

/**
 * ml_fault_read - what faults met until now
 * @a: arena
 * @met: enum memlane_fault_met
 *
 * Return: words that go on growing.
 */
const struct memlane_fault_times *ml_fault_read(const struct ml_arena *a, unsigned int met)
{
	return fault_times(a, met);
}
