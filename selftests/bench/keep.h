/* SPDX-License-Identifier: MIT */
/* keep.h - the objects of which a quarter is used: of an arena, and of malloc with zram */
#ifndef KEEP_H
#define KEEP_H

#include <stdint.h>

#define KEEP_GROUP	"what nobody uses, put away"
#define KEEP_OBJECTS	20000U
#define KEEP_PERIODS	30U
#define KEEP_EVERY	4U
#define KEEP_USES	5000U	/* a period, by Zipf's law, beside one of each */

/* keep.c: bytes of an object; what is kept of all of them */
uint64_t keep_size(uint32_t i);
void bench_keep(void);

/* zipf.c: an object of those in use, by its number */
uint32_t keep_next(uint64_t *rng);

/* zram.c: malloc held to as many bytes, zram's own included */
void zram_keep(uint64_t bytes);

#endif /* KEEP_H */
