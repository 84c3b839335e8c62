/* SPDX-License-Identifier: MIT */
/* STUB: a name */
#ifndef FUZZ_MISCDEVICE_H
#define FUZZ_MISCDEVICE_H

struct miscdevice;

#endif
