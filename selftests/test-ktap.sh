#!/bin/sh
# SPDX-License-Identifier: MIT
# The counter of results, tried on outputs whose counts are known; and the last line
# of check, tried on lists of stages.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/ktap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# counts STATUS "PASSED FAILED SKIPPED" OUTPUT-FORMAT
counts() {
	# shellcheck disable=SC2059
	got=$(printf "$3" | awk -v status="$1" -f "$here/ktap.awk" | head -n 1)
	[ "$got" = "$2" ] || { echo "# wanted $2, got $got"; return 1; }
}

# tells NOTES OUTPUT-FORMAT: which of them come with the failures
tells() {
	# shellcheck disable=SC2059
	got=$(printf "$2" | awk -v status=1 -f "$here/ktap.awk" | sed -n 's/^  //p' | tr '\n' ' ')
	[ "$got" = "$1" ] || { echo "# wanted $1, got $got"; return 1; }
}

# sums LAST-LINE STATUS PLACES...: what check says of $tmp/list. There is no debug
# kernel in an empty cache.
sums() {
	want=$1 status=$2
	shift 2
	CHECK_LIST=$tmp/list CHECK_OUT=$tmp/check MEMLANE_CACHE=$tmp/cache ONLY='' ML_BUDGET='' ML_REQUIRE='' \
		"$here/check" "$@" >"$tmp/out" 2>&1
	code=$?
	[ "$(tail -n 1 "$tmp/out")" = "$want" ] && [ "$code" = "$status" ] && return 0
	echo "# wanted $want, status $status; got $code:"
	sed 's/^/#   /' "$tmp/out"
	return 1
}

named() { grep -q "^SKIPPED *debug *$1 .*memdbg kernel" "$tmp/out"; }

cat >"$tmp/list" <<'END'
good | host  | 60 | printf '1..2\nok 1 a\nok 2 b # SKIP no node\n'
bad  | host  | 60 | exit 3
one  | debug | 60 | true
two  | debug | 60 | true
good | after | 60 | true
END

# The newest kernel runs all that 6.12 does.
of() { awk -F ' *[|] *' -v place="$1" '$2 == place { print $1 }' "$here/check.list" | sort; }
same_stages() {
	{ of vm-6.12; of more-6.12; } | sort -u >"$tmp/6.12"
	of vm-7 | diff "$tmp/6.12" -
}

plan 24
check "all pass" counts 0 "2 0 0" 'TAP version 13\n1..2\nok 1 a\nok 2 b\n'
check "one fails" counts 1 "1 1 0" 'TAP version 13\n1..2\nok 1 a\nnot ok 2 b\n'
check "one skips" counts 0 "1 0 1" 'TAP version 13\n1..2\nok 1 a\nok 2 b # SKIP no node\n'
check "all skip" counts 4 "0 0 1" '1..0 # SKIP no device\n'
check "plan unfulfilled" counts 0 "2 1 0" 'TAP version 13\n1..3\nok 1 a\nok 2 b\n'
check "crash after the plan" counts 139 "1 1 0" 'TAP version 13\n1..1\nok 1 a\n'
check "nothing after the header" counts 0 "0 1 0" 'TAP version 13\nhello\n'
check "bail out" counts 1 "1 1 0" 'TAP version 13\n1..1\nok 1 a\nBail out! lost\n'
check "nested, a leaf fails" counts 1 "3 1 0" \
	'1..2\n  1..2\n  ok 1 x\n  ok 2 y\nok 1 s\n  1..2\n  ok 1 x\n  not ok 2 y\nnot ok 2 t\n'
check "nested, the plan unfulfilled" counts 0 "2 1 0" '1..1\n    1..3\n    ok 1 x\n    ok 2 y\nok 1 s\n'
check "nested, only the parent fails" counts 1 "1 1 0" '1..1\n    1..1\n    ok 1 x\nnot ok 1 s\n'
check "two programs in a row" counts 0 "2 1 0" 'TAP version 13\n1..1\nok 1 a\nTAP version 13\n1..2\nok 1 b\n'
check "no TAP, success" counts 0 "1 0 0" 'hello\n'
check "no TAP, failure" counts 3 "0 1 0" 'hello\n'
check "time-out" counts 124 "0 1 0" ''
check "a failure has its own notes" tells "# y # z " '1..2\n# x\nok 1 a\n    # y\n# z\nnot ok 2 b\n# v\n'
check "so has a crash" tells "# y " '1..2\n# x\nok 1 a\n# y\n'
check "of many the first and the last" tells "# 1 # 2 # 3 # 4 ... # 13 # 14 # 15 # 16 # 17 # 18 # 19 # 20 " \
	"1..1\n$(seq -s '\n' -f '# %g' 20)\nnot ok 1 a\n"
check "all places: skips are counted one by one" sums "2 passed, 1 failed, 3 skipped" 1 host debug after
check "and named" named two
check "a place's own choice of stages" sums "1 passed, 0 failed, 1 skipped" 0 host=^good
check "no skip, no word of it" sums "1 passed, 0 failed" 0 after
check "nothing passed is no success" sums "0 passed, 0 failed, 2 skipped" 1 debug
check "vm-7 has the stages of vm-6.12" same_stages
finish
