// SPDX-License-Identifier: MIT
/*
 * memlane-redis.c - a Redis module whose string values live in an arena
 *
 * A key of Redis's own holds a value of the type `memlane-s`, which is nothing but a
 * handle: key, expiry, eviction, renaming stay Redis's business, and the bytes may move.
 * The commands are ml.set, ml.get and so on, with the arguments, replies and errors of
 * SET, GET and so on. With `redirect` a command filter turns those into these.
 *
 * Value	an object of the SlowLane, where nothing ages; its bytes are the string. Its
 *		group is the number of forks that there had been when it was made. What the
 *		arena does not take, the empty string above all, is a string of Redis's own.
 *
 * Loan		Most commands are Redis's own code. While it runs, the values of its keys
 *		are strings of Redis's own; afterwards they are in the arena again.
 *
 * Fork		The child that saves has no arena.  It asks its parent for the bytes of each
 *		value, through a socket that a thread of the parent serves. While that
 *		thread lives, values older than the fork are neither changed nor freed:
 *		who changes one copies it, and who frees one puts it on a list.
 *
 * Ballast	Redis evicts by what its allocator has given out. The arena's bytes are not
 *		in there, so as many are allocated, in pieces that nobody touches.
 *
 * Threads	Commands run in Redis's main thread. Values are freed there and in Redis's
 *		lazy-free thread; the compactor and the servers of children are ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <memlane.h>

#include "redis.h"

#define FORKS_MAX	UINT16_MAX
#define STRING_MAX	(512LL << 20)	/* Redis's proto-max-bulk-len, unless it is configured */
#define ROOM_MAX	(1U << 20)	/* what a string that grows gets at most beyond its length */
#define NUMBER_MAX	24		/* digits of a long long, with sign and end */
#define BALLAST_PIECE	65536U
#define FREE_AT_ONCE	(256U << 10)	/* larger values are freed by the lazy-free thread */

#define MS		1000000ULL
#define LOOK_EVERY	(100 * MS)	/* the compactor, in nanoseconds */
#define STEP		(MS / 4)	/* it works so long, */
#define REST		(MS * 3 / 4)	/* and sleeps so long */
#define WORTH_IT	(256U << 10)	/* bytes that compaction may win, at least */

#define COLD_PERIODS	2		/* of `cold` seconds in all, in which a value is not used */
#define COLD_MAX	86400

#define PACK		64		/* keys at a time, at most */
#define BUCKETS		256		/* looked at for them */
#define PACK_WORTH_IT	(2U << 20)	/* bytes */
#define PACK_REST	2		/* milliseconds */
#define PACK_LOOK	200

/* What the arena's pages may be, as a multiple of the values' bytes; loadmodule's `ratio`. */
static double ratio = 1.08;

static struct memlane *arena;
static struct redis_type *type;

/* ---------------------------------------------------- ballast, forks ---- */

/* @lock protects what follows it. */
static struct {
	uint64_t bytes;		/* of values; atomic */
	pthread_mutex_t lock;
	uint64_t pieces;
	uint64_t room;
	void **piece;
} ballast = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Pages that the allocator had in use before are given back: nobody will write there. */
static void *piece_new(void)
{
	const uintptr_t page = 4096;
	char *p = redis_Alloc(BALLAST_PIECE);
	char *first = (char *)(((uintptr_t)p + page - 1) & ~(page - 1));
	char *end = (char *)((uintptr_t)(p + BALLAST_PIECE) & ~(page - 1));

	madvise(first, end - first, MADV_DONTNEED);
	return p;
}

static void ballast_fit(void)
{
	uint64_t want = __atomic_load_n(&ballast.bytes, __ATOMIC_RELAXED) / BALLAST_PIECE;

	pthread_mutex_lock(&ballast.lock);
	if (want > ballast.room) {
		ballast.room = 2 * want;
		ballast.piece = redis_Realloc(ballast.piece, ballast.room * sizeof(void *));
	}
	while (ballast.pieces < want)
		ballast.piece[ballast.pieces++] = piece_new();
	while (ballast.pieces > want + 1)
		redis_Free(ballast.piece[--ballast.pieces]);
	pthread_mutex_unlock(&ballast.lock);
}

/* @bytes: of a value that was made; negative: that is no more */
static void account(int64_t bytes)
{
	uint64_t is = __atomic_add_fetch(&ballast.bytes, bytes, __ATOMIC_RELAXED);

	if ((is - bytes) / BALLAST_PIECE != is / BALLAST_PIECE)
		ballast_fit();
}

/*
 * @children, @forks: written by the main thread, and by the servers, which take
 * children away; atomic. @lock protects what follows it.
 */
static struct {
	int children;		/* whose servers live */
	uint16_t forks;		/* stays at its last number */
	int child;		/* in a child: its socket, or -1 */
	int end[2];		/* from before a fork to after it */
	pthread_mutex_t lock;
	uint64_t nr;
	uint64_t room;
	memlane_handle *dead;	/* values that a child may ask for */
} forks = { .child = -1, .end = { -1, -1 }, .lock = PTHREAD_MUTEX_INITIALIZER };

/* May a child ask for this value? The number of the last fork says nothing any more. */
static bool child_needs(memlane_handle h)
{
	if (!__atomic_load_n(&forks.children, __ATOMIC_ACQUIRE))
		return false;
	return forks.forks == FORKS_MAX || memlane_group(arena, h) != forks.forks;
}

static void put_off(memlane_handle h)
{
	pthread_mutex_lock(&forks.lock);
	if (forks.nr == forks.room) {
		forks.room = forks.room ? 2 * forks.room : 1024;
		forks.dead = redis_Realloc(forks.dead, forks.room * sizeof(*forks.dead));
	}
	forks.dead[forks.nr++] = h;
	pthread_mutex_unlock(&forks.lock);
}

/* ------------------------------------------------------------- values ---- */

/* 0: there is no memory, or no length */
static memlane_handle value_alloc(size_t len)
{
	const struct memlane_alloc_opts opts = { .lane = MEMLANE_IN_SLOW, .group = forks.forks };
	memlane_handle h;

	if (memlane_alloc_with(arena, len, &opts, &h))
		return 0;
	account(len);
	return h;
}

static void value_write(memlane_handle h, size_t at, const char *bytes, size_t len)
{
	memlane_enter(arena);
	memcpy((char *)memlane_get(arena, h) + at, bytes, len);
	memlane_exit(arena);
}

static memlane_handle value_new(const char *bytes, size_t len)
{
	memlane_handle h = value_alloc(len);

	if (h)
		value_write(h, 0, bytes, len);
	return h;
}

static void value_free(memlane_handle h)
{
	account(-(int64_t)memlane_size(arena, h));
	if (child_needs(h))
		put_off(h);
	else
		memlane_free(arena, h);
}

static bool value_is(memlane_handle h, const char *bytes, size_t len)
{
	bool is;

	memlane_enter(arena);
	is = memlane_size(arena, h) == len && !memcmp(memlane_get(arena, h), bytes, len);
	memlane_exit(arena);
	return is;
}

static bool value_resize(memlane_handle h, size_t len)
{
	int64_t was = memlane_size(arena, h);

	if (memlane_resize(arena, h, len))
		return false;
	account((int64_t)len - was);
	return true;
}

/* One with room to grow, which comes from a resize that does not move it. */
static memlane_handle value_roomy(size_t len)
{
	memlane_handle h = value_alloc(len + (len < ROOM_MAX ? len : ROOM_MAX));

	if (!h || value_resize(h, len))
		return h;
	value_free(h);
	return value_alloc(len);
}

/*
 * value_grow - a value that starts with the same bytes, is at least @len long, and may be changed
 * @h: 0: there are none
 *
 * It is @h itself or a copy. What it has beyond the old length is 0.
 */
static memlane_handle value_grow(memlane_handle h, size_t len)
{
	size_t was = memlane_size(arena, h);
	memlane_handle to = h;
	char *p;

	len = len > was ? len : was;
	if (child_needs(h) || len > memlane_usable_size(arena, h) || !value_resize(h, len))
		to = was ? value_roomy(len) : value_alloc(len);
	if (!to)
		return 0;
	memlane_enter(arena);
	p = memlane_get(arena, to);
	if (was && to != h)
		memcpy(p, memlane_get(arena, h), was);
	memset(p + was, 0, len - was);
	memlane_exit(arena);
	return to;
}

/* ---------------------------------------------------- bytes for a child ---- */

/* A copy of a value, for what may wait; and the answer to a child. */
struct bytes {
	uint64_t len;
	char p[];
};

#define FIRST	4096	/* bytes that a child is ready for before it knows how many come */

/* It stays as long as it is: the main thread changes values, but none that a child may ask for. */
static struct bytes *bytes_copy(memlane_handle h)
{
	uint64_t len = memlane_size(arena, h);
	struct bytes *b = redis_Alloc(sizeof(*b) + len);

	b->len = len;
	memlane_enter(arena);
	memcpy(b->p, memlane_get(arena, h), len);
	memlane_exit(arena);
	return b;
}

static bool send_all(int fd, const void *p, size_t len)
{
	const char *from = p;
	ssize_t n;

	for (; len; from += n, len -= n) {
		n = send(fd, from, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return false;
	}
	return true;
}

/* At least @want bytes, at most @room; or -1 */
static ssize_t receive(int fd, void *p, size_t want, size_t room)
{
	size_t got = 0;
	ssize_t n;

	while (got < want) {
		n = recv(fd, (char *)p + got, room - got, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		got += n;
	}
	return got;
}

/* The child is gone, and if it was the last, so is the need of what died meanwhile. */
static void child_ended(void)
{
	memlane_handle *dead = NULL;
	uint64_t i, nr = 0;

	pthread_mutex_lock(&forks.lock);
	if (__atomic_sub_fetch(&forks.children, 1, __ATOMIC_ACQ_REL) == 0) {
		dead = forks.dead;
		nr = forks.nr;
		forks.dead = NULL;
		forks.nr = 0;
		forks.room = 0;
	}
	pthread_mutex_unlock(&forks.lock);
	for (i = 0; i < nr; i++)
		memlane_free(arena, dead[i]);
	redis_Free(dead);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	memlane_handle h;
	struct bytes *b;
	bool good = true;

	while (good && receive(fd, &h, sizeof(h), sizeof(h)) > 0) {
		b = bytes_copy(h);
		good = send_all(fd, b, sizeof(*b) + b->len);
		redis_Free(b);
	}
	close(fd);
	child_ended();
	return NULL;
}

/* NULL: the parent does not answer */
static struct bytes *bytes_ask(memlane_handle h)
{
	struct bytes *b = redis_Alloc(FIRST);
	size_t all;
	ssize_t got;

	if (!send_all(forks.child, &h, sizeof(h)))
		return NULL;
	got = receive(forks.child, b, sizeof(*b), FIRST);
	if (got < 0)
		return NULL;
	all = sizeof(*b) + b->len;
	if (all > FIRST)
		b = redis_Realloc(b, all);
	if ((size_t)got < all &&
	    receive(forks.child, (char *)b + got, all - got, all - got) < 0)
		return NULL;
	return b;
}

/*
 * The bytes of a value, in whichever process; to be given to redis_Free(). A child that
 * cannot have them must not go on: its file would lack them.
 */
static struct bytes *bytes_of(memlane_handle h)
{
	static const char why[] = "memlane: the parent does not serve this child\n";
	struct bytes *b = forks.child == -1 ? bytes_copy(h) : bytes_ask(h);

	if (!b)
		_exit(write(STDERR_FILENO, why, sizeof(why) - 1) < 0 ? 2 : 1);
	return b;
}

static bool thread_start(void *(*run)(void *), void *arg)
{
	sigset_t all, was;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (!err)
		pthread_detach(thread);
	return !err;
}

/* The locks are held over the fork, so that the child finds them in order. */
static void before_fork(void)
{
	pthread_mutex_lock(&ballast.lock);
	pthread_mutex_lock(&forks.lock);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, forks.end))
		forks.end[0] = forks.end[1] = -1;
}

static void after_fork(int mine, int others)
{
	pthread_mutex_unlock(&forks.lock);
	pthread_mutex_unlock(&ballast.lock);
	if (others >= 0)
		close(others);
	forks.end[0] = forks.end[1] = -1;
	forks.child = mine;
}

static void in_parent(void)
{
	int fd = forks.end[0];

	after_fork(-1, forks.end[1]);
	if (forks.forks < FORKS_MAX)
		forks.forks++;
	if (fd < 0)
		return;
	__atomic_add_fetch(&forks.children, 1, __ATOMIC_ACQ_REL);
	if (thread_start(serve, (void *)(intptr_t)fd))
		return;
	close(fd);
	child_ended();
}

static void in_child(void)
{
	int fd = forks.end[1];

	after_fork(fd < 0 ? -2 : fd, forks.end[0]);
}

/* ---------------------------------------------------------- data type ---- */

/* Redis keeps a pointer for each value. Here it is the handle. */
static void *to_pointer(memlane_handle h)
{
	return (void *)(uintptr_t)h;
}

static memlane_handle to_handle(const void *value)
{
	return (uintptr_t)value;
}

static void *type_load(struct redis_io *io, int encver)
{
	memlane_handle h;
	size_t len;
	char *p = encver ? NULL : redis_LoadStringBuffer(io, &len);

	if (!p)
		return NULL;
	h = value_new(p, len);
	redis_Free(p);
	return to_pointer(h);
}

static void type_save(struct redis_io *io, void *value)
{
	struct bytes *b = bytes_of(to_handle(value));

	redis_SaveStringBuffer(io, b->p, b->len);
	redis_Free(b);
}

static void type_rewrite(struct redis_io *io, struct redis_string *key, void *value)
{
	struct bytes *b = bytes_of(to_handle(value));

	redis_EmitAOF(io, "ml.set", "sb", key, b->p, (size_t)b->len);
	redis_Free(b);
}

static void type_digest(struct redis_digest *digest, void *value)
{
	struct bytes *b = bytes_of(to_handle(value));

	redis_DigestAddStringBuffer(digest, b->p, b->len);
	redis_DigestEndSequence(digest);
	redis_Free(b);
}

static void *type_copy(struct redis_string *from, struct redis_string *to, const void *value)
{
	struct bytes *b = bytes_of(to_handle(value));
	memlane_handle h = value_new(b->p, b->len);

	(void)from;
	(void)to;
	redis_Free(b);
	return to_pointer(h);
}

static size_t type_mem_usage(const void *value)
{
	return memlane_size(arena, to_handle(value));
}

/* A key whose value is taken away for a while has none. */
static void type_free(void *value)
{
	if (value)
		value_free(to_handle(value));
}

/* Above 64, UNLINK and the like leave it to the lazy-free thread. */
static size_t type_free_effort(struct redis_string *key, const void *value)
{
	(void)key;
	return memlane_size(arena, to_handle(value)) > FREE_AT_ONCE ? 65 : 1;
}

/* --------------------------------------------------------------- keys ---- */

/* 0: there is no such key, or its value is not of ours */
static memlane_handle key_handle(struct redis_key *key)
{
	if (redis_ModuleTypeGetType(key) != type)
		return 0;
	return to_handle(redis_ModuleTypeGetValue(key));
}

/* Its value is the caller's from now on; the key has none until it gets another. */
static memlane_handle key_take(struct redis_key *key)
{
	void *value;

	redis_ModuleTypeReplaceValue(key, type, NULL, &value);
	return to_handle(value);
}

/* Another value in the place of one of ours. false: it has none of ours. */
static bool key_replace(struct redis_key *key, memlane_handle h)
{
	void *old;

	if (redis_ModuleTypeReplaceValue(key, type, to_pointer(h), &old) != REDIS_OK)
		return false;
	if (to_handle(old) != h)
		value_free(to_handle(old));
	return true;
}

/* What a key has besides its value. A value of another type does not inherit it. */
struct use {
	long long at;		/* it expires */
	long long idle;		/* what Redis knows of its use, or -1 */
	long long often;
};

static struct use key_use(struct redis_key *key)
{
	struct use use = { redis_GetAbsExpire(key), -1, -1 };

	redis_GetLRU(key, &use.idle);
	redis_GetLFU(key, &use.often);
	return use;
}

static void key_set_use(struct redis_key *key, const struct use *use)
{
	if (use->at != REDIS_NO_EXPIRE)
		redis_SetAbsExpire(key, use->at);
	if (use->idle >= 0)
		redis_SetLRU(key, use->idle);
	if (use->often >= 0)
		redis_SetLFU(key, use->often);
}

/* Other bytes for a value, in its place if that can be; 0: there is no memory, or no length */
static memlane_handle value_put(memlane_handle h, const char *p, size_t len)
{
	if (!h || memlane_size(arena, h) != len || child_needs(h))
		return value_new(p, len);
	value_write(h, 0, p, len);
	return h;
}

/* What SET does to a key that is open for writing. */
static void key_set(struct redis_key *key, struct redis_string *string, long long at)
{
	size_t len;
	const char *p = redis_StringPtrLen(string, &len);
	memlane_handle h = value_put(key_handle(key), p, len);

	if (!h)
		redis_StringSet(key, string);
	else if (!key_replace(key, h))
		redis_ModuleTypeSetValue(key, type, to_pointer(h));
	if (at != redis_GetAbsExpire(key))
		redis_SetAbsExpire(key, at);
}

/* ----------------------------------------------------- Redis's own code ---- */

#define READS	0U
#define WRITES	1U
#define GROWS	2U	/* refused above maxmemory */
#define EFFECT	4U	/* not the command goes to replicas, but what it did: it has times or floats */

/* @arity: as COMMAND tells it. What has it wrong stays Redis's, which says so. */
struct command {
	const char *name;	/* Redis's; ours has ml. before it */
	redis_command run;
	unsigned int how;
	int arity;
	int first, last, step;	/* keys; the last from the end, if negative */
};

static const struct command *command_find(const char *name, size_t len);

/* The value of a key while Redis's own code runs, and its end. */
struct loan {
	memlane_handle h;	/* 0: it was not of ours */
	long long at;
	int type;		/* of the key as Redis's own code meets it */
};

static struct redis_string *string_of(struct redis_ctx *ctx, memlane_handle h)
{
	struct redis_string *string;

	memlane_enter(arena);
	string = redis_CreateString(ctx, memlane_get(arena, h), memlane_size(arena, h));
	memlane_exit(arena);
	return string;
}

static struct loan lend(struct redis_ctx *ctx, struct redis_string *name)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_WRITE);
	struct loan loan = { .h = key_handle(key), .type = redis_KeyType(key) };
	struct redis_string *string;
	struct use use;

	if (loan.h) {
		use = key_use(key);
		string = string_of(ctx, loan.h);
		key_take(key);
		redis_StringSet(key, string);
		redis_FreeString(ctx, string);
		key_set_use(key, &use);
		loan.at = use.at;
		loan.type = REDIS_KEY_STRING;
	}
	redis_CloseKey(key);
	return loan;
}

/* What the key has now, as a command for replicas. The time is one, not how long from now. */
static void replicate_effect(struct redis_ctx *ctx, struct redis_string *name, const char *p,
			     size_t len, long long at)
{
	if (!p)
		redis_Replicate(ctx, "DEL", "s", name);
	else if (at == REDIS_NO_EXPIRE)
		redis_Replicate(ctx, "ml.set", "sb", name, p, len);
	else
		redis_Replicate(ctx, "ml.set", "sbcl", name, p, len, "PXAT", at);
}

/*
 * The string that Redis's code left becomes a value of ours, if it was one, or if the
 * command writes. What did not change is the same object again. true: it did change
 */
static bool take_back(struct redis_ctx *ctx, struct redis_string *name, const struct loan *loan,
		      const struct command *c)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_READ | REDIS_WRITE | REDIS_NOTOUCH);
	int now = redis_KeyType(key);
	bool string = now == REDIS_KEY_STRING, changed = now != loan->type;
	struct use use = { .at = REDIS_NO_EXPIRE };
	const char *p = NULL;
	memlane_handle h = 0;
	size_t len = 0;

	if (string && (loan->h || c->how & WRITES)) {
		p = redis_StringDMA(key, &len, REDIS_READ);
		use = key_use(key);
		h = loan->h && value_is(loan->h, p, len) ? loan->h : value_new(p, len);
		changed |= h != loan->h || !h || use.at != loan->at;
	}
	if (changed && c->how & EFFECT)
		replicate_effect(ctx, name, p, len, use.at);
	if (h) {
		redis_ModuleTypeSetValue(key, type, to_pointer(h));
		key_set_use(key, &use);
	}
	if (loan->h && loan->h != h)
		value_free(loan->h);
	redis_CloseKey(key);
	return changed;
}

static int call(struct redis_ctx *ctx, const char *name, const char *how,
		struct redis_string **argv, int argc)
{
	struct redis_reply *reply = redis_Call(ctx, name, how, argv + 1, (size_t)argc - 1);

	if (!reply)
		return redis_WrongArity(ctx);
	redis_ReplyWithCallReply(ctx, reply);
	redis_FreeCallReply(reply);
	return REDIS_OK;
}

/* A command that is Redis's own code, on strings of its own. */
static int borrow_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	size_t len;
	const char *name = redis_StringPtrLen(argv[0], &len);
	const struct command *c = command_find(name + 3, len - 3);
	int last = c->last < 0 ? argc + c->last : c->last, i;
	struct loan *loans = redis_Alloc(argc * sizeof(*loans));
	bool changed = false;

	for (i = c->first; i <= last; i += c->step)
		loans[i] = lend(ctx, argv[i]);
	call(ctx, c->name, "E0v", argv, argc);
	for (i = c->first; i <= last; i += c->step)
		changed |= take_back(ctx, argv[i], &loans[i], c);
	redis_Free(loans);
	if (changed && !(c->how & EFFECT))
		redis_ReplicateVerbatim(ctx);
	return REDIS_OK;
}

/* ------------------------------------------- commands of the arena's own ---- */

/* They reply what there is of the arena's; all else is left to Redis's own code. */

static int reply_range(struct redis_ctx *ctx, memlane_handle h, long long start, long long end)
{
	memlane_enter(arena);
	redis_ReplyWithStringBuffer(ctx, (char *)memlane_get(arena, h) + start, end - start);
	memlane_exit(arena);
	return REDIS_OK;
}

/* @found: there is such a key */
static memlane_handle find_value(struct redis_ctx *ctx, struct redis_string *name, bool *found)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_READ);
	memlane_handle h = key_handle(key);

	*found = key;
	redis_CloseKey(key);
	return h;
}

static int get_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	bool found;
	memlane_handle h = find_value(ctx, argv[1], &found);

	if (h)
		return reply_range(ctx, h, 0, memlane_size(arena, h));
	return found ? borrow_command(ctx, argv, argc) : redis_ReplyWithNull(ctx);
}

static int mget_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	memlane_handle h;
	bool found;
	int i;

	for (i = 1; i < argc; i++)
		if (!find_value(ctx, argv[i], &found) && found)
			return borrow_command(ctx, argv, argc);
	redis_ReplyWithArray(ctx, argc - 1);
	for (i = 1; i < argc; i++) {
		h = find_value(ctx, argv[i], &found);
		if (h)
			reply_range(ctx, h, 0, memlane_size(arena, h));
		else
			redis_ReplyWithNull(ctx);
	}
	return REDIS_OK;
}

static int strlen_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	bool found;
	memlane_handle h = find_value(ctx, argv[1], &found);

	return h ? redis_ReplyWithLongLong(ctx, memlane_size(arena, h)) :
		   borrow_command(ctx, argv, argc);
}

static int type_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	bool found;

	return find_value(ctx, argv[1], &found) ? redis_ReplyWithSimpleString(ctx, "string") :
						  borrow_command(ctx, argv, argc);
}

static int getrange_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	bool found;
	memlane_handle h = find_value(ctx, argv[1], &found);
	long long len = memlane_size(arena, h), start, end;

	if (!h || redis_StringToLongLong(argv[2], &start) || redis_StringToLongLong(argv[3], &end))
		return borrow_command(ctx, argv, argc);
	if (start < 0 && end < 0 && start > end)
		return redis_ReplyWithStringBuffer(ctx, "", 0);
	start = start >= 0 ? start : start < -len ? 0 : start + len;
	end = end >= len ? len - 1 : end >= 0 ? end : end < -len ? 0 : end + len;
	if (start > end)
		return redis_ReplyWithStringBuffer(ctx, "", 0);
	return reply_range(ctx, h, start, end + 1);
}

static void set(struct redis_ctx *ctx, struct redis_string *name, struct redis_string *string,
		long long at)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_WRITE);

	key_set(key, string, at);
	redis_CloseKey(key);
	redis_SignalModifiedKey(ctx, name);
	redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "set", name);
	if (at != REDIS_NO_EXPIRE)
		redis_NotifyKeyspaceEvent(ctx, REDIS_GENERIC, "expire", name);
}

static int mset_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	int i;

	for (i = 1; i < argc; i += 2)
		set(ctx, argv[i], argv[i + 1], REDIS_NO_EXPIRE);
	redis_ReplicateVerbatim(ctx);
	return redis_ReplyWithSimpleString(ctx, "OK");
}

/* When, in milliseconds since 1970; 0: Redis's own code has to say what is wrong */
static long long expiry(const char *how, struct redis_string *number)
{
	bool seconds = !strcasecmp(how, "ex"), from_now = seconds || !strcasecmp(how, "px");
	long long at;

	if ((!from_now && strcasecmp(how, "pxat")) || redis_StringToLongLong(number, &at) ||
	    at <= 0 || (seconds && __builtin_mul_overflow(at, 1000LL, &at)) ||
	    (from_now && __builtin_add_overflow(at, redis_Milliseconds(), &at)))
		return 0;
	return at;
}

static int set_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	long long at = argc == 5 ? expiry(redis_StringPtrLen(argv[3], NULL), argv[4]) : 0;

	if (argc == 3)
		return mset_command(ctx, argv, argc);
	if (!at)
		return borrow_command(ctx, argv, argc);
	set(ctx, argv[1], argv[2], at);
	redis_Replicate(ctx, "ml.set", "sscl", argv[1], argv[2], "PXAT", at);
	return redis_ReplyWithSimpleString(ctx, "OK");
}

/* Decimal digits as Redis writes them, and nothing else. */
static bool to_number(memlane_handle h, long long *n)
{
	char text[NUMBER_MAX] = "", again[NUMBER_MAX];
	size_t len = memlane_size(arena, h);

	if (!len || len >= sizeof(text))
		return false;
	memlane_enter(arena);
	memcpy(text, memlane_get(arena, h), len);
	memlane_exit(arena);
	errno = 0;
	*n = strtoll(text, NULL, 10);
	snprintf(again, sizeof(again), "%lld", *n);
	return !errno && strlen(again) == len && !memcmp(text, again, len);
}

/* INCR and INCRBY */
static int incr_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_key *key = redis_OpenKey(ctx, argv[1], REDIS_READ | REDIS_WRITE);
	memlane_handle h = key_handle(key);
	char text[NUMBER_MAX];
	long long n, by = 1;

	if (h && (argc == 2 || !redis_StringToLongLong(argv[2], &by)) && to_number(h, &n) &&
	    !__builtin_add_overflow(n, by, &n))
		h = value_put(h, text, snprintf(text, sizeof(text), "%lld", n));
	else
		h = 0;
	if (h) {
		key_replace(key, h);
		redis_SignalModifiedKey(ctx, argv[1]);
		redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "incrby", argv[1]);
		redis_ReplicateVerbatim(ctx);
		redis_ReplyWithLongLong(ctx, n);
	}
	redis_CloseKey(key);
	return h ? REDIS_OK : borrow_command(ctx, argv, argc);
}

/* @at: where the string goes; negative: at the end. false: it was left to Redis's own code. */
static bool write_at(struct redis_ctx *ctx, struct redis_string *name,
		     struct redis_string *string, long long at, const char *event)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_READ | REDIS_WRITE);
	memlane_handle h = key_handle(key);
	size_t len;
	const char *p = redis_StringPtrLen(string, &len);

	if (at < 0)
		at = memlane_size(arena, h);
	if (h || redis_KeyType(key) == REDIS_KEY_EMPTY)
		h = at + (long long)len > STRING_MAX || !len ? 0 : value_grow(h, at + len);
	if (h) {
		value_write(h, at, p, len);
		if (!key_replace(key, h))
			redis_ModuleTypeSetValue(key, type, to_pointer(h));
		redis_SignalModifiedKey(ctx, name);
		redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, event, name);
		redis_ReplicateVerbatim(ctx);
		redis_ReplyWithLongLong(ctx, memlane_size(arena, h));
	}
	redis_CloseKey(key);
	return h;
}

static int append_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	return write_at(ctx, argv[1], argv[2], -1, "append") ? REDIS_OK :
								borrow_command(ctx, argv, argc);
}

static int setrange_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	long long at;

	if (redis_StringToLongLong(argv[2], &at) || at < 0 || at > STRING_MAX ||
	    !write_at(ctx, argv[1], argv[3], at, "setrange"))
		return borrow_command(ctx, argv, argc);
	return REDIS_OK;
}

/* ml.del: of any keys */
static int del_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	return argc < 2 ? redis_WrongArity(ctx) : call(ctx, "DEL", "!v", argv, argc);
}

/* ------------------------------------------------------------- filter ---- */

static const struct command commands[] = {
	{ "get", get_command, READS, 2, 1, 1, 1 },
	{ "set", set_command, WRITES | GROWS | EFFECT, -3, 1, 1, 1 },
	{ "mget", mget_command, READS, -2, 1, -1, 1 },
	{ "mset", mset_command, WRITES | GROWS, -3, 1, -1, 2 },
	{ "incr", incr_command, WRITES | GROWS, 2, 1, 1, 1 },
	{ "decr", borrow_command, WRITES | GROWS, 2, 1, 1, 1 },
	{ "type", type_command, READS, 2, 1, 1, 1 },
	{ "setnx", borrow_command, WRITES | GROWS, 3, 1, 1, 1 },
	{ "setex", borrow_command, WRITES | GROWS | EFFECT, 4, 1, 1, 1 },
	{ "getex", borrow_command, WRITES | EFFECT, -2, 1, 1, 1 },
	{ "psetex", borrow_command, WRITES | GROWS | EFFECT, 4, 1, 1, 1 },
	{ "append", append_command, WRITES | GROWS, 3, 1, 1, 1 },
	{ "strlen", strlen_command, READS, 2, 1, 1, 1 },
	{ "substr", getrange_command, READS, 4, 1, 1, 1 },
	{ "getset", borrow_command, WRITES | GROWS, 3, 1, 1, 1 },
	{ "getdel", borrow_command, WRITES, 2, 1, 1, 1 },
	{ "msetnx", borrow_command, WRITES | GROWS, -3, 1, -1, 2 },
	{ "incrby", incr_command, WRITES | GROWS, 3, 1, 1, 1 },
	{ "decrby", borrow_command, WRITES | GROWS, 3, 1, 1, 1 },
	{ "getrange", getrange_command, READS, 4, 1, 1, 1 },
	{ "setrange", setrange_command, WRITES | GROWS, 4, 1, 1, 1 },
	{ "incrbyfloat", borrow_command, WRITES | GROWS | EFFECT, 3, 1, 1, 1 },
	{ "getbit", borrow_command, READS, 3, 1, 1, 1 },
	{ "setbit", borrow_command, WRITES | GROWS, 4, 1, 1, 1 },
	{ "bitcount", borrow_command, READS, -2, 1, 1, 1 },
	{ "bitpos", borrow_command, READS, -3, 1, 1, 1 },
	{ "bitop", borrow_command, WRITES | GROWS, -4, 2, -1, 1 },
	{ "bitfield", borrow_command, WRITES | GROWS, -2, 1, 1, 1 },
	{ "bitfield_ro", borrow_command, READS, -2, 1, 1, 1 },
	{ "lcs", borrow_command, READS, -3, 1, 2, 1 },
	{ "pfadd", borrow_command, WRITES | GROWS, -2, 1, 1, 1 },
	{ "pfcount", borrow_command, WRITES | GROWS, -2, 1, -1, 1 },
	{ "pfmerge", borrow_command, WRITES | GROWS, -2, 1, -1, 1 },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static struct redis_string *names[COMMANDS];	/* with ml.; never change */

static const struct command *command_find(const char *name, size_t len)
{
	const struct command *c;

	for (c = commands; c < commands + COMMANDS; c++)
		if (!strncasecmp(name, c->name, len) && !c->name[len])
			return c;
	return NULL;
}

static bool arity_fits(const struct command *c, int argc)
{
	if (c->step == 2 && argc % 2 == 0)
		return false;
	return c->arity < 0 ? argc >= -c->arity : argc == c->arity;
}

static int run_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	size_t len;
	const char *name = redis_StringPtrLen(argv[0], &len);
	const struct command *c = command_find(name + 3, len - 3);

	return arity_fits(c, argc) ? c->run(ctx, argv, argc) : redis_WrongArity(ctx);
}

static void filter(struct redis_filter_ctx *f)
{
	size_t len;
	const char *name = redis_StringPtrLen(redis_CommandFilterArgGet(f, 0), &len);
	const struct command *c = command_find(name, len);

	if (!c || !arity_fits(c, redis_CommandFilterArgsCount(f)))
		return;
	redis_RetainString(NULL, names[c - commands]);
	redis_CommandFilterArgReplace(f, 0, names[c - commands]);
}

/* ------------------------------------------------------- packing of keys ---- */

/*
 * Keys, their dictionary's entries and the objects that hold the handles are jemalloc's,
 * which never moves anything: where most of them were deleted, the rest keeps the pages of
 * all. So after a compaction keys are taken out, some at a time, and put in again, for
 * jemalloc then takes the oldest of its pages with room. In the main thread, between two
 * commands, so that nobody sees a key missing; bytes of values are not touched.
 */
int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
	__attribute__((weak));

struct packed {
	struct redis_string *name;
	memlane_handle h;
	struct use use;
};

static struct {
	bool wanted;		/* by the compactor; atomic */
	bool under_way;
	int db;
	int nr;
	struct redis_cursor *cursor;
	struct packed key[PACK];
	uint64_t keys;		/* so far */
} packer;

static size_t allocator_size(const char *name)
{
	size_t n = 0, len = sizeof(n);

	return mallctl(name, &n, &len, NULL, 0) ? 0 : n;
}

/* Does jemalloc have a good deal more in its pages than it has given out? */
static bool worth_packing(void)
{
	uint64_t epoch = 1;
	size_t given, pages;

	if (!mallctl || mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)))
		return false;
	given = allocator_size("stats.allocated");
	pages = allocator_size("stats.active");
	return pages > given + PACK_WORTH_IT;
}

static void pack_note(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key,
		      void *arg)
{
	(void)ctx;
	(void)arg;
	if (packer.nr == PACK || !key_handle(key))
		return;
	redis_RetainString(NULL, name);
	packer.key[packer.nr++] = (struct packed){ .name = name };
}

/* The name that the scan gave is a copy, and the last thing to be freed. */
static void pack_out(struct redis_ctx *ctx, struct packed *p)
{
	struct redis_key *key = redis_OpenKey(ctx, p->name, REDIS_WRITE | REDIS_NOTOUCH);

	if (key_handle(key)) {
		p->use = key_use(key);
		p->h = key_take(key);
		redis_DeleteKey(key);
	}
	redis_CloseKey(key);
}

static void pack_in(struct redis_ctx *ctx, struct packed *p)
{
	struct redis_key *key;

	if (p->h) {
		key = redis_OpenKey(ctx, p->name, REDIS_WRITE | REDIS_NOTOUCH);
		redis_ModuleTypeSetValue(key, type, to_pointer(p->h));
		key_set_use(key, &p->use);
		redis_CloseKey(key);
	}
	redis_FreeString(NULL, p->name);
}

/* What was freed last would be given out next, were it left in the thread's cache. */
static void pack_some(struct redis_ctx *ctx)
{
	int i;

	for (i = 0; i < packer.nr; i++)
		pack_out(ctx, &packer.key[i]);
	mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	for (i = 0; i < packer.nr; i++)
		pack_in(ctx, &packer.key[i]);
	packer.keys += packer.nr;
	packer.nr = 0;
}

/* false: all databases are through */
static bool pack_step(struct redis_ctx *ctx)
{
	int bucket;

	if (redis_SelectDb(ctx, packer.db) != REDIS_OK)
		return false;
	for (bucket = 0; bucket < BUCKETS && packer.nr < PACK / 2; bucket++) {
		if (redis_Scan(ctx, packer.cursor, pack_note, NULL))
			continue;
		packer.db++;
		redis_ScanCursorRestart(packer.cursor);
		break;
	}
	pack_some(ctx);
	return true;
}

/* Not while a child lives: its pages would be copied. */
static void pack_timer(struct redis_ctx *ctx, void *arg)
{
	(void)arg;
	if (!packer.under_way && __atomic_exchange_n(&packer.wanted, false, __ATOMIC_ACQUIRE)) {
		packer.under_way = worth_packing();
		packer.db = 0;
		redis_ScanCursorRestart(packer.cursor);
	}
	if (packer.under_way && !__atomic_load_n(&forks.children, __ATOMIC_ACQUIRE))
		packer.under_way = pack_step(ctx);
	redis_CreateTimer(ctx, packer.under_way ? PACK_REST : PACK_LOOK, pack_timer, NULL);
}

/* ---------------------------------------------------------- compaction ---- */

static struct {
	bool idle;		/* only when asked to; immutable */
	bool asked;		/* atomic, as what follows */
	bool working;
	uint64_t runs;
} compactor;

static void nap(uint64_t ns)
{
	const struct timespec t = { .tv_nsec = ns };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static const char *backend_name(void)
{
	return memlane_backend(arena) == MEMLANE_BACKEND_MODULE ? "module" : "local";
}

static struct memlane_stats statistics(void)
{
	struct memlane_stats st = { .size = sizeof(st) };

	memlane_stat(arena, &st);
	return st;
}

/* Bytes of pages above what they may be; 0: it is good enough. */
static uint64_t wasted(const struct memlane_stats *st)
{
	uint64_t used = st->counts.lane[MEMLANE_SLOW].used, may = st->live_bytes * ratio;

	return used > may + WORTH_IT ? used - may : 0;
}

/* Steps, and rests between them, until there is nothing left to do. */
static void compact_gently(void)
{
	struct memlane_step step;

	__atomic_store_n(&compactor.working, true, __ATOMIC_RELAXED);
	do {
		step = (struct memlane_step){ .max_ns = STEP };
		if (memlane_compact(arena, MEMLANE_SLOW_LANE, 0, &step))
			break;
		nap(REST);
	} while (step.out_more);
	__atomic_add_fetch(&compactor.runs, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&packer.wanted, true, __ATOMIC_RELEASE);
	__atomic_store_n(&compactor.working, false, __ATOMIC_RELEASE);
}

/* What one run could not better is tried again when more has been freed since it began. */
static void *compactor_run(void *arg)
{
	uint64_t tried = 0;
	struct memlane_stats st;

	(void)arg;
	for (;;) {
		nap(LOOK_EVERY);
		st = statistics();
		if (!__atomic_exchange_n(&compactor.asked, false, __ATOMIC_RELAXED) &&
		    (compactor.idle || !wasted(&st) || st.free_bytes - tried < WORTH_IT))
			continue;
		tried = st.free_bytes;
		compact_gently();
	}
	return NULL;
}

/* ml.compact [BACKGROUND] */
static int compact_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	if (argc > 2 || (argc == 2 && strcasecmp(redis_StringPtrLen(argv[1], NULL), "background")))
		return redis_ReplyWithError(ctx, "ERR syntax error");
	if (argc == 2) {
		__atomic_store_n(&compactor.asked, true, __ATOMIC_RELAXED);
		return redis_ReplyWithSimpleString(ctx, "OK");
	}
	if (memlane_compact(arena, MEMLANE_SLOW_LANE, 0, NULL))
		return redis_ReplyWithError(ctx, "ERR memlane: the arena could not be compacted");
	return redis_ReplyWithSimpleString(ctx, "OK");
}

/* ---------------------------------------------------------------- INFO ---- */

static void info(struct redis_info *info, int crash)
{
	const struct memlane_stats st = crash ? (struct memlane_stats){ 0 } : statistics();
	const struct memlane_lane_stat *lane = &st.counts.lane[MEMLANE_SLOW];
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "values", st.live_objects },
		{ "value_bytes", st.live_bytes },
		{ "used_bytes", lane->used },
		{ "resident_bytes", lane->resident },
		{ "metadata_bytes", st.counts.metadata },
		{ "moved", st.counts.moved },
		{ "moved_bytes", st.counts.moved_bytes },
		{ "pages_returned", st.counts.pages_returned },
		{ "vetoed", st.vetoes },
		{ "away_pages", st.counts.away },
		{ "compressed_bytes", st.counts.compressed_bytes },
		{ "stored_pages", st.counts.stored },
		{ "refaults", st.counts.refaults },
		{ "compacting", __atomic_load_n(&compactor.working, __ATOMIC_ACQUIRE) },
		{ "compactions", __atomic_load_n(&compactor.runs, __ATOMIC_RELAXED) },
		{ "packing", packer.under_way || __atomic_load_n(&packer.wanted, __ATOMIC_RELAXED) },
		{ "packed_keys", packer.keys },
		{ "children", __atomic_load_n(&forks.children, __ATOMIC_RELAXED) },
		{ "kept_for_children", __atomic_load_n(&forks.nr, __ATOMIC_RELAXED) },
	};
	size_t i;

	if (crash)
		return;
	redis_InfoAddSection(info, "arena");
	redis_InfoAddFieldCString(info, "backend", backend_name());
	redis_InfoAddFieldDouble(info, "ratio",
				 st.live_bytes ? (double)lane->used / st.live_bytes : 0);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		redis_InfoAddFieldULongLong(info, fields[i].name, fields[i].value);
}

/* ---------------------------------------------------------------- load ---- */

/**
 * struct arguments - what loadmodule was given
 * @redirect: the string commands work on the arena
 * @backend: MEMLANE_BACKEND_*
 * @cold: seconds without a use after which a value leaves memory; 0: never
 * @folder: of the file that such values go to; NULL: they stay in memory, compressed
 */
struct arguments {
	bool redirect;
	int backend;
	double cold;
	const char *folder;
};

static bool parse_ratio(const char *word)
{
	char *end;

	ratio = strtod(word, &end);
	return *word && !*end && ratio >= 1 && ratio <= 100;
}

static bool parse_backend(const char *word, struct arguments *a)
{
	a->backend = strcasecmp(word, "module") ? MEMLANE_BACKEND_LOCAL : MEMLANE_BACKEND_MODULE;
	return a->backend == MEMLANE_BACKEND_MODULE || !strcasecmp(word, "local");
}

static bool parse_cold(const char *word, struct arguments *a)
{
	char *end;

	a->cold = strtod(word, &end);
	return *word && !*end && a->cold >= COLD_PERIODS && a->cold <= COLD_MAX;
}

static bool parse_folder(const char *word, struct arguments *a)
{
	a->folder = word;
	return *word;
}

/* The first word that makes no sense, or NULL. */
static const char *parse_arguments(struct redis_string **argv, int argc, struct arguments *a)
{
	const char *word, *next;
	int i;

	for (i = 0; i < argc; i++) {
		word = redis_StringPtrLen(argv[i], NULL);
		next = i + 1 < argc ? redis_StringPtrLen(argv[i + 1], NULL) : "";
		if (!strcasecmp(word, "redirect"))
			a->redirect = true;
		else if (!strcasecmp(word, "idle"))
			compactor.idle = true;
		else if (!strcasecmp(word, "ratio") && parse_ratio(next))
			i++;
		else if (!strcasecmp(word, "backend") && parse_backend(next, a))
			i++;
		else if (!strcasecmp(word, "cold") && parse_cold(next, a))
			i++;
		else if (!strcasecmp(word, "folder") && parse_folder(next, a))
			i++;
		else
			return word;
	}
	return a->folder && !a->cold ? "folder" : NULL;
}

/* Values age, and what is used finds a place together. The file has no name, and ends with us. */
static int let_cool(const struct arguments *a, struct memlane_config *c)
{
	c->age_interval = a->cold / COLD_PERIODS;
	c->policy_check_interval = c->age_interval;
	c->cold_age = COLD_PERIODS;
	if (!a->folder)
		return 0;
	c->backing_fd = open(a->folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return c->backing_fd < 0 ? -errno : 0;
}

/*
 * One lane for all, which does not fill up: nothing moves but by the compactor, and where
 * values may cool.
 */
static int arena_open(const struct arguments *a)
{
	struct memlane_config c;
	int err = 0;

	memlane_config_init(&c);
	c.name = "values";
	c.backend = a->backend;
	c.slow_lane_size = c.slow_lane_max;
	c.slow_lane_safety_margin = 0;
	c.policy_check_interval = 0;
	if (a->cold)
		err = let_cool(a, &c);
	if (!err)
		err = memlane_open(&arena, &c);
	if (c.backing_fd >= 0)
		close(c.backing_fd);
	return err;
}

static int create_type(struct redis_ctx *ctx)
{
	struct redis_type_methods methods = {
		.version = 4,
		.rdb_load = type_load,
		.rdb_save = type_save,
		.aof_rewrite = type_rewrite,
		.mem_usage = type_mem_usage,
		.digest = type_digest,
		.free = type_free,
		.free_effort = type_free_effort,
		.copy = type_copy,
	};

	type = redis_CreateDataType(ctx, "memlane-s", 0, &methods);
	return type ? REDIS_OK : REDIS_ERR;
}

static int create_commands(struct redis_ctx *ctx)
{
	char name[32];
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		snprintf(name, sizeof(name), "ml.%s", c->name);
		names[i] = redis_CreateString(NULL, name, strlen(name));
		if (redis_CreateCommand(ctx, name, run_command,
					c->how & GROWS ? "write deny-oom fast" :
					c->how & WRITES ? "write fast" : "readonly fast",
					c->first, c->last, c->step))
			return REDIS_ERR;
	}
	if (redis_CreateCommand(ctx, "ml.del", del_command, "write", 1, -1, 1))
		return REDIS_ERR;
	return redis_CreateCommand(ctx, "ml.compact", compact_command, "admin", 0, 0, 0);
}

/* What cannot be taken back comes last: a module that has a type is never unloaded. */
static int start(struct redis_ctx *ctx, const struct arguments *a)
{
	int err = arena_open(a);

	if (err) {
		redis_Log(ctx, "warning", "%s", memlane_strerror(err));
		return REDIS_ERR;
	}
	if (create_type(ctx) || create_commands(ctx) || redis_RegisterInfoFunc(ctx, info) ||
	    (a->redirect && !redis_RegisterCommandFilter(ctx, filter, REDIS_FILTER_NOSELF)) ||
	    pthread_atfork(before_fork, in_parent, in_child) ||
	    !thread_start(compactor_run, NULL)) {
		memlane_close(arena);
		return REDIS_ERR;
	}
	packer.cursor = redis_ScanCursorCreate();
	redis_CreateTimer(ctx, PACK_LOOK, pack_timer, NULL);
	redis_Log(ctx, "notice", "values live in an arena of the %s", backend_name());
	return REDIS_OK;
}

__attribute__((visibility("default")))
int RedisModule_OnLoad(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct arguments a = { .backend = MEMLANE_BACKEND_AUTO };
	const char *missing = redis_find_calls(ctx), *wrong;

	if (missing) {
		fprintf(stderr, "memlane: this Redis has no %s(); 7.0 has\n", missing);
		return REDIS_ERR;
	}
	redis_SetModuleAttribs(ctx, "memlane", 1, REDIS_API);
	redis_SetModuleOptions(ctx, REDIS_HANDLE_IO_ERRORS | REDIS_NO_IMPLICIT_SIGNAL |
			       REDIS_HANDLE_ASYNC_LOAD);
	wrong = parse_arguments(argv, argc, &a);
	if (wrong) {
		redis_Log(ctx, "warning",
			  "%s? Arguments are: redirect, idle, ratio NUMBER, backend module|local, "
			  "cold SECONDS, folder PATH (with cold)",
			  wrong);
		return REDIS_ERR;
	}
	return start(ctx, &a);
}
