// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* arena.c - making and ending an arena */
#include <linux/minmax.h>
#include <linux/string.h>

#include "blocker.h"
#include "depot.h"
#include "lane.h"
#include "names.h"
#include "option.h"
#include "policy.h"
#include "slot.h"
#include "stat.h"
#include "table.h"
#include "vec.h"

#define LANE_MIN	(64ULL << 10)
#define HANDLES_DEFAULT	(16ULL << 20)
#define HANDLES_MAX	(1ULL << 30)
#define INDICES_MIN	(16ULL << 20)
#define INDICES_LONG	(2729ULL << 20)	/* of 2^20 - 1 generations: 3 x 10^15 handles */
#define INDICES_AGED	(3ULL * ML_INDEX_BLOCK)	/* MEMLANE_CREATE_AGED: the end of all is near, too */
#define THREADS_DEFAULT	1024
#define THREADS_MAX	4096
#define ML_PAGES_SPARE	(1ULL << 18)	/* 1 GiB of addresses */
#define REGION_SHIFT	44	/* regions of the file stand 16 TiB apart */

/* ------------------------------------------------------------ init, exit */

/* Each of these is 0, or not below what comes before it. */
static bool ascending(u64 size, u64 max, u64 reserve)
{
	return size >= LANE_MIN && (!max || max >= size) &&
	       (!reserve || reserve >= max(size, max));
}

/* It is printed as it is: no character of it may have a meaning for a terminal or a parser. */
static bool name_is_plain(const char *name)
{
	unsigned int i;

	for (i = 0; i < MEMLANE_NAME_SIZE && name[i]; i++)
		if (name[i] < ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	return i < MEMLANE_NAME_SIZE;
}

static int check_create(const struct memlane_create *req)
{
	u64 fast = max3(req->fast_size, req->fast_max, req->fast_reserve);
	u64 slow = max3(req->slow_size, req->slow_max, req->slow_reserve);

	if (req->flags & ~(MEMLANE_CREATE_AGED | MEMLANE_CREATE_LONG) || req->__reserved)
		return -EOPNOTSUPP;
	if (!ascending(req->fast_size, req->fast_max, req->fast_reserve) ||
	    !ascending(req->slow_size, req->slow_max, req->slow_reserve) ||
	    fast > MEMLANE_LANES_MAX || slow > MEMLANE_LANES_MAX - fast)
		return -EINVAL;
	if (req->handles > HANDLES_MAX || req->handles == 1 || req->threads > THREADS_MAX)
		return -EINVAL;
	if (!name_is_plain(req->name))
		return -EINVAL;
	return 0;
}

/* Address space for a lane: half as much again as its reserve, for fragmentation. */
static u64 lane_span(u64 reserve)
{
	u64 pages = reserve + reserve / 2 + ML_PAGES_SPARE;

	return (pages + ML_CHUNK_PAGES - 1) & ~(ML_CHUNK_PAGES - 1);
}

/* The data area's first chunk belongs to nobody: location 0 is never a place. */
static int lanes_init(struct ml_arena *a, const struct memlane_create *req)
{
	u64 fast_max = ml_pages(max(req->fast_size, req->fast_max));
	u64 slow_max = ml_pages(max(req->slow_size, req->slow_max));
	u64 fast_reserve = max(fast_max, ml_pages(req->fast_reserve));
	u64 slow_reserve = max(slow_max, ml_pages(req->slow_reserve));
	u64 fast_end = ML_CHUNK_PAGES + lane_span(fast_reserve);
	u64 end = fast_end + lane_span(slow_reserve);
	int err;

	err = ml_vec_init(a, &a->map, end, 9, ML_PRIVATE);
	if (!err)
		err = ml_lane_init(a, MEMLANE_FAST, ML_CHUNK_PAGES, fast_end,
				   ml_pages(req->fast_size), fast_max, fast_reserve);
	if (!err)
		err = ml_lane_init(a, MEMLANE_SLOW, fast_end, end,
				   ml_pages(req->slow_size), slow_max, slow_reserve);
	return err;
}

static u64 handles_of(const struct memlane_create *req)
{
	return req->handles ? req->handles : HANDLES_DEFAULT;
}

/**
 * ml_arena_own - how many indices no other arena has
 * @req: see struct memlane_create
 */
u64 ml_arena_own(const struct memlane_create *req)
{
	if (req->flags & MEMLANE_CREATE_AGED)
		return INDICES_AGED;
	return min_t(u64, max_t(u64, handles_of(req), INDICES_MIN), HANDLES_MAX);
}

/**
 * ml_arena_reach - how many indices it is to come to at least
 * @req: see struct memlane_create
 */
u64 ml_arena_reach(const struct memlane_create *req)
{
	bool is_long = req->flags & MEMLANE_CREATE_LONG && !(req->flags & MEMLANE_CREATE_AGED);

	return is_long ? max_t(u64, INDICES_LONG, ml_arena_own(req)) : ml_arena_own(req);
}

/**
 * ml_arena_indices - how many indices there are from @first on
 * @req: see struct memlane_create
 * @first: from ml_names_take(), with the two above
 */
u64 ml_arena_indices(const struct memlane_create *req, u32 first)
{
	u64 own = ml_arena_own(req);

	return ml_arena_reach(req) > own ? ML_INDEX_END - first : own;
}

static int parts_init(struct ml_arena *a, const struct memlane_create *req)
{
	int err;

	a->batch = a->ops->zalloc(a, sizeof(*a->batch));
	a->blocker = a->ops->zalloc(a, ML_BLOCKERS_SIZE);
	if (!a->batch || !a->blocker || ml_stat_init(a))
		return -ENOMEM;
	a->batch->timely = ML_BATCH;
	a->epoch = 1;
	a->stat_page->epoch = 1;
	a->table.own_end = a->table.first + ml_arena_own(req);
	err = ml_table_init(a, handles_of(req), ml_arena_indices(req, a->table.first),
			    req->flags & MEMLANE_CREATE_AGED);
	if (!err)
		err = ml_slots_init(a, req->threads ? req->threads : THREADS_DEFAULT);
	if (!err)
		err = lanes_init(a, req);
	return err;
}

/**
 * ml_arena_init - make an empty arena
 * @a: zeroed memory
 * @ops: where it runs
 * @cookie: 1 to MEMLANE_COOKIE_MAX
 * @first: where its indices begin, a multiple of 4096: ml_arena_own() of them are its own
 * @capabilities: MEMLANE_CAP_*
 * @req: see struct memlane_create
 *
 * Return: 0; -EOPNOTSUPP, -EINVAL, -ENOMEM: nothing is left behind but pages
 * that @ops->share gave.
 */
int ml_arena_init(struct ml_arena *a, const struct ml_ops *ops, u32 cookie, u32 first,
		  u64 capabilities, const struct memlane_create *req)
{
	int err = check_create(req);

	if (err)
		return err;
	a->ops = ops;
	a->cookie = cookie;
	a->table.first = first;
	a->capabilities = capabilities;
	memcpy(a->name, req->name, sizeof(a->name));
	mutex_init(&a->mover);
	mutex_init(&a->lock);
	mutex_init(&a->grow);
	a->absent = ~0U;
	ml_policy_init(&a->policy);
	mutex_lock(&a->lock);
	err = parts_init(a, req);
	if (!err)
		ml_publish(a);
	mutex_unlock(&a->lock);
	if (err)
		ml_arena_exit(a);
	return err;
}

/**
 * ml_arena_exit - free what describes an arena
 * @a: arena; nobody uses it any more
 *
 * Pages that @ops gave out are the owner's to free. Slots' threads are not
 * announced by slot_done.
 */
void ml_arena_exit(struct ml_arena *a)
{
	unsigned int lane;

	mutex_lock(&a->lock);	/* free, and what follows asserts it */
	ml_depot_exit(a);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		ml_lane_exit(a, &a->lane[lane]);
	mutex_unlock(&a->lock);
	ml_options_exit(a);
	ml_vec_exit(a, &a->stat);
	ml_vec_exit(a, &a->map);
	ml_slots_exit(a);
	ml_table_exit(a);
	if (a->batch)
		a->ops->zfree(a, a->batch, sizeof(*a->batch));
	if (a->blocker)
		a->ops->zfree(a, a->blocker, ML_BLOCKERS_SIZE);
	mutex_destroy(&a->grow);
	mutex_destroy(&a->lock);
	mutex_destroy(&a->mover);
}

/* Of @width bytes for each index. */
static u64 words_length(const struct ml_arena *a, u64 width)
{
	return ml_pages((a->table.end - a->table.first) * width) << ML_PAGE_SHIFT;
}

static u64 region_length(const struct ml_arena *a, unsigned int region)
{
	switch (region) {
	case MEMLANE_REGION_TABLE:
	case MEMLANE_REGION_PIN:
	case MEMLANE_REGION_SIZE:
		return words_length(a, sizeof(u64));
	case MEMLANE_REGION_CLASS:
		return words_length(a, sizeof(u8));
	case MEMLANE_REGION_NOTE:
		return words_length(a, sizeof(u16));
	case MEMLANE_REGION_SLOTS:
		return (u64)a->slots.nr * ML_SLOT_SIZE;
	case MEMLANE_REGION_STAT:
		return a->stat.nr * sizeof(struct memlane_tally);
	default:
		return a->lane[MEMLANE_SLOW].end << ML_PAGE_SHIFT;
	}
}

static void tell_classes(struct memlane_info *req)
{
	unsigned int cls;

	req->out_classes = ML_CLASSES;
	req->out_mag_size = ML_MAG_SIZE;
	req->out_mag_offset = ML_PAGE_SIZE;
	req->out_mag_stride = ML_MAG_STRIDE;
	memset(req->out_class_size, 0, sizeof(req->out_class_size));
	for (cls = 0; cls < ML_CLASSES; cls++)
		req->out_class_size[cls] = ml_class_size(cls);
}

/**
 * ml_info - layout and capabilities
 * @a: arena
 * @req: see struct memlane_info
 */
int ml_info(struct ml_arena *a, struct memlane_info *req)
{
	unsigned int r;

	if (req->flags || req->__reserved)
		return -EOPNOTSUPP;
	req->out_version = MEMLANE_VERSION;
	req->out_page_size = ML_PAGE_SIZE;
	req->out_capabilities = a->capabilities;
	req->out_cookie = a->cookie;
	req->out_slot_size = ML_SLOT_SIZE;
	req->out_handles = a->table.end - a->table.first;
	req->out_first = a->table.first;
	req->out_fast_end = ml_page_loc(a->lane[MEMLANE_SLOW].first);
	req->out_threads = a->slots.nr;
	req->out_id = 0;
	memcpy(req->out_name, a->name, sizeof(req->out_name));
	for (r = 0; r < MEMLANE_REGIONS; r++) {
		req->out_region[r].offset = (u64)r << REGION_SHIFT;
		req->out_region[r].length = region_length(a, r);
	}
	tell_classes(req);
	return 0;
}
