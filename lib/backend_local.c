// SPDX-License-Identifier: MIT
/*
 * backend_local.c - the engine inside the process
 *
 * The same engine as the module's, on private anonymous memory: no descriptor leads
 * to it, so that nothing a program does to its descriptors touches an arena. What the
 * kernel does for the module is done here by membarrier(), by threads of the
 * process's that run maintenance cycles (local_worker.c), and by asking whether a thread still
 * exists.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "local.h"
#include "local_small.h"
#include "local_view.h"
#include "memtool.h"
#include "names.h"
#include "table.h"

/* --------------------------------------------------------------- calls ---- */

static int show(struct local *l, unsigned int region, u64 first, u64 last)
{
	for (; first <= last; first++)
		if (!ml_shared_is_over(&l->core, region, first) &&
		    !ml_shared_page(&l->core, region, first))
			return -ENOMEM;
	return 0;
}

/*
 * A fault tells the module which pages of a region the program uses. Here the
 * engine is told before the program can use them: of every index that it has given
 * out, or it would not see that they are pinned.
 */
static int show_indices(struct local *l)
{
	uint32_t made = __atomic_load_n(&l->made, __ATOMIC_ACQUIRE);
	uint32_t last = ml_indices(&l->core);
	int err;

	if (last < made)
		return 0;
	err = show(l, MEMLANE_REGION_CLASS, made >> 12, last >> 12);
	if (!err)
		err = show(l, MEMLANE_REGION_NOTE, made >> 11, last >> 11);
	if (!err)
		err = show(l, MEMLANE_REGION_PIN, made >> 9, last >> 9);
	if (!err)
		err = show(l, MEMLANE_REGION_SIZE, made >> 9, last >> 9);
	if (err)
		return err;
	/* Up to the end of the smallest page; never back behind another thread. */
	last |= 511;
	while (made <= last &&
	       !__atomic_compare_exchange_n(&l->made, &made, last + 1, false,
					    __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
		;
	return 0;
}

/* The whole magazine, or the one in hand: it was empty, or is not missed. */
static void give_back(struct local *l, const struct memlane_refill *req)
{
	struct memlane_flush flush = {
		.size = sizeof(flush),
		.slot = req->slot,
		.lane = req->out_lane,
		.cls = req->out_class,
	};

	ml_flush(&l->core, &flush);
}

static int local_refill(struct local *l, struct memlane_refill *req)
{
	int err = ml_refill(&l->core, req);

	if (err)
		return err;
	err = show_indices(l);
	if (err)
		give_back(l, req);
	return err;
}

static int local_register(struct local *l, struct memlane_register *req)
{
	u64 first;
	int err = ml_register(&l->core, req);

	if (err)
		return err;
	first = (u64)req->slot * ML_SLOT_PAGES;
	err = show(l, MEMLANE_REGION_SLOTS, first, first + ML_SLOT_PAGES - 1);
	if (err) {
		ml_unregister(&l->core, req);
		return err;
	}
	__atomic_store_n(&l->tid[req->slot], gettid(), __ATOMIC_RELEASE);
	return 0;
}

static int local_set(struct local *l, struct memlane_set *req)
{
	bool pace = req->option == MEMLANE_OPT_POLICY_INTERVAL;
	bool by_thread = pace || req->option == MEMLANE_OPT_DECAY;
	int err = by_thread && req->value ? local_worker_start(l) : 0;

	if (!err)
		err = ml_set(&l->core, req);
	if (!err && pace)
		local_worker_pace(l, req->value);
	return err;
}

static int local_compact(struct local *l, struct memlane_compact *req)
{
	return req->flags & MEMLANE_ASYNC ? local_queue_compact(l, req) : ml_compact(&l->core, req);
}

static int local_migrate(struct local *l, struct memlane_migrate *req)
{
	if (req->flags & MEMLANE_ASYNC)
		return local_queue_migrate(l, req);
	return ml_migrate(&l->core, req, (u64 *)(uintptr_t)req->handles,
			  (s32 *)(uintptr_t)req->results);
}

/* Nothing is put away here, and there is no file; what is no object is told as elsewhere. */
static int local_cool(struct local *l, struct memlane_cool *req)
{
	if (req->flags & MEMLANE_COOL_STORE)
		return -ENXIO;
	return ml_cool(&l->core, req, (u64 *)(uintptr_t)req->handles);
}

static int local_warm(struct local *l, struct memlane_cool *req)
{
	if (req->flags & MEMLANE_ASYNC)
		return local_queue_warm(l, req);
	return ml_warm(&l->core, req, (u64 *)(uintptr_t)req->handles);
}

static int local_stat(struct local *l, struct memlane_stat *req)
{
	local_pages_count(l);
	return ml_stat(&l->core, req);
}

static int dispatch(struct local *l, unsigned int cmd, void *req)
{
	struct memlane_blockers *blockers = req;
	struct ml_arena *a = &l->core;

	switch (cmd) {
	case MEMLANE_CMD_REGISTER:
		return local_register(l, req);
	case MEMLANE_CMD_UNREGISTER:
		return ml_unregister(a, req);
	case MEMLANE_CMD_REFILL:
		return local_refill(l, req);
	case MEMLANE_CMD_FLUSH:
		return ml_flush(a, req);
	case MEMLANE_CMD_COMPACT:
		return local_compact(l, req);
	case MEMLANE_CMD_MIGRATE:
		return local_migrate(l, req);
	case MEMLANE_CMD_QUERY:
		return ml_query(a, req);
	case MEMLANE_CMD_STAT:
		return local_stat(l, req);
	case MEMLANE_CMD_MAINTAIN:
		return ml_maintain(a, req);
	case MEMLANE_CMD_WAIT:
		return ml_wait(a, req);
	case MEMLANE_CMD_SET:
		return local_set(l, req);
	case MEMLANE_CMD_GET:
		return ml_get(a, req);
	case MEMLANE_CMD_COST:
		return ml_cost(a, req);
	case MEMLANE_CMD_COOL:
		return local_cool(l, req);
	case MEMLANE_CMD_WARM:
		return local_warm(l, req);
	case MEMLANE_CMD_SET_BACKING:
		return -EOPNOTSUPP;
	case MEMLANE_CMD_BLOCKERS:
		return ml_blockers(a, req, (void *)(uintptr_t)blockers->records);
	default:
		return -ENOTTY;
	}
}

/*
 * The kernel's mutexes see to it that everybody has a turn. These do not: who calls
 * again at once has arena.mover again before those who wait for it are awake. A thread
 * that compacts in a loop kept others from moving anything for minutes.
 */
static int take_turns(struct local *l, unsigned int cmd, void *req)
{
	const struct timespec moment = { .tv_nsec = 50000 };
	int err;

	__atomic_add_fetch(&l->movers, 1, __ATOMIC_RELAXED);
	err = dispatch(l, cmd, req);
	if (__atomic_sub_fetch(&l->movers, 1, __ATOMIC_RELAXED))
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
	return err;
}

static bool takes_mover(unsigned int cmd)
{
	return cmd == MEMLANE_CMD_COMPACT || cmd == MEMLANE_CMD_MIGRATE ||
	       cmd == MEMLANE_CMD_MAINTAIN || cmd == MEMLANE_CMD_BLOCKERS ||
	       cmd == MEMLANE_CMD_COOL;
}

static int local_call(struct memlane *m, unsigned int cmd, void *req)
{
	int saved = errno, was = cancel_hold(), err;

	__atomic_add_fetch(&m->local->calls, 1, __ATOMIC_RELAXED);
	err = takes_mover(cmd) ? take_turns(m->local, cmd, req) : dispatch(m->local, cmd, req);
	cancel_release(was);
	errno = saved;
	return err;
}

/* --------------------------------------------------------- open, close ---- */

/* Cookies of this process's arenas; from the top down, as the module's go up. */
static u32 next_cookie(void)
{
	static u32 last;

	return MEMLANE_COOKIE_MAX -
	       __atomic_fetch_add(&last, 1, __ATOMIC_RELAXED) % MEMLANE_COOKIE_MAX;
}

/* Of this process's arenas. */
static struct ml_names names;

/*
 * Pages of the first kind are looked at only where the table has an object, of which the engine
 * has made them accessible: mlockall() maps nothing where nobody may look.
 */
static int region_prot(unsigned int region)
{
	switch (region) {
	case MEMLANE_REGION_CLASS:
	case MEMLANE_REGION_NOTE:
	case MEMLANE_REGION_PIN:
	case MEMLANE_REGION_SIZE:
		return PROT_NONE;
	default:
		return PROT_READ;
	}
}

/* The engine asks for pages of these while it begins: their sizes are told beforehand. */
static int reserve_regions(struct local *l, const struct memlane_create *req)
{
	struct memlane_region *r = l->info.out_region;
	unsigned int i;
	int err = 0;

	l->info.out_page_size = ML_PAGE_SIZE;
	l->info.out_handles = ml_arena_indices(req, l->info.out_first);
	r[MEMLANE_REGION_TABLE].length = l->info.out_handles * sizeof(u64);
	r[MEMLANE_REGION_CLASS].length = l->info.out_handles * sizeof(u8);
	r[MEMLANE_REGION_NOTE].length = l->info.out_handles * sizeof(u16);
	r[MEMLANE_REGION_PIN].length = l->info.out_handles * sizeof(u64);
	r[MEMLANE_REGION_SIZE].length = l->info.out_handles * sizeof(u64);
	r[MEMLANE_REGION_SLOTS].length = req->threads * ML_SLOT_SIZE;
	r[MEMLANE_REGION_STAT].length =
		MEMLANE_TALLY_OFFSET + MEMLANE_TALLIES * sizeof(struct memlane_tally);
	if (l->is_small)
		return small_init(l, req->threads);
	for (i = 0; !err && i < MEMLANE_REGION_DATA; i++) {
		err = region_reserve_at(region_reserve(&l->info, i), region_prot(i), &l->region[i]);
		if (!err && region_prot(i) != PROT_NONE)
			zeros_advise(l->region[i], region_reserve(&l->info, i));
	}
	if (err)
		return err;
	return table_advise(l->region[MEMLANE_REGION_TABLE],
			    region_reserve(&l->info, MEMLANE_REGION_TABLE));
}

static void unmap_all(struct local *l)
{
	unsigned int i;

	for (i = 0; i < MEMLANE_REGIONS; i++)
		if (l->region[i])
			munmap(l->region[i], region_reserve(&l->info, i));
	small_exit(l);
}

static void local_free(struct local *l)
{
	events_exit(&l->events);
	local_heap_exit(&l->heap);
	free(l->tid);
	free(l);
}

static struct local *local_new(const struct memlane_create *req)
{
	struct local *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->tid = calloc(req->threads, sizeof(*l->tid));
	if (!l->tid) {
		free(l);
		return NULL;
	}
	local_heap_init(&l->heap);
	events_init(&l->events);
	local_worker_init(l);
	return l;
}

static int begin_core(struct local *l, const struct memlane_create *req)
{
	u64 capabilities = MEMLANE_CAP_REAP | MEMLANE_CAP_EVENTS;
	int err = local_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	const struct ml_ops *ops = l->tool ? local_ops_tell(&l->ops) : &local_ops;
	u32 cookie = next_cookie(), own = ml_arena_own(req);
	u32 first = ml_names_take(&names, cookie, own, ml_arena_reach(req));

	l->info.out_first = first;
	if (!err)
		err = reserve_regions(l, req);
	if (!err)
		err = ml_arena_init(&l->core, ops, cookie, first, capabilities, req);
	if (err)
		ml_names_give(&names, cookie, first + own, first);
	return err;
}

/* Handles of this arena are nobody's, but the indices it has not used are the next one's. */
static void exit_core(struct local *l)
{
	ml_names_give(&names, l->core.cookie, l->core.table.own_end, l->core.table.top);
	ml_arena_exit(&l->core);
}

static int local_open(struct memlane *m, struct memlane_create *req)
{
	struct local *l = local_new(req);
	int err;

	if (!l)
		return -ENOMEM;
	if (m->told)
		l->tool = memtool_new(m);
	l->dumped = !m->no_core_dump;
	l->hides = m->guard_moves;
	l->is_small = m->is_small;
	err = begin_core(l, req);
	if (err)
		goto unmap;
	ml_info(&l->core, &l->info);
	err = local_pages_init(l);
	if (err)
		goto exit_pages;
	m->info = l->info;
	memcpy(m->region, l->region, sizeof(m->region));
	if (l->is_small)
		small_tell(l, m);
	m->local = l;
	local_view_add(l);
	m->tool = l->tool;
	return 0;

exit_pages:
	local_pages_exit(l);
	exit_core(l);
unmap:
	unmap_all(l);
	memtool_end(l->tool);
	local_free(l);
	return err;
}

static void local_close(struct memlane *m)
{
	struct local *l = m->local;

	local_view_remove(l);
	local_worker_stop(l);
	local_pages_exit(l);
	exit_core(l);
	unmap_all(l);
	memtool_end(l->tool);
	local_free(l);
}

/*
 * The child has a copy of the engine's description, in a state that may be that
 * of the middle of a call: it is left alone. The memory is the parent's only.
 */
static void local_disown(struct memlane *m)
{
	events_disown(&m->local->events);
}

static int local_event_fd(struct memlane *m)
{
	return events_fd(&m->local->events);
}

static int local_take_event(struct memlane *m, void *record, size_t room)
{
	if (room < sizeof(struct memlane_event))
		return -EINVAL;
	return events_take(&m->local->events, record) ? sizeof(struct memlane_event) : 0;
}

const struct backend backend_local = {
	.kind = MEMLANE_BACKEND_LOCAL,
	.has_small = true,
	.open = local_open,
	.close = local_close,
	.disown = local_disown,
	.call = local_call,
	.event_fd = local_event_fd,
	.take_event = local_take_event,
};
