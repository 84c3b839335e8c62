// SPDX-License-Identifier: MIT
/* preset.c - configurations for common jobs */
#include <errno.h>

#include "arena.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* The program's frames drive everything. */
static void game_loop(struct memlane_config *c)
{
	c->fast_lane_size = 16 * MIB;
	c->slow_lane_size = 64 * MIB;
	c->threshold = 16 * KIB;
	c->policy_check_interval = 0;
	c->age_interval = 0;
	c->frames_per_cycle = 60;
	c->section_grace = 0.001;
}

static void bulk(struct memlane_config *c)
{
	c->slow_lane_size = 256 * MIB;
	c->threshold = 1 * KIB;
	c->compaction_threshold = 0.95;
	c->slow_lane_safety_margin = 0.05;
	c->policy_check_interval = 60;
}

static void low_memory(struct memlane_config *c)
{
	c->fast_lane_size = 256 * KIB;
	c->slow_lane_size = 1 * MIB;
	c->fast_lane_max = 4 * MIB;
	c->slow_lane_max = 64 * MIB;
	c->compaction_threshold = 0.50;
	c->policy_check_interval = 1;
	c->max_handles = (1 << 20) - 1;
	c->max_threads = 64;
}

/* A lane's limit takes no memory: with the whole lane open at once nothing spills. */
static void object_pool(struct memlane_config *c)
{
	c->fast_lane_size = c->fast_lane_max;
	c->threshold = MEMLANE_BLOCK_MAX + 1;
	c->enable_auto_compaction = false;
	c->policy_check_interval = 0;
}

static void frame_scratch(struct memlane_config *c)
{
	c->fast_lane_size = c->fast_lane_max;
	c->slow_lane_size = 1 * MIB;
	c->threshold = 16 * MIB;
	c->enable_auto_compaction = false;
	c->policy_check_interval = 0;
}

int memlane_config_preset_sized(struct memlane_config *config, int preset, size_t size)
{
	static void (*const fill[])(struct memlane_config *) = {
		[MEMLANE_PRESET_GAME_LOOP] = game_loop,
		[MEMLANE_PRESET_BULK] = bulk,
		[MEMLANE_PRESET_LOW_MEMORY] = low_memory,
		[MEMLANE_PRESET_OBJECT_POOL] = object_pool,
		[MEMLANE_PRESET_FRAME_SCRATCH] = frame_scratch,
	};

	struct memlane_config own;

	if (preset < 0 || preset >= (int)(sizeof(fill) / sizeof(fill[0])))
		return -EINVAL;
	memlane_config_init(&own);
	fill[preset](&own);
	config_give(config, size, &own);
	return 0;
}
