// SPDX-License-Identifier: MIT
/* addrmap.c - which object lives at an address: open addressing, no tombstones */
#include <string.h>
#include <sys/mman.h>

#include "addrmap.h"

#define FIRST_SLOTS 65536ULL

static uint64_t home(const struct addrmap *map, uintptr_t address)
{
	return ((uint64_t)address * 0x9e3779b97f4a7c15ULL >> 20) & map->mask;
}

static bool set_slots(struct addrmap *map, uint64_t slots)
{
	void *p = mmap(NULL, slots * sizeof(*map->slot), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	/* A forked child does not record; and it must not pay for the table. */
	madvise(p, slots * sizeof(*map->slot), MADV_DONTFORK);
	map->slot = p;
	map->mask = slots - 1;
	map->used = 0;
	return true;
}

bool addrmap_init(struct addrmap *map)
{
	return set_slots(map, FIRST_SLOTS);
}

static void insert(struct addrmap *map, uintptr_t address, uint64_t object)
{
	uint64_t i = home(map, address);

	while (map->slot[i].address && map->slot[i].address != address)
		i = (i + 1) & map->mask;
	map->used += !map->slot[i].address;
	map->slot[i] = (struct addrmap_slot){ address, object };
}

static bool grow(struct addrmap *map)
{
	struct addrmap old = *map;
	uint64_t i;

	if (!set_slots(map, (old.mask + 1) * 2))
		return false;
	for (i = 0; i <= old.mask; i++)
		if (old.slot[i].address)
			insert(map, old.slot[i].address, old.slot[i].object);
	munmap(old.slot, (old.mask + 1) * sizeof(*old.slot));
	return true;
}

bool addrmap_put(struct addrmap *map, const void *address, uint64_t object)
{
	if (map->used > map->mask / 2 && !grow(map))
		return false;
	insert(map, (uintptr_t)address, object);
	return true;
}

/* Closes the gap at @i, so that no probe stops too early. */
static void close_gap(struct addrmap *map, uint64_t i)
{
	uint64_t j = i;

	for (;;) {
		map->slot[i].address = 0;
		do {
			j = (j + 1) & map->mask;
			if (!map->slot[j].address)
				return;
		} while (((j - home(map, map->slot[j].address)) & map->mask) <
			 ((j - i) & map->mask));
		map->slot[i] = map->slot[j];
		i = j;
	}
}

bool addrmap_take(struct addrmap *map, const void *address, uint64_t *object)
{
	uint64_t i = home(map, (uintptr_t)address);

	while (map->slot[i].address != (uintptr_t)address) {
		if (!map->slot[i].address)
			return false;
		i = (i + 1) & map->mask;
	}
	*object = map->slot[i].object;
	close_gap(map, i);
	map->used--;
	return true;
}
