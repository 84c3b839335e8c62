// SPDX-License-Identifier: MIT
/* test-arenas.c - many arenas in one process: they share threads, and nothing else */
#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>

#include "api.h"

#define WORKERS 4 /* that all arenas of a process have together */
#define STUCK	(WORKERS - 1)
#define TOKEN	42
/* A sanitizer leaves less of the address space. */
#define NR	(SANITIZED ? 6 : 100)

/* Whether a thread of this process is one of the library's that look after arenas. */
static bool is_worker(const char *tid)
{
	char path[64], name[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return !strcmp(name, "memlane\n");
}

static unsigned int workers(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int nr = 0;
	struct dirent *d;

	expect(dir != NULL);
	while ((d = readdir(dir)))
		nr += is_worker(d->d_name);
	closedir(dir);
	return nr;
}

/* A thread that was waited for is seen for a moment yet. */
static void expect_no_workers(void)
{
	while (workers())
		usleep(1000);
}

static void local_only(void)
{
	const char *backend = getenv("MEMLANE_BACKEND");

	if (backend && !strcmp(backend, "module"))
		skip("the module's threads are the kernel's");
}

/* ------------------------------------------------------------- threads ---- */

TEST(arenas_share_their_threads)
{
	struct memlane_config c = quiet();
	unsigned int i;
	struct memlane *m[NR];

	local_only();
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		m[i] = open_with(&c);
		fill(m[i], must_alloc(m[i], 100), i);
	}
	for (i = 0; i < ARRAY_SIZE(m); i++)
		while (!stats(m[i]).counts.cycles)
			usleep(1000);
	expect(workers() >= 1);
	expect(workers() <= WORKERS);
	for (i = 0; i < ARRAY_SIZE(m); i++)
		memlane_close(m[i]);
	expect_no_workers();
}

/* Each goes when the last arena does, however often that is. */
TEST(the_last_arena_takes_the_threads_with_it)
{
	struct memlane_config c = quiet();
	unsigned int i;
	struct memlane *m[2];

	local_only();
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 1;
	for (i = 0; i < 100; i++) {
		m[0] = open_with(&c);
		m[1] = open_with(&c);
		expect(workers() >= 1);
		memlane_close(m[i & 1]);
		expect(workers() >= 1);
		memlane_close(m[~i & 1]);
		expect_no_workers();
	}
}

static void *open_and_close(void *arg)
{
	struct memlane_config c = quiet();
	unsigned int i;

	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	for (i = 0; i < *(unsigned int *)arg; i++) {
		struct memlane *m = open_with(&c);

		fill(m, must_alloc(m, 100), i);
		memlane_close(m);
	}
	return NULL;
}

TEST(the_last_arena_may_be_closed_while_the_first_is_opened)
{
	unsigned int rounds = 200, i;
	pthread_t t[4];

	local_only();
	for (i = 0; i < ARRAY_SIZE(t); i++)
		expect_eq(pthread_create(&t[i], NULL, open_and_close, &rounds), 0);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		expect_eq(pthread_join(t[i], NULL), 0);
	expect_no_workers();
}

static void expect_done(struct memlane *m)
{
	struct pollfd p = { .fd = memlane_event_fd(m), .events = POLLIN };
	struct memlane_event ev;

	expect_eq(poll(&p, 1, -1), 1);
	expect_eq(memlane_read_events(m, &ev, 1), 1);
	expect_eq(ev.type, MEMLANE_EVENT_DONE);
	expect_eq(ev.result, 0);
	expect_eq(ev.value, 1);
}

/* Nor does a close wait for a step of another arena. */
TEST(arenas_that_wait_for_a_section_keep_no_other_one_waiting)
{
	struct memlane_config c = quiet();
	struct memlane *m[STUCK], *other, *closed;
	memlane_handle h[STUCK];
	struct memlane_event ev;
	unsigned int i;

	local_only();
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.section_grace = 10;
	other = open_with(&c);
	closed = open_with(&c);
	for (i = 0; i < STUCK; i++) {
		m[i] = open_with(&c);
		h[i] = must_alloc_in(m[i], 100, MEMLANE_IN_FAST);
		expect_eq(memlane_enter(m[i]), 0);
		expect_eq(memlane_queue_migrate(m[i], MEMLANE_SLOW, &h[i], 1, TOKEN), 0);
	}
	for (i = 0; i < 20; i++) {
		memlane_handle x = must_alloc_in(other, 100, MEMLANE_IN_FAST);

		expect_eq(memlane_queue_migrate(other, MEMLANE_SLOW, &x, 1, TOKEN), 0);
		expect_done(other);
	}
	memlane_close(closed);
	for (i = 0; i < STUCK; i++) {
		expect_eq(memlane_read_events(m[i], &ev, 1), 0);
		expect_eq(memlane_exit(m[i]), 0);
	}
	for (i = 0; i < STUCK; i++)
		expect_done(m[i]);
	for (i = 0; i < STUCK; i++)
		memlane_close(m[i]);
	memlane_close(other);
}

/* -------------------------------------------------------------- forks ---- */

static void in_child(void)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	m = open_with(&c);
	fill(m, must_alloc(m, 100), 1);
	while (!stats(m).counts.cycles)
		usleep(1000);
	memlane_close(m);
	expect_no_workers();
}

TEST(a_child_has_threads_of_its_own)
{
	struct memlane_config c = quiet();
	unsigned int i;
	struct memlane *m[2];
	int status;
	pid_t pid;

	local_only();
#ifdef __SANITIZE_THREAD__
	skip("a sanitizer allows a child no threads");
#endif
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.policy_check_interval = 0.001;
	m[0] = open_with(&c);
	m[1] = open_with(&c);
	for (i = 0; i < 10; i++) {
		pid = fork();
		expect(pid >= 0);
		if (!pid) {
			in_child();
			memlane_close(m[0]);
			_exit(0);
		}
		expect_eq(waitpid(pid, &status, 0), pid);
		expect_eq(status, 0);
	}
	memlane_close(m[0]);
	memlane_close(m[1]);
	expect_no_workers();
}

/* --------------------------------------------------------------- many ---- */

#define MANY	  10000
#define SAME	  63 /* so many arenas later the cookie is the same */
#define MAPS	  5	/* of a small arena with objects in both lanes */
#define POOLED	  1000	/* mappings of all of them together, at most */
#define GIB	  (1ULL << 30)

/* Bytes of mappings that a child would not get, or would get empty: arenas have them. */
static uint64_t arena_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	uint64_t size = 0, sum = 0;
	char line[512];

	expect(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Size:", 5))
			size = strtoull(line + 5, NULL, 10) * KIB;
		else if (!strncmp(line, "VmFlags:", 8) && (strstr(line, " dc ") || strstr(line, " wf ")))
			sum += size;
	}
	fclose(f);
	return sum;
}

static uint64_t number_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	uint64_t number = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name))) {
			number = strtoull(line + strlen(name), NULL, 10);
			break;
		}
	if (f)
		fclose(f);
	return number;
}

static unsigned int count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int nr = 0;
	int c;

	expect(f != NULL);
	while ((c = getc(f)) != EOF)
		nr += c == '\n';
	fclose(f);
	return nr;
}

static void skip_where_limits_are_lower(void)
{
	struct rlimit limit;

	local_only();
	if (SANITIZED)
		skip("a sanitizer has most of the addresses");
	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur != RLIM_INFINITY)
		skip("RLIMIT_AS is set");
	if (number_in("/proc/sys/vm/max_map_count", "") < 65530)
		skip("vm.max_map_count is below its default");
	if (number_in("/proc/meminfo", "MemAvailable:") < 5 << 20)
		skip("less than 5 GiB of memory are free");
}

static void in_each(struct memlane **m, memlane_handle (*h)[2], unsigned int nr,
		    void (*f)(struct memlane *m, memlane_handle h, uint64_t id))
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		f(m[i], h[i][0], 2 * i);
		f(m[i], h[i][1], 2 * i + 1);
	}
}

/* Neither the next one's handles, nor those of one with the same cookie. */
static void expect_strange(struct memlane *m, memlane_handle h)
{
	int state = memlane_state(m, h);

	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, h) == NULL);
	expect_eq(memlane_exit(m), 0);
	expect(!memlane_is_valid(m, h));
	expect(state == MEMLANE_STATE_FOREIGN || state == MEMLANE_STATE_WILD);
	expect(memlane_free(m, h) < 0);
}

static void open_many(const struct memlane_config *c)
{
	static struct memlane *m[MANY];
	static memlane_handle h[MANY][2];
	uint64_t before = arena_bytes();
	unsigned int i, were = 0;

	skip_where_limits_are_lower();
	for (i = 0; i < MANY; i++) {
		m[i] = open_with(c);
		h[i][0] = must_alloc_in(m[i], 40, MEMLANE_IN_FAST);
		h[i][1] = must_alloc_in(m[i], 5000, MEMLANE_IN_SLOW);
		if (i == MANY / 2)
			were = count_maps();
	}
	printf("# %u mappings, %u of the second half\n", count_maps(), count_maps() - were);
	expect(count_maps() - were < MANY / 2 * MAPS + POOLED);
	expect(workers() <= WORKERS);
	in_each(m, h, MANY, fill);
	in_each(m, h, MANY, verify);
	for (i = 0; i < MANY; i++) {
		expect_strange(m[i], h[(i + 1) % MANY][0]);
		expect_strange(m[i], h[(i + SAME) % MANY][1]);
	}
	in_each(m, h, MANY, verify);
	for (i = 0; i < MANY; i++)
		memlane_close(m[i]);
	expect_eq(arena_bytes(), before);
	expect_no_workers();
}

TEST(ten_thousand_small_arenas)
{
	struct memlane_config c;

	memlane_config_init(&c);
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.fast_lane_size = c.fast_lane_max = MIB;
	c.slow_lane_size = c.slow_lane_max = MIB;
	c.max_handles = 1000;
	c.max_threads = 8;
	open_many(&c);
}

TEST(ten_thousand_arenas_of_the_defaults)
{
	struct memlane_config c;

	memlane_config_init(&c);
	c.backend = MEMLANE_BACKEND_LOCAL;
	open_many(&c);
}

/* -------------------------------------------------------------- small ---- */

/* From so many addresses on that this process has in arenas, others are small. */
static struct memlane *open_small(void)
{
	struct memlane_config c = quiet();
	uint64_t size;
	struct memlane *m;
	unsigned int i;

	local_only();
#ifdef __SANITIZE_THREAD__
	skip("a sanitizer has most of the addresses");
#endif
	c.backend = MEMLANE_BACKEND_LOCAL;
	c.fast_lane_max = c.slow_lane_max = 320 * GIB;
	for (i = 0; i < 25; i++)
		if (memlane_open(&m, &c))
			skip("there are no 24 TiB of addresses");
	c = quiet();
	c.backend = MEMLANE_BACKEND_LOCAL;
	open_with(&c);
	size = number_in("/proc/self/status", "VmSize:");
	m = open_with(&c);
	expect(number_in("/proc/self/status", "VmSize:") - size < 32 * MIB);
	return m;
}

static int see(void *arg, const struct memlane_object *o)
{
	(void)o;
	++*(int *)arg;
	return 0;
}

TEST(a_small_arena_keeps_its_objects)
{
	struct memlane *m = open_small();
	static memlane_handle h[20000];
	unsigned int i;
	int seen = 0;

	for (i = 0; i < ARRAY_SIZE(h); i++) {
		h[i] = must_alloc(m, 1 + i % 6000);
		fill(m, h[i], i);
	}
	for (i = 0; i < ARRAY_SIZE(h); i++)
		if (i % 4)
			expect_eq(memlane_free(m, h[i]), 0);
	expect_eq(memlane_thread_flush(m), 0);
	expect(memlane_compact(m, 0, 0, NULL) >= 0);
	expect(stats(m).counts.moved > 0);
	for (i = 0; i < ARRAY_SIZE(h); i++) {
		if (i % 4) {
			expect_eq(memlane_state(m, h[i]) == MEMLANE_STATE_LIVE, 0);
			expect_eq(memlane_free(m, h[i]), -ESTALE);
		} else {
			verify(m, h[i], i);
		}
	}
	expect_eq(memlane_each(m, see, &seen), 0);
	expect_eq(seen, ARRAY_SIZE(h) / 4);
	memlane_close(m);
}

TEST(words_of_a_small_arena_are_its_own)
{
	struct memlane *m = open_small();
	struct memlane_tally t = { .bytes = 1 };
	memlane_handle h = must_alloc(m, 100), x;
	const uint64_t any[] = { 1, ~0ULL, h ^ 1, h ^ (1ULL << 31), h ^ (1ULL << 40), h | 1ULL << 63 };
	unsigned int i;

	fill(m, h, 1);
	expect(memlane_pin(m, h) != NULL);
	expect_eq(memlane_free(m, h), -EBUSY);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), -EBUSY);
	expect_eq(memlane_unpin(m, h), 0);
	expect_eq(memlane_unpin(m, h), -EINVAL);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	expect_eq(memlane_lane(m, h), MEMLANE_SLOW);
	expect_eq(memlane_resize(m, h, 90), 0);
	expect_eq(memlane_size(m, h), 90);
	verify(m, h, 1);
	expect_eq(memlane_tally(m, MEMLANE_BY_GROUP, 60000, &t), 0);
	expect_eq(t.bytes, 0);
	expect_eq(memlane_tally(m, MEMLANE_BY_GROUP, 0, &t), 0);
	expect(t.by_cause[MEMLANE_CAUSE_HAND] == 1);
	for (i = 0; i < ARRAY_SIZE(any); i++) {
		x = any[i];
		expect_eq(memlane_enter(m), 0);
		expect(memlane_get(m, x) == NULL);
		expect_eq(memlane_exit(m), 0);
		expect(memlane_free(m, x) < 0);
		expect(memlane_pin(m, x) == NULL);
	}
	verify(m, h, 1);
	memlane_close(m);
}

static void *free_in_thread(void *arg)
{
	void **of = arg;

	expect_eq(memlane_free(of[0], *(memlane_handle *)of[1]), 0);
	expect(memlane_alloc(of[0], 100) != 0);
	return NULL;
}

TEST(threads_and_children_of_a_small_arena)
{
	struct memlane *m = open_small();
	memlane_handle h = must_alloc(m, 100), kept = must_alloc(m, 100);
	void *of[] = { m, &h };
	pthread_t t;
	int status;
	pid_t pid;

	fill(m, kept, 7);
	expect_eq(pthread_create(&t, NULL, free_in_thread, of), 0);
	expect_eq(pthread_join(t, NULL), 0);
	expect(!memlane_is_valid(m, h));
	pid = fork();
	expect(pid >= 0);
	if (!pid) {
		struct memlane *own;

		expect(memlane_get(m, kept) == NULL);
		expect_eq(memlane_enter(m), -EOWNERDEAD);
		memlane_close(m);
		own = open_quiet();
		fill(own, must_alloc(own, 100), 1);
		memlane_close(own);
		_exit(0);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
	verify(m, kept, 7);
	memlane_close(m);
}
