// SPDX-License-Identifier: MIT
/* test-explain.c - each error that loading, unloading and opening can give has a sentence of its own */
#include "../harness.h"
#include "../../tools/explain.h"

static void explained(const char *(*explain)(int err), int err, const char *words)
{
	const char *text = explain(err);

	if (!strstr(text, words) || strlen(text) < 30)
		fail("errno %d: \"%s\" does not say \"%s\"", err, text, words);
	expect(text == explain(-err));
}

TEST(loading)
{
	explained(explain_load, ENOEXEC, "another kernel");
	explained(explain_load, EKEYREJECTED, "signed");
	explained(explain_load, ENOKEY, "signed");
	explained(explain_load, EPERM, "root");
	explained(explain_load, EEXIST, "loaded already");
	explained(explain_load, EBUSY, "try again");
	explained(explain_load, ENOENT, "unknown symbol");
	explained(explain_load, EINVAL, "dmesg");
	explained(explain_load, ENOSYS, "CONFIG_MODULES");
	explained(explain_load, ENODEV, "lacks a feature");
	explained(explain_load, EOPNOTSUPP, "lacks a feature");
	explained(explain_load, ENOMEM, "memory");
	explained(explain_load, EACCES, "sudo");
}

TEST(unloading)
{
	explained(explain_unload, EPERM, "root");
	explained(explain_unload, EBUSY, "arenas are open");
	explained(explain_unload, EWOULDBLOCK, "arenas are open");
	explained(explain_unload, ENOENT, "not loaded");
	explained(explain_unload, ENOSYS, "CONFIG_MODULE_UNLOAD");
}

TEST(opening)
{
	explained(explain_device, ENOENT, "memlane load");
	explained(explain_device, ENODEV, "memlane load");
	explained(explain_device, ENXIO, "memlane load");
	explained(explain_device, EACCES, "group");
	explained(explain_device, EPERM, "device policy");
	explained(explain_device, ETIMEDOUT, "devtmpfs");
}

TEST(others_are_what_the_system_calls_them)
{
	expect(!strcmp(explain_load(EIO), strerror(EIO)));
}
