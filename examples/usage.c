// SPDX-License-Identifier: MIT
/* usage.c - small and large objects: allocate, get, migrate, compact, look at the counters */
#include <memlane.h>
#include <stdio.h>
#include <string.h>

#define SMALL 100
#define LARGE 100000

static void write_text(struct memlane *m, memlane_handle h, const char *text)
{
	memlane_enter(m);
	strcpy(memlane_get(m, h), text);
	memlane_exit(m);
}

static void show(struct memlane *m, memlane_handle h)
{
	memlane_enter(m);
	printf("%-12s id %5lld, %6llu bytes\n", (char *)memlane_get(m, h),
	       (long long)memlane_id(m, h), (unsigned long long)memlane_size(m, h));
	memlane_exit(m);
}

static void show_lane(struct memlane *m, int lane, const char *name)
{
	struct memlane_lane_usage u;

	if (!memlane_stat_lane(m, lane, &u))
		printf("%s: %4.1f %% of its limit in use, %4.1f %% fragmented, %llu objects\n", name,
		       u.usage * 100, u.fragmentation * 100, (unsigned long long)u.stat.objects);
}

int main(void)
{
	struct memlane_config config;
	struct memlane_step step = { .max_ns = 0 };
	struct memlane *m;
	memlane_handle small, large;
	int err;

	memlane_config_init(&config);
	config.fast_lane_size = 1 << 20;	/* 1 MiB for what is small and short-lived */
	config.slow_lane_size = 10 << 20;	/* 10 MiB for the rest */
	config.threshold = 4096;		/* from here on objects are large */
	err = memlane_open(&m, &config);
	if (err) {
		fprintf(stderr, "memlane_open: %s\n", memlane_strerror(err));
		return 1;
	}
	small = memlane_alloc(m, SMALL);	/* in the FastLane: a positive id */
	large = memlane_alloc(m, LARGE);	/* in the SlowLane: a negative one */
	if (!small || !large)
		return 1;
	write_text(m, small, "small");
	write_text(m, large, "large");
	show(m, small);
	show(m, large);

	err = memlane_migrate(m, small, MEMLANE_SLOW);
	if (!err)
		err = memlane_migrate(m, large, MEMLANE_FAST);
	if (!err)
		err = memlane_compact(m, 0, 0, &step);
	show(m, small);				/* the same handles */
	show(m, large);

	/* Left to itself the policy brings both back: the small one is in use. */
	if (!err)
		err = memlane_run_maintenance_cycle(m);
	if (err) {
		fprintf(stderr, "%s\n", memlane_strerror(err));
		return 1;
	}
	show(m, small);
	show(m, large);
	show_lane(m, MEMLANE_FAST, "FastLane");
	show_lane(m, MEMLANE_SLOW, "SlowLane");

	memlane_free(m, small);
	memlane_free(m, large);
	memlane_close(m);
	return 0;
}
