/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* vacancy.h - free indices: which of them are given out next */
#ifndef ML_VACANCY_H
#define ML_VACANCY_H

#include "core.h"

int ml_vacancy_init(struct ml_arena *a, u64 nr);
bool ml_vacancy_make(struct ml_arena *a, u32 index);
u32 ml_vacancy_take(struct ml_arena *a, u8 **state);
void ml_vacancy_give(struct ml_arena *a, u32 index, u32 nr);
struct ml_vacancy *ml_vacancy_of(const struct ml_arena *a, u32 block);
unsigned int ml_vacancy_list(u32 nr);

#endif /* ML_VACANCY_H */
