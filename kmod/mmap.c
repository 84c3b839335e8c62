// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap.c - mappings of an arena, and their faults
 *
 * Nothing is kept for a mapping, but how many of the slots an address space has: it
 * may be split, moved, forked (after MADV_DOFORK) or partly unmapped, and its faults
 * find everything by the offset in the file. Pages are mapped one by one with a reference each, so that
 * direct I/O, ptrace and the like work, and no page is freed while it is mapped.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "ahead.h"
#include "compat.h"
#include "device.h"
#include "dump.h"
#include "leaf.h"
#include "load.h"
#include "pages.h"
#include "word.h"

/*
 * Neighbours are mapped along, in aligned groups of so many, of one leaf, by a fault whose page is
 * there. One that makes its page leaves them: they were made by touches, and are mapped.
 */
#define AROUND_PAGES	16ULL
static_assert(ML_CHUNK_PAGES % AROUND_PAGES == 0);

/* Pages that come back by one fault at most: they are unpacked while it is waited for. */
#define ALONG_PAGES	16U

/* How often a fault waits for the memory of a table page before it gives up. */
#define PATIENCE	4

/* Pages: more than describes one, or than a read of one takes. */
#define NEEDED		8U

static unsigned int region_of(const struct memlane_arena *arena, unsigned long pgoff,
			      u64 *page)
{
	unsigned int r;
	u64 first;

	for (r = 0; r < MEMLANE_REGIONS; r++) {
		first = arena->region[r].offset >> PAGE_SHIFT;
		*page = pgoff - first;
		if (pgoff >= first && *page < arena->region[r].length >> PAGE_SHIFT)
			break;
	}
	return r;
}

/* A file that is open for reading alone; see view.c. */
static bool is_view(const struct vm_area_struct *vma)
{
	return !(vma->vm_file->f_mode & FMODE_WRITE);
}

/*
 * A view's entry holds no reference, and nobody can take one through it. The page
 * stays until the entry is gone: see pages.c for the data area, and memlane_unmap_shared(). Return: 0; -EBUSY: it, or something else, is there; -errno.
 */
static int map_one(struct vm_area_struct *vma, unsigned long at, struct page *page)
{
	vm_fault_t ret;

	if (!is_view(vma))
		return vm_insert_page(vma, at, page);
	ret = vmf_insert_pfn(vma, at, page_to_pfn(page));
	if (ret == VM_FAULT_NOPAGE)
		return -EBUSY;
	return ret & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
}

/* The first use of what was read ahead is to be seen. */
static bool may_map_along(unsigned long word)
{
	struct page *page = word_page(word);

	return word_is_page(word) && !PageHWPoison(page) && !memlane_page_is_ahead(page);
}

/* invalidate_lock is held for reading, so what is found is what may be mapped. */
static void map_around(struct vm_fault *vmf, struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr)
{
	struct vm_area_struct *vma = vmf->vma;
	u64 begin = nr - (((vmf->address & PAGE_MASK) - vma->vm_start) >> PAGE_SHIFT);
	u64 first = max(ALIGN_DOWN(nr, AROUND_PAGES), begin);
	u64 end = min(ALIGN_DOWN(nr, AROUND_PAGES) + AROUND_PAGES, begin + vma_pages(vma));
	unsigned long word;

	lockdep_assert_held_read(&p->mapping->invalidate_lock);
	for (; first < end; first++) {
		word = READ_ONCE(leaf->word[in_leaf(first)]);
		if (first == nr || !may_map_along(word))
			continue;
		/* -EBUSY: mapped already. -ENOMEM: then it will fault. */
		if (map_one(vma, vma->vm_start + ((first - begin) << PAGE_SHIFT),
			    word_page(word)) == -ENOMEM)
			break;
	}
}

/* How many of @pages, of which the one of the fault is the first, are in the mapping. */
static unsigned int pages_mapped(const struct vm_fault *vmf, unsigned int pages)
{
	return min_t(u64, pages, (vmf->vma->vm_end - (vmf->address & PAGE_MASK)) >> PAGE_SHIFT);
}

/* @behind: as many pages behind that of the fault. What cannot be mapped will fault. */
static void map_behind(const struct vm_fault *vmf, unsigned int behind, struct page *page)
{
	map_one(vmf->vma, (vmf->address & PAGE_MASK) + ((unsigned long)behind << PAGE_SHIFT), page);
}

/*
 * All but the last are mapped: they take no fault of their own, and a touch of the last tells
 * that they were of use.
 */
static void restore_along(const struct vm_fault *vmf, struct memlane_pages *p,
			  struct memlane_leaf *leaf, u64 nr, unsigned int pages)
{
	unsigned int i, last_i = 0, came = 0;
	struct page *page, *last = NULL;

	for (i = 1; i < pages; i++) {
		page = memlane_ahead_restore(p, leaf, nr + i);
		if (IS_ERR(page))
			break;
		if (!page)
			continue;
		if (last)
			map_behind(vmf, last_i, last);
		last = page;
		last_i = i;
		came++;
	}
	if (last)
		memlane_ahead_note(&p->cold, last, came);
}

/* Bytes have come back from memory. Where touches come in order, those behind come, too. */
static void map_along(struct vm_fault *vmf, struct memlane_pages *p, struct memlane_leaf *leaf, u64 nr)
{
	unsigned int pages = memlane_ahead_window(p, leaf, nr, ALONG_PAGES);

	lockdep_assert_held_read(&p->mapping->invalidate_lock);
	if (pages > 1)
		restore_along(vmf, p, leaf, nr, pages_mapped(vmf, pages));
}

static int look_at_entry(pte_t *pte, unsigned long at, void *data)
{
	pte_t entry = ptep_get(pte);
	bool *foreign = data;

	*foreign = !pte_none(entry) && !pte_present(entry);
	return 0;
}

/*
 * An entry that is neither empty nor a page: a marker of userfaultfd's write
 * protection, or whatever else later kernels leave there. No page can be mapped
 * over it, and the fault would come again and again.
 */
static bool is_foreign(struct vm_fault *vmf)
{
	bool foreign = true;

	return apply_to_page_range(vmf->vma->vm_mm, vmf->address & PAGE_MASK, PAGE_SIZE,
				   look_at_entry, &foreign) || foreign;
}

static vm_fault_t map_page(struct vm_fault *vmf, struct page *page)
{
	int err;

	if (PageHWPoison(page))
		return VM_FAULT_HWPOISON;
	err = map_one(vmf->vma, vmf->address & PAGE_MASK, page);
	/* -EBUSY: another thread was quicker, usually. */
	if (!err || (err == -EBUSY && !is_foreign(vmf)))
		return VM_FAULT_NOPAGE;
	return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/* Whose object was it? The page cannot be taken away from its run: invalidate_lock is held. */
static bool find_kin(struct vm_fault *vmf, struct memlane_arena *arena, const struct memlane_leaf *leaf,
		     u64 nr, struct ml_kin *kin)
{
	u64 first = memlane_page_first(leaf, nr);
	u64 loc = ml_page_loc(nr) + (offset_in_page(vmf->real_address) >> MEMLANE_GRANULE_SHIFT);

	lockdep_assert_held_read(&arena->pages.mapping->invalidate_lock);
	return ml_kin_at(&arena->core, first, loc, kin);
}

/* A fault: what it met, as enum memlane_fault_met, and when it began. */
struct met {
	unsigned int what;
	u64 since;
};

/* Bytes that memory had without a page for them. */
static bool met_bytes(const struct met *met)
{
	return met->what == MEMLANE_FAULT_SAME || met->what == MEMLANE_FAULT_COMPRESSED;
}

/* A fault that begins again after a read finds the page that the read has made. */
static bool met_again(const struct vm_fault *vmf, const struct met *met)
{
	return met->what == MEMLANE_FAULT_PAGE && vmf->flags & FAULT_FLAG_TRIED;
}

/* Who begins again was counted when the read ended: see load.c. A view counts nothing. */
static void met_note(const struct vm_fault *vmf, struct memlane_arena *arena,
		     const struct met *met)
{
	if (!met_again(vmf, met) && !is_view(vmf->vma))
		ml_fault_add(&arena->core, met->what, ktime_get_ns() - met->since, 1);
}

/* invalidate_lock is held for reading; the page is mapped. */
static void map_neighbours(struct vm_fault *vmf, struct memlane_pages *p, struct memlane_leaf *leaf,
			   u64 nr, const struct met *met)
{
	if (met->what == MEMLANE_FAULT_PAGE && !met_again(vmf, met))
		map_around(vmf, p, leaf, nr);
	else if (met_bytes(met) && !is_view(vmf->vma))
		map_along(vmf, p, leaf, nr);
}

/* 0: there is no page, and none was at hand. VM_FAULT_RETRY: it is in the backing file. */
static vm_fault_t map_data(struct vm_fault *vmf, struct memlane_arena *arena, u64 nr,
			   struct page **spare, struct met *met)
{
	struct memlane_pages *p = &arena->pages;
	struct memlane_leaf *leaf;
	bool found = false;
	vm_fault_t ret = 0;
	struct ml_kin kin;
	struct page *page;

	filemap_invalidate_lock_shared(p->mapping);
	leaf = leaf_at(p, nr);
	page = memlane_page_fill(p, leaf, nr, spare, &met->what);
	if (IS_ERR(page))
		ret = PTR_ERR(page) == -EAGAIN ? VM_FAULT_RETRY : VM_FAULT_SIGBUS;
	else if (page)
		ret = map_page(vmf, page);
	if (ret == VM_FAULT_NOPAGE) {
		if (memlane_page_is_ahead(page))
			memlane_ahead_used(&p->cold, page);
		map_neighbours(vmf, p, leaf, nr, met);
		found = !is_view(vmf->vma) && find_kin(vmf, arena, leaf, nr, &kin);
	}
	filemap_invalidate_unlock_shared(p->mapping);
	if (found)
		ml_tally_fault(&arena->core, &kin);
	if (ret == VM_FAULT_NOPAGE)
		met_note(vmf, arena, met);
	return ret;
}

/* Return: how many were to be had; all are free again. */
static unsigned int pages_to_be_had(unsigned int nr)
{
	struct page *page[NEEDED];
	unsigned int had = 0, i;

	for (; had < nr; had++) {
		page[had] = alloc_page(GFP_KERNEL_ACCOUNT);
		if (!page[had])
			break;
	}
	for (i = 0; i < had; i++)
		put_page(page[i]);
	return had;
}

/*
 * The engine's allocations, and those of a read, fail early at the memory cgroup's limit. A
 * fault has no way to say so: it waits as any fault does, until memory was found or the OOM
 * killer has chosen. One page would not do: it may be there where what failed is not, and
 * the fault came again for ever.
 */
static bool memory_came(void)
{
	return pages_to_be_had(NEEDED) == NEEDED && !fatal_signal_pending(current);
}

/* The fault comes again; what the user's budget refuses would not end. */
static vm_fault_t fault_nomem(const struct memlane_arena *arena)
{
	if (!memlane_user_may_describe(arena->user))
		return VM_FAULT_SIGBUS;
	return memory_came() ? VM_FAULT_NOPAGE : VM_FAULT_OOM;
}

/* A core dump leaves a hole for what was never written: nothing is made for it. */
static bool is_dumping(void)
{
	return current->flags & PF_DUMPCORE;
}

/*
 * Bytes that were put away take no more of the user's budget when they come back, and are
 * shown in a view, too, which makes no pages otherwise.
 */
static bool may_fill(const struct vm_fault *vmf, struct memlane_arena *arena, const struct met *met)
{
	if (met_bytes(met)) {
		atomic64_inc(&arena->pages.cold.refaults);
		return true;
	}
	return !is_view(vmf->vma) && !is_dumping() && memlane_user_may_have_page(arena->user);
}

/* A fault that met something in place of a page has seen the page's word: it is prepared. */
static int prepare(struct memlane_arena *arena, u64 nr, const struct met *met)
{
	return met->what == MEMLANE_FAULT_PAGE ? memlane_pages_prepare(&arena->pages, nr) : 0;
}

/* What nobody uses counts in the budget, too: it goes, and the fault comes again. */
static vm_fault_t fault_past_budget(const struct vm_fault *vmf, const struct memlane_arena *arena)
{
	if (!is_view(vmf->vma) && !is_dumping() && memlane_reclaim_kept(arena->user))
		return VM_FAULT_NOPAGE;
	return VM_FAULT_SIGBUS;
}

/* Who looks through a view pays for nothing. */
static struct page *page_for(const struct vm_fault *vmf, struct memlane_arena *arena)
{
	struct mem_cgroup *memcg;
	struct page *page;

	if (!is_view(vmf->vma))
		return memlane_page_new(0);
	memcg = set_active_memcg(arena->worker.memcg);
	page = memlane_page_new(0);
	set_active_memcg(memcg);
	return page;
}

/*
 * Who reads is a worker, as a file may need whatever lock the fault came under. It is
 * waited for without a lock, where the kernel lets a fault begin again; otherwise with
 * the kernel's. A fatal signal ends either, and a wait that may not be is left out.
 */
static vm_fault_t wait_for_load(struct vm_fault *vmf, struct memlane_load *load)
{
	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		memlane_load_wait(load);
		return VM_FAULT_NOPAGE;
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT) {
		memlane_load_put(load);
		return VM_FAULT_RETRY;
	}
	memlane_fault_unlock(vmf);
	memlane_load_wait(load);
	return VM_FAULT_RETRY | VM_FAULT_MAJOR;
}

static vm_fault_t fault_load(struct vm_fault *vmf, struct memlane_arena *arena, u64 nr,
			     const struct met *met)
{
	u64 since = is_view(vmf->vma) ? 0 : met->since;
	struct memlane_load *load;
	struct page *page;

	memlane_page_refault(&arena->pages, nr);
	page = page_for(vmf, arena);
	if (!page)
		return fault_nomem(arena);
	load = memlane_load_get(&arena->pages, nr, &page, since);
	/* The arena may be gone after the wait. */
	memlane_page_drop(page);
	if (IS_ERR(load))
		return fault_nomem(arena);
	return load ? wait_for_load(vmf, load) : VM_FAULT_NOPAGE;
}

/* Nothing of it is in the backing file, so far. Return: as map_data(). */
static vm_fault_t fault_fill(struct vm_fault *vmf, struct memlane_arena *arena, u64 nr,
			     struct met *met)
{
	struct page *spare;
	vm_fault_t ret;

	if (!may_fill(vmf, arena, met))
		return fault_past_budget(vmf, arena);
	spare = page_for(vmf, arena);
	if (!spare || prepare(arena, nr, met))
		ret = fault_nomem(arena);
	else
		ret = map_data(vmf, arena, nr, &spare, met);
	memlane_page_drop(spare);	/* another thread was quicker */
	return ret;
}

static vm_fault_t fault_data(struct vm_fault *vmf, struct memlane_arena *arena, u64 nr)
{
	struct met met = { .what = MEMLANE_FAULT_PAGE, .since = ktime_get_ns() };
	struct page *none = NULL;
	vm_fault_t ret;

	ret = map_data(vmf, arena, nr, &none, &met);
	if (!ret)
		ret = fault_fill(vmf, arena, nr, &met);
	if (ret == VM_FAULT_RETRY)
		ret = fault_load(vmf, arena, nr, &met);
	/* 0: what was there has gone meanwhile: look again. */
	return ret ? ret : VM_FAULT_NOPAGE;
}

/*
 * Somebody wants the page: an instruction of a program's, or a write. The kernel itself reads
 * every page of each mapping after mlockall(): it would make all that the regions have
 * addresses for, and count as resident what stands for nothing.
 */
static bool is_wanted(const struct vm_fault *vmf)
{
	return vmf->flags & (FAULT_FLAG_USER | FAULT_FLAG_WRITE);
}

/*
 * What stands for a page of a shared region; NULL: it has to be made. Pin words that nobody
 * has written to are zeros, and take no memory however many are read.
 */
static struct page *shared_page(const struct vm_fault *vmf, struct memlane_arena *arena,
				unsigned int region, u64 nr)
{
	bool over = ml_shared_is_over(&arena->core, region, nr);
	void *p = over ? NULL : ml_shared_look(&arena->core, region, nr);

	if (p)
		return virt_to_page(p);
	if (!is_wanted(vmf) && !is_view(vmf->vma))
		return NULL;
	if (over)
		return memlane_shared_nothing(&arena->shared);
	return region == MEMLANE_REGION_PIN ? memlane_shared_unpinned(&arena->shared) : NULL;
}

/* Return: 0: there is none. While invalidate_lock is held, what was found stays. */
static vm_fault_t map_shared(struct vm_fault *vmf, struct memlane_arena *arena,
			     unsigned int region, u64 nr)
{
	struct address_space *mapping = arena->pages.mapping;
	struct page *page;
	vm_fault_t ret;

	filemap_invalidate_lock_shared(mapping);
	page = shared_page(vmf, arena, region, nr);
	ret = page ? map_page(vmf, page) : 0;
	filemap_invalidate_unlock_shared(mapping);
	return ret;
}

/*
 * A page of pin words is known to the engine before somebody can write there, and by then no
 * mapping of any process or view shows zeros in its place: a fault that has found it missing
 * has made its entry, and one that comes later finds it. So who looks at the pins of an object
 * behind a barrier sees those that were made before: see "Pin words" in protocol.md.
 * False: no memory.
 */
static bool shared_make(struct memlane_arena *arena, unsigned int region, u64 nr)
{
	struct address_space *mapping = arena->pages.mapping;
	bool made;

	filemap_invalidate_lock_shared(mapping);
	made = ml_shared_is_over(&arena->core, region, nr) ?
		       !!memlane_shared_nothing(&arena->shared) :
		       !!ml_shared_page(&arena->core, region, nr);
	filemap_invalidate_unlock_shared(mapping);
	if (made && region == MEMLANE_REGION_PIN)
		memlane_unmap_shared(arena, region, nr);
	return made;
}

/* Return: 0: it is there now. */
static vm_fault_t make_patiently(struct memlane_arena *arena, unsigned int region, u64 nr)
{
	int tries = PATIENCE;

	do {
		if (shared_make(arena, region, nr))
			return 0;
	} while (memory_came() && --tries);
	return fault_nomem(arena);
}

static vm_fault_t fault_shared(struct vm_fault *vmf, struct memlane_arena *arena,
			       unsigned int region, u64 nr)
{
	vm_fault_t ret = map_shared(vmf, arena, region, nr);

	if (ret)
		return ret;
	if (is_view(vmf->vma) || !is_wanted(vmf))
		return VM_FAULT_SIGBUS;
	ret = make_patiently(arena, region, nr);
	if (!ret)
		ret = map_shared(vmf, arena, region, nr);
	/* 0: what was there has gone meanwhile: look again. */
	return ret ? ret : VM_FAULT_NOPAGE;
}

/**
 * memlane_unmap_shared - nobody is to map a page of a shared region any more
 * @arena: whose engine finds it no more
 * @region: MEMLANE_REGION_*
 * @page: of the region
 *
 * Faults that have found it before are waited for. Context: neither invalidate_lock nor
 * a lock that faults take.
 */
void memlane_unmap_shared(struct memlane_arena *arena, unsigned int region, u64 page)
{
	struct address_space *mapping = arena->pages.mapping;

	filemap_invalidate_lock(mapping);
	unmap_mapping_range(mapping, arena->region[region].offset + (page << PAGE_SHIFT), PAGE_SIZE, 1);
	filemap_invalidate_unlock(mapping);
}

static vm_fault_t mmap_fault(struct vm_fault *vmf)
{
	struct memlane_arena *arena = memlane_arena_of_file(vmf->vma->vm_file);
	unsigned int region;
	u64 nr;

	region = region_of(arena, vmf->pgoff, &nr);
	if (region == MEMLANE_REGIONS)
		return VM_FAULT_SIGBUS;
	atomic64_inc(&arena->faults);
	if (region == MEMLANE_REGION_DATA)
		return fault_data(vmf, arena, nr);
	return fault_shared(vmf, arena, region, nr);
}

/*
 * Where this has a name for a mapping of a file, a core dump has all of it, whatever else is said
 * of it; that it is not to be dumped otherwise is said in memlane_mmap().
 */
static const char *dump_name(struct vm_area_struct *vma)
{
	struct memlane_arena *arena = memlane_arena_of_file(vma->vm_file);
	unsigned int region;
	u64 first;

	region = region_of(arena, vma->vm_pgoff, &first);
	if (is_view(vma) || !memlane_is_dumped(arena, region, first, vma_pages(vma)))
		return NULL;
	return "[memlane]";
}

/*
 * Nothing is mapped ahead here: mmap_fault() does that. But a kernel that has locks for
 * single mappings (6.4 and later) takes mmap_lock for a fault unless this exists.
 */
static vm_fault_t map_pages(struct vm_fault *vmf, pgoff_t first, pgoff_t last)
{
	return 0;
}

static const struct vm_operations_struct vm_ops = {
	.fault = mmap_fault,
	.map_pages = map_pages,
	.name = dump_name,
};

/*
 * The first write through an entry of pin words. Zeros give way to a page of their own, which
 * the next fault maps; other pages are good. Their lock is what the kernel asks for.
 */
static vm_fault_t unpinned_mkwrite(struct vm_fault *vmf)
{
	struct memlane_arena *arena = memlane_arena_of_file(vmf->vma->vm_file);
	unsigned int region;
	vm_fault_t ret;
	u64 nr;

	if (!memlane_shared_is_unpinned(&arena->shared, vmf->page)) {
		lock_page(vmf->page);
		return VM_FAULT_LOCKED;
	}
	region = region_of(arena, vmf->pgoff, &nr);
	ret = make_patiently(arena, region, nr);
	return ret ? ret : VM_FAULT_NOPAGE;
}

/* Entries of pin words are read-only at first, also where the mapping is not. */
static const struct vm_operations_struct pin_vm_ops = {
	.fault = mmap_fault,
	.map_pages = map_pages,
	.page_mkwrite = unpinned_mkwrite,
};

/* Cannot fail: the mapping is being split, moved or forked. */
static void slots_open(struct vm_area_struct *vma)
{
	struct memlane_arena *arena = memlane_arena_of_file(vma->vm_file);

	memlane_barrier_join(&arena->barrier, vma->vm_mm, __GFP_NOFAIL);
}

static void slots_close(struct vm_area_struct *vma)
{
	struct memlane_arena *arena = memlane_arena_of_file(vma->vm_file);

	if (memlane_barrier_leave(&arena->barrier, vma->vm_mm))
		memlane_orphan_unused(arena);
}

/* Who can write to slots can be in a section: the mover must know its address space. */
static const struct vm_operations_struct slots_vm_ops = {
	.open = slots_open,
	.close = slots_close,
	.fault = mmap_fault,
	.map_pages = map_pages,
};

/*
 * A mapping lies within one region, is shared, cannot be grown, is not inherited
 * nor dumped (but see dump.c), and can never be made executable, nor writable where it must
 * not be.
 */
static int mmap_check(const struct memlane_arena *arena, struct vm_area_struct *vma,
		      unsigned int *region)
{
	u64 page, length;

	*region = region_of(arena, vma->vm_pgoff, &page);
	if (*region == MEMLANE_REGIONS || !(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	length = arena->region[*region].length >> PAGE_SHIFT;
	if (vma_pages(vma) > length - page)
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (*region == MEMLANE_REGION_STAT && vma->vm_flags & VM_WRITE)
		return -EACCES;
	return 0;
}

/**
 * memlane_mmap - map a part of a region
 * @file: of an arena
 * @vma: being made
 *
 * Return: 0; -ENODEV not created; -EOWNERDEAD: it was private, and is over; -EINVAL: the
 * mapping is private, or not within one region; -EACCES: executable, or writable where
 * only reading is allowed; -ENOMEM.
 */
int memlane_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct memlane_arena *arena = memlane_arena_of_file(file);
	unsigned long set = VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP;
	unsigned long clear = VM_MAYEXEC;
	unsigned int region;
	bool slots;
	int err;

	if (!arena)
		return -ENODEV;
	if (READ_ONCE(arena->orphaned))
		return -EOWNERDEAD;
	err = mmap_check(arena, vma, &region);
	slots = region == MEMLANE_REGION_SLOTS && vma->vm_flags & VM_MAYWRITE;
	if (!err && slots)
		err = memlane_barrier_join(&arena->barrier, vma->vm_mm, 0);
	if (err)
		return err;
	/* A file opened for reading has lost VM_MAYWRITE before it came here. */
	if (region == MEMLANE_REGION_STAT)
		clear |= VM_MAYWRITE;
	set |= is_view(vma) ? VM_PFNMAP : VM_MIXEDMAP;
	vm_flags_mod(vma, set, clear);
	vma->vm_ops = slots ? &slots_vm_ops : region == MEMLANE_REGION_PIN ? &pin_vm_ops : &vm_ops;
	return 0;
}
