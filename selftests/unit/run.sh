#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh DIR [[-]PATTERN]  every test program of DIR whose name has PATTERN (-PATTERN:
#                          lacks it), as one KTAP report; as many at a time as there are
#                          CPUs
#
# A program that ends otherwise than by its own verdict counts as a failed test.
set -u
dir=$1 pattern=${2:-}
n=0 failed=0

programs() {
	for program in "$dir"/test-*; do
		case $program in
		*.[od] | *.gc* | *.log | *.status) continue ;;
		esac
		case $pattern,${program##*/} in
		-*,*"${pattern#-}"*) ;;
		-*,* | *,*"$pattern"*) echo "$program" ;;
		esac
	done
}

programs | xargs -r -P "$(nproc)" -I '{}' \
	sh -c 'rm -f "$1.status"; timeout "${ML_TIMEOUT:-400}" "$1" >"$1.log" 2>&1; echo $? >"$1.status"' sh '{}'

echo "TAP version 13"
for program in $(programs); do
	n=$((n + 1))
	sed 's/^/    /' "$program.log"
	verdict=ok
	if [ "$(cat "$program.status")" != 0 ]; then
		verdict='not ok'
		failed=1
	fi
	echo "$verdict $n $(basename "$program")"
done
echo "1..$n"
[ "$n" -gt 0 ] || exit 4
exit $failed
