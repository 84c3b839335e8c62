// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs.c - what tests and the curious may look at
 *
 *   memlane/arenas, pages, shared_pages   totals, as struct memlane_totals
 *   memlane/ID/stat                       counters of an arena
 *   memlane/ID/lanes                      what its lanes hold
 *   memlane/ID/spans                      each span: where, of what, how full
 *   memlane/ID/tallies                    what moved and what did not, by class, tag, group
 *   memlane/ID/check                      "ok", or the first broken invariant
 *
 * Removing an arena's folder waits for its readers, so they need no reference.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "core/block.h"
#include "core/run.h"
#include "debugfs.h"
#include "device.h"

struct memlane_totals memlane_totals;

static struct dentry *root;

struct field {
	const char *name;
	size_t offset;
};

#define COUNT(name) { #name, offsetof(struct memlane_counts, name) }
#define CAUSE(name, cause) \
	{ "moves_" #name, offsetof(struct memlane_counts, by_cause[MEMLANE_CAUSE_##cause]) }
static const struct field count_fields[] = {
	COUNT(ioctls), COUNT(refills), COUNT(flushes), COUNT(handles), COUNT(retired),
	COUNT(batches), COUNT(moved), COUNT(moved_bytes), COUNT(remapped),
	COUNT(remapped_pages), COUNT(vetoed), COUNT(pinned), COUNT(held), COUNT(given_up),
	COUNT(spoiled), COUNT(pages_returned), COUNT(faults), COUNT(metadata), COUNT(slots),
	COUNT(slots_reaped), COUNT(spilled), COUNT(cycles), COUNT(periods),
	COUNT(purged), COUNT(shortages), COUNT(lost), COUNT(gone_allocs),
	COUNT(gone_frees), COUNT(gone_alloc_bytes), COUNT(gone_free_bytes),
	COUNT(gone_vetoes), COUNT(gone_waits),
	CAUSE(compact, COMPACT), CAUSE(hand, HAND), CAUSE(stale, STALE),
	CAUSE(oversized, OVERSIZED), CAUSE(hot, HOT), CAUSE(sort, SORT), CAUSE(purge, PURGE),
	CAUSE(room, ROOM),
};

#define LANE(name) { #name, offsetof(struct memlane_lane_stat, name) }
static const struct field lane_fields[] = {
	LANE(limit), LANE(max), LANE(used), LANE(bound), LANE(block_used), LANE(blob_used),
	LANE(block_chunks), LANE(blob_chunks), LANE(objects), LANE(spans), LANE(blobs),
	LANE(largest_hole), LANE(migrated_in), LANE(resident),
};

static u64 value_of(const void *base, const struct field *field)
{
	return *(const u64 *)(base + field->offset);
}

static int stat_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	struct memlane_stat req = { .size = sizeof(req) };
	int i, err = ml_stat(&arena->core, &req);

	for (i = 0; !err && i < ARRAY_SIZE(count_fields); i++)
		seq_printf(seq, "%s %llu\n", count_fields[i].name,
			   value_of(&req.out, &count_fields[i]));
	return err;
}
DEFINE_SHOW_ATTRIBUTE(stat);

static int lanes_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	struct memlane_stat req = { .size = sizeof(req) };
	int i, err = ml_stat(&arena->core, &req);

	for (i = 0; !err && i < ARRAY_SIZE(lane_fields); i++)
		seq_printf(seq, "%s %llu %llu\n", lane_fields[i].name,
			   value_of(&req.out.lane[MEMLANE_FAST], &lane_fields[i]),
			   value_of(&req.out.lane[MEMLANE_SLOW], &lane_fields[i]));
	return err;
}
DEFINE_SHOW_ATTRIBUTE(lanes);

static void lane_spans(struct seq_file *seq, struct ml_arena *core, const struct ml_lane *lane)
{
	struct ml_run *run;
	u64 page;

	lockdep_assert_held(&core->lock);
	/* What does not fit is written again, with more room: this time to no purpose. */
	for (page = lane->first; page < lane->end && !seq_has_overflowed(seq);
	     page = ml_run_end(run)) {
		const struct ml_span *span;

		cond_resched();
		run = ml_run_at(core, page);
		if (WARN_ON(!run))
			return;
		if (run->kind != ML_SPAN)
			continue;
		span = ml_span_of(run);
		seq_printf(seq, "%u %u %s %llu %llu %u %u%s\n", run->lane, span->cls,
			   span->cold ? "cold" : "warm", run->page, run->nr, span->places,
			   span->used, span->pinned ? " pinned" : "");
	}
}

/* All in one piece, under core.lock: the spans would change between two. */
static int spans_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	struct ml_arena *core = &arena->core;
	int lane;

	seq_puts(seq, "lane class temper page pages places used\n");
	if (mutex_lock_killable(&core->lock))
		return -EINTR;
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		lane_spans(seq, core, &core->lane[lane]);
	mutex_unlock(&core->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(spans);

#define TALLY(name) { #name, offsetof(struct memlane_tally, name) }
#define TALLY_CAUSE(name, cause) \
	{ "moves_" #name, offsetof(struct memlane_tally, by_cause[MEMLANE_CAUSE_##cause]) }
static const struct field tally_fields[] = {
	TALLY_CAUSE(compact, COMPACT), TALLY_CAUSE(hand, HAND), TALLY_CAUSE(stale, STALE),
	TALLY_CAUSE(oversized, OVERSIZED), TALLY_CAUSE(hot, HOT), TALLY_CAUSE(sort, SORT),
	TALLY_CAUSE(purge, PURGE), TALLY_CAUSE(room, ROOM),
	TALLY(bytes), TALLY(vetoed), TALLY(pinned), TALLY(held), TALLY(given_up),
	TALLY(faults), TALLY(pages),
};

/* Tallies come and grow while they are read, and never go: no lock is needed. */
static void *tallies_start(struct seq_file *seq, loff_t *pos)
{
	struct memlane_arena *arena = seq->private;
	u64 nr = *pos ? *pos - 1 : 0;
	const struct memlane_tally *t;

	if (!*pos)
		return SEQ_START_TOKEN;
	t = ml_tally_from(&arena->core, &nr);
	*pos = nr + 1;
	return (void *)t;
}

static void *tallies_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	cond_resched();
	return tallies_start(seq, pos);
}

static void tallies_stop(struct seq_file *seq, void *v)
{
}

/* What the tally is of, the number that tells it from others, and its lane. */
static void tally_name(struct seq_file *seq, u64 nr)
{
	const u64 classes = MEMLANE_TALLY_TAG / MEMLANE_LANES;

	if (nr >= MEMLANE_TALLY_GROUP)
		seq_printf(seq, "group %llu -", nr - MEMLANE_TALLY_GROUP);
	else if (nr >= MEMLANE_TALLY_TAG)
		seq_printf(seq, "tag %llu -", nr - MEMLANE_TALLY_TAG);
	else
		seq_printf(seq, "class %llu %llu", nr % classes, nr / classes);
}

static int tallies_show(struct seq_file *seq, void *v)
{
	int i;

	if (v == SEQ_START_TOKEN)
		seq_puts(seq, "of number lane");
	else
		tally_name(seq, seq->index - 1);
	for (i = 0; i < ARRAY_SIZE(tally_fields); i++)
		if (v == SEQ_START_TOKEN)
			seq_printf(seq, " %s", tally_fields[i].name);
		else
			seq_printf(seq, " %llu", READ_ONCE(*(u64 *)(v + tally_fields[i].offset)));
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations tallies_sops = {
	.start = tallies_start,
	.next = tallies_next,
	.stop = tallies_stop,
	.show = tallies_show,
};
DEFINE_SEQ_ATTRIBUTE(tallies);

static int check_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	char why[160] = "";

	seq_printf(seq, "%s\n", ml_check(&arena->core, why, sizeof(why)) ? why : "ok");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(check);

static int total_get(void *data, u64 *value)
{
	*value = atomic64_read(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(total_fops, total_get, NULL, "%llu\n");

static void add_total(const char *name, atomic64_t *total)
{
	debugfs_create_file_unsafe(name, 0400, root, total, &total_fops);
}

/**
 * memlane_debugfs_init - make the module's folder
 *
 * A kernel without debugfs does without.
 */
void memlane_debugfs_init(void)
{
	root = debugfs_create_dir("memlane", NULL);
	add_total("arenas", &memlane_totals.arenas);
	add_total("pages", &memlane_totals.pages);
	add_total("shared_pages", &memlane_totals.shared_pages);
}

void memlane_debugfs_exit(void)
{
	debugfs_remove(root);
}

/**
 * memlane_debugfs_add - show an arena
 * @arena: about to be created
 */
void memlane_debugfs_add(struct memlane_arena *arena)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", arena->id);
	arena->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("stat", 0400, arena->debugfs, arena, &stat_fops);
	debugfs_create_file("lanes", 0400, arena->debugfs, arena, &lanes_fops);
	debugfs_create_file("spans", 0400, arena->debugfs, arena, &spans_fops);
	debugfs_create_file("tallies", 0400, arena->debugfs, arena, &tallies_fops);
	debugfs_create_file("check", 0400, arena->debugfs, arena, &check_fops);
}

/**
 * memlane_debugfs_remove - forget an arena, and wait for whoever looks at it
 * @arena: also one that was never shown
 */
void memlane_debugfs_remove(struct memlane_arena *arena)
{
	debugfs_remove(arena->debugfs);
}
