/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_UIDGID_H
#define FUZZ_UIDGID_H

typedef struct {
	unsigned int val;
} kuid_t;

#endif
