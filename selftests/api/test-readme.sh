#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's table of features: every call it names is declared, every test program
# is there, and each of the tests that it names mentions one of the row's calls.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh

rows() { sed -n '/^| feature | call | test |$/,/^$/p' README.md | sed '1,2d;/^$/d'; }

column() { rows | awk -F '|' -v n="$1" '{ print $n }' | grep -o '`[^`]*`' | tr -d '`' | sort -u; }

# none: whatever comes in is missing, and is shown.
none() { ! sed 's/^/# missing: /' | grep .; }

there_are_rows() { [ "$(rows | wc -l)" -ge 10 ]; }

calls() {
	for call in $(column 3); do
		grep -qE "\\b$call\\(" lib/include/*.h || echo "$call"
	done | none
}

programs() {
	for test in $(column 4); do
		ls "selftests/api/$test".c* >/dev/null 2>&1 || echo "$test"
	done | none
}

# Every call is used by one of the tests of its row.
used() {
	rows | while IFS='|' read -r _ feature calls tests _; do
		files=$(echo "$tests" | grep -o 'test-[a-z]*' | sed 's|.*|selftests/api/&.c*|')
		for call in $(echo "$calls" | grep -o 'memlane_[a-z_]*'); do
			# shellcheck disable=SC2086
			grep -qE "\\b$call\\b" $files selftests/api/api.h lib/include/memlane_typed.h \
				lib/include/memlane.hpp || echo "$call in the tests of:$feature"
		done
	done | none
}

plan 4
check "the table is there" there_are_rows
check "every call is declared" calls
check "every test program is there" programs
check "every call is used by a test of its row" used
finish
