// SPDX-License-Identifier: MIT
/*
 * unpinned.c - pin words cost nothing until somebody writes one, and then all see it
 *
 * One page of zeros stands for all pages of pin words that nobody has written to. Each
 * of these tests is about the first write: by whom, through what, and who had read zeros.
 */
#include <pthread.h>
#include <sys/uio.h>

#include "../arena.h"
#include "../touch.h"

#define MANY	100000U
#define SIZE	16
#define EACH	512U		/* pin words on a page */
#define PAGES	(MANY / EACH)

static struct arena arena;
static __u64 handles[MANY];

/* So many objects in a row, from the first index on. */
static void fill(unsigned int nr)
{
	unsigned int done;

	arena = arena_new(32 * MIB, MIB);
	for (done = 0; done < nr; done += 4000)
		expect_eq(alloc_live(&arena, MEMLANE_FAST, SIZE, 4000, handles + done), 4000);
}

/* A second view of the program's own: other mappings, as another process has. */
static struct arena second_mapping(void)
{
	struct arena other = arena;

	arena_map(&other);
	return other;
}

static struct arena view(void)
{
	struct arena v = { .fd = ioctl(arena.fd, MEMLANE_IOCTL_VIEW, 0), .info = arena.info };

	expect(v.fd >= 0);
	v.map[MEMLANE_REGION_PIN] = arena_mmap(&v, MEMLANE_REGION_PIN, PROT_READ);
	expect(v.map[MEMLANE_REGION_PIN] != MAP_FAILED);
	return v;
}

static __u64 pin_word(const struct arena *a, __u64 handle)
{
	return __atomic_load_n(pin_of(a, handle), __ATOMIC_SEQ_CST);
}

static void pin(const struct arena *a, __u64 handle)
{
	__atomic_add_fetch(pin_of(a, handle), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
}

/* None of the objects has a note. */
static void expect_no_notes(const struct arena *a)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		if (pin_word(a, handles[i]))
			fail("the pin word of object %u is 0x%llx", i, pin_word(a, handles[i]));
}

TEST(what_nobody_wrote_has_no_pages)
{
	struct arena v;
	long pages;

	fill(MANY);
	v = view();
	pages = debugfs_number("shared_pages");
	/* Entries, notes and classes; a page of counters, and one of a tally. */
	expect_eq(pages, MANY / 512 + 1 + MANY / 2048 + 1 + MANY / 4096 + 1 + 2);
	expect_no_notes(&arena);
	expect_no_notes(&v);
	expect_eq(debugfs_number("shared_pages"), pages);
	printf("# %llu bytes of metadata for %u objects\n", (unsigned long long)counts(&arena).metadata,
	       MANY);
	pin(&arena, handles[5]);
	expect_eq(debugfs_number("shared_pages"), pages + 1);
	expect_eq(pin_word(&v, handles[5]), MEMLANE_PIN_ONE);
	expect_eq(pin_word(&v, handles[6]), 0);
	expect_sound(&arena);
}

static void expect_refused(const struct arena *a, __u64 handle)
{
	expect_eq(free_live(a, &handle, 1), -EBUSY);
	expect_eq(migrate_one(a, handle, MEMLANE_SLOW), -EBUSY);
}

static void expect_good_end(pid_t pid)
{
	int status;

	expect_eq(waitpid(pid, &status, 0), pid);
	expect_eq(status, 0);
}

/* Another mapping, a view, another process: all have read zeros before, and see the pin. */
TEST(who_has_read_zeros_sees_the_pin)
{
	struct arena other, v;
	int ready[2], go[2];
	pid_t pid;
	char c;

	fill(4000);
	other = second_mapping();
	v = view();
	expect_eq(pipe(ready) | pipe(go), 0);
	pid = fork();
	if (!pid) {
		struct arena mine = second_mapping();

		expect_eq(pin_word(&mine, handles[7]), 0);
		expect_eq(write(ready[1], "x", 1), 1);
		expect_eq(read(go[0], &c, 1), 1);
		expect_eq(pin_word(&mine, handles[7]), MEMLANE_PIN_ONE);
		expect_refused(&mine, handles[7]);
		_exit(0);
	}
	expect_eq(pin_word(&other, handles[7]) | pin_word(&v, handles[7]), 0);
	expect_eq(read(ready[0], &c, 1), 1);
	pin(&arena, handles[7]);
	expect_eq(pin_word(&other, handles[7]), MEMLANE_PIN_ONE);
	expect_eq(pin_word(&v, handles[7]), MEMLANE_PIN_ONE);
	expect_refused(&other, handles[7]);
	expect_eq(write(go[1], "x", 1), 1);
	expect_good_end(pid);
}

/* --------------------------------------------------------------- at once */

struct race {
	struct arena other;
	pthread_barrier_t start;
	__u64 seen[PAGES];	/* the pin word, behind the end of the object */
};

/* The one side of free: see "Pins against free" in protocol.md. */
static void *ender(void *data)
{
	struct race *r = data;
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		__u64 h = handles[i * EACH], *e = entry_of(&r->other, h), was = *e;

		pin_word(&r->other, h);
		pthread_barrier_wait(&r->start);
		__atomic_compare_exchange_n(e, &was, memlane_entry_ended(was), false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		r->seen[i] = pin_word(&r->other, h);
		pthread_barrier_wait(&r->start);
	}
	return NULL;
}

/* Each object is the first one pinned of its page, while another mapping shows zeros. */
TEST(a_first_pin_and_a_free_do_not_miss_each_other)
{
	unsigned int i, pinned = 0, ended = 0;
	static struct race r;
	pthread_t thread;

	fill(MANY);
	r.other = second_mapping();
	pthread_barrier_init(&r.start, NULL, 2);
	expect_eq(pthread_create(&thread, NULL, ender, &r), 0);
	for (i = 0; i < PAGES; i++) {
		__u64 h = handles[i * EACH], e;

		pthread_barrier_wait(&r.start);
		pin(&arena, h);
		e = __atomic_load_n(entry_of(&arena, h), __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&r.start);
		expect(r.seen[i] || !memlane_entry_is_live(e));
		pinned += !!r.seen[i];
		ended += !memlane_entry_is_live(e);
	}
	pthread_join(thread, NULL);
	printf("# of %u, %u were seen to be pinned, and %u to be ended\n", PAGES, pinned, ended);
}

/* Some read all the time, in mappings that come and go, while pages get their first write. */
static void *reader(void *data)
{
	bool *over = data;
	struct arena mine = arena;

	while (!__atomic_load_n(over, __ATOMIC_RELAXED)) {
		unsigned int i;
		char *p = arena_mmap(&arena, MEMLANE_REGION_PIN, PROT_READ | PROT_WRITE);

		expect(p != MAP_FAILED);
		mine.map[MEMLANE_REGION_PIN] = p;
		for (i = 0; i < PAGES; i++)
			pin_word(&mine, handles[i * EACH + 1]);
		expect_eq(munmap(p, arena_region(&arena, MEMLANE_REGION_PIN).length), 0);
	}
	return NULL;
}

TEST(many_look_while_it_is_written)
{
	struct arena other;
	unsigned int i, j;
	bool over = false;
	pthread_t thread;

	fill(MANY);
	other = second_mapping();
	expect_eq(pthread_create(&thread, NULL, reader, &over), 0);
	for (i = 0; i < PAGES; i++) {
		expect_eq(pin_word(&other, handles[i * EACH]), 0);
		pin(&arena, handles[i * EACH]);
		expect_eq(pin_word(&other, handles[i * EACH]), MEMLANE_PIN_ONE);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	for (i = 0; i < PAGES; i++)
		for (j = 0; j < EACH; j++)
			expect_eq(pin_word(&other, handles[i * EACH + j]), j ? 0 : MEMLANE_PIN_ONE);
}

/* ------------------------------------------------------- by whatever way */

static void by_remote_write(__u64 *word)
{
	__u64 one = MEMLANE_PIN_ONE;
	struct iovec here = { &one, 8 }, there = { word, 8 };

	expect_eq(process_vm_writev(getpid(), &here, 1, &there, 1, 0), 8);
}

static void by_read(__u64 *word)
{
	__u64 one = MEMLANE_PIN_ONE;
	int end[2];

	expect_eq(pipe(end), 0);
	expect_eq(write(end[1], &one, 8), 8);
	expect_eq(read(end[0], word, 8), 8);
	close(end[0]);
	close(end[1]);
}

static void by_debugger(__u64 *word)
{
	__u64 one = MEMLANE_PIN_ONE;
	int mem = open("/proc/self/mem", O_RDWR);

	expect(mem >= 0);
	expect_eq(pwrite(mem, &one, 8, (off_t)word), 8);
	close(mem);
}

/* Read-only for a while: an entry of zeros does not become writable with its mapping. */
static void by_mprotect(__u64 *word)
{
	char *page = (char *)((unsigned long)word & ~(PAGE - 1));

	expect_eq(mprotect(page, PAGE, PROT_READ), 0);
	expect_eq(touch(page, true), SIGSEGV);
	expect_eq(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
	*word = MEMLANE_PIN_ONE;
}

static void by_populate(__u64 *word)
{
	char *page = (char *)((unsigned long)word & ~(PAGE - 1));

	expect_eq(madvise(page, PAGE, 23 /* MADV_POPULATE_WRITE */), 0);
	*word = MEMLANE_PIN_ONE;
}

static void by_store(__u64 *word)
{
	*word = MEMLANE_PIN_ONE;
}

/* Each writes to a page of its own, which it has read or not; no other page changes. */
TEST(every_write_finds_a_page)
{
	void (*const ways[])(__u64 *word) = {
		by_remote_write, by_read, by_debugger, by_mprotect, by_populate, by_store,
	};
	const unsigned int nr = sizeof(ways) / sizeof(*ways);
	struct arena other;
	unsigned int i;

	fill(MANY);
	other = second_mapping();
	for (i = 0; i < 2 * nr; i++) {
		__u64 h = handles[2 * i * EACH];

		if (i >= nr)
			expect_eq(pin_word(&arena, h), 0);
		expect_eq(pin_word(&other, h), 0);
		ways[i % nr](pin_of(&arena, h));
		expect_eq(pin_word(&other, h), MEMLANE_PIN_ONE);
		expect_refused(&arena, h);
		*pin_of(&arena, h) = 0;
	}
	expect_no_notes(&arena);
	expect_no_notes(&other);
	expect_sound(&arena);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
