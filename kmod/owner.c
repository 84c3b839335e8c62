// SPDX-License-Identifier: GPL-2.0-only
/*
 * owner.c - the thread behind each slot
 *
 * A slot's owner is a thread in an address space. Both are held only as names:
 * struct pid and the mm_struct itself, so neither keeps the process's memory. A
 * thread is gone when its pid has no task, and also when the task has left the
 * address space: it is exiting, or went through exec.
 */
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "device.h"

struct memlane_owner {
	struct pid *pid;
	struct mm_struct *mm;	/* compared, never looked into */
};

static struct memlane_owner *owner_current(void)
{
	struct memlane_owner *owner = kmalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);

	if (!owner)
		return NULL;
	owner->pid = get_pid(task_pid(current));
	owner->mm = current->mm;
	mmgrab(owner->mm);
	return owner;
}

static void owner_free(struct memlane_owner *owner)
{
	if (!owner)
		return;
	mmdrop(owner->mm);
	put_pid(owner->pid);
	kfree(owner);
}

static bool is_current(const struct memlane_owner *owner)
{
	return owner->pid == task_pid(current) && owner->mm == current->mm;
}

static bool owner_gone(const struct memlane_owner *owner)
{
	struct task_struct *task;
	bool gone;

	rcu_read_lock();
	task = pid_task(owner->pid, PIDTYPE_PID);
	gone = !task || READ_ONCE(task->mm) != owner->mm;
	rcu_read_unlock();
	return gone;
}

/* Kernel memory for @nr slots, once all of them have an owner. */
size_t memlane_owners_bytes(u32 nr)
{
	return (size_t)nr * (sizeof(struct memlane_owner *) + sizeof(struct memlane_owner));
}

/**
 * memlane_owners_init - no slot has an owner
 * @owners: to set up
 * @nr: slots
 *
 * Return: 0 or -ENOMEM.
 */
int memlane_owners_init(struct memlane_owners *owners, u32 nr)
{
	owners->by_slot = kvcalloc(nr, sizeof(*owners->by_slot), GFP_KERNEL_ACCOUNT);
	if (!owners->by_slot)
		return -ENOMEM;
	owners->nr = nr;
	mutex_init(&owners->lock);
	spin_lock_init(&owners->names);
	return 0;
}

/**
 * memlane_owners_exit - forget every thread
 * @owners: also one whose init failed or never ran
 */
void memlane_owners_exit(struct memlane_owners *owners)
{
	u32 slot;

	for (slot = 0; slot < owners->nr; slot++)
		owner_free(owners->by_slot[slot]);
	kvfree(owners->by_slot);
	owners->by_slot = NULL;
	owners->nr = 0;
}

/**
 * memlane_owner_gone - whether the thread of a slot will never come back
 * @owners: of the arena
 * @slot: in use
 *
 * A slot that memlane_register() is about to name has a living owner.
 *
 * Context: any lock of the engine's, or none.
 */
bool memlane_owner_gone(struct memlane_owners *owners, u32 slot)
{
	const struct memlane_owner *owner;
	bool gone;

	spin_lock(&owners->names);
	owner = owners->by_slot[slot];
	gone = owner && owner_gone(owner);
	spin_unlock(&owners->names);
	return gone;
}

/**
 * memlane_owner_is_current - whether the calling thread registered a slot
 * @owners: of the arena
 * @slot: any value
 */
bool memlane_owner_is_current(struct memlane_owners *owners, u32 slot)
{
	bool is;

	if (slot >= owners->nr)
		return false;
	slot = array_index_nospec(slot, owners->nr);
	spin_lock(&owners->names);
	is = owners->by_slot[slot] && is_current(owners->by_slot[slot]);
	spin_unlock(&owners->names);
	return is;
}

static struct memlane_owner *owner_exchange(struct memlane_owners *owners, u32 slot,
					    struct memlane_owner *owner)
{
	spin_lock(&owners->names);
	swap(owners->by_slot[slot], owner);
	spin_unlock(&owners->names);
	return owner;
}

/**
 * memlane_owner_forget - a slot became free
 * @owners: of the arena
 * @slot: which
 *
 * Context: core.lock.
 */
void memlane_owner_forget(struct memlane_owners *owners, u32 slot)
{
	lockdep_assert_held(&container_of(owners, struct memlane_arena, owners)->core.lock);
	owner_free(owner_exchange(owners, slot, NULL));
}

/**
 * memlane_register - give the calling thread a slot
 * @arena: created
 * @req: as the ABI says
 *
 * Return: 0 or -errno.
 */
int memlane_register(struct memlane_arena *arena, struct memlane_register *req)
{
	struct memlane_owners *owners = &arena->owners;
	struct memlane_owner *owner = owner_current();
	int err;

	if (!owner)
		return -ENOMEM;
	err = mutex_lock_killable(&owners->lock);
	if (!err) {
		err = ml_register(&arena->core, req);
		if (!err)
			owner = owner_exchange(owners, req->slot, owner);
		mutex_unlock(&owners->lock);
	}
	owner_free(owner);
	return err;
}

/*
 * The owner's process gives a slot back: threads of one address space can do worse to
 * each other. Anybody does once the owner is gone.
 */
static bool may_unregister(struct memlane_owners *owners, u32 slot)
{
	const struct memlane_owner *owner;
	bool may;

	lockdep_assert_held(&owners->lock);
	if (slot >= owners->nr)
		return false;
	slot = array_index_nospec(slot, owners->nr);
	spin_lock(&owners->names);
	owner = owners->by_slot[slot];
	may = owner && (owner->mm == current->mm || owner_gone(owner));
	spin_unlock(&owners->names);
	return may;
}

/**
 * memlane_unregister - take a slot back
 * @arena: created
 * @req: as the ABI says
 *
 * While owners.lock is held the slot cannot be given to another thread, so the
 * answer of may_unregister() stays true until the engine acts on it.
 *
 * Return: 0 or -errno.
 */
int memlane_unregister(struct memlane_arena *arena, struct memlane_register *req)
{
	int err = -EINVAL;

	if (mutex_lock_killable(&arena->owners.lock))
		return -EINTR;
	if (may_unregister(&arena->owners, req->slot))
		err = ml_unregister(&arena->core, req);
	mutex_unlock(&arena->owners.lock);
	return err;
}
