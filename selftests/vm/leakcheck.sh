#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest with kmemleak and page_owner on: run programs, remove the module,
# and look for what it left behind.
#
#   leakcheck.sh COMMAND...
#
# Each is a program with its arguments, in one word. It may fail: whether it
# passes is another stage's affair. Here it only has to have run (it has not, if it
# says that it skipped all), and to have left nothing. seed=N instead chooses a bug
# of a module that has seeded ones.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../ktap.sh"
kmemleak=/sys/kernel/debug/kmemleak
tmp=$(mktemp -d)

# Frames of a module that is gone are bare addresses: look them up as it was.
named() {
	awk -v table="$tmp/symbols" '
	BEGIN { while ((getline line <table) > 0) { split(line, f, " "); at[++n] = f[1]; name[n] = f[3] } }
	match($0, /0x[0-9a-f]+$/) && RLENGTH == 18 {
		address = substr($0, RSTART + 2)
		for (i = n; i && at[i] > address; i--)
			;
		if (i && address < at[n])
			$0 = substr($0, 1, RSTART - 1) name[i] " [memlane]"
	}
	{ print }'
}

remove() {
	grep '\[memlane\]$' /proc/kallsyms | sort >"$tmp/symbols"
	rmmod memlane
}

# The last scan is of a kernel at rest: what is freed by RCU is gone by then,
# and an object that two scans have found no pointer to is a leak. One is shown of
# those that come from one place.
objects() {
	for scan in 1 2; do
		sleep 2
		echo scan >"$kmemleak" || { echo "# scan $scan refused"; return 1; }
	done
	# A slot's thread is held by what the kernel made for it.
	named <"$kmemleak" | awk -v frame='\[memlane\]|alloc_pid|mm_alloc|dup_mm' '
		function flush() { if (ours && !seen[origin]++) printf "%s", block; block = origin = ""; ours = 0 }
		/^unreferenced object/ { flush() }
		$0 ~ frame { ours = 1 }
		/ \[<[0-9a-f]+>\] / { sub(/\[<[0-9a-f]+>\] /, ""); origin = origin $0 }
		{ block = block "# " $0 "\n" }
		END { flush() }' >"$tmp/left"
	head -n 300 "$tmp/left"
	[ ! -s "$tmp/left" ]
}

# Pages are no objects of kmemleak's; page_owner writes a paragraph for each.
# A slab stays with its cache as long as one of its objects lives, whosever that
# is, and so does the store of stacks: neither page is the caller's.
pages() {
	# Read in large pieces: a record is given whole or not at all.
	dd if=/sys/kernel/debug/page_owner bs=64k status=none | named >"$tmp/owners"
	grep -q 'Page allocated via' "$tmp/owners" || { echo "# page_owner tells nothing"; return 1; }
	awk -v RS='' '
		/\[memlane\]/ && !/allocate_slab|stack_depot_save/ {
			origin = substr($0, index($0, "\n "))
			if (!seen[origin]++)
				print $0
		}' "$tmp/owners" | sed 's/^/# /' >"$tmp/left"
	head -n 300 "$tmp/left"
	[ ! -s "$tmp/left" ]
}

ran() {
	case $1 in
	seed=*) echo "${1#seed=}" >/sys/module/memlane/parameters/seed; return ;;
	esac
	# A command is words.
	# shellcheck disable=SC2086
	$1 >/dev/null 2>&1
	status=$?
	case $status in 0 | 1) return ;; esac
	echo "# $1: exit status $status"
	return 1
}

[ -e "$kmemleak" ] || { echo "1..0 # SKIP no kmemleak"; exit 4; }
plan $(($# + 4))
# What the kernel has lost so far is not memlane's.
rmmod memlane
echo clear >"$kmemleak"
insmod /run/vm/memlane.ko
for command; do check "ran ${command##*/}" ran "$command"; done
check "module removed" remove
check "no object left" objects
check "no page left" pages
check "module back" insmod /run/vm/memlane.ko
finish
