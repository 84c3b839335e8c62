// SPDX-License-Identifier: MIT
/* contract.c - what include/uapi/linux/memlane.h promises of each call, asserted */
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <string.h>

#include "contract.h"
#include "core/table.h"
#include "ktap.h"

static const int none[] = { 0 };
static const int of_create[] = { -EEXIST, -EDQUOT, -ENFILE, -EINTR, 0 };
static const int of_register[] = { -ENOSPC, -EINTR, 0 };
static const int of_alloc[] = { -ENOSPC, 0 };
static const int of_free[] = { -ESTALE, -EXDEV, -EBADF, -EBUSY, -EINTR, 0 };
static const int of_step[] = { -EINTR, -EAGAIN, 0 };
static const int of_cost[] = { -ESTALE, -EXDEV, -EBADF, -ENODATA, 0 };
static const int of_wait[] = { -EINTR, 0 };
static const int of_cool[] = { -EINTR, -ENXIO, 0 };
static const int of_backing[] = { -EBADF, -EBUSY, 0 };
static const int of_maker[] = { -EINTR, -EAGAIN, 0 };

#define AT(type, member)	offsetof(struct memlane_##type, member)
#define RULE(call, type)	.name = #call, .size = sizeof(struct memlane_##type)
/* Its struct was first published without @member and what follows. */
#define UP_TO(type, member)	.first = AT(type, member)

enum {
	CREATE, INFO, REGISTER, UNREGISTER, ALLOC, FREE, COMPACT, MIGRATE, QUERY, STAT,
	MAINTAIN, WAIT, SET, GET, REFILL, FLUSH, COST, BLOCKERS, VIEW, COOL, WARM,
	SET_BACKING,
};

/* A view has no struct, and no rule. */
const struct rule rules[RULES] = {
	{ RULE(CREATE, create), UP_TO(create, name), .reserved = AT(create, __reserved), .creates = true,
	  .flags = MEMLANE_CREATE_AGED | MEMLANE_CREATE_LONG,
	  .errors = of_create },
	{ RULE(INFO, info), UP_TO(info, out_id), .reserved = AT(info, __reserved), .reads = true,
	  .errors = none },
	{ RULE(REGISTER, register), .reserved = AT(register, __reserved), .errors = of_register },
	{ RULE(UNREGISTER, register), .reserved = AT(register, __reserved), .errors = of_wait,
	  .small = { { AT(register, slot), 4 } } },
	{ RULE(ALLOC, alloc), .flags = 7, .errors = of_alloc,
	  .array = { AT(alloc, handles) }, .length = AT(alloc, length),
	  .count = AT(alloc, count), .small = { { AT(alloc, lane), 2 } } },
	{ RULE(FREE, free), .flags = 1, .errors = of_free,
	  .array = { AT(free, handles) }, .count = AT(free, count) },
	{ RULE(COMPACT, compact), .flags = MEMLANE_ASYNC, .errors = of_step,
	  .length = AT(compact, hole),
	  .small = { { AT(compact, lanes), 4 }, { AT(compact, usage), 1001 } } },
	{ RULE(MIGRATE, migrate), .flags = MEMLANE_ASYNC | MEMLANE_MIGRATE_SETTLE | MEMLANE_MIGRATE_AWAY |
	  MEMLANE_MIGRATE_RESIZE,
	  .errors = of_step, .array = { AT(migrate, handles), AT(migrate, results) },
	  .count = AT(migrate, count), .small = { { AT(migrate, lane), 2 } } },
	{ RULE(QUERY, query), UP_TO(query, out_resident), .reads = true, .errors = none,
	  .handle = AT(query, handle) },
	{ RULE(STAT, stat), UP_TO(stat, out.lost), .reads = true, .errors = none },
	{ RULE(MAINTAIN, maintain), .errors = of_wait },
	{ RULE(WAIT, wait), .flags = MEMLANE_WAIT_MAKER, .errors = of_maker,
	  .handle = AT(wait, handle) },
	{ RULE(SET, set), .reserved = AT(set, __reserved), .errors = of_wait,
	  .small = { { AT(set, option), MEMLANE_OPTIONS } } },
	{ RULE(GET, set), .reserved = AT(set, __reserved), .reads = true, .errors = none,
	  .small = { { AT(set, option), MEMLANE_OPTIONS } } },
	{ RULE(REFILL, refill), .flags = 5, .reserved = AT(refill, __reserved),
	  .errors = of_alloc, .length = AT(refill, length), .count = AT(refill, count),
	  .small = { { AT(refill, lane), 2 }, { AT(refill, slot), 4 } } },
	{ RULE(FLUSH, flush), .reserved = AT(flush, __reserved), .errors = none,
	  .small = { { AT(flush, slot), 4 }, { AT(flush, lane), 2 },
		     { AT(flush, cls), ML_CLASSES } } },
	{ RULE(COST, cost), .reads = true, .errors = of_cost, .handle = AT(cost, handle),
	  .small = { { AT(cost, lane), 2 } } },
	{ RULE(BLOCKERS, blockers), .reads = true, .errors = of_wait,
	  .array = { AT(blockers, records) }, .count = AT(blockers, count) },
	[COOL] = { RULE(COOL, cool), .reserved = AT(cool, __reserved), .whole = true,
	  .flags = MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE | MEMLANE_COOL_STORE, .errors = of_cool,
	  .array = { AT(cool, handles) }, .count = AT(cool, count),
	  .small = { { AT(cool, lane), 3 }, { AT(cool, group), 9 } } },
	[WARM] = { RULE(WARM, cool), .flags = MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE | MEMLANE_ASYNC,
	  .reserved = AT(cool, __reserved), .whole = true, .errors = of_step,
	  .array = { AT(cool, handles) }, .count = AT(cool, count),
	  .small = { { AT(cool, lane), 3 }, { AT(cool, group), 9 } } },
	[SET_BACKING] = { RULE(SET_BACKING, set_backing), .errors = of_backing,
	  .reserved = AT(set_backing, __reserved) },
};

/* Any request, as it stands in user memory. */
union request {
	u32 head[2];	/* size, flags */
	struct memlane_info info;
	struct memlane_register reg;
	struct memlane_alloc alloc;
	struct memlane_free free;
	struct memlane_compact compact;
	struct memlane_migrate migrate;
	struct memlane_query query;
	struct memlane_stat stat;
	struct memlane_maintain maintain;
	struct memlane_refill refill;
	struct memlane_flush flush;
	struct memlane_cost cost;
	struct memlane_blockers blockers;
	struct memlane_cool cool;
};

static unsigned int number(const struct before *b)
{
	return b->rule - rules;
}

static union request request_in(const struct before *b, const u8 *user)
{
	union request r = { };
	u32 size = min(b->size, b->rule->size);

	if (fake_user_has(b->at, size))
		memcpy(&r, user + (b->at - USER_BASE), size);
	return r;
}

/* Nothing was said of the call that had to be said before it began? */
static int refusal(const struct before *b)
{
	const struct rule *rule = b->rule;
	u32 i;

	if (b->view)
		return !b->created ? -ENODEV : b->at ? -EOPNOTSUPP : -EMFILE;
	if (!rule)
		return -ENOTTY;
	if (!rule->reads && !b->writable)
		return -EACCES;
	if (!fake_user_has(b->at, sizeof(u32)))
		return -EFAULT;
	if (b->size < (rule->first ? rule->first : rule->size))
		return -EINVAL;
	if (b->size > 4096)
		return -E2BIG;
	if (!fake_user_has(b->at, min(b->size, rule->size)))
		return -EFAULT;
	for (i = rule->size; i < b->size; i++) {
		if (!fake_user_has(b->at + i, 1))
			return -EFAULT;
		if (b->user[b->at - USER_BASE + i])
			return -E2BIG;
	}
	return rule->creates || b->created ? 0 : -ENODEV;
}

static bool among(const int *errors, long ret)
{
	for (; *errors; errors++)
		if (*errors == ret)
			return true;
	return false;
}

static bool of_every_call(long ret)
{
	static const int errors[] = {
		-EINVAL, -E2BIG, -EOPNOTSUPP, -EFAULT, -ENOTTY, -ENODEV, -ENOMEM, -EACCES, 0,
	};

	return !ret || among(errors, ret);
}

/* Unknown bits may not pass. Which of two mistakes is told is open. */
static void reserved(const struct before *b, const union request *r, long ret)
{
	u32 word = 0;

	if (b->rule->reserved)
		memcpy(&word, (const u8 *)r + b->rule->reserved, sizeof(word));
	if (!word && !(r->head[1] & ~b->rule->flags))
		return;
	expect(ret == -EOPNOTSUPP || ret == -EINVAL || ret == -EFAULT || ret == -ENOMEM ||
	       ret == -EEXIST || ret == -EDQUOT || ret == -ENFILE || ret == -EINTR);
	expect(!b->calm || ret == -EOPNOTSUPP || ret == -EINVAL || ret == -EFAULT ||
	       ret == -EEXIST);
}

/* -------------------------------------------------------- what was written */

static void same(const struct before *b, u64 from, u64 to)
{
	expect(!memcmp(b->user + from, fake.user + from, to - from));
}

/* Between @from and @to nothing has changed but [at, at + len). Returns where that ends. */
static u64 same_up_to(const struct before *b, u64 from, u64 at, u64 len)
{
	u64 first = at - USER_BASE;

	if (at < USER_BASE || first >= USER_SIZE)
		return from;
	if (first > from)
		same(b, from, first);
	return max(from, min(first + len, (u64)USER_SIZE));
}

struct range {
	u64 at, len;
};

/* Only these ranges were written to. */
static void only(const struct before *b, struct range *range, unsigned int nr)
{
	u64 from = 0;
	unsigned int i, j;

	if (fake.scribble.hit)
		return;
	for (i = 0; i < nr; i++)
		for (j = i + 1; j < nr; j++)
			if (range[j].at < range[i].at)
				swap(range[i], range[j]);
	for (i = 0; i < nr; i++)
		from = same_up_to(b, from, range[i].at, range[i].len);
	same(b, from, USER_SIZE);
}

static void written(const struct before *b, const union request *was)
{
	struct range range[2] = { { b->at, min(b->size, b->rule->size) } };
	unsigned int nr = 2;

	switch (number(b)) {
	case ALLOC:
		range[1] = (struct range){ was->alloc.handles, was->alloc.count * 8ULL };
		break;
	case MIGRATE:
		range[1] = (struct range){ was->migrate.results, was->migrate.count * 4ULL };
		break;
	case BLOCKERS:
		range[1] = (struct range){
			was->blockers.records, min(was->blockers.count, 64U) * 48ULL,
		};
		break;
	default:
		nr = 1;
		break;
	}
	only(b, range, nr);
}

/* ---------------------------------------------------------------- the answers */

static bool class_is_good(u32 cls)
{
	return cls < ML_CLASSES || cls == MEMLANE_CLASS_BLOB;
}

/*
 * What stands at @at now is what the call put there: all of it exists, and neither the
 * request, which is written last, nor another thread came over it.
 */
static bool told(const struct before *b, u64 at, u64 len)
{
	return fake_user_has(at, len) && !fake.scribble.hit &&
	       (at + len <= b->at || b->at + b->rule->size <= at);
}

static void alloc_answer(const struct before *b, const struct fake_device *d,
			 const struct memlane_alloc *r)
{
	u64 handle;
	u32 i;

	expect(r->out_count && r->out_count <= r->count && r->count <= 4096);
	expect(r->out_lane < MEMLANE_LANES && class_is_good(r->out_class));
	expect(r->out_class != MEMLANE_CLASS_BLOB || r->out_count == 1);
	for (i = 0; i < r->out_count && told(b, r->handles, r->out_count * 8ULL); i++) {
		memcpy(&handle, fake.user + (r->handles + i * 8 - USER_BASE), 8);
		expect_eq(memlane_handle_cookie(handle), d->arena.core.cookie);
		expect(ml_index_bound(&d->arena.core, (u32)handle));
	}
}

static void step_answer(const struct memlane_step *s)
{
	expect(s->out_more <= 1);
	/* One object may go beyond it. */
	if (s->max_bytes && s->max_bytes < 1ULL << 40)
		expect(s->out_moved_bytes < s->max_bytes + MEMLANE_BLOCK_MAX);
}

static void migrate_answer(const struct before *b, const struct memlane_migrate *r)
{
	static const int good[] = {
		-ESTALE, -EXDEV, -EBADF, -EBUSY, -EAGAIN, -ENOSPC, -ENODATA, -ENOMEM, 0,
	};
	s32 result;
	u32 i;

	expect(r->count && r->count <= 1U << 20);
	expect(r->out_count <= r->count && r->out_failed <= r->out_count);
	if (r->flags & MEMLANE_ASYNC) {
		expect(!r->out_count && !r->results && r->count <= 4096);
		return;
	}
	expect(r->out_count == r->count || r->step.out_more);
	step_answer(&r->step);
	for (i = 0; i < r->out_count && told(b, r->results, r->out_count * 4ULL); i++) {
		memcpy(&result, fake.user + (r->results + i * 4 - USER_BASE), 4);
		expect(!result || among(good, result));
	}
}

static void query_answer(const struct memlane_query *r)
{
	bool away = r->out_state == MEMLANE_STATE_COMPRESSED ||
		    r->out_state == MEMLANE_STATE_STORED || r->out_state == MEMLANE_STATE_LOST;
	bool live = away || r->out_state == MEMLANE_STATE_LIVE ||
		    r->out_state == MEMLANE_STATE_MOVING || r->out_state == MEMLANE_STATE_PINNED;

	expect(r->out_state < MEMLANE_STATES && r->out_lane < MEMLANE_LANES);
	expect(r->out_heat < 16);
	if (live)
		expect(r->out_location && r->out_room && class_is_good(r->out_class));
	else
		expect(!r->out_location && !r->out_room && !r->out_pages);
	expect(!away || r->out_compressed || r->out_stored || r->out_lost);
	expect(live || !(r->out_resident | r->out_compressed | r->out_stored | r->out_lost));
}

static void cool_answer(const struct memlane_cool *r)
{
	expect(r->out_count <= r->count && r->out_more <= 1);
	if (r->flags & MEMLANE_ASYNC) {
		expect(!r->out_count && r->count && r->count <= 4096 && !r->max_ns);
		return;
	}
	expect(r->out_count == r->count || r->out_more);
	expect(r->flags & (MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE) || r->out_failed <= r->out_count);
	expect_eq(!r->out_failed, !r->out_error);
}

static void answer(const struct before *b, const struct fake_device *d, const union request *r)
{
	expect_eq(r->head[0], b->size);
	switch (number(b)) {
	case INFO:
		expect(r->info.out_version == MEMLANE_VERSION && r->info.out_threads);
		expect(r->info.out_page_size == 4096 && r->info.out_cookie == COOKIE);
		break;
	case REGISTER:
		expect(r->reg.slot < d->arena.core.slots.nr);
		break;
	case ALLOC:
		alloc_answer(b, d, &r->alloc);
		break;
	case FREE:
		expect_eq(r->free.out_count, r->free.count);
		break;
	case COMPACT:
		if (r->compact.flags & MEMLANE_ASYNC)
			break;	/* whether it was wrong is told when it is done */
		expect(r->compact.lanes <= 3);
		step_answer(&r->compact.step);
		break;
	case MIGRATE:
		migrate_answer(b, &r->migrate);
		break;
	case QUERY:
		query_answer(&r->query);
		break;
	case MAINTAIN:
		expect(r->maintain.step.out_more <= 1);
		break;
	case REFILL:
		expect(r->refill.out_count && r->refill.out_count <= r->refill.count);
		expect(r->refill.out_lane < MEMLANE_LANES && class_is_good(r->refill.out_class));
		expect(ml_index_bound(&d->arena.core, (u32)r->refill.out_handle));
		break;
	case FLUSH:
		expect(r->flush.out_count <= ML_MAG_SIZE);
		break;
	case COST:
		expect(r->cost.out_advised <= 1 && r->cost.out_heat < 16);
		expect(!r->cost.out_bytes || !r->cost.out_pages);
		break;
	case BLOCKERS:
		expect(r->blockers.out_count <= min(r->blockers.count, 64U));
		break;
	case COOL:
	case WARM:
		cool_answer(&r->cool);
		break;
	}
}

/* --------------------------------------------------------------- the arena */

/* What is bound, who is registered, what is queued: as far as the call changes it. */
static void state(const struct before *b, const struct fake_device *d, const union request *r,
		  long ret)
{
	const struct ml_arena *a = &d->arena.core;
	u32 bound = a->table.bound;

	expect_eq(d->arena.queue.nr, b->queued + (!ret && r->head[1] & MEMLANE_ASYNC));
	expect(d->arena.queue.nr <= d->arena.events.promised);
	expect(d->arena.events.promised <= MEMLANE_EVENTS);
	switch (number(b)) {
	case ALLOC:
		expect_eq(bound, b->bound + (ret ? 0 : r->alloc.out_count));
		break;
	case REFILL:
		expect(bound >= b->bound && (ret || bound == b->bound + r->refill.out_count));
		expect(!ret || ret == -EFAULT || bound == b->bound);
		break;
	case FREE:
		expect(bound <= b->bound && (ret || bound == b->bound - r->free.count));
		break;
	case FLUSH:
		expect(bound <= b->bound && (ret || bound == b->bound - r->flush.out_count));
		break;
	case REGISTER:
		expect(a->slots.used <= b->slots + !ret && bound <= b->bound);
		break;
	case UNREGISTER:
		expect(a->slots.used == b->slots - !ret || ret == -EFAULT);
		expect(bound <= b->bound);
		break;
	case MAINTAIN:
		expect(bound <= b->bound);
		break;
	default:
		expect(bound == b->bound && a->slots.used == b->slots);
		break;
	}
}

static void sound(const struct fake_device *d)
{
	char why[200];

	if (fake_device_created(d) && ml_check((struct ml_arena *)&d->arena.core, why, sizeof(why)))
		ktap_fail(__FILE__, __LINE__, "invariant %s", why);
}

void contract_before(struct before *b, const struct fake_device *d, unsigned int cmd,
		     unsigned long at)
{
	unsigned int nr = cmd - MEMLANE_IOCTL_CREATE;

	b->rule = nr < RULES && rules[nr].size ? &rules[nr] : NULL;
	b->view = cmd == MEMLANE_IOCTL_VIEW;
	b->at = at;
	b->calm = !fake.access.at && !fake.alloc.at && !fake.signal.at && !fake.scribble.at;
	b->writable = d->file.f_mode & FMODE_WRITE;
	b->created = fake_device_created(d);
	b->bound = d->arena.core.table.bound;
	b->slots = d->arena.core.slots.used;
	b->queued = d->arena.queue.nr;
	b->size = 0;
	if (fake_user_has(at, sizeof(u32)))
		memcpy(&b->size, fake.user + (at - USER_BASE), sizeof(u32));
	memcpy(b->user, fake.user, USER_SIZE);
}

void contract_after(const struct before *b, const struct fake_device *d, long ret)
{
	int refused = refusal(b);
	union request was, is;

	sound(d);
	if (refused && (b->calm || b->view)) {
		expect_eq(ret, refused);
		only(b, NULL, 0);
		return;
	}
	expect(of_every_call(ret) || among(b->rule->errors, ret));
	expect(!b->calm || (ret != -EDQUOT && ret != -ENFILE && ret != -ENOMEM));
	if (!b->rule || refused || fake.scribble.hit)
		return;
	was = request_in(b, b->user);
	is = request_in(b, fake.user);
	reserved(b, &was, ret);
	written(b, &was);
	if (!ret && b->size >= b->rule->size)
		answer(b, d, &is);
	if (b->created)
		state(b, d, &is, ret);
}

void contract_read(const struct before *b, const struct fake_device *d, unsigned long at,
		   size_t count, bool nonblock, long ret)
{
	const size_t record = sizeof(struct memlane_event);
	struct range range = { at, count };
	struct memlane_event event;
	long i;

	only(b, &range, 1);
	if (!b->created) {
		expect_eq(ret, -ENODEV);
		return;
	}
	if (ret < 0) {
		expect(ret == -EINVAL ? count < record : true);
		expect(ret == -EINVAL || ret == -EFAULT || ret == (nonblock ? -EAGAIN : -ERESTARTSYS));
		return;
	}
	expect(ret && ret % record == 0 && ret <= count);
	for (i = 0; i < ret && !fake.scribble.hit; i += record) {
		memcpy(&event, fake.user + (at + i - USER_BASE), record);
		expect_eq(event.size, record);
		expect(event.type >= MEMLANE_EVENT_DONE && event.type <= MEMLANE_EVENT_PURGED);
	}
}
