/* SPDX-License-Identifier: MIT */
/* STUB: a member */
#ifndef FUZZ_CPUMASK_H
#define FUZZ_CPUMASK_H

typedef struct cpumask *cpumask_var_t;

#endif
