/* SPDX-License-Identifier: MIT */
/* TRUE: the same arithmetic and the same type check */
#ifndef ML_SHIM_CONTAINER_OF_H
#define ML_SHIM_CONTAINER_OF_H

#include <linux/build_bug.h>
#include <stddef.h>

#define container_of(ptr, type, member) ({				\
	__typeof__(ptr) __in = (ptr);					\
									\
	_Static_assert(__builtin_types_compatible_p(__typeof__(*__in),	\
		       __typeof__(((type *)0)->member)) ||		\
		       __builtin_types_compatible_p(__typeof__(*__in), void), \
		       "container_of: wrong type");			\
	(type *)((char *)__in - offsetof(type, member)); })

#endif
