/* SPDX-License-Identifier: MIT */
/* CUSTOM: the index must be in range */
#ifndef FUZZ_NOSPEC_H
#define FUZZ_NOSPEC_H

#include <linux/bug.h>

#define array_index_nospec(index, size) ({				\
	__typeof__(index) __i = (index);				\
									\
	WARN_ON(__i >= (size));						\
	__i; })

#endif
