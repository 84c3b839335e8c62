// SPDX-License-Identifier: MIT
/* main.c - runs the tests of a program; the first argument picks some */
#include "ktap.h"

int main(int argc, char **argv)
{
	return ktap_run(ktap_list.tests, ktap_list.nr, argc > 1 ? argv[1] : "");
}
