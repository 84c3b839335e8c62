// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* piece.c - the limits and results of a long call that is carried out by pieces */
#include "piece.h"

/**
 * ml_piece_add - a piece has ended
 * @sum: of all so far; whether there is more is as the last one says
 * @piece: what it did
 */
void ml_piece_add(struct memlane_step *sum, const struct memlane_step *piece)
{
	sum->out_moved += piece->out_moved;
	sum->out_moved_bytes += piece->out_moved_bytes;
	sum->out_remapped += piece->out_remapped;
	sum->out_remapped_pages += piece->out_remapped_pages;
	sum->out_vetoed += piece->out_vetoed;
	sum->out_pinned += piece->out_pinned;
	sum->out_held += piece->out_held;
	sum->out_given_up += piece->out_given_up;
	sum->out_pages_returned += piece->out_pages_returned;
	sum->out_ns += piece->out_ns;
	sum->out_more = piece->out_more;
}

/**
 * ml_piece_limits - what the next piece may do
 * @sum: limits of the whole, and what was done of it
 * @piece: its limits; 0: none
 *
 * Return: false: nothing.
 */
bool ml_piece_limits(const struct memlane_step *sum, struct memlane_step *piece)
{
	if ((sum->max_bytes && sum->out_moved_bytes >= sum->max_bytes) ||
	    (sum->max_ns && sum->out_ns >= sum->max_ns))
		return false;
	piece->max_bytes = sum->max_bytes ? sum->max_bytes - sum->out_moved_bytes : 0;
	piece->max_ns = sum->max_ns ? sum->max_ns - sum->out_ns : 0;
	return true;
}
