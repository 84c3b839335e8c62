// SPDX-License-Identifier: GPL-2.0-only
/*
 * backing.c - a file of the program's that cold pages go to
 *
 * The program opens the file and hands it over; what it could do with its descriptor is
 * what is done here, with the rights that it was opened with. Reads and writes are of
 * whole blocks, by workers: a fault may come under any lock that lets user memory be
 * touched, those of this very file among them. Direct I/O is used where the file takes it, as
 * pages of the page cache would be charged to the memory cgroup once more.
 *
 * What is read is not believed: see record.c.
 */
#include <linux/bvec.h>
#include <linux/cred.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "backing.h"
#include "crew.h"
#include "pack.h"
#include "user.h"

/* How long a file is not used any more before holes are made: more may come together. */
#define SHRINK_DELAY	HZ

/* How long a kernel thread waits for who writes. */
#define BEGIN_PATIENCE	(HZ / 2 + 1)

/* How often, and for how many jiffies, a file that is about to be free is waited for. */
#define END_TRIES	100
#define END_WAIT	(HZ / 50 + 1)

static LIST_HEAD(backings);
static DEFINE_SPINLOCK(backings_lock);

/* ------------------------------------------------------------ reads, writes */

static struct inode *backing_inode(const struct file *file)
{
	return file->f_mapping->host;
}

static struct kiocb iocb_at(struct memlane_backing *b, u64 at)
{
	struct kiocb iocb;

	init_sync_kiocb(&iocb, b->file);
	iocb.ki_pos = at;
	if (b->direct)
		iocb.ki_flags |= IOCB_DIRECT;
	return iocb;
}

/* Nothing of it stays in the page cache, if the file system can help it. */
static int cache_drop(struct memlane_backing *b, u64 at, size_t len, bool written)
{
	int err = 0;

	if (b->direct)
		return 0;
	if (written)
		err = filemap_write_and_wait_range(b->file->f_mapping, at, at + len - 1);
	vfs_fadvise(b->file, at, len, POSIX_FADV_DONTNEED);
	return err;
}

static ssize_t write_some(struct memlane_backing *b, u64 at, struct iov_iter *from)
{
	struct kiocb iocb = iocb_at(b, at);
	ssize_t done;

	file_start_write(b->file);
	done = b->file->f_op->write_iter(&iocb, from);
	file_end_write(b->file);
	return done ? done : -EIO;
}

/**
 * memlane_backing_write - write whole blocks
 * @b: backing
 * @at: byte in the file
 * @bv: pages, all of each
 * @nr: how many
 * @len: bytes
 *
 * Quotas and reserves hold for the program as if it had written. Context: a worker's.
 * Return: 0 or -errno.
 */
int memlane_backing_write(struct memlane_backing *b, u64 at, struct bio_vec *bv,
			  unsigned int nr, size_t len)
{
	const struct cred *old = override_creds(b->file->f_cred);
	unsigned int flags = memalloc_noio_save();
	struct iov_iter from;
	ssize_t done = 0;
	u64 pos = at;

	/* Some take more of an iterator than they write: the count is what was written. */
	while (pos < at + len && done >= 0) {
		iov_iter_bvec(&from, WRITE, bv, nr, len);
		iov_iter_advance(&from, pos - at);
		done = write_some(b, pos, &from);
		pos += max_t(ssize_t, done, 0);
	}
	if (done >= 0)
		done = cache_drop(b, at, len, true);
	memalloc_noio_restore(flags);
	revert_creds(old);
	return min_t(ssize_t, done, 0);
}

/**
 * memlane_backing_read - read whole blocks
 * @b: backing
 * @at: byte in the file
 * @bv: pages, all of each
 * @nr: how many
 * @len: bytes
 *
 * Context: a worker's. Return: 0; -ENODATA: the file is shorter; -errno.
 */
int memlane_backing_read(struct memlane_backing *b, u64 at, struct bio_vec *bv, unsigned int nr,
			 size_t len)
{
	unsigned int flags = memalloc_noio_save();
	struct kiocb iocb;
	struct iov_iter iter;
	ssize_t done = 1;
	u64 pos = at;

	while (pos < at + len && done > 0) {
		iov_iter_bvec(&iter, READ, bv, nr, len);
		iov_iter_advance(&iter, pos - at);
		iocb = iocb_at(b, pos);
		done = b->file->f_op->read_iter(&iocb, &iter);
		pos += max_t(ssize_t, done, 0);
	}
	cache_drop(b, at, len, false);
	memalloc_noio_restore(flags);
	if (done < 0)
		return done;
	return pos < at + len ? -ENODATA : 0;
}

/* -------------------------------------------------------------- writers */

static bool try_begin(struct memlane_backing *b)
{
	bool won;

	spin_lock(&b->lock);
	won = !b->writing;
	b->writing = true;
	spin_unlock(&b->lock);
	return won;
}

/**
 * memlane_backing_begin - be the one who writes, until memlane_backing_finish()
 * @b: backing
 *
 * Return: 0; -EINTR; -ETIMEDOUT: a kernel thread, which cannot be killed, waits no longer.
 */
int memlane_backing_begin(struct memlane_backing *b)
{
	if (current->flags & PF_KTHREAD)
		return wait_event_timeout(b->idle, try_begin(b), BEGIN_PATIENCE) ? 0 : -ETIMEDOUT;
	return wait_event_killable(b->idle, try_begin(b)) ? -EINTR : 0;
}

static void let_write(struct memlane_backing *b)
{
	spin_lock(&b->lock);
	b->writing = false;
	spin_unlock(&b->lock);
	wake_up(&b->idle);
}

static void shrink_in(struct memlane_backing *b, unsigned long delay)
{
	memlane_backing_get(b);
	if (!queue_delayed_work(b->crew->queue, &b->shrink, delay))
		memlane_backing_put(b);	/* never the last */
}

/* The caller, who need not be who began, has a reference that outlasts the call. */
void memlane_backing_finish(struct memlane_backing *b)
{
	let_write(b);
	shrink_in(b, SHRINK_DELAY);
}

/* What reads or writes a file: it may wait for an answer for ever. */
void memlane_backing_queue(struct memlane_backing *b, struct work_struct *work)
{
	queue_work(b->crew->queue, work);
}

/* -------------------------------------------------------------- slots */

/* Memory for one group more is the user's, as all that describes pages is. */
static int backing_prepare(struct memlane_backing *b)
{
	u64 bytes = memlane_slots_lacks(&b->slots);
	int err = memlane_user_charge(b->user, bytes);

	if (err)
		return err;
	err = memlane_slots_prepare(&b->slots);
	if (err)
		memlane_user_uncharge(b->user, bytes);
	else
		b->charged += bytes;
	return err;
}

/**
 * memlane_backing_take - blocks to write to
 * @b: backing
 * @nr: how many, up to MEMLANE_GROUP_BLOCKS
 * @out: see memlane_slots_take()
 *
 * Context: the writer. Return: 0; -ENOSPC: the file is full; -ENOMEM.
 */
int memlane_backing_take(struct memlane_backing *b, u32 nr, struct memlane_stretch *out)
{
	/* Without memory there may be room yet in what there is. */
	int err = backing_prepare(b);
	bool taken;

	spin_lock(&b->lock);
	taken = memlane_slots_take(&b->slots, nr, out);
	spin_unlock(&b->lock);
	if (taken)
		return 0;
	return err ? err : -ENOSPC;
}

static u64 backing_byte(u64 place)
{
	return place * MEMLANE_RECORD_GRAIN;
}

void memlane_backing_add(struct memlane_backing *b, const struct memlane_ticket *ticket)
{
	spin_lock(&b->lock);
	memlane_slots_add(&b->slots, backing_byte(ticket->place), memlane_record_bytes(ticket->length));
	spin_unlock(&b->lock);
}

/**
 * memlane_backing_drop - nobody wants a record any more
 * @b: backing
 * @place: of the record, in grains
 * @length: packed bytes
 *
 * Context: any but interrupts.
 */
void memlane_backing_drop(struct memlane_backing *b, u64 place, u32 length)
{
	spin_lock(&b->lock);
	memlane_slots_drop(&b->slots, backing_byte(place), memlane_record_bytes(length));
	spin_unlock(&b->lock);
	if (!delayed_work_pending(&b->shrink))
		shrink_in(b, SHRINK_DELAY);
}

void memlane_backing_settle(struct memlane_backing *b, const struct memlane_stretch *w)
{
	spin_lock(&b->lock);
	memlane_slots_settle(&b->slots, w);
	spin_unlock(&b->lock);
}

u32 memlane_backing_generation(struct memlane_backing *b, u64 place)
{
	u32 generation;

	spin_lock(&b->lock);
	generation = memlane_slots_generation(&b->slots, backing_byte(place));
	spin_unlock(&b->lock);
	return generation;
}

/* Bytes of the file that are in use. */
u64 memlane_backing_bytes(struct memlane_backing *b)
{
	return READ_ONCE(b->slots.blocks) << MEMLANE_BLOCK_SHIFT;
}

static void punch(struct memlane_backing *b, const struct memlane_stretch *w)
{
	/* What a device cannot do is no loss: the blocks are written again some time. */
	vfs_fallocate(b->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      w->block << MEMLANE_BLOCK_SHIFT, (u64)w->nr << MEMLANE_BLOCK_SHIFT);
}

/* What the file had when it came stays, where it was longer than what was used. */
static void backing_cut(struct memlane_backing *b, u64 from, u64 to)
{
	u64 size = i_size_read(backing_inode(b->file));

	if (S_ISREG(backing_inode(b->file)->i_mode) && size > to && size <= from)
		vfs_truncate(&b->file->f_path, to);
}

/* By the writer: nothing is written behind what is cut off until it is. */
static void backing_shrink(struct memlane_backing *b)
{
	const struct cred *old = override_creds(b->file->f_cred);
	struct memlane_stretch w;
	bool found, cuts;
	u64 from, to;

	do {
		spin_lock(&b->lock);
		from = b->slots.end * MEMLANE_GROUP_BYTES;
		cuts = memlane_slots_trim(&b->slots);
		to = b->slots.end * MEMLANE_GROUP_BYTES;
		found = memlane_slots_hole(&b->slots, &w);
		spin_unlock(&b->lock);
		if (cuts)
			backing_cut(b, from, to);
		if (!found)
			break;
		punch(b, &w);
		spin_lock(&b->lock);
		memlane_slots_holed(&b->slots, &w);
		spin_unlock(&b->lock);
	} while (1);
	revert_creds(old);
}

/* Where somebody writes it is done after that. */
static void shrink_work(struct work_struct *work)
{
	struct memlane_backing *b = container_of(work, struct memlane_backing, shrink.work);

	if (try_begin(b)) {
		backing_shrink(b);
		let_write(b);
	}
	memlane_backing_put(b);
}

/* -------------------------------------------------------------- open, close */

/* Not ours, which are character devices; nor a pipe, a directory, a socket. */
static int check_kind(const struct file *file)
{
	const struct inode *inode = backing_inode(file);

	if (!S_ISREG(inode->i_mode) && !S_ISBLK(inode->i_mode))
		return -EINVAL;
	if (!(file->f_mode & FMODE_READ) || !(file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (file->f_flags & O_APPEND)
		return -EINVAL;
	if (!file->f_op->read_iter || !file->f_op->write_iter)
		return -EOPNOTSUPP;
	return IS_SWAPFILE(inode) ? -ETXTBSY : 0;
}

/* Behind its end, so that nothing changes. A block device that cannot is used all the same. */
static int check_holes(struct file *file)
{
	u64 end = round_up(i_size_read(backing_inode(file)), MEMLANE_GROUP_BYTES);

	if (S_ISBLK(backing_inode(file)->i_mode))
		return 0;
	if (!file->f_op->fallocate)
		return -EOPNOTSUPP;
	return vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, end,
			     MEMLANE_GROUP_BYTES);
}

/* How much may be used; RLIMIT_FSIZE is the caller's, as workers have none. */
static int check_room(struct file *file, u64 max, u64 usual, u64 *room)
{
	struct inode *inode = backing_inode(file);
	bool device = S_ISBLK(inode->i_mode);
	u64 most = device ? i_size_read(inode) :
		   min_t(u64, inode->i_sb->s_maxbytes, rlimit(RLIMIT_FSIZE));

	if (max && (max < MEMLANE_GROUP_BYTES || max > MEMLANE_SLOTS_MOST))
		return -EINVAL;
	if (device && max > most)
		return -ENOSPC;
	*room = min(max ? max : min_t(u64, usual, MEMLANE_SLOTS_MOST), most);
	if (*room < MEMLANE_GROUP_BYTES)
		return device ? -ENOSPC : -EFBIG;
	return 0;
}

static int backing_check(struct file *file, u64 max, u64 usual, u64 *room)
{
	int err = check_kind(file);

	if (!err)
		err = check_room(file, max, usual, room);
	return err ? err : check_holes(file);
}

/*
 * Two of them would write over each other. -EAGAIN: the other is about to let go. A file
 * that has not answered counts until it does, also when its arena has ended.
 */
static int try_list(struct memlane_backing *b)
{
	struct memlane_backing *other;
	unsigned int files = 0;
	int err = 0;

	spin_lock(&backings_lock);
	list_for_each_entry(other, &backings, list) {
		files += uid_eq(other->uid, b->uid);
		if (backing_inode(other->file) == backing_inode(b->file))
			err = other->ended ? -EAGAIN : -EBUSY;
	}
	if (!err && !memlane_user_may_have_file(b->user, files))
		err = -EDQUOT;
	if (!err)
		list_add(&b->list, &backings);
	spin_unlock(&backings_lock);
	return err;
}

static int list_backing(struct memlane_backing *b)
{
	int tries = END_TRIES, err;

	do {
		err = try_list(b);
	} while (err == -EAGAIN && --tries && !schedule_timeout_killable(END_WAIT));
	return err == -EAGAIN ? -EBUSY : err;
}

static int backing_init(struct memlane_backing *b, u64 room)
{
	u64 bytes;
	int err;

	refcount_set(&b->refs, 1);
	spin_lock_init(&b->lock);
	init_waitqueue_head(&b->idle);
	INIT_DELAYED_WORK(&b->shrink, shrink_work);
	spin_lock_init(&b->loading);
	INIT_LIST_HEAD(&b->waiting);
	get_random_bytes(&b->key, sizeof(b->key));
	b->direct = b->file->f_mode & FMODE_CAN_ODIRECT;
	bytes = sizeof(*b) + memlane_slots_bytes(room) + memlane_unpacker_bytes();
	err = memlane_user_charge(b->user, bytes);
	if (err)
		return err;
	b->charged = bytes;
	err = memlane_slots_init(&b->slots, room);
	if (err)
		goto uncharge;
	b->unpacker = memlane_unpacker_new();
	err = b->unpacker ? 0 : -ENOMEM;
	if (err)
		goto exit_slots;
	b->crew = memlane_crew_get(b->uid);
	err = PTR_ERR_OR_ZERO(b->crew);
	if (err)
		goto free_unpacker;
	err = list_backing(b);
	if (err)
		goto put_crew;
	__module_get(THIS_MODULE);	/* the caller's file has a reference */
	return 0;

put_crew:
	memlane_crew_put(b->crew);
free_unpacker:
	memlane_unpacker_free(b->unpacker);
exit_slots:
	memlane_slots_exit(&b->slots);
uncharge:
	memlane_user_uncharge(b->user, b->charged);
	return err;
}

/**
 * memlane_backing_open - take a file to keep cold pages in
 * @fd: the caller's descriptor
 * @max: bytes of it that may be used; 0: as many as are usual
 * @usual: see above
 * @user: who pays for what describes it
 *
 * Return: the backing; -EBADF; -EINVAL: neither a regular file nor a block device, or
 * open for appending, or @max makes no sense; -EACCES: not open for reading and writing;
 * -EOPNOTSUPP: no holes can be made; -EFBIG, -ENOSPC: less than a group of blocks may be
 * used, or the device is smaller than @max; -EBUSY: an arena uses it; -ETXTBSY: the
 * system swaps to it; -EDQUOT: the user has too many; -ENOMEM.
 */
struct memlane_backing *memlane_backing_open(int fd, u64 max, u64 usual,
					     struct memlane_user *user)
{
	struct file *file = fget(fd);
	struct memlane_backing *b;
	u64 room;
	int err;

	if (!file)
		return ERR_PTR(-EBADF);
	err = backing_check(file, max, usual, &room);
	if (err)
		goto put_file;
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	err = b ? 0 : -ENOMEM;
	if (err)
		goto put_file;
	b->file = file;
	b->user = user;
	b->uid = user->uid;
	err = backing_init(b, room);
	if (err)
		goto free_backing;
	return b;

free_backing:
	kfree(b);
put_file:
	fput(file);
	return ERR_PTR(err);
}

void memlane_backing_get(struct memlane_backing *b)
{
	refcount_inc(&b->refs);
}

void memlane_backing_put(struct memlane_backing *b)
{
	if (!refcount_dec_and_test(&b->refs))
		return;
	spin_lock(&backings_lock);
	list_del(&b->list);
	spin_unlock(&backings_lock);
	memlane_unpacker_free(b->unpacker);
	memlane_slots_exit(&b->slots);
	fput(b->file);
	memlane_crew_put(b->crew);
	kfree_sensitive(b);
	/* By a worker, perhaps; memlane_crews_exit() waits until it has left. */
	module_put(THIS_MODULE);
}

/**
 * memlane_backing_sync - wait for loads that are ending
 * @b: backing, or NULL
 *
 * A load that has changed its word goes on with the arena as long as it holds the lock. Who
 * sees that no word is LOADING any more waits for that before the arena ends, or has another
 * file.
 */
void memlane_backing_sync(struct memlane_backing *b)
{
	if (!b)
		return;
	spin_lock(&b->loading);
	spin_unlock(&b->loading);
}

/**
 * memlane_backing_end - an arena does not use a file any more
 * @b: backing that nothing is stored in, or NULL
 *
 * What is under way ends by itself. Nobody writes but a job whose caller was killed.
 */
void memlane_backing_end(struct memlane_backing *b)
{
	if (!b)
		return;
	spin_lock(&backings_lock);
	b->ended = true;
	spin_unlock(&backings_lock);
	memlane_user_uncharge(b->user, b->charged);
	memlane_backing_get(b);
	if (mod_delayed_work(b->crew->queue, &b->shrink, 0))
		memlane_backing_put(b);	/* it was to be done later, with a reference */
	memlane_backing_put(b);
}
