#!/bin/sh
# SPDX-License-Identifier: MIT
# Constants for a lane, for where an object is to be born, and for a set of lanes: each
# compiler takes the right kind in silence, and tells of a wrong one.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

right='opts.lane = MEMLANE_BY_SIZE
opts.lane = MEMLANE_IN_FAST
opts.lane = lane == MEMLANE_SLOW ? MEMLANE_IN_SLOW : MEMLANE_IN_FAST
memlane_migrate(m, h, MEMLANE_SLOW)
memlane_migrate(m, h, lane)
memlane_migrate_batch(m, MEMLANE_FAST, &h, 1, 0, 0)
memlane_compact(m, 0, 0, 0)
memlane_compact(m, MEMLANE_BOTH_LANES, 0, 0)
memlane_compact(m, MEMLANE_SLOW_LANE, 0, 0)
memlane_compact(m, 1U << MEMLANE_SLOW, 0, 0)
memlane_queue_compact(m, MEMLANE_FAST_LANE, 0, 0)
memlane_stat_lane(m, MEMLANE_SLOW, &usage)
usage.objects[MEMLANE_SLOW] = 0
memlane_tally(m, MEMLANE_BY_LANE, MEMLANE_SLOW, &tally)'

wrong='opts.lane = MEMLANE_FAST
opts.lane = MEMLANE_SLOW
opts.lane = MEMLANE_SLOW_LANE
opts.lane = which
memlane_migrate(m, h, MEMLANE_IN_FAST)
memlane_migrate(m, h, MEMLANE_SLOW_LANE)
memlane_migrate(m, h, opts.lane)
memlane_migrate_batch(m, MEMLANE_IN_SLOW, &h, 1, 0, 0)
memlane_migrate_async(m, MEMLANE_IN_SLOW, &h, 1, 0, 0)
memlane_queue_migrate(m, MEMLANE_IN_SLOW, &h, 1, 0)
memlane_group_migrate(m, 7, MEMLANE_IN_FAST)
memlane_migration_cost(m, h, MEMLANE_IN_FAST, &cost)
memlane_set_limit(m, MEMLANE_IN_FAST, 1 << 20)
memlane_set_max(m, MEMLANE_FAST_LANE, 1 << 20)
memlane_stat_lane(m, MEMLANE_IN_SLOW, &usage)
memlane_compact(m, MEMLANE_FAST, 0, 0)
memlane_compact(m, MEMLANE_SLOW, 0, 0)
memlane_compact(m, MEMLANE_IN_SLOW, 0, 0)
memlane_compact_until(m, MEMLANE_SLOW, 0, 0.5, 0)
memlane_queue_compact(m, MEMLANE_FAST, 0, 0)'

# program STATEMENT: what the compiler gets.
program() {
	cat <<-END
	#include <memlane.h>
	void statement(struct memlane *m, memlane_handle h, int lane, enum memlane_lane which,
		       struct memlane_alloc_opts opts, struct memlane_cost cost);
	void statement(struct memlane *m, memlane_handle h, int lane, enum memlane_lane which,
		       struct memlane_alloc_opts opts, struct memlane_cost cost)
	{
		struct { unsigned int objects[MEMLANE_LANES]; } sum;
		struct memlane_lane_usage usage;
		struct memlane_tally tally;

		(void)m, (void)h, (void)lane, (void)which, (void)opts, (void)cost;
		(void)sum, (void)usage, (void)tally;
		$(echo "$1" | sed 's/usage\.objects/sum.objects/');
	}
	END
}

# accepts COMPILER STATEMENT: with warnings as errors.
accepts() {
	case $1 in
	*++) language=c++ ;;
	*) language=c ;;
	esac
	program "$2" | "$1" -x "$language" -Wall -Wextra -Werror -Ilib/include -Iinclude/uapi \
		-fsyntax-only - >"$tmp/said" 2>&1
}

all_right() {
	! echo "$right" | while read -r line; do
		accepts "$1" "$line" || { echo "# $1 does not take: $line"; sed 's/^/# /' "$tmp/said"; }
	done | grep .
}

# It is the kind that the compiler speaks of.
all_wrong() {
	! echo "$wrong" | while read -r line; do
		if accepts "$1" "$line"; then
			echo "# $1 takes: $line"
		elif ! grep -qE 'enum-conversion|cannot convert|assigning to|deleted' "$tmp/said"; then
			sed 's/^/# /' "$tmp/said"
		fi
	done | grep .
}

plan 8
for compiler in gcc g++ clang clang++; do
	if command -v $compiler >"$tmp/path"; then
		check "$compiler: the right kind" all_right $compiler
		check "$compiler: the wrong kind" all_wrong $compiler
	else
		skip "$compiler: the right kind" "no $compiler"
		skip "$compiler: the wrong kind" "no $compiler"
	fi
done
finish
