// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs.c - what tests and the curious may look at
 *
 *   memlane/arenas, pages, shared_pages   totals, as struct memlane_totals
 *   memlane/ID/program                    who made the arena: process and name
 *   memlane/ID/name                       what that calls the arena; may be empty
 *   memlane/ID/stat                       counters of an arena
 *   memlane/ID/lanes                      what its lanes hold
 *   memlane/ID/classes                    size classes: bytes of a place of each
 *   memlane/ID/spans                      each span: where, of what, how full
 *   memlane/ID/tallies                    what moved and what did not, by class, tag, group
 *   memlane/ID/faults                     what faults met: the sum of ns, and how many by log2(ns)
 *   memlane/ID/check                      "ok", or the first broken invariant
 *
 * Removing an arena's folder waits for its readers, so they need no reference.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "core/block.h"
#include "core/field.h"
#include "core/run.h"
#include "core/slot.h"
#include "debugfs.h"
#include "device.h"

struct memlane_totals memlane_totals;

static struct dentry *root;

static int program_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;

	seq_printf(seq, "%d %s\n", arena->pid, arena->program);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(program);

static int name_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;

	seq_printf(seq, "%s\n", arena->core.name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(name);

static int stat_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	struct memlane_stat req = { .size = sizeof(req) };
	const struct ml_field *f;
	int err = ml_stat(&arena->core, &req);

	if (err)
		return err;
	for (f = ml_count_fields; f->name; f++)
		seq_printf(seq, "%s %llu\n", f->name, ml_field_read(&req.out, f));
	seq_printf(seq, "waits %llu\n", ml_slots_waits(&arena->core));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stat);

static int lanes_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	struct memlane_stat req = { .size = sizeof(req) };
	const struct ml_field *f;
	int err = ml_stat(&arena->core, &req);

	for (f = ml_lane_fields; !err && f->name; f++)
		seq_printf(seq, "%s %llu %llu\n", f->name,
			   ml_field_read(&req.out.lane[MEMLANE_FAST], f),
			   ml_field_read(&req.out.lane[MEMLANE_SLOW], f));
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

static int classes_show(struct seq_file *seq, void *unused)
{
	unsigned int cls;

	for (cls = 0; cls < ML_CLASSES; cls++)
		seq_printf(seq, "%u\n", ml_class_size(cls));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(classes);

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
	if (nr >= MEMLANE_TALLY_GROUP)
		seq_printf(seq, "group %llu -", nr - MEMLANE_TALLY_GROUP);
	else if (nr >= MEMLANE_TALLY_TAG)
		seq_printf(seq, "tag %llu -", nr - MEMLANE_TALLY_TAG);
	else
		seq_printf(seq, "class %llu %llu", nr % MEMLANE_TALLY_LANE, nr / MEMLANE_TALLY_LANE);
}

static int tallies_show(struct seq_file *seq, void *v)
{
	const struct ml_field *f;

	if (v == SEQ_START_TOKEN)
		seq_puts(seq, "of number lane");
	else
		tally_name(seq, seq->index - 1);
	for (f = ml_tally_fields; f->name; f++)
		if (v == SEQ_START_TOKEN)
			seq_printf(seq, " %s", f->name);
		else
			seq_printf(seq, " %llu", ml_field_read(v, f));
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

/* By enum memlane_fault_met. */
static const char *const met_names[] = { "page", "new", "same", "compressed", "stored" };

static_assert(ARRAY_SIZE(met_names) == MEMLANE_FAULTS);

static int faults_show(struct seq_file *seq, void *unused)
{
	struct memlane_arena *arena = seq->private;
	const struct memlane_fault_times *t;
	unsigned int met, i;

	for (met = 0; met < MEMLANE_FAULTS; met++) {
		t = ml_fault_read(&arena->core, met);
		seq_printf(seq, "%s %llu", met_names[met], READ_ONCE(t->ns));
		for (i = 0; i < MEMLANE_FAULT_BUCKETS; i++)
			seq_printf(seq, " %llu", READ_ONCE(t->bucket[i]));
		seq_putc(seq, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(faults);

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
	debugfs_create_file("program", 0400, arena->debugfs, arena, &program_fops);
	debugfs_create_file("name", 0400, arena->debugfs, arena, &name_fops);
	debugfs_create_file("stat", 0400, arena->debugfs, arena, &stat_fops);
	debugfs_create_file("lanes", 0400, arena->debugfs, arena, &lanes_fops);
	debugfs_create_file("classes", 0400, arena->debugfs, arena, &classes_fops);
	debugfs_create_file("spans", 0400, arena->debugfs, arena, &spans_fops);
	debugfs_create_file("tallies", 0400, arena->debugfs, arena, &tallies_fops);
	debugfs_create_file("faults", 0400, arena->debugfs, arena, &faults_fops);
	debugfs_create_file("check", 0400, arena->debugfs, arena, &check_fops);
}

/**
 * memlane_debugfs_remove - forget an arena, and wait for its readers
 * @arena: also one that was never shown
 */
void memlane_debugfs_remove(struct memlane_arena *arena)
{
	debugfs_remove(arena->debugfs);
}
