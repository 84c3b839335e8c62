/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - bytes that only one object can have
 *
 * Word i of object n is a function of n and i alone, so an object that was
 * moved, or made larger, still shows whose it is and where in it each other word was.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdint.h>

#define PATTERN_GOOD	(~0ULL)

/* Fills bytes @from to @to (end exclusive) of object @id that begins at @p. */
void pattern_fill(void *p, uint64_t from, uint64_t to, uint64_t id);

/* Return: PATTERN_GOOD, or the offset of the first wrong byte below @size. */
uint64_t pattern_check(const void *p, uint64_t size, uint64_t id);

/* Return: PATTERN_GOOD, or the offset of the first byte that is not 0. */
uint64_t pattern_check_zero(const void *p, uint64_t size);

#endif /* PATTERN_H */
