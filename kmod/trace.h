/* SPDX-License-Identifier: GPL-2.0-only */
/* trace.h - tracepoints, one for each kind of call that changes an arena */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memlane

#if !defined(MEMLANE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEMLANE_TRACE_H

#include <linux/tracepoint.h>

#include <linux/memlane.h>

TRACE_EVENT(memlane_alloc,
	TP_PROTO(u32 arena, const struct memlane_alloc *req, int err),
	TP_ARGS(arena, req, err),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u64, length)
		__field(u32, lane)
		__field(u32, wanted)
		__field(u32, given)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->length = req->length;
		__entry->lane = req->out_lane;
		__entry->wanted = req->count;
		__entry->given = req->out_count;
		__entry->err = err;
	),
	TP_printk("arena=%u length=%llu lane=%u wanted=%u given=%u err=%d",
		  __entry->arena, __entry->length, __entry->lane, __entry->wanted,
		  __entry->given, __entry->err)
);

TRACE_EVENT(memlane_free,
	TP_PROTO(u32 arena, const struct memlane_free *req, int err),
	TP_ARGS(arena, req, err),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u32, wanted)
		__field(u32, freed)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->wanted = req->count;
		__entry->freed = req->out_count;
		__entry->err = err;
	),
	TP_printk("arena=%u wanted=%u freed=%u err=%d", __entry->arena, __entry->wanted,
		  __entry->freed, __entry->err)
);

DECLARE_EVENT_CLASS(memlane_step,
	TP_PROTO(u32 arena, const struct memlane_step *step, int err),
	TP_ARGS(arena, step, err),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u64, moved)
		__field(u64, moved_bytes)
		__field(u64, remapped_pages)
		__field(u64, vetoed)
		__field(u64, pinned)
		__field(u64, held)
		__field(u64, given_up)
		__field(u64, returned)
		__field(u64, ns)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->moved = step->out_moved;
		__entry->moved_bytes = step->out_moved_bytes;
		__entry->remapped_pages = step->out_remapped_pages;
		__entry->vetoed = step->out_vetoed;
		__entry->pinned = step->out_pinned;
		__entry->held = step->out_held;
		__entry->given_up = step->out_given_up;
		__entry->returned = step->out_pages_returned;
		__entry->ns = step->out_ns;
		__entry->err = err;
	),
	TP_printk("arena=%u moved=%llu bytes=%llu remapped_pages=%llu vetoed=%llu pinned=%llu held=%llu given_up=%llu returned=%llu ns=%llu err=%d",
		  __entry->arena, __entry->moved, __entry->moved_bytes,
		  __entry->remapped_pages, __entry->vetoed, __entry->pinned, __entry->held,
		  __entry->given_up, __entry->returned, __entry->ns, __entry->err)
);

DEFINE_EVENT(memlane_step, memlane_compact,
	TP_PROTO(u32 arena, const struct memlane_step *step, int err),
	TP_ARGS(arena, step, err)
);

DEFINE_EVENT(memlane_step, memlane_migrate,
	TP_PROTO(u32 arena, const struct memlane_step *step, int err),
	TP_ARGS(arena, step, err)
);

DEFINE_EVENT(memlane_step, memlane_maintain,
	TP_PROTO(u32 arena, const struct memlane_step *step, int err),
	TP_ARGS(arena, step, err)
);

#endif /* MEMLANE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
