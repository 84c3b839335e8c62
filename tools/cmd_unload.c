// SPDX-License-Identifier: MIT
/* cmd_unload.c - `memlane unload`: takes the module out of the kernel */
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "explain.h"
#include "module.h"
#include "say.h"

static int unload(void)
{
	struct kmod_ctx *ctx = module_kmod();
	struct kmod_module *mod;
	int ret;

	if (!ctx)
		return -ENOMEM;
	ret = kmod_module_new_from_name(ctx, MODULE_NAME, &mod);
	if (!ret) {
		ret = kmod_module_remove_module(mod, O_NONBLOCK);
		kmod_module_unref(mod);
	}
	kmod_unref(ctx);
	return ret;
}

static int run_unload(int argc, char **argv)
{
	int ret;

	if (argc != 1)
		return misuse("unload: \"%s\" is one word too many", argv[1]);
	if (!module_loaded()) {
		puts("The module is not loaded.");
		return EXIT_GOOD;
	}
	ret = unload();
	if (ret)
		return fail("the module was not unloaded (%s): %s", strerrorname_np(abs(ret)),
			    explain_unload(ret));
	puts("The module is unloaded.");
	return EXIT_GOOD;
}

const struct command cmd_unload = {
	.name = "unload",
	.summary = "take the kernel module out of the kernel",
	.help =
		"Usage: memlane unload\n"
		"\n"
		"Refused while a program has an arena open: memlane stat lists them.\n",
	.run = run_unload,
};
