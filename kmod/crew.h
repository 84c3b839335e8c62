/* SPDX-License-Identifier: GPL-2.0-only */
/* crew.h - workers of one user: those that read and write files, and those that tend arenas */
#ifndef MEMLANE_CREW_H
#define MEMLANE_CREW_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#define MEMLANE_RUNNERS 4	/* arenas of a user that are tended at a time */

/* What a crew does. */
enum memlane_crew_work {
	MEMLANE_CREW_FILES,
	MEMLANE_CREW_ARENAS,
};

/**
 * struct memlane_crew - see crew.c
 * @list: of all crews; under a lock of crew.c, as are @refs and
 *	@failed
 * @refs: backings or users, and who waits for @made
 * @uid: who it works for; immutable
 * @kind: what it does; immutable
 * @make: makes @queue
 * @made: it was tried
 * @end: is due when nobody has had a reference for a while
 * @failed: there is no @queue; the next who needs one has another crew
 * @queue: immutable once @made
 */
struct memlane_crew {
	struct list_head list;
	unsigned int refs;
	kuid_t uid;
	enum memlane_crew_work kind;
	struct work_struct make;
	struct completion made;
	struct delayed_work end;
	bool failed;
	struct workqueue_struct *queue;
};

struct memlane_crew *memlane_crew_begin(kuid_t uid, enum memlane_crew_work kind);
struct memlane_crew *memlane_crew_get(kuid_t uid);
void memlane_crew_put(struct memlane_crew *crew);

int memlane_crews_init(void);
void memlane_crews_exit(void);

#endif /* MEMLANE_CREW_H */
