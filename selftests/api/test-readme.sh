#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of features (Documentation/features.md): every call it names is declared,
# every test program is there, each call is in a test of its row, and each test has a call
# of its row in it. What only a header mentions, which tests include, is in no test. The
# table of errors (Documentation/errors.md) is that of lib/error.c. README's figures are what
# was measured, and no better than the bounds of the tests that count.
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

# declared CALL: a function, a macro, or a name of memlane.hpp, which is one of memlane:: there.
declared() {
	case $1 in
	memlane::*) grep -qE "using ${1#memlane::} = mlane::${1#memlane::}\\b" lib/include/memlane.hpp ;;
	*) grep -qE "\\b$1\\(" lib/include/*.h ;;
	esac
}

calls() {
	for call in $(column 3); do
		declared "$call" || echo "$call"
	done | none
}

# Every call of the library is named in the page; one that is told a size as its macro is.
rows_for_all() {
	names <Documentation/features.md | sed 's/()$//' | sort -u >"$tmp/named"
	sed -n 's/^	\(memlane_[a-z_]*\);/\1/p' lib/libmemlane.map |
		grep -vxE 'memlane_(exit_other|get_slow|frame_(first|more|rewind)|self|.*_sized)' |
		grep -vxFf "$tmp/named" | sed 's/$/ in the page/' | none
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

# An error that a header tells of has a sentence.
told() {
	grep -ohE -e '-E[A-Z0-9]{2,}' lib/include/*.h | tr -d - | sort -u | while read -r error; do
		grep -q "{ $error, " lib/error.c || echo "a sentence for $error"
	done | none
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

# measured ROW: what `make bench` found on the local backend, in Documentation/performance.md.
measured() {
	awk -F ' *[|] *' -v row="$1" '/^## The module/ { exit } $2 == row { print $3; exit }' \
		Documentation/performance.md
}

# figure LABEL ROW FORMAT DIVISOR: the row of README's table that starts so has ROW's figure.
figure() {
	want=$(measured "$2" | awk -v format="$3" -v by="$4" '{ printf format, $1 / by }')
	[ -n "$want" ] && grep "^| $1" README.md | grep -qF " $want" && return
	echo "# README's \"$1\" is not \"$want\", as performance.md has it for: $2"
	return 1
}

figures() {
	memory="memory kept" wait="a reader's longest wait" look="a look" pair="an alloc and a free"
	figure "$memory" 'redis-lru: memlane (local)' %.2f 1 &&
		figure "$memory" 'redis-lru: own malloc' %.2f 1 &&
		figure "$wait" 'blocks of 256 B, all moving: p99.99' '%.1f us' 1000 &&
		figure "$wait" 'blocks of 256 B, all moving: max' '%.2f ms' 1000000 &&
		figure "$wait" 'plain memory, beside a copying thread: p99.99' '%.2f us' 1000 &&
		figure "$wait" 'plain memory, beside a copying thread: max' '%.2f ms' 1000000 &&
		figure "$look" 'a section for 100 gets, against that' '%.1f ns' 1 &&
		figure "$look" 'pointer' '%.1f ns' 1 &&
		figure "$pair" 'memlane, with a get: 16 to 516 B, random among 100000' '%.0f ns' 1 &&
		figure "$pair" 'glibc: 16 to 516 B, random among 100000' '%.0f ns' 1
}

# counted WORDS: the number of instructions that README says after them.
counted() { sed -n "s/.*$1 \([0-9]*\)\b.*/\1/p" README.md | head -n 1; }

# bound CALL: the most that test-price.sh allows.
bound() { grep -oE "\b$1:[0-9]+" selftests/api/test-price.sh | head -n 1 | cut -d: -f2; }

# no_better WORDS CALL
no_better() {
	said=$(counted "$1")
	[ "${said:-0}" -ge "$(bound "$2")" ] && return
	echo "# README: $1 ${said:-nothing}; the test allows $(bound "$2")"
	return 1
}

# The memory: what test-traces.sh accepts is in a hundredth or two of what README says.
bounds() {
	no_better 'A look is' get && no_better 'with its free at most' pair &&
		said=$(grep '^| memory kept' README.md | awk -F ' *[|] *' '{ print $3 }') &&
		most=$(sed -n 's/.*packed redis-lru.mlt.zst //p' selftests/tools/test-traces.sh) &&
		awk -v said="$said" -v most="$most" 'BEGIN { exit !(said > 1 && most - said <= 0.03) }'
}

plan 10
check "the table is there" there_are_rows
check "every call is declared" calls
check "every call is named" rows_for_all
check "every test program is there" programs
check "every call is in a test of its row, and every test has one" used
check "a row with a call or a test of something else is found" wrong_rows
check "README's figures are those that were measured" figures
check "and no better than what the tests allow" bounds
check "the errors are those that have a sentence" errors
check "every error of a header has one" told
finish
