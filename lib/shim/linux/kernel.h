/* SPDX-License-Identifier: MIT */
/* TRUE: the small helpers; snprintf is libc's */
#ifndef ML_SHIM_KERNEL_H
#define ML_SHIM_KERNEL_H

#include <linux/container_of.h>
#include <linux/minmax.h>
#include <stdio.h>

#endif
