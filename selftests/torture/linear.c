// SPDX-License-Identifier: MIT
/*
 * linear.c - short histories of one handle, checked for linearizability
 *
 * In each round a few threads go from object to object and each do a few things
 * to it: load, store under a pin, migrate, free; another one compacts behind
 * their backs. What was called and answered is recorded with its times. For each
 * object a search then looks for one order of all steps that agrees with the
 * times and with an object that does one thing at a time (Wing and Gong 1993,
 * with Lowe's memory of what was tried).
 *
 * One answer is not that of a sequential object, and is documented: a free that
 * meets a pin takes the object away, sees the pin, and brings the object back; who
 * looks in between is told that the handle is stale, also a pin, whose count is up
 * meanwhile. So a refused free is three steps, and a refused pin is two.
 *
 *	ML_HISTORIES	how many
 *	ML_SECONDS	no more after so many, but a thousand at least, and as many as it
 *			takes for each kind of call and of answer to have come up
 */
#include "api.h"

#define THREADS		4
#define ACTIONS		3	/* of a thread on an object */
#define STEPS		63	/* fit in a word of bits */
#define OBJECTS		50	/* of a round */
#define MIN_HISTORIES	1000
#define SIZE		64
#define PATIENCE	2000	/* looks for somebody at the same object */

enum what { LOAD, STORE, PIN, UNPIN, FREE, MIGRATE, WHATS };

static const char *const name[WHATS] = { "load", "store", "pin", "unpin", "free", "migrate" };

/**
 * struct record - one call
 * @called: when, by a common clock
 * @answered: when
 * @what: which
 * @result: 0 or -errno
 * @value: loaded or stored
 */
struct record {
	uint32_t called;
	uint32_t answered;
	uint8_t what;
	uint8_t thread;
	int16_t result;
	uint32_t value;
};

/* What one thread did to one object. */
struct part {
	uint32_t nr;
	struct record record[ACTIONS * 4];
};

/**
 * struct game - what was done to one object
 * @handle: of it
 * @first: value that it had at first
 * @clock: of this history; atomic
 * @arrived: threads that are here or were; atomic
 * @part: by thread
 */
struct game {
	memlane_handle handle;
	uint32_t first;
	uint32_t clock;
	uint32_t arrived;
	struct part part[THREADS];
};

/* A thread, and where it is. */
struct player {
	unsigned int number;
	unsigned long long rng;
	struct game *game;
	struct part *part;
};

static struct memlane *arena;
static struct game game[OBJECTS];
static memlane_handle neighbour[64];
static pthread_barrier_t gate;
static uint32_t busy;	/* atomic: players that have not ended the round */
static bool over;

/* ------------------------------------------------------------- recording */

static uint32_t tick(struct player *p)
{
	return __atomic_add_fetch(&p->game->clock, 1, __ATOMIC_SEQ_CST);
}

static struct record *begin(struct player *p, enum what what)
{
	struct record *r = &p->part->record[p->part->nr++];

	r->what = what;
	r->thread = p->number;
	r->value = 0;
	r->called = tick(p);
	return r;
}

static int end(struct player *p, struct record *r, int result)
{
	r->result = result;
	r->answered = tick(p);
	return result;
}

/* With few CPUs calls overlap only where somebody is held up in the middle. */
static void hold_up(struct player *p)
{
	if (rng_next(&p->rng) >> 30 & 3)
		return;
	sched_yield();
}

/*
 * The place may have a new owner when the value is loaded, so the handle is
 * looked at again: if it is still good, it was good when the value was loaded.
 */
static void do_load(struct player *p)
{
	struct record *r = begin(p, LOAD);
	int result = -ESTALE;
	uint64_t *at;

	expect_eq(memlane_enter(arena), 0);
	at = memlane_get(arena, p->game->handle);
	hold_up(p);
	if (at) {
		r->value = __atomic_load_n(at, __ATOMIC_SEQ_CST);
		result = memlane_get(arena, p->game->handle) ? 0 : -ESTALE;
	}
	end(p, r, result);
	expect_eq(memlane_exit(arena), 0);
}

/* A pinned object cannot be freed: the pin is the right to write. */
static void do_store(struct player *p)
{
	struct record *r = begin(p, PIN);
	void *at;

	if (end(p, r, memlane_try_pin(arena, p->game->handle, &at)))
		return;
	r = begin(p, STORE);
	r->value = p->number << 16 | (rng_next(&p->rng) & 0xffff);
	__atomic_store_n((uint64_t *)at, r->value, __ATOMIC_SEQ_CST);
	hold_up(p);
	end(p, r, 0);
	if (p->rng & 0x10000)
		do_load(p);
	r = begin(p, UNPIN);
	end(p, r, memlane_unpin(arena, p->game->handle));
}

static void do_free(struct player *p)
{
	struct record *r = begin(p, FREE);

	end(p, r, memlane_free(arena, p->game->handle));
}

static void do_migrate(struct player *p)
{
	struct record *r = begin(p, MIGRATE);

	end(p, r, memlane_migrate(arena, p->game->handle, rng_next(&p->rng) >> 20 & 1));
}

static void act(struct player *p)
{
	unsigned int r = (rng_next(&p->rng) >> 24) % 16;

	if (r < 5)
		do_load(p);
	else if (r < 10)
		do_store(p);
	else if (r < 13)
		do_migrate(p);
	else
		do_free(p);
}

/* Wait a moment for somebody to do it with. */
static void arrive(struct game *g)
{
	unsigned int look = PATIENCE;

	__atomic_add_fetch(&g->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&g->arrived, __ATOMIC_SEQ_CST) % 2 && --look)
		;
}

static void play(struct player *p)
{
	unsigned int i;

	for (p->game = game; p->game < game + OBJECTS; p->game++) {
		p->part = &p->game->part[p->number];
		arrive(p->game);
		for (i = 0; i < ACTIONS; i++)
			act(p);
	}
}

static void *run_player(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&gate);
		if (over)
			return NULL;
		play(arg);
		__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&gate);
	}
}

/* -------------------------------------------------------------- searching */

/**
 * struct step - what takes effect at one instant
 * @record: of which call
 * @after: bit of the step that must come first, or 0
 * @phase: 0: the only or the first
 */
struct step {
	const struct record *record;
	uint64_t after;
	int phase;
};

/* The object, doing one thing at a time. */
struct state {
	bool freed;
	uint8_t away;		/* taken away by frees that bring it back */
	uint8_t pins;		/* also of pins that are refused in the end */
	uint32_t value;
};

static struct step step[STEPS];
static unsigned int steps;

static bool gone(const struct state *s)
{
	return s->freed || s->away;
}

static int phases(const struct record *r)
{
	if (r->what == FREE && r->result == -EBUSY)
		return 3;
	return r->what == PIN && r->result == -ESTALE ? 2 : 1;
}

static bool apply_first(struct state *s, const struct record *r)
{
	switch (r->what) {
	case LOAD:
		return r->result ? gone(s) : !gone(s) && s->value == r->value;
	case STORE:
		s->value = r->value;
		return s->pins && !s->freed;
	case PIN:
		s->pins++;
		return r->result || !gone(s);
	case UNPIN:
		return !r->result && !s->freed && s->pins--;
	case FREE:
		if (r->result == -EBUSY) {
			s->away++;
			return !s->freed;
		}
		if (r->result)
			return gone(s);
		if (s->freed || s->away || s->pins)
			return false;
		return s->freed = true;
	default:
		return r->result == -ESTALE ? gone(s) : !s->freed;
	}
}

/* A refused free was refused because of a pin; a refused pin because it was gone. */
static bool apply_later(struct state *s, const struct record *r, int phase)
{
	if (r->what == PIN) {
		s->pins--;
		return gone(s);
	}
	if (phase == 1)
		return s->pins;
	s->away--;
	return true;
}

static bool apply(struct state *s, const struct step *t)
{
	return t->phase ? apply_later(s, t->record, t->phase) : apply_first(s, t->record);
}

/* No step that is left was over before this one was begun. */
static bool may_be_next(uint64_t done, unsigned int i)
{
	unsigned int j;

	if (step[i].after & ~done)
		return false;
	for (j = 0; j < steps; j++)
		if (!(done >> j & 1) && step[j].record->answered < step[i].record->called)
			return false;
	return true;
}

#define TRIED 65536

static struct tried {
	uint64_t done;
	struct state state;
	uint32_t round;
} tried[TRIED];

static uint32_t round_number;

/* True: this set of steps with this outcome was a dead end before. */
static bool been_here(uint64_t done, const struct state *s)
{
	uint64_t hash = done * 0x9e3779b97f4a7c15ULL ^ s->value * 0xd1b54a32d192ed03ULL;
	struct tried *t;

	hash ^= (uint64_t)s->freed << 50 ^ (uint64_t)s->away << 40 ^ (uint64_t)s->pins << 30;
	t = &tried[hash >> 20 & (TRIED - 1)];
	if (t->round == round_number && t->done == done && t->state.freed == s->freed &&
	    t->state.away == s->away && t->state.pins == s->pins && t->state.value == s->value)
		return true;
	t->round = round_number;
	t->done = done;
	t->state = *s;
	return false;
}

static bool search(uint64_t done, const struct state *s)
{
	struct state next;
	unsigned int i;

	if (done == (1ULL << steps) - 1)
		return true;
	if (been_here(done, s))
		return false;
	for (i = 0; i < steps; i++) {
		if (done >> i & 1 || !may_be_next(done, i))
			continue;
		next = *s;
		if (apply(&next, &step[i]) && search(done | 1ULL << i, &next))
			return true;
	}
	return false;
}

static void add_step(const struct record *r, int phase)
{
	expect(steps < STEPS);
	step[steps].record = r;
	step[steps].phase = phase;
	step[steps].after = phase ? 1ULL << (steps - 1) : 0;
	steps++;
}

static bool linearizable(const struct game *g)
{
	struct state s = { .value = g->first };
	const struct part *p;
	uint32_t i;
	int phase;

	steps = 0;
	round_number++;
	for (p = g->part; p < g->part + THREADS; p++)
		for (i = 0; i < p->nr; i++)
			for (phase = 0; phase < phases(&p->record[i]); phase++)
				add_step(&p->record[i], phase);
	return search(0, &s);
}

static void print_history(const struct game *g)
{
	const struct record *r;
	const struct part *p;

	for (p = g->part; p < g->part + THREADS; p++)
		for (r = p->record; r < p->record + p->nr; r++)
			printf("# thread %u %5u to %5u: %s %u = %d\n", r->thread, r->called,
			       r->answered, name[r->what], r->value, r->result);
}

/* ----------------------------------------------------------------- rounds */

/* Objects copied to another place, these and their neighbours. */
static uint64_t moves_so_far(void)
{
	struct memlane_stats st = { .size = sizeof(st) };

	expect_eq(memlane_stat(arena, &st), 0);
	return st.counts.moved;
}

/* Somebody else's objects, so that there is something to compact. */
static void stir(unsigned long long *rng)
{
	unsigned int i = rng_next(rng) >> 30 & 63;

	if (neighbour[i])
		expect_eq(memlane_free(arena, neighbour[i]), 0);
	neighbour[i] = neighbour[i] ? 0 : must_alloc(arena, SIZE);
}

static void new_game(struct game *g, uint32_t value)
{
	uint64_t *p;

	memset(g, 0, sizeof(*g));
	g->handle = must_alloc(arena, SIZE);
	g->first = value;
	expect_eq(memlane_enter(arena), 0);
	p = memlane_get(arena, g->handle);
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
	expect_eq(memlane_exit(arena), 0);
}

struct outcome {
	uint64_t histories;
	uint64_t calls;
	uint64_t of[WHATS];
	uint64_t stale;
	uint64_t busy;
	uint64_t vetoed;
	uint64_t overlapping;
	uint64_t moves;
	uint64_t moving_rounds;
	uint64_t rounds;
};

/* Whether another thread's call was under way at the same time. */
static bool overlaps(const struct game *g, const struct record *r)
{
	const struct record *q;
	const struct part *p;

	for (p = g->part; p < g->part + THREADS; p++)
		for (q = p->record; q < p->record + p->nr; q++)
			if (q->thread != r->thread && q->called < r->answered &&
			    r->called < q->answered)
				return true;
	return false;
}

static void add_up(struct outcome *sum, const struct game *g)
{
	const struct record *r;
	const struct part *p;

	sum->histories++;
	for (p = g->part; p < g->part + THREADS; p++)
		for (r = p->record; r < p->record + p->nr; r++) {
			sum->calls++;
			sum->of[r->what]++;
			sum->stale += r->result == -ESTALE;
			sum->busy += r->result == -EBUSY;
			sum->vetoed += r->result == -EAGAIN;
			sum->overlapping += overlaps(g, r);
		}
}

static void judge(struct game *g, struct outcome *sum)
{
	add_up(sum, g);
	if (!linearizable(g)) {
		print_history(g);
		fail("history %u, first value %u: no order of these calls explains them",
		     round_number, g->first);
	}
	memlane_free(arena, g->handle);
}

static void one_round(unsigned long long *rng, struct outcome *sum)
{
	uint64_t moves;
	unsigned int i;

	stir(rng);
	for (i = 0; i < OBJECTS; i++)
		new_game(&game[i], rng_next(rng) >> 40);
	__atomic_store_n(&busy, THREADS, __ATOMIC_SEQ_CST);
	moves = moves_so_far();
	pthread_barrier_wait(&gate);
	while (__atomic_load_n(&busy, __ATOMIC_SEQ_CST) > 1)
		expect_eq(memlane_compact(arena, 0, 0, NULL), 0);
	pthread_barrier_wait(&gate);
	moves = moves_so_far() - moves;
	sum->rounds++;
	sum->moves += moves;
	sum->moving_rounds += moves > 0;
	for (i = 0; i < OBJECTS; i++)
		judge(&game[i], sum);
}

/* Whether all that the test wants to have seen has happened. */
static bool is_telling(const struct outcome *sum)
{
	unsigned int i;

	for (i = 0; i < WHATS; i++)
		if (!sum->of[i])
			return false;
	return sum->overlapping && sum->stale && sum->busy;
}

static void play_rounds(uint64_t histories, time_t deadline, struct outcome *sum)
{
	unsigned long long rng = harness_seed();

	while (sum->histories < histories &&
	       (sum->histories < MIN_HISTORIES || !is_telling(sum) || time(NULL) < deadline))
		one_round(&rng, sum);
	printf("# %llu histories, %llu calls (%llu overlapping), all linearizable\n",
	       (unsigned long long)sum->histories, (unsigned long long)sum->calls,
	       (unsigned long long)sum->overlapping);
}

static void report(const struct outcome *sum)
{
	unsigned int i;

	for (i = 0; i < WHATS; i++)
		printf("# %s %llu\n", name[i], (unsigned long long)sum->of[i]);
	printf("# answers: stale %llu, busy %llu, try again %llu\n",
	       (unsigned long long)sum->stale, (unsigned long long)sum->busy,
	       (unsigned long long)sum->vetoed);
	printf("# moves while histories were taken %llu, in %llu rounds of %llu\n",
	       (unsigned long long)sum->moves, (unsigned long long)sum->moving_rounds,
	       (unsigned long long)sum->rounds);
}

/* Histories of objects that lie still would say nothing of the mover. */
static void expect_moved(const struct outcome *sum)
{
	expect(sum->moves >= sum->histories / 10);
	expect(sum->moving_rounds > sum->rounds / 2);
}

TEST(histories_are_linearizable)
{
	struct player player[THREADS] = { 0 };
	pthread_t thread[THREADS];
	struct outcome sum = { 0 };
	unsigned int i;

	arena = open_quiet();
	pthread_barrier_init(&gate, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++) {
		player[i].number = i;
		player[i].rng = harness_seed() * (2 * i + 3);
		start(&thread[i], run_player, &player[i]);
	}
	play_rounds(env("ML_HISTORIES", 100000), time(NULL) + env("ML_SECONDS", 20), &sum);
	over = true;
	pthread_barrier_wait(&gate);
	for (i = 0; i < THREADS; i++)
		finish(thread[i]);
	report(&sum);
	expect_moved(&sum);
	expect(is_telling(&sum));
	memlane_close(arena);
}

/* ------------------------------------------------- the search can say no ---- */

static void history(unsigned int thread, const struct record *r, unsigned int nr)
{
	struct part *p = &game[0].part[thread];

	game[0].first = 7;
	memcpy(p->record, r, nr * sizeof(*r));
	p->nr = nr;
}

#define CALL(from, to, op, res, val) \
	{ .called = (from), .answered = (to), .what = (op), .result = (res), .value = (val) }

TEST(the_search_refuses)
{
	static const struct record undead[] = {
		CALL(1, 2, FREE, 0, 0), CALL(3, 4, LOAD, 0, 7),
	}, old_value[] = {
		CALL(1, 2, PIN, 0, 0), CALL(3, 4, STORE, 0, 8), CALL(5, 6, UNPIN, 0, 0),
		CALL(7, 8, LOAD, 0, 7),
	}, twice[] = {
		CALL(1, 2, FREE, 0, 0), CALL(3, 4, FREE, 0, 0),
	}, pinned[] = {
		CALL(1, 2, PIN, 0, 0), CALL(3, 4, FREE, 0, 0),
	}, idle[] = {
		CALL(1, 2, FREE, -EBUSY, 0),
	}, early[] = {
		CALL(1, 2, LOAD, -ESTALE, 0), CALL(3, 4, FREE, 0, 0),
	}, good[] = {
		CALL(1, 2, PIN, 0, 0), CALL(3, 4, FREE, -EBUSY, 0), CALL(5, 6, UNPIN, 0, 0),
		CALL(7, 8, FREE, 0, 0), CALL(9, 10, LOAD, -ESTALE, 0),
	};
	static const struct {
		const struct record *record;
		unsigned int nr;
		bool good;
	} all[] = {
		{ undead, 2, false }, { old_value, 4, false }, { twice, 2, false },
		{ pinned, 2, false }, { idle, 1, false }, { early, 2, false }, { good, 5, true },
	};
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		history(0, all[i].record, all[i].nr);
		if (linearizable(game) != all[i].good)
			fail("history %u was judged wrong", i);
	}
}

/* Two calls at the same time may have happened either way round. */
TEST(the_search_finds_an_order)
{
	static const struct record a[] = { CALL(1, 10, FREE, 0, 0) };
	static const struct record b[] = { CALL(2, 3, LOAD, -ESTALE, 0) };
	static const struct record c[] = { CALL(2, 3, LOAD, 0, 7) };
	static const struct record d[] = { CALL(4, 5, LOAD, 0, 7) };

	history(0, a, 1);
	history(1, b, 1);
	expect(linearizable(game));
	history(1, c, 1);
	expect(linearizable(game));
	history(1, b, 1);
	history(2, d, 1);
	expect(!linearizable(game));
}

/* A free and a pin that met each other are both refused. */
TEST(the_search_knows_the_exception)
{
	static const struct record a[] = { CALL(1, 5, FREE, -EBUSY, 0), CALL(6, 7, LOAD, 0, 7) };
	static const struct record b[] = { CALL(2, 3, PIN, -ESTALE, 0) };
	static const struct record late[] = { CALL(8, 9, PIN, -ESTALE, 0) };

	history(0, a, 2);
	history(1, b, 1);
	expect(linearizable(game));
	history(1, late, 1);
	expect(!linearizable(game));
}
