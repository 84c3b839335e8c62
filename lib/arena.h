/* SPDX-License-Identifier: MIT */
/*
 * arena.h - what the library keeps of an arena and of a thread's part in it
 *
 * The state of the whole process is: memlane_self (one pointer a thread), what the
 * system refused a thread last (refusal.h), a
 * pthread key, tables of size classes (classes.c), and the counter of the local backend's cookies.
 *
 * Locks: registry.lock, tasks.lock and watch.lock, of which none is taken under
 * another but watch.lock under registry.lock. The registry's is held over REGISTER's end and UNREGISTER, so
 * that an arena cannot be closed in between, and while the counters of all
 * threads are added up.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

#include <memlane.h>

#include "classes.h"

struct backend;
struct name;
struct tally;
struct thread;
struct watch;

/* As the engine's headers have them, which the local backend sees too. */
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

/**
 * struct registry - the threads of this process that take part in an arena
 * @lock: protects @arena and @threads
 * @refs: the arena and each thread hold one; atomic
 * @arena: NULL once closed
 * @threads: linked by thread.peer
 *
 * Outlives the arena, so that a thread may end at any time.
 */
struct registry {
	pthread_mutex_t lock;
	unsigned int refs;
	struct memlane *arena;
	struct thread *threads;
};

#define FRAME_CHUNKS	24

/* A pinned object that scratch of frames is cut from; @used: when it was the last one. */
struct chunk {
	memlane_handle handle;
	unsigned char *base;
	unsigned char *used;
	unsigned char *end;
};

/**
 * struct frames - scratch of a thread; its own
 * @nr: chunks in use
 * @have: chunks there are, @nr at least
 * @at: in the last chunk in use: what comes next, as far as frame.c has seen. Outside
 *	of frames the base of the first chunk
 * @since: when the first chunk was made, ns
 * @chunk: the first ones are the oldest
 */
struct frames {
	uint32_t nr;
	uint32_t have;
	unsigned char *at;
	uint64_t since;
	struct chunk chunk[FRAME_CHUNKS];
};

/**
 * struct tasks - migrations in the background
 * @lock: protects @nr
 * @none: @nr is 0
 * @nr: under way
 */
struct tasks {
	pthread_mutex_t lock;
	pthread_cond_t none;
	unsigned int nr;
};

/* Bytes that were asked for, and the class of the place. */
struct extent {
	uint64_t size;
	uint32_t cls;
};

#define NOBODYS (1U << 16)

/**
 * struct thread - one thread's part in one arena
 * @self: what the inline functions use; first. @self.arena is cleared under
 *	registry.lock, everything else is the thread's own
 * @next: other parts of this thread: see section.c; the thread's own
 * @peer: other threads of this arena; registry.lock
 * @reg: immutable
 * @slot: immutable
 * @number: of @slot, immutable
 * @mag: of @slot, by lane: the first one, see mag_of(); immutable
 * @made: its notes without slack, for what it makes; immutable
 * @own: the same, or NOBODYS where that is 0: no note is that; immutable
 * @tid: of the thread, as it stands in @slot; immutable
 * @spilled: by class, after a refill for the FastLane that came from the SlowLane: how
 *	often its stock may still serve before the FastLane is looked at again
 * @room: by class, of the FastLane when it was full last
 * @last: by class: a magazine with more is trimmed
 * @allocs_when_full: objects that it had made when one was trimmed last
 * @tally: of @slot, or NULL: see watch.h
 * @given: what this section was given addresses of, where that matters: see moves.c
 * @nr_given: how many
 * @room_given: how many fit there
 * @frames: scratch memory
 */
struct thread {
	struct memlane_self self;
	struct thread *next;
	struct thread *peer;
	struct registry *reg;
	struct memlane_slot *slot;
	unsigned char *mag[MEMLANE_LANES];
	uint32_t number;
	uint32_t own;
	uint16_t made;
	uint32_t tid;
	uint8_t spilled[MEMLANE_CLASSES_MAX];
	uint32_t room[MEMLANE_CLASSES_MAX];
	uint8_t last[MEMLANE_CLASSES_MAX];
	uint64_t allocs_when_full;
	struct tally *tally;
	memlane_handle *given;
	uint32_t nr_given;
	uint32_t room_given;
	struct frames frames;
};

/**
 * struct memlane - an arena; immutable from open to close, except for @hot in the child of
 * a fork, and what is said to be atomic
 * @hot: what the inline functions use; first
 * @quick_size: what memlane_alloc() does straight through: blocks up to that; 0: nothing
 * @quick_limit: @hot.limit for memlane_free(); INT64_MIN: nothing is straight through
 * @quick_top: of an entry that is clean: its cookie, and bit 63
 * @quick_slow: a good entry XOR its handle is less, if its place is the FastLane's
 * @classes: size classes, by which notes and magazines go
 * @mag_stride: bytes from one magazine to the next
 * @nr_classes: of @classes
 * @is_small: @hot.table is nobody's, and of the regions only the data area is an array: see small_word()
 * @cookie: as it stands in handles
 * @buried: in the child of a fork: nothing is touched any more
 * @first: where its indices begin
 * @cls: classes, by index
 * @note: notes, by index
 * @pin: pin words, by index
 * @size: size words, by index
 * @stat: the read-only page
 * @slots: the first slot
 * @fast_end: first granule that is not the FastLane's
 * @threshold: objects of so many bytes are born in the SlowLane; atomic
 * @easy_size: larger objects take the long way through alloc; 0: all do
 * @hard_free: handles up to this take the long way through free: 0, or all
 * @watch: of an arena that is checked or tracked, or NULL
 * @names: of tags, or NULL; atomic
 * @ticks: frames so far; atomic
 * @frames_per_cycle: maintenance every so many @ticks; 0: none
 * @no_core_dump: as configured
 * @guard_moves: as well
 * @told: objects are told to a tool that checks memory, where the backend can
 * @tool: that is so: see memtool.c; or NULL
 * @event_size: bytes of the backend's records of events; 0: not known yet; atomic
 * @tasks: it has a lock of its own
 * @sizes: protects size words of live objects: see resize.c
 * @info: layout
 * @region: where the regions are
 * @leaves: of a small arena, where pages of the table and what else is by index are: by LEAF_PAGES
 * @slot: of a small arena, where each is, or NULL; atomic
 * @reg: its threads
 * @owner: the process that opened it
 * @backend: who owns the pages
 * @fd: of the device backend
 * @device: that @fd is a file of
 * @zeros: of the device backend: as long as the table's region, for the child of a fork
 * @local: of the local backend
 */
struct memlane {
	struct memlane_hot hot;
	uint64_t quick_size;
	int64_t quick_limit;
	uint64_t quick_top;
	uint64_t quick_slow;
	const struct classes *classes;
	size_t mag_stride;
	uint32_t nr_classes;
	uint32_t cookie;
	uint32_t first;
	bool buried;
	bool is_small;
	uint8_t *cls;
	uint16_t *note;
	uint64_t *pin;
	uint64_t *size;
	const struct memlane_stat_page *stat;
	unsigned char *slots;
	uint64_t fast_end;
	uint64_t threshold;
	uint64_t easy_size;
	uint64_t hard_free;
	struct watch *watch;
	struct name **names;
	uint64_t ticks;
	uint32_t frames_per_cycle;
	bool no_core_dump;
	bool guard_moves;
	bool told;
	struct memtool *tool;
	uint32_t event_size;
	struct tasks tasks;
	pthread_mutex_t sizes;
	struct memlane_info info;
	void *region[MEMLANE_REGIONS];
	void *const *const *leaves[MEMLANE_REGIONS];
	void *const *slot;
	struct registry *reg;
	pid_t owner;
	const struct backend *backend;
	int fd;
	dev_t device;
	void *zeros;
	struct local *local;
};

/* alloc.c */
int object_new(struct memlane *m, uint64_t size, const struct memlane_alloc_opts *opts,
	       memlane_handle *out);

/* arena.c */
int arena_here(struct memlane *m);
void arena_bury(struct memlane *m);
size_t region_reserve(const struct memlane_info *info, unsigned int region);
void *region_at(const struct memlane_info *info, unsigned int region, void *reserved);
void sparse_advise(void *p, size_t length);
void zeros_advise(void *p, size_t length);
int region_advise(void *p, size_t length);
int table_advise(void *p, size_t length);
int region_reserve_at(size_t length, int prot, void **p);

/* cache.c */
void cache_open(struct memlane *m);
void cache_init(const struct memlane *m, struct thread *t);
void cache_expect(struct memlane *m, struct thread *t, uint64_t size, uint32_t nr);

/* config.c */
int config_guard(struct memlane_config *own);
int config_backend(const struct memlane_config *c);
void config_request(const struct memlane_config *c, bool roomy, struct memlane_create *req);
void config_lower(const struct memlane_config *c, unsigned int halvings,
		  struct memlane_config *less);
int config_apply(const struct memlane_config *c, struct memlane *m);
void config_give(struct memlane_config *to, size_t size, const struct memlane_config *own);
int config_take(struct memlane_config *own, const struct memlane_config *c);

/* async.c */
void tasks_init(struct tasks *t);
void tasks_wait(struct tasks *t);

/* frame.c */
void frames_free(struct memlane *m, struct frames *f);
void frames_end(struct thread *t);
void frames_drop(struct memlane *m, struct thread *t);

/* free.c */
int object_end(struct memlane *m, memlane_handle h);
uint32_t free_shared_many(struct memlane *m, struct thread *t, const memlane_handle *handles,
			  uint32_t nr, int *err);

/* memory.c */
void *memory_new(size_t size);
void *memory_resize(void *p, size_t size);
void give_out(void *to, size_t size, const void *from, size_t length);

/* notes.c */
void names_exit(struct memlane *m);

/* section.c */
int registry_new(struct memlane *m);
void registry_close(struct memlane *m);
bool in_section(const struct memlane *m);
bool thread_is_in(struct memlane *m);

static inline struct thread *this_thread(void)
{
	return (struct thread *)memlane_self;
}

/* Whether the part that the thread used last is that in @m. */
static inline bool is_part(const struct thread *t, const struct memlane *m)
{
	return __atomic_load_n(&t->self.arena, __ATOMIC_RELAXED) == m;
}

/* A thread's magazine; @cls is less than @m->nr_classes. */
static inline struct memlane_mag *mag_of(const struct memlane *m, const struct thread *t,
					 unsigned int lane, size_t cls)
{
	return (struct memlane_mag *)(t->mag[lane] + cls * m->mag_stride);
}

/* False: the thread died, and its slot is another one's, perhaps another process's. */
static inline bool has_slot(const struct thread *t)
{
	return __atomic_load_n(&t->slot->thread, __ATOMIC_RELAXED) == t->tid;
}

void wait_copy(struct memlane *m, uint32_t index);
void revoke_maker(struct memlane *m, uint32_t index);

#define LEAF_PAGES 512U

/* Entries on a page of the table; arenas begin on one. */
#define PAGE_INDICES 512U

/* What was never made of a small arena: nobody writes there. */
extern const uint64_t small_nothing[16];

/* Word @nr of a region of a small arena, of @per a page. The loads pair with the engine's releases. */
static inline void *small_word(const struct memlane *m, unsigned int region, uint32_t nr,
			       unsigned int per, size_t size)
{
	void *const *const *leaves = m->leaves[region];
	void *const *leaf = __atomic_load_n(&leaves[nr / per / LEAF_PAGES], __ATOMIC_ACQUIRE);
	void *page = leaf ? __atomic_load_n(&leaf[nr / per % LEAF_PAGES], __ATOMIC_ACQUIRE) : NULL;

	return page ? (char *)page + nr % per * size : (void *)small_nothing;
}

/*
 * The words of an index that can be looked up: see handle_check(). @small: of the arena; short
 * paths have one way for each.
 */
static inline uint64_t *entry_of(const struct memlane *m, uint32_t index, const bool small)
{
	if (likely(!small))
		return &m->hot.table[index];
	return small_word(m, MEMLANE_REGION_TABLE, index - m->first, 512, sizeof(uint64_t));
}

static inline uint8_t *class_word(const struct memlane *m, uint32_t index, const bool small)
{
	if (likely(!small))
		return &m->cls[index];
	return small_word(m, MEMLANE_REGION_CLASS, index - m->first, 4096, sizeof(uint8_t));
}

static inline uint16_t *note_word(const struct memlane *m, uint32_t index, const bool small)
{
	if (likely(!small))
		return &m->note[index];
	return small_word(m, MEMLANE_REGION_NOTE, index - m->first, 2048, sizeof(uint16_t));
}

static inline uint64_t *pin_of(const struct memlane *m, uint32_t index, const bool small)
{
	if (likely(!small))
		return &m->pin[index];
	return small_word(m, MEMLANE_REGION_PIN, index - m->first, 512, sizeof(uint64_t));
}

static inline uint64_t *size_word(const struct memlane *m, uint32_t index, const bool small)
{
	if (likely(!small))
		return &m->size[index];
	return small_word(m, MEMLANE_REGION_SIZE, index - m->first, 512, sizeof(uint64_t));
}

static inline uint64_t *entry_at(const struct memlane *m, uint32_t index)
{
	return entry_of(m, index, m->is_small);
}

static inline uint8_t *class_at(const struct memlane *m, uint32_t index)
{
	return class_word(m, index, m->is_small);
}

static inline uint16_t *note_at(const struct memlane *m, uint32_t index)
{
	return note_word(m, index, m->is_small);
}

static inline uint64_t *pin_at(const struct memlane *m, uint32_t index)
{
	return pin_of(m, index, m->is_small);
}

static inline uint64_t *size_at(const struct memlane *m, uint32_t index)
{
	return size_word(m, index, m->is_small);
}

/* NULL: it was never made. */
static inline struct memlane_slot *slot_of(const struct memlane *m, uint32_t nr, const bool small)
{
	if (unlikely(small))
		return __atomic_load_n(&m->slot[nr], __ATOMIC_ACQUIRE);
	return (void *)(m->slots + (size_t)nr * m->info.out_slot_size);
}

/*
 * A handle gone stale may be looked at while its index begins another life: what
 * this says is good only for an entry that still has the generation afterwards.
 */
static inline uint32_t class_load(const struct memlane *m, uint32_t index)
{
	return __atomic_load_n(class_at(m, index), __ATOMIC_ACQUIRE);
}

/* The pin word, for what the program says of the object. */
static inline uint64_t notes_load(const struct memlane *m, uint32_t index)
{
	return __atomic_load_n(pin_at(m, index), __ATOMIC_RELAXED);
}

static inline uint16_t note_load(const struct memlane *m, uint32_t index)
{
	return __atomic_load_n(note_at(m, index), __ATOMIC_ACQUIRE);
}

struct extent extent_of(const struct memlane *m, uint32_t index, uint32_t cls, uint16_t note);
struct extent extent_load(const struct memlane *m, uint32_t index);

static inline uint64_t size_load(const struct memlane *m, uint32_t index)
{
	return extent_load(m, index).size;
}

/*
 * Whether somebody else than the caller may end the object of this note by a plain store;
 * its index was seen live. Pairs with the engine's release: those that were are visible.
 */
static __always_inline bool note_is_biased(const struct memlane *m, uint32_t note, const bool small)
{
	uint32_t maker = memlane_note_maker(note);
	const struct memlane_slot *slot;

	if (!maker || maker > m->info.out_threads || maker - 1 == this_thread()->number)
		return false;
	slot = slot_of(m, maker - 1, small);
	return slot && __atomic_load_n(&slot->shared, __ATOMIC_ACQUIRE) != MEMLANE_SHARED_REVOKED;
}

static __always_inline bool maker_is_biased(const struct memlane *m, uint32_t index, const bool small)
{
	return note_is_biased(m, __atomic_load_n(note_word(m, index, small), __ATOMIC_RELAXED), small);
}

/* Sequentially consistent: a pin looks here after it has raised its count. */
static inline uint64_t entry_load(const struct memlane *m, uint32_t index)
{
	return __atomic_load_n(entry_at(m, index), __ATOMIC_SEQ_CST);
}

/* How often the object is pinned; pairs with pin's load of the entry. */
static inline uint64_t pins(const struct memlane *m, uint32_t index)
{
	return __atomic_load_n(pin_at(m, index), __ATOMIC_SEQ_CST) & MEMLANE_PIN_COUNT_MASK;
}

/* Leaves the word that is there in *old when it fails. */
static inline bool entry_swap(struct memlane *m, uint32_t index, uint64_t *old, uint64_t new)
{
	return __atomic_compare_exchange_n(entry_at(m, index), old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

static inline void *loc_data(const struct memlane *m, uint64_t loc)
{
	return m->hot.data + (loc << MEMLANE_GRANULE_SHIFT);
}

static inline unsigned int loc_lane(const struct memlane *m, uint64_t loc)
{
	return loc >= m->fast_end ? MEMLANE_SLOW : MEMLANE_FAST;
}

static inline void *entry_data(const struct memlane *m, uint32_t index, uint64_t e)
{
	return loc_data(m, memlane_entry_loc(e, index));
}

static inline unsigned int entry_lane(const struct memlane *m, uint32_t index, uint64_t e)
{
	return loc_lane(m, memlane_entry_loc(e, index));
}

/* Where an object without wishes is born. */
static inline uint32_t lane_for(const struct memlane *m, uint64_t size)
{
	uint64_t threshold = __atomic_load_n(&m->threshold, __ATOMIC_RELAXED);

	return size < threshold ? MEMLANE_FAST : MEMLANE_SLOW;
}

/* Indices that were ever given out; the first of them is @first + 1. */
static inline uint32_t indices_given(const struct memlane *m)
{
	return __atomic_load_n(&m->stat->counts.indices, __ATOMIC_RELAXED);
}

/* Behind the last one. An entry before it that is 0 is on a page that was given back. */
static inline uint64_t indices_end(const struct memlane *m)
{
	return (uint64_t)m->first + 1 + indices_given(m);
}

/*
 * Does this entry name the object that the handle does, which passed handle_check()? 0,
 * -ESTALE, -EBADF, -ENODATA.
 */
static __always_inline int entry_check(uint64_t e, memlane_handle h)
{
	uint32_t gen = memlane_entry_gen(e);

	/* Its generations are used up, and its page may be gone. */
	if (!gen)
		return -ESTALE;
	if (memlane_handle_gen(h) > gen)
		return -EBADF;
	if (memlane_handle_gen(h) != gen)
		return -ESTALE;
	if (memlane_entry_state(e) == MEMLANE_ENTRY_PURGED)
		return -ENODATA;
	return memlane_entry_is_live(e) ? 0 : -ESTALE;
}

/* handle.c */
int handle_check(const struct memlane *m, memlane_handle h);
bool entry_is_ended(uint64_t e, memlane_handle h);
int entry_find(struct memlane *m, memlane_handle h, uint64_t *e);
int handle_look(struct memlane *m, memlane_handle h, uint64_t *e);

/* pin.c */
int pin_unused(struct memlane *m, memlane_handle h);

/* A thread that is cancelled in a system call would leave its locks behind: it waits. */
static inline int cancel_hold(void)
{
	int was;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	return was;
}

static inline void cancel_release(int was)
{
	pthread_setcancelstate(was, NULL);
}

/*
 * A counter that other threads of the process read. Compilers make three instructions of
 * the load and the store.
 */
static inline void count(__u64 *counter, uint64_t n)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	__asm__("addq %1, %0" : "+m"(*counter) : "re"(n) : "cc");
#else
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
#endif
}

#endif /* LIB_ARENA_H */
