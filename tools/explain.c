// SPDX-License-Identifier: MIT
/* explain.c - what an error of the kernel means here, and what to do about it */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

struct meaning {
	int err;
	const char *text;
};

static const struct meaning load[] = {
	{ ENOEXEC, "the module was built for another kernel or its file is damaged; memlane status says how to build one for this kernel" },
	{ EKEYREJECTED, "this kernel takes signed modules only, and this one is not signed by a key it trusts; sign it and enrol the key (mokutil --import), or switch Secure Boot off" },
	{ ENOKEY, "this kernel takes signed modules only, and knows no key for this one; sign it and enrol the key (mokutil --import), or switch Secure Boot off" },
	{ EPERM, "only root may load modules, and only while the kernel is not locked down and kernel.modules_disabled is 0; use sudo, or look at those two" },
	{ EEXIST, "the module is loaded already; nothing to do" },
	{ EBUSY, "another call is loading or unloading the module at this moment; try again" },
	{ ENOENT, "the kernel lacks something that the module needs; dmesg names the unknown symbol" },
	{ EINVAL, "the kernel refused the module's symbols or parameters; dmesg names which" },
	{ ENOSYS, "this kernel was built without loadable modules (CONFIG_MODULES); boot one that has them" },
	{ ENODEV, "the kernel lacks a feature that the module needs; dmesg names it" },
	{ EOPNOTSUPP, "the kernel lacks a feature that the module needs; dmesg names it" },
	{ ENOMEM, "the kernel has no memory for the module; free some and try again" },
	{ EACCES, "the module's file may not be read; use sudo" },
	{ 0, NULL }
};

static const struct meaning unload[] = {
	{ EPERM, "only root may unload modules, and only while kernel.modules_disabled is 0; use sudo" },
	{ EBUSY, "arenas are open, or another call is at it; end the programs that have /dev/memlane open (fuser /dev/memlane)" },
	{ EWOULDBLOCK, "arenas are open; end the programs that have /dev/memlane open (fuser /dev/memlane)" },
	{ ENOENT, "the module is not loaded; nothing to do" },
	{ ENOSYS, "this kernel was built without the unloading of modules (CONFIG_MODULE_UNLOAD)" },
	{ 0, NULL }
};

static const struct meaning device[] = {
	{ ENOENT, "there is no /dev/memlane: load the module with memlane load" },
	{ ENODEV, "/dev/memlane is left from another time: the module is not loaded; use memlane load" },
	{ ENXIO, "/dev/memlane is left from another time: the module is not loaded; use memlane load" },
	{ EACCES, "your user may not open /dev/memlane: join the device's group, or see the udev rule that comes with the module" },
	{ EPERM, "a device policy (of a container?) forbids /dev/memlane; allow the device there" },
	{ ETIMEDOUT, "the module is loaded, but /dev/memlane did not appear: is devtmpfs or udev running here?" },
	{ 0, NULL }
};

static const struct meaning stat[] = {
	{ ENOENT, "there is nothing at /sys/kernel/debug/memlane: is the module loaded (memlane load), and debugfs mounted (mount -t debugfs none /sys/kernel/debug)? Arenas inside of processes are seen with --at" },
	{ EACCES, "only root may look into debugfs; use sudo" },
	{ EPERM, "this kernel is locked down and shows no debugfs; boot it without lockdown to see counters" },
	{ 0, NULL }
};

static const struct meaning sockets[] = {
	{ ENOENT, "there is nothing there: set MEMLANE_STAT to this path in the environment of the program, and start it" },
	{ ECONNREFUSED, "the process whose socket this is has ended; start the program again" },
	{ EACCES, "the socket is another user's; become that user, or root (sudo)" },
	{ ENOTSOCK, "this is no socket and no folder; name what MEMLANE_STAT says in the program's environment" },
	{ ENAMETOOLONG, "a socket's path has 107 bytes at most; name a shorter one" },
	{ EAGAIN, "the process does not answer: is it stopped (kill -CONT)?" },
	{ EPROTO, "what answers there is no program with libmemlane; name what MEMLANE_STAT says in the program's environment" },
	{ 0, NULL }
};

static const char *find(const struct meaning *m, int err)
{
	for (err = abs(err); m->text; m++)
		if (m->err == err)
			return m->text;
	return strerror(err);
}

const char *explain_load(int err)
{
	return find(load, err);
}

const char *explain_unload(int err)
{
	return find(unload, err);
}

const char *explain_device(int err)
{
	return find(device, err);
}

const char *explain_stat(int err)
{
	return find(stat, err);
}

const char *explain_socket(int err)
{
	return find(sockets, err);
}
