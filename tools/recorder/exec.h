/* SPDX-License-Identifier: MIT */
/* exec.h - programs that a recorded process executes have the recorder, too */
#ifndef EXEC_H
#define EXEC_H

#include "../proctab.h"

/* From here on; until then the calls are what they are without the recorder. */
void exec_follow(struct proctab *tab);

#endif /* EXEC_H */
