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

/* KeyType() */
#define REDIS_KEY_EMPTY		0
#define REDIS_KEY_STRING	1

struct redis_ctx;
struct redis_string;
struct redis_key;
struct redis_type;
struct redis_io;
struct redis_digest;
struct redis_info;
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

/* Calls by their names without RedisModule_; redis_find_calls() fills them in. */
static void (*redis_SetModuleAttribs)(struct redis_ctx *, const char *, int, int);
static void (*redis_SetModuleOptions)(struct redis_ctx *, int);
static int (*redis_CreateCommand)(struct redis_ctx *, const char *, redis_command,
		const char *, int, int, int);
static struct redis_type *(*redis_CreateDataType)(struct redis_ctx *, const char *, int,
		struct redis_type_methods *);
static void *(*redis_RegisterCommandFilter)(struct redis_ctx *, redis_filter_fn, int);
static int (*redis_RegisterInfoFunc)(struct redis_ctx *, redis_info_fn);
static void (*redis_Log)(struct redis_ctx *, const char *, const char *, ...);
static int (*redis_WrongArity)(struct redis_ctx *);
static int (*redis_ReplyWithError)(struct redis_ctx *, const char *);
static int (*redis_ReplyWithSimpleString)(struct redis_ctx *, const char *);
static int (*redis_ReplyWithLongLong)(struct redis_ctx *, long long);
static int (*redis_ReplyWithStringBuffer)(struct redis_ctx *, const char *, size_t);
static int (*redis_ReplyWithNull)(struct redis_ctx *);
static int (*redis_ReplyWithArray)(struct redis_ctx *, long);
static int (*redis_ReplyWithCallReply)(struct redis_ctx *, struct redis_reply *);
static struct redis_reply *(*redis_Call)(struct redis_ctx *, const char *, const char *, ...);
static void (*redis_FreeCallReply)(struct redis_reply *);
static int (*redis_Replicate)(struct redis_ctx *, const char *, const char *, ...);
static int (*redis_ReplicateVerbatim)(struct redis_ctx *);
static int (*redis_SignalModifiedKey)(struct redis_ctx *, struct redis_string *);
static int (*redis_NotifyKeyspaceEvent)(struct redis_ctx *, int, const char *,
		struct redis_string *);
static long long (*redis_Milliseconds)(void);
static uint64_t (*redis_CreateTimer)(struct redis_ctx *, long long, redis_timer_fn, void *);
static int (*redis_SelectDb)(struct redis_ctx *, int);
static struct redis_cursor *(*redis_ScanCursorCreate)(void);
static void (*redis_ScanCursorRestart)(struct redis_cursor *);
static int (*redis_Scan)(struct redis_ctx *, struct redis_cursor *, redis_scan_fn, void *);
static int (*redis_GetLRU)(struct redis_key *, long long *);
static int (*redis_SetLRU)(struct redis_key *, long long);
static int (*redis_GetLFU)(struct redis_key *, long long *);
static int (*redis_SetLFU)(struct redis_key *, long long);
static struct redis_key *(*redis_OpenKey)(struct redis_ctx *, struct redis_string *, int);
static void (*redis_CloseKey)(struct redis_key *);
static int (*redis_KeyType)(struct redis_key *);
static int (*redis_DeleteKey)(struct redis_key *);
static char *(*redis_StringDMA)(struct redis_key *, size_t *, int);
static int (*redis_StringSet)(struct redis_key *, struct redis_string *);
static long long (*redis_GetAbsExpire)(struct redis_key *);
static int (*redis_SetAbsExpire)(struct redis_key *, long long);
static struct redis_type *(*redis_ModuleTypeGetType)(struct redis_key *);
static void *(*redis_ModuleTypeGetValue)(struct redis_key *);
static int (*redis_ModuleTypeSetValue)(struct redis_key *, struct redis_type *, void *);
static int (*redis_ModuleTypeReplaceValue)(struct redis_key *, struct redis_type *, void *,
		void **);
static struct redis_string *(*redis_CreateString)(struct redis_ctx *, const char *, size_t);
static void (*redis_FreeString)(struct redis_ctx *, struct redis_string *);
static void (*redis_RetainString)(struct redis_ctx *, struct redis_string *);
static const char *(*redis_StringPtrLen)(const struct redis_string *, size_t *);
static int (*redis_StringToLongLong)(const struct redis_string *, long long *);
static void (*redis_SaveStringBuffer)(struct redis_io *, const char *, size_t);
static char *(*redis_LoadStringBuffer)(struct redis_io *, size_t *);
static void (*redis_EmitAOF)(struct redis_io *, const char *, const char *, ...);
static void (*redis_DigestAddStringBuffer)(struct redis_digest *, const char *, size_t);
static void (*redis_DigestEndSequence)(struct redis_digest *);
static int (*redis_InfoAddSection)(struct redis_info *, const char *);
static int (*redis_InfoAddFieldULongLong)(struct redis_info *, const char *,
		unsigned long long);
static int (*redis_InfoAddFieldDouble)(struct redis_info *, const char *, double);
static int (*redis_InfoAddFieldCString)(struct redis_info *, const char *, const char *);
static int (*redis_CommandFilterArgsCount)(struct redis_filter_ctx *);
static struct redis_string *(*redis_CommandFilterArgGet)(struct redis_filter_ctx *, int);
static int (*redis_CommandFilterArgReplace)(struct redis_filter_ctx *, int,
		struct redis_string *);
static void *(*redis_Alloc)(size_t);
static void *(*redis_Realloc)(void *, size_t);
static void (*redis_Free)(void *);

#define FIND(name) { "RedisModule_" #name, &redis_##name }

static const struct {
	const char *name;
	void *call;
} redis_calls[] = {
	FIND(SetModuleAttribs), FIND(SetModuleOptions), FIND(CreateCommand),
	FIND(CreateDataType), FIND(RegisterCommandFilter), FIND(RegisterInfoFunc),
	FIND(Log), FIND(WrongArity), FIND(ReplyWithError), FIND(ReplyWithSimpleString),
	FIND(ReplyWithLongLong), FIND(ReplyWithStringBuffer), FIND(ReplyWithNull),
	FIND(ReplyWithArray), FIND(ReplyWithCallReply), FIND(Call), FIND(FreeCallReply),
	FIND(Replicate), FIND(ReplicateVerbatim), FIND(SignalModifiedKey),
	FIND(NotifyKeyspaceEvent), FIND(Milliseconds), FIND(CreateTimer), FIND(SelectDb),
	FIND(ScanCursorCreate), FIND(ScanCursorRestart), FIND(Scan), FIND(GetLRU),
	FIND(SetLRU), FIND(GetLFU), FIND(SetLFU), FIND(OpenKey), FIND(CloseKey),
	FIND(KeyType), FIND(DeleteKey), FIND(StringDMA), FIND(StringSet),
	FIND(GetAbsExpire), FIND(SetAbsExpire), FIND(ModuleTypeGetType),
	FIND(ModuleTypeGetValue), FIND(ModuleTypeSetValue), FIND(ModuleTypeReplaceValue),
	FIND(CreateString), FIND(FreeString), FIND(RetainString), FIND(StringPtrLen),
	FIND(StringToLongLong), FIND(SaveStringBuffer), FIND(LoadStringBuffer),
	FIND(EmitAOF), FIND(DigestAddStringBuffer), FIND(DigestEndSequence),
	FIND(InfoAddSection), FIND(InfoAddFieldULongLong), FIND(InfoAddFieldDouble),
	FIND(InfoAddFieldCString), FIND(CommandFilterArgsCount), FIND(CommandFilterArgGet),
	FIND(CommandFilterArgReplace), FIND(Alloc), FIND(Realloc), FIND(Free),
};

/* Look all calls up. The name of the first that this Redis does not have, or NULL. */
static const char *redis_find_calls(struct redis_ctx *ctx)
{
	int (*find)(const char *name, void *call) = *(void **)ctx;
	size_t i;

	for (i = 0; i < sizeof(redis_calls) / sizeof(redis_calls[0]); i++)
		if (find(redis_calls[i].name, redis_calls[i].call) != REDIS_OK)
			return redis_calls[i].name;
	return NULL;
}

#endif /* MEMLANE_CLIENTS_REDIS_H */
