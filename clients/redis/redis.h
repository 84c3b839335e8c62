/* SPDX-License-Identifier: MIT */
/*
 * redis.h - the part of the module API of Redis 7.0 that memlane-redis.c uses
 *
 * Debian packages no header for modules. None is needed: the first word of the context
 * that RedisModule_OnLoad() gets is a function that finds each call by its name.
 */
#ifndef MEMLANE_CLIENTS_REDIS_H
#define MEMLANE_CLIENTS_REDIS_H

#include <stddef.h>
#include <stdint.h>

#define REDIS_OK	0
#define REDIS_ERR	1
#define REDIS_API	1	/* version of the module API */

/* OpenKey() */
#define REDIS_READ	1
#define REDIS_WRITE	2
#define REDIS_NOTOUCH	(1 << 16)

#define REDIS_NO_EXPIRE	(-1LL)

/* NotifyKeyspaceEvent() */
#define REDIS_GENERIC	(1 << 2)
#define REDIS_STRING	(1 << 3)

/* SetModuleOptions() */
#define REDIS_HANDLE_IO_ERRORS		(1 << 0)
#define REDIS_NO_IMPLICIT_SIGNAL	(1 << 1)
#define REDIS_HANDLE_ASYNC_LOAD		(1 << 2)

/* RegisterCommandFilter(): not for calls that the module makes itself */
#define REDIS_FILTER_NOSELF	1

enum redis_key_type {
	REDIS_KEY_EMPTY,
	REDIS_KEY_STRING,
	REDIS_KEY_LIST,
	REDIS_KEY_HASH,
	REDIS_KEY_SET,
	REDIS_KEY_ZSET,
	REDIS_KEY_MODULE,
	REDIS_KEY_STREAM
};

struct redis_ctx;
struct redis_string;
struct redis_key;
struct redis_type;
struct redis_io;
struct redis_digest;
struct redis_info;
struct redis_filter;
struct redis_filter_ctx;
struct redis_reply;
struct redis_cursor;

typedef int (*redis_command)(struct redis_ctx *ctx, struct redis_string **argv, int argc);
typedef void (*redis_info_fn)(struct redis_info *info, int crash);
typedef void (*redis_filter_fn)(struct redis_filter_ctx *filter);
typedef void (*redis_timer_fn)(struct redis_ctx *ctx, void *arg);
typedef void (*redis_scan_fn)(struct redis_ctx *ctx, struct redis_string *name,
			      struct redis_key *key, void *arg);

/*
 * What Redis asks of values of a type. The members that are named _unused belong to
 * what this module does not do; their order is Redis's.
 */
struct redis_type_methods {
	uint64_t version;	/* 4 */
	void *(*rdb_load)(struct redis_io *io, int encver);
	void (*rdb_save)(struct redis_io *io, void *value);
	void (*aof_rewrite)(struct redis_io *io, struct redis_string *key, void *value);
	size_t (*mem_usage)(const void *value);
	void (*digest)(struct redis_digest *digest, void *value);
	void (*free)(void *value);
	void *aux_unused[2];
	int aux_triggers_unused;
	size_t (*free_effort)(struct redis_string *key, const void *value);
	void *unlink_unused;
	void *(*copy)(struct redis_string *from, struct redis_string *to, const void *value);
	void *later_unused[5];
};

/* F(returned type, name without RedisModule_, parameters) */
#define REDIS_CALLS(F)									\
	F(void, SetModuleAttribs, (struct redis_ctx *, const char *, int, int))	\
	F(void, SetModuleOptions, (struct redis_ctx *, int))				\
	F(int, CreateCommand, (struct redis_ctx *, const char *, redis_command,	\
			       const char *, int, int, int))				\
	F(struct redis_type *, CreateDataType, (struct redis_ctx *, const char *, int,	\
						struct redis_type_methods *))		\
	F(struct redis_filter *, RegisterCommandFilter, (struct redis_ctx *,		\
							 redis_filter_fn, int))	\
	F(int, RegisterInfoFunc, (struct redis_ctx *, redis_info_fn))			\
	F(void, Log, (struct redis_ctx *, const char *, const char *, ...))		\
	F(int, WrongArity, (struct redis_ctx *))					\
	F(int, ReplyWithError, (struct redis_ctx *, const char *))			\
	F(int, ReplyWithSimpleString, (struct redis_ctx *, const char *))		\
	F(int, ReplyWithLongLong, (struct redis_ctx *, long long))			\
	F(int, ReplyWithStringBuffer, (struct redis_ctx *, const char *, size_t))	\
	F(int, ReplyWithString, (struct redis_ctx *, struct redis_string *))		\
	F(int, ReplyWithNull, (struct redis_ctx *))					\
	F(int, ReplyWithArray, (struct redis_ctx *, long))				\
	F(int, ReplyWithCallReply, (struct redis_ctx *, struct redis_reply *))		\
	F(struct redis_reply *, Call, (struct redis_ctx *, const char *, const char *, ...)) \
	F(void, FreeCallReply, (struct redis_reply *))					\
	F(int, Replicate, (struct redis_ctx *, const char *, const char *, ...))	\
	F(int, ReplicateVerbatim, (struct redis_ctx *))					\
	F(int, SignalModifiedKey, (struct redis_ctx *, struct redis_string *))		\
	F(int, NotifyKeyspaceEvent, (struct redis_ctx *, int, const char *,		\
				     struct redis_string *))				\
	F(long long, Milliseconds, (void))						\
	F(uint64_t, CreateTimer, (struct redis_ctx *, long long, redis_timer_fn, void *)) \
	F(int, SelectDb, (struct redis_ctx *, int))					\
	F(struct redis_cursor *, ScanCursorCreate, (void))				\
	F(void, ScanCursorRestart, (struct redis_cursor *))				\
	F(int, Scan, (struct redis_ctx *, struct redis_cursor *, redis_scan_fn, void *)) \
	F(int, GetLRU, (struct redis_key *, long long *))				\
	F(int, SetLRU, (struct redis_key *, long long))					\
	F(int, GetLFU, (struct redis_key *, long long *))				\
	F(int, SetLFU, (struct redis_key *, long long))					\
	F(struct redis_key *, OpenKey, (struct redis_ctx *, struct redis_string *, int)) \
	F(void, CloseKey, (struct redis_key *))						\
	F(int, KeyType, (struct redis_key *))						\
	F(int, DeleteKey, (struct redis_key *))						\
	F(char *, StringDMA, (struct redis_key *, size_t *, int))			\
	F(long long, GetAbsExpire, (struct redis_key *))				\
	F(int, SetAbsExpire, (struct redis_key *, long long))				\
	F(int, StringSet, (struct redis_key *, struct redis_string *))			\
	F(struct redis_type *, ModuleTypeGetType, (struct redis_key *))			\
	F(void *, ModuleTypeGetValue, (struct redis_key *))				\
	F(int, ModuleTypeSetValue, (struct redis_key *, struct redis_type *, void *))	\
	F(int, ModuleTypeReplaceValue, (struct redis_key *, struct redis_type *, void *, \
					void **))					\
	F(struct redis_string *, CreateString, (struct redis_ctx *, const char *, size_t)) \
	F(struct redis_string *, CreateStringFromLongDouble, (struct redis_ctx *,	\
							      long double, int))	\
	F(void, FreeString, (struct redis_ctx *, struct redis_string *))		\
	F(void, RetainString, (struct redis_ctx *, struct redis_string *))		\
	F(const char *, StringPtrLen, (const struct redis_string *, size_t *))		\
	F(int, StringToLongLong, (const struct redis_string *, long long *))		\
	F(int, StringToLongDouble, (const struct redis_string *, long double *))	\
	F(int *, GetCommandKeys, (struct redis_ctx *, struct redis_string **, int, int *)) \
	F(void, SaveStringBuffer, (struct redis_io *, const char *, size_t))		\
	F(char *, LoadStringBuffer, (struct redis_io *, size_t *))			\
	F(void, EmitAOF, (struct redis_io *, const char *, const char *, ...))		\
	F(void, DigestAddStringBuffer, (struct redis_digest *, const char *, size_t))	\
	F(void, DigestEndSequence, (struct redis_digest *))				\
	F(int, InfoAddSection, (struct redis_info *, const char *))			\
	F(int, InfoAddFieldULongLong, (struct redis_info *, const char *,		\
				       unsigned long long))				\
	F(int, InfoAddFieldDouble, (struct redis_info *, const char *, double))	\
	F(int, InfoAddFieldCString, (struct redis_info *, const char *, const char *))	\
	F(int, CommandFilterArgsCount, (struct redis_filter_ctx *))			\
	F(struct redis_string *, CommandFilterArgGet, (struct redis_filter_ctx *, int))	\
	F(int, CommandFilterArgReplace, (struct redis_filter_ctx *, int,		\
					 struct redis_string *))			\
	F(int, CommandFilterArgInsert, (struct redis_filter_ctx *, int,		\
					struct redis_string *))				\
	F(void *, Alloc, (size_t))							\
	F(void *, Realloc, (void *, size_t))						\
	F(void, Free, (void *))

#define REDIS_DECLARE(type, name, parameters) static type (*redis_##name) parameters;
REDIS_CALLS(REDIS_DECLARE)
#undef REDIS_DECLARE

typedef int (*redis_find_fn)(const char *name, void *call);

/* Look all calls up. The name of the first that this Redis does not have, or NULL. */
static const char *redis_find_calls(struct redis_ctx *ctx)
{
	redis_find_fn find = *(redis_find_fn *)ctx;

#define REDIS_FIND(type, name, parameters)					\
	if (find("RedisModule_" #name, (void *)&redis_##name) != REDIS_OK)	\
		return #name;
	REDIS_CALLS(REDIS_FIND)
#undef REDIS_FIND
	return NULL;
}

#endif /* MEMLANE_CLIENTS_REDIS_H */
