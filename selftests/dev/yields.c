// SPDX-License-Identifier: MIT
/*
 * yields.c - how much is done between two places where the CPU may be given away
 *
 * The kernel's tracer writes down each function of the module's that a call comes to, and each
 * time it asks whether another task wants the CPU. So what is found is the same on a machine
 * however busy. Nobody asks but by cond_resched() here, as with preempt=none. Where the kernel
 * takes the CPU by itself, nothing asks, and there is nothing to see.
 */
#include "cool.h"

#define TRACING "/sys/kernel/tracing/"
#define PREEMPT "/sys/kernel/debug/sched/preempt"
#define CHUNK 512UL		/* pages that are described together */
#define MOST (16 * CHUNK)	/* functions: some for each page of a chunk, on either side of a move */
#define PAGES (6 * CHUNK)
#define APART (24 * CHUNK)	/* of an object that has a page in each chunk */

static bool put(const char *file, const char *text, int flags)
{
	int fd = open(file, O_WRONLY | flags);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static char preempt[16];

static void trace_end(void)
{
	put(TRACING "tracing_on", "0", 0);
	put(TRACING "current_tracer", "nop", 0);
	put(TRACING "set_ftrace_pid", "", O_TRUNC);
	put(TRACING "set_ftrace_filter", "", O_TRUNC);
	if (*preempt)
		put(PREEMPT, preempt, 0);
}

/* What the kernel has chosen is in brackets: "none (voluntary) full". */
static void ask_seldom(void)
{
	char text[64] = "", *from;
	int fd = open(PREEMPT, O_RDONLY);

	if (fd < 0)
		return;
	expect(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	from = strchr(text, '(');
	expect(from && sscanf(from, "(%15[a-z])", preempt) == 1);
	put(PREEMPT, "none", 0);
}

/* Of this process alone, what it does in the module and where it may be interrupted. */
static void trace_set_up(void)
{
	char pid[16];

	trace_end();
	ask_seldom();
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!put(TRACING "set_ftrace_filter", ":mod:memlane\n", O_APPEND) ||
	    !put(TRACING "set_ftrace_filter", "__cond_resched\n", O_APPEND))
		skip("functions are not traced");
	if (!put(TRACING "set_ftrace_pid", pid, O_TRUNC) || !put(TRACING "buffer_size_kb", "8000", 0) ||
	    !put(TRACING "current_tracer", "function", 0))
		skip("no tracer of functions: %s", strerror(errno));
}

/* Functions between two yields, at most; @yields and @all: how many there were. */
static unsigned long trace_read(unsigned long *yields, unsigned long *all)
{
	FILE *f = fopen(TRACING "trace", "r");
	unsigned long here = 0, most = 0;
	char line[256];

	expect(f);
	for (*yields = *all = 0; fgets(line, sizeof(line), f);) {
		expect(!strstr(line, "LOST"));
		if (strstr(line, ": __cond_resched ")) {
			here = 0;
			++*yields;
		} else if (strstr(line, " <-")) {
			most = ++here > most ? here : most;
			++*all;
		}
	}
	fclose(f);
	return most;
}

static void expect_yields(const char *what, void (*work)(struct arena *a, __u64 *h),
			  struct arena *a, __u64 *h)
{
	unsigned long most, yields, all;

	expect(put(TRACING "trace", "0", O_TRUNC) && put(TRACING "tracing_on", "1", 0));
	work(a, h);
	put(TRACING "tracing_on", "0", 0);
	most = trace_read(&yields, &all);
	printf("# %s: %lu of %lu functions at once\n", what, most, all);
	if (!yields)
		skip("this kernel is asked for no CPU");
	expect(all);
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

static void look(struct arena *a, __u64 *h)
{
	query(a, *h);
	counts(a);
}

static void compact_all(struct arena *a, __u64 *h)
{
	(void)h;
	compact(a);
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
	struct arena a = arena_new(3 * pages * PAGE, 3 * pages * PAGE);
	__u64 h = object(&a, pages, step);

	trace_set_up();
	expect_yields("move", move_there, &a, &h);
	expect_yields("put away", put_away, &a, &h);
	expect_yields("bring back", bring_back, &a, &h);
	expect_yields("move back", move_back, &a, &h);
	expect_yields("look", look, &a, &h);
	expect_yields("compact", compact_all, &a, &h);
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
