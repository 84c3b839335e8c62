/* SPDX-License-Identifier: MIT */
/*
 * file.h - a backing file in memory, used as the module uses one
 *
 * Each block keeps every content that it ever had, so that a test can choose which of
 * them a device had really kept.
 */
#ifndef ML_STORE_FILE_H
#define ML_STORE_FILE_H

#include "ktap.h"
#include "record.h"
#include "slots.h"

#define BLOCKS		512U	/* the longest file */
#define RECORDS		4096U	/* the most that are alive */
#define VERSIONS	4U	/* contents of a block that are remembered, the last ones */
#define SECTOR		512U	/* what a device writes whole */

/* What a block of the file was, newest last. */
struct block {
	unsigned int nr;
	u8 was[VERSIONS][MEMLANE_BLOCK];
};

/* A page in the file: what memory keeps of it, and what its bytes really are. */
struct stored {
	struct memlane_ticket ticket;
	u8 codec;
	u32 seed;
};

struct memlane_record_key key_new(struct rng *rng);

struct file {
	struct memlane_slots slots;
	struct memlane_record_key key;
	struct rng rng;
	unsigned int nr;
	struct stored stored[RECORDS];
	struct block block[BLOCKS];
};

struct file *file_new(u64 bytes, struct rng rng);
void file_end(struct file *f);
bool file_store(struct file *f, unsigned int pages);
void file_drop(struct file *f, unsigned int i);
unsigned int file_punch(struct file *f);

void file_newest(const struct file *f, u8 *image);
int file_read(const struct file *f, const u8 *image, const struct stored *s);
bool file_same(const struct file *f, const u8 *image, const struct stored *s);
void file_check(const struct file *f);

#endif /* ML_STORE_FILE_H */
