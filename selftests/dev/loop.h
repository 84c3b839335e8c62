/* SPDX-License-Identifier: MIT */
/* loop.h - a block device over a file in memory, for tests */
#ifndef LOOP_H
#define LOOP_H

#include <linux/loop.h>

#include "../arena.h"

struct disk {
	int file;
	int fd;
	char path[32];
};

static void disk_end(struct disk *d)
{
	close(d->fd);
	close(d->file);
}

/* It goes by itself when nobody has it open any more. */
static struct disk disk_new(unsigned long bytes)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	struct disk d = { .file = memfd_create("disk", MFD_CLOEXEC) };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr;

	if (control < 0)
		skip("no loop devices here");
	expect_eq(ftruncate(d.file, bytes), 0);
	nr = ioctl(control, LOOP_CTL_GET_FREE);
	expect(nr >= 0);
	close(control);
	snprintf(d.path, sizeof(d.path), "/dev/loop%d", nr);
	d.fd = open(d.path, O_RDWR | O_CLOEXEC);
	expect(d.fd >= 0);
	config.fd = d.file;
	expect_eq(ioctl(d.fd, LOOP_CONFIGURE, &config), 0);
	return d;
}

#endif /* LOOP_H */
