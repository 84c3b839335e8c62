#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh DIR [NAME...]: run API test programs in DIR, every one or those that are named;
# MEMLANE_BACKEND says on what.
# Exit status: 0 passed, 1 something failed, 4 nothing but skips.
status=4
dir=$1
shift
[ $# -gt 0 ] || set -- '*'
for name; do
	# shellcheck disable=SC2086 # a pattern
	set -- "$@" "$dir"/test-$name
	shift
done
for t; do
	case $t in *.d) continue ;; esac
	echo "# ${t##*/}, MEMLANE_BACKEND=${MEMLANE_BACKEND:-}"
	"$t"
	case $? in
	0) [ "$status" = 1 ] || status=0 ;;
	4) ;;
	*) status=1 ;;
	esac
done
exit "$status"
