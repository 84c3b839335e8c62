/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_COMPLETION_H
#define FUZZ_COMPLETION_H

struct completion {
	int unused;
};

#endif
