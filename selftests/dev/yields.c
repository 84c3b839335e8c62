// SPDX-License-Identifier: MIT
/*
 * yields.c - how much is done for pages between two places where the CPU may be given away
 *
 * The kernel's tracer writes down each page that a call has in hand and each time it asks
 * whether another task wants the CPU. So what is found is the same on a machine however
 * busy. Where the kernel takes the CPU by itself, nothing asks, and there is nothing to see.
 */
#include "cool.h"

#define TRACING "/sys/kernel/tracing/"
#define CHUNK 512UL		/* pages that are described together */
#define MOST (8 * CHUNK)	/* some for each page of a chunk, on either side of a move */
#define PAGES (24 * CHUNK)
#define APART (40 * CHUNK)	/* of an object that has a page in each chunk */

static bool put(const char *file, const char *text, int flags)
{
	int fd = open(file, O_WRONLY | flags);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void trace_end(void)
{
	put(TRACING "tracing_on", "0", 0);
	put(TRACING "current_tracer", "nop", 0);
	put(TRACING "set_ftrace_pid", "", O_TRUNC);
	put(TRACING "set_ftrace_filter", "", O_TRUNC);
}

/* Of this process alone, what it does for pages and where it may be interrupted. */
static void trace_set_up(void)
{
	const char *const functions[] = {
		"memlane_load_cancel\n", "memlane_page_drop\n", "memlane_page_name\n", "__cond_resched\n",
	};
	unsigned int i;
	char pid[16];

	trace_end();
	snprintf(pid, sizeof(pid), "%d", getpid());
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!put(TRACING "set_ftrace_filter", functions[i], O_APPEND))
			skip("%s: not traced", functions[i]);
	if (!put(TRACING "set_ftrace_pid", pid, O_TRUNC) || !put(TRACING "buffer_size_kb", "12000", 0) ||
	    !put(TRACING "current_tracer", "function", 0))
		skip("no tracer of functions: %s", strerror(errno));
}

/* Pages in hand between two yields, at most; @yields and @pages: of all. */
static unsigned long trace_read(unsigned long *yields, unsigned long *pages)
{
	FILE *f = fopen(TRACING "trace", "r");
	unsigned long here = 0, most = 0;
	char line[256];

	expect(f);
	for (*yields = *pages = 0; fgets(line, sizeof(line), f);) {
		expect(!strstr(line, "LOST"));
		if (strstr(line, ": __cond_resched ")) {
			here = 0;
			++*yields;
		} else if (strstr(line, ": memlane_")) {
			most = ++here > most ? here : most;
			++*pages;
		}
	}
	fclose(f);
	return most;
}

static void expect_yields(const char *what, void (*work)(struct arena *a, __u64 *h),
			  struct arena *a, __u64 *h)
{
	unsigned long most, yields, pages;

	expect(put(TRACING "trace", "0", O_TRUNC) && put(TRACING "tracing_on", "1", 0));
	work(a, h);
	put(TRACING "tracing_on", "0", 0);
	most = trace_read(&yields, &pages);
	printf("# %s: %lu of %lu at once\n", what, most, pages);
	if (!yields)
		skip("this kernel is asked for no CPU");
	expect(pages);
	expect(most <= MOST);
}

/* ------------------------------------------------------------------ what is done */

static void move_there(struct arena *a, __u64 *h)
{
	expect_eq(migrate_one(a, *h, MEMLANE_SLOW), 0);
}

static void move_back(struct arena *a, __u64 *h)
{
	expect_eq(migrate_one(a, *h, MEMLANE_FAST), 0);
}

static void put_away(struct arena *a, __u64 *h)
{
	cool(a, h, 1);
}

static void bring_back(struct arena *a, __u64 *h)
{
	warm(a, h, 1);
}

static void give_up(struct arena *a, __u64 *h)
{
	expect_eq(free_live(a, h, 1), 0);
}

static void end(struct arena *a, __u64 *h)
{
	(void)h;
	arena_end(a);
}

static __u64 object(struct arena *a, unsigned long pages, unsigned long step)
{
	__u64 h = alloc_one(a, MEMLANE_FAST, pages * PAGE);
	unsigned long at;

	for (at = 0; at < pages; at += step)
		address_of(a, h)[at * PAGE] = 1;
	return h;
}

/* An object whose every @step-th page exists. */
static void expect_all_to_yield(unsigned long pages, unsigned long step)
{
	struct arena a = arena_new(2 * pages * PAGE, 2 * pages * PAGE);
	__u64 h = object(&a, pages, step);

	trace_set_up();
	expect_yields("move", move_there, &a, &h);
	expect_yields("put away", put_away, &a, &h);
	expect_yields("bring back", bring_back, &a, &h);
	expect_yields("move back", move_back, &a, &h);
	expect_yields("free", give_up, &a, &h);
	h = object(&a, pages, step);
	expect_yields("close", end, &a, &h);
	trace_end();
}

TEST(pages_that_lie_together)
{
	expect_all_to_yield(PAGES, 1);
}

TEST(pages_that_lie_apart)
{
	expect_all_to_yield(APART, CHUNK);
}

/* A test that fails leaves it as it is. */
TEST(nothing_is_traced_any_more)
{
	trace_end();
}
