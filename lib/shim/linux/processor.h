/* SPDX-License-Identifier: MIT */
/* TRUE: what a loop does that looks at a word again and again */
#ifndef ML_SHIM_PROCESSOR_H
#define ML_SHIM_PROCESSOR_H

#ifdef __x86_64__
#define cpu_relax()	__builtin_ia32_pause()
#else
#define cpu_relax()	__asm__ volatile("yield" ::: "memory")
#endif

#endif
