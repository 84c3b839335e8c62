/* SPDX-License-Identifier: MIT */
/* fake-device.h - an open file of /dev/memlane, without its pages and its thread */
#ifndef FUZZ_FAKE_DEVICE_H
#define FUZZ_FAKE_DEVICE_H

#include "device.h"

#define COOKIE	0x2d
#define FIRST	(3U << 16)	/* its indices begin there */

/**
 * struct fake_device - an open file, and what is created of it
 * @file: what the calls are made on
 * @opened: hangs off @file; its arena is NULL or @arena
 * @arena: zeroes until somebody tries to create it
 * @shares: pages of the regions
 */
struct fake_device {
	struct file file;
	struct memlane_file opened;
	struct memlane_arena arena;
	struct fake_share *shares;
};

static inline bool fake_device_created(const struct fake_device *d)
{
	return d->opened.arena;
}

void fake_device_open(struct fake_device *d);
void fake_device_close(struct fake_device *d);

#endif /* FUZZ_FAKE_DEVICE_H */
