/* SPDX-License-Identifier: MIT */
/* STUB: nothing ends by itself */
#ifndef FUZZ_RCUPDATE_H
#define FUZZ_RCUPDATE_H

static inline void rcu_read_lock(void)
{
}

static inline void rcu_read_unlock(void)
{
}

#endif
