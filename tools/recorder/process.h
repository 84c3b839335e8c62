/* SPDX-License-Identifier: MIT */
/*
 * process.h - this process's place in the table of a recording
 *
 * Nothing here allocates, takes a lock or keeps a descriptor: it is used inside malloc
 * and between vfork() and exec.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "../proctab.h"

/* Return: the table that the environment names, mapped; NULL where there is none. */
struct proctab *process_table(void);

/**
 * process_entry - the entry of the calling process
 * @tab: the table
 *
 * Return: the one it has already, or a new one in state PROCTAB_STARTED; NULL when all
 * are in use.
 */
struct proctab_entry *process_entry(struct proctab *tab);

/* When a process started, of its file "/proc/PID/stat". Return: 0 where that cannot be read. */
uint64_t process_start(const char *stat);

/* Copies the calling process's name, as the system has it, to its entry. */
void process_name(struct proctab_entry *entry);

/* The trace's path of @entry, into PATH_MAX bytes. Return: false if it is too long. */
bool process_tape(const struct proctab *tab, const struct proctab_entry *entry, char *path);

#endif /* PROCESS_H */
