// SPDX-License-Identifier: GPL-2.0-only
/*
 * crew.c - workers of one user: those that read and write files, and those that tend arenas
 *
 * A file need not answer, and who reads from it waits then; who tends an arena waits for
 * sections, which may stay open. The kernel runs so many works of a queue, and no more: in a
 * queue of all users, some of them could leave none to the others. So the files of each user
 * have a queue of their own, and the arenas another, each of which is a crew. All crews for
 * files share a number of workers; where there are many, each has a few all the same.
 *
 * Queues are made and ended by a worker: both take locks of all the kernel's queues, which
 * a program must not hold, as it may have no CPU time left. A crew that nobody needs any
 * more is kept for a while, so that no program has queues come and go at its own pace.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "crew.h"

/* How long a crew is kept that nobody needs. */
#define CREW_IDLE	(5 * HZ)

/* Workers for files on a CPU: those of all crews, and those that each crew has at least. */
#define ALL_WORKERS	2048U
#define LEAST_WORKERS	8U

static LIST_HEAD(crews);
static DEFINE_SPINLOCK(crews_lock);

/* Users whose arenas have a queue of their own: all workers are a bounded set. */
#define MOST_TENDED	128U

/* Makes and ends crews, one after the other. What follows is its own: how many there are. */
static struct workqueue_struct *maker;
static unsigned int nr_crews, share;	/* for files */
static unsigned int nr_tended;

/* Behind @crew, or the first. Only the maker takes crews off the list. */
static struct memlane_crew *crew_next(struct memlane_crew *crew)
{
	spin_lock(&crews_lock);
	crew = list_prepare_entry(crew, &crews, list);
	list_for_each_entry_continue(crew, &crews, list)
		break;
	if (list_entry_is_head(crew, &crews, list))
		crew = NULL;
	spin_unlock(&crews_lock);
	return crew;
}

/* By powers of two, so that few changes of the number change what the others have. */
static void share_workers(void)
{
	struct memlane_crew *crew = NULL;
	unsigned int now = ALL_WORKERS / roundup_pow_of_two(max(nr_crews, 1U));

	now = clamp(now, LEAST_WORKERS, (unsigned int)WQ_MAX_ACTIVE);
	if (now == share)
		return;
	share = now;
	while ((crew = crew_next(crew)))
		if (crew->queue && crew->kind == MEMLANE_CREW_FILES)
			workqueue_set_max_active(crew->queue, share);
}

static struct workqueue_struct *queue_for_files(void)
{
	nr_crews++;
	share_workers();
	return alloc_workqueue("memlane_io", MEMLANE_WQ_BOUND | WQ_HIGHPRI, share);
}

/* A uid may be two users. NULL also where too many have one. */
static struct workqueue_struct *queue_for_arenas(void)
{
	struct workqueue_struct *queue = NULL;

	if (nr_tended < MOST_TENDED)
		queue = alloc_workqueue("memlane_tend", WQ_UNBOUND, 2 * MEMLANE_RUNNERS);
	nr_tended += !!queue;
	return queue;
}

static void crew_make(struct work_struct *work)
{
	struct memlane_crew *crew = container_of(work, struct memlane_crew, make);

	if (crew->kind == MEMLANE_CREW_FILES)
		crew->queue = queue_for_files();
	else
		crew->queue = queue_for_arenas();
	spin_lock(&crews_lock);
	crew->failed = !crew->queue;
	spin_unlock(&crews_lock);
	complete_all(&crew->made);
}

static void crew_uncount(const struct memlane_crew *crew)
{
	if (crew->kind == MEMLANE_CREW_ARENAS) {
		nr_tended -= !!crew->queue;
		return;
	}
	nr_crews--;
	share_workers();
}

static bool crew_take_off(struct memlane_crew *crew)
{
	bool idle;

	spin_lock(&crews_lock);
	idle = !crew->refs;
	if (idle)
		list_del(&crew->list);
	spin_unlock(&crews_lock);
	return idle;
}

/* Unless somebody needs it again. It comes after crew_make(), and may be queued twice. */
static void crew_end(struct work_struct *work)
{
	struct memlane_crew *crew = container_of(to_delayed_work(work), struct memlane_crew, end);

	if (!crew_take_off(crew))
		return;
	cancel_delayed_work(&crew->end);
	if (crew->queue)
		destroy_workqueue(crew->queue);
	crew_uncount(crew);
	kfree(crew);
}

static struct memlane_crew *crew_new(kuid_t uid, enum memlane_crew_work kind)
{
	struct memlane_crew *crew = kzalloc(sizeof(*crew), GFP_KERNEL_ACCOUNT);

	if (!crew)
		return NULL;
	crew->uid = uid;
	crew->kind = kind;
	INIT_WORK(&crew->make, crew_make);
	init_completion(&crew->made);
	INIT_DELAYED_WORK(&crew->end, crew_end);
	return crew;
}

static struct memlane_crew *crew_find(kuid_t uid, enum memlane_crew_work kind)
{
	struct memlane_crew *crew;

	lockdep_assert_held(&crews_lock);
	list_for_each_entry(crew, &crews, list)
		if (uid_eq(crew->uid, uid) && crew->kind == kind && !crew->failed)
			return crew;
	return NULL;
}

/* The user's crew, otherwise @fresh, if there is one, which is being made then. */
static struct memlane_crew *crew_find_or_add(kuid_t uid, enum memlane_crew_work kind,
					     struct memlane_crew *fresh)
{
	struct memlane_crew *crew;

	spin_lock(&crews_lock);
	crew = crew_find(uid, kind);
	if (!crew && fresh) {
		list_add(&fresh->list, &crews);
		queue_work(maker, &fresh->make);
		crew = fresh;
	}
	if (crew)
		crew->refs++;
	spin_unlock(&crews_lock);
	return crew;
}

/**
 * memlane_crew_begin - workers that a user has now, or soon
 * @uid: whose
 * @kind: what they do
 *
 * Return: to be given to memlane_crew_put(); there are none before @made. NULL: no memory.
 */
struct memlane_crew *memlane_crew_begin(kuid_t uid, enum memlane_crew_work kind)
{
	struct memlane_crew *crew = crew_find_or_add(uid, kind, NULL), *fresh;

	if (crew)
		return crew;
	fresh = crew_new(uid, kind);
	crew = crew_find_or_add(uid, kind, fresh);
	if (crew != fresh)
		kfree(fresh);
	return crew;
}

/**
 * memlane_crew_get - the workers for a user's files
 * @uid: whose
 *
 * Context: may sleep.
 * Return: to be given to memlane_crew_put(); -ENOMEM; -EINTR: a fatal signal.
 */
struct memlane_crew *memlane_crew_get(kuid_t uid)
{
	struct memlane_crew *crew = memlane_crew_begin(uid, MEMLANE_CREW_FILES);
	int err;

	if (!crew)
		return ERR_PTR(-ENOMEM);
	err = wait_for_completion_killable(&crew->made) ? -EINTR : 0;
	if (!err && !crew->queue)
		err = -ENOMEM;
	if (!err)
		return crew;
	memlane_crew_put(crew);
	return ERR_PTR(err);
}

/**
 * memlane_crew_put - a file is not read or written any more, or a user's arenas not tended
 * @crew: from memlane_crew_get() or memlane_crew_begin()
 *
 * Context: any but interrupts; its own workers, too.
 */
void memlane_crew_put(struct memlane_crew *crew)
{
	spin_lock(&crews_lock);
	if (!--crew->refs)
		queue_delayed_work(maker, &crew->end, CREW_IDLE);
	spin_unlock(&crews_lock);
}

int memlane_crews_init(void)
{
	maker = alloc_ordered_workqueue("memlane_crews", 0);
	return maker ? 0 : -ENOMEM;
}

/* Nobody has a reference: those that are kept end now. */
void memlane_crews_exit(void)
{
	struct memlane_crew *crew;

	spin_lock(&crews_lock);
	list_for_each_entry(crew, &crews, list)
		mod_delayed_work(maker, &crew->end, 0);
	spin_unlock(&crews_lock);
	destroy_workqueue(maker);
}
