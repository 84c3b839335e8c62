/* SPDX-License-Identifier: MIT */
/* CUSTOM: a pthread mutex that knows its owner, for lockdep_assert_held() */
#ifndef ML_SHIM_MUTEX_H
#define ML_SHIM_MUTEX_H

#include <linux/bug.h>
#include <pthread.h>

struct mutex {
	pthread_mutex_t lock;
	pthread_t owner;	/* 0: nobody; read by others only to compare */
};

/* Who waits spins for a while first, as in the kernel: a lock is held for microseconds. */
static inline void mutex_init(struct mutex *m)
{
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&m->lock, &attr);
	pthread_mutexattr_destroy(&attr);
#else
	pthread_mutex_init(&m->lock, NULL);
#endif
	m->owner = 0;
}

static inline void mutex_destroy(struct mutex *m)
{
	pthread_mutex_destroy(&m->lock);
}

static inline bool ml_shim_held(const struct mutex *m)
{
	return READ_ONCE(m->owner) == pthread_self();
}

static inline void mutex_lock(struct mutex *m)
{
	WARN_ON(ml_shim_held(m));
	pthread_mutex_lock(&m->lock);
	WRITE_ONCE(m->owner, pthread_self());
}

static inline int mutex_trylock(struct mutex *m)
{
	if (pthread_mutex_trylock(&m->lock))
		return 0;
	WRITE_ONCE(m->owner, pthread_self());
	return 1;
}

static inline void mutex_unlock(struct mutex *m)
{
	WARN_ON(!ml_shim_held(m));
	WRITE_ONCE(m->owner, 0);
	pthread_mutex_unlock(&m->lock);
}

/* Fatal signals end a process without asking. */
static inline int __must_check mutex_lock_killable(struct mutex *m)
{
	mutex_lock(m);
	return 0;
}

/* As in a kernel without lockdep they cost nothing where nobody tests. */
#define lockdep_assert_held(m)		((void)(ML_WARN_ABORT && WARN_ON(!ml_shim_held(m))))
#define lockdep_assert_not_held(m)	((void)(ML_WARN_ABORT && WARN_ON(ml_shim_held(m))))

#endif
