// SPDX-License-Identifier: MIT
/* test-turn.c - who waits for arena.lock gets it in the middle of a mover's work */
#include <linux/atomic.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktap.h"
#include "lane.h"
#include "table.h"
#include "turn.h"
#include "world.h"

#define NR	200	/* objects of one batch */
#define TURN	32	/* of them are moved before somebody else has a turn */

static struct world *w;
static u64 object[NR];
static s32 result[NR];
static u32 copies, seen;
static pthread_t other;

static void begin(bool threaded)
{
	u32 i;

	w = world_new(256 << 10, 1 << 20);
	w->threaded = threaded;
	for (i = 0; i < NR; i++)
		object[i] = world_alloc(w, MEMLANE_FAST, 64);
	copies = seen = 0;
}

static void end(void)
{
	world_check(w);
	world_end(w);
}

static void move_all(void)
{
	struct memlane_migrate req = { .size = sizeof(req), .lane = MEMLANE_SLOW, .count = NR };

	expect_eq(ml_migrate(&w->arena, &req, object, result), 0);
	expect_eq(w->arena.count.batches, 1);
}

/* -------------------------------------------------------------- a turn */

static void *ask(void *arg)
{
	expect_eq(ml_turn_lock(&w->arena), 0);
	seen = copies;
	mutex_unlock(&w->arena.lock);
	return NULL;
}

/* Behind the first one of the batch somebody waits. */
static void count_copy(struct world *in)
{
	if (copies++)
		return;
	expect(!pthread_create(&other, NULL, ask, NULL));
	while (!ml_turn_wanted(&in->arena))
		;
}

static void in_the_middle(void)
{
	expect(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	begin(true);
	w->in_copy = count_copy;
	move_all();
	pthread_join(other, NULL);
	expect_eq(copies, NR);
	expect_eq(seen, TURN);
	expect(!ml_turn_wanted(&w->arena));
	end();
}

/* ------------------------------------------------ what is done meanwhile */

/* The last one of the batch is freed, and its index has another object in its place. */
static void change_the_last(struct world *in, void *arg)
{
	in->in_pause = NULL;
	world_free(in, object[NR - 1]);
	object[NR - 1] = world_alloc(in, MEMLANE_FAST, 64);
	atomic_dec(&in->arena.asked);
}

static void changed_meanwhile(void)
{
	u32 i;

	begin(false);
	w->in_pause = change_the_last;
	atomic_inc(&w->arena.asked);
	move_all();
	expect(!w->in_pause);
	for (i = 0; i < NR - 1; i++) {
		expect_eq(result[i], 0);
		expect_eq(ml_lane_of(&w->arena, world_loc(w, object[i])), MEMLANE_SLOW);
	}
	expect_eq(result[NR - 1], -EAGAIN);
	expect_eq(ml_lane_of(&w->arena, world_loc(w, object[NR - 1])), MEMLANE_FAST);
	end();
}

/* ----------------------------------------------------- who does not come */

/* It is stopped, say. A mover does not wait for it again and again. */
static void absent(void)
{
	u64 pauses;

	begin(false);
	atomic_inc(&w->arena.asked);
	pauses = w->pauses;
	move_all();
	expect_eq(w->pauses - pauses, 500);
	atomic_dec(&w->arena.asked);
	end();
}

static const struct test tests[] = {
	{ "turn_in_the_middle", in_the_middle },
	{ "turn_changed_meanwhile", changed_meanwhile },
	{ "turn_absent", absent },
};

KTAP_MAIN(tests);
