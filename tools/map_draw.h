/* SPDX-License-Identifier: MIT */
/* map_draw.h - a map as people look at it: each span a cell by fullness and temperature */
#ifndef MAP_DRAW_H
#define MAP_DRAW_H

#include "map.h"

/* One moment as characters. @colour: for a terminal. @columns: of cells in a line. */
void map_text(FILE *out, const struct map *m, const struct map_frame *frame, int columns,
	      bool colour);

/* One moment as a picture. */
void map_svg(FILE *out, const struct map *m, const struct map_frame *frame);

/* All moments as a page with a time line, which needs nothing else. */
void map_html(FILE *out, const struct map *m);

/* What people wrote, as text within XML or HTML. */
void map_escaped(FILE *out, const char *text);

#endif /* MAP_DRAW_H */
