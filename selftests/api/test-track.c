// SPDX-License-Identifier: MIT
/* test-track.c - histories of objects, recommendations, and that they cost nothing when off */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "api.h"

/* Notes are written for what would take 65536 cycles. */
#include "../../lib/watch.h"

static struct memlane *open_tracked(void)
{
	struct memlane_config c = quiet();

	c.tracking = true;
	c.age_interval = 0;
	c.fast_lane_size = 16 * MIB;
	return open_with(&c);
}

static void use(struct memlane *m, memlane_handle h)
{
	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, h));
	expect_eq(memlane_exit(m), 0);
}

TEST(use_and_moves_are_remembered)
{
	struct memlane *m = open_tracked();
	memlane_handle used = must_alloc(m, 100), idle = must_alloc(m, 100);
	struct memlane_track t;
	int i;

	for (i = 0; i < 8; i++) {
		use(m, used);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	expect_eq(memlane_track(m, used, &t), 0);
	expect_eq(t.looks, 8);
	expect_eq(t.used, 8);
	expect_eq(t.promoted + t.demoted, 0);
	expect_eq(memlane_track(m, idle, &t), 0);
	expect_eq(t.looks, 8);
	expect_eq(t.used, 1);
	expect_eq(t.demoted, 1);
	expect_eq(memlane_migrate(m, idle, MEMLANE_FAST), 0);
	use(m, idle);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_track(m, idle, &t), 0);
	expect_eq(t.promoted, 1);
	usleep(30000);
	expect_eq(memlane_track(m, idle, &t), 0);
	expect(t.age_ms >= 20);
	expect_eq(memlane_free(m, idle), 0);
	expect_eq(memlane_track(m, idle, &t), -ESTALE);
	memlane_close(m);
}

static struct memlane_track history(struct memlane *m, memlane_handle h)
{
	struct memlane_track t;

	expect_eq(memlane_track(m, h, &t), 0);
	return t;
}

/* The words of the first 4096 indices have gone back, before what lives. */
TEST(what_lives_behind_used_up_indices_is_looked_at)
{
	struct memlane_step short_step = { .max_ns = 1000000 };
	struct memlane_config c = quiet();
	struct memlane *m;
	memlane_handle h;
	int i;

	c.tracking = true;
	c.aged = true;
	m = open_with(&c);
	for (i = 0; i < 8 * 5000; i++)
		expect_eq(memlane_free(m, must_alloc(m, 64)), 0);
	h = must_alloc(m, 64);
	expect(stats(m).counts.retired > 4096);
	expect_eq(memlane_maintain(m, NULL), 0);
	expect_eq(memlane_maintain(m, NULL), 0);
	expect_eq(history(m, h).looks, 2);
	expect_eq(memlane_maintain(m, &short_step), 0);
	expect_eq(history(m, h).looks, 3);
	memlane_close(m);
}

/* Cycles behind the program's back, so many of them, or as many as a minute has. */
static void wait_for_cycles(struct memlane *m, uint64_t nr)
{
	uint64_t until = stats(m).counts.cycles + nr;
	int i;

	for (i = 0; i < 6000 && stats(m).counts.cycles < until; i++)
		usleep(10000);
}

static void expect_background_seen(void)
{
	struct memlane_config c = quiet();
	memlane_handle used, idle;
	struct memlane *m;
	int i;

	c.tracking = true;
	c.age_interval = 0;
	c.policy_check_interval = 0.02;
	c.fast_lane_size = 16 * MIB;
	m = open_with(&c);
	used = must_alloc(m, 100);
	idle = must_alloc(m, 100);
	for (i = 0; i < 30000 && (!history(m, idle).demoted || history(m, used).used < 4); i++) {
		use(m, used);
		usleep(2000);
	}
	expect_eq(history(m, idle).demoted, 1);
	expect(history(m, idle).used < 3);
	expect(history(m, idle).looks >= 4);
	expect(history(m, used).used > 3);
	memlane_close(m);
}

TEST(what_happens_in_the_background_is_seen)
{
	expect_background_seen();
}

/* Cookies that come round again have had the first indices before. */
TEST(so_it_is_where_indices_begin_high)
{
	memlane_handle h = 0;
	unsigned int i;

	for (i = 0; i < 2 * MEMLANE_COOKIE_MAX; i++) {
		struct memlane *m = open_quiet();

		h = must_alloc(m, 100);
		memlane_close(m);
	}
	expect(memlane_handle_index(h) > 512);
	expect_background_seen();
}

TEST(the_interval_of_a_tracked_arena_can_be_changed)
{
	struct memlane_config c = quiet();
	struct memlane *m;
	uint64_t v, cycles;
	int i, same = 0;

	c.tracking = true;
	c.policy_check_interval = 0.02;
	m = open_with(&c);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_POLICY_INTERVAL, &v), 0);
	expect_eq(v, 20000000);
	wait_for_cycles(m, 3);
	expect_eq(memlane_set_option(m, MEMLANE_OPT_POLICY_INTERVAL, 0), 0);
	expect_eq(memlane_get_option(m, MEMLANE_OPT_POLICY_INTERVAL, &v), 0);
	expect_eq(v, 0);
	/* One may have begun before. */
	cycles = stats(m).counts.cycles;
	for (i = 0; i < 300 && same < 3; i++) {
		usleep(200000);
		same = stats(m).counts.cycles == cycles ? same + 1 : 0;
		cycles = stats(m).counts.cycles;
	}
	expect_eq(same, 3);
	memlane_close(m);
}

static struct memlane *moved_in;
static bool moved;

static void has_moved(void *arg, int failed)
{
	expect_eq(failed, 0);
	__atomic_store_n(&moved, true, __ATOMIC_RELEASE);
	(void)arg;
}

static void move_async(memlane_handle h, int lane)
{
	int i;

	moved = false;
	expect_eq(memlane_migrate_async(moved_in, lane, &h, 1, has_moved, NULL), 0);
	for (i = 0; i < 6000 && !__atomic_load_n(&moved, __ATOMIC_ACQUIRE); i++)
		usleep(10000);
}

/* Nobody looks meanwhile. */
TEST(there_and_back_between_two_looks_is_remembered)
{
	struct memlane *m = moved_in = open_tracked();
	memlane_handle h[3];
	int32_t results[3];
	int i;

	for (i = 0; i < 3; i++)
		expect_eq(memlane_alloc_with(m, 100, &(struct memlane_alloc_opts) { .group = 9 }, &h[i]), 0);
	expect_eq(memlane_migrate(m, h[0], MEMLANE_SLOW), 0);
	expect_eq(memlane_migrate(m, h[0], MEMLANE_SLOW), 0);
	expect_eq(memlane_migrate(m, h[0], MEMLANE_FAST), 0);
	expect_eq(history(m, h[0]).demoted, 1);
	expect_eq(history(m, h[0]).promoted, 1);
	expect_eq(memlane_group_migrate(m, 9, MEMLANE_SLOW), 0);
	expect_eq(memlane_free(m, h[2]), 0);
	expect_eq(memlane_migrate_batch(m, MEMLANE_FAST, h, 3, results, NULL), 1);
	expect_eq(results[2], -ESTALE);
	move_async(h[1], MEMLANE_SLOW);
	move_async(h[1], MEMLANE_FAST);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(history(m, h[0]).demoted, 2);
	expect_eq(history(m, h[0]).promoted, 2);
	expect_eq(history(m, h[1]).demoted, 2);
	expect_eq(history(m, h[1]).promoted, 2);
	expect_eq(history(m, h[1]).looks, 1);
	memlane_close(m);
}

/* Have the kernel ask all its shrinkers for all that they have. */
static void drop_slab(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0)
		skip("drop_caches: %s", strerror(errno));
	expect_eq(write(fd, "2", 1), 1);
	expect_eq(close(fd), 0);
}

/* Its own next cycle is hours away. */
TEST(a_tracked_arena_gives_memory_back_when_the_system_is_short)
{
	struct memlane_config c = quiet();
	struct memlane_stats after;
	memlane_handle h;
	struct memlane *m;
	uint64_t v;
	int i;

	c.tracking = true;
	c.policy_check_interval = 10000;
	m = open_with(&c);
	if (!(memlane_capabilities(m) & MEMLANE_CAP_SHRINKER))
		skip("nobody is told");
	expect_eq(memlane_get_option(m, MEMLANE_OPT_POLICY_INTERVAL, &v), 0);
	expect_eq(v, 10000000000000);
	expect_eq(memlane_alloc_with(m, MIB, &(struct memlane_alloc_opts) { .group = 5 }, &h), 0);
	fill(m, h, 1);
	expect_eq(memlane_set_purgeable(m, 5, true), 0);
	for (i = 0; i < 3000 && memlane_state(m, h) != MEMLANE_STATE_PURGED; i++) {
		drop_slab();
		usleep(20000);
	}
	expect_eq(memlane_state(m, h), MEMLANE_STATE_PURGED);
	/* The shrinker has it itself, or wakes a cycle: no other cycle has run. */
	after = stats(m);
	expect_eq(after.counts.cycles, after.counts.shortages);
	memlane_close(m);
}

TEST(an_object_that_was_looked_at_very_often_is_judged_by_its_use)
{
	struct memlane *m = open_tracked();
	memlane_handle h = must_alloc(m, 100);
	struct note *n = &m->watch->note[(uint32_t)h];
	int i;

	use(m, h);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	n->looks = 65534;
	n->used = 40000;
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(history(m, h).looks, 65535);
	expect_eq(history(m, h).used, 40000);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(history(m, h).looks, 32768);
	expect_eq(history(m, h).used, 20000);
	for (i = 0; i < 10; i++) {
		use(m, h);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	expect_eq(history(m, h).looks, 32778);
	expect_eq(history(m, h).used, 20010);
	memlane_close(m);
}

/* A cycle of a frame has a millisecond: it looks at a part, and the next one at the rest. */
TEST(a_limited_cycle_looks_at_a_part)
{
	enum { MANY = 400000, SAMPLE = 997 };
	struct memlane_config c = quiet();
	memlane_handle *h = calloc(MANY, sizeof(*h));
	unsigned int ticks = 0, seen, all = (MANY + SAMPLE - 1) / SAMPLE, i;
	struct memlane_step step = { .max_ns = 1000000 };
	struct memlane *m;

	c.tracking = true;
	c.frames_per_cycle = 1;
	c.fast_lane_size = 64 * MIB;
	m = open_with(&c);
	for (i = 0; i < MANY; i++)
		h[i] = must_alloc(m, 32);
	do {
		expect_eq(memlane_tick_frame(m), ++ticks);
		for (i = 0, seen = 0; i < MANY; i += SAMPLE)
			seen += history(m, h[i]).looks > 0;
		if (ticks == 1)
			expect(seen > 0 && seen < all);
	} while (seen < all && ticks < 5000);
	printf("# all %d objects in %u limited cycles\n", MANY, ticks);
	expect_eq(seen, all);
	expect(history(m, h[SAMPLE]).looks <= 2);
	expect_eq(memlane_maintain(m, &step), 0);
	expect_eq(step.max_ns, 1000000);
	expect(step.out_ns > 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect(history(m, h[0]).looks >= 2 && history(m, h[MANY - 1]).looks >= 2);
	memlane_close(m);
	free(h);
}

static uint32_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000U + t.tv_nsec / 1000000;
}

/* While nobody asks, nobody tells: the first to ask again must not be told an old time. */
TEST(an_object_born_after_a_pause_is_young)
{
	struct memlane *m = open_tracked();
	memlane_handle old = must_alloc(m, 100), young;
	uint32_t begun;

	usleep(5000000);
	begun = now_ms();
	young = must_alloc(m, 100);
	expect(history(m, young).age_ms < now_ms() - begun + 2000);
	expect(history(m, old).age_ms >= 4900);
	memlane_close(m);
}

TEST(sums_tell_what_has_moved)
{
	struct memlane *m = open_tracked();
	struct memlane_alloc_opts opts = { .tag = 5, .group = 6 };
	struct memlane_usage u;
	memlane_handle h[3];
	int i;

	for (i = 0; i < 3; i++) {
		expect_eq(memlane_alloc_with(m, 100, &opts, &h[i]), 0);
		expect_eq(memlane_set_hints(m, h[i], i < 2 ? MEMLANE_HINT_COLD :
							     MEMLANE_HINT_FRAME_CRITICAL), 0);
	}
	expect_eq(memlane_migrate(m, h[0], MEMLANE_SLOW), 0);
	expect_eq(memlane_migrate(m, h[1], MEMLANE_SLOW), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_migrate(m, h[0], MEMLANE_FAST), 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_stat_tag(m, 5, &u), 0);
	expect_eq(u.demoted, 2);
	expect_eq(u.promoted, 1);
	expect_eq(memlane_stat_group(m, 6, &u), 0);
	expect_eq(u.demoted, 2);
	expect_eq(memlane_stat_tag(m, 4, &u), 0);
	expect_eq(u.demoted + u.promoted, 0);
	memlane_close(m);
}

TEST(the_child_of_a_fork_has_no_thread_to_wait_for)
{
	struct memlane *m = open_tracked();
	int status;
	pid_t pid;

	must_alloc(m, 100);
	pid = fork();
	if (!pid) {
		alarm(10);
		memlane_close(m);
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	expect_eq(status, 0);
	expect_eq(memlane_run_maintenance_cycle(m), 0);
	memlane_close(m);
}

TEST(a_new_object_has_no_history)
{
	struct memlane *m = open_tracked();
	struct memlane_track t;
	memlane_handle h;
	int i;

	for (i = 0; i < 100; i++) {
		h = must_alloc(m, 100);
		expect_eq(memlane_track(m, h, &t), 0);
		expect_eq(t.looks + t.used + t.promoted + t.demoted, 0);
		use(m, h);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
		expect_eq(memlane_free(m, h), 0);
	}
	memlane_close(m);
}

TEST(without_tracking_there_is_no_history)
{
	struct memlane *m = open_quiet();
	struct memlane_track t;

	expect_eq(memlane_track(m, must_alloc(m, 10), &t), -EOPNOTSUPP);
	expect_eq(memlane_recommend(m, NULL, NULL), -EOPNOTSUPP);
	memlane_close(m);
}

/* What was recommended: per kind, the last tag or size. */
struct advised {
	int nr[4];
	uint64_t bytes;
	uint16_t tag[4];
};

static void take(void *arg, const struct memlane_advice *a)
{
	struct advised *got = arg;

	printf("# %s\n", a->text);
	got->nr[a->kind]++;
	got->tag[a->kind] = a->tag;
	if (a->kind == MEMLANE_ADVISE_POOL)
		got->bytes = a->bytes;
}

static void tag_some(struct memlane *m, memlane_handle *h, uint16_t tag, unsigned int lane)
{
	struct memlane_alloc_opts opts = { .tag = tag, .lane = lane, .hints = MEMLANE_HINT_FRAME_CRITICAL };
	int i;

	for (i = 0; i < 10; i++)
		expect_eq(memlane_alloc_with(m, 200, &opts, &h[i]), 0);
}

TEST(recommendations_follow_from_use)
{
	struct memlane *m = open_tracked();
	memlane_handle hot[10], idle[10], bounce[10];
	struct advised got = { .bytes = 0 };
	int i, j;

	tag_some(m, idle, 31, MEMLANE_IN_FAST);
	tag_some(m, bounce, 32, MEMLANE_IN_FAST);
	for (j = 0; j < 6; j++) {
		for (i = 0; i < 10; i++)
			expect_eq(memlane_migrate(m, bounce[i], j & 1 ? MEMLANE_FAST : MEMLANE_SLOW), 0);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	expect_eq(memlane_set_limit(m, MEMLANE_FAST, 8 * MIB), 0);
	tag_some(m, hot, 30, MEMLANE_IN_SLOW);
	for (i = 0; i < 10; i++)
		expect_eq(memlane_set_hints(m, hot[i], MEMLANE_HINT_COLD), 0);
	for (j = 0; j < 6; j++) {
		for (i = 0; i < 10; i++)
			use(m, hot[i]);
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	}
	for (i = 0; i < 1000; i++)
		expect_eq(memlane_free(m, must_alloc(m, 700)), 0);
	expect_eq(memlane_recommend(m, take, &got), 4);
	expect_eq(got.nr[MEMLANE_ADVISE_POOL], 1);
	expect_eq(got.bytes, memlane_class_bytes(m, memlane_size_class(m, 700)));
	expect_eq(got.tag[MEMLANE_ADVISE_FAST], 30);
	expect_eq(got.tag[MEMLANE_ADVISE_SLOW], 31);
	expect_eq(got.tag[MEMLANE_ADVISE_STAY], 32);
	memlane_close(m);
}

static void take_text(void *arg, const struct memlane_advice *a)
{
	snprintf(arg, 512, "%s", a->text);
}

TEST(a_long_name_leaves_room_for_the_advice)
{
	struct memlane *m = open_tracked();
	char name[401], text[512] = "";
	memlane_handle idle[10];
	int i;

	memset(name, 'n', 400);
	name[400] = 0;
	expect_eq(memlane_tag_name(m, 31, name), 0);
	tag_some(m, idle, 31, MEMLANE_IN_FAST);
	for (i = 0; i < 6; i++)
		expect_eq(memlane_run_maintenance_cycle(m), 0);
	expect_eq(memlane_recommend(m, take_text, text), 1);
	expect(strstr(text, "(nnnn") && strstr(text, "make them in the SlowLane"));
	memlane_close(m);
}

/* ----------------------------------------------------------------- cost */

static double churn_ns(struct memlane *m)
{
	struct timespec a, b;
	int i;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 300000; i++)
		memlane_free(m, memlane_alloc(m, 64));
	clock_gettime(CLOCK_MONOTONIC, &b);
	return ((b.tv_sec - a.tv_sec) * 1e9 + b.tv_nsec - a.tv_nsec) / 300000;
}

/* For a reader: what it is bounded by is counted below. */
TEST(tracking_costs_some_nanoseconds)
{
	struct memlane *m = open_quiet(), *t = open_tracked();
	double off = 1e9, on = 1e9, ns;
	int i;

	for (i = 0; i < 7; i++) {
		ns = churn_ns(m);
		off = ns < off ? ns : off;
		ns = churn_ns(t);
		on = ns < on ? ns : on;
	}
	printf("# alloc and free: %.1f ns without tracking, %.1f ns with\n", off, on);
	memlane_close(m);
	memlane_close(t);
}

/* The functions of the library that watching is made of: first and end address. */
struct range {
	unsigned long first;
	unsigned long end;
};

static int watch_functions(struct range *r, int most)
{
	char line[256], type, name[128];
	unsigned long at, size;
	int nr = 0;
	FILE *f;

	f = popen("nm -S /proc/$PPID/exe 2>/dev/null", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %lx %c %127s", &at, &size, &type, name) == 4 && nr < most &&
		    (!strncmp(name, "watch_", 6) || !strncmp(name, "track_", 6) ||
		     !strncmp(name, "guard_", 6)))
			r[nr++] = (struct range) { at, at + size };
	if (f)
		pclose(f);
	return nr;
}

/* Where the program is loaded, for position independent ones. */
static unsigned long load_base(void)
{
	extern const char __executable_start[];

	return (unsigned long)__executable_start;
}

static memlane_handle traced_handle;

/* What is counted: between the two marks, in a process of its own. */
static void work(struct memlane *m)
{
	memlane_handle h;

	traced_handle = must_alloc(m, 64);
	memlane_free(m, must_alloc(m, 64));
	raise(SIGSTOP);
	memlane_enter(m);
	memlane_get(m, traced_handle);
	memlane_exit(m);
	h = memlane_alloc(m, 64);
	memlane_free(m, h);
	_exit(0);
}

#define CLOCK_SIZE 0x4000 /* at least, of the vdso */

/* Single steps of work(): how many, and how many of them in watching functions. */
static void count_steps(bool tracked, unsigned long *all, unsigned long *watched)
{
	struct user_regs_struct regs;
	static struct range range[64];
	int status, nr = watch_functions(range, 64), i;
	unsigned long clock = getauxval(AT_SYSINFO_EHDR);
	unsigned long base = 0;
	pid_t pid;

	if (!nr)
		skip("nm does not show the functions");
	if (range[0].first < 0x400000)
		base = load_base();
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		work(tracked ? open_tracked() : open_quiet());
	}
	expect(waitpid(pid, &status, 0) == pid);
	if (!WIFSTOPPED(status))
		skip("ptrace is not allowed");
	*all = *watched = 0;
	while (!ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status) && *all < 100000) {
		expect_eq(ptrace(PTRACE_GETREGS, pid, NULL, &regs), 0);
		/* The kernel's clock: it is read again whenever it has ticked, which is every step. */
		if (regs.rip - clock < CLOCK_SIZE)
			continue;
		++*all;
		for (i = 0; i < nr; i++)
			*watched += regs.rip - base >= range[i].first && regs.rip - base < range[i].end;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

TEST(without_tracking_no_instruction_of_it_runs)
{
	unsigned long all, watched, all_on, watched_on;

	count_steps(false, &all, &watched);
	count_steps(true, &all_on, &watched_on);
	printf("# %lu instructions, %lu of them watch; with tracking %lu and %lu\n", all, watched,
	       all_on, watched_on);
	expect_eq(watched, 0);
	expect(watched_on > 20);
	expect(all_on > all);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/*
	 * It is 252, and 315 where nobody has told the time for a while, so that the program
	 * asks for it: more by a third is to be explained.
	 */
	expect(all_on - all < 420);
#endif
}

/*
 * The inline functions know nothing of it, and nor do the fast paths of alloc and free: a
 * watched arena fails a comparison that they have anyway, with the largest size and with the
 * end of the data area. Behind it the slow ones have one more. That is all the code that
 * mentions it.
 */
static int mentions(const char *function)
{
	FILE *f = disassembly(function);
	int nr = 0, lines = 0;
	char line[300];

	while (fgets(line, sizeof(line), f)) {
		lines += strchr(line, '\t') != NULL;
		nr += strstr(line, "<watch_") || strstr(line, "<track_") || strstr(line, "<guard_");
	}
	pclose(f);
	if (!lines)
		fail("objdump shows no function %s", function);
	return nr;
}

__attribute__((noinline, used))
void *inlined_get(struct memlane *m, memlane_handle h)
{
	void *p;

	memlane_enter(m);
	p = memlane_get(m, h);
	memlane_exit(m);
	return p;
}

TEST(the_disassembly_mentions_it_in_no_fast_path)
{
	expect_eq(mentions("inlined_get"), 0);
	expect_eq(mentions("memlane_alloc"), 0);
	expect_eq(mentions("memlane_free"), 0);
	expect_eq(mentions("alloc_slowly"), 1);
	expect_eq(mentions("object_end"), 1);
}
