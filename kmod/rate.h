/* SPDX-License-Identifier: GPL-2.0-only */
/* rate.h - how often something may be done, by who waits when it was too often */
#ifndef MEMLANE_RATE_H
#define MEMLANE_RATE_H

#include <linux/atomic.h>
#include <linux/types.h>

/* @due: when what was done is paid for, ns. No lock. */
struct memlane_rate {
	atomic64_t due;
};

u64 memlane_rate_delay(const struct memlane_rate *rate);
void memlane_rate_pay(struct memlane_rate *rate, unsigned int per_second);

#endif /* MEMLANE_RATE_H */
