// SPDX-License-Identifier: MIT
/*
 * local_text.c - an arena of this process as text, file by file
 *
 * The same files as the module has in debugfs, with the same lines: who can read one can
 * read the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "block.h"
#include "field.h"
#include "local.h"
#include "local_text.h"
#include "run.h"
#include "slot.h"

static int counters(struct local *l, struct memlane_stat *req)
{
	req->size = sizeof(*req);
	req->flags = 0;
	local_pages_count(l);
	return ml_stat(&l->core, req);
}

static void stat_text(struct local *l, FILE *out)
{
	const struct ml_field *f;
	struct memlane_stat req;

	if (counters(l, &req))
		return;
	for (f = ml_count_fields; f->name; f++)
		fprintf(out, "%s %" PRIu64 "\n", f->name, (uint64_t)ml_field_read(&req.out, f));
	fprintf(out, "waits %" PRIu64 "\n", (uint64_t)ml_slots_waits(&l->core));
}

static void lanes_text(struct local *l, FILE *out)
{
	const struct ml_field *f;
	struct memlane_stat req;

	if (counters(l, &req))
		return;
	for (f = ml_lane_fields; f->name; f++)
		fprintf(out, "%s %" PRIu64 " %" PRIu64 "\n", f->name,
			(uint64_t)ml_field_read(&req.out.lane[MEMLANE_FAST], f),
			(uint64_t)ml_field_read(&req.out.lane[MEMLANE_SLOW], f));
}

static void classes_text(struct local *l, FILE *out)
{
	unsigned int cls;

	(void)l;
	for (cls = 0; cls < ML_CLASSES; cls++)
		fprintf(out, "%u\n", ml_class_size(cls));
}

static void span_text(const struct ml_span *span, FILE *out)
{
	fprintf(out, "%u %u %s %" PRIu64 " %" PRIu64 " %u %u%s\n", span->run.lane, span->cls,
		span->cold ? "cold" : "warm", (uint64_t)span->run.page, (uint64_t)span->run.nr,
		span->places, span->used, span->pinned ? " pinned" : "");
}

static void lane_spans(struct ml_arena *core, const struct ml_lane *lane, FILE *out)
{
	struct ml_run *run;
	u64 page;

	for (page = lane->first; page < lane->end; page = ml_run_end(run)) {
		run = ml_run_at(core, page);
		if (!run)
			return;
		if (run->kind == ML_SPAN)
			span_text(ml_span_of(run), out);
	}
}

/* Into memory alone: nothing waits for a reader under core.lock. */
static void spans_text(struct local *l, FILE *out)
{
	unsigned int lane;

	fputs("lane class temper page pages places used\n", out);
	mutex_lock(&l->core.lock);
	for (lane = 0; lane < MEMLANE_LANES; lane++)
		lane_spans(&l->core, &l->core.lane[lane], out);
	mutex_unlock(&l->core.lock);
}

static void tally_text(const struct memlane_tally *t, uint64_t nr, FILE *out)
{
	const struct ml_field *f;

	if (nr >= MEMLANE_TALLY_GROUP)
		fprintf(out, "group %" PRIu64 " -", nr - MEMLANE_TALLY_GROUP);
	else if (nr >= MEMLANE_TALLY_TAG)
		fprintf(out, "tag %" PRIu64 " -", nr - MEMLANE_TALLY_TAG);
	else
		fprintf(out, "class %" PRIu64 " %" PRIu64, nr % MEMLANE_TALLY_LANE,
			nr / MEMLANE_TALLY_LANE);
	for (f = ml_tally_fields; f->name; f++)
		fprintf(out, " %" PRIu64, (uint64_t)ml_field_read(t, f));
	fputc('\n', out);
}

/* Tallies come and grow while they are read, and never go: no lock is needed. */
static void tallies_text(struct local *l, FILE *out)
{
	const struct memlane_tally *t;
	const struct ml_field *f;
	u64 nr;

	fputs("of number lane", out);
	for (f = ml_tally_fields; f->name; f++)
		fprintf(out, " %s", f->name);
	fputc('\n', out);
	for (nr = 0; (t = ml_tally_from(&l->core, &nr)); nr++)
		tally_text(t, nr, out);
}

static void check_text(struct local *l, FILE *out)
{
	char why[160] = "";

	fprintf(out, "%s\n", ml_check(&l->core, why, sizeof(why)) ? why : "ok");
}

static void name_text(struct local *l, FILE *out)
{
	fprintf(out, "%s\n", l->core.name);
}

static const struct {
	const char *name;
	void (*write)(struct local *l, FILE *out);
} files[] = {
	{ "name", name_text },
	{ "stat", stat_text },
	{ "lanes", lanes_text },
	{ "classes", classes_text },
	{ "spans", spans_text },
	{ "tallies", tallies_text },
	{ "check", check_text },
};

/**
 * local_text - write one file of an arena
 * @l: arena
 * @name: of the file, as in debugfs
 * @out: to memory
 *
 * Writes nothing where there is no file of that name.
 */
void local_text(struct local *l, const char *name, FILE *out)
{
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(files[i].name, name))
			files[i].write(l, out);
}
