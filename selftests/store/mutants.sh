#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutants.sh [NAME]  seed each bug of mutants.list; its test must pass without it, fail with it
#
# ML_SEED is fixed, so that what is caught once is caught always.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
only=${1:-}
out=$top/build/store/mutants
ML_SEED=${ML_SEED:-20406}
ML_OPS=${ML_OPS:-400}
export ML_SEED ML_OPS
# shellcheck source=../ktap.sh
. "$here/../ktap.sh"

make -s -C "$here" all >&2 || exit 1
mkdir -p "$out"
awk -F ' *:: *' '!/^#/ { print $1 "\t" $2 "\t" $3 "\t" $4 }' "$here/mutants.list" |
	awk -F '\t' -v only="$only" 'only == "" || $1 == only' >"$out/todo"

# caught NAME FILE SCRIPT TEST: 0 when the mutant was built and its test failed.
caught() {
	source=$top/kmod/$2.c changed=$out/$2.c
	program=$(basename "$(grep -l "{ \"$4\"," "$here"/test-*.c)" .c)
	sed "$3" "$source" >"$changed"
	! cmp -s "$changed" "$source" || return 1
	make -s -C "$here" mutant FILE="$changed" NAME="$2" PROGRAM="$program" \
		MUTANT="$out/$1" || return 1
	timeout 120 "$top/build/store/$program" "$4" >"$out/$1.good" 2>&1 || return 1
	timeout 120 "$out/$1" "$4" >"$out/$1.log" 2>&1
	case $? in
	0 | 4 | 124) return 1 ;;
	esac
}

plan "$(wc -l <"$out/todo")"
while IFS='	' read -r name file script test; do
	check "$name is caught by $test" caught "$name" "$file" "$script" "$test" </dev/null
done <"$out/todo"
finish
