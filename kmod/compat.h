/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what differs between the kernels that memlane builds for
 *
 * The only file that looks at the kernel's version.
 */
#ifndef MEMLANE_COMPAT_H
#define MEMLANE_COMPAT_H

#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 1, 0) > LINUX_VERSION_CODE
#error "memlane needs Linux 6.1 or newer"
#endif

#ifndef CONFIG_64BIT
#error "memlane needs a 64-bit kernel"
#endif

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
/* The caller holds mmap_lock for writing, or the VMA is not yet linked. */
static inline void vm_flags_mod(struct vm_area_struct *vma, unsigned long set,
				unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/* How many page table entries map a page of order 0. */
static inline int memlane_mapcount(struct page *page)
{
#if KERNEL_VERSION(6, 10, 0) > LINUX_VERSION_CODE
	return page_mapcount(page);
#else
	return folio_mapcount(page_folio(page));
#endif
}

#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
static inline struct shrinker *memlane_shrinker_alloc(void)
{
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

static inline int memlane_shrinker_register(struct shrinker *shrinker)
{
	return register_shrinker(shrinker, "memlane");
}

/* Whether it was registered or not. */
static inline void memlane_shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
static inline struct shrinker *memlane_shrinker_alloc(void)
{
	return shrinker_alloc(0, "memlane");
}

static inline int memlane_shrinker_register(struct shrinker *shrinker)
{
	shrinker_register(shrinker);
	return 0;
}

static inline void memlane_shrinker_free(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#endif

#endif /* MEMLANE_COMPAT_H */
