/* SPDX-License-Identifier: MIT */
/*
 * probe.h - USDT probes: places where a tracer may look, for the price of a nop
 *
 * Provider memlane:
 *   wait_begin (arena, index)     a thread meets a copy under way, and waits
 *   wait_end   (arena, index)
 *   veto       (arena, index)     a user stops a move that was planned
 * @arena is the cookie that its handles have. Where the library is built without
 * systemtap's header there are none.
 */
#ifndef LIB_PROBE_H
#define LIB_PROBE_H

#ifdef HAVE_SDT /* the build has found the header */
#include <sys/sdt.h>
#define probe(name, arena, index) DTRACE_PROBE2(memlane, name, arena, index)
#else
#define probe(name, arena, index) \
	do {                      \
	} while (0)
#endif

#endif /* LIB_PROBE_H */
