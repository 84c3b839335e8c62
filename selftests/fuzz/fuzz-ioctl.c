// SPDX-License-Identifier: MIT
/*
 * fuzz-ioctl.c - bytes are a program that calls the device
 *
 * kmod/ioctl.c, queue.c, event.c and owner.c run as they are, on the headers in
 * kernel/. The program's memory can be absent, fail at any access, or be written to by
 * another thread while a call runs; allocations fail; signals come; threads die. After
 * every call contract.c looks whether what memlane.h promises was kept.
 */
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <string.h>

#include "contract.h"
#include "ktap.h"

#define GIVEN	64U	/* handles that the program remembers */

/* What is wrong with a call; most have nothing wrong, few have more than one. */
enum {
	BAD_SIZE = 1,
	BAD_ARRAYS = 2,
	BAD_RESERVED = 4,
	BAD_NUMBERS = 8,
	BAD_HANDLE = 16,
	LONGER = 32,	/* than is known; the tail is what lies there */
	READ_ONLY = 64,
	ANY_NUMBER = 128,
	ANY_ADDRESS = 256,
};

static struct {
	const u8 *at, *end;
	u64 given[GIVEN];
	u32 nr_given;
	struct fake_device d;
	struct before before;
} t;

static u64 number(unsigned int bytes)
{
	u64 n = 0;
	unsigned int i;

	for (i = 0; i < bytes && t.at < t.end; i++)
		n |= (u64)*t.at++ << 8 * i;
	return n;
}

static u64 some_handle(void)
{
	return t.nr_given ? t.given[number(1) % min(t.nr_given, GIVEN)] : number(8);
}

/* Bytes of the input go to user memory. */
static void poke(u32 at, u32 nr)
{
	for (; nr && t.at < t.end; nr--, at++)
		fake.user[at % USER_SIZE] = *t.at++;
}

static void put(u32 at, const void *p, size_t n)
{
	if (at <= USER_SIZE - n)
		memcpy(fake.user + at, p, n);
}

static u64 get(u32 at, size_t n)
{
	u64 value = 0;

	if (at <= USER_SIZE - n)
		memcpy(&value, fake.user + at, n);
	return value;
}

static void put_word(u32 at, u32 offset, u64 value, size_t n)
{
	if (offset)
		put(at + offset, &value, n);
}

static u32 mistakes(void)
{
	u32 kind = number(1);

	if (kind < 192)
		return 0;
	return kind < 240 ? 1U << kind % 9 : number(2);
}

/* Few places, so that calls meet each other's; they reach into two pages. */
static u64 some_array(void)
{
	return USER_BASE + number(1) % 4 * (PAGE_SIZE - 1);
}

/* A few, or more than are moved at a time. */
static u32 some_count(void)
{
	u32 n = number(1);

	return n < 224 ? 1 + n % 8 : n * 3;
}

static void set_numbers(const struct rule *r, u32 at)
{
	int i;

	for (i = 0; i < 3 && r->small[i].at; i++)
		put_word(at, r->small[i].at, number(2) % r->small[i].most, 4);
	put_word(at, r->length, 1 + number(2), 8);
	put_word(at, r->count, some_count(), 4);
}

/* A request that can be served, but for what is @wrong with it. */
static void prepare(const struct rule *r, u32 at, u32 wrong)
{
	u32 size = r->size + (wrong & LONGER ? 8 : 0);

	if (!(wrong & BAD_SIZE))
		put(at, &size, sizeof(size));
	if (!(wrong & BAD_ARRAYS)) {
		put_word(at, r->array[0], some_array(), 8);
		put_word(at, r->array[1], number(1) % 2 ? some_array() : 0, 8);
	}
	if (!(wrong & BAD_RESERVED)) {
		put_word(at, 4, (number(1) | number(1) << 24) & r->flags, 4);
		put_word(at, r->reserved, 0, 4);
	}
	if (!(wrong & BAD_NUMBERS))
		set_numbers(r, at);
	if (!(wrong & BAD_NUMBERS) && r->whole && get(at + 4, 4)) {
		put_word(at, r->array[0], 0, 8);
		put_word(at, r->count, 0, 4);
	}
	if (!(wrong & BAD_HANDLE) && r->handle)
		put_word(at, r->handle, some_handle(), 8);
}

static void remember(u64 handle)
{
	t.given[t.nr_given++ % GIVEN] = handle;
}

static void remember_given(u32 nr, u32 at)
{
	u64 array = get(at + 32, 8);
	u32 i, count = get(at + 28, 4);

	if (nr == MEMLANE_CMD_REFILL - MEMLANE_CMD_CREATE)
		remember(get(at + 48, 8));
	if (nr == MEMLANE_CMD_ALLOC - MEMLANE_CMD_CREATE)
		for (i = 0; i < count && i < GIVEN; i++)
			remember(get(array + i * 8 - USER_BASE, 8));
}

static void one_call(unsigned int cmd, unsigned long address)
{
	long ret;

	contract_before(&t.before, &t.d, cmd, address);
	ret = memlane_ioctl(&t.d.file, cmd, address);
	contract_after(&t.before, &t.d, ret);
	if (!ret && address >= USER_BASE)
		remember_given(cmd - MEMLANE_IOCTL_CREATE, address - USER_BASE);
}

/* Inputs that are kept mean what they meant: calls that came later have numbers of their own. */
static u32 some_call(void)
{
	u32 n = number(1), first = MEMLANE_CMD_VIEW - MEMLANE_CMD_CREATE;

	if (n >= 256 / first * first)
		return first + 1 + n % (RULES - first - 1);
	return (n + MEMLANE_CMD_ALLOC - MEMLANE_CMD_CREATE) % first;
}

static void do_call(void)
{
	u32 nr = some_call(), at = number(2), wrong = mistakes();
	unsigned int cmd = MEMLANE_IOCTL_CREATE + nr;
	unsigned long address = USER_BASE + at;

	prepare(&rules[nr], at, wrong);
	poke(at + number(1) % rules[nr].size, number(1) % 16);
	if (wrong & ANY_NUMBER)
		cmd = number(4);
	if (wrong & ANY_ADDRESS)
		address = number(8);
	t.d.file.f_mode = wrong & READ_ONLY ? 0 : FMODE_WRITE;
	one_call(cmd, address);
	t.d.file.f_mode = FMODE_WRITE;
	fake_calm();
}

static void do_handles(void)
{
	u32 at = some_array() - USER_BASE, nr = some_count();

	for (; nr && t.at < t.end; nr--, at += 8) {
		u64 handle = some_handle();

		put(at, &handle, sizeof(handle));
	}
}

/* For the call that follows. */
static void do_fault(void)
{
	struct fault *what[] = { &fake.access, &fake.alloc, &fake.signal, &fake.scribble };
	u32 kind = number(1);

	if (kind % 8 < 4)
		*what[kind % 8] = (struct fault){ .at = 1 + number(1), .forever = kind & 8 };
	else
		fake.absent = number(2);
	if (kind % 8 == 3) {
		fake.scribble_at = number(2);
		fake.scribble_word = number(8);
	}
}

static void do_read(void)
{
	struct iov_iter to = { .at = USER_BASE + number(2), .count = number(2) % 1024 };
	struct kiocb iocb = { .ki_filp = &t.d.file, .ki_flags = number(1) & 1 ? IOCB_NOWAIT : 0 };
	unsigned long at = to.at;
	size_t count = to.count;
	u32 waiting = t.d.arena.events.nr;
	long ret;

	contract_before(&t.before, &t.d, 0, 0);
	ret = memlane_read_iter(&iocb, &to);
	contract_read(&t.before, &t.d, at, count, iocb.ki_flags, ret);
	expect_eq(t.d.arena.events.nr,
		  waiting - (ret > 0 ? ret / sizeof(struct memlane_event) : 0));
	fake_calm();
}

static void do_threads(void)
{
	u32 what = number(1);

	if (what & 8)
		fake_task_again(what % TASKS, what & 16);
	else
		fake.running = what % TASKS;
}

static void do_work(void)
{
	if (fake_device_created(&t.d))
		memlane_queue_run(&t.d.arena);
	fake_calm();
}

/* Nothing that the engine or the device holds, while the program's memory is touched. */
static void no_lock(void)
{
	lockdep_assert_not_held(&t.d.opened.lock);
	if (!fake_device_created(&t.d))
		return;
	lockdep_assert_not_held(&t.d.arena.setup);
	lockdep_assert_not_held(&t.d.arena.owners.lock);
	lockdep_assert_not_held(&t.d.arena.core.mover);
	lockdep_assert_not_held(&t.d.arena.core.lock);
	lockdep_assert_not_held(&t.d.arena.core.grow);
}

/* An arena and a thread that is registered, as a rule. */
static void begin(void)
{
	struct memlane_create create = {
		.size = sizeof(create), .fast_size = 256 << 10, .slow_size = 1 << 20,
		.handles = 8192, .threads = 3,
	};
	struct memlane_register reg = { .size = sizeof(reg) };

	memset(&fake, 0, sizeof(fake));
	fake.on_access = no_lock;
	t.nr_given = 0;
	fake_tasks_begin();
	fake_device_open(&t.d);
	if (number(1) % 8 == 7)
		return;
	put(0, &create, sizeof(create));
	one_call(MEMLANE_IOCTL_CREATE, USER_BASE);
	put(0, &reg, sizeof(reg));
	one_call(MEMLANE_IOCTL_REGISTER, USER_BASE);
	expect(fake_device_created(&t.d) && t.d.arena.core.slots.used);
}

static void end(void)
{
	fake_device_close(&t.d);
	fake_tasks_end();
	expect_eq(fake.allocs, 0);
	expect_eq(fake.spinning, 0);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t len)
{
	static void (*const operation[16])(void) = {
		[0 ... 9] = do_call, [10] = do_handles, [11] = do_fault, [12] = do_read,
		[13] = do_threads, [14] = do_work, [15] = do_fault,
	};

	t.at = bytes;
	t.end = bytes + len;
	begin();
	while (t.at < t.end)
		operation[number(1) % 16]();
	end();
	return 0;
}
