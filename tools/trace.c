// SPDX-License-Identifier: MIT
/* trace.c - reads an allocation trace from memory, and trusts nothing in it */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "trace.h"

/* More than this live at a time could not have been in an address space. */
#define LIVE_MAX (1ULL << 47)

static const char *const sentence[TRACE_FAULTS] = {
	[TRACE_BAD_MAGIC] = "this is not a MemoryLane trace (wrong magic)",
	[TRACE_BAD_VERSION] = "the trace has a version that this program does not know",
	[TRACE_BAD_HEADER] = "the header contradicts itself",
	[TRACE_CUT_SHORT] = "the file is cut short here",
	[TRACE_BAD_NUMBER] = "a number has more than 64 bits",
	[TRACE_BAD_OP] = "unknown operation",
	[TRACE_BAD_SIZE] = "absurd size",
	[TRACE_BAD_ALIGNMENT] = "absurd alignment",
	[TRACE_BAD_THREAD] = "a thread that the header does not count",
	[TRACE_BAD_SITE] = "a call site that has no text, or too long a one",
	[TRACE_UNKNOWN_OBJECT] = "an object that was never allocated is named",
	[TRACE_DEAD_OBJECT] = "an object that is free already is named",
	[TRACE_TOO_LARGE] = "more bytes are live than an address space holds",
	[TRACE_BAD_COUNT] = "the records do not add up to the header's counts",
	[TRACE_NO_MEMORY] = "not enough memory to read it",
};

static int header_fault(struct trace_error *err, enum trace_fault fault,
			const char *detail)
{
	err->fault = fault;
	err->record = ~0ULL;
	err->offset = 0;
	snprintf(err->text, sizeof(err->text), "header at byte 0: %s%s%s",
		 sentence[fault], *detail ? ": " : "", detail);
	return fault == TRACE_NO_MEMORY ? -ENOMEM : -EINVAL;
}

static int record_fault(const struct trace *t, struct trace_error *err,
			enum trace_fault fault, const char *what, uint64_t number)
{
	err->fault = fault;
	err->record = t->record;
	err->offset = t->at;
	snprintf(err->text, sizeof(err->text),
		 "record %" PRIu64 " at byte %" PRIu64 ": %s (%s %" PRIu64 ")",
		 t->record, t->at, sentence[fault], what, number);
	return -EINVAL;
}

static void header_to_host(struct trace_header *h)
{
	h->version = le32toh(h->version);
	h->flags = le32toh(h->flags);
	h->record_bytes = le64toh(h->record_bytes);
	h->records = le64toh(h->records);
	h->objects = le64toh(h->objects);
	h->threads = le32toh(h->threads);
	h->command_length = le32toh(h->command_length);
	h->missed = le64toh(h->missed);
	h->peak_rss = le64toh(h->peak_rss);
}

/* A record that gives birth has two bytes at least, any other has two as well. */
static const char *contradiction(const struct trace_header *h)
{
	static const uint64_t zero[4];

	if (h->flags & ~TRACE_FLAGS)
		return "unknown flags";
	if (memcmp(h->reserved, zero, sizeof(zero)))
		return "reserved words are not 0";
	if (h->command_length > TRACE_COMMAND_MAX)
		return "the command is too long";
	if (h->record_bytes > SIZE_MAX / 2)
		return "more records than an address space holds";
	if (h->record_bytes && !h->threads)
		return "records of no thread";
	if (h->flags & TRACE_FINISHED && h->records > h->record_bytes / 2)
		return "more records than bytes for them";
	if (h->flags & TRACE_FINISHED && h->objects > h->records)
		return "more objects than records";
	return NULL;
}

uint64_t trace_length(const void *header)
{
	struct trace_header h;

	memcpy(&h, header, sizeof(h));
	header_to_host(&h);
	if (memcmp(h.magic, TRACE_MAGIC, sizeof(h.magic)) || contradiction(&h))
		return sizeof(h);
	return sizeof(h) + h.command_length + h.record_bytes;
}

static int read_header(struct trace *t, struct trace_error *err)
{
	const char *why;

	if (t->length < sizeof(t->header.magic))
		return header_fault(err, TRACE_CUT_SHORT, "");
	if (memcmp(t->data, TRACE_MAGIC, sizeof(t->header.magic)))
		return header_fault(err, TRACE_BAD_MAGIC, "");
	if (t->length < sizeof(t->header))
		return header_fault(err, TRACE_CUT_SHORT, "");
	memcpy(&t->header, t->data, sizeof(t->header));
	header_to_host(&t->header);
	if (t->header.version != TRACE_VERSION)
		return header_fault(err, TRACE_BAD_VERSION, "");
	why = contradiction(&t->header);
	if (why)
		return header_fault(err, TRACE_BAD_HEADER, why);
	if (t->length - sizeof(t->header) < t->header.command_length)
		return header_fault(err, TRACE_CUT_SHORT, "in the command");
	return 0;
}

int trace_open(struct trace *t, const void *data, uint64_t length,
	       struct trace_error *err)
{
	uint64_t there;
	int ret;

	memset(t, 0, sizeof(*t));
	t->data = data;
	t->length = length;
	ret = read_header(t, err);
	if (ret)
		return ret;
	t->command = (const char *)t->data + sizeof(t->header);
	t->first = sizeof(t->header) + t->header.command_length;
	there = length - t->first;
	if (there > t->header.record_bytes)
		there = t->header.record_bytes;
	t->end = t->first + there;
	t->unfinished = !(t->header.flags & TRACE_FINISHED);
	if (t->unfinished)
		t->header.records = t->header.objects = there / 2;
	t->capacity = t->header.objects;
	/* Where the file is cut short, one may be born that is not all there. */
	if (t->capacity > there / 2 + 1)
		t->capacity = there / 2 + 1;
	t->size = mmap(NULL, (t->capacity + 1) * sizeof(*t->size),
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->size == MAP_FAILED)
		return header_fault(err, TRACE_NO_MEMORY, "");
	trace_rewind(t);
	return 0;
}

void trace_close(struct trace *t)
{
	munmap(t->size, (t->capacity + 1) * sizeof(*t->size));
	t->size = NULL;
	free(t->site_text);
	t->site_text = NULL;
}

/* Keeps the pages of the table, so that a second pass takes no new memory. */
void trace_rewind(struct trace *t)
{
	memset(t->size, 0, t->born * sizeof(*t->size));
	t->at = t->first;
	t->record = 0;
	t->born = 0;
	t->named = 0;
	t->live_bytes = 0;
	t->thread = 0;
	t->site = 0;
	t->sites = 0;
}

const struct trace_site *trace_site(const struct trace *t, uint32_t site)
{
	return site && site <= t->sites ? &t->site_text[site - 1] : NULL;
}

bool trace_live(const struct trace *t, uint64_t object, uint64_t *size)
{
	if (object >= t->born || !t->size[object])
		return false;
	*size = t->size[object] - 1;
	return true;
}

/* One record while it is decoded. What is wrong with it stands in @number. */
struct decoder {
	const struct trace *t;
	uint64_t pos;
	struct trace_site text; /* of a new site; a known one has none */
	const char *what;
	uint64_t number;
};

static enum trace_fault complain(struct decoder *d, enum trace_fault fault,
				 const char *what, uint64_t number)
{
	d->what = what;
	d->number = number;
	return fault;
}

static enum trace_fault get(struct decoder *d, uint64_t *word)
{
	unsigned int shift;
	uint8_t byte;

	*word = 0;
	for (shift = 0; shift < 64; shift += 7) {
		if (d->pos == d->t->end)
			return complain(d, TRACE_CUT_SHORT, "the file ends at byte",
					d->t->end);
		byte = d->t->data[d->pos++];
		if (shift == 63 && byte > 1)
			break;
		*word |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return TRACE_GOOD;
	}
	return complain(d, TRACE_BAD_NUMBER, "it ends near byte", d->pos);
}

static enum trace_fault get_size(struct decoder *d, struct trace_record *r)
{
	enum trace_fault fault = get(d, &r->size);

	if (!fault && r->size > TRACE_SIZE_MAX)
		return complain(d, TRACE_BAD_SIZE, "bytes", r->size);
	return fault;
}

static enum trace_fault get_align(struct decoder *d, struct trace_record *r)
{
	uint64_t log2;
	enum trace_fault fault = get(d, &log2);

	if (fault)
		return fault;
	if (log2 > TRACE_ALIGN_LOG2_MAX)
		return complain(d, TRACE_BAD_ALIGNMENT, "two to the power of", log2);
	r->align = 1ULL << log2;
	return TRACE_GOOD;
}

static enum trace_fault get_object(struct decoder *d, struct trace_record *r)
{
	uint64_t word;
	enum trace_fault fault = get(d, &word);

	if (fault)
		return fault;
	/* Wraps like any unsigned sum; out of range is out of range. */
	r->object = d->t->named + (uint64_t)trace_unzigzag(word);
	if (r->object >= d->t->born)
		return complain(d, TRACE_UNKNOWN_OBJECT, "object", r->object);
	if (!d->t->size[r->object])
		return complain(d, TRACE_DEAD_OBJECT, "object", r->object);
	r->old_size = d->t->size[r->object] - 1;
	return TRACE_GOOD;
}

static enum trace_fault get_birth(struct decoder *d, struct trace_record *r)
{
	r->object = d->t->born;
	if (r->object >= d->t->capacity)
		return complain(d, TRACE_BAD_COUNT, "objects by the header",
				d->t->header.objects);
	return get_size(d, r);
}

static enum trace_fault get_thread(struct decoder *d, struct trace_record *r)
{
	uint64_t number;
	enum trace_fault fault = get(d, &number);

	if (fault)
		return fault;
	if (number >= d->t->header.threads)
		return complain(d, TRACE_BAD_THREAD, "thread", number);
	r->thread = (uint32_t)number;
	return TRACE_GOOD;
}

/* One that is new comes with its text. */
static enum trace_fault get_site(struct decoder *d, struct trace_record *r)
{
	uint64_t number, length;
	enum trace_fault fault = get(d, &number);

	if (fault)
		return fault;
	if (number > d->t->sites + 1ULL || number > TRACE_SITES_MAX)
		return complain(d, TRACE_BAD_SITE, "site", number);
	r->site = (uint32_t)number;
	if (number <= d->t->sites)
		return TRACE_GOOD;
	fault = get(d, &length);
	if (fault)
		return fault;
	if (!length || length > TRACE_SITE_TEXT)
		return complain(d, TRACE_BAD_SITE, "bytes of text", length);
	if (length > d->t->end - d->pos)
		return complain(d, TRACE_CUT_SHORT, "the file ends at byte", d->t->end);
	d->text = (struct trace_site){ (const char *)d->t->data + d->pos, (uint32_t)length };
	d->pos += length;
	return TRACE_GOOD;
}

static enum trace_fault decode(struct decoder *d, struct trace_record *r)
{
	enum trace_fault fault;
	uint8_t op;

	if (d->pos == d->t->end)
		return complain(d, TRACE_CUT_SHORT, "records by the header",
				d->t->header.records);
	op = d->t->data[d->pos++];
	r->op = op;
	switch (op) {
	case TRACE_MALLOC:
	case TRACE_CALLOC:
		return get_birth(d, r);
	case TRACE_ALIGNED:
		fault = get_align(d, r);
		return fault ? fault : get_birth(d, r);
	case TRACE_REALLOC:
		fault = get_object(d, r);
		return fault ? fault : get_size(d, r);
	case TRACE_FREE:
		fault = get_object(d, r);
		r->size = r->old_size;
		return fault;
	case TRACE_THREAD:
		return get_thread(d, r);
	case TRACE_SITE:
		return get_site(d, r);
	}
	return complain(d, TRACE_BAD_OP, "code", op);
}

static bool site_room(struct trace *t)
{
	uint32_t room = t->site_room ? 2 * t->site_room : 64;
	struct trace_site *more;

	if (t->sites < t->site_room)
		return true;
	more = realloc(t->site_text, room * sizeof(*more));
	if (!more)
		return false;
	t->site_text = more;
	t->site_room = room;
	return true;
}

/* The record is good: make its change. */
static void apply(struct trace *t, const struct trace_record *r, const struct decoder *d)
{
	t->at = d->pos;
	t->record++;
	if (r->op == TRACE_SITE) {
		if (d->text.length)
			t->site_text[t->sites++] = d->text;
		t->site = r->site;
		return;
	}
	if (r->op == TRACE_THREAD) {
		t->thread = r->thread;
		return;
	}
	t->named = r->object;
	t->live_bytes -= r->old_size;
	if (r->op == TRACE_FREE) {
		t->size[r->object] = 0;
		return;
	}
	t->live_bytes += r->size;
	t->size[r->object] = r->size + 1;
	if (r->op != TRACE_REALLOC)
		t->born++;
}

/* A recording that was never closed has no counts: it ends where its bytes end. */
static bool ended(const struct trace *t)
{
	if (t->unfinished)
		return t->at - t->first == t->header.record_bytes;
	return t->record == t->header.records;
}

static int at_end(const struct trace *t, struct trace_error *err)
{
	if (t->unfinished)
		return 0;
	if (t->born != t->header.objects)
		return record_fault(t, err, TRACE_BAD_COUNT,
				    "objects by the header", t->header.objects);
	if (t->at - t->first != t->header.record_bytes)
		return record_fault(t, err, TRACE_BAD_COUNT,
				    "bytes by the header", t->header.record_bytes);
	return 0;
}

int trace_next(struct trace *t, struct trace_record *r, struct trace_error *err)
{
	struct decoder d;
	enum trace_fault fault;

	do {
		if (ended(t))
			return at_end(t, err);
		d = (struct decoder){ .t = t, .pos = t->at };
		*r = (struct trace_record){ .thread = t->thread, .site = t->site };
		fault = decode(&d, r);
		if (!fault && d.text.length && !site_room(t))
			fault = complain(&d, TRACE_NO_MEMORY, "site", r->site);
		if (fault)
			return record_fault(t, err, fault, d.what, d.number);
		if (t->live_bytes - r->old_size + r->size > LIVE_MAX)
			return record_fault(t, err, TRACE_TOO_LARGE, "bytes",
					    t->live_bytes);
		apply(t, r, &d);
	} while (r->op == TRACE_THREAD || r->op == TRACE_SITE);
	return 1;
}

static void count_record(struct trace_summary *sum, const struct trace *t,
			 const struct trace_record *r)
{
	sum->calls[r->op]++;
	sum->total++;
	if (r->size > sum->largest)
		sum->largest = r->size;
	if (r->align > sum->alignment) {
		sum->alignment = r->align;
		sum->aligned_record = t->record - 1;
	}
}

int trace_scan(struct trace *t, struct trace_summary *sum, struct trace_error *err)
{
	struct trace_record r;
	uint64_t live = 0;
	int ret;

	memset(sum, 0, sizeof(*sum));
	while ((ret = trace_next(t, &r, err)) > 0) {
		count_record(sum, t, &r);
		live += r.op != TRACE_FREE && r.op != TRACE_REALLOC;
		live -= r.op == TRACE_FREE;
		if (live > sum->peak_objects)
			sum->peak_objects = live;
		if (t->live_bytes > sum->peak_bytes) {
			sum->peak_bytes = t->live_bytes;
			sum->peak_record = t->record - 1;
		}
	}
	if (ret)
		return ret;
	sum->live_bytes = t->live_bytes;
	sum->live_objects = live;
	sum->sites = t->sites;
	t->header.records = t->record;
	t->header.objects = t->born;
	trace_rewind(t);
	return 0;
}
