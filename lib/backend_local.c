// SPDX-License-Identifier: MIT
/*
 * backend_local.c - the engine inside the process
 *
 * The same engine as the module's, on memory files: one for each lane, mapped
 * side by side, so that a page that is given back is gone, and the system knows
 * how many there are. Shared regions are plain memory. What the kernel does for
 * the module is done here by membarrier(), by a thread that runs the maintenance
 * cycle, and by asking whether a thread still exists.
 *
 * Locks: local.lock for the thread alone, never held while the engine is called;
 * the engine's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/minmax.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "core.h"
#include "event.h"

#define NSEC	    1000000000ULL
#define CYCLE_NS    2000000 /* of the background cycle: one step */
#define CYCLE_BYTES (4U << 20)
#define SHORTEST    1000000 /* an interval shorter than this is this */
#define LONGEST	    (1ULL << 62)
#define OPEN_PAGES  64 /* of a region, at a time */
#define JOB_HANDLES 4096

/* Since Linux 6.3 */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/**
 * struct job - a call that the arena's thread carries out
 * @next: the one after it
 * @is_migrate: which of @req
 * @req: as the program gave it
 * @handles: of MIGRATE, copied
 */
struct job {
	struct job *next;
	bool is_migrate;
	union {
		struct memlane_migrate migrate;
		struct memlane_compact compact;
	} req;
	u64 handles[];
};

/**
 * struct local - an arena of this process
 * @core: the engine; it has its own locks
 * @info: layout, immutable
 * @region: where shared regions are, immutable once made
 * @open: pages of each from the start that may be written; core.grow
 * @data: the data area, immutable
 * @fd: memory file of each lane, immutable
 * @tid: thread of each slot, or 0; atomic
 * @calls: made by the program; atomic
 * @metadata: bytes that zalloc() and share() gave; atomic
 * @made: indices below have their words in the engine's sight; atomic, only grows
 * @there: first and end of pages that populate() made last, none of which were
 *	given back since; core.lock
 * @events: they have a lock of their own
 * @lock: protects the rest
 * @wake: a change of the rest
 * @interval: ns between cycles
 * @paced: it was changed, which the thread has not seen yet
 * @stop: the thread is to end
 * @running: there is a thread
 * @jobs: the first that waits
 * @last_job: where the next goes
 * @thread: runs the maintenance cycle
 */
struct local {
	struct ml_arena core;
	struct memlane_info info;
	void *region[MEMLANE_REGIONS];
	u64 open[MEMLANE_REGIONS];
	unsigned char *data;
	int fd[MEMLANE_LANES];
	pid_t *tid;
	uint64_t calls;
	uint64_t metadata;
	uint32_t made;
	u64 there[2];
	struct events events;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t interval;
	bool paced;
	bool stop;
	bool running;
	struct job *jobs;
	struct job **last_job;
	pthread_t thread;
};

static struct local *local_of(struct ml_arena *a)
{
	return container_of(a, struct local, core);
}

/* ----------------------------------------------- what the engine needs ---- */

static void *zalloc(struct ml_arena *a, size_t size)
{
	void *p = calloc(1, size);

	if (p)
		__atomic_add_fetch(&local_of(a)->metadata, size, __ATOMIC_RELAXED);
	return p;
}

static void zfree(struct ml_arena *a, void *p, size_t size)
{
	if (p)
		__atomic_sub_fetch(&local_of(a)->metadata, size, __ATOMIC_RELAXED);
	free(p);
}

/*
 * Where the system promises no more memory than it has, it counts what may be written:
 * a region is opened as it comes into use.
 */
static int open_pages(struct local *l, unsigned int region, u64 end)
{
	const u64 most = ml_pages(l->info.out_region[region].length);
	u64 first = l->open[region];
	char *at = l->region[region];

	if (end <= first)
		return 0;
	end = (end + OPEN_PAGES - 1) & ~(u64)(OPEN_PAGES - 1);
	if (end > most)
		end = most;
	if (mprotect(at + (first << ML_PAGE_SHIFT), (end - first) << ML_PAGE_SHIFT,
		     PROT_READ | PROT_WRITE))
		return -ENOMEM;
	l->open[region] = end;
	return 0;
}

static void *share(struct ml_arena *a, unsigned int region, u64 page)
{
	struct local *l = local_of(a);

	if (open_pages(l, region, page + 1))
		return NULL;
	__atomic_add_fetch(&l->metadata, ML_PAGE_SIZE, __ATOMIC_RELAXED);
	return (char *)l->region[region] + (page << ML_PAGE_SHIFT);
}

/* The file of a page, and where it is in there. */
static int file_at(struct local *l, u64 page, off_t *offset)
{
	u64 slow = l->core.lane[MEMLANE_SLOW].first;

	*offset = (page < slow ? page : page - slow) << ML_PAGE_SHIFT;
	return l->fd[page < slow ? MEMLANE_FAST : MEMLANE_SLOW];
}

static int commit(struct ml_arena *a, u64 page, u64 nr)
{
	return 0;
}

/* A signal undoes what has been made so far: it has to wait. */
static int allocate_undisturbed(int fd, off_t offset, off_t length)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	do {
		err = fallocate(fd, 0, offset, length) ? -errno : 0;
	} while (err == -EINTR);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return err;
}

static int allocate(int fd, off_t offset, off_t length)
{
	if (!fallocate(fd, 0, offset, length))
		return 0;
	return errno == EINTR ? allocate_undisturbed(fd, offset, length) : -errno;
}

/* Objects of one page come one after the other: it is made once. */
static int populate(struct ml_arena *a, u64 page, u64 nr)
{
	u64 *there = local_of(a)->there;
	off_t offset;
	int fd = file_at(local_of(a), page, &offset);

	if (page >= there[0] && page + nr <= there[1])
		return 0;
	if (allocate(fd, offset, nr << ML_PAGE_SHIFT))
		return -ENOMEM;
	if (page < there[0] || page > there[1])
		there[0] = page;
	there[1] = page + nr;
	return 0;
}

/* The next piece of data from @from on, before @end; false: there is none. */
static bool next_data(int fd, off_t *from, off_t *to, off_t end)
{
	*from = lseek(fd, *from, SEEK_DATA);
	if (*from < 0 || *from >= end)
		return false;
	*to = lseek(fd, *from, SEEK_HOLE);
	if (*to < 0 || *to > end)
		*to = end;
	return true;
}

/* Pages that exist in a part of a file. */
static u64 data_pages(int fd, off_t offset, off_t end)
{
	off_t from, to;
	u64 bytes = 0;

	for (from = offset; next_data(fd, &from, &to, end); from = to)
		bytes += to - from;
	return bytes >> ML_PAGE_SHIFT;
}

static u64 file_pages(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : (u64)st.st_blocks * 512 >> ML_PAGE_SHIFT;
}

static u64 resident(struct ml_arena *a, u64 page, u64 nr)
{
	const struct ml_lane *lane;
	off_t offset;
	int fd = file_at(local_of(a), page, &offset);

	for (lane = a->lane; lane < a->lane + MEMLANE_LANES; lane++)
		if (page == lane->first && page + nr == lane->end)
			return file_pages(fd);
	return data_pages(fd, offset, offset + (nr << ML_PAGE_SHIFT));
}

static u64 decommit(struct ml_arena *a, u64 page, u64 nr)
{
	struct local *l = local_of(a);
	u64 was = resident(a, page, nr);
	off_t offset;
	int fd = file_at(l, page, &offset);

	if (page < l->there[1] && page + nr > l->there[0])
		l->there[1] = l->there[0];
	if (was && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			     nr << ML_PAGE_SHIFT))
		return 0;
	return was;
}

static void copy(struct ml_arena *a, u64 to, u64 from, size_t len)
{
	memcpy(local_of(a)->data + to, local_of(a)->data + from, len);
}

/*
 * Pages cannot change files, so what exists is copied; what was never touched
 * stays nothing. This is why MEMLANE_CAP_REMAP is not claimed.
 */
static void remap(struct ml_arena *a, u64 to, u64 from, u64 nr)
{
	unsigned char *data = local_of(a)->data;
	off_t start, first, last;
	int fd = file_at(local_of(a), from, &start);

	for (first = start; next_data(fd, &first, &last, start + (nr << ML_PAGE_SHIFT)); first = last)
		memcpy(data + (to << ML_PAGE_SHIFT) + (first - start),
		       data + (from << ML_PAGE_SHIFT) + (first - start), last - first);
}

/* Nobody but the program itself has these pages. */
static bool held(struct ml_arena *a, u64 page, u64 nr)
{
	return false;
}

static int membarrier(int cmd)
{
	return syscall(SYS_membarrier, cmd, 0, 0) < 0 ? -errno : 0;
}

/*
 * Threads of this process alone use the arena. Registered at open; it fails only
 * where a filter of system calls was set up since, and then nothing moves. Pairs with
 * the plain store of memlane_enter() and the loads behind it.
 */
static int sync_cores(struct ml_arena *a)
{
	return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

/* Fatal signals do not wait for a system call to end. */
static int nap(struct ml_arena *a, u64 ns)
{
	const struct timespec t = { .tv_sec = ns / NSEC, .tv_nsec = ns % NSEC };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	return 0;
}

/* The thread that runs cycles is to end; nobody else is in a call then. */
static bool hurry(struct ml_arena *a)
{
	return __atomic_load_n(&local_of(a)->stop, __ATOMIC_RELAXED);
}

static bool slot_gone(struct ml_arena *a, unsigned int slot)
{
	pid_t tid = __atomic_load_n(&local_of(a)->tid[slot], __ATOMIC_ACQUIRE);

	return tid && syscall(SYS_tgkill, getpid(), tid, 0) && errno == ESRCH;
}

static void slot_done(struct ml_arena *a, unsigned int slot)
{
	__atomic_store_n(&local_of(a)->tid[slot], 0, __ATOMIC_RELEASE);
}

static void event(struct ml_arena *a, unsigned int type, unsigned int lane, u64 value)
{
	struct memlane_event ev = { .type = type, .lane = lane, .value = value };

	events_put(&local_of(a)->events, &ev);
}

static u64 metadata(struct ml_arena *a)
{
	a->count.ioctls = __atomic_load_n(&local_of(a)->calls, __ATOMIC_RELAXED);
	return __atomic_load_n(&local_of(a)->metadata, __ATOMIC_RELAXED);
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

static const struct ml_ops local_ops = {
	.zalloc = zalloc,
	.zfree = zfree,
	.share = share,
	.commit = commit,
	.populate = populate,
	.decommit = decommit,
	.copy = copy,
	.remap = remap,
	.remap_copies = true,
	.held = held,
	.resident = resident,
	.sync_cores = sync_cores,
	.pause = nap,
	.hurry = hurry,
	.slot_gone = slot_gone,
	.slot_done = slot_done,
	.event = event,
	.metadata = metadata,
	.now = now,
};

/* ---------------------------------------------------- queued calls ---- */

static int run_migrate(struct local *l, struct job *job, struct memlane_event *ev)
{
	struct memlane_migrate *req = &job->req.migrate;
	int err = ml_migrate(&l->core, req, job->handles, NULL);

	ev->token = req->token;
	ev->value = req->step.out_moved + req->step.out_remapped;
	ev->step = req->step;
	ev->failed = req->out_failed + (req->count - req->out_count);
	return err;
}

static int run_compact(struct local *l, struct job *job, struct memlane_event *ev)
{
	struct memlane_compact *req = &job->req.compact;
	int err = ml_compact(&l->core, req);

	ev->token = req->token;
	ev->value = req->step.out_moved + req->step.out_remapped;
	ev->step = req->step;
	return err;
}

static struct job *take_job(struct local *l)
{
	struct job *job = l->jobs;

	if (!job)
		return NULL;
	l->jobs = job->next;
	if (!l->jobs)
		l->last_job = &l->jobs;
	return job;
}

/* One job, and the event of its end; local.lock is dropped meanwhile. */
static void run_job(struct local *l)
{
	struct memlane_event ev = { .type = MEMLANE_EVENT_DONE };
	struct job *job = take_job(l);

	if (!job)
		return;
	pthread_mutex_unlock(&l->lock);
	ev.result = job->is_migrate ? run_migrate(l, job, &ev) : run_compact(l, job, &ev);
	events_put(&l->events, &ev);
	free(job);
	pthread_mutex_lock(&l->lock);
}

/* Nobody waits for these any more. */
static void drop_jobs(struct local *l)
{
	struct job *job;

	while ((job = take_job(l)))
		free(job);
}

/* ------------------------------------------------- maintenance thread ---- */

/* Wait until @due, or until something has changed; true: @due has come. 0: never. */
static bool wait_until(struct local *l, uint64_t due)
{
	struct timespec t = { .tv_sec = due / NSEC, .tv_nsec = due % NSEC };

	if (due)
		return pthread_cond_timedwait(&l->wake, &l->lock, &t) == ETIMEDOUT;
	pthread_cond_wait(&l->wake, &l->lock);
	return false;
}

/* The same, but with jobs waiting there is no time for that. */
static bool is_due(struct local *l, uint64_t due)
{
	if (!l->jobs)
		return wait_until(l, due);
	return due && now() >= due;
}

/* After a cycle that was cut short comes a rest, then another; else the interval. */
static uint64_t run(struct local *l, struct ml_tended *last)
{
	struct memlane_step step = { .max_bytes = CYCLE_BYTES, .max_ns = CYCLE_NS };
	uint64_t next = now();

	pthread_mutex_unlock(&l->lock);
	ml_tend(&l->core, &step, last);
	pthread_mutex_lock(&l->lock);
	if (!l->interval)
		return 0;
	next += l->interval;
	return last->more || last->rested > next ? last->rested : next;
}

static void *maintain(void *arg)
{
	struct local *l = arg;
	struct ml_tended last = { .more = false };
	uint64_t due = 0;

	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		if (l->paced) {
			l->paced = false;
			last.more = false;
			due = l->interval ? now() + l->interval : 0;
		} else if (is_due(l, due) && !l->stop && !l->paced) {
			due = run(l, &last);
		}
		if (!l->stop)
			run_job(l);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* The program's signals are for its own threads. */
static int start_thread(struct local *l)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = -pthread_create(&l->thread, NULL, maintain, l);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!err)
		pthread_setname_np(l->thread, "memlane");
	return err;
}

static int have_thread(struct local *l)
{
	int err = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->running)
		err = start_thread(l);
	l->running = !err;
	pthread_mutex_unlock(&l->lock);
	return err;
}

static void set_interval(struct local *l, uint64_t ns)
{
	pthread_mutex_lock(&l->lock);
	l->interval = ns ? min_t(u64, max_t(u64, ns, SHORTEST), LONGEST) : 0;
	l->paced = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static void stop_thread(struct local *l)
{
	pthread_mutex_lock(&l->lock);
	__atomic_store_n(&l->stop, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (l->running)
		pthread_join(l->thread, NULL);
}

/* --------------------------------------------------------------- calls ---- */

static int show(struct local *l, unsigned int region, u64 first, u64 last)
{
	for (; first <= last; first++)
		if (!ml_shared_page(&l->core, region, first))
			return -ENOMEM;
	return 0;
}

/*
 * A fault tells the module which pages of a region the program uses. Here the
 * engine is told before the program can use them: of every index that it has given
 * out, or it would not see that they are pinned.
 */
static int show_indices(struct local *l)
{
	uint32_t made = __atomic_load_n(&l->made, __ATOMIC_ACQUIRE);
	uint32_t last = READ_ONCE(l->core.table.top) - 1;
	int err;

	if (last < made)
		return 0;
	err = show(l, MEMLANE_REGION_SIDE, made >> 9, last >> 9);
	if (!err)
		err = show(l, MEMLANE_REGION_PIN, made >> 10, last >> 10);
	if (err)
		return err;
	/* Up to the end of the smaller page; whoever was further stays so. */
	last |= 511;
	while (made <= last &&
	       !__atomic_compare_exchange_n(&l->made, &made, last + 1, false,
					    __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
		;
	return 0;
}

/* The whole magazine, or the one in hand: it was empty, or is not missed. */
static void give_back(struct local *l, const struct memlane_refill *req)
{
	struct memlane_flush flush = {
		.size = sizeof(flush),
		.slot = req->slot,
		.lane = req->out_lane,
		.cls = req->out_class,
	};

	ml_flush(&l->core, &flush);
}

static int local_refill(struct local *l, struct memlane_refill *req)
{
	int err = ml_refill(&l->core, req);

	if (err)
		return err;
	err = show_indices(l);
	if (err)
		give_back(l, req);
	return err;
}

static int local_register(struct local *l, struct memlane_register *req)
{
	u64 first;
	int err = ml_register(&l->core, req);

	if (err)
		return err;
	first = (u64)req->slot * ML_SLOT_PAGES;
	err = show(l, MEMLANE_REGION_SLOTS, first, first + ML_SLOT_PAGES - 1);
	if (err) {
		ml_unregister(&l->core, req);
		return err;
	}
	__atomic_store_n(&l->tid[req->slot], gettid(), __ATOMIC_RELEASE);
	return 0;
}

static int local_set(struct local *l, struct memlane_set *req)
{
	bool pace = req->option == MEMLANE_OPT_POLICY_INTERVAL;
	int err = pace && req->value ? have_thread(l) : 0;

	if (!err)
		err = ml_set(&l->core, req);
	if (!err && pace)
		set_interval(l, req->value);
	return err;
}

static int add_job(struct local *l, struct job *job)
{
	int err = have_thread(l);

	if (!err)
		err = events_promise(&l->events);
	if (err)
		return err;
	pthread_mutex_lock(&l->lock);
	*l->last_job = job;
	l->last_job = &job->next;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static int queue_migrate(struct local *l, const struct memlane_migrate *req)
{
	struct job *job;
	int err;

	if (!req->count || req->count > JOB_HANDLES || req->results)
		return -EINVAL;
	job = calloc(1, sizeof(*job) + req->count * sizeof(*job->handles));
	if (!job)
		return -ENOMEM;
	job->is_migrate = true;
	job->req.migrate = *req;
	job->req.migrate.flags &= ~MEMLANE_ASYNC;
	memcpy(job->handles, (void *)(uintptr_t)req->handles, req->count * sizeof(*job->handles));
	err = add_job(l, job);
	if (err)
		free(job);
	return err;
}

static int queue_compact(struct local *l, const struct memlane_compact *req)
{
	struct job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	job->req.compact = *req;
	job->req.compact.flags &= ~MEMLANE_ASYNC;
	err = add_job(l, job);
	if (err)
		free(job);
	return err;
}

static int local_compact(struct local *l, struct memlane_compact *req)
{
	return req->flags & MEMLANE_ASYNC ? queue_compact(l, req) : ml_compact(&l->core, req);
}

static int local_migrate(struct local *l, struct memlane_migrate *req)
{
	if (req->flags & MEMLANE_ASYNC)
		return queue_migrate(l, req);
	return ml_migrate(&l->core, req, (u64 *)(uintptr_t)req->handles,
			  (s32 *)(uintptr_t)req->results);
}

static int dispatch(struct local *l, unsigned int cmd, void *req)
{
	struct memlane_blockers *blockers = req;
	struct ml_arena *a = &l->core;

	switch (cmd) {
	case MEMLANE_CMD_REGISTER:
		return local_register(l, req);
	case MEMLANE_CMD_UNREGISTER:
		return ml_unregister(a, req);
	case MEMLANE_CMD_REFILL:
		return local_refill(l, req);
	case MEMLANE_CMD_FLUSH:
		return ml_flush(a, req);
	case MEMLANE_CMD_COMPACT:
		return local_compact(l, req);
	case MEMLANE_CMD_MIGRATE:
		return local_migrate(l, req);
	case MEMLANE_CMD_QUERY:
		return ml_query(a, req);
	case MEMLANE_CMD_STAT:
		return ml_stat(a, req);
	case MEMLANE_CMD_MAINTAIN:
		return ml_maintain(a, req);
	case MEMLANE_CMD_WAIT:
		return ml_wait(a, req);
	case MEMLANE_CMD_SET:
		return local_set(l, req);
	case MEMLANE_CMD_GET:
		return ml_get(a, req);
	case MEMLANE_CMD_COST:
		return ml_cost(a, req);
	case MEMLANE_CMD_BLOCKERS:
		return ml_blockers(a, req, (void *)(uintptr_t)blockers->records);
	default:
		return -ENOTTY;
	}
}

static int local_call(struct memlane *m, unsigned int cmd, void *req)
{
	int saved = errno, was = cancel_hold(), err;

	__atomic_add_fetch(&m->local->calls, 1, __ATOMIC_RELAXED);
	err = dispatch(m->local, cmd, req);
	cancel_release(was);
	errno = saved;
	return err;
}

/* --------------------------------------------------------- open, close ---- */

/* Cookies of this process's arenas; from the top down, as the module's go up. */
static u32 next_cookie(void)
{
	static u32 last;

	return 0x7fff - __atomic_fetch_add(&last, 1, __ATOMIC_RELAXED) % 0x7fff;
}

/* The engine asks for pages of these while it begins: their sizes are told beforehand. */
static int reserve_regions(struct local *l, const struct memlane_create *req)
{
	struct memlane_region *r = l->info.out_region;
	unsigned int i;
	int err = 0;

	l->info.out_page_size = ML_PAGE_SIZE;
	l->info.out_handles = req->handles;
	r[MEMLANE_REGION_TABLE].length = req->handles * sizeof(u64);
	r[MEMLANE_REGION_SIDE].length = req->handles * sizeof(u64);
	r[MEMLANE_REGION_PIN].length = req->handles * sizeof(u32);
	r[MEMLANE_REGION_SLOTS].length = req->threads * sizeof(struct memlane_slot);
	r[MEMLANE_REGION_STAT].length = ML_PAGE_SIZE;
	for (i = 0; !err && i < MEMLANE_REGION_DATA; i++)
		err = region_reserve_at(region_reserve(&l->info, i), PROT_READ, &l->region[i]);
	return err;
}

static int memory_file(unsigned int lane)
{
	const char *name = lane == MEMLANE_FAST ? "memlane-fast" : "memlane-slow";
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC);
	return fd;
}

/* A file over the limit would end the process by SIGXFSZ. */
static bool may_have_file(size_t length)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	       length <= limit.rlim_cur;
}

static int map_lane(struct local *l, unsigned int lane, u64 first, u64 end)
{
	size_t length = (end - first) << ML_PAGE_SHIFT;
	void *at = l->data + (first << ML_PAGE_SHIFT);

	if (!may_have_file(length))
		return -EFBIG;
	l->fd[lane] = memory_file(lane);
	if (l->fd[lane] < 0 || ftruncate(l->fd[lane], length))
		return -errno;
	if (mmap(at, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
		 l->fd[lane], 0) == MAP_FAILED)
		return -errno;
	return region_advise(at, length);
}

/* The files follow each other without a gap, as the lanes do. */
static int map_data(struct local *l)
{
	u64 slow = l->core.lane[MEMLANE_SLOW].first, end = l->core.lane[MEMLANE_SLOW].end;
	int err = region_reserve_at(end << ML_PAGE_SHIFT, PROT_NONE,
				    &l->region[MEMLANE_REGION_DATA]);

	l->data = l->region[MEMLANE_REGION_DATA];
	if (!err)
		err = map_lane(l, MEMLANE_FAST, 0, slow);
	if (!err)
		err = map_lane(l, MEMLANE_SLOW, slow, end);
	return err;
}

static void unmap_all(struct local *l)
{
	unsigned int i;

	for (i = 0; i < MEMLANE_REGIONS; i++)
		if (l->region[i])
			munmap(l->region[i], region_reserve(&l->info, i));
	for (i = 0; i < MEMLANE_LANES; i++)
		if (l->fd[i] >= 0)
			close(l->fd[i]);
}

static void local_free(struct local *l)
{
	events_exit(&l->events);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	free(l->tid);
	free(l);
}

static struct local *local_new(const struct memlane_create *req)
{
	struct local *l = calloc(1, sizeof(*l));
	pthread_condattr_t attr;

	if (!l)
		return NULL;
	l->tid = calloc(req->threads, sizeof(*l->tid));
	if (!l->tid) {
		free(l);
		return NULL;
	}
	l->fd[MEMLANE_FAST] = -1;
	l->fd[MEMLANE_SLOW] = -1;
	l->last_job = &l->jobs;
	events_init(&l->events);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	return l;
}

static int begin_core(struct local *l, const struct memlane_create *req)
{
	u64 capabilities = MEMLANE_CAP_REAP | MEMLANE_CAP_EVENTS;
	int err = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);

	if (!err)
		err = reserve_regions(l, req);
	if (!err)
		err = ml_arena_init(&l->core, &local_ops, next_cookie(), capabilities, req);
	return err;
}

static int local_open(struct memlane *m, struct memlane_create *req)
{
	struct local *l = local_new(req);
	int err;

	if (!l)
		return -ENOMEM;
	err = begin_core(l, req);
	if (err)
		goto unmap;
	ml_info(&l->core, &l->info);
	err = map_data(l);
	if (err)
		goto exit_core;
	m->info = l->info;
	memcpy(m->region, l->region, sizeof(m->region));
	m->local = l;
	return 0;

exit_core:
	ml_arena_exit(&l->core);
unmap:
	unmap_all(l);
	local_free(l);
	return err;
}

static void local_close(struct memlane *m)
{
	struct local *l = m->local;

	stop_thread(l);
	drop_jobs(l);
	ml_arena_exit(&l->core);
	unmap_all(l);
	local_free(l);
}

/*
 * The child has a copy of the engine's descriptors, in a state that may be that
 * of the middle of a call: they are left alone. The files are closed.
 */
static void local_disown(struct memlane *m)
{
	close(m->local->fd[MEMLANE_FAST]);
	close(m->local->fd[MEMLANE_SLOW]);
	if (m->local->events.fd >= 0)
		close(m->local->events.fd);
}

static int local_event_fd(struct memlane *m)
{
	return events_fd(&m->local->events);
}

static int local_take_event(struct memlane *m, void *record, size_t room)
{
	if (room < sizeof(struct memlane_event))
		return -EINVAL;
	return events_take(&m->local->events, record) ? sizeof(struct memlane_event) : 0;
}

const struct backend backend_local = {
	.kind = MEMLANE_BACKEND_LOCAL,
	.open = local_open,
	.close = local_close,
	.disown = local_disown,
	.call = local_call,
	.event_fd = local_event_fd,
	.take_event = local_take_event,
};
