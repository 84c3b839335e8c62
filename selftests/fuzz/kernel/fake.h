/* SPDX-License-Identifier: MIT */
/* fake.h - what the device's files see of a kernel, and of the program that calls it */
#ifndef FUZZ_FAKE_H
#define FUZZ_FAKE_H

#include <linux/types.h>

#define USER_BASE	0x7f0000000000UL
#define USER_PAGES	16
#define USER_SIZE	(USER_PAGES * 4096UL)
#define TASKS		4

struct task_struct;

/* The @at-th time it fails, and with @forever from then on; 0: never. */
struct fault {
	u64 at;
	u64 times;
	bool forever;
	bool hit;
};

struct fake {
	u8 user[USER_SIZE];	/* at USER_BASE */
	u32 absent;		/* pages of it that cannot be touched */
	struct fault access;	/* of user memory */
	struct fault alloc;
	struct fault signal;	/* a fatal one is seen */
	struct fault scribble;	/* another thread writes while the call runs: */
	u32 scribble_at;
	u64 scribble_word;
	void (*on_access)(void);	/* before user memory is touched */
	u64 allocs;		/* not freed yet */
	unsigned int spinning;
	unsigned int running;	/* which task */
};

extern struct fake fake;

bool fake_fails(struct fault *f);
void fake_calm(void);
void *fake_alloc(size_t n, size_t size, bool zero);
void fake_free(const void *p);
void fake_put(u32 *refs, void *p);
size_t fake_user_read(void *to, unsigned long from, size_t n);
size_t fake_user_write(unsigned long to, const void *from, size_t n);
bool fake_user_has(unsigned long at, u64 n);

struct task_struct *fake_current(void);
void fake_tasks_begin(void);
void fake_task_again(unsigned int nr, bool exec);
void fake_tasks_end(void);

#endif /* FUZZ_FAKE_H */
