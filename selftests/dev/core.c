// SPDX-License-Identifier: MIT
/*
 * core.c - what is put away, seen by who looks at a whole process
 *
 * The kernel's core dump has what is mapped by pieces, as the library does, wherever its bytes
 * are; what is mapped whole it leaves out, whatever it is asked for, and brings nothing back. A
 * debugger that copies a process page by page finds the bytes that were
 * written last, too; a page that is lost is an error, and a hole in a dump.
 */
#include <elf.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "backing.h"

#define PATTERN	"/proc/sys/kernel/core_pattern"
#define WORD	0x5a
#define AROUND	(8 * PAGE)
#define FIRST	(256UL << 10)	/* the first piece that is mapped */
#define LONGEST	(16UL << 20)	/* it may be as long */

enum { STORED_TEXT, STORED_NOISE, TEXT, ONE_WORD, THERE, BLOBS };

/* Shared by two processes: @own is of the one that made it, @a of the one that is looked at. */
struct object {
	struct arena own;
	struct arena a;
	int file;
	__u64 h[BLOBS];
	char plain[PAGE];
};

static struct object *objects_new(void)
{
	struct object *o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	expect(o != MAP_FAILED);
	o->file = file_new();
	o->own = arena_on(o->file);
	o->a = o->own;
	o->h[STORED_TEXT] = stored_text(&o->own, STORED_TEXT);
	o->h[STORED_NOISE] = stored_noise(&o->own, STORED_NOISE);
	o->h[TEXT] = text_blob(&o->own, TEXT);
	o->h[ONE_WORD] = alloc_one(&o->own, MEMLANE_SLOW, BLOB);
	memset(address_of(&o->own, o->h[ONE_WORD]), WORD, BLOB);
	expect_eq(cool(&o->own, &o->h[TEXT], 1), PAGES);
	expect_eq(cool(&o->own, &o->h[ONE_WORD], 1), PAGES);
	o->h[THERE] = text_blob(&o->own, THERE);
	write_text(o->plain, PAGE, BLOBS);
	return o;
}

/* ------------------------------------------------------------- a core dump */

/* Where they are sent to now, to be given back to dumps_to(). */
static void dumps_go(char *to, size_t size)
{
	int fd = open(PATTERN, O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	if (n < 0)
		skip("core dumps cannot be sent to a file of ours");
	to[n] = '\0';
	close(fd);
}

static void dumps_to(const char *where)
{
	int fd = open(PATTERN, O_WRONLY | O_CLOEXEC);

	expect(fd >= 0 && write(fd, where, strlen(where)) == (ssize_t)strlen(where));
	close(fd);
}

/* All that a process can ask for, what it shares by a file as well. */
static void ask_for_all(void)
{
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	expect(fd >= 0 && write(fd, "0xff", 4) == 4);
	close(fd);
}

enum how { WHOLE, BY_PIECES, A_PAGE_TOO_LONG };

static void map_piece(const struct arena *a, __u64 at, __u64 length)
{
	const struct memlane_region r = arena_region(a, MEMLANE_REGION_DATA);
	char *data = a->map[MEMLANE_REGION_DATA];

	expect(mmap(data + at, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, a->fd,
		    r.offset + at) == data + at);
}

/* In place of what is mapped, from @start to @end of the data area: each three times what is before it. */
static void map_pieces(const struct arena *a, __u64 start, __u64 end)
{
	__u64 at, length;

	for (at = start, length = FIRST; at < end; at += length, length = 3 * (at - start))
		map_piece(a, at, length < end - at ? length : end - at);
}

static void die_with_a_dump(struct object *o, enum how how)
{
	const __u64 slow = o->a.info.out_fast_end << MEMLANE_GRANULE_SHIFT;
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	expect_eq(setrlimit(RLIMIT_CORE, &all), 0);
	arena_map(&o->a);
	if (how == BY_PIECES)
		map_pieces(&o->a, slow, arena_region(&o->a, MEMLANE_REGION_DATA).length);
	else
		ask_for_all();
	if (how == A_PAGE_TOO_LONG)
		map_piece(&o->a, slow, LONGEST + PAGE);
	signal(SIGABRT, SIG_DFL);
	abort();
}

/* Return: a descriptor of the core. */
static int dump(struct object *o, enum how how)
{
	char to[64], before[129];
	int status, fd;
	pid_t pid;

	dumps_go(before, sizeof(before));
	snprintf(to, sizeof(to), "/dev/shm/memlane-core-%d", getpid());
	dumps_to(to);
	pid = fork();
	if (!pid)
		die_with_a_dump(o, how);
	waitpid(pid, &status, 0);
	dumps_to(before);
	fd = open(to, O_RDONLY | O_CLOEXEC);
	unlink(to);
	expect_eq(WTERMSIG(status), SIGABRT);
	expect(WCOREDUMP(status) && fd >= 0);
	return fd;
}

/* The part of a core that an address lies in. */
static Elf64_Phdr part_of(int core, const void *at)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	unsigned int i;

	expect_eq(pread(core, &head, sizeof(head), 0), sizeof(head));
	expect(!memcmp(head.e_ident, ELFMAG, SELFMAG));
	for (i = 0; i < head.e_phnum; i++) {
		expect_eq(pread(core, &part, sizeof(part), head.e_phoff + i * sizeof(part)), sizeof(part));
		if (part.p_type == PT_LOAD && (unsigned long)at - part.p_vaddr < part.p_memsz)
			return part;
	}
	fail("%p is not in the core", at);
}

/* Nothing comes back for it. */
static void expect_not_dumped(enum how how)
{
	struct object *o = objects_new();
	struct memlane_counts was = counts(&o->own), is;
	int core = dump(o, how);
	Elf64_Phdr part = part_of(core, o->plain);
	static char copy[PAGE];
	unsigned int r;

	/* What is not the arena's is there, so that the rest means something. */
	expect_eq(pread(core, copy, PAGE, part.p_offset + ((unsigned long)o->plain - part.p_vaddr)), PAGE);
	expect_text(copy, PAGE, BLOBS);
	for (r = 0; r < MEMLANE_REGIONS; r++)
		expect_eq(part_of(core, o->a.map[r]).p_filesz, 0);
	expect_eq(part_of(core, address_of(&o->a, o->h[TEXT])).p_filesz, 0);
	is = counts(&o->own);
	expect_eq(is.away, was.away);
	expect_eq(is.refaults, was.refaults);
	expect_eq(is.lane[MEMLANE_SLOW].resident, was.lane[MEMLANE_SLOW].resident);
	close(core);
	arena_end(&o->own);
}

TEST(a_core_dump_has_none_of_a_whole_mapping)
{
	expect_not_dumped(WHOLE);
}

/* So that a dump does not look for minutes at what nothing lies in. */
TEST(a_core_dump_has_none_of_a_longer_piece)
{
	expect_not_dumped(A_PAGE_TOO_LONG);
}

static char *copy_new(const struct object *o)
{
	char *copy = mmap(NULL, arena_region(&o->a, MEMLANE_REGION_DATA).length, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(copy != MAP_FAILED);
	return copy;
}

static unsigned long offset_of(const struct object *o, unsigned int i)
{
	return address_of(&o->own, o->h[i]) - o->own.map[MEMLANE_REGION_DATA];
}

static const char *in_copy(const struct object *o, const char *copy, unsigned int i)
{
	return copy + offset_of(o, i);
}

static void expect_word(const char *at)
{
	unsigned long i;

	for (i = 0; i < BLOB; i++)
		expect_eq(at[i], WORD);
}

/* What of them is not in the file. */
static void expect_unstored(const struct object *o, const char *copy)
{
	expect_text(in_copy(o, copy, TEXT), BLOB, TEXT);
	expect_word(in_copy(o, copy, ONE_WORD));
	expect_text(in_copy(o, copy, THERE), BLOB, THERE);
}

/* @from: of the data area. A page of it is in one piece. */
static void copy_core(int core, const struct object *o, unsigned long from, char *to)
{
	char *at = o->a.map[MEMLANE_REGION_DATA] + from, *end = at + BLOB;
	Elf64_Phdr part;

	for (; at < end; at += PAGE, to += PAGE) {
		part = part_of(core, at);
		expect_eq(part.p_filesz, part.p_memsz);
		expect_eq(pread(core, to, PAGE, part.p_offset + ((unsigned long)at - part.p_vaddr)), PAGE);
	}
}

/* What was put away comes back for it; nothing is made for what never was, nor for what is nobody's. */
TEST(a_core_dump_has_what_objects_hold)
{
	struct object *o = objects_new();
	unsigned long none = alloc_one(&o->own, MEMLANE_SLOW, BLOB), i;
	char *copy = copy_new(o), *last;
	int core = dump(o, BY_PIECES);

	for (i = 0; i < BLOBS; i++)
		copy_core(core, o, offset_of(o, i), copy + offset_of(o, i));
	expect_unstored(o, copy);
	expect_text(in_copy(o, copy, STORED_TEXT), BLOB, STORED_TEXT);
	expect_noise(in_copy(o, copy, STORED_NOISE), BLOB, STORED_NOISE);
	copy_core(core, o, address_of(&o->own, none) - o->own.map[MEMLANE_REGION_DATA], copy);
	for (i = 0; i < BLOB; i++)
		expect_eq(copy[i], 0);
	expect_eq(counts(&o->own).away, 0);
	expect_eq(counts(&o->own).lane[MEMLANE_SLOW].resident, BLOBS * BLOB);
	last = o->a.map[MEMLANE_REGION_DATA] + arena_region(&o->a, MEMLANE_REGION_DATA).length - PAGE;
	expect_eq(part_of(core, last).p_filesz, 0);
	close(core);
	arena_end(&o->own);
}

/* ------------------------------------------------------------- a debugger */

/* A process that has stopped, and its memory as a file; -1: nobody may read it. */
static int stopped(struct object *o, pid_t *pid)
{
	char name[32];

	*pid = fork();
	expect(*pid >= 0);
	if (!*pid) {
		arena_map(&o->a);
		raise(SIGSTOP);
		_exit(0);
	}
	expect_eq(waitpid(*pid, NULL, WUNTRACED), *pid);
	snprintf(name, sizeof(name), "/proc/%d/mem", *pid);
	return open(name, O_RDONLY | O_CLOEXEC);
}

static void finish(pid_t pid)
{
	expect_eq(kill(pid, SIGKILL), 0);
	expect_eq(waitpid(pid, NULL, 0), pid);
}

/* All objects, and what lies around them. Return: pages that could be read. */
static unsigned long copy_all(int mem, const struct object *o, char *to)
{
	unsigned long at = ULONG_MAX, end = 0, pages = 0;
	unsigned int i;

	for (i = 0; i < BLOBS; i++) {
		if (offset_of(o, i) < at)
			at = offset_of(o, i);
		if (offset_of(o, i) + BLOB > end)
			end = offset_of(o, i) + BLOB;
	}
	for (at -= AROUND; at < end + AROUND; at += PAGE)
		pages += pread(mem, to + at, PAGE, (unsigned long)o->a.map[MEMLANE_REGION_DATA] + at) == PAGE;
	return pages;
}

/* Nothing else is brought back for it, or made. */
TEST(a_debugger_finds_the_right_bytes)
{
	struct object *o = objects_new();
	char *copy = copy_new(o);
	pid_t pid;
	int mem = stopped(o, &pid);

	expect(mem >= 0);
	expect_eq(copy_all(mem, o, copy), BLOBS * PAGES);
	finish(pid);
	expect_text(in_copy(o, copy, STORED_TEXT), BLOB, STORED_TEXT);
	expect_noise(in_copy(o, copy, STORED_NOISE), BLOB, STORED_NOISE);
	expect_unstored(o, copy);
	expect_eq(counts(&o->own).away, 0);
	expect_eq(counts(&o->own).lane[MEMLANE_SLOW].resident, BLOBS * BLOB);
	arena_end(&o->own);
}

TEST(a_debugger_does_not_find_what_is_lost)
{
	struct object *o = objects_new();
	char *copy = copy_new(o);
	pid_t pid;
	int mem = stopped(o, &pid);

	expect(mem >= 0);
	expect_eq(ftruncate(o->file, 0), 0);
	expect_eq(copy_all(mem, o, copy), (BLOBS - 2) * PAGES);
	finish(pid);
	expect_unstored(o, copy);
	expect_eq(counts(&o->own).lost_pages, 2 * PAGES);
	arena_end(&o->own);
}

TEST(nothing_is_left)
{
	int i;

	for (i = 0; i < 500 && debugfs_number("pages"); i++)
		usleep(10000);
	expect_nothing_left();
}
