/* SPDX-License-Identifier: MIT */
/* diagnosis.h - what is wrong with a machine, and what to type */
#ifndef DIAGNOSIS_H
#define DIAGNOSIS_H

#include <stdio.h>

#include "facts.h"

enum verdict {
	FINE,
	REMARK,
	WRONG
};

/**
 * diagnose - a line for each thing that was looked at
 * @f: what is known
 * @advice: how this machine comes by a module, where it has none
 * @out: gets the lines
 *
 * What is wrong is followed by a remedy.
 *
 * Return: how many things are wrong.
 */
int diagnose(const struct facts *f, const char *advice, FILE *out);

#endif /* DIAGNOSIS_H */
