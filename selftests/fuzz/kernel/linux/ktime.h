/* SPDX-License-Identifier: MIT */
/* TRUE: units */
#ifndef FUZZ_KTIME_H
#define FUZZ_KTIME_H

#define NSEC_PER_MSEC	1000000L

#endif /* FUZZ_KTIME_H */
