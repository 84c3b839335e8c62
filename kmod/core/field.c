// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* field.c - counters by name, the same in debugfs and on the socket of a process */
#include "field.h"

#define COUNT(name) { #name, offsetof(struct memlane_counts, name) }
#define CAUSE(name, cause) \
	{ "moves_" #name, offsetof(struct memlane_counts, by_cause[MEMLANE_CAUSE_##cause]) }
const struct ml_field ml_count_fields[] = {
	COUNT(ioctls), COUNT(refills), COUNT(flushes), COUNT(handles), COUNT(retired),
	COUNT(batches), COUNT(moved), COUNT(moved_bytes), COUNT(remapped),
	COUNT(remapped_pages), COUNT(vetoed), COUNT(pinned), COUNT(held), COUNT(given_up),
	COUNT(spoiled), COUNT(pages_returned), COUNT(faults), COUNT(metadata), COUNT(slots),
	COUNT(slots_reaped), COUNT(spilled), COUNT(cycles), COUNT(periods),
	COUNT(purged), COUNT(shortages), COUNT(lost), COUNT(away),
	COUNT(compressed), COUNT(compressed_bytes), COUNT(cooled), COUNT(cooled_same),
	COUNT(incompressible), COUNT(warmed), COUNT(stored), COUNT(stored_bytes),
	COUNT(written), COUNT(loaded), COUNT(write_errors), COUNT(lost_pages), COUNT(refaults),
	COUNT(cool_rests), COUNT(hot_on_cold), COUNT(ahead), COUNT(ahead_hits), COUNT(gone_allocs),
	COUNT(gone_frees), COUNT(gone_alloc_bytes), COUNT(gone_free_bytes),
	COUNT(gone_vetoes), COUNT(gone_waits),
	CAUSE(compact, COMPACT), CAUSE(hand, HAND), CAUSE(stale, STALE),
	CAUSE(oversized, OVERSIZED), CAUSE(hot, HOT), CAUSE(sort, SORT), CAUSE(purge, PURGE),
	CAUSE(room, ROOM), { }
};

#define LANE(name) { #name, offsetof(struct memlane_lane_stat, name) }
const struct ml_field ml_lane_fields[] = {
	LANE(limit), LANE(max), LANE(used), LANE(bound), LANE(block_used), LANE(blob_used),
	LANE(block_chunks), LANE(blob_chunks), LANE(objects), LANE(spans), LANE(blobs),
	LANE(largest_hole), LANE(migrated_in), LANE(resident), { }
};

#define TALLY(name) { #name, offsetof(struct memlane_tally, name) }
#define TALLY_CAUSE(name, cause) \
	{ "moves_" #name, offsetof(struct memlane_tally, by_cause[MEMLANE_CAUSE_##cause]) }
const struct ml_field ml_tally_fields[] = {
	TALLY_CAUSE(compact, COMPACT), TALLY_CAUSE(hand, HAND), TALLY_CAUSE(stale, STALE),
	TALLY_CAUSE(oversized, OVERSIZED), TALLY_CAUSE(hot, HOT), TALLY_CAUSE(sort, SORT),
	TALLY_CAUSE(purge, PURGE), TALLY_CAUSE(room, ROOM),
	TALLY(bytes), TALLY(vetoed), TALLY(pinned), TALLY(held), TALLY(given_up),
	TALLY(faults), TALLY(pages), { }
};
