// SPDX-License-Identifier: MIT
/* cmd_load.c - `memlane load`: puts the module into the kernel */
#include <errno.h>
#include <getopt.h>
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "advice.h"
#include "command.h"
#include "explain.h"
#include "module.h"
#include "say.h"

#define DEVICE_WAIT_MS 5000

static const char *release(void)
{
	static struct utsname u; /* of the one process that this is */

	return uname(&u) ? "this kernel" : u.release;
}

/* Modules that a file outside of the kernel's index asks for by name. */
static int load_depends(struct kmod_ctx *ctx, const char *depends)
{
	struct kmod_module *mod;
	char name[64];
	size_t n;
	int ret = 0;

	for (; *depends && !ret; depends += n + !!depends[n]) {
		n = strcspn(depends, ", ");
		if (!n)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n, depends);
		ret = kmod_module_new_from_name(ctx, name, &mod);
		if (ret)
			break;
		ret = kmod_module_probe_insert_module(mod, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(mod);
		if (ret)
			note("the module needs %s, which cannot be loaded: %s", name,
			     explain_load(ret));
	}
	return ret;
}

static int load_file(struct kmod_ctx *ctx, struct kmod_module *mod)
{
	struct kmod_list *info = NULL, *i;
	int ret = 0;

	if (kmod_module_get_info(mod, &info) >= 0)
		kmod_list_foreach(i, info) {
			if (!ret && !strcmp(kmod_module_info_get_key(i), "depends"))
				ret = load_depends(ctx, kmod_module_info_get_value(i));
		}
	kmod_module_info_free_list(info);
	return ret ? ret : kmod_module_insert_module(mod, 0, NULL);
}

/* @path: of a module's file */
static int load_from(struct kmod_ctx *ctx, const char *path)
{
	struct kmod_module *mod;
	int ret = access(path, R_OK) ? -errno : 0;

	if (ret)
		return fail("%s cannot be read: %s", path, strerror(-ret));
	ret = kmod_module_new_from_path(ctx, path, &mod);
	if (ret)
		return fail("%s is not a module: %s", path, explain_load(ret));
	ret = load_file(ctx, mod);
	kmod_module_unref(mod);
	return ret ? fail("%s was not loaded (%s): %s", path, strerrorname_np(abs(ret)),
			  explain_load(ret)) :
		     0;
}

static int no_module(void)
{
	char text[PATH_MAX + 512];
	struct machine m;

	advice_look(&m);
	advice_text(&m, text, sizeof(text));
	return fail("no memlane.ko for %s is built or installed: %s", release(), text);
}

static int load_installed(struct kmod_ctx *ctx)
{
	struct kmod_list *list = NULL;
	struct kmod_module *mod;
	int ret = kmod_module_new_from_lookup(ctx, MODULE_NAME, &list);

	if (ret || !list)
		return no_module();
	mod = kmod_module_get_module(list);
	ret = kmod_module_probe_insert_module(mod, 0, NULL, NULL, NULL, NULL);
	kmod_module_unref(mod);
	kmod_module_unref_list(list);
	return ret ? fail("the installed module was not loaded (%s): %s",
			  strerrorname_np(abs(ret)), explain_load(ret)) :
		     0;
}

static int load(const char *file)
{
	struct kmod_ctx *ctx = module_kmod();
	char path[PATH_MAX];
	int ret;

	if (!ctx)
		return file ? fail("libkmod cannot start: is /lib/modules/%s there?", release()) :
			      no_module();
	if (file)
		ret = load_from(ctx, file);
	else if (module_find(ctx, path, sizeof(path)))
		ret = load_from(ctx, path);
	else
		ret = load_installed(ctx);
	kmod_unref(ctx);
	return ret;
}

static int run_load(int argc, char **argv)
{
	static const struct option options[] = {
		{ "file", required_argument, NULL, 'f' },
		{ 0 }
	};
	const char *file = NULL;
	int c, ret = 0;

	while ((c = getopt_long(argc, argv, ":f:", options, NULL)) != -1) {
		if (c != 'f')
			return misuse("load: %s is not an option, or lacks its value; see memlane load --help",
				      argv[optind - 1]);
		file = optarg;
	}
	if (optind != argc)
		return misuse("load: \"%s\" is one word too many", argv[optind]);
	if (module_loaded() == 1)
		puts("The module is loaded already.");
	else
		ret = load(file);
	if (ret)
		return ret;
	ret = module_wait_device(DEVICE_WAIT_MS);
	if (ret)
		return fail("%s", explain_device(ret));
	puts(MODULE_DEVICE " is ready.");
	return EXIT_GOOD;
}

const struct command cmd_load = {
	.name = "load",
	.summary = "put the kernel module into the kernel",
	.help =
		"Usage: memlane load [--file MODULE]\n"
		"\n"
		"Loads memlane.ko for the running kernel: MODULE, otherwise the one that was built\n"
		"beside this program (build/kmod/*/memlane.ko), otherwise the installed one.\n"
		"Then waits up to 5 seconds for /dev/memlane.\n",
	.run = run_load,
};
