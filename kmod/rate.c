// SPDX-License-Identifier: GPL-2.0-only
/* rate.c - how often something may be done, by who waits when it was too often */
#include <linux/ktime.h>
#include <linux/minmax.h>

#include "rate.h"

/* So much may come at once after a rest, in ns of the usual rate. */
#define BURST	(100 * NSEC_PER_MSEC)

/**
 * memlane_rate_delay - how long to wait before it is done again
 * @rate: of what was done
 *
 * Those who wait for the same moment may all go on then, and pay afterwards.
 *
 * Context: any. Return: ns.
 */
u64 memlane_rate_delay(const struct memlane_rate *rate)
{
	u64 now = ktime_get_ns(), due = atomic64_read(&rate->due);

	return due > now + BURST ? due - now - BURST : 0;
}

/**
 * memlane_rate_pay - it was done once
 * @rate: of what was done
 * @per_second: how often it may be; 0: without limit
 *
 * Context: any.
 */
void memlane_rate_pay(struct memlane_rate *rate, unsigned int per_second)
{
	s64 was = atomic64_read(&rate->due), due;

	if (!per_second)
		return;
	do
		due = max_t(u64, was, ktime_get_ns()) + NSEC_PER_SEC / per_second;
	while (!atomic64_try_cmpxchg(&rate->due, &was, due));
}
