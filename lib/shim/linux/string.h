/* SPDX-License-Identifier: MIT */
/* TRUE: libc's */
#ifndef ML_SHIM_STRING_H
#define ML_SHIM_STRING_H

#include <string.h>

#endif
