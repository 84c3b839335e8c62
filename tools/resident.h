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
 * resident_code - have all code and constants of this process in memory
 *
 * They are part of what is resident. Who calls this first does not count as a heap's what
 * only comes in when it is run, more of it the more the page cache has. Does nothing on a
 * kernel without MADV_POPULATE_READ (5.14).
 */
void resident_code(void);

/**
 * resident_of - bytes resident in mappings of some files
 * @name: the beginnings of their names, as /proc/self/smaps shows them
 * @names: how many
 */
uint64_t resident_of(const char *const *name, int names);

#endif /* RESIDENT_H */
