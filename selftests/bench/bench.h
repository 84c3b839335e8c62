/* SPDX-License-Identifier: MIT */
/*
 * bench.h - measurements, and where they are written
 *
 * Every group measures something beside it in the same run, and what is compared
 * is the ratio: the machine's speed and noise are in both.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <memlane.h>

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* bench.c */
void row(const char *group, const char *name, double value, const char *unit, double base);
void die(const char *what);
struct memlane *open_bench(uint64_t fast, uint64_t slow);
memlane_handle must_alloc(struct memlane *m, uint64_t size);
double quickest(void (*round)(void *arg), void *arg, unsigned int rounds);
uint64_t env(const char *name, uint64_t otherwise);
uint64_t rng_next(uint64_t *x);
const char *backend_name(void);
bool ratios_only(void);

/* tables.c: the machine as it is now; a file of results as Markdown on stdout */
struct json_object *machine_json(void);
void print_tables(const char *file);

/* words.c: text of so many bytes, which @seed picks */
void write_words(char *to, uint64_t bytes, uint64_t seed);

/* pause.c, wait.c, speed.c, load.c, bytes.c, scale.c, space.c, cold.c, replay.c */
void bench_pause(void);
void bench_wait(void);
void bench_get(void);
void bench_alloc(void);
void bench_load(void);
void bench_bytes(void);
void bench_scale(void);
void bench_compact(void);
void bench_cold(void);
void bench_replay(void);

/* batch.c: of an arena, or of malloc where there is none; ns for an object made and freed */
double batch_by_one(struct memlane *m);
double batch_handed_over(struct memlane *m);

/* speed.c: what the process started anew with another malloc does */
void malloc_child(const char *library);

/* bytes.c: the same of a load that leaves holes */
void bytes_child(const char *load, const char *heap);

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

#endif /* BENCH_H */
