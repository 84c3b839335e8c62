#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh DIR: run every API test program in DIR; MEMLANE_BACKEND says on what.
# Exit status: 0 passed, 1 something failed, 4 nothing but skips.
status=4
for t in "$1"/test-*; do
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
