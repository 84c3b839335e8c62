// SPDX-License-Identifier: MIT
/*
 * exit-with.c - a function for make: $(exit-with STATUS) ends it with that status
 *
 * By itself make ends with 2 whatever a recipe ended with.
 */
#include <gnumake.h>
#include <stdlib.h>

int plugin_is_GPL_compatible;
int exit_with_setup(const gmk_floc *where);

static char *exit_with(const char *name, unsigned int argc, char **argv)
{
	(void)name;
	(void)argc;
	exit(atoi(argv[0]));
}

int exit_with_setup(const gmk_floc *where)
{
	(void)where;
	gmk_add_function("exit-with", exit_with, 1, 1, GMK_FUNC_DEFAULT);
	return 1;
}
