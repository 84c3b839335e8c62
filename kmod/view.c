// SPDX-License-Identifier: GPL-2.0-only
/*
 * view.c - files by which an arena can be looked at and not changed
 *
 * A view holds a reference to the arena's own file, whose release comes after the
 * last of them is closed and unmapped. Opened for reading, it is refused by every
 * check that an arena's file has: calls that change something, writable mappings.
 * Events are for the program that made the calls, so a view has none. An arena that has a
 * view is not private any more: see orphan.c.
 *
 * A view does nothing to its owner's memory: its faults make no pages (SIGBUS where there
 * is none), and its mappings are of bare frames, so that no other part of the kernel can
 * take a reference through them (EFAULT) and keep an object from moving. See mmap.c.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>

#include "device.h"

static int view_release(struct inode *inode, struct file *file)
{
	fput(memlane_arena_of_file(file)->file);
	return 0;
}

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.release = view_release,
	.unlocked_ioctl = memlane_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = memlane_mmap,
	.llseek = noop_llseek,
};

/**
 * memlane_view - make a file that shows an arena
 * @arena: created; the caller has a file of it
 * @arg: must be 0
 *
 * Return: a descriptor, closed on exec; -EOPNOTSUPP, -EMFILE, -ENFILE, -ENOMEM.
 */
int memlane_view(struct memlane_arena *arena, unsigned long arg)
{
	struct file *file;
	int fd;

	if (arg)
		return -EOPNOTSUPP;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile("[memlane]", &view_fops, arena->file->private_data, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	WRITE_ONCE(arena->core.policy.private, false);
	get_file(arena->file);
	file->f_mapping = arena->inode->i_mapping;
	fd_install(fd, file);
	return fd;
}
