#!/bin/sh
# SPDX-License-Identifier: MIT
# This folder as a kernel tree's tools/testing/selftests/memlane.
#
#   kernel-tree.sh lay    copy it, and what kselftest itself is, into
#                         build/kernel-tree and build it there
#   kernel-tree.sh run [SOURCE...]
#                         what `make TARGETS=memlane run_tests` says there, of these alone
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$here/../build/kernel-tree
tests=$tree/tools/testing/selftests

lay() {
	source=$("$here/vm/kernel-source.sh")
	rm -rf "$tree"
	mkdir -p "$tests"
	cp -r "$source/Makefile" "$source/scripts" "$tree"
	find "$source/tools/testing/selftests" -maxdepth 1 -type f -exec cp -t "$tests" {} +
	cp -r "$source/tools/testing/selftests/kselftest" "$tests"
	cp -rL "$here" "$tests/memlane"
	make -s -C "$tests" TARGETS=memlane
}

case ${1-} in
lay) lay ;;
run)
	shift
	make -s --no-print-directory -C "$tests" TARGETS=memlane ${1:+"KSFT_SRC=$*"} run_tests
	;;
*) sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
