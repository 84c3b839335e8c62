/* SPDX-License-Identifier: MIT */
/*
 * addrmap.h - which object lives at an address
 *
 * A hash table on pages of its own: it is used inside malloc. The caller locks.
 */
#ifndef ADDRMAP_H
#define ADDRMAP_H

#include <stdbool.h>
#include <stdint.h>

struct addrmap_slot {
	uintptr_t address;	/* 0: empty */
	uint64_t object;
};

struct addrmap {
	struct addrmap_slot *slot;	/* @mask + 1 of them, a power of two */
	uint64_t mask;
	uint64_t used;
};

/* Return: false when there is no memory. */
bool addrmap_init(struct addrmap *map);
bool addrmap_put(struct addrmap *map, const void *address, uint64_t object);

/* Takes the address out. Return: false when it is not in the map. */
bool addrmap_take(struct addrmap *map, const void *address, uint64_t *object);

#endif /* ADDRMAP_H */
