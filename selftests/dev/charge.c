// SPDX-License-Identifier: MIT
/*
 * charge.c - pages and tables are charged to the memory cgroup that made them
 *
 * Each test lives in a cgroup of its own below the root of cgroup2.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include "cool.h"

#define ROOT	"/sys/fs/cgroup"
/*
 * Charges come and go by batches: each CPU has up to 64 pages charged ahead, and one of small
 * objects. What a program let go of may wait on it in the batches of the lists of pages, of
 * up to 31 each: those it was to be put on, and those it was to be taken off.
 */
#define CPU_PAGES	(64 + 1 + 2 * 31)

static char group[64];

static unsigned long slack(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) * CPU_PAGES * PAGE;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool group_put(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group, name);
	return put(path, text);
}

static unsigned long charged(void)
{
	char path[128];
	unsigned long bytes;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.current", group);
	f = fopen(path, "r");
	expect(f);
	expect_eq(fscanf(f, "%lu", &bytes), 1);
	fclose(f);
	return bytes;
}

static void enter_group(void)
{
	close(device_open(O_RDWR));
	snprintf(group, sizeof(group), ROOT "/memlane-%d", getpid());
	if (!put(ROOT "/cgroup.subtree_control", "+memory") || mkdir(group, 0700))
		skip("no memory cgroup can be made below " ROOT);
	expect(group_put("cgroup.procs", "0"));
}

static void leave_group(void)
{
	expect(put(ROOT "/cgroup.procs", "0"));
	expect_eq(rmdir(group), 0);
}

/* Charges are given back in the background when pages are. */
static void expect_charge_near(unsigned long bytes)
{
	int i;

	for (i = 0; i < 200 && charged() > bytes + slack(); i++)
		usleep(10000);
	expect(charged() <= bytes + slack());
}

/* As many small objects as there is memory for, at most @nr; or -errno. */
static int alloc_many(const struct arena *a, __u32 lane, __u64 length, __u32 nr)
{
	__u64 handles[4096];
	__u32 done = 0;

	while (done < nr) {
		int got = alloc_live(a, lane, length, 4096, handles);

		if (got < 0)
			return got;
		done += got;
	}
	return done;
}

static void data_is_charged(__u32 lane, __u64 length, unsigned int nr)
{
	unsigned long before, total = length * nr;
	static __u64 handles[4096];
	struct arena a;
	unsigned int i;

	enter_group();
	before = charged();
	a = arena_new(32 * MIB, 32 * MIB);
	for (i = 0; i < nr; i++)
		handles[i] = alloc_one(&a, lane, length);
	expect(charged() < before + total / 2);
	for (i = 0; i < nr; i++)
		memset(address_of(&a, handles[i]), i, length);
	expect(charged() + slack() >= before + total);
	expect(charged() <= before + total + total / 4 + slack());
	arena_end(&a);
	expect_charge_near(before);
	leave_group();
}

TEST(pages_of_blocks)
{
	data_is_charged(MEMLANE_FAST, 4096, 4096);
}

TEST(pages_of_blobs)
{
	data_is_charged(MEMLANE_SLOW, 4 * MIB, 4);
}

TEST(tables)
{
	struct memlane_counts c;
	unsigned long before;
	struct arena a;

	enter_group();
	before = charged();
	a = arena_new(16 * MIB, 16 * MIB);
	expect_eq(alloc_many(&a, MEMLANE_FAST, 16, 1 << 18), 1 << 18);
	c = counts(&a);
	expect(c.metadata > 4 * MIB);
	expect(charged() + slack() >= before + c.metadata);
	arena_end(&a);
	expect_charge_near(before);
	leave_group();
}

/* Twice what the group may have, one after the other: what the first ones left goes for the second. */
TEST(kept_pages_make_room)
{
	enum { NR = 32, SIZE = 256 * 1024 };
	__u64 handles[NR];
	struct arena a;
	char text[32];
	__u32 lane;
	int i;

	enter_group();
	a = arena_new(32 * MIB, 32 * MIB);
	option_set(&a, MEMLANE_OPT_DECAY, 3600000000000);
	snprintf(text, sizeof(text), "%lu", charged() + NR * SIZE + 4 * MIB);
	expect(group_put("memory.max", text));
	for (lane = 0; lane < MEMLANE_LANES; lane++) {
		for (i = 0; i < NR; i++) {
			handles[i] = alloc_one(&a, lane, SIZE);
			memset(address_of(&a, handles[i]), i + 1, SIZE);
		}
		for (i = 0; i < NR; i++)
			expect_eq(address_of(&a, handles[i])[SIZE - 1], i + 1);
		expect_eq(free_live(&a, handles, NR), 0);
	}
	expect(counts(&a).pages_returned >= (NR * SIZE - 4 * MIB) / PAGE);
	expect_sound(&a);
	arena_end(&a);
	leave_group();
}

/* Reading them costs nothing; who writes the first of a page pays for it. */
TEST(pin_words)
{
	const unsigned int pages = 1024;
	unsigned long before;
	struct arena a;
	unsigned int i;

	enter_group();
	a = arena_new(16 * MIB, 16 * MIB);
	for (i = 0; i < pages; i++)
		expect_eq(a.map[MEMLANE_REGION_PIN][i * PAGE], 0);
	before = charged();
	expect(before < pages * PAGE / 2);
	for (i = 0; i < pages; i++)
		a.map[MEMLANE_REGION_PIN][i * PAGE] = 1;
	expect(charged() + slack() >= before + pages * PAGE);
	arena_end(&a);
	leave_group();
}

/* A program that has an object of every tag in turn pays for all tallies. */
TEST(tallies)
{
	const unsigned int in_page = 4096 / sizeof(struct memlane_tally);
	unsigned long before, pages = 0;
	struct memlane_counts c;
	unsigned int tag;
	struct arena a;
	__u64 handle;

	enter_group();
	a = arena_new(MIB, MIB);
	handle = alloc_one(&a, MEMLANE_FAST, 64);
	before = charged();
	for (tag = 0; tag < 65536; tag += in_page, pages++) {
		*pin_of(&a, handle) = tag << MEMLANE_PIN_TAG_SHIFT;
		expect_eq(migrate_one(&a, handle, ~pages & 1), 0);
	}
	c = counts(&a);
	expect_eq(c.by_cause[MEMLANE_CAUSE_HAND], pages);
	expect(c.metadata >= pages * 4096);
	expect(charged() + slack() >= before + pages * 4096);
	expect_sound(&a);
	arena_end(&a);
	expect_charge_near(before);
	leave_group();
}

/* At the limit a call is refused; what is there stays good, and it goes on later. */
TEST(a_call_at_the_limit)
{
	__u64 handles[17];
	struct arena a;
	char limit[32];
	int i;

	enter_group();
	a = arena_new(64 * MIB, 64 * MIB);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 4096, 16, handles), 16);
	for (i = 0; i < 16; i++)
		memset(address_of(&a, handles[i]), i, 4096);
	snprintf(limit, sizeof(limit), "%lu", charged() + MIB);
	expect(group_put("memory.max", limit));
	expect_eq(alloc_many(&a, MEMLANE_SLOW, 16, 1 << 18), -ENOMEM);
	expect(group_put("memory.max", "max"));
	for (i = 0; i < 16; i++)
		expect_eq(address_of(&a, handles[i])[4095], i);
	expect_sound(&a);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 4096, 1, handles + 16), 1);
	memset(address_of(&a, handles[16]), 1, 4096);
	arena_end(&a);
	leave_group();
}

static void touch_too_much(void)
{
	struct arena a = arena_new(64 * MIB, 64 * MIB);
	__u64 handle = alloc_one(&a, MEMLANE_FAST, 32 * MIB);

	memset(address_of(&a, handle), 1, 32 * MIB);
}

/* A fault cannot be refused: who touches too much is ended, and nobody else. */
TEST(a_fault_at_the_limit)
{
	char limit[32];
	int status;
	pid_t pid;

	enter_group();
	snprintf(limit, sizeof(limit), "%lu", charged() + 12 * MIB);
	pid = fork();
	expect(pid >= 0);
	if (!pid) {
		expect(put("/proc/self/oom_score_adj", "1000"));
		expect(group_put("memory.max", limit));
		touch_too_much();
		_exit(0);
	}
	expect_eq(waitpid(pid, &status, 0), pid);
	expect(WIFSIGNALED(status));
	expect_eq(WTERMSIG(status), SIGKILL);
	expect(group_put("memory.max", "max"));
	leave_group();
}

/* ------------------------------------------------------- what is put away */

#define TEXT	(8 * MIB)

static __u64 charged_text(const struct arena *a, unsigned int seed)
{
	__u64 h = alloc_one(a, MEMLANE_SLOW, TEXT);

	write_text(address_of(a, h), TEXT, seed);
	return h;
}

/* Whoever puts it away: here somebody of another cgroup. */
TEST(compressed_bytes_are_the_owners)
{
	unsigned long before, squeezed;
	struct arena a;
	__u64 h;

	enter_group();
	before = charged();
	a = arena_new(16 * MIB, 32 * MIB);
	h = charged_text(&a, 1);
	expect(charged() >= before + TEXT);
	expect(put(ROOT "/cgroup.procs", "0"));
	expect_eq(cool(&a, &h, 1), TEXT / PAGE);
	squeezed = counts(&a).compressed_bytes;
	expect(squeezed && squeezed < TEXT / 2);
	expect(charged() + slack() >= before + squeezed);
	expect_charge_near(before + squeezed + squeezed / 4);
	expect(group_put("cgroup.procs", "0"));
	expect_eq(warm(&a, &h, 1), TEXT / PAGE);
	expect_text(address_of(&a, h), TEXT, 1);
	expect(charged() + slack() >= before + TEXT);
	arena_end(&a);
	expect_charge_near(before);
	leave_group();
}

/* Its arenas put away what was not used of late, long before it is old. */
TEST(a_group_that_is_short_cools)
{
	unsigned long before;
	struct arena a;
	unsigned int i;
	__u64 h;

	enter_group();
	a = arena_new(16 * MIB, 32 * MIB);
	h = charged_text(&a, 3);
	set(&a, MEMLANE_OPT_COLD_AGE, 4);
	set(&a, MEMLANE_OPT_POLICY_INTERVAL, 3600000000000);
	cycles(&a, 2);
	expect_eq(counts(&a).cooled, 0);
	before = charged();
	for (i = 0; i < 1000 && counts(&a).cooled < TEXT / PAGE; i++) {
		group_put("memory.reclaim", "4M");	/* it need not find as much at once */
		usleep(10000);
	}
	expect_eq(counts(&a).cooled, TEXT / PAGE);
	expect(counts(&a).shortages > 0);
	expect_charge_near(before - TEXT / 4);
	expect_text(address_of(&a, h), TEXT, 3);
	arena_end(&a);
	leave_group();
}

/* Of what was stored nothing is left but words: neither pages, nor those of a page cache. */
TEST(what_is_in_a_file_is_nobodys)
{
	struct memlane_set_backing req = { .size = sizeof(req) };
	unsigned long before;
	struct arena a;
	__u64 h;

	enter_group();
	a = arena_new(16 * MIB, 32 * MIB);
	h = alloc_one(&a, MEMLANE_SLOW, TEXT);
	write_noise(address_of(&a, h), TEXT, 1);
	before = charged();
	/* The file's own memory is not this cgroup's. */
	expect(put(ROOT "/cgroup.procs", "0"));
	req.fd = memfd_create("charge", MFD_CLOEXEC);
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &req), 0);
	expect_eq(cool_flags(&a, &h, 1, MEMLANE_COOL_STORE), TEXT / PAGE);
	expect_charge_near(before - TEXT);
	expect(group_put("cgroup.procs", "0"));
	arena_end(&a);
	leave_group();
}

#define GAPS	12U	/* pages: a read takes fewer, with what describes it */

struct reader {
	struct arena a;
	__u64 h;
	int ready[2];
	int go[2];
};

/* In the group, with all that a touch of the second page needs but what is read, and where to. */
static void read_at_the_limit(struct reader *r)
{
	char *own = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at, c;

	expect(put("/proc/self/oom_score_adj", "1000"));
	expect(group_put("cgroup.procs", "0"));
	memset(own, 1, MIB);
	arena_map(&r->a);
	at = address_of(&r->a, r->h);
	expect_eq(write(r->ready[1], at, 1), 1);
	expect_eq(read(r->go[0], &c, 1), 1);
	expect_noise(at, 2 * PAGE, 1);
	_exit(0);
}

static void limit_to(unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", bytes);
	expect(group_put("memory.max", text));
}

/* It ends, one way or the other. Return: how. */
static int end_of(pid_t pid)
{
	int i, status;

	for (i = 0; i < 3000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(10000);
	}
	fail("neither reads nor ends");
}

/* Return: whether it had its bytes with so many pages left; else it was ended. */
static bool reads_with(struct reader *r, unsigned int pages)
{
	int status;
	pid_t pid;
	char c;

	expect_eq(pipe(r->ready) | pipe(r->go), 0);
	expect(group_put("memory.max", "max"));
	pid = fork();
	expect(pid >= 0);
	if (!pid)
		read_at_the_limit(r);
	expect_eq(read(r->ready[0], &c, 1), 1);
	/* What was charged beforehand is given back, in the background. */
	limit_to(charged() - PAGE);
	usleep(50000);
	limit_to(charged() + pages * PAGE);
	expect_eq(write(r->go[1], &c, 1), 1);
	status = end_of(pid);
	if (WIFSIGNALED(status))
		expect_eq(WTERMSIG(status), SIGKILL);
	else
		expect_eq(status, 0);
	close(r->ready[0]);
	close(r->ready[1]);
	close(r->go[0]);
	close(r->go[1]);
	return !status;
}

/* However few pages are left: it is enough, or the kernel ends who wants more. */
TEST(a_read_at_the_limit)
{
	struct memlane_set_backing req = { .size = sizeof(req) };
	unsigned int pages, read = 0;
	struct reader r;

	enter_group();
	expect(put(ROOT "/cgroup.procs", "0"));
	r.a = arena_new(MIB, MIB);
	req.fd = memfd_create("charge", MFD_CLOEXEC);
	expect_eq(call(r.a.fd, MEMLANE_IOCTL_SET_BACKING, &req), 0);
	r.h = alloc_one(&r.a, MEMLANE_SLOW, 4 * PAGE);
	write_noise(address_of(&r.a, r.h), 4 * PAGE, 1);
	for (pages = 0; pages <= GAPS; pages++) {
		cool_flags(&r.a, &r.h, 1, MEMLANE_COOL_STORE);
		read += reads_with(&r, pages);
	}
	printf("# %u of %u read\n", read, GAPS + 1);
	arena_end(&r.a);
	rmdir(group);
}

#define OTHERS	(160 * MIB)

/* So that there are holes between pages of zsmalloc's when it is gone. */
static char *others_memory(void)
{
	char *other = mmap(NULL, OTHERS, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	expect(other != MAP_FAILED);
	return other;
}

/*
 * The kernel moves pages of zsmalloc's to make room for larger ones, and the new ones are
 * nobody's. So a charge may become less; it is never more than it was, and nothing is
 * taken off twice when the arena ends.
 */
TEST(a_charge_may_be_forgotten)
{
	unsigned long before, away, moved;
	struct arena a;
	unsigned int i;
	char *other;
	__u64 h;

	enter_group();
	before = charged();
	a = arena_new(16 * MIB, 32 * MIB);
	h = charged_text(&a, 2);
	other = others_memory();
	expect_eq(cool(&a, &h, 1), TEXT / PAGE);
	munmap(other, OTHERS);
	expect_charge_near(before + counts(&a).compressed_bytes * 5 / 4);
	away = charged();
	for (i = 0; i < 3; i++)
		put("/proc/sys/vm/compact_memory", "1");	/* if this kernel can */
	moved = charged();
	printf("# %lu KiB compressed; charged %lu KiB, and %lu KiB after pages were moved\n",
	       (unsigned long)counts(&a).compressed_bytes / 1024, (away - before) / 1024,
	       (moved - before) / 1024);
	expect(moved <= away + slack());
	expect_text(address_of(&a, h), TEXT, 2);
	expect(charged() + slack() >= before + TEXT);
	arena_end(&a);
	expect_charge_near(before);
	leave_group();
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
