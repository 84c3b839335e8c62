// SPDX-License-Identifier: MIT
/* config.c - what an arena is asked to be, and what it may not be asked */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"

#define KIB		 1024ULL
#define MIB		 (1024 * KIB)
#define GIB		 (1024 * MIB)
#define LANE_MIN	 (64 * KIB)
#define RESERVE_MIN	 (64 * GIB)
#define INTERVAL_MAX	 1e6
#define DECAY_MAX	 3600
#define LANE_DEFAULT_MIN (256 * MIB)
#define HANDLES_MIN	 ((1 << 20) - 1)
#define FRAMES_MAX	 1000000
#define CONFIG_SIZE_MIN	 offsetof(struct memlane_config, threshold)

static const struct memlane_config defaults = {
	.size = sizeof(struct memlane_config),
	.backend = MEMLANE_BACKEND_AUTO,
	.fast_lane_size = 1 * MIB,
	.slow_lane_size = 10 * MIB,
	.fast_lane_max = 64 * GIB,
	.slow_lane_max = 64 * GIB,
	.threshold = 4096,
	.enable_auto_compaction = true,
	.compaction_threshold = 0.90,
	.slow_lane_usage_threshold = 0.85,
	.slow_lane_safety_margin = 0.10,
	.policy_check_interval = 10,
	.section_grace = 0.010,
	.max_handles = (16 << 20) - 1,
	.max_threads = 1024,
	.age_interval = 1,
	.decay = 1,
	.backing_fd = -1,
};

/* Like the program's own, with its size. */
void config_give(struct memlane_config *to, size_t size, const struct memlane_config *own)
{
	give_out(to, size, own, sizeof(*own));
	to->size = size;
}

void memlane_config_init_sized(struct memlane_config *config, size_t size)
{
	config_give(config, size, &defaults);
}

static const char *check_lanes(const struct memlane_config *c)
{
	if (c->fast_lane_size < LANE_MIN)
		return "fast_lane_size must be at least 64 KiB";
	if (c->slow_lane_size < LANE_MIN)
		return "slow_lane_size must be at least 64 KiB";
	if (c->fast_lane_max < c->fast_lane_size)
		return "fast_lane_max must not be below fast_lane_size";
	if (c->slow_lane_max < c->slow_lane_size)
		return "slow_lane_max must not be below slow_lane_size";
	if (c->fast_lane_max > MEMLANE_LANES_MAX)
		return "fast_lane_max must not be above 640 GiB";
	if (c->slow_lane_max > MEMLANE_LANES_MAX - c->fast_lane_max)
		return "slow_lane_max and fast_lane_max together must not be above 640 GiB";
	if (!c->threshold)
		return "threshold must be at least 1 byte";
	if (c->threshold > c->fast_lane_max)
		return "threshold must not be above fast_lane_max: what is smaller must fit there";
	return NULL;
}

/* Written so that a NaN is refused. */
static bool within(double value, double low, double high)
{
	return value >= low && value <= high;
}

static const char *check_policy(const struct memlane_config *c)
{
	if (!within(c->compaction_threshold, 0.001, 1))
		return "compaction_threshold must be a fraction from 0.001 to 1";
	if (!within(c->slow_lane_usage_threshold, 0.001, 1))
		return "slow_lane_usage_threshold must be a fraction from 0.001 to 1";
	if (!within(c->slow_lane_safety_margin, 0, 0.5))
		return "slow_lane_safety_margin must be a fraction from 0 to 0.5";
	if (c->policy_check_interval != 0 &&
	    !within(c->policy_check_interval, 0.001, INTERVAL_MAX))
		return "policy_check_interval must be 0 (none) or from 0.001 to 1000000 seconds";
	if (!within(c->section_grace, 1e-6, 10))
		return "section_grace must be from 0.000001 to 10 seconds";
	if (!within(c->age_interval, 0, INTERVAL_MAX))
		return "age_interval must be from 0 (every cycle) to 1000000 seconds";
	if (!within(c->decay, 0, DECAY_MAX))
		return "decay must be from 0 (none) to 3600 seconds";
	return NULL;
}

/* As the module has it, which shows the name as it is. */
static const char *check_name(const char *name)
{
	size_t i;

	for (i = 0; name && name[i]; i++) {
		if (i == MEMLANE_NAME_SIZE - 1)
			return "name must have 31 characters at most";
		if (name[i] < ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return "name must be printable ASCII without quotation marks and backslashes";
	}
	return NULL;
}

static const char *check_numbers(const struct memlane_config *c)
{
	if (c->backend > MEMLANE_BACKEND_LOCAL)
		return "backend must be MEMLANE_BACKEND_AUTO, _MODULE or _LOCAL";
	if (!c->max_handles || c->max_handles >= 1ULL << 30)
		return "max_handles must be from 1 to 1073741823";
	if (!c->max_threads || c->max_threads > 4096)
		return "max_threads must be from 1 to 4096";
	if (c->__reserved)
		return "__reserved must be 0";
	if (c->frames_per_cycle > FRAMES_MAX)
		return "frames_per_cycle must be from 0 (never) to 1000000";
	return NULL;
}

/*
 * A copy in this library's size: a shorter struct of an older program has the
 * defaults for the rest, a longer one must not ask for what is not known here.
 */
static const char *take(struct memlane_config *own, const struct memlane_config *c)
{
	const unsigned char *tail = (const unsigned char *)c;
	uint32_t i;

	*own = defaults;
	if (!c)
		return NULL;
	if (c->size < CONFIG_SIZE_MIN || c->size > 4096)
		return "size must be sizeof(struct memlane_config): memlane_config_init() sets it";
	for (i = sizeof(*own); i < c->size; i++)
		if (tail[i])
			return "size is that of a newer library, and a field it added is set";
	memcpy(own, c, c->size < sizeof(*own) ? c->size : sizeof(*own));
	return NULL;
}

static bool any_set(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	while (n--)
		any |= p[n];
	return any;
}

const char *memlane_config_check(const struct memlane_config *config)
{
	struct memlane_config own;
	const char *why = take(&own, config);

	if (!why)
		why = check_lanes(&own);
	if (!why)
		why = check_policy(&own);
	if (!why)
		why = check_numbers(&own);
	if (!why && any_set(own.__reserved3, sizeof(own.__reserved3)))
		why = "__reserved3 must be 0";
	if (!why && own.cold_age > 4)
		why = "cold_age must be from 0 (never) to 4 ageing periods";
	if (!why && own.backing_fd < -1)
		why = "backing_fd must be -1 (none) or a descriptor";
	if (!why)
		why = check_name(own.name);
	return why;
}

int config_take(struct memlane_config *own, const struct memlane_config *c)
{
	if (memlane_config_check(c))
		return -EINVAL;
	take(own, c);
	return 0;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && !memcmp(text, word, length);
}

/**
 * config_guard - what the environment switches on
 * @own: to which it is added
 *
 * Return: 0, or -EINVAL: a word that means nothing.
 */
int config_guard(struct memlane_config *own)
{
	const char *at = getenv("MEMLANE_GUARD");
	size_t length;

	for (; at && *at; at += length + (at[length] == ',')) {
		length = strcspn(at, ",");
		if (is_word(at, length, "bytes"))
			own->guard = true;
		else if (is_word(at, length, "moves"))
			own->guard_moves = true;
		else if (is_word(at, length, "leaks"))
			own->report_leaks = true;
		else
			return -EINVAL;
	}
	return 0;
}

/* Return: the backend to use, AUTO if none is insisted on, or -EINVAL. */
int config_backend(const struct memlane_config *c)
{
	const char *wish = getenv("MEMLANE_BACKEND");

	if (c->backend != MEMLANE_BACKEND_AUTO || !wish || !*wish)
		return c->backend;
	if (!strcmp(wish, "module"))
		return MEMLANE_BACKEND_MODULE;
	if (!strcmp(wish, "local"))
		return MEMLANE_BACKEND_LOCAL;
	return -EINVAL;
}

/* What a maximum may be raised to: four times as much, of what is left at most half. */
static uint64_t reserve_for(uint64_t max, uint64_t left)
{
	uint64_t want = max < RESERVE_MIN / 4 ? RESERVE_MIN : 4 * max;

	return want < max + left / 2 ? want : max + left / 2;
}

/* A maximum that the program has not chosen: half as much @halvings times over. */
static uint64_t fewer(uint64_t value, uint64_t usual, unsigned int halvings, uint64_t least)
{
	if (value != usual || !halvings)
		return value;
	value >>= halvings;
	return value > least ? value : least;
}

static uint64_t max3(uint64_t a, uint64_t b, uint64_t c)
{
	a = a > b ? a : b;
	return a > c ? a : c;
}

/**
 * config_lower - an arena that takes fewer addresses
 * @c: checked
 * @halvings: what is halved so often: maxima that are the defaults
 * @less: gets it
 *
 * What a program has chosen stays. Neither lane becomes smaller than what it has before it
 * grows, and the FastLane can hold what is below the threshold.
 */
void config_lower(const struct memlane_config *c, unsigned int halvings,
		  struct memlane_config *less)
{
	*less = *c;
	less->fast_lane_max = fewer(c->fast_lane_max, defaults.fast_lane_max, halvings,
				    max3(LANE_DEFAULT_MIN, c->fast_lane_size, c->threshold));
	less->slow_lane_max = fewer(c->slow_lane_max, defaults.slow_lane_max, halvings,
				    max3(LANE_DEFAULT_MIN, c->slow_lane_size, 0));
	less->max_handles = fewer(c->max_handles, defaults.max_handles, halvings, HANDLES_MIN);
}

/**
 * config_request - what the backend is asked for
 * @c: checked
 * @roomy: maxima may be raised later, and handles last for 3 x 10^15 objects; takes more addresses
 * @req: out
 *
 * Index 0 is nobody's: one more than the objects.
 */
void config_request(const struct memlane_config *c, bool roomy, struct memlane_create *req)
{
	uint64_t left = MEMLANE_LANES_MAX - c->fast_lane_max - c->slow_lane_max;

	*req = (struct memlane_create){
		.size = sizeof(*req),
		.flags = c->aged ? MEMLANE_CREATE_AGED : 0,
		.fast_size = c->fast_lane_size,
		.slow_size = c->slow_lane_size,
		.fast_max = c->fast_lane_max,
		.slow_max = c->slow_lane_max,
		.handles = c->max_handles + 1,
		.threads = c->max_threads,
	};
	if (c->name)
		memcpy(req->name, c->name, strlen(c->name));
	if (!roomy)
		return;
	req->flags |= MEMLANE_CREATE_LONG;
	req->fast_reserve = reserve_for(c->fast_lane_max, left);
	req->slow_reserve = reserve_for(c->slow_lane_max, left);
}

static uint64_t permille(double fraction)
{
	return (uint64_t)(fraction * 1000 + 0.5);
}

static uint64_t ns(double seconds)
{
	return (uint64_t)(seconds * 1e9 + 0.5);
}

/*
 * Without an interval nobody is to work in the background. With guard_moves an address that
 * is kept too long has to lead nowhere at once.
 */
static bool keeps(const struct memlane_config *c)
{
	return c->policy_check_interval && !c->guard_moves;
}

/* The interval comes last: from then on the background cycle may run. */
int config_apply(const struct memlane_config *c, struct memlane *m)
{
	const struct {
		uint32_t option;
		uint64_t value;
	} set[] = {
		{ MEMLANE_OPT_AUTO_COMPACTION, c->enable_auto_compaction },
		{ MEMLANE_OPT_COMPACTION_THRESHOLD, permille(c->compaction_threshold) },
		{ MEMLANE_OPT_SLOW_USAGE_THRESHOLD, permille(c->slow_lane_usage_threshold) },
		{ MEMLANE_OPT_SLOW_SAFETY_MARGIN, permille(c->slow_lane_safety_margin) },
		{ MEMLANE_OPT_THRESHOLD, c->threshold },
		{ MEMLANE_OPT_AGE_INTERVAL, ns(c->age_interval) },
		{ MEMLANE_OPT_GRACE, ns(c->section_grace) },
		{ MEMLANE_OPT_DECAY, keeps(c) ? ns(c->decay) : 0 },
		{ MEMLANE_OPT_COLD_AGE, c->cold_age },
		{ MEMLANE_OPT_POLICY_INTERVAL, ns(c->policy_check_interval) },
	};
	size_t i;
	int err = 0;

	if (c->backing_fd >= 0)
		err = memlane_set_backing_max(m, c->backing_fd, c->backing_max);
	for (i = 0; !err && i < ARRAY_SIZE(set); i++)
		err = memlane_set_option(m, set[i].option, set[i].value);
	return err;
}
