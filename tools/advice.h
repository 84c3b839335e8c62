/* SPDX-License-Identifier: MIT */
/* advice.h - how this machine comes by a module for its kernel */
#ifndef ADVICE_H
#define ADVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum manager { MANAGER_NONE, MANAGER_APT, MANAGER_DNF, MANAGER_ZYPPER, MANAGER_PACMAN };

/**
 * struct machine - what building a module depends on
 * @release: of the running kernel
 * @modules: the kernel takes modules
 * @container: this is a container or sandbox; the kernel is another system's
 * @headers: those of the running kernel are installed
 * @dkms: is installed
 * @manager: of packages
 * @tree: the project's top folder, where this program lies in it; "": it is installed
 * @source: the folder of the module's installed sources; "": none
 */
struct machine {
	char release[65];
	bool modules;
	bool container;
	bool headers;
	bool dkms;
	enum manager manager;
	char tree[PATH_MAX];
	char source[PATH_MAX];
};

void advice_look(struct machine *m);

/* One sentence, or two, that say what to do here. */
void advice_text(const struct machine *m, char *text, size_t room);

#endif /* ADVICE_H */
