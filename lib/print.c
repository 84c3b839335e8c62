// SPDX-License-Identifier: MIT
/* print.c - an arena in words and in JSON */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "arena.h"

#define MIB 1048576.0

/* What is printed of one arena, read at one moment. */
struct picture {
	struct memlane *m;
	struct memlane_stats st;
	struct memlane_lane_usage lane[MEMLANE_LANES];
};

static const char *const lane_name[MEMLANE_LANES] = { "fast", "slow" };

static int look(struct memlane *m, struct picture *p)
{
	unsigned int lane;
	int err;

	p->m = m;
	p->st = (struct memlane_stats){
		.size = sizeof(p->st),
		.flags = MEMLANE_STAT_EXACT,
	};
	err = memlane_stat(m, &p->st);
	for (lane = 0; !err && lane < MEMLANE_LANES; lane++)
		err = memlane_stat_lane(m, lane, &p->lane[lane]);
	return err;
}

static const char *backend_name(const struct picture *p)
{
	return memlane_backend(p->m) == MEMLANE_BACKEND_MODULE ? "module" : "local";
}

/* ------------------------------------------------------------- people ---- */

static void print_lane(FILE *out, const struct picture *p, unsigned int lane)
{
	const struct memlane_lane_stat *l = &p->lane[lane].stat;

	fprintf(out,
		"  %s lane: %.2f of %.2f MiB used (%.0f %%, %.0f %% of that empty), "
		"%" PRIu64 " objects, %.2f MiB resident\n",
		lane_name[lane], (double)l->used / MIB, (double)l->limit / MIB,
		p->lane[lane].usage * 100, p->lane[lane].fragmentation * 100, (uint64_t)l->objects,
		(double)l->resident / MIB);
}

static void print_text(FILE *out, const struct picture *p)
{
	const struct memlane_counts *c = &p->st.counts;
	const char *name = memlane_name(p->m);

	fprintf(out, "arena %s%s%s of %s (%ld), %s backend\n", *name ? "\"" : "", *name ? name : "without a name",
		*name ? "\"" : "", program_invocation_short_name, (long)getpid(), backend_name(p));
	fprintf(out, "  live: %" PRIu64 " objects, %.2f MiB; %" PRIu64 " made, %" PRIu64 " freed\n",
		p->st.live_objects, (double)p->st.live_bytes / MIB, p->st.allocs, p->st.frees);
	print_lane(out, p, MEMLANE_FAST);
	print_lane(out, p, MEMLANE_SLOW);
	fprintf(out,
		"  moved: %" PRIu64 " copied, %" PRIu64 " handed over; kept in place: %" PRIu64
		" in use, %" PRIu64 " pinned, %" PRIu64 " held by the kernel\n",
		(uint64_t)c->moved, (uint64_t)c->remapped, (uint64_t)c->vetoed,
		(uint64_t)c->pinned, (uint64_t)c->held);
	if (c->away)
		fprintf(out, "  put away: %" PRIu64 " pages, %" PRIu64 " of them compressed to %.2f MiB\n",
			(uint64_t)c->away, (uint64_t)c->compressed, (double)c->compressed_bytes / MIB);
	fprintf(out, "  given back: %" PRIu64 " pages; dropped and not freed: %" PRIu64 "\n",
		(uint64_t)c->pages_returned, (uint64_t)c->purged);
}

/* ----------------------------------------------------------- machines ---- */

/* A program may be called anything. */
static void json_string(FILE *out, const char *name, const char *s)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(out, "\\u%04x", *s);
		else
			fputc(*s, out);
	}
	fputs("\", ", out);
}

static void json_number(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, "\"%s\": %" PRIu64 ", ", name, value);
}

/* Fractions in thousandths: no locale writes a comma in them. */
static void json_lane(FILE *out, const struct picture *p, unsigned int lane)
{
	const struct memlane_lane_stat *l = &p->lane[lane].stat;

	fprintf(out, "\"%s\": { ", lane_name[lane]);
	json_number(out, "limit", l->limit);
	json_number(out, "max", l->max);
	json_number(out, "used", l->used);
	json_number(out, "bound", l->bound);
	json_number(out, "objects", l->objects);
	json_number(out, "resident", l->resident);
	json_number(out, "fragmentation_permille", p->lane[lane].fragmentation * 1000);
	fprintf(out, "\"pressure_permille\": %u }", (unsigned int)(p->lane[lane].pressure * 1000));
}

static void json_counters(FILE *out, const struct picture *p)
{
	const struct memlane_counts *c = &p->st.counts;
	const struct {
		const char *name;
		uint64_t value;
	} counter[] = {
		{ "live_objects", p->st.live_objects },
		{ "live_bytes", p->st.live_bytes },
		{ "allocs", p->st.allocs },
		{ "frees", p->st.frees },
		{ "vetoes", p->st.vetoes },
		{ "waits", p->st.waits },
		{ "moved", c->moved },
		{ "moved_bytes", c->moved_bytes },
		{ "remapped", c->remapped },
		{ "vetoed", c->vetoed },
		{ "pinned", c->pinned },
		{ "held", c->held },
		{ "given_up", c->given_up },
		{ "pages_returned", c->pages_returned },
		{ "purged", c->purged },
		{ "away", c->away },
		{ "compressed", c->compressed },
		{ "compressed_bytes", c->compressed_bytes },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counter); i++)
		json_number(out, counter[i].name, counter[i].value);
}

static void print_json(FILE *out, const struct picture *p)
{
	fputs("{ ", out);
	json_string(out, "name", memlane_name(p->m));
	json_string(out, "command", program_invocation_short_name);
	json_string(out, "backend", backend_name(p));
	json_string(out, "version", MEMLANE_VERSION_STRING);
	json_number(out, "pid", getpid());
	json_counters(out, p);
	fputs("\"lanes\": { ", out);
	json_lane(out, p, MEMLANE_FAST);
	fputs(", ", out);
	json_lane(out, p, MEMLANE_SLOW);
	fputs(" } }\n", out);
}

int memlane_print(struct memlane *m, FILE *out, uint32_t flags)
{
	struct picture p;
	int saved = errno, err, was;

	if (flags & ~MEMLANE_PRINT_JSON)
		return -EOPNOTSUPP;
	err = look(m, &p);
	if (err)
		return err;
	was = cancel_hold();
	if (flags & MEMLANE_PRINT_JSON)
		print_json(out, &p);
	else
		print_text(out, &p);
	err = fflush(out) || ferror(out) ? -EIO : 0;
	cancel_release(was);
	errno = saved;
	return err;
}
