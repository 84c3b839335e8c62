/* SPDX-License-Identifier: MIT */
/* memory.h - how much memory the machine has to give */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>

/* Return: bytes that could be had without swapping; ~0 where nobody can tell. */
uint64_t memory_available(void);

#endif /* MEMORY_H */
