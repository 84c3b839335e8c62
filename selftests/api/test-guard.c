// SPDX-License-Identifier: MIT
/* test-guard.c - checking mode: guard bytes, wrong use, leaks */
#include "api.h"

/* What was reported last, and how often. */
static struct memlane_report last;
static char last_text[512], last_name[512];
static int reports;

static void take(void *arg, const struct memlane_report *r)
{
	(void)arg;
	last = *r;
	snprintf(last_text, sizeof(last_text), "%s", r->text);
	snprintf(last_name, sizeof(last_name), "%s", r->tag_name);
	reports++;
}

static struct memlane *open_guarded(void)
{
	struct memlane_config c = quiet();

	c.guard = true;
	c.report = take;
	c.fast_lane_size = 16 * MIB;
	return open_with(&c);
}

static memlane_handle tagged(struct memlane *m, uint64_t size, uint16_t tag)
{
	struct memlane_alloc_opts opts = { .tag = tag, .group = 3 };
	memlane_handle h;

	expect_eq(memlane_alloc_with(m, size, &opts, &h), 0);
	return h;
}

/* Change the byte at @offset of the object, inside its bytes or not. */
static void poke(struct memlane *m, memlane_handle h, int64_t offset)
{
	unsigned char *p;

	expect_eq(memlane_enter(m), 0);
	p = memlane_get(m, h);
	expect(p != NULL);
	p[offset] ^= 0x41;
	expect_eq(memlane_exit(m), 0);
}

static const uint64_t sizes[] = { 1, 15, 16, 17, 100, 4095, 4096, 32000, 32768, 40000, 1000000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

TEST(right_use_is_not_reported)
{
	struct memlane *m = open_guarded();
	memlane_handle h[SIZES];
	unsigned int i;
	void *p;

	for (i = 0; i < SIZES; i++) {
		h[i] = tagged(m, sizes[i], i);
		expect_eq(memlane_size(m, h[i]), sizes[i]);
		fill(m, h[i], i);
		poke(m, h[i], 0);
		poke(m, h[i], sizes[i] - 1);
		fill(m, h[i], i);
	}
	for (i = 0; i < SIZES; i++) {
		expect_eq(memlane_migrate(m, h[i], !memlane_lane(m, h[i])), 0);
		expect_eq(memlane_try_pin(m, h[i], &p), 0);
		expect_eq(memlane_unpin(m, h[i]), 0);
	}
	expect_eq(memlane_check(m, NULL, NULL), 0);
	expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	expect_eq(memlane_check(m, NULL, NULL), 0);
	for (i = 0; i < SIZES; i++) {
		verify(m, h[i], i);
		expect_eq(memlane_free(m, h[i]), 0);
	}
	memlane_close(m);
	expect_eq(reports, 0);
}

TEST(every_guard_byte_is_checked)
{
	struct memlane *m = open_guarded();
	memlane_handle h;
	unsigned int i;
	int64_t o;

	for (i = 0; i < SIZES; i++) {
		h = tagged(m, sizes[i], 5);
		for (o = -64; o < (int64_t)sizes[i] + 32; o = o == -1 ? (int64_t)sizes[i] : o + 1) {
			poke(m, h, o);
			expect_eq(memlane_check(m, NULL, NULL), 1);
			expect_eq(last.offset, o);
			expect_eq(last.kind, o < 0 ? MEMLANE_REPORT_UNDERRUN : MEMLANE_REPORT_OVERRUN);
			expect(last.handle == h);
			poke(m, h, o);
			expect_eq(memlane_check(m, NULL, NULL), 0);
		}
		expect_eq(memlane_free(m, h), 0);
	}
	memlane_close(m);
}

TEST(a_report_names_handle_tag_and_offset)
{
	struct memlane *m = open_guarded();
	memlane_handle h = tagged(m, 100, 21);
	char hex[32];

	expect_eq(memlane_tag_name(m, 21, "mesh"), 0);
	poke(m, h, 103);
	expect_eq(memlane_free(m, h), 0);
	expect_eq(reports, 1);
	expect_eq(last.kind, MEMLANE_REPORT_OVERRUN);
	expect(last.handle == h);
	expect_eq(last.tag, 21);
	expect_eq(last.group, 3);
	expect_eq(last.bytes, 100);
	expect_eq(last.offset, 103);
	expect(!strcmp(last_name, "mesh"));
	snprintf(hex, sizeof(hex), "0x%016llx", (unsigned long long)h);
	expect(strstr(last_text, hex) && strstr(last_text, "mesh") && strstr(last_text, "103"));
	memlane_close(m);
}

TEST(damage_is_found_after_a_move_and_the_handle_is_the_program_s)
{
	struct memlane *m = open_guarded();
	memlane_handle fast = tagged(m, 100, 1), slow = tagged(m, 5000, 2);

	poke(m, fast, -1);
	expect_eq(memlane_migrate(m, fast, MEMLANE_SLOW), 0);
	expect_eq(memlane_check(m, NULL, NULL), 1);
	expect(last.handle == fast);
	poke(m, fast, -1);
	expect_eq(memlane_migrate(m, slow, MEMLANE_FAST), 0);
	poke(m, slow, 5000);
	expect_eq(memlane_check(m, NULL, NULL), 1);
	expect(last.handle == slow);
	memlane_close(m);
}

TEST(memlane_check_has_its_own_callback_and_counts)
{
	struct memlane *m = open_guarded(), *n = open_quiet();
	memlane_handle h[10];
	int i;

	for (i = 0; i < 10; i++)
		h[i] = tagged(m, 64, i);
	for (i = 0; i < 10; i += 3)
		poke(m, h[i], 64);
	expect_eq(memlane_check(m, take, NULL), 4);
	expect_eq(reports, 4);
	expect_eq(memlane_check(n, take, NULL), -EOPNOTSUPP);
	memlane_close(m);
	memlane_close(n);
}

TEST(get_outside_a_section_is_reported)
{
	struct memlane *m = open_guarded();
	memlane_handle h = tagged(m, 100, 9);
	void *p;

	expect(!memlane_get(m, h));
	expect_eq(reports, 1);
	expect_eq(last.kind, MEMLANE_REPORT_GET);
	expect(last.handle == h);
	expect_eq(memlane_try_get(m, h, 1, &p), -ENOLCK);
	expect_eq(reports, 2);
	expect_eq(memlane_enter(m), 0);
	expect(memlane_get(m, h));
	expect_eq(memlane_try_get(m, h, 100, &p), 0);
	expect_eq(memlane_exit(m), 0);
	expect(!memlane_get(m, h));
	expect_eq(reports, 3);
	memlane_close(m);
}

TEST(exit_without_enter_and_unpin_without_pin_are_reported)
{
	struct memlane *m = open_guarded();
	memlane_handle h = tagged(m, 100, 9);

	expect_eq(memlane_exit(m), -EINVAL);
	expect_eq(reports, 1);
	expect_eq(last.kind, MEMLANE_REPORT_EXIT);
	expect_eq(memlane_unpin(m, h), -EINVAL);
	expect_eq(reports, 2);
	expect_eq(last.kind, MEMLANE_REPORT_UNPIN);
	expect(last.handle == h);
	expect_eq(last.tag, 9);
	memlane_close(m);
}

TEST(scratch_written_after_its_frame_is_reported)
{
	struct memlane *m = open_guarded();
	struct memlane_mark mark = memlane_frame_begin(m), other;
	unsigned char *p = memlane_frame_alloc(m, 100);

	memset(p, 1, 100);
	expect_eq(memlane_frame_end(m, mark), 0);
	mark = memlane_frame_begin(m);
	expect(memlane_frame_alloc(m, 100) == p);
	expect_eq(reports, 0);
	expect_eq(p[0], 0xf5);
	expect_eq(memlane_frame_end(m, mark), 0);
	p[42] = 0;
	other = memlane_frame_begin(m);
	expect(memlane_frame_alloc(m, 100) == p);
	expect_eq(reports, 1);
	expect_eq(last.kind, MEMLANE_REPORT_FRAME);
	expect_eq(last.offset, 42);
	expect_eq(memlane_frame_end(m, other), 0);
	other.at += 16;
	expect_eq(memlane_frame_end(m, other), -EINVAL);
	expect_eq(reports, 2);
	expect_eq(last.kind, MEMLANE_REPORT_MARK);
	memlane_close(m);
}

TEST(scratch_written_past_its_bytes_is_reported_when_its_frame_ends)
{
	struct memlane *m = open_guarded();
	struct memlane_mark outer = memlane_frame_begin(m), inner;
	unsigned char *p, *q;

	p = memlane_frame_alloc(m, 20);
	inner = memlane_frame_begin(m);
	q = memlane_frame_alloc(m, 100000);
	memset(p, 0, 20);
	memset(q, 0, 100000);
	q[100000] = 1;
	expect_eq(memlane_frame_end(m, inner), 0);
	expect_eq(reports, 1);
	expect_eq(last.kind, MEMLANE_REPORT_OVERRUN);
	expect_eq(last.tag, MEMLANE_TAG_FRAME);
	expect_eq(last.bytes, 100000);
	expect_eq(last.offset, 100000);
	p[35] = 1;
	p = memlane_frame_alloc(m, 20);
	p[-9] = 1;
	expect_eq(memlane_frame_end(m, outer), 0);
	expect_eq(reports, 3);
	expect_eq(last.kind, MEMLANE_REPORT_UNDERRUN);
	expect_eq(last.offset, -16);
	/* What was found once is not found again. */
	outer = memlane_frame_begin(m);
	memset(memlane_frame_alloc(m, 200000), 0, 200000);
	expect_eq(memlane_frame_end(m, outer), 0);
	expect_eq(reports, 3);
	memlane_close(m);
}

/* Another frame has the number of one that has ended: the mark is of the old one. */
TEST(a_mark_of_a_frame_that_has_ended_is_refused)
{
	struct memlane *m = open_guarded();
	struct memlane_mark outer = memlane_frame_begin(m), old, young;
	unsigned char *p;

	old = memlane_frame_begin(m);
	expect_eq(memlane_frame_end(m, old), 0);
	p = memlane_frame_alloc(m, 100);
	memset(p, 1, 100);
	young = memlane_frame_begin(m);
	expect_eq(memlane_frame_end(m, old), -EINVAL);
	expect_eq(last.kind, MEMLANE_REPORT_MARK);
	expect(p[0] == 1 && p[99] == 1);
	expect_eq(memlane_frame_end(m, young), 0);
	expect_eq(memlane_frame_end(m, outer), 0);
	expect_eq(reports, 1);
	memlane_close(m);
}

TEST(alignments_that_guards_allow_are_kept)
{
	struct memlane *m = open_guarded();
	struct memlane_alloc_opts opts = { .align = 64 };
	memlane_handle h;
	int i;

	for (i = 1; i < 300; i += 7) {
		expect_eq(memlane_alloc_with(m, i, &opts, &h), 0);
		expect_eq(memlane_enter(m), 0);
		expect(((uintptr_t)memlane_get(m, h) & 63) == 0);
		expect_eq(memlane_exit(m), 0);
	}
	opts.align = 128;
	expect_eq(memlane_alloc_with(m, 1, &opts, &h), -EOPNOTSUPP);
	opts.align = 3;
	expect_eq(memlane_alloc_with(m, 1, &opts, &h), -EINVAL);
	memlane_close(m);
}

TEST(guarded_memory_can_be_cleared)
{
	struct memlane *m = open_guarded();
	struct memlane_alloc_opts opts = { .flags = MEMLANE_ZERO };
	memlane_handle h;
	unsigned char *p;
	int i, j;

	for (i = 0; i < 200; i++) {
		expect_eq(memlane_alloc_with(m, 100, &opts, &h), 0);
		expect_eq(memlane_enter(m), 0);
		p = memlane_get(m, h);
		for (j = 0; j < 100; j++)
			expect_eq(p[j], 0);
		memset(p, 0xee, 100);
		expect_eq(memlane_exit(m), 0);
		expect_eq(memlane_check(m, NULL, NULL), 0);
		expect_eq(memlane_free(m, h), 0);
	}
	memlane_close(m);
	expect_eq(reports, 0);
}

static void *churn(void *arg)
{
	struct memlane *m = arg;
	memlane_handle h[64] = { 0 };
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		expect_eq(memlane_free(m, h[i % 64]), 0);
		h[i % 64] = must_alloc(m, 1 + i % 500);
	}
	for (i = 0; i < 64; i++)
		expect_eq(memlane_free(m, h[i]), 0);
	return NULL;
}

TEST(checks_beside_threads_and_moves_find_nothing)
{
	struct memlane *m = open_guarded();
	pthread_t t[2];
	int i;

	start(&t[0], churn, m);
	start(&t[1], churn, m);
	for (i = 0; i < 100; i++) {
		expect_eq(memlane_check(m, NULL, NULL), 0);
		expect_eq(memlane_compact(m, 0, 0, NULL), 0);
	}
	finish(t[0]);
	finish(t[1]);
	expect_eq(memlane_check(m, NULL, NULL), 0);
	memlane_close(m);
	expect_eq(reports, 0);
}

TEST(leaks_are_reported_at_close_on_request)
{
	struct memlane_config c = quiet();
	memlane_handle h;
	struct memlane *m;

	c.report_leaks = true;
	c.report = take;
	m = open_with(&c);
	expect_eq(memlane_tag_name(m, 44, "texture"), 0);
	expect_eq(memlane_free(m, tagged(m, 100, 43)), 0);
	h = tagged(m, 123, 44);
	expect_eq(memlane_migrate(m, h, MEMLANE_SLOW), 0);
	expect(memlane_frame_begin(m).at);
	memlane_close(m);
	expect_eq(reports, 1);
	expect_eq(last.kind, MEMLANE_REPORT_LEAK);
	expect(last.handle == h);
	expect_eq(last.bytes, 123);
	expect_eq(last.tag, 44);
	expect(!strcmp(last_name, "texture"));
}

TEST(a_long_name_leaves_room_for_the_report)
{
	struct memlane *m = open_guarded();
	memlane_handle h = tagged(m, 1234, 44);
	char name[401];

	memset(name, 'n', 400);
	name[400] = 0;
	expect_eq(memlane_tag_name(m, 44, name), 0);
	poke(m, h, 1240);
	expect_eq(memlane_check(m, NULL, NULL), 1);
	expect(!strcmp(last_name, name));
	expect(strstr(last_text, "(nnnn") && strstr(last_text, "group 3, 1234 bytes, offset 1240"));
	memlane_close(m);
}

TEST(without_a_callback_reports_go_to_stderr)
{
	struct memlane_config c = quiet();
	char line[512] = "";
	struct memlane *m;
	int fd[2];

	expect_eq(pipe(fd), 0);
	expect(dup2(fd[1], 2) == 2);
	c.report_leaks = true;
	m = open_with(&c);
	tagged(m, 77, 8);
	memlane_close(m);
	expect(read(fd[0], line, sizeof(line) - 1) > 0);
	expect(strstr(line, "memlane: an object was not freed") && strstr(line, "77 bytes"));
}

TEST(without_request_nothing_is_reported)
{
	struct memlane_config c = quiet();
	struct memlane *m;

	c.report = take;
	m = open_with(&c);
	tagged(m, 100, 1);
	memlane_exit(m);
	memlane_close(m);
	expect_eq(reports, 0);
}
