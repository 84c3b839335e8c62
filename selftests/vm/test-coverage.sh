#!/bin/sh
# SPDX-License-Identifier: MIT
# What coverage.sh says of counts that gcov might give.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../ktap.sh"
objects=$(cd "$here/../.." && pwd)/build/kmod/debug/kmod
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset ONLY

# file NAME LINES BRANCHES [CODE]: a listing of 100 of each, so many of them reached; CODE
# is in the line that the branches belong to
file() {
	printf '        -:    0:Source:%s\n        -:    0:Runs:0\nfunction f called 1 returned 100%%\n' "$1"
	awk -v lines="$2" -v branches="$3" -v code="${4:-if (a)}" 'BEGIN {
		for (i = 1; i < 100; i++)
			printf "%9s:%5d:\tx++;\n", (i >= lines ? "#####" : i (i % 2 ? "" : "*")), i
		printf "        1:  100:\t%s\n        -:  101:\n", code
		print "call    0 returned 100%"
		for (i = 1; i <= 100; i++) {
			how = i % 2 ? "taken 0%" : "never executed"
			print "branch", i, (i <= branches ? "taken 1% (fallthrough)" : how)
		}
	}'
}

# gives STATUS REGEX COUNTS...: each of COUNTS is a command that prints some
gives() {
	want=$1 regex=$2
	shift 2
	for counts; do $counts; done | "$here/coverage.sh" judge >"$tmp/out"
	status=$?
	[ "$status" = "$want" ] && grep -Eq "$regex" "$tmp/out" && return
	echo "# wanted $want, '$regex'; got $status:"
	sed 's/^/# /' "$tmp/out"
	return 1
}

with_only() { (export ONLY=coverage && gives "$@"); }

plan 9
check "enough" gives 0 '^ok 2 ' "file $objects/a.c 95 90"
check "all files count" gives 0 '^# total: 95\.0 % of 200 lines, 85\.0 % of 200 branches of kmod/$' \
	"file $objects/a.c 100 90" "file $objects/core/b.c 90 80"
check "too few lines" gives 1 '^not ok 1 at least 94 % of lines$' "file $objects/a.c 93 90"
check "too few branches" gives 1 '^not ok 2 at least 82 % of branches$' \
	"file $objects/a.c 95 81"
check "a file that nothing reached" gives 1 '^not ok 1 ' \
	"file $objects/a.c 100 100" "file $objects/core/b.c 0 0"
check "headers do not count" gives 0 '^# total: 95\.0 % of 100 lines' \
	"file $objects/a.c 95 90" "file include/linux/list.h 1 1" \
	"file $objects/core/core.h 1 1"
check "nor do branches that only a lock not held takes" gives 0 \
	'^# total: 97\.5 % of 200 lines, 90\.0 % of 100 branches of kmod/$' \
	"file $objects/a.c 95 90" "file $objects/b.c 100 50 lockdep_assert_held(&a->lock);"
check "nothing at all" gives 1 '^not ok 1 gcov counted nothing' true
check "no floor where stages were left out" with_only 0 '^ok 1 at least 0 %' \
	"file $objects/a.c 10 10"
finish
