// SPDX-License-Identifier: MIT
/*
 * pressure.c - what is purgeable goes at once when memory is short, and before anybody is killed
 *
 * Nothing here has an interval: what is given back is given back by who needs it.
 * ML_MIB is how much is purgeable while a neighbour takes all the rest.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../arena.h"

#define ROOT	"/sys/fs/cgroup"
#define GROUP	5
#define SIZE	(200UL << 10)
#define MOST	20000

static __u64 handles[MOST];

/* @mib of objects, written, of a purgeable group. */
static struct arena arena_purgeable(unsigned long mib, unsigned int *nr)
{
	struct arena a = arena_new(MIB, (mib + 2) * MIB * 5 / 4);

	*nr = mib * MIB / SIZE;
	expect(*nr <= MOST);
	option_set(&a, MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP);
	for (unsigned int i = 0; i < *nr; i++) {
		handles[i] = alloc_one(&a, MEMLANE_SLOW, SIZE);
		join_group(&a, handles[i], GROUP);
		memset(address_of(&a, handles[i]), 1, SIZE);
	}
	return a;
}

/* Asked until there is nothing more to be had: a lock may be held now and then. */
static void ask_for(const struct arena *a, unsigned int nr)
{
	int i;

	for (i = 0; i < 50 && counts(a).purged < nr; i++)
		drop_slab();
	expect_eq(counts(a).purged, nr);
}

TEST(purgeable_objects_go_at_once)
{
	unsigned int nr, i;
	struct arena a = arena_purgeable(8, &nr);
	__u64 kept = alloc_one(&a, MEMLANE_SLOW, SIZE);

	memset(address_of(&a, kept), 7, SIZE);
	ask_for(&a, nr);
	for (i = 0; i < nr; i++)
		expect_eq(query(&a, handles[i]).out_state, MEMLANE_STATE_PURGED);
	expect_eq(query(&a, kept).out_state, MEMLANE_STATE_LIVE);
	expect_eq(address_of(&a, kept)[SIZE - 1], 7);
	expect(counts(&a).lane[MEMLANE_SLOW].resident <= SIZE + PAGE);
	expect_eq(counts(&a).cycles, 0);
	expect_sound(&a);
	arena_end(&a);
}

TEST(small_ones_too)
{
	struct arena a = arena_new(MIB, 8 * MIB);
	int i;

	option_set(&a, MEMLANE_OPT_PURGEABLE, 1 << 16 | GROUP);
	expect_eq(alloc_live(&a, MEMLANE_SLOW, 1000, 4000, handles), 4000);
	for (i = 0; i < 4000; i++) {
		join_group(&a, handles[i], GROUP);
		memset(address_of(&a, handles[i]), 1, 1000);
	}
	ask_for(&a, 4000);
	expect_eq(counts(&a).lane[MEMLANE_SLOW].resident, 0);
	expect_sound(&a);
	arena_end(&a);
}

/* An open section may be using any of them, and it is not waited for. */
TEST(nothing_goes_under_an_open_section)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_slot *slot;
	unsigned int nr;
	struct arena a = arena_purgeable(4, &nr);

	expect_eq(call(a.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	slot = (void *)(a.map[MEMLANE_REGION_SLOTS] + reg.slot * a.info.out_slot_size);
	__atomic_store_n(&slot->section, 1, __ATOMIC_SEQ_CST);
	drop_slab();
	drop_slab();
	expect_eq(counts(&a).purged, 0);
	__atomic_store_n(&slot->section, 0, __ATOMIC_SEQ_CST);
	ask_for(&a, nr);
	expect_sound(&a);
	arena_end(&a);
}

TEST(a_pinned_one_stays)
{
	unsigned int nr;
	struct arena a = arena_purgeable(4, &nr);

	*pin_of(&a, handles[3]) += MEMLANE_PIN_ONE;
	ask_for(&a, nr - 1);
	expect_eq(query(&a, handles[3]).out_state, MEMLANE_STATE_PINNED);
	expect_eq(address_of(&a, handles[3])[0], 1);
	arena_end(&a);
}

/* Names are shared: the more arenas are open, the higher the indices of the next one. */
TEST(however_high_its_indices_are)
{
	struct arena a, other[200];
	unsigned int nr, i;

	for (i = 0; i < 200; i++)
		other[i] = arena_unmapped(MIB, MIB);
	a = arena_purgeable(4, &nr);
	expect(a.info.out_first > 2 << 20);
	ask_for(&a, nr);
	arena_end(&a);
	for (i = 0; i < 200; i++)
		close(other[i].fd);
}

/* Whatever others seem to have, and however little they give. */
TEST(claims_of_others_change_nothing)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_slot *slot;
	unsigned int nr, i;
	struct arena greedy[8], a;

	for (i = 0; i < 8; i++) {
		greedy[i] = arena_purgeable(4, &nr);
		expect_eq(call(greedy[i].fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
		slot = (void *)(greedy[i].map[MEMLANE_REGION_SLOTS] +
				reg.slot * greedy[i].info.out_slot_size);
		__atomic_store_n(&slot->section, 1, __ATOMIC_SEQ_CST);
	}
	a = arena_purgeable(4, &nr);
	ask_for(&a, nr);
	for (i = 0; i < 8; i++) {
		expect_eq(counts(&greedy[i]).purged, 0);
		arena_end(&greedy[i]);
	}
	arena_end(&a);
}

/* ------------------------------------------------------------ memory.max */

static bool put(const char *folder, const char *name, const char *text)
{
	char path[128];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return good;
}

/* Exit status of a child, or the signal that ended it and 128. */
static int result_of(pid_t pid)
{
	int status;

	expect_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void take(unsigned long bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long i;

	expect(p != MAP_FAILED);
	for (i = 0; i < bytes; i += PAGE)
		p[i] = 1;
	munmap(p, bytes);
}

TEST(a_program_at_its_own_limit_lives)
{
	char group[64];
	pid_t pid;

	close(device_open(O_RDWR));
	snprintf(group, sizeof(group), ROOT "/memlane-%d", getpid());
	if (!put(ROOT, "cgroup.subtree_control", "+memory") || mkdir(group, 0700))
		skip("no memory cgroup can be made below " ROOT);
	expect(put(group, "memory.max", "64M"));
	pid = fork();
	if (!pid) {
		unsigned int nr;
		struct arena a;

		expect(put(group, "cgroup.procs", "0"));
		a = arena_purgeable(40, &nr);
		take(48 * MIB);
		expect(counts(&a).purged > 0);
		expect_sound(&a);
		_exit(0);
	}
	expect_eq(result_of(pid), 0);
	expect_eq(rmdir(group), 0);
}

/* Holds pages of an arena that cannot be dropped; says so; waits to be killed. */
static void hold_pages(const int *tell)
{
	struct arena a = arena_new(MIB, 64 * MIB);
	__u64 h = alloc_one(&a, MEMLANE_SLOW, 40 * MIB);
	unsigned long at;

	for (at = 0; at < 40 * MIB; at += PAGE)
		address_of(&a, h)[at] = 1;
	expect_eq(write(tell[1], "x", 1), 1);
	for (;;)
		pause();
}

/*
 * The one who asks for what there is no more of is smaller, and the holder dies. But the kernel
 * takes a process for gone when its mappings are, and pages of a file come back with its
 * descriptors, a moment later: who asks for memory in that moment may be killed after it.
 */
TEST(the_killer_takes_who_holds_the_pages)
{
	char group[64], c;
	pid_t holder, innocent;
	int tell[2], result;

	close(device_open(O_RDWR));
	snprintf(group, sizeof(group), ROOT "/memlane-%d", getpid());
	if (!put(ROOT, "cgroup.subtree_control", "+memory") || mkdir(group, 0700))
		skip("no memory cgroup can be made below " ROOT);
	put(group, "memory.swap.max", "0");
	expect(put(group, "memory.max", "64M"));
	expect_eq(pipe(tell), 0);
	holder = fork();
	if (!holder) {
		expect(put(group, "cgroup.procs", "0"));
		hold_pages(tell);
	}
	expect_eq(read(tell[0], &c, 1), 1);
	innocent = fork();
	if (!innocent) {
		expect(put(group, "cgroup.procs", "0"));
		take(30 * MIB);
		_exit(0);
	}
	expect_eq(result_of(holder), 128 + SIGKILL);
	result = result_of(innocent);
	printf("# who asked %s\n", result ? "was killed after it" : "lives");
	expect(!result || result == 128 + SIGKILL);
	expect_eq(rmdir(group), 0);
	close(tell[0]);
	close(tell[1]);
}

/* --------------------------------------------------------- the OOM killer */

static unsigned long available_mib(void)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	expect(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib >> 10;
}

/* It is the one to be killed, if anybody is, and does not outlive a test that ran out of time. */
static void prefer_me(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	expect(put("/proc/self", "oom_score_adj", "500"));
}

TEST(a_neighbour_that_takes_all_memory_lives)
{
	unsigned long mib = env("ML_MIB", available_mib() / 3);
	unsigned int nr;
	struct arena a = arena_purgeable(mib, &nr);
	pid_t pid = fork();

	if (!pid) {
		prefer_me();
		take((available_mib() + mib / 2) * MIB);
		_exit(0);
	}
	expect_eq(result_of(pid), 0);
	printf("# %lu MiB purgeable, %llu of %u objects dropped\n", mib,
	       (unsigned long long)counts(&a).purged, nr);
	expect(counts(&a).purged > 0);
	expect_sound(&a);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
