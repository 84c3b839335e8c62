/* SPDX-License-Identifier: GPL-2.0-only */
/* barrier.h - a full barrier on the CPUs that run an arena's programs */
#ifndef MEMLANE_BARRIER_H
#define MEMLANE_BARRIER_H

#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "rate.h"

struct memlane_user;

/**
 * struct memlane_barrier - whom an arena's mover interrupts
 * @lock: of @users; nothing is taken inside
 * @users: address spaces that map the slots of the arena's threads
 * @run: one barrier at a time: the mover's, or that of who revokes a maker
 * @cpus: scratch; @run
 * @user: who opened the arena; immutable
 * @rate: of the barriers that interrupted anybody
 */
struct memlane_barrier {
	spinlock_t lock;
	struct list_head users;
	struct mutex run;
	cpumask_var_t cpus;
	struct memlane_user *user;
	struct memlane_rate rate;
};

int memlane_barrier_init(struct memlane_barrier *barrier, struct memlane_user *user);
void memlane_barrier_exit(struct memlane_barrier *barrier);

int memlane_barrier_join(struct memlane_barrier *barrier, struct mm_struct *mm, gfp_t extra);
bool memlane_barrier_leave(struct memlane_barrier *barrier, struct mm_struct *mm);

u64 memlane_barrier_delay(const struct memlane_barrier *barrier);
int memlane_barrier_run(struct memlane_barrier *barrier, bool may_wait);

#endif /* MEMLANE_BARRIER_H */
