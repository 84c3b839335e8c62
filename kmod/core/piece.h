/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* piece.h - the limits and results of a long call that is carried out by pieces */
#ifndef ML_PIECE_H
#define ML_PIECE_H

#include "core.h"

void ml_piece_add(struct memlane_step *sum, const struct memlane_step *piece);
bool ml_piece_limits(const struct memlane_step *sum, struct memlane_step *piece);

#endif /* ML_PIECE_H */
