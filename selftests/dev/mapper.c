// SPDX-License-Identifier: MIT
/*
 * mapper.c - a backing device with bad blocks, by the kernel's device mapper
 *
 * What cannot be written stays in memory. What cannot be read is lost: the objects of its
 * pages, and no other. When the device is good again it is used as before.
 */
#include "backing.h"
#include "loop.h"

#define DISK	(16 * MIB)
#define SECTOR	512

/* A disk, all of which is good at first. */
struct mapped {
	struct disk disk;
	int fd;
	char name[32];
};

/* ------------------------------------------------------------- dmsetup */

/* @table: a line for each stretch. */
static void mapper(const struct mapped *m, const char *verb, const char *table)
{
	char command[128];
	FILE *to;

	snprintf(command, sizeof(command), "DM_DISABLE_UDEV=1 dmsetup %s %s >/dev/null", verb, m->name);
	to = popen(command, "w");
	expect(to);
	fputs(table, to);
	expect_eq(pclose(to), 0);
}

static int add_stretch(char *to, const struct mapped *m, unsigned long from, unsigned long end,
		       const char *target, const char *how)
{
	if (from == end)
		return 0;
	return sprintf(to, "%lu %lu %s %s %lu%s\n", from / SECTOR, (end - from) / SECTOR, target,
		       m->disk.path, from / SECTOR, how);
}

/* @bytes from @from on are another target's, the others good. */
static void write_table(char *to, const struct mapped *m, unsigned long from, unsigned long bytes,
			const char *target, const char *how)
{
	to += add_stretch(to, m, 0, from, "linear", "");
	to += add_stretch(to, m, from, from + bytes, target, how);
	add_stretch(to, m, from + bytes, DISK, "linear", "");
}

static void mapped_let(const struct mapped *m, unsigned long from, unsigned long bytes,
		       const char *target, const char *how)
{
	char table[256];

	write_table(table, m, from, bytes, target, how);
	mapper(m, "reload", table);
	mapper(m, "resume", "");
}

static void mapped_fail(const struct mapped *m, unsigned long from, unsigned long bytes)
{
	mapped_let(m, from, bytes, "error", "");
}

static void mapped_mend(const struct mapped *m)
{
	mapped_let(m, 0, 0, "", "");
}

static struct mapped mapped_new(void)
{
	struct mapped m = { .disk = disk_new(DISK) };
	char table[256], path[64];

	if (access("/dev/mapper/control", W_OK) || system("dmsetup version >/dev/null 2>&1"))
		skip("no device mapper here");
	snprintf(m.name, sizeof(m.name), "memlane-%d", getpid());
	write_table(table, &m, 0, 0, "", "");
	mapper(&m, "create", table);
	snprintf(path, sizeof(path), "/dev/mapper/%s", m.name);
	m.fd = open(path, O_RDWR | O_CLOEXEC);
	expect(m.fd >= 0);
	return m;
}

/* A backing lets go of its file a moment after its arena. */
static void mapped_end(struct mapped *m)
{
	close(m->fd);
	mapper(m, "remove --retry", "");
	disk_end(&m->disk);
}

/* ------------------------------------------------------------- writes */

TEST(a_disk_that_takes_nothing)
{
	struct mapped m = mapped_new();
	struct arena a = arena_on(m.fd);
	__u64 before = stored_noise(&a, 1), h = noise_blob(&a, 2);

	mapped_fail(&m, 0, DISK);
	expect_eq(store_error(&a, &h, 1), -EIO);
	expect_eq(counts(&a).write_errors, 1);
	expect_eq(query(&a, h).out_resident, PAGES);
	expect_noise(address_of(&a, h), BLOB, 2);
	mapped_mend(&m);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(pages_lost(&a, h, 2), 0);
	expect_eq(pages_lost(&a, before, 1), 0);
	expect_eq(counts(&a).lost_pages, 0);
	expect_sound(&a);
	arena_end(&a);
	mapped_end(&m);
}

/* The write that comes there fails, and none of its pages goes. */
TEST(a_write_to_a_bad_block)
{
	struct mapped m = mapped_new();
	struct arena a = arena_on(m.fd);
	__u64 h = noise_blob(&a, 1);
	struct memlane_query q;

	mapped_fail(&m, GROUP + GROUP / 2, PAGE);
	expect_eq(store_error(&a, &h, 1), -EIO);
	expect_eq(counts(&a).write_errors, 1);
	q = query(&a, h);
	expect(q.out_stored && q.out_stored < GROUP / PAGE);
	expect_eq(q.out_stored + q.out_resident, PAGES);
	expect_eq(pages_lost(&a, h, 1), 0);
	mapped_mend(&m);
	expect_eq(store(&a, &h, 1), PAGES);
	expect_eq(pages_lost(&a, h, 1), 0);
	expect_eq(counts(&a).write_errors, 1);
	expect_eq(counts(&a).lost_pages, 0);
	arena_end(&a);
	mapped_end(&m);
}

/* It says so once, and tries again, until the disk is good. */
TEST(the_background_on_a_bad_disk)
{
	struct mapped m = mapped_new();
	struct arena a = arena_on(m.fd);
	__u64 h = noise_blob(&a, 1);
	unsigned int i;

	mapped_fail(&m, 0, DISK);
	set(&a, MEMLANE_OPT_COLD_AGE, 1);
	cycles(&a, 20);
	expect_eq(backing_events(&a, EIO), 1);
	expect(counts(&a).write_errors > 1);
	expect_eq(query(&a, h).out_resident, PAGES);
	mapped_mend(&m);
	for (i = 0; i < 200 && query(&a, h).out_stored < PAGES; i++)
		cycles(&a, 1);
	expect_eq(query(&a, h).out_stored, PAGES);
	expect_eq(pages_lost(&a, h, 1), 0);
	arena_end(&a);
	mapped_end(&m);
}

/* It says that it has written, and has not. */
TEST(a_disk_that_forgets)
{
	struct mapped m = mapped_new();
	struct arena a = arena_on(m.fd);
	__u64 before = stored_noise(&a, 1), h;

	mapped_let(&m, 0, DISK, "flakey", " 0 3600 1 drop_writes");
	h = stored_noise(&a, 2);
	mapped_mend(&m);
	expect_eq(pages_lost(&a, h, 2), PAGES);
	expect_eq(lost_events(&a, h, PAGES), PAGES);
	expect_eq(pages_lost(&a, before, 1), 0);
	expect_sound(&a);
	arena_end(&a);
	mapped_end(&m);
}

/* ------------------------------------------------------------- reads */

/* Small objects, some on each page, and which of them are lost. */
struct small {
	__u64 h[BLOCKS];
	bool lost[BLOCKS];
	unsigned int nr;
};

static void small_store(const struct arena *a, struct small *s)
{
	unsigned int i;

	expect_eq(alloc_live(a, MEMLANE_SLOW, BLOCK, BLOCKS, s->h), BLOCKS);
	for (i = 0; i < BLOCKS; i++)
		write_noise(address_of(a, s->h[i]), BLOCK, i);
	expect(store(a, s->h, BLOCKS) > BLOCKS * BLOCK / PAGE);
}

static bool is_lost(const struct arena *a, __u64 h)
{
	char *at = address_of(a, h);
	int first = touch(at, false), last = touch(at + BLOCK - 1, false);

	expect(!first || first == SIGBUS);
	expect(!last || last == SIGBUS);
	return first || last;
}

/* By touching each: its bytes are there, or its state says that they are not. */
static void small_look(const struct arena *a, struct small *s)
{
	unsigned int i;

	for (s->nr = 0, i = 0; i < BLOCKS; i++) {
		s->lost[i] = is_lost(a, s->h[i]);
		s->nr += s->lost[i];
		if (!s->lost[i])
			expect_noise(address_of(a, s->h[i]), BLOCK, i);
		expect_eq(query(a, s->h[i]).out_lost > 0, s->lost[i]);
	}
}

/* Of each that is lost, once, and of no other. */
static void expect_told(const struct arena *a, const struct small *s)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	bool told[BLOCKS] = { false };
	struct memlane_event ev;
	unsigned int i, nr = 0;

	while (poll(&p, 1, nr < s->nr ? 20000 : 50) == 1) {
		expect_eq(read(a->fd, &ev, sizeof(ev)), sizeof(ev));
		if (ev.type != MEMLANE_EVENT_LOST)
			continue;
		for (i = 0; i < BLOCKS && s->h[i] != ev.value; i++)
			;
		expect(i < BLOCKS && s->lost[i] && !told[i]);
		told[i] = true;
		nr++;
	}
	expect_eq(nr, s->nr);
}

/* They stay lost; and what was theirs serves others. */
static void expect_lost_for_good(const struct arena *a, struct small *s)
{
	unsigned int was = s->nr, i;

	small_look(a, s);
	expect_eq(s->nr, was);
	for (i = 0; i < BLOCKS; i++)
		if (s->lost[i])
			expect_eq(free_live(a, &s->h[i], 1), 0);
}

TEST(a_bad_block_in_the_middle)
{
	static struct small s;
	struct mapped m = mapped_new();
	struct arena a = arena_on(m.fd);
	__u64 before = stored_noise(&a, 1), behind;
	unsigned long at = counts(&a).stored_bytes + 2 * GROUP;

	small_store(&a, &s);
	expect(counts(&a).stored_bytes > at + GROUP);
	behind = stored_text(&a, 2);
	mapped_fail(&m, at, PAGE);
	small_look(&a, &s);
	printf("# %u objects of %llu pages are lost\n", s.nr, (unsigned long long)counts(&a).lost_pages);
	expect(counts(&a).lost_pages == 1 || counts(&a).lost_pages == 2);
	expect(s.nr >= PAGE / BLOCK && s.nr <= 2 * (PAGE / BLOCK + 2));
	expect_eq(counts(&a).lost, s.nr);
	expect_told(&a, &s);
	expect_eq(pages_lost(&a, before, 1), 0);
	expect_text(address_of(&a, behind), BLOB, 2);
	mapped_mend(&m);
	expect_lost_for_good(&a, &s);
	behind = stored_noise(&a, 3);
	expect_eq(pages_lost(&a, behind, 3), 0);
	expect_sound(&a);
	arena_end(&a);
	mapped_end(&m);
}

TEST(nothing_is_left)
{
	int i;

	for (i = 0; i < 500 && debugfs_number("pages"); i++)
		usleep(10000);
	expect_nothing_left();
}
