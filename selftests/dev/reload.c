// SPDX-License-Identifier: MIT
/*
 * reload.c - the module comes, is used and goes, again and again
 *
 * What each round would leave is many times what the system's own memory varies by. The
 * module is ML_MODULE; ML_ROUNDS is how often.
 */
#include <sys/syscall.h>

#include "cool.h"

#define NAME	"memlane"
#define OBJECT	(2 * MIB)
#define WARMUP	4U		/* rounds: the system's caches fill */
#define TRIES	8U		/* of so many rounds as are asked for */

static const char *module_file(void)
{
	const char *path = getenv("ML_MODULE");

	return path ? path : "/run/vm/memlane.ko";
}

static int module_load(void)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC), err;

	expect(fd >= 0);
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

static int module_unload(void)
{
	return syscall(SYS_delete_module, NAME, O_NONBLOCK) ? -errno : 0;
}

/* Of /proc/meminfo, KiB. */
static long kib_of(const char *what)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	expect(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			kib = atol(line + strlen(what));
	fclose(f);
	return kib;
}

/* What the kernel keeps for itself, and does not say that it could do without. */
static long kernel_kib(void)
{
	return kib_of("SUnreclaim:") + kib_of("PageTables:") + kib_of("KernelStack:") +
	       kib_of("Percpu:") + kib_of("VmallocUsed:");
}

/* Pages of both lanes, a worker, a view, a mover's barrier, and bytes that are put away. */
static void use(void)
{
	struct arena a = arena_new(4 * MIB, 4 * MIB);
	__u64 h = alloc_one(&a, MEMLANE_FAST, OBJECT);
	int view = ioctl(a.fd, MEMLANE_IOCTL_VIEW, 0);

	expect(view >= 0);
	write_text(address_of(&a, h), OBJECT, 1);
	expect_eq(migrate_one(&a, h, MEMLANE_SLOW), 0);
	expect(cool(&a, &h, 1) > 0);
	expect_text(address_of(&a, h), OBJECT, 1);
	option_set(&a, MEMLANE_OPT_POLICY_INTERVAL, 1000000);	/* it may move from now on */
	while (!counts(&a).cycles)
		usleep(1000);
	expect_eq(module_unload(), -EAGAIN);	/* O_NONBLOCK's word for busy */
	expect_eq(close(view), 0);
	arena_end(&a);
}

static bool gone(void)
{
	int i, err = -1;

	/* A worker may let go of its arena a moment after the last file is closed. */
	for (i = 0; i < 100 && (err = module_unload()); i++)
		usleep(20000);
	return !err && access(DEVICE, F_OK) && access("/sys/kernel/debug/" NAME, F_OK) &&
	       access("/sys/module/" NAME, F_OK);
}

static void rounds_of(unsigned int rounds)
{
	for (; rounds; rounds--) {
		expect_eq(module_load(), 0);
		use();
		expect(gone());
	}
}

/* Half of the objects, and a page of tables in each round, would be more. */
static bool leave_nothing(unsigned int rounds)
{
	long available = kib_of("MemAvailable:"), kernel = kernel_kib();

	rounds_of(rounds);
	available -= kib_of("MemAvailable:");
	kernel = kernel_kib() - kernel;
	printf("# %u rounds: %ld KiB less available, %ld KiB more of the kernel's\n", rounds,
	       available, kernel);
	return available < (long)(rounds * (OBJECT >> 10) / 2) && kernel < (long)(rounds * 64);
}

/* What the module leaves it leaves each time; what the system does meanwhile it does not. */
TEST(comes_is_used_and_goes)
{
	unsigned int rounds = env("ML_ROUNDS", 20), tries = TRIES;

	if (access(module_file(), R_OK) || geteuid())
		skip("no module that may be loaded");
	close(device_open(O_RDWR));
	expect(gone());
	rounds_of(WARMUP);
	while (!leave_nothing(rounds))
		if (!--tries)
			fail("the module leaves something, each of %u times", TRIES);
}

/* Whatever became of it: other programs come after this one. */
TEST(it_is_there_again)
{
	int err;

	if (access(module_file(), R_OK) || geteuid())
		skip("no module that may be loaded");
	err = module_load();
	expect(!err || err == -EEXIST);
}
