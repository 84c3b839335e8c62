// SPDX-License-Identifier: MIT
/*
 * victim.c - a process that works on somebody else's arena until it is killed
 *
 *	victim ARENA-FD BOARD-FD SEED
 *
 * It allocates, frees, pins, puts away, reads what is common, and sits in sections, in
 * no order and without ever tidying up. Exit status, should it not be killed: 1.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "board.h"

#define OWN 20	/* few, as it does not live long */

static struct memlane *arena;
static struct board *board;
static unsigned long long rng;
static memlane_handle own[OWN];
static uint32_t own_size[OWN];

static uint64_t pick(uint64_t n)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * 0x2545f4914f6cdd1dULL >> 16) % n;
}

static void complain(uint64_t wrong)
{
	__atomic_add_fetch(&board->wrong, wrong, __ATOMIC_RELAXED);
}

static void check_own(unsigned int i)
{
	const void *p;

	memlane_enter(arena);
	p = memlane_get(arena, own[i]);
	complain(p ? content_wrong(p, own_size[i], ~i, 1) : own_size[i]);
	memlane_exit(arena);
}

static void make_own(unsigned int i)
{
	static const enum memlane_alloc_lane lanes[] = {
		MEMLANE_BY_SIZE, MEMLANE_IN_FAST, MEMLANE_IN_SLOW
	};
	struct memlane_alloc_opts opts = { .tag = VICTIM_TAG, .lane = lanes[pick(3)] };

	own_size[i] = 1 + pick(pick(8) ? 600 : 50000);
	if (memlane_alloc_with(arena, own_size[i], &opts, &own[i]))
		return;
	memlane_enter(arena);
	content_write(memlane_get(arena, own[i]), own_size[i], ~i, 1);
	memlane_exit(arena);
}

static void end_own(unsigned int i)
{
	check_own(i);
	if (!memlane_free(arena, own[i]))
		own[i] = 0;
}

/* Perhaps it dies with the pin. */
static void pin_own(unsigned int i)
{
	void *p = memlane_pin(arena, own[i]);

	complain(p ? content_wrong(p, own_size[i], ~i, 1) : own_size[i]);
	memlane_unpin(arena, own[i]);
}

/* An object of its own, or one that others use; it may not be able to go, or not now. */
static void put_away(unsigned int i)
{
	memlane_handle h = pick(2) ? own[i] : board->handle[pick(COMMON)];

	switch (pick(3)) {
	case 0:
		memlane_cool(arena, h);
		break;
	case 1:
		memlane_store(arena, h);
		break;
	default:
		memlane_warm(arena, h);
	}
}

static void work(void)
{
	unsigned int i = pick(OWN);

	complain(board_read(board, arena, pick(COMMON)));
	if (!own[i])
		make_own(i);
	else if (!pick(5))
		put_away(i);
	else if (pick(4))
		end_own(i);
	else if (pick(2))
		pin_own(i);
	else
		memlane_migrate(arena, own[i], pick(MEMLANE_LANES));
	if (!pick(500))
		memlane_thread_leave(arena);
}

int main(int argc, char **argv)
{
	if (argc != 4 || memlane_open_fd(&arena, atoi(argv[1]), NULL))
		return 1;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
	if (board == MAP_FAILED)
		return 1;
	rng = strtoull(argv[3], NULL, 0) | 1;
	work();
	board_set(&board->ready, 1);
	while (!board_look(&board->over))
		work();
	return 1;
}
