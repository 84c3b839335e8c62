// SPDX-License-Identifier: MIT
/*
 * cold.c - what it costs to put away what nobody uses, and to bring it back
 *
 * The file is in memory: what a disk adds is the disk's, and has rows of its own where ML_DISK is
 * one, or ML_LATE, which answers as late as an SSD does. Both are overwritten.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "histogram.h"
#include "keep.h"

#define GROUP	KEEP_GROUP
#define PAGE	4096ULL
#define PAGES	8192ULL
#define DISK_READS 512U

static uint64_t sink;

/* -------------------------------------------------------- price of a fault */

static void shuffle(uint32_t *order, uint32_t nr)
{
	uint64_t rng = 88172645463325252ULL;
	uint32_t i, k, t;

	for (i = 0; i < nr; i++)
		order[i] = i;
	for (i = nr - 1; i > 0; i--) {
		k = (rng_next(&rng) >> 32) % (i + 1);
		t = order[i];
		order[i] = order[k];
		order[k] = t;
	}
}

/* ns a page, @nr of them once, at random, by a write: to read what is new maps a page of zeros. */
static double touch_some(char *at, uint32_t nr)
{
	static uint32_t order[PAGES];
	uint64_t start, i;

	shuffle(order, PAGES);
	start = now_ns();
	for (i = 0; i < nr; i++)
		at[order[i] * PAGE] = 1;
	return (double)(now_ns() - start) / nr;
}

/* ns a page, one after the other. */
static double touch_in_order(char *at)
{
	uint64_t start = now_ns(), i;

	for (i = 0; i < PAGES; i++)
		at[i * PAGE] = 1;
	return (double)(now_ns() - start) / PAGES;
}

static double touch(char *at)
{
	return touch_some(at, PAGES);
}

static double touch_new(void)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double ns;

	if (at == MAP_FAILED)
		die("no memory");
	madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
	ns = touch(at);
	munmap(at, PAGES * PAGE);
	return ns;
}

static double touch_object(struct memlane *m, memlane_handle h, bool in_order)
{
	double ns;
	char *at;

	memlane_enter(m);
	at = memlane_get(m, h);
	ns = in_order ? touch_in_order(at) : touch(at);
	memlane_exit(m);
	return ns;
}

static memlane_handle new_blob(struct memlane *m)
{
	struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW };
	memlane_handle h;

	if (memlane_alloc_with(m, PAGES * PAGE, &opts, &h))
		die("no object");
	return h;
}

static memlane_handle make_blob(struct memlane *m, bool words)
{
	memlane_handle h = new_blob(m);
	char *at;

	memlane_enter(m);
	at = memlane_get(m, h);
	if (words)
		write_words(at, PAGES * PAGE, 1);
	else
		memset(at, 7, PAGES * PAGE);
	memlane_exit(m);
	return h;
}

static double read_file(int fd)
{
	static char bytes[PAGE];
	uint64_t rng = 7, start = now_ns(), i;

	for (i = 0; i < PAGES; i++)
		sink += pread(fd, bytes, PAGE, (rng_next(&rng) >> 32) % (PAGES / 2) * PAGE);
	return (double)(now_ns() - start) / PAGES;
}

static void fault_prices(void)
{
	struct memlane *m = open_bench(MIB, 256 * MIB);
	memlane_handle same = make_blob(m, false), words = make_blob(m, true);
	int fd = memfd_create("bench", MFD_CLOEXEC);
	double base = touch_new(), at_random, pread_ns;

	row(GROUP, "fault: a new page of the process", base, "ns", base);
	row(GROUP, "fault: a new page of an arena", touch_object(m, new_blob(m), false), "ns", base);
	if (memlane_cool(m, same) || memlane_cool(m, words))
		die("nothing is put away");
	row(GROUP, "fault: a page of one word", touch_object(m, same, false), "ns", base);
	at_random = touch_object(m, words, false);
	row(GROUP, "fault: a compressed page", at_random, "ns", base);
	if (memlane_cool(m, words))
		die("nothing is put away");
	row(GROUP, "a compressed page, touched in order, against that", touch_object(m, words, true), "ns",
	    at_random);
	if (memlane_set_backing(m, fd) || memlane_store(m, words))
		die("nothing is stored");
	pread_ns = read_file(fd);
	row(GROUP, "pread() of 4 KiB of the file, which is in memory", pread_ns, "ns", base);
	row(GROUP, "fault: a stored page, against that", touch_object(m, words, false), "ns", pread_ns);
	memlane_close(m);
	close(fd);
}

/* 4 KiB each, at random, and nothing of it in memory. */
static double read_disk(int fd, uint64_t bytes)
{
	static char to[PAGE];
	uint64_t rng = 7, start, i;

	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	start = now_ns();
	for (i = 0; i < DISK_READS; i++)
		sink += pread(fd, to, PAGE, (rng_next(&rng) >> 32) % (bytes / PAGE) * PAGE);
	return (double)(now_ns() - start) / DISK_READS;
}

/* @kind: what the rows call it; @disk: NULL or empty: there is none. */
static void disk_prices(const char *kind, const char *disk)
{
	struct memlane_stats st = { .size = sizeof(st) };
	struct memlane *m;
	memlane_handle h;
	double pread_ns;
	char name[96];
	int fd;

	if (!disk || !*disk)
		return;
	fd = open(disk, O_RDWR | O_CLOEXEC);
	m = open_bench(MIB, 256 * MIB);
	h = make_blob(m, true);
	if (fd < 0 || memlane_set_backing(m, fd) || memlane_store(m, h) || memlane_stat(m, &st))
		die("nothing is stored on the disk");
	pread_ns = read_disk(fd, st.counts.stored_bytes);
	snprintf(name, sizeof(name), "pread() of 4 KiB of %s, at random, not in memory", kind);
	row(GROUP, name, pread_ns, "ns", pread_ns);
	memlane_enter(m);
	snprintf(name, sizeof(name), "fault: a page stored on %s, against that", kind);
	row(GROUP, name, touch_some(memlane_get(m, h), DISK_READS), "ns", pread_ns);
	memlane_exit(m);
	memlane_close(m);
	close(fd);
}

/* --------------------------------------------------------------- readers */

struct cooler {
	struct memlane *m;
	memlane_handle cold;
	bool over;	/* atomic */
};

static void *cool_and_warm(void *arg)
{
	struct cooler *c = arg;

	while (!__atomic_load_n(&c->over, __ATOMIC_RELAXED)) {
		memlane_cool(c->m, c->cold);
		memlane_warm(c->m, c->cold);
	}
	return NULL;
}

static void read_hot(struct memlane *m, const memlane_handle *h, struct histogram *to)
{
	uint64_t rng = 99, start, n;
	uint32_t i;

	memset(to, 0, sizeof(*to));
	for (n = 0; n < env("ML_READS", 500000); n++) {
		i = (rng_next(&rng) >> 32) % 1000;
		start = now_ns();
		memlane_enter(m);
		sink += *(volatile char *)memlane_get(m, h[i]);
		memlane_exit(m);
		histogram_add(to, now_ns() - start);
	}
}

static void reads_beside(void)
{
	static struct histogram alone, beside;
	static memlane_handle h[1000];
	struct cooler c = { .m = open_bench(64 * MIB, 256 * MIB) };
	pthread_t t;
	uint32_t i;

	for (i = 0; i < 1000; i++)
		h[i] = must_alloc(c.m, 300);
	c.cold = make_blob(c.m, true);
	read_hot(c.m, h, &alone);
	if (pthread_create(&t, NULL, cool_and_warm, &c))
		die("no thread");
	read_hot(c.m, h, &beside);
	__atomic_store_n(&c.over, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	row(GROUP, "get and read beside a cooler: p50", histogram_at(&beside, 0.5), "ns",
	    histogram_at(&alone, 0.5));
	row(GROUP, "get and read beside a cooler: p99.9", histogram_at(&beside, 0.999), "ns",
	    histogram_at(&alone, 0.999));
	memlane_close(c.m);
}

void bench_cold(void)
{
	struct memlane *m = open_bench(MIB, MIB);
	bool cold = memlane_capabilities(m) & MEMLANE_CAP_COLD;

	memlane_close(m);
	if (!cold)
		return;
	fault_prices();
	disk_prices("a disk", getenv("ML_DISK"));
	disk_prices("a disk as late as an SSD", getenv("ML_LATE"));
	bench_keep();
	reads_beside();
}
