// SPDX-License-Identifier: MIT
/* ffi.c - the inline functions as symbols, for those who cannot read a C header */

#define MEMLANE_INLINE MEMLANE_API
#include <memlane.h>
