// SPDX-License-Identifier: MIT
/* test-verdict.c - what a replay comes to, in words */
#include "../harness.h"
#include "../../tools/verdict.h"

#define MIB (1ULL << 20)

/* Of the runner the verdict needs no more than a name. */
const char *runner_title(const struct run *run, const struct play_result *res)
{
	(void)run;
	return res->title;
}

static struct play_result result[3];
static struct report_column column[3] = { { .res = &result[0] }, { .res = &result[1] },
					   { .res = &result[2] } };
static struct trace_summary sum;
static struct report report = { .sum = &sum, .column = column, .columns = 3 };

/* Resident at the highest and at last, MiB. */
static void run(int i, const char *title, uint64_t highest, uint64_t settled)
{
	strcpy(result[i].title, title);
	result[i].highest.resident = highest * MIB;
	result[i].settled.resident = settled * MIB;
}

static void expect_verdict(const char *words)
{
	char text[512];

	verdict_text(&report, text, sizeof(text));
	if (!strstr(text, words))
		fail("not \"%s\": %s", words, text);
}

static void three_runs(void)
{
	run(0, "memlane", 100, 35);
	run(1, "own malloc", 90, 60);
	run(2, "jemalloc", 80, 50);
	sum.peak_bytes = 70 * MIB;
	sum.live_bytes = 30 * MIB;
}

TEST(it_profits_where_it_lives_on)
{
	three_runs();
	expect_verdict("This program profits: at last, compacted or trimmed, it has 35.0 MiB");
	expect_verdict("15.0 MiB (30 %) less than on jemalloc");
}

TEST(what_is_freed_in_the_end_does_not_count)
{
	three_runs();
	sum.live_bytes = 0;
	expect_eq(verdict_moment(&sum), VERDICT_HIGHEST);
	expect_verdict("does not profit: at its highest, it has 100.0 MiB");
	expect_verdict("20.0 MiB (25 %) more than on jemalloc");
}

TEST(a_little_is_nothing)
{
	three_runs();
	run(0, "memlane", 100, 49);
	expect_verdict("does not profit: at last, compacted or trimmed, it has 49.0 MiB in RAM on libmemlane, and as much");
}

TEST(a_small_trace_decides_nothing)
{
	three_runs();
	sum.peak_bytes = MIB - 1;
	expect_verdict("decides nothing: at most 1.00 MiB");
}

TEST(nobody_to_compare_with)
{
	three_runs();
	report.columns = 1;
	expect_verdict("nothing to compare with");
	report.columns = 2;
	expect_verdict("less than on own malloc");
}

TEST(an_emulator_is_told_by_its_name)
{
	int fd = memfd_create("cpu", MFD_CLOEXEC);
	char path[32];
	const char *tcg = "processor\t: 0\nmodel name\t: QEMU TCG CPU version 2.5+\n";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect(write(fd, tcg, strlen(tcg)) > 0);
	expect(verdict_emulated(path));
	expect_eq(ftruncate(fd, 12), 0);
	expect(!verdict_emulated(path) && !verdict_emulated("/no/such/file"));
	close(fd);
}
