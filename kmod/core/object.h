/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* object.h - binding indices to places and freeing them */
#ifndef ML_OBJECT_H
#define ML_OBJECT_H

#include "lane.h"

/* Of a request, and looked at by ml_want_init(). */
#define ML_WANT_FLAGS	(MEMLANE_ALLOC_NO_SPILL | MEMLANE_ALLOC_MAY_MOVE | MEMLANE_ALLOC_FRESH)

/* What a caller wants of an allocation, and which lane it got. */
struct ml_want {
	struct ml_need need;
	unsigned int lane;
	unsigned int got;
	bool no_spill;
	bool may_move;
	bool looked;			/* whether the lane has room */
	bool resorted;			/* ml_last_resort() was called */
	bool yielded;			/* so was ml_kept_yield() */
	u64 limit[MEMLANE_LANES];	/* before the first bind */
};

int ml_want_init(struct ml_want *w, u32 lane, u32 flags, u64 length, u64 align);
int ml_want_lock(struct ml_arena *a, struct ml_want *w);
bool ml_want_again(struct ml_arena *a, struct ml_want *w, int err);
int ml_bind(struct ml_arena *a, struct ml_want *w, bool first, u32 *index);
void ml_bind_undo(struct ml_arena *a, const struct ml_want *w, bool first, u32 index);
u32 ml_bind_more(struct ml_arena *a, const struct ml_want *w, u32 *indices, u32 nr);

#endif /* ML_OBJECT_H */
