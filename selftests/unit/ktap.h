/* SPDX-License-Identifier: MIT */
/*
 * ktap.h - a test program: a table of named tests, results as KTAP
 *
 * The first argument, if any, picks tests by a part of their name. ML_SEED and
 * ML_OPS set the seed and the number of random operations; both are printed.
 */
#ifndef ML_KTAP_H
#define ML_KTAP_H

#include <linux/types.h>

struct test {
	const char *name;
	void (*run)(void);
};

int ktap_run(const struct test *tests, unsigned int nr, const char *pick);
void ktap_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* A failed expectation ends its test. */
#define expect(cond) \
	do { if (!(cond)) ktap_fail(__FILE__, __LINE__, "%s", #cond); } while (0)

#define expect_eq(a, b)							\
	do {								\
		long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
		if (a_ != b_)						\
			ktap_fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", \
				  #a, a_, #b, b_);			\
	} while (0)

/* What main.c runs. */
struct test_list {
	const struct test *tests;
	unsigned int nr;
};

extern const struct test_list ktap_list;

#define KTAP_MAIN(tests) \
	const struct test_list ktap_list = { tests, sizeof(tests) / sizeof(*(tests)) }

u64 ktap_seed(void);
u64 ktap_ops(u64 usual);

/* xorshift64*, Vigna 2014 */
struct rng {
	u64 x;
};

static inline u64 rng_next(struct rng *r)
{
	r->x ^= r->x >> 12;
	r->x ^= r->x << 25;
	r->x ^= r->x >> 27;
	return r->x * 0x2545f4914f6cdd1dULL;
}

/* 0 to @n - 1 */
static inline u64 rng_below(struct rng *r, u64 n)
{
	return (rng_next(r) >> 11) % n;
}

static inline struct rng rng_new(void)
{
	return (struct rng){ ktap_seed() | 1 };
}

#endif /* ML_KTAP_H */
