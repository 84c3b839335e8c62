// SPDX-License-Identifier: MIT
/*
 * memlane-redis.c - a Redis module whose string values live in an arena
 *
 * A key of Redis's own holds a value of the type `memlane-s`, which is nothing but a
 * handle: key, expiry, eviction, renaming stay Redis's business, and the bytes may move.
 * The commands are ml.set, ml.get and so on, with the arguments, replies and errors of
 * SET, GET and so on. With `redirect` a command filter turns those into these.
 *
 * Value	an object of the SlowLane, where nothing ages, in one of two forms
 *   EXACT	the object is the string
 *   ROOMY	8 bytes for the length, the string, room to grow
 * Its group tells the form, bit 0, and how many forks there had been when it was made: the
 * library has it beside the size, which is read anyway.
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
#include <math.h>
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

#define EXACT		0U
#define ROOMY		1U
#define FORKS_MAX	(UINT16_MAX >> 1)
#define LENGTH_BYTES	sizeof(uint64_t)
#define STRING_MAX	(512LL << 20)	/* Redis's proto-max-bulk-len, unless it is configured */
#define ROOM_MAX	(1U << 20)	/* what a string that grows gets at most beyond its length */
#define NUMBER_MAX	24		/* digits of a long long, with sign and end */
#define BALLAST_PIECE	65536U
#define FREE_AT_ONCE	(256U << 10)	/* larger values are freed by the lazy-free thread */

#define MS		1000000ULL
#define LOOK_EVERY	(100 * MS)	/* the compactor, in nanoseconds */
#define STEP		(1 * MS)	/* it works so long, */
#define REST		(3 * MS)	/* and sleeps so long */
#define WORTH_IT	(256U << 10)	/* bytes that compaction may win, at least */

#define PACK		64		/* keys at a time, at most */
#define BUCKETS		256		/* looked at for them */
#define PACK_WORTH_IT	(2U << 20)	/* bytes */
#define PACK_REST	2		/* milliseconds */
#define PACK_LOOK	200

#define WRONG_TYPE	"WRONGTYPE Operation against a key holding the wrong kind of value"
#define NO_INTEGER	"ERR value is not an integer or out of range"
#define NO_FLOAT	"ERR value is not a valid float"
#define TOO_LONG	"ERR string exceeds maximum allowed size (proto-max-bulk-len)"
#define OVERFLOW	"ERR increment or decrement would overflow"
#define SYNTAX		"ERR syntax error"

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
	return forks.forks == FORKS_MAX || memlane_group(arena, h) >> 1 != forks.forks;
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

static unsigned int value_form(memlane_handle h)
{
	return memlane_group(arena, h) & 1;
}

/* Where the string of a value is. In a section. */
static char *value_string(memlane_handle h, size_t *len)
{
	char *p = memlane_get(arena, h);
	uint64_t n;

	if (value_form(h) == EXACT) {
		*len = memlane_size(arena, h);
		return p;
	}
	memcpy(&n, p, LENGTH_BYTES);
	*len = n;
	return p + LENGTH_BYTES;
}

static memlane_handle value_alloc(uint64_t bytes, unsigned int form, int *err)
{
	const struct memlane_alloc_opts opts = {
		.lane = MEMLANE_IN_SLOW,
		.group = forks.forks << 1 | form,
	};
	memlane_handle h;

	*err = memlane_alloc_with(arena, bytes, &opts, &h);
	if (!*err)
		account(bytes);
	return h;
}

/* A string of @len zeros, or what was there before, with room for @room bytes. */
static memlane_handle value_roomy(uint64_t len, uint64_t room, int *err)
{
	memlane_handle h = value_alloc(LENGTH_BYTES + room, ROOMY, err);

	if (!h)
		return 0;
	memlane_enter(arena);
	memcpy(memlane_get(arena, h), &len, LENGTH_BYTES);
	memlane_exit(arena);
	return h;
}

/* 0: *err says why */
static memlane_handle value_new(const char *bytes, size_t len, int *err)
{
	memlane_handle h;

	if (!len)
		return value_roomy(0, 1, err);
	h = value_alloc(len, EXACT, err);
	if (!h)
		return 0;
	memlane_enter(arena);
	memcpy(memlane_get(arena, h), bytes, len);
	memlane_exit(arena);
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

/* Other bytes of the same length, in its place. false: it is not to be changed so. */
static bool value_replace(memlane_handle h, const char *bytes, size_t len)
{
	if (memlane_size(arena, h) != len || value_form(h) != EXACT || child_needs(h))
		return false;
	memlane_enter(arena);
	memcpy(memlane_get(arena, h), bytes, len);
	memlane_exit(arena);
	return true;
}

static bool value_has_room(memlane_handle h, uint64_t len)
{
	return value_form(h) == ROOMY && memlane_size(arena, h) >= LENGTH_BYTES + len;
}

/*
 * value_resize - a value that starts with the same bytes, is @len long, and may be changed
 *
 * What it has beyond the old length is 0. It is @h itself or a copy; then @h is as it was.
 */
static memlane_handle value_resize(memlane_handle h, uint64_t len, int *err)
{
	memlane_handle to = h;
	char *from, *p;
	size_t was;

	*err = 0;
	if (!value_has_room(h, len) || child_needs(h))
		to = value_roomy(len, len + (len < ROOM_MAX ? len : ROOM_MAX), err);
	if (!to)
		return 0;
	memlane_enter(arena);
	from = value_string(h, &was);
	p = (char *)memlane_get(arena, to) + LENGTH_BYTES;
	if (to != h)
		memcpy(p, from, was < len ? was : len);
	if (was < len)
		memset(p + was, 0, len - was);
	memcpy(p - LENGTH_BYTES, &len, LENGTH_BYTES);
	memlane_exit(arena);
	return to;
}

/* ---------------------------------------------------- bytes for a child ---- */

/* A message: the length, and then the bytes. */
struct message {
	size_t room;
	char *p;
};

static void message_fit(struct message *msg, size_t len)
{
	if (msg->room >= LENGTH_BYTES + len)
		return;
	msg->room = LENGTH_BYTES + len + len / 2;
	msg->p = redis_Realloc(msg->p, msg->room);
}

/* It stays as long as it is: the main thread changes values, but none that a child may ask for. */
static void message_fill(struct message *msg, memlane_handle h)
{
	uint64_t len;
	char *from;
	size_t n;

	message_fit(msg, memlane_size(arena, h));
	memlane_enter(arena);
	from = value_string(h, &n);
	len = n;
	memcpy(msg->p, &len, LENGTH_BYTES);
	memcpy(msg->p + LENGTH_BYTES, from, len);
	memlane_exit(arena);
}

static uint64_t message_len(const struct message *msg)
{
	uint64_t len;

	memcpy(&len, msg->p, LENGTH_BYTES);
	return len;
}

static bool send_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return false;
	}
	return true;
}

/* At least @want bytes, at most @room. */
static ssize_t receive(int fd, char *p, size_t want, size_t room)
{
	size_t got = 0;
	ssize_t n;

	while (got < want) {
		n = recv(fd, p + got, room - got, 0);
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
	struct message msg = { 0 };
	memlane_handle h;

	while (receive(fd, (char *)&h, sizeof(h), sizeof(h)) == sizeof(h)) {
		message_fill(&msg, h);
		if (!send_all(fd, msg.p, LENGTH_BYTES + message_len(&msg)))
			break;
	}
	close(fd);
	redis_Free(msg.p);
	child_ended();
	return NULL;
}

/* A child that cannot have the bytes must not go on: its file would lack them. */
static void message_ask(struct message *msg, memlane_handle h)
{
	static const char why[] = "memlane: the parent does not serve this child\n";
	ssize_t got;

	message_fit(msg, 4096);
	if (send_all(forks.child, (const char *)&h, sizeof(h))) {
		got = receive(forks.child, msg->p, LENGTH_BYTES, LENGTH_BYTES + 4096);
		if (got > 0) {
			size_t all = LENGTH_BYTES + message_len(msg);

			message_fit(msg, message_len(msg));
			if ((size_t)got == all || receive(forks.child, msg->p + got, all - got,
							  all - got) > 0)
				return;
		}
	}
	_exit(write(STDERR_FILENO, why, sizeof(why) - 1) < 0 ? 2 : 1);
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

/* The bytes of a value, in whichever process; to be given to redis_Free(). */
static char *value_message(memlane_handle h, struct message *msg)
{
	*msg = (struct message){ 0 };
	if (forks.child == -1)
		message_fill(msg, h);
	else
		message_ask(msg, h);
	return msg->p + LENGTH_BYTES;
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
	memlane_handle h = 0;
	size_t len;
	char *p = encver ? NULL : redis_LoadStringBuffer(io, &len);
	int err;

	if (!p)
		return NULL;
	h = value_new(p, len, &err);
	redis_Free(p);
	return to_pointer(h);
}

static void type_save(struct redis_io *io, void *value)
{
	struct message msg;
	char *p = value_message(to_handle(value), &msg);

	redis_SaveStringBuffer(io, p, message_len(&msg));
	redis_Free(msg.p);
}

static void type_rewrite(struct redis_io *io, struct redis_string *key, void *value)
{
	struct message msg;
	char *p = value_message(to_handle(value), &msg);

	redis_EmitAOF(io, "ml.set", "sb", key, p, (size_t)message_len(&msg));
	redis_Free(msg.p);
}

static size_t type_mem_usage(const void *value)
{
	return memlane_size(arena, to_handle(value));
}

static void type_digest(struct redis_digest *digest, void *value)
{
	struct message msg;
	char *p = value_message(to_handle(value), &msg);

	redis_DigestAddStringBuffer(digest, p, message_len(&msg));
	redis_DigestEndSequence(digest);
	redis_Free(msg.p);
}

/* A key that is being packed has no value. */
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

static void *type_copy(struct redis_string *from, struct redis_string *to, const void *value)
{
	struct message msg;
	char *p = value_message(to_handle(value), &msg);
	memlane_handle h;
	int err;

	(void)from;
	(void)to;
	h = value_new(p, message_len(&msg), &err);
	redis_Free(msg.p);
	return to_pointer(h);
}

/* --------------------------------------------------------------- keys ---- */

enum kind {
	KIND_NONE,	/* no such key */
	KIND_ARENA,
	KIND_PLAIN,	/* a string of Redis's own */
	KIND_OTHER
};

/* A key, and its string. Of KIND_ARENA @p is good in a section. */
struct look {
	struct redis_key *key;
	enum kind kind;
	memlane_handle h;
	const char *p;
	size_t len;
};

static enum kind key_kind(struct redis_key *key)
{
	switch (redis_KeyType(key)) {
	case REDIS_KEY_EMPTY:
		return KIND_NONE;
	case REDIS_KEY_STRING:
		return KIND_PLAIN;
	case REDIS_KEY_MODULE:
		return redis_ModuleTypeGetType(key) == type ? KIND_ARENA : KIND_OTHER;
	default:
		return KIND_OTHER;
	}
}

/* Begins a section if it is needed; look_end() ends it. */
static enum kind look_begin(struct redis_ctx *ctx, struct redis_string *name, int mode,
			    struct look *look)
{
	*look = (struct look){ .key = redis_OpenKey(ctx, name, mode) };
	look->kind = key_kind(look->key);
	if (look->kind == KIND_ARENA) {
		look->h = to_handle(redis_ModuleTypeGetValue(look->key));
		memlane_enter(arena);
		look->p = value_string(look->h, &look->len);
	} else if (look->kind == KIND_PLAIN) {
		look->p = redis_StringDMA(look->key, &look->len, REDIS_READ);
	}
	return look->kind;
}

/* The section's end: @p is good no more, the key stays open. */
static void look_leave(const struct look *look)
{
	if (look->kind == KIND_ARENA)
		memlane_exit(arena);
}

static void look_end(const struct look *look)
{
	look_leave(look);
	redis_CloseKey(look->key);
}

static int reply_no_memory(struct redis_ctx *ctx, int err)
{
	char text[256];

	snprintf(text, sizeof(text), "OOM memlane: %s", memlane_strerror(err));
	return redis_ReplyWithError(ctx, text);
}

/*
 * key_store - a key's value from now on
 * @h: belongs to the key afterwards
 * @keep: its expiry stays
 */
static void key_store(struct redis_key *key, memlane_handle h, bool keep)
{
	long long at = redis_GetAbsExpire(key);
	void *old;

	if (redis_ModuleTypeReplaceValue(key, type, to_pointer(h), &old) == REDIS_OK) {
		if (old != to_pointer(h))
			value_free(to_handle(old));
		if (!keep && at != REDIS_NO_EXPIRE)
			redis_SetAbsExpire(key, REDIS_NO_EXPIRE);
	} else {
		redis_ModuleTypeSetValue(key, type, to_pointer(h));
		if (keep && at != REDIS_NO_EXPIRE)
			redis_SetAbsExpire(key, at);
	}
}

/* The string becomes the key's value. false: there is no memory, which was replied. */
static bool key_set(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key,
		    const char *p, size_t len, bool keep)
{
	memlane_handle h = 0;
	int err;

	if (key_kind(key) == KIND_ARENA)
		h = to_handle(redis_ModuleTypeGetValue(key));
	if (!h || !value_replace(h, p, len))
		h = value_new(p, len, &err);
	if (!h) {
		reply_no_memory(ctx, err);
		return false;
	}
	key_store(key, h, keep);
	redis_SignalModifiedKey(ctx, name);
	return true;
}

static bool key_set_string(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key,
			   struct redis_string *value, bool keep)
{
	size_t len;
	const char *p = redis_StringPtrLen(value, &len);

	return key_set(ctx, name, key, p, len, keep);
}

/* A string of Redis's own moves into the arena. */
static bool key_adopt(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key)
{
	size_t len;
	const char *p = redis_StringDMA(key, &len, REDIS_READ);

	return key_set(ctx, name, key, p, len, true);
}

/* And one of the arena becomes one of Redis's own. */
static void key_release(struct redis_ctx *ctx, struct redis_string *name)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_WRITE);
	struct redis_string *string;
	struct message msg;
	long long at;

	if (key_kind(key) == KIND_ARENA) {
		at = redis_GetAbsExpire(key);
		value_message(to_handle(redis_ModuleTypeGetValue(key)), &msg);
		string = redis_CreateString(ctx, msg.p + LENGTH_BYTES, message_len(&msg));
		redis_Free(msg.p);
		redis_StringSet(key, string);
		redis_FreeString(ctx, string);
		if (at != REDIS_NO_EXPIRE)
			redis_SetAbsExpire(key, at);
	}
	redis_CloseKey(key);
}

/* ------------------------------------------------------ reading commands ---- */

static int reply_look(struct redis_ctx *ctx, const struct look *look)
{
	switch (look->kind) {
	case KIND_NONE:
		return redis_ReplyWithNull(ctx);
	case KIND_OTHER:
		return redis_ReplyWithError(ctx, WRONG_TYPE);
	default:
		return redis_ReplyWithStringBuffer(ctx, look->p, look->len);
	}
}

static int get_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct look look;

	if (argc != 2)
		return redis_WrongArity(ctx);
	look_begin(ctx, argv[1], REDIS_READ, &look);
	reply_look(ctx, &look);
	look_end(&look);
	return REDIS_OK;
}

static int mget_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct look look;
	int i;

	if (argc < 2)
		return redis_WrongArity(ctx);
	redis_ReplyWithArray(ctx, argc - 1);
	for (i = 1; i < argc; i++) {
		if (look_begin(ctx, argv[i], REDIS_READ, &look) == KIND_OTHER)
			redis_ReplyWithNull(ctx);
		else
			reply_look(ctx, &look);
		look_end(&look);
	}
	return REDIS_OK;
}

static int strlen_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct look look;

	if (argc != 2)
		return redis_WrongArity(ctx);
	if (look_begin(ctx, argv[1], REDIS_READ, &look) == KIND_OTHER)
		redis_ReplyWithError(ctx, WRONG_TYPE);
	else
		redis_ReplyWithLongLong(ctx, look.len);
	look_end(&look);
	return REDIS_OK;
}

static int reply_range(struct redis_ctx *ctx, const struct look *look, long long start,
		       long long end)
{
	const long long len = look->len;

	if (start < 0 && end < 0 && start > end)
		return redis_ReplyWithStringBuffer(ctx, "", 0);
	start = start < 0 ? start + len : start;
	end = end < 0 ? end + len : end;
	start = start < 0 ? 0 : start;
	end = end < 0 ? 0 : end;
	end = end >= len ? len - 1 : end;
	if (start > end || !len)
		return redis_ReplyWithStringBuffer(ctx, "", 0);
	return redis_ReplyWithStringBuffer(ctx, look->p + start, end - start + 1);
}

static int getrange_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	long long start, end;
	struct look look;

	if (argc != 4)
		return redis_WrongArity(ctx);
	if (redis_StringToLongLong(argv[2], &start) || redis_StringToLongLong(argv[3], &end))
		return redis_ReplyWithError(ctx, NO_INTEGER);
	if (look_begin(ctx, argv[1], REDIS_READ, &look) == KIND_OTHER)
		redis_ReplyWithError(ctx, WRONG_TYPE);
	else
		reply_range(ctx, &look, start, end);
	look_end(&look);
	return REDIS_OK;
}

static int type_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_reply *reply;
	struct redis_key *key;
	enum kind kind;

	if (argc != 2)
		return redis_WrongArity(ctx);
	key = redis_OpenKey(ctx, argv[1], REDIS_READ | REDIS_NOTOUCH);
	kind = key_kind(key);
	redis_CloseKey(key);
	if (kind == KIND_ARENA)
		return redis_ReplyWithSimpleString(ctx, "string");
	reply = redis_Call(ctx, "TYPE", "s", argv[1]);
	redis_ReplyWithCallReply(ctx, reply);
	redis_FreeCallReply(reply);
	return REDIS_OK;
}

/* -------------------------------------------------------- SET and GETEX ---- */

#define NX		(1U << 0)
#define XX		(1U << 1)
#define GET		(1U << 2)
#define KEEPTTL		(1U << 3)
#define PERSIST		(1U << 4)
#define EX		(1U << 5)
#define PX		(1U << 6)
#define EXAT		(1U << 7)
#define PXAT		(1U << 8)
#define EXPIRY		(EX | PX | EXAT | PXAT)
#define SECONDS		(EX | EXAT)
#define RELATIVE	(EX | PX)

struct options {
	unsigned int flags;
	struct redis_string *expire;
	long long at;	/* milliseconds since 1970 */
};

/* Those that may not come after or before each, as Redis has it. */
static const struct option {
	const char *name;
	unsigned int flag;
	unsigned int excludes;
} set_options[] = {
	{ "NX", NX, XX },
	{ "XX", XX, NX },
	{ "GET", GET, 0 },
	{ "KEEPTTL", KEEPTTL, EXPIRY },
	{ "EX", EX, KEEPTTL | (EXPIRY & ~EX) },
	{ "PX", PX, KEEPTTL | (EXPIRY & ~PX) },
	{ "EXAT", EXAT, KEEPTTL | (EXPIRY & ~EXAT) },
	{ "PXAT", PXAT, KEEPTTL | (EXPIRY & ~PXAT) },
	{ }
}, getex_options[] = {
	{ "PERSIST", PERSIST, EXPIRY },
	{ "EX", EX, PERSIST | (EXPIRY & ~EX) },
	{ "PX", PX, PERSIST | (EXPIRY & ~PX) },
	{ "EXAT", EXAT, PERSIST | (EXPIRY & ~EXAT) },
	{ "PXAT", PXAT, PERSIST | (EXPIRY & ~PXAT) },
	{ }
};

static bool parse_options(struct redis_string **argv, int argc, const struct option *table,
			  struct options *o)
{
	const struct option *opt;
	const char *word;
	int i;

	for (i = 0; i < argc; i++) {
		word = redis_StringPtrLen(argv[i], NULL);
		for (opt = table; opt->name && strcasecmp(opt->name, word); opt++)
			;
		if (!opt->name || o->flags & opt->excludes)
			return false;
		o->flags |= opt->flag;
		if (!(opt->flag & EXPIRY))
			continue;
		if (++i == argc)
			return false;
		o->expire = argv[i];
	}
	return true;
}

/* false: that it makes no sense was replied */
static bool parse_expiry(struct redis_ctx *ctx, const char *command, struct options *o)
{
	char text[80];
	long long at;

	if (!o->expire)
		return true;
	if (redis_StringToLongLong(o->expire, &at)) {
		redis_ReplyWithError(ctx, NO_INTEGER);
		return false;
	}
	if (at > 0 && !(o->flags & SECONDS && __builtin_mul_overflow(at, 1000LL, &at)) &&
	    !(o->flags & RELATIVE && __builtin_add_overflow(at, redis_Milliseconds(), &at))) {
		o->at = at;
		return true;
	}
	snprintf(text, sizeof(text), "ERR invalid expire time in '%s' command", command);
	redis_ReplyWithError(ctx, text);
	return false;
}

/* The time is told to replicas as it is, not as how long from when they hear of it. */
static void replicate_set(struct redis_ctx *ctx, struct redis_string *name,
			  struct redis_string *value, const struct options *o)
{
	if (o->flags & EXPIRY)
		redis_Replicate(ctx, "ml.set", "sscl", name, value, "PXAT", o->at);
	else
		redis_ReplicateVerbatim(ctx);
}

/* The key is open for writing. false: no memory, which was replied */
static bool set_value(struct redis_ctx *ctx, struct redis_string **argv, struct redis_key *key,
		      struct redis_string *value, const struct options *o)
{
	if (!key_set_string(ctx, argv[1], key, value, o->flags & KEEPTTL))
		return false;
	redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "set", argv[1]);
	if (o->flags & EXPIRY) {
		redis_SetAbsExpire(key, o->at);
		redis_NotifyKeyspaceEvent(ctx, REDIS_GENERIC, "expire", argv[1]);
	}
	return true;
}

/* What SET without GET replies goes to @set or @not, with GET the old value does. */
static int set_generic(struct redis_ctx *ctx, struct redis_string **argv,
		       struct redis_string *value, const struct options *o, bool number)
{
	struct redis_key *key = redis_OpenKey(ctx, argv[1], REDIS_WRITE);
	bool found = redis_KeyType(key) != REDIS_KEY_EMPTY;

	if ((o->flags & NX && found) || (o->flags & XX && !found)) {
		if (!(o->flags & GET))
			number ? redis_ReplyWithLongLong(ctx, 0) : redis_ReplyWithNull(ctx);
	} else if (set_value(ctx, argv, key, value, o)) {
		replicate_set(ctx, argv[1], value, o);
		if (!(o->flags & GET))
			number ? redis_ReplyWithLongLong(ctx, 1) :
				 redis_ReplyWithSimpleString(ctx, "OK");
	}
	redis_CloseKey(key);
	return REDIS_OK;
}

/* Reply the old value. false: it is no string, and that was replied */
static bool reply_old(struct redis_ctx *ctx, struct redis_string *name)
{
	struct look look;
	enum kind kind = look_begin(ctx, name, REDIS_READ, &look);

	reply_look(ctx, &look);
	look_end(&look);
	return kind != KIND_OTHER;
}

static int set_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct options o = { 0 };

	if (argc < 3)
		return redis_WrongArity(ctx);
	if (!parse_options(argv + 3, argc - 3, set_options, &o))
		return redis_ReplyWithError(ctx, SYNTAX);
	if (!parse_expiry(ctx, "set", &o))
		return REDIS_OK;
	if (o.flags & GET && !reply_old(ctx, argv[1]))
		return REDIS_OK;
	return set_generic(ctx, argv, argv[2], &o, false);
}

static int setnx_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	const struct options o = { .flags = NX };

	if (argc != 3)
		return redis_WrongArity(ctx);
	return set_generic(ctx, argv, argv[2], &o, true);
}

static int setex_generic(struct redis_ctx *ctx, struct redis_string **argv, int argc,
			 const char *command, unsigned int flag)
{
	struct options o = { .flags = flag };

	if (argc != 4)
		return redis_WrongArity(ctx);
	o.expire = argv[2];
	if (!parse_expiry(ctx, command, &o))
		return REDIS_OK;
	return set_generic(ctx, argv, argv[3], &o, false);
}

static int setex_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	return setex_generic(ctx, argv, argc, "setex", EX);
}

static int psetex_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	return setex_generic(ctx, argv, argc, "psetex", PX);
}

static int getset_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	const struct options o = { .flags = GET };

	if (argc != 3)
		return redis_WrongArity(ctx);
	if (!reply_old(ctx, argv[1]))
		return REDIS_OK;
	return set_generic(ctx, argv, argv[2], &o, false);
}

static void delete(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key)
{
	redis_DeleteKey(key);
	redis_SignalModifiedKey(ctx, name);
	redis_NotifyKeyspaceEvent(ctx, REDIS_GENERIC, "del", name);
	redis_Replicate(ctx, "DEL", "s", name);
}

static int del_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_key *key;
	int i, nr = 0;

	if (argc < 2)
		return redis_WrongArity(ctx);
	for (i = 1; i < argc; i++) {
		key = redis_OpenKey(ctx, argv[i], REDIS_WRITE);
		if (redis_KeyType(key) != REDIS_KEY_EMPTY) {
			delete(ctx, argv[i], key);
			nr++;
		}
		redis_CloseKey(key);
	}
	return redis_ReplyWithLongLong(ctx, nr);
}

/* The value, and the key open for writing, if it is there and a string; or NULL. */
static struct redis_key *reply_and_open(struct redis_ctx *ctx, struct redis_string *name)
{
	struct look look;
	enum kind kind = look_begin(ctx, name, REDIS_READ | REDIS_WRITE, &look);

	reply_look(ctx, &look);
	look_leave(&look);
	if (kind == KIND_ARENA || kind == KIND_PLAIN)
		return look.key;
	redis_CloseKey(look.key);
	return NULL;
}

static int getdel_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_key *key;

	if (argc != 2)
		return redis_WrongArity(ctx);
	key = reply_and_open(ctx, argv[1]);
	if (key)
		delete(ctx, argv[1], key);
	redis_CloseKey(key);
	return REDIS_OK;
}

static void getex_expire(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key,
			 const struct options *o)
{
	if (o->flags & (PXAT | EXAT) && o->at <= redis_Milliseconds()) {
		delete(ctx, name, key);
	} else if (o->flags & EXPIRY) {
		redis_SetAbsExpire(key, o->at);
		redis_SignalModifiedKey(ctx, name);
		redis_NotifyKeyspaceEvent(ctx, REDIS_GENERIC, "expire", name);
		redis_Replicate(ctx, "PEXPIREAT", "sl", name, o->at);
	} else if (o->flags & PERSIST && redis_GetAbsExpire(key) != REDIS_NO_EXPIRE) {
		redis_SetAbsExpire(key, REDIS_NO_EXPIRE);
		redis_SignalModifiedKey(ctx, name);
		redis_NotifyKeyspaceEvent(ctx, REDIS_GENERIC, "persist", name);
		redis_Replicate(ctx, "PERSIST", "s", name);
	}
}

/* Redis looks at the key before it looks at the time. */
static int getex_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct options o = { 0 };
	struct look look;
	enum kind kind;

	if (argc < 2)
		return redis_WrongArity(ctx);
	if (!parse_options(argv + 2, argc - 2, getex_options, &o))
		return redis_ReplyWithError(ctx, SYNTAX);
	kind = look_begin(ctx, argv[1], REDIS_READ | REDIS_WRITE, &look);
	if (kind == KIND_NONE || kind == KIND_OTHER) {
		reply_look(ctx, &look);
	} else if (parse_expiry(ctx, "getex", &o)) {
		reply_look(ctx, &look);
		getex_expire(ctx, argv[1], look.key, &o);
	}
	look_end(&look);
	return REDIS_OK;
}

/* ------------------------------------------------------ writing commands ---- */

static bool any_exists(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_key *key;
	bool found = false;
	int i;

	for (i = 1; i < argc && !found; i += 2) {
		key = redis_OpenKey(ctx, argv[i], REDIS_WRITE);
		found = redis_KeyType(key) != REDIS_KEY_EMPTY;
		redis_CloseKey(key);
	}
	return found;
}

/* false: there was no memory for all of them, which was replied */
static bool mset(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_key *key;
	bool good = true;
	int i;

	for (i = 1; i < argc && good; i += 2) {
		key = redis_OpenKey(ctx, argv[i], REDIS_WRITE);
		good = key_set_string(ctx, argv[i], key, argv[i + 1], false);
		redis_CloseKey(key);
		if (!good)
			continue;
		redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "set", argv[i]);
		redis_Replicate(ctx, "ml.set", "ss", argv[i], argv[i + 1]);
	}
	return good;
}

static int mset_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	if (argc < 3 || argc % 2 == 0)
		return redis_WrongArity(ctx);
	return mset(ctx, argv, argc) ? redis_ReplyWithSimpleString(ctx, "OK") : REDIS_OK;
}

static int msetnx_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	if (argc < 3 || argc % 2 == 0)
		return redis_WrongArity(ctx);
	if (any_exists(ctx, argv, argc))
		return redis_ReplyWithLongLong(ctx, 0);
	return mset(ctx, argv, argc) ? redis_ReplyWithLongLong(ctx, 1) : REDIS_OK;
}

/*
 * Put bytes into a string, which grows if need be. The key is open for writing; without
 * a value, or with one of Redis's own, it gets one. The length afterwards is replied.
 */
static int write_at(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key,
		    uint64_t at, const char *event, const char *p, size_t len)
{
	enum kind kind = key_kind(key);
	memlane_handle h;
	size_t was;
	char *to;
	int err;

	if (kind == KIND_NONE && !key_set(ctx, name, key, "", 0, false))
		return REDIS_OK;
	if (kind == KIND_PLAIN && !key_adopt(ctx, name, key))
		return REDIS_OK;
	h = to_handle(redis_ModuleTypeGetValue(key));
	memlane_enter(arena);
	value_string(h, &was);
	memlane_exit(arena);
	was = at + len > was ? at + len : was;
	h = value_resize(h, was, &err);
	if (!h)
		return reply_no_memory(ctx, err);
	memlane_enter(arena);
	to = value_string(h, &was);
	memcpy(to + at, p, len);
	memlane_exit(arena);
	key_store(key, h, true);
	redis_SignalModifiedKey(ctx, name);
	redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, event, name);
	redis_ReplicateVerbatim(ctx);
	return redis_ReplyWithLongLong(ctx, was);
}

static int append_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct look look;
	const char *p;
	size_t len;

	if (argc != 3)
		return redis_WrongArity(ctx);
	p = redis_StringPtrLen(argv[2], &len);
	look_begin(ctx, argv[1], REDIS_READ | REDIS_WRITE, &look);
	look_leave(&look);
	if (look.kind == KIND_OTHER) {
		redis_ReplyWithError(ctx, WRONG_TYPE);
	} else if (look.len + len > STRING_MAX) {
		redis_ReplyWithError(ctx, TOO_LONG);
	} else if (look.kind == KIND_NONE) {
		if (key_set(ctx, argv[1], look.key, p, len, false)) {
			redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "append", argv[1]);
			redis_ReplicateVerbatim(ctx);
			redis_ReplyWithLongLong(ctx, len);
		}
	} else {
		write_at(ctx, argv[1], look.key, look.len, "append", p, len);
	}
	redis_CloseKey(look.key);
	return REDIS_OK;
}

static int setrange_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct look look;
	const char *p;
	long long at;
	size_t len;

	if (argc != 4)
		return redis_WrongArity(ctx);
	if (redis_StringToLongLong(argv[2], &at))
		return redis_ReplyWithError(ctx, NO_INTEGER);
	if (at < 0)
		return redis_ReplyWithError(ctx, "ERR offset is out of range");
	p = redis_StringPtrLen(argv[3], &len);
	look_begin(ctx, argv[1], REDIS_READ | REDIS_WRITE, &look);
	look_leave(&look);
	if (look.kind == KIND_OTHER)
		redis_ReplyWithError(ctx, WRONG_TYPE);
	else if (!len)
		redis_ReplyWithLongLong(ctx, look.len);
	else if (at > STRING_MAX || at + (long long)len > STRING_MAX)
		redis_ReplyWithError(ctx, TOO_LONG);
	else
		write_at(ctx, argv[1], look.key, at, "setrange", p, len);
	redis_CloseKey(look.key);
	return REDIS_OK;
}

/* Decimal digits as Redis writes them, and nothing else. */
static bool to_number(const char *p, size_t len, long long *n)
{
	char text[NUMBER_MAX], again[NUMBER_MAX];

	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = 0;
	errno = 0;
	*n = strtoll(text, NULL, 10);
	snprintf(again, sizeof(again), "%lld", *n);
	return !errno && strlen(again) == len && !memcmp(text, again, len);
}

static int add(struct redis_ctx *ctx, struct redis_string **argv, long long by)
{
	char text[NUMBER_MAX];
	struct look look;
	long long n = 0;
	bool number;

	look_begin(ctx, argv[1], REDIS_READ | REDIS_WRITE, &look);
	number = look.kind == KIND_NONE || to_number(look.p, look.len, &n);
	look_leave(&look);
	if (look.kind == KIND_OTHER) {
		redis_ReplyWithError(ctx, WRONG_TYPE);
	} else if (!number) {
		redis_ReplyWithError(ctx, NO_INTEGER);
	} else if (__builtin_add_overflow(n, by, &n)) {
		redis_ReplyWithError(ctx, OVERFLOW);
	} else {
		snprintf(text, sizeof(text), "%lld", n);
		if (key_set(ctx, argv[1], look.key, text, strlen(text), true)) {
			redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "incrby", argv[1]);
			redis_ReplicateVerbatim(ctx);
			redis_ReplyWithLongLong(ctx, n);
		}
	}
	redis_CloseKey(look.key);
	return REDIS_OK;
}

static int incr_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	return argc == 2 ? add(ctx, argv, 1) : redis_WrongArity(ctx);
}

static int decr_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	return argc == 2 ? add(ctx, argv, -1) : redis_WrongArity(ctx);
}

static int incrby_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	long long by;

	if (argc != 3)
		return redis_WrongArity(ctx);
	if (redis_StringToLongLong(argv[2], &by))
		return redis_ReplyWithError(ctx, NO_INTEGER);
	return add(ctx, argv, by);
}

static int decrby_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	long long by;

	if (argc != 3)
		return redis_WrongArity(ctx);
	if (redis_StringToLongLong(argv[2], &by))
		return redis_ReplyWithError(ctx, NO_INTEGER);
	if (by == INT64_MIN)
		return redis_ReplyWithError(ctx, "ERR decrement would overflow");
	return add(ctx, argv, -by);
}

/* Redis's own reading and writing of floats, for which it wants a string of its own. */
static bool to_float(struct redis_ctx *ctx, const struct look *look, long double *n)
{
	struct redis_string *text;
	bool good;

	*n = 0;
	if (look->kind == KIND_NONE)
		return true;
	text = redis_CreateString(ctx, look->p, look->len);
	good = redis_StringToLongDouble(text, n) == REDIS_OK;
	redis_FreeString(ctx, text);
	return good;
}

static int store_float(struct redis_ctx *ctx, struct redis_string *name, struct redis_key *key,
		       long double n)
{
	struct redis_string *text = redis_CreateStringFromLongDouble(ctx, n, 1);

	if (key_set_string(ctx, name, key, text, true)) {
		redis_NotifyKeyspaceEvent(ctx, REDIS_STRING, "incrbyfloat", name);
		redis_Replicate(ctx, "ml.set", "ssc", name, text, "KEEPTTL");
		redis_ReplyWithString(ctx, text);
	}
	redis_FreeString(ctx, text);
	return REDIS_OK;
}

static int incrbyfloat_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	long double n, by;
	struct look look;
	bool number;

	if (argc != 3)
		return redis_WrongArity(ctx);
	look_begin(ctx, argv[1], REDIS_READ | REDIS_WRITE, &look);
	number = look.kind != KIND_OTHER && to_float(ctx, &look, &n);
	look_leave(&look);
	if (look.kind == KIND_OTHER)
		redis_ReplyWithError(ctx, WRONG_TYPE);
	else if (!number || redis_StringToLongDouble(argv[2], &by))
		redis_ReplyWithError(ctx, NO_FLOAT);
	else if (isnan(n + by) || isinf(n + by))
		redis_ReplyWithError(ctx, "ERR increment would produce NaN or Infinity");
	else
		store_float(ctx, argv[1], look.key, n + by);
	redis_CloseKey(look.key);
	return REDIS_OK;
}

/* ------------------------------------------ commands of Redis's own ---- */

static void adopt(struct redis_ctx *ctx, struct redis_string *name)
{
	struct redis_key *key = redis_OpenKey(ctx, name, REDIS_READ | REDIS_WRITE);
	memlane_handle h;
	const char *p;
	size_t len;
	int err;

	if (key_kind(key) == KIND_PLAIN) {
		p = redis_StringDMA(key, &len, REDIS_READ);
		h = value_new(p, len, &err);
		/* Without memory it stays where it is, which all commands can read. */
		if (h)
			key_store(key, h, true);
	}
	redis_CloseKey(key);
}

/*
 * ml.plain COMMAND ...: its keys' values are strings of Redis's own while it runs. For
 * what is asked for too seldom to be worth a twin here: bits, HyperLogLogs, LCS.
 */
static int plain_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	struct redis_reply *reply;
	int *keys, nr = 0, i;

	if (argc < 2)
		return redis_WrongArity(ctx);
	keys = redis_GetCommandKeys(ctx, argv + 1, argc - 1, &nr);
	for (i = 0; keys && i < nr; i++)
		key_release(ctx, argv[1 + keys[i]]);
	reply = redis_Call(ctx, redis_StringPtrLen(argv[1], NULL), "Ev", argv + 2,
			   (size_t)argc - 2);
	for (i = 0; keys && i < nr; i++)
		adopt(ctx, argv[1 + keys[i]]);
	redis_Free(keys);
	if (!reply)
		return redis_WrongArity(ctx);
	redis_ReplyWithCallReply(ctx, reply);
	redis_FreeCallReply(reply);
	return REDIS_OK;
}

/* The same for one that writes: it goes to replicas and the append-only file. */
static int plainwrite_command(struct redis_ctx *ctx, struct redis_string **argv, int argc)
{
	plain_command(ctx, argv, argc);
	redis_ReplicateVerbatim(ctx);
	return REDIS_OK;
}

/* ------------------------------------------------------------- filter ---- */

#define PAIRS	1	/* keys and values: an odd number of arguments, with the name */
#define PLAIN	2	/* a command of Redis's own, by ml.plain */
#define WRITES	4

/* @arity: as COMMAND tells it. What has it wrong stays Redis's, which says so. */
static const struct redirect {
	const char *name;
	const char *to;
	redis_command run;
	int arity;
	unsigned int how;
	int last;	/* key */
} redirects[] = {
	{ "get", "ml.get", get_command, 2, 0, 1 },
	{ "set", "ml.set", set_command, -3, WRITES, 1 },
	{ "mget", "ml.mget", mget_command, -2, 0, -1 },
	{ "mset", "ml.mset", mset_command, -3, WRITES | PAIRS, -1 },
	{ "incr", "ml.incr", incr_command, 2, WRITES, 1 },
	{ "decr", "ml.decr", decr_command, 2, WRITES, 1 },
	{ "type", "ml.type", type_command, 2, 0, 1 },
	{ "setnx", "ml.setnx", setnx_command, 3, WRITES, 1 },
	{ "setex", "ml.setex", setex_command, 4, WRITES, 1 },
	{ "getex", "ml.getex", getex_command, -2, WRITES, 1 },
	{ "psetex", "ml.psetex", psetex_command, 4, WRITES, 1 },
	{ "append", "ml.append", append_command, 3, WRITES, 1 },
	{ "strlen", "ml.strlen", strlen_command, 2, 0, 1 },
	{ "substr", "ml.substr", getrange_command, 4, 0, 1 },
	{ "getset", "ml.getset", getset_command, 3, WRITES, 1 },
	{ "getdel", "ml.getdel", getdel_command, 2, WRITES, 1 },
	{ "msetnx", "ml.msetnx", msetnx_command, -3, WRITES | PAIRS, -1 },
	{ "incrby", "ml.incrby", incrby_command, 3, WRITES, 1 },
	{ "decrby", "ml.decrby", decrby_command, 3, WRITES, 1 },
	{ "getrange", "ml.getrange", getrange_command, 4, 0, 1 },
	{ "setrange", "ml.setrange", setrange_command, 4, WRITES, 1 },
	{ "incrbyfloat", "ml.incrbyfloat", incrbyfloat_command, 3, WRITES, 1 },
	{ "getbit", "ml.plain", NULL, 3, PLAIN, 0 },
	{ "setbit", "ml.plainwrite", NULL, 4, PLAIN, 0 },
	{ "bitcount", "ml.plain", NULL, -2, PLAIN, 0 },
	{ "bitpos", "ml.plain", NULL, -3, PLAIN, 0 },
	{ "bitop", "ml.plainwrite", NULL, -4, PLAIN, 0 },
	{ "bitfield", "ml.plainwrite", NULL, -2, PLAIN, 0 },
	{ "bitfield_ro", "ml.plain", NULL, -2, PLAIN, 0 },
	{ "lcs", "ml.plain", NULL, -3, PLAIN, 0 },
	{ "pfadd", "ml.plainwrite", NULL, -2, PLAIN, 0 },
	{ "pfcount", "ml.plainwrite", NULL, -2, PLAIN, 0 },
	{ "pfmerge", "ml.plainwrite", NULL, -2, PLAIN, 0 },
};

#define REDIRECTS (sizeof(redirects) / sizeof(redirects[0]))

static struct redis_string *names[REDIRECTS];	/* of redirects[].to; never change */

static bool arity_fits(const struct redirect *r, int argc)
{
	if (r->how & PAIRS && argc % 2 == 0)
		return false;
	return r->arity < 0 ? argc >= -r->arity : argc == r->arity;
}

static void filter(struct redis_filter_ctx *f)
{
	size_t len, i;
	const char *name = redis_StringPtrLen(redis_CommandFilterArgGet(f, 0), &len);

	for (i = 0; i < REDIRECTS; i++) {
		const struct redirect *r = &redirects[i];

		if (strncasecmp(name, r->name, len) || r->name[len])
			continue;
		if (!arity_fits(r, redis_CommandFilterArgsCount(f)))
			return;
		redis_RetainString(NULL, names[i]);
		if (r->how & PLAIN)
			redis_CommandFilterArgInsert(f, 0, names[i]);
		else
			redis_CommandFilterArgReplace(f, 0, names[i]);
		return;
	}
}

static int filter_register(struct redis_ctx *ctx)
{
	size_t i;

	for (i = 0; i < REDIRECTS; i++)
		names[i] = redis_CreateString(NULL, redirects[i].to, strlen(redirects[i].to));
	return redis_RegisterCommandFilter(ctx, filter, REDIS_FILTER_NOSELF) ? REDIS_OK : REDIS_ERR;
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
	long long at;		/* it expires */
	long long idle;		/* what Redis knows of its use, or -1 */
	long long often;
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
	if (packer.nr == PACK || key_kind(key) != KIND_ARENA)
		return;
	redis_RetainString(NULL, name);
	packer.key[packer.nr++] = (struct packed){ .name = name };
}

/* The name that the scan gave is a copy, and the last thing to be freed. */
static void pack_out(struct redis_ctx *ctx, struct packed *p)
{
	struct redis_key *key = redis_OpenKey(ctx, p->name, REDIS_WRITE | REDIS_NOTOUCH);
	void *value;

	if (key_kind(key) == KIND_ARENA) {
		p->at = redis_GetAbsExpire(key);
		redis_GetLRU(key, &p->idle);
		redis_GetLFU(key, &p->often);
		redis_ModuleTypeReplaceValue(key, type, NULL, &value);
		p->h = to_handle(value);
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
		if (p->at != REDIS_NO_EXPIRE)
			redis_SetAbsExpire(key, p->at);
		if (p->idle >= 0)
			redis_SetLRU(key, p->idle);
		if (p->often >= 0)
			redis_SetLFU(key, p->often);
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
	int err;

	if (argc > 2 || (argc == 2 && strcasecmp(redis_StringPtrLen(argv[1], NULL), "background")))
		return redis_ReplyWithError(ctx, SYNTAX);
	if (argc == 2) {
		__atomic_store_n(&compactor.asked, true, __ATOMIC_RELAXED);
		return redis_ReplyWithSimpleString(ctx, "OK");
	}
	err = memlane_compact(arena, MEMLANE_SLOW_LANE, 0, NULL);
	return err ? reply_no_memory(ctx, err) : redis_ReplyWithSimpleString(ctx, "OK");
}

/* ---------------------------------------------------------------- INFO ---- */

static void info(struct redis_info *i, int crash)
{
	struct memlane_stats st;
	const struct memlane_lane_stat *lane = &st.counts.lane[MEMLANE_SLOW];

	if (crash)
		return;
	st = statistics();
	redis_InfoAddSection(i, "arena");
	redis_InfoAddFieldCString(i, "backend", memlane_backend(arena) == MEMLANE_BACKEND_MODULE ?
				  "module" : "local");
	redis_InfoAddFieldULongLong(i, "values", st.live_objects);
	redis_InfoAddFieldULongLong(i, "value_bytes", st.live_bytes);
	redis_InfoAddFieldULongLong(i, "used_bytes", lane->used);
	redis_InfoAddFieldULongLong(i, "resident_bytes", lane->resident);
	redis_InfoAddFieldULongLong(i, "metadata_bytes", st.counts.metadata);
	redis_InfoAddFieldDouble(i, "ratio", st.live_bytes ? (double)lane->used / st.live_bytes : 0);
	redis_InfoAddFieldULongLong(i, "moved", st.counts.moved);
	redis_InfoAddFieldULongLong(i, "moved_bytes", st.counts.moved_bytes);
	redis_InfoAddFieldULongLong(i, "pages_returned", st.counts.pages_returned);
	redis_InfoAddFieldULongLong(i, "vetoed", st.vetoes);
	redis_InfoAddFieldULongLong(i, "compacting",
				    __atomic_load_n(&compactor.working, __ATOMIC_ACQUIRE));
	redis_InfoAddFieldULongLong(i, "compactions",
				    __atomic_load_n(&compactor.runs, __ATOMIC_RELAXED));
	redis_InfoAddFieldULongLong(i, "packing", packer.under_way ||
				    __atomic_load_n(&packer.wanted, __ATOMIC_RELAXED));
	redis_InfoAddFieldULongLong(i, "packed_keys", packer.keys);
	redis_InfoAddFieldULongLong(i, "children",
				    __atomic_load_n(&forks.children, __ATOMIC_RELAXED));
	redis_InfoAddFieldULongLong(i, "kept_for_children",
				    __atomic_load_n(&forks.nr, __ATOMIC_RELAXED));
}

/* ---------------------------------------------------------------- load ---- */

struct arguments {
	bool redirect;
	int backend;
};

static bool parse_ratio(const char *word)
{
	char *end;

	ratio = strtod(word, &end);
	return *word && !*end && ratio >= 1 && ratio <= 100;
}

static bool parse_backend(const char *word, struct arguments *a)
{
	if (!strcasecmp(word, "module"))
		a->backend = MEMLANE_BACKEND_MODULE;
	else if (!strcasecmp(word, "local"))
		a->backend = MEMLANE_BACKEND_LOCAL;
	else
		return false;
	return true;
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
		else
			return word;
	}
	return NULL;
}

/* One lane for all, which does not fill up: nothing moves but by the compactor. */
static int arena_open(int backend)
{
	struct memlane_config c;

	memlane_config_init(&c);
	c.backend = backend;
	c.slow_lane_size = c.slow_lane_max;
	c.slow_lane_safety_margin = 0;
	c.policy_check_interval = 0;
	return memlane_open(&arena, &c);
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
	const struct redirect *r;
	int err = 0;

	for (r = redirects; r < redirects + REDIRECTS && !err; r++)
		if (r->run)
			err = redis_CreateCommand(ctx, r->to, r->run, r->how & WRITES ?
						  "write deny-oom fast" : "readonly fast",
						  1, r->last, r->how & PAIRS ? 2 : 1);
	if (!err)
		err = redis_CreateCommand(ctx, "ml.del", del_command, "write", 1, -1, 1);
	if (!err)
		err = redis_CreateCommand(ctx, "ml.plain", plain_command, "readonly", 0, 0, 0);
	if (!err)
		err = redis_CreateCommand(ctx, "ml.plainwrite", plainwrite_command,
					  "write deny-oom", 0, 0, 0);
	if (!err)
		err = redis_CreateCommand(ctx, "ml.compact", compact_command, "admin", 0, 0, 0);
	return err;
}

/* What cannot be taken back comes last: a module that has a type is never unloaded. */
static int start(struct redis_ctx *ctx, const struct arguments *a)
{
	int err = arena_open(a->backend);

	if (err) {
		redis_Log(ctx, "warning", "%s", memlane_strerror(err));
		return REDIS_ERR;
	}
	if (create_type(ctx) || create_commands(ctx) || redis_RegisterInfoFunc(ctx, info) ||
	    (a->redirect && filter_register(ctx)) ||
	    pthread_atfork(before_fork, in_parent, in_child) ||
	    !thread_start(compactor_run, NULL)) {
		memlane_close(arena);
		return REDIS_ERR;
	}
	packer.cursor = redis_ScanCursorCreate();
	redis_CreateTimer(ctx, PACK_LOOK, pack_timer, NULL);
	redis_Log(ctx, "notice", "values live in an arena of the %s",
		  memlane_backend(arena) == MEMLANE_BACKEND_MODULE ? "kernel module" : "process");
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
			  "%s? Arguments are: redirect, idle, ratio NUMBER, backend module|local",
			  wrong);
		return REDIS_ERR;
	}
	return start(ctx, &a);
}
