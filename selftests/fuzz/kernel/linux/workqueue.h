/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_WORKQUEUE_H
#define FUZZ_WORKQUEUE_H

struct delayed_work {
	int unused;
};

#endif
