#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh DIR [PATTERN]  every test program of DIR whose name has PATTERN, as one KTAP report
#
# A program that ends otherwise than by its own verdict counts as a failed test.
set -u
dir=$1 pattern=${2:-}
n=0 failed=0

echo "TAP version 13"
for program in "$dir"/test-*"$pattern"*; do
	case $program in
	*.[od] | *.gc* | *.log) continue ;;
	esac
	n=$((n + 1))
	name=$(basename "$program")
	if timeout "${ML_TIMEOUT:-400}" "$program" >"$program.log" 2>&1; then
		sed 's/^/    /' "$program.log"
		echo "ok $n $name"
	else
		sed 's/^/    /' "$program.log"
		echo "not ok $n $name"
		failed=1
	fi
done
echo "1..$n"
[ "$n" -gt 0 ] || exit 4
exit $failed
