/* SPDX-License-Identifier: MIT */
/* contract.h - what include/uapi/linux/memlane.h promises of each call, asserted */
#ifndef FUZZ_CONTRACT_H
#define FUZZ_CONTRACT_H

#include "fake-device.h"

#define RULES	22

/* One call, as the ABI was published: numbers that may never change. */
struct rule {
	const char *name;
	u32 size;		/* of its struct */
	u32 first;		/* as it was first published; 0: the same */
	u32 flags;		/* that are known */
	u32 reserved;		/* offset of the word that must be 0; 0: none */
	bool reads;		/* may be made by who cannot write */
	bool creates;
	bool whole;		/* with flags it has no array: it is for all of a kind */
	const int *errors;	/* besides those of every call */
	/* offsets, 0: none */
	u32 array[2], handle, length, count;
	/* words that should be below @most to get further */
	struct {
		u32 at, most;
	} small[3];
};

extern const struct rule rules[RULES];

/* What there was before a call. */
struct before {
	const struct rule *rule;	/* NULL: the number is unknown */
	bool view;		/* it asks for a view: no struct */
	unsigned long at;
	bool calm;		/* nothing fails and nobody else writes */
	bool writable;
	bool created;
	u32 size;
	u32 bound;
	u32 slots;
	u32 queued;
	u8 user[USER_SIZE];
};

void contract_before(struct before *b, const struct fake_device *d, unsigned int cmd,
		     unsigned long at);
void contract_after(const struct before *b, const struct fake_device *d, long ret);
void contract_read(const struct before *b, const struct fake_device *d, unsigned long at,
		   size_t count, bool nonblock, long ret);

#endif /* FUZZ_CONTRACT_H */
