/* SPDX-License-Identifier: MIT */
/* module.h - the kernel module as the tools see it: its file, and its state */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include <stddef.h>

#define MODULE_NAME	"memlane"
#define MODULE_DEVICE	"/dev/memlane"

/**
 * module_find - the module's file for the running kernel
 * @path: gets it
 * @room: bytes at @path
 *
 * Looks where this project builds it, seen from this program: an installed
 * module is libkmod's to find.
 *
 * Return: true when there is one.
 */
bool module_find(char *path, size_t room);

/* Return: 1 loaded, 0 not, -errno. */
int module_loaded(void);

/* References to the module: one for each open arena. -errno. */
int module_users(void);

/* Waits up to @ms for the device node. Return: 0, or -ETIMEDOUT. */
int module_wait_device(int ms);

#endif /* MODULE_H */
