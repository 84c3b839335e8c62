/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_TIMER_H
#define FUZZ_TIMER_H

struct timer_list {
	int unused;
};

#endif
