/* SPDX-License-Identifier: MIT */
/* STUB: members */
#ifndef FUZZ_WORKQUEUE_H
#define FUZZ_WORKQUEUE_H

struct work_struct {
	int unused;
};

struct delayed_work {
	int unused;
};

struct workqueue_struct;

#endif
