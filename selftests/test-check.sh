#!/bin/sh
# SPDX-License-Identifier: MIT
# What `check` calls a failure, tried on lists of its own: above all that nothing
# which must not be done without is skipped in silence.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/ktap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset ONLY ML_BUDGET ML_REQUIRE
# A cache without any kernel.
export CHECK_OUT="$tmp/out" CHECK_LIST="$tmp/list" MEMLANE_CACHE="$tmp/cache"

list() { printf '%s\n' "$@" >"$tmp/list"; }

# gives STATUS SUMMARY REQUIRED PLACE...: how check ends on the list
gives() {
	want=$1 summary=$2 required=$3
	shift 3
	ML_REQUIRE=$required "$here/check" "$@" >"$tmp/said" 2>&1
	status=$?
	[ "$status" = "$want" ] && [ "$(tail -n 1 "$tmp/said")" = "$summary" ] && return
	echo "# wanted $want, '$summary'; got $status:"
	sed 's/^/# /' "$tmp/said"
	return 1
}

late() { (export ML_BUDGET=0 && gives "$@"); }

said() { grep -Eq "$1" "$tmp/said" || { sed 's/^/# /' "$tmp/said"; return 1; }; }

unsaid() { ! grep -E "$1" "$tmp/said"; }

plan 17
list 'good | host | 60 | true'
check "what passes, passes" gives 0 '1 passed, 0 failed' '' host
check "nothing to do is no success" gives 1 '0 passed, 0 failed' '' vm
check "after its time a stage is skipped" late 1 '0 passed, 0 failed, 1 skipped' '' host
check "which is a failure where the place is required" \
	late 1 '0 passed, 1 failed, 1 skipped' host host
check "a required place that has run is none" gives 0 '1 passed, 0 failed' host host
check "nor is one that has no stages" gives 0 '1 passed, 0 failed' debug host debug

list 'sum | host | 60 | echo "# total: 7 of them"'
gives 0 '1 passed, 0 failed' '' host
check "a total is shown" said '^ +7 of them$'

list 'good | host | 60 | true' 'bad | host | 60 | false'
check "what fails, fails" gives 1 '1 passed, 1 failed' '' host

# All of a test's output but the last lines comes after what it says of its failure.
lost='echo "TAP version 13"; echo 1..31; echo "# a.c:1: wanted 2, got 3"; echo "not ok 1 lost"'
list "long | host | 60 | $lost"'; for i in $(seq 2 31); do echo "# note $i"; echo "ok $i"; done; exit 1'
gives 1 '30 passed, 1 failed' '' host
check "a failure is named" said '^ +not ok 1 lost$'
check "with what it said, however much came after" said '^ +# a\.c:1: wanted 2, got 3$'
check "and not with what others said" unsaid '^ +# note 2$'

list 'good | host | 60 | true' 'smoke | debug | 60 | true'
check "without its kernel a place is skipped" \
	gives 0 '1 passed, 0 failed, 1 skipped' '' host debug
check "and that is said" said '^SKIPPED +debug .*kernel is not built'
check "a failure where the place is required" \
	gives 1 '1 passed, 1 failed, 1 skipped' debug host debug
check "and that is said" said '^FAILED +debug +required'
check "a place that is not required stays skipped" \
	gives 0 '1 passed, 0 failed, 1 skipped' debug-leak host debug
check "one of several required ones is missing" \
	gives 1 '1 passed, 1 failed, 1 skipped' 'host debug' host debug
finish
