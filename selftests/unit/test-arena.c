// SPDX-License-Identifier: MIT
/* test-arena.c - the front door: every error of the ABI, limits, growth, queries */
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "lane.h"
#include "table.h"
#include "world.h"

static struct world *w;
static struct ml_arena *a;

static void begin(u64 fast, u64 slow)
{
	w = world_new(fast, slow);
	a = &w->arena;
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static int create(struct memlane_create req)
{
	struct world *try = calloc(1, sizeof(*try));
	int err = world_try(try, &req, true);

	if (err)
		free(try);
	else
		world_end(try);
	return err;
}

#define CREATE(...) create((struct memlane_create){			\
	.size = sizeof(struct memlane_create), .fast_size = 65536,	\
	.slow_size = 65536, ##__VA_ARGS__ })

#pragma GCC diagnostic ignored "-Woverride-init"

static void create_errors(void)
{
	expect_eq(CREATE(), 0);
	expect_eq(CREATE(.flags = 4), -EOPNOTSUPP);
	expect_eq(CREATE(.__reserved = 1), -EOPNOTSUPP);
	expect_eq(CREATE(.fast_size = 65535), -EINVAL);
	expect_eq(CREATE(.slow_size = 65535), -EINVAL);
	expect_eq(CREATE(.fast_size = 0), -EINVAL);
	expect_eq(CREATE(.fast_max = 65535), -EINVAL);
	expect_eq(CREATE(.slow_max = 65535), -EINVAL);
	expect_eq(CREATE(.fast_max = 65536, .slow_max = 65536), 0);
	expect_eq(CREATE(.fast_max = 1ULL << 43, .slow_max = 65536), -EINVAL);
	expect_eq(CREATE(.fast_max = ~0ULL), -EINVAL);
	expect_eq(CREATE(.slow_size = ~0ULL), -EINVAL);
	expect_eq(CREATE(.fast_max = ~0ULL, .slow_max = 65536), -EINVAL);
	expect_eq(CREATE(.name = "an arena's ~ name of 31 letters"), 0);
	expect_eq(CREATE(.name = "no 0 at the end of these letters"), -EINVAL);
	expect_eq(CREATE(.name = "two\nlines"), -EINVAL);
	expect_eq(CREATE(.name = "a \"quoted\" one"), -EINVAL);
	expect_eq(CREATE(.name = "a\\b"), -EINVAL);
	expect_eq(CREATE(.name = "\xc3\xa4"), -EINVAL);
	expect_eq(CREATE(.handles = 1), -EINVAL);
	expect_eq(CREATE(.handles = 2), 0);
	expect_eq(CREATE(.handles = (1ULL << 30) + 1), -EINVAL);
	expect_eq(CREATE(.threads = 4096), 0);
	expect_eq(CREATE(.threads = 4097), -EINVAL);
}

static int alloc(struct memlane_alloc req, u64 *handles)
{
	int err;

	memset(handles, 0xee, 4 * sizeof(*handles));
	err = ml_alloc(a, &req, handles);
	expect(err ? !req.out_count : req.out_count);
	return err;
}

#define ALLOC(...) alloc((struct memlane_alloc){			\
	.size = sizeof(struct memlane_alloc), .length = 100, .count = 1,	\
	.flags = MEMLANE_ALLOC_LIVE, ##__VA_ARGS__ }, handles)

static void alloc_errors(void)
{
	u64 handles[4];

	begin(256 << 10, 256 << 10);
	expect_eq(ALLOC(), 0);
	expect_eq(ALLOC(.flags = 1U << 31), -EOPNOTSUPP);
	expect_eq(ALLOC(.lane = 2), -EINVAL);
	expect_eq(ALLOC(.length = 0), -EINVAL);
	expect_eq(ALLOC(.length = MEMLANE_SIZE_MAX + 1), -EINVAL);
	expect_eq(ALLOC(.length = ~0ULL), -EINVAL);
	expect_eq(ALLOC(.length = MEMLANE_SIZE_MAX), -ENOSPC);
	expect_eq(ALLOC(.align = 3), -EINVAL);
	expect_eq(ALLOC(.align = 1 << 22), -EINVAL);
	expect_eq(ALLOC(.align = 1 << 21), 0);
	expect_eq(ALLOC(.count = 0), -EINVAL);
	expect_eq(ALLOC(.count = 4097), -EINVAL);
	expect_eq(ALLOC(.count = 2, .length = 40000), -EINVAL);
	expect_eq(ALLOC(.count = 4), 0);
	end();
}

static int end_one(u32 flags, u64 handle)
{
	struct memlane_free req = { .size = sizeof(req), .flags = flags, .count = 1 };
	int err = ml_free(a, &req, &handle);

	expect_eq(req.out_count, !err);
	return err;
}

static void free_errors(void)
{
	struct memlane_free req = { .size = sizeof(req), .count = 3, .flags = MEMLANE_FREE_LIVE };
	u64 live, stock, three[3];

	begin(256 << 10, 256 << 10);
	live = world_alloc(w, MEMLANE_FAST, 100);
	stock = world_stock(w, MEMLANE_FAST, 100);
	expect_eq(end_one(2, live), -EOPNOTSUPP);
	expect_eq(end_one(0, live), -EBUSY);
	expect_eq(end_one(MEMLANE_FREE_LIVE, live ^ 1ULL << MEMLANE_COOKIE_SHIFT), -EXDEV);
	expect_eq(end_one(MEMLANE_FREE_LIVE, live + 1000), -EBADF);
	expect_eq(end_one(MEMLANE_FREE_LIVE, live + (1ULL << MEMLANE_GEN_SHIFT)), -EBADF);
	expect_eq(end_one(MEMLANE_FREE_LIVE, 0), -EBADF);
	expect_eq(end_one(MEMLANE_FREE_LIVE, stock), -ESTALE);
	*world_pin(w, live) = MEMLANE_PIN_ONE | 0x50003;
	expect_eq(end_one(MEMLANE_FREE_LIVE, live), -EBUSY);
	*world_pin(w, live) = 0x50003;		/* a tag is no pin */
	expect_eq(end_one(MEMLANE_FREE_LIVE, live), 0);
	expect_eq(end_one(MEMLANE_FREE_LIVE, live), -ESTALE);
	expect_eq(end_one(0, stock), 0);
	expect_eq(end_one(0, stock), -EBADF);
	three[0] = world_alloc(w, MEMLANE_FAST, 100);
	three[1] = live;
	three[2] = three[0];
	expect_eq(ml_free(a, &req, three), -ESTALE);
	expect_eq(req.out_count, 1);
	req.count = 0;
	expect_eq(ml_free(a, &req, three), -EINVAL);
	req.count = (1 << 20) + 1;
	expect_eq(ml_free(a, &req, three), -EINVAL);
	end();
}

static unsigned int state(u64 handle)
{
	struct memlane_query q = world_query(w, handle);

	expect(q.out_room || !q.out_location);
	return q.out_state;
}

static void query_states(void)
{
	struct memlane_query bad = { .size = sizeof(bad), .flags = 1 };
	u64 x, y;

	begin(256 << 10, 256 << 10);
	expect_eq(ml_query(a, &bad), -EOPNOTSUPP);
	x = world_stock(w, MEMLANE_FAST, 100);
	expect_eq(state(x), MEMLANE_STATE_CACHED);
	expect_eq(end_one(0, x), 0);
	expect_eq(state(x), MEMLANE_STATE_NONE);
	x = world_alloc(w, MEMLANE_SLOW, 100);
	expect_eq(state(x), MEMLANE_STATE_LIVE);
	expect_eq(world_query(w, x).out_lane, MEMLANE_SLOW);
	expect_eq(world_query(w, x).out_room, 112);
	expect_eq(world_query(w, x).out_class, 6);
	*world_pin(w, x) = MEMLANE_PIN_ONE;
	expect_eq(state(x), MEMLANE_STATE_PINNED);
	*world_pin(w, x) = 0;
	world_free(w, x);
	expect_eq(state(x), MEMLANE_STATE_FREED);
	y = world_alloc(w, MEMLANE_SLOW, 100);
	expect_eq((u32)y, (u32)x);
	expect_eq(state(x), MEMLANE_STATE_STALE);
	expect_eq(state(x ^ 1ULL << MEMLANE_COOKIE_SHIFT), MEMLANE_STATE_FOREIGN);
	expect_eq(state(y + 77), MEMLANE_STATE_WILD);
	expect_eq(state(y + (1ULL << MEMLANE_GEN_SHIFT)), MEMLANE_STATE_WILD);
	*world_entry(w, y) |= MEMLANE_GEN_MASK;
	expect_eq(end_one(MEMLANE_FREE_LIVE, y | MEMLANE_GEN_MASK), 0);
	expect_eq(state(y), MEMLANE_STATE_RETIRED);
	expect_eq(a->table.retired, 1);
	x = world_alloc(w, MEMLANE_SLOW, 50000);
	expect_eq(world_query(w, x).out_class, MEMLANE_CLASS_BLOB);
	expect_eq(world_query(w, x).out_pages, 0);
	world_at(w, world_query(w, x).out_location, 4096);
	expect_eq(world_query(w, x).out_pages, 1);
	expect_eq(world_query(w, x).out_room, 53248);
	end();
}

/* The ladder: the lane, the other lane, growth of either, an error. */
static void ladder(void)
{
	struct memlane_create req = world_request(64 << 10, 128 << 10);
	u64 handles[4];

	w = calloc(1, sizeof(*w));
	a = &w->arena;
	req.fast_max = 128 << 10;
	req.slow_max = 256 << 10;
	expect_eq(world_try(w, &req, true), 0);
	expect_eq(ALLOC(.length = 65536), 0);
	expect_eq(a->lane[0].objects, 1);
	expect_eq(a->count.spilled, 0);
	expect_eq(ALLOC(.length = 65536), 0);
	expect_eq(a->lane[1].objects, 1);
	expect_eq(a->count.spilled, 1);
	expect_eq(a->lane[0].limit, 16);
	expect_eq(ALLOC(.length = 65536), 0);
	expect_eq(a->lane[0].objects, 2);
	expect_eq(a->lane[0].limit, 32);
	expect_eq(ALLOC(.length = 65536, .flags = MEMLANE_ALLOC_NO_SPILL), -ENOSPC);
	expect_eq(a->lane[1].limit, 32);
	expect_eq(ALLOC(.length = 65536), 0);
	expect_eq(a->lane[1].objects, 2);
	expect_eq(a->lane[1].limit, 64);
	expect_eq(ALLOC(.length = 65536), 0);
	expect_eq(ALLOC(.length = 65536), -ENOSPC);	/* the margin stays free */
	expect_eq(ALLOC(.length = 1), 0);
	end();
}

/* What cannot be served changes nothing. */
static void failure_changes_nothing(void)
{
	struct memlane_create req = world_request(64 << 10, 64 << 10);
	u64 handles[4];

	w = calloc(1, sizeof(*w));
	a = &w->arena;
	req.fast_max = 1 << 20;
	req.slow_max = 1 << 20;
	req.handles = 3;
	expect_eq(world_try(w, &req, true), 0);
	expect_eq(ALLOC(.length = 2 << 20), -ENOSPC);
	expect_eq(a->lane[0].limit + a->lane[1].limit, 32);
	expect_eq(ALLOC(), 0);
	expect_eq(ALLOC(), 0);
	expect_eq(ALLOC(), -ENOSPC);		/* no handle left */
	expect_eq(ALLOC(.length = 40000), -ENOSPC);
	expect_eq(a->lane[0].limit + a->lane[1].limit, 32);
	expect_eq(a->table.bound, 2);
	end();
}

static void undo(void)
{
	u64 handles[4], seen[4];
	int i;

	begin(256 << 10, 256 << 10);
	expect_eq(ALLOC(.count = 4), 0);
	ml_alloc_undo(a, handles, 4);
	expect_eq(a->table.bound, 0);
	ml_alloc_undo(a, handles, 4);		/* twice does no harm */
	expect_eq(state(handles[0]), MEMLANE_STATE_FREED);
	memcpy(seen, handles, sizeof(seen));
	expect_eq(ALLOC(.count = 4, .flags = MEMLANE_ALLOC_LIVE), 0);
	for (i = 0; i < 4; i++)		/* what may have been seen is not given out again */
		expect(handles[i] != seen[0] && handles[i] != seen[1] &&
		       handles[i] != seen[2] && handles[i] != seen[3]);
	ml_alloc_undo(a, seen, 4);		/* these are other objects now */
	expect_eq(a->table.bound, 4);
	expect_eq(state(handles[0]), MEMLANE_STATE_LIVE);
	end();
}

static int option(u32 which, u64 value)
{
	struct memlane_set set = { .size = sizeof(set), .option = which, .value = value };
	struct memlane_set get = { .size = sizeof(get), .option = which };
	int err = ml_set(a, &set);

	if (!err && which > MEMLANE_OPT_SLOW_LIMIT && which != MEMLANE_OPT_PURGEABLE) {
		expect_eq(ml_get(a, &get), 0);
		expect_eq(get.value, value);
	}
	return err;
}

static void options(void)
{
	static const struct { u32 which; u64 good[2], bad[2]; } range[] = {
		{ MEMLANE_OPT_FAST_LIMIT, { 0, 256 << 10 }, { (256 << 10) + 1, ~0ULL } },
		{ MEMLANE_OPT_SLOW_LIMIT, { 0, 256 << 10 }, { (256 << 10) + 1, ~0ULL } },
		{ MEMLANE_OPT_AUTO_COMPACTION, { 0, 1 }, { 2, ~0ULL } },
		{ MEMLANE_OPT_COMPACTION_THRESHOLD, { 1, 1000 }, { 0, 1001 } },
		{ MEMLANE_OPT_SLOW_USAGE_THRESHOLD, { 1, 1000 }, { 0, 1ULL << 32 | 5 } },
		{ MEMLANE_OPT_SLOW_SAFETY_MARGIN, { 0, 500 }, { 501, 1ULL << 32 } },
		{ MEMLANE_OPT_GRACE, { 1000, 10000000000 }, { 999, 10000000001 } },
		{ MEMLANE_OPT_PURGEABLE, { 1 << 16, 0x1ffff }, { 1 << 17, ~0ULL } },
		{ MEMLANE_OPT_POLICY_INTERVAL, { 0, ~0ULL }, { } },
		{ MEMLANE_OPT_AGE_INTERVAL, { 0, ~0ULL }, { } },
		{ MEMLANE_OPT_THRESHOLD, { 0, ~0ULL }, { } },
	};
	struct memlane_set req = { .size = sizeof(req), .option = 1, .flags = 1 };
	unsigned int i, n;

	begin(256 << 10, 256 << 10);
	for (i = 0; i < sizeof(range) / sizeof(*range); i++)
		for (n = 0; n < 2; n++) {
			expect_eq(option(range[i].which, range[i].good[n]), 0);
			if (range[i].bad[n])
				expect_eq(option(range[i].which, range[i].bad[n]), -EINVAL);
		}
	expect_eq(option(MEMLANE_OPT_COMPACTION_THRESHOLD, 0), -EINVAL);
	expect_eq(option(0, 0), -EOPNOTSUPP);
	expect_eq(option(MEMLANE_OPTIONS, 0), -EOPNOTSUPP);
	expect_eq(option(~0U, 0), -EOPNOTSUPP);
	expect_eq(ml_get(a, &req), -EOPNOTSUPP);
	expect_eq(ml_set(a, &req), -EOPNOTSUPP);
	req = (struct memlane_set){ .size = sizeof(req), .option = 99 };
	expect_eq(ml_get(a, &req), -EOPNOTSUPP);
	world_alloc(w, MEMLANE_SLOW, 60000);
	expect_eq(option(MEMLANE_OPT_SLOW_LIMIT, 57344), -EINVAL);	/* less than is used */
	expect_eq(option(MEMLANE_OPT_SLOW_LIMIT, 60000), 0);
	end();
}

static void move_errors(void)
{
	struct memlane_compact compact = { .size = sizeof(compact), .flags = 1 };
	struct memlane_migrate migrate = { .size = sizeof(migrate), .count = 1, .flags = 1U << 31 };
	struct memlane_maintain maintain = { .size = sizeof(maintain), .flags = 1 };
	struct memlane_stat stat = { .size = sizeof(stat), .flags = 1 };
	struct memlane_info info = { .size = sizeof(info), .flags = 1 };
	u64 handle = 0;

	begin(256 << 10, 256 << 10);
	expect_eq(ml_compact(a, &compact), -EOPNOTSUPP);
	compact = (struct memlane_compact){ .lanes = 4 };
	expect_eq(ml_compact(a, &compact), -EINVAL);
	compact = (struct memlane_compact){ .usage = 1001 };
	expect_eq(ml_compact(a, &compact), -EINVAL);
	compact = (struct memlane_compact){ .hole = MEMLANE_SIZE_MAX + 1 };
	expect_eq(ml_compact(a, &compact), -EINVAL);
	expect_eq(ml_migrate(a, &migrate, &handle, NULL), -EOPNOTSUPP);
	migrate.flags = 0;
	migrate.lane = 2;
	expect_eq(ml_migrate(a, &migrate, &handle, NULL), -EINVAL);
	migrate.lane = 0;
	migrate.count = 0;
	expect_eq(ml_migrate(a, &migrate, &handle, NULL), -EINVAL);
	migrate.count = (1 << 20) + 1;
	expect_eq(ml_migrate(a, &migrate, &handle, NULL), -EINVAL);
	expect_eq(ml_maintain(a, &maintain), -EOPNOTSUPP);
	expect_eq(ml_stat(a, &stat), -EOPNOTSUPP);
	expect_eq(ml_info(a, &info), -EOPNOTSUPP);
	end();
}

/* The mapped page and the call say the same, and what they say is true. */
static void statistics(void)
{
	struct memlane_stat stat = { .size = sizeof(stat) };
	const struct memlane_counts *c = &stat.out;
	u64 x;

	begin(256 << 10, 256 << 10);
	world_alloc(w, MEMLANE_FAST, 100);
	x = world_alloc(w, MEMLANE_SLOW, 50000);
	world_at(w, world_query(w, x).out_location, 5000);
	expect_eq(ml_stat(a, &stat), 0);
	expect_eq(memcmp(&a->stat_page->counts, c, sizeof(*c)), 0);
	expect_eq(a->stat_page->seq % 2, 0);
	expect_eq(c->handles, 2);
	expect_eq(c->lane[0].objects, 1);
	expect_eq(c->lane[0].bound, 112);
	expect_eq(c->lane[0].spans, 1);
	expect_eq(c->lane[0].block_chunks, 1);
	expect_eq(c->lane[1].blobs, 1);
	expect_eq(c->lane[1].blob_used, 53248);
	expect_eq(c->lane[1].used, 53248);
	expect_eq(c->lane[1].resident, 8192);
	expect_eq(c->lane[1].largest_hole, (512 - 13) * 4096);
	expect_eq(c->lane[1].limit, 256 << 10);
	expect_eq(c->metadata, w->bytes);
	expect_eq(c->refills, 2);
	end();
}

static const struct test tests[] = {
	{ "arena_create_errors", create_errors },
	{ "arena_alloc_errors", alloc_errors },
	{ "arena_free_errors", free_errors },
	{ "arena_query_states", query_states },
	{ "arena_ladder", ladder },
	{ "arena_failure_changes_nothing", failure_changes_nothing },
	{ "arena_undo", undo },
	{ "arena_options", options },
	{ "arena_move_errors", move_errors },
	{ "arena_statistics", statistics },
};

KTAP_MAIN(tests);
