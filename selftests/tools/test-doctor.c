// SPDX-License-Identifier: MIT
/* test-doctor.c - what memlane doctor says of machines that are not this one */
#include <linux/memlane.h>

#include "../harness.h"
#include "../../tools/diagnosis.h"

static const struct facts healthy = {
	.major = 6,
	.minor = 12,
	.machine = "x86_64",
	.membarrier = true,
	.loaded = 1,
	.at_hand = true,
	.address_space = FACTS_NONE,
	.memlock = FACTS_NONE,
	.max_map_count = 65530,
	.cgroup_max = FACTS_NONE,
	.cgroup_now = FACTS_NONE,
};

/* What is said; to be freed. */
static char *said(const struct facts *f, int *wrong)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	*wrong = diagnose(f, "build one", out);
	fclose(out);
	return text;
}

/* So many things are wrong, and this is among what is said. */
static void expect_said(const struct facts *f, int wrong, const char *words)
{
	int got;
	char *text = said(f, &got);

	expect_eq(got, wrong);
	if (!strstr(text, words))
		fail("it does not say \"%s\": %s", words, text);
	free(text);
}

TEST(a_healthy_machine_needs_nothing)
{
	int wrong;
	char *text = said(&healthy, &wrong);

	expect_eq(wrong, 0);
	expect(!strstr(text, "do:") && !strstr(text, "note "));
	free(text);
}

TEST(a_module_is_not_loaded)
{
	struct facts f = healthy;

	f.loaded = 0;
	expect_said(&f, 1, "do: memlane load\n");
	f.at_hand = false;
	expect_said(&f, 1, "do: build one\n");
	f.modules_disabled = true;
	expect_said(&f, 1, "kernel.modules_disabled is 1");
}

TEST(secure_boot_matters_until_it_is_loaded)
{
	struct facts f = healthy;

	f.secure_boot = true;
	expect_said(&f, 0, "ok    signature Secure Boot is on");
	f.loaded = 0;
	expect_said(&f, 1, "mokutil --import");
}

TEST(a_device_that_may_not_be_opened)
{
	struct facts f = healthy;

	f.device = EACCES;
	expect_said(&f, 1, "usermod -aG memlane");
	f.device = ENOENT;
	expect_said(&f, 1, "memlane load");
}

TEST(limits_that_are_too_low)
{
	struct facts f = healthy;

	f.address_space = 8ULL << 30;
	expect_said(&f, 1, "8.0 GiB of addresses");
	f.address_space = 64ULL << 30;
	expect_said(&f, 0, "note  addresses");
	f = healthy;
	f.memlock = 8 << 20;
	expect_said(&f, 0, "ulimit -l");
	f = healthy;
	f.max_map_count = 1000;
	expect_said(&f, 0, "sysctl vm.max_map_count");
	f = healthy;
	f.overcommit = 2;
	expect_said(&f, 0, "vm.overcommit_memory");
}

TEST(a_cgroup_that_is_nearly_full)
{
	struct facts f = healthy;

	f.cgroup_max = 1ULL << 30;
	f.cgroup_now = 1ULL << 29;
	expect_said(&f, 0, "may have 1.00 GiB, and has 0.50");
	f.cgroup_now = f.cgroup_max - 1;
	expect_said(&f, 1, "memory.max");
}

TEST(a_kernel_that_is_too_old)
{
	struct facts f = healthy;

	f.major = 5;
	expect_said(&f, 0, "needs Linux 6.1");
	f = healthy;
	f.membarrier = false;
	expect_said(&f, 1, "seccomp");
	f = healthy;
	strcpy(f.machine, "riscv64");
	expect_said(&f, 1, "x86-64");
}

/* Each line that is not fine is followed by what to do. */
TEST(every_complaint_has_a_remedy)
{
	struct facts f = { .major = 4, .device = ENXIO, .debugfs = EACCES, .overcommit = 2,
			   .loaded = 0, .lockdown = true, .cgroup_max = 10, .cgroup_now = 10 };
	int wrong, complaints = 0, remedies = 0;
	char *text = said(&f, &wrong), *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "WRONG", 5) || !strncmp(line, "note ", 5))
			expect_eq(complaints++, remedies);
		if (strstr(line, "   do: ") && line[strlen(line) - 1] != ' ')
			remedies++;
	}
	expect_eq(complaints, remedies);
	expect(complaints >= 8 && wrong >= 5);
	free(text);
}
