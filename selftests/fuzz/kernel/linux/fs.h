/* SPDX-License-Identifier: MIT */
/* CUSTOM: what ioctl.c and event.c look at in a file */
#ifndef FUZZ_FS_H
#define FUZZ_FS_H

#include <fcntl.h>
#include <linux/mm_types.h>
#include <linux/sched.h>

#define FMODE_WRITE	2U
#define IOCB_NOWAIT	8

struct address_space;
struct dentry;
struct inode;
struct iov_iter;
struct vm_area_struct;

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	void *private_data;
};

struct kiocb {
	struct file *ki_filp;
	int ki_flags;
};

#endif
