#!/bin/sh
# SPDX-License-Identifier: MIT
# What calls cost on their fast paths, in instructions: counted, so that a busy machine does
# not matter. The bounds are today's counts with Debian 12's compiler, and each has the few
# instructions of a loop. Who makes a call cheaper lowers its bound. A tracked pair takes
# 445 while its keeper tells the time, and 492 where the program has to ask for it. Batches that
# are more than a thread's stock (many-more) come from the depot; glibc takes 185 there.
# What any-size does is the engine's part mostly; glibc takes 360 there.
# Of a thread of which another one has freed an object each free is a compare-exchange (pair-shared).
# A wish for a lane or a group is looked at, no more (pair-in-lane).
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh
rounds=10000

count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=measured \
		build/api/price "$1" "$rounds" 2>&1 | awk -v n="$rounds" '/Collected/ { printf "%d", $4 / n + .5 }'
}

# price WHAT BOUND
price() {
	got=$(count "$1")
	echo "# $1: ${got:-none} instructions, at most $2"
	[ "${got:-0}" -gt 0 ] && [ "$got" -le "$2" ]
}

# What a full compaction takes for an object of 64 bytes that it moves, with what it has to look at
# for that: four handles, of which one has an object.
moved() {
	got=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=memlane_compact \
		build/api/price moved 20000 2>&1 | awk '/^moved/ { n += $2 } /Collected/ { printf "%d", $4 / n + .5 }')
	echo "# moved: ${got:-none} instructions an object, at most $1"
	[ "${got:-0}" -gt 0 ] && [ "$got" -le "$1" ]
}

# What a free takes of objects that are freed in the order in which they were made, with the loop. Those
# are counted, too, that a program begins with.
in_a_row() {
	got=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=free_row \
		build/api/price in-a-row 80000 2>&1 | awk '/Collected/ { printf "%d", $4 / 100000 + .5 }')
	echo "# in a row: ${got:-none} instructions, at most $1"
	[ "${got:-0}" -gt 0 ] && [ "$got" -le "$1" ]
}

calls="pair:155 pair-in-section:160 many:108 many-more:156 many-foreign:125 pair-shared:198 sizes:165 any-size:1404 pair-in-lane:226 section:29 get:15 pin:355 scratch:18
	get-tracked:15 pair-tracked:492"

# shellcheck disable=SC2086 # one word each
set -- $calls
plan $(($# + 2))
for c; do
	if command -v valgrind >/dev/null; then
		check "${c%:*} is no dearer" price "${c%:*}" "${c#*:}"
	else
		skip "${c%:*} is no dearer" "no valgrind"
	fi
done
if command -v valgrind >/dev/null; then
	check "a moved object is no dearer" moved 811
	check "objects that are freed in a row are no dearer" in_a_row 128
else
	skip "objects that are freed in a row are no dearer" "no valgrind"
	skip "a moved object is no dearer" "no valgrind"
fi
finish
