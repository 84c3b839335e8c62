// SPDX-License-Identifier: GPL-2.0-only
/*
 * orphan.c - a private arena ends with its last user
 *
 * A child of fork() inherits the file of an arena, whether it wants it or not, and none
 * of the mappings. So the file may live on when the program that made the arena has
 * closed it or has died. A program that uses an arena maps its slots. When none does any
 * more, a private arena (MEMLANE_OPT_PRIVATE) is over: its pages go back, it is not
 * tended any more, and calls on what is left of the file answer -EOWNERDEAD. Its tables
 * go with the file.
 */
#include "device.h"

/**
 * memlane_orphan_unused - nobody maps the slots any more
 * @arena: of the file, which the mapping that ends still holds
 *
 * The last mapping may end in the middle of a process's death, and with mmap_lock held,
 * which comes after core.lock: a worker gives the pages back.
 *
 * Context: any.
 */
void memlane_orphan_unused(struct memlane_arena *arena)
{
	if (!READ_ONCE(arena->core.policy.private))
		return;
	WRITE_ONCE(arena->orphaned, true);
	memlane_worker_wake(arena);
}

/**
 * memlane_orphan_tend - what a worker has to do for an arena that is over
 * @arena: orphaned
 *
 * A call that was under way may have made a page since the last time.
 */
void memlane_orphan_tend(struct memlane_arena *arena)
{
	mutex_lock(&arena->core.lock);
	memlane_pages_clear(&arena->pages);
	mutex_unlock(&arena->core.lock);
}
