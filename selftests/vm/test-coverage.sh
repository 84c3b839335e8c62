#!/bin/sh
# SPDX-License-Identifier: MIT
# What coverage.sh says of counts that gcov might give.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../ktap.sh"
objects=$(cd "$here/../.." && pwd)/build/kmod/debug/kmod
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset ONLY

# file NAME LINES BRANCHES: of 100 each, in gcov's words
file() {
	printf "File '%s'\nLines executed:%s%% of 100\nBranches executed:100.00%% of 100\n" "$1" "$2"
	printf "Taken at least once:%s%% of 100\nNo calls\nCreating 'x.gcov'\n\n" "$3"
}

# The sum over all files, headers too, follows each call's files.
sum() { printf 'Lines executed:%s%% of 1000\n' "$1"; }

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
check "enough" gives 0 '^ok 2 ' "file $objects/a.c 95.00 90.00"
check "all files count" gives 0 '^# total: 95\.0 % of 200 lines, 85\.0 % of 200 branches of kmod/$' \
	"file $objects/a.c 100.00 90.00" "file $objects/core/b.c 90.00 80.00"
check "too few lines" gives 1 '^not ok 1 at least 94 % of lines$' "file $objects/a.c 93.00 90.00"
check "too few branches" gives 1 '^not ok 2 at least 82 % of branches$' \
	"file $objects/a.c 95.00 81.00"
check "a file that nothing reached" gives 1 '^not ok 1 ' \
	"file $objects/a.c 100.00 100.00" "file $objects/core/b.c 0.00 0.00"
check "headers do not count" gives 0 '^# total: 95\.0 % of 100 lines' \
	"file $objects/a.c 95.00 90.00" "file include/linux/list.h 1.00 1.00" \
	"file $objects/core/core.h 1.00 1.00"
check "nor does gcov's own sum" gives 0 '^# total: 95\.0 % of 100 lines' \
	"file $objects/a.c 95.00 90.00" 'sum 10.00'
check "nothing at all" gives 1 '^not ok 1 gcov counted nothing' true
check "no floor where stages were left out" with_only 0 '^ok 1 at least 0 %' \
	"file $objects/a.c 10.00 10.00"
finish
