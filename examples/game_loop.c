// SPDX-License-Identifier: MIT
/* game_loop.c - frames as a clock, scratch of a frame, things that come and go */
#include <memlane_typed.h>
#include <stdio.h>

#define FRAMES 600
#define THINGS 5000
#define NEAR 500	/* of them are looked at in each frame */

struct thing {
	float x, y, dx, dy;
	int health;
	char name[44];
};

MEMLANE_TYPED(struct thing, thing);

static thing_ref things[THINGS];

static int make(struct memlane *m, int i)
{
	struct thing t = { .x = i, .dx = 1, .health = 100 };

	snprintf(t.name, sizeof(t.name), "thing %d", i);
	return thing_alloc(m, &things[i]) || thing_set(m, things[i], &t);
}

/* The list of a frame is gone with the frame. */
static int frame(struct memlane *m, int number)
{
	struct memlane_mark mark = memlane_frame_begin(m);
	struct thing **near = memlane_frame_alloc(m, NEAR * sizeof(*near));
	int i, alive = 0;

	if (!near)
		return -1;
	memlane_enter(m);
	for (i = 0; i < NEAR; i++) {
		near[i] = thing_at(m, things[i]);
		near[i]->x += near[i]->dx;
	}
	for (i = 0; i < NEAR; i++)
		alive += near[i]->health > 0;
	memlane_exit(m);
	memlane_frame_end(m, mark);
	/* One goes, one comes. */
	i = number % THINGS;
	return thing_free(m, things[i]) || make(m, i) || alive != NEAR || memlane_tick_frame(m) < 0;
}

int main(void)
{
	struct memlane_stats st = { .size = sizeof(st) };
	struct memlane_config config;
	struct memlane *m;
	int i, err;

	memlane_config_preset(&config, MEMLANE_PRESET_GAME_LOOP);
	err = memlane_open(&m, &config);
	if (err) {
		fprintf(stderr, "memlane_open: %s\n", memlane_strerror(err));
		return 1;
	}
	for (i = 0; i < THINGS; i++)
		if (make(m, i))
			return 1;
	for (i = 0; i < FRAMES; i++)
		if (frame(m, i))
			return 1;
	memlane_stat(m, &st);
	printf("%d frames, %llu maintenance cycles; far things that left the FastLane: %llu\n", FRAMES,
	       (unsigned long long)st.counts.cycles,
	       (unsigned long long)st.counts.by_cause[MEMLANE_CAUSE_STALE]);
	memlane_close(m);
	return st.counts.cycles == FRAMES / 60 ? 0 : 1;
}
