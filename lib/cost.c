// SPDX-License-Identifier: MIT
/* cost.c - what moves cost, who is in their way, and how not to be */
#include <errno.h>

#include "backend.h"

int memlane_migration_cost_sized(struct memlane *m, memlane_handle h, enum memlane_lane lane,
				 struct memlane_cost *cost, size_t size)
{
	struct memlane_cost own = { .handle = h, .lane = lane };
	int err = arena_here(m);

	if (err)
		return err;
	if (lane != MEMLANE_FAST && lane != MEMLANE_SLOW)
		return -EINVAL;
	err = handle_check(m, h);
	if (!err)
		err = backend_cost(m, &own);
	own.size = size;
	give_out(cost, size, &own, sizeof(own));
	return err;
}

int memlane_blockers(struct memlane *m, struct memlane_blocker *records, uint32_t nr)
{
	struct memlane_blockers req = { .count = nr, .records = (uintptr_t)records };
	int err = arena_here(m);

	if (!err)
		err = backend_blockers(m, &req);
	return err ? err : (int)req.out_count;
}

/* What cannot be moved away is pinned where it is. */
int memlane_pin_long(struct memlane *m, memlane_handle h, void **p)
{
	struct memlane_migrate req = {
		.flags = MEMLANE_MIGRATE_SETTLE,
		.count = 1,
		.handles = (uintptr_t)&h,
	};
	int err = arena_here(m);

	*p = NULL;
	if (!err && in_section(m))
		err = -EDEADLK;
	if (!err)
		err = backend_migrate(m, &req);
	return err ? err : memlane_try_pin(m, h, p);
}
