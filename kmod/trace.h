/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - tracepoints: calls that change an arena, moves, choices of the policy
 *
 * Most allocs and frees are made in the program, of stock that it took by a
 * refill: refill and flush are the batches of what memlane_alloc() and
 * memlane_free() do. Places are shown as byte offsets into the data area.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memlane

#if !defined(MEMLANE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEMLANE_TRACE_H

#include <linux/tracepoint.h>

#include <linux/memlane.h>

#include "core/core.h"

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

TRACE_EVENT(memlane_refill,
	TP_PROTO(u32 arena, const struct memlane_refill *req, int err),
	TP_ARGS(arena, req, err),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u64, length)
		__field(u32, slot)
		__field(u32, lane)
		__field(u32, cls)
		__field(u32, wanted)
		__field(u32, given)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->length = req->length;
		__entry->slot = req->slot;
		__entry->lane = req->out_lane;
		__entry->cls = req->out_class;
		__entry->wanted = req->count;
		__entry->given = req->out_count;
		__entry->err = err;
	),
	TP_printk("arena=%u slot=%u length=%llu lane=%u class=%u wanted=%u given=%u err=%d",
		  __entry->arena, __entry->slot, __entry->length, __entry->lane,
		  __entry->cls, __entry->wanted, __entry->given, __entry->err)
);

TRACE_EVENT(memlane_flush,
	TP_PROTO(u32 arena, const struct memlane_flush *req, int err),
	TP_ARGS(arena, req, err),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u32, slot)
		__field(u32, lane)
		__field(u32, cls)
		__field(u32, given)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->slot = req->slot;
		__entry->lane = req->lane;
		__entry->cls = req->cls;
		__entry->given = req->out_count;
		__entry->err = err;
	),
	TP_printk("arena=%u slot=%u lane=%u class=%u given_back=%u err=%d", __entry->arena,
		  __entry->slot, __entry->lane, __entry->cls, __entry->given, __entry->err)
);

TRACE_DEFINE_ENUM(MEMLANE_CAUSE_COMPACT);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_HAND);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_STALE);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_OVERSIZED);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_HOT);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_SORT);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_PURGE);
TRACE_DEFINE_ENUM(MEMLANE_CAUSE_ROOM);

#define show_cause(cause)						\
	__print_symbolic(cause,						\
		{ MEMLANE_CAUSE_COMPACT, "compact" },	\
		{ MEMLANE_CAUSE_HAND, "hand" },	\
		{ MEMLANE_CAUSE_STALE, "stale" },	\
		{ MEMLANE_CAUSE_OVERSIZED, "oversized" },	\
		{ MEMLANE_CAUSE_HOT, "hot" },	\
		{ MEMLANE_CAUSE_SORT, "sort" },	\
		{ MEMLANE_CAUSE_PURGE, "purge" },	\
		{ MEMLANE_CAUSE_ROOM, "room" })

TRACE_EVENT(memlane_move,
	TP_PROTO(u32 arena, const struct ml_move *mv),
	TP_ARGS(arena, mv),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u32, index)
		__field(u64, from)
		__field(u64, to)
		__field(u64, bytes)
		__field(u8, cause)
		__field(bool, remap)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->index = mv->index;
		__entry->from = mv->from << MEMLANE_GRANULE_SHIFT;
		__entry->to = mv->to << MEMLANE_GRANULE_SHIFT;
		__entry->bytes = mv->len;
		__entry->cause = mv->cause;
		__entry->remap = mv->remap;
		__entry->err = mv->result;
	),
	TP_printk("arena=%u index=%u from=%llx to=%llx bytes=%llu cause=%s remap=%d err=%d",
		  __entry->arena, __entry->index, __entry->from, __entry->to, __entry->bytes,
		  show_cause(__entry->cause), __entry->remap,
		  __entry->err)
);

/* Pages of the data area that were put away, went to a file, came back or are lost. */
DECLARE_EVENT_CLASS(memlane_pages,
	TP_PROTO(u32 arena, u64 page, u64 nr, s64 result),
	TP_ARGS(arena, page, nr, result),
	TP_STRUCT__entry(
		__field(u64, page)
		__field(u64, nr)
		__field(s64, result)
		__field(u32, arena)
	),
	TP_fast_assign(
		__entry->page = page;
		__entry->nr = nr;
		__entry->result = result;
		__entry->arena = arena;
	),
	TP_printk("arena=%u page=%llu nr=%llu result=%lld", __entry->arena, __entry->page,
		  __entry->nr, __entry->result)
);

DEFINE_EVENT(memlane_pages, memlane_cool,
	TP_PROTO(u32 arena, u64 page, u64 nr, s64 result),
	TP_ARGS(arena, page, nr, result)
);

DEFINE_EVENT(memlane_pages, memlane_warm,
	TP_PROTO(u32 arena, u64 page, u64 nr, s64 result),
	TP_ARGS(arena, page, nr, result)
);

DEFINE_EVENT(memlane_pages, memlane_store,
	TP_PROTO(u32 arena, u64 page, u64 nr, s64 result),
	TP_ARGS(arena, page, nr, result)
);

DEFINE_EVENT(memlane_pages, memlane_load,
	TP_PROTO(u32 arena, u64 page, u64 nr, s64 result),
	TP_ARGS(arena, page, nr, result)
);

DEFINE_EVENT(memlane_pages, memlane_lost,
	TP_PROTO(u32 arena, u64 page, u64 nr, s64 result),
	TP_ARGS(arena, page, nr, result)
);

TRACE_EVENT(memlane_decide,
	TP_PROTO(u32 arena, unsigned int cause, unsigned int lane, u32 index),
	TP_ARGS(arena, cause, lane, index),
	TP_STRUCT__entry(
		__field(u32, arena)
		__field(u32, index)
		__field(u8, cause)
		__field(u8, lane)
	),
	TP_fast_assign(
		__entry->arena = arena;
		__entry->index = index;
		__entry->cause = cause;
		__entry->lane = lane;
	),
	TP_printk("arena=%u cause=%s lane=%u index=%u", __entry->arena,
		  show_cause(__entry->cause), __entry->lane,
		  __entry->index)
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
