/* SPDX-License-Identifier: MIT */
/* STUB: arguments are checked, nothing is told */
#ifndef FUZZ_TRACEPOINT_H
#define FUZZ_TRACEPOINT_H

#define TP_PROTO(...)		__VA_ARGS__
#define TP_ARGS(...)

#define TRACE_DEFINE_ENUM(value)
#define TRACE_EVENT(name, proto, ...)	static inline void trace_##name(proto) { }
#define DECLARE_EVENT_CLASS(...)
#define DEFINE_EVENT(class, name, proto, ...)	static inline void trace_##name(proto) { }

#endif
