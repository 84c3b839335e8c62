/* SPDX-License-Identifier: MIT */
/* worker.h - what the threads of the library's own have in common */
#ifndef LIB_WORKER_H
#define LIB_WORKER_H

#include <pthread.h>
#include <stdint.h>

#define NSEC 1000000000ULL

uint64_t clock_ns(void);
void worker_cond_init(pthread_cond_t *cond);
int worker_start(pthread_t *thread, const pthread_attr_t *attr, const char *name,
		 void *(*run)(void *), void *arg);

#endif /* LIB_WORKER_H */
