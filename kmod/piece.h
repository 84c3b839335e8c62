/* SPDX-License-Identifier: GPL-2.0-only */
/* piece.h - the limits and results of a long call that is carried out by pieces */
#ifndef MEMLANE_PIECE_H
#define MEMLANE_PIECE_H

#include <linux/types.h>

struct memlane_step;

void memlane_piece_add(struct memlane_step *sum, const struct memlane_step *piece);
bool memlane_piece_limits(const struct memlane_step *sum, struct memlane_step *piece);

#endif /* MEMLANE_PIECE_H */
