#!/bin/sh
# SPDX-License-Identifier: MIT
# The counter of results, tried on outputs whose counts are known.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/ktap.sh"

# counts STATUS "PASSED FAILED SKIPPED" OUTPUT-FORMAT
counts() {
	# shellcheck disable=SC2059
	got=$(printf "$3" | awk -v status="$1" -f "$here/ktap.awk" | head -n 1)
	[ "$got" = "$2" ] || { echo "# wanted $2, got $got"; return 1; }
}

plan 15
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
finish
