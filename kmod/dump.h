/* SPDX-License-Identifier: GPL-2.0-only */
/* dump.h - which mappings a core dump of the kernel's has */
#ifndef MEMLANE_DUMP_H
#define MEMLANE_DUMP_H

#include <linux/types.h>

struct memlane_arena;

bool memlane_is_dumped(struct memlane_arena *arena, unsigned int region, u64 first, u64 nr);

#endif /* MEMLANE_DUMP_H */
