/* SPDX-License-Identifier: GPL-2.0-only */
/* user.h - what all arenas of a user may take, and the workers that tend them */
#ifndef MEMLANE_USER_H
#define MEMLANE_USER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include "crew.h"
#include "rate.h"

struct memlane_user;

/**
 * struct memlane_runner - tends one arena after the other
 * @work: on @queue
 * @user: whose arenas
 * @active: it is queued or runs; user.lock
 * @queue: where it was queued; the thread that sets @active writes it, and the runner itself
 */
struct memlane_runner {
	struct delayed_work work;
	struct memlane_user *user;
	bool active;
	struct workqueue_struct *queue;
};

/**
 * struct memlane_user - who opened arenas
 * @list: of all users; under a lock of user.c, as is @files
 * @uid: of the opener, immutable
 * @unlimited: the opener had CAP_SYS_RESOURCE, and has no limits; immutable. A user
 *	may exist twice, with and without.
 * @files: open files
 * @arenas: of them created
 * @metadata: bytes of kernel memory of these
 * @pages: of their data areas
 * @barriers: of their movers
 * @crew: tends them; immutable
 * @lock: protects what follows; taken in timers
 * @ready: arenas that wait for a runner
 * @rested: ns before which nothing more is done in the background
 * @runner: by any number
 */
struct memlane_user {
	struct list_head list;
	kuid_t uid;
	bool unlimited;
	unsigned int files;
	atomic_t arenas;
	atomic64_t metadata;
	atomic64_t pages;
	struct memlane_rate barriers;
	struct memlane_crew *crew;
	spinlock_t lock;
	struct list_head ready;
	u64 rested;
	struct memlane_runner runner[MEMLANE_RUNNERS];
};

struct memlane_user *memlane_user_get(void);
void memlane_user_put(struct memlane_user *user);
int memlane_user_arena(struct memlane_user *user);
void memlane_user_arena_end(struct memlane_user *user);
bool memlane_user_may_have_file(const struct memlane_user *user, unsigned int files);
int memlane_user_charge(struct memlane_user *user, u64 bytes);
void memlane_user_uncharge(struct memlane_user *user, u64 bytes);
bool memlane_user_may_describe(const struct memlane_user *user);
bool memlane_user_may_have_page(const struct memlane_user *user);
u64 memlane_user_barrier_delay(const struct memlane_user *user);
void memlane_user_barrier(struct memlane_user *user);
void memlane_user_worked(struct memlane_user *user, u64 ns);
u64 memlane_user_rest(const struct memlane_user *user);

#endif /* MEMLANE_USER_H */
