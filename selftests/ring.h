/* SPDX-License-Identifier: MIT */
/*
 * ring.h - io_uring for tests: one request at a time, no library
 *
 * Included after harness.h, whose expect() and skip() it uses.
 */
#ifndef SELFTESTS_RING_H
#define SELFTESTS_RING_H

#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq;
	char *cq;
	struct io_uring_sqe *sqe;
};

static inline void *ring_map(const struct ring *r, size_t bytes, off_t offset)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, offset);

	expect(p != MAP_FAILED);
	return p;
}

static inline void ring_open(struct ring *r)
{
	struct io_uring_params *p = &r->params;

	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 4, p);
	if (r->fd < 0)
		skip("no io_uring here");
	r->sq = ring_map(r, p->sq_off.array + p->sq_entries * 4, IORING_OFF_SQ_RING);
	r->cq = ring_map(r, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			 IORING_OFF_CQ_RING);
	r->sqe = ring_map(r, p->sq_entries * sizeof(*r->sqe), IORING_OFF_SQES);
}

static inline uint32_t *ring_word(char *ring, uint32_t offset)
{
	return (uint32_t *)(ring + offset);
}

static inline void ring_submit(struct ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t *tail = ring_word(r->sq, r->params.sq_off.tail);
	uint32_t at = *tail & *ring_word(r->sq, r->params.sq_off.ring_mask);

	r->sqe[at] = *sqe;
	ring_word(r->sq, r->params.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	expect_eq(syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0), 1);
}

static inline int ring_ready(struct ring *r)
{
	uint32_t tail = __atomic_load_n(ring_word(r->cq, r->params.cq_off.tail), __ATOMIC_ACQUIRE);

	return tail != *ring_word(r->cq, r->params.cq_off.head);
}

/* The next answer, waited for. */
static inline int ring_wait(struct ring *r)
{
	uint32_t *head = ring_word(r->cq, r->params.cq_off.head);
	struct io_uring_cqe *cqe = (void *)(r->cq + r->params.cq_off.cqes);
	int res;

	while (!ring_ready(r))
		syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	res = cqe[*head & *ring_word(r->cq, r->params.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

#endif
