/* SPDX-License-Identifier: GPL-2.0-only */
/* crew.h - workers that read and write the files of one user */
#ifndef MEMLANE_CREW_H
#define MEMLANE_CREW_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

/**
 * struct memlane_crew - see crew.c
 * @list: of all crews; under a lock of crew.c, as are @refs and
 *	@failed
 * @refs: backings, and who waits for @made
 * @uid: whose files they read and write; immutable
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
	struct work_struct make;
	struct completion made;
	struct delayed_work end;
	bool failed;
	struct workqueue_struct *queue;
};

struct memlane_crew *memlane_crew_get(kuid_t uid);
void memlane_crew_put(struct memlane_crew *crew);

int memlane_crews_init(void);
void memlane_crews_exit(void);

#endif /* MEMLANE_CREW_H */
