// SPDX-License-Identifier: GPL-2.0-only
/*
 * user.c - what all arenas of a user may take together
 *
 * Arenas, their kernel memory and pages are charged to memory cgroups as well, where
 * there are some. These limits hold where there are none, and for what no cgroup
 * knows of: ids, and the time of kernel workers. They are those of the uid that opened
 * the file, not of later users of it, and do not apply to openers that have
 * CAP_SYS_RESOURCE. The limits are generous: they stop programs that are hostile or
 * have gone wrong.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "user.h"
#include "worker.h"

static unsigned int user_arenas = 10240;
module_param(user_arenas, uint, 0644);
MODULE_PARM_DESC(user_arenas, "Arenas that a user may have open");

/* Those that never answer hold up to ten workers each, of the user's own: see crew.c. */
static unsigned int user_files = 40;
module_param(user_files, uint, 0644);
MODULE_PARM_DESC(user_files, "Backing files that a user's arenas may have");

static unsigned int user_metadata = 25;
module_param(user_metadata, uint, 0644);
MODULE_PARM_DESC(user_metadata, "Percent of memory that describes a user's arenas at most");

static unsigned int user_pages = 90;
module_param(user_pages, uint, 0644);
MODULE_PARM_DESC(user_pages, "Percent of memory that a user's objects take at most");

static unsigned int user_cpu = 25;
module_param(user_cpu, uint, 0644);
MODULE_PARM_DESC(user_cpu, "Percent of one CPU that works for a user in the background");

static unsigned int user_barrier_rate = 50000;
module_param(user_barrier_rate, uint, 0644);
MODULE_PARM_DESC(user_barrier_rate,
		 "how often in a second a user's arenas may interrupt other CPUs; 0: without limit");

/* Kernel memory that the page of a fault may need. */
#define FAULT_BYTES	(4 * PAGE_SIZE)

static DEFINE_SPINLOCK(users_lock);
static LIST_HEAD(users);

static struct memlane_user *user_find(kuid_t uid, bool unlimited)
{
	struct memlane_user *user;

	lockdep_assert_held(&users_lock);
	list_for_each_entry(user, &users, list)
		if (uid_eq(user->uid, uid) && user->unlimited == unlimited)
			return user;
	return NULL;
}

static struct memlane_user *user_new(kuid_t uid, bool unlimited)
{
	struct memlane_user *user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);

	if (!user)
		return NULL;
	user->crew = memlane_crew_begin(uid, MEMLANE_CREW_ARENAS);
	if (!user->crew) {
		kfree(user);
		return NULL;
	}
	user->uid = uid;
	user->unlimited = unlimited;
	spin_lock_init(&user->lock);
	INIT_LIST_HEAD(&user->ready);
	memlane_runners_init(user);
	return user;
}

/* Nothing of it is queued or runs. */
static void user_free(struct memlane_user *user)
{
	memlane_crew_put(user->crew);
	kfree(user);
}

/* The user that exists already, otherwise @fresh, if there is one. */
static struct memlane_user *user_find_or_add(kuid_t uid, bool unlimited, struct memlane_user *fresh)
{
	struct memlane_user *user;

	spin_lock(&users_lock);
	user = user_find(uid, unlimited);
	if (!user && fresh) {
		list_add(&fresh->list, &users);
		user = fresh;
	}
	if (user)
		user->files++;
	spin_unlock(&users_lock);
	return user;
}

/**
 * memlane_user_get - the caller, as who opens a file
 *
 * No memory is asked for under the lock: everybody's opens and closes take it.
 *
 * Return: to be given to memlane_user_put(); NULL: no memory.
 */
struct memlane_user *memlane_user_get(void)
{
	bool unlimited = capable(CAP_SYS_RESOURCE);
	kuid_t uid = current_uid();
	struct memlane_user *user = user_find_or_add(uid, unlimited, NULL), *fresh;

	if (user)
		return user;
	fresh = user_new(uid, unlimited);
	user = user_find_or_add(uid, unlimited, fresh);
	if (user != fresh && fresh)
		user_free(fresh);
	return user;
}

/**
 * memlane_user_put - a file is closed
 * @user: who opened it; no arena of the file is left
 */
void memlane_user_put(struct memlane_user *user)
{
	spin_lock(&users_lock);
	if (!--user->files)
		list_del(&user->list);
	else
		user = NULL;
	spin_unlock(&users_lock);
	if (!user)
		return;
	memlane_runners_exit(user);
	user_free(user);
}

/**
 * memlane_user_arena - one arena more
 * @user: who has it
 *
 * Return: 0 or -EDQUOT.
 */
int memlane_user_arena(struct memlane_user *user)
{
	if (atomic_inc_return(&user->arenas) <= READ_ONCE(user_arenas) || user->unlimited)
		return 0;
	atomic_dec(&user->arenas);
	return -EDQUOT;
}

void memlane_user_arena_end(struct memlane_user *user)
{
	atomic_dec(&user->arenas);
}

/**
 * memlane_user_may_have_file - may a user's arenas have a backing file more?
 * @user: whose arena it is for
 * @files: that they have
 */
bool memlane_user_may_have_file(const struct memlane_user *user, unsigned int files)
{
	return user->unlimited || files < READ_ONCE(user_files);
}

static u64 share_of_memory(unsigned int percent)
{
	return totalram_pages() / 100 * (u64)percent;
}

/**
 * memlane_user_charge - kernel memory for a user's arena
 * @user: who has it
 * @bytes: how many more
 *
 * Return: 0, or -ENOMEM and nothing was charged.
 */
int memlane_user_charge(struct memlane_user *user, u64 bytes)
{
	u64 most = share_of_memory(READ_ONCE(user_metadata)) << PAGE_SHIFT;

	if (atomic64_add_return(bytes, &user->metadata) <= most || user->unlimited)
		return 0;
	atomic64_sub(bytes, &user->metadata);
	return -ENOMEM;
}

/**
 * memlane_user_may_describe - was it for want of memory that a fault got none?
 * @user: whose arena it is for
 *
 * Return: false: rather for the user's limit, and it is of no use to try again.
 */
bool memlane_user_may_describe(const struct memlane_user *user)
{
	u64 most = share_of_memory(READ_ONCE(user_metadata)) << PAGE_SHIFT;

	return user->unlimited || atomic64_read(&user->metadata) + FAULT_BYTES <= most;
}

void memlane_user_uncharge(struct memlane_user *user, u64 bytes)
{
	atomic64_sub(bytes, &user->metadata);
}

/**
 * memlane_user_may_have_page - may a user's objects have a page more?
 * @user: whose arena it is for
 *
 * What many CPUs ask for at the same moment may pass the limit by as much.
 */
bool memlane_user_may_have_page(const struct memlane_user *user)
{
	return user->unlimited ||
	       atomic64_read(&user->pages) < share_of_memory(READ_ONCE(user_pages));
}

/**
 * memlane_user_barrier_delay - how long an arena of a user waits for its next barrier
 * @user: whose arena it is
 *
 * Context: any. Return: ns; 0: it may have it now.
 */
u64 memlane_user_barrier_delay(const struct memlane_user *user)
{
	return user->unlimited ? 0 : memlane_rate_delay(&user->barriers);
}

/* A user's arena has interrupted other CPUs. */
void memlane_user_barrier(struct memlane_user *user)
{
	memlane_rate_pay(&user->barriers, READ_ONCE(user_barrier_rate));
}

/**
 * memlane_user_worked - a runner has worked
 * @user: for whom; user.lock
 * @ns: how long
 *
 * All runners rest for so long that they take no more than the user's share of a CPU.
 */
void memlane_user_worked(struct memlane_user *user, u64 ns)
{
	unsigned int percent = clamp(READ_ONCE(user_cpu), 1U, 100U);
	u64 now = ktime_get_ns();

	if (!user->unlimited)
		user->rested = max(user->rested, now) + ns * (100 - percent) / percent;
}

/* How long the user's runners rest still, ns; user.lock. */
u64 memlane_user_rest(const struct memlane_user *user)
{
	u64 now = ktime_get_ns();

	return user->rested - min(user->rested, now);
}
