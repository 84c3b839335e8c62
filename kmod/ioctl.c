// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctl.c - system calls on an arena; the only file with user pointers
 *
 * The dispatcher copies the request in once, runs the command, copies the
 * request back, and lets the command take back what the program could not be
 * told of. Arrays are moved in pieces. No lock is held while user memory is
 * touched: it may be the arena's own.
 */
#include <linux/compat.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "device.h"
#include "core/piece.h"
#include "trace.h"

#define PIECE		512U		/* handles moved at a time */
#define MOST_ALLOCS	4096U
#define MOST_HANDLES	(1U << 20)

/**
 * struct call - one system call
 * @file: it is on
 * @arena: of the file; NULL: not created
 * @handles: kernel's copy of a part of the caller's array; freed at the end
 * @req: the request, by command
 */
struct call {
	struct file *file;
	struct memlane_arena *arena;
	u64 *handles;
	union {
		u32 size;
		struct memlane_create create;
		struct memlane_info info;
		struct memlane_register reg;
		struct memlane_alloc alloc;
		struct memlane_free free;
		struct memlane_compact compact;
		struct memlane_migrate migrate;
		struct memlane_query query;
		struct memlane_stat stat;
		struct memlane_maintain maintain;
		struct memlane_wait wait;
		struct memlane_set set;
		struct memlane_refill refill;
		struct memlane_flush flush;
		struct memlane_cost cost;
		struct memlane_blockers blockers;
		struct memlane_cool cool;
		struct memlane_set_backing backing;
	} req;
};

/**
 * struct command - how to serve an ioctl
 * @fn: does it
 * @undo: takes back what a successful @fn did, when the answer cannot be delivered
 * @first: size of the request as first published
 * @size: and as it is now
 * @flags: see below
 */
struct command {
	int (*fn)(struct call *call);
	void (*undo)(struct call *call);
	u16 first;
	u16 size;
	u32 flags;
};

#define CHANGES	1	/* needs a file opened for writing */
#define CREATES	2	/* needs no arena yet */

/* ---------------------------------------------------------------- arrays */

static int get_handles(u64 *to, u64 from, u32 at, u32 nr)
{
	const u64 __user *user = u64_to_user_ptr(from);

	return copy_from_user(to, user + at, nr * sizeof(*to)) ? -EFAULT : 0;
}

static int put_handles(u64 to, const u64 *from, u32 nr)
{
	return copy_to_user(u64_to_user_ptr(to), from, nr * sizeof(*from)) ? -EFAULT : 0;
}

static int put_results(u64 to, const s32 *from, u32 at, u32 nr)
{
	s32 __user *user = u64_to_user_ptr(to);

	return copy_to_user(user + at, from, nr * sizeof(*from)) ? -EFAULT : 0;
}

/* Between two pieces of long work. */
static int ioctl_breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* ----------------------------------------------------------------- alloc */

/* All pieces come from the lane that the first one came from. */
static int alloc_pieces(struct call *call)
{
	struct memlane_alloc *req = &call->req.alloc, piece = *req;
	u32 done = 0;
	int err;

	do {
		piece.count = min(req->count - done, PIECE);
		err = ml_alloc(&call->arena->core, &piece, call->handles + done);
		if (err)
			break;
		done += piece.out_count;
		piece.lane = piece.out_lane;
		piece.flags |= MEMLANE_ALLOC_NO_SPILL;
		piece.flags &= ~MEMLANE_ALLOC_MAY_MOVE;
	} while (piece.out_count == piece.count && done < req->count && !ioctl_breathe());
	req->out_count = done;
	req->out_lane = piece.out_lane;
	req->out_class = piece.out_class;
	return done ? 0 : err;
}

static void undo_alloc(struct call *call)
{
	ml_alloc_undo(&call->arena->core, call->handles, call->req.alloc.out_count);
	call->req.alloc.out_count = 0;
}

static int do_alloc(struct call *call)
{
	struct memlane_alloc *req = &call->req.alloc;
	int err;

	req->out_count = 0;
	if (!req->count || req->count > MOST_ALLOCS)
		return -EINVAL;
	call->handles = kvmalloc_array(req->count, sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!call->handles)
		return -ENOMEM;
	err = alloc_pieces(call);
	if (!err) {
		err = put_handles(req->handles, call->handles, req->out_count);
		if (err)
			undo_alloc(call);
	}
	trace_memlane_alloc(call->arena->id, req, err);
	return err;
}

/* -------------------------------------------------------- magazines */

/*
 * The slot stays the caller's for as long as the caller is here, unless its own process
 * gives it back meanwhile: then the stock goes where a program may write anyway.
 */
static int do_refill(struct call *call)
{
	struct memlane_refill *req = &call->req.refill;
	int err;

	if (!memlane_owner_is_current(&call->arena->owners, req->slot))
		return -EINVAL;
	err = ml_refill(&call->arena->core, req);
	trace_memlane_refill(call->arena->id, req, err);
	return err;
}

static int do_flush(struct call *call)
{
	struct memlane_flush *req = &call->req.flush;
	int err;

	if (!memlane_owner_is_current(&call->arena->owners, req->slot))
		return -EINVAL;
	err = ml_flush(&call->arena->core, req);
	trace_memlane_flush(call->arena->id, req, err);
	return err;
}

/* A magazine shows what is in it. A blob in hand would be forgotten. */
static void undo_refill(struct call *call)
{
	const struct memlane_refill *req = &call->req.refill;
	struct memlane_flush flush = {
		.size = sizeof(flush), .slot = req->slot,
		.lane = req->out_lane, .cls = req->out_class,
	};

	if (req->out_class == MEMLANE_CLASS_BLOB)
		ml_flush(&call->arena->core, &flush);
}

/* ------------------------------------------------------------------ free */

static int free_pieces(struct call *call)
{
	struct memlane_free *req = &call->req.free, piece = *req;
	int err;

	do {
		piece.count = min(req->count - req->out_count, PIECE);
		err = get_handles(call->handles, req->handles, req->out_count, piece.count);
		if (err)
			break;
		err = ml_free(&call->arena->core, &piece, call->handles);
		req->out_count += piece.out_count;
		if (!err && req->out_count < req->count)
			err = ioctl_breathe();
	} while (!err && req->out_count < req->count);
	return err;
}

static int do_free(struct call *call)
{
	struct memlane_free *req = &call->req.free;
	int err;

	req->out_count = 0;
	if (!req->count || req->count > MOST_HANDLES)
		return -EINVAL;
	call->handles = kmalloc_array(min(req->count, PIECE), sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!call->handles)
		return -ENOMEM;
	err = free_pieces(call);
	trace_memlane_free(call->arena->id, req, err);
	return err;
}

/* --------------------------------------------------------------- migrate */

static int migrate_piece(struct call *call, struct memlane_migrate *piece, s32 *results)
{
	struct memlane_migrate *req = &call->req.migrate;
	int err;

	err = get_handles(call->handles, req->handles, req->out_count, piece->count);
	if (err)
		return err;
	piece->out_count = 0;
	piece->out_failed = 0;
	err = ml_migrate(&call->arena->core, piece, call->handles, results);
	if (req->results && put_results(req->results, results, req->out_count, piece->out_count))
		err = -EFAULT;
	req->out_count += piece->out_count;
	req->out_failed += piece->out_failed;
	ml_piece_add(&req->step, &piece->step);
	return err;
}

static int migrate_pieces(struct call *call, s32 *results)
{
	struct memlane_migrate *req = &call->req.migrate, piece = *req;
	int err;

	do {
		if (!ml_piece_limits(&req->step, &piece.step)) {
			req->step.out_more = 1;
			return 0;
		}
		piece.count = min(req->count - req->out_count, PIECE);
		err = migrate_piece(call, &piece, results);
		if (!err && req->out_count < req->count)
			err = ioctl_breathe();
	} while (!err && !req->step.out_more && req->out_count < req->count);
	return err;
}

/* For the background; the request is whole once this returns. Without success the job is gone. */
static int queue_job(struct call *call, struct memlane_job *job, u64 handles, u32 nr)
{
	int err = nr ? get_handles(job->handles, handles, 0, nr) : 0;

	if (!err)
		err = memlane_queue_add(call->arena, job);
	if (err)
		memlane_job_free(call->arena, job);
	return err;
}

static int queue_migrate(struct call *call)
{
	struct memlane_migrate *req = &call->req.migrate;
	struct memlane_job *job;

	if (req->count > MOST_ALLOCS || req->results)
		return -EINVAL;
	if (req->flags & ~(MEMLANE_ASYNC | MEMLANE_MIGRATE_SETTLE | MEMLANE_MIGRATE_AWAY))
		return -EOPNOTSUPP;
	job = memlane_job_new(call->arena, req->count);
	if (!job)
		return -ENOMEM;
	ml_job_migrate(&job->call, req);
	return queue_job(call, job, req->handles, req->count);
}

static int do_migrate(struct call *call)
{
	struct memlane_migrate *req = &call->req.migrate;
	u32 nr = min(req->count, PIECE);
	s32 *results;
	int err;

	req->out_count = 0;
	req->out_failed = 0;
	req->step = (struct memlane_step) {
		.max_bytes = req->step.max_bytes, .max_ns = req->step.max_ns,
	};
	if (!req->count || req->count > MOST_HANDLES)
		return -EINVAL;
	if (req->flags & MEMLANE_ASYNC)
		return queue_migrate(call);
	call->handles = kmalloc_array(nr, sizeof(u64) + sizeof(s32), GFP_KERNEL_ACCOUNT);
	if (!call->handles)
		return -ENOMEM;
	results = (s32 *)(call->handles + nr);
	err = migrate_pieces(call, results);
	trace_memlane_migrate(call->arena->id, &req->step, err);
	return err;
}

/* ------------------------------------------------------------- cool, warm */

typedef int (*cool_fn)(struct ml_arena *core, struct memlane_cool *req, const u64 *handles);

static int cool_pieces(struct call *call, cool_fn fn)
{
	struct memlane_cool *req = &call->req.cool, piece = *req;
	u64 begun = call->arena->core.ops->now(), took;
	int err;

	do {
		piece.count = min(req->count - req->out_count, PIECE);
		err = get_handles(call->handles, req->handles, req->out_count, piece.count);
		if (err)
			break;
		err = fn(&call->arena->core, &piece, call->handles);
		ml_cool_add(req, &piece);
		took = call->arena->core.ops->now() - begun;
		if (req->max_ns)
			piece.max_ns = req->max_ns - min(took, req->max_ns - 1);
		if (!err && req->out_count < req->count)
			err = ioctl_breathe();
	} while (!err && !req->out_more && req->out_count < req->count);
	return err;
}

static int cool_handles(struct call *call, cool_fn fn)
{
	struct memlane_cool *req = &call->req.cool;

	if (!req->count || req->count > MOST_HANDLES)
		return -EINVAL;
	call->handles = kmalloc_array(min(req->count, PIECE), sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!call->handles)
		return -ENOMEM;
	return cool_pieces(call, fn);
}

static int cool(struct call *call, cool_fn fn)
{
	struct memlane_cool *req = &call->req.cool;

	ml_cool_begin(req);
	if (req->flags & (MEMLANE_COOL_GROUP | MEMLANE_COOL_LANE))
		return fn(&call->arena->core, req, NULL);
	return cool_handles(call, fn);
}

static int do_cool(struct call *call)
{
	return cool(call, ml_cool);
}

static int queue_warm(struct call *call)
{
	struct memlane_cool *req = &call->req.cool;
	struct memlane_job *job;
	int err = ml_job_check_warm(req);

	if (err)
		return err;
	job = memlane_job_new(call->arena, req->count);
	if (!job)
		return -ENOMEM;
	ml_job_warm(&job->call, req);
	return queue_job(call, job, req->handles, req->count);
}

static int do_warm(struct call *call)
{
	struct memlane_cool *req = &call->req.cool;

	if (!(req->flags & MEMLANE_ASYNC))
		return cool(call, ml_warm);
	ml_cool_begin(req);
	return queue_warm(call);
}

/* ------------------------------------------------------------- the others */

static int do_create(struct call *call)
{
	return memlane_arena_create(call->file, &call->req.create);
}

static int do_info(struct call *call)
{
	int err = ml_info(&call->arena->core, &call->req.info);

	call->req.info.out_id = call->arena->id;
	return err;
}

static int do_register(struct call *call)
{
	return memlane_register(call->arena, &call->req.reg);
}

static int do_unregister(struct call *call)
{
	return memlane_unregister(call->arena, &call->req.reg);
}

static void undo_register(struct call *call)
{
	memlane_unregister(call->arena, &call->req.reg);
}

static int queue_compact(struct call *call)
{
	struct memlane_compact *req = &call->req.compact;
	struct memlane_job *job;

	if (req->flags & ~MEMLANE_ASYNC)
		return -EOPNOTSUPP;
	job = memlane_job_new(call->arena, 0);
	if (!job)
		return -ENOMEM;
	ml_job_compact(&job->call, req);
	return queue_job(call, job, 0, 0);
}

static int do_compact(struct call *call)
{
	struct memlane_compact *req = &call->req.compact;
	int err;

	if (req->flags & MEMLANE_ASYNC)
		return queue_compact(call);
	err = ml_compact(&call->arena->core, req);
	trace_memlane_compact(call->arena->id, &req->step, err);
	return err;
}

static int do_query(struct call *call)
{
	return ml_query(&call->arena->core, &call->req.query);
}

static int do_cost(struct call *call)
{
	return ml_cost(&call->arena->core, &call->req.cost);
}

static int do_blockers(struct call *call)
{
	struct memlane_blockers *req = &call->req.blockers;
	u32 room = min_t(u32, req->count, MEMLANE_BLOCKERS);
	struct memlane_blocker *records;
	int err;

	req->out_count = 0;
	records = kcalloc(room, sizeof(*records), GFP_KERNEL_ACCOUNT);
	if (!records)
		return -ENOMEM;
	err = ml_blockers(&call->arena->core, req, records);
	if (copy_to_user(u64_to_user_ptr(req->records), records,
			 req->out_count * sizeof(*records)))
		err = -EFAULT;
	kfree(records);
	return err;
}

static int do_stat(struct call *call)
{
	return ml_stat(&call->arena->core, &call->req.stat);
}

static int do_maintain(struct call *call)
{
	struct memlane_maintain *req = &call->req.maintain;
	int err = ml_maintain(&call->arena->core, req);

	trace_memlane_maintain(call->arena->id, &req->step, err);
	return err;
}

static int do_wait(struct call *call)
{
	return ml_wait(&call->arena->core, &call->req.wait);
}

static int do_get(struct call *call)
{
	return ml_get(&call->arena->core, &call->req.set);
}

static int do_set(struct call *call)
{
	return memlane_arena_set(call->arena, &call->req.set);
}

static int do_set_backing(struct call *call)
{
	return memlane_arena_set_backing(call->arena, &call->req.backing);
}

/* -------------------------------------------------------------- dispatcher */

/* With the last member that each struct had when it was first published. */
#define COMMAND(name, run, take_back, type, last, what)		\
	[MEMLANE_CMD_##name - MEMLANE_CMD_CREATE] = {		\
		.fn = run, .undo = take_back,				\
		.first = offsetofend(struct type, last),		\
		.size = sizeof(struct type), .flags = what }

static const struct command commands[] = {
	COMMAND(CREATE, do_create, NULL, memlane_create, __reserved, CREATES | CHANGES),
	COMMAND(INFO, do_info, NULL, memlane_info, out_region, 0),
	COMMAND(REGISTER, do_register, undo_register, memlane_register, __reserved, CHANGES),
	COMMAND(UNREGISTER, do_unregister, NULL, memlane_register, __reserved, CHANGES),
	COMMAND(ALLOC, do_alloc, undo_alloc, memlane_alloc, out_class, CHANGES),
	COMMAND(FREE, do_free, NULL, memlane_free, handles, CHANGES),
	COMMAND(COMPACT, do_compact, NULL, memlane_compact, token, CHANGES),
	COMMAND(MIGRATE, do_migrate, NULL, memlane_migrate, length, CHANGES),
	COMMAND(QUERY, do_query, NULL, memlane_query, out_pages, 0),
	COMMAND(COOL, do_cool, NULL, memlane_cool, token, CHANGES),
	COMMAND(WARM, do_warm, NULL, memlane_cool, token, CHANGES),
	COMMAND(SET_BACKING, do_set_backing, NULL, memlane_set_backing, out_max, CHANGES),
	COMMAND(STAT, do_stat, NULL, memlane_stat, out.gone_waits, 0),
	COMMAND(MAINTAIN, do_maintain, NULL, memlane_maintain, step.out_more, CHANGES),
	COMMAND(WAIT, do_wait, NULL, memlane_wait, handle, CHANGES),
	COMMAND(SET, do_set, NULL, memlane_set, value, CHANGES),
	COMMAND(GET, do_get, NULL, memlane_set, value, 0),
	COMMAND(REFILL, do_refill, undo_refill, memlane_refill, out_handle, CHANGES),
	COMMAND(FLUSH, do_flush, NULL, memlane_flush, __reserved, CHANGES),
	COMMAND(COST, do_cost, NULL, memlane_cost, out_advised, 0),
	COMMAND(BLOCKERS, do_blockers, NULL, memlane_blockers, records, 0),
};

static const struct command *command_of(unsigned int cmd)
{
	unsigned int i = cmd - MEMLANE_IOCTL_CREATE;

	if (i >= ARRAY_SIZE(commands))
		return NULL;
	return &commands[array_index_nospec(i, ARRAY_SIZE(commands))];
}

/* Size members beyond a page are a mistake, not a later version. */
static int ioctl_fetch(struct call *call, const struct command *command, void __user *user)
{
	u32 size;
	int err;

	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < command->first)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&call->req, command->size, user, size);
	call->req.size = size;	/* what was checked, whatever is there now */
	return err;
}

static int ioctl_reply(const struct call *call, const struct command *command, void __user *user)
{
	return copy_to_user(user, &call->req, min_t(u32, call->req.size, command->size)) ?
	       -EFAULT : 0;
}

static int ioctl_serve(struct call *call, const struct command *command, void __user *user)
{
	int err = command->fn(call);

	if (ioctl_reply(call, command, user)) {
		if (!err && command->undo)
			command->undo(call);
		err = -EFAULT;
	}
	kvfree(call->handles);
	if (call->arena && command->flags & CHANGES)
		memlane_worker_stir(call->arena);
	return err;
}

/**
 * memlane_ioctl - a call on an arena
 * @file: of the arena
 * @cmd: MEMLANE_IOCTL_*
 * @arg: address of the request
 *
 * Return: 0, a descriptor, or -errno, as memlane.h says.
 */
long memlane_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct command *command = command_of(cmd);
	void __user *user = (void __user *)arg;
	struct call call = { .file = file, .arena = memlane_arena_of_file(file) };
	int err;

	if (!command && cmd != MEMLANE_IOCTL_VIEW)
		return -ENOTTY;
	if (call.arena)
		atomic64_inc(&call.arena->ioctls);
	if (cmd == MEMLANE_IOCTL_VIEW)
		return call.arena ? memlane_view(call.arena, arg) : -ENODEV;
	if (command->flags & CHANGES && !(file->f_mode & FMODE_WRITE))
		return -EACCES;
	err = ioctl_fetch(&call, command, user);
	if (err)
		return err;
	if (!(command->flags & CREATES) && !call.arena)
		return -ENODEV;
	if (call.arena && READ_ONCE(call.arena->orphaned))
		return -EOWNERDEAD;
	return ioctl_serve(&call, command, user);
}

/* The events that there are, as far as they fit. */
static ssize_t read_events(struct memlane_events *events, struct iov_iter *to)
{
	struct memlane_event event;
	ssize_t done = 0;

	while (iov_iter_count(to) >= sizeof(event) && memlane_event_take(events, &event)) {
		if (copy_to_iter(&event, sizeof(event), to) != sizeof(event)) {
			memlane_event_return(events, &event);
			return done ? done : -EFAULT;
		}
		if (event.type == MEMLANE_EVENT_DONE)
			memlane_event_keep(events);
		done += sizeof(event);
	}
	return done;
}

/**
 * memlane_read_iter - read events of an arena
 * @iocb: of the arena's file
 * @to: where to
 *
 * Return: bytes, in whole records; -ENODEV not created; -EINVAL: no room for one; -EAGAIN: none, and
 * the caller does not wait; -ERESTARTSYS; -EFAULT.
 */
ssize_t memlane_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct memlane_arena *arena = memlane_arena_of_file(iocb->ki_filp);
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	ssize_t done = 0;

	if (!arena)
		return -ENODEV;
	if (iov_iter_count(to) < sizeof(struct memlane_event))
		return -EINVAL;
	while (!done) {
		done = memlane_event_wait(&arena->events, nonblock);
		if (!done)
			done = read_events(&arena->events, to);
	}
	return done;
}
