/* SPDX-License-Identifier: MIT */
/* fake-device.h - an open file of /dev/memlane, without its pages and its thread */
#ifndef FUZZ_FAKE_DEVICE_H
#define FUZZ_FAKE_DEVICE_H

#include "device.h"

#define COOKIE	0x2d

struct fake_device {
	struct memlane_arena arena;
	struct file file;
	struct fake_share *shares;
};

void fake_device_open(struct fake_device *d);
void fake_device_close(struct fake_device *d);

#endif /* FUZZ_FAKE_DEVICE_H */
