/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what differs between the kernels that memlane builds for
 *
 * The only file that looks at the kernel's version.
 */
#ifndef MEMLANE_COMPAT_H
#define MEMLANE_COMPAT_H

#include <linux/cpumask.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <linux/zsmalloc.h>

#if KERNEL_VERSION(6, 1, 0) > LINUX_VERSION_CODE
#error "memlane needs Linux 6.1 or newer"
#endif

/* What is put away is compressed: a kernel without these has no symbols to link to. */
#if !IS_ENABLED(CONFIG_ZSMALLOC) || !IS_ENABLED(CONFIG_LZ4_COMPRESS) || \
	!IS_ENABLED(CONFIG_LZ4_DECOMPRESS)
#error "memlane needs CONFIG_ZSMALLOC, CONFIG_LZ4_COMPRESS and CONFIG_LZ4_DECOMPRESS"
#endif

/* What goes to a file is packed better where the kernel can. */
#if IS_ENABLED(CONFIG_ZSTD_COMPRESS) && IS_ENABLED(CONFIG_ZSTD_DECOMPRESS)
#include <linux/zstd.h>
#define MEMLANE_ZSTD
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

/* Waits for it, if it runs. */
static inline void memlane_timer_stop(struct timer_list *timer)
{
#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE
	del_timer_sync(timer);
#else
	timer_delete_sync(timer);
#endif
}

/*
 * A shrinker that is told which node and memory cgroup is short, and the list by which
 * it finds what they have. Callbacks may come before the list is set up.
 */
#define MEMLANE_SHRINKS (SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE | SHRINKER_NONSLAB)

#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
static inline struct shrinker *memlane_shrinker_alloc(void)
{
	struct shrinker *shrinker = kzalloc(sizeof(struct shrinker), GFP_KERNEL);

	if (shrinker)
		shrinker->flags = MEMLANE_SHRINKS;
	return shrinker;
}

/* Registering gives it the number that the list needs. */
static inline int memlane_shrinker_register(struct shrinker *shrinker, struct list_lru *lru)
{
	int err = register_shrinker(shrinker, "memlane");

	return err ? err : list_lru_init_memcg(lru, shrinker);
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
	return shrinker_alloc(MEMLANE_SHRINKS, "memlane");
}

static inline int memlane_shrinker_register(struct shrinker *shrinker, struct list_lru *lru)
{
	int err = list_lru_init_memcg(lru, shrinker);

	if (!err)
		shrinker_register(shrinker);
	return err;
}

static inline void memlane_shrinker_free(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#endif

#if KERNEL_VERSION(6, 8, 0) > LINUX_VERSION_CODE
#define list_lru_add_obj list_lru_add
#define list_lru_del_obj list_lru_del
#endif

/* The arguments of a walk's callback; all but the item are of no interest. */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
#define MEMLANE_LRU_WALK(name, item, data)						\
	static enum lru_status name(struct list_head *item, struct list_lru_one *lru_,	\
				    spinlock_t *lock_, void *data)
#else
#define MEMLANE_LRU_WALK(name, item, data)						\
	static enum lru_status name(struct list_head *item, struct list_lru_one *lru_,	\
				    void *data)
#endif

/* The memory cgroup that pays for a page, with a reference; NULL: none, or it is going. */
static inline struct mem_cgroup *memlane_memcg_get(struct page *page)
{
#ifdef CONFIG_MEMCG
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = folio_memcg(page_folio(page));
	if (memcg && !css_tryget(&memcg->css))
		memcg = NULL;
	rcu_read_unlock();
	return memcg;
#else
	return NULL;
#endif
}

/*
 * Objects of zsmalloc's. Between begin and end nothing may sleep on older kernels; later
 * ones put an object that crosses a page together at @bounce, which has room for @len bytes.
 */
#if KERNEL_VERSION(6, 15, 0) > LINUX_VERSION_CODE
static inline const void *memlane_zs_begin(struct zs_pool *pool, unsigned long handle, size_t len,
					   void *bounce)
{
	return zs_map_object(pool, handle, ZS_MM_RO);
}

static inline void memlane_zs_end(struct zs_pool *pool, unsigned long handle, size_t len,
				  const void *object)
{
	zs_unmap_object(pool, handle);
}

static inline void memlane_zs_write(struct zs_pool *pool, unsigned long handle, void *from,
				    size_t len)
{
	memcpy(zs_map_object(pool, handle, ZS_MM_WO), from, len);
	zs_unmap_object(pool, handle);
}
#else
static inline const void *memlane_zs_begin(struct zs_pool *pool, unsigned long handle, size_t len,
					   void *bounce)
{
#if KERNEL_VERSION(7, 0, 0) > LINUX_VERSION_CODE
	return zs_obj_read_begin(pool, handle, bounce);
#else
	return zs_obj_read_begin(pool, handle, len, bounce);
#endif
}

static inline void memlane_zs_end(struct zs_pool *pool, unsigned long handle, size_t len,
				  const void *object)
{
#if KERNEL_VERSION(7, 0, 0) > LINUX_VERSION_CODE
	zs_obj_read_end(pool, handle, (void *)object);
#else
	zs_obj_read_end(pool, handle, len, (void *)object);
#endif
}

static inline void memlane_zs_write(struct zs_pool *pool, unsigned long handle, void *from,
				    size_t len)
{
	zs_obj_write(pool, handle, from, len);
}
#endif

/*
 * All @len bytes of an object of which @had were begun. Kernels that are not told how many
 * there are have begun all of them: those that are put together once are not put together twice.
 */
static inline const void *memlane_zs_more(struct zs_pool *pool, unsigned long handle,
					  const void *object, size_t had, size_t len, void *bounce)
{
#if KERNEL_VERSION(7, 0, 0) > LINUX_VERSION_CODE
	return object;
#else
	memlane_zs_end(pool, handle, had, object);
	return memlane_zs_begin(pool, handle, len, bounce);
#endif
}

static inline unsigned long memlane_zs_malloc(struct zs_pool *pool, size_t size, gfp_t gfp)
{
#if KERNEL_VERSION(6, 16, 0) > LINUX_VERSION_CODE
	return zs_malloc(pool, size, gfp);
#else
	return zs_malloc(pool, size, gfp, NUMA_NO_NODE);
#endif
}

/* A fault lets go of what it came under; its mapping must not be looked at any more. */
static inline void memlane_fault_unlock(struct vm_fault *vmf)
{
#if KERNEL_VERSION(6, 5, 0) > LINUX_VERSION_CODE
	mmap_read_unlock(vmf->vma->vm_mm);
#else
	release_fault_lock(vmf);
#endif
}

/* Work that is done where it was queued. Later kernels want it said. */
#if KERNEL_VERSION(6, 17, 0) > LINUX_VERSION_CODE
#define MEMLANE_WQ_BOUND 0
#else
#define MEMLANE_WQ_BOUND WQ_PERCPU
#endif

#ifdef CONFIG_X86_64
/*
 * The CPUs that may run programs in an address space: all of them, and some more.
 * A CPU passes a full barrier between its entry and the first instruction.
 */
static inline const struct cpumask *memlane_cpus_of(struct mm_struct *mm)
{
	return mm_cpumask(mm);
}

/* The task that a CPU runs; RCU keeps it. NULL: unknown. */
static inline const struct task_struct *memlane_task_on(int cpu)
{
#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE || KERNEL_VERSION(6, 15, 0) <= LINUX_VERSION_CODE
	return READ_ONCE(per_cpu(current_task, cpu));
#else
	return READ_ONCE(per_cpu(pcpu_hot.current_task, cpu));
#endif
}
#else
/* Not every machine keeps such a mask, nor tells modules of tasks. */
static inline const struct cpumask *memlane_cpus_of(struct mm_struct *mm)
{
	return cpu_online_mask;
}

static inline const struct task_struct *memlane_task_on(int cpu)
{
	return NULL;
}
#endif

#endif /* MEMLANE_COMPAT_H */
