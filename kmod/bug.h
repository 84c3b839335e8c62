/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bug.h - bugs that tests must catch
 *
 * A build with ML_BUG=N has bug N and is good for nothing else; every other
 * build has none, and the compiler drops the conditions. selftests/debug/seeded.list
 * says which test catches which.
 */
#ifndef MEMLANE_BUG_H
#define MEMLANE_BUG_H

#ifndef ML_BUG
#define ML_BUG 0
#endif

#define ML_SEEDED(n) (ML_BUG == (n))

#endif /* MEMLANE_BUG_H */
