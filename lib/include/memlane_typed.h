/* SPDX-License-Identifier: MIT */
/*
 * memlane_typed.h - objects that have a type, in C11
 *
 *	MEMLANE_TYPED(struct point, point)
 *
 * makes a type `point_ref`, which the compiler tells from other references, and
 *
 *	point_alloc(m, &ref)		0 or -errno; the bytes are zero
 *	point_alloc_array(m, n, &ref)	the same for n of them
 *	point_free(m, ref)
 *	point_set(m, ref, &value)	copy in
 *	point_get(m, ref, &value)	copy out
 *	point_set_at(m, ref, i, &value)	the same for element i
 *	point_get_at(m, ref, i, &value)
 *	point_count(m, ref)		elements; 0: the reference is bad
 *	point_at(m, ref)		address in a section, or NULL
 *
 * Each call but the last has a section of its own. An element past the end is
 * -ERANGE; other errors are those of memlane_try_get().
 */
#ifndef MEMLANE_TYPED_H
#define MEMLANE_TYPED_H

#include <errno.h>
#include <string.h>

#include <memlane.h>

#ifdef __cplusplus
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

/**
 * memlane_make_aligned - allocate cleared bytes for @n elements of @each bytes
 * @m: arena
 * @n: 1 or more
 * @each: bytes
 * @align: of the first one; up to 16 it comes by itself
 * @out: the handle
 *
 * Return: 0; -EINVAL: too large, or nothing; errors of memlane_alloc_with(), as
 * -EOPNOTSUPP for an alignment over 64 in checking mode.
 */
static inline int memlane_make_aligned(struct memlane *m, uint64_t n, uint64_t each,
				       uint32_t align, memlane_handle *out)
{
	struct memlane_alloc_opts opts;
	uint64_t bytes;

	memset(&opts, 0, sizeof(opts));
	opts.align = align;
	opts.flags = MEMLANE_ZERO;
	*out = 0;
	if (__builtin_mul_overflow(n, each, &bytes))
		return -EINVAL;
	return memlane_alloc_with(m, bytes, &opts, out);
}

/**
 * memlane_make - allocate cleared bytes for @n elements of @each bytes
 * @m: arena
 * @n: 1 or more
 * @each: bytes
 * @out: the handle
 *
 * Return: 0; -EINVAL: too large, or nothing; errors of memlane_alloc_with().
 */
static inline int memlane_make(struct memlane *m, uint64_t n, uint64_t each, memlane_handle *out)
{
	return memlane_make_aligned(m, n, each, 0, out);
}

/* In a section: where @size bytes at @offset of an object are. */
static inline int memlane_reach(struct memlane *m, memlane_handle h, uint64_t offset,
				uint64_t size, char **at)
{
	void *p;
	int err;

	if (offset > MEMLANE_SIZE_MAX || size > MEMLANE_SIZE_MAX - offset)
		return -ERANGE;
	err = memlane_try_get(m, h, offset + size, &p);
	if (!err)
		*at = (char *)p + offset;
	return err;
}

/**
 * memlane_put - copy bytes into an object
 * @m: arena
 * @h: handle
 * @offset: where to
 * @from: bytes
 * @size: how many
 *
 * Return: 0; -ERANGE: past the end; errors of memlane_try_get().
 */
static inline int memlane_put(struct memlane *m, memlane_handle h, uint64_t offset,
			      const void *from, uint64_t size)
{
	char *p;
	int err = memlane_enter(m);

	if (err)
		return err;
	err = memlane_reach(m, h, offset, size, &p);
	if (!err)
		memcpy(p, from, size);
	memlane_exit(m);
	return err;
}

/**
 * memlane_fetch - copy bytes out of an object
 * @m: arena
 * @h: handle
 * @offset: where from
 * @to: room for them
 * @size: how many
 *
 * Return: 0; -ERANGE: past the end; errors of memlane_try_get().
 */
static inline int memlane_fetch(struct memlane *m, memlane_handle h, uint64_t offset, void *to,
				uint64_t size)
{
	char *p;
	int err = memlane_enter(m);

	if (err)
		return err;
	err = memlane_reach(m, h, offset, size, &p);
	if (!err)
		memcpy(to, p, size);
	memlane_exit(m);
	return err;
}

/* Where element @i starts; past every object if that has no answer. */
static inline uint64_t memlane_element(uint64_t i, uint64_t each)
{
	uint64_t offset;

	return __builtin_mul_overflow(i, each, &offset) ? UINT64_MAX : offset;
}

/**
 * memlane_store_string - make an object of a string
 * @m: arena
 * @s: the string
 * @out: its handle, 0 on error; memlane_size() is the length with the 0 at the end
 *
 * Return: 0; errors of memlane_alloc_with() and memlane_put().
 */
static inline int memlane_store_string(struct memlane *m, const char *s, memlane_handle *out)
{
	size_t size = strlen(s) + 1;
	int err = memlane_make(m, 1, size, out);

	if (err)
		return err;
	err = memlane_put(m, *out, 0, s, size);
	if (err) {
		memlane_free(m, *out);
		*out = 0;
	}
	return err;
}

/**
 * memlane_load_string - copy a stored string
 * @m: arena
 * @h: from memlane_store_string()
 * @to: gets it
 * @room: bytes there
 *
 * Return: 0; -ERANGE: no room; -EBADF and so on: the handle is bad.
 */
static inline int memlane_load_string(struct memlane *m, memlane_handle h, char *to, size_t room)
{
	uint64_t size = memlane_size(m, h);

	return size > room ? -ERANGE : memlane_fetch(m, h, 0, to, size);
}

/**
 * MEMLANE_TYPED - references to objects of a type, and what can be done with them
 * @type: of the objects, of any size but 0 and any alignment up to 2 MiB; holds no
 *	address of a movable object
 * @name: in front of the names of the type and functions
 */
#define MEMLANE_TYPED(type, name)							\
typedef struct { memlane_handle h; } name##_ref;					\
static inline __attribute__((unused))							\
int name##_alloc_array(struct memlane *m, uint64_t n, name##_ref *ref)			\
{											\
	return memlane_make_aligned(m, n, sizeof(type), __alignof__(type), &ref->h);	\
}											\
static inline __attribute__((unused))							\
int name##_alloc(struct memlane *m, name##_ref *ref)					\
{											\
	return memlane_make_aligned(m, 1, sizeof(type), __alignof__(type), &ref->h);	\
}											\
static inline __attribute__((unused))							\
int name##_free(struct memlane *m, name##_ref ref)					\
{											\
	return memlane_free(m, ref.h);							\
}											\
static inline __attribute__((unused))							\
int name##_set_at(struct memlane *m, name##_ref ref, uint64_t i, const type *value)	\
{											\
	return memlane_put(m, ref.h, memlane_element(i, sizeof(type)), value,		\
			   sizeof(type));						\
}											\
static inline __attribute__((unused))							\
int name##_get_at(struct memlane *m, name##_ref ref, uint64_t i, type *value)		\
{											\
	return memlane_fetch(m, ref.h, memlane_element(i, sizeof(type)), value,		\
			     sizeof(type));						\
}											\
static inline __attribute__((unused))							\
int name##_set(struct memlane *m, name##_ref ref, const type *value)			\
{											\
	return name##_set_at(m, ref, 0, value);						\
}											\
static inline __attribute__((unused))							\
int name##_get(struct memlane *m, name##_ref ref, type *value)				\
{											\
	return name##_get_at(m, ref, 0, value);						\
}											\
static inline __attribute__((unused))							\
uint64_t name##_count(struct memlane *m, name##_ref ref)				\
{											\
	return memlane_size(m, ref.h) / sizeof(type);					\
}											\
static inline __attribute__((unused))							\
type *name##_at(struct memlane *m, name##_ref ref)					\
{											\
	return (type *)memlane_get(m, ref.h);						\
}											\
extern const char name##_has_bytes[sizeof(type) > 0 ? 1 : -1]

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

#endif /* MEMLANE_TYPED_H */
