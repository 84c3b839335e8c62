// SPDX-License-Identifier: MIT
/* cmd_doctor.c - `memlane doctor`: what is wrong on this machine, and what to type */
#include <limits.h>
#include <stdio.h>

#include "advice.h"
#include "command.h"
#include "diagnosis.h"
#include "say.h"

static int run_doctor(int argc, char **argv)
{
	char advice[PATH_MAX + 512];
	struct machine m;
	struct facts f;
	int wrong;

	if (argc != 1)
		return misuse("doctor: \"%s\" is one word too many", argv[1]);
	facts_look(&f);
	advice_look(&m);
	advice_text(&m, advice, sizeof(advice));
	wrong = diagnose(&f, advice, stdout);
	if (!wrong)
		puts("Nothing is wrong.");
	else
		printf("%d thing%s wrong. Programs work without the module; see memlane(7).\n", wrong,
		       wrong == 1 ? " is" : "s are");
	return wrong ? EXIT_FAILED : EXIT_GOOD;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "what is wrong on this machine, and what to type",
	.help =
		"Usage: memlane doctor\n"
		"\n"
		"Looks at the kernel, the module, Secure Boot, the device and your right to it,\n"
		"limits (addresses, locked memory, mappings, overcommit) and the memory cgroup. A\n"
		"line for each: ok, a note, or WRONG; and what to do. Exits with 0 when nothing\n"
		"is wrong.\n",
	.run = run_doctor,
};
