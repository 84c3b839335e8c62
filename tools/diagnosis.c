// SPDX-License-Identifier: MIT
/*
 * diagnosis.c - what is wrong with a machine, and what to type
 *
 * Each part looks at the facts, writes a sentence, and a remedy unless all is fine. What
 * keeps programs from memory that moves is wrong; what may do so one day is a remark.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "diagnosis.h"
#include "explain.h"

#define GIB	 (1ULL << 30)
#define LEAST_AS (34 * GIB) /* of addresses: the smallest arena */
#define LOCKED	 (64ULL << 20)
#define MAPS	 65530
#define WORDS	 1024

/* A sentence and what to do; verdict and words are the part's. */
struct finding {
	enum verdict verdict;
	char text[WORDS];
	char remedy[WORDS];
};

#define say(finding, ...)  snprintf((finding)->text, WORDS, __VA_ARGS__)
#define type(finding, ...) snprintf((finding)->remedy, WORDS, __VA_ARGS__)

static void see_kernel(const struct facts *f, const char *advice, struct finding *out)
{
	bool known = !strcmp(f->machine, "x86_64") || !strcmp(f->machine, "aarch64");

	(void)advice;
	say(out, "Linux %u.%u on %s", f->major, f->minor, f->machine);
	if (f->major > 6 || (f->major == 6 && f->minor >= 1)) {
		out->verdict = known ? FINE : WRONG;
		type(out, "use a machine with x86-64; arm64 is a first step");
		return;
	}
	out->verdict = REMARK;
	type(out, "the module needs Linux 6.1 or newer: boot one (apt install -t stable linux-image-amd64); MEMLANE_BACKEND=local works here");
}

static void see_barriers(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	say(out, f->membarrier ? "membarrier() works: arenas inside of processes can move objects" :
				 "membarrier() is refused: arenas inside of processes cannot be opened");
	out->verdict = f->membarrier ? FINE : WRONG;
	type(out, "allow the system call membarrier in the container's seccomp profile, or boot a kernel with CONFIG_MEMBARRIER");
}

/* What keeps any module from being loaded comes before whether there is one. */
static void see_loading(const struct facts *f, const char *advice, struct finding *out)
{
	out->verdict = f->loaded == 1 ? FINE : WRONG;
	say(out, f->loaded == 1 ? "the module is loaded" : "the module is not loaded");
	if (f->modules_disabled)
		type(out, "kernel.modules_disabled is 1 until the next boot: reboot, and load it (memlane load) before that is set");
	else if (f->at_hand)
		type(out, "memlane load");
	else
		type(out, "%s", advice);
}

static void see_signatures(const struct facts *f, const char *advice, struct finding *out)
{
	bool strict = f->secure_boot || f->lockdown || f->signed_only;

	(void)advice;
	say(out, "Secure Boot is %s, the kernel is %slocked down, and takes %s modules",
	    f->secure_boot ? "on" : "off", f->lockdown ? "" : "not ",
	    f->signed_only || f->lockdown ? "signed" : "all");
	out->verdict = strict && f->loaded != 1 ? REMARK : FINE;
	type(out, "mokutil --import /var/lib/dkms/mok.pub; reboot and enrol the key; then dkms install --force memlane/1.0");
}

static void see_device(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	out->verdict = f->device ? WRONG : FINE;
	say(out, f->device ? "/dev/memlane cannot be opened by you" : "/dev/memlane can be opened by you");
	if (f->device == EACCES)
		type(out, "sudo usermod -aG memlane $USER, and log in again");
	else
		type(out, "%s", explain_device(f->device));
}

static void see_sight(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	out->verdict = f->debugfs && f->loaded == 1 ? REMARK : FINE;
	say(out, f->debugfs ? "the module's arenas cannot be looked at by you" :
			      "the module's arenas can be looked at: memlane list");
	type(out, "%s", explain_stat(f->debugfs));
	if (f->debugfs && f->loaded != 1)
		say(out, "arenas inside of processes can be looked at: MEMLANE_STAT=PATH ./program, memlane list --at PATH");
}

static void see_addresses(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	out->verdict = f->address_space < LEAST_AS ? WRONG : f->address_space != FACTS_NONE;
	if (f->address_space == FACTS_NONE)
		say(out, "addresses are not limited");
	else
		say(out, "a process may have %.1f GiB of addresses, and an arena takes 34 GiB at least",
		    (double)f->address_space / GIB);
	type(out, "ulimit -v unlimited (or LimitAS=infinity in the unit), or lower fast_lane_max and slow_lane_max");
}

static void see_locked_memory(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	out->verdict = f->memlock < LOCKED ? REMARK : FINE;
	if (f->memlock == FACTS_NONE)
		say(out, "locked memory is not limited");
	else
		say(out, "%" PRIu64 " KiB of memory may be locked, which matters to programs that call mlockall()",
		    f->memlock / 1024);
	type(out, "ulimit -l unlimited (or LimitMEMLOCK=infinity in the unit), if yours does");
}

/* The engine inside a process has one mapping for each piece with rights of its own. */
static void see_mappings(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	out->verdict = f->max_map_count < MAPS ? REMARK : FINE;
	if (f->max_map_count == FACTS_NONE)
		say(out, "how many mappings a process may have is not told here");
	else
		say(out, "a process may have %" PRIu64 " mappings", f->max_map_count);
	type(out, "sysctl vm.max_map_count=%d", MAPS);
}

static void see_promises(const struct facts *f, const char *advice, struct finding *out)
{
	(void)advice;
	out->verdict = f->overcommit == 2 ? REMARK : FINE;
	say(out, f->overcommit == 2 ? "the system promises no more memory than it has (vm.overcommit_memory is 2)" :
				      "memory that is not used yet is not counted");
	type(out, "if an arena is refused with ENOMEM: sysctl vm.overcommit_memory=0, or raise vm.overcommit_ratio");
}

static void see_cgroup(const struct facts *f, const char *advice, struct finding *out)
{
	bool near = f->cgroup_max != FACTS_NONE && f->cgroup_now != FACTS_NONE &&
		    f->cgroup_now > f->cgroup_max / 10 * 9;

	(void)advice;
	out->verdict = near ? WRONG : FINE;
	if (f->cgroup_max == FACTS_NONE)
		say(out, "the memory cgroup has no limit");
	else
		say(out, "the memory cgroup may have %.2f GiB, and has %.2f", (double)f->cgroup_max / GIB,
		    f->cgroup_now == FACTS_NONE ? 0.0 : (double)f->cgroup_now / GIB);
	type(out, "raise memory.max (systemctl set-property UNIT MemoryMax=...), or end something in it");
}

static const struct {
	const char *name;
	void (*look)(const struct facts *f, const char *advice, struct finding *out);
} parts[] = {
	{ "kernel", see_kernel },
	{ "barrier", see_barriers },
	{ "module", see_loading },
	{ "signature", see_signatures },
	{ "device", see_device },
	{ "sight", see_sight },
	{ "addresses", see_addresses },
	{ "locked", see_locked_memory },
	{ "mappings", see_mappings },
	{ "promises", see_promises },
	{ "cgroup", see_cgroup },
};

int diagnose(const struct facts *f, const char *advice, FILE *out)
{
	static const char *const word[] = { "ok", "note", "WRONG" };
	struct finding finding;
	int wrong = 0;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		parts[i].look(f, advice, &finding);
		fprintf(out, "%-5s %-9s %s\n", word[finding.verdict], parts[i].name, finding.text);
		if (finding.verdict != FINE)
			fprintf(out, "                do: %s\n", finding.remedy);
		wrong += finding.verdict == WRONG;
	}
	return wrong;
}
