/* SPDX-License-Identifier: MIT */
/*
 * world.h - where the engine runs in these tests
 *
 * An arena on plain memory: every rule of struct ml_ops is checked, pages that
 * nobody may touch cannot be touched, allocations can be made to fail, and at
 * the end everything must have come back.
 */
#ifndef ML_WORLD_H
#define ML_WORLD_H

#include "core.h"

enum door {
	DOOR_ZALLOC = 1,
	DOOR_SHARE = 2,
	DOOR_COMMIT = 4,
	DOOR_POPULATE = 8,
	DOOR_ALL = 15
};

/* The @nth call through one of @doors fails, and with @forever all later ones. */
struct failure {
	unsigned int doors;
	u64 nth;
	bool forever;
	u64 calls;
	u64 hits;
};

struct share;

struct world {
	struct ml_arena arena;
	u8 *data;		/* the data area; PROT_NONE where not committed */
	u8 *page;		/* PAGE_* of each page */
	u64 pages;
	u64 committed;
	u64 existing[MEMLANE_LANES];
	u64 commits;		/* calls, and of decommit */
	u64 decommits;
	u64 away;		/* pages put away */
	s64 (*to_file)(struct world *w, u64 page, u64 nr);	/* what is stored; NULL: no file */
	u64 later;		/* ns that the engine said last, to be told when they are over */
	u64 allocs;		/* descriptors out */
	u64 bytes;
	struct share *shares;
	u64 unshared;		/* pages of shared regions that the engine gave back */
	struct failure fail;
	bool was_short;		/* some allocation has failed */
	u64 clock;		/* ns; real time when @threaded */
	u64 pauses;
	u64 syncs;
	int pause_result;
	int sync_result;
	bool threaded;
	u32 first;		/* before world_try(): where indices begin */
	bool soft;		/* before world_try(): pages are closed to ASan only, which is quicker */
	bool gone[4096];	/* threads that died, by slot */
	u64 done;		/* calls of slot_done */
	u64 told[MEMLANE_CAUSES];	/* moves carried out, by cause */
	u64 decided[MEMLANE_CAUSES];
	u64 events[8];		/* by enum memlane_event_type */
	unsigned int event_lane;	/* of the last one */
	u64 event_value;
	bool hurry;		/* a fatal signal waits */
	/* Called without arena.lock while a batch waits; may be NULL. */
	void (*in_grace)(struct world *w, void *arg);
	void (*in_pause)(struct world *w, void *arg);	/* the same argument */
	void (*in_copy)(struct world *w);	/* behind the bytes, before the commit */
	void *grace_arg;
};

#define PAGE_COMMITTED	1
#define PAGE_EXISTS	2
#define PAGE_HELD	4
#define PAGE_OPENED	8	/* @soft: the machine lets everybody touch it */
#define PAGE_BROKEN	16	/* held for good; PAGE_TOLD: the engine knows */
#define PAGE_TOLD	32
#define PAGE_KEPT	64	/* committed, and of no run */
#define PAGE_AWAY	128	/* exists, and its bytes were put away */

/* Pages that nobody uses, and that exist for a while yet. */
u64 world_kept(const struct world *w);

/* What an expression says that needs arena.lock, for who does not hold it. */
#define world_locked(a, expr) ({					\
	struct ml_arena *__locked = (a);				\
	__auto_type __said = ({ mutex_lock(&__locked->lock); (expr); });	\
	mutex_unlock(&__locked->lock);					\
	__said; })

/* Small lanes by default: limits are met at once. */
struct memlane_create world_request(u64 fast, u64 slow);
int world_try(struct world *w, const struct memlane_create *req, bool remap);
int world_create(const struct memlane_create *req);	/* and end it; no pages */
struct world *world_new(u64 fast, u64 slow);
void world_end(struct world *w);
void world_check(struct world *w);
void *world_at(struct world *w, u64 loc, u64 len);
void world_hold(struct world *w, u64 loc, bool held);
void world_break(struct world *w, u64 loc);

/* The program's side of the shared words. */
#define WORLD_COOKIE	0x2d

u64 *world_entry(struct world *w, u64 handle);
u64 world_loc(struct world *w, u64 handle);
bool world_moving(struct world *w, u64 handle);
u64 world_in_state(u64 word, unsigned int state);
u64 world_unmarked(u64 word);
void world_use(struct world *w, u64 handle);
u8 *world_class(struct world *w, u64 handle);
u16 *world_note(struct world *w, u64 handle);
u64 *world_size(struct world *w, u64 handle);
void world_describe(struct world *w, u64 handle, u64 bytes);
u64 world_place(struct world *w, u32 index);
u64 *world_pin(struct world *w, u64 handle);
void world_join(struct world *w, u64 handle, u32 group);
struct memlane_slot *world_slot(struct world *w, u32 slot);
struct memlane_mag *world_mag(struct world *w, u32 slot, unsigned int lane, unsigned int cls);

/* Calls that must succeed. */
u64 world_alloc(struct world *w, unsigned int lane, u64 length);
u64 world_stock(struct world *w, unsigned int lane, u64 length);
void world_free(struct world *w, u64 handle);
struct memlane_query world_query(struct world *w, u64 handle);
struct memlane_step world_compact(struct world *w);
int world_migrate(struct world *w, u64 handle, unsigned int lane);

#endif /* ML_WORLD_H */
