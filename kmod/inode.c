// SPDX-License-Identifier: GPL-2.0-only
/*
 * inode.c - a nameless inode for each arena
 *
 * unmap_mapping_range() finds mappings through an address_space. All files of
 * /dev/memlane share one inode, so each arena needs an address_space of its own;
 * a real inode is the one way to have every part of it set up by the kernel.
 * The mount exists only while arenas do, as it holds a reference to the module.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "device.h"

#define MEMLANE_FS_MAGIC 0x4d4c4e45	/* "MLNE" */

static struct vfsmount *mount;
static int mounted;

static int init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, MEMLANE_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type fs_type = {
	.name = "memlane",
	.owner = THIS_MODULE,
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

/**
 * memlane_inode_new - an inode whose i_mapping nobody else uses
 *
 * Return: the inode, to be put with memlane_inode_put(), or an ERR_PTR.
 */
struct inode *memlane_inode_new(void)
{
	struct inode *inode;
	int err;

	err = simple_pin_fs(&fs_type, &mount, &mounted);
	if (err)
		return ERR_PTR(err);
	inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&mount, &mounted);
	return inode;
}

/**
 * memlane_inode_put - drop an arena's inode
 * @inode: from memlane_inode_new()
 */
void memlane_inode_put(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&mount, &mounted);
}
