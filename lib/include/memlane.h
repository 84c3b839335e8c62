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
 *     except for memlane_fd(), and the only thing to do there is memlane_close().
 *
 * A bad handle gives, wherever a handle is taken:
 *   -ESTALE   the object was freed (or its handle's generations are used up)
 *   -EXDEV    the handle is of another arena
 *   -EBADF    the value never was a handle
 *   -ENODATA  the object was dropped with its purgeable group: only free is left
 */
#ifndef MEMLANE_H
#define MEMLANE_H

/*
 * This header has what most programs call. The others have the rest, and come along unless
 * MEMLANE_SMALL is defined before it is included:
 *	memlane_move.h		many objects at once, in the background, events, costs, blockers
 *	memlane_cold.h		bytes that nobody uses: put away, and brought back
 *	memlane_group.h		groups, purgeable ones too; hints, priorities, names of tags
 *	memlane_stat.h		counters, sums over objects, a walk over all of them, printing
 *	memlane_debug.h		checking mode, leaks, histories, what the system refused
 *	memlane_frame.h		scratch memory that ends with a frame
 * memlane_typed.h (references with a type, in C) and memlane.hpp (C++) are by themselves.
 */

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

/*
 * Of the library that this header belongs to; MEMLANE_VERSION is that of the module's ABI.
 * Documentation/versions.md says what each of the three numbers promises.
 */
#define MEMLANE_VERSION_MAJOR	1
#define MEMLANE_VERSION_MINOR	1
#define MEMLANE_VERSION_PATCH	0
#define MEMLANE_VERSION_STRING	"1.1.0"

/* To be compared with each other and with memlane_version(). */
#define MEMLANE_VERSION_OF(major, minor, patch)	((uint32_t)(major) << 16 | (minor) << 8 | (patch))
#define MEMLANE_VERSION_NUMBER	\
	MEMLANE_VERSION_OF(MEMLANE_VERSION_MAJOR, MEMLANE_VERSION_MINOR, MEMLANE_VERSION_PATCH)

/* Each of these is a symbol of the library too, for languages that have no C headers. */
#ifndef MEMLANE_INLINE
#define MEMLANE_INLINE	static inline
#endif

/**
 * typedef memlane_handle - names an object; 0 names none
 */
typedef uint64_t memlane_handle;

struct memlane;

/**
 * memlane_version - which library the program runs with
 *
 * The shared library may be newer than the header that the program was compiled with:
 * MEMLANE_VERSION_NUMBER is the header's.
 *
 * Return: a number like MEMLANE_VERSION_OF(1, 1, 0).
 */
MEMLANE_API uint32_t memlane_version(void);

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
 *	is run by a thread of the library, so that it is seen, except for what is given
 *	back when the system is short of memory; false
 * @aged: for tests: handles are nearly used up, as after years of use; false
 * @report: gets the reports of @guard and @report_leaks; NULL: stderr
 * @report_arg: for @report
 * @decay: seconds that pages which nobody uses are kept, to be used again without a call
 *	to the system. They go back at once where memory is short, at a lane's limit and
 *	by memlane_compact(). Without background maintenance (@policy_check_interval 0)
 *	no page is kept, unless MEMLANE_OPT_DECAY is set; 0: none is; up to 3600; 1
 * @no_core_dump: a core dump of the process leaves out what objects hold. Otherwise it
 *	has that and the handle table; of the module's pages, what was put away is brought
 *	back for it. false
 * @guard_moves: finds addresses that are kept past their section or pin: each object whose
 *	address a section was given moves at the end of that section, to another place of its
 *	lane, and after its last pin; a use of the old place ends the program by SIGSEGV or
 *	SIGBUS. Objects have pages of their own, and a section's end a system call. The
 *	policy works as ever. false
 * @__reserved3: must be 0
 * @name: what people who look at the arena see beside the process: up to 31 characters of
 *	printable ASCII, no quotation marks or backslashes; is copied. NULL: no name
 * @backing_fd: a file that takes what memlane_store() puts there, as for
 *	memlane_set_backing(); -1: none; -1
 * @cold_age: ageing periods (@age_interval) without a use after which maintenance puts what
 *	is in the SlowLane away, as memlane_cool() does; longer while much of it comes back
 *	soon; 1 to 4; 0: never. The local backend puts nothing away. 0
 * @backing_max: bytes of it that may be used, as for memlane_set_backing_max(); 0
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
	const char *name;
	int32_t backing_fd;
	uint32_t cold_age;
	uint64_t backing_max;
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
 * @config: to be filled: the defaults, except for what the preset changes
 * @preset: enum memlane_preset
 *
 * Return: 0; -EINVAL: no such preset.
 */
MEMLANE_INLINE int memlane_config_preset(struct memlane_config *config, int preset)
{
	return memlane_config_preset_sized(config, preset, sizeof(*config));
}

/* ------------------------------------------------------------- arena ---- */

/**
 * memlane_open - make an arena
 * @out: the arena
 * @config: NULL: defaults
 *
 * Return: 0; -EINVAL: memlane_config_check() says what is wrong, or
 * MEMLANE_BACKEND is neither module nor local, or MEMLANE_GUARD has an unknown word; -ENOENT, -EACCES: no
 * /dev/memlane, or no right to it, and the module was insisted on; -EMFILE, -ENFILE: no
 * descriptor for /dev/memlane, which is there; -EPROTO:
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
 * @allocs to @waits, except for threads that have left.
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
 * library's: it is not to be closed, and dup() of it has no FD_CLOEXEC. An arena whose
 * file nobody asked for ends with memlane_close(), or with its process, whatever children
 * have inherited. From this call on it ends when all have closed the file.
 *
 * Return: a descriptor; -EOPNOTSUPP: the arena has no file (MEMLANE_CAP_SHARE);
 * -EOWNERDEAD: in a child, when the arena has ended with its maker; -EBADFD: the program
 * has closed the library's descriptor.
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
 * memlane_name - what the arena is called
 * @m: arena
 *
 * Return: config.name of the process that made it, good until memlane_close(); "": it has
 * none.
 */
MEMLANE_API const char *memlane_name(const struct memlane *m);

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

/* ----------------------------------------------------------- objects ---- */

/* struct memlane_alloc_opts.flags */
#define MEMLANE_ZERO		(1U << 0)	/* bytes are cleared */
#define MEMLANE_NO_SPILL	(1U << 1)	/* the wanted lane or -ENOSPC */

/* The tag of what memlane_frame_alloc() gives out. */
#define MEMLANE_TAG_FRAME	0xffffU

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
 * grows. Before -ENOSPC the stock of all threads is taken back, all lanes that could serve
 * are compacted, and purgeable objects dropped. Nothing is moved for it inside a section.
 *
 * Return: 0; -EINVAL: size or a wish out of range; -EOPNOTSUPP: unknown flag or
 * reserved member; -ENOSPC: no room in the lane, or no handle left; -ENOMEM;
 * -EUSERS: too many threads.
 */
MEMLANE_API int memlane_alloc_with(struct memlane *m, uint64_t size,
				   const struct memlane_alloc_opts *opts,
				   memlane_handle *out);

/**
 * memlane_zalloc - make an object of zeros
 * @m: arena
 * @size: bytes, 1 to MEMLANE_SIZE_MAX
 *
 * As memlane_alloc_with() with MEMLANE_ZERO.
 *
 * Return: its handle, or 0: memlane_alloc_with() tells why.
 */
MEMLANE_API memlane_handle memlane_zalloc(struct memlane *m, uint64_t size);

/**
 * memlane_strdup - make an object of a string
 * @m: arena
 * @s: is copied, with the 0 at its end; where it is in an object itself, the caller is in a
 *	section or has a pin
 *
 * Return: its handle, or 0: memlane_alloc_with() tells why.
 */
MEMLANE_API memlane_handle memlane_strdup(struct memlane *m, const char *s);

/**
 * memlane_strndup - make an object of the beginning of a string
 * @m: arena
 * @s: as for memlane_strdup(); may lack the 0 at its end
 * @n: so many bytes of it at most, and a 0 behind them
 *
 * Return: its handle, or 0: memlane_alloc_with() tells why.
 */
MEMLANE_API memlane_handle memlane_strndup(struct memlane *m, const char *s, size_t n);

/**
 * memlane_resize - give an object another size
 * @m: arena
 * @h: handle; stays what it is
 * @size: bytes, 1 to MEMLANE_SIZE_MAX
 *
 * Up to the smaller size its bytes are kept; those behind are any. Where the object is has
 * room for up to 6 % more, or for what its last page has; there it stays, pinned or not, and
 * also when it shrinks to no less than half of that room, or in a section. Otherwise it
 * moves, in its lane if that has room: whole pages are handed over, where they can be. It
 * is aligned to 16 bytes then, to a page if it is larger than MEMLANE_BLOCK_MAX.
 *
 * Tag, group, hints and priority stay. Resize only objects that no other thread uses: one
 * that reads or frees it at the same time meets one of the two sizes, and may get -EBUSY.
 *
 * Return: 0; -EINVAL: size out of range; -EDEADLK: it has to move, and the caller is in a
 * section; -EBUSY: it has to move, and is pinned; -EAGAIN: it is in use, try again; -ENOSPC;
 * -ENOMEM; -ESTALE, -EXDEV, -EBADF, -ENODATA; -EOPNOTSUPP: an arena that is checked or
 * tracked; -EOVERFLOW: pinned MEMLANE_PIN_MAX times; -EUSERS; -EOWNERDEAD. Nothing has
 * changed then.
 */
MEMLANE_API int memlane_resize(struct memlane *m, memlane_handle h, uint64_t size);

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
 * A live object is LIVE if all of it is at hand. With the module it may be COMPRESSED, STORED
 * or LOST, in whole or in part, and LOST comes before STORED before COMPRESSED. A touch brings
 * back what is compressed or stored. This takes a system call where an arena has put
 * something away, or the handle is stale; otherwise none.
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
 * memlane_usable_size - bytes that the object has room for
 * @m: arena
 * @h: handle
 *
 * All of them may be written at the address that memlane_get() gives, and go along when the
 * object moves. memlane_size() and the bounds of memlane_try_get() stay what was asked for.
 *
 * Return: bytes, at least memlane_size(), and the same in checking mode and under memcheck or
 * AddressSanitizer; 0: the handle is bad.
 */
MEMLANE_API uint64_t memlane_usable_size(struct memlane *m, memlane_handle h);

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

/*
 * Calls that move may be bounded, and say what they have done, by a struct memlane_step. The
 * program clears it and sets its limits:
 *	max_bytes		most bytes to copy; 0: no limit
 *	max_ns			time limit; each part may run one batch past it; 0: no limit
 * and finds there afterwards, also when the call has failed:
 *	out_moved, out_moved_bytes		objects copied, and their bytes
 *	out_remapped, out_remapped_pages	large objects handed over by their pages
 *	out_vetoed, out_pinned, out_held	left in place: in use, pinned, held by the kernel
 *	out_given_up		left, as a section stayed open too long
 *	out_pages_returned	given back to the system
 *	out_ns			time taken
 *	out_more		1: a limit came first; another call goes on
 */

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
 * memlane_compact - move objects together and return empty pages to the system
 * @m: arena
 * @lanes: enum memlane_lane_set; 0: both
 * @hole: stop when the lane could hold one more object of so many bytes; 0:
 *	compact fully
 * @step: NULL, or limits and what was done
 *
 * Of a FastLane, what is not used of late leaves for the SlowLane: first where it is
 * compacted fully, else where compaction alone was not good enough. Without @hole and limits
 * the caller's own stock goes back first, as by memlane_thread_flush().
 *
 * Return: 0; -EINVAL; -EDEADLK: inside a section; -ENOMEM: no memory for
 * destinations, what could be done was done.
 */
MEMLANE_API int memlane_compact(struct memlane *m, memlane_lane_set_arg lanes, uint64_t hole,
				struct memlane_step *step);

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

/* -------------------------------------------------------------- errors ---- */

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
 * except for the child of a fork, where the arena ends.
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
 * A thread's part in an arena. Used by that thread alone, except for @arena, which
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
 * Return: 0, except for the thread's first use of the arena: memlane_thread_join().
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

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
/* C++ makes an integer of any enum: of those that do not belong there nothing is made. */
#define MEMLANE_NO_LANE(wrong)									\
	int memlane_set_limit(struct memlane *m, wrong lane, uint64_t bytes) = delete;		\
	int memlane_set_max(struct memlane *m, wrong lane, uint64_t bytes) = delete;		\
	int memlane_migrate(struct memlane *m, memlane_handle h, wrong lane) = delete

#define MEMLANE_NO_LANE_SET(wrong)								\
	int memlane_compact(struct memlane *m, wrong lanes, uint64_t hole,			\
			    struct memlane_step *step) = delete

MEMLANE_NO_LANE(enum memlane_alloc_lane);
MEMLANE_NO_LANE(enum memlane_lane_set);
MEMLANE_NO_LANE_SET(enum memlane_lane);
MEMLANE_NO_LANE_SET(enum memlane_alloc_lane);

#undef MEMLANE_NO_LANE
#undef MEMLANE_NO_LANE_SET
#endif

/* These can be included by themselves, too; of several each comes once. */
#ifndef MEMLANE_SMALL
#include <memlane_move.h>
#include <memlane_cold.h>
#include <memlane_group.h>
#include <memlane_stat.h>
#include <memlane_debug.h>
#include <memlane_frame.h>
#endif

#endif /* MEMLANE_H */
