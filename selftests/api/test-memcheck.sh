#!/bin/sh
# SPDX-License-Identifier: MIT
# Under valgrind an arena with the defaults opens, and a right program has no errors.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh

memcheck() {
	MEMLANE_BACKEND=local valgrind -q --error-exitcode=9 --child-silent-after-fork=yes "$@" \
		>build/memcheck.out 2>&1 || { tail -20 build/memcheck.out | sed 's/^/# /'; return 1; }
}

plan 1
if command -v valgrind >/dev/null; then
	check "a small program with the defaults" memcheck build/api/test-object the_threshold_divides_the_lanes
else
	skip "a small program with the defaults" "no valgrind"
fi
finish
