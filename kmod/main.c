// SPDX-License-Identifier: GPL-2.0-only
/* main.c - init and unwind */
#include <linux/module.h>

#include "cold.h"
#include "crew.h"
#include "debugfs.h"
#include "device.h"
#include "shrinker.h"
#include "worker.h"

static int __init memlane_init(void)
{
	int err;

	memlane_debugfs_init();
	err = memlane_cold_init();
	if (err)
		goto exit_debugfs;
	err = memlane_crews_init();
	if (err)
		goto exit_cold;
	err = memlane_workers_init();
	if (err)
		goto exit_crews;
	err = memlane_shrinker_init();
	if (err)
		goto exit_workers;
	err = misc_register(&memlane_device);
	if (err)
		goto exit_shrinker;
	return 0;

exit_shrinker:
	memlane_shrinker_exit();
exit_workers:
	memlane_workers_exit();
exit_crews:
	memlane_crews_exit();
exit_cold:
	memlane_cold_fini();
exit_debugfs:
	memlane_debugfs_exit();
	return err;
}

/* No arena exists: each open file holds a reference to the module. */
static void __exit memlane_exit(void)
{
	misc_deregister(&memlane_device);
	memlane_shrinker_exit();
	memlane_workers_exit();
	memlane_crews_exit();
	memlane_cold_fini();
	memlane_debugfs_exit();
}

module_init(memlane_init);
module_exit(memlane_exit);

MODULE_AUTHOR("The MemoryLane authors");
MODULE_DESCRIPTION("Memory that can move, behind handles that stay");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.1.0");
/* For modprobe; "devname:" would take a minor number that is reserved. */
MODULE_ALIAS("misc:memlane");
