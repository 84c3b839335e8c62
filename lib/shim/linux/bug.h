/* SPDX-License-Identifier: MIT */
/* CUSTOM: a warning goes to stderr; test builds (ML_WARN_ABORT=1) end there */
#ifndef ML_SHIM_BUG_H
#define ML_SHIM_BUG_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef ML_WARN_ABORT
#define ML_WARN_ABORT 0
#endif

static inline void ml_shim_warn(const char *what, const char *file, int line)
{
	fprintf(stderr, "memlane: WARN_ON(%s) at %s:%d\n", what, file, line);
	if (ML_WARN_ABORT)
		abort();
}

#define WARN_ON(cond) ({						\
	bool __bad = !!(cond);						\
									\
	if (__bad)							\
		ml_shim_warn(#cond, __FILE__, __LINE__);		\
	unlikely(__bad); })

#endif
