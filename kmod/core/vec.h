/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* vec.h - sparse arrays whose pages never move */
#ifndef ML_VEC_H
#define ML_VEC_H

#include "core.h"

int ml_vec_init(struct ml_arena *a, struct ml_vec *v, u64 nr, unsigned int shift,
		unsigned int region);
void ml_vec_exit(struct ml_arena *a, struct ml_vec *v);
void *ml_vec_at(const struct ml_vec *v, u64 i);
void *ml_vec_make(struct ml_arena *a, struct ml_vec *v, u64 i);

#endif /* ML_VEC_H */
