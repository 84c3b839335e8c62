/* SPDX-License-Identifier: MIT */
/* TRUE: the assertions are with the locks */
#ifndef ML_SHIM_LOCKDEP_H
#define ML_SHIM_LOCKDEP_H

#include <linux/mutex.h>

#endif
