// SPDX-License-Identifier: MIT
/* fake.c - a kernel for the device's files, and the memory of the program that calls */
#include <linux/bug.h>
#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

struct fake fake;

bool fake_fails(struct fault *f)
{
	bool now;

	if (!f->at)
		return false;
	f->times++;
	now = f->forever ? f->times >= f->at : f->times == f->at;
	f->hit |= now;
	return now;
}

/* Nothing fails from now on, and nobody else writes. */
void fake_calm(void)
{
	static const struct fault none;

	fake.access = none;
	fake.alloc = none;
	fake.signal = none;
	fake.scribble = none;
	fake.absent = 0;
}

/* ------------------------------------------------------------------- memory */

void *fake_alloc(size_t n, size_t size, bool zero)
{
	size_t bytes = n * size;
	void *p;

	if (fake_fails(&fake.alloc))
		return NULL;
	p = malloc(bytes ? bytes : 1);
	memset(p, zero ? 0 : 0xa5, bytes);
	fake.allocs++;
	return p;
}

void fake_free(const void *p)
{
	fake.allocs -= p != NULL;
	free((void *)p);
}

void fake_put(u32 *refs, void *p)
{
	WARN_ON(!*refs);
	if (--*refs)
		return;
	free(p);
	fake.allocs--;
}

/* -------------------------------------------------------------- user memory */

/* How many of these bytes are there. */
static size_t there(unsigned long at, size_t n)
{
	unsigned long end = at;

	while (end - at < n && end >= USER_BASE && end - USER_BASE < USER_SIZE &&
	       !(fake.absent >> ((end - USER_BASE) / PAGE_SIZE) & 1))
		end = (end | (PAGE_SIZE - 1)) + 1;
	return end - at < n ? end - at : n;
}

static bool accessible(void)
{
	WARN_ON(fake.spinning);
	if (fake.on_access)
		fake.on_access();
	if (fake_fails(&fake.scribble))
		memcpy(fake.user + fake.scribble_at % (USER_SIZE - sizeof(u64)),
		       &fake.scribble_word, sizeof(u64));
	return !fake_fails(&fake.access);
}

size_t fake_user_read(void *to, unsigned long from, size_t n)
{
	size_t can = n && accessible() ? there(from, n) : 0;

	if (can)
		memcpy(to, fake.user + (from - USER_BASE), can);
	memset((u8 *)to + can, 0, n - can);
	return can;
}

size_t fake_user_write(unsigned long to, const void *from, size_t n)
{
	size_t can = n && accessible() ? there(to, n) : 0;

	if (can)
		memcpy(fake.user + (to - USER_BASE), from, can);
	return can;
}

/* The caller of a system call can touch all of it. */
bool fake_user_has(unsigned long at, u64 n)
{
	return n <= USER_SIZE && there(at, n) == n;
}

/* ------------------------------------------------------------------ threads */

static struct task_struct task[TASKS];	/* each two share an address space */

static struct pid *new_pid(struct task_struct *t)
{
	struct pid *pid = malloc(sizeof(*pid));

	*pid = (struct pid){ .refs = 1, .task = t };
	fake.allocs++;
	return pid;
}

static struct mm_struct *new_mm(void)
{
	struct mm_struct *mm = malloc(sizeof(*mm));

	mm->refs = 1;
	fake.allocs++;
	return mm;
}

struct task_struct *fake_current(void)
{
	return &task[fake.running];
}

void fake_tasks_begin(void)
{
	unsigned int i;

	for (i = 0; i < TASKS; i++) {
		task[i].pid = new_pid(&task[i]);
		task[i].mm = i % 2 ? task[i - 1].mm : new_mm();
		if (i % 2)
			mmgrab(task[i].mm);
	}
	fake.running = 0;
}

static void pid_gone(struct task_struct *t)
{
	t->pid->task = NULL;
	put_pid(t->pid);
}

/* The thread ends and another begins; or with @exec it goes on with another program. */
void fake_task_again(unsigned int nr, bool exec)
{
	struct task_struct *t = &task[nr];

	if (exec) {
		mmdrop(t->mm);
		t->mm = new_mm();
	} else {
		pid_gone(t);
		t->pid = new_pid(t);
	}
}

void fake_tasks_end(void)
{
	unsigned int i;

	for (i = 0; i < TASKS; i++) {
		mmdrop(task[i].mm);
		pid_gone(&task[i]);
	}
}
