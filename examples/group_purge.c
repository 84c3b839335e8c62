// SPDX-License-Identifier: MIT
/* group_purge.c - thumbnails that may be dropped when memory is short, and made again */
#include <memlane.h>
#include <stdio.h>
#include <string.h>

#define NR 60
#define BYTES 100000
#define PHOTOS 1
#define THUMBNAILS 2

static memlane_handle make(struct memlane *m, int i, uint16_t group)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW, .group = group };
	memlane_handle h;

	if (memlane_alloc_with(m, BYTES, &opts, &h))
		return 0;
	memlane_enter(m);
	memset(memlane_get(m, h), i, BYTES);
	memlane_exit(m);
	return h;
}

static int is_good(struct memlane *m, memlane_handle h, int i)
{
	unsigned char *p;
	int good;

	memlane_enter(m);
	p = memlane_get(m, h);
	good = p && p[BYTES - 1] == i;
	memlane_exit(m);
	return good;
}

int main(void)
{
	struct memlane_config config;
	memlane_handle h[NR];
	int i, err, dropped = 0, lost = 0;
	struct memlane *m;

	memlane_config_init(&config);
	config.policy_check_interval = 0;
	config.slow_lane_size = config.slow_lane_max = 8 << 20;
	err = memlane_open(&m, &config);
	if (err) {
		fprintf(stderr, "memlane_open: %s\n", memlane_strerror(err));
		return 1;
	}
	memlane_group_purgeable(m, THUMBNAILS, true);
	for (i = 0; i < NR; i++) {
		h[i] = make(m, i, i % 2 ? THUMBNAILS : PHOTOS);
		if (!h[i])
			return 1;
	}
	/* Pressure: the SlowLane holds more than half. No more is dropped than has to be. */
	memlane_set_option(m, MEMLANE_OPT_SLOW_USAGE_THRESHOLD, 500);
	memlane_run_maintenance_cycle(m);
	for (i = 0; i < NR; i++) {
		if (memlane_state(m, h[i]) == MEMLANE_STATE_PURGED) {
			dropped++;
			memlane_free(m, h[i]);
			h[i] = make(m, i, THUMBNAILS);
		}
		lost += !is_good(m, h[i], i);
	}
	printf("dropped and made again: %d thumbnails; lost: %d\n", dropped, lost);
	memlane_group_free(m, PHOTOS);
	memlane_group_free(m, THUMBNAILS);
	memlane_close(m);
	return dropped && !lost ? 0 : 1;
}
