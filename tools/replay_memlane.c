// SPDX-License-Identifier: MIT
/* replay_memlane.c - replays on libmemlane, as a program would use it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <memlane.h>

#include "replay_ops.h"
#include "resident.h"

#define LANE_MAX     (MEMLANE_LANES_MAX / 2)
#define HANDLES_MAX  ((1ULL << 30) - 1)
#define IDLE_PERIODS 6

static uint32_t backend_kind(const char *name)
{
	if (!strcmp(name, "module"))
		return MEMLANE_BACKEND_MODULE;
	return strcmp(name, "local") ? MEMLANE_BACKEND_AUTO : MEMLANE_BACKEND_LOCAL;
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
	return value > least ? value : least;
}

static int open_memlane(void **heap, const struct replay_config *config, const char **why)
{
	struct memlane_config c;
	struct memlane *m;
	int ret;

	memlane_config_init(&c);
	c.backend = backend_kind(config->backend);
	/* Twice the live bytes is room for any rounding; unused room costs nothing. */
	c.fast_lane_max = at_least(c.fast_lane_max, 2 * config->peak_bytes);
	c.slow_lane_max = at_least(c.slow_lane_max, 2 * config->peak_bytes);
	c.max_handles = at_least(c.max_handles, config->peak_objects + config->peak_objects / 8);
	if (c.max_handles > HANDLES_MAX)
		c.max_handles = HANDLES_MAX;
	if (c.fast_lane_max > LANE_MAX || c.slow_lane_max > LANE_MAX)
		return -ENOSPC;
	/* Maintenance runs where the replay asks for it, so that it is measured. */
	c.policy_check_interval = 0;
	ret = memlane_open(&m, &c);
	if (ret) {
		*why = ret == -EINVAL ? memlane_config_check(&c) : memlane_strerror(ret);
		return ret;
	}
	*heap = m;
	return 0;
}

static void close_memlane(void *heap)
{
	memlane_close(heap);
}

static const char *title_memlane(void *heap)
{
	return memlane_backend(heap) == MEMLANE_BACKEND_MODULE ? "memlane (module)" :
								 "memlane (local)";
}

/* An object of no bytes has an address in malloc; here it has one byte. */
static int alloc_memlane(void *heap, uint64_t size, uint64_t align, bool zero, uint64_t *ref)
{
	struct memlane_alloc_opts opts = {
		.align = align > 16 ? (uint32_t)align : 0,
		.flags = zero ? MEMLANE_ZERO : 0,
	};

	if (align <= 16 && !zero) {
		*ref = memlane_alloc(heap, size ? size : 1);
		if (*ref)
			return 0;
	}
	return memlane_alloc_with(heap, size ? size : 1, &opts, ref);
}

static int copy_memlane(struct memlane *m, uint64_t to, uint64_t from, uint64_t bytes)
{
	void *p, *q;
	int ret = memlane_enter(m);

	if (ret)
		return ret;
	p = memlane_get(m, to);
	q = memlane_get(m, from);
	if (p && q)
		memcpy(p, q, bytes);
	memlane_exit(m);
	return p && q ? 0 : -ESTALE;
}

/* What fits into the same place would still be another object: sizes are exact. */
static int resize_memlane(void *heap, uint64_t *ref, uint64_t old_size, uint64_t size)
{
	uint64_t fresh;
	int ret = alloc_memlane(heap, size, 0, false, &fresh);

	if (ret)
		return ret;
	ret = copy_memlane(heap, fresh, *ref, old_size < size ? old_size : size);
	if (ret) {
		memlane_free(heap, fresh);
		return ret;
	}
	ret = memlane_free(heap, *ref);
	*ref = fresh;
	return ret;
}

static int free_memlane(void *heap, uint64_t ref)
{
	return memlane_free(heap, ref);
}

static void *begin_memlane(void *heap, uint64_t ref)
{
	void *p;

	if (memlane_enter(heap))
		return NULL;
	p = memlane_get(heap, ref);
	if (!p)
		memlane_exit(heap);
	return p;
}

static void end_memlane(void *heap)
{
	memlane_exit(heap);
}

static int maintain_memlane(void *heap)
{
	return memlane_maintain(heap, NULL);
}

static int settle_memlane(void *heap)
{
	int ret = memlane_thread_flush(heap);

	return ret ? ret : memlane_compact(heap, 0, 0, NULL);
}

/* All of it is done with: it leaves the FastLane, and ages until it is put away. */
static int idle_memlane(void *heap)
{
	int ret, i;

	if (!(memlane_capabilities(heap) & MEMLANE_CAP_COLD))
		return 0;
	ret = memlane_set_option(heap, MEMLANE_OPT_AGE_INTERVAL, 0);
	if (!ret)
		ret = memlane_set_option(heap, MEMLANE_OPT_COLD_AGE, 1);
	if (!ret)
		ret = memlane_group_migrate(heap, 0, MEMLANE_SLOW);
	ret = ret > 0 ? -ENOSPC : ret;
	for (i = 0; !ret && i < IDLE_PERIODS; i++)
		ret = memlane_maintain(heap, NULL);
	return ret ? ret : 1;
}

static uint64_t stat_exact(struct memlane *m, struct memlane_stats *st)
{
	*st = (struct memlane_stats){ .size = sizeof(*st), .flags = MEMLANE_STAT_EXACT };
	if (memlane_stat(m, st))
		return 0;
	return st->counts.lane[MEMLANE_FAST].resident + st->counts.lane[MEMLANE_SLOW].resident;
}

/*
 * The module's pages may exist without being mapped here, and its tables are in no
 * process. What is mapped was counted with the process's memory, and so is all that the
 * local backend has.
 */
static uint64_t hidden_memlane(void *heap)
{
	static const char *const device[] = { "/dev/memlane" };
	struct memlane_stats st;
	uint64_t mapped, exist;

	if (memlane_backend(heap) != MEMLANE_BACKEND_MODULE)
		return 0;
	exist = stat_exact(heap, &st) + st.counts.metadata + st.counts.compressed_bytes;
	mapped = resident_of(device, 1);
	return exist > mapped ? exist - mapped : 0;
}

static void parts_memlane(void *heap, struct replay_parts *parts)
{
	struct memlane_stats st;

	parts->pages = stat_exact(heap, &st);
	parts->bound = st.counts.lane[MEMLANE_FAST].bound + st.counts.lane[MEMLANE_SLOW].bound;
	parts->metadata = st.counts.metadata;
}

const struct replay_ops replay_memlane = {
	.open = open_memlane,
	.close = close_memlane,
	.title = title_memlane,
	.alloc = alloc_memlane,
	.resize = resize_memlane,
	.free = free_memlane,
	.begin = begin_memlane,
	.end = end_memlane,
	.maintain = maintain_memlane,
	.settle = settle_memlane,
	.idle = idle_memlane,
	.hidden = hidden_memlane,
	.parts = parts_memlane,
};
