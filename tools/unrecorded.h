/* SPDX-License-Identifier: MIT */
/* unrecorded.h - why a program did not load the recorder, and what to do about it */
#ifndef UNRECORDED_H
#define UNRECORDED_H

#include <stddef.h>

/**
 * unrecorded_why - look at a program's file
 * @command: as it was typed; it is looked for where execvp() does
 * @text: gets a part of a sentence whose subject is the program
 * @room: bytes at @text
 */
void unrecorded_why(const char *command, char *text, size_t room);

/* Why a trace ended before its program, or could not be begun. */
const char *unrecorded_stop(int err);

#endif /* UNRECORDED_H */
