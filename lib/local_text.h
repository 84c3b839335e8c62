/* SPDX-License-Identifier: MIT */
/* local_text.h - an arena of this process as text, file by file */
#ifndef LIB_LOCAL_TEXT_H
#define LIB_LOCAL_TEXT_H

#include <stdio.h>

struct local;

void local_text(struct local *l, const char *name, FILE *out);

#endif /* LIB_LOCAL_TEXT_H */
