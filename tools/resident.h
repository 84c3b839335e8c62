/* SPDX-License-Identifier: MIT */
/* resident.h - how much memory this process has in RAM */
#ifndef RESIDENT_H
#define RESIDENT_H

#include <stdint.h>

/**
 * resident_now - bytes resident in this process's address space
 * @bytes: gets them
 *
 * Walks the page tables (/proc/self/smaps_rollup), because the counters that the
 * kernel keeps are allowed to lag. Allocates nothing.
 *
 * Return: 0 or -errno.
 */
int resident_now(uint64_t *bytes);

/**
 * resident_of - bytes resident in mappings of some files
 * @name: the beginnings of their names, as /proc/self/smaps shows them
 * @names: how many
 */
uint64_t resident_of(const char *const *name, int names);

#endif /* RESIDENT_H */
