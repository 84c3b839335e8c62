/* SPDX-License-Identifier: MIT */
/* TRUE: what a loop does that looks at a word again and again */
#ifndef ML_SHIM_PROCESSOR_H
#define ML_SHIM_PROCESSOR_H

static inline void cpu_relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield" ::: "memory");
#endif
}

#endif
