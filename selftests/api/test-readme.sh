#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of features (Documentation/features.md): every call it names is declared,
# every test program is there, each call is in a test of its row, and each test has a call
# of its row in it. What only a header mentions, which tests include, is in no test. The
# table of errors (Documentation/errors.md) is that of lib/error.c.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

rows() { sed -n '/^| feature | call | test |$/,/^$/p' "${1-Documentation/features.md}" | sed '1,2d;/^$/d'; }

# names: what is between backquotes.
names() { grep -o '`[^`]*`' | tr -d '`'; }

column() { rows | awk -F '|' -v n="$1" '{ print $n }' | names | sort -u; }

# none: whatever comes in is missing, and is shown.
none() { ! sed 's/^/# missing: /' | grep .; }

there_are_rows() { [ "$(rows | wc -l)" -ge 10 ]; }

# declared CALL: a function, a macro, or a name of memlane.hpp.
declared() {
	case $1 in
	mlane::*) grep -qE "(class|using) ${1#mlane::}\\b" lib/include/memlane.hpp ;;
	*) grep -qE "\\b$1\\(" lib/include/*.h ;;
	esac
}

calls() {
	for call in $(column 3); do
		declared "$call" || echo "$call"
	done | none
}

programs() {
	for test in $(column 4); do
		ls "selftests/api/$test".c* >/dev/null 2>&1 || echo "$test"
	done | none
}

# sources TEST: its file, and the tests that are included there.
sources() {
	for source in selftests/api/"$1".c*; do
		echo "$source"
		sed -n 's|^#include "\(test-.*\)"|selftests/api/\1|p' "$source"
	done
}

# some CALL... -- FILE...: is one of the calls in one of the files?
some() {
	patterns=
	while [ "$1" != -- ]; do
		patterns="$patterns -e $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	grep -qwF $patterns "$@"
}

# unused FEATURE CALLS TESTS: calls and tests of the row that have nothing to do with it.
# shellcheck disable=SC2086,SC2046
unused() {
	files=$(for test in $3; do sources "$test"; done)
	for call in $2; do
		some "$call" -- $files || echo "$call in the tests of:$1"
	done
	for test in $3; do
		some $2 -- $(sources "$test") || echo "a call in $test of:$1"
	done
}

# used [TABLE]
used() {
	rows "$@" | while IFS='|' read -r _ feature calls tests _; do
		unused "$feature" "$(echo "$calls" | names)" "$(echo "$tests" | names)"
	done | none
}

# A row that ends in a test, or names a call, which has nothing to do with it.
wrong() {
	printf '| feature | call | test |\n|---|---|---|\n%s\n' "$1" >"$table"
	! used "$table" >/dev/null
}

wrong_rows() {
	table=$tmp/rows
	wrong '| a | `memlane_blockers` | `test-cost`, `test-section` |' &&
		wrong '| b | `memlane_blockers`, `memlane_tag` | `test-cost` |' &&
		wrong '| c | `memlane_stat` | `test-lanes` |' &&
		! wrong '| d | `memlane_blockers` | `test-cost` |'
}

# The table of errors has those that lib/error.c has sentences for.
errors() {
	sed -n '/^| error | meaning |$/,/^$/p' Documentation/errors.md | awk -F '|' '{ print $2 }' |
		grep -o '`-E[A-Z0-9]*`' | tr -d '`-' | sort >"$tmp/table"
	grep -o '{ E[A-Z0-9]*, "' lib/error.c | tr -d '{, "' | sort >"$tmp/sentences"
	[ -s "$tmp/table" ] && diff "$tmp/table" "$tmp/sentences" >"$tmp/diff" && return
	sed 's/^/# /' "$tmp/diff"
	return 1
}

plan 6
check "the table is there" there_are_rows
check "every call is declared" calls
check "every test program is there" programs
check "every call is in a test of its row, and every test has one" used
check "a row with a call or a test of something else is found" wrong_rows
check "the errors are those that have a sentence" errors
finish
