// SPDX-License-Identifier: MIT
/* test-get.c - what memlane_get() costs inside a section: its instructions */
#include <memlane.h>

#include "api.h"

__attribute__((noinline, used))
void *get_alone(struct memlane *m, memlane_handle h)
{
	return memlane_get(m, h);
}

#if defined(__x86_64__) && defined(__OPTIMIZE__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* Instructions from the first one to the return of who finds the handle good. */
struct path {
	int instructions;
	int conditional;	/* jumps */
	int other;		/* jumps and calls */
	int locked;
	int entries;		/* loads by an index: the table's word */
	bool returns;
};

static void count(struct path *p, const char *text)
{
	p->instructions++;
	if (*text == 'j' && strncmp(text, "jmp", 3))
		p->conditional++;
	p->other += !strncmp(text, "jmp", 3) || !strncmp(text, "call", 4);
	p->locked += !strncmp(text, "lock", 4) || !strncmp(text, "xchg", 4);
	p->entries += strncmp(text, "lea", 3) && strstr(text, ",8)");
	p->returns = strstr(text, "ret") != NULL;
}

static struct path path_of(const char *function)
{
	FILE *f = disassembly(function);
	struct path p = { };
	char line[300];

	while (fgets(line, sizeof(line), f)) {
		const char *text = strchr(line, '\t');

		if (text && !p.returns)
			count(&p, text + 1);
	}
	pclose(f);
	if (!p.instructions)
		fail("objdump shows no function %s", function);
	return p;
}

TEST(a_get_is_one_load_and_two_jumps)
{
	struct path p = path_of("get_alone");

	expect(p.returns);
	/* One of them is about the handle alone, and waits for no load. */
	expect_eq(p.conditional, 2);
	expect_eq(p.entries, 1);
	expect_eq(p.other, 0);
	expect_eq(p.locked, 0);
	expect(p.instructions <= 13);
}

#else

TEST(a_get_is_one_load_and_two_jumps)
{
	skip("another architecture, or code that is checked as it runs");
}

#endif

TEST(a_get_alone_answers)
{
	struct memlane *m = open_quiet();
	memlane_handle h = memlane_alloc(m, 100);

	memlane_enter(m);
	expect(get_alone(m, h) == memlane_get(m, h));
	expect(get_alone(m, h));
	memlane_exit(m);
	expect_eq(memlane_free(m, h), 0);
	memlane_enter(m);
	expect(!get_alone(m, h));
	memlane_exit(m);
	memlane_close(m);
}
