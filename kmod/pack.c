// SPDX-License-Identifier: GPL-2.0-only
/*
 * pack.c - the bytes of a page, made smaller for a file, and whole again
 *
 * Zstandard leaves a quarter to two fifths less of text than LZ4, and takes five times as long
 * to unpack, which is little beside a read of the file: store.c has it where it leaves a quarter
 * less, and where LZ4 can do nothing. A kernel without Zstandard writes what LZ4 has made. A
 * record tells its codec, and no file goes from one kernel to another.
 *
 * The work space is large, and no fault may wait for memory. So it is allocated before
 * anything is packed: an arena has one for the thread that stores, and a file has one that
 * its readers use in turn.
 */
#include <linux/errno.h>
#include <linux/lz4.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "leaf.h"
#include "pack.h"

#define LEVEL	1	/* higher ones leave 2 % less of a page, and take a half longer */

#ifdef MEMLANE_ZSTD
/**
 * struct memlane_packer - work space of a thread that stores
 * @params: for a page
 * @work: of the compressor's, in @space
 * @space: as much as it asked for
 */
struct memlane_packer {
	zstd_parameters params;
	zstd_cctx *work;
	u8 space[] __aligned(16);
};

/**
 * struct memlane_unpacker - work space of the readers of a file
 * @lock: held by the reader that uses it
 * @work: of the decompressor's, in @space
 * @space: as much as it asked for
 */
struct memlane_unpacker {
	struct mutex lock;
	zstd_dctx *work;
	u8 space[] __aligned(16);
};

static size_t packer_space(void)
{
	zstd_parameters params = zstd_get_params(LEVEL, PAGE_SIZE);

	return zstd_cctx_workspace_bound(&params.cParams);
}

static bool packer_init(struct memlane_packer *packer)
{
	packer->params = zstd_get_params(LEVEL, PAGE_SIZE);
	packer->work = zstd_init_cctx(packer->space, packer_space());
	return packer->work;
}

static u32 pack_zstd(struct memlane_packer *packer, const void *page, void *to, size_t room)
{
	size_t len = zstd_compress_cctx(packer->work, to, room, page, PAGE_SIZE, &packer->params);

	return zstd_is_error(len) ? 0 : len;
}

static size_t unpacker_space(void)
{
	return zstd_dctx_workspace_bound();
}

static bool unpacker_init(struct memlane_unpacker *unpacker)
{
	mutex_init(&unpacker->lock);
	unpacker->work = zstd_init_dctx(unpacker->space, unpacker_space());
	return unpacker->work;
}

static bool unpack_zstd(struct memlane_unpacker *unpacker, const void *from, u32 length, void *page)
{
	size_t got;

	mutex_lock(&unpacker->lock);
	got = zstd_decompress_dctx(unpacker->work, page, PAGE_SIZE, from, length);
	mutex_unlock(&unpacker->lock);
	return got == PAGE_SIZE;
}
#else
struct memlane_packer {
	u8 none;
};

struct memlane_unpacker {
	u8 none;
};

static size_t packer_space(void)
{
	return 0;
}

static bool packer_init(struct memlane_packer *packer)
{
	return true;
}

static u32 pack_zstd(struct memlane_packer *packer, const void *page, void *to, size_t room)
{
	return 0;
}

static size_t unpacker_space(void)
{
	return 0;
}

static bool unpacker_init(struct memlane_unpacker *unpacker)
{
	return true;
}

/* No record of this kernel has that codec. */
static bool unpack_zstd(struct memlane_unpacker *unpacker, const void *from, u32 length, void *page)
{
	return false;
}
#endif

/* ------------------------------------------------------------- pack */

/* Memory that memlane_packer_new() takes. */
size_t memlane_packer_bytes(void)
{
	return sizeof(struct memlane_packer) + packer_space();
}

struct memlane_packer *memlane_packer_new(void)
{
	struct memlane_packer *packer = __vmalloc(memlane_packer_bytes(),
						  GFP_KERNEL_ACCOUNT | GFP_CALL);

	if (packer && WARN_ON_ONCE(!packer_init(packer))) {
		vfree(packer);
		return NULL;
	}
	return packer;
}

void memlane_packer_free(struct memlane_packer *packer)
{
	vfree(packer);
}

/**
 * memlane_pack - make the bytes of a page smaller
 * @packer: used by nobody else
 * @page: bytes that nobody changes meanwhile
 * @to: gets MEMLANE_CODEC_ZSTD; is written to in any case
 * @room: bytes there
 *
 * Return: bytes at @to; 0: they do not fit, or the kernel has no Zstandard.
 */
u32 memlane_pack(struct memlane_packer *packer, const void *page, void *to, size_t room)
{
	return pack_zstd(packer, page, to, room);
}

/* ------------------------------------------------------------- unpack */

/* Memory that memlane_unpacker_new() takes. */
size_t memlane_unpacker_bytes(void)
{
	return sizeof(struct memlane_unpacker) + unpacker_space();
}

struct memlane_unpacker *memlane_unpacker_new(void)
{
	struct memlane_unpacker *unpacker = __vmalloc(memlane_unpacker_bytes(),
						      GFP_KERNEL_ACCOUNT | GFP_CALL);

	if (unpacker && WARN_ON_ONCE(!unpacker_init(unpacker))) {
		vfree(unpacker);
		return NULL;
	}
	return unpacker;
}

void memlane_unpacker_free(struct memlane_unpacker *unpacker)
{
	vfree(unpacker);
}

/**
 * memlane_unpack - unpack the bytes of a page
 * @unpacker: work space
 * @codec: how they were packed
 * @from: packed bytes of a record that was checked
 * @length: how many
 * @page: gets them; is written to in any case
 *
 * Context: may sleep; allocates nothing.
 * Return: 0; -EBADMSG: they do not unpack to a page.
 */
int memlane_unpack(struct memlane_unpacker *unpacker, enum memlane_codec codec, const void *from,
		   u32 length, void *page)
{
	bool good = false;

	switch (codec) {
	case MEMLANE_CODEC_RAW:
		memcpy(page, from, PAGE_SIZE);
		return 0;
	case MEMLANE_CODEC_LZ4:
		good = LZ4_decompress_safe(from, page, length, PAGE_SIZE) == PAGE_SIZE;
		break;
	case MEMLANE_CODEC_ZSTD:
		good = unpack_zstd(unpacker, from, length, page);
		break;
	case MEMLANE_CODECS:
		break;
	}
	return good ? 0 : -EBADMSG;
}
