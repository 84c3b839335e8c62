/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* blob.h - objects of whole pages */
#ifndef ML_BLOB_H
#define ML_BLOB_H

#include "lane.h"

int ml_blob_away(struct ml_arena *a, const struct ml_run *from, struct ml_run **out);
int ml_blob_new(struct ml_arena *a, unsigned int lane, const struct ml_need *need, u64 below,
		struct ml_run **out);
struct ml_run *ml_blob_below(const struct ml_lane *lane, u64 below);
void ml_blob_free(struct ml_arena *a, struct ml_run *run);
void ml_blob_forget(struct ml_arena *a, struct ml_run *run);

#endif /* ML_BLOB_H */
