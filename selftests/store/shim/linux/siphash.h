/* SPDX-License-Identifier: MIT */
/* CUSTOM: SipHash-2-4 after its authors' paper; test-record.c has one of their vectors */
#ifndef ML_STORE_SIPHASH_H
#define ML_STORE_SIPHASH_H

#include <linux/types.h>

typedef struct {
	u64 key[2];
} siphash_key_t;

u64 siphash(const void *data, size_t len, const siphash_key_t *key);

#endif
