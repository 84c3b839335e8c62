// SPDX-License-Identifier: MIT
/* test-export.c - what Prometheus is told: each family once, each sample in its family */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness.h"
#include "../../tools/prometheus.h"
#include "../../tools/stat.h"

/* Of stat and arenas the exporter needs no more than this. */
const char *const arena_lane_name[MEMLANE_LANES] = { "fast", "slow" };

const char *stat_cause(const char *counter)
{
	return strncmp(counter, "moves_", 6) ? NULL : counter + 6;
}

static struct arena_view arena(unsigned int id)
{
	struct arena_view a = {
		.pid = 7,
		.program = "shop",
		.called = "shelf",
		.check = "ok",
		.lane = { { "used", { 4096, 8192 } }, { "migrated_in", { 1, 2 } } },
		.lanes = 2,
		.count = { { "refills", { 7 } }, { "handles", { 9 } }, { "moves_hand", { 3 } },
			   { "stored", { 11 } } },
		.counts = 4,
		.fault = { { "stored", 5000, 3, { [10] = 2, [31] = 1 } } },
		.mets = 1,
	};

	snprintf(a.name, sizeof(a.name), "%u", id);
	return a;
}

/* What is written; to be freed. */
static char *written(const struct arena_view *list, int n)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	prometheus_write(f, list, n);
	fclose(f);
	return text;
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

TEST(no_arena_is_told_too)
{
	char *text = written(NULL, 0);

	expect(strstr(text, "\nmemlane_arenas 0\n"));
	expect_eq(count(text, "# TYPE "), 1);
	free(text);
}

TEST(every_value_has_its_place)
{
	struct arena_view list[] = { arena(3), arena(12) };
	static const char *const lines[] = {
		"\nmemlane_arenas 2\n",
		"\nmemlane_arena_info{arena=\"12\",name=\"shelf\",pid=\"7\",program=\"shop\"} 1\n",
		"\nmemlane_lane_used{arena=\"3\",lane=\"fast\"} 4096\n",
		"\nmemlane_lane_used{arena=\"12\",lane=\"slow\"} 8192\n",
		"\nmemlane_lane_migrated_in_total{arena=\"12\",lane=\"slow\"} 2\n",
		"\n# TYPE memlane_refills_total counter\nmemlane_refills_total{arena=\"3\"} 7\n",
		"\n# TYPE memlane_handles gauge\nmemlane_handles{arena=\"3\"} 9\n",
		"\nmemlane_moves_total{arena=\"12\",cause=\"hand\"} 3\n",
		"\n# TYPE memlane_stored gauge\nmemlane_stored{arena=\"3\"} 11\n",
		"_bucket{arena=\"3\",met=\"stored\",le=\"1.024e-06\"} 0\n",
		"_bucket{arena=\"3\",met=\"stored\",le=\"2.048e-06\"} 2\n",
		"_bucket{arena=\"3\",met=\"stored\",le=\"+Inf\"} 3\n",
		"\nmemlane_fault_seconds_sum{arena=\"12\",met=\"stored\"} 0.000005000\n",
		"\nmemlane_fault_seconds_count{arena=\"12\",met=\"stored\"} 3\n",
		"\nmemlane_invariants_hold{arena=\"3\"} 1\n",
		"\nmemlane_invariants_hold{arena=\"12\"} 0\n",
	};
	unsigned int i;
	char *text;

	strcpy(list[1].check, "lane.used is wrong");
	text = written(list, 2);
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (!strstr(text, lines[i]))
			fail("it lacks %s", lines[i] + 1);
	free(text);
}

/* Those of a histogram have endings. */
static int is_of(const char *family, const char *sample)
{
	size_t len = strlen(family);

	if (strncmp(family, sample, len))
		return 0;
	sample += len;
	return !*sample || !strcmp(sample, "_bucket") || !strcmp(sample, "_sum") ||
	       !strcmp(sample, "_count");
}

TEST(a_family_is_in_one_piece)
{
	struct arena_view list[] = { arena(1), arena(2), arena(3) };
	char *text = written(list, 3), *line, *save = NULL, name[80] = "", now[80];

	expect_eq(count(text, "# TYPE "), count(text, "# HELP "));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "# TYPE ", 7)) {
			if (sscanf(line, "# TYPE %79s", name) != 1)
				fail("no name in %s", line);
		} else if (*line != '#') {
			if (sscanf(line, "%79[a-z_]", now) != 1 || !is_of(name, now))
				fail("not a sample of %s: %s", name, line);
		}
	}
	free(text);
}
