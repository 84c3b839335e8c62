// SPDX-License-Identifier: GPL-2.0-only
/* trace.c - where the tracepoints live */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
