/* SPDX-License-Identifier: MIT */
/* STUB: ioctl.c needs nothing of it */
#ifndef FUZZ_COMPAT_H
#define FUZZ_COMPAT_H

#endif
