#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest with kmemleak and page_owner on: run programs, remove the module,
# and look for what it left behind.
#
#   leakcheck.sh PROGRAM...
#
# Each program may fail: whether it passes is another stage's affair. Here it
# only has to have run, and to have left nothing.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../ktap.sh"
kmemleak=/sys/kernel/debug/kmemleak

# Frames of a module that is gone have no names: bare addresses where modules lie.
frame='\[memlane\]|[[:space:]]0xffffffff[ac][0-9a-f]{7}([^0-9a-f]|$)'

# The last scan is of a kernel at rest: what is freed by RCU is gone by then,
# and an object that two scans have found no pointer to is a leak.
objects() {
	for scan in 1 2; do
		sleep 2
		echo scan >"$kmemleak" || { echo "# scan $scan refused"; return 1; }
	done
	! grep -E -B 12 "$frame" "$kmemleak" | sed 's/^/# /' | grep .
}

# Pages are no objects of kmemleak's; page_owner writes a paragraph for each.
# A slab stays with its cache as long as one of its objects lives, whosever that
# is, and so does the store of stacks: neither page is the caller's.
pages() {
	owners=$(mktemp)
	cat /sys/kernel/debug/page_owner >"$owners"
	grep -q 'Page allocated via' "$owners" || { echo "# page_owner tells nothing"; return 1; }
	awk -v RS='' '!/allocate_slab|stack_depot_save/ { print $0 "\n" }' "$owners" |
		grep -E -B 8 "$frame" | head -n 40 | sed 's/^/# /' >"$owners.left"
	cat "$owners.left"
	[ ! -s "$owners.left" ]
}

ran() {
	"$@" >/dev/null 2>&1
	status=$?
	[ "$status" -lt 126 ] || { echo "# $1: exit status $status"; return 1; }
}

[ -e "$kmemleak" ] || { echo "1..0 # SKIP no kmemleak"; exit 4; }
plan $(($# + 4))
# What the kernel has lost so far is not memlane's.
rmmod memlane
echo clear >"$kmemleak"
insmod /run/vm/memlane.ko
for program; do check "ran ${program##*/}" ran "$program"; done
check "module removed" rmmod memlane
check "no object left" objects
check "no page left" pages
check "module back" insmod /run/vm/memlane.ko
finish
