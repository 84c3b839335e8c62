/* SPDX-License-Identifier: MIT */
/* prometheus.h - arenas in the text format that Prometheus reads */
#ifndef PROMETHEUS_H
#define PROMETHEUS_H

#include <stdio.h>

#include "arenas.h"

/**
 * prometheus_write - all arenas, a family of metrics after the other
 * @out: gets the text
 * @list: arenas, of the same module: their counters have the same names in the same order
 * @n: how many
 */
void prometheus_write(FILE *out, const struct arena_view *list, int n);

#endif /* PROMETHEUS_H */
