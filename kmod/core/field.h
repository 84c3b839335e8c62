/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* field.h - counters by name, as people and the memlane command read them */
#ifndef ML_FIELD_H
#define ML_FIELD_H

#include "core.h"

/**
 * struct ml_field - one counter of a struct
 * @name: the word for it; NULL ends a table
 * @offset: of a u64
 */
struct ml_field {
	const char *name;
	size_t offset;
};

extern const struct ml_field ml_count_fields[];	/* of struct memlane_counts */
extern const struct ml_field ml_lane_fields[];	/* of struct memlane_lane_stat */
extern const struct ml_field ml_tally_fields[];	/* of struct memlane_tally */

/* Another thread may be counting. */
static inline u64 ml_field_read(const void *base, const struct ml_field *field)
{
	return READ_ONCE(*(const u64 *)(base + field->offset));
}

#endif /* ML_FIELD_H */
