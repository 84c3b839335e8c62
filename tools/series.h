/* SPDX-License-Identifier: MIT */
/* series.h - resident bytes over a replay, of all allocators beside each other */
#ifndef SERIES_H
#define SERIES_H

#include <stdio.h>

#include "report.h"

/* A line for each look: calls so far, live bytes, resident bytes of each run. */
void series_csv(FILE *out, const struct report *r);

/* The same as a picture. */
void series_svg(FILE *out, const struct report *r);

#endif /* SERIES_H */
