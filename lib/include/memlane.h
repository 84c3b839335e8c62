/* SPDX-License-Identifier: MIT */
/*
 * memlane.h - memory that can move, behind handles that do not change
 *
 * An arena has two lanes: the FastLane for small, short-lived objects and the
 * SlowLane for large or long-lived ones. An object is named by a handle. Where
 * its bytes are may change at any time, but not
 *   - while the thread is in a section (memlane_enter() to memlane_exit()): then
 *     every address that memlane_get() gave it in that section stays true;
 *   - while the object is pinned (memlane_pin() to memlane_unpin()).
 *
 * Conventions
 *   - Calls that can fail return 0, or a count, or a negative errno value, never
 *     -1. errno itself is left alone. memlane_strerror() has a sentence for each.
 *   - Any thread may use an arena at any time. A thread takes part from its first
 *     call on and leaves when it ends.
 *   - Calls are not for signal handlers.
 *   - pthread_cancel() acts behind a call, never in the middle of one; a thread whose
 *     type is PTHREAD_CANCEL_ASYNCHRONOUS must not call. A section or a pin is not
 *     ended by it: pthread_cleanup_push() is for that, or the end of the thread.
 *   - After fork() the child has no arena: calls that can fail answer -EOWNERDEAD,
 *     but for memlane_fd(), and the only thing to do there is memlane_close().
 *
 * A bad handle gives, wherever a handle is taken:
 *   -ESTALE   the object was freed (or its handle's generations are used up)
 *   -EXDEV    the handle is of another arena
 *   -EBADF    the value never was a handle
 *   -ENODATA  the object was dropped with its purgeable group: only free is left
 */
#ifndef MEMLANE_H
#define MEMLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function beside a struct of its name, and casts that are C's too, are meant here. */
#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#endif

#include <linux/memlane.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMLANE_API	__attribute__((visibility("default")))

/* Each of these is a symbol of the library too, for languages that have no C headers. */
#ifndef MEMLANE_INLINE
#define MEMLANE_INLINE	static inline
#endif

/**
 * typedef memlane_handle - names an object; 0 names none
 */
typedef uint64_t memlane_handle;

struct memlane;

/* ------------------------------------------------------------- lanes ---- */

/*
 * A lane is asked for in three ways, each with a type of its own:
 *	which lane		enum memlane_lane of <linux/memlane.h>: MEMLANE_FAST, _SLOW
 *	where to be born	enum memlane_alloc_lane, of struct memlane_alloc_opts
 *	which of both		enum memlane_lane_set, of memlane_compact() and its like
 * A constant of one in the place of another does not compile in C++. C compilers warn
 * (-Wenum-conversion: part of gcc's -Wextra, on by default in clang), and where the
 * value means nothing there the call answers -EINVAL.
 */

/**
 * enum memlane_alloc_lane - where an object is to be born
 * @MEMLANE_BY_SIZE: config.threshold decides
 * @MEMLANE_IN_FAST: in the FastLane
 * @MEMLANE_IN_SLOW: in the SlowLane
 *
 * The numbers are no lane's, and no set's.
 */
enum memlane_alloc_lane {
	MEMLANE_BY_SIZE = 0,
	MEMLANE_IN_FAST = 4,
	MEMLANE_IN_SLOW = 5
};

/**
 * enum memlane_lane_set - which lanes; 1 << MEMLANE_FAST and the like will do as well
 * @MEMLANE_BOTH_LANES: both
 * @MEMLANE_FAST_LANE: the FastLane alone
 * @MEMLANE_SLOW_LANE: the SlowLane alone
 */
enum memlane_lane_set {
	MEMLANE_BOTH_LANES = 0,
	MEMLANE_FAST_LANE = 1 << MEMLANE_FAST,
	MEMLANE_SLOW_LANE = 1 << MEMLANE_SLOW
};

/*
 * As arguments. C takes any integer for an enum; C++ takes none, so there an argument is
 * an integer, and what is of the wrong kind is refused at the end of this file.
 */
#ifdef __cplusplus
/**
 * typedef memlane_lane_arg - an enum memlane_lane, in C++
 */
typedef int memlane_lane_arg;

/**
 * typedef memlane_lane_set_arg - an enum memlane_lane_set, in C++
 */
typedef uint32_t memlane_lane_set_arg;
#else
/**
 * typedef memlane_lane_arg - an enum memlane_lane, in C
 */
typedef enum memlane_lane memlane_lane_arg;

/**
 * typedef memlane_lane_set_arg - an enum memlane_lane_set, in C
 */
typedef enum memlane_lane_set memlane_lane_set_arg;
#endif

/* ---------------------------------------------------- configuration ---- */

/**
 * enum memlane_backend_kind - who owns the pages
 * @MEMLANE_BACKEND_AUTO: the module if /dev/memlane can be opened, else the
 *	process itself
 * @MEMLANE_BACKEND_MODULE: the kernel module
 * @MEMLANE_BACKEND_LOCAL: the same engine inside the process
 */
enum memlane_backend_kind {
	MEMLANE_BACKEND_AUTO,
	MEMLANE_BACKEND_MODULE,
	MEMLANE_BACKEND_LOCAL
};

struct memlane_report;

/**
 * typedef memlane_report_fn - told of what is wrong, in the thread that met it
 * @arg: config.report_arg
 * @report: good during the call; no call of the library is allowed in there
 */
typedef void (*memlane_report_fn)(void *arg, const struct memlane_report *report);

/**
 * struct memlane_config - how an arena is to be
 * @size: sizeof(struct memlane_config); memlane_config_init() sets it
 * @backend: enum memlane_backend_kind. With AUTO the environment variable
 *	MEMLANE_BACKEND=module or local decides, if set
 * @fast_lane_size: bytes the FastLane may use before it grows: its limit, which takes
 *	no memory; 1 MiB
 * @slow_lane_size: the same of the SlowLane; 10 MiB
 * @fast_lane_max: bytes it grows to by itself; memlane_set_max() changes it; 64 GiB. This
 *	default, that of @slow_lane_max and that of @max_handles are lower where the process
 *	may not have the addresses: memlane_get_option() tells
 * @slow_lane_max: the same of the SlowLane; 64 GiB
 * @threshold: objects of at least so many bytes are born in the SlowLane, and
 *	larger ones are moved there by maintenance; 4096
 * @enable_auto_compaction: maintenance compacts lanes past @compaction_threshold, and
 *	a lane that is full is compacted before others serve in its place; true
 * @compaction_threshold: part of a lane's limit in use; also the part of its spans
 *	that must be filled, or it counts as fragmented; 0.90
 * @slow_lane_usage_threshold: part of a lane's maximum in use past which that lane is
 *	under pressure: purgeable objects are dropped until it is not, it is told as an
 *	event, and nothing is moved to a SlowLane under pressure; 0.85
 * @slow_lane_safety_margin: part of the SlowLane's limit that only moves may use, as
 *	room to compact; 0.10
 * @policy_check_interval: seconds between background maintenance; 0: none; 10
 * @section_grace: seconds a move waits for open sections before it is given
 *	up; 0.010
 * @max_handles: objects at a time, up to 2^30 - 1; 2^24 - 1
 * @max_threads: threads at a time, up to 4096; 1024
 * @__reserved: must be 0
 * @age_interval: seconds in an ageing period at least; 0: every maintenance
 *	cycle ends one; 1
 * @frames_per_cycle: memlane_tick_frame() runs a maintenance cycle every so many
 *	frames; 0: never; 0
 * @guard: checking mode: guard bytes around each object, and reports of wrong
 *	use. Objects take 96 bytes more, and alignments over 64 are refused
 *	(-EOPNOTSUPP); false
 * @report_leaks: memlane_close() reports objects that were not freed; false
 * @tracking: keep the history of objects, 16 bytes each; maintenance in the background
 *	is run by a thread of the library, so that it is seen, but for what is given
 *	back when the system is short of memory; false
 * @aged: for tests: handles are nearly used up, as after years of use; false
 * @report: gets the reports of @guard and @report_leaks; NULL: stderr
 * @report_arg: for @report
 * @decay: seconds that pages which nobody uses are kept, to be used again without a call
 *	to the system. They go back at once where memory is short, at a lane's limit and
 *	by memlane_compact(). Without background maintenance (@policy_check_interval 0)
 *	no page is kept, unless MEMLANE_OPT_DECAY is set, nor does the module keep any
 *	(-EOPNOTSUPP); 0: none is; up to 3600; 1
 * @no_core_dump: a core dump of the process leaves out what objects hold. Otherwise it
 *	has that and the handle table where the process owns the pages; the module's
 *	pages are in no core dump. false
 * @guard_moves: finds addresses that are kept past their section or pin: each object whose
 *	address a section was given moves at the end of that section, to another place of its
 *	lane, and after its last pin; a use of the old place ends the program by SIGSEGV or
 *	SIGBUS. Objects have pages of their own, and a section's end a system call. The
 *	policy works as ever. false
 * @__reserved3: must be 0
 *
 * MEMLANE_GUARD in the environment switches on more, in programs as they are: words with
 * commas between them, of bytes (@guard), moves (@guard_moves) and leaks (@report_leaks).
 * What a backend or an alignment cannot do is refused as if the program had asked for it.
 */
struct memlane_config {
	uint32_t size;
	uint32_t backend;
	uint64_t fast_lane_size;
	uint64_t slow_lane_size;
	uint64_t fast_lane_max;
	uint64_t slow_lane_max;
	uint64_t threshold;
	bool enable_auto_compaction;
	double compaction_threshold;
	double slow_lane_usage_threshold;
	double slow_lane_safety_margin;
	double policy_check_interval;
	double section_grace;
	uint64_t max_handles;
	uint32_t max_threads;
	uint32_t __reserved;
	double age_interval;
	uint32_t frames_per_cycle;
	bool guard;
	bool report_leaks;
	bool tracking;
	bool aged;
	memlane_report_fn report;
	void *report_arg;
	double decay;
	bool no_core_dump;
	bool guard_moves;
	uint8_t __reserved3[6];
};

/*
 * What the library fills in for a program may be longer in a later version. So it is
 * told how long the program's is: the rest is left out, or cleared. The calls named
 * _sized are for that, and for languages that have no C headers.
 */

/**
 * memlane_config_init_sized - memlane_config_init() for a struct of any version
 * @config: to be filled
 * @size: bytes of *@config, which become @config->size
 */
MEMLANE_API void memlane_config_init_sized(struct memlane_config *config, size_t size);

/**
 * memlane_config_init - fill in the defaults
 * @config: to be filled
 */
MEMLANE_INLINE void memlane_config_init(struct memlane_config *config)
{
	memlane_config_init_sized(config, sizeof(*config));
}

/**
 * memlane_config_check - is this a configuration that makes sense?
 * @config: to be checked
 *
 * Return: NULL if so, else a sentence that names the field and what it may be.
 */
MEMLANE_API const char *memlane_config_check(const struct memlane_config *config);

/* ------------------------------------------------------------- arena ---- */

/**
 * memlane_open - make an arena
 * @out: the arena
 * @config: NULL: defaults
 *
 * Return: 0; -EINVAL: memlane_config_check() says what is wrong, or
 * MEMLANE_BACKEND is neither module nor local, or MEMLANE_GUARD has an unknown word; -ENOENT, -EACCES: no
 * /dev/memlane, or no right to it, and the module was insisted on; -EPROTO:
 * the module's ABI is not this library's; -ENOMEM: no memory, or no addresses; -EAGAIN: no
 * thread for the maintenance in the background; -EPERM, -ENOSYS: no membarrier(). memlane_explain() tells which limit was met.
 */
MEMLANE_API int memlane_open(struct memlane **out, const struct memlane_config *config);

/**
 * memlane_open_fd - take part in an arena that another process has made
 * @out: the arena
 * @fd: its file, inherited or received; may be closed afterwards
 * @config: NULL: defaults. Its threshold and frames_per_cycle are looked at; the
 *	rest is the maker's business
 *
 * Handles are good in all processes that have the arena, addresses are not. The
 * arena ends when all have closed it; an object that its maker forgets is there
 * until then. Threads are each process's own, and so are memlane_stat()'s
 * @allocs to @waits, but for threads that have left.
 *
 * Return: 0; -EINVAL: as memlane_open(); -EBADF; -ENOTTY: not a file of
 * /dev/memlane; -ENODEV: its arena has not been made; -EACCES: open for reading
 * alone; -EOPNOTSUPP: guards, tracking or a report of leaks are asked for; -EPROTO;
 * -ENOMEM.
 */
MEMLANE_API int memlane_open_fd(struct memlane **out, int fd,
				const struct memlane_config *config);

/**
 * memlane_fd - the arena's file
 * @m: arena
 *
 * To be polled and read for events, or handed to another process. It is the
 * library's: it is not to be closed, and dup() of it has no FD_CLOEXEC.
 *
 * Return: a descriptor; -EOPNOTSUPP: the arena has no file (MEMLANE_CAP_SHARE).
 */
MEMLANE_API int memlane_fd(const struct memlane *m);

/**
 * memlane_close - end an arena and all its objects
 * @m: arena; NULL: nothing is done
 *
 * No other thread may be in a call or section of this arena. Threads that used
 * it need not have left.
 */
MEMLANE_API void memlane_close(struct memlane *m);

/**
 * memlane_backend - who owns the pages
 * @m: arena
 *
 * Return: MEMLANE_BACKEND_MODULE or MEMLANE_BACKEND_LOCAL.
 */
MEMLANE_API enum memlane_backend_kind memlane_backend(const struct memlane *m);

/**
 * memlane_capabilities - what this backend can do
 * @m: arena
 *
 * Return: MEMLANE_CAP_* bits of <linux/memlane.h>.
 */
MEMLANE_API uint64_t memlane_capabilities(const struct memlane *m);

/**
 * memlane_set_limit - how much a lane may use before it grows
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @bytes: rounded up to pages; at most the lane's maximum
 *
 * A lane that is full grows past its limit, up to its maximum, and shrinks to what
 * the limit was set to last when it is empty: this is no cap, memlane_set_max() is.
 *
 * Return: 0; -EINVAL: no such lane, or @bytes is out of range, or less than what
 * is used now.
 */
MEMLANE_API int memlane_set_limit(struct memlane *m, memlane_lane_arg lane, uint64_t bytes);

/**
 * memlane_set_max - how much a lane may grow to from now on
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @bytes: rounded up to pages; up to four times what config.fast_lane_max or
 *	config.slow_lane_max was, or 64 GiB if that is more
 *
 * A limit above the new maximum is cut down to it. Room to raise a maximum takes
 * addresses, no memory: both lanes together have MEMLANE_LANES_MAX, and where the process may not
 * have the addresses (RLIMIT_AS) memlane_open() does without, and a maximum can only be lowered.
 *
 * Return: 0; -EINVAL: no such lane, or @bytes is 0, or above what there are addresses
 * for, or less than what is used now.
 */
MEMLANE_API int memlane_set_max(struct memlane *m, memlane_lane_arg lane, uint64_t bytes);

/**
 * memlane_set_option - change one option of the policy
 * @m: arena
 * @option: enum memlane_option
 * @value: see there
 *
 * MEMLANE_OPT_THRESHOLD also takes the place of config.threshold in this process, and
 * has its range, up to the FastLane's maximum; 0 is none.
 *
 * Return: 0; -EOPNOTSUPP: unknown option; -EINVAL: value out of range; -ENOMEM; -EAGAIN:
 * no thread for MEMLANE_OPT_POLICY_INTERVAL; -EOWNERDEAD.
 */
MEMLANE_API int memlane_set_option(struct memlane *m, uint32_t option, uint64_t value);

/**
 * memlane_get_option - read one option of the policy
 * @m: arena
 * @option: enum memlane_option
 * @value: gets it; for MEMLANE_OPT_PURGEABLE holds the group
 *
 * Return: 0; -EOPNOTSUPP: unknown option; -EOWNERDEAD.
 */
MEMLANE_API int memlane_get_option(struct memlane *m, uint32_t option, uint64_t *value);

/**
 * memlane_set_purgeable - may a group be dropped when memory is short?
 * @m: arena
 * @group: of objects
 * @purgeable: true: its objects may go, but for those pinned; they say -ENODATA
 *
 * They go by priority, lowest first, and no more of them than needed: from a lane under
 * pressure until it is not (config.slow_lane_usage_threshold); before a request would
 * be refused for want of room; all of them when the system is short of memory.
 *
 * Return: 0; -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_set_purgeable(struct memlane *m, uint16_t group, bool purgeable);

/* ----------------------------------------------------------- objects ---- */

/* struct memlane_alloc_opts.flags */
#define MEMLANE_ZERO		(1U << 0)	/* bytes are cleared */
#define MEMLANE_NO_SPILL	(1U << 1)	/* the wanted lane or -ENOSPC */

/**
 * struct memlane_alloc_opts - wishes for one object; all 0: none
 * @align: power of two up to 2 MiB; 0: 16
 * @lane: where it is to be born
 * @flags: MEMLANE_ZERO, MEMLANE_NO_SPILL
 * @tag: the program's own, for reports; not MEMLANE_TAG_FRAME
 * @group: the program's own
 * @priority: 0 to 3: see memlane_set_priority()
 * @hints: MEMLANE_HINT_*: see memlane_set_hints()
 * @__reserved: must be 0
 *
 * Tags, priorities and hints cost an atomic operation when they differ from
 * those of the object that had the same index before.
 */
struct memlane_alloc_opts {
	uint32_t align;
	enum memlane_alloc_lane lane;
	uint32_t flags;
	uint16_t tag;
	uint16_t group;
	uint32_t priority;
	uint32_t hints;
	uint32_t __reserved[2];
};

/**
 * memlane_alloc - make an object
 * @m: arena
 * @size: bytes, 1 to MEMLANE_SIZE_MAX
 *
 * The bytes are those of an earlier object of this arena, or zero. Objects of up
 * to MEMLANE_BLOCK_MAX bytes come from the thread's stock, without a system call.
 *
 * Return: its handle, or 0: memlane_alloc_with() tells why.
 */
MEMLANE_API memlane_handle memlane_alloc(struct memlane *m, uint64_t size);

/**
 * memlane_alloc_with - make an object as wished
 * @m: arena
 * @size: bytes, 1 to MEMLANE_SIZE_MAX
 * @opts: NULL: as memlane_alloc()
 * @out: the handle; 0 on error
 *
 * A FastLane that is full is compacted, then what is stale leaves it; if that was not
 * enough, or was done within the last tenth of a second, the SlowLane serves, and where
 * it cannot, the FastLane grows, then the SlowLane. A full SlowLane is compacted, then
 * grows. Before -ENOSPC all lanes that could serve are compacted, and purgeable objects
 * dropped. Nothing is moved for it inside a section.
 *
 * Return: 0; -EINVAL: size or a wish out of range; -EOPNOTSUPP: unknown flag or
 * reserved member; -ENOSPC: no room in the lane, or no handle left; -ENOMEM;
 * -EUSERS: too many threads.
 */
MEMLANE_API int memlane_alloc_with(struct memlane *m, uint64_t size,
				   const struct memlane_alloc_opts *opts,
				   memlane_handle *out);

/**
 * memlane_free - end an object
 * @m: arena
 * @h: its handle; 0: nothing is done
 *
 * The handle is bad from now on, and for ever.
 *
 * Return: 0, also for an object that was dropped; -EBUSY: pinned; -ESTALE, -EXDEV,
 * -EBADF. Nothing is changed by a free that fails.
 */
MEMLANE_API int memlane_free(struct memlane *m, memlane_handle h);

/**
 * memlane_is_valid - does the handle name a live object of this arena?
 * @m: arena
 * @h: any value
 *
 * Return: true if so; false also for an object that was dropped, and in the child of
 * a fork.
 */
MEMLANE_API bool memlane_is_valid(struct memlane *m, memlane_handle h);

/**
 * memlane_state - what has become of a handle
 * @m: arena
 * @h: any value
 *
 * Return: enum memlane_state, or a negative errno value.
 */
MEMLANE_API int memlane_state(struct memlane *m, memlane_handle h);

/**
 * memlane_state_name - a word for a state
 * @state: enum memlane_state
 *
 * Return: "live", "moving" ...; "unknown" for any other value.
 */
MEMLANE_API const char *memlane_state_name(int state);

/**
 * memlane_size - bytes asked for when the object was made
 * @m: arena
 * @h: handle
 *
 * Return: bytes; 0: the handle is bad.
 */
MEMLANE_API uint64_t memlane_size(struct memlane *m, memlane_handle h);

/**
 * memlane_lane - where the object is now
 * @m: arena
 * @h: handle
 *
 * Return: MEMLANE_FAST, MEMLANE_SLOW, or a negative errno value.
 */
MEMLANE_API int memlane_lane(struct memlane *m, memlane_handle h);

/**
 * memlane_id - a signed number for the object
 * @m: arena
 * @h: handle
 *
 * Return: positive in the FastLane, negative in the SlowLane, 0: the handle is
 * bad. The magnitude does not change while the object lives; the sign does when
 * it migrates. Numbers, unlike handles, are used again.
 */
MEMLANE_API int64_t memlane_id(struct memlane *m, memlane_handle h);

/**
 * memlane_tag - the tag that the object was made with
 * @m: arena
 * @h: handle
 *
 * Return: 0 to 65535, or a negative errno value.
 */
MEMLANE_API int memlane_tag(struct memlane *m, memlane_handle h);

/**
 * memlane_group - the group that the object was made with
 * @m: arena
 * @h: handle
 *
 * Return: 0 to 65535, or a negative errno value.
 */
MEMLANE_API int memlane_group(struct memlane *m, memlane_handle h);

/* ------------------------------------------------ sections and pins ---- */

/**
 * memlane_try_get - the address of an object that has at least @size bytes
 * @m: arena
 * @h: handle
 * @size: bytes that will be touched
 * @p: gets the address; NULL on error
 *
 * Only inside a section; the address is good until the section ends.
 *
 * Return: 0; -ERANGE: the object was made with fewer bytes; -ESTALE, -EXDEV,
 * -EBADF, -ENODATA; -ENOLCK: outside a section (where config.guard tells).
 */
MEMLANE_API int memlane_try_get(struct memlane *m, memlane_handle h, uint64_t size, void **p);

/**
 * memlane_pin - keep an object where it is
 * @m: arena
 * @h: handle
 *
 * The address is good until as many unpins, by any thread. Pins are in the way of
 * compaction: prefer sections.
 *
 * Return: the address, or NULL: memlane_try_pin() tells why.
 */
MEMLANE_API void *memlane_pin(struct memlane *m, memlane_handle h);

/**
 * memlane_try_pin - keep an object where it is, or say why not
 * @m: arena
 * @h: handle
 * @p: gets the address; NULL on error
 *
 * Return: 0; -EOVERFLOW: pinned MEMLANE_PIN_MAX times; -ESTALE, -EXDEV, -EBADF;
 * -EUSERS: too many threads.
 */
MEMLANE_API int memlane_try_pin(struct memlane *m, memlane_handle h, void **p);

/**
 * memlane_unpin - take back one pin
 * @m: arena
 * @h: handle
 *
 * Return: 0; -EINVAL: not pinned; -ESTALE, -EXDEV, -EBADF.
 */
MEMLANE_API int memlane_unpin(struct memlane *m, memlane_handle h);

/* ------------------------------------------- moving and maintenance ---- */

/**
 * memlane_migrate - move an object to a lane
 * @m: arena
 * @h: handle; stays the same
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 *
 * Not inside a section: the move would wait for it and be given up.
 *
 * Return: 0, also if it is there already; -EBUSY: pinned or held by the kernel;
 * -EAGAIN: a user kept it, or a section stayed open; -ENOSPC: the lane is full;
 * -EINVAL: no such lane; -EDEADLK: inside a section; -ESTALE, -EXDEV, -EBADF.
 */
MEMLANE_API int memlane_migrate(struct memlane *m, memlane_handle h, memlane_lane_arg lane);

/**
 * memlane_migrate_batch - move objects to a lane
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @handles: of the objects
 * @nr: how many, up to 2^20
 * @results: NULL, or gets for each 0 or an error as of memlane_migrate();
 *	-EAGAIN also for those not tried because a limit was reached
 * @step: NULL, or limits and what was done
 *
 * Return: how many did not arrive, or a negative errno value.
 */
MEMLANE_API int memlane_migrate_batch(struct memlane *m, memlane_lane_arg lane,
				      const memlane_handle *handles, uint32_t nr,
				      int32_t *results, struct memlane_step *step);

/**
 * memlane_compact - move objects together and return empty pages to the system
 * @m: arena
 * @lanes: enum memlane_lane_set; 0: both
 * @hole: stop when the lane could hold one more object of so many bytes; 0:
 *	compact fully
 * @step: NULL, or limits and what was done
 *
 * Of a FastLane, what is not used of late leaves for the SlowLane: first where it is
 * compacted fully, else where compaction alone was not good enough.
 *
 * Return: 0; -EINVAL; -EDEADLK: inside a section; -ENOMEM: no memory for
 * destinations, what could be done was done.
 */
MEMLANE_API int memlane_compact(struct memlane *m, memlane_lane_set_arg lanes, uint64_t hole,
				struct memlane_step *step);

/**
 * memlane_compact_until - compact until it is good enough
 * @m: arena
 * @lanes: enum memlane_lane_set; 0: both
 * @hole: good enough when the lane could hold one more object of so many bytes; 0: not
 *	looked at
 * @usage: good enough when no more than this part of the lane's limit is in use, 0 to
 *	1, to a thousandth; 0: not looked at
 * @step: NULL, or limits and what was done
 *
 * Each lane is left as soon as one of both is reached; with neither this is
 * memlane_compact(), fully.
 *
 * Return: as memlane_compact(); -EINVAL also: @usage is out of range.
 */
MEMLANE_API int memlane_compact_until(struct memlane *m, memlane_lane_set_arg lanes, uint64_t hole,
				      double usage, struct memlane_step *step);

/**
 * memlane_maintain - run one cycle of the policy now
 * @m: arena
 * @step: NULL, or limits and what was done
 *
 * Ages objects, moves them between the lanes, drops purgeable ones of a lane under
 * pressure, compacts lanes past their threshold, takes back what dead threads left,
 * trims. A cycle that its limits cut short goes on in the next one.
 *
 * Return: 0; -EDEADLK: inside a section; -ENOMEM: no memory for destinations, what
 * could be done was done; -EINTR: the process is being killed; -EOWNERDEAD.
 */
MEMLANE_API int memlane_maintain(struct memlane *m, struct memlane_step *step);

/**
 * memlane_run_maintenance_cycle - memlane_maintain() without limits
 * @m: arena
 *
 * Return: as memlane_maintain().
 */
MEMLANE_INLINE int memlane_run_maintenance_cycle(struct memlane *m)
{
	return memlane_maintain(m, NULL);
}

/* -------------------------------------------------------- statistics ---- */

/* memlane_stat() flags */
#define MEMLANE_STAT_EXACT	(1U << 0)	/* ask the engine: one system call */

/**
 * struct memlane_stats - what an arena holds and has done
 * @size: sizeof(struct memlane_stats), set by the caller
 * @flags: MEMLANE_STAT_*, set by the caller
 * @allocs: objects made
 * @frees: objects freed
 * @alloc_bytes: bytes asked for by @allocs
 * @free_bytes: of these, freed
 * @live_objects: @allocs - @frees
 * @live_bytes: @alloc_bytes - @free_bytes
 * @vetoes: moves that this program's threads stopped
 * @waits: times that a thread waited for a copy
 * @counts: the engine's own counters
 *
 * Threads that run meanwhile may be counted in part.
 */
struct memlane_stats {
	uint32_t size;
	uint32_t flags;
	uint64_t allocs;
	uint64_t frees;
	uint64_t alloc_bytes;
	uint64_t free_bytes;
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t vetoes;
	uint64_t waits;
	struct memlane_counts counts;
};

/**
 * memlane_stat - read the counters, from shared memory
 * @m: arena
 * @st: @st->size and @st->flags say what is asked for
 *
 * Without MEMLANE_STAT_EXACT no system call is made, and the counters are as
 * the engine left them at its last call.
 *
 * Return: 0; -EINVAL: size; -EOPNOTSUPP: unknown flag.
 */
MEMLANE_API int memlane_stat(struct memlane *m, struct memlane_stats *st);

/**
 * memlane_strerror - a sentence for an error
 * @err: as returned, negative or not
 *
 * Where the system refused something to this thread's last call, and @err is what came of
 * that, the sentence is memlane_explain()'s; it is good until the thread asks again.
 *
 * Return: what it means and what to do about it; never NULL.
 */
MEMLANE_API const char *memlane_strerror(int err);

/**
 * memlane_explain - what the system refused to this thread's last call
 * @text: gets a sentence: which function of the system, how many bytes, which limit was
 *	met, as far as can be seen now, and what to raise or which fields of struct
 *	memlane_config to lower; an empty one where nothing was refused; NULL: none is
 *	wanted
 * @size: bytes there, 0 with NULL; 400 are always enough
 *
 * To be called right after the call that failed, by the same thread. Takes no memory, but
 * reads limits and files of /proc.
 *
 * Return: 0: the system has refused nothing; or the errno value that it gave, negative.
 */
MEMLANE_API int memlane_explain(char *text, size_t size);

/* ----------------------------------------------------------- threads ---- */

/**
 * memlane_thread_join - take part, before the first call does it
 * @m: arena
 *
 * After this, this thread's memlane_enter() cannot fail.
 *
 * Return: 0; -EUSERS: config.max_threads take part already; -ENOMEM;
 * -EOWNERDEAD: in the child of a fork.
 */
MEMLANE_API int memlane_thread_join(struct memlane *m);

/**
 * memlane_thread_flush - give this thread's unused stock back to the arena
 * @m: arena
 *
 * Return: 0; errors of memlane_thread_join(), which it does first.
 */
MEMLANE_API int memlane_thread_flush(struct memlane *m);

/**
 * memlane_thread_leave - take part no more
 * @m: arena
 *
 * The end of the thread does the same. The next call joins again.
 *
 * Return: 0, also for a thread that takes no part; -EBUSY: inside a section;
 * -EOWNERDEAD.
 */
MEMLANE_API int memlane_thread_leave(struct memlane *m);

/* -------------------------------------- the inline part, not for use ---- */

/*
 * What the inline functions need of an arena. Immutable from open to close,
 * but for the child of a fork, where the arena ends.
 */
struct memlane_hot {
	uint64_t *table;	/* entry words */
	unsigned char *data;	/* the data area */
	const uint64_t *epoch;	/* of sections */
	int64_t limit;		/* bit 63, and the end of @data in granules */
};

/* Frames in each other that a thread knows by number. */
#define MEMLANE_FRAMES	32U

/*
 * A thread's part in an arena. Used by that thread alone, but for @arena, which
 * memlane_close() clears.
 */
struct memlane_self {
	struct memlane *arena;
	uint64_t *section;
	uint32_t depth;
	uint32_t chunk;			/* of frame scratch */
	unsigned char *scratch;		/* in the chunk: what comes next; NULL: in no frame */
	unsigned char *scratch_base;
	unsigned char *scratch_end;
	uint32_t frames;		/* that this thread is in */
	uint64_t begun;			/* frames so far */
	uint64_t frame[MEMLANE_FRAMES];	/* the open ones, by depth: which of @begun */
};

/* The arena this thread used last; never NULL. */
extern MEMLANE_API __thread struct memlane_self *memlane_self
	__attribute__((tls_model("initial-exec")));

/* What the inline functions call. */
MEMLANE_API int memlane_exit_other(struct memlane *m);
MEMLANE_API void *memlane_get_slow(struct memlane *m, memlane_handle h);

/**
 * memlane_enter - begin a section
 * @m: arena
 *
 * Sections nest, and should be short: a section that stays open stops compaction.
 *
 * Return: 0, but for the thread's first use of the arena: memlane_thread_join().
 */
MEMLANE_INLINE int memlane_enter(struct memlane *m)
{
	const struct memlane_hot *hot = (const struct memlane_hot *)m;
	struct memlane_self *self = memlane_self;
	int err;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0)) {
		err = memlane_thread_join(m);
		if (err)
			return err;
		self = memlane_self;
	}
	if (self->depth++ == 0) {
		/*
		 * Plain stores: the mover makes every CPU pass a full barrier
		 * between marking objects and looking at the sections.
		 */
		__atomic_store_n(self->section, __atomic_load_n(hot->epoch, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	}
	return 0;
}

/**
 * memlane_exit - end a section
 * @m: arena
 *
 * Return: 0; -EINVAL: this thread is in no section of this arena; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_exit(struct memlane *m)
{
	struct memlane_self *self = memlane_self;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(self->depth != 1, 0))
		return memlane_exit_other(m);
	self->depth = 0;
	/* Pairs with the mover's acquire: what the section did is done. */
	__atomic_store_n(self->section, 0, __ATOMIC_RELEASE);
	return 0;
}

/**
 * memlane_get - the address of an object
 * @m: arena
 * @h: handle
 *
 * Only inside a section; the address is good until the outermost section ends.
 *
 * Return: the address, or NULL: memlane_state() tells why.
 */
MEMLANE_INLINE void *memlane_get(struct memlane *m, memlane_handle h)
{
	const struct memlane_hot *hot = (const struct memlane_hot *)m;
	/* Pairs with the mover's release of the entry: the bytes are there. */
	uint64_t x = __atomic_load_n(&hot->table[(uint32_t)h], __ATOMIC_ACQUIRE) ^ h;

	/*
	 * Of a good handle's clean entry only the location is left, and bit 63.
	 * Any other state, generation or cookie leaves something above the limit,
	 * whatever the entry is, as long as the handle has its zeros.
	 */
	if (__builtin_expect(!(h & MEMLANE_HANDLE_ZEROS), 1) &&
	    __builtin_expect((int64_t)x < hot->limit, 1))
		return hot->data + (x << MEMLANE_GRANULE_SHIFT);
	return memlane_get_slow(m, h);
}

/* ------------------------------------------------------------ presets ---- */

/**
 * enum memlane_preset - configurations for common jobs
 * @MEMLANE_PRESET_GAME_LOOP: the frame is the clock: a bounded maintenance cycle
 *	every 60 frames, nothing in the background, a section may hold a move up
 *	for 1 ms
 * @MEMLANE_PRESET_BULK: few large objects: what has 1 KiB or more is born in a
 *	SlowLane of 256 MiB, which is compacted from 95 % on, and once a minute at most
 * @MEMLANE_PRESET_LOW_MEMORY: small lanes, compacted every second from one half on;
 *	they grow to 4 MiB and 64 MiB, for a million objects and 64 threads
 * @MEMLANE_PRESET_OBJECT_POOL: many objects of the same sizes, up to
 *	MEMLANE_BLOCK_MAX bytes: all are in the FastLane, up to its maximum, where freed
 *	places are used again: nothing moves by itself
 * @MEMLANE_PRESET_FRAME_SCRATCH: memlane_frame_alloc() and little else: a
 *	FastLane for the scratch of many threads, up to its maximum; no maintenance
 */
enum memlane_preset {
	MEMLANE_PRESET_GAME_LOOP,
	MEMLANE_PRESET_BULK,
	MEMLANE_PRESET_LOW_MEMORY,
	MEMLANE_PRESET_OBJECT_POOL,
	MEMLANE_PRESET_FRAME_SCRATCH
};

/**
 * memlane_config_preset_sized - memlane_config_preset() for a struct of any version
 * @config: to be filled
 * @preset: enum memlane_preset
 * @size: bytes of *@config, which become @config->size
 *
 * Return: 0; -EINVAL: no such preset.
 */
MEMLANE_API int memlane_config_preset_sized(struct memlane_config *config, int preset,
					    size_t size);

/**
 * memlane_config_preset - fill in the values of a preset
 * @config: to be filled: the defaults, but for what the preset changes
 * @preset: enum memlane_preset
 *
 * Return: 0; -EINVAL: no such preset.
 */
MEMLANE_INLINE int memlane_config_preset(struct memlane_config *config, int preset)
{
	return memlane_config_preset_sized(config, preset, sizeof(*config));
}

/* --------------------------------------------- before and after moves ---- */

/**
 * memlane_migration_cost_sized - memlane_migration_cost() for a struct of any version
 * @m: arena
 * @h: handle
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @cost: gets it
 * @size: bytes of *@cost, which become @cost->size
 *
 * Return: as memlane_migration_cost().
 */
MEMLANE_API int memlane_migration_cost_sized(struct memlane *m, memlane_handle h,
					     memlane_lane_arg lane,
					     struct memlane_cost *cost, size_t size);

/**
 * memlane_migration_cost - what a migration would cost, before the fact
 * @m: arena
 * @h: handle
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @cost: gets bytes or pages, estimated ns, heat, and the reasons for and against
 *
 * Return: 0; -EINVAL: no such lane; -ESTALE, -EXDEV, -EBADF, -ENODATA.
 */
MEMLANE_INLINE int memlane_migration_cost(struct memlane *m, memlane_handle h,
					  memlane_lane_arg lane, struct memlane_cost *cost)
{
	return memlane_migration_cost_sized(m, h, lane, cost, sizeof(*cost));
}

/**
 * memlane_blockers - who kept objects from moving
 * @m: arena
 * @records: gets them, the latest first
 * @nr: room there; MEMLANE_BLOCKERS are kept
 *
 * Return: how many were written, or a negative errno value.
 */
MEMLANE_API int memlane_blockers(struct memlane *m, struct memlane_blocker *records,
				 uint32_t nr);

/**
 * memlane_pin_long - keep an object where it is, but out of compaction's way
 * @m: arena
 * @h: handle
 * @p: gets the address; NULL on error
 *
 * As memlane_try_pin(), after the object was moved to where other pinned objects
 * are, if it could be: for pins of more than some milliseconds.
 *
 * Return: as memlane_try_pin(); -EDEADLK: inside a section.
 */
MEMLANE_API int memlane_pin_long(struct memlane *m, memlane_handle h, void **p);

/**
 * typedef memlane_migrated_fn - memlane_migrate_async() has ended
 * @arg: as it was passed
 * @failed: what memlane_migrate_batch() returned
 *
 * Runs in a thread of the library, in no section.
 */
typedef void (*memlane_migrated_fn)(void *arg, int failed);

/**
 * memlane_migrate_async - move objects to a lane while the caller goes on
 * @m: arena; memlane_close() waits for the end
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @handles: of the objects; copied
 * @nr: how many, up to 2^20
 * @done: called at the end; NULL: nobody
 * @arg: for @done
 *
 * Return: 0: @done will be called; -EINVAL: no such lane, or @nr is 0 or too
 * large; -ENOMEM, -EAGAIN: no memory, or no thread.
 */
MEMLANE_API int memlane_migrate_async(struct memlane *m, memlane_lane_arg lane,
				      const memlane_handle *handles,
				      uint32_t nr, memlane_migrated_fn done, void *arg);

/* ------------------------------------------------------------- events ---- */

/*
 * What happened in the arena, as records in the order of its happening: see enum
 * memlane_event_type and struct memlane_event of linux/memlane.h. The last 64 are
 * kept. A record is given to one reader: of an arena that processes share, to the
 * first of them who asks.
 */

/**
 * memlane_event_fd - a descriptor for poll(), epoll and io_uring
 * @m: arena
 *
 * Readable while there are events. It is the library's, good until memlane_close(),
 * and memlane_read_events() reads them. With the module it is memlane_fd(), whose
 * read() gives the records too; nothing else is to be read from the local backend's.
 *
 * Return: a descriptor; -EMFILE, -ENFILE, -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_event_fd(struct memlane *m);

/**
 * memlane_read_events_sized - memlane_read_events() for a struct of any version
 * @m: arena
 * @events: gets them, the oldest first
 * @nr: room there
 * @size: bytes of each, of which its own member says how many were filled in
 *
 * Return: as memlane_read_events().
 */
MEMLANE_API int memlane_read_events_sized(struct memlane *m, struct memlane_event *events,
					  uint32_t nr, size_t size);

/**
 * memlane_read_events - take the oldest events; does not wait
 * @m: arena
 * @events: gets them, the oldest first
 * @nr: room there
 *
 * Return: how many there were, up to @nr; or a negative errno value.
 */
MEMLANE_INLINE int memlane_read_events(struct memlane *m, struct memlane_event *events,
				       uint32_t nr)
{
	return memlane_read_events_sized(m, events, nr, sizeof(*events));
}

/**
 * memlane_queue_migrate - have the arena's thread move objects to a lane
 * @m: arena; memlane_close() drops what has not begun
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @handles: of the objects; copied
 * @nr: how many, up to 4096
 * @token: of the event that tells of the end, MEMLANE_EVENT_DONE: its result is that
 *	of the call, its value how many moved, its failed how many did not arrive
 *
 * Does not wait: may be called inside a section, which holds the move up.
 *
 * Return: 0: the event will come; -EINVAL: no such lane, or @nr is 0 or too large;
 * -EAGAIN: 64 calls are waiting already; -ENOMEM.
 */
MEMLANE_API int memlane_queue_migrate(struct memlane *m, memlane_lane_arg lane,
				      const memlane_handle *handles,
				      uint32_t nr, uint64_t token);

/**
 * memlane_queue_compact - have the arena's thread compact
 * @m: arena; memlane_close() drops what has not begun
 * @lanes: as for memlane_compact()
 * @hole: as for memlane_compact()
 * @token: of the event that tells of the end; its value is how many objects moved
 *
 * Return: 0: the event will come; -EAGAIN, -ENOMEM: as memlane_queue_migrate(). What
 * memlane_compact() would have refused is the event's result.
 */
MEMLANE_API int memlane_queue_compact(struct memlane *m, memlane_lane_set_arg lanes, uint64_t hole,
				      uint64_t token);

/* -------------------------------------------------------------- notes ---- */

/**
 * memlane_set_hints - tell the policy what is known of an object
 * @m: arena
 * @h: handle
 * @hints: MEMLANE_HINT_FRAME_CRITICAL keeps it in the FastLane, whatever its size and
 *	other hints; _COLD, _OLD and _EVICTABLE let maintenance move it to the SlowLane,
 *	whatever its use and priority, and keep it there
 *
 * To say something of an object is no use of it: it ages as before.
 *
 * Return: 0; -EOPNOTSUPP: unknown hint; errors of memlane_try_pin(), as the object is
 * pinned meanwhile: -EOVERFLOW where it has MEMLANE_PIN_MAX pins already.
 */
MEMLANE_API int memlane_set_hints(struct memlane *m, memlane_handle h, uint32_t hints);

/**
 * memlane_hints - what memlane_set_hints() or memlane_alloc_with() said
 * @m: arena
 * @h: handle
 *
 * Return: MEMLANE_HINT_* bits, or a negative errno value.
 */
MEMLANE_API int memlane_hints(struct memlane *m, memlane_handle h);

/**
 * memlane_set_priority - how much an object matters to the program
 * @m: arena
 * @h: handle
 * @priority: 0 to 3
 *
 * An object of the FastLane that was not used of late leaves it
 *	0	at the next maintenance
 *	1	when the lane is half full
 *	2	when the lane is at config.compaction_threshold
 *	3	never
 * and of purgeable objects those with a lower one are dropped first.
 *
 * Return: 0; -EINVAL: no such priority; errors of memlane_try_pin(), as for
 * memlane_set_hints().
 */
MEMLANE_API int memlane_set_priority(struct memlane *m, memlane_handle h, uint32_t priority);

/**
 * memlane_priority - what memlane_set_priority() or memlane_alloc_with() said
 * @m: arena
 * @h: handle
 *
 * Return: 0 to 3, or a negative errno value.
 */
MEMLANE_API int memlane_priority(struct memlane *m, memlane_handle h);

/* The tag of what memlane_frame_alloc() gives out. */
#define MEMLANE_TAG_FRAME	0xffffU

/**
 * memlane_tag_name - give a tag a name, for reports
 * @m: arena
 * @tag: 0 to 65535
 * @name: is copied; NULL: none any more
 *
 * Return: 0; -ENOMEM; -EOWNERDEAD.
 */
MEMLANE_API int memlane_tag_name(struct memlane *m, uint16_t tag, const char *name);

/**
 * memlane_name_of_tag - the name that a tag has
 * @m: arena
 * @tag: 0 to 65535
 *
 * Return: its name, good until memlane_close(); "" if it has none.
 */
MEMLANE_API const char *memlane_name_of_tag(struct memlane *m, uint16_t tag);

/* ------------------------------------------------ looking at all objects ---- */

/**
 * struct memlane_object - what is known of an object without a system call
 * @handle: names it; whether its sign is that which memlane_alloc() gave is not
 *	known here, and nothing asks for it
 * @bytes: asked for
 * @lane: where it is
 * @cls: size class, or MEMLANE_CLASS_BLOB
 * @tag: of the program
 * @group: of the program
 * @pins: how many
 * @priority: 0 to 3
 * @hints: MEMLANE_HINT_*
 * @accessed: used in this ageing period
 * @purged: dropped with its group, not freed yet
 */
struct memlane_object {
	memlane_handle handle;
	uint64_t bytes;
	uint8_t lane;
	uint8_t cls;
	uint16_t tag;
	uint16_t group;
	uint16_t pins;
	uint8_t priority;
	uint8_t hints;
	bool accessed;
	bool purged;
};

/**
 * typedef memlane_each_fn - told of one object by memlane_each()
 * @arg: as it was passed
 * @object: good during the call
 *
 * Runs in the thread that called memlane_each(), under no lock of the library: every
 * call is allowed but memlane_close(), inside a section those that are allowed there.
 *
 * Return: 0: go on; anything else: stop, and return it.
 */
typedef int (*memlane_each_fn)(void *arg, const struct memlane_object *object);

/**
 * memlane_each - call a function for each object
 * @m: arena
 * @fn: may free, pin and migrate the object; not 0: stop
 * @arg: for @fn
 *
 * Reads shared memory: no system call, time in proportion to the handles ever in
 * use at a time. Objects made or freed meanwhile are met or not.
 *
 * Return: 0, what @fn returned last, or a negative errno value.
 */
MEMLANE_API int memlane_each(struct memlane *m, memlane_each_fn fn, void *arg);

/**
 * struct memlane_usage - a sum over objects
 * @objects: in each lane
 * @bytes: asked for, in each lane
 * @room: bytes of their places, in each lane
 * @pinned: objects
 * @accessed: objects used in this ageing period
 * @purged: objects that were dropped and not freed yet; they are in no lane
 * @promoted: moves to the FastLane that were seen of these objects, with config.tracking
 * @demoted: the same to the SlowLane
 */
struct memlane_usage {
	uint64_t objects[MEMLANE_LANES];
	uint64_t bytes[MEMLANE_LANES];
	uint64_t room[MEMLANE_LANES];
	uint64_t pinned;
	uint64_t accessed;
	uint64_t purged;
	uint64_t promoted;
	uint64_t demoted;
};

/**
 * memlane_stat_tag_sized - memlane_stat_tag() for a struct of any version
 * @m: arena
 * @tag: 0 to 65535
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_tag().
 */
MEMLANE_API int memlane_stat_tag_sized(struct memlane *m, uint16_t tag,
				       struct memlane_usage *usage, size_t size);

/**
 * memlane_stat_tag - what objects of a tag there are
 * @m: arena
 * @tag: 0 to 65535
 * @usage: gets the sum; see memlane_each() for its cost
 *
 * Return: 0 or -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_tag(struct memlane *m, uint16_t tag,
				    struct memlane_usage *usage)
{
	return memlane_stat_tag_sized(m, tag, usage, sizeof(*usage));
}

/**
 * memlane_stat_class_sized - memlane_stat_class() for a struct of any version
 * @m: arena
 * @cls: as of memlane_class_of(), or MEMLANE_CLASS_BLOB
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_class().
 */
MEMLANE_API int memlane_stat_class_sized(struct memlane *m, unsigned int cls,
					 struct memlane_usage *usage, size_t size);

/**
 * memlane_stat_class - what objects of a size class there are
 * @m: arena
 * @cls: as of memlane_class_of(), or MEMLANE_CLASS_BLOB
 * @usage: gets the sum; see memlane_each() for its cost
 *
 * Return: 0; -EINVAL: no such class; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_class(struct memlane *m, unsigned int cls,
				      struct memlane_usage *usage)
{
	return memlane_stat_class_sized(m, cls, usage, sizeof(*usage));
}

/**
 * struct memlane_lane_usage - how a lane does
 * @usage: pages in use, as a fraction of the limit
 * @fragmentation: part of the pages in use that no place given out fills
 * @pressure: pages in use, as a fraction of what the lane may grow to
 * @stat: the engine's numbers
 */
struct memlane_lane_usage {
	double usage;
	double fragmentation;
	double pressure;
	struct memlane_lane_stat stat;
};

/**
 * memlane_stat_lane_sized - memlane_stat_lane() for a struct of any version
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_lane().
 */
MEMLANE_API int memlane_stat_lane_sized(struct memlane *m, memlane_lane_arg lane,
					struct memlane_lane_usage *usage, size_t size);

/**
 * memlane_stat_lane - how a lane does, from the mapped page
 * @m: arena
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 * @usage: gets it
 *
 * Return: 0; -EINVAL: no such lane; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_lane(struct memlane *m, memlane_lane_arg lane,
				     struct memlane_lane_usage *usage)
{
	return memlane_stat_lane_sized(m, lane, usage, sizeof(*usage));
}

/* By what memlane_tally() tells objects apart. */
enum memlane_tally_by {
	MEMLANE_BY_LANE,	/* MEMLANE_FAST, MEMLANE_SLOW: where they were */
	MEMLANE_BY_CLASS,	/* as of memlane_class_of(), or MEMLANE_CLASS_BLOB */
	MEMLANE_BY_TAG,		/* 0 to 65535 */
	MEMLANE_BY_GROUP	/* 0 to 65535 */
};

/**
 * memlane_tally_sized - memlane_tally() for a struct of any version
 * @m: arena
 * @by: what @which is
 * @which: see enum memlane_tally_by
 * @tally: gets it
 * @size: bytes of *@tally
 *
 * Return: as memlane_tally().
 */
MEMLANE_API int memlane_tally_sized(struct memlane *m, enum memlane_tally_by by, uint32_t which,
				    struct memlane_tally *tally, size_t size);

/**
 * memlane_tally - what became of the objects of one kind since the arena was made
 * @m: arena
 * @by: what @which is
 * @which: see enum memlane_tally_by
 * @tally: gets moves by cause, moves that were stopped and by what, page faults, and
 *	for lanes and classes the pages that they have now: see struct memlane_tally
 *
 * Reads shared memory, at most some hundred words: no system call. What objects there
 * are now is told by memlane_stat_tag() and its like. Page faults are seen where
 * memlane_capabilities() has MEMLANE_CAP_MODULE. Scratch of frames counts as group 0.
 *
 * Return: 0; -EINVAL: there is no such kind; -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_tally(struct memlane *m, enum memlane_tally_by by, uint32_t which,
				 struct memlane_tally *tally)
{
	return memlane_tally_sized(m, by, which, tally, sizeof(*tally));
}

/* ------------------------------------------------------------- groups ---- */

/*
 * An object has the group that it was made with; 0 is that of memlane_alloc().
 * Scratch of frames is in none.
 */

/**
 * memlane_stat_group_sized - memlane_stat_group() for a struct of any version
 * @m: arena
 * @group: 0 to 65535
 * @usage: gets it
 * @size: bytes of *@usage
 *
 * Return: as memlane_stat_group().
 */
MEMLANE_API int memlane_stat_group_sized(struct memlane *m, uint16_t group,
					 struct memlane_usage *usage, size_t size);

/**
 * memlane_stat_group - what objects of a group there are
 * @m: arena
 * @group: 0 to 65535
 * @usage: gets the sum; see memlane_each() for its cost
 *
 * Return: 0 or -EOWNERDEAD.
 */
MEMLANE_INLINE int memlane_stat_group(struct memlane *m, uint16_t group,
				      struct memlane_usage *usage)
{
	return memlane_stat_group_sized(m, group, usage, sizeof(*usage));
}

/**
 * memlane_group_free - free all objects of a group
 * @m: arena
 * @group: 0 to 65535
 *
 * Dropped ones too. See memlane_each() for the cost.
 *
 * Return: how many are left because they are pinned, or a negative errno value.
 */
MEMLANE_API int memlane_group_free(struct memlane *m, uint16_t group);

/**
 * memlane_group_migrate - move all objects of a group to a lane
 * @m: arena
 * @group: 0 to 65535
 * @lane: MEMLANE_FAST or MEMLANE_SLOW
 *
 * Return: how many did not arrive, or a negative errno value.
 */
MEMLANE_API int memlane_group_migrate(struct memlane *m, uint16_t group, memlane_lane_arg lane);

/**
 * memlane_group_pin - pin each object of a group once
 * @m: arena
 * @group: 0 to 65535
 *
 * Return: how many were pinned, or a negative errno value; then none is. -ENOMEM
 * also where there is no memory to note them down.
 */
MEMLANE_API int memlane_group_pin(struct memlane *m, uint16_t group);

/**
 * memlane_group_unpin - take back one pin of each object of a group
 * @m: arena
 * @group: 0 to 65535
 *
 * Return: how many were not pinned, or a negative errno value.
 */
MEMLANE_API int memlane_group_unpin(struct memlane *m, uint16_t group);

/**
 * memlane_group_purgeable - memlane_set_purgeable() by its other name
 * @m: arena
 * @group: 0 to 65535
 * @purgeable: may its objects be dropped when memory is short?
 *
 * Return: 0 or -ENOMEM.
 */
MEMLANE_INLINE int memlane_group_purgeable(struct memlane *m, uint16_t group, bool purgeable)
{
	return memlane_set_purgeable(m, group, purgeable);
}

/* ------------------------------------------------- reports and tracking ---- */

/**
 * enum memlane_report_kind - what a report is about
 * @MEMLANE_REPORT_UNDERRUN: bytes before an object were overwritten; or before frame
 *	scratch, which has no handle and the tag MEMLANE_TAG_FRAME
 * @MEMLANE_REPORT_OVERRUN: bytes behind an object, or frame scratch, were overwritten
 * @MEMLANE_REPORT_GET: memlane_get() or memlane_try_get() outside a section
 * @MEMLANE_REPORT_EXIT: memlane_exit() without memlane_enter()
 * @MEMLANE_REPORT_UNPIN: memlane_unpin() of what is not pinned
 * @MEMLANE_REPORT_FRAME: frame scratch was written after its frame ended
 * @MEMLANE_REPORT_LEAK: an object was not freed when the arena was closed
 * @MEMLANE_REPORT_MARK: memlane_frame_end() of a frame that this thread is not in
 */
enum memlane_report_kind {
	MEMLANE_REPORT_UNDERRUN,
	MEMLANE_REPORT_OVERRUN,
	MEMLANE_REPORT_GET,
	MEMLANE_REPORT_EXIT,
	MEMLANE_REPORT_UNPIN,
	MEMLANE_REPORT_FRAME,
	MEMLANE_REPORT_LEAK,
	MEMLANE_REPORT_MARK
};

/**
 * struct memlane_report - one thing that is wrong
 * @kind: enum memlane_report_kind
 * @tag: of the object
 * @group: of the object
 * @handle: of the object, as it was given out; 0: there is none
 * @bytes: asked for
 * @offset: of the first wrong byte from the start of the object or scratch, negative
 *	before it
 * @tag_name: of the tag, or ""
 * @text: all of this in a sentence, of the name 64 bytes; good during the call
 */
struct memlane_report {
	uint32_t kind;
	uint16_t tag;
	uint16_t group;
	memlane_handle handle;
	uint64_t bytes;
	int64_t offset;
	const char *tag_name;
	const char *text;
};

/**
 * memlane_check - look at the guard bytes of all objects
 * @m: arena, opened with config.guard
 * @report: gets what is damaged; NULL: config.report, or stderr
 * @arg: for @report
 *
 * Return: how many objects are damaged; -EOPNOTSUPP: no guards here.
 */
MEMLANE_API int memlane_check(struct memlane *m, memlane_report_fn report, void *arg);

/**
 * struct memlane_track - the history of an object
 * @age_ms: since it was made, to some 10 ms; it begins anew after 2^32 ms, 49 days
 * @looks: times that the library looked: before each maintenance cycle; where the cycle
 *	has a limit of time, at as many objects as a quarter of it is enough for, and at
 *	the next ones before the next cycle
 * @used: of these, how often it had been used in the ageing period; when @looks is
 *	full, at 65535, both are halved
 * @promoted: moves to the FastLane that were seen, up to 65535: by memlane_migrate()
 *	and its like, but for memlane_queue_migrate(), and whatever made a difference
 *	from one look to the next
 * @demoted: the same to the SlowLane
 */
struct memlane_track {
	uint32_t age_ms;
	uint16_t looks;
	uint16_t used;
	uint16_t promoted;
	uint16_t demoted;
};

/**
 * memlane_track_sized - memlane_track() for a struct of any version
 * @m: arena, opened with config.tracking
 * @h: handle
 * @track: gets it
 * @size: bytes of *@track
 *
 * Return: as memlane_track().
 */
MEMLANE_API int memlane_track_sized(struct memlane *m, memlane_handle h,
				    struct memlane_track *track, size_t size);

/**
 * memlane_track - the history of an object
 * @m: arena, opened with config.tracking
 * @h: handle
 * @track: gets it
 *
 * Return: 0; -EOPNOTSUPP: no tracking here; -ESTALE, -EXDEV, -EBADF, -ENODATA.
 */
MEMLANE_INLINE int memlane_track(struct memlane *m, memlane_handle h,
				 struct memlane_track *track)
{
	return memlane_track_sized(m, h, track, sizeof(*track));
}

/**
 * enum memlane_advice_kind - what would be better
 * @MEMLANE_ADVISE_POOL: objects of this size come and go quickly: keep some
 * @MEMLANE_ADVISE_FAST: objects of this tag are used all the time, but live in
 *	the SlowLane: make them in the FastLane
 * @MEMLANE_ADVISE_SLOW: objects of this tag are hardly used, but live in the
 *	FastLane: make them in the SlowLane, or hint that they are cold
 * @MEMLANE_ADVISE_STAY: objects of this tag went to and fro between the lanes:
 *	hint that they are frame critical, or make them in the SlowLane
 */
enum memlane_advice_kind {
	MEMLANE_ADVISE_POOL,
	MEMLANE_ADVISE_FAST,
	MEMLANE_ADVISE_SLOW,
	MEMLANE_ADVISE_STAY
};

/**
 * struct memlane_advice - one recommendation
 * @kind: enum memlane_advice_kind
 * @tag: which tag; not for POOL
 * @bytes: POOL: largest size of the class
 * @objects: how many it is about
 * @text: all of this in a sentence, with 64 bytes of the tag's name; good during the
 *	call
 */
struct memlane_advice {
	uint32_t kind;
	uint16_t tag;
	uint64_t bytes;
	uint64_t objects;
	const char *text;
};

/**
 * typedef memlane_advice_fn - told of one recommendation by memlane_recommend()
 * @arg: as it was passed
 * @advice: good during the call
 *
 * Runs in the thread that called memlane_recommend(), under no lock of the library:
 * every call is allowed but memlane_close(). It is not cancelled in there.
 */
typedef void (*memlane_advice_fn)(void *arg, const struct memlane_advice *advice);

/**
 * memlane_recommend - what the history of the objects speaks for
 * @m: arena, opened with config.tracking
 * @fn: gets the recommendations; NULL: stderr
 * @arg: for @fn
 *
 * Return: how many there were; -EOPNOTSUPP: no tracking here; -ENOMEM.
 */
MEMLANE_API int memlane_recommend(struct memlane *m, memlane_advice_fn fn, void *arg);

/* ------------------------------------------------------------- frames ---- */

/**
 * struct memlane_mark - where a frame began
 * @at: address; NULL: it did not begin
 * @chunk: for the library
 * @frame: as well: how many frames it began in
 * @id: as well: its number among those that the thread has begun
 */
struct memlane_mark {
	unsigned char *at;
	uint32_t chunk;
	uint32_t frame;
	uint64_t id;
};

/* What the inline functions call; not for use. */
MEMLANE_API struct memlane_mark memlane_frame_first(struct memlane *m);
MEMLANE_API void *memlane_frame_more(struct memlane *m, size_t size);
MEMLANE_API int memlane_frame_rewind(struct memlane *m, struct memlane_mark mark);

/**
 * memlane_frame_begin - start a frame of this thread
 * @m: arena
 *
 * What memlane_frame_alloc() gives until memlane_frame_end() is scratch of this
 * frame. Frames nest.
 *
 * Return: the mark for memlane_frame_end(); @at is NULL: the thread cannot join,
 * or there is no memory.
 */
MEMLANE_INLINE struct memlane_mark memlane_frame_begin(struct memlane *m)
{
	struct memlane_self *self = memlane_self;
	struct memlane_mark mark;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(!self->scratch || self->frames >= MEMLANE_FRAMES, 0))
		return memlane_frame_first(m);
	mark.at = self->scratch;
	mark.chunk = self->chunk;
	mark.frame = self->frames++;
	mark.id = ++self->begun;
	self->frame[mark.frame] = mark.id;
	return mark;
}

/**
 * memlane_frame_alloc - scratch memory until the frame ends
 * @m: arena
 * @size: bytes; the address is a multiple of 16
 *
 * The memory has no handle, does not move, and is not cleared. It is cut from large
 * pinned objects of the FastLane, with the tag MEMLANE_TAG_FRAME, which are kept for
 * later frames of the thread until that leaves; more than a MiB of them for half a second
 * only, after which an outermost frame begins anew.
 *
 * Return: the address, or NULL: the thread is in no frame, or there is no memory.
 */
MEMLANE_INLINE void *memlane_frame_alloc(struct memlane *m, size_t size)
{
	struct memlane_self *self = memlane_self;
	unsigned char *p = self->scratch;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(size > (size_t)(self->scratch_end - p), 0))
		return memlane_frame_more(m, size);
	/* The end is a multiple of 16 from here: rounding does not pass it. */
	self->scratch = p + ((size + 15) & ~(size_t)15);
	return p;
}

/**
 * memlane_frame_end - end a frame: its scratch is gone
 * @m: arena
 * @mark: from memlane_frame_begin() of this thread
 *
 * Frames begun inside it end too. In checking mode what was written past the end of
 * scratch, or before it, is reported.
 *
 * Return: 0; -EINVAL: the mark is not of a frame that this thread is in. Of frames in
 * more than 32 others one that has ended may be taken for a later one of its depth.
 */
MEMLANE_INLINE int memlane_frame_end(struct memlane *m, struct memlane_mark mark)
{
	struct memlane_self *self = memlane_self;
	uintptr_t at = (uintptr_t)mark.at - (uintptr_t)self->scratch_base;

	if (__builtin_expect(__atomic_load_n(&self->arena, __ATOMIC_RELAXED) != m, 0) ||
	    __builtin_expect(mark.chunk != self->chunk || !mark.at || !mark.frame, 0) ||
	    __builtin_expect(mark.frame >= self->frames, 0) ||
	    __builtin_expect(mark.id != self->frame[mark.frame % MEMLANE_FRAMES], 0) ||
	    __builtin_expect(at > (uintptr_t)self->scratch - (uintptr_t)self->scratch_base, 0))
		return memlane_frame_rewind(m, mark);
	self->scratch = mark.at;
	self->frames = mark.frame;
	return 0;
}

/**
 * memlane_tick_frame - a frame of the program has passed
 * @m: arena
 *
 * Frames are a clock: every config.frames_per_cycle of them, a maintenance cycle
 * of at most a millisecond runs in the caller's context. Not inside a section.
 *
 * Return: the number of frames so far, or a negative errno value.
 */
MEMLANE_API int64_t memlane_tick_frame(struct memlane *m);

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
/* C++ makes an integer of any enum: of those that do not belong there nothing is made. */
#define MEMLANE_NO_LANE(wrong)									\
	int memlane_set_limit(struct memlane *m, wrong lane, uint64_t bytes) = delete;		\
	int memlane_set_max(struct memlane *m, wrong lane, uint64_t bytes) = delete;		\
	int memlane_migrate(struct memlane *m, memlane_handle h, wrong lane) = delete;		\
	int memlane_migrate_batch(struct memlane *m, wrong lane, const memlane_handle *handles,	\
				  uint32_t nr, int32_t *results, struct memlane_step *step) = delete;	\
	int memlane_migrate_async(struct memlane *m, wrong lane, const memlane_handle *handles,	\
				  uint32_t nr, memlane_migrated_fn done, void *arg) = delete;	\
	int memlane_queue_migrate(struct memlane *m, wrong lane, const memlane_handle *handles,	\
				  uint32_t nr, uint64_t token) = delete;			\
	int memlane_group_migrate(struct memlane *m, uint16_t group, wrong lane) = delete;	\
	int memlane_migration_cost(struct memlane *m, memlane_handle h, wrong lane,		\
				   struct memlane_cost *cost) = delete;				\
	int memlane_stat_lane(struct memlane *m, wrong lane,					\
			      struct memlane_lane_usage *usage) = delete

#define MEMLANE_NO_LANE_SET(wrong)								\
	int memlane_compact(struct memlane *m, wrong lanes, uint64_t hole,			\
			    struct memlane_step *step) = delete;				\
	int memlane_compact_until(struct memlane *m, wrong lanes, uint64_t hole,		\
				  double usage, struct memlane_step *step) = delete;		\
	int memlane_queue_compact(struct memlane *m, wrong lanes, uint64_t hole,		\
				  uint64_t token) = delete

MEMLANE_NO_LANE(enum memlane_alloc_lane);
MEMLANE_NO_LANE(enum memlane_lane_set);
MEMLANE_NO_LANE_SET(enum memlane_lane);
MEMLANE_NO_LANE_SET(enum memlane_alloc_lane);

#undef MEMLANE_NO_LANE
#undef MEMLANE_NO_LANE_SET
#endif

#endif /* MEMLANE_H */
