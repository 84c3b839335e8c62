#!/bin/sh
# SPDX-License-Identifier: MIT
# Prove the tests alive: each bug of seeded.list is built into a module of its
# own, and the test named there has to fail on it.
#
#   seeded.sh [NUMBER...]
#
# First all of these tests pass on the module as it is.
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"
cd "$top" || exit 1
vm=selftests/vm
out=build/check/seeded
list=build/check/seeded.list
mkdir -p build/check

# tests NAMES: one "program test" a line
tests() { echo "$1" | tr , '\n' | sed 's/^ *//; s/ *$//'; }

# In the guest all but the last have to pass, so that the last one is what fails.
commands() {
	tests "$1" | sed '$!s,.*,build/selftests/& || exit 99,; $s,.*,build/selftests/&,'
}

boot() { timeout 300 "$vm/run.sh" --timeout 240 "$@" >"$out" 2>&1; }

passes() {
	while IFS='|' read -r _ _ names; do
		tests "$names" | sed 's,.*,build/selftests/& || exit 1,'
	done <"$list" | sort -u | { IFS='' && boot -- "$(cat)"; }
}

# One folder for all, and the flag for the one file that it matters to: little is
# compiled twice.
build() {
	file=$(grep -l "ML_SEEDED($1)" kmod/*.c) || { echo "no bug $1 in kmod/"; return 1; }
	file=${file##*/}
	ML_OUT=$top/build/seeded "$vm/module.sh" 6.1 "CFLAGS_${file%.c}.o=-DML_BUG=$1"
}

# The test says so itself, or the kernel reports a fault while it runs.
caught() {
	build "$1" >"$out" 2>&1 || { sed 's/^/# /' "$out"; return 1; }
	boot --ko build/seeded/6.1/memlane.ko -- "$(commands "$2")"
	case $? in
	1) grep -q '^not ok' "$out" ;;
	125) grep -q 'the kernel reported a fault' "$out" ;;
	*) false ;;
	esac && return
	tail -n 15 "$out" | sed 's/^/# /'
	return 1
}

if [ $# -gt 0 ]; then
	for number; do grep "^$number |" "$here/seeded.list"; done
else
	grep '^[0-9]' "$here/seeded.list"
fi >"$list"
plan $(($(wc -l <"$list") + 1))
check "the tests pass without a bug" passes
while IFS='|' read -r number what names <&3; do
	number=${number% }
	check "bug $number caught:${what% }" caught "$number" "$names"
done 3<"$list"
finish
