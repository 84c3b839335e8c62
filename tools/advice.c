// SPDX-License-Identifier: MIT
/* advice.c - how this machine comes by a module for its kernel */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "advice.h"

static bool there(const char *path)
{
	return !access(path, F_OK);
}

/* Of build/tools/memlane; an installed one has no such Makefile two folders up. */
static void look_for_tree(struct machine *m)
{
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	*m->tree = '\0';
	if (n < 0)
		return;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../../kmod/Kbuild", self);
	if (!there(path) || !realpath(self, path))
		return;
	snprintf(self, sizeof(self), "%.*s/../..", PATH_MAX - 8, path);
	if (!realpath(self, m->tree))
		*m->tree = '\0';
}

static void look_for_source(struct machine *m)
{
	glob_t all;

	*m->source = '\0';
	if (glob("/usr/src/memlane-*", 0, NULL, &all))
		return;
	snprintf(m->source, sizeof(m->source), "%s", all.gl_pathv[all.gl_pathc - 1]);
	globfree(&all);
}

static enum manager look_for_manager(void)
{
	static const struct {
		const char *path;
		enum manager manager;
	} all[] = {
		{ "/usr/bin/apt-get", MANAGER_APT },
		{ "/usr/bin/dnf", MANAGER_DNF },
		{ "/usr/bin/zypper", MANAGER_ZYPPER },
		{ "/usr/bin/pacman", MANAGER_PACMAN },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (there(all[i].path))
			return all[i].manager;
	return MANAGER_NONE;
}

void advice_look(struct machine *m)
{
	struct utsname u;
	char path[128];

	snprintf(m->release, sizeof(m->release), "%s", uname(&u) ? "?" : u.release);
	m->modules = there("/proc/modules");
	m->container = there("/.dockerenv") || there("/run/.containerenv") ||
		       there("/run/systemd/container");
	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile", m->release);
	m->headers = there(path);
	m->dkms = there("/usr/sbin/dkms") || there("/usr/bin/dkms");
	m->manager = look_for_manager();
	look_for_tree(m);
	look_for_source(m);
}

/* Where kernels are named alike everywhere, their headers have one command. */
static void say_headers(const struct machine *m, char *text, size_t room)
{
	switch (m->manager) {
	case MANAGER_APT:
		snprintf(text, room, "apt install linux-headers-%s", m->release);
		break;
	case MANAGER_DNF:
		snprintf(text, room, "dnf install kernel-devel-%s", m->release);
		break;
	case MANAGER_ZYPPER:
		snprintf(text, room, "zypper install kernel-devel");
		break;
	case MANAGER_PACMAN:
		snprintf(text, room, "pacman -S linux-headers");
		break;
	default:
		snprintf(text, room, "install the headers of kernel %s", m->release);
	}
}

static void say_build(const struct machine *m, char *text, size_t room)
{
	const char *name = strrchr(m->source, '/');

	if (*m->tree)
		snprintf(text, room, "make -C %s module KERNEL=host", m->tree);
	else if (!*m->source)
		snprintf(text, room, "install the package memlane-dkms, or run make install in MemoryLane's sources");
	else if (m->dkms)
		snprintf(text, room, "dkms install memlane/%s",
			 name + sizeof("/memlane-") - 1);
	else
		snprintf(text, room, "make -C %s/kmod install", m->source);
}

void advice_text(const struct machine *m, char *text, size_t room)
{
	char get[256], make[PATH_MAX + 64];

	if (!m->modules) {
		snprintf(text, room, "kernel %s takes no modules (there is no /proc/modules): boot one built with CONFIG_MODULES; until then the library works without it",
			 m->release);
		return;
	}
	if (m->container) {
		snprintf(text, room, "this is a container: load the module on its host and pass /dev/memlane in; until then the library works without it");
		return;
	}
	say_headers(m, get, sizeof(get));
	say_build(m, make, sizeof(make));
	if (m->headers)
		snprintf(text, room, "there is none for kernel %s; to build one: %s", m->release, make);
	else
		snprintf(text, room, "there is none for kernel %s, and its headers are missing; first: %s; then: %s",
			 m->release, get, make);
}
