/* SPDX-License-Identifier: MIT */
/* TRUE: the kernel's fixed-width names on top of the system's ABI types */
#ifndef ML_SHIM_TYPES_H
#define ML_SHIM_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#endif
