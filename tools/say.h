/* SPDX-License-Identifier: MIT */
/* say.h - how the tool speaks to people: sentences, and exit codes */
#ifndef SAY_H
#define SAY_H

#include <stdint.h>

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

#define PRINTF_LIKE(text, rest) __attribute__((format(printf, text, rest)))

/* Both print "memlane: ..." to stderr. Return: EXIT_FAILED, EXIT_USAGE. */
int fail(const char *format, ...) PRINTF_LIKE(1, 2);
int misuse(const char *format, ...) PRINTF_LIKE(1, 2);

/* A remark on stderr that is no failure. */
void note(const char *format, ...) PRINTF_LIKE(1, 2);

/**
 * say_number - read a whole number from the command line
 * @text: what was typed
 * @most: the largest that is good
 * @value: gets it
 *
 * Return: 0, or -1 when it is not a number from 1 to @most.
 */
int say_number(const char *text, uint64_t most, uint64_t *value);

#endif /* SAY_H */
