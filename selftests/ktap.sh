# SPDX-License-Identifier: MIT
# Sourced by tests written in shell: `plan N`, then `check NAME COMMAND...` for
# each result, at the end `finish`.
# shellcheck shell=sh

ktap_number=0
ktap_failed=0

plan() { printf 'TAP version 13\n1..%s\n' "$1"; }

ktap_line() {
	ktap_number=$((ktap_number + 1))
	echo "$1 $ktap_number $2"
}

check() {
	ktap_name=$1
	shift
	if "$@"; then
		ktap_line ok "$ktap_name"
	else
		ktap_failed=1
		ktap_line "not ok" "$ktap_name"
	fi
}

skip() { ktap_line ok "$1 # SKIP $2"; }

finish() { exit "$ktap_failed"; }
