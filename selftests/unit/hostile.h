/* SPDX-License-Identifier: MIT */
/* hostile.h - a program that scribbles on everything it shares with the engine */
#ifndef ML_HOSTILE_H
#define ML_HOSTILE_H

#include "world.h"

/* Bytes become scribbles and calls; only the engine's own invariants are asked for. */
void hostile_run(const u8 *bytes, size_t len);

#endif /* ML_HOSTILE_H */
