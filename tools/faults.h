/* SPDX-License-Identifier: MIT */
/* faults.h - what page faults of an arena met, and how long they took, as debugfs shows it */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdint.h>
#include <stdio.h>

#include <linux/memlane.h>

/**
 * struct faults - those that met one thing
 * @met: the module's own word
 * @ns: sum of their times
 * @all: how many
 * @bucket: of these, by floor(log2(ns))
 */
struct faults {
	char met[16];
	uint64_t ns;
	uint64_t all;
	uint64_t bucket[MEMLANE_FAULT_BUCKETS];
};

/* Read a file of them. Return: how many things there are to meet. */
int faults_read(FILE *f, struct faults *list, int most);

/* The buckets that have any fault. Return: 0: there is none. */
int faults_range(const struct faults *list, int n, int *first, int *last);

#endif /* FAULTS_H */
