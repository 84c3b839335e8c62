// SPDX-License-Identifier: MIT
/* fuzz-request.c - bytes are the structs of the ABI, as they come from a program */
#include <string.h>

#include "world.h"

#define MOST	(1 << 20)	/* handles that a call may name */
#define GIVEN	4096		/* and be given: no others are ever written */

static u64 handles[MOST];
static s32 results[MOST];	/* written, never read */

/* If @nr was chosen: make @call with a struct of this type, filled from the input. */
#define CALL(nr, type, call) do {					\
	struct type req = { .size = sizeof(req) };			\
	size_t part = len < sizeof(req) ? len : sizeof(req);		\
									\
	if (which != (nr))						\
		break;							\
	memcpy(&req, bytes, part);					\
	call;								\
	bytes += part;							\
	len -= part;							\
} while (0)

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len)
{
	struct world *w = world_new(256 << 10, 1 << 20);
	struct memlane_blocker who[MEMLANE_BLOCKERS];
	struct ml_arena *a = &w->arena;

	memset(handles, 0, GIVEN * sizeof(*handles));
	while (len) {
		u8 which = *bytes++;

		which = which < 240 ? which % 16 : 16 + which % 4;
		len--;
		CALL(0, memlane_alloc, ml_alloc(a, &req, handles));
		CALL(1, memlane_free, ml_free(a, &req, handles));
		CALL(2, memlane_migrate, ml_migrate(a, &req, handles, results));
		CALL(3, memlane_compact, ml_compact(a, &req));
		CALL(4, memlane_query, ml_query(a, &req));
		CALL(5, memlane_set, ml_set(a, &req));
		CALL(6, memlane_set, ml_get(a, &req));
		CALL(7, memlane_register, ml_register(a, &req));
		CALL(8, memlane_register, ml_unregister(a, &req));
		CALL(9, memlane_refill, ml_refill(a, &req));
		CALL(10, memlane_flush, ml_flush(a, &req));
		CALL(11, memlane_cost, ml_cost(a, &req));
		CALL(12, memlane_blockers, ml_blockers(a, &req, who));
		CALL(13, memlane_wait, ml_wait(a, &req));
		CALL(14, memlane_maintain, ml_maintain(a, &req));
		CALL(15, memlane_create, world_create(&req));
		CALL(16, memlane_info, ml_info(a, &req));
		CALL(17, memlane_stat, ml_stat(a, &req));
		CALL(18, memlane_cool, ml_cool(a, &req, handles));
		CALL(19, memlane_cool, ml_warm(a, &req, handles));
		world_check(w);
	}
	world_end(w);
	return 0;
}
