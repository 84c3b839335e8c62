/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * class.h - size classes of blocks, and where a slot has its magazines
 *
 * Multiples of 16 bytes up to 128, then eight steps a doubling up to MEMLANE_BLOCK_MAX:
 * rounding wastes 6 % on average. A magazine has 512 bytes.
 *
 * The library does not know any of this: ml_info() tells it (selftests/api/test-told.sh). The
 * header of the ABI has copies of three numbers, for tests.
 */
#ifndef ML_CLASS_H
#define ML_CLASS_H

#include <linux/types.h>

#include <linux/memlane.h>

#define ML_CLASS_SHIFT		3	/* 2^3 steps a doubling */
#define ML_CLASS_STEPS		(1U << ML_CLASS_SHIFT)
#define ML_CLASSES		((12U - ML_CLASS_SHIFT) << ML_CLASS_SHIFT)
#define ML_MAG_STRIDE		512U
#define ML_MAG_SIZE		(ML_MAG_STRIDE / (u32)sizeof(u32) - 2)	/* behind @nr and @quota */
#define ML_MAGS			(MEMLANE_LANES * ML_CLASSES)

_Static_assert(ML_CLASSES <= MEMLANE_CLASSES_MAX, "a lane has tallies for so many");

/**
 * ml_class_of - size class of a block
 * @length: bytes, 1 to MEMLANE_BLOCK_MAX
 *
 * Return: the smallest class that holds @length.
 */
static inline unsigned int ml_class_of(unsigned int length)
{
	unsigned int s = length - 1, e;

	if (s >> 4 < ML_CLASS_STEPS)
		return s >> 4;
	e = 31 - (unsigned int)__builtin_clz(s);
	return (e - 3 - ML_CLASS_SHIFT) * ML_CLASS_STEPS +
	       (s >> (e - ML_CLASS_SHIFT)) % ML_CLASS_STEPS;
}

/**
 * ml_class_size - bytes of a place of a class
 * @cls: 0 to ML_CLASSES - 1
 */
static inline unsigned int ml_class_size(unsigned int cls)
{
	if (cls < ML_CLASS_STEPS)
		return (cls + 1) << 4;
	return (cls % ML_CLASS_STEPS + ML_CLASS_STEPS + 1) << (cls / ML_CLASS_STEPS + 3);
}

/**
 * ml_tally_of_class - where the tally of a class in a lane is
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @cls: size class, or MEMLANE_CLASS_BLOB
 *
 * Return: 0 to MEMLANE_TALLY_TAG - 1.
 */
static inline unsigned int ml_tally_of_class(unsigned int lane, unsigned int cls)
{
	return lane * MEMLANE_TALLY_LANE + (cls < ML_CLASSES ? cls : ML_CLASSES);
}

#endif /* ML_CLASS_H */
