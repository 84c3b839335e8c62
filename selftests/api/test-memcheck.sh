#!/bin/sh
# SPDX-License-Identifier: MIT
# What tools that check memory say of objects: each fault of memtool/faults.c is found, where
# it is and with the stack of the object's alloc, and of a right program nothing is said.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/ktap.sh
dir=build/memtool
mkdir -p $dir

build() {
	${CC:-cc} -std=gnu11 -O1 -g "$@" -Wall -Wextra -Ilib/include -Iinclude/uapi \
		selftests/api/memtool/faults.c build/lib/libmemlane.a -lpthread
}

said() {
	sed 's/^/# /' "$dir/out" | tail -40
	return 1
}

memcheck() {
	valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
		--error-exitcode=9 "$@" >"$dir/out" 2>&1
}

# right PROGRAM...: memcheck has nothing to say.
right() {
	memcheck "$@" && ! grep -q == "$dir/out" || said
}

# They leave objects behind: no look for leaks.
opens() {
	MEMLANE_BACKEND=local valgrind -q --error-exitcode=9 "$@" >"$dir/out" 2>&1 || said
}

# wrong FAULT TEXT [PLACE]: it says so, with the stack of the alloc, and of PLACE, where it is.
wrong() {
	memcheck "$dir/faults" "$1"
	[ $? = 9 ] && grep -q "$2" "$dir/out" && grep -q "${3:-.}" "$dir/out" &&
		grep -q 'by .*: make_it (faults.c' "$dir/out" || said
}

# The fault's own function, and no alloc: an old place is nobody's, and so is what is undefined.
# The page may be gone already: then the program ends by a signal (139), behind the report.
wrong_here() {
	memcheck "$dir/faults" "$1"
	case $? in 9 | 139) ;; *) said; return ;; esac
	grep -q "$2" "$dir/out" && grep -q "at .*: $3 (faults.c" "$dir/out" || said
}

poisoned() {
	"$dir/asan" "$1" >"$dir/out" 2>&1
	grep -q 'use-after-poison' "$dir/out" && grep -q "#0 .* in $2 " "$dir/out" || said
}

# With the options given it says nothing.
unpoisoned() {
	ASAN_OPTIONS=$1 "$dir/asan" "$2" >"$dir/out" 2>&1 || said
}

with_valgrind() {
	check "a small program with the defaults" opens build/api/test-object \
		the_threshold_divides_the_lanes
	check "the child of a fork" opens build/api/test-fork \
		every_call_of_the_child_answers_and_the_parent_goes_on
	check "all that is right" right $dir/faults none
	check "behind an object" wrong overrun 'Invalid write' '0 bytes after a block of size 48'
	check "behind one that has moved" wrong overrun-after-move 'Invalid write' \
		'0 bytes after a block of size 48'
	check "a freed object" wrong use-after-free 'Invalid read' "block of size 48 free'd"
	check "one that has moved and is freed" wrong use-after-move-and-free 'Invalid read' \
		"block of size 48 free'd"
	check "a dropped object" wrong_here use-after-purge 'Invalid read' use_after_purge
	check "an address kept over a move" wrong_here use-of-the-old-place 'Invalid read' \
		use_of_the_old_place
	check "bytes that nobody has written, moved" wrong_here undefined 'uninitialised' undefined
	check "an object left in an arena that is closed" wrong leak '48 bytes in 1 blocks are definitely lost'
	check "an arena that is open at the end" right $dir/faults open-at-the-end
}

with_asan() {
	check "AddressSanitizer: all that is right" unpoisoned '' none
	check "AddressSanitizer: an arena that ends while it moves" unpoisoned '' closed-early
	check "AddressSanitizer: behind an object" poisoned overrun overrun
	check "AddressSanitizer: behind one that has moved" poisoned overrun-after-move overrun_after_move
	check "AddressSanitizer: a freed object" poisoned use-after-free use_after_free
	check "AddressSanitizer: an address kept over a move" poisoned use-of-the-old-place \
		use_of_the_old_place
	check "AddressSanitizer: not where it may not be told" unpoisoned allow_user_poisoning=0 \
		use-of-the-old-place
}

plan 19
if command -v valgrind >/dev/null && build -o $dir/faults; then
	with_valgrind
else
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do skip "memcheck $i" "no valgrind"; done
fi
if build -fsanitize=address -o $dir/asan; then
	with_asan
else
	for i in 1 2 3 4 5 6 7; do skip "AddressSanitizer $i" "no AddressSanitizer"; done
fi
finish
