/* SPDX-License-Identifier: MIT */
/* explain.h - what an error of the kernel means here, and what to do about it */
#ifndef EXPLAIN_H
#define EXPLAIN_H

/* For each: @err is an errno value, negative or not. Return: never NULL. */
const char *explain_load(int err);
const char *explain_unload(int err);
const char *explain_device(int err);
const char *explain_stat(int err);
const char *explain_socket(int err);

#endif /* EXPLAIN_H */
