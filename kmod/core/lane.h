/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* lane.h - a lane's limit, and the places it gives to indices */
#ifndef ML_LANE_H
#define ML_LANE_H

#include "core.h"

/* What an object needs of a place. */
struct ml_need {
	u64 pages;		/* blobs */
	unsigned int cls;	/* or MEMLANE_CLASS_BLOB */
	unsigned int align;	/* blobs: log2 in pages */
	bool cold;		/* blocks: temperature */
	bool fresh;		/* blobs: of pages that nobody has written to */
};

int ml_lane_init(struct ml_arena *a, unsigned int lane, u64 first, u64 end, u64 limit, u64 max,
		 u64 reserve);
void ml_lane_exit(struct ml_arena *a, struct ml_lane *lane);
u64 ml_lane_used(const struct ml_lane *lane);
bool ml_lane_grow(struct ml_arena *a, unsigned int lane, u64 pages);
void ml_lane_tell_growth(struct ml_arena *a, unsigned int lane, u64 was);
u64 ml_lane_excess(const struct ml_arena *a, unsigned int lane);
bool ml_lane_pressed(const struct ml_arena *a, unsigned int lane);
void ml_lane_tell_pressure(struct ml_arena *a, unsigned int lane);
bool ml_lane_room(const struct ml_arena *a, unsigned int lane, u64 pages, bool scratch);
void ml_lane_stat_places(const struct ml_arena *a, unsigned int lane, struct memlane_lane_stat *st);
void ml_lane_stat(struct ml_arena *a, unsigned int lane, struct memlane_lane_stat *st);
unsigned int ml_lane_of(const struct ml_arena *a, u64 loc);

int ml_need_for(struct ml_need *need, u64 length, u64 align);
int ml_need_of(const struct ml_arena *a, u64 loc, struct ml_need *need);

u64 ml_need_pages(const struct ml_need *need);

void ml_lane_fit(struct ml_arena *a, unsigned int lane);
int ml_pages_take(struct ml_arena *a, struct ml_run *run, u64 nr, bool fresh);
void ml_pages_give(struct ml_arena *a, struct ml_run *run);

struct ml_span *ml_lane_span(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
			     bool scratch, int *err);
int ml_place_take(struct ml_arena *a, unsigned int lane, const struct ml_need *need,
		  bool scratch, u64 *loc);
void ml_place_name(struct ml_arena *a, u64 loc, u32 index);
void ml_place_unname(struct ml_arena *a, u64 loc);
void ml_place_move(struct ml_arena *a, const struct ml_move *mv);
void ml_place_give(struct ml_arena *a, u64 loc);
void ml_place_give_in(struct ml_arena *a, struct ml_run *run, u64 loc);
void ml_place_leave(struct ml_arena *a, struct ml_run *run, u64 loc);
void ml_places_named(struct ml_arena *a, struct ml_span *span, u32 nr);
void ml_places_given(struct ml_arena *a, struct ml_span *span, u32 nr);
u64 ml_place_room(const struct ml_arena *a, u64 loc);

#endif /* ML_LANE_H */
