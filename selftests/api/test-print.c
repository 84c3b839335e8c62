// SPDX-License-Identifier: MIT
/* test-print.c - what the library says of itself and of an arena: version, name, figures */
#include <unistd.h>

#include "api.h"

TEST(the_librarys_version_is_the_headers)
{
	expect_eq(memlane_version(), MEMLANE_VERSION_NUMBER);
	expect_eq(memlane_version(), MEMLANE_VERSION_OF(MEMLANE_VERSION_MAJOR, MEMLANE_VERSION_MINOR,
							MEMLANE_VERSION_PATCH));
	expect(memlane_version() > MEMLANE_VERSION_OF(1, 0, 99));
}

static struct memlane *open_named(const char *name)
{
	struct memlane_config c = quiet();

	c.name = name;
	return open_with(&c);
}

TEST(an_arena_has_the_name_that_it_was_given)
{
	char name[] = "sessions' ~ of the front end: 1";
	struct memlane *m = open_named(name);

	memset(name, 'x', sizeof(name) - 1);
	expect(!strcmp(memlane_name(m), "sessions' ~ of the front end: 1"));
	memlane_close(m);
	m = open_quiet();
	expect(!strcmp(memlane_name(m), ""));
	memlane_close(m);
}

TEST(a_name_that_could_not_be_shown_is_refused)
{
	static const char *const wrong[] = { "12345678901234567890123456789012", "two\nlines",
					     "a \"quoted\" one", "a\\b", "\xc3\xa4" };
	struct memlane_config c = quiet();
	struct memlane *m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		c.name = wrong[i];
		expect(!strncmp(memlane_config_check(&c), "name", 4));
		expect_eq(memlane_open(&m, &c), -EINVAL);
	}
}

/* What memlane_print() writes, at most @size bytes of it. */
static void printed(struct memlane *m, uint32_t flags, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	expect(out != NULL);
	expect_eq(memlane_print(m, out, flags), 0);
	expect_eq(fclose(out), 0);
}

TEST(an_arena_is_printed_for_people)
{
	struct memlane *m = open_named("shelf");
	char text[4096];
	char own[64];

	must_alloc(m, 100000);
	printed(m, 0, text, sizeof(text));
	snprintf(own, sizeof(own), "arena \"shelf\" of test-print (%d), ", getpid());
	expect(strstr(text, own) == text);
	expect(strstr(text, "live: 1 objects, 0.10 MiB; 1 made, 0 freed\n"));
	expect(strstr(text, "slow lane: 0.10 of 10.00 MiB used"));
	memlane_close(m);
	m = open_quiet();
	printed(m, 0, text, sizeof(text));
	expect(strstr(text, "arena without a name of test-print"));
	memlane_close(m);
}

/* Brackets outside of strings close in the order in which they opened. */
static bool is_nested(const char *s)
{
	bool quoted = false;
	int n = 0;

	for (; *s; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (!quoted && *s == '{')
			n++;
		else if (!quoted && *s == '}' && !n--)
			return false;
	}
	return !n && !quoted;
}

TEST(an_arena_is_printed_for_machines)
{
	struct memlane *m = open_named("shelf");
	char text[4096], own[64];

	must_alloc(m, 100000);
	printed(m, MEMLANE_PRINT_JSON, text, sizeof(text));
	expect(is_nested(text));
	expect(!strstr(text, ", }") && !strstr(text, ",}"));
	snprintf(own, sizeof(own), "\"pid\": %d, ", getpid());
	expect(strstr(text, own));
	expect(strstr(text, "{ \"name\": \"shelf\", \"command\": \"test-print\", "));
	expect(strstr(text, "\"live_objects\": 1, \"live_bytes\": 100000, "));
	expect(strstr(text, "\"slow\": { \"limit\": 10485760, "));
	memlane_close(m);
}

TEST(what_cannot_be_printed_is_said)
{
	struct memlane *m = open_quiet();
	FILE *full = fopen("/dev/full", "w");

	expect(full != NULL);
	expect_eq(memlane_print(m, full, 0), -EIO);
	expect_eq(memlane_print(m, stdout, 2), -EOPNOTSUPP);
	fclose(full);
	memlane_close(m);
}
