// SPDX-License-Identifier: MIT
/*
 * hostile.c - a program that writes what it likes into what it shares with the kernel
 *
 * It may spoil its own arena. It must not harm the kernel, which the harness
 * watches, nor another arena, and its own arena must still come to an end.
 * ML_SECONDS sets how long each attack lasts; usually 3.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>

#include "../arena.h"

#define LANE (8 * MIB)
#define BOUND 4096U	/* indices that are scribbled on */

static struct arena victim;
static bool over;

static bool go_on(void)
{
	return !__atomic_load_n(&over, __ATOMIC_RELAXED);
}

/* Words that come near the truth, or go far from it. */
static __u64 lie(unsigned long long *seed, __u64 truth)
{
	switch (rng_next(seed) % 6) {
	case 0:
		return rng_next(seed);
	case 1:
		return truth ^ 1ULL << rng_next(seed) % 64;
	case 2:
		return memlane_entry_to(truth, rng_next(seed) % 9, rng_next(seed) % 64);
	case 3:
		return truth + (1ULL << MEMLANE_GEN_SHIFT);
	case 4:
		return (truth & ~MEMLANE_LOC_MASK) | (rng_next(seed) & MEMLANE_LOC_MASK);
	default:
		return rng_next(seed) % 2 ? 0 : UINT64_MAX;
	}
}

static void scribble_words(unsigned int region, unsigned long long *seed)
{
	__u64 *word = (__u64 *)victim.map[region] + rng_next(seed) % BOUND;

	__atomic_store_n(word, lie(seed, __atomic_load_n(word, __ATOMIC_RELAXED)),
			 __ATOMIC_RELAXED);
}

/* Anywhere in the first slots: sections, counters, magazines. */
static void scribble_slots(unsigned long long *seed)
{
	__u64 words = 4 * victim.info.out_slot_size / sizeof(__u64);
	__u64 *word = (__u64 *)victim.map[MEMLANE_REGION_SLOTS];
	__u64 value = rng_next(seed);

	if (rng_next(seed) % 2)
		value = rng_next(seed) % BOUND << 32 | rng_next(seed) % BOUND;
	__atomic_store_n(&word[rng_next(seed) % words], value, __ATOMIC_RELAXED);
}

static void *scribbler(void *data)
{
	unsigned long long seed = (unsigned long)data;

	while (go_on()) {
		scribble_words(MEMLANE_REGION_TABLE, &seed);
		if (rng_next(&seed) % 2 == 0)
			scribble_words(MEMLANE_REGION_CLASS + rng_next(&seed) % 4, &seed);
		scribble_slots(&seed);
	}
	return NULL;
}

/* One call of any kind; whatever it answers is right. */
static void any_call(unsigned long long *seed, __u64 *handle, __u32 slot)
{
	__s32 result[64];
	struct memlane_free one_free = {
		.size = sizeof(one_free), .flags = rng_next(seed) % 2,
		.count = 1 + rng_next(seed) % 64, .handles = (unsigned long)handle,
	};
	struct memlane_migrate move = {
		.size = sizeof(move), .lane = rng_next(seed) % 2, .count = 64,
		.flags = rng_next(seed) % 8 ? 0 : 1U << rng_next(seed) % 2,
		.handles = (unsigned long)handle, .results = (unsigned long)result,
	};
	struct memlane_refill refill = {
		.size = sizeof(refill), .length = 1 + rng_next(seed) % 40000, .slot = slot,
		.lane = rng_next(seed) % 2, .count = 1 + rng_next(seed) % 126,
	};
	struct memlane_flush flush = {
		.size = sizeof(flush), .slot = slot, .lane = rng_next(seed) % 2,
		.cls = rng_next(seed) % victim.info.out_classes,
	};
	struct memlane_maintain cycle = { .size = sizeof(cycle) };
	struct memlane_compact pack = { .size = sizeof(pack), .step.max_ns = 5000000 };
	struct memlane_query ask = { .size = sizeof(ask), .handle = handle[0] };
	struct memlane_wait wait = { .size = sizeof(wait), .handle = handle[0] };

	switch (rng_next(seed) % 10) {
	case 0:
	case 1:
		alloc_live(&victim, rng_next(seed) % 2, 1 + rng_next(seed) % 3000, 64, handle);
		break;
	case 2:
		alloc_live(&victim, rng_next(seed) % 2, 1 + rng_next(seed) % MIB, 1, handle);
		break;
	case 3:
		call(victim.fd, MEMLANE_IOCTL_FREE, &one_free);
		break;
	case 4:
		call(victim.fd, MEMLANE_IOCTL_MIGRATE, &move);
		break;
	case 5:
		call(victim.fd, MEMLANE_IOCTL_COMPACT, &pack);
		break;
	case 6:
		call(victim.fd, MEMLANE_IOCTL_MAINTAIN, &cycle);
		break;
	case 7:
		call(victim.fd, MEMLANE_IOCTL_REFILL, &refill);
		break;
	case 8:
		call(victim.fd, MEMLANE_IOCTL_FLUSH, &flush);
		break;
	default:
		call(victim.fd, MEMLANE_IOCTL_QUERY, &ask);
		call(victim.fd, MEMLANE_IOCTL_WAIT, &wait);
	}
}

static void *caller(void *data)
{
	unsigned long long seed = (unsigned long)data;
	struct memlane_register reg = { .size = sizeof(reg) };
	__u64 handle[64] = { };
	unsigned long calls;

	expect_eq(call(victim.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	for (calls = 0; go_on(); calls++)
		any_call(&seed, handle, reg.slot);
	return (void *)calls;
}

/* Reads and writes all over the data area; what is nobody's raises SIGBUS. */
static __thread sigjmp_buf toucher_back;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(toucher_back, 1);
}

static unsigned long touch(char *p)
{
	if (sigsetjmp(toucher_back, 1))
		return 0;
	__atomic_store_n(p, 1, __ATOMIC_RELAXED);
	return 1;
}

/* The first places of either lane, and what lies between them. */
static void *toucher(void *data)
{
	__u64 base[2] = { 0, victim.info.out_fast_end << MEMLANE_GRANULE_SHIFT };
	unsigned long long seed = (unsigned long)data;
	unsigned long touched = 0;

	while (go_on()) {
		__u64 at = base[rng_next(&seed) % 2] + rng_next(&seed) % (2 * LANE);

		touched += touch(victim.map[MEMLANE_REGION_DATA] + at);
	}
	return (void *)touched;
}

/* The bystander: its bytes, its table and its invariants stay what they are. */
enum { NR = 2000, LENGTH = 700 };
static __u64 own[NR];

static void bystander_fill(struct arena *b)
{
	int i;

	expect_eq(alloc_live(b, MEMLANE_SLOW, LENGTH, NR, own), NR);
	for (i = 0; i < NR; i++)
		memset(address_of(b, own[i]), i, LENGTH);
}

static void bystander_check(struct arena *b)
{
	int i, j;

	for (i = 0; i < NR; i++)
		for (j = 0; j < LENGTH; j++)
			expect_eq(address_of(b, own[i])[j], (char)i);
	expect_sound(b);
}

static void attack(void *(*with)(void *), unsigned int nr)
{
	struct sigaction act = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };
	struct arena b = arena_new(LANE, LANE);
	unsigned long long seed = harness_seed();
	unsigned long calls = 0;
	pthread_t t[8];
	void *result;
	unsigned int i;

	sigaction(SIGBUS, &act, NULL);
	bystander_fill(&b);
	victim = arena_new(LANE, LANE);
	for (i = 0; i < 4; i++)
		expect_eq(pthread_create(&t[i], NULL, i < 4 - nr ? caller : with,
					 (void *)(unsigned long)(rng_next(&seed) | 1)), 0);
	for (i = 0; i < 2 * env("ML_SECONDS", 3); i++) {
		usleep(500000);
		bystander_check(&b);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &result);
		calls += (unsigned long)result;
	}
	printf("# %lu calls and touches, %llu entries found spoiled\n", calls,
	       counts(&victim).spoiled);
	expect(calls > 100);
	arena_end(&victim);
	bystander_check(&b);
	arena_end(&b);
}

TEST(scribbling_harms_only_the_scribbler)
{
	attack(scribbler, 2);
}

TEST(touching_everything_while_it_moves)
{
	attack(toucher, 2);
}

/* --------------------------------------------- indices that are used up */

/* Stock whose entries say that their generations are over is given back: it is used up. */
static __u32 use_up(struct arena *a, struct memlane_slot *slot, __u32 number)
{
	struct memlane_refill refill = {
		.size = sizeof(refill), .length = 64, .slot = number, .count = MEMLANE_MAG_SIZE,
	};
	struct memlane_flush flush = { .size = sizeof(flush), .slot = number };
	struct memlane_mag *mag;
	__u32 i;

	if (call(a->fd, MEMLANE_IOCTL_REFILL, &refill))
		return 0;
	mag = &slot->mag[refill.out_lane][refill.out_class];
	for (i = 0; i < mag->nr; i++)
		((__u64 *)a->map[MEMLANE_REGION_TABLE])[mag->index[i] - a->info.out_first] &=
			~MEMLANE_GEN_MASK;
	flush.lane = refill.out_lane;
	flush.cls = refill.out_class;
	expect_eq(call(a->fd, MEMLANE_IOCTL_FLUSH, &flush), 0);
	return flush.out_count;
}

/* Their words are gone by blocks; who names one of them in a magazine or by a handle is told no. */
TEST(indices_of_blocks_that_went_back)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct arena a = arena_new(LANE, LANE);
	struct memlane_slot *slot;
	struct memlane_mag *mag;
	__u64 handle = 0;
	__u32 used = 0, i;

	expect_eq(call(a.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	slot = (struct memlane_slot *)(a.map[MEMLANE_REGION_SLOTS] + reg.slot * a.info.out_slot_size);
	while (used < BOUND)
		used += use_up(&a, slot, reg.slot);
	expect(counts(&a).retired >= BOUND);
	for (i = 0; i < 2 * BOUND; i += 100) {
		struct memlane_flush flush = { .size = sizeof(flush), .slot = reg.slot };
		struct memlane_query ask = { .size = sizeof(ask) };
		struct memlane_wait wait = { .size = sizeof(wait), .flags = MEMLANE_WAIT_MAKER };
		__u32 index = a.info.out_first + 1 + i;

		mag = &slot->mag[0][0];
		mag->index[0] = index;
		mag->index[1] = index + 1;
		mag->nr = 2;
		slot->in_hand = index + 2;
		expect_eq(call(a.fd, MEMLANE_IOCTL_FLUSH, &flush), 0);
		handle = memlane_handle_make(a.info.out_cookie, MEMLANE_GEN_MAX, index);
		ask.handle = handle;
		wait.handle = handle;
		call(a.fd, MEMLANE_IOCTL_QUERY, &ask);
		call(a.fd, MEMLANE_IOCTL_WAIT, &wait);
		expect(free_live(&a, &handle, 1) < 0);
	}
	expect_sound(&a);
	arena_end(&a);
}

/* ------------------------------------------------ other arenas' bytes */

/* One arena is filled with 0xa5 and closed; another then looks at all it gets. */
static void leave_marks(unsigned int lane)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle[64], i;

	for (i = 0; i < 56; i++)
		handle[i] = alloc_one(&a, lane, i % 2 ? 32768 : 128 * 1024);
	for (i = 0; i < 56; i++)
		memset(address_of(&a, handle[i]), 0xa5, i % 2 ? 32768 : 128 * 1024);
	for (i = 0; i < BOUND; i++) {
		a.map[MEMLANE_REGION_CLASS][i] = 0xa5;
		((__u16 *)a.map[MEMLANE_REGION_NOTE])[i] = 0xa5a5;
		((__u64 *)a.map[MEMLANE_REGION_PIN])[i] = 0xa5a5a5a5a5a5a5a5;
		((__u64 *)a.map[MEMLANE_REGION_SIZE])[i] = 0xa5a5a5a5a5a5a5a5;
	}
	memset(a.map[MEMLANE_REGION_SLOTS], 0xa5, 8 * a.info.out_slot_size);
	arena_end(&a);
}

/* By words: looked at byte by byte it took half of the program's time. */
static void expect_zero(const char *what, const char *p, size_t length)
{
	const __u64 *word = (const __u64 *)p;
	size_t i;

	for (i = 0; i < length / 8; i++)
		if (word[i])
			fail("%s: word %zu is %016llx", what, i, word[i]);
}

static void look_for_marks(unsigned int lane)
{
	struct arena a = arena_new(LANE, LANE);
	__u64 handle;
	int i;

	for (i = 0; i < 40; i++) {
		handle = alloc_one(&a, lane, i % 2 ? 32768 : 128 * 1024);
		expect_zero("data", address_of(&a, handle), i % 2 ? 32768 : 128 * 1024);
	}
	expect_zero("class", a.map[MEMLANE_REGION_CLASS] + 64, BOUND - 64);
	expect_zero("note", a.map[MEMLANE_REGION_NOTE] + 64 * 2, BOUND * 2 - 64 * 2);
	expect_zero("pin", a.map[MEMLANE_REGION_PIN] + 64 * 8, BOUND * 8 - 64 * 8);
	expect_zero("size", a.map[MEMLANE_REGION_SIZE] + 64 * 8, BOUND * 8 - 64 * 8);
	expect_zero("table", a.map[MEMLANE_REGION_TABLE] + 64 * 8, BOUND * 8 - 64 * 8);
	expect_zero("slots", a.map[MEMLANE_REGION_SLOTS], 8 * a.info.out_slot_size);
	arena_end(&a);
}

TEST(no_byte_crosses_arenas)
{
	int round;

	for (round = 0; round < 10; round++) {
		leave_marks(round % 2);
		look_for_marks(round / 2 % 2);
	}
}

/* Pages that a blob gave back are zero when the same arena gets pages again. */
TEST(no_byte_comes_back_with_fresh_pages)
{
	struct arena a = arena_new(LANE, LANE);
	int round;

	for (round = 0; round < 50; round++) {
		__u64 handle = alloc_one(&a, round % 2, MIB);

		expect_zero("blob", address_of(&a, handle), MIB);
		memset(address_of(&a, handle), 0xa5, MIB);
		if (round % 3 == 0)
			expect_eq(migrate_one(&a, handle, !(round % 2)), 0);
		expect_eq(free_live(&a, &handle, 1), 0);
	}
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
