// SPDX-License-Identifier: MIT
/* fuzz-request.c - bytes are the structs of the ABI, as they come from a program */
#include <string.h>

#include "world.h"

static u64 handles[1 << 20];
static s32 results[1 << 20];

/* Make @call with a struct of this type, filled from the input. */
#define CALL(type, call) do {						\
	struct type req = { .size = sizeof(req) };			\
									\
	memcpy(&req, bytes, len < sizeof(req) ? len : sizeof(req));	\
	call;								\
	bytes += len < sizeof(req) ? len : sizeof(req);			\
	len -= len < sizeof(req) ? len : sizeof(req);			\
} while (0)

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len)
{
	struct world *w = world_new(256 << 10, 1 << 20);
	struct memlane_blocker who[MEMLANE_BLOCKERS];
	struct ml_arena *a = &w->arena;

	while (len) {
		u8 which = *bytes++;

		len--;
		switch (which % 16) {
		case 0: CALL(memlane_alloc, ml_alloc(a, &req, handles)); break;
		case 1: CALL(memlane_free, ml_free(a, &req, handles)); break;
		case 2: CALL(memlane_migrate, ml_migrate(a, &req, handles, results)); break;
		case 3: CALL(memlane_compact, ml_compact(a, &req)); break;
		case 4: CALL(memlane_query, ml_query(a, &req)); break;
		case 5: CALL(memlane_set, ml_set(a, &req)); break;
		case 6: CALL(memlane_set, ml_get(a, &req)); break;
		case 7: CALL(memlane_register, ml_register(a, &req)); break;
		case 8: CALL(memlane_register, ml_unregister(a, &req)); break;
		case 9: CALL(memlane_refill, ml_refill(a, &req)); break;
		case 10: CALL(memlane_flush, ml_flush(a, &req)); break;
		case 11: CALL(memlane_cost, ml_cost(a, &req)); break;
		case 12: CALL(memlane_blockers, ml_blockers(a, &req, who)); break;
		case 13: CALL(memlane_wait, ml_wait(a, &req)); break;
		case 14: CALL(memlane_maintain, ml_maintain(a, &req)); break;
		case 15: CALL(memlane_create, world_create(&req)); break;
		}
		world_check(w);
	}
	world_end(w);
	return 0;
}
