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
mkdir "$tmp/bin"
printf '#!/bin/sh\ncat "%s/now"\n' "$tmp" >"$tmp/bin/date"
chmod +x "$tmp/bin/date"

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

# budget SECONDS STATUS...: by a clock that goes only when a stage sets it
budget() { (export ML_BUDGET="$1" PATH="$tmp/bin:$PATH" && shift && echo 100 >"$tmp/now" && gives "$@"); }

said() { grep -Eq "$1" "$tmp/said" || { sed 's/^/# /' "$tmp/said"; return 1; }; }

unsaid() { ! grep -E "$1" "$tmp/said"; }

plan 25
list 'good | host | 60 | true'
check "what passes, passes" gives 0 '1 passed, 0 failed' '' host
check "nothing to do is no success" gives 1 '0 passed, 0 failed' '' vm
check "after its time a stage is skipped" budget 0 1 '0 passed, 0 failed, 1 skipped' '' host
check "which is a failure where the place is required" \
	budget 0 1 '0 passed, 1 failed' host host
check "a required place that has run is none" gives 0 '1 passed, 0 failed' host host
check "nor is one that has no stages" gives 0 '1 passed, 0 failed' debug host debug

list 'one | host | 60 | true' "two | host | 60 | echo 160 >$tmp/now" 'three | host | 60 | true' 'four | after | 60 | true'
check "so is each stage of it that comes too late" \
	budget 60 1 '2 passed, 1 failed, 1 skipped' host host after
check "and that is said" said '^FAILED +host +three .*used up'

list 'good | host | 60 | true' 'none | host | 60 | echo 1..0 \# SKIP no device; exit 4'
check "a stage may skip all it has" gives 0 '1 passed, 0 failed, 1 skipped' '' host
check "but not in a required place" gives 1 '1 passed, 1 failed, 1 skipped' host host
check "and that is said" said '^ +all of it was skipped$'

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

list 'made | first | 60 | true' 'good | host | 60 | sleep 1' 'bad | debug | 60 | true' 'last | after | 60 | test -e '"$tmp/out/host.good.log"
check "all that there is, in two lanes" gives 0 '3 passed, 0 failed, 1 skipped' ''
check "the host's stages have those before them" gives 0 '2 passed, 0 failed' '' host
check "which are picked likewise" gives 0 '1 passed, 0 failed' '' 'host=^made$'

list 'good | host | 60 | true' 'smoke | debug | 60 | true'
check "without its kernel a place is skipped" \
	gives 0 '1 passed, 0 failed, 1 skipped' '' host debug
check "and that is said" said '^SKIPPED +debug .*kernel is not built'
check "a failure where the place is required" \
	gives 1 '1 passed, 1 failed' debug host debug
check "and that is said" said '^FAILED +debug +smoke .*kernel is not built'
check "a place that is not required stays skipped" \
	gives 0 '1 passed, 0 failed, 1 skipped' debug-leak host debug
check "one of several required ones is missing" \
	gives 1 '1 passed, 1 failed' 'host debug' host debug
finish
