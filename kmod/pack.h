/* SPDX-License-Identifier: GPL-2.0-only */
/* pack.h - the bytes of a page, made smaller for a file, and whole again */
#ifndef MEMLANE_PACK_H
#define MEMLANE_PACK_H

#include <linux/types.h>

#include "record.h"

struct memlane_packer;
struct memlane_unpacker;

size_t memlane_packer_bytes(void);
struct memlane_packer *memlane_packer_new(void);
void memlane_packer_free(struct memlane_packer *packer);
u32 memlane_pack(struct memlane_packer *packer, const void *page, void *to, size_t room);

size_t memlane_unpacker_bytes(void);
struct memlane_unpacker *memlane_unpacker_new(void);
void memlane_unpacker_free(struct memlane_unpacker *unpacker);
int memlane_unpack(struct memlane_unpacker *unpacker, enum memlane_codec codec, const void *from,
		   u32 length, void *page);

#endif /* MEMLANE_PACK_H */
