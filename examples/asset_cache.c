// SPDX-License-Identifier: MIT
/* asset_cache.c - more than the FastLane holds: what does not fit, or is not used, is elsewhere */
#include <memlane.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSETS 400
#define TEXTURE 1

/* Stands for the disk. */
static void load(unsigned char *to, uint64_t size, int asset)
{
	memset(to, asset, size);
}

static uint64_t size_of(int asset)
{
	return 2000 + asset % 7 * 4000;
}

static memlane_handle cache(struct memlane *m, int asset)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_FAST, .tag = TEXTURE };
	memlane_handle h;

	if (memlane_alloc_with(m, size_of(asset), &opts, &h))
		return 0;
	memlane_enter(m);
	load(memlane_get(m, h), size_of(asset), asset);
	memlane_exit(m);
	return h;
}

static int intact(struct memlane *m, memlane_handle h, int asset)
{
	unsigned char *p;
	int good;

	memlane_enter(m);
	p = memlane_get(m, h);
	good = p && p[0] == (asset & 255) && p[size_of(asset) - 1] == (asset & 255);
	memlane_exit(m);
	return good;
}

int main(void)
{
	struct memlane_stats st = { .size = sizeof(st), .flags = MEMLANE_STAT_EXACT };
	struct memlane_usage u;
	struct memlane_config config;
	memlane_handle h[ASSETS];
	struct memlane *m;
	int i, err;

	memlane_config_init(&config);
	config.fast_lane_size = config.fast_lane_max = 2 << 20;
	config.slow_lane_size = 32 << 20;
	err = memlane_open(&m, &config);
	if (err) {
		fprintf(stderr, "memlane_open: %s\n", memlane_strerror(err));
		return 1;
	}
	memlane_tag_name(m, TEXTURE, "texture");
	for (i = 0; i < ASSETS; i++) {
		h[i] = cache(m, i);
		if (!h[i])
			return 1;
	}
	for (i = 0; i < ASSETS; i++)
		if (!intact(m, h[i], i))
			return 1;
	memlane_stat_tag(m, TEXTURE, &u);
	memlane_stat(m, &st);
	printf("objects named %s: %llu fast, %llu slow; requests that spilled: %llu\n",
	       memlane_name_of_tag(m, TEXTURE), (unsigned long long)u.objects[MEMLANE_FAST],
	       (unsigned long long)u.objects[MEMLANE_SLOW], (unsigned long long)st.counts.spilled);
	memlane_close(m);
	return u.objects[MEMLANE_FAST] && u.objects[MEMLANE_SLOW] ? 0 : 1;
}
