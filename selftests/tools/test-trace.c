// SPDX-License-Identifier: MIT
/* test-trace.c - the reader takes every good trace, and names what is wrong with a bad one */
#include "../harness.h"
#include "../../tools/trace.h"

#define ROOM	4096

/* A trace under construction. What finish() does not set, a test may spoil. */
struct build {
	struct trace_header h;
	uint8_t command[16];
	uint8_t record[ROOM];
	uint8_t *at;
	uint64_t records;
	uint64_t objects;
	uint64_t named;
	uint8_t file[sizeof(struct trace_header) + 16 + ROOM];
	uint64_t length;
};

static struct build b;

static void begin(void)
{
	memset(&b, 0, sizeof(b));
	memcpy(b.h.magic, TRACE_MAGIC, sizeof(b.h.magic));
	b.h.version = htole32(TRACE_VERSION);
	b.h.threads = htole32(1);
	b.at = b.record;
}

static void put(uint8_t op, int numbers, uint64_t x, uint64_t y)
{
	*b.at++ = op;
	if (numbers > 0)
		b.at = trace_put(b.at, x);
	if (numbers > 1)
		b.at = trace_put(b.at, y);
	b.records++;
}

static void birth(uint64_t size)
{
	put(TRACE_MALLOC, 1, size, 0);
	b.named = b.objects++;
}

static void birth_aligned(uint64_t log2, uint64_t size)
{
	put(TRACE_ALIGNED, 2, log2, size);
	b.named = b.objects++;
}

static uint64_t name(uint64_t object)
{
	uint64_t word = trace_zigzag((int64_t)(object - b.named));

	b.named = object;
	return word;
}

static void death(uint64_t object)
{
	put(TRACE_FREE, 1, name(object), 0);
}

static void resize(uint64_t object, uint64_t size)
{
	put(TRACE_REALLOC, 2, name(object), size);
}

static void finish(void)
{
	uint64_t bytes = (uint64_t)(b.at - b.record);

	b.h.flags |= htole32(TRACE_FINISHED);
	b.h.record_bytes = htole64(bytes);
	b.h.records = htole64(b.records);
	b.h.objects = htole64(b.objects);
	b.h.command_length = htole32(sizeof(b.command));
}

static void join(void)
{
	uint64_t bytes = le64toh(b.h.record_bytes);

	memcpy(b.file, &b.h, sizeof(b.h));
	memcpy(b.file + sizeof(b.h), b.command, sizeof(b.command));
	memcpy(b.file + sizeof(b.h) + sizeof(b.command), b.record, sizeof(b.record));
	b.length = sizeof(b.h) + sizeof(b.command) + (bytes < ROOM ? bytes : ROOM);
}

/* The buffer ends where the file does, so that a sanitizer sees a byte too far. */
static enum trace_fault scan(const void *file, uint64_t length,
			     struct trace_summary *sum, struct trace_error *err)
{
	uint8_t *copy = malloc(length + !length);
	struct trace t;
	int ret;

	expect(copy);
	memcpy(copy, file, length);
	memset(err, 0, sizeof(*err));
	ret = trace_open(&t, copy, length, err);
	if (!ret) {
		ret = trace_scan(&t, sum, err);
		trace_close(&t);
	}
	free(copy);
	expect((ret == 0) == (err->fault == TRACE_GOOD));
	return err->fault;
}

/* The trace is bad: this fault, in this record, and these words in the sentence. */
static void expect_fault(enum trace_fault fault, uint64_t record, const char *words)
{
	struct trace_summary sum;
	struct trace_error err;

	expect_eq(scan(b.file, b.length, &sum, &err), fault);
	expect_eq(err.record, record);
	if (!strstr(err.text, words))
		fail("\"%s\" does not say \"%s\"", err.text, words);
}

static void sample(void)
{
	begin();
	birth(100);
	birth_aligned(12, 5000);
	put(TRACE_CALLOC, 1, 0, 0);
	b.named = b.objects++;
	resize(0, 300);
	death(1);
	birth(7);
	death(0);
	finish();
}

TEST(a_good_trace_is_read_and_summed_up)
{
	struct trace_summary sum;
	struct trace_error err;

	sample();
	join();
	expect_eq(scan(b.file, b.length, &sum, &err), TRACE_GOOD);
	expect_eq(sum.total, 7);
	expect_eq(sum.calls[TRACE_MALLOC], 2);
	expect_eq(sum.calls[TRACE_CALLOC], 1);
	expect_eq(sum.calls[TRACE_ALIGNED], 1);
	expect_eq(sum.calls[TRACE_REALLOC], 1);
	expect_eq(sum.calls[TRACE_FREE], 2);
	expect_eq(sum.peak_bytes, 5300);
	expect_eq(sum.peak_record, 3);
	expect_eq(sum.live_bytes, 7);
	expect_eq(sum.live_objects, 2);
	expect_eq(sum.largest, 5000);
}

TEST(records_come_out_as_they_went_in)
{
	struct trace_record r;
	struct trace_error err;
	struct trace t;
	uint64_t size;
	int pass;

	sample();
	join();
	expect_eq(trace_open(&t, b.file, b.length, &err), 0);
	for (pass = 0; pass < 2; pass++) {
		expect_eq(trace_next(&t, &r, &err), 1);
		expect(r.op == TRACE_MALLOC && r.object == 0 && r.size == 100);
		expect_eq(trace_next(&t, &r, &err), 1);
		expect(r.op == TRACE_ALIGNED && r.object == 1 && r.align == 4096);
		expect_eq(trace_next(&t, &r, &err), 1);
		expect(r.op == TRACE_CALLOC && r.object == 2 && r.size == 0);
		expect(trace_live(&t, 2, &size) && size == 0);
		expect_eq(trace_next(&t, &r, &err), 1);
		expect(r.op == TRACE_REALLOC && r.object == 0);
		expect(r.old_size == 100 && r.size == 300);
		expect_eq(trace_next(&t, &r, &err), 1);
		expect(r.op == TRACE_FREE && r.object == 1 && r.size == 5000);
		expect(!trace_live(&t, 1, &size));
		trace_rewind(&t);
	}
	trace_close(&t);
}

TEST(threads_are_told_apart)
{
	struct trace_record r;
	struct trace_error err;
	struct trace t;

	begin();
	b.h.threads = htole32(3);
	birth(1);
	put(TRACE_THREAD, 1, 2, 0);
	birth(1);
	put(TRACE_THREAD, 1, 0, 0);
	finish();
	join();
	expect_eq(trace_open(&t, b.file, b.length, &err), 0);
	expect_eq(trace_next(&t, &r, &err), 1);
	expect_eq(r.thread, 0);
	expect_eq(trace_next(&t, &r, &err), 1);
	expect_eq(r.thread, 2);
	expect_eq(trace_next(&t, &r, &err), 0);
	trace_close(&t);
}

static void site(uint64_t number, const char *text)
{
	put(TRACE_SITE, 1, number, 0);
	if (!text)
		return;
	b.at = trace_put(b.at, strlen(text));
	memcpy(b.at, text, strlen(text));
	b.at += strlen(text);
}

TEST(call_sites)
{
	struct trace_record r;
	struct trace_error err;
	struct trace t;

	begin();
	birth(1);
	site(1, "one");
	birth(1);
	site(2, "the second");
	site(1, NULL);
	birth(1);
	finish();
	join();
	expect_eq(trace_open(&t, b.file, b.length, &err), 0);
	expect_eq(trace_next(&t, &r, &err), 1);
	expect(r.site == 0 && !trace_site(&t, r.site));
	expect_eq(trace_next(&t, &r, &err), 1);
	expect(r.site == 1 && trace_site(&t, 1)->length == 3 && !trace_site(&t, 2));
	expect_eq(trace_next(&t, &r, &err), 1);
	expect(r.site == 1 && !memcmp(trace_site(&t, 2)->text, "the second", 10));
	expect_eq(trace_next(&t, &r, &err), 0);
	trace_close(&t);
}

TEST(numbers_of_every_length_survive)
{
	uint64_t size;

	for (size = 1; size < TRACE_SIZE_MAX; size = size * 2 + 1) {
		struct trace_summary sum;
		struct trace_error err;

		begin();
		birth(size);
		finish();
		join();
		expect_eq(scan(b.file, b.length, &sum, &err), TRACE_GOOD);
		expect_eq(sum.live_bytes, size);
	}
}

TEST(distances_of_both_signs_survive)
{
	static const int64_t some[] = { 0, 1, -1, 63, -64, 64, 1LL << 40, -(1LL << 40),
					INT64_MAX, INT64_MIN };
	unsigned int i;

	for (i = 0; i < sizeof(some) / sizeof(*some); i++)
		expect_eq(trace_unzigzag(trace_zigzag(some[i])), some[i]);
}

TEST(an_unfinished_recording_is_good_up_to_its_end)
{
	struct trace_summary sum;
	struct trace_error err;

	sample();
	b.h.flags = 0;
	b.h.records = b.h.objects = 0;
	join();
	expect_eq(scan(b.file, b.length, &sum, &err), TRACE_GOOD);
	expect_eq(sum.total, 7);
	/* What follows the bytes that count is not looked at. */
	expect_eq(scan(b.file, sizeof(b.file), &sum, &err), TRACE_GOOD);
	expect_eq(sum.total, 7);
}

TEST(every_shorter_file_is_cut_short)
{
	struct trace_summary sum;
	struct trace_error err;
	uint64_t length;

	sample();
	join();
	for (length = 0; length < b.length; length++) {
		expect_eq(scan(b.file, length, &sum, &err), TRACE_CUT_SHORT);
		expect(strstr(err.text, "cut short"));
	}
	/* In the sixth record, malloc of 7: its number is missing. */
	b.length -= 3;
	expect_fault(TRACE_CUT_SHORT, 5, "record 5 at byte");
}

TEST(wrong_magic)
{
	sample();
	b.h.magic[0] = 'm';
	join();
	expect_fault(TRACE_BAD_MAGIC, ~0ULL, "header at byte 0: this is not a MemoryLane trace");
}

TEST(unknown_version)
{
	sample();
	b.h.version = htole32(2);
	join();
	expect_fault(TRACE_BAD_VERSION, ~0ULL, "version");
}

TEST(a_header_that_contradicts_itself)
{
	sample();
	b.h.flags |= htole32(1U << 31);
	join();
	expect_fault(TRACE_BAD_HEADER, ~0ULL, "unknown flags");
	sample();
	b.h.reserved[3] = 1;
	join();
	expect_fault(TRACE_BAD_HEADER, ~0ULL, "reserved");
	sample();
	b.h.command_length = htole32(TRACE_COMMAND_MAX + 1);
	join();
	expect_fault(TRACE_BAD_HEADER, ~0ULL, "command");
	sample();
	b.h.records = htole64(~0ULL);
	join();
	expect_fault(TRACE_BAD_HEADER, ~0ULL, "more records than bytes");
	sample();
	b.h.objects = htole64(8);
	join();
	expect_fault(TRACE_BAD_HEADER, ~0ULL, "more objects than records");
	sample();
	b.h.record_bytes = htole64(~0ULL);
	join();
	expect_fault(TRACE_BAD_HEADER, ~0ULL, "address space");
}

TEST(unknown_operations)
{
	unsigned int op;

	for (op = 0; op < 256; op++) {
		if (op && op < TRACE_OPS)
			continue;
		begin();
		birth(1);
		put((uint8_t)op, 1, 0, 0);
		finish();
		join();
		expect_fault(TRACE_BAD_OP, 1, "record 1 at byte 114: unknown operation");
	}
}

TEST(call_sites_that_cannot_be)
{
	char text[TRACE_SITE_TEXT + 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin();
	site(2, NULL);
	finish();
	join();
	expect_fault(TRACE_BAD_SITE, 0, "site 2");
	begin();
	site(1, text);
	finish();
	join();
	expect_fault(TRACE_BAD_SITE, 0, "bytes of text 241");
	begin();
	site(1, "");
	finish();
	join();
	expect_fault(TRACE_BAD_SITE, 0, "bytes of text 0");
	begin();
	site(1, text + 1);
	finish();
	b.h.record_bytes = htole64(le64toh(b.h.record_bytes) - 1);
	join();
	expect_fault(TRACE_CUT_SHORT, 0, "");
}

TEST(free_of_an_unknown_object)
{
	begin();
	birth(1);
	death(1);
	finish();
	join();
	expect_fault(TRACE_UNKNOWN_OBJECT, 1, "never allocated is named (object 1)");
	begin();
	put(TRACE_FREE, 1, trace_zigzag(INT64_MIN), 0);
	finish();
	join();
	expect_fault(TRACE_UNKNOWN_OBJECT, 0, "record 0 at byte 112");
}

TEST(double_free)
{
	begin();
	birth(1);
	birth(2);
	death(0);
	death(0);
	finish();
	join();
	expect_fault(TRACE_DEAD_OBJECT, 3, "free already is named (object 0)");
}

TEST(realloc_of_unknown_and_dead_objects)
{
	begin();
	birth(1);
	resize(5, 10);
	finish();
	join();
	expect_fault(TRACE_UNKNOWN_OBJECT, 1, "(object 5)");
	begin();
	birth(1);
	death(0);
	resize(0, 10);
	finish();
	join();
	expect_fault(TRACE_DEAD_OBJECT, 2, "(object 0)");
}

TEST(absurd_sizes)
{
	begin();
	birth(TRACE_SIZE_MAX);
	birth(TRACE_SIZE_MAX + 1);
	finish();
	join();
	expect_fault(TRACE_BAD_SIZE, 1, "absurd size");
	begin();
	birth(1);
	resize(0, ~0ULL);
	finish();
	join();
	expect_fault(TRACE_BAD_SIZE, 1, "18446744073709551615");
}

TEST(more_live_than_an_address_space)
{
	int i;

	begin();
	for (i = 0; i < 200; i++)
		birth(TRACE_SIZE_MAX);
	finish();
	join();
	expect_fault(TRACE_TOO_LARGE, 128, "more bytes are live");
}

TEST(absurd_alignments)
{
	begin();
	birth_aligned(TRACE_ALIGN_LOG2_MAX, 1);
	birth_aligned(TRACE_ALIGN_LOG2_MAX + 1, 1);
	finish();
	join();
	expect_fault(TRACE_BAD_ALIGNMENT, 1, "two to the power of 31");
}

TEST(a_thread_that_is_not_counted)
{
	begin();
	put(TRACE_THREAD, 1, 1, 0);
	finish();
	join();
	expect_fault(TRACE_BAD_THREAD, 0, "(thread 1)");
}

TEST(a_number_of_too_many_bits)
{
	begin();
	*b.at++ = TRACE_MALLOC;
	memset(b.at, 0xff, 11);
	b.at += 11;
	b.records = b.objects = 1;
	finish();
	join();
	expect_fault(TRACE_BAD_NUMBER, 0, "more than 64 bits");
}

TEST(counts_that_do_not_add_up)
{
	sample();
	b.h.objects = htole64(5);
	join();
	expect_fault(TRACE_BAD_COUNT, 7, "objects by the header 5");
	sample();
	b.h.objects = htole64(2);
	join();
	expect_fault(TRACE_BAD_COUNT, 2, "objects by the header 2");
	sample();
	b.h.records = htole64(6);
	b.h.objects = htole64(4);
	join();
	expect_fault(TRACE_BAD_COUNT, 6, "bytes by the header");
}

/* Whatever the bytes are: an answer, no crash, and memory by the length of the file. */
TEST(random_damage_is_answered)
{
	unsigned long long x = harness_seed();
	struct trace_summary sum;
	struct trace_error err;
	int i, n, bad = 0;

	for (i = 0; i < 100000; i++) {
		sample();
		join();
		for (n = 1 + rng_next(&x) % 4; n; n--)
			b.file[rng_next(&x) % b.length] = (uint8_t)rng_next(&x);
		if (rng_next(&x) % 2)	/* let it be read to its records */
			memcpy(b.file, &b.h, 16);
		if (scan(b.file, b.length - rng_next(&x) % 3, &sum, &err)) {
			expect(strlen(err.text) > 10);
			bad++;
		}
	}
	expect(bad > i / 2);
}
