/* SPDX-License-Identifier: MIT */
/* tallies.h - what moved and what did not, by class, tag and group, as debugfs shows it */
#ifndef TALLIES_H
#define TALLIES_H

#include <stdint.h>
#include <stdio.h>

#define TALLY_FIELDS 24

/**
 * struct tally - of the objects of one kind
 * @of: "class", "tag" or "group"
 * @number: which of them; of classes the one behind the last is blobs
 * @lane: of classes; otherwise "-"
 * @value: by field
 */
struct tally {
	char of[8];
	uint64_t number;
	char lane[8];
	uint64_t value[TALLY_FIELDS];
};

/**
 * struct tallies - all that say something
 * @field: the module's own words
 * @fields: how many
 * @tally: array
 * @nr: how many
 */
struct tallies {
	char field[TALLY_FIELDS][24];
	int fields;
	struct tally *tally;
	int nr;
};

/* Read a file of them; undone by tallies_free(), also on error. Return: 0 or -errno. */
int tallies_read(FILE *f, struct tallies *t);
void tallies_free(struct tallies *t);

#endif /* TALLIES_H */
