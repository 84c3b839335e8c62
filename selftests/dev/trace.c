// SPDX-License-Identifier: MIT
/*
 * trace.c - every tracepoint fires, with the fields that are known
 *
 * In a trace instance of its own, so that it disturbs nobody's tracing. Every
 * event that the module has must be in the list at the end.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "../arena.h"

#define TRACING	"/sys/kernel/tracing"

static char instance[64];

static void write_file(const char *name, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", instance, name);
	fd = open(path, O_WRONLY | O_TRUNC);
	expect(fd >= 0);
	expect_eq(write(fd, text, strlen(text)), strlen(text));
	expect_eq(close(fd), 0);
}

static void begin(void)
{
	close(device_open(O_RDWR));
	if (access(TRACING "/events/memlane", F_OK))
		skip("no tracepoints: " TRACING "/events/memlane is not there");
	snprintf(instance, sizeof(instance), TRACING "/instances/memlane-%d", getpid());
	if (mkdir(instance, 0700))
		skip("no trace instance can be made");
	write_file("events/memlane/enable", "1");
}

static void end(void)
{
	write_file("events/memlane/enable", "0");
	expect_eq(rmdir(instance), 0);
}

/* How many lines of the trace have @event of arena @id and all of @fields. */
static unsigned int lines(const char *event, unsigned int id, const char *fields)
{
	char path[160], line[512], start[64];
	unsigned int nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", instance);
	snprintf(start, sizeof(start), " %s: arena=%u ", event, id);
	f = fopen(path, "r");
	expect(f);
	while (fgets(line, sizeof(line), f))
		nr += strstr(line, start) && strstr(line, fields);
	fclose(f);
	return nr;
}

static void expect_lines(const char *event, const struct arena *a, unsigned int nr,
			 const char *fields)
{
	unsigned int got = lines(event, a->info.out_id, fields);

	if (got != nr)
		fail("%s with '%s': %u lines, not %u", event, fields, got, nr);
}

TEST(alloc_and_free)
{
	struct arena a;
	__u64 handles[8];

	begin();
	a = arena_new(MIB, MIB);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 100, 8, handles), 8);
	expect_eq(free_live(&a, handles, 8), 0);
	expect_eq(free_live(&a, handles, 1), -ESTALE);
	expect_lines("memlane_alloc", &a, 1, "length=100 lane=0 wanted=8 given=8 err=0");
	expect_lines("memlane_free", &a, 1, "wanted=8 freed=8 err=0");
	expect_lines("memlane_free", &a, 1, "wanted=1 freed=0 err=-116");
	arena_end(&a);
	end();
}

TEST(stock)
{
	struct memlane_register thread = { .size = sizeof(thread) };
	struct memlane_refill refill = { .size = sizeof(refill), .length = 100, .count = 16 };
	struct memlane_flush flush = { .size = sizeof(flush) };
	struct arena a;
	char text[80];

	begin();
	a = arena_new(MIB, MIB);
	expect_eq(call(a.fd, MEMLANE_IOCTL_REGISTER, &thread), 0);
	refill.slot = thread.slot;
	expect_eq(call(a.fd, MEMLANE_IOCTL_REFILL, &refill), 0);
	expect(refill.out_count > 0);
	flush.slot = thread.slot;
	flush.lane = refill.out_lane;
	flush.cls = refill.out_class;
	expect_eq(call(a.fd, MEMLANE_IOCTL_FLUSH, &flush), 0);
	snprintf(text, sizeof(text), "length=100 lane=0 class=%u wanted=16 given=%u err=0",
		 refill.out_class, refill.out_count);
	expect_lines("memlane_refill", &a, 1, text);
	snprintf(text, sizeof(text), "class=%u given_back=%u err=0", flush.cls, flush.out_count);
	expect_lines("memlane_flush", &a, 1, text);
	arena_end(&a);
	end();
}

TEST(each_move)
{
	struct arena a;
	__u64 small, large;
	char text[80];

	begin();
	a = arena_new(4 * MIB, 4 * MIB);
	small = alloc_one(&a, MEMLANE_FAST, 1000);
	large = alloc_one(&a, MEMLANE_FAST, MIB);
	memset(address_of(&a, large), 1, MIB);
	expect_eq(migrate_one(&a, small, MEMLANE_SLOW), 0);
	expect_eq(migrate_one(&a, large, MEMLANE_SLOW), 0);
	__atomic_fetch_add(pin_of(&a, small), MEMLANE_PIN_ONE, __ATOMIC_SEQ_CST);
	expect_eq(migrate_one(&a, small, MEMLANE_FAST), -EBUSY);
	expect_lines("memlane_migrate", &a, 1, "moved=1 bytes=1024 remapped_pages=0");
	expect_lines("memlane_migrate", &a, 1, "moved=0 bytes=0 remapped_pages=256");
	snprintf(text, sizeof(text), "index=%u ", index_of(small));
	expect_lines("memlane_move", &a, 1, text);
	expect_lines("memlane_move", &a, 1, "bytes=1024 cause=hand remap=0 err=0");
	expect_lines("memlane_move", &a, 1, "bytes=1048576 cause=hand remap=1 err=0");
	arena_end(&a);
	end();
}

/* A cycle that ages: what nobody used is stale, and leaves the FastLane. */
TEST(choices_of_the_policy)
{
	struct memlane_maintain cycle = { .size = sizeof(cycle) };
	struct memlane_set age = {
		.size = sizeof(age), .option = MEMLANE_OPT_AGE_INTERVAL, .value = 1000000,
	};
	struct arena a;
	__u64 handle;
	char text[80];
	int i;

	begin();
	a = arena_new(4 * MIB, 4 * MIB);
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET, &age), 0);
	handle = alloc_one(&a, MEMLANE_FAST, 1000);
	for (i = 0; i < 20 && query(&a, handle).out_lane == MEMLANE_FAST; i++) {
		usleep(2000);
		expect_eq(call(a.fd, MEMLANE_IOCTL_MAINTAIN, &cycle), 0);
	}
	expect_eq(query(&a, handle).out_lane, MEMLANE_SLOW);
	snprintf(text, sizeof(text), "cause=stale lane=1 index=%u\n", index_of(handle));
	expect_lines("memlane_decide", &a, 1, text);
	expect_lines("memlane_move", &a, 1, "bytes=1024 cause=stale remap=0 err=0");
	expect(lines("memlane_maintain", a.info.out_id, "moved=1 bytes=1024 ") == 1);
	arena_end(&a);
	end();
}

TEST(compaction)
{
	static __u64 handles[2048], odd[1024];
	struct arena a;
	int i;

	begin();
	a = arena_new(8 * MIB, MIB);
	expect_eq(alloc_live(&a, MEMLANE_FAST, 1024, 2048, handles), 2048);
	for (i = 0; i < 1024; i++)
		odd[i] = handles[2 * i + 1];
	expect_eq(free_live(&a, odd, 1024), 0);
	expect_eq(compact(&a).out_more, 0);
	expect_lines("memlane_compact", &a, 1, "err=0");
	expect(lines("memlane_move", a.info.out_id, "cause=compact remap=0 err=0") > 100);
	arena_end(&a);
	end();
}

TEST(pages_put_away_and_back)
{
	struct arena a = arena_new(4 * MIB, 4 * MIB);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 40000);
	struct memlane_cool req = {
		.size = sizeof(req), .count = 1, .handles = (unsigned long)&handle,
	};

	memset(address_of(&a, handle), 1, 40000);
	begin();
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(req.out_pages, 10);
	expect_lines("memlane_cool", &a, 1, "nr=10 result=10");
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &req), 0);
	expect_lines("memlane_warm", &a, 1, "nr=10 result=10");
	arena_end(&a);
	end();
}

TEST(pages_stored_and_lost)
{
	struct arena a = arena_new(4 * MIB, 4 * MIB);
	__u64 handle = alloc_one(&a, MEMLANE_SLOW, 40000), noise = 1;
	struct memlane_set_backing backing = {
		.size = sizeof(backing), .fd = memfd_create("trace", MFD_CLOEXEC),
	};
	struct memlane_cool req = {
		.size = sizeof(req), .count = 1, .handles = (unsigned long)&handle,
		.flags = MEMLANE_COOL_STORE,
	};
	__u64 *at = (__u64 *)address_of(&a, handle);
	unsigned int i;

	for (i = 0; i < 40000 / sizeof(*at); i++)
		at[i] = rng_next(&noise);
	begin();
	expect_eq(call(a.fd, MEMLANE_IOCTL_SET_BACKING, &backing), 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_lines("memlane_store", &a, 1, "nr=10 result=10");
	req.flags = 0;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &req), 0);
	expect_lines("memlane_load", &a, 10, "nr=1 result=1");
	req.flags = MEMLANE_COOL_STORE;
	expect_eq(call(a.fd, MEMLANE_IOCTL_COOL, &req), 0);
	expect_eq(ftruncate(backing.fd, 0), 0);
	req.flags = 0;
	expect_eq(call(a.fd, MEMLANE_IOCTL_WARM, &req), -EIO);
	expect(lines("memlane_lost", a.info.out_id, "nr=1 result=-") >= 1);
	close(backing.fd);
	arena_end(&a);
	end();
}

TEST(each_event_is_tested)
{
	static const char * const tested[] = {
		"memlane_alloc", "memlane_free", "memlane_refill", "memlane_flush",
		"memlane_move", "memlane_decide", "memlane_migrate", "memlane_compact",
		"memlane_maintain", "memlane_cool", "memlane_warm", "memlane_store",
		"memlane_load", "memlane_lost",
	};
	unsigned int i, nr = 0;
	struct dirent *d;
	DIR *dir;

	dir = opendir(TRACING "/events/memlane");
	if (!dir)
		skip("no tracepoints: " TRACING "/events/memlane is not there");
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "memlane_", 8))
			continue;
		for (i = 0; i < sizeof(tested) / sizeof(*tested); i++)
			if (!strcmp(d->d_name, tested[i]))
				break;
		if (i == sizeof(tested) / sizeof(*tested))
			fail("%s has no test", d->d_name);
		nr++;
	}
	closedir(dir);
	expect_eq(nr, sizeof(tested) / sizeof(*tested));
}

/* debugfs: each span once, and the places in use are those that were given out. */
TEST(spans_in_debugfs)
{
	struct arena a = arena_new(4 * MIB, 4 * MIB);
	unsigned int lane, cls, places, used, sum[MEMLANE_LANES] = { };
	__u64 handles[100], page, pages;
	char path[96], line[160], temper[8];
	FILE *f;

	expect_eq(alloc_live(&a, MEMLANE_FAST, 100, 100, handles), 100);
	expect_eq(alloc_live(&a, MEMLANE_SLOW, 5000, 7, handles), 7);
	snprintf(path, sizeof(path), "/sys/kernel/debug/memlane/%llu/spans",
		 (unsigned long long)a.info.out_id);
	f = fopen(path, "r");
	if (!f)
		skip("%s cannot be read", path);
	expect(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%u %u %7s %llu %llu %u %u", &lane, &cls, temper, &page,
			   &pages, &places, &used) != 7)
			fail("not a span: %s", line);
		expect(lane < MEMLANE_LANES && pages && used <= places);
		sum[lane] += used;
	}
	fclose(f);
	expect_eq(sum[MEMLANE_FAST], 100);
	expect_eq(sum[MEMLANE_SLOW], 7);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
