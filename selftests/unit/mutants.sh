#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutants.sh [NAME]  seed each bug of mutants.list; its test must pass without it and fail with it
#
# One of them is put through `check`, too, which must name what it breaks.
# One file of the engine is changed in a copy and linked before the archive of
# the others. ML_SEED is fixed, so that what is caught once is caught always.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
only=${1:-}
unit=$top/build/unit
out=$top/build/mutants
ML_SEED=${ML_SEED:-20406}
export ML_SEED

make -s -C "$here" all >&2 || exit 1
rm -rf "$out"
mkdir -p "$out"
awk -F ' *:: *' '!/^#/ { print $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6 }' "$here/mutants.list" |
	awk -F '\t' -v only="$only" 'only == "" || $1 == only' >"$out/todo"

# The program that has a test named $1, without its folder.
program_of() {
	basename "$(grep -l "{ \"$1\"," "$here"/test-*.c)" .c
}

# caught FILE SCRIPT TEST VARIANT HANGS: 0 when the mutant was built and its test failed.
caught() {
	sed "$2" "$top/kmod/core/$1" >"$dir/$1"
	if cmp -s "$dir/$1" "$top/kmod/core/$1"; then
		echo "# the script changes nothing"
		return 1
	fi
	program=$(program_of "$3")
	make -s -C "$here" mutant FILE="$dir/$1" VARIANT="$4" PROGRAM="$program" \
		MUTANT="$dir/$program" || return 1
	timeout 120 "$unit/$4/$program" "$3" >"$dir/good.log" 2>&1 || {
		echo "# $3 fails without the mutant"
		return 1
	}
	timeout "$([ "$5" ] && echo 30 || echo 120)" "$dir/$program" "$3" >"$dir/log" 2>&1
	status=$?
	grep -m 1 -e '^# .*:' -e 'SUMMARY:' -e 'WARN_ON' "$dir/log" | sed 's/^[# ]*/# /'
	[ "$status" != 124 ] || echo "# time-out"
	# A hang says nothing of what is wrong: only where it is what must happen.
	case $status in
	0 | 4) return 1 ;;
	124) [ -n "$5" ] ;;
	esac
}

# named NAME TEST: `check` says of the mutant which test failed, and which invariant.
named() {
	program=$(program_of "$2")
	echo "planner | host | 120 | $out/$1/$program $2" >"$out/$1/list"
	ONLY='' ML_BUDGET='' ML_REQUIRE='' CHECK_LIST=$out/$1/list CHECK_OUT=$out/$1/check \
		"$top/selftests/check" host >"$out/$1/said" 2>&1
	grep -q "^ *not ok .*$2" "$out/$1/said" && grep -q '^ *# .*: invariant ' "$out/$1/said" && return
	sed 's/^/# /' "$out/$1/said"
	return 1
}

n=0 failed=0
shown=lost-block
echo "TAP version 13"
echo "1..$(($(wc -l <"$out/todo") + $(grep -c "^$shown	" "$out/todo")))"
while IFS='	' read -r name file script test variant hangs; do
	n=$((n + 1))
	dir=$out/$name
	mkdir -p "$dir"
	if caught "$file" "$script" "$test" "$variant" "$hangs" </dev/null; then
		echo "ok $n $name is caught by $test"
	else
		echo "not ok $n $name is caught by $test"
		failed=1
	fi
	[ "$name" = "$shown" ] || continue
	n=$((n + 1))
	if named "$name" "$test" </dev/null; then
		echo "ok $n check names what $name breaks"
	else
		echo "not ok $n check names what $name breaks"
		failed=1
	fi
done <"$out/todo"
[ "$n" -gt 0 ] || exit 4
exit $failed
