// SPDX-License-Identifier: MIT
/* arena.c - opening and closing; what an arena is, and whether it is here */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "memtool.h"
#include "watch.h"

/* Addresses that arenas have together: the smallest machine has 2^47. */
#define ROOMY	      (8ULL << 40)
#define USUAL	      (24ULL << 40)
/* Of default maxima: 1 GiB, and 256 MiB. */
#define MANY_HALVINGS 6
#define MOST_HALVINGS 8

/* ----------------------------------------------------------- layout ---- */

/* A handle may be invented: any 32 bits are looked up. */
#define TABLE_SIZE (sizeof(uint64_t) << 32)

/**
 * region_reserve - address space that a region gets
 * @info: layout
 * @region: MEMLANE_REGION_*
 *
 * The table gets enough for any index: around the region there are zeros, which are no
 * live object's. What else is by handle is looked at only where the table was.
 */
size_t region_reserve(const struct memlane_info *info, unsigned int region)
{
	uint64_t length = info->out_region[region].length;

	if (region == MEMLANE_REGION_TABLE && length < TABLE_SIZE)
		length = TABLE_SIZE;
	return (length + info->out_page_size - 1) & ~((uint64_t)info->out_page_size - 1);
}

/**
 * region_at - where a region is in the addresses that are reserved for it
 * @info: layout
 * @region: MEMLANE_REGION_*
 * @reserved: the addresses
 *
 * An entry of the table is found by its index alone.
 */
void *region_at(const struct memlane_info *info, unsigned int region, void *reserved)
{
	if (region != MEMLANE_REGION_TABLE)
		return reserved;
	return (uint64_t *)reserved + info->out_first;
}

/**
 * sparse_advise - what the system is to know of addresses that are mostly unused
 * @p: address
 * @length: bytes, whole pages
 *
 * Huge pages would make memory of what is never used, where it can be written, and a core
 * dump would be as large as the addresses.
 */
void sparse_advise(void *p, size_t length)
{
	madvise(p, length, MADV_NOHUGEPAGE);
	madvise(p, length, MADV_DONTDUMP);
}

/**
 * zeros_advise - the same for what nobody writes to: zeros to who looks there
 * @p: address
 * @length: bytes, whole pages
 *
 * mlockall() after the open maps zeros all over: by huge pages, of which there is one, in
 * milliseconds, where small ones take seconds. What is opened for writing is to be told
 * otherwise.
 */
void zeros_advise(void *p, size_t length)
{
	madvise(p, length, MADV_HUGEPAGE);
}

/**
 * region_advise - what the system is to know of a region, once it is mapped
 * @p: address
 * @length: bytes, whole pages
 *
 * The child of a fork does not get it. Return: 0 or -errno.
 */
int region_advise(void *p, size_t length)
{
	sparse_advise(p, length);
	return madvise(p, length, MADV_DONTFORK) ? refused("madvise", length, NULL, errno, errno) : 0;
}

/**
 * table_advise - the same for the table's addresses
 * @p: address
 * @length: bytes, whole pages
 *
 * memlane_get() looks there in the child, too, where no handle is good any more. That may
 * be allowed no addresses more than it has: it gets zeros with the others. Return: 0 or
 * -errno.
 */
int table_advise(void *p, size_t length)
{
	zeros_advise(p, length);
	if (madvise(p, length, MADV_DOFORK) || madvise(p, length, MADV_WIPEONFORK))
		return refused("madvise", length, NULL, errno, errno);
	return 0;
}

static void *map_nothing(size_t length, int prot)
{
	return mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * After mlockall(MCL_FUTURE) what is mapped is locked, and counts for RLIMIT_MEMLOCK
 * although it is nothing: one page is mapped, unlocked, and grows into what is wanted.
 */
static void *map_unlocked(size_t length)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *seed = map_nothing(page, PROT_NONE), *all;

	if (seed == MAP_FAILED)
		return seed;
	all = munlock(seed, page) ? MAP_FAILED : mremap(seed, page, length, MREMAP_MAYMOVE);
	if (all == MAP_FAILED)
		munmap(seed, page);
	return all;
}

/* Addresses that nothing is behind. Nobody may have them locked: that would make pages. */
static void *map_addresses(size_t length)
{
	void *all = map_nothing(length, PROT_NONE);

	if (all == MAP_FAILED && errno == EAGAIN)
		return map_unlocked(length);
	if (all != MAP_FAILED)
		munlock(all, length);
	return all;
}

/**
 * region_reserve_at - addresses for a region: zeros that take no memory
 * @length: bytes, whole pages
 * @prot: PROT_*
 * @p: gets the address, on a chunk of 2 MiB; NULL on error
 *
 * Objects are aligned in the data area, so it has to be itself. What mlockall() locks are
 * pages that are used: the addresses are mapped without access first, which nothing makes
 * pages of. memcheck looks at each byte of what gets access later, for an hour.
 * Return: 0 or -errno, -ENOMEM where the addresses cannot be had, whatever the
 * system calls that; to be unmapped also on error.
 */
int region_reserve_at(size_t length, int prot, void **p)
{
	const size_t chunk = 2 << 20;
	const bool as_it_is = memtool_is_memcheck();
	char *all, *at;

	*p = NULL;
	all = as_it_is ? map_nothing(length + chunk, prot) : map_addresses(length + chunk);
	if (all == MAP_FAILED)
		return refused("mmap", length + chunk,
			       "fast_lane_max, slow_lane_max, max_handles or max_threads (34 GiB is the least)",
			       errno, ENOMEM);
	at = (char *)(((uintptr_t)all + chunk - 1) & ~(chunk - 1));
	if (at > all)
		munmap(all, at - all);
	munmap(at + length, all + chunk - at);
	*p = at;
	if (prot != PROT_NONE && !as_it_is && mprotect(at, length, prot))
		return refused("mprotect", length, NULL, errno, ENOMEM);
	return region_advise(at, length);
}

static int lay_out(struct memlane *m)
{
	const struct memlane_info *info = &m->info;
	struct memlane_hot *hot = &m->hot;
	int err = classes_find(info, &m->classes);

	if (err)
		return err;
	m->nr_classes = m->classes->nr;
	m->mag_stride = info->out_mag_stride;
	m->first = info->out_first;
	if (!m->is_small) {
		m->cls = (uint8_t *)m->region[MEMLANE_REGION_CLASS] - m->first;
		m->note = (uint16_t *)m->region[MEMLANE_REGION_NOTE] - m->first;
		m->pin = (uint64_t *)m->region[MEMLANE_REGION_PIN] - m->first;
		m->size = (uint64_t *)m->region[MEMLANE_REGION_SIZE] - m->first;
		m->slots = m->region[MEMLANE_REGION_SLOTS];
	}
	m->stat = m->region[MEMLANE_REGION_STAT];
	m->fast_end = info->out_fast_end;
	hot->table = m->region[MEMLANE_REGION_TABLE];
	hot->data = m->region[MEMLANE_REGION_DATA];
	hot->epoch = (const uint64_t *)&m->stat->epoch;
	hot->limit = INT64_MIN;
	if (!m->is_small)
		hot->limit += info->out_region[MEMLANE_REGION_DATA].length >> MEMLANE_GRANULE_SHIFT;
	m->cookie = info->out_cookie;
	return 0;
}

/* -------------------------------------------------------------- open ---- */

/*
 * Past USUAL most of what is left goes to arenas whose table takes more than their lanes: they
 * share one that is empty.
 */
static bool is_small(const struct memlane *m, const struct memlane_config *c)
{
	return m->backend->has_small && refusal_reserved() >= USUAL &&
	       c->fast_lane_max + c->slow_lane_max <= TABLE_SIZE;
}

static int try_open(struct memlane *m, const struct memlane_config *c, bool roomy)
{
	struct memlane_create req;

	memset(m->region, 0, sizeof(m->region));
	m->is_small = is_small(m, c);
	config_request(c, roomy, &req);
	return m->backend->open(m, &req);
}

/* Every region, as it was reserved. */
static uint64_t addresses(const struct memlane *m)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = m->is_small ? MEMLANE_REGION_DATA : 0; i < MEMLANE_REGIONS; i++)
		sum += region_reserve(&m->info, i);
	return sum;
}

/*
 * Addresses that the process may not have are done without: room to raise a maximum, then
 * maxima that the program has not asked for. Other arenas and the program need some
 * too: past ROOMY no arena gets room, and past USUAL none gets the default maxima.
 */
static int try_backend(struct memlane *m, const struct backend *b, const struct memlane_config *c)
{
	uint64_t taken = refusal_reserved();
	struct memlane_config less;
	unsigned int halvings = taken < USUAL ? 0 : MANY_HALVINGS;
	int err = -ENOMEM;

	m->backend = b;
	if (taken < ROOMY)
		err = try_open(m, c, true);
	for (; err == -ENOMEM && halvings <= MOST_HALVINGS; halvings++) {
		config_lower(c, halvings, &less);
		err = try_open(m, &less, false);
	}
	return err;
}

static bool no_module(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -ENXIO || err == -EACCES ||
	       err == -EPERM;
}

static int open_backend(struct memlane *m, const struct memlane_config *c)
{
	int kind = config_backend(c), err;

	if (kind < 0)
		return kind;
	if (kind == MEMLANE_BACKEND_AUTO && m->told)
		kind = MEMLANE_BACKEND_LOCAL;
	if (kind != MEMLANE_BACKEND_LOCAL) {
		err = try_backend(m, &backend_dev, c);
		if (kind == MEMLANE_BACKEND_MODULE || !no_module(err))
			return err;
	}
	return try_backend(m, &backend_local, c);
}

/* Only a file of the module's has an arena of another process. */
static int attach_backend(struct memlane *m, int fd)
{
	m->backend = &backend_dev;
	return m->backend->attach(m, fd);
}

/* @fd: of an arena that exists, whose policy is its maker's; -1: make one */
static int set_up(struct memlane *m, const struct memlane_config *c, int fd)
{
	int err;

	m->owner = getpid();
	m->threshold = c->threshold;
	m->frames_per_cycle = c->frames_per_cycle;
	m->no_core_dump = c->no_core_dump;
	m->guard_moves = c->guard_moves;
	m->told = !c->guard && memtool_here();
	err = registry_new(m);
	if (err)
		return err;
	err = fd < 0 ? open_backend(m, c) : attach_backend(m, fd);
	if (err)
		goto close_registry;
	err = lay_out(m);
	if (err)
		goto close_backend;
	cache_open(m);
	err = watch_open(m, c);
	if (err)
		goto close_backend;
	if (c->tracking)
		err = keeper_open(m);
	if (err)
		goto close_watch;
	if (fd < 0)
		err = config_apply(c, m);
	if (err)
		goto close_keeper;
	tasks_init(&m->tasks);
	pthread_mutex_init(&m->sizes, NULL);
	return 0;

close_keeper:
	keeper_close(m);
close_watch:
	watch_close(m);
close_backend:
	m->backend->close(m);
close_registry:
	registry_close(m);
	return err;
}

static int begin(struct memlane **out, const struct memlane_config *own, int fd)
{
	struct memlane *m = memory_new(sizeof(*m));
	int saved = errno, was = cancel_hold();
	int err;

	refusal_clear();
	err = m ? set_up(m, own, fd) : -ENOMEM;
	cancel_release(was);
	errno = saved;
	if (err) {
		free(m);
		return err;
	}
	refusal_clear();
	refusal_count(addresses(m), 1);
	*out = m;
	return 0;
}

int memlane_open(struct memlane **out, const struct memlane_config *config)
{
	struct memlane_config own;
	int err = config_take(&own, config);

	*out = NULL;
	if (!err)
		err = config_guard(&own);
	return err ? err : begin(out, &own, -1);
}

int memlane_open_fd(struct memlane **out, int fd, const struct memlane_config *config)
{
	struct memlane_config own;
	int err = config_take(&own, config);

	*out = NULL;
	if (!err && fd < 0)
		err = -EBADF;
	if (!err && (own.guard || own.guard_moves || own.report_leaks || own.tracking))
		err = -EOPNOTSUPP;
	return err ? err : begin(out, &own, fd);
}

int memlane_fd(const struct memlane *m)
{
	int err = m->backend->share ? m->backend->share((struct memlane *)m) : -EOPNOTSUPP;

	return err ? err : m->fd;
}

static void end(struct memlane *m)
{
	refusal_count(-addresses(m), -1);
	if (arena_here(m)) {
		/* The registry may be locked by a thread that this child lacks. */
		watch_close(m);
		memtool_disown(m->tool);
		m->backend->disown(m);
		if (!m->is_small)
			munmap(m->hot.table, TABLE_SIZE);
	} else {
		tasks_wait(&m->tasks);
		keeper_close(m);
		watch_leaks(m);
		memtool_leaks(m->tool);
		registry_close(m);
		/* Until then queued moves go on, and look at notes where a tool is told of them. */
		m->backend->close(m);
		watch_close(m);
	}
	names_exit(m);
	free(m);
}

void memlane_close(struct memlane *m)
{
	int saved = errno, was;

	if (!m)
		return;
	was = cancel_hold();
	end(m);
	cancel_release(was);
	errno = saved;
}

/* ----------------------------------------------------------- is here ---- */

/*
 * In the child of a fork: from now on no handle is good, and nothing is touched. The table's
 * addresses have zeros: see table_advise().
 */
void arena_bury(struct memlane *m)
{
	if (m->buried)
		return;
	m->buried = true;
	m->hot.limit = INT64_MIN;
	if (m->backend->bury)
		m->backend->bury(m);
}

/* 0, or -EOWNERDEAD in a process that has not opened the arena. */
int arena_here(struct memlane *m)
{
	if (likely(__atomic_load_n(&memlane_self->arena, __ATOMIC_RELAXED) == m))
		return 0;
	if (!m->buried && m->owner == getpid())
		return 0;
	arena_bury(m);
	return -EOWNERDEAD;
}

enum memlane_backend_kind memlane_backend(const struct memlane *m)
{
	return m->backend->kind;
}

const char *memlane_name(const struct memlane *m)
{
	return m->info.out_name;
}

uint64_t memlane_capabilities(const struct memlane *m)
{
	return m->info.out_capabilities;
}

/* ----------------------------------------------------------- options ---- */

/* What the engine takes for too large for the FastLane is not to be born there. */
static void set_threshold(struct memlane *m, uint64_t bytes)
{
	__atomic_store_n(&m->threshold, bytes ? bytes : UINT64_MAX, __ATOMIC_RELAXED);
}

/*
 * A tracked arena's cycles are the library's own. The engine's thread is there for
 * shortages of memory, where the system tells of them; its own cycle never comes.
 */
static int set_keeper(struct memlane *m, uint64_t ns)
{
	struct memlane_set req = {
		.option = MEMLANE_OPT_POLICY_INTERVAL,
		.value = ns ? UINT64_MAX : 0,
	};
	int err = 0;

	if (m->info.out_capabilities & MEMLANE_CAP_SHRINKER)
		err = backend_set(m, &req);
	if (!err)
		keeper_pace(m, ns);
	return err;
}

/* As config.threshold: what is smaller must fit into the FastLane. */
static int check_threshold(struct memlane *m, uint64_t bytes)
{
	struct memlane_set req = { .option = MEMLANE_OPT_FAST_MAX };
	int err = backend_get(m, &req);

	return !err && bytes > req.value ? -EINVAL : err;
}

int memlane_set_option(struct memlane *m, uint32_t option, uint64_t value)
{
	struct memlane_set req = { .option = option, .value = value };
	int err = arena_here(m);

	if (err)
		return err;
	if (option == MEMLANE_OPT_POLICY_INTERVAL && keeper_runs(m))
		return set_keeper(m, value);
	if (option == MEMLANE_OPT_THRESHOLD)
		err = check_threshold(m, value);
	if (!err)
		err = backend_set(m, &req);
	if (!err && option == MEMLANE_OPT_THRESHOLD)
		set_threshold(m, value);
	return err;
}

int memlane_get_option(struct memlane *m, uint32_t option, uint64_t *value)
{
	struct memlane_set req = { .option = option };
	int err = arena_here(m);

	if (!err && option == MEMLANE_OPT_POLICY_INTERVAL && keeper_interval(m, value))
		return 0;
	if (option == MEMLANE_OPT_PURGEABLE)
		req.value = *value;
	if (!err)
		err = backend_get(m, &req);
	if (!err)
		*value = req.value;
	return err;
}

int memlane_set_limit(struct memlane *m, enum memlane_lane lane, uint64_t bytes)
{
	if (lane != MEMLANE_FAST && lane != MEMLANE_SLOW)
		return -EINVAL;
	return memlane_set_option(m, lane == MEMLANE_FAST ? MEMLANE_OPT_FAST_LIMIT : MEMLANE_OPT_SLOW_LIMIT, bytes);
}

int memlane_set_max(struct memlane *m, enum memlane_lane lane, uint64_t bytes)
{
	if (lane != MEMLANE_FAST && lane != MEMLANE_SLOW)
		return -EINVAL;
	return memlane_set_option(
		m, lane == MEMLANE_FAST ? MEMLANE_OPT_FAST_MAX : MEMLANE_OPT_SLOW_MAX, bytes);
}

int memlane_set_purgeable(struct memlane *m, uint16_t group, bool purgeable)
{
	return memlane_set_option(m, MEMLANE_OPT_PURGEABLE, group | (uint64_t)purgeable << 16);
}
