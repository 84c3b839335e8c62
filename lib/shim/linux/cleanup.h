/* SPDX-License-Identifier: MIT */
/* TRUE: guards end with their scope */
#ifndef ML_SHIM_CLEANUP_H
#define ML_SHIM_CLEANUP_H

#define __ml_join2(a, b)	a##b
#define __ml_join(a, b)		__ml_join2(a, b)
#define __cleanup(func)		__attribute__((cleanup(func)))

/* guard(mutex)(&lock): the kind brings guard_<kind>_t, _enter and _leave. */
#define guard(kind)							\
	guard_##kind##_t __cleanup(guard_##kind##_leave)		\
	__ml_join(__guard, __LINE__) __attribute__((unused)) = guard_##kind##_enter

#endif
