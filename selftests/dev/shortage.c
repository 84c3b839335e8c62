// SPDX-License-Identifier: MIT
/* shortage.c - arenas give memory back when the system is short of it */
#include <signal.h>
#include <sys/wait.h>

#include "../arena.h"

#define SECOND	1000000000ULL
#define OBJECTS	2048

static __u64 handles[OBJECTS];

/* Every fourth object of 2 MiB in the FastLane stays, and is written. */
static struct arena arena_with_gaps(__u64 interval)
{
	struct arena a = arena_new(8 * MIB, 8 * MIB);
	int i;

	option_set(&a, MEMLANE_OPT_AGE_INTERVAL, 10000 * SECOND);
	option_set(&a, MEMLANE_OPT_AUTO_COMPACTION, 1);
	if (interval)
		option_set(&a, MEMLANE_OPT_POLICY_INTERVAL, interval);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 1024, OBJECTS, handles), OBJECTS);
	for (i = 0; i < OBJECTS; i++)
		memset(address_of(&a, handles[i]), i, 1024);
	for (i = 0; i < OBJECTS; i++)
		if (i % 4)
			expect_eq(free_live(&a, &handles[i], 1), 0);
	return a;
}

static void expect_intact(const struct arena *a)
{
	int i, k;

	for (i = 0; i < OBJECTS; i += 4)
		for (k = 0; k < 1024; k++)
			expect_eq((unsigned char)address_of(a, handles[i])[k], i % 256);
	expect_sound(a);
}

/* The thread's next turn by itself is hours away. */
TEST(gaps_between_objects_are_given_back)
{
	struct arena a = arena_with_gaps(10000 * SECOND);
	__u64 before = counts(&a).lane[MEMLANE_FAST].resident;

	expect_eq(counts(&a).shortages, 0);
	while (counts(&a).lane[MEMLANE_FAST].resident > before / 2) {
		drop_slab();
		usleep(20000);
	}
	expect(counts(&a).shortages > 0);
	expect_intact(&a);
	arena_end(&a);
}

TEST(what_may_be_dropped_goes)
{
	struct arena a = arena_new(8 * MIB, 8 * MIB);
	__u64 handle;

	option_set(&a, MEMLANE_OPT_POLICY_INTERVAL, 10000 * SECOND);
	option_set(&a, MEMLANE_OPT_PURGEABLE, 1 << 16 | 5);
	expect_eq(alloc_live(&a, MEMLANE_SLOW, MIB, 1, &handle), 1);
	join_group(&a, handle, 5);
	memset(address_of(&a, handle), 1, MIB);
	while (query(&a, handle).out_state != MEMLANE_STATE_PURGED) {
		drop_slab();
		usleep(20000);
	}
	expect_eq(counts(&a).lane[MEMLANE_SLOW].resident, 0);
	arena_end(&a);
}

/* Who has asked for no work behind its back keeps what it has. */
TEST(an_arena_without_a_thread_is_left_alone)
{
	struct arena a = arena_with_gaps(0), other = arena_with_gaps(10000 * SECOND);
	__u64 before = counts(&a).lane[MEMLANE_FAST].resident;

	while (!counts(&other).shortages) {
		drop_slab();
		usleep(20000);
	}
	expect_eq(counts(&a).shortages, 0);
	expect_eq(counts(&a).lane[MEMLANE_FAST].resident, before);
	arena_end(&other);
	arena_end(&a);
}

/* Arenas come and go while the kernel asks. */
TEST(releases_meanwhile)
{
	pid_t child = fork();
	int i;

	if (!child) {
		for (;;)
			drop_slab();
	}
	for (i = 0; i < 50; i++) {
		struct arena a = arena_new(MIB, MIB);

		option_set(&a, MEMLANE_OPT_POLICY_INTERVAL, 10000 * SECOND);
		alloc_one(&a, MEMLANE_FAST, 100);
		arena_end(&a);
	}
	kill(child, SIGKILL);
	expect_eq(waitpid(child, NULL, 0), child);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
