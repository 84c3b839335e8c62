/* SPDX-License-Identifier: MIT */
/* module.h - the kernel module as the tools see it: its file, and its state */
#ifndef MODULE_H
#define MODULE_H

#include <libkmod.h>
#include <stdbool.h>
#include <stddef.h>

#define MODULE_NAME	"memlane"
#define MODULE_DEVICE	"/dev/memlane"

/* Return: a silent context of libkmod, or NULL. */
struct kmod_ctx *module_kmod(void);

/**
 * module_find - the module's file for the running kernel
 * @ctx: of libkmod
 * @path: gets it
 * @room: bytes at @path
 *
 * Looks where this project builds them, seen from this program: an installed
 * module is libkmod's to find.
 *
 * Return: true when there is one.
 */
bool module_find(struct kmod_ctx *ctx, char *path, size_t room);

/* The file that libkmod would load, of those installed; as module_find(). */
bool module_installed(struct kmod_ctx *ctx, char *path, size_t room);

/* Return: 1 loaded, 0 not, -errno. */
int module_loaded(void);

/* Does a program have the device open? Return: 1 yes, 0 no, -errno. */
int module_used(void);

/* Waits up to @ms for the device node. Return: 0, or -ETIMEDOUT. */
int module_wait_device(int ms);

#endif /* MODULE_H */
