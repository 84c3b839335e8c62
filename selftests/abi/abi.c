// SPDX-License-Identifier: MIT
/*
 * abi.c - the rules that hold for every call on /dev/memlane
 *
 * The table has a request for each call that succeeds as it stands; each test
 * spoils it in one way and wants the error that memlane.h states.
 */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "../arena.h"

#define LANE (4 * MIB)

/* What requests refer to. */
struct world {
	struct arena arena;
	__u64 handle[4];	/* live objects */
	__s32 result[4];
	__u64 room[4];
	__u32 slot;
	struct memlane_blocker blocker;
};

struct sample {
	const char *name;
	unsigned long cmd;
	size_t size;
	size_t first;		/* size as it was first published; 0: @size */
	void (*fill)(struct world *w, void *req);
	bool changes;
	size_t reserved;	/* offset of a reserved member, or 0 */
	size_t reserved_size;
	__u32 flags;		/* known ones */
};

union request {
	__u32 word[2];	/* size, flags */
	unsigned char byte[8192];
};

static void fill_create(struct world *w, void *p)
{
	(void)w;
	*(struct memlane_create *)p = (struct memlane_create) {
		.size = sizeof(struct memlane_create), .fast_size = LANE, .slow_size = LANE,
	};
}

static void fill_alloc(struct world *w, void *p)
{
	*(struct memlane_alloc *)p = (struct memlane_alloc) {
		.size = sizeof(struct memlane_alloc), .length = 100, .count = 4,
		.handles = (unsigned long)w->room,
	};
}

static void fill_free(struct world *w, void *p)
{
	*(struct memlane_free *)p = (struct memlane_free) {
		.size = sizeof(struct memlane_free), .flags = MEMLANE_FREE_LIVE, .count = 4,
		.handles = (unsigned long)w->handle,
	};
}

static void fill_migrate(struct world *w, void *p)
{
	*(struct memlane_migrate *)p = (struct memlane_migrate) {
		.size = sizeof(struct memlane_migrate), .lane = MEMLANE_SLOW, .count = 4, .length = 500,
		.handles = (unsigned long)w->handle, .results = (unsigned long)w->result,
	};
}

static void fill_unregister(struct world *w, void *p)
{
	*(struct memlane_register *)p = (struct memlane_register) {
		.size = sizeof(struct memlane_register), .slot = w->slot,
	};
}

static void fill_refill(struct world *w, void *p)
{
	*(struct memlane_refill *)p = (struct memlane_refill) {
		.size = sizeof(struct memlane_refill), .length = 100, .slot = w->slot, .count = 8,
	};
}

static void fill_flush(struct world *w, void *p)
{
	*(struct memlane_flush *)p = (struct memlane_flush) {
		.size = sizeof(struct memlane_flush), .slot = w->slot, .cls = 3,
	};
}

static void fill_set(struct world *w, void *p)
{
	(void)w;
	*(struct memlane_set *)p = (struct memlane_set) {
		.size = sizeof(struct memlane_set), .option = MEMLANE_OPT_GRACE, .value = 1000000,
	};
}

static void fill_get(struct world *w, void *p)
{
	fill_set(w, p);
}

static void fill_cost(struct world *w, void *p)
{
	*(struct memlane_cost *)p = (struct memlane_cost) {
		.size = sizeof(struct memlane_cost), .handle = w->handle[0], .lane = MEMLANE_SLOW,
	};
}

static void fill_blockers(struct world *w, void *p)
{
	*(struct memlane_blockers *)p = (struct memlane_blockers) {
		.size = sizeof(struct memlane_blockers), .count = 1,
		.records = (unsigned long)&w->blocker,
	};
}

static void fill_query(struct world *w, void *p)
{
	*(struct memlane_query *)p = (struct memlane_query) {
		.size = sizeof(struct memlane_query), .handle = w->handle[0],
	};
}

static void fill_cool(struct world *w, void *p)
{
	*(struct memlane_cool *)p = (struct memlane_cool) {
		.size = sizeof(struct memlane_cool), .count = 4,
		.handles = (unsigned long)w->handle,
	};
}

static void fill_warm(struct world *w, void *p)
{
	fill_cool(w, p);
}

/* None is what it has. */
static void fill_set_backing(struct world *w, void *p)
{
	(void)w;
	*(struct memlane_set_backing *)p = (struct memlane_set_backing) {
		.size = sizeof(struct memlane_set_backing), .fd = -1,
	};
}

/* Those that need nothing but their size. */
#define FILL_SIZE(type)								\
	static void fill_##type(struct world *w, void *p)			\
	{									\
		(void)w;							\
		*(struct memlane_##type *)p = (struct memlane_##type) {		\
			.size = sizeof(struct memlane_##type) };		\
	}
FILL_SIZE(info)
FILL_SIZE(register)
FILL_SIZE(compact)
FILL_SIZE(stat)
FILL_SIZE(maintain)
FILL_SIZE(wait)

#define PLAIN(what, nr, type, does_change, known) {				\
	.name = #what, .cmd = MEMLANE_IOCTL_##nr, .fill = fill_##what,		\
	.size = sizeof(struct memlane_##type), .changes = does_change, .flags = known }

#define RESERVED(what, nr, type, does_change, known, ...) {			\
	.name = #what, .cmd = MEMLANE_IOCTL_##nr, .fill = fill_##what,		\
	.size = sizeof(struct memlane_##type), .changes = does_change, .flags = known, \
	.reserved = offsetof(struct memlane_##type, __reserved),		\
	.reserved_size = sizeof(((struct memlane_##type *)0)->__reserved), __VA_ARGS__ }

/* Has grown since: @member is the first new one. */
#define GROWN(what, nr, type, does_change, known, member) {			\
	.name = #what, .cmd = MEMLANE_IOCTL_##nr, .fill = fill_##what,		\
	.size = sizeof(struct memlane_##type), .changes = does_change, .flags = known, \
	.first = offsetof(struct memlane_##type, member) }

static const struct sample samples[] = {
	RESERVED(create, CREATE, create, true, MEMLANE_CREATE_AGED | MEMLANE_CREATE_LONG,
		 .first = offsetof(struct memlane_create, name)),
	RESERVED(info, INFO, info, false, 0, .first = offsetof(struct memlane_info, out_id)),
	RESERVED(register, REGISTER, register, true, 0),
	RESERVED(unregister, UNREGISTER, register, true, 0),
	PLAIN(alloc, ALLOC, alloc, true,
	      MEMLANE_ALLOC_NO_SPILL | MEMLANE_ALLOC_LIVE | MEMLANE_ALLOC_MAY_MOVE |
	      MEMLANE_ALLOC_FRESH),
	PLAIN(free, FREE, free, true, MEMLANE_FREE_LIVE),
	PLAIN(compact, COMPACT, compact, true, MEMLANE_ASYNC),
	PLAIN(migrate, MIGRATE, migrate, true, MEMLANE_MIGRATE_SETTLE | MEMLANE_MIGRATE_AWAY |
	      MEMLANE_MIGRATE_RESIZE | MEMLANE_ASYNC),
	GROWN(query, QUERY, query, false, 0, out_resident),
	GROWN(stat, STAT, stat, false, 0, out.lost),
	PLAIN(maintain, MAINTAIN, maintain, true, 0),
	PLAIN(wait, WAIT, wait, true, MEMLANE_WAIT_MAKER),
	RESERVED(set, SET, set, true, 0),
	RESERVED(get, GET, set, false, 0),
	RESERVED(refill, REFILL, refill, true,
		 MEMLANE_ALLOC_NO_SPILL | MEMLANE_ALLOC_MAY_MOVE | MEMLANE_ALLOC_FRESH),
	RESERVED(flush, FLUSH, flush, true, 0),
	PLAIN(cost, COST, cost, false, 0),
	PLAIN(blockers, BLOCKERS, blockers, false, 0),
	RESERVED(cool, COOL, cool, true,
		 MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE | MEMLANE_COOL_STORE),
	RESERVED(warm, WARM, cool, true, MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE | MEMLANE_ASYNC),
	RESERVED(set_backing, SET_BACKING, set_backing, true, 0),
	{ }
};

static bool creates(const struct sample *s)
{
	return s->cmd == MEMLANE_IOCTL_CREATE;
}

static struct world world_new(const struct sample *s)
{
	struct memlane_register reg = { .size = sizeof(reg) };
	struct world w = { };

	if (creates(s)) {
		w.arena.fd = device_open(O_RDWR);
		return w;
	}
	w.arena = arena_new(LANE, LANE);
	expect_eq(alloc_live(&w.arena, MEMLANE_FAST, 100, 4, w.handle), 4);
	expect_eq(call(w.arena.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	w.slot = reg.slot;
	return w;
}

static void world_end(const struct sample *s, struct world *w)
{
	if (creates(s))
		close(w->arena.fd);
	else
		arena_end(&w->arena);
}

/* A test of each call in a world of its own, whose request is good at first. */
typedef void each_fn(const struct sample *s, struct world *w, union request *req);

static void with_each(each_fn *fn)
{
	const struct sample *s;

	for (s = samples; s->name; s++) {
		struct world w = world_new(s);
		union request req = { };

		s->fill(&w, &req);
		fn(s, &w, &req);
		world_end(s, &w);
	}
}

#define TEST_EACH(title)							\
	static each_fn title##_one;						\
	TEST(title)								\
	{									\
		with_each(title##_one);						\
	}									\
	static void title##_one(const struct sample *s, struct world *w, union request *req)

/* What a call that fails must leave as it was. */
struct kept {
	__u64 handles;
	__u64 slots;
	__u64 objects[MEMLANE_LANES];
	__u64 used[MEMLANE_LANES];
	__u64 moved;
	__u64 remapped;
	__u64 purged;
};

static struct kept kept_of(const struct sample *s, const struct world *w)
{
	struct kept k = { };
	struct memlane_counts is;
	int i;

	if (creates(s))
		return k;
	is = counts(&w->arena);
	k.handles = is.handles;
	k.slots = is.slots;
	k.moved = is.moved;
	k.remapped = is.remapped;
	k.purged = is.purged;
	for (i = 0; i < MEMLANE_LANES; i++) {
		k.objects[i] = is.lane[i].objects;
		k.used[i] = is.lane[i].used;
	}
	return k;
}

static void expect_errno(const struct sample *s, const struct world *w, void *req, int want)
{
	int got = call(w->arena.fd, s->cmd, req);

	if (got != want)
		fail("%s: %s, not %s", s->name, strerror(-got), strerror(-want));
}

/* If an error is wanted, nothing may have come of the call. */
static void expect_call(const struct sample *s, const struct world *w, void *req, int want)
{
	struct kept was = kept_of(s, w), is;

	expect_errno(s, w, req, want);
	is = kept_of(s, w);
	if (want && memcmp(&was, &is, sizeof(is)))
		fail("%s: it failed with %s and changed something", s->name, strerror(-want));
}

TEST_EACH(each_call_succeeds_as_it_stands)
{
	expect_call(s, w, req, 0);
}

static __u32 first_size(const struct sample *s)
{
	return s->first ? s->first : s->size;
}

TEST_EACH(any_shorter_size_is_refused)
{
	for (req->word[0] = 0; req->word[0] < first_size(s); req->word[0]++)
		expect_call(s, w, req, -EINVAL);
}

/* Who was built before a struct had grown gets what there was then. */
TEST_EACH(the_first_size_is_taken)
{
	req->word[0] = first_size(s);
	memset(req->byte + first_size(s), 0xa5, 64);
	expect_call(s, w, req, 0);
	expect_eq(req->byte[first_size(s)], 0xa5);
	expect_eq(req->byte[first_size(s) + 63], 0xa5);
}

TEST_EACH(a_zero_tail_is_taken)
{
	req->word[0] = s->size + 8;
	expect_call(s, w, req, 0);
}

TEST_EACH(a_zero_tail_up_to_a_page_is_taken)
{
	req->word[0] = PAGE;
	expect_call(s, w, req, 0);
}

TEST_EACH(any_other_tail_is_refused)
{
	size_t i;

	for (i = s->size; i < s->size + 16; i++) {
		req->word[0] = s->size + 16;
		req->byte[i] = 1;
		expect_call(s, w, req, -E2BIG);
		req->byte[i] = 0;
	}
}

TEST_EACH(a_size_over_a_page_is_refused)
{
	req->word[0] = PAGE + 1;
	expect_call(s, w, req, -E2BIG);
	req->word[0] = UINT32_MAX;
	expect_call(s, w, req, -E2BIG);
}

TEST_EACH(each_unknown_flag_is_refused)
{
	int bit;

	for (bit = 0; bit < 32; bit++) {
		if (s->flags & 1U << bit)
			continue;
		s->fill(w, req);
		req->word[1] |= 1U << bit;
		expect_call(s, w, req, -EOPNOTSUPP);
	}
}

TEST_EACH(each_reserved_bit_is_refused)
{
	size_t bit;

	for (bit = 0; bit < s->reserved_size * 8; bit++) {
		s->fill(w, req);
		req->byte[s->reserved + bit / 8] |= 1U << bit % 8;
		expect_call(s, w, req, -EOPNOTSUPP);
	}
}

/* Two pages, the second of which cannot be touched. */
static char *edge_new(void)
{
	char *edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	expect(edge != MAP_FAILED);
	expect_eq(mprotect(edge + PAGE, PAGE, PROT_NONE), 0);
	return edge;
}

TEST_EACH(a_bad_request_pointer_is_refused)
{
	char *edge = edge_new();
	size_t have;

	expect_call(s, w, NULL, -EFAULT);
	expect_call(s, w, (void *)0x10, -EFAULT);
	expect_call(s, w, (void *)-4096L, -EFAULT);
	expect_call(s, w, (void *)0xffff888000000000UL, -EFAULT);
	expect_call(s, w, edge + PAGE, -EFAULT);
	for (have = 1; have < s->size; have++) {
		memcpy(edge + PAGE - have, req, have);
		expect_call(s, w, edge + PAGE - have, -EFAULT);
	}
}

/* What the program could not be told of has not happened, where that can be. */
TEST_EACH(an_answer_that_cannot_be_delivered)
{
	struct memlane_counts was = { }, is;
	char *page = edge_new();

	if (!creates(s))
		was = counts(&w->arena);
	memcpy(page, req, s->size);
	expect_eq(mprotect(page, PAGE, PROT_READ), 0);
	expect_errno(s, w, page, -EFAULT);
	if (s->cmd == MEMLANE_IOCTL_ALLOC || s->cmd == MEMLANE_IOCTL_REGISTER) {
		is = counts(&w->arena);
		expect_eq(is.handles, was.handles);
		expect_eq(is.slots, was.slots);
	}
}

TEST_EACH(nothing_works_before_an_arena_was_created)
{
	int fd = device_open(O_RDWR);

	(void)w;
	if (!creates(s))
		expect_eq(call(fd, s->cmd, req), -ENODEV);
	close(fd);
}

/* Such a file cannot be made an arena either. */
TEST_EACH(a_file_opened_for_reading_changes_nothing)
{
	int fd = device_open(O_RDONLY);

	(void)w;
	expect_eq(call(fd, s->cmd, req), s->changes ? -EACCES : -ENODEV);
	close(fd);
}

/*
 * The kernel's copies fault as ours do, and no lock of its own is in their way. Compaction must
 * leave the object where it is: it is pinned.
 */
TEST_EACH(requests_may_lie_in_the_arena_itself)
{
	__u64 h;
	char *p;

	if (creates(s))
		return;
	h = alloc_one(&w->arena, MEMLANE_FAST, 16384);
	__atomic_fetch_add(pin_of(&w->arena, h), MEMLANE_PIN_ONE, __ATOMIC_RELEASE);
	p = address_of(&w->arena, h);
	memcpy(p + 100, req, s->size);
	expect_call(s, w, p + 100, 0);
}

TEST_EACH(answers_write_nothing_beyond_the_size)
{
	size_t i;

	memset(req->byte + s->size, 0xa5, 64);
	expect_call(s, w, req, 0);
	for (i = 0; i < 64; i++)
		expect_eq(req->byte[s->size + i], 0xa5);
}

static void *changes_the_size(void *data)
{
	static const __u32 sizes[] = { sizeof(struct memlane_info), 0, UINT32_MAX };
	struct memlane_info *info = data;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&info->__reserved, __ATOMIC_RELAXED); i++)
		__atomic_store_n(&info->size, sizes[i % 3], __ATOMIC_RELAXED);
	return NULL;
}

/* Whatever it becomes meanwhile, what was checked holds for the answer too. */
TEST(the_size_is_read_once)
{
	struct {
		struct memlane_info info;
		__u64 behind;
	} req = { .behind = 0xa5a5a5a5a5a5a5a5 };
	struct arena a = arena_new(LANE, LANE);
	int err, was = 0, i, turns = 0;
	pthread_t t;

	expect_eq(pthread_create(&t, NULL, changes_the_size, &req.info), 0);
	/* Turns tell that the other thread runs at the same time. */
	for (i = 0; i < 20000 || !turns || (turns < 5000 && i < 300000); i++) {
		req.info.out_version = 0;
		err = call(a.fd, MEMLANE_IOCTL_INFO, &req);
		if (err && err != -EINVAL && err != -E2BIG)
			fail("%s", strerror(-err));
		if (!err)
			expect_eq(req.info.out_version, MEMLANE_VERSION);
		expect_eq(req.behind, 0xa5a5a5a5a5a5a5a5);
		turns += err != was;
		was = err;
	}
	printf("# %d calls, %d turns\n", i, turns);
	__atomic_store_n(&req.info.__reserved, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	arena_end(&a);
}

static unsigned int class_of(const struct arena *a, __u64 length)
{
	__u64 handle;
	struct memlane_alloc req = {
		.size = sizeof(req), .length = length, .count = 1, .handles = (unsigned long)&handle,
	};

	expect_eq(call(a->fd, MEMLANE_IOCTL_ALLOC, &req), 0);
	return req.out_class;
}

TEST(classes_are_those_that_are_told)
{
	struct arena a = arena_new(LANE, LANE);
	const __u16 *size = a.info.out_class_size;
	unsigned int cls, nr = a.info.out_classes;

	expect_eq(nr, MEMLANE_CLASSES);
	expect(nr <= MEMLANE_CLASSES_MAX);
	expect_eq(size[nr - 1], MEMLANE_BLOCK_MAX);
	for (cls = 0; cls < nr; cls++) {
		expect_eq(size[cls] % 16, 0);
		expect_eq(class_of(&a, size[cls]), cls);
		expect_eq(class_of(&a, cls ? size[cls - 1] + 1 : 1), cls);
	}
	for (; cls <= MEMLANE_CLASSES_MAX; cls++)
		expect_eq(size[cls], 0);
	arena_end(&a);
}

/* Of the last class of the last lane: it fills what it is told to fill, and no more. */
TEST(magazines_are_where_it_is_told)
{
	struct arena a = arena_new(LANE, 16 * MIB);
	const struct memlane_info *i = &a.info;
	struct memlane_register reg = { .size = sizeof(reg) };
	struct memlane_refill req = {
		.size = sizeof(req), .length = MEMLANE_BLOCK_MAX, .lane = MEMLANE_SLOW, .count = 4096,
	};
	unsigned int nr = MEMLANE_LANES * i->out_classes - 1;
	struct memlane_mag *mag;

	expect_eq(call(a.fd, MEMLANE_IOCTL_REGISTER, &reg), 0);
	req.slot = reg.slot;
	expect_eq(i->out_mag_offset, offsetof(struct memlane_slot, mag));
	expect_eq(i->out_mag_stride, sizeof(struct memlane_mag));
	expect_eq(i->out_mag_size, MEMLANE_MAG_SIZE);
	expect(i->out_mag_offset + (nr + 1) * i->out_mag_stride <= i->out_slot_size);
	mag = (void *)(a.map[MEMLANE_REGION_SLOTS] + (size_t)reg.slot * i->out_slot_size +
		       i->out_mag_offset + nr * i->out_mag_stride);
	expect((char *)&mag->index[i->out_mag_size] <= (char *)mag + i->out_mag_stride);
	expect_eq(mag->nr, 0);
	expect_eq(call(a.fd, MEMLANE_IOCTL_REFILL, &req), 0);
	expect_eq(req.out_count, i->out_mag_size);
	expect_eq(mag->nr, i->out_mag_size);
	expect_eq(mag->index[mag->nr - 1], (__u32)req.out_handle);
	arena_end(&a);
}

#ifdef __x86_64__
#define IOCTL_32 54

static void no_calls_of_32_bits(int sig)
{
	(void)sig;
	skip("the kernel takes no calls of 32-bit programs");
}

/* As a program of 32 bits makes it. */
static long ioctl_32(int fd, unsigned long cmd, unsigned long arg)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(IOCTL_32), "b"(fd), "c"(cmd), "d"(arg)
			 : "r8", "r9", "r10", "r11", "memory", "cc");
	return ret;
}

/* Structs are the same to both: only the way in is another one. */
TEST(programs_of_32_bits_are_answered)
{
	struct arena a = arena_new(LANE, LANE);
	struct memlane_info *info = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	expect(info != MAP_FAILED);
	signal(SIGSEGV, no_calls_of_32_bits);
	info->size = sizeof(*info);
	expect_eq(ioctl_32(a.fd, MEMLANE_IOCTL_INFO, (unsigned long)info), 0);
	expect(!memcmp(info, &a.info, sizeof(*info)));
	info->flags = 1;
	expect_eq(ioctl_32(a.fd, MEMLANE_IOCTL_INFO, (unsigned long)info), -EOPNOTSUPP);
	expect_eq(ioctl_32(a.fd, MEMLANE_IOCTL_INFO + 100, (unsigned long)info), -ENOTTY);
	arena_end(&a);
}
#endif

TEST(unknown_numbers_are_refused)
{
	struct arena a = arena_new(LANE, LANE);
	union request req = { .word = { 64 } };
	unsigned int nr;

	for (nr = 0; nr < 256; nr++)
		if (nr < MEMLANE_CMD_CREATE || nr > MEMLANE_CMD_SET_BACKING)
			expect_eq(call(a.fd, _IO(MEMLANE_TYPE, nr), &req), -ENOTTY);
	expect_eq(call(a.fd, _IOW(MEMLANE_TYPE, MEMLANE_CMD_STAT, int), &req), -ENOTTY);
	expect_eq(call(a.fd, _IO(MEMLANE_TYPE + 1, MEMLANE_CMD_STAT), &req), -ENOTTY);
	arena_end(&a);
}

TEST(nothing_is_left)
{
	expect_nothing_left();
}
