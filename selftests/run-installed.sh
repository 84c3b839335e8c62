#!/bin/sh
# SPDX-License-Identifier: MIT
# Run the test programs that were installed here, on this machine's module.
#
#   run.sh [NAME...]     as abi/abi; without any all of them
#
# KTAP: a result for each program, its own output nested in it. Exit status: 0
# passed, 1 something failed, 4 nothing but skips. With MEMLANE_BACKEND=local the
# programs of api and torture run on the engine inside the process.
set -u
cd "$(dirname "$0")" || exit 1
MEMLANE_BACKEND=${MEMLANE_BACKEND:-module}
export MEMLANE_BACKEND

# Where there is no device, an open for writing would make a file of that name.
usable() { [ -c /dev/memlane ] && (exec 3<>/dev/memlane) 2>/dev/null; }

if [ "$MEMLANE_BACKEND" = module ] && ! usable; then
	echo "TAP version 13"
	echo "1..0 # SKIP /dev/memlane cannot be opened here: is the module loaded, and are you root?"
	exit 4
fi
# Names have no blanks.
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cat list)

number=0 status=4
printf 'TAP version 13\n1..%s\n' $#
for name; do
	number=$((number + 1))
	# The status goes by its own way past the indentation.
	{ code=$({ { "./$name" 2>&1; echo $? >&3; } | sed 's/^/    /' >&4; } 3>&1); } 4>&1
	case $code in
	0) echo "ok $number $name"; [ "$status" = 1 ] || status=0 ;;
	4) echo "ok $number $name # SKIP" ;;
	*) echo "not ok $number $name # exit status $code"; status=1 ;;
	esac
done
exit "$status"
