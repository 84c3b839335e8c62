// SPDX-License-Identifier: GPL-2.0-only
/*
 * barrier.c - a full barrier on the CPUs that run an arena's programs
 *
 * A section stores to its slot and then loads entries, without a barrier in between. So
 * the mover marks entries, makes every CPU that may run such a section execute a full
 * barrier, and only then reads the slots. It may skip a CPU that executes a full barrier
 * by itself at the right moment. Three facts of the kernel tell which:
 *
 *  - A thread in a section runs in an address space that maps the slots. That address
 *    space was added to the list under @lock before its mapping could be used. The mover
 *    takes @lock after it has marked the entries: an address space that it does not find
 *    is added later, and its threads see the marks.
 *
 *  - mm_cpumask() of an address space has every CPU that runs its threads; the kernel's
 *    TLB shootdown depends on that. The kernel executes a full barrier between setting a
 *    CPU's bit and the first user instruction there, and clears the bit by a locked
 *    operation after the last one. The mover executes a full barrier between the marks
 *    and its read of the mask. So a CPU whose bit is clear either begins its section
 *    later and sees the marks, or its stores are visible already.
 *
 *  - The bit stays set while a CPU idles or runs a kernel thread that borrows the address
 *    space. Neither is in a section. The scheduler executes a full barrier before it makes
 *    another task current, so the program's stores are visible once the mover sees a
 *    kernel thread there; and another one after the switch from a kernel thread to a
 *    program (mmdrop(), on which membarrier() relies too), so the next program sees the
 *    marks. A switch from one program to another has no such barrier. So the mover asks
 *    only whether the task is a kernel thread, and takes the mask's word for the rest.
 *
 * A CPU that goes offline has executed a full barrier in the scheduler. kthread_use_mm()
 * gives a kernel thread the address space, but such a thread executes none of the
 * program's instructions. On machines whose mm_cpumask() does not promise this,
 * memlane_cpus_of() returns all CPUs. mmgrab() holds an address space, RCU a task.
 */
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "barrier.h"
#include "compat.h"
#include "user.h"

static unsigned int barrier_rate = 10000;
module_param(barrier_rate, uint, 0644);
MODULE_PARM_DESC(barrier_rate,
		 "how often in a second an arena may interrupt other CPUs; 0: without limit");

/**
 * struct barrier_user - an address space with mappings
 * @list: in memlane_barrier.users
 * @mm: held by mmgrab()
 * @nr: mappings
 */
struct barrier_user {
	struct list_head list;
	struct mm_struct *mm;
	unsigned int nr;
};

/**
 * memlane_barrier_init - no users yet
 * @barrier: to set up, zeroed
 * @user: who opened the arena
 *
 * Return: 0 or -ENOMEM.
 */
int memlane_barrier_init(struct memlane_barrier *barrier, struct memlane_user *user)
{
	barrier->user = user;
	spin_lock_init(&barrier->lock);
	INIT_LIST_HEAD(&barrier->users);
	mutex_init(&barrier->run);
	return zalloc_cpumask_var(&barrier->cpus, GFP_KERNEL_ACCOUNT) ? 0 : -ENOMEM;
}

/**
 * memlane_barrier_exit - the end
 * @barrier: without users, as each mapping holds the file
 */
void memlane_barrier_exit(struct memlane_barrier *barrier)
{
	WARN_ON_ONCE(!list_empty(&barrier->users));
	free_cpumask_var(barrier->cpus);
}

/* Programs that share an arena are few: a list will do. */
static struct barrier_user *barrier_find(struct memlane_barrier *barrier, struct mm_struct *mm)
{
	struct barrier_user *user;

	lockdep_assert_held(&barrier->lock);
	list_for_each_entry(user, &barrier->users, list)
		if (user->mm == mm)
			return user;
	return NULL;
}

/* Return: whether @mm was there; if not, @user has been added, if there is one. */
static bool barrier_count(struct memlane_barrier *barrier, struct mm_struct *mm,
			  struct barrier_user *user)
{
	struct barrier_user *found;

	spin_lock(&barrier->lock);
	found = barrier_find(barrier, mm);
	if (found)
		found->nr++;
	else if (user)
		list_add(&user->list, &barrier->users);
	spin_unlock(&barrier->lock);
	return found;
}

/**
 * memlane_barrier_join - an address space gets a mapping
 * @barrier: of the arena
 * @mm: whose
 * @extra: more flags for the allocator
 *
 * Context: mmap_lock of @mm for writing, so nobody else joins or leaves with it.
 * Return: 0 or -ENOMEM.
 */
int memlane_barrier_join(struct memlane_barrier *barrier, struct mm_struct *mm, gfp_t extra)
{
	struct barrier_user *user;

	lockdep_assert_held_write(&mm->mmap_lock);
	if (barrier_count(barrier, mm, NULL))
		return 0;
	user = kmalloc(sizeof(*user), GFP_KERNEL_ACCOUNT | extra);
	if (!user)
		return -ENOMEM;
	mmgrab(mm);
	user->mm = mm;
	user->nr = 1;
	barrier_count(barrier, mm, user);
	return 0;
}

/**
 * memlane_barrier_leave - an address space loses a mapping
 * @barrier: of the arena
 * @mm: which joined
 *
 * Context: @mm is being changed by nobody else; it may be on its way out.
 * Return: whether no address space has a mapping now.
 */
bool memlane_barrier_leave(struct memlane_barrier *barrier, struct mm_struct *mm)
{
	struct barrier_user *user;
	bool last;

	spin_lock(&barrier->lock);
	user = barrier_find(barrier, mm);
	if (!WARN_ON_ONCE(!user) && --user->nr)
		user = NULL;
	if (user)
		list_del(&user->list);
	last = list_empty(&barrier->users);
	spin_unlock(&barrier->lock);
	if (user) {
		mmdrop(mm);
		kfree(user);
	}
	return last;
}

/**
 * memlane_barrier_delay - how long the arena has to wait for its next barrier
 * @barrier: of the arena
 *
 * Its own share may be used up, or that of all arenas of its user.
 *
 * Context: any. Return: ns; 0: it may have it now.
 */
u64 memlane_barrier_delay(const struct memlane_barrier *barrier)
{
	return max(memlane_rate_delay(&barrier->rate), memlane_user_barrier_delay(barrier->user));
}

static void barrier_pay(struct memlane_barrier *barrier)
{
	memlane_rate_pay(&barrier->rate, READ_ONCE(barrier_rate));
	memlane_user_barrier(barrier->user);
}

static void barrier_find_cpus(struct memlane_barrier *barrier)
{
	struct barrier_user *user;

	cpumask_clear(barrier->cpus);
	spin_lock(&barrier->lock);
	list_for_each_entry(user, &barrier->users, list)
		cpumask_or(barrier->cpus, barrier->cpus, memlane_cpus_of(user->mm));
	spin_unlock(&barrier->lock);
}

/* Preemption is off, and so is the end of a task that is found on a CPU. */
static bool barrier_wanted(int cpu, void *unused)
{
	const struct task_struct *task;
	bool wanted;

	rcu_read_lock();
	task = memlane_task_on(cpu);
	wanted = !task || !(READ_ONCE(task->flags) & PF_KTHREAD);
	rcu_read_unlock();
	return wanted;
}

static void barrier_pass(void *unused)
{
	smp_mb();	/* pairs with the plain store of memlane_enter() */
}

static void barrier_interrupt(struct memlane_barrier *barrier)
{
	unsigned int self;

	lockdep_assert_held(&barrier->run);
	smp_mb();	/* the marks before the looks at masks and tasks; see the top */
	barrier_find_cpus(barrier);
	self = get_cpu();
	cpumask_clear_cpu(self, barrier->cpus);
	if (!cpumask_empty(barrier->cpus)) {
		on_each_cpu_cond_mask(barrier_wanted, barrier_pass, NULL, true, barrier->cpus);
		barrier_pay(barrier);
	}
	put_cpu();
	smp_mb();	/* the looks and interrupts before the looks at slots */
}

/**
 * memlane_barrier_run - have the arena's programs pass a full barrier
 * @barrier: of the arena
 * @may_wait: for another barrier of this arena; reclaim may not
 *
 * Context: core.mover, or no lock of the engine's. Waits until the CPUs have answered.
 * Return: 0; -EINTR: a fatal signal; -EAGAIN: there is another one, and @may_wait is false.
 */
int memlane_barrier_run(struct memlane_barrier *barrier, bool may_wait)
{
	if (!mutex_trylock(&barrier->run)) {
		if (!may_wait)
			return -EAGAIN;
		if (mutex_lock_killable(&barrier->run))
			return -EINTR;
	}
	barrier_interrupt(barrier);
	mutex_unlock(&barrier->run);
	return 0;
}
