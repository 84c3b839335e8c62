// SPDX-License-Identifier: MIT
/*
 * faults.c - the file of faults in debugfs: a line for each thing that a fault can meet
 *
 *	new 812345 0 0 0 12 ...		the sum of ns, then a number for each bucket
 */
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define LINE 1024

static int read_line(const char *line, struct faults *to)
{
	char *p;
	int i, at;

	memset(to, 0, sizeof(*to));
	if (sscanf(line, "%15s%n", to->met, &at) != 1)
		return 0;
	to->ns = strtoull(line + at, &p, 10);
	for (i = 0; i < MEMLANE_FAULT_BUCKETS; i++) {
		to->bucket[i] = strtoull(p, &p, 10);
		to->all += to->bucket[i];
	}
	return 1;
}

int faults_read(FILE *f, struct faults *list, int most)
{
	char line[LINE];
	int n = 0;

	while (n < most && fgets(line, sizeof(line), f))
		n += read_line(line, &list[n]);
	return n;
}

static int is_used(const struct faults *list, int n, int bucket)
{
	int i;

	for (i = 0; i < n; i++)
		if (list[i].bucket[bucket])
			return 1;
	return 0;
}

int faults_range(const struct faults *list, int n, int *first, int *last)
{
	*first = 0;
	*last = MEMLANE_FAULT_BUCKETS - 1;
	while (*first < MEMLANE_FAULT_BUCKETS && !is_used(list, n, *first))
		++*first;
	while (*last > *first && !is_used(list, n, *last))
		--*last;
	return *first < MEMLANE_FAULT_BUCKETS;
}
