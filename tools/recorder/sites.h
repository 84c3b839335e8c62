/* SPDX-License-Identifier: MIT */
/* sites.h - where a call came from, by return addresses and frame pointers */
#ifndef RECORDER_SITES_H
#define RECORDER_SITES_H

#include <stddef.h>
#include <stdint.h>

#define SITE_DEPTH 4U

/**
 * struct site - the innermost return addresses of a call
 * @depth: how many there are; 1 where its caller has no frame pointer
 */
struct site {
	uint32_t depth;
	uintptr_t pc[SITE_DEPTH];
};

/*
 * The frame of a function that has a frame pointer, by __builtin_frame_address(0), says
 * where it was called from. Each further frame is believed only where it lies on this thread's
 * stack, above the one before, and returns into a mapped object.
 */
void site_find(struct site *site, void **frame);

/* The same for the same addresses; never 0. */
uintptr_t site_key(const struct site *site);

/* "prog+0x11a0 < prog+0x11f3": objects and offsets, as addr2line reads them. */
void site_text(const struct site *site, char *text, size_t room);

#endif /* RECORDER_SITES_H */
