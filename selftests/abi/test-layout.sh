#!/bin/sh
# SPDX-License-Identifier: MIT
# The ABI is what it was (layout.c), and each of its structs, constants and enumerators
# is in there.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh
header=include/uapi/linux/memlane.h
pinned=selftests/abi/layout.c

structs() { sed -n 's/^struct memlane_\([a-z_]*\) {$/SIZE(\1,/p' "$header"; }

# What counts others is free to grow.
numbers() {
	{
		sed -n 's/^#define MEMLANE_\([A-Z_]*\)[[:blank:]].*/\1/p' "$header"
		sed -n '/^enum/,/^}/s/^\tMEMLANE_\([A-Z_]*\).*/\1/p' "$header"
	} | grep -vxE 'REGIONS|CAUSES|OPTIONS|STATES|FAULTS|TALLIES' | sed 's/.*/VALUE(&,/'
}

# all_in: each line that comes in stands in the file, and there are enough of them.
all_in() {
	lines=$(cat)
	[ "$(echo "$lines" | wc -l)" -ge "$1" ] || { echo "# too few"; return 1; }
	! echo "$lines" | while read -r line; do
		grep -qF "$line" "$pinned" || echo "# missing in $pinned: $line"
	done | grep .
}

published() { build/selftests/abi/layout >build/layout.out || { sed 's/^/# /' build/layout.out; return 1; }; }
structs_in() { structs | all_in 20; }
numbers_in() { numbers | all_in 100; }

plan 3
check "sizes, offsets and numbers are those published" published
check "each struct is looked at" structs_in
check "each constant is looked at" numbers_in
finish
