// SPDX-License-Identifier: MIT
/*
 * hold.c - keeps an arena open with `hold N` objects of 100 bytes until its
 * stdin ends; the last, of tag 77 and group 99, was moved to the SlowLane and back, and the
 * FastLane may grow to four times its size
 */
#include <memlane.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct memlane_config config;
	struct memlane *m;
	memlane_handle h = 0;
	char byte;
	int i, n = argc > 1 ? atoi(argv[1]) : 0;

	memlane_config_init(&config);
	config.name = "held";
	config.policy_check_interval = 0;
	config.fast_lane_max = 4 * config.fast_lane_size;
	if (memlane_open(&m, &config))
		return 1;
	for (i = 0; i < n; i++) {
		struct memlane_alloc_opts opts = { .tag = i == n - 1 ? 77 : 0,
						   .group = i == n - 1 ? 99 : 0 };

		if (memlane_alloc_with(m, 100, &opts, &h))
			return 1;
	}
	if (memlane_thread_flush(m))
		return 1;
	if (h && (memlane_migrate(m, h, MEMLANE_SLOW) || memlane_migrate(m, h, MEMLANE_FAST)))
		return 1;
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	memlane_close(m);
	return 0;
}
