#!/bin/sh
# SPDX-License-Identifier: MIT
# Every example runs on the backend that MEMLANE_BACKEND names, and does what it says.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh

out=$(mktemp)
trap 'rm -f "$out"' EXIT

run() {
	timeout 60 "build/examples/$1" >"$out" 2>&1
	status=$?
	sed 's/^/# /' "$out"
	return "$status"
}

example() {
	run "$1"
	case $? in
	0) ktap_line ok "$1" ;;
	4) skip "$1" "needs the module" ;;
	*) ktap_failed=1; ktap_line "not ok" "$1" ;;
	esac
}

set -- examples/*.c examples/*.cc
plan "$#"
for source; do
	source=${source##*/}
	example "${source%.*}"
done
finish
