#!/bin/sh
# SPDX-License-Identifier: MIT
# Prove the tests and the debug kernel's detectors alive: each bug of
# seeded.list must be caught by the test named there, which must pass without it.
#
#   seeded.sh [NUMBER...]
#   seeded.sh fits       only see that each can be put into the module's sources
#
# The module has none of them. A copy of its sources is given all, each behind a switch, by
# the scripts of seeded.edits, and a parameter that chooses. Most bugs share a boot, in which
# the kernel goes on after a report.
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$here/../ktap.sh"
cd "$top" || exit 1
vm=selftests/vm
out=build/check/seeded
ko=build/seeded/debug/memlane.ko
source=build/seeded/source
seed=/sys/module/memlane/parameters/seed

numbered() { sed '=' | paste -d '|' - -; }

# The list, each line with its own number in front: ID|NUMBER|BOOT|BUG|TEST|WHO|SAYS
lines() {
	pick=$(echo "$*" | tr ' ' '|')
	sed '/^#/d; s/ *| */|/g' "$here/seeded.list" | grep -E "^(${pick:-.*})\|" | numbered
}

# stages NAME: stages.sh takes what comes in, NAME|SEED|TEST.
stages() {
	while IFS='|' read -r name number test; do
		echo "$name|200|echo $number >$seed && exec build/selftests/$test"
	done >"$out/$1.stages"
}

# boot NAME OPTION... -- COMMAND: its output to vm.NAME.out, the kernel's log to vm.NAME.log
boot() {
	name=$1
	shift
	: >"$out/vm.$name.log"
	"$vm/run.sh" --kernel debug --ko "$ko" --log "$out/vm.$name.log" --timeout 1200 "$@" \
		>"$out/vm.$name.out" 2>"$out/vm.$name.err"
}

boot_stages() {
	name=$1
	shift
	boot "$name" "$@" -- "$vm/stages.sh $out/$name.stages $out 1200"
}

boot_shared() {
	{
		sed 's/|/ /' "$out/tests" | while read -r id test; do echo "clean-$id|0|$test"; done
		awk -F '|' '$3 == "shared" { print "bug-" $1 "|" $2 "|" $5 }' "$out/list"
	} | stages shared
	boot_stages shared --reports
}

boot_leak() {
	awk -F '|' '$3 == "leak" { printf "seed=%s \"build/selftests/%s\" ", $2, $5 }' "$out/list" >"$out/leaks"
	[ ! -s "$out/leaks" ] ||
		boot leak --reports --append kmemleak=on -- "$vm/leakcheck.sh $(cat "$out/leaks")"
}

# Each ends its boot.
boot_alone() {
	grep -E '^[0-9]+\|[0-9]+\|alone' "$out/list" | while IFS='|' read -r id number arguments _ test _; do
		echo "bug-$id|$number|$test" | stages "$id"
		boot_stages "$id" --append "${arguments#alone}" </dev/null
	done
}

# ended STAGE STATUS TEST: it came to its end like this, and said so.
ended() {
	cat "$out"/vm.*.out | grep -q "^end $1 $2 " || return 1
	case $2 in
	0) grep -qx "ok 1 ${3#* }" "$out/$1.log" 2>/dev/null ;;
	*) grep -qx "not ok 1 ${3#* }" "$out/$1.log" 2>/dev/null ;;
	esac
}

# What the kernel said while a stage ran.
kernel_log() {
	awk -v name="$1" '{ sub(/\r$/, "") } /memlane-stage: begin/ { inside = $NF == name }
		inside; /memlane-stage: end/ || /Kernel panic/ { inside = 0 }' "$out/vm."*.log
}

passes() {
	while IFS='|' read -r id test; do
		kernel_log "clean-$id" >"$out/kernel"
		ended "clean-$id" 0 "$test" && "$vm/scan-log.sh" "$out/kernel" >"$out/fault" && continue
		echo "# $test"
		tail -n 5 "$out/clean-$id.log" "$out/fault" | sed 's/^/# /'
		return 1
	done <"$out/tests"
}

# by WHO ID TEST SAYS
by() {
	case $1 in
	test) ended "bug-$2" 1 "$3" && grep -qE "$4" "$out/bug-$2.log" ;;
	kernel) kernel_log "bug-$2" | grep -qE "$4" ;;
	either) by test "$2" "$3" "$4" || by kernel "$2" "$3" "$4" ;;
	*) grep -q "^not ok .* no $1 left" "$out/vm.leak.out" && grep -qE "^# .*$4" "$out/vm.leak.out" ;;
	esac
}

# caught WHO ID TEST SAYS
caught() {
	by "$@" && return
	for file in "$out/bug-$2.log" "$out"/vm.*.err; do
		tail -n 5 "$file" 2>/dev/null | sed 's/^/# /'
	done
	kernel_log "bug-$2" | tail -n 30 | sed 's/^/# kernel: /'
	return 1
}

# Any failure at all would do for a line that does not say which.
worded() { ! grep -vE '^[0-9]+[|]([^|]*[|]){5}.*[^|]' "$out/list" | sed 's/^/# /' | grep .; }

# copy: of the sources, without a bug as yet.
copy() {
	rm -rf "$source"
	mkdir -p "$source"
	cp -r kmod include "$source"
	cp "$here/seeded/bug.c" "$here/seeded/bug.h" "$source/kmod"
	echo 'memlane-y += bug.o' >>"$source/kmod/Kbuild"
}

# edit NUMBER FILE SCRIPT
edit() {
	sed -i "$3" "$source/kmod/$2"
	grep -q "ML_SEEDED($1)" "$source/kmod/$2" || { echo "# $1: does not fit $2"; return 1; }
	grep -q '"bug.h"' "$source/kmod/$2" || sed -i '1a #include "bug.h"' "$source/kmod/$2"
}

# All of them, so that one does not spoil another's place.
fits() {
	copy
	bad=0
	sed '/^#/d' "$here/seeded.edits" >"$out/edits"
	while IFS= read -r line; do
		rest=${line#* :: }
		edit "${line%% *}" "$(echo "${rest%% :: *}" | tr -d ' ')" "${rest#* :: }" || bad=1
	done <"$out/edits"
	return "$bad"
}

numbers() { sed -n 's/^\([0-9]\{1,\}\) .*/\1/p' "$here/$1" | sort -u; }

same() { [ "$(numbers seeded.list)" = "$(numbers seeded.edits)" ]; }

build() {
	fits && ML_OUT=$top/build/seeded ML_SOURCE=$top/$source "$vm/module.sh" debug
}

built() { build >"$out/build" 2>&1 || { tail -n 10 "$out/build" | sed 's/^/# /'; return 1; }; }

if [ "${1-}" = fits ]; then
	mkdir -p "$out"
	plan 2
	check "each bug can be put into the sources" fits
	check "the list and the edits name the same bugs" same
	finish
	exit
fi

if ! why=$("$vm/kernel.sh" debug 2>&1 >/dev/null); then
	echo "1..0 # SKIP $why"
	exit 4
fi

rm -rf "$out" "$ko"
mkdir -p "$out"
lines "$@" >"$out/list"
cut -d '|' -f 5 "$out/list" | sort -u | numbered >"$out/tests"
plan $(($(wc -l <"$out/list") + 3))
check "a module that can have bugs is built" built
check "each bug has words that tell its failure" worded
boot_shared
boot_leak
boot_alone
check "the tests pass without a bug" passes
while IFS='|' read -r id number _ what test who says; do
	check "bug $number: $what: $test" caught "$who" "$id" "$test" "$says"
done <"$out/list"
finish
